//! What may happen to a topic that stays whole: it grows, it is compacted, it comes into being late.

use crate::{address, compare, in_step_with_now, node, served, settings, source, zone};
use anyhow::{Result, ensure};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use stream_dns_tests::{Broker, Question, Server, Transport, ask_all, eventually, real_parts};

/// A topic grows from 3 partitions to 6 while two nodes run, one of which is restarted meanwhile. The new partitions
/// are found, and read from their beginning. Where a key's hash leads to another partition from then on, it has
/// events on both sides, and the newest of all serves, whichever side has it.
#[test]
fn partitions_added_later_are_found_and_a_key_may_have_events_on_both_sides() -> Result<()> {
    if !real_parts("kafka: partitions added later") {
        return Ok(());
    }
    let broker = Broker::shared()?;
    let folders = [tempfile::tempdir()?, tempfile::tempdir()?, tempfile::tempdir()?];
    let topic = broker.topic("grows", 3, &[])?;
    folders.iter().try_for_each(|folder| settings(folder.path(), &broker, &topic))?;
    let owner = |name: usize| format!("h{name}.foo.example.");
    let all = |content: &str| (0..40).map(|name| address(&owner(name), content)).collect::<Vec<_>>();
    broker.publish(&topic, &zone("foo.example."))?;
    broker.publish(&topic, &all("192.0.2.1"))?;
    let first = node(folders[0].path()).ready()?;
    let second = node(folders[1].path()).ready()?;
    for server in [&first, &second] {
        served(&mut server.asker()?, &owner(39), &["192.0.2.1"]);
        ensure!(source(server)?["partitions"].as_array().map(Vec::len) == Some(3));
    }
    ensure!(second.stop()?.status.success());

    broker.tool(&["TopicCommand", "--alter", "--topic", &topic, "--partitions", "6"])?;
    let grown = Instant::now();
    // By kcat's hash over six partitions now.
    broker.publish(&topic, &all("192.0.2.2"))?;
    let second = node(folders[1].path()).ready()?;
    let stored = broker.stored(&topic)?;
    let mut sides: BTreeMap<&str, BTreeSet<u32>> = BTreeMap::new();
    for event in &stored {
        sides.entry(&event.key).or_default().insert(event.partition);
    }
    let both =
        sides.values().filter(|own| own.len() == 2 && own.iter().any(|partition| *partition > 2)).count();
    ensure!(both > 5, "{both} keys have events on both sides");
    for server in [&first, &second] {
        let mut asker = server.asker()?;
        (0..40).for_each(|name| drop(served(&mut asker, &owner(name), &["192.0.2.2"])));
    }
    println!(
        "{both} keys on both sides; partitions found and read {:?} after they were added",
        grown.elapsed()
    );

    // A producer that still hashes over three writes the newest events of these keys to the old side.
    let old = stored.iter().filter(|event| event.partition < 3 && event.key.starts_with('h'));
    let old: BTreeMap<&str, u32> = old.map(|event| (event.key.as_str(), event.partition)).collect();
    let of_old = |partition| {
        let own = old.iter().filter(move |(_, own)| **own == partition);
        own.map(|(key, _)| address(key.trim_end_matches("|A"), "192.0.2.3")).collect::<Vec<_>>()
    };
    for partition in 0..3 {
        broker.publish_to(&topic, partition, &of_old(partition))?;
    }
    // Who comes now reads the sides in whatever order.
    let third = node(folders[2].path()).ready()?;
    for server in [&first, &second, &third] {
        let mut asker = server.asker()?;
        (0..40).for_each(|name| drop(served(&mut asker, &owner(name), &["192.0.2.3"])));
        ensure!(source(server)?["partitions"].as_array().map(Vec::len) == Some(6));
    }
    compare(folders[0].path(), &[&first, &second, &third])?;
    // Of the old partitions none again.
    let events = 3 + 3 * 40;
    first.read_exactly(events)?;
    third.read_exactly(events)
}

const NAMES: usize = 500;
const ROUNDS: usize = 8;

