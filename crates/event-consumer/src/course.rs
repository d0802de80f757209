//! Whether what is read may be applied: is the log whole, and was nobody away for too long? No I/O, no clock.

use messages::{LogFacts, SourceState};
use std::sync::Arc;
use zone_model::{SourceId, Timestamp};

/// What the store said of the reading under way, and what the log said of itself since.
#[derive(Debug, Default)]
pub(crate) struct Course {
    /// The latest moment with which this reading was in step.
    in_step: Option<Timestamp>,
    /// When it began; 0 where nobody knows.
    began: Timestamp,
    /// Whether it is made beside what is served.
    pub(crate) rebuilding: bool,
    /// Whether it may lack what was there before.
    accepted: bool,
    /// Which log it was at first.
    identity: Option<Arc<str>>,
}

/// What to do with a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is applied.
    Apply,
    /// It is applied, and then the log is read again beside what is served, for this reason. Whether the moment
    /// with which it brings the node in step counts.
    ApplyAndRebuild(String, bool),
    /// It is not applied, nor is what follows.
    Halt(String),
}

// === impl Course ===

impl Course {
    /// What the store says; `accepted` is whether the configuration accepts an incomplete log.
    pub(crate) fn of(state: &SourceState, accepted: bool) -> Self {
        Self {
            in_step: state.in_step,
            began: state.began,
            rebuilding: state.rebuilding,
            accepted: state.accept_loss || accepted && !state.rebuilding,
            identity: None,
        }
    }

    /// Judges the next batch: what the log said of itself by its end, and the moment that it brings in step.
    pub(crate) fn judge(&mut self, source: &SourceId, log: &LogFacts, moment: Option<Timestamp>) -> Verdict {
        if self.in_step.is_none() && !self.accepted {
            if log.from_start == Some(false) {
                return Verdict::Halt(self.incomplete(source));
            }
            let first = self.identity.get_or_insert_with(|| log.identity.clone().unwrap_or_default());
            if log.identity.as_ref().is_some_and(|now| now != first) && !first.is_empty() {
                return Verdict::Halt(another(source));
            }
        }
        let Some(moment) = moment else { return Verdict::Apply };
        let before = self.in_step.or((self.began.0 > 0).then_some(self.began));
        let Some((before, retention)) = before.zip(log.tombstone_retention) else { return Verdict::Apply };
        let away = u128::try_from(i128::from(moment.0) - i128::from(before.0)).unwrap_or(0);
        if away <= retention.as_millis() {
            return Verdict::Apply;
        }
        let (away, kept) = (away / 1000, retention.as_secs());
        if self.in_step.is_none() && self.rebuilding {
            tracing::warn!(%source, seconds = away, kept, "reading the log took longer than it keeps nulls: removals made meanwhile may have been missed. Raise delete.retention.ms, then `stream-dns rebuild`");
            return Verdict::Apply;
        }
        let why = format!(
            "{away} s lie between two moments of being in step, and the log keeps nulls for {kept} s: removals may \
             have been missed"
        );
        Verdict::ApplyAndRebuild(why, self.in_step.is_none())
    }

    /// The batch was applied.
    pub(crate) fn applied(&mut self, moment: Option<Timestamp>, rebuilt: bool) {
        self.in_step = self.in_step.max(moment);
        self.rebuilding &= !rebuilt;
    }

    /// Why a log whose beginning is gone is not read.
    fn incomplete(&self, source: &SourceId) -> String {
        if self.rebuilding {
            return format!(
                "the log `{source}` no longer begins where it began: retention has taken events, so what a rebuild \
                 leads to may have holes. What was served stays served, and nothing more is applied from it. \
                 Publish the zones anew to a topic that is compacted; or, if what is left is everything that \
                 counts, `stream-dns rebuild --accept-loss`"
            );
        }
        format!(
            "the log `{source}` no longer begins where it began: retention has taken events, and this node has \
             nothing yet, so what it would serve had holes. Nothing is applied from it, and the node answers \
             SERVFAIL. Publish the zones anew to a topic that is compacted; or, if what is left is everything that \
             counts, `stream-dns rebuild --accept-loss`, or name the topic in `kafka.incomplete-topics` and start \
             again"
        )
    }
}

