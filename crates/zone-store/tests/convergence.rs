//! What the log says is what is served: in any order, whatever the batches, after any restart (DESIGN, "Slots
//! decide, not arrival" and "Exactly once"). Random logs over few names, so that zones nest, cuts and DNAMEs
//! stand above names, and everything comes and goes; compared with a model after every step.

mod support;

use messages::{Rebuild, SourceState};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::BTreeMap;
use support::model::{Model, look};
use support::{Memory, event, key, name, position, rrset, set, soa, spelt_key, unusable};
use zone_model::{
    Event, EventBody, Limits, Name, Partition, Position, RecordType, RrSet, RrSetId, SourceId, Timestamp,
};
use zone_store::{Batch, Store, StoreConfig, StoreError};

const SOURCES: [&str; 2] = ["alpha", "beta"];
const PARTITIONS: usize = 2;

/// All names that there are: `.`, `t.`, and three levels of `a`, `b` and `*` below it.
fn universe() -> Vec<Name> {
    let mut names = vec![Name::root(), name("t.")];
    let mut level = vec![name("t.")];
    for _ in 0..3 {
        level = level
            .iter()
            .flat_map(|name| [b"*", b"a", b"b"].map(|label| name.child(label).unwrap()))
            .collect();
        names.extend(level.iter().cloned());
    }
    names
}

/// What an event of a log will be, before it knows its place.
#[derive(Clone, Debug)]
struct Draft {
    owner: Index,
    rtype: RecordType,
    /// Which ancestor a long key names.
    apex: Option<Index>,
    spelling: u8,
    timestamp: i64,
    value: Value,
}

#[derive(Clone, Debug)]
enum Value {
    Records(Option<u32>, u8),
    Empty,
    Null,
    Unusable,
}

#[derive(Clone, Debug)]
enum Step {
    /// Up to so many events of each partition of a source, in one batch.
    Apply(usize, [usize; PARTITIONS], u64),
    /// The last batch once more, as after a lost reply.
    Again,
    Commit,
    /// A commit that is under way while other batches come.
    BeginCommit,
    EndCommit,
    /// Stop, with or without a commit, and start from what is on the disk.
    Restart(bool),
    /// Begin to read a source again beside what is served, a loss accepted or not.
    Rebuild(usize, bool),
    /// The source is in step here: a rebuild ends, if it loses nothing.
    Reach(usize),
    /// Accept that a rebuild under way loses something.
    Accept(usize),
    /// Remove some of what a rebuild left behind.
    Sweep(usize),
}

