//! The fast answer against the slow one.

use super::slow::{Expected, Rr, Server};
use super::strategy::{Question, question, zones};
use crate::support::wire;
use crate::support::zones::{build, owners};
use crate::support::{Ask, Reply, name};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use zone_model::{RecordType, rdata};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Every question gets the answer that the slow, obvious way gives, over TCP exactly, and over UDP whatever
    /// of it fits by the rules.
    #[test]
    fn answers_are_those_of_the_obvious_way(
        zones in zones(),
        questions in prop::collection::vec(question(), 1..80),
    ) {
        let owners = owners(&zones.text());
        let (catalog, server) = (build(&owners), Server::new(&owners));
        for question in questions {
            let (owner, rtype) = (name(&question.name), question.rtype.parse().expect("a type"));
            let ask = ask(&question);
            let over_tcp = ask.clone().tcp().reply(&catalog);
            let mut expected = server.answer(&owner, rtype, false);
            expected.authoritative &= question.class == 1;
            same(&over_tcp, &expected, &question)?;
            let over_udp = ask.reply(&catalog);
            let mut expected = server.answer(&owner, rtype, true);
            expected.authoritative &= question.class == 1;
            fits(&over_udp, &over_tcp, &expected, &question)?;
        }
    }
}

fn ask(question: &Question) -> Ask {
    let ask = Ask::of(&name(&question.name), question.rtype.parse().expect("a type")).class(question.class);
    question.payload.map_or(ask.clone(), |payload| ask.edns(payload))
}

/// The records of a section as the oracle has them.
fn plain(records: &[wire::Rr]) -> Vec<Rr> {
    let plain = |record: &wire::Rr| Rr {
        owner: record.owner.clone(),
        rtype: record.rtype.0,
        ttl: record.ttl,
        rdata: rdata::canonical(record.rtype, &record.rdata).to_vec(),
    };
    records.iter().map(plain).collect()
}

fn sorted(mut records: Vec<Rr>) -> Vec<Rr> {
    records.sort();
    records
}

fn same(reply: &Reply, expected: &Expected, question: &Question) -> TestCaseResult {
    let [answer, authority, additional] = reply.parsed.sections.each_ref().map(|records| plain(records));
    prop_assert_eq!(reply.rcode(), expected.rcode, "{:?}\n{}", question, reply);
    prop_assert_eq!(reply.flag('a'), expected.authoritative, "AA, {:?}\n{}", question, reply);
    prop_assert!(!reply.flag('t') && !reply.flag('r'), "{:?}\n{}", question, reply);
    prop_assert_eq!(in_order(&answer), in_order(&expected.answer), "{:?}\n{}", question, reply);
    prop_assert_eq!(sorted(authority), sorted(expected.authority.clone()), "{:?}\n{}", question, reply);
    let all = [&expected.glue[..], &expected.optional].concat();
    prop_assert_eq!(sorted(additional), sorted(all), "{:?}\n{}", question, reply);
    questions_case(reply, question)
}

/// A chain is in order; within an RRset order does not matter.
fn in_order(records: &[Rr]) -> Vec<Vec<Rr>> {
    let chunks = records.chunk_by(|left, right| (&left.owner, left.rtype) == (&right.owner, right.rtype));
    chunks.map(|chunk| sorted(chunk.to_vec())).collect()
}

/// Owners that are part of the question are written as the question has them (0x20).
fn questions_case(reply: &Reply, question: &Question) -> TestCaseResult {
    let asked = name(&question.name);
    if let Some(first) = reply.parsed.sections[0].first() {
        let own = asked.ancestor(first.owner.label_count());
        prop_assert_eq!(first.owner.as_wire(), own.as_wire(), "{:?}\n{}", question, reply);
    }
    let echoed = reply.parsed.question.as_ref().map(|(name, ..)| name.as_wire());
    prop_assert_eq!(echoed, Some(asked.as_wire()));
    Ok(())
}

/// Over UDP: within the limit; RRsets whole; without TC everything required is there, with it it would not
/// have fitted.
fn fits(reply: &Reply, full: &Reply, expected: &Expected, question: &Question) -> TestCaseResult {
    let limit = question.payload.map_or(512, |payload| usize::from(payload.clamp(512, 1232)));
    prop_assert!(reply.octets.len() <= limit, "{:?}\n{}", question, reply);
    prop_assert_eq!(reply.opt().is_some(), question.payload.is_some());
    prop_assert_eq!(reply.flag('a'), expected.authoritative, "AA, {:?}\n{}", question, reply);
    let required = [&expected.answer[..], &expected.authority, &expected.glue];
    let found = reply.parsed.sections.each_ref().map(|records| plain(records));
    let all_there = required
        .iter()
        .zip(&found)
        .all(|(required, found)| required.iter().all(|record| found.contains(record)));
    prop_assert_eq!(reply.flag('t'), !all_there, "TC, {:?}\n{}", question, reply);
    if reply.flag('t') {
        prop_assert!(full.octets.len() > limit, "TC, {:?}\n{}\nfull\n{}", question, reply, full);
        // Nothing optional took the room of what is missing.
        prop_assert!(
            found[2].iter().all(|record| expected.glue.contains(record)),
            "{:?}\n{}",
            question,
            reply
        );
    } else {
        prop_assert_eq!(reply.rcode(), expected.rcode, "{:?}\n{}", question, reply);
    }
    let additional = [&expected.glue[..], &expected.optional].concat();
    for (found, expected) in found.iter().zip([&expected.answer[..], &expected.authority, &additional]) {
        for record in found {
            prop_assert!(expected.contains(record), "{:?}: {:?}\n{}", question, record, reply);
            let set = |records: &[Rr]| {
                records
                    .iter()
                    .filter(|other| (&other.owner, other.rtype) == (&record.owner, record.rtype))
                    .count()
            };
            prop_assert_eq!(
                set(found),
                set(expected),
                "an RRset is cut apart or doubled: {:?}\n{}",
                question,
                reply
            );
        }
    }
    questions_case(reply, question)
}

/// The types that the strategy asks for are what the oracle knows.
#[test]
fn the_oracle_knows_an_answer() {
    let owners = owners("x. SOA ns.x. admin.x. 1 2 3 4 60\n*.x. A 192.0.2.1");
    let expected = Server::new(&owners).answer(&name("a.x."), RecordType::A, true);
    assert_eq!((expected.rcode, expected.authoritative, expected.answer.len()), (0, true, 1));
    let expected = Server::new(&owners).answer(&name("a.*.x."), RecordType::A, true);
    assert_eq!((expected.rcode, expected.answer.len(), expected.authority.len()), (3, 0, 1));
}
