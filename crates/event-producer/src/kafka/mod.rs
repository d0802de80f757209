//! A topic of Apache Kafka as a log.
//!
//! A change is one transaction, whatever its size, because the transaction is the zone's writer lock: the
//! `transactional.id` is topic and apex, `init_transactions` fences whoever held it before, and only what was
//! read after that decides what is written. Who is fenced itself starts again once.

mod client;
mod reader;
mod writer;

pub use client::KafkaTarget;

use crate::change::Change;
use crate::config::ProducerConfig;
use crate::log::{Log, Outcome, last_positions};
use crate::plan::{Circumstances, Layout, Plan, plan, plan_bump, plan_clear, zone_of};
use crate::seen::Seen;
use crate::state::{Keep, LogState, Zones};
use messages::PublishError;
use reader::{KafkaReader, Until};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;
use writer::{Delivered, Writer, WriterError};
use zone_model::{Event, EventKey, KafkaPosition, Limits, Name, Partition, Position, SourceId, Timestamp};

/// Zones whose writers are kept ready; each holds connections and two threads.
const WRITERS: usize = 8;
/// Zones whose locks are tried for one change.
const ZONE_TRIES: usize = 3;

/// Why it is not known what others wrote.
const NOT_READ_ON: &str = "the topic could not be read on from where it was read";

/// A topic that is read and written.
pub struct KafkaLog {
    target: KafkaTarget,
    timeout: Duration,
    source: SourceId,
    keep: Keep,
    limits: Limits,
    reader: Option<KafkaReader>,
    /// What whoever asked has seen, and what others wrote since.
    seen: Seen,
    /// What was published last, as far as it was not read back: partitions and offsets.
    own: BTreeSet<(Partition, i64)>,
    /// The one used last stands last.
    writers: Vec<(Name, Writer)>,
}

// === impl KafkaLog ===

impl KafkaLog {
    /// The topic of a target. Nothing is connected yet; `timeout` is how long a broker may leave a request
    /// unanswered.
    pub fn new(target: KafkaTarget, timeout: Duration, keep: Keep) -> Self {
        let source = SourceId::new(target.topic.as_str());
        Self {
            target,
            timeout,
            source,
            keep,
            limits: Limits::default(),
            reader: None,
            seen: Seen::Nothing,
            own: BTreeSet::new(),
            writers: Vec::new(),
        }
    }

