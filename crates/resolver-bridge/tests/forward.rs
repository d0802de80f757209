//! Forwarding, against a server on loopback that answers as each test says.

mod support;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::NULL;
use hickory_proto::rr::{DNSClass, RData, RecordType as Type};
use messages::{Resolution, ResolveError};
use resolver_bridge::{Config, Resolver};
use std::net::UdpSocket;
use std::time::{Duration, Instant};
use support::{Act, Fake, a, answer, cname, line, name, ns, query, question, record, shown, soa, txt, wire};
use zone_model::RecordType;

const LOOPBACK: [u8; 4] = [127, 0, 0, 1];

fn server(act: impl Fn(&Message, bool) -> Act + Send + Sync + 'static) -> Fake {
    Fake::start(LOOPBACK, 0, act)
}

fn forward_to(fake: &Fake) -> Resolver {
    Resolver::new(&Config { timeout_ms: 2_000, ..Config::forward_to(fake.address) }).unwrap()
}

async fn ask(fake: &Fake, text: &str, rtype: RecordType) -> Result<Resolution, ResolveError> {
    forward_to(fake).resolve(&question(text, rtype), false).await
}

#[tokio::test]
async fn an_answer_is_given_whole_and_then_from_the_cache() {
    let fake = server(|message, _| {
        let answers = vec![a("www.test.", [192, 0, 2, 1]), a("www.test.", [192, 0, 2, 2])];
        Act::Answer(answer(message, ResponseCode::NoError, answers, Vec::new()))
    });
    let resolver = forward_to(&fake);
    for name in ["www.test.", "wWw.TEST."] {
        let found = resolver.resolve(&question(name, RecordType::A), false).await.unwrap();
        assert_eq!((found.rcode, found.authority.len()), (0, 0));
        assert_eq!(found.answers[0].owner.to_string(), name);
        let expected = [1, 2].map(|last| line(name, RecordType::A, &[192, 0, 2, last]));
        assert_eq!(shown(&found.answers), expected);
        assert!((299..=300).contains(&found.answers[0].ttl));
    }
    let seen = fake.seen();
    assert_eq!(seen.len(), 1, "the second question went out again");
    assert!(seen[0].message.metadata.recursion_desired);
}

// RFC 2308 section 2.1: a name error is an answer, with the SOA; section 3: whose TTL is at most MINIMUM.
#[tokio::test]
async fn a_name_that_does_not_exist_is_an_answer() {
    let fake = server(|message, _| {
        Act::Answer(answer(
            message,
            ResponseCode::NXDomain,
            Vec::new(),
            vec![soa("test."), ns("test.", "ns.test.")],
        ))
    });
    let resolver = forward_to(&fake);
    for _ in 0..2 {
        let found = resolver.resolve(&question("no.test.", RecordType::A), false).await.unwrap();
        assert_eq!((found.rcode, found.answers.len(), found.authority.len()), (3, 0, 1));
        assert_eq!(
            (found.authority[0].rtype, found.authority[0].owner.to_string()),
            (RecordType::SOA, "test.".into())
        );
        assert!((19..=20).contains(&found.authority[0].ttl), "{}", found.authority[0].ttl);
    }
    assert_eq!(fake.seen().len(), 1, "a negative answer was not cached");
}

// RFC 2308 section 2.2: NODATA is NOERROR without an answer, with the SOA.
#[tokio::test]
async fn a_name_without_records_of_the_type_is_an_answer() {
    let fake = server(|message, _| {
        Act::Answer(answer(message, ResponseCode::NoError, Vec::new(), vec![soa("test.")]))
    });
    for rtype in [RecordType::A, RecordType::SOA, RecordType(65_280)] {
        let found = ask(&fake, "www.test.", rtype).await.unwrap();
        assert_eq!((found.rcode, found.answers.len(), found.authority.len()), (0, 0, 1), "{rtype}");
    }
}

