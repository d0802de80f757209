//! Between the log and the store, and on the way to the log.

use crate::guard::Permit;
use actix::Message;
use std::sync::Arc;
use std::time::Duration;
use zone_model::{Event, Name, Partition, Position, RecordType, RrSet, SourceId, Timestamp};

/// Asks zone-store where to go on reading a source. Sent before the first [`ApplyChanges`] of the source.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<SourceState, ApplyError>")]
pub struct OpenSource {
    /// Which source.
    pub source: SourceId,
    /// What the clock says: when a reading that begins with this one began.
    pub now: Timestamp,
    /// Whether the source is to be read again beside what is served; `None` to go on with what is under way.
    pub rebuild: Option<Rebuild>,
}

/// How a source is read again beside what is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rebuild {
    /// From the beginning; what was read beside so far is forgotten.
    Anew {
        /// Whether what the log leads to may lack what is served now.
        accept_loss: bool,
    },
    /// What is being read, beside or for the first time, may lack what was there before; reading goes on.
    Accept,
}

/// What zone-store knows of a source.
///
/// While the source is rebuilt all of this is said of the reading beside: what is served stays as it is until
/// that reading is in step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceState {
    /// For each partition that was read, the last position that was applied: reading goes on behind it.
    pub positions: Vec<(Partition, Position)>,
    /// The latest moment with which this reading was in step with the source; `None` if it never was.
    pub in_step: Option<Timestamp>,
    /// When the reading began; 0 where nobody said.
    pub began: Timestamp,
    /// Whether the source is being rebuilt beside what is served.
    pub rebuilding: bool,
    /// Whether somebody accepted that the reading may lack what was there before.
    pub accept_loss: bool,
}

/// Applies a batch of events in their order and stores their positions with them: all or nothing, and
/// visible in one snapshot. Events of one change never stand in two batches.
#[derive(Debug, Message)]
#[rtype(result = "Result<Applied, ApplyError>")]
pub struct ApplyChanges {
    /// The source of all events of the batch.
    pub source: SourceId,
    /// The events, those of one partition in the order of the log. May be empty: positions move on over what
    /// a log keeps for itself, and a node may come to be in step without an event.
    pub events: Vec<Event>,
    /// Where each partition of the batch stands behind it.
    pub positions: Vec<(Partition, Position)>,
    /// Set when this batch brings the node in step with its source: the moment at which the source's ends,
    /// now passed, were read.
    pub in_step: Option<Timestamp>,
    /// A place in the queue of batches on their way to the store.
    pub permit: Permit,
}

/// What came of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// How many served RRsets the batch changed.
    pub changed: usize,
    /// How many of its events were quarantined.
    pub quarantined: usize,
    /// The number of the catalogue that shows it.
    pub catalog: u64,
    /// Whether what was read beside took the place of what was served.
    pub rebuilt: bool,
}

/// Why a batch was not applied. Nothing of it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// The store could not be read or written; the batch may be sent again.
    #[error("the store failed: {0}")]
    Store(String),
    /// A defect: the store's actor panicked over the batch and was rebuilt.
    #[error("the store crashed over the batch; its log has the place")]
    Crashed,
    /// What was read beside lacks too much of what is served, which stays: nothing more is to be applied from
    /// the source until somebody accepts the loss. Here the batch itself was applied, beside.
    #[error("{0}")]
    Loss(String),
    /// The actor is stopping.
    #[error("the store is stopping")]
    Stopping,
}

/// What is known of a log as a whole: what decides whether reading it from its beginning leads to everything
/// that was ever said on it, and how long a reader may be away from it.
///
/// A log is *whole* when its [`identity`](Self::identity) was the same and it
/// [began at its start](Self::from_start) before a reading and after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFacts {
    /// Which log it is, whatever its name, in its source's own words: a topic's id, a journal's generation and
    /// inode. `None` where the source cannot say.
    pub identity: Option<Arc<str>>,
    /// Whether all of it still begins where it began: every partition at offset 0, a journal at its generation's
    /// start. `None` as long as nobody knows.
    pub from_start: Option<bool>,
    /// How long a null is kept before compaction may take it: who was away for longer may have missed it. `None`
    /// where a null is kept as long as everything around it.
    pub tombstone_retention: Option<Duration>,
}

