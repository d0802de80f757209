//! Iterating, against roots and name servers on loopback: each on an address of its own, all on one port.

mod support;

use messages::{Permits, Resolve, ResolveError};
use resolver_bridge::{Config, Resolver, Server, spawn_standalone};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use support::{Act, Fake, Zone, a, cname, line, ns, question, shown, soa, wire};
use zone_model::RecordType;

/// A root, the zone `test.` and the zone `other.`, and the settings that begin at that root.
struct Internet {
    root: Fake,
    test: Fake,
    _other: Fake,
    config: Config,
}

impl Internet {
    fn start() -> Self {
        Self::losing(0)
    }

    /// Whose root does not get the first questions to it.
    fn losing(lost: usize) -> Self {
        let test = Zone {
            apex: "test.",
            records: vec![
                soa("test."),
                ns("test.", "ns.test."),
                a("ns.test.", [127, 0, 0, 2]),
                a("www.test.", [192, 0, 2, 1]),
                a("www.test.", [192, 0, 2, 2]),
                cname("out.test.", "www.other."),
                cname("gone.test.", "no.other."),
                a("a.b.c.test.", [192, 0, 2, 4]),
            ],
        };
        let other = Zone {
            apex: "other.",
            records: vec![soa("other."), ns("other.", "ns.other."), a("www.other.", [192, 0, 2, 3])],
        };
        let root = Zone {
            apex: ".",
            records: vec![
                soa("."),
                ns(".", "a.root."),
                ns("test.", "ns.test."),
                a("ns.test.", [127, 0, 0, 2]),
                ns("other.", "ns.other."),
                a("ns.other.", [127, 0, 0, 3]),
            ],
        };
        let arrived = AtomicUsize::new(0);
        let root = Fake::start([127, 0, 0, 1], 0, move |message, _| {
            match arrived.fetch_add(1, Ordering::Relaxed) < lost {
                true => Act::Nothing,
                false => Act::Answer(root.answer(message)),
            }
        });
        // The root has a port of its own; the others share one.
        let test = test.serve([127, 0, 0, 2], 0);
        let port = test.address.port();
        let other = other.serve([127, 0, 0, 3], port);
        let roots = vec![Server::from(root.address)];
        let config =
            Config { roots, port, allow_private_servers: true, timeout_ms: 3_000, ..Config::default() };
        Self { root, test, _other: other, config }
    }

    fn resolver(&self) -> Resolver {
        Resolver::new(&self.config).unwrap()
    }
}

// RFC 1034 section 5.3.3: from the roots by referral to the servers that know.
#[tokio::test]
async fn an_answer_is_found_from_the_roots_downwards_and_then_in_the_cache() {
    let internet = Internet::start();
    let resolver = internet.resolver();
    for round in 0..2 {
        let found = resolver.resolve(&question("wwW.test.", RecordType::A), false).await.unwrap();
        let expected = [1, 2].map(|last| line("wwW.test.", RecordType::A, &[192, 0, 2, last]));
        assert_eq!((found.rcode, shown(&found.answers)), (0, expected.to_vec()));
        let (root, test) = (internet.root.seen(), internet.test.seen());
        assert_eq!((root.is_empty(), test.is_empty()), (round > 0, round > 0), "round {round}");
        // RFC 1035 section 4.1.1: an iterating resolver does not ask for recursion.
        assert!(root.iter().chain(&test).all(|seen| !seen.message.metadata.recursion_desired));
    }
}

#[tokio::test]
async fn negative_answers_have_the_soa() {
    let internet = Internet::start();
    let resolver = internet.resolver();
    for (name, rtype, rcode, apex) in [
        ("no.test.", RecordType::A, 3, "test."),
        ("deep.below.no.test.", RecordType::A, 3, "test."),
        ("nowhere.", RecordType::A, 3, "."),
        ("www.test.", RecordType::TXT, 0, "test."),
        ("www.test.", RecordType::SOA, 0, "test."),
        ("b.c.test.", RecordType::A, 0, "test."),
    ] {
        for _ in 0..2 {
            let found = resolver.resolve(&question(name, rtype), false).await.unwrap();
            assert_eq!((found.rcode, found.answers.len()), (rcode, 0), "{name} {rtype}: {found:?}");
            let authority: Vec<_> =
                found.authority.iter().map(|one| (one.rtype, one.owner.to_string())).collect();
            assert_eq!(authority, [(RecordType::SOA, apex.to_owned())], "{name} {rtype}");
            assert!(found.authority[0].ttl <= 20, "{name} {rtype}");
        }
    }
}

