//! A node without its actors: for each topic what reads it and puts events together, and the store.

use crate::support::Memory;
use crate::support::model::{Model, look};
use crate::world::{TOPICS, World, universe};
use dns_wire::{Client, Scratch, Transport, Verdict};
use event_consumer::{Assembler, BatchConfig};
use messages::ZoneSummary;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use zone_model::{
    Event, HEADER_CHANGE_ID, HEADER_CHANGE_SIZE, Name, Partition, RecordType, SourceId, Timestamp,
};
use zone_store::{AppliedBatch, Batch, Store, StoreConfig};

/// What a node does next.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Reads up to so many events of a partition of a topic.
    Read {
        topic: usize,
        partition: usize,
        events: usize,
    },
    /// A partition has nothing more at present, where that is so.
    AtEnd {
        topic: usize,
        partition: usize,
    },
    /// Time passes, in milliseconds.
    Wait(u64),
    /// Applies what is ready of a topic.
    Apply {
        topic: usize,
    },
    /// The last batch comes once more, as after a lost reply.
    Again,
    Commit,
    /// Stops, with or without a commit, and starts from what is on the disk; so many events behind where it begins
    /// stood on each partition by then.
    Restart {
        commit: bool,
        behind: usize,
    },
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let partition = || (0usize..2, 0usize..5);
    prop_oneof![
        12 => (partition(), 1usize..12)
            .prop_map(|((topic, partition), events)| Step::Read { topic, partition, events }),
        3 => partition().prop_map(|(topic, partition)| Step::AtEnd { topic, partition }),
        3 => (100u64..1500).prop_map(Step::Wait),
        8 => (0usize..2).prop_map(|topic| Step::Apply { topic }),
        1 => Just(Step::Again),
        2 => Just(Step::Commit),
        2 => (any::<bool>(), 0usize..6).prop_map(|(commit, behind)| Step::Restart { commit, behind }),
    ]
}

/// A change in a partition of a topic.
type ChangeId = (usize, Partition, Vec<u8>);

pub(crate) struct Node<'w> {
    world: &'w World,
    config: StoreConfig,
    batches: BatchConfig,
    memory: Memory,
    store: Store,
    assemblers: [Assembler; 2],
    /// How many events of each partition were read, and how many stood there when reading began.
    read: [Vec<(usize, usize)>; 2],
    now: Instant,
    last: Option<Batch>,
    /// Changes of which nobody promises that they become visible at once: those that were given up, and those of which
    /// a part stood below the end when reading began.
    loose: BTreeSet<ChangeId>,
}

fn source(topic: usize) -> SourceId {
    SourceId::new(TOPICS[topic])
}

// === impl Node ===

impl<'w> Node<'w> {
    /// `largest` bounds the events of a batch and, a little above it, of a change that is held back.
    pub(crate) fn new(world: &'w World, seed: u64, largest: usize) -> Self {
        let config = StoreConfig { seed, ..world.config.clone() };
        let batches = BatchConfig {
            max_events: largest,
            group_max_events: largest.saturating_add(3),
            ..BatchConfig::default()
        };
        let memory = Memory::default();
        let store = Store::open_backend(config.clone(), memory.clone()).unwrap();
        let assemblers = [0, 1].map(|topic| Assembler::new(source(topic), batches.clone()));
        let mut node = Self {
            world,
            config,
            batches,
            memory,
            store,
            assemblers,
            read: Default::default(),
            now: Instant::now(),
            last: None,
            loose: BTreeSet::new(),
        };
        node.open(2);
        node
    }

    /// Begins to read where the store says.
    fn open(&mut self, behind: usize) {
        assert_eq!(self.store.digests_wrong(), 0, "what was stored is what the rows lead to");
        for topic in 0..TOPICS.len() {
            let state = self.store.open_source(&source(topic)).unwrap();
            let stands: BTreeMap<_, _> = state.positions.into_iter().collect();
            self.assemblers[topic] = Assembler::new(source(topic), self.batches.clone());
            self.read[topic].clear();
            for (number, events) in self.world.topics[topic].iter().enumerate() {
                let partition = Partition(number as u32);
                let at = stands.get(&partition).copied();
                let from = events.iter().filter(|event| at.is_some_and(|at| event.position <= at)).count();
                let end = events.len().min(from + behind);
                self.read[topic].push((from, end));
                if from == end {
                    self.assemblers[topic].live(partition);
                }
                let below = events[..end].iter().filter_map(|event| change_of(topic, event));
                self.loose.extend(below);
            }
        }
        self.last = None;
    }

