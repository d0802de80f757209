//! How Kafka is reached, as plain settings: compiled always, so that a program's configuration does not
//! depend on its features.

use crate::error::ConfigError;
use serde::{Deserialize, Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// One topic of Apache Kafka, and how to reach it.
#[derive(Clone, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct KafkaConfig {
    /// Brokers to ask first, each `HOST:PORT`.
    pub brokers: Vec<String>,
    /// The topic; its name is the source's id.
    pub topic: String,
    /// How to log in; nothing for a broker that lets everybody in.
    pub sasl: Option<SaslConfig>,
    /// Encryption.
    pub tls: TlsConfig,
    /// Whether a node that has nothing yet may begin with what is left of a topic whose beginning is gone: retention
    /// has taken it. Otherwise it raises an alarm and serves nothing from it.
    pub incomplete: bool,
    /// Further properties of librdkafka, by their own names. Those that would break a promise are refused:
    /// see [`kafka_properties`].
    #[serde(serialize_with = "masked")]
    pub properties: BTreeMap<String, String>,
}

/// How to log in at a broker.
#[derive(Clone, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SaslConfig {
    /// The mechanism.
    #[serde(default)]
    pub mechanism: SaslMechanism,
    /// The user.
    pub user: String,
    /// The password. Never printed: `Debug` and `Serialize` write `***`.
    #[serde(serialize_with = "hidden")]
    pub password: String,
}

/// A SASL mechanism.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum SaslMechanism {
    /// `PLAIN` (RFC 4616): the password crosses the wire, so use TLS with it.
    #[default]
    Plain,
    /// `SCRAM-SHA-256` (RFC 7677).
    ScramSha256,
    /// `SCRAM-SHA-512`.
    ScramSha512,
}

/// Encryption of the connections to the brokers.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    /// Whether to use TLS.
    pub enabled: bool,
    /// The authorities to trust, PEM; the system's where nothing is said.
    pub ca: Option<PathBuf>,
    /// The client's certificate, PEM; with `key`.
    pub cert: Option<PathBuf>,
    /// The client's key, PEM; with `cert`.
    pub key: Option<PathBuf>,
}

/// The properties of librdkafka that make a client with this configuration, ours last: none of them is
/// overridden by what the user passes through.
///
/// # Errors
/// [`ConfigError`] for what is missing, contradictory, or would break a promise: this consumer joins no group
/// and commits nothing at the broker, reads committed events alone, says when a position is gone instead of
/// jumping, and does not make topics.
pub fn kafka_properties(config: &KafkaConfig) -> Result<Vec<(String, String)>, ConfigError> {
    config.check_topic()?;
    config.check_brokers()?;
    let mut all: Vec<(String, String)> =
        DEFAULTS.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    let refused = config.properties.iter().filter_map(|(key, value)| {
        let value = shown(key, value).to_owned();
        refusal(key).map(|reason| ConfigError::Refused { key: key.clone(), value, reason })
    });
    ConfigError::of(refused.collect())?;
    for (key, value) in &config.properties {
        all.retain(|(own, _)| own != key);
        all.push((key.clone(), value.clone()));
    }
    all.push(("bootstrap.servers".into(), config.brokers.join(",")));
    config.push_security(&mut all)?;
    all.extend(PROMISES.iter().map(|(k, v)| (k.to_string(), v.to_string())));
    Ok(all)
}

/// Properties that may be overridden.
const DEFAULTS: &[(&str, &str)] = &[
    ("client.id", "stream-dns"),
    // A change is served milliseconds after it was written: the broker does not wait to fill a response.
    ("fetch.wait.max.ms", "10"),
    // The default of 1,000 is a stall of a second after every burst that filled the queue.
    ("fetch.queue.backoff.ms", "10"),
    // What librdkafka fetches ahead; what is decoded is bounded by the batches.
    ("queued.max.messages.kbytes", "4096"),
    ("reconnect.backoff.ms", "100"),
    ("reconnect.backoff.max.ms", "3000"),
    ("socket.keepalive.enable", "true"),
    ("topic.metadata.refresh.interval.ms", "10000"),
];

