//! The settings of admin-api.

use crate::error::AdminError;
use serde::Deserialize;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

/// Where the interface answers, whom, and how much at once.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Addresses to answer at; port 0 takes one that is free. Empty, the default, for none. One that is not
    /// loopback needs credentials.
    pub addresses: Vec<SocketAddr>,
    /// Who may use everything but health and metrics; `None`, the default, lets everybody.
    pub credentials: Option<Credentials>,
    /// The node's name, for its status.
    pub instance_id: Option<String>,
    /// How long another actor may take to answer a question: milliseconds, 100 to 60,000; by default 2,000. A
    /// change that is published is waited for as long as it takes.
    pub read_timeout_ms: u64,
    /// How many requests may be under way at once, 1 to 10,000; by default 64. One too many gets 503. Health is
    /// not counted.
    pub max_in_flight: usize,
    /// The largest body of a request: bytes, 1,024 to 64 MiB; by default 1 MiB.
    pub max_body: usize,
    /// What `/freshz` takes for fresh.
    pub fresh: Freshness,
}

/// How old what a node answers may be before `/freshz` says so.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct Freshness {
    /// How long ago the node may have been in step with each log: milliseconds, 1,000 to 604,800,000 (a week); by
    /// default 60,000.
    pub in_step_ms: u64,
    /// With how much lag a partition may be read: milliseconds, 1 to 604,800,000; by default 10,000.
    pub lag_ms: u64,
}

/// Who may use the interface.
#[derive(Clone, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The user name.
    pub username: String,
    /// The password. Never printed.
    pub password: String,
    /// What tokens are signed with; `None` for no tokens. Never printed.
    #[serde(default)]
    pub jwt_secret: Option<String>,
}

const WEEK_MS: u64 = 7 * 24 * 60 * 60 * 1_000;

// === impl Config ===

impl Default for Config {
    fn default() -> Self {
        Self {
            addresses: Vec::new(),
            credentials: None,
            instance_id: None,
            read_timeout_ms: 2_000,
            max_in_flight: 64,
            max_body: 1 << 20,
            fresh: Freshness::default(),
        }
    }
}

impl Default for Freshness {
    fn default() -> Self {
        Self { in_step_ms: 60_000, lag_ms: 10_000 }
    }
}

impl Freshness {
    /// [`Self::in_step_ms`] as a duration.
    pub fn in_step(&self) -> Duration {
        Duration::from_millis(self.in_step_ms)
    }

    /// [`Self::lag_ms`] as a duration.
    pub fn lag(&self) -> Duration {
        Duration::from_millis(self.lag_ms)
    }
}

impl Config {
    /// Looks whether every value is in its range and none contradicts another.
    ///
    /// # Errors
    /// [`AdminError`] with the first that is not.
    pub fn validate(&self) -> Result<(), AdminError> {
        in_range("read_timeout_ms", self.read_timeout_ms, 100, 60_000)?;
        in_range("max_in_flight", self.max_in_flight as u64, 1, 10_000)?;
        in_range("max_body", self.max_body as u64, 1_024, 64 << 20)?;
        in_range("fresh.in_step_ms", self.fresh.in_step_ms, 1_000, WEEK_MS)?;
        in_range("fresh.lag_ms", self.fresh.lag_ms, 1, WEEK_MS)?;
        match &self.credentials {
            Some(credentials) if credentials.username.is_empty() || credentials.password.is_empty() => {
                Err(AdminError::EmptyCredentials)
            }
            // A user name with a colon cannot be said in HTTP Basic (RFC 7617 section 2).
            Some(credentials) if credentials.username.contains(':') => Err(AdminError::Colon),
            Some(_) => Ok(()),
            None => match self.addresses.iter().find(|address| !address.ip().to_canonical().is_loopback()) {
                Some(address) => Err(AdminError::Open(*address)),
                None => Ok(()),
            },
        }
    }

    /// [`Self::read_timeout_ms`] as a duration.
    pub fn read_timeout(&self) -> Duration {
        Duration::from_millis(self.read_timeout_ms)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

fn in_range(key: &'static str, value: u64, least: u64, most: u64) -> Result<(), AdminError> {
    if (least..=most).contains(&value) { Ok(()) } else { Err(AdminError::Range { key, value, least, most }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(username: &str, password: &str) -> Option<Credentials> {
        Some(Credentials {
            username: username.into(),
            password: password.into(),
            jwt_secret: Some("s3cret".into()),
        })
    }

    #[test]
    fn only_loopback_is_open_to_everybody() {
        for (address, open) in [
            ("127.0.0.1:0", true),
            ("127.9.9.9:80", true),
            ("[::1]:80", true),
            ("[::ffff:127.0.0.1]:80", true),
            ("0.0.0.0:80", false),
            ("[::]:80", false),
            ("192.0.2.1:80", false),
        ] {
            let config = Config { addresses: vec![address.parse().unwrap()], ..Config::default() };
            assert_eq!(config.validate().is_ok(), open, "{address}");
            let config = Config { credentials: credentials("u", "p"), ..config };
            assert!(config.validate().is_ok(), "{address}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_refused() {
        for (username, password) in [("", "p"), ("u", ""), ("u:v", "p")] {
            let config = Config { credentials: credentials(username, password), ..Config::default() };
            assert!(config.validate().is_err(), "{username} {password}");
        }
        let error = Config { max_in_flight: 0, ..Config::default() }.validate().unwrap_err().to_string();
        assert!(error.contains("max_in_flight = 0") && error.contains("1 to 10000"), "{error}");
    }

    #[test]
    fn secrets_are_never_printed() {
        let text = format!("{:?}", Config { credentials: credentials("u", "hunter2"), ..Config::default() });
        assert!(!text.contains("hunter2") && !text.contains("s3cret"), "{text}");
    }
}