fn draft() -> impl Strategy<Value = Draft> {
    use RecordType as T;
    let rtype = prop_oneof![
        6 => Just(T::SOA), 4 => Just(T::NS), 4 => Just(T::A), 2 => Just(T::CNAME),
        2 => Just(T::DNAME), 3 => Just(T::DS), 1 => Just(T::TXT), 1 => Just(T::NSEC),
    ];
    let value = prop_oneof![
        10 => (proptest::option::weighted(0.8, 0u32..1000), 1u8..4).prop_map(|(ttl, seed)| Value::Records(ttl, seed)),
        2 => Just(Value::Empty),
        3 => Just(Value::Null),
        1 => Just(Value::Unusable),
    ];
    let apex = proptest::option::weighted(0.3, any::<Index>());
    // Few moments, some of them equal, and not in the order of the log.
    (any::<Index>(), rtype, apex, 0u8..4, 0i64..12, value).prop_map(
        |(owner, rtype, apex, spelling, at, value)| Draft {
            owner,
            rtype,
            apex,
            spelling,
            timestamp: at * 700,
            value,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => (0usize..2, [0usize..5, 0usize..5], any::<u64>()).prop_map(|(source, sizes, order)| {
            Step::Apply(source, sizes, order)
        }),
        1 => Just(Step::Again),
        1 => Just(Step::Commit),
        2 => Just(Step::BeginCommit),
        2 => Just(Step::EndCommit),
        1 => any::<bool>().prop_map(Step::Restart),
        1 => (0usize..2, any::<bool>()).prop_map(|(source, accept)| Step::Rebuild(source, accept)),
        2 => (0usize..2).prop_map(Step::Reach),
        1 => (0usize..2).prop_map(Step::Accept),
        2 => (1usize..30).prop_map(Step::Sweep),
    ]
}

fn rdatas(rtype: RecordType, seed: u8) -> Vec<Vec<u8>> {
    let target = |label: &[u8]| name("t.").child(label).unwrap().as_wire().to_vec();
    match rtype {
        RecordType::SOA => vec![soa(u32::MAX - u32::from(seed))],
        RecordType::CNAME | RecordType::DNAME => vec![target(&[b'a' + seed])],
        RecordType::NS => (0..seed).map(|n| target(&[b'a' + n])).collect(),
        _ => (0..seed).map(|n| vec![n, seed, 1, 2]).collect(),
    }
}

fn to_event(draft: &Draft, universe: &[Name], partition: usize, number: u64) -> Event {
    let owner = &universe[draft.owner.index(universe.len())];
    let apex = draft.apex.map(|apex| owner.ancestor(apex.index(owner.label_count() + 1)));
    let raw = spelt_key(owner, draft.rtype, apex.as_ref(), draft.spelling);
    let body = match draft.value {
        Value::Records(ttl, seed) => {
            let rdatas = rdatas(draft.rtype, seed);
            set(&raw, RrSet::new(ttl, rdatas.into_iter().map(Vec::into_boxed_slice)))
        }
        Value::Empty => set(&raw, rrset(None, &[])),
        Value::Null => EventBody::Null(Some(key(&raw))),
        Value::Unusable => unusable("made up"),
    };
    event(partition as u32, number, draft.timestamp, &raw, body)
}

/// A log: for each source and partition, its events.
type Log = [[Vec<Event>; PARTITIONS]; 2];

/// What compaction leaves of a log; `taken` chooses.
fn compacted(log: &Log, taken: u64) -> Log {
    log.each_ref().map(|source| source.each_ref().map(|events| support::compacted(events, taken)))
}

struct Run {
    config: StoreConfig,
    universe: Vec<Name>,
    log: Log,
    memory: Memory,
    store: Option<Store>,
    job: Option<zone_store::CommitJob>,
    /// How many events of each partition were applied, beside where the source is being rebuilt.
    at: [[usize; PARTITIONS]; 2],
    /// How many of them are served.
    shown: [[usize; PARTITIONS]; 2],
    rebuilding: [bool; 2],
    accepted: [bool; 2],
    /// What the changes that were reported add up to.
    served: BTreeMap<RrSetId, RrSet>,
    last: Option<Batch>,
}

impl Run {
    fn new(config: StoreConfig, log: Log) -> Self {
        let memory = Memory::default();
        let (universe, at) = (universe(), [[0; PARTITIONS]; 2]);
        let mut run = Self {
            config,
            universe,
            log,
            memory,
            store: None,
            job: None,
            at,
            shown: at,
            rebuilding: [false; 2],
            accepted: [false; 2],
            served: BTreeMap::new(),
            last: None,
        };
        run.open();
        run
    }

    fn store(&mut self) -> &mut Store {
        self.store.as_mut().unwrap()
    }

    fn open(&mut self) {
        let mut store = Store::open_backend(self.config.clone(), self.memory.clone()).unwrap();
        assert_eq!(store.digests_wrong(), 0, "what was stored is what the rows lead to");
        for (source, id) in SOURCES.iter().enumerate() {
            let state = store.open_source(&SourceId::new(*id)).unwrap();
            self.opened(source, &state);
            self.shown[source] = [0; PARTITIONS];
            for (own, partition, at) in store.status(0).positions {
                if own.as_str() == *id {
                    let own = partition.0 as usize;
                    self.shown[source][own] = self.count(source, own, at);
                }
            }
        }
        self.store = Some(store);
        self.served = self.model().served(&self.config, &self.universe);
        self.last = None;
    }

    /// How many events stand up to a position.
    fn count(&self, source: usize, partition: usize, at: Position) -> usize {
        self.log[source][partition].iter().filter(|event| event.position <= at).count()
    }

    fn opened(&mut self, source: usize, state: &SourceState) {
        self.at[source] = [0; PARTITIONS];
        for (partition, at) in &state.positions {
            let own = partition.0 as usize;
            self.at[source][own] = self.count(source, own, *at);
        }
        (self.rebuilding[source], self.accepted[source]) = (state.rebuilding, state.accept_loss);
    }

    fn rebuild(&mut self, source: usize, how: Rebuild) {
        let id = SourceId::new(SOURCES[source]);
        let state = self.store().open_source_at(&id, Timestamp(0), Some(how)).unwrap();
        self.opened(source, &state);
        self.last = None;
    }

    fn in_step(&mut self, source: usize) {
        let id = SourceId::new(SOURCES[source]);
        let batch =
            Batch { source: id.clone(), events: vec![], positions: vec![], in_step: Some(Timestamp(1)) };
        let mut to = self.shown;
        to[source] = self.at[source];
        let (old, new) = (self.model(), self.model_at(to));
        let loses = self.rebuilding[source] && !self.accepted[source] && new.loses(&old, &id, &self.config);
        match self.store().apply(&batch) {
            Ok(applied) => {
                assert!(!loses, "a rebuild that loses something is refused");
                assert_eq!(applied.rebuilt, self.rebuilding[source]);
                self.rebuilding[source] = false;
                self.shown = to;
                self.served = self.model().served(&self.config, &self.universe);
            }
            Err(StoreError::Loss { .. }) => assert!(loses, "only a loss is refused"),
            Err(error) => panic!("{error}"),
        }
    }

    /// The model of what is served.
    fn model(&self) -> Model {
        self.model_at(self.shown)
    }

    fn model_at(&self, at: [[usize; PARTITIONS]; 2]) -> Model {
        let mut model = Model::new(&self.config);
        for (source, id) in SOURCES.iter().enumerate() {
            for (events, at) in self.log[source].iter().zip(at[source]) {
                let applied = &events[..at];
                applied.iter().for_each(|event| model.apply(&SourceId::new(*id), event));
            }
        }
        model
    }

    fn apply(&mut self, source: usize, sizes: [usize; PARTITIONS], mut order: u64) {
        let mut queues: Vec<Vec<Event>> = Vec::new();
        for (partition, size) in sizes.into_iter().enumerate() {
            let own = &self.log[source][partition];
            let from = self.at[source][partition];
            let to = own.len().min(from + size);
            queues.push(own[from..to].iter().rev().cloned().collect());
            self.at[source][partition] = to;
        }
        if !self.rebuilding[source] {
            self.shown[source] = self.at[source];
        }
        let mut events = Vec::new();
        while queues.iter().any(|queue| !queue.is_empty()) {
            order = order.rotate_left(1);
            let first = (order & 1) as usize;
            let event = queues[first].pop().or_else(|| queues[1 - first].pop());
            events.extend(event);
        }
        // The end of a batch may stand behind its last event.
        let positions = events.last().map(|event| (event.partition, event.position)).into_iter().collect();
        let batch = Batch { source: SourceId::new(SOURCES[source]), events, positions, in_step: None };
        let applied = self.store().apply(&batch).unwrap();
        assert_eq!(applied.events, batch.events.len());
        assert_eq!(applied.changed, applied.changes.len());
        for change in applied.changes {
            assert_ne!(change.old, change.new, "{:?}", change.id);
            let old = match &change.new {
                Some(new) => self.served.insert(change.id.clone(), new.clone()),
                None => self.served.remove(&change.id),
            };
            assert_eq!(old, change.old, "{:?}", change.id);
        }
        self.last = Some(batch);
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Apply(source, sizes, order) => self.apply(*source, *sizes, *order),
            Step::Again => {
                if let Some(batch) = self.last.clone() {
                    let again = self.store().apply(&batch).unwrap();
                    assert_eq!(again, Default::default(), "nothing is applied twice");
                }
            }
            Step::Commit => {
                self.end_commit();
                self.store().commit().unwrap();
                assert!(!self.store().pending().waiting);
            }
            Step::BeginCommit if self.job.is_none() => self.job = self.store().begin_commit().unwrap(),
            Step::EndCommit => self.end_commit(),
            Step::Restart(with_commit) => {
                if *with_commit {
                    self.end_commit();
                    self.store().commit().unwrap();
                }
                self.job = None;
                self.store = None;
                self.open();
            }
            Step::BeginCommit => {}
            Step::Rebuild(source, accept_loss) => {
                self.rebuild(*source, Rebuild::Anew { accept_loss: *accept_loss })
            }
            Step::Accept(source) => self.rebuild(*source, Rebuild::Accept),
            Step::Reach(source) => self.in_step(*source),
            Step::Sweep(most) => drop(self.store().sweep(*most).unwrap()),
        }
    }

    fn end_commit(&mut self) {
        if let Some(job) = self.job.take() {
            self.store().end_commit(job.run()).unwrap();
        }
    }

    fn compare(&mut self) {
        let model = self.model();
        let store = self.store.as_ref().unwrap();
        let (wanted, found) =
            (model.catalog(&self.config, &self.universe), look(store.catalog(), &self.universe));
        for (name, wanted) in &wanted {
            assert_eq!(&found[name], wanted, "{name}");
        }
        let nodes = wanted.values().flatten().count() as u64;
        assert_eq!(store.catalog().names(), nodes, "no node is left over");
        let served = model.served(&self.config, &self.universe);
        for id in served.keys().chain(self.served.keys()) {
            assert_eq!(self.served.get(id), served.get(id), "the changes add up: {id:?}");
        }
        assert_eq!(store.status(0).slots, model.slots());
        let zones = model.zones(&self.config);
        let summaries = store.zones(None, 0).unwrap();
        assert_eq!(
            summaries.iter().map(|zone| &zone.apex).collect::<Vec<_>>(),
            zones.keys().collect::<Vec<_>>()
        );
        for summary in summaries {
            let wanted = zones[&summary.apex];
            assert_eq!((summary.serial, summary.newest), (wanted.serial, wanted.newest), "{}", summary.apex);
            assert_eq!(
                (summary.rrsets, summary.synthesised, summary.digest.unwrap().bytes()),
                (wanted.rows, wanted.synthesised, wanted.digest),
                "{}",
                summary.apex
            );
        }
        let quarantined = store.quarantined(0).unwrap();
        assert_eq!(store.status(0).quarantined, quarantined.len() as u64);
        let own = quarantined.into_iter().map(|own| ((own.source, own.partition.0, own.key), own.position));
        assert_eq!(own.collect::<std::collections::BTreeSet<_>>(), model.quarantined());
    }
}

