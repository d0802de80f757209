//! The broker goes and comes, and so does the node.

use crate::{address, command_and_wait, gone, in_step_with_now, node, served, settings, source, zone};
use anyhow::{Result, ensure};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use std::time::{Duration, Instant};
use stream_dns_tests::{Broker, eventually, older, real_parts};

/// A broker that stops, or dies, takes no answer with it, nor does a node's restart meanwhile; when it is back
/// the node catches up by itself; and a restarted node reads no event twice.
#[test]
fn answers_go_on_without_the_broker_and_nothing_is_read_twice() -> Result<()> {
    if !real_parts("kafka: a broker that goes and comes") {
        return Ok(());
    }
    let broker = Broker::shared()?;
    let folder = tempfile::tempdir()?;
    let topic = broker.topic("outage", 3, &[])?;
    settings(folder.path(), &broker, &topic)?;
    let mut events = zone("foo.example.");
    events.extend((0..20).map(|n| address(&format!("h{n}.foo.example."), &format!("192.0.2.{n}"))));
    broker.publish(&topic, &events)?;
    let server = node(folder.path()).variable("DNS_ADMIN_FRESH_IN_STEP_MS", "2000").ready()?;
    let mut asker = server.asker()?;
    eventually("the node is fresh", || server.get("/freshz").ok().filter(|(status, _)| *status == 200));
    served(&mut asker, "h19.foo.example.", &["192.0.2.19"]);
    let mut read = events.len();
    server.read_exactly(read)?;

    for kill in [false, true] {
        if kill {
            broker.kill()?;
        } else {
            broker.down()?;
        }
        let serial = asker.ask("foo.example.", RecordType::SOA)?.serial()?;
        eventually("the status says that the log is away", || {
            source(&server).ok().filter(|source| source["connected"] == false)
        });
        ensure!(source(&server)?["last_error"].as_str().is_some_and(|error| !error.is_empty()));
        let until = Instant::now() + Duration::from_secs(3);
        while Instant::now() < until {
            ensure!(asker.ask("h1.foo.example.", RecordType::A)?.data() == ["192.0.2.1"]);
            ensure!(asker.tcp("h2.foo.example.", RecordType::A)?.data() == ["192.0.2.2"]);
            ensure!(asker.ask("no.foo.example.", RecordType::A)?.rcode() == ResponseCode::NXDomain);
            ensure!(server.get("/readyz")?.0 == 200, "a broker that is away is staleness, not failure");
            std::thread::sleep(Duration::from_millis(100));
        }
        ensure!(asker.ask("foo.example.", RecordType::SOA)?.serial()? == serial);
        eventually("freshness fails", || server.get("/freshz").ok().filter(|(status, _)| *status == 503));
        ensure!(server.get("/readyz")?.0 == 200, "what is stale stays in service");
        broker.up()?;
        let owner = format!("back-{kill}.foo.example.");
        broker.publish(&topic, &[address(&owner, "198.51.100.1")])?;
        let back = Instant::now();
        served(&mut asker, &owner, &["198.51.100.1"]);
        eventually("the node is fresh again", || {
            server.get("/freshz").ok().filter(|(status, _)| *status == 200)
        });
        println!("served {:?} after the broker was back and had the event", back.elapsed());
        read += 1;
    }
    eventually("the status says that the log is back", || {
        source(&server).ok().filter(|source| source["connected"] == true && source["last_error"].is_null())
    });
    server.read_exactly(read)?;
    ensure!(server.stop()?.status.success());

    // Away at the start of a node that has been in step: it answers from its store and is ready.
    broker.down()?;
    let server = node(folder.path()).ready()?;
    let mut asker = server.asker()?;
    ensure!(asker.ask("h3.foo.example.", RecordType::A)?.data() == ["192.0.2.3"]);
    ensure!(asker.tcp("back-true.foo.example.", RecordType::A)?.data() == ["198.51.100.1"]);
    broker.up()?;
    broker.publish(
        &topic,
        &[address("h3.foo.example.", "192.0.2.33"), address("new.foo.example.", "192.0.2.7")],
    )?;
    served(&mut asker, "new.foo.example.", &["192.0.2.7"]);
    served(&mut asker, "h3.foo.example.", &["192.0.2.33"]);
    server.read_exactly(2)?;
    ensure!(server.stop()?.status.success());

    // With nothing new nothing is read: not what transactions leave behind either.
    let server = node(folder.path()).ready()?;
    command_and_wait(folder.path(), &server, &["record", "set", "h4.foo.example", "A", "192.0.2.44"])?;
    ensure!(server.stop()?.status.success());
    let server = node(folder.path()).ready()?;
    in_step_with_now(&server)?;
    server.read_exactly(0)?;
    ensure!(server.asker()?.ask("h4.foo.example.", RecordType::A)?.data() == ["192.0.2.44"]);

    // A crash loses nothing: what was not committed is read again.
    broker.publish(&topic, &[address("h5.foo.example.", "192.0.2.55")])?;
    served(&mut server.asker()?, "h5.foo.example.", &["192.0.2.55"]);
    server.kill()?;
    let server = node(folder.path()).ready()?;
    served(&mut server.asker()?, "h5.foo.example.", &["192.0.2.55"]);
    Ok(())
}

/// A node that never was in step answers SERVFAIL while the broker is away and while the topic is read, and
/// never NXDOMAIN from half a zone.
#[test]
fn a_broker_away_at_start_is_waited_for() -> Result<()> {
    if !real_parts("kafka: a broker that is away at start") {
        return Ok(());
    }
    let broker = Broker::shared()?;
    let folder = tempfile::tempdir()?;
    let topic = broker.topic("away", 3, &[])?;
    settings(folder.path(), &broker, &topic)?;
    let mut events = zone("foo.example.");
    events.extend((0..5_000).map(|n| address(&format!("h{n}.foo.example."), "192.0.2.1")));
    events.push(older::event(older::Spelling::Dot, "h17.foo.example.", "A", &[]));
    broker.publish(&topic, &events)?;
    broker.down()?;
    let server = node(folder.path()).start()?;
    let mut asker = server.asker()?;
    let names = ["h1.foo.example.", "h4999.foo.example.", "no.foo.example.", "foo.example."];
    for _ in 0..5 {
        for name in names {
            let answer = asker.ask(name, RecordType::A)?;
            ensure!(answer.rcode() == ResponseCode::ServFail, "{name}: {:?}", answer.rcode());
        }
        ensure!(server.get("/readyz")?.0 == 503 && server.get("/healthz")?.0 == 200);
        std::thread::sleep(Duration::from_millis(100));
    }
    eventually("the status says why", || {
        source(&server)
            .ok()
            .filter(|source| source["last_error"].as_str().is_some_and(|error| !error.is_empty()))
    });
    broker.up()?;
    let until = Instant::now() + stream_dns_tests::PATIENCE;
    loop {
        let answer = asker.ask("h4999.foo.example.", RecordType::A)?;
        if answer.rcode() != ResponseCode::ServFail {
            ensure!(answer.data() == ["192.0.2.1"], "from half a zone: {:?}", answer.message);
            break;
        }
        ensure!(Instant::now() < until, "the broker is back, and it still answers SERVFAIL");
    }
    // The first answers already are from the whole zone.
    ensure!(asker.ask("h1.foo.example.", RecordType::A)?.data() == ["192.0.2.1"]);
    gone(&mut asker, "h17.foo.example.");
    server.wait_ready();
    server.read_exactly(events.len())?;
    Ok(())
}
