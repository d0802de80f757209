//! The settings as values. What each means, its default and its range stand in [`SETTINGS`](crate::SETTINGS).

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use zone_model::decode::local_records;
use zone_model::{EventKey, Limits, Name, RrSet, SourceId};

/// All settings of a node.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Settings {
    /// The node's name.
    pub instance_id: Option<String>,
    /// What is asked.
    pub dns: Dns,
    /// The journal.
    #[serde(default)]
    pub journal: Journal,
    /// Apache Kafka.
    pub kafka: Kafka,
    /// Where changes are published.
    pub producer: Producer,
    /// What is kept.
    pub store: Store,
    /// Other people's names.
    pub resolver: Resolver,
    /// What is measured.
    pub metrics: Metrics,
    /// The HTTP interface.
    pub admin: Admin,
    /// Stopping.
    pub shutdown: Shutdown,
    /// The node's own log.
    pub log: Log,
    /// Taken over from the older server; does nothing.
    pub sentry_dsn: Option<Secret>,
}

/// What is asked, and which zones are served.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Dns {
    /// Where DNS is answered; at least one.
    pub listen: Vec<SocketAddr>,
    /// Whether UDP is answered.
    pub udp: bool,
    /// Whether TCP is answered.
    pub tcp: bool,
    /// How many listeners; 0 for one per core.
    pub listeners: usize,
    /// The zones to serve, absolute and in lower case; empty for all of the log.
    #[serde(default)]
    pub zones: Vec<String>,
    /// A text that [`zone_model::decode::local_records`] reads without an error.
    #[serde(default)]
    pub local_records: String,
    /// Octets of an answer over UDP to a client with EDNS, at most.
    pub udp_payload: u16,
    /// Connections that are open at most, in all.
    pub tcp_connections: usize,
    /// Connections that are open at most for one client address.
    pub tcp_connections_per_client: usize,
    /// Milliseconds that a connection may be without a query.
    pub tcp_idle_ms: u64,
    /// Milliseconds that a connection may last in all.
    pub tcp_total_ms: u64,
    /// Milliseconds that an answer may take to be written.
    pub tcp_write_ms: u64,
    /// What a question of type ANY is answered with over UDP.
    pub any_udp: Any,
    /// And over TCP.
    pub any_tcp: Any,
    /// The identifier for clients that ask for it by EDNS; at most 255 octets.
    pub nsid: Option<String>,
    /// What `version.bind` and `version.server` say; at most 255 octets.
    pub chaos_version: Option<String>,
    /// What `hostname.bind` and `id.server` say; at most 255 octets.
    pub chaos_hostname: Option<String>,
    /// Seconds, for records whose event gives no TTL.
    pub default_ttl: u32,
    /// Always so, whatever is set.
    pub disallow_cname_on_apex: bool,
}

/// The journal.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Journal {
    /// The file; `None` where none is followed.
    pub path: Option<PathBuf>,
    /// The only zones that it may write, absolute and in lower case; `None` for all.
    pub apexes: Option<Vec<String>>,
}

/// Apache Kafka.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Kafka {
    /// `HOST:PORT` of brokers to begin with; empty where Kafka is not used.
    #[serde(default)]
    pub brokers: Vec<String>,
    /// The topics to follow; not empty where brokers are not.
    #[serde(default)]
    pub topics: Vec<String>,
    /// Those of the topics that a node which has nothing yet may read although their beginning is gone.
    #[serde(default)]
    pub incomplete_topics: Vec<String>,
    /// For topics the only zones that each may write, absolute and in lower case; one that is not here may write all.
    #[serde(default)]
    pub apexes: BTreeMap<String, Vec<String>>,
    /// How the partitions of topics are used; [`Partitioning::Zone`] for one that is not here.
    #[serde(default)]
    pub partitioning: BTreeMap<String, Partitioning>,
    /// Logging in.
    pub sasl: Sasl,
    /// Encryption.
    pub tls: Tls,
    /// Further properties of librdkafka.
    #[serde(default)]
    pub properties: BTreeMap<String, String>,
}

