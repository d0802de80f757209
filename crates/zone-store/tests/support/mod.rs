//! What the tests of the store share: events, a backend that survives the store, and the obvious model.
#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod model;

use redb::StorageBackend;
use redb::backends::InMemoryBackend;
use std::sync::Arc;
use zone_model::catalog::{Authority, QueryName};
use zone_model::{
    Catalog, Event, EventBody, EventKey, Merged, Name, Partition, Position, RecordType, RrSet, SetRrSet,
    SourceId, Timestamp, Unusable,
};
use zone_store::{AppliedBatch, Batch, Store, StoreConfig};

/// Memory that outlives the store on it, as a disk would.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory(Arc<InMemoryBackend>);

impl StorageBackend for Memory {
    fn len(&self) -> Result<u64, std::io::Error> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), std::io::Error> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<(), std::io::Error> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> Result<(), std::io::Error> {
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), std::io::Error> {
        self.0.write(offset, data)
    }
}

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

pub(crate) fn position(number: u64) -> Position {
    // Odd on purpose: nobody but a source knows what is in one.
    Position::new(&[&[7][..], &number.to_be_bytes(), b"?"].concat()).unwrap()
}

pub(crate) fn rrset(ttl: Option<u32>, rdatas: &[&[u8]]) -> RrSet {
    RrSet::new(ttl, rdatas.iter().map(|rdata| Box::from(*rdata)))
}

/// RDATA of an SOA with this serial.
pub(crate) fn soa(serial: u32) -> Vec<u8> {
    let mut rdata = [name("ns.t.").as_wire(), name("who.t.").as_wire()].concat();
    for number in [serial, 2, 3, 4, 5] {
        rdata.extend_from_slice(&number.to_be_bytes());
    }
    rdata
}

/// A key from its text form, in a spelling that is used as it is.
pub(crate) fn key(raw: &str) -> EventKey {
    let mut parts = raw.split('|');
    let mut next_name = || parts.next().map(|part| name(part.trim_end_matches('.')).to_lowercase());
    let owner = match raw.split('|').next() {
        Some("" | ".") => Name::root(),
        _ => next_name().unwrap(),
    };
    let mut parts = raw.split('|').skip(1);
    let rtype = parts.next().unwrap().parse().unwrap();
    let apex = parts.next().map(|apex| name(apex).to_lowercase());
    EventKey { owner, rtype, apex }
}

pub(crate) fn event(partition: u32, number: u64, timestamp: i64, raw: &str, body: EventBody) -> Event {
    Event {
        partition: Partition(partition),
        position: position(number),
        timestamp: Timestamp(timestamp),
        key: raw.as_bytes().to_vec(),
        headers: vec![("producer".to_owned(), b"test".to_vec())],
        body,
    }
}

pub(crate) fn set(raw: &str, rrset: RrSet) -> EventBody {
    EventBody::Set(SetRrSet {
        key: key(raw),
        rrset,
        extra: Some("[{\"x\":1}]".into()),
        merged: Merged::default(),
    })
}

pub(crate) fn null(raw: &str) -> EventBody {
    EventBody::Null(Some(key(raw)))
}

pub(crate) fn unusable(reason: &str) -> EventBody {
    EventBody::Unusable(Unusable { key: None, value: Some(b"{".to_vec()), reason: reason.to_owned() })
}

/// What compaction leaves of a partition: of what a later event of its slot overtook, some; of the nulls that are the
/// last of their slots, some. `taken` chooses. An event that only a bad one overtook stays: a key whose newest event
/// cannot be used is one of the two things that no rule can mend.
pub(crate) fn compacted(events: &[Event], taken: u64) -> Vec<Event> {
    let overtakes = |later: &Event, at: usize| {
        later.key == events[at].key && !matches!(later.body, EventBody::Unusable(_))
    };
    let is_last = |at: usize| !events[at + 1..].iter().any(|later| overtakes(later, at));
    let is_null = |at: usize| matches!(events[at].body, EventBody::Null(_));
    let is_taken = |at: usize| taken >> (at % 64) & 1 == 1;
    // A null goes after everything that it overtook.
    let is_gone = |at: usize| is_null(at) && is_last(at) && is_taken(at);
    let went_with =
        |at: usize| (at + 1..events.len()).any(|later| events[later].key == events[at].key && is_gone(later));
    let is_left = |at: &usize| {
        let overtaken = !is_last(*at) && (is_taken(*at) || went_with(*at));
        !(overtaken || is_gone(*at))
    };
    (0..events.len()).filter(is_left).map(|at| events[at].clone()).collect()
}