    /// The same under limits: of zones that the topic may not write nothing counts.
    #[must_use]
    pub fn limited(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Reads on and returns the reader.
    fn catch_up(&mut self, until: Until) -> Result<&mut KafkaReader, PublishError> {
        let fresh = self.reader.is_none();
        if fresh {
            let reader = {
                let (keep, limits) = (self.keep.clone(), self.limits.clone());
                KafkaReader::open(&self.target, self.timeout, keep, limits)?
            };
            self.reader = Some(reader);
        }
        let (seen, own) = (&mut self.seen, &mut self.own);
        let mut note = |offset, event: &Event| {
            if !own.remove(&(event.partition, offset)) {
                seen.note(event);
            }
        };
        let read = self.reader.as_mut().map_or(Ok(false), |reader| reader.read(until, &mut note));
        match read {
            Ok(true) => self.seen.lose(NOT_READ_ON),
            Ok(false) => {}
            Err(error) => {
                // What it had read may be in doubt: the next change begins afresh.
                self.reader = None;
                self.own.clear();
                self.seen.lose(NOT_READ_ON);
                return Err(error);
            }
        }
        match &mut self.reader {
            Some(reader) => Ok(reader),
            None => unreachable!("it was opened above"),
        }
    }

    /// Takes the zone's lock where it is not held, and reads what came before that.
    ///
    /// Taking it ends what a writer of the zone left that died inside a transaction, so nothing that is open is
    /// waited for before.
    fn take_lock(&mut self, apex: &Name) -> Result<Writer, PublishError> {
        if let Some(at) = self.writers.iter().position(|(own, _)| own == apex) {
            let writer = self.writers.remove(at).1;
            if !self.reader.as_ref().is_some_and(KafkaReader::is_whole) {
                self.catch_up(Until::End)?;
            }
            return Ok(writer);
        }
        let writer = Writer::open(&self.target, apex, self.timeout)?;
        self.catch_up(Until::End)?;
        Ok(writer)
    }

    /// Takes the lock of the zone that a change is of. What was read under the lock may say that it is another
    /// zone's: one came to be, or went, meanwhile.
    fn lock_zone(
        &mut self,
        change: &Change,
        config: &ProducerConfig,
    ) -> Result<(Name, Writer), PublishError> {
        let reader = self.catch_up(Until::Committed)?;
        let mut apex = match zone_of(&reader.state, change, &config.zones) {
            // The zone's SOA may stand in a transaction that is about to end.
            Err(_) if !reader.is_whole() => {
                zone_of(&self.catch_up(Until::End)?.state, change, &config.zones)?
            }
            decided => decided?,
        };
        for _ in 0..ZONE_TRIES {
            let writer = self.take_lock(&apex)?;
            let Some(reader) = &self.reader else { unreachable!("the topic was read under the lock") };
            let is = zone_of(&reader.state, change, &config.zones)?;
            if is == apex {
                return Ok((apex, writer));
            }
            apex = is;
        }
        Err(PublishError::Conflict("zones come and go above what is changed".to_owned()))
    }

    fn attempt(
        &mut self,
        change: &Change,
        now: Timestamp,
        change_id: &str,
        config: &ProducerConfig,
    ) -> Result<Outcome, WriterError> {
        let (apex, writer) = self.lock_zone(change, config)?;
        let outcome = self.check_unchanged(change, &apex, config).map_err(WriterError::from);
        let outcome = outcome.and_then(|()| self.write((&apex, &writer), change, now, change_id, config));
        // A writer that failed is in doubt: the next change takes the lock anew.
        if matches!(
            outcome,
            Ok(_) | Err(WriterError::Publish(PublishError::Refused(_) | PublishError::Conflict(_)))
        ) {
            self.writers.push((apex, writer));
            if self.writers.len() > WRITERS {
                self.writers.remove(0);
            }
        }
        outcome
    }

    /// Under the zone's lock: whoever wrote to the zone since it was read is known by now.
    fn check_unchanged(
        &self,
        change: &Change,
        apex: &Name,
        config: &ProducerConfig,
    ) -> Result<(), PublishError> {
        match &self.reader {
            Some(reader) if change.if_unchanged => {
                self.seen.refuse_changed(&reader.state, apex, &config.zones)
            }
            _ => Ok(()),
        }
    }

    /// Plans and writes, under the zone's lock and behind all that was written before it was taken.
    fn write(
        &mut self,
        (apex, writer): (&Name, &Writer),
        change: &Change,
        now: Timestamp,
        change_id: &str,
        config: &ProducerConfig,
    ) -> Result<Outcome, WriterError> {
        let Some(reader) = &mut self.reader else { unreachable!("the lock was taken and the topic read") };
        let layout = Layout { partitions: reader.partitions(), partitioning: config.partitioning };
        let alone = config.is_alone(&self.source, apex);
        let at = Circumstances { now, change_id, layout, zones: &config.zones, alone };
        let mut plan = plan(&reader.state, change, &at).map_err(PublishError::from)?;
        if plan.events.is_empty() {
            return Ok(Outcome::of(&plan, &self.source, Vec::new(), 0));
        }
        let mut delivered = writer.write(&self.target.topic, &plan)?;
        self.seen.published();
        let place = |own: &Delivered| (own.partition, own.offset);
        self.own = delivered.iter().map(place).collect();
        let between = reader.between(&mut self.own, &plan, &config.zones, &mut self.seen);
        if !between.is_empty() {
            // Somebody without the lock wrote to the zone meanwhile: one more serial, above both.
            let bump =
                plan_bump(&reader.state, &plan.apex, &change.producer, &at).map_err(PublishError::from)?;
            if !bump.events.is_empty() {
                let second = writer.write(&self.target.topic, &bump).map_err(half_published)?;
                self.own.extend(second.iter().map(place));
                delivered.extend(second);
                plan.serial = bump.serial;
            }
        }
        let positions = last_positions(delivered.iter().map(Delivered::position).collect());
        let outcome = Outcome::of(&plan, &self.source, positions, delivered.len());
        Ok(Outcome { between, ..outcome })
    }
}

impl Log for KafkaLog {
    fn read(&mut self) -> Result<&LogState, PublishError> {
        self.catch_up(Until::End)?;
        // Who asks has seen it.
        self.seen = Seen::ALL;
        match &self.reader {
            Some(reader) => Ok(&reader.state),
            None => unreachable!("it was opened above"),
        }
    }

