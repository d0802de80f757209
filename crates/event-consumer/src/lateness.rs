//! How far behind a partition is in time, and which events are ahead of it: no clock, it is told the time.

use crate::complaints::Complaints;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use zone_model::{Partition, Timestamp};

/// For how long each partition has had something left to read.
#[derive(Debug)]
pub(crate) struct Lateness {
    began: Instant,
    partitions: BTreeMap<Partition, Behind>,
}

/// A partition on its way to its end.
#[derive(Debug, Default)]
struct Behind {
    /// When nothing was left to read, last.
    at_end: Option<Instant>,
    /// The timestamp of the event read last.
    newest: Option<Timestamp>,
}

/// Tells of events from the future.
#[derive(Debug, Default)]
pub(crate) struct Ahead {
    complaints: Complaints,
}

/// How far a producer's clock may be ahead before it is reported.
const TOLERATED: Duration = Duration::from_secs(5 * 60);

// === impl Lateness ===

impl Lateness {
    /// Reading began at this moment.
    pub(crate) fn since(began: Instant) -> Self {
        Self { began, partitions: BTreeMap::new() }
    }

    /// An event with this timestamp was read.
    pub(crate) fn event(&mut self, partition: Partition, timestamp: Timestamp) {
        self.partitions.entry(partition).or_default().newest = Some(timestamp);
    }

    /// How late a partition is of which `left` is left to read.
    ///
    /// The age of the event read last alone would say days where the first event for days comes; the time since
    /// the end was reached alone would grow under a steady load that is followed closely. The lesser is neither.
    pub(crate) fn of(&mut self, partition: Partition, left: u64, now: Instant, clock: Timestamp) -> Duration {
        let behind = self.partitions.entry(partition).or_default();
        if left == 0 {
            behind.at_end = Some(now);
            return Duration::ZERO;
        }
        let since_end = now.saturating_duration_since(behind.at_end.unwrap_or(self.began));
        let age = |newest: Timestamp| {
            Duration::from_millis(u64::try_from(clock.0.saturating_sub(newest.0)).unwrap_or(0))
        };
        match behind.newest {
            // A reading from the beginning is as late as the log is old: there is no end that was reached before.
            Some(newest) if behind.at_end.is_none() => age(newest).max(since_end),
            Some(newest) => age(newest).min(since_end),
            None => since_end,
        }
    }
}

// === impl Ahead ===

impl Ahead {
    /// By how much this timestamp is ahead, where that is too much.
    pub(crate) fn event(&self, timestamp: Timestamp, clock: Timestamp) -> Option<Duration> {
        let by = u64::try_from(timestamp.0.saturating_sub(clock.0)).ok().map(Duration::from_millis)?;
        (by > TOLERATED).then_some(by)
    }

    /// Whether one more may be said.
    pub(crate) fn may_say(&mut self, now: Instant) -> bool {
        self.complaints.may_say(now)
    }

    /// How many were not said in a window that is over; 0 for none.
    pub(crate) fn unsaid(&mut self, now: Instant) -> u64 {
        self.complaints.unsaid(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const P: Partition = Partition(3);
    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn nothing_left_is_no_lateness() {
        let began = Instant::now();
        let mut lateness = Lateness::since(began);
        lateness.event(P, Timestamp(0));
        assert_eq!(lateness.of(P, 0, began + SECOND, Timestamp(1_000_000)), Duration::ZERO);
    }

    #[test]
    fn the_first_event_for_days_is_no_lateness_of_days() {
        let began = Instant::now();
        let mut lateness = Lateness::since(began);
        lateness.event(P, Timestamp(0));
        let clock = Timestamp(86_400_000);
        assert_eq!(lateness.of(P, 0, began, clock), Duration::ZERO);
        assert_eq!(lateness.of(P, 1, began + SECOND, clock), SECOND);
    }

    #[test]
    fn a_steady_load_that_is_followed_closely_is_as_late_as_its_last_event() {
        let began = Instant::now();
        let mut lateness = Lateness::since(began);
        assert_eq!(lateness.of(P, 0, began, Timestamp(0)), Duration::ZERO);
        lateness.event(P, Timestamp(3_599_950));
        assert_eq!(
            lateness.of(P, 4, began + 3_600 * SECOND, Timestamp(3_600_000)),
            Duration::from_millis(50)
        );
    }

    #[test]
    fn a_reading_from_the_beginning_is_as_late_as_the_log_is_old() {
        let began = Instant::now();
        let mut lateness = Lateness::since(began);
        assert_eq!(lateness.of(P, 9, began + SECOND, Timestamp(0)), SECOND);
        lateness.event(P, Timestamp(0));
        assert_eq!(lateness.of(P, 9, began + SECOND, Timestamp(7_200_000)), 7_200 * SECOND);
    }

    // DESIGN, "The log": timestamps more than 5 minutes ahead are reported.
    #[test]
    fn five_minutes_ahead_are_tolerated_and_no_more() {
        let ahead = Ahead::default();
        assert_eq!(ahead.event(Timestamp(300_000), Timestamp(0)), None);
        assert_eq!(ahead.event(Timestamp(300_001), Timestamp(0)), Some(Duration::from_millis(300_001)));
        assert_eq!(ahead.event(Timestamp(-1), Timestamp(0)), None);
        assert_eq!(
            ahead.event(Timestamp(i64::MAX), Timestamp(i64::MIN)),
            Some(Duration::from_millis(i64::MAX as u64))
        );
    }
}
