//! Whether others want the processor that a thread gives way on.

use std::time::Duration;

/// What the last turns of others say: a thread that gives way lets them go first and sees how long they took. One long
/// turn alone says little, so none counts for more than 400 µs.
#[derive(Debug, Default)]
pub(crate) struct Crowd {
    average: Duration,
    last: Duration,
}

/// Where the others' turns are longer than this, they want the processor.
const LONG: Duration = Duration::from_micros(100);
/// Each turn is this part of the average.
const PART: u32 = 8;
/// How long the thread rests where others want the processor, to take together what comes meanwhile.
const REST: Duration = Duration::from_millis(5);

// === impl Crowd ===

impl Crowd {
    /// Others took so long.
    pub(crate) fn note(&mut self, took: Duration) {
        self.last = took;
        self.average = (self.average * (PART - 1) + took.min(LONG * 4)) / PART;
    }

    /// How long to rest for their sake.
    pub(crate) fn rest(&self) -> Option<Duration> {
        (self.average > LONG && self.last > LONG).then_some(REST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_want_the_processor_when_several_turns_were_long() {
        let mut crowd = Crowd::default();
        crowd.note(Duration::from_secs(1));
        assert_eq!(crowd.rest(), None, "one turn alone");
        for _ in 0..3 {
            crowd.note(LONG * 3);
        }
        assert_eq!(crowd.rest(), Some(REST));
        crowd.note(Duration::from_micros(1));
        assert_eq!(crowd.rest(), None, "they have gone");
        for _ in 0..20 {
            crowd.note(Duration::from_micros(1));
        }
        crowd.note(LONG * 4);
        assert_eq!(crowd.rest(), None, "one turn alone, later on");
    }
}
