//! Keys of events: `<owner>|<TYPE>` and `<owner>|<TYPE>|<apex>`.

use crate::event::EventKey;
use crate::name::{Name, NameError};
use crate::rtype::RecordType;

/// Why the bytes of a key name no RRset.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The event has no key, or an empty one.
    #[error("the key is empty; write `<owner>|<TYPE>`, such as `www.example.com.|A`")]
    Empty,
    /// The key is not UTF-8.
    #[error("the key is not UTF-8 from byte {0} on; escape such octets of a name as \\DDD")]
    NotUtf8(usize),
    /// There is no `|` in the key.
    #[error("the key `{0}` has no `|`; write `<owner>|<TYPE>`, such as `www.example.com.|A`")]
    NoType(String),
    /// Behind the `|` stands no type.
    #[error(
        "the key `{key}`: `{text}` is no record type; write a mnemonic such as A or MX, or TYPE and a number"
    )]
    UnknownType {
        /// The key.
        key: String,
        /// What stands where the type is expected.
        text: String,
    },
    /// The type is a query type or a meta-type, of which no zone has records.
    #[error("the key `{key}`: no zone has records of the type {rtype} (RFC 6895 section 3.1)")]
    NoDataType {
        /// The key.
        key: String,
        /// The type.
        rtype: RecordType,
    },
    /// The owner is no name.
    #[error("the key `{key}`: its owner is no name: {error}")]
    Owner {
        /// The key.
        key: String,
        /// Why not.
        error: NameError,
    },
    /// The apex is no name.
    #[error("the key `{key}`: its apex is no name: {error}")]
    Apex {
        /// The key.
        key: String,
        /// Why not.
        error: NameError,
    },
    /// The owner is neither the apex nor below it.
    #[error("the key `{0}`: its owner is not at or below its apex, so it is no RRset of that zone")]
    OutsideApex(String),
    /// The long key of an SOA names another zone than its owner.
    #[error("the key `{0}`: an SOA belongs to the zone that its owner is the apex of; leave the apex out")]
    SoaApex(String),
}

/// Reads a key: `<owner>|<TYPE>` or `<owner>|<TYPE>|<apex>`, names absolute.
///
/// The final dot of a name may be missing, or be there twice, as older producers wrote it; case does not
/// count. A label may hold a `|`, as it is or escaped (`\|`, `\124`; our own producer writes the latter). So
/// a key is read from its end: of the parts between the bare `|`, the last but one is the type of a long key
/// if it is one and is not the first part; else the last part is the type of a short one. Only an owner whose
/// own bare `|` stands directly before a type's mnemonic could be misread, and escaping it settles that.
///
/// # Errors
/// [`KeyError`] for a key that names no RRset.
pub fn decode_key(key: &[u8]) -> Result<EventKey, KeyError> {
    let text = std::str::from_utf8(key).map_err(|error| KeyError::NotUtf8(error.valid_up_to()))?;
    if text.is_empty() {
        return Err(KeyError::Empty);
    }
    let (before, last) = split_last(text).ok_or_else(|| KeyError::NoType(text.to_owned()))?;
    let (owner, rtype, apex) = match split_last(before).map(|(owner, rtype)| (owner, rtype.parse())) {
        Some((owner, Ok(rtype))) => (owner, rtype, Some(last)),
        _ => match last.parse() {
            Ok(rtype) => (before, rtype, None),
            Err(_) => return Err(KeyError::UnknownType { key: text.to_owned(), text: last.to_owned() }),
        },
    };
    if !RecordType::is_data(rtype) {
        return Err(KeyError::NoDataType { key: text.to_owned(), rtype });
    }
    let owner = read_name(owner).map_err(|error| KeyError::Owner { key: text.to_owned(), error })?;
    let apex = match apex {
        None => None,
        Some(apex) => Some(read_name(apex).map_err(|error| KeyError::Apex { key: text.to_owned(), error })?),
    };
    if let Some(apex) = &apex {
        if rtype == RecordType::SOA && *apex != owner {
            return Err(KeyError::SoaApex(text.to_owned()));
        }
        if !owner.is_at_or_below(apex) {
            return Err(KeyError::OutsideApex(text.to_owned()));
        }
    }
    Ok(EventKey { owner, rtype, apex })
}

