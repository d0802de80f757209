//! Events for a topic, and from it, by librdkafka itself: in transactions, or as a steady load.

use crate::PATIENCE;
use anyhow::{Context as _, Result, anyhow, ensure};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use rdkafka::{ClientConfig, ClientContext, Offset, TopicPartitionList, message::Message};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A producer that never gives up a delivery within the time of a test, with these properties added.
pub fn producer(brokers: &str, properties: &[(&str, &str)]) -> Result<BaseProducer<Deliveries>> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("enable.idempotence", "true").set("linger.ms", "0");
    config.set("reconnect.backoff.ms", "50").set("reconnect.backoff.max.ms", "500");
    for (name, value) in properties {
        config.set(*name, *value);
    }
    Ok(config.create_with_context(Deliveries::default())?)
}

/// A consumer with nothing around it, of a topic from its beginning, with the same wait at the broker as a node's.
pub fn consumer(brokers: &str, topic: &str, partitions: i32) -> Result<BaseConsumer> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("group.id", "bare");
    config.set("fetch.wait.max.ms", "10").set("fetch.queue.backoff.ms", "10");
    let consumer: BaseConsumer = config.create()?;
    let mut all = TopicPartitionList::new();
    for partition in 0..partitions {
        all.add_partition_offset(topic, partition, Offset::Beginning)?;
    }
    consumer.assign(&all)?;
    Ok(consumer)
}

/// Hands an event to a producer; it gets the present as its timestamp.
pub fn send(producer: &BaseProducer<Deliveries>, topic: &str, (key, value): &(String, String)) -> Result<()> {
    producer.send(BaseRecord::to(topic).key(key).payload(value)).map_err(|(error, _)| error.into())
}

/// Counts what the broker acknowledged.
#[derive(Clone, Debug, Default)]
pub struct Deliveries {
    acknowledged: Arc<AtomicU64>,
    refused: Arc<AtomicU64>,
}

/// A thread that publishes so many events a second, until it is told to stop.
#[derive(Debug)]
pub struct Load {
    begun: i64,
    stop: Arc<AtomicBool>,
    deliveries: Deliveries,
    thread: JoinHandle<Result<Sent>>,
}

/// What a load has published.
#[derive(Debug, Default)]
pub struct Sent {
    /// Events, all of them acknowledged.
    pub events: u64,
    /// The number of the last event of each key.
    pub last: BTreeMap<String, u64>,
}

/// Delays in whole milliseconds, as often as each was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delays(BTreeMap<u64, u64>);

// === impl Deliveries ===

impl Deliveries {
    /// How many events were acknowledged.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Relaxed)
    }
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let counter = if result.is_ok() { &self.acknowledged } else { &self.refused };
        counter.fetch_add(1, Relaxed);
    }
}

// === impl Load ===

impl Load {
    /// Begins to publish `rate` events a second. `event` makes the event of a number, 0 first. What the producer was
    /// given before must be acknowledged; then it need not connect first.
    pub fn start(
        producer: BaseProducer<Deliveries>,
        topic: &str,
        rate: u32,
        event: impl Fn(u64) -> (String, String) + Send + 'static,
    ) -> Result<Self> {
        let deliveries = producer.context().as_ref().clone();
        let before = deliveries.acknowledged();
        let stop = Arc::new(AtomicBool::new(false));
        let begun = now()?;
        let (topic, stopping) = (topic.to_owned(), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            let (start, mut sent) = (Instant::now(), Sent::default());
            while !stopping.load(Relaxed) {
                let due = start + Duration::from_secs(1) * u32::try_from(sent.events)? / rate;
                producer.poll(due.saturating_duration_since(Instant::now()));
                if Instant::now() < due {
                    continue;
                }
                let event = event(sent.events);
                send(&producer, &topic, &event)?;
                sent.last.insert(event.0, sent.events);
                sent.events += 1;
            }
            producer.flush(PATIENCE)?;
            let deliveries = producer.context();
            let refused = deliveries.refused.load(Relaxed);
            ensure!(refused == 0, "{refused} events were refused");
            let acknowledged = deliveries.acknowledged() - before;
            ensure!(
                acknowledged == sent.events,
                "{acknowledged} of {} events were acknowledged",
                sent.events
            );
            Ok(sent)
        });
        Ok(Self { begun, stop, deliveries, thread })
    }

    /// When it began, in milliseconds since 1970: no timestamp of its events is below.
    pub fn begun(&self) -> i64 {
        self.begun
    }

    /// How many events were acknowledged so far.
    pub fn acknowledged(&self) -> u64 {
        self.deliveries.acknowledged()
    }

    /// Stops, and waits until everything is acknowledged.
    pub fn stop(self) -> Result<Sent> {
        self.stop.store(true, Relaxed);
        self.thread.join().map_err(|_| anyhow!("the producer panicked"))?
    }
}

// === impl Delays ===

impl Delays {
    /// Enters the time from a message's timestamp to now.
    pub fn observe(&mut self, message: &impl Message) -> Result<()> {
        let then = message.timestamp().to_millis().context("a message without a timestamp")?;
        self.add(u64::try_from(now()? - then).unwrap_or(0), 1);
        Ok(())
    }

    /// Enters a delay that was seen so many times.
    pub fn add(&mut self, milliseconds: u64, times: u64) {
        *self.0.entry(milliseconds).or_default() += times;
    }

    /// Enters those of another.
    pub fn extend(&mut self, other: &Self) {
        other.0.iter().for_each(|(delay, times)| self.add(*delay, *times));
    }

    /// What was entered since they were `before`.
    pub fn since(&self, before: &Self) -> Self {
        let added = |(delay, times): (&u64, &u64)| {
            let then = before.0.get(delay).copied().unwrap_or(0);
            (*times > then).then(|| (*delay, times - then))
        };
        Self(self.0.iter().filter_map(added).collect())
    }

    /// How many were entered.
    pub fn count(&self) -> u64 {
        self.0.values().sum()
    }

    /// The least delay that this share of all does not exceed; 0 of none.
    pub fn quantile(&self, share: f64) -> u64 {
        let rank = (self.count() as f64 * share).ceil() as u64;
        let mut below = 0;
        let reached = |(_, times): &(&u64, &u64)| {
            below += **times;
            below >= rank
        };
        self.0.iter().find(reached).map_or(0, |(delay, _)| *delay)
    }
}

/// The present in milliseconds since 1970.
fn now() -> Result<i64> {
    Ok(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?)
}
