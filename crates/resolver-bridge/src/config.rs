//! The settings of resolver-bridge.

use crate::error::ConfigError;
use serde::Deserialize;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

/// The port that name servers listen at (RFC 1035 section 4.2).
pub const DNS_PORT: u16 = 53;

/// How questions are answered: by the `servers` where there are any, else by iterating from the roots.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Recursive servers to forward to, over UDP and, where an answer does not fit, over TCP:
    /// `192.0.2.1`, `192.0.2.1:5353`, `[2001:db8::1]:53`. Empty (the default) to iterate from the roots.
    pub servers: Vec<Server>,
    /// The root servers to begin at. Empty (the default) for those of the Internet, which are built in.
    /// A root may have a port of its own.
    pub roots: Vec<Server>,
    /// The port of all name servers met while iterating; 53 by default. Another is for tests and closed
    /// networks: an NS record cannot name one.
    pub port: u16,
    /// Whether name servers with private, loopback and other special addresses are asked while iterating.
    /// By default they are not, for anybody's zone may name them. Needed where the roots are private.
    pub allow_private_servers: bool,
    /// The most time for a question in all: milliseconds, 100 to 60,000; by default 5,000.
    pub timeout_ms: u64,
    /// Into how many attempts that time is divided, 1 to 10; by default 3. When one of several servers
    /// keeps silent for an attempt, another is asked.
    pub attempts: u32,
    /// The most questions under way at once, 1 to 100,000; by default 1,000. Those too many are refused with
    /// `ResolveError::Overloaded`.
    pub max_in_flight: usize,
    /// The most answers in the cache, 0 to 10,000,000; by default 65,536. Forwarding keeps as many again for
    /// questions with the DO bit.
    pub cache_entries: u64,
}

/// The address of a name server, with or without a port.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Hash)]
#[serde(try_from = "String")]
pub struct Server {
    /// The address.
    pub ip: IpAddr,
    /// The port; `None` for the usual one.
    pub port: Option<u16>,
}

// === impl Config ===

impl Default for Config {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            roots: Vec::new(),
            port: DNS_PORT,
            allow_private_servers: false,
            timeout_ms: 5_000,
            attempts: 3,
            max_in_flight: 1_000,
            cache_entries: 65_536,
        }
    }
}

impl Config {
    /// The settings that forward to one server, everything else by default.
    pub fn forward_to(server: SocketAddr) -> Self {
        Self { servers: vec![server.into()], ..Self::default() }
    }

    /// Looks whether every value is in its range and none contradicts another.
    ///
    /// # Errors
    /// [`ConfigError`] with the first that is not.
    pub fn validate(&self) -> Result<(), ConfigError> {
        in_range("timeout_ms", self.timeout_ms, 100, 60_000)?;
        in_range("attempts", self.attempts.into(), 1, 10)?;
        in_range("max_in_flight", self.max_in_flight as u64, 1, 100_000)?;
        in_range("cache_entries", self.cache_entries, 0, 10_000_000)?;
        in_range("port", self.port.into(), 1, 65_535)?;
        let iterating = [
            ("roots", !self.roots.is_empty()),
            ("port", self.port != DNS_PORT),
            ("allow_private_servers", self.allow_private_servers),
        ];
        match iterating.into_iter().find(|(_, set)| *set) {
            Some((key, _)) if !self.servers.is_empty() => Err(ConfigError::Contradiction { key }),
            _ => Ok(()),
        }
    }

    /// The most time for a question in all.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    /// The most time for one attempt.
    pub fn attempt_timeout(&self) -> Duration {
        self.timeout() / self.attempts.max(1)
    }
}

fn in_range(key: &'static str, value: u64, least: u64, most: u64) -> Result<(), ConfigError> {
    if (least..=most).contains(&value) { Ok(()) } else { Err(ConfigError::Range { key, value, least, most }) }
}

// === impl Server ===

impl Server {
    /// Address and port, the usual one where none was given.
    pub fn socket_addr(self) -> SocketAddr {
        SocketAddr::new(self.ip, self.port.unwrap_or(DNS_PORT))
    }
}

impl From<SocketAddr> for Server {
    fn from(address: SocketAddr) -> Self {
        Self { ip: address.ip(), port: Some(address.port()) }
    }
}

impl FromStr for Server {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let bracketed = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        if let Some(ip) = bracketed.and_then(|ip| ip.parse::<Ipv6Addr>().ok()) {
            return Ok(Self { ip: ip.into(), port: None });
        }
        match (text.parse::<IpAddr>(), text.parse::<SocketAddr>()) {
            (Ok(ip), _) => Ok(Self { ip, port: None }),
            (_, Ok(address)) if address.port() != 0 => Ok(address.into()),
            _ => Err(ConfigError::Server(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Server {
    type Error = ConfigError;

    fn try_from(text: String) -> Result<Self, ConfigError> {
        text.parse()
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(_) => self.socket_addr().fmt(f),
            None => self.ip.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_an_address_with_or_without_a_port() {
        for (text, expected) in [
            ("192.0.2.1", "192.0.2.1:53"),
            ("192.0.2.1:5353", "192.0.2.1:5353"),
            ("2001:db8::1", "[2001:db8::1]:53"),
            ("[2001:db8::1]", "[2001:db8::1]:53"),
            ("[2001:db8::1]:54", "[2001:db8::1]:54"),
        ] {
            let server: Server = text.parse().unwrap();
            assert_eq!(server.socket_addr().to_string(), expected, "{text}");
        }
        for text in ["", "resolver.example", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536", "[192.0.2.1]"] {
            assert!(text.parse::<Server>().is_err(), "{text}");
        }
    }

    #[test]
    fn settings_are_read_from_toml_and_unknown_keys_refused() {
        let config: Config = toml::from_str("servers = [\"192.0.2.1:5353\"]\nattempts = 2").unwrap();
        assert_eq!((config.servers.len(), config.attempts, config.timeout_ms), (1, 2, 5_000));
        assert!(toml::from_str::<Config>("server = \"192.0.2.1\"").is_err());
        assert!(toml::from_str::<Config>("servers = [\"resolver.example\"]").is_err());
    }

    #[test]
    fn servers_and_what_speaks_of_iterating_contradict_each_other() {
        let forward = Config::forward_to("192.0.2.1:53".parse().unwrap());
        assert!(forward.validate().is_ok());
        let roots = Config { roots: vec!["192.0.2.2".parse().unwrap()], ..forward.clone() };
        let port = Config { port: 5353, ..forward.clone() };
        let private = Config { allow_private_servers: true, ..forward };
        for (config, key) in [(roots, "roots"), (port, "port"), (private, "allow_private_servers")] {
            assert!(config.validate().unwrap_err().to_string().contains(key), "{key}");
        }
    }

    #[test]
    fn a_value_out_of_range_names_key_value_and_range() {
        let config = Config { attempts: 11, ..Config::default() };
        let error = config.validate().unwrap_err().to_string();
        for part in ["attempts", "11", "1", "10"] {
            assert!(error.contains(part), "{part} is missing in: {error}");
        }
    }
}
