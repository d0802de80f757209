//! Random topics: few names, so that zones nest and everything comes and goes; several spellings of a key; changes of
//! several events, some cut short; topics that get partitions while they are written; events that cannot be used.

use crate::support;
use event_consumer::scripted::odd_position;
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::BTreeMap;
use zone_model::decode::decode;
use zone_model::{
    Event, HEADER_CHANGE_ID, HEADER_CHANGE_SIZE, Limits, Name, Partition, RawEvent, RecordType, SourceId,
    Timestamp,
};
use zone_store::StoreConfig;

pub(crate) const TOPICS: [&str; 2] = ["alpha", "beta"];

pub(crate) const TYPES: [RecordType; 8] = [
    RecordType::SOA,
    RecordType::NS,
    RecordType::A,
    RecordType::CNAME,
    RecordType::DNAME,
    RecordType::DS,
    RecordType::MX,
    RecordType::ANY,
];

/// All names that there are: the root, `t.`, and two levels of `a`, `b` and `*` below it.
pub(crate) fn universe() -> Vec<Name> {
    let mut names = vec![Name::root(), support::name("t.")];
    let mut level = vec![support::name("t.")];
    for _ in 0..2 {
        let below = |name: &Name| [b"*", b"a", b"b"].map(|label| name.child(label).unwrap());
        level = level.iter().flat_map(below).collect();
        names.extend(level.iter().cloned());
    }
    names
}

/// What an event will be, before it knows its place.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    owner: Index,
    rtype: RecordType,
    /// Which ancestor a long key names.
    apex: Option<Index>,
    spelling: u8,
    timestamp: i64,
    value: Value,
    /// By how many entries of its topic it comes later than it might: so changes run into one another.
    late: usize,
}

#[derive(Clone, Debug)]
enum Value {
    Records(Option<u32>, u8),
    Empty,
    Null,
    /// A value that is no RRset, in one of several ways.
    Bad(u8),
    /// A key that names none.
    BadKey,
}

/// An entry of a topic.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    Event(Draft),
    /// Events that belong together; and whether the last of those that were announced never came.
    Change(Vec<Draft>, bool),
    /// The topic has one more partition from here on.
    Grow,
}

#[derive(Clone, Debug)]
pub(crate) struct Drafts {
    topics: [Vec<Entry>; 2],
    partitions: [usize; 2],
    zones: Vec<Name>,
    limit: Option<Vec<Name>>,
}

/// Topics as they stand there, and what every node is told.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) topics: [Vec<Vec<Event>>; 2],
    pub(crate) config: StoreConfig,
}

fn draft() -> impl Strategy<Value = Draft> {
    use RecordType as T;
    let rtype = prop_oneof![
        6 => Just(T::SOA), 3 => Just(T::NS), 5 => Just(T::A), 2 => Just(T::CNAME),
        2 => Just(T::DNAME), 2 => Just(T::DS), 2 => Just(T::MX),
    ];
    let value = prop_oneof![
        12 => (weighted(0.8, 0u32..1000), 1u8..4).prop_map(|(ttl, seed)| Value::Records(ttl, seed)),
        2 => Just(Value::Empty),
        3 => Just(Value::Null),
        1 => (0u8..4).prop_map(Value::Bad),
        1 => Just(Value::BadKey),
    ];
    // Few moments, some of them equal, and not in the order of the log.
    (any::<Index>(), rtype, weighted(0.3, any::<Index>()), 0u8..4, 0i64..12, value, 0usize..4).prop_map(
        |(owner, rtype, apex, spelling, at, value, late)| Draft {
            owner,
            rtype,
            apex,
            spelling,
            timestamp: at * 700,
            value,
            late,
        },
    )
}

fn entry() -> impl Strategy<Value = Entry> {
    prop_oneof![
        12 => draft().prop_map(Entry::Event),
        4 => (vec(draft(), 2..6), proptest::bool::weighted(0.25)).prop_map(|(all, cut)| Entry::Change(all, cut)),
        1 => Just(Entry::Grow),
    ]
}

pub(crate) fn draft_world() -> impl Strategy<Value = Drafts> {
    let some = |at: &'static [&'static str]| {
        proptest::sample::subsequence(at, 0..=at.len())
            .prop_map(|names| names.into_iter().map(support::name).collect::<Vec<_>>())
    };
    let zones = prop_oneof![4 => Just(vec![]), 1 => some(&["t.", "a.t.", "*.b.t."])];
    let limit = weighted(0.2, some(&["t.", "a.t.", "b.t.", "a.a.t."]));
    let topic = || vec(entry(), 0..28);
    ([topic(), topic()], [1usize..4, 1usize..4], zones, limit)
        .prop_map(|(topics, partitions, zones, limit)| Drafts { topics, partitions, zones, limit })
}

// === impl World ===

impl World {
    pub(crate) fn new(drafts: &Drafts) -> Self {
        let universe = universe();
        let mut limits = Limits::default();
        if let Some(apexes) = &drafts.limit {
            limits.limit(SourceId::new(TOPICS[1]), apexes.iter().cloned());
        }
        let config = StoreConfig { zones: drafts.zones.clone(), limits, ..StoreConfig::default() };
        let topic = |topic: usize| written(&drafts.topics[topic], drafts.partitions[topic], &universe);
        Self { topics: [topic(0), topic(1)], config }
    }