/// Properties that carry a promise.
const PROMISES: &[(&str, &str)] = &[
    // librdkafka wants one for `assign`, and joins nothing by it.
    ("group.id", "stream-dns"),
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("auto.offset.reset", "error"),
    ("isolation.level", "read_committed"),
    ("enable.partition.eof", "true"),
    ("allow.auto.create.topics", "false"),
];

/// Why a property may not be passed through, if it may not.
fn refusal(key: &str) -> Option<&'static str> {
    const NO_GROUP: &str =
        "positions live in the store, in one transaction with the records; no group is joined";
    Some(match key {
        "group.id" | "group.instance.id" | "group.protocol" | "group.remote.assignor" => NO_GROUP,
        "enable.auto.commit"
        | "auto.commit.enable"
        | "auto.commit.interval.ms"
        | "enable.auto.offset.store" => "nothing is committed at the broker; positions live in the store",
        "auto.offset.reset" => "a position that the broker no longer has is an alarm, never a silent jump",
        "isolation.level" => "events of aborted transactions must never be served",
        "enable.partition.eof" => "the end of a partition is how the node knows that it is in step",
        "transactional.id" => "this client writes nothing",
        "allow.auto.create.topics" => "a reader must not make topics",
        "bootstrap.servers" | "metadata.broker.list" => "set kafka.brokers instead",
        "security.protocol" => "set kafka.tls and kafka.sasl instead",
        "sasl.mechanism" | "sasl.mechanisms" | "sasl.username" | "sasl.password" => "set kafka.sasl instead",
        "ssl.ca.location" | "ssl.certificate.location" | "ssl.key.location" => "set kafka.tls instead",
        "log.queue" | "log_cb" | "enabled_events" => "the client's log goes to this program's log",
        "plugin.library.paths" => "this server loads no code at run time",
        "test.mock.num.brokers" | "test.mock.broker.rtt" => "it would replace the brokers by imitations",
        _ => return None,
    })
}

// === impl KafkaConfig ===

impl KafkaConfig {
    /// Looks whether the settings can be used. With the feature `kafka` librdkafka is asked about the properties
    /// that are passed through; no broker is.
    ///
    /// # Errors
    /// The first [`ConfigError`] found; of the properties, all of them.
    pub fn validate(&self) -> Result<(), ConfigError> {
        kafka_properties(self)?;
        #[cfg(feature = "kafka")]
        crate::kafka::check_properties(&self.properties)?;
        Ok(())
    }

    fn check_topic(&self) -> Result<(), ConfigError> {
        // Kafka's own rule: 1 to 249 of these characters, and neither `.` nor `..`.
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let fits = (1..=249).contains(&self.topic.len()) && self.topic.chars().all(legal);
        if fits && self.topic != "." && self.topic != ".." {
            return Ok(());
        }
        Err(ConfigError::Value {
            key: "kafka.topic".into(),
            value: self.topic.clone(),
            allowed: "the name of a topic: 1 to 249 of a-z A-Z 0-9 . _ -".into(),
        })
    }

    fn check_brokers(&self) -> Result<(), ConfigError> {
        let bad = |broker: &String| broker.trim().is_empty() || broker.contains([',', ' ']);
        if !self.brokers.is_empty() && !self.brokers.iter().any(bad) {
            return Ok(());
        }
        Err(ConfigError::Value {
            key: "kafka.brokers".into(),
            value: self.brokers.join(","),
            allowed: "at least one HOST:PORT".into(),
        })
    }

