//! Turns a wanted change of a zone into events on the log.
//!
//! A log of full-state events has no place for "only if nothing changed since", and a broker compacts by key.
//! So what an event has to say depends on what stands on the log already: which slot serves the RRset, which
//! others must be emptied, which serial the zone has served, which timestamp wins. This crate reads that,
//! decides, and writes, while nobody else writes to the zone.
//!
//! # Vocabulary
//! - A *change* is a set of *edits* of one zone: RRsets to be set, RRsets to be removed.
//! - A *slot* is (source, partition, raw key bytes); its last event counts. Of the slots of one RRset the one
//!   with the greatest (timestamp, source, partition, position) serves.
//! - A *plan* is the events that make a change so: the zone's SOA first, one serial further; each RRset in the
//!   slot that serves it; nulls for its other slots.
//! - The *writer lock* of a zone is `flock` for a journal, and for Kafka the fencing of a transactional
//!   producer's id.
//!
//! ```text
//! Publish ──▶ ┌───────────────┐ try  ┌──────────┐     lock ─ read on ─ plan ─ write ─ unlock
//!             │ EventProducer │────▶ │ Producer │──▶ ┌─────────────────────────────────────┐
//! Published ◀ │    (actor)    │ ◀────│ (thread) │    │ Log: JournalLog, KafkaLog, or yours │
//!             └───────────────┘      └──────────┘    └─────────────────────────────────────┘
//! ```
//!
//! # What is promised
//! What is published is usable: the readers' own decoder is asked before anything is written. A change is
//! stamped with the present or, if later, one millisecond after the zone's newest event, so that it serves. A
//! change of several events carries `change-id` and `change-size` and becomes visible at once. Nothing stands
//! on the log after an error, but for [`PublishError::Unknown`](messages::PublishError::Unknown).
//!
//! # Example
//! [`Producer`] has one; [`EventProducer`] is the same as an actor.

mod actor;
mod change;
mod config;
mod error;
#[cfg(feature = "journal")]
mod journal;
#[cfg(feature = "kafka")]
mod kafka;
mod log;
mod odd;
mod plan;
mod producer;
#[cfg(any(feature = "journal", feature = "kafka", test))]
mod seen;
mod state;
mod tally;
#[cfg(test)]
mod testing;
mod worker;
mod zone;

pub use actor::{EventProducer, Handle, StartError, spawn_standalone};
pub use change::Change;
pub use config::{ConfigError, Partitioning, ProducerConfig};
pub use error::Refusal;
#[cfg(feature = "journal")]
pub use journal::{Compacted, JournalLog};
#[cfg(feature = "kafka")]
pub use kafka::{KafkaLog, KafkaTarget};
pub use log::{Log, Outcome};
pub use odd::{Nameless, OddRrSet};
pub use plan::{Circumstances, Layout, MAX_BYTES, MAX_EVENTS, NewEvent, Plan, plan, plan_bump, zone_of};
pub use producer::Producer;
pub use state::{Held, Keep, Kept, LogState, Slot, Zones, winner};