// RFC 2181 section 5.4.1 and RFC 5452: what was not asked for is not taken, and certainly not passed on.
#[tokio::test]
async fn a_chain_comes_in_its_order_and_without_what_does_not_belong_to_it() {
    let fake = server(|message, _| {
        let answers = vec![
            a("own.example.", [203, 0, 113, 66]),
            a("end.other.", [192, 0, 2, 3]),
            cname("mid.test.", "end.other."),
            cname("www.test.", "mid.test."),
            cname("own.example.", "end.other."),
        ];
        let authorities = vec![ns("example.", "evil.test."), soa("example.")];
        let mut message = answer(message, ResponseCode::NoError, answers, authorities);
        message.add_additional(a("ns.example.", [203, 0, 113, 66]));
        Act::Answer(message)
    });
    let found = ask(&fake, "www.test.", RecordType::A).await.unwrap();
    let expected = [
        line("www.test.", RecordType::CNAME, &wire("mid.test.")),
        line("mid.test.", RecordType::CNAME, &wire("end.other.")),
        line("end.other.", RecordType::A, &[192, 0, 2, 3]),
    ];
    assert_eq!((shown(&found.answers), found.authority.len()), (expected.to_vec(), 0));
}

#[tokio::test]
async fn an_alias_without_its_end_is_asked_about_again() {
    let fake = server(|message, _| {
        let answers = match query(message).name().to_ascii().as_str() {
            "www.test." => vec![cname("www.test.", "web.test.")],
            _ => vec![a("web.test.", [192, 0, 2, 4])],
        };
        Act::Answer(answer(message, ResponseCode::NoError, answers, Vec::new()))
    });
    let found = ask(&fake, "www.test.", RecordType::A).await.unwrap();
    assert_eq!(found.answers.len(), 2);
    assert_eq!(fake.seen().len(), 2);
}

// RFC 6604 section 3: the RCODE is that of the last name; RFC 2308 section 2.1: with the aliases before it.
#[tokio::test]
async fn an_alias_to_a_name_that_does_not_exist_is_answered_as_such() {
    let fake = server(|message, _| {
        let answers = vec![cname("www.test.", "no.other.")];
        Act::Answer(answer(message, ResponseCode::NXDomain, answers, vec![soa("other.")]))
    });
    let resolver = forward_to(&fake);
    for _ in 0..2 {
        let found = resolver.resolve(&question("www.test.", RecordType::A), false).await.unwrap();
        assert_eq!(found.rcode, 3);
        assert_eq!(shown(&found.answers), [line("www.test.", RecordType::CNAME, &wire("no.other."))]);
        assert_eq!(found.authority[0].owner.to_string(), "other.");
        // The two are cached as one, so for no longer than the negative answer may be.
        assert!(found.answers[0].ttl <= 20, "{}", found.answers[0].ttl);
    }
    assert_eq!(fake.seen().len(), 1);
}

// RFC 1034 section 3.6.2: a loop of aliases is an error.
#[tokio::test]
async fn a_loop_of_aliases_is_a_failure() {
    let fake = server(|message, _| {
        let answers = match query(message).name().to_ascii().as_str() {
            "one.test." => vec![cname("one.test.", "two.test.")],
            _ => vec![cname("two.test.", "one.test.")],
        };
        Act::Answer(answer(message, ResponseCode::NoError, answers, Vec::new()))
    });
    assert!(matches!(ask(&fake, "one.test.", RecordType::A).await, Err(ResolveError::Failed(_))));
}

// RFC 1123 section 6.1.3.2: a truncated answer is asked for again over TCP.
#[tokio::test]
async fn a_truncated_answer_is_fetched_over_tcp() {
    let texts: Vec<String> = (0..20).map(|at| format!("{at:02}{}", "x".repeat(198))).collect();
    let long = texts.clone();
    let fake = server(move |message, tcp| {
        let answers = if tcp { vec![txt("big.test.", long.clone())] } else { Vec::new() };
        let mut message = answer(message, ResponseCode::NoError, answers, Vec::new());
        message.metadata.truncation = !tcp;
        Act::Answer(message)
    });
    let found = ask(&fake, "big.test.", RecordType::TXT).await.unwrap();
    let expected: Vec<u8> = texts.iter().flat_map(|text| [&[200], text.as_bytes()].concat()).collect();
    assert_eq!(&found.answers[0].rdata[..], expected);
    assert_eq!(fake.seen().iter().map(|seen| seen.tcp).collect::<Vec<_>>(), [false, true]);
}

