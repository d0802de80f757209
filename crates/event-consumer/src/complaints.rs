//! Keeps a flood of events that cannot be used from becoming a flood of log lines: all of them are in the
//! quarantine, and the log says how many.

use std::time::{Duration, Instant};

/// Lines in a window.
const LINES: u64 = 20;
/// How long a window lasts.
const WINDOW: Duration = Duration::from_secs(10);

/// How much was said in the present window.
#[derive(Debug, Default)]
pub(crate) struct Complaints {
    since: Option<Instant>,
    said: u64,
    unsaid: u64,
}

// === impl Complaints ===

impl Complaints {
    /// Whether one more may be said.
    pub(crate) fn may_say(&mut self, now: Instant) -> bool {
        self.since.get_or_insert(now);
        let may = self.said < LINES;
        if may {
            self.said += 1
        } else {
            self.unsaid += 1
        }
        may
    }

    /// How many were not said in a window that is over; 0 for none.
    pub(crate) fn unsaid(&mut self, now: Instant) -> u64 {
        match self.since {
            Some(since) if now.saturating_duration_since(since) >= WINDOW => std::mem::take(self).unsaid,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_twenty_lines_and_a_number() {
        let mut complaints = Complaints::default();
        let begun = Instant::now();
        let said = (0..30_000).filter(|_| complaints.may_say(begun)).count();
        assert_eq!(said, 20);
        assert_eq!(complaints.unsaid(begun + WINDOW / 2), 0);
        assert_eq!(complaints.unsaid(begun + WINDOW), 29_980);
        assert_eq!(complaints.unsaid(begun + WINDOW * 2), 0);
        assert!(complaints.may_say(begun + WINDOW * 2));
    }
}
