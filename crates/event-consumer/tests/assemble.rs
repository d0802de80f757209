//! Laws of the assembler (the design, "Changes that belong together" and "Exactly once"), with a scripted
//! source whose positions are of no real source's shape.

use event_consumer::scripted::{Scripted, event, odd_position};
use event_consumer::{Assembler, Batch, BatchConfig, Early, Output, Source, SourceSpec};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use zone_model::{Event, EventBody, Headers, Partition, Position, RawEvent, SourceId, Timestamp};

fn change(id: &str, size: usize) -> Headers {
    vec![("change-id".into(), id.into()), ("change-size".into(), size.to_string().into_bytes())]
}

fn as_event(raw: RawEvent) -> Event {
    let RawEvent { partition, position, timestamp, key, headers, .. } = raw;
    Event { partition, position, timestamp, key, headers, body: EventBody::Null(None) }
}

/// Feeds a source to an assembler until it says nothing more, taking batches as a reader would.
fn batches(source: &mut dyn Source, config: &BatchConfig) -> (Vec<Batch>, Assembler) {
    let mut assembler = Assembler::new(SourceId::new("test"), config.clone());
    let (mut taken, mut out, now) = (Vec::new(), Vec::new(), Instant::now());
    loop {
        let more = source.poll(Duration::ZERO, &mut out);
        if out.is_empty() && !more {
            return (taken, assembler);
        }
        for output in out.drain(..) {
            match output {
                Output::Event(raw) => assembler.event(as_event(raw), 10, now),
                Output::Passed(partition, position) => assembler.passed(partition, position),
                Output::Live(partition) => assembler.live(partition),
                Output::AtEnd(partition) => assembler.at_end(partition),
                Output::InStep(moment) => assembler.in_step(moment),
                _ => {}
            }
            if assembler.is_full() {
                taken.push(assembler.take());
            }
        }
        if !more && assembler.is_something() {
            taken.push(assembler.take());
        }
    }
}

fn open(spec: &SourceSpec, positions: &[(Partition, Position)]) -> Box<dyn Source> {
    spec.open(positions).expect("a script opens")
}

/// One partition's log: changes of 1 to 4 events one after another, and how many of them stand below its end.
#[derive(Clone, Debug)]
struct Log {
    sizes: Vec<usize>,
    history: usize,
}

fn any_log() -> impl Strategy<Value = Log> {
    (prop::collection::vec(1_usize..5, 0..12), 0_usize..6)
        .prop_map(|(sizes, history)| Log { history: history.min(sizes.len()), sizes })
}

fn outputs(partition: u32, log: &Log) -> Vec<Output> {
    let mut all = vec![Output::Partition(Partition(partition))];
    let mut n = 0;
    for (index, size) in log.sizes.iter().enumerate() {
        if index == log.history {
            all.push(Output::Live(Partition(partition)));
        }
        for _ in 0..*size {
            let headers =
                if *size > 1 { change(&format!("{partition}/{index}"), *size) } else { Headers::new() };
            all.push(event(partition, n, &format!("{partition}:{n}"), None, headers).expect("fits"));
            n += 1;
        }
        // A marker that only the log itself needs.
        all.push(Output::Passed(Partition(partition), odd_position(n).expect("fits")));
        n += 1;
    }
    all.push(Output::AtEnd(Partition(partition)));
    all
}

fn interleave(logs: &[Log], picks: &[usize]) -> Vec<Output> {
    let mut queues: Vec<_> = logs.iter().enumerate().map(|(p, log)| outputs(p as u32, log)).collect();
    queues.iter_mut().for_each(|queue| queue.reverse());
    let mut all = Vec::new();
    let mut picks = picks.iter().copied().cycle();
    while queues.iter().any(|queue| !queue.is_empty()) {
        let pick = picks.next().unwrap_or(0) % queues.len();
        let queue = (0..queues.len()).map(|i| (pick + i) % queues.len()).find(|i| !queues[*i].is_empty());
        all.extend(queue.and_then(|queue| queues[queue].pop()));
    }
    all.push(Output::InStep(Timestamp(77)));
    all
}

