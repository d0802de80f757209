//! When commits are made: soon, together with what else comes; of a backlog, with what a second brings; and later
//! where they fail.

use crate::store::Pending;
use std::time::Duration;

/// A commit does not wait for company when so many rows, or bytes, wait already.
const LARGE: (usize, usize) = (300_000, 64 << 20);
/// Where more rows than this wait, a backlog is coming in. Rows of a zone come in no order, so a commit of some writes
/// about as many pages as one of three times as many: it waits longer, and what it would have taken from who reads and
/// applies the backlog is theirs.
pub(crate) const BACKLOG: (usize, Duration) = (10_000, Duration::from_secs(1));
/// A commit of more bytes than this is one of a backlog, too, however few the rows.
pub(crate) const BACKLOG_BYTES: usize = 8 << 20;
/// Failed commits are tried again after twice the time before, up to the longest.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// Whether a commit is under way, and how many failed in a row.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    phase: Phase,
    failures: u32,
    /// How many timers were set.
    timers: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Idle,
    /// A timer runs.
    Scheduled,
    Running,
}

/// What to do about a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// It is seen to already, or there is nothing to be committed.
    Nothing,
    Now,
    /// A timer is to be set.
    After(Duration),
}

// === impl Pace ===

impl Pace {
    /// How many commits failed since the last that did not.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.phase == Phase::Idle
    }

    pub(crate) fn is_running(&self) -> bool {
        self.phase == Phase::Running
    }

    /// The timer that was set last, by its number.
    pub(crate) fn timer(&self) -> u64 {
        self.timers
    }

    /// Whether this timer is still to be heeded: a commit that did not wait for it may have been made since.
    pub(crate) fn heeds(&self, timer: u64) -> bool {
        self.is_scheduled() && self.timers == timer
    }

    fn is_scheduled(&self) -> bool {
        self.phase == Phase::Scheduled
    }

    /// Whether somebody who waits for the next commit would wait for the backlog's sake.
    pub(crate) fn holds_up(&self, pending: Pending) -> bool {
        self.failures == 0 && self.is_scheduled() && pending.rows > BACKLOG.0
    }

    /// What to do when this waits. `commit_after` is how long a commit waits for company, `overlay_bytes` how
    /// much may wait.
    pub(crate) fn next(&mut self, pending: Pending, commit_after: Duration, overlay_bytes: usize) -> Next {
        if self.is_running() || !pending.waiting && !pending.committing {
            return Next::Nothing;
        }
        let is_large = pending.rows > LARGE.0 || pending.bytes > LARGE.1.min(overlay_bytes);
        if self.failures == 0 && is_large {
            return Next::Now;
        }
        if self.is_scheduled() {
            return Next::Nothing;
        }
        self.phase = Phase::Scheduled;
        self.timers += 1;
        Next::After(match self.failures {
            0 if pending.rows > BACKLOG.0 => commit_after.max(BACKLOG.1),
            0 => commit_after,
            failures => RETRY.1.min(RETRY.0 * (1 << failures.min(10))),
        })
    }

    /// One is about to be made, or turned out not to be needed.
    pub(crate) fn idle(&mut self) {
        self.phase = Phase::Idle;
    }

    pub(crate) fn running(&mut self) {
        self.phase = Phase::Running;
    }

    pub(crate) fn succeeded(&mut self) {
        self.failures = 0;
    }

    pub(crate) fn failed(&mut self) {
        self.failures += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(5);

    fn waiting(rows: usize) -> Pending {
        Pending { waiting: true, rows, ..Default::default() }
    }

    #[test]
    fn a_commit_waits_for_company_and_a_large_one_does_not() {
        let mut pace = Pace::default();
        assert_eq!(pace.next(Pending::default(), SOON, 1 << 20), Next::Nothing);
        assert_eq!(pace.next(waiting(1), SOON, 1 << 20), Next::After(SOON));
        assert_eq!(pace.next(waiting(2), SOON, 1 << 20), Next::Nothing, "the timer runs");
        assert_eq!(pace.next(waiting(LARGE.0 + 1), SOON, 1 << 20), Next::Now);
        pace.running();
        assert_eq!(pace.next(waiting(LARGE.0 + 1), SOON, 1 << 20), Next::Nothing);
        pace.idle();
        assert_eq!(
            pace.next(waiting(BACKLOG.0 + 1), SOON, 1 << 20),
            Next::After(BACKLOG.1),
            "more is coming"
        );
    }

    #[test]
    fn what_fails_is_tried_again_later_and_later() {
        let mut pace = Pace::default();
        let mut before = Duration::ZERO;
        for _ in 0..20 {
            pace.failed();
            let Next::After(wait) = pace.next(waiting(LARGE.0 + 1), SOON, 1 << 20) else { unreachable!() };
            assert!(wait >= before && wait <= RETRY.1, "{wait:?}");
            before = wait;
            pace.idle();
        }
        assert_eq!(before, RETRY.1);
        pace.succeeded();
        assert_eq!(pace.next(waiting(1), SOON, 1 << 20), Next::After(SOON));
    }
}
