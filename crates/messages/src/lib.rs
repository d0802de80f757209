//! The verbs of Stream-DNS: every typed message that crosses from one actor to another.
//!
//! Data runs one way, so this page read from top to bottom is the map of the system:
//!
//! ```text
//! event-consumer ── OpenSource, ApplyChanges ──▶ zone-store ── CatalogPublished ──▶ dns-wire
//! dns-wire ── Resolve ──▶ resolver-bridge
//! admin-api ── Publish ──▶ event-producer ──▶ the log
//! admin-api ── ReadRecords, ListZones, … ──▶ zone-store; ReadSources, RebuildSources ──▶ event-consumer
//! everybody ── Measured ──▶ metric-agent ◀── ReadMetrics ── admin-api
//! ```
//!
//! A message carries wire bytes and types of `zone-model` only, never a type of the library behind an actor.
//! An actor is given the [`Recipient`]s of its peers when it is made. Where a message must not pile up it
//! carries a [`Permit`]: the bound is the semaphore's, whatever the mailbox does, and dropping the message
//! gives the place back.

mod guard;
mod log;
mod measure;
mod priority;
mod store;
mod wire;
mod zone;

pub use actix::{Message, Recipient};
pub use guard::{Permit, Permits, Snapshot};
pub use log::{
    Applied, ApplyChanges, ApplyError, DEFAULT_TOMBSTONE_RETENTION, Edit, LogFacts, OpenSource,
    PartitionStatus, Publish, PublishError, Published, ReadSources, Rebuild, RebuildError, RebuildSources,
    SourceState, SourceStatus,
};
pub use measure::{Labels, Measured, ReadMetrics, Sample, Value};
pub use priority::{give_way, let_pass, passed, step_aside, take_turns, work_in_portions};
pub use store::{
    AwaitApplied, CatalogPublished, HoldApplied, ListZones, Quarantined, ReadDigests, ReadQuarantine,
    ReadRecords, ReadStoreStatus, RecordSet, StoreStatus, StoreUnavailable, ZoneSummary,
};
pub use wire::{Question, Resolution, Resolve, ResolveError};
pub use zone::{OpenZone, OpenedZone, ReadZone, ZoneHead};

/// Ends an actor: it finishes what it has taken on, gives up its resources and stops. The reply says that
/// everything sent before was handled. Sent to each actor in the direction of the data.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct Shutdown;

/// Tells admin-api that the node is about to stop: `/readyz` fails from now on.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct Draining;