fn another(source: &SourceId) -> String {
    format!(
        "the log `{source}` became another one while it was read from its beginning: it was deleted and created \
         anew, or replaced. What was served stays served, and nothing more is applied from it. If the log as it is \
         now is meant, `stream-dns rebuild --accept-loss`"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const DAY: i64 = 24 * 60 * 60 * 1000;

    fn state(in_step: Option<i64>, began: i64, rebuilding: bool, accept_loss: bool) -> SourceState {
        let (in_step, began) = (in_step.map(Timestamp), Timestamp(began));
        SourceState { positions: Vec::new(), in_step, began, rebuilding, accept_loss }
    }

    fn facts(identity: &str, from_start: Option<bool>) -> LogFacts {
        LogFacts { identity: Some(identity.into()), from_start, ..LogFacts::default() }
    }

    fn judge(course: &mut Course, log: &LogFacts, moment: Option<i64>) -> Verdict {
        course.judge(&SourceId::new("dns"), log, moment.map(Timestamp))
    }

    /// DESIGN, "Start and health": more than the tombstone retention between two moments is a gap, an idle topic
    /// is none.
    #[test]
    fn who_was_away_for_longer_than_tombstones_stay_rebuilds() {
        let log = facts("a", Some(true));
        let mut course = Course::of(&state(Some(5), 1, false, false), false);
        assert_eq!(judge(&mut course, &log, None), Verdict::Apply);
        assert_eq!(judge(&mut course, &log, Some(5 + DAY)), Verdict::Apply);
        course.applied(Some(Timestamp(5 + DAY)), false);
        let late = judge(&mut course, &log, Some(6 + 2 * DAY));
        assert!(matches!(&late, Verdict::ApplyAndRebuild(why, false) if why.contains("86400 s")), "{late:?}");
        let forever = LogFacts { tombstone_retention: None, ..log.clone() };
        assert_eq!(judge(&mut course, &forever, Some(i64::MAX)), Verdict::Apply);
        let long = LogFacts { tombstone_retention: Some(Duration::from_secs(200_000)), ..log };
        assert_eq!(judge(&mut course, &long, Some(6 + 2 * DAY)), Verdict::Apply);
    }

    /// "… or between the start of a first reading and its first; a rebuild that was too slow itself is reported,
    /// not repeated."
    #[test]
    fn a_first_reading_that_was_too_slow_is_made_again_and_a_rebuild_is_not() {
        let log = facts("a", Some(true));
        let mut first = Course::of(&state(None, 1, false, false), false);
        assert!(matches!(judge(&mut first, &log, Some(2 + DAY)), Verdict::ApplyAndRebuild(_, true)));
        let mut again = Course::of(&state(None, 1, true, false), false);
        assert_eq!(judge(&mut again, &log, Some(2 + DAY)), Verdict::Apply);
        // Of a store that does not know when it began nothing is supposed.
        let mut unknown = Course::of(&state(None, 0, false, false), false);
        assert_eq!(judge(&mut unknown, &log, Some(2 + 9 * DAY)), Verdict::Apply);
    }

    /// DESIGN, "A rebuild never loses a zone by itself": whole before and after the reading.
    #[test]
    fn a_log_that_is_not_whole_is_not_read_from_its_beginning() {
        for rebuilding in [false, true] {
            let mut course = Course::of(&state(None, 1, rebuilding, false), false);
            assert_eq!(judge(&mut course, &facts("a", Some(true)), None), Verdict::Apply);
            assert!(matches!(judge(&mut course, &facts("a", Some(false)), Some(2)), Verdict::Halt(_)));
            assert!(matches!(judge(&mut course, &facts("b", Some(true)), Some(2)), Verdict::Halt(_)));
            let mut accepted = Course::of(&state(None, 1, rebuilding, true), false);
            assert_eq!(judge(&mut accepted, &facts("a", Some(false)), Some(2)), Verdict::Apply);
        }
        // The setting is for a node that has nothing; who reads on behind a position minds no beginning.
        let mut set = Course::of(&state(None, 1, false, false), true);
        assert_eq!(judge(&mut set, &facts("a", Some(false)), Some(2)), Verdict::Apply);
        let mut rebuilding = Course::of(&state(None, 1, true, false), true);
        assert!(matches!(judge(&mut rebuilding, &facts("a", Some(false)), Some(2)), Verdict::Halt(_)));
        let mut behind = Course::of(&state(Some(1), 1, false, false), false);
        assert_eq!(judge(&mut behind, &facts("a", Some(false)), Some(2)), Verdict::Apply);
    }
}
