//! What a log looks like to who writes it.

use crate::change::Change;
use crate::config::ProducerConfig;
use crate::plan::Plan;
use crate::state::LogState;
use messages::{PublishError, Published};
use zone_model::{Event, Name, Partition, Position, SourceId, Timestamp};

/// A log that can be read and written, by one thread that it may block.
///
/// It keeps what it has read: the next change reads on from there.
pub trait Log: Send {
    /// Reads on to the log's present end and returns what it says.
    ///
    /// # Errors
    /// [`PublishError::Unavailable`] where the log cannot be read.
    fn read(&mut self) -> Result<&LogState, PublishError>;

    /// What has been read, without reading on: what is decided by it and by [`read`](Self::read)'s answer is decided
    /// by one state. `None` where nothing was.
    fn state(&self) -> Option<&LogState>;

    /// Keeps slots alone from now on: what has been read of RRsets is not needed any more.
    fn keep_slots(&mut self);

    /// Publishes a change: takes the zone's writer lock, reads on to the log's end, plans, and writes what
    /// was planned at once. `change_id` names the change among all changes.
    ///
    /// # Errors
    /// Any [`PublishError`]; only after [`PublishError::Unknown`] may something stand on the log.
    fn publish(
        &mut self,
        change: &Change,
        now: Timestamp,
        change_id: &str,
        config: &ProducerConfig,
    ) -> Result<Outcome, PublishError>;

    /// Empties slots whose keys name no RRset, each by a null: what is quarantined there is cleared. Returns how many
    /// events were published.
    ///
    /// # Errors
    /// As [`Self::publish`].
    fn clear(
        &mut self,
        slots: &[(Partition, Vec<u8>)],
        now: Timestamp,
        producer: &str,
        config: &ProducerConfig,
    ) -> Result<usize, PublishError>;
}

/// A change that stands on the log, and what became of it there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Where it stands.
    pub published: Published,
    /// The zone that it changed.
    pub apex: Name,
    /// The serial that it gave the zone; `None` where the zone's SOA is not on the log, or nothing had to
    /// change.
    pub serial: Option<u32>,
    /// The timestamp of its events.
    pub timestamp: Timestamp,
    /// Others' events of the zone that came in between, after what the change was made of and before its end: who
    /// writes without the zone's lock. The zone got one more serial for them.
    pub between: Vec<Event>,
}

// === impl Outcome ===

impl Outcome {
    /// What became of a plan.
    pub fn of(plan: &Plan, source: &SourceId, positions: Vec<(Partition, Position)>, events: usize) -> Self {
        let published = Published { source: source.clone(), positions, events };
        let Plan { apex, serial, timestamp, .. } = plan;
        Self { published, apex: apex.clone(), serial: *serial, timestamp: *timestamp, between: Vec::new() }
    }
}

/// The last position of each partition, in the order of partitions.
#[cfg(any(feature = "kafka", test))]
pub(crate) fn last_positions(mut positions: Vec<(Partition, Position)>) -> Vec<(Partition, Position)> {
    positions.sort_unstable();
    // The greatest of a partition stands last in its run; turned round, it is the one that is kept.
    positions.reverse();
    positions.dedup_by_key(|(partition, _)| *partition);
    positions.reverse();
    positions
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::position;

    #[test]
    fn the_last_position_of_each_partition_is_what_a_node_is_asked_for() {
        let all =
            [(1, 5), (0, 9), (1, 7), (0, 2)].map(|(partition, at)| (Partition(partition), position(at)));
        let last = [(0, 9), (1, 7)].map(|(partition, at)| (Partition(partition), position(at)));
        assert_eq!(last_positions(all.to_vec()), last);
    }
}
