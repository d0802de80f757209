//! A topic that is no longer the log that was read: created anew, or without its beginning. What was served stays
//! served until somebody says that the loss is meant (DESIGN, "A rebuild never loses a zone by itself").

use crate::{address, alarm, gone, node, served, settings, source, stays_served, zone};
use anyhow::{Context, Result, ensure};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use std::path::Path;
use stream_dns_tests::{Broker, Server, eventually, real_parts};

/// Deletes a topic and creates it anew under the same name, empty.
fn create_anew(broker: &Broker, topic: &str, partitions: &str) -> Result<()> {
    broker.tool(&["TopicCommand", "--delete", "--topic", topic])?;
    let create = ["TopicCommand", "--create", "--topic", topic, "--partitions", partitions];
    let create = [&create[..], &["--replication-factor", "1", "--config", "cleanup.policy=compact"]].concat();
    eventually("the new topic is there", || broker.tool(&create).ok());
    Ok(())
}

/// Runs `rebuild` against a server. Returns its exit status and what it said.
fn rebuild(server: &Server, folder: &Path, more: &[&str]) -> Result<(Option<i32>, String)> {
    let output = server.client(folder, &[&["rebuild"], more].concat())?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).trim_end().to_owned();
    println!("rebuild {more:?}: {said}");
    Ok((output.status.code(), said))
}

/// A topic that is deleted and created anew, empty, is an alarm: what was served stays served, also after a
/// restart, and after a rebuild that nobody said may lose anything. With that word the node serves what the new
/// topic says: at first nothing, and then what is written to it.
#[test]
fn an_empty_topic_in_the_place_of_the_old_one_waits_for_the_word() -> Result<()> {
    if !real_parts("kafka: a topic created anew, empty") {
        return Ok(());
    }
    let broker = Broker::shared()?;
    let folder = tempfile::tempdir()?;
    let topic = broker.topic("emptied", 3, &[])?;
    settings(folder.path(), &broker, &topic)?;
    broker.publish(&topic, &zone("foo.example."))?;
    broker.publish(&topic, &[address("www.foo.example.", "192.0.2.1")])?;
    let server = node(folder.path()).ready()?;
    served(&mut server.asker()?, "www.foo.example.", &["192.0.2.1"]);

    create_anew(&broker, &topic, "3")?;
    println!("{}", alarm(&server));
    stays_served(&server)?;
    let (status, said) = rebuild(&server, folder.path(), &[])?;
    ensure!(status == Some(1) && said.contains("lacks the zones foo.example."), "{status:?}: {said}");
    stays_served(&server)?;
    ensure!(server.stop()?.status.success());
    let server = node(folder.path()).ready()?;
    println!("{}", alarm(&server));
    stays_served(&server)?;
    ensure!(server.metric("dns_source_alarm", "")? == 1.0);

    let (status, said) = rebuild(&server, folder.path(), &["--accept-loss"])?;
    ensure!(status == Some(0), "{said}");
    let mut asker = server.asker()?;
    let answer = asker.ask("www.foo.example.", RecordType::A)?;
    ensure!(answer.rcode() == ResponseCode::Refused, "the zone is nobody's here: {:?}", answer.rcode());
    ensure!(source(&server)?["alarm"].is_null() && server.get("/readyz")?.0 == 200);
    broker.publish(&topic, &zone("bar.example."))?;
    broker.publish(&topic, &[address("www.bar.example.", "192.0.2.2")])?;
    served(&mut asker, "www.bar.example.", &["192.0.2.2"]);

    // It is the node's log now: a restart minds nothing.
    ensure!(server.stop()?.status.success());
    let server = node(folder.path()).ready()?;
    broker.publish(&topic, &[address("new.bar.example.", "192.0.2.3")])?;
    served(&mut server.asker()?, "new.bar.example.", &["192.0.2.3"]);
    ensure!(source(&server)?["alarm"].is_null());
    Ok(())
}

