//! Whether others want the processor that a thread gives way on.

use std::time::Duration;

/// What the last turns of others say: a thread that gives way lets them go first and sees how long they took. One long
/// turn alone says little, so none counts for more than 400 µs.
#[derive(Debug, Default)]
pub(crate) struct Crowd {
    average: Duration,
}

/// Where the others' turns are longer than this, they want the processor.
const LONG: Duration = Duration::from_micros(100);
/// Each turn is this part of the average.
const PART: u32 = 8;
/// How long the thread rests where others want the processor, to take together what comes meanwhile.
const REST: Duration = Duration::from_millis(5);

// === impl Crowd ===

impl Crowd {
    /// How long to rest for the others' sake, who took so long.
    pub(crate) fn rest_after(&mut self, took: Duration) -> Option<Duration> {
        self.average = (self.average * (PART - 1) + took.min(LONG * 4)) / PART;
        (self.average > LONG && took > LONG).then_some(REST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_want_the_processor_when_several_turns_were_long() {
        let mut crowd = Crowd::default();
        assert_eq!(crowd.rest_after(Duration::from_secs(1)), None, "one turn alone");
        crowd.rest_after(LONG * 3);
        crowd.rest_after(LONG * 3);
        assert_eq!(crowd.rest_after(LONG * 3), Some(REST));
        for _ in 0..21 {
            assert_eq!(crowd.rest_after(Duration::from_micros(1)), None, "they have gone");
        }
        assert_eq!(crowd.rest_after(LONG * 4), None, "one turn alone, later on");
    }
}
