//! Octets that nobody should send. Nothing panics, and what is answered is an answer.

use super::strategy::{question, zones};
use crate::support::zones::{build, owners};
use crate::support::{Ask, Reply, name};
use dns_wire::{Client, Scratch, Transport, Verdict, answer};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use zone_model::{Catalog, Timestamp};

fn catalog() -> Catalog {
    build(&owners(
        "x. SOA ns.x. admin.x. 1 2 3 4 60\nx. NS ns.x.\nns.x. A 192.0.2.1\n*.x. CNAME a.y.\ny. SOA ns.x. admin.x. 1 2 3 4 60
         y. DNAME z.x.\na.x. NS ns.a.x.\nns.a.x. A 192.0.2.2\n. SOA ns.x. admin.x. 1 2 3 4 60\nb. TXT text",
    ))
}

/// Octets that look a little like a query.
fn octets() -> impl Strategy<Value = Vec<u8>> {
    let any_octets = prop::collection::vec(any::<u8>(), 0..600);
    let header = prop::collection::vec(prop_oneof![4 => Just(0u8), 2 => Just(1u8), 1 => any::<u8>()], 12);
    let piece = prop_oneof![
        Just(b"\x01a\x01x\x00\x00\x01\x00\x01".to_vec()),
        Just(b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x00\x00\x00".to_vec()),
        Just(b"\x00\x00\x29\x04\xd0\x00\x00\x80\x00\x00\x00".to_vec()),
        Just(b"\x00\x00\x29\x04\xd0\x00\x01\x00\x00\x00\x04\x00\x03\x00\x00".to_vec()),
        prop::collection::vec(any::<u8>(), 0..20),
    ];
    let shaped = (header, prop::collection::vec(piece, 0..6))
        .prop_map(|(header, pieces)| [header, pieces.concat()].concat());
    prop_oneof![1 => any_octets, 4 => shaped]
}

fn client(transport: Transport, recursion: bool) -> Client {
    let mut client = Client::new(transport, "192.0.2.7:4000".parse().expect("an address"), Timestamp(0));
    client.recursion = recursion;
    client
}

/// What comes back fits, parses, and is a response to these octets.
fn check(catalog: &Catalog, octets: &[u8], scratch: &mut Scratch) -> TestCaseResult {
    for (transport, recursion) in [(Transport::Udp, false), (Transport::Tcp, false), (Transport::Udp, true)] {
        let mut sink: Vec<Vec<u8>> = Vec::new();
        match answer(Some(catalog), octets, &client(transport, recursion), scratch, &mut sink) {
            Verdict::Dropped => {
                prop_assert!(sink.is_empty());
                prop_assert!(octets.len() < 12 || octets[2] & 0x80 != 0, "dropped: {:?}", octets);
            }
            Verdict::Resolve(_) => prop_assert!(recursion && sink.is_empty()),
            Verdict::Answered(_) => {
                prop_assert_eq!(sink.len(), 1);
                let reply = Reply::read(&sink[0]);
                prop_assert_eq!(&reply.octets[..2], &octets[..2]);
                prop_assert!(reply.octets[2] & 0x80 != 0);
                prop_assert_eq!(reply.octets[2] & 0x79, octets[2] & 0x79);
                let limit = if transport == Transport::Udp { 1232 } else { 65_535 };
                prop_assert!(reply.octets.len() <= limit);
                if reply.parsed.question.is_some() {
                    let end =
                        12 + reply.parsed.question.as_ref().map_or(0, |(name, ..)| name.as_wire().len()) + 4;
                    prop_assert_eq!(&reply.octets[12..end], &octets[12..end]);
                } else {
                    prop_assert!([1, 4, 16].contains(&reply.rcode()), "no question, and {}", reply);
                }
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Any octets at all.
    #[test]
    fn any_octets(all in prop::collection::vec(octets(), 1..80)) {
        let (catalog, mut scratch) = (catalog(), Scratch::new());
        for octets in all {
            check(&catalog, &octets, &mut scratch)?;
        }
    }

    /// Queries with some octets changed, taken away or added, against any zones.
    #[test]
    fn mutated_queries(
        zones in zones(),
        questions in prop::collection::vec((question(), prop::collection::vec((any::<usize>(), any::<u8>()), 0..4), any::<usize>()), 1..40),
    ) {
        let (catalog, mut scratch) = (build(&owners(&zones.text())), Scratch::new());
        for (question, changes, cut) in questions {
            let mut octets = question.to(&zones).octets();
            for (at, to) in changes {
                let at = at % octets.len();
                octets[at] = to;
            }
            if cut % 3 == 0 {
                octets.truncate(cut / 3 % octets.len());
            }
            check(&catalog, &octets, &mut scratch)?;
        }
    }

    /// A name error is only given for a name with nothing at or below it, and always with authority.
    #[test]
    fn a_name_error_is_true(zones in zones(), questions in prop::collection::vec(question(), 1..80)) {
        let owners = owners(&zones.text());
        let catalog = build(&owners);
        for question in questions {
            let question = question.to(&zones);
            let ask = Ask::of(&name(&question.name), zone_model::RecordType(question.rtype));
            let reply = ask.tcp().reply(&catalog);
            let last = reply.parsed.sections[0].iter().rev().find(|record| record.rtype.0 == 5);
            let last = last.map_or(name(&question.name), |record| name_in(&record.rdata));
            if reply.rcode() == 3 {
                prop_assert!(reply.flag('a') && reply.parsed.sections[1].len() == 1);
                let below = owners.keys().find(|owner| owner.is_at_or_below(&last));
                let hidden = owners.iter().any(|(owner, types)| {
                    types.contains_key(&zone_model::RecordType::DNAME) && last.is_below(owner)
                });
                prop_assert!(below.is_none() || hidden, "{:?} stands at or below {}\n{}", below, last, reply);
            }
            if reply.rcode() == 5 {
                prop_assert!(!reply.flag('a') && reply.parsed.sections.iter().all(Vec::is_empty));
            }
        }
    }
}

fn name_in(rdata: &[u8]) -> zone_model::Name {
    zone_model::Name::from_wire(rdata).expect("a name")
}
