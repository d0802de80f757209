//! Events: how a change of one RRset stands on the log.

use crate::name::Name;
use crate::position::{Partition, Position, Timestamp};
use crate::rrset::{Merged, RrSet};
use crate::rtype::RecordType;

/// The version of [`decode`](crate::decode::decode): a store that an older one filled is rebuilt from the
/// log, so that old and new nodes end equal.
pub const DECODER_VERSION: u32 = 1;

/// Headers of an event in their order: what is not the RRset (`schema`, `producer`, `change-id`,
/// `change-size`, `serial`, and whatever else a producer wrote).
pub type Headers = Vec<(String, Vec<u8>)>;

/// The header that says to which change an event belongs.
pub const HEADER_CHANGE_ID: &str = "change-id";
/// The header that says how many events the change has in this partition, in decimal.
pub const HEADER_CHANGE_SIZE: &str = "change-size";
/// The header that names who made the change.
pub const HEADER_PRODUCER: &str = "producer";
/// The header in which a deleted zone's SOA keeps its last serial, in decimal.
pub const HEADER_SERIAL: &str = "serial";

/// An event as it was read from the log, not yet understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawEvent {
    /// The partition it stands in.
    pub partition: Partition,
    /// Where in the partition.
    pub position: Position,
    /// When, as the log says.
    pub timestamp: Timestamp,
    /// The key, byte for byte: with source and partition it names the slot.
    pub key: Vec<u8>,
    /// The value; `None` is a null, which empties the slot.
    pub value: Option<Vec<u8>>,
    /// The headers.
    pub headers: Headers,
}

/// An event as it is applied: what [`RawEvent`] became when it was decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The partition it stands in.
    pub partition: Partition,
    /// Where in the partition.
    pub position: Position,
    /// When, as the log says.
    pub timestamp: Timestamp,
    /// The key, byte for byte.
    pub key: Vec<u8>,
    /// The headers.
    pub headers: Headers,
    /// What it says.
    pub body: EventBody,
}

/// What an event says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventBody {
    /// The slot holds this RRset now.
    Set(SetRrSet),
    /// The slot is empty now. The key need not be a usable one: a null clears what was quarantined there.
    Null(Option<EventKey>),
    /// The event cannot be used, for a reason decidable from it alone; it is quarantined and what was served
    /// for its key stays.
    Unusable(Unusable),
}

/// An RRset with what the log says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetRrSet {
    /// Whose RRset.
    pub key: EventKey,
    /// The RRset, `[]` included.
    pub rrset: RrSet,
    /// What else stood in the value's records: a JSON array with an object for each record (fields that we
    /// do not know, `metadatas`), `None` where nothing did. Kept with the row and handed out again.
    pub extra: Option<Box<str>>,
    /// What of its records the RRset does not show.
    pub merged: Merged,
}

/// A quarantined event's value and reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    /// The key as far as it can be read.
    pub key: Option<EventKey>,
    /// The value, byte for byte; `None` for a null.
    pub value: Option<Vec<u8>>,
    /// What is wrong, where, and what to do: one line for a person.
    pub reason: String,
}

/// A key, read: `<owner>|<TYPE>` or `<owner>|<TYPE>|<apex>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EventKey {
    /// The owner, in lower case.
    pub owner: Name,
    /// The type.
    pub rtype: RecordType,
    /// The apex of the zone whose RRset it is, in lower case, where the key says so.
    pub apex: Option<Name>,
}

impl Event {
    /// The value of the first header of this name, as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(own, _)| own == name)
            .and_then(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// The key as far as it can be read.
    pub fn event_key(&self) -> Option<&EventKey> {
        match &self.body {
            EventBody::Set(set) => Some(&set.key),
            EventBody::Null(key) => key.as_ref(),
            EventBody::Unusable(unusable) => unusable.key.as_ref(),
        }
    }
}