fn logs() -> impl Strategy<Value = [[Vec<Draft>; PARTITIONS]; 2]> {
    let partition = || vec(draft(), 0..22);
    [[partition(), partition()], [partition(), partition()]]
}

fn configs() -> impl Strategy<Value = StoreConfig> {
    let some = |at: &'static [&'static str]| proptest::sample::subsequence(at, 0..=at.len());
    let zones = prop_oneof![
        4 => Just(vec![]), 1 => some(&["t.", "a.t.", "b.a.t.", "*.b.t.", "."]),
    ];
    let local = prop_oneof![
        2 => Just(vec![]),
        1 => some(&["a.t.|A", "a.t.|CNAME", "b.t.|CNAME", "a.a.t.|NS", "b.t.|DS", "b.b.b.t.|TXT", "t.|SOA", "a.b.t.|DNAME"]),
    ];
    let limits =
        || prop_oneof![4 => Just(None), 1 => some(&["t.", "a.t.", "b.t.", "a.a.t.", "."]).prop_map(Some)];
    let recent = prop_oneof![Just(0), 1..6usize, Just(StoreConfig::default().recent_rows)];
    (zones, local, [limits(), limits()], recent).prop_map(|(zones, local, limits, recent_rows)| StoreConfig {
        recent_rows,
        zones: zones.into_iter().map(name).collect(),
        limits: {
            let mut own = Limits::default();
            for (source, apexes) in SOURCES.iter().zip(limits) {
                if let Some(apexes) = apexes {
                    own.limit(SourceId::new(*source), apexes.into_iter().map(name));
                }
            }
            own
        },
        local: local
            .into_iter()
            .map(|raw| {
                let key = key(raw);
                let rdatas = rdatas(key.rtype, 3);
                (key, RrSet::new(Some(5), rdatas.into_iter().map(Vec::into_boxed_slice)))
            })
            .collect(),
        seed: 1,
        ..Default::default()
    })
}