/// The broker compacts the topic, so that offsets have gaps and deletions are tombstones; a fresh node then
/// serves what the node serves that read every event, and so does that node after a restart.
#[test]
fn a_compacted_topic_is_the_complete_zone() -> Result<()> {
    if !real_parts("kafka: a compacted topic") {
        return Ok(());
    }
    let broker = Broker::shared()?;
    let (first, second) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let topic = broker.topic("compacted", 3, &["compact"])?;
    settings(first.path(), &broker, &topic)?;
    settings(second.path(), &broker, &topic)?;
    let owner = |name: usize| format!("h{name}.foo.example.");
    broker.publish(&topic, &zone("foo.example."))?;
    let server = node(first.path()).ready()?;
    for round in 0..ROUNDS {
        let events: Vec<_> =
            (0..NAMES).map(|name| address(&owner(name), &format!("192.0.2.{round}"))).collect();
        broker.publish(&topic, &events)?;
    }
    // Every fifth name is removed, by a null and by `[]` in turn.
    let keys: Vec<String> = (0..NAMES).step_by(5).map(|name| format!("{}|A", owner(name))).collect();
    let (nulls, empties): (Vec<_>, Vec<_>) = keys.iter().enumerate().partition(|(number, _)| number % 2 == 0);
    broker.empty(&topic, &nulls.iter().map(|(_, key)| key).collect::<Vec<_>>())?;
    broker.publish(&topic, &empties.iter().map(|(_, key)| (key, "[]")).collect::<Vec<_>>())?;

    // A segment is closed by an event that comes a second after it was begun, and the broker compacts closed ones.
    let sent = 3 + NAMES * ROUNDS + keys.len();
    let begun = Instant::now();
    let stored = eventually("the broker has compacted the topic", || {
        std::thread::sleep(Duration::from_millis(1_100));
        for partition in 0..3 {
            let tick = address(&format!("tick-{partition}.foo.example."), "192.0.2.1");
            broker.publish_to(&topic, partition, &[tick]).ok()?;
        }
        let stored = broker.stored(&topic).ok()?;
        (stored.len() < NAMES + 200).then_some(stored)
    });
    println!("{sent} events, {} left after {:?}", stored.len(), begun.elapsed());
    let mut last = [0; 3];
    for event in &stored {
        last[event.partition as usize] = event.offset;
    }
    ensure!(last.iter().sum::<u64>() > stored.len() as u64 * 2, "the offsets have gaps: {last:?}");

    let fresh = node(second.path()).ready()?;
    let read = fresh.metric("dns_events_read_total", "")?;
    ensure!(read < sent as f64 / 2.0, "the fresh node read {read} of {sent} events");
    // A node that is ready has passed what the log held at its start; the one that was there may still be behind.
    in_step_with_now(&server)?;
    same_answers(&server, &owner)?;
    same_answers(&fresh, &owner)?;
    compare(first.path(), &[&server, &fresh])?;
    let zones = (server.json("/v1/zones")?, fresh.json("/v1/zones")?);
    ensure!(zones.0 == zones.1, "{zones:?}");

    ensure!(server.stop()?.status.success());
    let server = node(first.path()).ready()?;
    same_answers(&server, &owner)
}

/// Looks at every name of the compacted zone.
fn same_answers(server: &Server, owner: &impl Fn(usize) -> String) -> Result<()> {
    let names = (0..NAMES).map(owner);
    let questions: Vec<_> = names.map(|name| Question { name, rtype: RecordType::A }).collect();
    let expected = format!("192.0.2.{}", ROUNDS - 1);
    ask_all(server.udp, Transport::Udp, &questions, |name, answer| {
        let data: Vec<String> = answer.answers.iter().map(|record| record.data.to_string()).collect();
        if name % 5 == 0 {
            ensure!(data.is_empty() && answer.metadata.response_code == ResponseCode::NXDomain);
        } else {
            ensure!(data == [expected.as_str()], "{data:?}");
        }
        Ok(())
    })?;
    Ok(())
}

/// A topic that is not there is named, and waited for.
#[test]
fn a_topic_that_is_not_there_yet_is_waited_for() -> Result<()> {
    if !real_parts("kafka: a topic that is not there yet") {
        return Ok(());
    }
    let broker = Broker::shared()?;
    let folder = tempfile::tempdir()?;
    let topic = format!("late-{}", std::process::id());
    settings(folder.path(), &broker, &topic)?;
    let server = node(folder.path()).start()?;
    let error = eventually("the status says which topic is not there", || {
        let error = source(&server).ok()?["last_error"].as_str()?.to_owned();
        error.contains(&topic).then_some(error)
    });
    println!("{error}");
    ensure!(server.get("/readyz")?.0 == 503);
    let create =
        ["TopicCommand", "--create", "--topic", &topic, "--partitions", "2", "--replication-factor", "1"];
    broker.tool(&create)?;
    broker.publish(&topic, &zone("foo.example."))?;
    broker.publish(&topic, &[address("www.foo.example.", "192.0.2.1")])?;
    served(&mut server.asker()?, "www.foo.example.", &["192.0.2.1"]);
    server.wait_ready();
    broker.tool(&["TopicCommand", "--delete", "--topic", &topic]).map(drop)
}