    fn push_security(&self, all: &mut Vec<(String, String)>) -> Result<(), ConfigError> {
        let protocol = match (self.tls.enabled, self.sasl.is_some()) {
            (false, false) => "plaintext",
            (true, false) => "ssl",
            (false, true) => "sasl_plaintext",
            (true, true) => "sasl_ssl",
        };
        all.push(("security.protocol".into(), protocol.into()));
        if let Some(sasl) = &self.sasl {
            if sasl.user.is_empty() {
                return Err(ConfigError::Value {
                    key: "kafka.sasl.user".into(),
                    value: String::new(),
                    allowed: "a name that is not empty".into(),
                });
            }
            all.push(("sasl.mechanism".into(), sasl.mechanism.as_str().into()));
            all.push(("sasl.username".into(), sasl.user.clone()));
            all.push(("sasl.password".into(), sasl.password.clone()));
        }
        let tls = &self.tls;
        if !tls.enabled && (tls.ca.is_some() || tls.cert.is_some() || tls.key.is_some()) {
            return Err(ConfigError::Contradiction(
                "kafka.tls has files and is not enabled: set kafka.tls.enabled, or take ca, cert and key out"
                    .into(),
            ));
        }
        if tls.cert.is_some() != tls.key.is_some() {
            return Err(ConfigError::Contradiction(
                "kafka.tls.cert and kafka.tls.key belong together: set both or neither".into(),
            ));
        }
        let files = [
            ("ssl.ca.location", &tls.ca),
            ("ssl.certificate.location", &tls.cert),
            ("ssl.key.location", &tls.key),
        ];
        for (key, path) in files {
            if let Some(path) = path {
                all.push((key.into(), path.display().to_string()));
            }
        }
        Ok(())
    }
}

impl fmt::Debug for KafkaConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let properties: BTreeMap<_, _> =
            self.properties.iter().map(|(key, value)| (key, shown(key, value))).collect();
        f.debug_struct("KafkaConfig")
            .field("brokers", &self.brokers)
            .field("topic", &self.topic)
            .field("sasl", &self.sasl)
            .field("tls", &self.tls)
            .field("incomplete", &self.incomplete)
            .field("properties", &properties)
            .finish()
    }
}

// === impl SaslConfig ===

impl fmt::Debug for SaslConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SaslConfig")
            .field("mechanism", &self.mechanism)
            .field("user", &self.user)
            .field("password", &MASK)
            .finish()
    }
}

// === impl SaslMechanism ===

impl SaslMechanism {
    /// The name that brokers and librdkafka use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

impl FromStr for SaslMechanism {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        [Self::Plain, Self::ScramSha256, Self::ScramSha512]
            .into_iter()
            .find(|mechanism| mechanism.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| ConfigError::Value {
                key: "kafka.sasl.mechanism".into(),
                value: text.into(),
                allowed: "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512".into(),
            })
    }
}

impl TryFrom<String> for SaslMechanism {
    type Error = ConfigError;

    fn try_from(text: String) -> Result<Self, ConfigError> {
        text.parse()
    }
}

impl From<SaslMechanism> for &'static str {
    fn from(mechanism: SaslMechanism) -> Self {
        mechanism.as_str()
    }
}

// === Secrets ===

const MASK: &str = "***";

pub(crate) fn shown<'a>(key: &str, value: &'a str) -> &'a str {
    if key.contains("password")
        || key.contains("secret")
        || key.ends_with(".pem")
        || key.ends_with("sasl.jaas.config")
    {
        MASK
    } else {
        value
    }
}

fn hidden<S: Serializer>(_: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(MASK)
}