/// Logging in at brokers.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Sasl {
    /// Whether to log in.
    pub enabled: bool,
    /// `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`; given where logging in is enabled.
    pub mechanism: Option<String>,
    /// The user; given where logging in is enabled.
    pub user: Option<String>,
    /// The password; given where logging in is enabled.
    pub password: Option<Secret>,
}

/// Encryption of connections to brokers.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Tls {
    /// Whether to encrypt.
    pub enabled: bool,
    /// The authorities to trust, PEM.
    pub ca: Option<PathBuf>,
    /// The node's certificate, PEM; with `key`.
    pub cert: Option<PathBuf>,
    /// Its key, PEM; with `cert`.
    pub key: Option<PathBuf>,
}

/// Where changes are published.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Producer {
    /// The log that is written to; never [`Target::Auto`] in settings that were loaded.
    pub target: Target,
    /// Milliseconds that the log may take.
    pub timeout_ms: u64,
}

/// How a topic's partitions are used.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Partitioning {
    /// A zone stands in one partition.
    Zone,
    /// A key stands where Kafka's own partitioner puts it.
    Key,
}

/// A log that can be written to.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// Kafka where it is configured, else the journal.
    Auto,
    /// The first topic.
    Kafka,
    /// The journal.
    Journal,
    /// None.
    Off,
}

/// What is kept.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Store {
    /// The file.
    pub path: PathBuf,
    /// MiB of memory for its cache.
    pub cache_mib: usize,
}

/// Other people's names.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Resolver {
    /// How names are resolved; always given in settings that were loaded.
    pub mode: Option<Recursion>,
    /// Whom to forward to.
    #[serde(default)]
    pub servers: Vec<SocketAddr>,
    /// Where to begin; empty for the real roots.
    #[serde(default)]
    pub roots: Vec<SocketAddr>,
    /// The port of name servers met while iterating.
    pub port: u16,
    /// Whether name servers with private and other special addresses are asked while iterating.
    pub allow_private_servers: bool,
    /// Milliseconds for a question in all.
    pub timeout_ms: u64,
    /// Answers in the cache at most.
    pub cache_entries: u64,
    /// Who may ask.
    pub allow: Vec<IpNet>,
}

/// What a question of type ANY is answered with.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Any {
    /// One RRset.
    One,
    /// All of them.
    All,
}

/// How names of others are resolved.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Recursion {
    /// Not at all.
    Off,
    /// By asking other resolvers.
    Forward,
    /// From the root downwards.
    Iterate,
}

/// What is measured.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Metrics {
    /// Milliseconds between two flushes.
    pub flush_interval_ms: u64,
    /// Batches that may wait.
    pub buffer_size: usize,
    /// Standard output: `None` for nothing, else whether as text or as JSON.
    #[serde(with = "off")]
    pub stdout: Option<LogFormat>,
    /// Statsd.
    pub statsd: Statsd,
}

/// Statsd.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Statsd {
    /// `HOST:PORT`; `None` for no statsd.
    pub address: Option<String>,
    /// What stands before each name.
    pub prefix: Option<String>,
    /// Whether labels are tags.
    pub tags: bool,
}

/// The HTTP interface.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Admin {
    /// Where it answers; empty for nowhere.
    #[serde(default)]
    pub address: Vec<SocketAddr>,
    /// The user name; with a password.
    pub username: Option<String>,
    /// The password; with a user name.
    pub password: Option<Secret>,
    /// What tokens are signed with.
    pub jwt_secret: Option<Secret>,
    /// Milliseconds since the node was in step with each log, at most, to be fresh.
    pub fresh_in_step_ms: u64,
    /// Milliseconds of lag of a partition, at most, to be fresh.
    pub fresh_lag_ms: u64,
}

