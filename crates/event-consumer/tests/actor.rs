//! The actor between scripted sources and a store that fails on demand.

use actix::{Actor, Addr, Context, Handler};
use event_consumer::scripted::{Scripted, event};
use event_consumer::{BatchConfig, EventConsumer, OpenError, Output, Peers, Progress, Source, SourceSpec};
use messages::{
    Applied, ApplyChanges, ApplyError, LogFacts, Measured, OpenSource, ReadSources, Rebuild, RebuildError,
    RebuildSources, Shutdown, SourceState, SourceStatus, Value,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use zone_model::{Headers, Partition, Position, SourceId, Timestamp};

/// Stands in for zone-store: applies all or nothing, and remembers.
#[derive(Default)]
struct Store {
    applied: BTreeMap<SourceId, Vec<Vec<u8>>>,
    positions: BTreeMap<(SourceId, Partition), Position>,
    in_step: Option<Timestamp>,
    /// Whether a reading is made beside, and how each source was opened.
    beside: bool,
    opened: Vec<Option<Rebuild>>,
    batches: u32,
    /// What each batch, counted from 1, fails with.
    fails: Vec<(std::ops::RangeInclusive<u32>, ApplyError)>,
    counted: BTreeMap<&'static str, u64>,
}

#[derive(actix::Message)]
#[rtype(result = "BTreeMap<SourceId, Vec<Vec<u8>>>")]
struct WhatWasApplied;

#[derive(actix::Message)]
#[rtype(result = "BTreeMap<&'static str, u64>")]
struct WhatWasCounted;

#[derive(actix::Message)]
#[rtype(result = "Vec<Option<Rebuild>>")]
struct HowItWasOpened;

impl Actor for Store {
    type Context = Context<Self>;
}

impl Handler<OpenSource> for Store {
    type Result = Result<SourceState, ApplyError>;

    fn handle(&mut self, open: OpenSource, _: &mut Context<Self>) -> Self::Result {
        self.opened.push(open.rebuild);
        if let Some(Rebuild::Anew { .. }) = open.rebuild {
            self.positions.clear();
            self.applied.clear();
            self.beside = true;
        }
        let own = self.positions.iter().filter(|((source, _), _)| *source == open.source);
        let positions = own.map(|((_, partition), position)| (*partition, *position)).collect();
        let in_step = self.in_step.filter(|_| !self.beside);
        let accept_loss = matches!(open.rebuild, Some(Rebuild::Accept | Rebuild::Anew { accept_loss: true }));
        Ok(SourceState { positions, in_step, began: open.now, rebuilding: self.beside, accept_loss })
    }
}

impl Handler<ApplyChanges> for Store {
    type Result = Result<Applied, ApplyError>;

    fn handle(&mut self, changes: ApplyChanges, _: &mut Context<Self>) -> Self::Result {
        self.batches += 1;
        if let Some((_, error)) = self.fails.iter().find(|(which, _)| which.contains(&self.batches)) {
            return Err(error.clone());
        }
        let applied = self.applied.entry(changes.source.clone()).or_default();
        applied.extend(changes.events.iter().map(|event| event.key.clone()));
        let positions =
            changes.positions.iter().map(|(p, position)| ((changes.source.clone(), *p), *position));
        self.positions.extend(positions);
        self.in_step = changes.in_step.or(self.in_step);
        let rebuilt = self.beside && changes.in_step.is_some();
        self.beside &= !rebuilt;
        Ok(Applied { changed: changes.events.len(), quarantined: 1, catalog: 1, rebuilt })
    }
}

impl Handler<Measured> for Store {
    type Result = ();

    fn handle(&mut self, measured: Measured, _: &mut Context<Self>) {
        for sample in measured.samples {
            if let Value::Count(added) = sample.value {
                *self.counted.entry(sample.name).or_default() += added;
            }
        }
    }
}

impl Handler<HowItWasOpened> for Store {
    type Result = Vec<Option<Rebuild>>;

    fn handle(&mut self, _: HowItWasOpened, _: &mut Context<Self>) -> Self::Result {
        self.opened.clone()
    }
}

impl Handler<WhatWasApplied> for Store {
    type Result = actix::MessageResult<WhatWasApplied>;

    fn handle(&mut self, _: WhatWasApplied, _: &mut Context<Self>) -> Self::Result {
        actix::MessageResult(self.applied.clone())
    }
}

impl Handler<WhatWasCounted> for Store {
    type Result = actix::MessageResult<WhatWasCounted>;

    fn handle(&mut self, _: WhatWasCounted, _: &mut Context<Self>) -> Self::Result {
        actix::MessageResult(self.counted.clone())
    }
}

fn script(events: u64) -> Vec<Output> {
    let mut steps = vec![Output::Connected, Output::Partition(Partition(0)), Output::Live(Partition(0))];
    steps.extend((0..events).map(|n| event(0, n, &format!("{n}"), None, Headers::new()).expect("fits")));
    steps.push(Output::AtEnd(Partition(0)));
    steps.push(Output::InStep(Timestamp(99)));
    steps
}

fn keys(events: u64) -> Vec<Vec<u8>> {
    (0..events).map(|n| n.to_string().into_bytes()).collect()
}

fn start(specs: Vec<SourceSpec>, store: Store) -> (Addr<EventConsumer>, Addr<Store>) {
    let store = store.start();
    let peers = Peers {
        open: store.clone().recipient(),
        apply: store.clone().recipient(),
        measured: Some(store.clone().recipient()),
    };
    let batch = BatchConfig { max_events: 7, ..BatchConfig::default() };
    (EventConsumer::of(specs, &batch, peers).start(), store)
}

async fn until(
    consumer: &Addr<EventConsumer>,
    enough: impl Fn(&[SourceStatus]) -> bool,
) -> Vec<SourceStatus> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let status = consumer.send(ReadSources).await.expect("lives");
        if enough(&status) {
            return status;
        }
        assert!(Instant::now() < deadline, "not in time: {status:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn in_step(status: &[SourceStatus]) -> bool {
    status.iter().all(|status| status.in_step == Some(Timestamp(99)))
}

#[actix::test]
async fn all_sources_are_applied_in_order_and_measured_and_shutdown_is_answered() {
    let specs = ["one", "two", "three", "four", "five"].map(|id| Scripted::new(script(50), 3).spec(id));
    let (consumer, store) = start(specs.to_vec(), Store::default());
    let status =
        until(&consumer, |status| in_step(status) && status.iter().all(|one| one.events_read == 50)).await;
    assert_eq!(status.len(), 5);
    assert!(
        status.iter().all(|one| one.connected && one.alarm.is_none() && one.kind == "scripted"),
        "{status:?}"
    );
    assert_eq!(status[0].partitions[0].at, "step 50");
    consumer.send(Shutdown).await.expect("answers");
    assert!(!consumer.connected(), "the actor has stopped");
    let applied = store.send(WhatWasApplied).await.expect("lives");
    assert!(applied.values().all(|one| *one == keys(50)), "{applied:?}");
    let counted = store.send(WhatWasCounted).await.expect("lives");
    assert_eq!(counted["dns_events_read_total"], 250);
}

#[actix::test]
async fn a_store_that_fails_gets_the_same_events_again_and_none_twice() {
    let fails = vec![(3..=4, ApplyError::Store("disk full".into())), (6..=6, ApplyError::Crashed)];
    let (consumer, store) =
        start(vec![Scripted::new(script(60), 5).spec("log")], Store { fails, ..Store::default() });
    until(&consumer, in_step).await;
    assert_eq!(store.send(WhatWasApplied).await.expect("lives")[&SourceId::new("log")], keys(60));
    consumer.send(Shutdown).await.expect("answers");
}

#[actix::test]
async fn a_batch_that_always_crashes_the_store_halts_its_source() {
    let fails = vec![(2..=1_000, ApplyError::Crashed)];
    let (consumer, store) =
        start(vec![Scripted::new(script(60), 5).spec("log")], Store { fails, ..Store::default() });
    let status = until(&consumer, |status| status[0].alarm.is_some()).await;
    assert!(status[0].alarm.as_ref().is_some_and(|alarm| alarm.contains("in a row")), "{status:?}");
    let applied = store.send(WhatWasApplied).await.expect("lives");
    assert!(keys(60).starts_with(&applied[&SourceId::new("log")]));
    consumer.send(Shutdown).await.expect("answers");
}

#[actix::test]
async fn what_came_before_an_alarm_is_applied_and_nothing_after_it() {
    let mut steps = script(10);
    steps.push(Output::Alarm("the file shrank".into()));
    steps.push(event(0, 10, "after", None, Headers::new()).expect("fits"));
    let (consumer, store) = start(vec![Scripted::new(steps, 100).spec("log")], Store::default());
    let status = until(&consumer, |status| status[0].alarm.is_some() && in_step(status)).await;
    assert_eq!(status[0].alarm.as_deref(), Some("the file shrank"));
    assert!(!status[0].connected);
    assert_eq!(store.send(WhatWasApplied).await.expect("lives")[&SourceId::new("log")], keys(10));
    consumer.send(Shutdown).await.expect("answers");
}

fn log_that_begins(at_its_start: bool, events: u64) -> Vec<Output> {
    let facts = LogFacts { from_start: Some(at_its_start), ..LogFacts::default() };
    let mut steps = script(events);
    steps.insert(1, Output::Log(facts, vec!["the topic is not compacted".into()]));
    steps
}

// DESIGN, "A rebuild never loses a zone by itself": a node without a state of its own answers SERVFAIL on a log
// that is not whole, until the same word or a setting for such a topic.
#[actix::test]
async fn a_node_that_has_nothing_does_not_begin_with_the_rest_of_a_log() {
    let rest = || Scripted::new(log_that_begins(false, 10), 3).spec("log");
    let (consumer, store) = start(vec![rest()], Store::default());
    let status = until(&consumer, |status| status[0].alarm.is_some()).await;
    let alarm = status[0].alarm.as_deref().unwrap_or_default();
    assert!(alarm.contains("no longer begins") && alarm.contains("kafka.incomplete-topics"), "{alarm}");
    assert_eq!(status[0].log.from_start, Some(false));
    assert_eq!(status[0].warnings, ["the topic is not compacted"]);
    assert!(store.send(WhatWasApplied).await.expect("lives").is_empty(), "nothing of it was applied");
    consumer.send(Shutdown).await.expect("answers");

    // Where a setting says so it begins with what is left; whoever was in step before just goes on.
    let was_in_step = Store { in_step: Some(Timestamp(1)), ..Store::default() };
    for (spec, store) in [(rest().accepting_incomplete(true), Store::default()), (rest(), was_in_step)] {
        let (consumer, store) = start(vec![spec], store);
        until(&consumer, in_step).await;
        assert_eq!(store.send(WhatWasApplied).await.expect("lives")[&SourceId::new("log")], keys(10));
        consumer.send(Shutdown).await.expect("answers");
    }
}

#[actix::test]
async fn a_log_whose_beginning_goes_while_it_is_read_for_the_first_time_is_an_alarm_too() {
    let mut steps = log_that_begins(true, 10);
    let facts = LogFacts { from_start: Some(false), ..LogFacts::default() };
    steps.insert(steps.len() - 1, Output::Log(facts, Vec::new()));
    let (consumer, _store) = start(vec![Scripted::new(steps, 1).spec("log")], Store::default());
    let status = until(&consumer, |status| status[0].alarm.is_some()).await;
    assert_eq!(status[0].in_step, None, "it was not in step with it");
    consumer.send(Shutdown).await.expect("answers");
}

// DESIGN, "Start and health": who was away for longer than nulls are kept reads the log again beside what it
// serves, once.
#[actix::test]
async fn a_node_that_was_away_for_too_long_reads_the_log_again() {
    let now = i64::MAX / 2;
    let mut steps = log_that_begins(true, 10);
    steps.pop();
    steps.push(Output::InStep(Timestamp(now)));
    let store = Store { in_step: Some(Timestamp(now - 25 * 60 * 60 * 1000)), ..Store::default() };
    let (consumer, store) = start(vec![Scripted::new(steps, 3).spec("log")], store);
    let status = until(&consumer, |status| status[0].in_step == Some(Timestamp(now))).await;
    assert_eq!((status[0].rebuilds_begun, &status[0].rebuilding, &status[0].alarm), (1, &None, &None));
    assert_eq!(
        store.send(HowItWasOpened).await.expect("lives"),
        [None, Some(Rebuild::Anew { accept_loss: false })]
    );
    assert_eq!(store.send(WhatWasApplied).await.expect("lives")[&SourceId::new("log")], keys(10));
    consumer.send(Shutdown).await.expect("answers");
}

// DESIGN, "A rebuild never loses a zone by itself".
#[actix::test]
async fn a_loss_waits_for_somebody_to_accept_it() {
    let store = Store { fails: vec![(1..=1, ApplyError::Loss("too much".into()))], ..Store::default() };
    let (consumer, store) = start(vec![Scripted::new(script(10), 100).spec("log")], store);
    let status = until(&consumer, |status| status[0].alarm.is_some()).await;
    assert_eq!(status[0].alarm.as_deref(), Some("too much"));
    let rebuild =
        |source: &str, accept_loss| RebuildSources { source: Some(SourceId::new(source)), accept_loss };
    let unknown = consumer.send(rebuild("other", true)).await.expect("lives");
    assert_eq!(unknown, Err(RebuildError::Unknown(SourceId::new("other"))));
    let told = consumer.send(rebuild("log", true)).await.expect("lives");
    assert_eq!(told, Ok(vec![SourceId::new("log")]));
    let status = until(&consumer, in_step).await;
    assert_eq!(status[0].alarm, None, "the alarm is over without a restart");
    assert_eq!(store.send(HowItWasOpened).await.expect("lives"), [None, Some(Rebuild::Accept)]);
    // By hand, when nothing is wrong; and all of them.
    let told = consumer.send(RebuildSources { source: None, accept_loss: false }).await.expect("lives");
    assert_eq!(told, Ok(vec![SourceId::new("log")]));
    until(&consumer, |status| status[0].rebuilds_begun == 2 && status[0].rebuilding.is_none()).await;
    assert_eq!(store.send(WhatWasApplied).await.expect("lives")[&SourceId::new("log")], keys(10));
    consumer.send(Shutdown).await.expect("answers");
}

// A source that cannot go on but says that it is the same log is read again by itself; after an alarm somebody
// has to ask.
#[actix::test]
async fn a_source_may_ask_to_be_read_again_and_an_alarm_ends_with_a_rebuild() {
    for (last, asks) in [(Output::Rebuild("compacted".into()), false), (Output::Alarm("shrank".into()), true)]
    {
        let script_of = move |behind: bool| if behind { vec![last.clone()] } else { script(10) };
        let spec = SourceSpec::new(SourceId::new("log"), "scripted", move |positions| {
            Ok(Box::new(Scripted::new(script_of(!positions.is_empty()), 100)))
        });
        let mut store = Store { in_step: Some(Timestamp(1)), ..Store::default() };
        store.positions.insert((SourceId::new("log"), Partition(0)), Position::new(b"x").expect("fits"));
        let (consumer, _store) = start(vec![spec], store);
        if asks {
            until(&consumer, |status| status[0].alarm.is_some()).await;
            consumer
                .send(RebuildSources { source: None, accept_loss: true })
                .await
                .expect("lives")
                .expect("told");
        }
        let status = until(&consumer, in_step).await;
        assert_eq!((status[0].rebuilds_begun, &status[0].alarm), (1, &None));
        consumer.send(Shutdown).await.expect("answers");
    }
}

// DESIGN, "The log": timestamps more than 5 minutes ahead are reported.
#[actix::test]
async fn events_from_the_future_are_counted_and_applied() {
    let ahead = Scripted::new(
        vec![
            Output::Connected,
            event(0, 1, "now", None, Headers::new()).expect("fits"),
            event(0, u64::from(u32::MAX) << 16, "later", None, Headers::new()).expect("fits"),
            Output::InStep(Timestamp(99)),
        ],
        9,
    );
    let (consumer, store) = start(vec![ahead.spec("log")], Store::default());
    until(&consumer, in_step).await;
    consumer.send(Shutdown).await.expect("answers");
    let counted = store.send(WhatWasCounted).await.expect("lives");
    assert_eq!((counted["dns_events_ahead_total"], counted["dns_events_read_total"]), (1, 2));
}

/// A source that panics after some polls.
struct Failing(Box<dyn Source>, u32);

impl Source for Failing {
    fn poll(&mut self, timeout: Duration, out: &mut Vec<Output>) -> bool {
        assert!(self.1 > 0, "this source fails on purpose");
        self.1 -= 1;
        self.0.poll(timeout, out)
    }

    fn progress(&self) -> Vec<Progress> {
        self.0.progress()
    }
}

#[actix::test]
async fn a_source_that_panics_or_does_not_open_is_opened_again_behind_what_was_applied() {
    let opened = Arc::new(AtomicU32::new(0));
    let script = Scripted::new(script(40), 6).spec("log");
    let spec = SourceSpec::new(SourceId::new("log"), "scripted", move |positions| {
        // The scripted source is wrapped, so that its own factory leaves out what was applied.
        let inner = script.open(positions)?;
        match opened.fetch_add(1, Ordering::Relaxed) {
            0 => Err(OpenError::Client("not yet".into())),
            1 | 2 => Ok(Box::new(Failing(inner, 3))),
            _ => Ok(inner),
        }
    });
    let (consumer, store) = start(vec![spec], Store::default());
    until(&consumer, in_step).await;
    assert_eq!(store.send(WhatWasApplied).await.expect("lives")[&SourceId::new("log")], keys(40));
    consumer.send(Shutdown).await.expect("answers");
}

#[cfg(feature = "journal")]
#[test]
fn a_consumer_on_its_own_thread_serves_a_host_without_actors() {
    use event_consumer::{ConsumerConfig, JournalConfig, SourceConfig, spawn_standalone};

    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("journal.jsonl");
    std::fs::write(&path, "{\"key\":\"a.example.|A\",\"value\":null}\n").expect("writes");

    let (started, store) = std::sync::mpsc::channel();
    let store_thread = std::thread::spawn(move || {
        let system = actix::System::new();
        system.block_on(async {
            started.send((Store::default().start(), actix::System::current())).expect("sent")
        });
        system.run().expect("ran");
    });
    let (store, store_system) = store.recv().expect("started");
    let peers = Peers { open: store.clone().recipient(), apply: store.clone().recipient(), measured: None };
    let config = ConsumerConfig {
        sources: vec![SourceConfig::Journal(JournalConfig::new(&path))],
        ..ConsumerConfig::default()
    };
    let standalone = spawn_standalone(&config, peers).expect("starts");
    let host = tokio::runtime::Builder::new_current_thread().enable_all().build();
    host.expect("a runtime").block_on(async {
        let status = until(standalone.consumer(), |status| status[0].in_step.is_some()).await;
        assert_eq!((status[0].events_read, status[0].kind), (1, "journal"));
        standalone.stop().await;
        let applied = store.send(WhatWasApplied).await.expect("lives");
        assert_eq!(applied[&SourceId::new("journal")], [b"a.example.|A".to_vec()]);
    });
    store_system.stop();
    store_thread.join().expect("ends");
}