fn masked<S: Serializer>(properties: &BTreeMap<String, String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(properties.iter().map(|(key, value)| (key, shown(key, value))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> KafkaConfig {
        KafkaConfig { brokers: vec!["127.0.0.1:9092".into()], topic: "dns".into(), ..KafkaConfig::default() }
    }

    fn last<'a>(all: &'a [(String, String)], key: &str) -> Option<&'a str> {
        all.iter().rev().find(|(own, _)| own == key).map(|(_, value)| value.as_str())
    }

    #[test]
    fn promises_hold_and_defaults_can_be_overridden() {
        let mut config = config();
        config.properties.insert("fetch.wait.max.ms".into(), "50".into());
        let all = kafka_properties(&config).expect("valid");
        assert_eq!(last(&all, "fetch.wait.max.ms"), Some("50"));
        assert_eq!(all.iter().filter(|(key, _)| key == "fetch.wait.max.ms").count(), 1);
        for (key, value) in PROMISES {
            assert_eq!(last(&all, key), Some(*value), "{key}");
        }
        assert_eq!(last(&all, "security.protocol"), Some("plaintext"));
    }

    #[test]
    fn what_would_break_a_promise_is_refused_by_name() {
        for (key, _) in PROMISES {
            let mut config = config();
            config.properties.insert((*key).into(), "x".into());
            let error = config.validate().expect_err(key);
            assert!(matches!(&error, ConfigError::Refused { key: own, .. } if own == key), "{error}");
            assert!(error.to_string().contains(key), "{error}");
        }
        for key in ["transactional.id", "sasl.password", "security.protocol", "bootstrap.servers"] {
            let mut config = config();
            config.properties.insert(key.into(), "x".into());
            assert!(matches!(config.validate(), Err(ConfigError::Refused { .. })), "{key}");
        }
    }

    #[test]
    fn every_property_that_is_refused_is_named_with_its_value() {
        let mut config = config();
        config.properties.insert("group.id".into(), "mine".into());
        config.properties.insert("sasl.password".into(), "hunter2".into());
        let error = config.validate().expect_err("two are refused").to_string();
        assert_eq!(error.lines().count(), 2, "{error}");
        assert!(error.contains("kafka.properties.group.id = \"mine\""), "{error}");
        assert!(error.contains("kafka.properties.sasl.password = \"***\""), "{error}");
    }

    /// A property that librdkafka does not have, or a value that it does not take, stops the start: waiting
    /// would not mend it.
    #[cfg(feature = "kafka")]
    #[test]
    fn what_librdkafka_does_not_take_is_found_without_a_broker() {
        let mut config = config();
        config.properties.insert("metadata.max.age.ms".into(), "60000".into());
        assert_eq!(config.validate(), Ok(()));
        config.properties.insert("metadata.max.age.ms".into(), "soon".into());
        config.properties.insert("no.such.property".into(), "1".into());
        let error = config.validate().expect_err("two are wrong").to_string();
        assert_eq!(error.lines().count(), 2, "{error}");
        assert!(error.contains("kafka.properties.metadata.max.age.ms: \"soon\""), "{error}");
        assert!(error.contains("kafka.properties.no.such.property: \"1\""), "{error}");
    }

    #[test]
    fn security_becomes_properties() {
        let mut config = config();
        config.sasl = Some(SaslConfig {
            mechanism: "scram-sha-512".parse().expect("known"),
            user: "dns".into(),
            password: "hunter2".into(),
        });
        config.tls = TlsConfig { enabled: true, ca: Some("ca.pem".into()), ..TlsConfig::default() };
        let all = kafka_properties(&config).expect("valid");
        assert_eq!(last(&all, "security.protocol"), Some("sasl_ssl"));
        assert_eq!(last(&all, "sasl.mechanism"), Some("SCRAM-SHA-512"));
        assert_eq!(last(&all, "sasl.password"), Some("hunter2"));
        assert_eq!(last(&all, "ssl.ca.location"), Some("ca.pem"));
        config.tls.cert = Some("cert.pem".into());
        assert!(matches!(config.validate(), Err(ConfigError::Contradiction(_))));
        assert!("GSSAPI".parse::<SaslMechanism>().is_err());
    }

    #[test]
    fn secrets_are_never_printed() {
        let mut config = config();
        config.sasl = Some(SaslConfig {
            mechanism: SaslMechanism::Plain,
            user: "u".into(),
            password: "hunter2".into(),
        });
        config.properties.insert("ssl.key.password".into(), "hunter2".into());
        assert!(!format!("{config:?}").contains("hunter2"));
        let json = serde_json::to_string(&config).expect("json");
        assert!(!json.contains("hunter2"), "{json}");
    }

    #[test]
    fn a_topic_and_a_broker_are_needed() {
        for topic in ["", "..", "a b", "é"] {
            let config = KafkaConfig { topic: topic.into(), ..config() };
            assert!(matches!(config.validate(), Err(ConfigError::Value { key, .. }) if key == "kafka.topic"));
        }
        let config = KafkaConfig { brokers: vec![], ..config() };
        assert!(matches!(config.validate(), Err(ConfigError::Value { key, .. }) if key == "kafka.brokers"));
    }
}
