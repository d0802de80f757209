//! Reads a DNS log and hands on its events, each once, with the positions that make it so.
//!
//! # The problem
//!
//! Zones live on a log: a topic of Apache Kafka, or a file of JSON lines. A node reads all of it, keeps what it
//! leads to, and must come back after any crash without losing an event or applying one twice. It must go on
//! answering while the log cannot be reached, must know when it is in step with it, must never show half of a
//! change, and must not read on over a log that lost what had been read.
//!
//! # The vocabulary
//!
//! - A [`Source`] is a log that is being read. It yields [`Output`]s and blocks its own thread.
//! - A *position* is where an event stands, known to its source alone. Whoever applies events stores the
//!   position with them, and reading goes on behind it.
//! - A [`Batch`] is what is applied together: events of one source, and the positions behind them.
//! - A *change* is what the events of one `change-id` make in a partition. It is never split between batches,
//!   unless it is too large or the rest of it does not come.
//! - *In step* with a moment is who has applied everything that all partitions held at that moment.
//! - An *alarm* means that nothing more must be applied from a source: what it lost cannot be known. What was
//!   served stays served, until somebody asks for a rebuild and accepts the loss.
//! - A *rebuild* reads a log again from its beginning, beside what is served.
//!
//! # The picture
//!
//! ```text
//!   Kafka topic ─┐   thread of the source             bounded            actor
//!                ├▶ Source ─▶ decode ─▶ Assembler ──▶ channel ──▶ EventConsumer ──▶ zone-store
//!  journal file ─┘   blocks while the channel is full  1 batch     one ApplyChanges at a time
//! ```
//!
//! # Without an actor system
//!
//! ```
//! # #[cfg(feature = "journal")] {
//! use event_consumer::{ConsumerConfig, Follower, JournalConfig, SourceConfig};
//! use std::time::Duration;
//!
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("journal.jsonl");
//! std::fs::write(&path, "{\"key\":\"www.example.com.|A\",\"value\":null}\n")?;
//! let config = ConsumerConfig {
//!     sources: vec![SourceConfig::Journal(JournalConfig::new(&path))],
//!     ..ConsumerConfig::default()
//! };
//! let mut follower = Follower::open(&config, &[])?;
//! if let Some(batch) = follower.next_batch(Duration::from_secs(10)) {
//!     assert_eq!(batch.events[0].key, b"www.example.com.|A");
//!     // Keep `batch.positions` with what the events changed, and open the next follower behind them.
//! }
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Features
//!
//! `kafka` (librdkafka, compiled from C) and `journal`; both by default. The settings of both are there either
//! way; opening a source that was left out is [`OpenError::Feature`]. `vendored` builds OpenSSL and zlib too.

mod actor;
mod assemble;
mod backoff;
mod batch;
mod complaints;
mod config;
mod consumer;
mod course;
mod crowd;
mod error;
mod follower;
mod held;
#[cfg(feature = "journal")]
mod journal;
#[cfg(feature = "kafka")]
mod kafka;
mod kafka_config;
mod known;
mod lane;
mod lateness;
mod link;
mod measure;
mod reader;
pub mod scripted;
mod source;

pub use actor::{EventConsumer, Standalone, spawn_standalone};
pub use assemble::{Assembler, ClosedEarly, Early};
pub use batch::Batch;
pub use config::{BatchConfig, ConsumerConfig, JournalConfig, SourceConfig};
pub use error::{ConfigError, OpenError};
pub use follower::Follower;
pub use kafka_config::{KafkaConfig, SaslConfig, SaslMechanism, TlsConfig, kafka_properties};
pub use link::Peers;
pub use reader::{Ended, ReaderStatus};
pub use source::{Open, Output, Progress, Source, SourceSpec};

/// The README's example is compiled with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
