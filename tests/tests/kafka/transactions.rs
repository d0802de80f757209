//! Transactions that are not committed: aborted, or left open by a producer that died inside (DESIGN, "Exactly
//! once" and "Changes that belong together").

use crate::{address, command_and_wait, gone, in_step_with_now, node, served, settings, source, zone};
use anyhow::{Context, Result, ensure};
use hickory_proto::rr::RecordType;
use rdkafka::producer::Producer;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use stream_dns_tests::{Broker, PATIENCE, Server, eventually, producer, real_parts, send};

/// Of a transaction that is aborted nothing is ever served, by a node that was there and by one that comes later;
/// what it leaves behind on the topic is passed, and is no lag.
#[test]
fn what_was_aborted_is_never_served() -> Result<()> {
    if !real_parts("kafka: aborted transactions") {
        return Ok(());
    }
    let broker = Broker::shared()?;
    let (first, second) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let topic = broker.topic("aborted", 2, &[])?;
    settings(first.path(), &broker, &topic)?;
    settings(second.path(), &broker, &topic)?;
    let mut events = zone("foo.example.");
    events.push(address("www.foo.example.", "192.0.2.1"));
    broker.publish(&topic, &events)?;
    let server = node(first.path()).ready()?;
    served(&mut server.asker()?, "www.foo.example.", &["192.0.2.1"]);

    let producer = producer(&broker.address(), &[("transactional.id", &topic)])?;
    producer.init_transactions(PATIENCE)?;
    let aborted = ["www.foo.example.", "never.foo.example.", "ns.foo.example."];
    for _ in 0..3 {
        producer.begin_transaction()?;
        for owner in aborted {
            send(&producer, &topic, &address(owner, "192.0.2.66"))?;
        }
        producer.flush(PATIENCE)?;
        producer.abort_transaction(PATIENCE)?;
    }
    producer.begin_transaction()?;
    send(&producer, &topic, &address("new.foo.example.", "192.0.2.2"))?;
    producer.commit_transaction(PATIENCE)?;
    events.push(address("new.foo.example.", "192.0.2.2"));

    let fresh = node(second.path()).ready()?;
    for server in [&server, &fresh] {
        let mut asker = server.asker()?;
        served(&mut asker, "new.foo.example.", &["192.0.2.2"]);
        in_step_with_now(server)?;
        ensure!(asker.ask("www.foo.example.", RecordType::A)?.data() == ["192.0.2.1"]);
        ensure!(asker.ask("ns.foo.example.", RecordType::A)?.data() == ["192.0.2.53"]);
        gone(&mut asker, "never.foo.example.");
        server.read_exactly(events.len())?;
        eventually("nothing is left to read", || {
            lag(server, 0).zip(lag(server, 1)).filter(|lag| *lag == (0, 0))
        });
    }
    Ok(())
}

/// How many events a partition is behind.
fn lag(server: &Server, partition: usize) -> Option<u64> {
    source(server).ok()?["partitions"].get(partition)?["lag"].as_u64()
}

/// A producer that is inside a transaction, with its events on partition 0.
fn inside(
    broker: &Broker,
    topic: &str,
    id: &str,
    timeout: &str,
    events: &[(String, String)],
) -> Result<Child> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_open-transaction"));
    command.args([&broker.address(), topic, "0", id, timeout]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut lines = child.stdin.take().context("its input")?;
    for (key, value) in events {
        writeln!(lines, "{key}\t{value}")?;
    }
    drop(lines);
    let mut said = String::new();
    BufReader::new(child.stdout.take().context("its output")?).read_line(&mut said)?;
    ensure!(said == "open\n", "the producer said {said:?}");
    Ok(child)
}

fn kill(mut child: Child) -> Result<()> {
    child.kill()?;
    child.wait()?;
    Ok(())
}

