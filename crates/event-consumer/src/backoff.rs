//! How long to wait after a failure before the next try.

use std::time::Duration;

/// The pause after the first failure; it doubles with each.
const FIRST: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(5);

/// The pause after so many failures in a row; none before the first.
pub(crate) fn pause(failures: u32) -> Duration {
    match failures.checked_sub(1) {
        Some(doublings) => FIRST.saturating_mul(1 << doublings.min(10)).min(LONGEST),
        None => Duration::ZERO,
    }
}
