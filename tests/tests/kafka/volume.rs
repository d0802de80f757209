//! 100,000 events of the older server's format over 12 partitions; every RRset asked for.

use crate::{in_step_with_now, node, settings};
use anyhow::{Context, Result, ensure};
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{RData, RecordType};
use std::collections::{BTreeSet, HashMap};
use std::str::FromStr;
use std::time::Instant;
use stream_dns_tests::older::{Content, SPELLINGS, value};
use stream_dns_tests::{Broker, Question, Server, Transport, ask_all, real_parts};

const EVENTS: usize = 100_000;
const PARTITIONS: u32 = 12;
const ZONES: usize = 50;
/// Names in all; every ten of them have 26 RRsets.
const NAMES: usize = 33_500;

/// An RRset that is sent, and what it is to be at the end.
struct Set {
    owner: String,
    rtype: &'static str,
    ttl: u32,
    /// Content in the older server's way, with the priority apart.
    contents: Vec<Content>,
    /// Whether its newest event sets it.
    exists: bool,
}

/// The two runs of events, in their order, and what is to be served after both.
struct Log {
    first: Vec<(String, String)>,
    second: Vec<(String, String)>,
    sets: Vec<Set>,
}

// === impl Set ===

impl Set {
    fn new(owner: String, rtype: &'static str, ttl: u32, contents: Vec<Content>) -> Self {
        Self { owner, rtype, ttl, contents, exists: true }
    }

    fn event(&self, spelling: usize) -> (String, String) {
        let key = SPELLINGS[spelling % SPELLINGS.len()].key(&self.owner, self.rtype);
        (key, value(&self.owner, self.rtype, self.ttl, &self.contents))
    }

    /// Its RDATA, read from the text by an implementation that is not ours.
    fn data(&self, rtype: RecordType) -> Result<Vec<RData>> {
        let read = |(content, priority): &Content| {
            let text = if *priority > 0 { format!("{priority} {content}") } else { content.clone() };
            RData::try_from_str(rtype, &text).with_context(|| format!("{} {rtype} {text}", self.owner))
        };
        self.contents.iter().map(read).collect()
    }
}

fn plain<const N: usize>(contents: [String; N]) -> Vec<Content> {
    contents.map(|content| (content, 0)).into()
}

/// The RRsets of a name; a different `version` gives other data.
fn name(number: usize, version: usize) -> Vec<Set> {
    let zone = format!("z{}.example.", number % ZONES);
    let owner = format!("h{number}.{zone}");
    let other = format!("h{}.{zone}", number + 10 * ZONES);
    let (high, low) = (number / 250, number % 250);
    let ttl = 60 + (number % 7) as u32 + version as u32;
    let a = |owner: &str| {
        let mut contents = plain([format!("10.{version}.{high}.{low}")]);
        // Some names have several addresses, and more or fewer with the next version.
        for extra in 0..(number + version) % 4 {
            contents.push((format!("10.{}.{high}.{low}", 100 + extra), 0));
        }
        Set::new(owner.to_owned(), "A", ttl, contents)
    };
    match number % 10 {
        0..=5 => vec![
            a(&owner),
            Set::new(owner.clone(), "AAAA", ttl, plain([format!("2001:db8:{version}::{number:x}")])),
            Set::new(
                owner,
                "TXT",
                ttl,
                plain([
                    format!("\"name {number}; version {version}\" \"and a second string\""),
                    "v=spf1".to_owned(),
                ]),
            ),
        ],
        6 | 7 => vec![
            a(&owner),
            // The priority within the content and apart, as producers had it.
            Set::new(
                owner,
                "MX",
                ttl,
                vec![(format!("mx{version}.{zone}"), 10), (format!("20 mx.{other}"), 0)],
            ),
        ],
        8 => vec![Set::new(owner, "CNAME", ttl, plain([format!("v{version}.{other}")]))],
        _ => vec![
            Set::new(owner.clone(), "SRV", ttl, vec![(format!("5 {} {other}", 1_000 + version), 1)]),
            Set::new(owner.clone(), "CAA", ttl, plain([format!("0 issue \"ca{version}.example.net\"")])),
            Set::new(owner, "PTR", ttl, plain([format!("ptr{version}.{other}")])),
        ],
    }
}

// === impl Log ===

impl Log {
    fn new() -> Self {
        let mut sets: Vec<Set> = (0..NAMES).flat_map(|number| name(number, 0)).collect();
        let ordinary = sets.len();
        let mut changed: Vec<Set> = (0..NAMES).flat_map(|number| name(number, 1)).collect();
        for zone in 0..ZONES {
            let apex = format!("z{zone}.example.");
            let soa = format!("ns.{apex} hostmaster.{apex} 1 3600 600 86400 300");
            sets.push(Set::new(apex.clone(), "SOA", 3_600, plain([soa])));
            sets.push(Set::new(
                apex.clone(),
                "NS",
                3_600,
                plain([format!("ns.{apex}"), "ns.example.net.".to_owned()]),
            ));
            sets.push(Set::new(format!("ns.{apex}"), "A", 3_600, plain([format!("192.0.2.{zone}")])));
        }
        let first: Vec<_> = sets.iter().enumerate().map(|(number, set)| set.event(number)).collect();
        let updates = EVENTS - first.len();
        let step = ordinary / updates;
        let mut second = Vec::with_capacity(updates);
        for update in 0..updates {
            let number = update * step;
            let set = &mut sets[number];
            let (key, _) = set.event(number);
            match update % 4 {
                // Other data under the same key, and under another spelling of it.
                kind @ (0 | 1) => {
                    std::mem::swap(set, &mut changed[number]);
                    second.push(set.event(number + kind));
                }
                // A removal by the empty list, and one by a null.
                kind => {
                    set.exists = false;
                    second.push((key, if kind == 2 { "[]".to_owned() } else { String::new() }));
                }
            }
        }
        Self { first, second, sets }
    }

