//! Under load: the broker goes and comes, and so do nodes, and every node serves what the log says (DESIGN, "Slots
//! decide, not arrival", "Exactly once").

use crate::{address, compare, in_step_with_now, node, settings, source, zone};
use anyhow::{Context, Result, anyhow, ensure};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use rdkafka::Message;
use rdkafka::consumer::BaseConsumer;
use rdkafka::producer::{BaseProducer, Producer};
use std::env;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};
use stream_dns_tests::{
    Asker, Broker, Delays, Deliveries, Load, PATIENCE, Question, Sent, Server, Transport, ask_all, consumer,
    eventually, page, real_parts, send,
};

const ZONES: u64 = 10;
const NAMES: u64 = 500;

fn apex(zone: u64) -> String {
    format!("z{zone}.example.")
}

/// The event of a number: it gives one name after the other an address that says the number.
fn event(number: u64) -> (String, String) {
    let name = number % NAMES;
    address(&format!("h{name}.{}", apex(name % ZONES)), &content(number))
}

fn content(number: u64) -> String {
    format!("10.{}.{}.{}", number >> 16 & 0xff, number >> 8 & 0xff, number & 0xff)
}

/// The zones, without names.
fn zones() -> Vec<(String, String)> {
    (0..ZONES).flat_map(|number| zone(&apex(number))).collect()
}

/// A producer that has published the zones.
fn producer(broker: &Broker, topic: &str) -> Result<BaseProducer<Deliveries>> {
    let producer = stream_dns_tests::producer(&broker.address(), &[])?;
    zones().iter().try_for_each(|event| send(&producer, topic, event))?;
    producer.flush(PATIENCE)?;
    Ok(producer)
}

/// A node serves the last event of every key.
fn serves(server: &Server, sent: &Sent) -> Result<()> {
    let owner = |key: &String| key.trim_end_matches("|A").to_owned();
    let (keys, numbers): (Vec<&String>, Vec<&u64>) = sent.last.iter().unzip();
    let questions: Vec<_> =
        keys.iter().map(|key| Question { name: owner(key), rtype: RecordType::A }).collect();
    ask_all(server.udp, Transport::Udp, &questions, |index, answer| {
        let data: Vec<String> = answer.answers.iter().map(|record| record.data.to_string()).collect();
        ensure!(data == [content(*numbers[index])], "{}: {data:?}", keys[index]);
        Ok(())
    })?;
    Ok(())
}

/// Ends those who look on, also where what they look at failed.
struct OverAtLast<'a>(&'a AtomicBool);

impl Drop for OverAtLast<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// Whether a path of the administration address says 200.
fn is_well(admin: SocketAddr, path: &str) -> Result<bool> {
    Ok(page(admin, path)?.0 == 200)
}

/// The broker is stopped, and later killed, while a producer that does not give up publishes. The node stays ready
/// and answers all the while, says that it is not fresh, and in the end has read every event once.
#[test]
fn a_broker_that_goes_and_comes_under_load_loses_nothing() -> Result<()> {
    if !real_parts("kafka: a broker that goes and comes under load") {
        return Ok(());
    }
    let broker = Broker::shared()?;
    let folder = tempfile::tempdir()?;
    let topic = broker.topic("under-load", 3, &[])?;
    settings(folder.path(), &broker, &topic)?;
    let producer = producer(&broker, &topic)?;
    let server = node(folder.path()).variable("DNS_ADMIN_FRESH_IN_STEP_MS", "2000").ready()?;
    let load = Load::start(producer, &topic, 300, event)?;
    let (admin, udp, over) = (server.admin, server.udp, AtomicBool::new(false));
    let looked = std::thread::scope(|scope| -> Result<u64> {
        let _over = OverAtLast(&over);
        let watch = scope.spawn(|| -> Result<u64> {
            let (mut asker, mut looked) = (Asker::new(udp)?, 0);
            while !over.load(Relaxed) {
                ensure!(is_well(admin, "/readyz")?, "what is stale stays in service");
                let answer = asker.ask("ns.z0.example.", RecordType::A)?;
                ensure!(answer.rcode() == ResponseCode::NoError && answer.data() == ["192.0.2.53"]);
                looked += 1;
                std::thread::sleep(Duration::from_millis(20));
            }
            Ok(looked)
        });
        let outages = [false, true].into_iter().try_for_each(|kill| -> Result<()> {
            let before = load.acknowledged();
            eventually("events come through", || (load.acknowledged() > before + 500).then_some(()));
            if kill { broker.kill() } else { broker.down() }?;
            let gone = Instant::now();
            eventually("freshness fails", || is_well(admin, "/freshz").ok().filter(|well| !well));
            println!("not fresh after {:.1?} without the broker", gone.elapsed());
            broker.up()?;
            let back = Instant::now();
            eventually("the node is fresh again", || is_well(admin, "/freshz").ok().filter(|well| *well));
            println!("fresh {:.1?} after the broker was back", back.elapsed());
            Ok(())
        });
        let before = load.acknowledged();
        let on = outages.map(|()| {
            eventually("events come through again", || (load.acknowledged() > before + 500).then_some(()));
        });
        over.store(true, Relaxed);
        let looked = watch.join().map_err(|_| anyhow!("the watch panicked"))?;
        on.and(looked)
    })?;
    let sent = load.stop()?;
    println!("{} events, readiness and an answer looked at {looked} times", sent.events);
    in_step_with_now(&server)?;
    serves(&server, &sent)?;
    server.read_exactly(zones().len() + usize::try_from(sent.events)?)?;
    ensure!(source(&server)?["alarm"].is_null());
    Ok(())
}

