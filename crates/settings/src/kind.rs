//! Kinds: which values a setting takes, read from TOML and from plain text alike.

use config::{Map, Value, ValueKind};
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};
use zone_model::Name;
use zone_model::decode::local_records;

/// Which values a setting takes.
///
/// In a variable or a flag a list is divided by commas and white space, in the file it is a TOML array (or the
/// same text). What is read is normalised: names end with a dot, a choice has its proper spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// True or false.
    Bool,
    /// A whole number within bounds, both included.
    Integer {
        /// The least.
        least: i64,
        /// The most.
        most: i64,
    },
    /// Any text.
    Text,
    /// A text of at most 255 octets: what a character-string of DNS holds (RFC 1035 section 3.3).
    ShortText,
    /// The path of a file; relative to the directory the server is started in.
    Path,
    /// One of some words, in any case: what may be written, and what is meant.
    Choice(&'static [(&'static str, &'static str)]),
    /// Addresses to listen on. `:53` is all addresses, IPv4 and IPv6; `localhost:53` both loopback ones.
    Listen {
        /// Whether there may be none.
        or_none: bool,
    },
    /// Name servers to ask; port 53 where none is given.
    Servers,
    /// Networks.
    Networks,
    /// Domain names.
    Names,
    /// Words.
    Words,
    /// Local records: a text, or an array of its lines, that [`zone_model::decode::local_records`] reads.
    Records,
    /// A host and a port.
    HostPort,
    /// Keys and values that are passed on.
    Properties,
    /// For topics by their names a value of another kind each; in a variable `TOPIC=VALUE`, a list's topic as often as
    /// it has items.
    ByTopic(&'static Self),
}

// === impl Kind ===

impl Kind {
    /// What is allowed, for a message and for the manual.
    pub fn allowed(self) -> String {
        match self {
            Self::Bool => "true or false".into(),
            Self::Integer { least, most } => {
                format!("a whole number from {} to {}", grouped(least), grouped(most))
            }
            Self::Text => "a text".into(),
            Self::ShortText => "a text of at most 255 octets".into(),
            Self::Path => "the path of a file".into(),
            Self::Choice(words) => {
                let mut meant: Vec<&str> = words.iter().map(|(_, meant)| *meant).collect();
                meant.dedup();
                or(&meant)
            }
            Self::Listen { or_none: false } => "one or more ADDRESS:PORT, localhost:PORT or :PORT".into(),
            Self::Listen { or_none: true } => {
                "a list of ADDRESS:PORT, localhost:PORT or :PORT; [] for none".into()
            }
            Self::Servers => "a list of ADDRESS or ADDRESS:PORT".into(),
            Self::Networks => {
                "a list of addresses and networks (10.0.0.0/8, 2001:db8::/32), no bit set behind the \
                               length"
                    .into()
            }
            Self::Names => "a list of domain names".into(),
            Self::Words => "a list of words".into(),
            Self::Records => "lines of `name [ttl] [IN] type content`".into(),
            Self::HostPort => "HOST:PORT".into(),
            Self::Properties => "a table of texts, numbers and booleans".into(),
            Self::ByTopic(kind) => {
                format!("a table of topics, for each {}; in a variable TOPIC=VALUE", kind.allowed())
            }
        }
    }

    /// Reads a value.
    ///
    /// # Errors
    /// What is allowed, where this is not.
    pub(crate) fn read(self, value: &Value) -> Result<ValueKind, String> {
        self.try_read(value).ok_or_else(|| match (self, records(value)) {
            (Self::Records, Some(text)) => match local_records(&text) {
                Err(reason) => format!("{}; {reason}", self.allowed()),
                Ok(_) => self.allowed(),
            },
            _ => self.allowed(),
        })
    }

    fn try_read(self, value: &Value) -> Option<ValueKind> {
        match self {
            Self::Bool => match &value.kind {
                ValueKind::Boolean(truth) => Some((*truth).into()),
                ValueKind::String(text) => boolean(text).map(Into::into),
                _ => None,
            },
            Self::Integer { least, most } => {
                let number = match &value.kind {
                    ValueKind::I64(number) => *number,
                    ValueKind::String(text) => text.trim().parse().ok()?,
                    _ => return None,
                };
                (least..=most).contains(&number).then(|| number.into())
            }
            Self::Text | Self::Path => single(value).map(Into::into),
            Self::ShortText => single(value).filter(|text| text.len() <= 255).map(Into::into),
            Self::Choice(words) => {
                let text = single(value)?;
                let (_, meant) = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text.trim()))?;
                Some((*meant).into())
            }
            Self::Listen { or_none } => list(value, words, listen).filter(|kind| or_none || !is_empty(kind)),
            Self::Servers => list(value, words, |text| Some(vec![server(text)?.to_string()])),
            Self::Networks => list(value, words, |text| Some(vec![network(text)?.to_string()])),
            Self::Names => {
                list(value, words, |text| Some(vec![Name::parse(text).ok()?.to_lowercase().to_string()]))
            }
            Self::Words => list(value, words, |text| Some(vec![text.to_owned()])),
            Self::Records => {
                let text = records(value)?;
                local_records(&text).is_ok().then(|| text.into())
            }
            Self::HostPort => single(value).filter(|text| is_host_port(text)).map(Into::into),
            Self::Properties => match &value.kind {
                ValueKind::Table(table) => {
                    let mut flat = Map::new();
                    flatten("", table, value.origin(), &mut flat)?;
                    Some(ValueKind::Table(flat))
                }
                _ => None,
            },
            Self::ByTopic(kind) => by_topic(*kind, value),
        }
    }
}

