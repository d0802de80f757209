//! The nouns of an authoritative DNS server whose zones are a log.
//!
//! # The problem
//!
//! A change to a zone travels far: somebody writes it as text, it stands as JSON on a log, it is kept in a
//! store, and in the end it is a few octets of an answer. Every part on that way needs the same words for it,
//! and every node must understand an event in the same way, whoever wrote it and whenever. This crate has those
//! words and that understanding, and nothing else: no I/O, no actors, no clock.
//!
//! # The words
//!
//! - A [`Name`] is absolute, in wire form, as it was written; case does not count when names are compared.
//! - A [`RecordType`] is any of the 65,536, known or not.
//! - RDATA is octets in uncompressed wire form; [`rdata`] knows its text and the names in it, by one table.
//! - An [`RrSet`] is a TTL and the RDATA of one owner and type. It is what an event sets.
//! - An event is a key, a value and headers at a [`Position`] of a partition of a source ([`SourceId`]): a
//!   [`RawEvent`] as it was read, an [`Event`] as it was understood. One that cannot be used says why and is
//!   kept whole ([`Unusable`]).
//! - A [`Catalog`] is an immutable snapshot of all zones, from which is answered.
//! - A [`Zone`](zone::Zone) is one whole zone as a value: read from a master file ([`master`]) or gathered from a
//!   log, compared, looked through for what is odd ([`validate`]), printed.
//!
//! # The way
//!
//! ```text
//!   "10 mail.example.com."                                        what a person writes
//!        │ rdata::parse_text          ▲ rdata::print_text
//!        ▼                            │
//!      RrSet ── encode::key, ──▶ key and value ── journal::compose ──▶ a line of a journal
//!        ▲      encode::value         │         ◀── journal::parse ───
//!        │                            │ with position, timestamp, headers: RawEvent
//!        └─ EventBody::Set ◀── decode::decode
//! ```
//!
//! # An event, read
//!
//! ```
//! use zone_model::{EventBody, Partition, Position, RawEvent, RecordType, Timestamp, decode, rdata};
//!
//! let event = decode::decode(RawEvent {
//!     partition: Partition(0),
//!     position: Position::new(&[1])?,
//!     timestamp: Timestamp(1_732_300_000_000),
//!     key: b"example.com.|MX".to_vec(),
//!     value: Some(br#"[{"name":"example.com.","type":"MX","content":"10 mail.example.com.","ttl":300}]"#.to_vec()),
//!     headers: Vec::new(),
//! });
//! let EventBody::Set(set) = event.body else { panic!("not usable") };
//! assert_eq!((set.key.owner.to_string().as_str(), set.key.rtype), ("example.com.", RecordType::MX));
//! assert_eq!(set.rrset.ttl, Some(300));
//! assert_eq!(rdata::print_text(RecordType::MX, &set.rrset.rdatas()[0]), "10 mail.example.com.");
//! # Ok::<(), zone_model::BadPosition>(())
//! ```

pub mod catalog;
pub mod decode;
mod digest;
pub mod encode;
mod event;
pub mod journal;
mod limits;
pub mod master;
mod name;
mod position;
pub mod rdata;
mod rrset;
mod rtype;
pub mod serial;
mod source_position;
pub mod validate;
pub mod zone;

pub use catalog::Catalog;
pub use digest::ZoneDigest;
pub use event::{
    DECODER_VERSION, Event, EventBody, EventKey, HEADER_CHANGE_ID, HEADER_CHANGE_SIZE, HEADER_PRODUCER,
    HEADER_SERIAL, Headers, RawEvent, SetRrSet, Unusable,
};
pub use limits::Limits;
pub use name::{Labels, MAX_LABEL, MAX_NAME, Name, NameError, wire_length};
pub use position::{BadPosition, Partition, Position, SourceId, Timestamp};
pub use rrset::{MAX_TTL, Merged, Record, RrSet, RrSetChange, RrSetId, clamp_ttl};
pub use rtype::{RecordType, UnknownType};
pub use source_position::{
    DEFAULT_JOURNAL_ID, ForeignPosition, JournalHeader, JournalPosition, KafkaPosition, LineMark,
};

/// The README's example, run as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