    /// What compaction leaves of it.
    pub(crate) fn compacted(&self, taken: u64) -> Self {
        let partition = |events: &Vec<Event>| support::compacted(events, taken);
        let topics = self.topics.each_ref().map(|topic| topic.iter().map(partition).collect());
        Self { topics, config: self.config.clone() }
    }
}

/// Writes entries to a topic that begins with so many partitions.
fn written(entries: &[Entry], mut partitions: usize, universe: &[Name]) -> Vec<Vec<Event>> {
    // By when each is written: its entry's number, and how late it is.
    let mut all: Vec<(usize, usize, RawEvent)> = Vec::new();
    for (number, entry) in entries.iter().enumerate() {
        let place = |draft: &Draft| {
            let mut event = raw(draft, universe);
            // As a producer that hashes the key: a topic that grows moves keys, and leaves their old slots behind.
            let hash = event.key.iter().fold(7usize, |hash, octet| hash * 31 % 1009 + usize::from(*octet));
            let partition = hash % partitions;
            event.partition = Partition(partition as u32);
            (number + draft.late, partition, event)
        };
        match entry {
            Entry::Event(draft) => all.push(place(&Draft { late: 0, ..draft.clone() })),
            Entry::Change(members, cut) => {
                let mut members: Vec<_> = members.iter().map(place).collect();
                let mut sizes: BTreeMap<usize, usize> = BTreeMap::new();
                for (_, partition, _) in &members {
                    *sizes.entry(*partition).or_default() += 1;
                }
                if *cut {
                    // Announced, and never written.
                    members.pop();
                }
                for (_, partition, event) in &mut members {
                    let size = sizes[partition].to_string();
                    event.headers.push((HEADER_CHANGE_ID.to_owned(), format!("c{number}").into_bytes()));
                    event.headers.push((HEADER_CHANGE_SIZE.to_owned(), size.into_bytes()));
                }
                all.append(&mut members);
            }
            Entry::Grow => partitions += 1,
        }
    }
    all.sort_by_key(|(when, ..)| *when);
    let mut topic = vec![Vec::new(); partitions];
    for (number, (_, partition, raw)) in all.into_iter().enumerate() {
        // Others' offsets and markers lie between.
        let position = odd_position(3 * number as u64 + 1).unwrap();
        topic[partition].push(decode(RawEvent { position, ..raw }));
    }
    topic
}

fn raw(draft: &Draft, universe: &[Name]) -> RawEvent {
    let owner = &universe[draft.owner.index(universe.len())];
    let (key, value) = (key(draft, owner), value(draft, owner));
    RawEvent {
        partition: Partition(0),
        position: odd_position(0).unwrap(),
        timestamp: Timestamp(draft.timestamp),
        key: key.into_bytes(),
        value: value.map(String::into_bytes),
        headers: vec![("producer".to_owned(), b"test".to_vec())],
    }
}

fn key(draft: &Draft, owner: &Name) -> String {
    if matches!(draft.value, Value::BadKey) {
        return format!("{owner}|{}|{owner}|{}", draft.rtype, draft.spelling);
    }
    let apex = draft.apex.map(|apex| owner.ancestor(apex.index(owner.label_count() + 1)));
    support::spelt_key(owner, draft.rtype, apex.as_ref(), draft.spelling)
}

fn value(draft: &Draft, owner: &Name) -> Option<String> {
    use RecordType as T;
    let (ttl, seed) = match draft.value {
        Value::Records(ttl, seed) => (ttl, seed),
        Value::Empty => return Some("[]".into()),
        Value::Null => return None,
        Value::Bad(0) => return Some("{".into()),
        Value::Bad(1) => return Some("[{}]".into()),
        Value::Bad(2) => return Some(format!(r#"[{{"name":"{owner}","type":"A","content":"192.0.2"}}]"#)),
        Value::Bad(_) => return Some(r#"[{"name":"x.","type":"TXT","content":"elsewhere"}]"#.into()),
        Value::BadKey => (None, 1),
    };
    let record = |n: u8| {
        let label = char::from(b'a' + n);
        let content = match draft.rtype {
            T::SOA => format!("ns.t. Who.t. {} 3600 600 86400 300", u32::MAX - u32::from(seed)),
            T::NS | T::CNAME | T::DNAME => format!("{label}.T."),
            T::DS => format!("{n} 8 2 0{seed}ff"),
            T::MX => format!("{label}.t."),
            _ => format!("192.0.2.{n}"),
        };
        let ttl = ttl.map_or_else(String::new, |ttl| format!(r#","ttl":{}"#, ttl + u32::from(n)));
        let priority = if draft.rtype == T::MX { format!(r#","priority":{seed}"#) } else { String::new() };
        format!(
            r#"{{"name":"{owner}","type":"{}","content":"{content}"{ttl}{priority},"note":{seed}}}"#,
            draft.rtype
        )
    };
    let single = [T::SOA, T::CNAME, T::DNAME].contains(&draft.rtype);
    let records: Vec<String> = (0..if single { 1 } else { seed }).map(record).collect();
    Some(format!("[{}]", records.join(",")))
}
