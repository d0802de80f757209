//! Nothing piles up between a log and the store, however fast the one and however slow the other (the design: every
//! queue bounded, back-pressure to the consumer).

use event_consumer::scripted::event;
use event_consumer::{BatchConfig, Follower, Output, Progress, Source, SourceSpec};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use zone_model::{Headers, Partition, SourceId};

/// A log that is always ready, and counts what it gave away.
struct Endless {
    given: Arc<AtomicU64>,
    value: Arc<str>,
}

/// Events that it gives at a time.
const AT_A_TIME: u64 = 10;

impl Source for Endless {
    fn poll(&mut self, _: Duration, out: &mut Vec<Output>) -> bool {
        if self.given.load(Ordering::SeqCst) == 0 {
            out.extend([Output::Connected, Output::Partition(Partition(0))]);
        }
        for _ in 0..AT_A_TIME {
            let n = self.given.fetch_add(1, Ordering::SeqCst);
            out.push(
                event(0, n, &format!("n{n}.example.|A"), Some(&self.value), Headers::new()).expect("fits"),
            );
        }
        true
    }

    fn progress(&self) -> Vec<Progress> {
        Vec::new()
    }
}

fn endless(value: &str) -> (Arc<AtomicU64>, SourceSpec) {
    let (given, value) = (Arc::new(AtomicU64::new(0)), Arc::from(value));
    let counted = Arc::clone(&given);
    let open = move |_: &[_]| -> Result<Box<dyn Source>, _> {
        Ok(Box::new(Endless { given: Arc::clone(&counted), value: Arc::clone(&value) }))
    };
    (given, SourceSpec::new(SourceId::new("endless"), "endless", open))
}

/// Waits until nothing more is taken from the log.
fn at_rest(given: &AtomicU64) -> u64 {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let before = given.load(Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(200));
        let now = given.load(Ordering::SeqCst);
        if now == before && now > 0 {
            return now;
        }
        assert!(Instant::now() < deadline, "{now} events were taken from the log and nobody wanted one");
    }
}

/// A batch in the channel, one that waits for room, one that is being assembled: no more than these is read ahead,
/// and what is read comes whole and in order.
#[test]
fn a_log_that_is_faster_than_the_store_waits_for_it() {
    let (given, spec) = endless("[]");
    let config = BatchConfig { max_events: 100, ..BatchConfig::default() };
    let mut follower = Follower::of(vec![spec], &config, &[]).expect("opens");
    let ahead = 4 * (100 + AT_A_TIME);
    assert!(at_rest(&given) <= ahead, "{given:?}");
    let mut next = 0_u64;
    for _ in 0..50 {
        let batch = follower.next_batch(Duration::from_secs(20)).expect("there is more");
        assert!(batch.events.len() <= 100);
        for event in &batch.events {
            assert_eq!(event.key, format!("n{next}.example.|A").into_bytes());
            next += 1;
        }
        assert!(given.load(Ordering::SeqCst) <= next + ahead);
    }
    assert!(at_rest(&given) <= next + ahead);
    follower.close();
}

/// Large events fill a batch by their bytes, long before it has its number of events.
#[test]
fn events_of_900_kib_are_bounded_by_their_bytes() {
    const LARGE: usize = 900 << 10;
    let (given, spec) = endless(&format!("\"{}\"", "x".repeat(LARGE)));
    let config = BatchConfig { max_bytes: 8 << 20, ..BatchConfig::default() };
    let mut follower = Follower::of(vec![spec], &config, &[]).expect("opens");
    // Eight MiB are ten of these.
    let ahead = 4 * (10 + AT_A_TIME);
    assert!(at_rest(&given) <= ahead, "{given:?}");
    let mut seen = 0;
    for _ in 0..5 {
        let batch = follower.next_batch(Duration::from_secs(20)).expect("there is more");
        assert!(batch.bytes <= (8 << 20) + LARGE + 1_000, "{}", batch.bytes);
        seen += batch.events.len() as u64;
        assert!(given.load(Ordering::SeqCst) <= seen + ahead);
    }
    follower.close();
}

/// A change that never ends is held back no further than its bounds say, and is then reported and let go.
#[test]
fn a_change_without_an_end_is_let_go() {
    let headers =
        vec![("change-id".to_owned(), b"c".to_vec()), ("change-size".to_owned(), b"1000000".to_vec())];
    let mut steps = vec![Output::Connected, Output::Partition(Partition(0)), Output::Live(Partition(0))];
    steps.extend(
        (0..500).map(|n| event(0, n, &format!("n{n}.|A"), Some("[]"), headers.clone()).expect("fits")),
    );
    let config = BatchConfig { group_max_events: 50, max_events: 100, ..BatchConfig::default() };
    let spec = event_consumer::scripted::Scripted::new(steps, 7).spec("log");
    let mut follower = Follower::of(vec![spec], &config, &[]).expect("opens");
    let mut seen = 0;
    while seen < 500 {
        let batch = follower.next_batch(Duration::from_secs(20)).expect("there is more");
        assert!(batch.events.len() <= 150, "{}", batch.events.len());
        seen += batch.events.len();
    }
    // The status follows at its own pace.
    let deadline = Instant::now() + Duration::from_secs(20);
    while follower.status()[0].1.events < 500 {
        assert!(Instant::now() < deadline, "{:?}", follower.status());
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(follower.status()[0].1.closed_early, 1, "it is reported once");
    follower.close();
}
