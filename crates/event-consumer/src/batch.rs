//! What is handed on.

use messages::LogFacts;
use std::fmt;
use zone_model::{Event, Partition, Position, SourceId, Timestamp};

/// Events of one source that are applied together, and where each partition stands behind them. A change that
/// belongs together is never split between two.
#[derive(Clone, PartialEq, Eq)]
pub struct Batch {
    /// The source.
    pub source: SourceId,
    /// The events, those of one partition in the order of the log. May be empty.
    pub events: Vec<Event>,
    /// Where each partition of the batch stands behind it.
    pub positions: Vec<(Partition, Position)>,
    /// The moment with which whoever has applied this batch, and all before it, is in step.
    pub in_step: Option<Timestamp>,
    /// What is known of the log as a whole by now.
    pub log: LogFacts,
    /// Bytes of keys, values and headers.
    pub bytes: usize,
}

/// Counts, never contents.
impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("source", &self.source)
            .field("events", &self.events.len())
            .field("bytes", &self.bytes)
            .field("positions", &self.positions)
            .field("in_step", &self.in_step)
            .finish()
    }
}
