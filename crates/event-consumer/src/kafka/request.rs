//! A request that is made again and again.

use std::time::{Duration, Instant};

/// When a request is due, and whether its answer is awaited.
#[derive(Debug)]
pub(crate) struct Request {
    due: Instant,
    under_way: bool,
    failures: u32,
    longest_pause: Duration,
}

/// The pause after a request failed for the first time; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

// === impl Request ===

impl Request {
    /// Due at once; after failures it is tried again at the latest after `longest_pause`.
    pub(crate) fn now(longest_pause: Duration) -> Self {
        Self { due: Instant::now(), under_way: false, failures: 0, longest_pause }
    }

    pub(crate) fn is_due(&self, now: Instant) -> bool {
        !self.under_way && self.due <= now
    }

    /// When it is due; `None` while its answer is awaited.
    pub(crate) fn due(&self) -> Option<Instant> {
        (!self.under_way).then_some(self.due)
    }

    pub(crate) fn sent(&mut self) {
        self.under_way = true;
    }

    /// Has it made at once, or as soon as its answer is there.
    pub(crate) fn hurry(&mut self) {
        self.due = Instant::now();
    }

    pub(crate) fn done(&mut self, pause: Duration) {
        (self.due, self.under_way, self.failures) = (Instant::now() + pause, false, 0);
    }

    pub(crate) fn failed(&mut self) {
        let pause = FIRST_PAUSE.saturating_mul(1 << self.failures.min(10)).min(self.longest_pause);
        (self.due, self.under_way) = (Instant::now() + pause, false);
        self.failures = self.failures.saturating_add(1);
    }
}
