//! What a consumer is told: its sources, and how large its batches are.

use crate::error::ConfigError;
use crate::kafka_config::KafkaConfig;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;
use zone_model::SourceId;

/// All of a consumer's settings.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConsumerConfig {
    /// The logs to read; each has an id of its own.
    pub sources: Vec<SourceConfig>,
    /// How large batches get.
    pub batch: BatchConfig,
}

/// One log.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
#[non_exhaustive]
pub enum SourceConfig {
    /// A topic of Apache Kafka.
    Kafka(KafkaConfig),
    /// A file of JSON lines.
    Journal(JournalConfig),
}

/// A journal: a file with one JSON object a line.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct JournalConfig {
    /// The file. It need not be there yet; its directory must be.
    pub path: PathBuf,
    /// Whether what was read is synced to disk before its position is handed on, so that a position never
    /// outlives a line that a power cut took. What cannot be synced is held back.
    pub sync: bool,
}

/// How large batches get. A change that belongs together is never split, so a batch may exceed the first two
/// by the size of one change.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct BatchConfig {
    /// Events of a batch; 1 to 1,000,000.
    pub max_events: usize,
    /// Bytes of keys, values and headers of a batch; 1 KiB to 1 GiB.
    pub max_bytes: usize,
    /// Events after which an open change is handed on although it is not complete; 1 to 1,000,000. A promise
    /// of the log's format: nodes that differ here show a change of that size in different steps.
    pub group_max_events: usize,
    /// Bytes after which an open change is handed on although it is not complete.
    pub group_max_bytes: usize,
    /// Milliseconds without an event, at its partition's end, after which an open change is handed on.
    pub group_timeout_ms: u64,
    /// Milliseconds between two moments with which the node is reported to be in step.
    pub in_step_every_ms: u64,
}

// === impl ConsumerConfig ===

impl ConsumerConfig {
    /// Looks whether the settings can be used together.
    ///
    /// # Errors
    /// The first [`ConfigError`] found.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.batch.validate()?;
        let mut seen: Vec<SourceId> = Vec::new();
        for source in &self.sources {
            source.validate()?;
            let id = source.id();
            if seen.contains(&id) {
                return Err(ConfigError::Contradiction(format!(
                    "two sources are called `{id}`; a source's id is its topic's name, or `journal`, and each may \
                     be read once"
                )));
            }
            seen.push(id);
        }
        Ok(())
    }
}

// === impl SourceConfig ===

impl SourceConfig {
    /// The source's id: the topic's name, or the journal's id (which may have to be read from its file).
    pub fn id(&self) -> SourceId {
        match self {
            Self::Kafka(kafka) => SourceId::new(kafka.topic.as_str()),
            #[cfg(feature = "journal")]
            Self::Journal(journal) => crate::journal::source_id(&journal.path),
            #[cfg(not(feature = "journal"))]
            Self::Journal(_) => SourceId::new(zone_model::DEFAULT_JOURNAL_ID),
        }
    }

    /// The kind, for people: `kafka` or `journal`; also the name of the feature that reads it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Kafka(_) => "kafka",
            Self::Journal(_) => "journal",
        }
    }

    /// Looks whether the settings can be used.
    ///
    /// # Errors
    /// The first [`ConfigError`] found.
    pub fn validate(&self) -> Result<(), ConfigError> {
        match self {
            Self::Kafka(kafka) => kafka.validate(),
            Self::Journal(journal) if journal.path.file_name().is_none() => Err(ConfigError::Value {
                key: "journal.path".into(),
                value: journal.path.display().to_string(),
                allowed: "the path of a file".into(),
            }),
            Self::Journal(_) => Ok(()),
        }
    }
}

// === impl JournalConfig ===

impl JournalConfig {
    /// The journal at this path.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), ..Self::default() }
    }
}

impl Default for JournalConfig {
    fn default() -> Self {
        Self { path: PathBuf::new(), sync: true }
    }
}

// === impl BatchConfig ===

impl BatchConfig {
    /// Looks whether the numbers are in range.
    ///
    /// # Errors
    /// The first [`ConfigError`] found.
    pub fn validate(&self) -> Result<(), ConfigError> {
        within("batch.max_events", self.max_events, 1, 1_000_000)?;
        within("batch.max_bytes", self.max_bytes, 1 << 10, 1 << 30)?;
        within("batch.group_max_events", self.group_max_events, 1, 1_000_000)?;
        within("batch.group_max_bytes", self.group_max_bytes, 1 << 10, 1 << 30)
    }

    /// [`Self::group_timeout_ms`] as a duration.
    pub fn group_timeout(&self) -> Duration {
        Duration::from_millis(self.group_timeout_ms)
    }

    /// [`Self::in_step_every_ms`] as a duration.
    pub fn in_step_every(&self) -> Duration {
        Duration::from_millis(self.in_step_every_ms)
    }
}

impl Default for BatchConfig {
    fn default() -> Self {
        Self {
            max_events: 10_000,
            max_bytes: 8 << 20,
            group_max_events: 10_000,
            group_max_bytes: 16 << 20,
            group_timeout_ms: 1_000,
            in_step_every_ms: 1_000,
        }
    }
}

fn within(key: &str, value: usize, least: usize, most: usize) -> Result<(), ConfigError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(ConfigError::Value {
        key: key.into(),
        value: value.to_string(),
        allowed: format!("{least} to {most}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<ConsumerConfig, String> {
        let config: ConsumerConfig = serde_json::from_str(json).map_err(|error| error.to_string())?;
        config.validate().map_err(|error| error.to_string())?;
        Ok(config)
    }

    #[test]
    fn sources_are_told_apart_by_their_kind() {
        let config = read(
            r#"{"sources": [
                {"kind": "kafka", "brokers": ["a:9092"], "topic": "dns",
                 "sasl": {"mechanism": "scram-sha-256", "user": "u", "password": "p"}},
                {"kind": "journal", "path": "journal.jsonl"}
            ], "batch": {"max_events": 5}}"#,
        )
        .expect("valid");
        assert_eq!(config.sources.iter().map(SourceConfig::kind).collect::<Vec<_>>(), ["kafka", "journal"]);
        assert_eq!(config.sources[0].id().as_str(), "dns");
        assert_eq!((config.batch.max_events, config.batch.group_max_events), (5, 10_000));
    }

    #[test]
    fn what_cannot_be_meant_is_an_error() {
        for (json, says) in [
            (r#"{"sources": [{"kind": "journal", "pth": "x"}]}"#, "pth"),
            (r#"{"sources": [{"kind": "file", "path": "x"}]}"#, "file"),
            (r#"{"sources": [{"kind": "journal", "path": ""}]}"#, "journal.path"),
            (r#"{"batch": {"max_events": 0}}"#, "batch.max_events"),
            (
                r#"{"sources": [{"kind": "journal", "path": "x"}, {"kind": "journal", "path": "y"}]}"#,
                "`journal`",
            ),
            (
                r#"{"sources": [{"kind": "kafka", "brokers": ["a:1"], "topic": "t",
                    "sasl": {"mechanism": "GSSAPI", "user": "u", "password": "p"}}]}"#,
                "SCRAM-SHA-512",
            ),
        ] {
            let error = read(json).expect_err(json);
            assert!(error.contains(says), "{error}");
        }
    }
}
