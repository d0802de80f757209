//! What was read and is not handed on, because its source could not make it last.

use crate::backoff::pause;
use std::time::{Duration, Instant};

/// Why a batch is held back, and when its source is asked again.
#[derive(Debug, Default)]
pub(crate) struct Held {
    /// Failures since the last success.
    failures: u32,
    again: Option<Instant>,
    why: Option<String>,
}

// === impl Held ===

impl Held {
    /// How long until the source is asked again; `None` where nothing is held back.
    pub(crate) fn left(&self, now: Instant) -> Option<Duration> {
        self.again.map(|again| again.saturating_duration_since(now))
    }

    /// Enters that the source could not. Returns whether that was not said yet.
    pub(crate) fn fail(&mut self, now: Instant, why: &str) -> bool {
        self.failures = self.failures.saturating_add(1);
        self.again = Some(now + pause(self.failures));
        let is_new = self.why.as_deref() != Some(why);
        if is_new {
            self.why = Some(why.to_owned());
        }
        is_new
    }

    /// Enters that the source could. Returns whether anything was held back.
    pub(crate) fn succeed(&mut self) -> bool {
        std::mem::take(self).failures > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_five_seconds_and_each_reason_is_said_once() {
        let (mut held, now) = (Held::default(), Instant::now());
        assert_eq!((held.left(now), held.succeed()), (None, false));
        let mut pauses = Vec::new();
        for n in 0..40 {
            assert_eq!(held.fail(now, "EIO"), n == 0);
            pauses.extend(held.left(now));
        }
        let ms = Duration::from_millis;
        assert_eq!(pauses[..4], [ms(100), ms(200), ms(400), ms(800)]);
        assert!(pauses[6..].iter().all(|pause| *pause == ms(5_000)));
        assert!(held.fail(now, "ENOSPC"));
        assert!(held.succeed());
        assert_eq!((held.left(now), held.succeed()), (None, false));
        assert!(held.fail(now, "ENOSPC"), "after a success it is said again");
        assert_eq!(held.left(now), Some(ms(100)));
    }
}