/// An absolute name in lower case, with no, one or two dots at its end.
fn read_name(text: &str) -> Result<Name, NameError> {
    let name = Name::parse(without_second_dot(text))?;
    Ok(if name.is_lowercase() { name } else { name.to_lowercase() })
}

/// Takes away one of two dots at the end, unless the first belongs to a label because a `\` escapes it.
pub(super) fn without_second_dot(text: &str) -> &str {
    match text.strip_suffix('.') {
        Some(shorter) if shorter.ends_with('.') && !is_escaped(shorter, shorter.len() - 1) => shorter,
        _ => text,
    }
}

/// Splits at the last `|` that no `\` escapes.
fn split_last(text: &str) -> Option<(&str, &str)> {
    let at = text.rmatch_indices('|').map(|(at, _)| at).find(|&at| !is_escaped(text, at))?;
    Some((&text[..at], &text[at + 1..]))
}

fn is_escaped(text: &str, at: usize) -> bool {
    text.as_bytes()[..at].iter().rev().take_while(|&&octet| octet == b'\\').count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(key: &str) -> (String, String, Option<String>) {
        let key = decode_key(key.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
        (key.owner.to_string(), key.rtype.to_string(), key.apex.map(|apex| apex.to_string()))
    }

    #[test]
    fn older_producers_wrote_no_dot_one_and_two() {
        for key in
            ["foo.example|A", "foo.example.|A", "foo.example..|A", "FOO.Example.|a", "foo.example.|TYPE1"]
        {
            assert_eq!(read(key), ("foo.example.".into(), "A".into(), None), "{key}");
        }
        for key in [".|NS", "..|NS"] {
            assert_eq!(read(key), (".".into(), "NS".into(), None), "{key}");
        }
    }

    #[test]
    fn a_long_key_names_its_zone() {
        let want = ("sub.example.com.".into(), "NS".into(), Some("example.com.".into()));
        for key in [
            "sub.example.com.|NS|example.com.",
            "sub.example.com|ns|EXAMPLE.com",
            "Sub.example.com..|NS|example.com..",
        ] {
            assert_eq!(read(key), want, "{key}");
        }
        assert_eq!(read("example.|NS|.").2, Some(".".into()));
        // A top-level domain that looks like a type is an apex where a type stands before it.
        assert_eq!(read("www.mx|A|mx").2, Some("mx.".into()));
    }

    #[test]
    fn an_owner_may_hold_the_separator() {
        assert_eq!(read(r"a|b.example.|A").0, "a|b.example.");
        assert_eq!(read(r"a\|b.example.|A").0, "a|b.example.");
        assert_eq!(read(r"a\124A.example.|A|example.").0, "a|a.example.");
        assert_eq!(read(r"a\|A|A"), ("a|a.".into(), "A".into(), None));
        assert_eq!(read(r"a\\|A").0, r"a\\.");
        assert_eq!(read(r"a\..|A").0, r"a\..");
        assert_eq!(read(r"|.|A").0, "|.");
    }

    #[test]
    fn what_is_no_key_says_why() {
        let cases = [
            ("", "empty"),
            ("foo.example.", "has no `|`"),
            ("foo.example.|", "`` is no record type"),
            ("foo.example.|BOGUS", "`BOGUS` is no record type"),
            ("foo.example.|ANY", "no zone has records of the type ANY"),
            ("foo.example.|TYPE0", "no zone has records of the type TYPE0"),
            ("foo.example.|OPT", "no zone has records"),
            ("|A", "owner is no name: the name is empty"),
            ("a..b.|A", "owner is no name: the name has an empty label"),
            ("foo...|A", "owner is no name"),
            ("foo.example.|A|", "apex is no name: the name is empty"),
            ("foo.example.|A|bar.", "not at or below its apex"),
            ("example.com.|SOA|com.", "leave the apex out"),
            ("h\u{e9}.example.|A", "outside ASCII"),
        ];
        for (key, want) in cases {
            let error = decode_key(key.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(want), "{key} gave {error}");
        }
        assert_eq!(decode_key(b"a\xff.|A"), Err(KeyError::NotUtf8(1)));
    }
}
