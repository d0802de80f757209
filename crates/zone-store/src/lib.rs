//! The state that a DNS log leads to, and the catalogue that is answered from.
//!
//! A log of zones says what happened; somebody must know what is. This crate applies events in batches, keeps
//! the RRsets they lead to in an embedded database together with the place in the log up to which they were
//! applied, and makes the next immutable [`Catalog`](zone_model::Catalog) out of each batch. It is the only
//! writer of the catalogue; whoever answers queries holds a snapshot and never asks the store.
//!
//! # Vocabulary
//!
//! - A *slot* is (source, partition, raw key): the unit within which a log has an order. A *row* is what a
//!   slot holds.
//! - A *copy* is what one reading of a source led to. A source is served from one; while it is read again, a
//!   second grows beside.
//! - Of all rows of one RRset the one with the greatest (timestamp, source, partition, position) *serves*.
//! - A *zone* exists while the serving SOA row of its apex is not `[]`, or while the configuration names it
//!   and it has no SOA row at all.
//! - An event that cannot be used stands in *quarantine* until a later one of its slot clears it.
//! - A *commit* writes rows and positions in one transaction. It comes after the publication: the log is the
//!   truth, the database a checkpoint of it.
//!
//! # The picture
//!
//! ```text
//!  batch ──▶ Store::apply ──▶ layer of changes in memory ──▶ CommitJob (its own thread) ──▶ redb
//!                 │                     ▲                                                     │
//!                 │                     └────────────── reads: layers over redb ──────────────┘
//!                 ├──▶ zones, serials
//!                 └──▶ next Catalog ──▶ CatalogPublished to every listener ──▶ back, to be freed
//! ```
//!
//! [`Store`] is the plain core: no actor, no clock, one thread. [`ZoneStore`] is its actor;
//! [`spawn_standalone`] runs that on a thread of its own for a program that is not built on actix.
//!
//! # Example
//!
//! ```
//! use zone_model::{Event, EventBody, EventKey, Merged, Name, Partition, Position, RecordType, RrSet, SetRrSet};
//! use zone_model::{SourceId, Timestamp};
//! use zone_store::{Batch, Store, StoreConfig};
//!
//! // A configured zone is served before the log says anything of it.
//! let apex = Name::parse("example.")?;
//! let mut store = Store::open(StoreConfig { zones: vec![apex.clone()], ..Default::default() })?;
//! let source = SourceId::new("journal");
//! assert!(store.open_source(&source)?.positions.is_empty());
//!
//! let key = EventKey { owner: apex.child(b"www")?, rtype: RecordType::A, apex: None };
//! let rrset = RrSet::new(Some(60), [Box::from([192, 0, 2, 1])]);
//! let event = Event {
//!     partition: Partition(0),
//!     position: Position::new(&[1, 0])?,
//!     timestamp: Timestamp(1_732_300_000_000),
//!     key: b"www.example.|A".to_vec(),
//!     headers: Vec::new(),
//!     body: EventBody::Set(SetRrSet { key, rrset, extra: None, merged: Merged::default() }),
//! };
//! let batch = Batch { source, events: vec![event], positions: Vec::new(), in_step: None };
//! let applied = store.apply(&batch)?;
//! assert_eq!(applied.changed, 2); // the RRset, and the SOA whose serial moved
//! assert_eq!(store.zones(None, 0)?[0].serial, 1_732_300_000);
//! store.commit()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod actor;
mod apply;
mod changes;
mod commit;
mod config;
mod content;
mod digest;
mod disk;
mod error;
mod hold;
mod keys;
mod layers;
mod load;
mod local;
mod memory;
mod meter;
mod newest;
mod next;
mod pace;
mod piece;
mod portions;
mod publish;
mod read;
mod rebuild;
mod recent;
mod regain;
mod restarts;
mod row;
mod settings;
mod soa;
mod sources;
mod store;
mod touched;
mod waiters;
mod walk;
mod walks;
mod zones;

pub use actor::{Handle, Running, StorePeers, ZoneStore, spawn_standalone};
pub use commit::{CommitJob, Committed};
pub use config::StoreConfig;
pub use error::StoreError;
pub use read::read_records;
pub use store::{AppliedBatch, Batch, Pending, Store};
pub use walk::{ZoneWalk, open_zone};
