//! Why a change is not published.

use crate::plan::{MAX_BYTES, MAX_EVENTS};
use messages::PublishError;
use zone_model::{Name, RecordType, SourceId};

/// Why a change must not stand on the log, whatever the log's health.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The change has no edit.
    #[error("the change is empty; set or remove at least one RRset")]
    Empty,
    /// No zone holds the owner.
    #[error(
        "no zone on the log holds {owner} {rtype}; set the SOA of its zone first, or in the same change, or name the \
         zone under `zones`"
    )]
    NoZone {
        /// The owner.
        owner: Name,
        /// The type.
        rtype: RecordType,
    },
    /// An owner is outside the zone that was given.
    #[error("{owner} is not in the zone {apex}; a change is of one zone")]
    OutsideZone {
        /// The owner.
        owner: Name,
        /// The zone.
        apex: Name,
    },
    /// The log is limited to other zones.
    #[error(
        "the log {log} may not write the zone {apex}, and readers would not serve it: it is limited to {}",
        listed(.allowed)
    )]
    NotOfThisLog {
        /// The log.
        log: SourceId,
        /// The zone.
        apex: Name,
        /// The zones that it may write.
        allowed: Vec<Name>,
    },
    /// The owners belong to different zones.
    #[error("{owner} belongs to the zone {apex} and {other_owner} to {other_apex}; a change is of one zone")]
    SeveralZones {
        /// An owner.
        owner: Name,
        /// Its zone.
        apex: Name,
        /// Another owner.
        other_owner: Name,
        /// Its zone.
        other_apex: Name,
    },
    /// Two edits of one RRset.
    #[error("{owner} {rtype} stands in the change twice; say once what it is to be")]
    Twice {
        /// The owner.
        owner: Name,
        /// The type.
        rtype: RecordType,
    },
    /// The change removes the zone's SOA, and so the zone, and sets an RRset in it.
    #[error("the change removes the zone {apex} and sets records of {owner} in it; do one after the other")]
    SetInDeleted {
        /// The owner.
        owner: Name,
        /// The zone.
        apex: Name,
    },
    /// A CNAME where an SOA must stand (RFC 1034 section 3.6.2).
    #[error("{owner} is the apex of a zone, where a CNAME never serves; set A and AAAA records")]
    CnameAtApex {
        /// The apex.
        owner: Name,
    },
    /// Every reader would quarantine the event.
    #[error("{owner} {rtype} cannot be published: {reason}")]
    Unusable {
        /// The owner.
        owner: Name,
        /// The type.
        rtype: RecordType,
        /// What is wrong.
        reason: String,
    },
    /// More than readers hold back until a change is complete.
    #[error(
        "the change has {events} events and {bytes} bytes, and one holds at most {MAX_EVENTS} and {MAX_BYTES}; publish \
         it in parts"
    )]
    TooLarge {
        /// Its events.
        events: usize,
        /// Its bytes.
        bytes: usize,
    },
}

fn listed(names: &[Name]) -> String {
    match names {
        [] => "none".to_owned(),
        names => names.iter().map(Name::to_string).collect::<Vec<_>>().join(", "),
    }
}

impl From<Refusal> for PublishError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal.to_string())
    }
}