proptest! {
    /// `PROPTEST_CASES` says how many logs; 256 by default.
    #[test]
    fn what_the_log_says_is_what_is_served(
        config in configs(), drafts in logs(), steps in vec(step(), 0..30), taken: u64, order: u64,
    ) {
        let universe = universe();
        let mut number = 0;
        let log = drafts.map(|source| {
            let mut partition = 0;
            source.map(|drafts| {
                let mut next = |draft| {
                    number += 1;
                    to_event(draft, &universe, partition, number)
                };
                let events = drafts.iter().map(&mut next).collect();
                partition += 1;
                events
            })
        });
        let mut run = Run::new(config, log);
        for step in &steps {
            run.step(step);
            run.compare();
        }
        run.apply(0, [usize::MAX / 2; 2], 5);
        run.apply(1, [usize::MAX / 2; 2], 9);
        for source in 0..2 {
            run.in_step(source);
            if run.rebuilding[source] {
                run.rebuild(source, Rebuild::Accept);
                run.in_step(source);
            }
        }
        run.compare();
        // A second node reads what a broker's compaction left of the log, in other batches and another order.
        let mut other = Run::new(run.config.clone(), compacted(&run.log, taken));
        for turn in 0..200 {
            other.apply(turn % 2, [(order >> (turn % 60)) as usize % 3, turn % 4], order);
        }
        for source in [1, 0] {
            other.apply(source, [usize::MAX / 2; 2], order);
        }
        other.compare();
        prop_assert_eq!(look(run.store().catalog(), &universe), look(other.store().catalog(), &universe));
        prop_assert_eq!(run.store().zones(None, 0).unwrap(), other.store().zones(None, 0).unwrap());
        while run.store().sweep(7).unwrap() {}
        // What is loaded from the disk is what grew step by step.
        run.step(&Step::Restart(true));
        run.compare();
        for source in 0..2 {
            for partition in 0..PARTITIONS {
                prop_assert_eq!(run.at[source][partition], run.log[source][partition].len());
            }
        }
    }
}

