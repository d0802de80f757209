//! What a producer is told.

use serde::{Deserialize, Serialize};
use std::time::Duration;
use zone_model::{Limits, Name, SourceId};

/// A producer's settings, whatever log it writes to.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProducerConfig {
    /// How the partitions are used of the topic that is written; a property of the topic, the same for everybody who
    /// writes to it.
    pub partitioning: Partitioning,
    /// Changes that may wait to be published; the next is refused as unavailable. 1 to 10,000.
    pub queue: usize,
    /// Milliseconds to wait for the log: for a journal's lock, for a broker's answers. 100 to 300,000.
    pub timeout_ms: u64,
    /// Zones that are served although the log may have no SOA for them: records in them may be published.
    /// Not a key of a configuration file here: who serves the zones says which they are.
    #[serde(skip)]
    pub zones: Vec<Name>,
    /// The zones that logs may write: a change of another is refused. No key either.
    #[serde(skip)]
    pub limits: Limits,
    /// The logs that are read together: where another than the one that is written may hold RRsets of a zone too, one is
    /// removed by `[]`, which hides what stands there, and not by a null. No key either.
    #[serde(skip)]
    pub sources: Vec<SourceId>,
}

/// How a topic's partitions are used.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Partitioning {
    /// A zone stands in one partition, so that its changes become visible at once: that of its SOA.
    #[default]
    Zone,
    /// Each key stands where Kafka's own partitioner (murmur2 of the key's bytes) puts it, as other
    /// producers do. A change of several keys is then not atomic for who reads it.
    Key,
}

/// A setting is out of its range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("producer.{key} is {value}; allowed is {allowed}")]
pub struct ConfigError {
    /// The key, without the section.
    pub key: &'static str,
    /// What it is.
    pub value: String,
    /// What it may be.
    pub allowed: &'static str,
}

// === impl Partitioning ===

impl Partitioning {
    /// By key, or by zone.
    pub fn of(by_key: bool) -> Self {
        if by_key { Self::Key } else { Self::Zone }
    }
}

// === impl ProducerConfig ===

impl ProducerConfig {
    /// Looks whether the numbers are in range.
    ///
    /// # Errors
    /// The first [`ConfigError`] found.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if !(1..=10_000).contains(&self.queue) {
            return Err(ConfigError { key: "queue", value: self.queue.to_string(), allowed: "1 to 10000" });
        }
        if !(100..=300_000).contains(&self.timeout_ms) {
            let value = self.timeout_ms.to_string();
            return Err(ConfigError { key: "timeout_ms", value, allowed: "100 to 300000" });
        }
        Ok(())
    }

    /// Whether no other log that is read together with this one may write the zone.
    pub fn is_alone(&self, source: &SourceId, apex: &Name) -> bool {
        self.sources.iter().all(|other| other == source || !self.limits.allow(other, apex))
    }

    /// [`Self::timeout_ms`] as a duration.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }
}

impl Default for ProducerConfig {
    fn default() -> Self {
        Self {
            partitioning: Partitioning::default(),
            queue: 64,
            timeout_ms: 10_000,
            zones: Vec::new(),
            limits: Limits::default(),
            sources: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_in_range_and_a_typo_is_said() {
        assert_eq!(ProducerConfig::default().validate(), Ok(()));
        let nothing = ProducerConfig { queue: 0, ..ProducerConfig::default() };
        let error = nothing.validate().unwrap_err().to_string();
        assert_eq!(error, "producer.queue is 0; allowed is 1 to 10000");
        let read: Result<ProducerConfig, _> = serde_json::from_str(r#"{"partitionning":"key"}"#);
        assert!(read.unwrap_err().to_string().contains("unknown field"));
        let key: ProducerConfig = serde_json::from_str(r#"{"partitioning":"key"}"#).unwrap();
        assert_eq!(key.partitioning, Partitioning::Key);
    }
}
