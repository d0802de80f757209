//! What the client commands are told by whoever reads the configuration.

use event_consumer::{SourceConfig, kafka_properties};
use event_producer::ProducerConfig;
use std::fmt;
use std::path::PathBuf;
use zone_model::Name;

/// Where the log, the store and the node are.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// The log that is written, and read with `--from-log`.
    pub log: Option<LogTarget>,
    /// All logs that are followed.
    pub sources: Vec<SourceConfig>,
    /// The file of the node's store.
    pub store: Option<PathBuf>,
    /// The node's admin address, `HOST:PORT`. A wildcard address stands for the loopback one.
    pub node: Option<String>,
    /// Who asks the node, where it wants to know.
    pub credentials: Option<Credentials>,
    /// Zones that are served although the log may have no SOA for them.
    pub zones: Vec<Name>,
    /// The TTL, in seconds, that is served where a record has none.
    pub default_ttl: u32,
    /// How changes are published.
    pub producer: ProducerConfig,
}

/// A log.
#[derive(Clone, PartialEq, Eq)]
pub enum LogTarget {
    /// A journal file.
    Journal(PathBuf),
    /// A topic of Apache Kafka.
    Kafka {
        /// The topic.
        topic: String,
        /// librdkafka's properties for the connection, ready-made.
        properties: Vec<(String, String)>,
    },
}

// === impl LogTarget ===

impl LogTarget {
    /// The log that is written to: of the sources that are read the first topic, or the first journal.
    ///
    /// # Errors
    /// What cannot be told librdkafka.
    pub fn among(sources: &[SourceConfig], topic: bool) -> Result<Option<Self>, event_consumer::ConfigError> {
        let wanted = |source: &&SourceConfig| matches!(source, SourceConfig::Kafka(_)) == topic;
        Ok(match sources.iter().find(wanted) {
            Some(SourceConfig::Kafka(own)) => {
                Some(Self::Kafka { topic: own.topic.clone(), properties: kafka_properties(own)? })
            }
            Some(SourceConfig::Journal(own)) => Some(Self::Journal(own.path.clone())),
            _ => None,
        })
    }
}

/// A user of the admin interface.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user.
    pub user: String,
    /// The password.
    pub password: String,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            log: None,
            sources: Vec::new(),
            store: None,
            node: None,
            credentials: None,
            zones: Vec::new(),
            default_ttl: 300,
            producer: ProducerConfig::default(),
        }
    }
}

/// Without the properties' values, which hold passwords.
impl fmt::Debug for LogTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Journal(path) => f.debug_tuple("Journal").field(path).finish(),
            Self::Kafka { topic, .. } => {
                f.debug_struct("Kafka").field("topic", topic).finish_non_exhaustive()
            }
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// For people: `journal FILE`, `topic NAME`.
impl fmt::Display for LogTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Journal(path) => write!(f, "the journal {}", path.display()),
            Self::Kafka { topic, .. } => write!(f, "the topic {topic}"),
        }
    }
}
