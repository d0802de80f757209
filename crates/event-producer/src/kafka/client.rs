//! How a topic is reached.

use rdkafka::ClientConfig;
use std::fmt;

/// A topic and how to reach it.
#[derive(Clone, PartialEq, Eq)]
pub struct KafkaTarget {
    /// The topic's name.
    pub topic: String,
    /// librdkafka's properties for the connection, ready-made: `bootstrap.servers`, `security.protocol`,
    /// `sasl.…`, `ssl.…`, and whatever else was passed through. What publishing promises (`acks`,
    /// `enable.idempotence`, `transactional.id`, isolation) is set by this crate, whatever stands here.
    pub properties: Vec<(String, String)>,
}

/// Properties of consumers, of which librdkafka would warn in a producer, and the other way round.
const OF_CONSUMERS: [&str; 13] = [
    "group.",
    "session.",
    "heartbeat.",
    "max.poll.",
    "enable.auto.",
    "auto.offset.",
    "auto.commit.",
    "queued.",
    "fetch.",
    "isolation.",
    "enable.partition.eof",
    "check.crcs",
    "allow.auto.create.topics",
];
const OF_PRODUCERS: [&str; 14] = [
    "acks",
    "request.required.acks",
    "transaction",
    "enable.idempotence",
    "enable.gapless",
    "queue.buffering",
    "linger.ms",
    "message.send",
    "retries",
    "delivery.",
    "compression.",
    "batch.",
    "partitioner",
    "sticky.",
];

// === impl KafkaTarget ===

impl KafkaTarget {
    /// The settings of a client that consumes.
    pub(super) fn consumer(&self) -> ClientConfig {
        self.client(&OF_PRODUCERS)
    }

    /// The settings of a client that produces.
    pub(super) fn producer(&self) -> ClientConfig {
        self.client(&OF_CONSUMERS)
    }

    fn client(&self, left_out: &[&str]) -> ClientConfig {
        let mut config = ClientConfig::new();
        for (key, value) in &self.properties {
            if !left_out.iter().any(|prefix| key.starts_with(prefix)) {
                config.set(key, value);
            }
        }
        config
    }
}

/// Without the properties' values, which hold passwords.
impl fmt::Debug for KafkaTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<_> = self.properties.iter().map(|(key, _)| key).collect();
        f.debug_struct("KafkaTarget").field("topic", &self.topic).field("properties", &keys).finish()
    }
}