// === reading ===

/// Reads a table, or words `TOPIC=VALUE`, and what stands for each topic by its own kind.
fn by_topic(kind: Kind, value: &Value) -> Option<ValueKind> {
    let given: Map<String, Value> = match &value.kind {
        ValueKind::Table(table) => table.clone(),
        ValueKind::String(text) => {
            let mut all: Map<String, Vec<&str>> = Map::new();
            for word in words(text) {
                let (topic, own) = word.split_once('=')?;
                all.entry(topic.to_owned()).or_default().push(own);
            }
            all.into_iter().map(|(topic, own)| (topic, Value::new(None, own.join(" ")))).collect()
        }
        _ => return None,
    };
    let mut read = Map::new();
    for (topic, own) in given {
        let own = Value::new(value.origin().map(str::to_owned).as_ref(), kind.try_read(&own)?);
        read.insert(topic, own);
    }
    Some(ValueKind::Table(read))
}

fn boolean(text: &str) -> Option<bool> {
    // The older server's library took these of Go's, and false for everything else; yes, no, on and off are
    // what people write besides.
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "t" | "1" | "yes" | "on" => Some(true),
        "false" | "f" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// The text of a single value.
fn single(value: &Value) -> Option<String> {
    match &value.kind {
        ValueKind::String(text) => Some(text.clone()),
        ValueKind::I64(number) => Some(number.to_string()),
        ValueKind::Boolean(truth) => Some(truth.to_string()),
        ValueKind::Float(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Reads a list: each text divided into items, each item into what it stands for, each of these once.
fn list(
    value: &Value,
    divide: fn(&str) -> Vec<&str>,
    read: fn(&str) -> Option<Vec<String>>,
) -> Option<ValueKind> {
    let texts: Vec<String> = match &value.kind {
        ValueKind::Array(items) => items.iter().map(single).collect::<Option<_>>()?,
        _ => vec![single(value)?],
    };
    let mut items: Vec<String> = Vec::new();
    for item in texts.iter().flat_map(|text| divide(text)) {
        for meant in read(item)? {
            if !items.contains(&meant) {
                items.push(meant);
            }
        }
    }
    Some(ValueKind::Array(items.into_iter().map(|item| Value::new(None, item)).collect()))
}

fn is_empty(kind: &ValueKind) -> bool {
    matches!(kind, ValueKind::Array(items) if items.is_empty())
}

fn words(text: &str) -> Vec<&str> {
    text.split(|c: char| c == ',' || c.is_whitespace()).filter(|word| !word.is_empty()).collect()
}

/// The text of local records, its lines joined.
fn records(value: &Value) -> Option<String> {
    match &value.kind {
        ValueKind::Array(lines) => Some(lines.iter().map(single).collect::<Option<Vec<_>>>()?.join("\n")),
        _ => single(value),
    }
}

fn listen(text: &str) -> Option<Vec<String>> {
    let both = |port: &str, v4: &str, v6: &str| {
        let port: u16 = port.parse().ok()?;
        Some(vec![format!("{v4}:{port}"), format!("[{v6}]:{port}")])
    };
    match text.rsplit_once(':') {
        Some(("" | "*", port)) => both(port, "0.0.0.0", "::"),
        Some((host, port)) if host.eq_ignore_ascii_case("localhost") => both(port, "127.0.0.1", "::1"),
        _ => Some(vec![text.parse::<SocketAddr>().ok()?.to_string()]),
    }
}

fn server(text: &str) -> Option<SocketAddr> {
    let address =
        text.parse().or_else(|_| text.parse::<IpAddr>().map(|address| SocketAddr::new(address, 53))).ok()?;
    (address.port() != 0).then_some(address)
}

/// A network, or an address as a network of its full length.
fn network(text: &str) -> Option<IpNet> {
    let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).ok()?;
    // Bits behind the length are a slip more often than not: 10.0.0.1/8 may have been meant as /32.
    (network.addr() == network.network()).then_some(network)
}

fn is_host_port(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let bracketed = host.starts_with('[') && host.ends_with(']') && host.len() > 2;
    let plain = !host.is_empty() && !host.contains([':', '[', ']']) && !host.contains(char::is_whitespace);
    (bracketed || plain) && port.parse::<u16>().is_ok_and(|port| port != 0)
}

/// TOML reads a bare `linger.ms = 5` as a table in a table; the properties' own names have dots.
fn flatten(
    prefix: &str,
    table: &Map<String, Value>,
    origin: Option<&str>,
    flat: &mut Map<String, Value>,
) -> Option<()> {
    for (key, value) in table {
        let key = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match &value.kind {
            ValueKind::Table(inner) => flatten(&key, inner, origin, flat)?,
            _ => {
                let text = single(value)?;
                flat.insert(key, Value::new(origin.map(str::to_owned).as_ref(), text));
            }
        }
    }
    Some(())
}

// === printing ===

fn or(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// A number with commas between groups of three digits.
fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::from(if number < 0 { "-" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(kind: Kind, text: &str) -> Option<Vec<String>> {
        match kind.read(&Value::new(None, text)).ok()? {
            ValueKind::Array(items) => items.iter().map(single).collect(),
            _ => None,
        }
    }

    #[test]
    fn a_list_is_divided_by_commas_and_white_space() {
        let expected = Some(vec!["a".to_owned(), "b".to_owned(), "c".to_owned()]);
        for text in ["a b c", "a,b,c", " a, b\tc,\n", "a b a c"] {
            assert_eq!(texts(Kind::Words, text), expected, "{text}");
        }
    }

    #[test]
    fn an_address_without_a_host_is_every_address_as_in_go() {
        let listen = Kind::Listen { or_none: false };
        assert_eq!(texts(listen, ":53"), Some(vec!["0.0.0.0:53".into(), "[::]:53".into()]));
        assert_eq!(texts(listen, "localhost:5"), Some(vec!["127.0.0.1:5".into(), "[::1]:5".into()]));
        assert_eq!(texts(listen, "192.0.2.1:0"), Some(vec!["192.0.2.1:0".into()]));
        for text in ["", "53", "127.0.0.1", "::1", ":65536", "example.com:53", "::1:53 x"] {
            assert_eq!(texts(listen, text), None, "{text}");
        }
    }

    #[test]
    fn a_server_has_port_53_unless_it_says_otherwise() {
        assert_eq!(texts(Kind::Servers, "9.9.9.9"), Some(vec!["9.9.9.9:53".into()]));
        assert_eq!(texts(Kind::Servers, "2620:fe::fe"), Some(vec!["[2620:fe::fe]:53".into()]));
        assert_eq!(texts(Kind::Servers, "127.0.0.1:5353"), Some(vec!["127.0.0.1:5353".into()]));
        assert_eq!(texts(Kind::Servers, "127.0.0.1:0"), None);
        assert_eq!(texts(Kind::Servers, "dns.example"), None);
    }

    #[test]
    fn a_network_has_no_bit_behind_its_length() {
        let expected = Some(vec!["10.0.0.0/8".to_owned(), "192.0.2.7/32".into(), "::1/128".into()]);
        assert_eq!(texts(Kind::Networks, "10.0.0.0/8 192.0.2.7 ::1"), expected);
        for text in ["10.0.0.1/8", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "localhost"] {
            assert_eq!(texts(Kind::Networks, text), None, "{text}");
        }
    }

    #[test]
    fn a_local_record_that_is_none_says_why() {
        let lines = Value::new(None, vec!["a. A 192.0.2.1", "b. A 192.0.2"]);
        let reason = Kind::Records.read(&lines).unwrap_err();
        assert!(reason.contains("line 2") && reason.contains("address"), "{reason}");
        let text = Value::new(None, "a. 60 IN A 192.0.2.1 \\n b. A 192.0.2.2");
        assert!(Kind::Records.read(&text).is_ok());
    }

    #[test]
    fn for_each_topic_its_own_value_in_a_table_and_in_a_variable() {
        const NAMES: Kind = Kind::ByTopic(&Kind::Names);
        const CHOICE: Kind = Kind::ByTopic(&Kind::Choice(&[("zone", "zone"), ("key", "key")]));
        let read = |kind: Kind, text: &str| match kind.read(&Value::new(None, text)).ok()? {
            ValueKind::Table(table) => {
                let table: std::collections::BTreeMap<_, _> = table.into_iter().collect();
                Some(
                    table
                        .into_iter()
                        .map(|(topic, own)| format!("{topic}: {}", crate::show::text(&own)))
                        .collect::<Vec<_>>(),
                )
            }
            _ => None,
        };
        let expected = Some(vec!["A.b: [\"x.\"]".to_owned(), "c: [\"y.\", \"z.\"]".into()]);
        assert_eq!(read(NAMES, "c=Y A.b=x., c=z"), expected);
        assert_eq!(read(CHOICE, "c=KEY"), Some(vec!["c: \"key\"".to_owned()]));
        for text in ["c", "c=sideways", "c=key c=zone"] {
            assert_eq!(read(CHOICE, text), None, "{text}");
        }
        assert_eq!(read(NAMES, "c=a..b"), None);
        assert!(NAMES.allowed().contains("TOPIC=VALUE"));
    }

    #[test]
    fn bounds_are_inclusive_and_said() {
        let kind = Kind::Integer { least: 10, most: 3_600_000 };
        for (text, good) in [
            ("10", true),
            ("3600000", true),
            ("9", false),
            ("3600001", false),
            ("ten", false),
            ("1e3", false),
        ] {
            assert_eq!(kind.read(&Value::new(None, text)).is_ok(), good, "{text}");
        }
        assert_eq!(kind.allowed(), "a whole number from 10 to 3,600,000");
    }
}
