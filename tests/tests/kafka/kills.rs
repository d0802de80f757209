//! "Exactly once" on the real binary (DESIGN), from a topic: killed at random moments under load. What is served
//! afterwards is what the topic says.
//!
//! `STREAM_DNS_KILLS` says how many kills, `STREAM_DNS_SEED` repeats a run.

use crate::{node, settings};
use anyhow::{Context, Result, ensure};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use stream_dns_tests::churn::{Churn, Dice, Draft, Said};
use stream_dns_tests::kills::{WrittenLog, kill_again_and_again, kill_within_rebuilds};
use stream_dns_tests::{Broker, Deliveries, PATIENCE, ServerBuilder, consumer, producer, real_parts};

const PARTITIONS: i32 = 4;

/// A topic, and what it says.
struct Topic<'broker> {
    broker: &'broker Broker,
    name: String,
    producer: Arc<BaseProducer<Deliveries>>,
    consumer: BaseConsumer,
    /// Where reading each partition goes on.
    next: Vec<i64>,
    said: Said,
    marks: u64,
}

// === impl Topic ===

impl<'broker> Topic<'broker> {
    /// A topic that has the zone.
    fn new(broker: &'broker Broker) -> Result<Self> {
        let name = broker.topic("kills", PARTITIONS.try_into()?, &[])?;
        let producer = producer(&broker.address(), &[])?;
        let consumer = consumer(&broker.address(), &name, PARTITIONS)?;
        for draft in Draft::zone() {
            send(&producer, &name, None, &draft)?;
        }
        producer.flush(PATIENCE)?;
        let next = vec![0; PARTITIONS.try_into()?];
        Ok(Self { broker, name, producer: producer.into(), consumer, next, said: Said::default(), marks: 0 })
    }
}

/// Hands an event to a producer, as soon as it has room for it.
fn send(
    producer: &BaseProducer<Deliveries>,
    topic: &str,
    partition: Option<i32>,
    draft: &Draft,
) -> Result<()> {
    let mut record = BaseRecord::to(topic).key(&draft.key).timestamp(draft.timestamp);
    record.partition = partition;
    record.headers = draft.change.as_ref().map(|(id, size)| {
        let headers = OwnedHeaders::new().insert(Header { key: "change-id", value: Some(id) });
        headers.insert(Header { key: "change-size", value: Some(&size.to_string()) })
    });
    record.payload = draft.value.as_ref();
    producer.send(record).map_err(|(error, _)| error)?;
    producer.poll(Duration::ZERO);
    Ok(())
}

impl WrittenLog for Topic<'_> {
    fn node(&self, folder: &Path) -> ServerBuilder {
        settings(folder, self.broker, &self.name).expect("a folder of the test's own takes a file");
        node(folder)
    }

    /// A change comes to one partition. Now and then a key's event comes to another partition than the others, as when a
    /// topic grew.
    fn churn(&self, dice: Dice, rate: u64) -> Result<Churn> {
        let (producer, topic) = (Arc::clone(&self.producer), self.name.clone());
        Ok(Churn::start(dice, rate, move |dice, drafts| {
            let of_change = dice.below(PARTITIONS as u64) as i32;
            drafts.iter().try_for_each(|draft| {
                let elsewhere = draft.change.is_some() || dice.below(50) == 0;
                send(&producer, &topic, elsewhere.then_some(of_change), draft)
            })
        }))
    }

    fn mark(&mut self) -> Result<Vec<String>> {
        let mark = |partition| {
            self.marks += 1;
            let (owner, mark) = Draft::mark(self.marks);
            send(&self.producer, &self.name, Some(partition), &mark)?;
            Ok(owner)
        };
        let owners = (0..PARTITIONS).map(mark).collect();
        self.producer.flush(PATIENCE)?;
        owners
    }

    fn read(&mut self) -> Result<()> {
        let mut ends = Vec::new();
        for partition in 0..PARTITIONS {
            ends.push(self.consumer.fetch_watermarks(&self.name, partition, PATIENCE)?.1);
        }
        let until = Instant::now() + PATIENCE;
        while self.next != ends {
            ensure!(Instant::now() < until, "the topic was read to {:?}, not to {ends:?}", self.next);
            let Some(message) = self.consumer.poll(Duration::from_millis(100)) else { continue };
            let message = message?;
            let (partition, offset) = (usize::try_from(message.partition())?, message.offset());
            ensure!(offset == self.next[partition], "{offset} of {partition}, not {:?}", self.next);
            self.next[partition] = offset + 1;
            let value = message.payload().map(serde_json::from_slice).transpose()?;
            let timestamp = message.timestamp().to_millis().context("a timestamp")?;
            let key = std::str::from_utf8(message.key().context("a key")?)?;
            self.said.read(partition.try_into()?, offset.try_into()?, timestamp, key, value.as_ref());
        }
        Ok(())
    }

    fn said(&self) -> &Said {
        &self.said
    }
}

/// `kill -9` under 2,000 events a second over several partitions, also while the node starts and catches up.
#[test]
fn killed_again_and_again_it_serves_what_the_topic_says() -> Result<()> {
    if !real_parts("kafka: a node that is killed again and again") {
        return Ok(());
    }
    let broker = Broker::shared()?;
    let folder = tempfile::tempdir()?;
    let mut topic = Topic::new(&broker)?;
    kill_again_and_again(&mut topic, folder.path(), Dice::seeded("kills on a topic"))?;
    // The broker took every event once.
    let acknowledged = topic.producer.context().acknowledged();
    ensure!(topic.said.events == acknowledged, "{} events were read of {acknowledged}", topic.said.events);
    Ok(())
}

/// The same within rebuilds.
#[test]
fn killed_within_rebuilds_it_serves_what_the_topic_says() -> Result<()> {
    if !real_parts("kafka: a node that is killed within rebuilds") {
        return Ok(());
    }
    let broker = Broker::shared()?;
    let folder = tempfile::tempdir()?;
    let mut topic = Topic::new(&broker)?;
    kill_within_rebuilds(&mut topic, folder.path(), Dice::seeded("kills within rebuilds of a topic"))
}