/// How long a null is kept where the log does not say: the default of Kafka's `delete.retention.ms`.
pub const DEFAULT_TOMBSTONE_RETENTION: Duration = Duration::from_secs(24 * 60 * 60);

/// Has event-consumer read sources again from their beginning, beside what is served. Replies which, once
/// each of them has been told.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<Vec<SourceId>, RebuildError>")]
pub struct RebuildSources {
    /// Which source; `None` for all.
    pub source: Option<SourceId>,
    /// Whether what a log leads to may lack what is served now. Without it a reading that would lose a zone, or
    /// more than a tenth of the RRsets, changes nothing.
    pub accept_loss: bool,
}

/// Why sources are not read again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RebuildError {
    /// Nobody reads this source.
    #[error("this node does not read the source {0}")]
    Unknown(SourceId),
    /// It was asked for just now.
    #[error("the source {0} has not yet taken up what was asked before; ask again in a moment")]
    Busy(SourceId),
}

/// Asks event-consumer how its sources are.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Vec<SourceStatus>")]
pub struct ReadSources;

/// How a source is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceStatus {
    /// Which source.
    pub source: SourceId,
    /// Its kind, for people: `kafka` or `journal`.
    pub kind: &'static str,
    /// Whether the source can be read at present.
    pub connected: bool,
    /// The latest moment with which the node was in step; `None` if it never was.
    pub in_step: Option<Timestamp>,
    /// Why nothing more is applied from the source, where that is so: what happened and what to do.
    pub alarm: Option<String>,
    /// Why the source is being read again beside what is served, where it is.
    pub rebuilding: Option<String>,
    /// How often that was begun since the start.
    pub rebuilds_begun: u64,
    /// The last error, where the source is not connected.
    pub last_error: Option<String>,
    /// Events read since the start.
    pub events_read: u64,
    /// What is known of the log as a whole.
    pub log: LogFacts,
    /// What about the log keeps a promise from holding, each with what follows from it; nothing stops for them.
    pub warnings: Vec<String>,
    /// Partition by partition.
    pub partitions: Vec<PartitionStatus>,
}

/// How a partition is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionStatus {
    /// Which partition.
    pub partition: Partition,
    /// Where reading stands, in the source's own words (an offset; bytes).
    pub at: String,
    /// The position behind which reading goes on; `None` before the first event.
    pub position: Option<Position>,
    /// How much is left to read up to the end last seen: events for Kafka, bytes for a journal.
    pub lag: u64,
    /// For how long reading has been behind: 0 where nothing is left to read, else the time since nothing was, or
    /// the age of the last event read where that is less.
    pub lag_time: Duration,
}

// === impl LogFacts ===

/// What is to be assumed while nothing is known.
impl Default for LogFacts {
    fn default() -> Self {
        Self { identity: None, from_start: None, tombstone_retention: Some(DEFAULT_TOMBSTONE_RETENTION) }
    }
}

/// Publishes a change of one zone as events on the log.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<Published, PublishError>")]
pub struct Publish {
    /// What to change; RRsets of one zone.
    pub edits: Vec<Edit>,
    /// Who makes the change, for the header `producer`.
    pub producer: String,
}

/// One wanted change of an RRset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// The owner has exactly this RRset of the type.
    Set {
        /// The owner.
        owner: Name,
        /// The type.
        rtype: RecordType,
        /// The RRset.
        rrset: RrSet,
    },
    /// The owner has no RRset of the type.
    Remove {
        /// The owner.
        owner: Name,
        /// The type.
        rtype: RecordType,
    },
}

/// A change that stands on the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The source it was published to.
    pub source: SourceId,
    /// Its last position in each partition it touched: what a node is asked to have applied.
    pub positions: Vec<(Partition, Position)>,
    /// How many events it became.
    pub events: usize,
}

/// Why a change was not published.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The change itself is wrong: nothing was published.
    #[error("{0}")]
    Refused(String),
    /// Another change of the zone came between: nothing was published, and trying again may succeed.
    #[error("another change of the zone came between: {0}")]
    Conflict(String),
    /// The log cannot be reached; nothing was published.
    #[error("the log cannot be written: {0}")]
    Unavailable(String),
    /// It is not known whether the change was published.
    #[error("the log did not acknowledge the change, which may or may not stand on it: {0}")]
    Unknown(String),
}
