//! What may happen to a topic: it grows, it is compacted, it is created anew.

use crate::{address, gone, node, read_exactly, served, settings, source, zone};
use anyhow::{Context, Result, ensure};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use std::time::{Duration, Instant};
use stream_dns_tests::{Broker, Question, Server, Transport, ask_all, eventually, real_parts};

/// Partitions that are added are found, and read from their beginning, while the node runs.
#[test]
fn partitions_added_later_are_found() -> Result<()> {
    if !real_parts("kafka: partitions added later") {
        return Ok(());
    }
    let broker = Broker::shared()?;
    let folder = tempfile::tempdir()?;
    let topic = broker.topic("grows", 2, &[])?;
    settings(folder.path(), &broker, &topic)?;
    broker.publish_to(&topic, 0, &zone("foo.example."))?;
    broker.publish_to(&topic, 1, &[address("old.foo.example.", "192.0.2.1")])?;
    let server = node(folder.path()).ready()?;
    let mut asker = server.asker()?;
    served(&mut asker, "old.foo.example.", &["192.0.2.1"]);
    ensure!(source(&server)?["partitions"].as_array().map(Vec::len) == Some(2));

    broker.tool(&["TopicCommand", "--alter", "--topic", &topic, "--partitions", "6"])?;
    let grown = Instant::now();
    for partition in 2..6 {
        let owner = format!("p{partition}.foo.example.");
        broker.publish_to(&topic, partition, &[address(&owner, &format!("192.0.2.{partition}"))])?;
    }
    for partition in 2..6 {
        served(&mut asker, &format!("p{partition}.foo.example."), &[&format!("192.0.2.{partition}")]);
    }
    println!("partitions found and read {:?} after they were added", grown.elapsed());
    broker.publish_to(&topic, 0, &[address("old.foo.example.", "192.0.2.2")])?;
    served(&mut asker, "old.foo.example.", &["192.0.2.2"]);
    ensure!(source(&server)?["partitions"].as_array().map(Vec::len) == Some(6));
    // Of the old partitions none again.
    read_exactly(&server, 9)?;
    Ok(())
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
    same_answers(&server, &owner)?;
    same_answers(&fresh, &owner)?;
    let zones = (server.json("/v1/zones")?, fresh.json("/v1/zones")?);
    ensure!(zones.0[0]["serial"] == zones.1[0]["serial"], "{zones:?}");

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

/// A topic that is deleted and created anew is an alarm. What was served stays served, also after a restart, and
/// nothing of the new topic is applied.
#[test]
fn a_topic_created_anew_is_an_alarm() -> Result<()> {
    if !real_parts("kafka: a topic created anew") {
        return Ok(());
    }
    let broker = Broker::shared()?;
    let folder = tempfile::tempdir()?;
    let topic = broker.topic("anew", 2, &[])?;
    settings(folder.path(), &broker, &topic)?;
    broker.publish(&topic, &zone("foo.example."))?;
    let mut events = vec![address("www.foo.example.", "192.0.2.1")];
    events.extend((0..50).map(|n| address(&format!("h{n}.foo.example."), "192.0.2.1")));
    broker.publish(&topic, &events)?;
    let server = node(folder.path()).ready()?;
    served(&mut server.asker()?, "www.foo.example.", &["192.0.2.1"]);

    broker.tool(&["TopicCommand", "--delete", "--topic", &topic])?;
    eventually("the new topic is there", || {
        let created =
            ["TopicCommand", "--create", "--topic", &topic, "--partitions", "2", "--replication-factor", "1"];
        broker.tool(&created).ok()
    });
    broker.publish(&topic, &zone("foo.example."))?;
    broker.publish(&topic, &[address("www.foo.example.", "192.0.2.66")])?;
    // As many events as there were, so that the old positions are there in the new topic too.
    broker.publish(&topic, &events[1..])?;
    println!("{}", alarm(&server));
    stays_served(&server)?;
    ensure!(server.metric("dns_source_alarm", "")? == 1.0, "{:?}", server.get("/metrics")?.1);
    ensure!(server.stop()?.status.success());

    let server = node(folder.path()).ready()?;
    let again = alarm(&server);
    ensure!(again.contains("created anew"), "{again}");
    stays_served(&server)?;

    // What the alarm advises: a node with a new store takes the new topic.
    ensure!(server.stop()?.status.success());
    let store = folder.path().join("stream-dns.redb");
    std::fs::remove_file(&store).with_context(|| format!("{}", store.display()))?;
    let server = node(folder.path()).ready()?;
    let mut asker = server.asker()?;
    served(&mut asker, "www.foo.example.", &["192.0.2.66"]);
    gone(&mut asker, "missing.foo.example.");
    Ok(())
}

/// Waits until the log of a server is in alarm. Returns why.
fn alarm(server: &Server) -> String {
    eventually("the alarm is raised", || source(server).ok()?["alarm"].as_str().map(str::to_owned))
}

/// What was served when the alarm came stays served for a while, and the node ready.
fn stays_served(server: &Server) -> Result<()> {
    let mut asker = server.asker()?;
    for _ in 0..10 {
        let answer = asker.ask("www.foo.example.", RecordType::A)?;
        ensure!(answer.data() == ["192.0.2.1"], "{:?}", answer.data());
        ensure!(server.get("/readyz")?.0 == 200);
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// Where events were deleted that a node has not read, it does not go on behind the gap as if nothing was.
#[test]
fn a_node_that_retention_overtook_raises_the_alarm() -> Result<()> {
    if !real_parts("kafka: retention overtakes a node") {
        return Ok(());
    }
    let broker = Broker::shared()?;
    let folder = tempfile::tempdir()?;
    let topic = broker.topic("retained", 1, &["cleanup.policy=delete"])?;
    settings(folder.path(), &broker, &topic)?;
    broker.publish(&topic, &zone("foo.example."))?;
    broker.publish(&topic, &[address("www.foo.example.", "192.0.2.1")])?;
    let server = node(folder.path()).ready()?;
    served(&mut server.asker()?, "www.foo.example.", &["192.0.2.1"]);
    ensure!(server.stop()?.status.success());

    let missed: Vec<_> = (0..10).map(|_| address("www.foo.example.", "192.0.2.2")).collect();
    broker.publish(&topic, &missed)?;
    let file = folder.path().join("offsets.json");
    let offsets =
        serde_json::json!({"version": 1, "partitions": [{"topic": &topic, "partition": 0, "offset": 12}]});
    std::fs::write(&file, offsets.to_string())?;
    let file = file.to_str().context("a path in UTF-8")?;
    broker.tool(&["DeleteRecordsCommand", "--offset-json-file", file])?;

    let server = node(folder.path()).ready()?;
    let alarm = alarm(&server);
    ensure!(alarm.contains("retention overtook"), "{alarm}");
    stays_served(&server)
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
