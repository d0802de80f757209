//! The settings of metric-agent.

use crate::error::ConfigError;
use crate::output::{StatsdOutput, StreamOutput};
use serde::Deserialize;
use std::time::Duration;

/// How metrics are added up and handed out. The Prometheus text needs no setting: who asks gets it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How often statsd and standard output get what was added up: milliseconds, 10 to 3,600,000; by default
    /// 1,000.
    pub flush_interval_ms: u64,
    /// The most distinct series (a name with one set of label values), 1 to 1,000,000; by default 10,000.
    /// Samples of further ones are dropped and counted in `dns_metrics_dropped_total`.
    pub max_series: usize,
    /// The most messages that wait for the agent, 1 to 1,000,000; by default 1,024. A sender whose message does
    /// not fit keeps what it counted and tries again.
    pub mailbox: usize,
    /// Where statsd listens; none by default.
    pub statsd: Option<StatsdConfig>,
    /// Whether each flush writes a line to standard output; by default not.
    pub stdout: bool,
    /// Whether that line is JSON.
    pub stdout_json: bool,
}

/// A statsd server.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct StatsdConfig {
    /// Its address, `host:port`: a name, an IPv4 address or an IPv6 address in brackets.
    pub address: String,
    /// What stands before each name, with a dot between; empty for nothing.
    #[serde(default)]
    pub prefix: String,
    /// Whether labels are sent as tags (`|#transport:udp`, as DogStatsD and Telegraf read them). By default
    /// their values are appended to the name with dots, which every statsd server takes.
    #[serde(default)]
    pub tags: bool,
    /// The node's name, sent with every line as the tag `id`, as the older server did; by default none.
    #[serde(default)]
    pub instance: Option<String>,
}

// === impl Config ===

impl Default for Config {
    fn default() -> Self {
        Self {
            flush_interval_ms: 1_000,
            max_series: 10_000,
            mailbox: 1_024,
            statsd: None,
            stdout: false,
            stdout_json: false,
        }
    }
}

impl Config {
    /// Looks whether every value is in its range.
    ///
    /// # Errors
    /// [`ConfigError`] with the first that is not.
    pub fn validate(&self) -> Result<(), ConfigError> {
        in_range("flush_interval_ms", self.flush_interval_ms, 10, 3_600_000)?;
        in_range("max_series", self.max_series as u64, 1, 1_000_000)?;
        in_range("mailbox", self.mailbox as u64, 1, 1_000_000)?;
        if let Some(statsd) = &self.statsd {
            StatsdOutput::new(statsd)?;
        }
        Ok(())
    }

    /// The interval between two flushes.
    pub fn flush_interval(&self) -> Duration {
        Duration::from_millis(self.flush_interval_ms)
    }

    /// The outputs that are switched on.
    pub(crate) fn outputs(&self) -> Result<Vec<Box<dyn crate::Output>>, ConfigError> {
        let mut outputs: Vec<Box<dyn crate::Output>> = Vec::new();
        if let Some(statsd) = &self.statsd {
            outputs.push(Box::new(StatsdOutput::new(statsd)?));
        }
        if self.stdout {
            outputs.push(Box::new(StreamOutput::new("stdout", std::io::stdout(), self.stdout_json)));
        }
        Ok(outputs)
    }
}

fn in_range(key: &'static str, value: u64, least: u64, most: u64) -> Result<(), ConfigError> {
    if (least..=most).contains(&value) { Ok(()) } else { Err(ConfigError::Range { key, value, least, most }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_refused() {
        assert!(toml::from_str::<Config>("flush_interval = 5").is_err());
        assert!(toml::from_str::<Config>("[statsd]\naddress = \"x:1\"\nport = 1").is_err());
    }

    #[test]
    fn a_value_out_of_range_names_key_value_and_range() {
        let config = Config { flush_interval_ms: 9, ..Config::default() };
        let error = config.validate().unwrap_err().to_string();
        for part in ["flush_interval_ms", "9", "10", "3600000"] {
            assert!(error.contains(part), "{part} is missing in: {error}");
        }
    }

    #[test]
    fn a_statsd_address_without_a_port_is_refused() {
        for (address, good) in [
            ("127.0.0.1:8125", true),
            ("[::1]:8125", true),
            ("statsd.example:8125", true),
            ("statsd.example", false),
            ("statsd.example:", false),
            (":8125", false),
            ("::1", false),
            ("", false),
            ("host:0", false),
            ("host:65536", false),
        ] {
            let statsd = StatsdConfig { address: address.into(), ..StatsdConfig::default() };
            let config = Config { statsd: Some(statsd), ..Config::default() };
            assert_eq!(config.validate().is_ok(), good, "{address}");
        }
    }
}