fn per_partition(batches: &[Batch]) -> BTreeMap<Partition, Vec<Vec<u8>>> {
    let mut found: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for event in batches.iter().flat_map(|batch| &batch.events) {
        found.entry(event.partition).or_default().push(event.key.clone());
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_event_comes_once_in_its_order_and_no_change_is_split(
        logs in prop::collection::vec(any_log(), 1..4),
        picks in prop::collection::vec(0_usize..4, 1..20),
        at_a_time in 1_usize..9,
        max_events in 1_usize..7,
        crash in 0_usize..10,
    ) {
        let config = BatchConfig { max_events, ..BatchConfig::default() };
        let spec = Scripted::new(interleave(&logs, &picks), at_a_time).spec("odd");
        let (taken, assembler) = batches(&mut *open(&spec, &[]), &config);
        prop_assert!(!assembler.is_something(), "all was handed on");

        // The same events, and within a partition in the same order.
        let mut expected: BTreeMap<_, Vec<Vec<u8>>> = BTreeMap::new();
        for (partition, log) in logs.iter().enumerate() {
            for output in outputs(partition as u32, log) {
                let Output::Event(raw) = output else { continue };
                expected.entry(raw.partition).or_default().push(raw.key);
            }
        }
        prop_assert_eq!(per_partition(&taken), expected.clone());

        // A change above the end that the log had at start stands whole in one batch.
        for (partition, log) in logs.iter().enumerate() {
            for (index, size) in log.sizes.iter().enumerate().skip(log.history).filter(|(_, size)| **size > 1) {
                let id = format!("{partition}/{index}");
                let members = |batch: &Batch| {
                    batch.events.iter().filter(|event| event.header("change-id") == Some(&id)).count()
                };
                let found: Vec<usize> = taken.iter().map(members).filter(|count| *count > 0).collect();
                prop_assert_eq!(found, vec![*size], "change {}", id);
            }
        }

        // Positions never fall, and stand at or behind each event of the batch.
        let mut stands: BTreeMap<Partition, Position> = BTreeMap::new();
        for batch in &taken {
            for (partition, position) in &batch.positions {
                prop_assert!(stands.insert(*partition, *position).is_none_or(|before| before <= *position));
            }
            for event in &batch.events {
                prop_assert!(stands.get(&event.partition).is_some_and(|position| event.position <= *position));
            }
        }

        // In step is said once, with or behind the last event.
        let in_step: Vec<_> = taken.iter().map(|batch| batch.in_step).collect();
        prop_assert_eq!(in_step.iter().flatten().collect::<Vec<_>>(), vec![&Timestamp(77)]);
        prop_assert_eq!(in_step.last(), Some(&Some(Timestamp(77))));

        // Whoever stops after some batches and goes on behind their positions gets the rest, once.
        let (applied, mut stands) = (&taken[..crash.min(taken.len())], BTreeMap::new());
        stands.extend(applied.iter().flat_map(|batch| batch.positions.iter().copied()));
        let positions: Vec<_> = stands.into_iter().collect();
        let (rest, _) = batches(&mut *open(&spec, &positions), &config);
        let all: Vec<Batch> = applied.iter().cloned().chain(rest).collect();
        prop_assert_eq!(per_partition(&all), expected);
    }
}

/// A live partition 0 and the events given.
fn live(events: impl IntoIterator<Item = Output>) -> Vec<Output> {
    let mut all = vec![Output::Partition(Partition(0)), Output::Live(Partition(0))];
    all.extend(events);
    all
}

fn keys(batch: &Batch) -> Vec<String> {
    batch.events.iter().map(|event| String::from_utf8_lossy(&event.key).into_owned()).collect()
}

#[test]
fn an_open_change_holds_back_its_own_partition_alone() {
    let mut steps = live([event(0, 0, "a", None, change("x", 2)).unwrap()]);
    steps.extend([
        event(0, 1, "b", None, Headers::new()).unwrap(),
        event(1, 0, "c", None, Headers::new()).unwrap(),
    ]);
    steps.push(Output::InStep(Timestamp(5)));
    let (taken, mut assembler) = batches(&mut Scripted::new(steps, 100), &BatchConfig::default());
    assert_eq!(taken.iter().flat_map(keys).collect::<Vec<_>>(), ["c"]);
    assert!(
        taken.iter().all(|batch| batch.positions.iter().all(|(partition, _)| *partition == Partition(1)))
    );
    // The moment waits for what is held back.
    assert!(taken.iter().all(|batch| batch.in_step.is_none()));
    let Output::Event(last) = event(0, 2, "d", None, change("x", 2)).unwrap() else { unreachable!() };
    assembler.event(as_event(last), 10, Instant::now());
    let batch = assembler.take();
    assert_eq!(keys(&batch), ["a", "b", "d"]);
    assert_eq!(batch.in_step, Some(Timestamp(5)));
    assert_eq!(batch.positions, [(Partition(0), odd_position(2).unwrap())]);
}

#[test]
fn a_change_is_given_up_a_second_after_its_last_event_at_the_end_and_reported() {
    let mut assembler = Assembler::new(SourceId::new("test"), BatchConfig::default());
    let began = Instant::now();
    assembler.live(Partition(0));
    let Output::Event(first) = event(0, 0, "a", None, change("x", 2)).unwrap() else { unreachable!() };
    assembler.event(as_event(first), 10, began);
    let late = began + Duration::from_secs(60);
    assert_eq!(assembler.deadline(), None, "the partition has more: it is waited for");
    assembler.tick(late);
    assert!(!assembler.is_something());
    assembler.at_end(Partition(0));
    assert_eq!(assembler.deadline(), Some(began + Duration::from_secs(1)));
    assembler.tick(began + Duration::from_millis(999));
    assert!(!assembler.is_something());
    assembler.tick(began + Duration::from_secs(1));
    assert_eq!(keys(&assembler.take()), ["a"]);
    let early = assembler.take_early();
    assert_eq!((early.len(), early[0].seen, early[0].size, early[0].why), (1, 1, Some(2), Early::TimedOut));
    // What comes of it later stands alone.
    let Output::Event(second) = event(0, 1, "b", None, change("x", 2)).unwrap() else { unreachable!() };
    assembler.event(as_event(second), 10, late);
    assert_eq!(keys(&assembler.take()), ["b"]);
}

#[test]
fn a_change_that_is_too_large_is_not_atomic_and_is_reported() {
    let config = BatchConfig { max_events: 1, group_max_events: 3, ..BatchConfig::default() };
    let steps = live((0..5).map(|n| event(0, n, &n.to_string(), None, change("x", 5)).unwrap()));
    let (taken, mut assembler) = batches(&mut Scripted::new(steps, 1), &config);
    assert_eq!(taken.iter().map(keys).collect::<Vec<_>>(), [vec!["0", "1", "2"], vec!["3"], vec!["4"]]);
    let early = assembler.take_early();
    assert_eq!((early.len(), early[0].why, early[0].seen), (1, Early::TooLarge, 3));
}

#[test]
fn a_change_that_reaches_over_the_end_at_start_stands_alone() {
    let mut steps = vec![event(0, 0, "a", None, change("x", 3)).unwrap(), Output::Live(Partition(0))];
    steps.extend((1..3).map(|n| event(0, n, &n.to_string(), None, change("x", 3)).unwrap()));
    steps.push(event(0, 3, "next", None, change("y", 2)).unwrap());
    let config = BatchConfig { max_events: 1, ..BatchConfig::default() };
    let (taken, _) = batches(&mut Scripted::new(steps, 1), &config);
    assert_eq!(taken.iter().map(keys).collect::<Vec<_>>(), [vec!["a"], vec!["1"], vec!["2"]]);
}

/// "It closes at `change-size`, at 10,000 events or 16 MiB": what is just so large is still shown at once.
#[test]
fn the_limits_of_a_change_are_10_000_events_and_16_mib() {
    for (count, size, bytes, early) in [
        (10_000, 10_000, 100, false),
        (10_000, 10_001, 100, true),
        (16, 16, 1 << 20, false),
        (16, 17, 1 << 20, true),
        (15, 17, 1 << 20, false),
    ] {
        let mut assembler = Assembler::new(SourceId::new("test"), BatchConfig::default());
        let now = Instant::now();
        assembler.live(Partition(0));
        for n in 0..count {
            assert!(!assembler.is_something(), "{n} of {size} are shown");
            let Output::Event(raw) = event(0, n, "a", None, change("x", size)).unwrap() else {
                unreachable!()
            };
            assembler.event(as_event(raw), bytes, now);
        }
        let shown = assembler.take().events.len() as u64;
        assert_eq!(shown, if count == 15 { 0 } else { count }, "{count} of {size}");
        let reported = assembler.take_early();
        assert_eq!(reported.len(), usize::from(early), "{reported:?}");
        assert!(reported.iter().all(|own| own.why == Early::TooLarge && own.seen as u64 == count));
    }
}

/// Two writers at once in one partition: each change waits for the other, and the position stays before both.
#[test]
fn changes_that_run_into_one_another_become_visible_together() {
    let mut assembler = Assembler::new(SourceId::new("test"), BatchConfig::default());
    assembler.live(Partition(0));
    let ids = ["x", "y", "x", "y", "y"];
    for (n, id) in ids.into_iter().enumerate() {
        assert!(!assembler.is_something(), "{n} are shown");
        let headers = change(id, ids.iter().filter(|own| **own == id).count());
        let Output::Event(raw) = event(0, n as u64, id, None, headers).unwrap() else { unreachable!() };
        assembler.event(as_event(raw), 10, Instant::now());
    }
    assert_eq!(keys(&assembler.take()), ids);
    assert!(assembler.take_early().is_empty());
}

/// A change that does not say how many it has is open until nothing more comes of it.
#[test]
fn a_change_without_a_size_ends_by_itself() {
    let mut assembler = Assembler::new(SourceId::new("test"), BatchConfig::default());
    let began = Instant::now();
    assembler.live(Partition(0));
    for n in 0..3 {
        let headers = vec![("change-id".to_owned(), b"x".to_vec())];
        let Output::Event(raw) = event(0, n, &n.to_string(), None, headers).unwrap() else { unreachable!() };
        assembler.event(as_event(raw), 10, began + Duration::from_millis(900 * n));
    }
    assembler.at_end(Partition(0));
    // Each event begins the second anew.
    assembler.tick(began + Duration::from_millis(2_700));
    assert!(!assembler.is_something());
    assembler.tick(began + Duration::from_millis(2_800));
    assert_eq!(keys(&assembler.take()), ["0", "1", "2"]);
    let early = assembler.take_early();
    assert_eq!((early.len(), early[0].seen, early[0].size, early[0].why), (1, 3, None, Early::TimedOut));
}
