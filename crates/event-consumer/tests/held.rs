//! What a log may still lose is handed to nobody (the design, "Exactly once": a journal is synced before its position
//! is committed), and nothing is lost by waiting.

use event_consumer::scripted::event;
use event_consumer::{Batch, BatchConfig, Ended, Follower, Output, Progress, Source, SourceSpec};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use zone_model::{Headers, Partition, SourceId, Timestamp};

const PATIENCE: Duration = Duration::from_secs(20);
/// Events that a source gives at a time.
const AT_A_TIME: u64 = 10;

/// What a test and a source's thread tell each other.
#[derive(Debug, Default)]
struct Told {
    lasts: AtomicBool,
    asked: AtomicU64,
    /// Events that may be given, and were.
    there: AtomicU64,
    given: AtomicU64,
    alarm: AtomicBool,
}

/// A log that lasts only when it is told so.
struct Doubtful(Arc<Told>);

impl Source for Doubtful {
    fn poll(&mut self, timeout: Duration, out: &mut Vec<Output>) -> bool {
        let given = self.0.given.load(Ordering::SeqCst);
        let to = self.0.there.load(Ordering::SeqCst).min(given + AT_A_TIME);
        if given == 0 {
            out.extend([Output::Connected, Output::Partition(Partition(0)), Output::Live(Partition(0))]);
        }
        for n in given..to {
            let value = Some("[]");
            out.push(event(0, n, &format!("n{n}.example.|A"), value, Headers::new()).expect("fits"));
        }
        self.0.given.store(to, Ordering::SeqCst);
        if self.0.alarm.load(Ordering::SeqCst) {
            out.push(Output::Alarm("it shrank".into()));
        } else if given == to {
            out.push(Output::InStep(Timestamp(given as i64)));
            std::thread::sleep(timeout);
        }
        given < to
    }

    fn settle(&mut self) -> Result<(), String> {
        self.0.asked.fetch_add(1, Ordering::SeqCst);
        if self.0.lasts.load(Ordering::SeqCst) { Ok(()) } else { Err("it cannot be synced".into()) }
    }

    fn progress(&self) -> Vec<Progress> {
        Vec::new()
    }
}

fn source(id: &str, events: u64, lasts: bool) -> (Arc<Told>, SourceSpec) {
    let told = Arc::new(Told { lasts: lasts.into(), there: events.into(), ..Told::default() });
    let own = Arc::clone(&told);
    let open = move |_: &[_]| -> Result<Box<dyn Source>, _> { Ok(Box::new(Doubtful(Arc::clone(&own)))) };
    (told, SourceSpec::new(SourceId::new(id), "doubtful", open))
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Reads from one source until it is in step with all these events, and looks whether they came once and in order.
fn read_all(follower: &mut Follower, id: &str, events: u64) {
    let (mut next, mut in_step) = (0, None);
    let deadline = Instant::now() + PATIENCE;
    while next < events || in_step.is_none() {
        assert!(Instant::now() < deadline, "{next} of {events} came: {:?}", follower.status());
        let Some(batch) = follower.next_batch(Duration::from_millis(50)) else { continue };
        if batch.source.as_str() != id {
            continue;
        }
        for event in &batch.events {
            assert_eq!(event.key, format!("n{next}.example.|A").into_bytes());
            next += 1;
        }
        in_step = batch.in_step.or(in_step);
    }
}

/// No event, no position and no moment is handed on before the log lasts; the status says so, the source is asked
/// again by itself, and another source does not wait.
#[test]
fn a_log_that_may_lose_what_was_read_is_held_back_alone_and_asked_again() {
    let (told, spec) = source("doubtful", 25, false);
    let (_, other) = source("other", 25, true);
    let mut follower = Follower::of(vec![spec, other], &BatchConfig::default(), &[]).expect("opens");
    read_all(&mut follower, "other", 25);
    let doubtful = |batch: &Batch| batch.source.as_str() == "doubtful";
    let mut others = 0;
    until("it is asked a third time", || {
        if let Some(batch) = follower.next_batch(Duration::from_millis(20)) {
            assert!(!doubtful(&batch), "{batch:?}");
            others += 1;
        }
        told.asked.load(Ordering::SeqCst) >= 3
    });
    assert!(others > 0, "the other one goes on");
    let status = follower.status().remove(0).1;
    assert!(!status.connected && status.unsettled >= 2, "{status:?}");
    assert_eq!(status.last_error.as_deref(), Some("it cannot be synced"));
    // What comes meanwhile is read, and handed on with the rest.
    told.there.store(40, Ordering::SeqCst);
    until("it is read", || told.given.load(Ordering::SeqCst) == 40);
    told.lasts.store(true, Ordering::SeqCst);
    read_all(&mut follower, "doubtful", 40);
    until("it is well again", || {
        let _ = follower.next_batch(Duration::from_millis(20));
        let status = follower.status().remove(0).1;
        status.connected && status.last_error.is_none()
    });
    follower.close();
}

/// What is held back is a batch: behind that the log waits.
#[test]
fn what_is_held_back_is_bounded() {
    let (told, spec) = source("doubtful", 100_000, false);
    let config = BatchConfig { max_events: 100, ..BatchConfig::default() };
    let mut follower = Follower::of(vec![spec], &config, &[]).expect("opens");
    until("it is asked again and again", || told.asked.load(Ordering::SeqCst) >= 4);
    let given = told.given.load(Ordering::SeqCst);
    assert!((100..100 + AT_A_TIME).contains(&given), "{given}");
    assert!(follower.next_batch(Duration::ZERO).is_none());
    let status = follower.status().remove(0).1;
    assert!(!status.connected && status.last_error.is_some(), "{status:?}");
    told.there.store(500, Ordering::SeqCst);
    told.lasts.store(true, Ordering::SeqCst);
    read_all(&mut follower, "doubtful", 500);
    follower.close();
}

/// A thread that waits ends when nobody wants its batches any more.
#[test]
fn who_waits_with_a_full_batch_can_be_stopped() {
    let (told, spec) = source("doubtful", 100_000, false);
    let config = BatchConfig { max_events: 1, ..BatchConfig::default() };
    let follower = Follower::of(vec![spec], &config, &[]).expect("opens");
    until("the pauses are long", || told.asked.load(Ordering::SeqCst) >= 4);
    let began = Instant::now();
    follower.close();
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}

/// An alarm is not held back by what can never be handed on.
#[test]
fn an_alarm_is_raised_and_what_may_be_lost_before_it_is_not_handed_on() {
    for lasts in [true, false] {
        let (told, spec) = source("doubtful", 0, lasts);
        let mut follower = Follower::of(vec![spec], &BatchConfig::default(), &[]).expect("opens");
        told.alarm.store(true, Ordering::SeqCst);
        told.there.store(5, Ordering::SeqCst);
        let mut events = 0;
        until("the alarm", || {
            let batch = follower.next_batch(Duration::from_millis(20));
            events += batch.map_or(0, |batch| batch.events.len());
            follower.is_over()
        });
        events += follower.next_batch(Duration::ZERO).map_or(0, |batch| batch.events.len());
        let status = follower.status().remove(0).1;
        assert_eq!((status.alarm.as_deref(), status.ended), (Some("it shrank"), Some(Ended::Alarm)));
        assert!(events == if lasts { told.given.load(Ordering::SeqCst) as usize } else { 0 }, "{events}");
        follower.close();
    }
}
