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
/// So many times as long as others took the thread rests where they want the processor, to take together what comes
/// meanwhile: of a processor that they fill, where their turns take milliseconds, it wants fewer turns itself.
const TIMES: u32 = 8;
/// The least rest, and the longest.
const REST: [Duration; 2] = [Duration::from_millis(5), Duration::from_millis(40)];

// === impl Crowd ===

impl Crowd {
    /// How long to rest for the others' sake, who took so long.
    pub(crate) fn rest_after(&mut self, took: Duration) -> Option<Duration> {
        self.average = (self.average * (PART - 1) + took.min(LONG * 4)) / PART;
        let [least, longest] = REST;
        (self.average > LONG && took > LONG).then(|| took.saturating_mul(TIMES).clamp(least, longest))
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
        assert_eq!(crowd.rest_after(LONG * 3), Some(REST[0]));
        for _ in 0..21 {
            assert_eq!(crowd.rest_after(Duration::from_micros(1)), None, "they have gone");
        }
        assert_eq!(crowd.rest_after(LONG * 4), None, "one turn alone, later on");
    }

    #[test]
    fn the_longer_others_take_the_longer_is_the_rest() {
        let mut crowd = Crowd { average: LONG * 4 };
        let mut rest = |took: u64| crowd.rest_after(Duration::from_micros(took)).map(|rest| rest.as_micros());
        assert_eq!([101, 1_000, 2_000].map(&mut rest), [Some(5_000), Some(8_000), Some(16_000)]);
        assert_eq!([6_000, 1_000_000].map(&mut rest), [Some(40_000); 2]);
    }
}