/// Stopping.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Shutdown {
    /// Milliseconds from the signal to the moment at which nothing new is accepted.
    pub delay_ms: u64,
    /// Milliseconds that everything after that may take.
    pub drain_timeout_ms: u64,
}

/// The node's own log.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Log {
    /// What is logged.
    pub level: LogLevel,
    /// How.
    pub format: LogFormat,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogLevel {
    /// Everything.
    Trace,
    /// What helps to find a defect.
    Debug,
    /// What an operator wants to have seen.
    Info,
    /// What may need an operator.
    Warn,
    /// What does.
    Error,
    /// Nothing.
    Off,
}

impl LogLevel {
    /// The level in the form that `tracing-subscriber` reads, less what a library says of its own start.
    pub fn directives(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug,actix_server=warn",
            Self::Info => "info,actix_server=warn",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Off => "off",
        }
    }
}

/// For people or for programs.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// Text.
    Text,
    /// A JSON object a line.
    Json,
}

/// A text that is never printed: `Debug` and `Serialize` write a mask.
#[derive(Clone, Deserialize, PartialEq, Eq)]
#[serde(transparent)]
pub struct Secret(String);

// === impl Dns ===

impl Dns {
    /// The zones as names.
    pub fn zone_names(&self) -> Vec<Name> {
        // They were read as names when they were loaded; so also below.
        self.zones.iter().filter_map(|zone| Name::parse(zone).ok()).collect()
    }

    /// The local records as RRsets.
    pub fn local_rrsets(&self) -> Vec<(EventKey, RrSet)> {
        local_records(&self.local_records).unwrap_or_default()
    }
}

// === impl Settings ===

impl Settings {
    /// The zones that sources may write; `journal` is the journal's id.
    pub fn limits(&self, journal: Option<&SourceId>) -> Limits {
        // They were read as names when they were loaded.
        let names = |apexes: &[String]| -> Vec<Name> {
            apexes.iter().filter_map(|apex| Name::parse(apex).ok()).collect()
        };
        let mut limits = Limits::default();
        if let (Some(journal), Some(apexes)) = (journal, &self.journal.apexes) {
            limits.limit(journal.clone(), names(apexes));
        }
        for (topic, apexes) in &self.kafka.apexes {
            limits.limit(SourceId::new(topic.as_str()), names(apexes));
        }
        limits
    }
}

// === impl Kafka ===

impl Kafka {
    /// Whether the topic that changes are published to is one of [`Partitioning::Key`].
    pub fn publishes_by_key(&self) -> bool {
        let topic = self.topics.first();
        topic.is_some_and(|topic| self.partitioning.get(topic) == Some(&Partitioning::Key))
    }
}

// === impl Shutdown ===

impl Shutdown {
    /// [`Self::delay_ms`] as a duration.
    pub fn delay(&self) -> Duration {
        Duration::from_millis(self.delay_ms)
    }

    /// [`Self::drain_timeout_ms`] as a duration.
    pub fn drain_timeout(&self) -> Duration {
        Duration::from_millis(self.drain_timeout_ms)
    }
}

// === impl Secret ===

impl Secret {
    /// A secret of this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text of a secret that may be set.
    pub fn text(secret: &Option<Self>) -> Option<String> {
        secret.as_ref().map(|secret| secret.0.clone())
    }

    /// The text itself, for the one place that uses it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(crate::MASK)
    }
}

impl Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(crate::MASK)
    }
}

// === off ===

/// `off` is the word for `None`.
mod off {
    use super::LogFormat;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        format: &Option<LogFormat>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match format {
            None => "off",
            Some(LogFormat::Text) => "text",
            Some(LogFormat::Json) => "json",
        })
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<LogFormat>, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "off" => Ok(None),
            "text" => Ok(Some(LogFormat::Text)),
            "json" => Ok(Some(LogFormat::Json)),
            other => Err(D::Error::custom(format!("`{other}` is none of off, text and json"))),
        }
    }
}
