//! What is known of a source while its [`Link`](crate::link::Link) is under way.

use crate::link::Step;
use crate::reader::ReaderStatus;
use crate::source::SourceSpec;
use messages::SourceStatus;
use tokio::sync::watch;
use zone_model::{SourceId, Timestamp};

/// How a source is, for whoever asks.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) id: SourceId,
    pub(crate) kind: &'static str,
    pub(crate) in_step: Option<Timestamp>,
    pub(crate) error: Option<String>,
    pub(crate) alarm: Option<String>,
    /// How often the log was begun to be read beside what is served.
    rebuilds: u64,
    /// Whether that was decided and has not begun.
    asked: bool,
    /// Why the log is read beside what is served, where it is.
    pub(crate) rebuilding: Option<String>,
    pub(crate) quarantined: u64,
    pub(crate) reader: watch::Receiver<ReaderStatus>,
    /// Counters of the readers before this one.
    pub(crate) before: Counters,
}

/// Counters of a source since the actor's start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    pub(crate) events: u64,
    pub(crate) bytes: u64,
    pub(crate) unusable: u64,
    pub(crate) closed_early: u64,
    pub(crate) ahead: u64,
    pub(crate) unsettled: u64,
    pub(crate) failures: u64,
}

// === impl Known ===

impl Known {
    pub(crate) fn new(spec: &SourceSpec) -> Self {
        let (_, reader) = watch::channel(ReaderStatus::default());
        Self {
            id: spec.id().clone(),
            kind: spec.kind(),
            in_step: None,
            error: None,
            alarm: None,
            rebuilding: None,
            rebuilds: 0,
            asked: false,
            quarantined: 0,
            reader,
            before: Counters::default(),
        }
    }

    /// Enters what came of a step.
    pub(crate) fn note(&mut self, step: Step) {
        match step {
            Step::Reading { status, in_step, rebuilding } => {
                self.before = self.counters();
                self.reader = status;
                self.in_step = self.in_step.max(in_step);
                self.rebuilds += u64::from(std::mem::take(&mut self.asked));
                (self.alarm, self.rebuilding) = (None, rebuilding);
            }
            Step::Rebuild(why) => {
                self.asked = true;
                tracing::warn!(source = %self.id, why, "a log is read again from its beginning, beside what is served");
            }
            Step::Applied { applied, in_step } => {
                self.error = None;
                if applied.rebuilt {
                    self.rebuilding = None;
                }
                self.quarantined += applied.quarantined as u64;
                self.in_step = self.in_step.max(in_step);
            }
            Step::Failed(error) => {
                tracing::warn!(source = %self.id, error, "a source is opened again");
                self.before.failures += 1;
                self.error = Some(error);
            }
            Step::Halted(alarm) => {
                // The reader has said its own.
                if self.reader.borrow().alarm.as_ref() != Some(&alarm) {
                    tracing::error!(source = %self.id, alarm, "nothing more is applied from a source");
                }
                self.alarm = Some(alarm);
            }
            Step::Done => {}
        }
    }

    pub(crate) fn counters(&self) -> Counters {
        self.counters_with(&self.reader.borrow())
    }

    /// The counters where the reader is like this. Who has borrowed what it says of itself must not borrow it again: a
    /// reader that wants to say more comes first, and waits for the first borrow to end.
    fn counters_with(&self, reader: &ReaderStatus) -> Counters {
        Counters {
            events: self.before.events + reader.events,
            bytes: self.before.bytes + reader.bytes,
            unusable: self.before.unusable + reader.unusable,
            closed_early: self.before.closed_early + reader.closed_early,
            ahead: self.before.ahead + reader.ahead,
            unsettled: self.before.unsettled + reader.unsettled,
            failures: self.before.failures,
        }
    }

    pub(crate) fn status(&self) -> SourceStatus {
        let reader = self.reader.borrow();
        SourceStatus {
            source: self.id.clone(),
            kind: self.kind,
            connected: reader.connected,
            in_step: self.in_step,
            alarm: self.alarm.clone().or_else(|| reader.alarm.clone()),
            rebuilding: self.rebuilding.clone(),
            rebuilds_begun: self.rebuilds,
            last_error: reader.last_error.clone().or_else(|| self.error.clone()),
            events_read: self.counters_with(&reader).events,
            log: reader.log.clone(),
            warnings: reader.warnings.clone(),
            partitions: reader.partitions.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc;
    use std::time::Duration;

    /// A lock that is taken twice by one who asks stops both for ever as soon as the reader wants it in between.
    #[test]
    fn who_asks_never_stops_the_reader() {
        let spec = SourceSpec::new(SourceId::new("any"), "any", |_| unreachable!("nobody opens it"));
        let mut known = Known::new(&spec);
        let (tell, reader) = watch::channel(ReaderStatus::default());
        known.reader = reader;
        let over = std::sync::Arc::new(AtomicBool::new(false));
        let reading = std::sync::Arc::clone(&over);
        std::thread::spawn(move || {
            while !reading.load(Ordering::Relaxed) {
                tell.send_modify(|status| status.events += 1);
            }
        });
        let (done, asked) = mpsc::channel();
        std::thread::spawn(move || {
            for _ in 0..20_000 {
                known.status();
            }
            done.send(known.counters().events)
        });
        let asked = asked.recv_timeout(Duration::from_secs(60));
        over.store(true, Ordering::Relaxed);
        assert!(asked.is_ok(), "it waits for ever");
    }
}
