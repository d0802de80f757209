//! Events to a real broker, each with the moment of its acknowledgement.

use anyhow::Result;
use rdkafka::ClientConfig;
use rdkafka::ClientContext;
use rdkafka::producer::{BaseRecord, DeliveryResult, ProducerContext, ThreadedProducer};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

/// Sends each event at once, and says when the broker had it.
pub struct Acknowledging {
    producer: ThreadedProducer<Reports>,
    reports: Receiver<(usize, Instant)>,
    topic: String,
    put: usize,
}

/// Hands out the moment of each acknowledgement.
struct Reports(Sender<(usize, Instant)>);

// === impl Reports ===

impl ClientContext for Reports {}

impl ProducerContext for Reports {
    type DeliveryOpaque = Box<usize>;

    fn delivery(&self, result: &DeliveryResult<'_>, number: Box<usize>) {
        // One that the broker did not take is never reported, and so never seen.
        if result.is_ok() {
            let _ = self.0.send((*number, Instant::now()));
        }
    }
}

// === impl Acknowledging ===

impl Acknowledging {
    /// A producer for one topic.
    pub fn new(broker: &str, topic: &str) -> Result<Self> {
        let (sender, reports) = channel();
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", broker).set("acks", "all").set("linger.ms", "0");
        let producer = config.create_with_context(Reports(sender))?;
        Ok(Self { producer, reports, topic: topic.to_owned(), put: 0 })
    }

    /// Sends an event.
    pub fn produce(&mut self, key: &str, value: &str) -> Result<()> {
        let record = BaseRecord::with_opaque_to(&self.topic, Box::new(self.put)).key(key).payload(value);
        self.put += 1;
        self.producer.send(record).map_err(|(error, _)| error.into())
    }

    /// What was acknowledged since the last time: each by the order in which it was sent.
    pub fn acknowledged(&mut self) -> Vec<(usize, Instant)> {
        self.reports.try_iter().collect()
    }

    /// Counts from nought again.
    pub fn begin_anew(&mut self) {
        self.put = 0;
    }
}
