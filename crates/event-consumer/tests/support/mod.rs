//! What the tests with a broker, imitated or real, have in common.
#![allow(dead_code, reason = "each test program uses a part of it")]
#![allow(unreachable_pub, reason = "a module of several test programs")]

use event_consumer::{BatchConfig, ConsumerConfig, Follower, KafkaConfig, ReaderStatus, SourceConfig};
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use zone_model::{Event, Partition, Position, SourceId, Timestamp};

pub const PATIENCE: Duration = Duration::from_secs(30);

pub fn producer(brokers: &str, properties: &[(&str, &str)]) -> BaseProducer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers);
    for (key, value) in properties {
        config.set(*key, *value);
    }
    config.create().expect("a producer")
}

pub fn value(owner: &str) -> String {
    format!(r#"[{{"Name":"{owner}.example.","Type":"A","Content":"192.0.2.1","Ttl":60}}]"#)
}

pub fn produce(
    producer: &BaseProducer,
    topic: &str,
    partition: i32,
    owner: &str,
    value: Option<&str>,
    timestamp: i64,
) {
    let key = format!("{owner}.example.|A");
    let headers = OwnedHeaders::new().insert(Header { key: "producer", value: Some("test") });
    let mut record =
        BaseRecord::to(topic).key(&key).partition(partition).timestamp(timestamp).headers(headers);
    if let Some(value) = value {
        record = record.payload(value);
    }
    producer.send(record).map_err(|(error, _)| error).expect("queued");
}

pub fn config(brokers: &str, topic: &str) -> ConsumerConfig {
    let kafka = KafkaConfig { brokers: vec![brokers.into()], topic: topic.into(), ..KafkaConfig::default() };
    ConsumerConfig {
        sources: vec![SourceConfig::Kafka(kafka)],
        batch: BatchConfig { in_step_every_ms: 100, ..BatchConfig::default() },
    }
}

pub fn follow(brokers: &str, topic: &str, positions: &BTreeMap<Partition, Position>) -> Follower {
    let positions: Vec<_> =
        positions.iter().map(|(p, position)| (SourceId::new(topic), *p, *position)).collect();
    Follower::open(&config(brokers, topic), &positions).expect("opens")
}

#[derive(Default)]
pub struct Seen {
    pub events: Vec<Event>,
    pub positions: BTreeMap<Partition, Position>,
    pub in_step: Option<Timestamp>,
}

impl Seen {
    pub fn until(&mut self, follower: &mut Follower, enough: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !enough(self) {
            assert!(
                Instant::now() < deadline,
                "not in time; {} events, {:?}",
                self.events.len(),
                follower.status()
            );
            let Some(batch) = follower.next_batch(Duration::from_millis(50)) else { continue };
            self.events.extend(batch.events);
            self.positions.extend(batch.positions);
            self.in_step = batch.in_step.or(self.in_step);
        }
    }

    pub fn keys(&self) -> Vec<String> {
        self.events.iter().map(|event| String::from_utf8_lossy(&event.key).into_owned()).collect()
    }
}

pub fn status(follower: &Follower) -> ReaderStatus {
    follower.status().remove(0).1
}

pub fn wait_for(follower: &mut Follower, enough: impl Fn(&ReaderStatus) -> bool) -> ReaderStatus {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let status = status(follower);
        if enough(&status) {
            return status;
        }
        assert!(Instant::now() < deadline, "not in time: {status:?}");
        let _ = follower.next_batch(Duration::from_millis(20));
    }
}