#[tokio::test]
async fn silence_ends_with_the_time_that_a_question_has() {
    let fake = server(|_, _| Act::Nothing);
    let config = Config { timeout_ms: 400, attempts: 2, ..Config::forward_to(fake.address) };
    let began = Instant::now();
    let result = Resolver::new(&config).unwrap().resolve(&question("www.test.", RecordType::A), false).await;
    assert_eq!(result, Err(ResolveError::Timeout));
    assert!((300..900).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
    assert!(fake.seen().len() >= 2, "one datagram may be lost");
}

// RFC 5452 section 9.1: an answer counts only if ID, question, and both addresses and ports are the query's.
#[tokio::test]
async fn forged_answers_are_ignored() {
    let fake = server(|message, _| {
        let forged = |answers| answer(message, ResponseCode::NoError, answers, Vec::new());
        let mut wrong_id = forged(vec![a("www.test.", [203, 0, 113, 66])]);
        wrong_id.metadata.id = message.metadata.id.wrapping_add(1);
        let mut wrong_question = forged(vec![a("www.test.", [203, 0, 113, 67])]);
        wrong_question.queries[0].name = name("other.test.");
        let mut wrong_type = forged(vec![a("www.test.", [203, 0, 113, 68])]);
        wrong_type.queries[0].query_type = Type::AAAA;
        let good = forged(vec![a("www.test.", [192, 0, 2, 5])]);
        let all = [wrong_id, wrong_question, wrong_type, good].map(|message| message.to_vec().unwrap());
        Act::Raw([vec![vec![1]], all.to_vec()].concat())
    });
    let found = ask(&fake, "www.test.", RecordType::A).await.unwrap();
    assert_eq!(shown(&found.answers), [line("www.test.", RecordType::A, &[192, 0, 2, 5])]);
}

#[tokio::test]
async fn an_answer_from_somebody_else_is_ignored() {
    let fake = server(|message, _| {
        let good = answer(message, ResponseCode::NoError, vec![a("www.test.", [192, 0, 2, 6])], Vec::new());
        Act::Answer(good)
    });
    // A relay: the question goes on to the server, whose answer the client gets from the server's port and
    // not from the one that it asked.
    let relay = UdpSocket::bind("127.0.0.1:0").unwrap();
    let config = Config { timeout_ms: 500, attempts: 1, ..Config::forward_to(relay.local_addr().unwrap()) };
    std::thread::spawn(move || {
        let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut buffer = [0; 2_000];
        while let Ok((length, client)) = relay.recv_from(&mut buffer) {
            let message = Message::from_vec(&buffer[..length]).unwrap();
            let forged =
                answer(&message, ResponseCode::NoError, vec![a("www.test.", [203, 0, 113, 66])], Vec::new());
            stranger.send_to(&forged.to_vec().unwrap(), client).unwrap();
        }
    });
    let result = Resolver::new(&config).unwrap().resolve(&question("www.test.", RecordType::A), false).await;
    assert_eq!(result, Err(ResolveError::Timeout));
    drop(fake);
}

#[tokio::test]
async fn a_server_that_fails_or_refers_is_a_failure() {
    for code in [ResponseCode::ServFail, ResponseCode::Refused, ResponseCode::NotImp] {
        let fake = server(move |message, _| Act::Answer(answer(message, code, Vec::new(), Vec::new())));
        let result = ask(&fake, "www.test.", RecordType::A).await;
        assert!(matches!(result, Err(ResolveError::Failed(_))), "{code}: {result:?}");
    }
    let fake = server(|message, _| {
        let mut referral = answer(message, ResponseCode::NoError, Vec::new(), vec![ns("test.", "ns.test.")]);
        referral.metadata.authoritative = false;
        Act::Answer(referral)
    });
    assert!(matches!(ask(&fake, "www.test.", RecordType::A).await, Err(ResolveError::Failed(_))));
}

// RFC 9520 section 3.2: a failure is remembered for at least a second.
#[tokio::test]
async fn a_failure_is_not_tried_again_at_once() {
    let fake =
        server(|message, _| Act::Answer(answer(message, ResponseCode::ServFail, Vec::new(), Vec::new())));
    let resolver = forward_to(&fake);
    let question = question("www.test.", RecordType::A);
    let mut counts = Vec::new();
    for wait in [0, 0, 1_100] {
        tokio::time::sleep(Duration::from_millis(wait)).await;
        assert!(matches!(resolver.resolve(&question, false).await, Err(ResolveError::Failed(_))));
        counts.push(fake.seen().len());
    }
    assert!(counts[0] > 0 && counts[1] == 0 && counts[2] > 0, "{counts:?}");
}

#[tokio::test]
async fn records_of_another_class_are_never_passed_on() {
    let fake = server(|message, _| {
        let mut chaos = a("www.test.", [203, 0, 113, 66]);
        chaos.dns_class = DNSClass::CH;
        Act::Answer(answer(message, ResponseCode::NoError, vec![chaos], Vec::new()))
    });
    let result = ask(&fake, "www.test.", RecordType::A).await;
    assert!(result.as_ref().map_or(true, |found| found.answers.is_empty()), "{result:?}");
}

// RFC 3597 section 4: what is not known is passed on to the octet.
#[tokio::test]
async fn a_type_that_nobody_knows_is_passed_on() {
    let fake = server(|message, _| {
        let data = RData::Unknown { code: Type::Unknown(65_280), rdata: NULL::with(vec![0, 1, 0xc0, 12]) };
        Act::Answer(answer(message, ResponseCode::NoError, vec![record("www.test.", data)], Vec::new()))
    });
    let found = ask(&fake, "www.test.", RecordType(65_280)).await.unwrap();
    assert_eq!(shown(&found.answers), [line("www.test.", RecordType(65_280), &[0, 1, 0xc0, 12])]);
}

// RFC 3225: with DO the signatures come along, without it they do not.
#[tokio::test]
async fn signatures_are_passed_on_to_who_asks_for_them() {
    let signature = [
        b"\x00\x01\x08\x02\x00\x00\x01\x2c\x00\x00\x00\x02\x00\x00\x00\x01\x12\x34\x04test\x00".as_slice(),
        &[7; 64],
    ]
    .concat();
    let sent = signature.clone();
    let fake = server(move |message, _| {
        let mut answers = vec![a("www.test.", [192, 0, 2, 8])];
        if message.edns.as_ref().is_some_and(|edns| edns.flags().dnssec_ok) {
            let data = RData::Unknown { code: Type::from(46), rdata: NULL::with(sent.clone()) };
            answers.push(record("www.test.", data));
        }
        Act::Answer(answer(message, ResponseCode::NoError, answers, Vec::new()))
    });
    let resolver = forward_to(&fake);
    for (dnssec_ok, count) in [(false, 1), (true, 2), (false, 1)] {
        let found = resolver.resolve(&question("www.test.", RecordType::A), dnssec_ok).await.unwrap();
        assert_eq!(found.answers.len(), count, "DO {dnssec_ok}: {found:?}");
        assert!(count == 1 || found.answers[1].rdata[..] == signature[..]);
    }
}

#[tokio::test]
async fn a_second_server_answers_where_the_first_is_silent() {
    let silent = server(|_, _| Act::Nothing);
    let good = server(|message, _| {
        Act::Answer(answer(message, ResponseCode::NoError, vec![a("www.test.", [192, 0, 2, 9])], Vec::new()))
    });
    let servers = vec![silent.address.into(), good.address.into()];
    let resolver = Resolver::new(&Config { servers, timeout_ms: 3_000, ..Config::default() }).unwrap();
    let began = Instant::now();
    let found = resolver.resolve(&question("www.test.", RecordType::A), false).await.unwrap();
    assert_eq!(found.answers.len(), 1);
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

#[tokio::test]
async fn types_that_are_no_data_are_not_asked_for() {
    let fake = server(|_, _| Act::Nothing);
    for rtype in [RecordType::AXFR, RecordType::IXFR, RecordType::OPT, RecordType::TSIG, RecordType(0)] {
        assert!(matches!(ask(&fake, "test.", rtype).await, Err(ResolveError::Failed(_))), "{rtype}");
    }
    assert!(fake.seen().is_empty());
}
