//! A log, batch by batch, what a store holds behind each, and how it is driven through it.

use crate::disk::Disk;
use crate::support::{self, event, name, rrset, served, set, soa, topic, unusable};
use messages::{Rebuild, ZoneSummary};
use zone_model::{Event, EventBody, Partition, Position, RecordType, Timestamp};
use zone_store::{Batch, Store, StoreConfig, StoreError};

/// Names that change.
const NAMES: usize = 7;

/// Batches over two partitions; behind half of them the log is read again beside.
pub(crate) struct Workload {
    pub(crate) batches: Vec<Batch>,
    expected: Vec<Seen>,
}

/// What a store says of itself.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    zones: Vec<ZoneSummary>,
    slots: u64,
    quarantined: Vec<(Vec<u8>, u32)>,
    answers: Answers,
}

/// TTL and RDATA of every RRset that the catalogue has.
type Answers = Vec<Option<(u32, Vec<Vec<u8>>)>>;

/// Every read goes to the disk, and rows are appended, put in their places and forgotten again and again.
pub(crate) fn config() -> StoreConfig {
    StoreConfig { cache_bytes: 0, recent_rows: 5, seed: 1, ..Default::default() }
}

fn seen(store: &Store) -> Seen {
    let quarantined = store.quarantined(0).unwrap();
    Seen {
        zones: store.zones(None, 0).unwrap(),
        slots: store.status(0).slots,
        quarantined: quarantined.into_iter().map(|own| (own.key, own.partition.0)).collect(),
        answers: answers(store),
    }
}

fn answers(store: &Store) -> Answers {
    let answer = |owner: &str, rtype| served(store.catalog(), &name(owner), rtype);
    let texts = (0..NAMES).map(|n| answer(&format!("n{n}.t."), RecordType::TXT));
    texts.chain([answer("t.", RecordType::SOA)]).collect()
}

// === impl Workload ===

impl Workload {
    pub(crate) fn new(count: usize) -> Self {
        let mut number = 0;
        let mut next = |partition: u32, raw: &str, body: EventBody| -> Event {
            number += 1;
            event(partition, number, 1_000 * number as i64, raw, body)
        };
        let mut batches = Vec::new();
        for n in 0..count {
            let mut events = Vec::new();
            if n % 10 == 0 {
                let soa = soa(n as u32);
                events.push(next(0, "t.|SOA", set("t.|SOA", rrset(None, &[&soa]))));
            }
            let partition = (n % 2) as u32;
            let raw = format!("n{}.t.|TXT", n % NAMES);
            events.push(match n % 9 {
                4 => next(partition, &raw, EventBody::Null(Some(support::key(&raw)))),
                6 => next(partition, &raw, unusable("made up")),
                _ => next(partition, &raw, set(&raw, rrset(Some(60), &[&[n as u8; 700]]))),
            });
            batches.push(Batch { source: topic(), events, positions: vec![], in_step: None });
        }
        let mut store = Store::open_backend(config(), Disk::new(Vec::new())).unwrap();
        store.open_source(&topic()).unwrap();
        let mut expected = vec![seen(&store)];
        for batch in &batches {
            store.apply(batch).unwrap();
            expected.push(seen(&store));
        }
        Self { batches, expected }
    }

    /// Behind how many batches these positions stand. A commit holds whole batches, so they stand behind one.
    fn behind(&self, positions: &[(Partition, Position)]) -> usize {
        let is_behind = |batch: &Batch| {
            let reached = |event: &Event| {
                positions.iter().any(|(partition, at)| *partition == event.partition && event.position <= *at)
            };
            let (some, all) = (batch.events.iter().any(reached), batch.events.iter().all(reached));
            assert_eq!(some, all, "half of a batch was committed");
            all
        };
        let behind = self.batches.iter().take_while(|batch| is_behind(batch)).count();
        assert!(!self.batches[behind..].iter().any(is_behind), "a batch was left out");
        behind
    }

    /// Behind how many batches a store serves.
    pub(crate) fn served(&self, store: &Store) -> usize {
        let positions: Vec<_> = store.status(0).positions.into_iter().map(|(_, p, at)| (p, at)).collect();
        self.behind(&positions)
    }

    /// Behind how many batches a store serves, after a failure: every batch that was taken is answered from, and of one
    /// that was refused nothing.
    pub(crate) fn check_answers(&self, store: &Store) -> usize {
        let served = self.served(store);
        assert_eq!(answers(store), self.expected[served].answers, "behind {served} batches");
        served
    }

    /// Does what is left to be done with a store. `committed` is told how many batches are on the disk for
    /// certain.
    pub(crate) fn drive(&self, store: &mut Store, committed: &mut usize) -> Result<(), StoreError> {
        let commit = |store: &mut Store, committed: &mut usize| {
            store.commit()?;
            *committed = self.served(store);
            Ok::<(), StoreError>(())
        };
        loop {
            let state = store.open_source(&topic())?;
            let behind = self.behind(&state.positions);
            let to = if state.in_step.is_some() { self.batches.len() } else { self.batches.len() / 2 };
            for (n, batch) in self.batches[behind..to].iter().enumerate() {
                store.apply(batch)?;
                // Some commits hold two batches.
                if n % 3 != 0 {
                    commit(store, committed)?;
                }
            }
            commit(store, committed)?;
            if state.rebuilding {
                let in_step = Some(Timestamp(1));
                store.apply(&Batch { source: topic(), events: vec![], positions: vec![], in_step })?;
                commit(store, committed)?;
                while store.sweep(9)? {
                    commit(store, committed)?;
                }
                commit(store, committed)?;
            } else if state.in_step.is_none() {
                store.open_source_at(&topic(), Timestamp(1), Some(Rebuild::Anew { accept_loss: false }))?;
            } else {
                while store.sweep(9)? {}
                return commit(store, committed);
            }
        }
    }

    /// That a store holds what the log says up to its positions, and nothing else. Returns behind how many
    /// batches that is.
    pub(crate) fn check(&self, store: &Store) -> usize {
        let served = self.served(store);
        assert_eq!(seen(store), self.expected[served], "behind {served} batches");
        assert_eq!(store.digests_wrong(), 0);
        served
    }
}