    pub(crate) fn step(&mut self, step: &Step) {
        match *step {
            Step::Read { topic, partition, events } => {
                let count = self.read[topic].len();
                (0..events).for_each(|_| self.read_one(topic, partition % count));
            }
            Step::AtEnd { topic, partition } => {
                let partition = partition % self.read[topic].len();
                if self.read[topic][partition].0 == self.world.topics[topic][partition].len() {
                    self.assemblers[topic].at_end(Partition(partition as u32));
                }
            }
            Step::Wait(milliseconds) => {
                self.now += Duration::from_millis(milliseconds);
                (0..TOPICS.len()).for_each(|topic| self.tick(topic));
            }
            Step::Apply { topic } => self.apply(topic),
            Step::Again => {
                if let Some(batch) = &self.last {
                    let again = self.store.apply(batch).unwrap();
                    assert_eq!(again, AppliedBatch::default(), "nothing is applied twice");
                }
            }
            Step::Commit => self.store.commit().unwrap(),
            Step::Restart { commit, behind } => {
                if commit {
                    self.store.commit().unwrap();
                }
                // The file is let go first, as by a process that ended.
                self.store = Store::open_backend(self.config.clone(), Memory::default()).unwrap();
                self.store = Store::open_backend(self.config.clone(), self.memory.clone()).unwrap();
                self.open(behind);
                self.compare();
            }
        }
    }

    fn read_one(&mut self, topic: usize, partition: usize) {
        let (at, end) = &mut self.read[topic][partition];
        let Some(event) = self.world.topics[topic][partition].get(*at) else { return };
        *at += 1;
        let assembler = &mut self.assemblers[topic];
        assembler.event(event.clone(), event.key.len() + 50, self.now);
        if *at == *end {
            assembler.live(event.partition);
        }
        if assembler.is_full() {
            self.apply(topic);
        }
    }

    fn tick(&mut self, topic: usize) {
        self.assemblers[topic].tick(self.now);
    }

    fn apply(&mut self, topic: usize) {
        let early = self.assemblers[topic].take_early();
        self.loose.extend(early.into_iter().map(|own| (topic, own.partition, own.change.into_bytes())));
        let event_consumer::Batch { source, events, positions, in_step, .. } = self.assemblers[topic].take();
        let batch = Batch { source, events, positions, in_step };
        let applied = self.store.apply(&batch).unwrap();
        assert_eq!(applied.events, batch.events.len(), "each event is applied once");
        self.last = Some(batch);
        self.compare();
    }

    /// Reads everything that is left, and waits until nothing is held back any more.
    pub(crate) fn finish(&mut self) {
        for topic in 0..TOPICS.len() {
            for partition in 0..self.read[topic].len() {
                let events = self.world.topics[topic][partition].len();
                (0..events).for_each(|_| self.read_one(topic, partition));
                self.assemblers[topic].at_end(Partition(partition as u32));
            }
            self.assemblers[topic].in_step(Timestamp(1));
        }
        self.step(&Step::Wait(1_000));
        for topic in 0..TOPICS.len() {
            self.apply(topic);
            let (stands, events) = (self.stands(topic), &self.world.topics[topic]);
            assert_eq!(stands, events.iter().map(Vec::len).collect::<Vec<_>>(), "everything is applied");
            assert_eq!(self.last.as_ref().unwrap().in_step, Some(Timestamp(1)), "nothing is held back");
        }
    }

    /// Applies everything up to another node's positions at once.
    pub(crate) fn jump_to(&mut self, other: &Self) {
        self.loose.clone_from(&other.loose);
        for topic in [1, 0] {
            let of = other.stands(topic).into_iter().zip(&self.world.topics[topic]);
            let events = of.flat_map(|(count, events)| events[..count].to_vec()).collect();
            let batch = Batch { source: source(topic), events, positions: Vec::new(), in_step: None };
            self.store.apply(&batch).unwrap();
        }
        self.compare();
    }