    fn state(&self) -> Option<&LogState> {
        self.reader.as_ref().map(|reader| &reader.state)
    }

    fn keep_slots(&mut self) {
        self.keep = Keep::Slots;
        if let Some(reader) = &mut self.reader {
            reader.state.keep_slots();
        }
    }

    fn publish(
        &mut self,
        change: &Change,
        now: Timestamp,
        change_id: &str,
        config: &ProducerConfig,
    ) -> Result<Outcome, PublishError> {
        match self.attempt(change, now, change_id, config) {
            // The command line and a node take turns at a zone: each fences the other's idle writer. The
            // writer that was fenced is gone; with a new one the zone is this producer's.
            Err(WriterError::Fenced) => match self.attempt(change, now, change_id, config) {
                Err(WriterError::Fenced) => Err(PublishError::Conflict(
                    "somebody else publishes to this zone at this moment".to_owned(),
                )),
                second => second.map_err(WriterError::into_publish_error),
            },
            first => first.map_err(WriterError::into_publish_error),
        }
    }

    fn clear(
        &mut self,
        slots: &[(Partition, Vec<u8>)],
        now: Timestamp,
        producer: &str,
        _: &ProducerConfig,
    ) -> Result<usize, PublishError> {
        let plan = plan_clear(slots, now, producer);
        match self.clear_once(&plan) {
            Err(WriterError::Fenced) => self.clear_once(&plan),
            first => first,
        }
        .map_err(WriterError::into_publish_error)
    }
}

impl KafkaLog {
    fn clear_once(&mut self, plan: &Plan) -> Result<usize, WriterError> {
        self.catch_up(Until::Committed)?;
        let writer = self.take_lock(&plan.apex)?;
        let delivered = writer.write(&self.target.topic, plan)?;
        self.own.extend(delivered.iter().map(|own| (own.partition, own.offset)));
        Ok(delivered.len())
    }
}

impl fmt::Debug for KafkaLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaLog").field("topic", &self.target.topic).finish_non_exhaustive()
    }
}

/// The change itself stands on the log; that the SOA after it does not is worth knowing, but no failure that
/// trying again would mend.
fn half_published(error: WriterError) -> WriterError {
    let what = error.into_publish_error();
    WriterError::Publish(PublishError::Unknown(format!(
        "the change stands, but its second SOA may not: {what}"
    )))
}

impl Delivered {
    fn position(&self) -> (Partition, Position) {
        // The producer is told neither epoch nor topic id; positions of a partition compare by offset first,
        // and what a node has applied carries both, so it stands at or behind this.
        let position = KafkaPosition { offset: self.offset, leader_epoch: -1, topic_id: [0; 16] };
        (self.partition, position.encode())
    }
}

impl KafkaReader {
    /// Others' events of the zone that came between what was read and the end of what was written, which is `own`: what
    /// is read back of it is taken out. What stands behind that is noted in `behind`.
    fn between(
        &mut self,
        own: &mut BTreeSet<(Partition, i64)>,
        plan: &Plan,
        zones: &[Name],
        behind: &mut Seen,
    ) -> Vec<Event> {
        let mut ends: BTreeMap<Partition, (usize, i64)> = BTreeMap::new();
        for (partition, offset) in own.iter() {
            let (count, last) = ends.entry(*partition).or_insert((0, *offset));
            (*count, *last) = (*count + 1, *offset);
        }
        // Mostly nobody wrote anything: what was written begins where reading had ended, and has no gap.
        let alone = |(partition, (count, last)): (&Partition, &(usize, i64))| {
            i64::try_from(*count).is_ok_and(|count| self.next(*partition) + count == last + 1)
        };
        if ends.iter().all(alone) {
            return Vec::new();
        }
        let mut others = Vec::new();
        let read = self.read(Until::End, |offset, event| {
            if own.remove(&(event.partition, offset)) {
                return;
            }
            if ends.get(&event.partition).is_some_and(|(_, last)| offset < *last) {
                others.push(event.clone());
            } else {
                behind.note(event);
            }
        });
        if let Err(error) = read {
            tracing::warn!(%error, "the topic cannot be read behind a change that was published");
        }
        let zones = Zones::new(&self.state, zones, &[]);
        let of_zone = |key: &EventKey| zones.of_key(key).as_ref() == Some(&plan.apex);
        others.retain(|event| event.event_key().is_some_and(of_zone));
        others
    }
}

#[cfg(test)]
mod tests;
