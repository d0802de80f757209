//! "Bounded memory" (DESIGN, "every queue bounded"): a store that takes nothing stops the reading, and what waits
//! meanwhile is bounded in bytes however large the events are.

use crate::{node, settings};
use anyhow::{Result, ensure};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use std::time::Duration;
use stream_dns_tests::{Broker, Deliveries, PATIENCE, producer, real_parts, within};

const EVENTS: u64 = 700;
const SIZE: usize = 900 << 10;
/// What the store lets wait for the disk.
const OVERLAY: u64 = 256 << 20;
/// Beside that: the program, a batch of 8 MiB and an event that is applied, one that waits, one that is made, each with
/// the octets it was read from; what librdkafka has fetched of each partition.
const BESIDE: u64 = 192 << 20;
/// This much is much in less time on a machine that does nothing else.
const LONG: Duration = PATIENCE.saturating_mul(4);

/// The event of a number: every third cannot be used, and is kept whole all the same.
fn event(number: u64, note: &str) -> (String, String) {
    let owner = format!("n{number}.large.example.");
    let name = if number % 3 == 2 { "elsewhere." } else { &owner };
    let value = format!(r#"[{{"name":"{name}","type":"TXT","content":"text","ttl":60,"note":"{note}"}}]"#);
    (format!("{owner}|TXT"), value)
}

/// Hands an event over when there is room for it.
fn send(
    producer: &BaseProducer<Deliveries>,
    topic: &str,
    (key, value): &(String, String),
) -> Result<(), KafkaError> {
    loop {
        match producer.send(BaseRecord::to(topic).key(key).payload(value)) {
            Err((error, _)) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull) => {
                producer.poll(Duration::from_millis(20));
            }
            sent => return sent.map_err(|(error, _)| error),
        }
    }
}

/// 630 MiB of events for a node whose disk takes nothing: it stays in service, reads as much as may wait and no more,
/// and has all of it when the disk works again.
#[test]
fn a_store_that_takes_nothing_stops_the_reading() -> Result<()> {
    if !real_parts("kafka: a store that takes nothing") {
        return Ok(());
    }
    let broker = Broker::shared()?;
    let folder = tempfile::tempdir()?;
    let topic = broker.topic("bounded", 3, &[])?;
    settings(folder.path(), &broker, &topic)?;
    let server = node(folder.path()).shell("trap '' XFSZ; exec \"$0\" \"$@\"").ready()?;
    let before = server.peak_memory()?;
    server.limit_files(32 << 10)?;
    let producer = producer(&broker.address(), &[("queue.buffering.max.kbytes", "16384")])?;
    let note = "x".repeat(SIZE);
    (0..EVENTS).try_for_each(|number| send(&producer, &topic, &event(number, &note)))?;
    producer.flush(LONG)?;
    ensure!(producer.context().acknowledged() == EVENTS);

    let metric = |name: &str| server.metric(name, "");
    within(LONG, "the store has no room", || {
        metric("dns_store_pending_bytes").ok().filter(|bytes| *bytes > 0.9 * OVERLAY as f64)
    })?;
    let mut read = -1.0;
    within(LONG, "the reading stops", || {
        std::thread::sleep(Duration::from_secs(1));
        let now = metric("dns_events_read_total").ok()?;
        (std::mem::replace(&mut read, now) == now).then_some(())
    })?;
    let (waiting, peak) = (metric("dns_store_pending_bytes")?, server.peak_memory()?);
    println!(
        "{read} of {EVENTS} events of 900 KiB were read, {:.0} MiB wait for the disk, {} MiB of memory at most, {} before",
        waiting / f64::from(1 << 20),
        peak >> 20,
        before >> 20
    );
    ensure!(read < EVENTS as f64, "all of it was read, and nobody had room for it");
    ensure!(waiting < (OVERLAY + (16 << 20)) as f64, "{waiting} bytes wait for the disk");
    ensure!(peak < before + OVERLAY + BESIDE, "{peak} bytes of memory");
    ensure!(server.get("/readyz")?.0 == 200, "it stays in service");

    server.limit_files(u64::MAX)?;
    within(LONG, "all of it is on the disk", || {
        let applied = metric("dns_events_applied_total").ok()?;
        (applied == EVENTS as f64 && metric("dns_store_pending_bytes").ok()? == 0.0).then_some(())
    })?;
    let status = server.json("/v1/status")?;
    let (unusable, slots) = (EVENTS / 3, EVENTS - EVENTS / 3);
    ensure!(status["slots"] == slots && status["quarantined"] == unusable, "{status}");
    // Nor does who looks at what cannot be used take it all at once.
    let list = server.client(folder.path(), &["quarantine", "list"])?;
    let lines = String::from_utf8(list.stdout)?.lines().count() as u64;
    ensure!(lines == unusable, "{lines} events are listed: {}", String::from_utf8_lossy(&list.stderr));
    let peak = server.peak_memory()?;
    println!("{} MiB of memory at most when all of it is on the disk", peak >> 20);
    ensure!(peak < before + OVERLAY + BESIDE, "{peak} bytes of memory");
    Ok(())
}
