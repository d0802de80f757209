//! From the bytes of an event to what it says.
//!
//! [`decode`] is a function of one event alone: every node that reads it comes to the same result. It never
//! half-applies: either the whole value is an RRset of the key, or the event is unusable as a whole, with one
//! reason: the key's, else that of the JSON, else that of the first record that is wrong.
//!
//! What older producers wrote is read as they meant it:
//! - keys with no, one or two dots at the owner's end, in any case ([`decode_key`]);
//! - field names in any case, `Ttl` missing, `Priority` 0 in every record, an object instead of an array of
//!   one;
//! - TXT content without quotes, of which each word is a character-string of its own (RFC 1035 section 5.1);
//!   text in quotes that is longer than 255 octets is split.
//!
//! What is refused though it could be guessed at: a record without `name`, `type` or `content`; a name or a
//! type that is not the key's (an empty text included); a TTL that is no number, a fraction, or below 0; a
//! `class` that is not IN; a known field that stands in a record twice.

mod json;
mod key;
mod local;
#[cfg(test)]
mod properties;
mod value;

pub use key::{KeyError, decode_key};
pub use local::{LocalRecordsError, local_records};
pub use value::{MAX_RRSET, ValueError};

use crate::event::{Event, EventBody, EventKey, RawEvent, SetRrSet, Unusable};
use crate::rrset::{Merged, RrSet};

/// Says what an event says. Never panics and never loses the value of one that cannot be used.
pub fn decode(raw: RawEvent) -> Event {
    let RawEvent { partition, position, timestamp, key, value, headers } = raw;
    let body = body(&key, value);
    Event { partition, position, timestamp, key, headers, body }
}

fn body(key: &[u8], value: Option<Vec<u8>>) -> EventBody {
    let key = decode_key(key);
    let Some(value) = value else {
        return EventBody::Null(key.ok());
    };
    match key {
        Ok(key) => match decode_value(&key, &value) {
            Ok(Value { rrset, extra, merged }) => EventBody::Set(SetRrSet { key, rrset, extra, merged }),
            Err(error) => unusable(Some(key), value, error.to_string()),
        },
        Err(error) => unusable(None, value, error.to_string()),
    }
}

/// What a value says under its key; the fields are those of [`SetRrSet`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// The RRset that it sets.
    pub rrset: RrSet,
    /// What else stood in its records.
    pub extra: Option<Box<str>>,
    /// What of its records the RRset does not show.
    pub merged: Merged,
}

/// What a value sets under this key.
///
/// # Errors
/// [`ValueError`] for a value that is no RRset of the key.
pub fn decode_value(key: &EventKey, value: &[u8]) -> Result<Value, ValueError> {
    value::read(key, value)
}

fn unusable(key: Option<EventKey>, value: Vec<u8>, mut reason: String) -> EventBody {
    // It quotes what stands there, and is one line all the same.
    if reason.contains(char::is_control) {
        let visible = |letter: char| match letter.is_control() {
            true => letter.escape_default().to_string(),
            false => letter.to_string(),
        };
        reason = reason.chars().map(visible).collect();
    }
    EventBody::Unusable(Unusable { key, value: Some(value), reason })
}