/// So is one that holds other events at the old positions; nothing of them is applied. A node without a state
/// takes the new topic.
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

    create_anew(&broker, &topic, "2")?;
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

    ensure!(server.stop()?.status.success());
    let store = folder.path().join("stream-dns.redb");
    std::fs::remove_file(&store).with_context(|| format!("{}", store.display()))?;
    let server = node(folder.path()).ready()?;
    let mut asker = server.asker()?;
    served(&mut asker, "www.foo.example.", &["192.0.2.66"]);
    gone(&mut asker, "missing.foo.example.");
    Ok(())
}

/// Where events were deleted that a node has not read, it does not go on behind the gap as if nothing was; nor does
/// a rebuild begin with what is left, or a node that has nothing yet, until somebody says that it is everything.
#[test]
fn a_node_that_retention_overtook_waits_for_the_word() -> Result<()> {
    if !real_parts("kafka: retention overtakes a node") {
        return Ok(());
    }
    let broker = Broker::shared()?;
    let (folder, fresh) = (tempfile::tempdir()?, tempfile::tempdir()?);
    // Retention by size, really run by the broker: it keeps the segment that is written to, and takes closed ones.
    let topic = broker.topic(
        "retained",
        1,
        &["cleanup.policy=delete", "segment.bytes=1048576", "retention.bytes=1"],
    )?;
    settings(folder.path(), &broker, &topic)?;
    settings(fresh.path(), &broker, &topic)?;
    broker.publish(&topic, &zone("foo.example."))?;
    broker.publish(
        &topic,
        &[address("www.foo.example.", "192.0.2.1"), address("old.foo.example.", "192.0.2.1")],
    )?;
    let server = node(folder.path()).ready()?;
    served(&mut server.asker()?, "old.foo.example.", &["192.0.2.1"]);
    ensure!(server.stop()?.status.success());

    // What comes meanwhile fills two segments, so that what the node has not read goes as well.
    let missed: Vec<_> = (0..12_000).map(|_| address("www.foo.example.", "192.0.2.2")).collect();
    broker.publish(&topic, &missed)?;
    let first = eventually("retention has taken what the node has not read", || {
        std::thread::sleep(std::time::Duration::from_millis(200));
        broker.stored(&topic).ok()?.first().map(|event| event.offset).filter(|offset| *offset > 5)
    });
    println!("the topic begins at offset {first} now");

    let server = node(folder.path()).ready()?;
    let overtaken = alarm(&server);
    ensure!(overtaken.contains("retention overtook"), "{overtaken}");
    stays_served(&server)?;
    let (status, said) = rebuild(&server, folder.path(), &[])?;
    ensure!(status == Some(1) && said.contains("no longer begins where it began"), "{status:?}: {said}");
    stays_served(&server)?;

    // A node that has nothing serves nothing of it.
    let empty = node(fresh.path()).start()?;
    let incomplete = alarm(&empty);
    ensure!(
        incomplete.contains("SERVFAIL") && incomplete.contains("kafka.incomplete-topics"),
        "{incomplete}"
    );
    ensure!(empty.get("/readyz")?.0 == 503);
    ensure!(empty.asker()?.ask("www.foo.example.", RecordType::A)?.rcode() == ResponseCode::ServFail);

    // The zones are published anew, and what is left is everything.
    broker.publish(&topic, &zone("foo.example."))?;
    broker.publish(&topic, &[address("www.foo.example.", "192.0.2.3")])?;
    for (server, folder) in [(&server, &folder), (&empty, &fresh)] {
        let (status, said) = rebuild(server, folder.path(), &["--accept-loss"])?;
        ensure!(status == Some(0), "{said}");
        let mut asker = server.asker()?;
        served(&mut asker, "www.foo.example.", &["192.0.2.3"]);
        gone(&mut asker, "old.foo.example.");
        ensure!(source(server)?["alarm"].is_null());
        server.wait_ready();
    }
    crate::compare(folder.path(), &[&server, &empty])
}
