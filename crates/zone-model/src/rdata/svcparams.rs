//! Parameters of a service: SVCB and HTTPS (RFC 9460, RFC 9461, RFC 9540).

use super::error::RdataError;
use super::print::{Unprintable, number, push};
use super::table::Field;
use super::text::{Reader, decimal};
use super::token::{Token, push_quoted, unescape};
use super::wire::Extent;
use data_encoding::BASE64;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

const MANDATORY: u16 = 0;
const ALPN: u16 = 1;
const NO_DEFAULT_ALPN: u16 = 2;
const PORT: u16 = 3;
const IPV4HINT: u16 = 4;
const ECH: u16 = 5;
const IPV6HINT: u16 = 6;
const DOHPATH: u16 = 7;
const OHTTP: u16 = 8;
const INVALID: u16 = 65_535;

const KEYS: [(&str, u16); 9] = [
    ("mandatory", MANDATORY),
    ("alpn", ALPN),
    ("no-default-alpn", NO_DEFAULT_ALPN),
    ("port", PORT),
    ("ipv4hint", IPV4HINT),
    ("ech", ECH),
    ("ipv6hint", IPV6HINT),
    ("dohpath", DOHPATH),
    ("ohttp", OHTTP),
];

// === on the wire ===

/// Key, length and value, in ascending order of keys, each once, to the end.
pub(super) fn extent(rest: &[u8], at: usize) -> Extent {
    let params = || Params { rest };
    let (mut lowest, mut end) = (0u32, 0);
    for (key, value) in params() {
        if u32::from(key) < lowest || key == INVALID {
            return Err("keys in ascending order, each once, none of them 65535");
        }
        lowest = u32::from(key) + 1;
        end += 4 + value.len();
        check_value(key, value)?;
    }
    if end != rest.len() {
        return Err("a key, a length and so many octets for each parameter");
    }
    let has = |wanted: u16| params().any(|(key, _)| key == wanted);
    if has(NO_DEFAULT_ALPN) && !has(ALPN) {
        return Err("alpn beside no-default-alpn (RFC 9460 section 7.1.1)");
    }
    let mandatory = params().find(|(key, _)| *key == MANDATORY).map_or(&[][..], |(_, value)| value);
    if mandatory.chunks(2).any(|key| !has(number(key) as u16)) {
        return Err("each key that mandatory names (RFC 9460 section 8)");
    }
    Ok(at + rest.len())
}

fn check_value(key: u16, value: &[u8]) -> Result<(), &'static str> {
    let (good, expected) = match key {
        MANDATORY => {
            let mut keys = value.chunks(2).map(number);
            let mut before = 0;
            let ascending = keys.all(|key| key > std::mem::replace(&mut before, key));
            let whole = !value.is_empty() && value.len().is_multiple_of(2);
            (whole && ascending, "mandatory keys in ascending order, without mandatory itself")
        }
        ALPN => {
            let mut rest = value;
            while let [length @ 1..=255, after @ ..] = rest {
                match after.get(usize::from(*length)..) {
                    Some(after) => rest = after,
                    None => break,
                }
            }
            (!value.is_empty() && rest.is_empty(), "protocols of 1 to 255 octets each")
        }
        NO_DEFAULT_ALPN | OHTTP => (value.is_empty(), "no value for no-default-alpn and ohttp"),
        PORT => (value.len() == 2, "a port of two octets"),
        IPV4HINT => (!value.is_empty() && value.len().is_multiple_of(4), "IPv4 addresses, at least one"),
        IPV6HINT => (!value.is_empty() && value.len().is_multiple_of(16), "IPv6 addresses, at least one"),
        _ => (true, ""),
    };
    if good { Ok(()) } else { Err(expected) }
}

/// The parameters, as far as they are whole.
struct Params<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Params<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let [a, b, c, d, rest @ ..] = self.rest else { return None };
        let value = rest.get(..usize::from(u16::from_be_bytes([*c, *d])))?;
        self.rest = &rest[value.len()..];
        Some((u16::from_be_bytes([*a, *b]), value))
    }
}

// === as text ===

pub(super) fn print(octets: &[u8], out: &mut String) -> Result<(), Unprintable> {
    for (index, (key, value)) in (Params { rest: octets }).enumerate() {
        if index > 0 {
            out.push(' ');
        }
        match key {
            // Its text is UTF-8 (RFC 9461 section 5); by its number any octets can be written.
            DOHPATH if std::str::from_utf8(value).is_err() => push(out, format_args!("key{key}")),
            _ => push_key(key, out),
        }
        match key {
            NO_DEFAULT_ALPN | OHTTP => continue,
            _ if value.is_empty() => continue,
            _ => out.push('='),
        }
        match key {
            MANDATORY => list(value.chunks(2), out, |key, out| push_key(number(key) as u16, out)),
            ALPN => push_quoted(out, &protocols(value)),
            PORT => push(out, format_args!("{}", number(value))),
            IPV4HINT => list(value.chunks_exact(4), out, |octets, out| {
                push(out, format_args!("{}", Ipv4Addr::from(number(octets))));
            }),
            IPV6HINT => list(value.chunks_exact(16), out, |octets, out| {
                let address = octets.iter().fold(0, |value, octet| value << 8 | u128::from(*octet));
                push(out, format_args!("{}", Ipv6Addr::from(address)));
            }),
            ECH => BASE64.encode_append(value, out),
            _ => push_quoted(out, value),
        }
    }
    Ok(())
}

