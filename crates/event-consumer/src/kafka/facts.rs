//! What a topic's configuration and its first offsets mean for whoever follows it: no I/O.

use messages::{DEFAULT_TOMBSTONE_RETENTION, LogFacts};
use rdkafka::error::RDKafkaErrorCode as Code;
use std::collections::BTreeMap;
use std::time::Duration;

/// What of a topic's configuration concerns its readers; `None` where the broker does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TopicConfig {
    cleanup_policy: Option<String>,
    delete_retention_ms: Option<i64>,
    timestamp_type: Option<String>,
}

/// Everything that is known of a topic beside its events.
#[derive(Debug, Default)]
pub(crate) struct Topic {
    /// Its configuration, or why that cannot be read; `None` before the first answer.
    config: Option<Result<TopicConfig, String>>,
    /// Where its partitions begin, those that are known.
    begins: BTreeMap<i32, i64>,
}

// === impl TopicConfig ===

impl TopicConfig {
    pub(crate) fn of(entries: impl Iterator<Item = (String, String)>) -> Self {
        let mut config = Self::default();
        for (name, value) in entries {
            match name.as_str() {
                "cleanup.policy" => config.cleanup_policy = Some(value),
                "delete.retention.ms" => config.delete_retention_ms = value.parse().ok(),
                "message.timestamp.type" => config.timestamp_type = Some(value),
                _ => {}
            }
        }
        config
    }

    fn has_policy(&self, policy: &str) -> Option<bool> {
        let policies = self.cleanup_policy.as_ref()?;
        Some(policies.split(',').any(|own| own.trim().eq_ignore_ascii_case(policy)))
    }

    /// How long a null is kept; `None` where nothing is compacted, so that it is kept as long as what is around it.
    fn tombstone_retention(&self) -> Option<Duration> {
        if self.has_policy("compact") == Some(false) {
            return None;
        }
        let said = self.delete_retention_ms.and_then(|ms| u64::try_from(ms).ok());
        Some(said.map_or(DEFAULT_TOMBSTONE_RETENTION, Duration::from_millis))
    }
}

// === impl Topic ===

impl Topic {
    /// Takes an answer about the configuration. An answer that failed keeps what was known before.
    pub(crate) fn configured(&mut self, answer: Result<TopicConfig, (Code, &str)>) {
        match answer {
            Ok(config) => self.config = Some(Ok(config)),
            Err(_) if matches!(self.config, Some(Ok(_))) => {}
            Err((code, text)) => {
                let why = if code == Code::TopicAuthorizationFailed { "it is not allowed to" } else { text };
                self.config = Some(Err(why.to_owned()));
            }
        }
    }

    /// Whether the configuration was asked for and something came of it.
    pub(crate) fn is_configured(&self) -> bool {
        self.config.is_some()
    }

    pub(crate) fn begins(&mut self, begins: &[(i32, i64)]) {
        self.begins.extend(begins.iter().copied());
    }

    pub(crate) fn begin_of(&self, partition: i32) -> Option<i64> {
        self.begins.get(&partition).copied()
    }

    /// What is known of the topic as a log.
    pub(crate) fn facts(&self, id: [u8; 16]) -> LogFacts {
        let config = self.config.as_ref().and_then(|config| config.as_ref().ok());
        LogFacts {
            identity: (id != [0; 16]).then(|| hexadecimal(id).into()),
            from_start: (!self.begins.is_empty()).then(|| self.begins.values().all(|begin| *begin == 0)),
            tombstone_retention: config
                .map_or(Some(DEFAULT_TOMBSTONE_RETENTION), TopicConfig::tombstone_retention),
        }
    }

