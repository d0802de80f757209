//! Where one partition stands.

use super::client::From;
use zone_model::KafkaPosition;

/// A partition that is read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Standing {
    /// The first offset that was not passed; `None` before anything is known of a partition without a position.
    pub(crate) next: Option<i64>,
    /// The leader epoch of the last event read.
    pub(crate) leader_epoch: Option<i32>,
    /// The end that the partition had when it was opened, once that is known.
    pub(crate) start_end: Option<i64>,
    /// The greatest end that was seen.
    pub(crate) end: i64,
    /// Whether `start_end` was passed.
    pub(crate) live: bool,
}

// === impl Standing ===

impl Standing {
    /// Behind a stored position.
    pub(crate) fn behind(position: &KafkaPosition) -> Self {
        let leader_epoch = (position.leader_epoch >= 0).then_some(position.leader_epoch);
        Self { next: position.offset.checked_add(1), leader_epoch, ..Self::default() }
    }

    pub(crate) fn from(&self, partition: i32) -> From {
        From { partition, offset: self.next, at_end: false, leader_epoch: self.leader_epoch }
    }

    /// Whether everything below `end` was passed.
    pub(crate) fn has_passed(&self, end: i64) -> bool {
        // Nothing stands below 0: a partition that never held anything was passed before anything was read.
        end <= self.next.unwrap_or(0)
    }

    /// Whether the partition is live now and was not before.
    pub(crate) fn becomes_live(&mut self) -> bool {
        let passed = self.start_end.is_some_and(|end| self.has_passed(end));
        passed && !std::mem::replace(&mut self.live, true)
    }

    /// How many offsets are left; an upper bound for the events, for compaction and transactions leave gaps.
    pub(crate) fn lag(&self) -> u64 {
        u64::try_from(self.end - self.next.unwrap_or(0)).unwrap_or(0)
    }
}
