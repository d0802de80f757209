//! How often a store that panics is opened again.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How many times within [`WITHIN`] a store may panic.
const MOST: usize = 5;
const WITHIN: Duration = Duration::from_secs(60);
/// The wait doubles with each of them.
const AFTER: Duration = Duration::from_millis(100);

/// When the store was opened again.
#[derive(Debug, Default)]
pub(crate) struct Restarts(VecDeque<Instant>);

// === impl Restarts ===

impl Restarts {
    /// After how long to open it again; `None` where it was opened too often.
    pub(crate) fn next(&mut self, now: Instant) -> Option<Duration> {
        self.0.retain(|restart| now.duration_since(*restart) < WITHIN);
        self.0.push_back(now);
        (self.0.len() <= MOST).then(|| AFTER * (1 << self.0.len()))
    }

    /// The last one could not be tried yet, and does not count.
    pub(crate) fn put_back(&mut self) {
        self.0.pop_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_in_a_minute_are_the_end() {
        let (mut restarts, begin) = (Restarts::default(), Instant::now());
        let waits: Vec<_> = (0..5).filter_map(|n| restarts.next(begin + n * AFTER)).collect();
        assert!(waits.len() == 5 && waits.is_sorted(), "{waits:?}");
        restarts.put_back();
        assert_eq!(restarts.next(begin + 6 * AFTER), Some(waits[4]), "one that was put back does not count");
        assert_eq!(restarts.next(begin + 7 * AFTER), None);
        assert_eq!(restarts.next(begin + 2 * WITHIN), Some(waits[0]), "they are forgotten");
    }
}
