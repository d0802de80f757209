//! The thread on which a producer blocks, and the bounded queue in front of it.

use crate::change::Change;
use crate::producer::Producer;
use crate::tally::{Counted, Tally};
use messages::{Measured, PublishError, Published};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, SystemTime};
use tokio::sync::oneshot;
use zone_model::Timestamp;

/// How often counts are handed on, at most.
pub(crate) const REPORT_INTERVAL: Duration = Duration::from_millis(100);

/// Makes a producer, at first and after a panic.
pub(crate) type Build = dyn Fn() -> Producer + Send;

/// Hands counts to metric-agent and says whether it took them.
pub(crate) type Report = dyn Fn(Measured) -> bool + Send;

/// What came of a change.
pub(crate) type Reply = Result<Published, PublishError>;

/// The queue in front of the thread. The thread ends when the queue is dropped and everything in it is done.
pub(crate) struct Queue {
    jobs: SyncSender<Job>,
    places: usize,
}

struct Job {
    change: Change,
    reply: oneshot::Sender<Reply>,
}

// === impl Queue ===

impl Queue {
    /// Starts the thread, named `event-producer`. The receiver hears when it has ended.
    pub(crate) fn start(
        places: usize,
        build: Box<Build>,
        report: Box<Report>,
    ) -> io::Result<(Self, oneshot::Receiver<()>)> {
        let (jobs, taken) = sync_channel(places);
        let (ended, end) = oneshot::channel();
        std::thread::Builder::new().name("event-producer".into()).spawn(move || {
            run(&taken, &*build, &*report);
            // Nobody waits for the end where the actor is gone already.
            let _ = ended.send(());
        })?;
        Ok((Self { jobs, places }, end))
    }

    /// Puts a change into the queue where there is a place; `Err` where there is none.
    pub(crate) fn try_put(&self, change: Change) -> Result<oneshot::Receiver<Reply>, PublishError> {
        let (reply, outcome) = oneshot::channel();
        match self.jobs.try_send(Job { change, reply }) {
            Ok(()) => Ok(outcome),
            Err(TrySendError::Full(_)) => {
                let what = format!("{} changes wait to be published already; try again later", self.places);
                Err(PublishError::Unavailable(what))
            }
            Err(TrySendError::Disconnected(_)) => Err(stopping()),
        }
    }
}

/// What is said to whoever comes too late.
pub(crate) fn stopping() -> PublishError {
    PublishError::Unavailable("the producer is stopping".to_owned())
}

fn run(jobs: &Receiver<Job>, build: &Build, report: &Report) {
    let mut producer = build();
    let mut tally = Tally::default();
    loop {
        match jobs.recv_timeout(REPORT_INTERVAL) {
            Ok(Job { change, reply }) => {
                let outcome = publish(&mut producer, &change, build, &mut tally);
                // Who asked may have gone; the change stands on the log all the same.
                let _ = reply.send(outcome);
            }
            Err(RecvTimeoutError::Timeout) => tally.offer(report),
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    tally.offer(report);
}

fn publish(producer: &mut Producer, change: &Change, build: &Build, tally: &mut Tally) -> Reply {
    match catch_unwind(AssertUnwindSafe(|| producer.publish(change, now()))) {
        Ok(Ok(outcome)) => {
            tally.count(Counted::Published, outcome.published.events);
            Ok(outcome.published)
        }
        Ok(Err(error)) => {
            tally.count(Counted::from(&error), 0);
            Err(error)
        }
        Err(_) => {
            tally.count(Counted::Crashed, 0);
            tracing::error!("event-producer panicked over a change and starts afresh");
            *producer = build();
            Err(PublishError::Unknown("the producer crashed over it; its log has the place".to_owned()))
        }
    }
}

/// The present, by the machine's clock.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ProducerConfig;
    use crate::log::{Log, Outcome};
    use crate::state::LogState;
    use std::sync::mpsc::{Sender, channel};
    use zone_model::{Name, Partition, SourceId};

    /// A log that panics over the producer name `panic`, and waits for a word otherwise.
    struct Scripted {
        go: Receiver<()>,
    }

    impl Log for Scripted {
        fn read(&mut self) -> Result<&LogState, PublishError> {
            Err(PublishError::Unavailable("nothing to read".into()))
        }

        fn state(&self) -> Option<&LogState> {
            None
        }

        fn keep_slots(&mut self) {}

        fn publish(
            &mut self,
            change: &Change,
            now: Timestamp,
            _: &str,
            _: &ProducerConfig,
        ) -> Result<Outcome, PublishError> {
            assert_ne!(change.producer, "panic");
            self.go.recv().map_err(|error| PublishError::Unavailable(error.to_string()))?;
            let published = Published { source: SourceId::new("test"), positions: Vec::new(), events: 2 };
            Ok(Outcome { published, apex: Name::root(), serial: None, timestamp: now, between: Vec::new() })
        }

        fn clear(
            &mut self,
            _: &[(Partition, Vec<u8>)],
            _: Timestamp,
            _: &str,
            _: &ProducerConfig,
        ) -> Result<usize, PublishError> {
            Err(PublishError::Unavailable("nothing to clear".into()))
        }
    }

    fn change(producer: &str) -> Change {
        Change { zone: None, edits: Vec::new(), producer: producer.into(), if_unchanged: false }
    }

    /// A queue of one place; the sender hands out the words that the log waits for, one log after the other.
    fn queue(logs: usize) -> (Queue, oneshot::Receiver<()>, Vec<Sender<()>>, Receiver<Measured>) {
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..logs).map(|_| channel()).unzip();
        let receivers = std::cell::RefCell::new(receivers);
        let build = move || {
            let go = receivers.borrow_mut().remove(0);
            Producer::new(Scripted { go }, ProducerConfig::default())
        };
        let (report, reports) = channel();
        let report = move |measured| report.send(measured).is_ok();
        let (queue, end) = Queue::start(1, Box::new(build), Box::new(report)).unwrap();
        (queue, end, senders, reports)
    }

    #[test]
    fn a_change_beyond_the_bound_is_refused_at_once() {
        let (queue, end, go, _reports) = queue(1);
        let first = queue.try_put(change("a")).unwrap();
        // The thread takes the first out of the queue, the second fills it.
        let second = loop {
            if let Ok(second) = queue.try_put(change("b")) {
                break second;
            }
            std::thread::yield_now();
        };
        let third = queue.try_put(change("c"));
        assert!(matches!(third, Err(PublishError::Unavailable(what)) if what.contains("1 changes wait")));
        (0..2).for_each(|_| go[0].send(()).unwrap());
        assert_eq!(first.blocking_recv().unwrap().unwrap().events, 2);
        assert_eq!(second.blocking_recv().unwrap().unwrap().events, 2);
        drop(queue);
        end.blocking_recv().unwrap();
    }

    #[test]
    fn a_panic_costs_one_change_and_what_waits_is_done_before_the_end() {
        let (queue, end, go, reports) = queue(2);
        let lost = queue.try_put(change("panic")).unwrap();
        assert!(matches!(lost.blocking_recv().unwrap(), Err(PublishError::Unknown(_))));
        let next = queue.try_put(change("a")).unwrap();
        drop(queue);
        go[1].send(()).unwrap();
        assert!(next.blocking_recv().unwrap().is_ok());
        end.blocking_recv().unwrap();
        let count = |name| {
            let all = reports.try_iter().flat_map(|measured| measured.samples).collect::<Vec<_>>();
            all.into_iter().filter(|sample| sample.name == name).count()
        };
        // One sample of `crashed`, one of `published`.
        assert_eq!(count("dns_changes_published_total"), 2);
    }
}