/// A number of the environment's, for a recorded run.
fn setting(name: &str, default: u32) -> Result<u32> {
    match env::var(name) {
        Ok(text) => text.parse().with_context(|| format!("{name} is {text:?}")),
        Err(_) => Ok(default),
    }
}

/// How long each event of the load took to be polled, from its timestamp.
fn polled(consumer: &BaseConsumer, begun: i64, over: &AtomicBool) -> Result<Delays> {
    let mut delays = Delays::default();
    while !over.load(Relaxed) {
        if let Some(message) = consumer.poll(Duration::from_millis(20)) {
            let message = message?;
            if message.timestamp().to_millis() >= Some(begun) {
                delays.observe(&message)?;
            }
        }
    }
    Ok(delays)
}

/// How long each event that a node applied took to be published, from its timestamp: what its histogram says. A
/// delay counts as the upper bound of its bucket; timestamps are whole milliseconds, and so are the first bounds.
fn propagation(server: &Server) -> Result<Delays> {
    let (mut delays, mut below) = (Delays::default(), 0);
    for (bound, count) in buckets(server)? {
        delays.add(bound, count - below);
        below = count;
    }
    Ok(delays)
}

/// The buckets of a node's histogram: their upper bounds in milliseconds, and how many events are at or below each.
fn buckets(server: &Server) -> Result<Vec<(u64, u64)>> {
    let (_, page) = server.get("/metrics")?;
    let lines = page.lines().filter(|line| line.starts_with("dns_propagation_seconds_bucket"));
    let bucket = |line: &str| {
        let (series, count) = line.rsplit_once(' ').context("a sample")?;
        let bound =
            series.split("le=\"").nth(1).and_then(|rest| rest.split('"').next()).context("a bound")?;
        // What is above all bounds is a day at most.
        let bound = bound.parse::<f64>().ok().filter(|bound| bound.is_finite()).unwrap_or(86_400.0);
        Ok(((bound * 1000.0).round() as u64, count.parse()?))
    };
    lines.map(bucket).collect()
}

fn print(who: &str, delays: &Delays) {
    let [half, most, nearly_all] = [0.5, 0.99, 0.999].map(|share| delays.quantile(share));
    println!("{who:<28} {:>7} events, p50 {half} ms, p99 {most} ms, p99.9 {nearly_all} ms", delays.count());
}

/// Kills a node and starts it again until it is told to stop. Returns it, and what its histogram said in all its
/// lives.
fn kill_and_restart(folder: &Path, life: u32, over: &AtomicBool) -> Result<(Server, Delays, u32)> {
    let (mut delays, mut kills) = (Delays::default(), 0);
    let start = || node(folder).ready();
    let mut server = start()?;
    while !over.load(Relaxed) {
        // Another moment of its life each time.
        std::thread::sleep(Duration::from_millis(u64::from(life + kills * 37 % 10 * 130)));
        delays.extend(&propagation(&server)?);
        server.kill()?;
        kills += 1;
        server = start()?;
    }
    in_step_with_now(&server)?;
    delays.extend(&propagation(&server)?);
    Ok((server, delays, kills))
}