    /// How many events of each partition of a topic are applied.
    fn stands(&self, topic: usize) -> Vec<usize> {
        let partitions = self.world.topics[topic].iter().enumerate();
        let count = |(number, events): (usize, &Vec<Event>)| {
            let at = self.store.applied(&source(topic), Partition(number as u32));
            events.iter().filter(|event| at.is_some_and(|at| event.position <= at)).count()
        };
        partitions.map(count).collect()
    }

    /// What the store says is what the model makes of the events up to its positions, and no change is half there.
    fn compare(&self) {
        let mut model = Model::new(&self.config);
        for topic in 0..TOPICS.len() {
            for (count, events) in self.stands(topic).into_iter().zip(&self.world.topics[topic]) {
                events[..count].iter().for_each(|event| model.apply(&source(topic), event));
                self.look_for_halves(topic, events, count);
            }
        }
        let universe = universe();
        let (wanted, found) = (model.catalog(&self.config, &universe), look(self.store.catalog(), &universe));
        for (name, wanted) in &wanted {
            assert_eq!(&found[name], wanted, "{name}");
        }
        assert_eq!(self.store.catalog().names(), wanted.values().flatten().count() as u64);
        assert_eq!(self.store.status(0).slots, model.slots());
        let zones: Vec<_> = self
            .zones()
            .into_iter()
            .map(|zone| {
                let digest = zone.digest.unwrap().bytes();
                (zone.apex, zone.serial, zone.newest, zone.rrsets, zone.synthesised, digest)
            })
            .collect();
        let wanted = model
            .zones(&self.config)
            .into_iter()
            .map(|(apex, zone)| (apex, zone.serial, zone.newest, zone.rows, zone.synthesised, zone.digest));
        assert_eq!(zones, wanted.collect::<Vec<_>>());
        let quarantined = self.store.quarantined(0).unwrap().into_iter();
        let own = quarantined.map(|own| ((own.source, own.partition.0, own.key), own.position));
        assert_eq!(own.collect::<BTreeSet<_>>(), model.quarantined());
    }

    /// DESIGN, "Changes that belong together": events of one change in a partition become visible in one snapshot.
    fn look_for_halves(&self, topic: usize, events: &[Event], count: usize) {
        let (there, missing) = events.split_at(count);
        let ids: BTreeSet<ChangeId> = there.iter().filter_map(|event| change_of(topic, event)).collect();
        for event in missing {
            let Some(id) = change_of(topic, event).filter(|id| ids.contains(id)) else { continue };
            assert!(
                self.loose.contains(&id),
                "half of the change {id:?} is visible: {count} of {}",
                events.len()
            );
        }
    }

    pub(crate) fn zones(&self) -> Vec<ZoneSummary> {
        self.store.zones(None, 0).unwrap()
    }

    /// The octets of the answer.
    pub(crate) fn answer(&self, owner: &Name, rtype: RecordType) -> Vec<u8> {
        let mut query = [0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0].to_vec();
        query.extend_from_slice(owner.as_wire());
        query.extend_from_slice(&[rtype.0.to_be_bytes(), [0, 1]].concat());
        let client = Client::new(Transport::Tcp, "192.0.2.7:4000".parse().unwrap(), Timestamp(0));
        let mut sink: Vec<Vec<u8>> = Vec::new();
        let verdict =
            dns_wire::answer(Some(self.store.catalog()), &query, &client, &mut Scratch::new(), &mut sink);
        assert!(matches!(verdict, Verdict::Answered(_)), "{owner} {rtype}: {verdict:?}");
        sink.remove(0)
    }
}

/// The change of several events that an event belongs to.
fn change_of(topic: usize, event: &Event) -> Option<ChangeId> {
    let several = event.header(HEADER_CHANGE_SIZE).is_some_and(|size| size != "1");
    let (_, id) = event.headers.iter().find(|(name, _)| several && name == HEADER_CHANGE_ID)?;
    Some((topic, event.partition, id.clone()))
}
