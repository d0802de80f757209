//! What zone-store publishes, and what it is asked.

use crate::guard::Snapshot;
use actix::Message;
use std::time::Duration;
use zone_model::{Headers, Name, Partition, Position, RecordType, RrSet, SourceId, Timestamp, ZoneDigest};

/// Gives a listener the catalogue to answer from, from now on.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct CatalogPublished {
    /// The catalogue's number: it rises with each that a store publishes.
    pub number: u64,
    /// The catalogue.
    pub snapshot: Snapshot,
}

/// The store cannot answer now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store cannot be read: {0}")]
pub struct StoreUnavailable(pub String);

/// Asks for the RRsets that an owner has, served or not.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<Vec<RecordSet>, StoreUnavailable>")]
pub struct ReadRecords {
    /// The owner.
    pub owner: Name,
    /// One type; `None` for all.
    pub rtype: Option<RecordType>,
}

/// An RRset as the store has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordSet {
    /// The apex of the zone that it belongs to; `None` where no zone here holds its owner.
    pub apex: Option<Name>,
    /// The owner.
    pub owner: Name,
    /// The type.
    pub rtype: RecordType,
    /// The RRset.
    pub rrset: RrSet,
    /// How many slots hold this RRset; 0 for one that stands on no log.
    pub slots: u32,
    /// The slot that decides: its source; `None` for a local record.
    pub source: Option<SourceId>,
    /// The slot's partition.
    pub partition: Partition,
    /// The slot's key, byte for byte.
    pub key: Vec<u8>,
    /// The event's position; `None` for a local record.
    pub position: Option<Position>,
    /// The event's timestamp.
    pub timestamp: Timestamp,
    /// The event's headers.
    pub headers: Headers,
    /// What else the event's records said, as a JSON array; see `SetRrSet::extra`.
    pub extra: Option<Box<str>>,
}

/// Asks for the zones that are served, in canonical order of their apexes.
#[derive(Clone, Debug, Default, Message)]
#[rtype(result = "Result<Vec<ZoneSummary>, StoreUnavailable>")]
pub struct ListZones {
    /// Begin behind this apex.
    pub after: Option<Name>,
    /// At most so many; 0 for 1,000.
    pub limit: usize,
}

/// A served zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneSummary {
    /// The apex.
    pub apex: Name,
    /// The served serial.
    pub serial: u32,
    /// How many slots with an RRset belong to it.
    pub rrsets: u64,
    /// Whether its SOA is made up because the configuration names the zone and the log has none.
    pub synthesised: bool,
    /// The newest surviving event's timestamp.
    pub newest: Timestamp,
    /// 256 bits over the RRsets that the log gives the zone: two nodes that hold the same have the same. Local
    /// records do not count. `None` where the RRsets are not at hand.
    pub digest: Option<ZoneDigest>,
}

/// Asks how the store is.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "StoreStatus")]
pub struct ReadStoreStatus;

/// How the store is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreStatus {
    /// Whether the node has been in step with its log once, and its listeners have taken up what it read: it answers.
    pub in_service: bool,
    /// The number of the catalogue that was published last.
    pub catalog: u64,
    /// Zones served.
    pub zones: u64,
    /// Slots that hold an RRset, `[]` included.
    pub slots: u64,
    /// Quarantined events.
    pub quarantined: u64,
    /// Events applied since the start.
    pub events_applied: u64,
    /// The store's format.
    pub format: u32,
    /// The decoder that filled it.
    pub decoder: u32,
    /// The positions applied and served, source by source and partition by partition.
    pub positions: Vec<(SourceId, Partition, Position)>,
    /// Where the store is kept that could not be used when this one was opened, and why; `None` where none was.
    pub set_aside: Option<String>,
}

/// Waits until positions have been applied and are served. Replies whether they were, in time.
#[derive(Clone, Debug, Message)]
#[rtype(result = "bool")]
pub struct AwaitApplied {
    /// The source.
    pub source: SourceId,
    /// The positions, at or behind which each partition must stand.
    pub positions: Vec<(Partition, Position)>,
    /// How long to wait at most.
    pub timeout: Duration,
}

/// Has the store apply nothing more for a while, so that several nodes can be compared: replies with what is
/// applied. It ends with [`ReadDigests`], or by itself.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Result<Vec<(SourceId, Partition, Position)>, StoreUnavailable>")]
pub struct HoldApplied {
    /// How long at most; no more than a minute.
    pub limit: Duration,
}

/// Applies everything up to these positions and nothing behind them, replies with what is held then, and ends
/// the hold. A partition that has arrived waits for the others.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<Vec<ZoneSummary>, StoreUnavailable>")]
pub struct ReadDigests {
    /// Where each partition is to stand, at or behind where it stands now.
    pub positions: Vec<(SourceId, Partition, Position)>,
    /// How long to wait for that; no more than a minute.
    pub limit: Duration,
}

/// Asks for the quarantined events by source, partition and position.
#[derive(Clone, Debug, Default, Message)]
#[rtype(result = "Result<Vec<Quarantined>, StoreUnavailable>")]
pub struct ReadQuarantine {
    /// Begin behind this place.
    pub after: Option<(SourceId, Partition, Position)>,
    /// At most so many; 0 for 1,000. They may be fewer where they are large: nothing is left where there is none.
    pub limit: usize,
}

/// An event that could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// Its source.
    pub source: SourceId,
    /// Its partition.
    pub partition: Partition,
    /// Its position.
    pub position: Position,
    /// Its timestamp.
    pub timestamp: Timestamp,
    /// Its key, byte for byte.
    pub key: Vec<u8>,
    /// Its value, byte for byte; `None` for a null.
    pub value: Option<Vec<u8>>,
    /// Its headers.
    pub headers: Headers,
    /// Why it cannot be used and what to do.
    pub reason: String,
}