fn list<'a>(
    items: impl Iterator<Item = &'a [u8]>,
    out: &mut String,
    mut print: impl FnMut(&'a [u8], &mut String),
) {
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(',');
        }
        print(item, out);
    }
}

fn push_key(key: u16, out: &mut String) {
    match KEYS.iter().find(|(_, number)| *number == key) {
        Some((name, _)) => out.push_str(name),
        None => push(out, format_args!("key{key}")),
    }
}

/// Protocols with commas between them, `\` before a comma or a `\` of their own (RFC 9460 appendix A.1).
fn protocols(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value;
    while let [length, after @ ..] = rest {
        let (protocol, after) = after.split_at(usize::from(*length).min(after.len()));
        for &octet in protocol {
            if matches!(octet, b',' | b'\\') {
                out.push(b'\\');
            }
            out.push(octet);
        }
        if !after.is_empty() {
            out.push(b',');
        }
        rest = after;
    }
    out
}

// === out of text ===

/// Parameters to the end, in any order, each once: `key`, `key=value` or `key="value"`.
pub(super) fn parse(reader: &mut Reader<'_>, field: &'static Field) -> Result<(), RdataError> {
    let mut params = BTreeMap::new();
    let mut last = None;
    while let Some(token) = reader.parameter()? {
        let (key, value) = parameter(token).map_err(|expected| reader.wrong(field, token, expected))?;
        if value.len() > 65_535 || params.insert(key, value).is_some() {
            return Err(reader.wrong(field, token, "a key that stands there once"));
        }
        last = Some(token);
    }
    let start = reader.out.len();
    for (key, value) in params {
        reader.push(&key.to_be_bytes());
        reader.push(&(value.len() as u16).to_be_bytes());
        reader.push(&value);
    }
    match (extent(&reader.out[start..], start), last) {
        (Err(expected), Some(token)) => Err(reader.wrong(field, token, format!("the end of {expected}"))),
        _ => Ok(()),
    }
}

fn parameter(token: Token<'_>) -> Result<(u16, Vec<u8>), &'static str> {
    let (name, text) = match token.text.split_once('=') {
        Some((name, text)) => (name, text),
        None => (token.text, ""),
    };
    let key = key(name).ok_or("a key such as alpn or key65333, below key65535")?;
    let inner = match text.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"').filter(|inner| !has_bare_quote(inner)),
        None => Some(text).filter(|text| !has_bare_quote(text)),
    };
    let octets = inner.and_then(unescape).ok_or("a value with quotes around all of it or none")?;
    // `key1` and the like stand for any key, with the octets of the wire.
    let numbered = name.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("key"));
    let value = if numbered { Some(octets) } else { value(key, &octets) };
    let value = value.ok_or("a value of the form that its key has (RFC 9460 section 7)")?;
    check_value(key, &value)?;
    Ok((key, value))
}

fn key(name: &str) -> Option<u16> {
    if let Some((_, key)) = KEYS.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)) {
        return Some(*key);
    }
    let digits = name.get(3..).filter(|_| name[..3].eq_ignore_ascii_case("key"))?;
    let plain = digits == "0" || !digits.starts_with('0');
    decimal(digits, u32::from(INVALID) - 1).filter(|_| plain).map(|key| key as u16)
}

fn value(key: u16, octets: &[u8]) -> Option<Vec<u8>> {
    let text = || std::str::from_utf8(octets).ok();
    match key {
        MANDATORY => {
            let mut keys: Vec<u16> = text()?.split(',').map(self::key).collect::<Option<_>>()?;
            let count = keys.len();
            keys.sort_unstable();
            keys.dedup();
            (keys.len() == count).then(|| keys.into_iter().flat_map(u16::to_be_bytes).collect())
        }
        ALPN => alpn(octets),
        NO_DEFAULT_ALPN | OHTTP => octets.is_empty().then(Vec::new),
        PORT => decimal(text()?, 65_535).map(|port| (port as u16).to_be_bytes().to_vec()),
        IPV4HINT => {
            addresses(text()?, |text| text.parse().ok().map(|address: Ipv4Addr| address.octets().to_vec()))
        }
        IPV6HINT => {
            addresses(text()?, |text| text.parse().ok().map(|address: Ipv6Addr| address.octets().to_vec()))
        }
        ECH => BASE64.decode(octets).ok(),
        DOHPATH => text().map(|_| octets.to_vec()),
        _ => Some(octets.to_vec()),
    }
}

fn addresses(text: &str, read: impl Fn(&str) -> Option<Vec<u8>>) -> Option<Vec<u8>> {
    text.split(',').map(read).collect::<Option<Vec<_>>>().map(|all| all.concat())
}

/// Protocols with commas between them; `\` takes the next octet as it is.
fn alpn(octets: &[u8]) -> Option<Vec<u8>> {
    let mut items = vec![Vec::new()];
    let mut octets = octets.iter();
    while let Some(&octet) = octets.next() {
        let octet = match octet {
            b',' => {
                items.push(Vec::new());
                continue;
            }
            b'\\' => *octets.next()?,
            plain => plain,
        };
        items.last_mut()?.push(octet);
    }
    let mut out = Vec::new();
    for item in items {
        out.push(u8::try_from(item.len()).ok().filter(|&length| length > 0)?);
        out.extend_from_slice(&item);
    }
    Some(out)
}

/// Whether a quote stands there that no `\` escapes.
fn has_bare_quote(text: &str) -> bool {
    let mut escaped = false;
    text.bytes().any(|octet| {
        let bare = octet == b'"' && !escaped;
        escaped = octet == b'\\' && !escaped;
        bare
    })
}