#[tokio::test]
async fn an_alias_is_followed_into_another_zone() {
    let internet = Internet::start();
    let found = internet.resolver().resolve(&question("out.test.", RecordType::A), false).await.unwrap();
    let expected = [
        line("out.test.", RecordType::CNAME, &wire("www.other.")),
        line("www.other.", RecordType::A, &[192, 0, 2, 3]),
    ];
    assert_eq!(shown(&found.answers), expected);
}

// RFC 6604 section 3 and RFC 2308 section 2.1: the aliases, and the RCODE and SOA of the last name.
#[tokio::test]
async fn an_alias_to_nothing_keeps_the_alias() {
    let internet = Internet::start();
    let resolver = internet.resolver();
    for (name, rtype, rcode, target) in
        [("gone.test.", RecordType::A, 3, "no.other."), ("out.test.", RecordType::TXT, 0, "www.other.")]
    {
        for _ in 0..2 {
            let found = resolver.resolve(&question(name, rtype), false).await.unwrap();
            assert_eq!(found.rcode, rcode, "{name}");
            assert_eq!(shown(&found.answers), [line(name, RecordType::CNAME, &wire(target))]);
            assert_eq!(found.authority[0].owner.to_string(), "other.");
        }
    }
}

// Anybody's zone can name a server at a private address: it is not asked unless the settings say so.
#[tokio::test]
async fn private_name_servers_are_not_asked_by_default() {
    let internet = Internet::start();
    let config = Config { allow_private_servers: false, ..internet.config.clone() };
    let result = Resolver::new(&config).unwrap().resolve(&question("www.test.", RecordType::A), false).await;
    assert!(result.is_err(), "{result:?}");
    assert!(internet.test.seen().is_empty(), "a server on loopback was asked");
}

#[tokio::test]
async fn a_silent_root_does_not_hold_a_question_up_for_long() {
    let internet = Internet::start();
    let silent = Fake::start([127, 0, 0, 4], 0, |_, _| Act::Nothing);
    let roots = vec![Server::from(silent.address), Server::from(internet.root.address)];
    let config = Config { roots, timeout_ms: 3_000, attempts: 6, ..internet.config.clone() };
    let began = Instant::now();
    let found = Resolver::new(&config).unwrap().resolve(&question("www.test.", RecordType::A), false).await;
    assert_eq!(found.unwrap().answers.len(), 2);
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

// RFC 1035 section 4.2.1: queries sent by UDP may be lost, so whoever asks must be ready to ask again.
#[tokio::test]
async fn a_lost_datagram_is_not_the_end_of_a_question() {
    let internet = Internet::losing(1);
    let found = internet.resolver().resolve(&question("www.test.", RecordType::A), false).await;
    assert_eq!(found.unwrap().answers.len(), 2);
}

#[tokio::test]
async fn silence_everywhere_ends_with_the_time_that_a_question_has() {
    let silent = Fake::start([127, 0, 0, 1], 0, |_, _| Act::Nothing);
    let roots = vec![Server::from(silent.address)];
    let config =
        Config { roots, allow_private_servers: true, timeout_ms: 500, attempts: 1, ..Config::default() };
    let began = Instant::now();
    let result = Resolver::new(&config).unwrap().resolve(&question("www.test.", RecordType::A), false).await;
    assert_eq!(result, Err(ResolveError::Timeout));
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

// The actor on a thread of its own, asked from a host with several.
#[tokio::test(flavor = "multi_thread")]
async fn the_actor_answers_a_host_without_actix() {
    let internet = Internet::start();
    let bridge = spawn_standalone(internet.config.clone(), None).unwrap();
    let permits = Permits::new(50);
    let asked = (0..50).map(|_| {
        let (question, permit) = (question("out.test.", RecordType::A), permits.try_take().unwrap());
        let answer = bridge.resolve.send(Resolve { question, dnssec_ok: false, permit });
        tokio::spawn(answer)
    });
    for answer in asked.collect::<Vec<_>>() {
        assert_eq!(answer.await.unwrap().unwrap().unwrap().answers.len(), 2);
    }
    assert_eq!(permits.free(), 50);
    let resolve = bridge.resolve.clone();
    bridge.shutdown().await;
    assert!(!resolve.connected());
}
