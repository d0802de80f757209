//! Whole zones, read from a store as of one commit.

use crate::store::StoreUnavailable;
use actix::Message;
use std::fmt;
use zone_model::zone::ZoneRrSet;
use zone_model::{Name, Partition, Position, SourceId};

/// Opens a zone to be read whole, as of a commit that holds everything that was applied when it was asked for.
/// Whether there is such a zone shows when it is read.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<OpenedZone, StoreUnavailable>")]
pub struct OpenZone {
    /// The apex.
    pub apex: Name,
}

/// A zone that can be read, on any thread that may block. Until it is dropped the store keeps what it shows.
pub struct OpenedZone(pub Box<dyn ReadZone>);

/// Reads a zone of the log: of each RRset the slot that decides, without `[]`, without local records and without a
/// made-up SOA.
pub trait ReadZone: Send {
    /// What is known of the zone as a whole; `None` where there is no such zone. Reads the zone once.
    ///
    /// # Errors
    /// Where the store cannot be read.
    fn head(&self) -> Result<Option<ZoneHead>, StoreUnavailable>;

    /// Hands every RRset to `visit`, the SOA of the apex first and then in canonical order, until it says no. `head`
    /// is what [`head`](Self::head) gave.
    ///
    /// # Errors
    /// Where the store cannot be read.
    fn read(&self, head: &ZoneHead, visit: &mut dyn FnMut(ZoneRrSet) -> bool)
    -> Result<(), StoreUnavailable>;
}

/// What is known of a zone as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneHead {
    /// The apex, in lower case.
    pub apex: Name,
    /// The serial that is served.
    pub serial: u32,
    /// Whether the SOA that is served is made up: the configuration names the zone and the log has none.
    pub synthesised: bool,
    /// How many RRsets are read.
    pub rrsets: u64,
    /// The TTL that is served where an RRset has none, in seconds.
    pub default_ttl: u32,
    /// How far the logs were applied, source by source and partition by partition.
    pub positions: Vec<(SourceId, Partition, Position)>,
}

impl fmt::Debug for OpenedZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpenedZone")
    }
}
