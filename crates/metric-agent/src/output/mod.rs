//! What the sums are pushed to.

mod statsd;
mod stream;

pub use statsd::StatsdOutput;
pub use stream::StreamOutput;

use crate::error::OutputError;
use crate::series::{Series, Total};
use std::time::{Duration, Instant};

/// The longest time between two attempts at an output that fails.
const MOST_BACKOFF: Duration = Duration::from_secs(60);

/// Something that takes the sums at every flush.
///
/// An output remembers what it has passed on: it is handed everything each time, so what it did not take
/// this time is still there the next.
pub trait Output: Send {
    /// Its name, for the log and for `dns_metrics_flush_failures_total`.
    fn name(&self) -> &'static str;

    /// Takes the sums. A series has the same place in `series` every time; new ones stand at the end.
    ///
    /// # Errors
    /// [`OutputError`] where not everything could be passed on; what was not is passed on later.
    fn flush(&mut self, series: &[Series], now: Instant) -> Result<(), OutputError>;
}

/// An output, and when it is tried again.
pub(crate) struct Supervised {
    output: Box<dyn Output>,
    interval: Duration,
    failures: u32,
    retry_at: Option<Instant>,
    logged_at: Option<Instant>,
}

/// What an output has passed on of each series.
#[derive(Clone, Debug, Default)]
pub(crate) struct Passed(Vec<Option<Total>>);

// === impl Supervised ===

impl Supervised {
    pub(crate) fn new(output: Box<dyn Output>, interval: Duration) -> Self {
        Self { output, interval, failures: 0, retry_at: None, logged_at: None }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.output.name()
    }

    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.retry_at.is_none_or(|at| now >= at)
    }

    /// Whether the output took the sums. The time to the next attempt doubles with each failure in a row.
    pub(crate) fn flush(&mut self, series: &[Series], now: Instant) -> bool {
        match self.output.flush(series, now) {
            Ok(()) => {
                self.failures = 0;
                self.retry_at = None;
                true
            }
            Err(error) => {
                let factor = 1u32 << self.failures.min(16);
                self.failures += 1;
                self.retry_at = Some(now + self.interval.saturating_mul(factor).min(MOST_BACKOFF));
                // A server that comes and goes would otherwise write a line each second.
                if self.logged_at.is_none_or(|at| now.saturating_duration_since(at) >= MOST_BACKOFF) {
                    self.logged_at = Some(now);
                    tracing::warn!(output = self.name(), %error, "metrics wait, nothing of them is lost");
                }
                false
            }
        }
    }
}

// === impl Passed ===

impl Passed {
    /// What came to a series since the last time; `None` for nothing.
    pub(crate) fn news(&self, at: usize, total: &Total) -> Option<Total> {
        total.since(self.0.get(at).and_then(Option::as_ref))
    }

    /// Notes that a series was passed on as it is.
    pub(crate) fn note(&mut self, at: usize, total: &Total) {
        if self.0.len() <= at {
            self.0.resize(at + 1, None);
        }
        self.0[at] = Some(total.clone());
    }

    /// Whether the series was passed on just as it is.
    pub(crate) fn is_same(&self, at: usize, total: &Total) -> bool {
        self.0.get(at).and_then(Option::as_ref) == Some(total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Aggregator, Config};
    use messages::Sample;
    use std::sync::mpsc::{Receiver, Sender, channel};

    /// Takes the sums while `works` says so, and sends what came to the counter.
    struct Flaky {
        works: Receiver<bool>,
        took: Sender<u64>,
        passed: Passed,
    }

    impl Output for Flaky {
        fn name(&self) -> &'static str {
            "flaky"
        }

        fn flush(&mut self, series: &[Series], _now: Instant) -> Result<(), OutputError> {
            if !self.works.recv().unwrap() {
                return Err(OutputError::Write { to: "flaky".into(), cause: std::io::Error::other("down") });
            }
            if let Some(Total::Counter(added)) = self.passed.news(0, &series[0].total) {
                self.took.send(added).unwrap();
            }
            self.passed.note(0, &series[0].total);
            Ok(())
        }
    }

    #[test]
    fn an_output_that_was_down_gets_everything_and_the_others_do_not_wait() {
        let (first_works, first) = channel();
        let (second_works, second) = channel();
        let (first_took, first_sums) = channel();
        let (second_took, second_sums) = channel();
        let outputs: Vec<Box<dyn Output>> = vec![
            Box::new(Flaky { works: first, took: first_took, passed: Passed::default() }),
            Box::new(Flaky { works: second, took: second_took, passed: Passed::default() }),
        ];
        let mut aggregator = Aggregator::with_outputs(&Config::default(), outputs);
        let start = Instant::now();
        let second_at = |second| start + Duration::from_secs(second);
        // Down at 1 s and at 2 s; then its turn is at 4 s, not at 3 s.
        first_works.send(false).unwrap();
        first_works.send(false).unwrap();
        first_works.send(true).unwrap();
        for second in 1..=4 {
            aggregator.add(Sample::count("a_total", Vec::new(), 10));
            second_works.send(true).unwrap();
            aggregator.flush(second_at(second));
        }
        assert_eq!(first_sums.try_iter().collect::<Vec<_>>(), [40]);
        assert_eq!(second_sums.try_iter().collect::<Vec<_>>(), [10, 10, 10, 10]);
        assert!(aggregator.render().contains("dns_metrics_flush_failures_total{output=\"flaky\"} 2\n"));
    }

    #[test]
    fn the_last_flush_does_not_wait_for_its_turn() {
        let (works, answers) = channel();
        let (took, sums) = channel();
        let flaky = Flaky { works: answers, took, passed: Passed::default() };
        let mut aggregator = Aggregator::with_outputs(&Config::default(), vec![Box::new(flaky)]);
        aggregator.add(Sample::count("a_total", Vec::new(), 7));
        let now = Instant::now();
        works.send(false).unwrap();
        aggregator.flush(now);
        works.send(true).unwrap();
        aggregator.finish(now);
        assert_eq!(sums.try_iter().collect::<Vec<_>>(), [7]);
    }

    #[test]
    fn attempts_become_rare_but_never_rarer_than_once_a_minute() {
        let (works, answers) = channel();
        let (took, _sums) = channel();
        let flaky = Flaky { works: answers, took, passed: Passed::default() };
        let mut supervised = Supervised::new(Box::new(flaky), Duration::from_secs(1));
        let mut now = Instant::now();
        let mut waits = Vec::new();
        for _ in 0..40 {
            works.send(false).unwrap();
            assert!(!supervised.flush(&[], now));
            let wait = supervised.retry_at.unwrap().saturating_duration_since(now);
            assert!(
                !supervised.is_due(now + wait - Duration::from_millis(1)) && supervised.is_due(now + wait)
            );
            waits.push(wait.as_secs());
            now += wait;
        }
        assert_eq!(waits[..8], [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(waits[39], 60);
    }
}