/// A producer that dies inside a transaction holds its partition back, and no other one, until the transaction's
/// timeout: that is lag and staleness, no alarm, and takes no node out of service. Then reading goes on, and of
/// what it had written nothing was ever served.
#[test]
fn a_producer_killed_inside_a_transaction_holds_its_partition_back_for_a_while() -> Result<()> {
    if !real_parts("kafka: a producer killed inside a transaction") {
        return Ok(());
    }
    let broker = Broker::shared()?;
    let folder = tempfile::tempdir()?;
    let topic = broker.topic("killed", 2, &[])?;
    settings(folder.path(), &broker, &topic)?;
    broker.publish_to(&topic, 0, &zone("foo.example."))?;
    broker.publish_to(&topic, 0, &[address("www.foo.example.", "192.0.2.1")])?;
    let server = node(folder.path()).variable("DNS_ADMIN_FRESH_LAG_MS", "1000").ready()?;
    let mut asker = server.asker()?;
    served(&mut asker, "www.foo.example.", &["192.0.2.1"]);

    let timeout = Duration::from_secs(6);
    let begun = Instant::now();
    let unfinished = [address("www.foo.example.", "192.0.2.66"), address("never.foo.example.", "192.0.2.66")];
    kill(inside(&broker, &topic, "somebody's", &timeout.as_millis().to_string(), &unfinished)?)?;
    broker.publish_to(&topic, 0, &[address("behind.foo.example.", "192.0.2.2")])?;
    broker.publish_to(&topic, 1, &[address("beside.foo.example.", "192.0.2.3")])?;
    served(&mut asker, "beside.foo.example.", &["192.0.2.3"]);
    let stale = eventually("it is said that the partition is late", || {
        server.get("/freshz").ok().filter(|(status, _)| *status == 503)
    });
    let (held, late) = (begun.elapsed(), source(&server)?);
    ensure!(lag(&server, 0) >= Some(3) && lag(&server, 1) == Some(0), "{late}");
    ensure!(late["alarm"].is_null() && late["connected"] == true, "{late}");
    ensure!(server.get("/readyz")?.0 == 200, "what is stale stays in service");
    gone(&mut asker, "behind.foo.example.");
    ensure!(held < timeout, "looked at too late to say anything: {held:?}");
    println!("after {held:?}: {}", stale.1);

    served(&mut asker, "behind.foo.example.", &["192.0.2.2"]);
    let over = begun.elapsed();
    println!("the transaction's timeout is {timeout:?}; its partition was read on after {over:?}");
    ensure!(over >= timeout, "nothing ends a transaction before its timeout");
    eventually("it is fresh again", || server.get("/freshz").ok().filter(|(status, _)| *status == 200));
    ensure!(asker.ask("www.foo.example.", RecordType::A)?.data() == ["192.0.2.1"]);
    gone(&mut asker, "never.foo.example.");
    server.read_exactly(6)
}

/// A writer of ours that dies inside holds nobody back who writes to the same zone: whoever takes the zone's lock
/// ends what it left.
#[test]
fn the_next_writer_of_a_zone_ends_what_a_dead_one_left() -> Result<()> {
    if !real_parts("kafka: a writer that died") {
        return Ok(());
    }
    let broker = Broker::shared()?;
    let folder = tempfile::tempdir()?;
    let topic = broker.topic("left", 1, &[])?;
    settings(folder.path(), &broker, &topic)?;
    broker.publish(&topic, &zone("foo.example."))?;
    let server = node(folder.path()).ready()?;
    let unfinished = [address("never.foo.example.", "192.0.2.66")];
    let timeout = Duration::from_secs(300);
    let id = format!("{topic}/foo.example.");
    kill(inside(&broker, &topic, &id, &timeout.as_millis().to_string(), &unfinished)?)?;
    let begun = Instant::now();
    command_and_wait(folder.path(), &server, &["record", "set", "www.foo.example", "A", "192.0.2.1"])?;
    println!("written and served {:?} after a writer died inside a transaction", begun.elapsed());
    ensure!(begun.elapsed() < timeout, "nobody waited for the timeout");
    let mut asker = server.asker()?;
    ensure!(asker.ask("www.foo.example.", RecordType::A)?.data() == ["192.0.2.1"]);
    gone(&mut asker, "never.foo.example.");
    Ok(())
}