/// A timestamp far behind the kept newest ones comes to light when all of those are gone.
#[test]
fn the_newest_of_many_rows_survives_their_removal() {
    let mut log: Log = Default::default();
    let mut number = 0;
    let mut push = |timestamp: i64, raw: &str, body: EventBody| {
        number += 1;
        log[0][0].push(event(0, number, timestamp, raw, body));
    };
    push(1_000, "t.|SOA", set("t.|SOA", rrset(None, &[&soa(1)])));
    let raws: Vec<String> = (0..200).map(|n| format!("a.t.|TYPE{}", 1000 + n)).collect();
    for (n, raw) in raws.iter().enumerate() {
        push(2_000 + n as i64 * 1_000, raw, set(raw, rrset(None, &[b"x"])));
    }
    for raw in raws.iter().rev() {
        push(0, raw, EventBody::Null(Some(key(raw))));
    }
    let mut run = Run::new(StoreConfig { seed: 1, ..Default::default() }, log);
    for _ in 0..41 {
        run.apply(0, [10, 0], 0);
        run.compare();
    }
    assert_eq!(run.at[0][0], 401);
    let batch = Batch {
        source: SourceId::new("alpha"),
        events: Vec::new(),
        positions: vec![(Partition(0), position(9_999))],
        in_step: Some(Timestamp(5)),
    };
    run.store().apply(&batch).unwrap();
    assert_eq!(run.store().applied(&batch.source, Partition(0)), Some(position(9_999)));
}
