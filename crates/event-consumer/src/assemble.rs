//! From what a source yields to batches: no I/O and no clock.

use crate::batch::Batch;
use crate::config::BatchConfig;
use crate::lane::{Closed, Item, Lane};
use messages::LogFacts;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;
use zone_model::{Event, Partition, Position, SourceId, Timestamp};

/// Puts events together to batches.
///
/// Events of one `change-id` in a partition stay together: while a change is open its partition is held back,
/// alone, and its position stays before the change's first event.
///
/// Feed it with [`event`](Self::event), [`passed`](Self::passed), [`live`](Self::live),
/// [`at_end`](Self::at_end) and [`in_step`](Self::in_step) in the order of the source, with
/// [`tick`](Self::tick) when [`deadline`](Self::deadline) has come, and [`take`](Self::take) a batch when
/// [`is_full`](Self::is_full), or when the source has nothing more and there [`is_something`](Self::is_something).
#[derive(Debug)]
pub struct Assembler {
    source: SourceId,
    config: BatchConfig,
    lanes: BTreeMap<Partition, Lane>,
    events: Vec<Event>,
    bytes: usize,
    positions: BTreeMap<Partition, Position>,
    in_step: Option<Timestamp>,
    log: LogFacts,
    /// A moment that waits for the changes that were open when it was reported.
    waiting: Option<(Timestamp, BTreeSet<Partition>)>,
    early: Vec<ClosedEarly>,
}

/// A change that was handed on before all of it was there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosedEarly {
    /// Its partition.
    pub partition: Partition,
    /// Its `change-id`.
    pub change: String,
    /// How many of its events were there.
    pub seen: usize,
    /// How many its `change-size` announced, where that could be read.
    pub size: Option<usize>,
    /// Why it was not waited for any longer.
    pub why: Early,
}

/// Why a change was not waited for any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Early {
    /// It is larger than a change may be.
    TooLarge,
    /// Nothing of it came for a while, and the partition has nothing more.
    TimedOut,
}

// === impl Assembler ===

impl Assembler {
    /// An assembler of batches of `source`.
    pub fn new(source: SourceId, config: BatchConfig) -> Self {
        Self {
            source,
            config,
            lanes: BTreeMap::new(),
            events: Vec::new(),
            bytes: 0,
            positions: BTreeMap::new(),
            in_step: None,
            log: LogFacts::default(),
            waiting: None,
            early: Vec::new(),
        }
    }

    /// The next event of its partition; `bytes` is the size of its key, value and headers.
    pub fn event(&mut self, event: Event, bytes: usize, now: Instant) {
        let partition = event.partition;
        let lane = self.lanes.entry(partition).or_default();
        let closed = lane.event(event, bytes, now, &self.config);
        self.settle(partition, closed);
    }

    /// The partition moved on without an event.
    pub fn passed(&mut self, partition: Partition, position: Position) {
        let lane = self.lanes.entry(partition).or_default();
        lane.passed(position);
        self.settle(partition, Vec::new());
    }

    /// The partition has passed the end that it had when it was opened: from here on changes are kept together.
    pub fn live(&mut self, partition: Partition) {
        self.lanes.entry(partition).or_default().live();
    }

    /// The partition has nothing more at present.
    pub fn at_end(&mut self, partition: Partition) {
        self.lanes.entry(partition).or_default().at_end();
    }

    /// What is known of the log as a whole from now on.
    pub fn log(&mut self, facts: LogFacts) {
        self.log = facts;
    }

    /// Everything that all partitions had at this moment has been fed.
    pub fn in_step(&mut self, moment: Timestamp) {
        let open: BTreeSet<Partition> =
            self.lanes.iter().filter(|(_, lane)| lane.is_open()).map(|(partition, _)| *partition).collect();
        if open.is_empty() {
            // Nothing is held back, so an older moment that waits has come true with it.
            self.in_step = Some(moment);
            self.waiting = None;
        } else if self.waiting.is_none() {
            // An older moment that waits is kept: under steady load the younger ones would never come true.
            self.waiting = Some((moment, open));
        }
    }

    /// Gives up waiting for changes of which nothing came for a while.
    pub fn tick(&mut self, now: Instant) {
        let partitions: Vec<Partition> = self.lanes.keys().copied().collect();
        for partition in partitions {
            let Some(lane) = self.lanes.get_mut(&partition) else { continue };
            let closed = lane.tick(now, &self.config);
            if !closed.is_empty() {
                self.settle(partition, closed);
            }
        }
    }

    /// When [`tick`](Self::tick) has something to do next.
    pub fn deadline(&self) -> Option<Instant> {
        self.lanes.values().filter_map(|lane| lane.deadline(&self.config)).min()
    }

    /// Whether the batch has reached its size.
    pub fn is_full(&self) -> bool {
        self.events.len() >= self.config.max_events || self.bytes >= self.config.max_bytes
    }

    /// Whether there is something to hand on. Positions alone are not worth a batch and ride with the next.
    pub fn is_something(&self) -> bool {
        !self.events.is_empty() || self.in_step.is_some()
    }

    /// Takes what is ready.
    pub fn take(&mut self) -> Batch {
        Batch {
            source: self.source.clone(),
            events: self.take_events(),
            positions: std::mem::take(&mut self.positions).into_iter().collect(),
            in_step: self.in_step.take(),
            log: self.log.clone(),
            bytes: std::mem::take(&mut self.bytes),
        }
    }

    fn take_events(&mut self) -> Vec<Event> {
        // The next batch is most likely about as large.
        let room = Vec::with_capacity(self.events.len());
        std::mem::replace(&mut self.events, room)
    }

    /// Takes the reports of changes that were handed on before all of them was there.
    pub fn take_early(&mut self) -> Vec<ClosedEarly> {
        std::mem::take(&mut self.early)
    }

    /// Moves what a lane no longer holds back into the batch.
    fn settle(&mut self, partition: Partition, closed: Vec<Closed>) {
        self.early.extend(closed.into_iter().map(|closed| closed.report(partition)));
        let Some(lane) = self.lanes.get_mut(&partition) else { return };
        if lane.is_open() {
            return;
        }
        for item in lane.release() {
            match item {
                Item::Event(event, bytes) => {
                    self.positions.insert(partition, event.position);
                    self.bytes += bytes;
                    self.events.push(event);
                }
                Item::Passed(position) => {
                    self.positions.insert(partition, position);
                }
            }
        }
        if let Some((moment, open)) = &mut self.waiting {
            open.remove(&partition);
            if open.is_empty() {
                self.in_step = Some(*moment);
                self.waiting = None;
            }
        }
    }
}