/// A store in memory with one source that is open, fed event by event.
pub(crate) struct Fed {
    pub(crate) store: Store,
    pub(crate) memory: Memory,
    pub(crate) config: StoreConfig,
    number: u64,
}

pub(crate) fn topic() -> SourceId {
    SourceId::new("topic")
}

impl Fed {
    pub(crate) fn new(config: StoreConfig) -> Self {
        let memory = Memory::default();
        let mut store = Store::open_backend(config.clone(), memory.clone()).unwrap();
        store.open_source(&topic()).unwrap();
        Self { store, memory, config, number: 0 }
    }

    pub(crate) fn plain() -> Self {
        Self::new(StoreConfig::default())
    }

    /// Applies one event of partition 0.
    pub(crate) fn feed(&mut self, timestamp: i64, raw: &str, body: EventBody) -> AppliedBatch {
        self.feed_in(0, timestamp, raw, body)
    }

    pub(crate) fn feed_in(
        &mut self,
        partition: u32,
        timestamp: i64,
        raw: &str,
        body: EventBody,
    ) -> AppliedBatch {
        self.number += 1;
        let events = vec![event(partition, self.number, timestamp, raw, body)];
        self.store.apply(&Batch { source: topic(), events, positions: Vec::new(), in_step: None }).unwrap()
    }

    pub(crate) fn set(&mut self, timestamp: i64, raw: &str, rdatas: &[&[u8]]) -> AppliedBatch {
        self.feed(timestamp, raw, set(raw, rrset(Some(60), rdatas)))
    }

    pub(crate) fn soa(&mut self, timestamp: i64, apex: &str, serial: u32) -> AppliedBatch {
        self.set(timestamp, &format!("{apex}|SOA"), &[&soa(serial)])
    }

    pub(crate) fn null(&mut self, timestamp: i64, raw: &str) -> AppliedBatch {
        self.feed(timestamp, raw, null(raw))
    }

    pub(crate) fn served(&self, owner: &str, rtype: RecordType) -> Option<Vec<Vec<u8>>> {
        served(self.store.catalog(), &name(owner), rtype).map(|(_, rdatas)| rdatas)
    }

    /// The serial that the apex serves.
    pub(crate) fn serial(&self, apex: &str) -> Option<u32> {
        let soa = self.served(apex, RecordType::SOA)?;
        let serial = soa[0][soa[0].len() - 20..].first_chunk().unwrap();
        Some(u32::from_be_bytes(*serial))
    }

    /// Commits, and opens the store again from what is on its disk.
    pub(crate) fn reopen(self) -> Self {
        let Self { mut store, memory, config, number } = self;
        store.commit().unwrap();
        drop(store);
        let mut store = Store::open_backend(config.clone(), memory.clone()).unwrap();
        store.open_source(&topic()).unwrap();
        Self { store, memory, config, number }
    }
}

/// The key of an RRset in one of the spellings that producers use; `apex` is that of a long one.
pub(crate) fn spelt_key(owner: &Name, rtype: RecordType, apex: Option<&Name>, spelling: u8) -> String {
    let text = match (spelling, owner.to_string()) {
        (_, root) if root == "." => root,
        (0, text) => text.trim_end_matches('.').to_owned(),
        (1, text) => text.to_uppercase(),
        (2, text) => format!("{text}."),
        (_, text) => text,
    };
    // An SOA belongs to its owner.
    let apex = if rtype == RecordType::SOA { apex.map(|_| owner) } else { apex };
    let apex = apex.map_or_else(String::new, |apex| format!("|{apex}"));
    format!("{text}|{rtype}{apex}")
}

/// TTL and RDATA of what a catalogue holds at a name.
pub(crate) fn served(catalog: &Catalog, owner: &Name, rtype: RecordType) -> Option<(u32, Vec<Vec<u8>>)> {
    let query = QueryName::new(owner, catalog.seed());
    let rrset = catalog.node(&query, query.labels())?.rrset(rtype)?;
    Some((rrset.ttl(), rrset.rdatas().map(<[u8]>::to_vec).collect()))
}

/// Chance that is the same whenever it is asked again: xorshift64.
#[derive(Clone, Debug)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.max(1);
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below this one.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}