/// Three nodes follow a topic under load, and one of them is killed and restarted all the while. In the end all
/// digests are equal at equal positions, and each serves the last event of every key. How long the events took on
/// their way is printed beside how long they took to a bare consumer in the same run.
///
/// STREAM_DNS_LOAD_RATE (events a second) and STREAM_DNS_LOAD_SECONDS make a longer run of it. Each start of a node
/// takes the others' processor for a moment: STREAM_DNS_LOAD_LIFE (milliseconds that each of its lives is longer)
/// makes starts rarer.
#[test]
fn three_nodes_under_load_are_equal_although_one_is_killed_all_the_while() -> Result<()> {
    if !real_parts("kafka: three nodes under load") {
        return Ok(());
    }
    let (rate, seconds) = (setting("STREAM_DNS_LOAD_RATE", 500)?, setting("STREAM_DNS_LOAD_SECONDS", 12)?);
    let life = setting("STREAM_DNS_LOAD_LIFE", 0)?;
    let broker = Broker::shared()?;
    let folders = [tempfile::tempdir()?, tempfile::tempdir()?, tempfile::tempdir()?];
    let topic = broker.topic("three", 6, &[])?;
    folders.iter().try_for_each(|folder| settings(folder.path(), &broker, &topic))?;
    let producer = producer(&broker, &topic)?;
    let steady = [node(folders[0].path()).ready()?, node(folders[1].path()).ready()?];
    let consumer = consumer(&broker.address(), &topic, 6)?;
    for server in &steady {
        // What an actor counts it reports every 100 ms.
        server.read_exactly(zones().len())?;
    }
    let before = [propagation(&steady[0])?, propagation(&steady[1])?];
    let load = Load::start(producer, &topic, rate, event)?;
    let begun = load.begun();
    let (over, polling_over) = (AtomicBool::new(false), AtomicBool::new(false));
    let (sent, bare, killed) = std::thread::scope(|scope| -> Result<_> {
        let bare = scope.spawn(|| polled(&consumer, begun, &polling_over));
        let killed = scope.spawn(|| kill_and_restart(folders[2].path(), life, &over));
        std::thread::sleep(Duration::from_secs(seconds.into()));
        let sent = load.stop();
        over.store(true, Relaxed);
        let killed = killed.join().map_err(|_| anyhow!("the one that kills panicked"));
        polling_over.store(true, Relaxed);
        let bare = bare.join().map_err(|_| anyhow!("the bare consumer panicked"));
        Ok((sent?, bare??, killed??))
    })?;
    let (third, of_third, kills) = killed;
    let nodes = [&steady[0], &steady[1], &third];
    for server in nodes {
        in_step_with_now(server)?;
        serves(server, &sent)?;
    }
    compare(folders[0].path(), &nodes)?;
    for server in &steady {
        server.read_exactly(zones().len() + usize::try_from(sent.events)?)?;
    }

    println!("{} events in {seconds} s, {kills} kills of the third node", sent.events);
    print("a bare consumer", &bare);
    ensure!(bare.count() == sent.events, "the bare consumer polled {} events", bare.count());
    for (number, server) in steady.iter().enumerate() {
        let own = propagation(server)?.since(&before[number]);
        print(&format!("node {}", number + 1), &own);
        ensure!(own.count() == sent.events, "{} events were measured", own.count());
        // The figures are for people; a machine that does other work is given some room. A node knows the bucket of a
        // delay and no more.
        let (own, bare) = (own.quantile(0.5), bare.quantile(0.5));
        let allowed = buckets(server)?.into_iter().map(|(bound, _)| bound).find(|bound| *bound >= bare + 50);
        ensure!(
            allowed.is_some_and(|allowed| own <= allowed),
            "half of the events took {own} ms, and {bare} ms to a bare consumer"
        );
    }
    print("node 3, killed and restarted", &of_third);
    ensure!(kills > 0, "it was never killed");
    Ok(())
}