    /// Asks for every RRset and compares each with what was sent.
    fn compare(&self, server: &Server, when: &str) -> Result<()> {
        let mut at_owner: HashMap<&str, usize> = HashMap::new();
        for set in self.sets.iter().filter(|set| set.exists) {
            *at_owner.entry(&set.owner).or_default() += 1;
        }
        let mut questions = Vec::with_capacity(self.sets.len());
        let mut expected = Vec::with_capacity(self.sets.len());
        for set in &self.sets {
            let rtype = RecordType::from_str(set.rtype)?;
            questions.push(Question { name: set.owner.clone(), rtype });
            expected.push(if set.exists { set.data(rtype)? } else { Vec::new() });
        }
        let check = |index: usize, answer: &Message| {
            let (set, rtype) = (&self.sets[index], questions[index].rtype);
            ensure!(answer.metadata.authoritative && !answer.metadata.truncation);
            let rcode = match (set.exists, at_owner.contains_key(set.owner.as_str())) {
                (true, _) | (false, true) => ResponseCode::NoError,
                (false, false) => ResponseCode::NXDomain,
            };
            ensure!(answer.metadata.response_code == rcode, "{rcode} was expected");
            let expected = &expected[index];
            ensure!(answer.answers.len() == expected.len(), "{} records were expected", expected.len());
            for record in &answer.answers {
                ensure!(record.record_type() == rtype && record.name.to_ascii() == set.owner);
                ensure!(record.ttl == set.ttl, "TTL {} was expected", set.ttl);
                let sent = match &record.data {
                    // Its serial is the served one, which moves with every event.
                    RData::SOA(soa) => expected.iter().any(|data| {
                        matches!(data, RData::SOA(own)
                        if (&own.mname, &own.rname, own.minimum) == (&soa.mname, &soa.rname, soa.minimum))
                    }),
                    data => expected.contains(data),
                };
                ensure!(sent, "this was never sent: {record}; {expected:?} was expected");
            }
            if !set.exists {
                let types: Vec<_> = answer.authorities.iter().map(|record| record.record_type()).collect();
                ensure!(types == [RecordType::SOA], "RFC 2308 section 3: {types:?}");
            }
            Ok(())
        };
        for (transport, address) in [(Transport::Udp, server.udp), (Transport::Tcp, server.tcp)] {
            let took = ask_all(address, transport, &questions, check)?;
            let rate = questions.len() as f64 / took.as_secs_f64();
            println!(
                "{when}: {} RRsets over {transport:?} in {took:.1?}, {rate:.0} a second",
                questions.len()
            );
        }
        Ok(())
    }
}

/// What was sent is served, RRset by RRset, over UDP and TCP, and again after a restart from the store with the
/// broker stopped.
#[test]
fn every_rrset_of_100_000_events_is_served() -> Result<()> {
    if !real_parts("kafka: 100,000 events") {
        return Ok(());
    }
    let broker = Broker::shared()?;
    let folder = tempfile::tempdir()?;
    let topic = broker.topic("volume", PARTITIONS, &[])?;
    settings(folder.path(), &broker, &topic)?;
    let log = Log::new();
    ensure!(log.first.len() + log.second.len() == EVENTS);

    let begun = Instant::now();
    broker.publish(&topic, &log.first)?;
    // Half of what is to be removed is removed by nulls.
    let (nulls, values): (Vec<_>, Vec<_>) = log.second.iter().partition(|(_, value)| value.is_empty());
    let values: Vec<_> = values.iter().map(|(key, value)| (key, value)).collect();
    broker.publish(&topic, &values)?;
    broker.empty(&topic, &nulls.iter().map(|(key, _)| key).collect::<Vec<_>>())?;
    println!("{EVENTS} events published by kcat in {:.1?}", begun.elapsed());
    let partitions: BTreeSet<u32> = broker.stored(&topic)?.iter().map(|event| event.partition).collect();
    ensure!(partitions == (0..PARTITIONS).collect(), "the events are in {partitions:?}");

    let begun = Instant::now();
    let server = node(folder.path()).ready()?;
    let took = begun.elapsed();
    println!("read and served in {took:.1?}, {:.0} events a second", EVENTS as f64 / took.as_secs_f64());
    server.read_exactly(EVENTS)?;
    let quarantine = server.json("/v1/quarantine")?;
    ensure!(quarantine.as_array().is_some_and(Vec::is_empty), "{quarantine}");
    log.compare(&server, "from the topic")?;
    ensure!(server.stop()?.status.success());

    broker.down()?;
    let begun = Instant::now();
    let server = node(folder.path()).ready()?;
    println!("restarted from the store in {:.1?}", begun.elapsed());
    log.compare(&server, "from the store")?;
    server.read_exactly(0)?;
    ensure!(server.stop()?.status.success());

    broker.up()?;
    let server = node(folder.path()).ready()?;
    in_step_with_now(&server)?;
    server.read_exactly(0)
}
