//! RRsets and records as values: RDATA in uncompressed wire form.

use crate::name::Name;
use crate::rtype::RecordType;

/// The largest TTL, 2^31 − 1 seconds; what is above counts as 0 (RFC 2181 section 8).
pub const MAX_TTL: u32 = i32::MAX as u32;

/// The records of one owner and type: what an event sets.
///
/// RDATA is in uncompressed wire form, in the order of the event, each value once. The empty RRset, `[]` on
/// the log, is a value like any other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RrSet {
    /// Seconds, at most [`MAX_TTL`]; `None` where the event gave none and the configured default serves.
    pub ttl: Option<u32>,
    rdatas: Vec<Box<[u8]>>,
}

/// What of the records that were given for an RRset is not to be seen in it any more. It refuses nothing and is reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// Their TTLs differed; the lowest is the RRset's (RFC 2181 section 5.2).
    pub ttls: bool,
    /// A record stood there more than once, but for the case of names (RFC 2181 section 5, RFC 4034 section 6.3).
    pub duplicates: bool,
}

/// One record with its owner: what a resolver found, what an interface shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The owner.
    pub owner: Name,
    /// The type.
    pub rtype: RecordType,
    /// Seconds, at most [`MAX_TTL`].
    pub ttl: u32,
    /// RDATA in uncompressed wire form.
    pub rdata: Box<[u8]>,
}

/// Names an RRset within a zone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RrSetId {
    /// The apex of the zone whose RRset it is.
    pub apex: Name,
    /// The owner.
    pub owner: Name,
    /// The type.
    pub rtype: RecordType,
}

/// What applying an event did to one served RRset; the unit of every stream of changes (a history, an IXFR
/// journal, a change feed).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RrSetChange {
    /// Which RRset.
    pub id: RrSetId,
    /// What served before; `None` for nothing.
    pub old: Option<RrSet>,
    /// What serves now; `None` for nothing.
    pub new: Option<RrSet>,
}

// === impl RrSet ===

impl RrSet {
    /// An RRset of these values; a value that occurs twice is kept once (RFC 2181 section 5).
    pub fn new(ttl: Option<u32>, rdatas: impl IntoIterator<Item = Box<[u8]>>) -> Self {
        let rdatas = rdatas.into_iter();
        let mut set = Self { ttl: ttl.map(clamp_ttl), rdatas: Vec::with_capacity(rdatas.size_hint().0) };
        for rdata in rdatas {
            if !set.rdatas.contains(&rdata) {
                set.rdatas.push(rdata);
            }
        }
        set
    }

    /// An RRset of values that are known to be distinct.
    pub(crate) fn of_distinct(ttl: Option<u32>, rdatas: Vec<Box<[u8]>>) -> Self {
        debug_assert!(rdatas.iter().enumerate().all(|(at, rdata)| !rdatas[..at].contains(rdata)));
        Self { ttl: ttl.map(clamp_ttl), rdatas }
    }

    /// The values, in the order of the event.
    pub fn rdatas(&self) -> &[Box<[u8]>] {
        &self.rdatas
    }

    /// Whether this is the empty RRset.
    pub fn is_empty(&self) -> bool {
        self.rdatas.is_empty()
    }

    /// How many records it has.
    pub fn len(&self) -> usize {
        self.rdatas.len()
    }
}

// === impl Merged ===

impl Merged {
    /// Whether there is anything to report.
    pub fn is_any(self) -> bool {
        self.ttls || self.duplicates
    }
}

/// The TTL as it counts: above 2^31 − 1 it is 0 (RFC 2181 section 8).
pub fn clamp_ttl(ttl: u32) -> u32 {
    if ttl > MAX_TTL { 0 } else { ttl }
}