    /// What keeps a promise from holding, each with what follows.
    pub(crate) fn warnings(&self, topic: &str) -> Vec<String> {
        let mut warnings = Vec::new();
        let config = match &self.config {
            None => return warnings,
            Some(Ok(config)) => config,
            Some(Err(why)) => {
                warnings.push(format!(
                    "the configuration of the topic `{topic}` cannot be read ({why}): whether it is compacted is not \
                     known, and its tombstones are assumed to be kept for 24 hours; a node that was away for longer \
                     reads everything again. Grant DescribeConfigs on the topic"
                ));
                return warnings;
            }
        };
        match (config.has_policy("compact"), config.has_policy("delete")) {
            (Some(false), _) => warnings.push(format!(
                "the topic `{topic}` is not compacted: it grows with every change, and where its retention takes old \
                 events, a node that begins anew lacks their RRsets and raises an alarm instead of serving. Set its \
                 cleanup.policy to compact"
            )),
            (_, Some(true)) => warnings.push(format!(
                "the topic `{topic}` deletes old events beside compacting them: once its retention has taken one, a \
                 node that begins anew lacks its RRset and raises an alarm instead of serving. Set its \
                 cleanup.policy to compact alone"
            )),
            _ => {}
        }
        if config.timestamp_type.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("LogAppendTime")) {
            warnings.push(format!(
                "the topic `{topic}` stamps events with the broker's clock (message.timestamp.type is LogAppendTime): \
                 events of one moment may tie, a serial may stand still or fall where that clock does, and times of \
                 propagation leave out the way to the broker. Set it to CreateTime"
            ));
        }
        warnings
    }
}

fn hexadecimal(id: [u8; 16]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(entries: &[(&str, &str)]) -> Topic {
        let entries = entries.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut topic = Topic::default();
        topic.configured(Ok(TopicConfig::of(entries)));
        topic
    }

    fn retention(topic: &Topic) -> Option<u64> {
        topic.facts([0; 16]).tombstone_retention.map(|kept| kept.as_secs())
    }

    #[test]
    fn a_compacted_topic_warns_of_nothing_and_says_how_long_tombstones_stay() {
        let own = topic(&[
            ("cleanup.policy", "compact"),
            ("delete.retention.ms", "60000"),
            ("message.timestamp.type", "CreateTime"),
        ]);
        assert_eq!((own.warnings("dns"), retention(&own)), (vec![], Some(60)));
    }

    #[test]
    fn a_topic_that_keeps_a_promise_from_holding_says_which() {
        let warned = |entries: &[_]| topic(entries).warnings("dns").join("\n");
        assert!(warned(&[("cleanup.policy", "delete")]).contains("is not compacted"));
        assert!(warned(&[("cleanup.policy", "compact,delete")]).contains("beside compacting"));
        let appended = warned(&[("cleanup.policy", "compact"), ("message.timestamp.type", "LogAppendTime")]);
        assert!(
            appended.contains("LogAppendTime") && appended.contains("a serial may stand still"),
            "{appended}"
        );
        // Nothing is compacted away, so a null stays as long as what is around it.
        assert_eq!(retention(&topic(&[("cleanup.policy", "delete"), ("delete.retention.ms", "1")])), None);
        assert_eq!(retention(&topic(&[("cleanup.policy", "compact,delete")])), Some(24 * 60 * 60));
    }

    // DESIGN, "Start and health": 24 h where the retention may not be read.
    #[test]
    fn what_may_not_be_described_is_assumed_and_said() {
        let mut own = Topic::default();
        assert!(own.warnings("dns").is_empty(), "nothing was asked yet");
        own.configured(Err((Code::TopicAuthorizationFailed, "Broker: Topic authorization failed")));
        let warnings = own.warnings("dns");
        assert!(warnings[0].contains("not allowed") && warnings[0].contains("24 hours"), "{warnings:?}");
        assert_eq!(retention(&own), Some(24 * 60 * 60));
        own.configured(Ok(TopicConfig::of([("delete.retention.ms".into(), "1000".into())].into_iter())));
        assert_eq!((own.warnings("dns"), retention(&own)), (vec![], Some(1)));
        own.configured(Err((Code::OperationTimedOut, "timed out")));
        assert_eq!(retention(&own), Some(1), "what was known stays known");
    }

    #[test]
    fn a_topic_begins_at_its_start_where_every_partition_does() {
        let mut own = Topic::default();
        assert_eq!(own.facts([0; 16]), LogFacts::default());
        own.begins(&[(0, 0), (1, 0)]);
        assert_eq!(own.facts([0; 16]).from_start, Some(true));
        own.begins(&[(1, 7)]);
        let facts = own.facts([0xab; 16]);
        assert_eq!((facts.from_start, facts.identity.as_deref()), (Some(false), Some(&*"ab".repeat(16))));
    }
}
