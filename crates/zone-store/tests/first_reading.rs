//! The first reading of a source that the node waits for: what is read is seen when it is in step, all at once, and is
//! what following it change by change leads to.

mod support;

use proptest::prelude::*;
use support::{Memory, event, name, null, rrset, served, set, soa, topic, unusable};
use zone_model::{EventBody, RecordType, SourceId, Timestamp};
use zone_store::{AppliedBatch, Batch, Store, StoreConfig};

/// Keys that meet: spellings of one owner, a zone within a zone, a long key.
const KEYS: [&str; 9] = [
    "t.|SOA",
    "t.|NS",
    "a.t.|A",
    "A.t|A",
    "sub.t.|SOA",
    "sub.t.|NS|t.",
    "x.sub.t.|A",
    "x.sub.t.|A|t.",
    "other.|A",
];

fn body(raw: &str, choice: u8) -> EventBody {
    match choice {
        0..=1 => null(raw),
        2 => unusable("why"),
        3 if !raw.contains("SOA") => set(raw, rrset(Some(60), &[])),
        _ if raw.contains("SOA") => set(raw, rrset(Some(60), &[&soa(u32::from(choice))])),
        _ if raw.contains("NS") => set(raw, rrset(None, &[name("ns.t.").as_wire()])),
        _ => set(raw, rrset(Some(60), &[&[10, 0, 0, choice]])),
    }
}

fn apply(store: &mut Store, source: &SourceId, events: &[zone_model::Event], in_step: bool) -> AppliedBatch {
    let in_step = in_step.then_some(Timestamp(99_000));
    let batch = Batch { source: source.clone(), events: events.to_vec(), positions: Vec::new(), in_step };
    store.apply(&batch).expect("applied")
}

/// Everything that anybody can see.
fn seen(store: &Store) -> String {
    let mut text = format!("{:?}\n{:?}\n", store.zones(None, 0), store.quarantined(0));
    for raw in KEYS {
        let owner = name(raw.split('|').next().expect("an owner").trim_end_matches('.'));
        for rtype in [RecordType::SOA, RecordType::NS, RecordType::A] {
            text += &format!("{owner} {rtype} {:?}\n", served(store.catalog(), &owner, rtype));
        }
        text += &format!("{:?}\n", store.records(&owner, None));
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_is_read_at_first_is_seen_at_once(
        log in proptest::collection::vec((0..KEYS.len(), 0u8..12, 0i64..50), 1..60),
        other in proptest::collection::vec((0..KEYS.len(), 0u8..12, 0i64..50), 0..10),
        batch in 1usize..9, restarts: u64,
    ) {
        let (main, beside) = (topic(), SourceId::new("beside"));
        let memory = Memory::default();
        let awaited = StoreConfig { sources: vec![main.clone(), beside.clone()], seed: 7, ..StoreConfig::default() };
        let plain = StoreConfig { sources: Vec::new(), ..awaited.clone() };
        let open = |config: &StoreConfig, memory: &Memory| {
            let mut store = Store::open_backend(config.clone(), memory.clone()).expect("opened");
            for source in [&main, &beside] {
                let state = store.open_source(source).expect("opened");
                assert!(!state.rebuilding, "a first reading is no second one");
            }
            store
        };
        let events = |log: &[(usize, u8, i64)]| -> Vec<_> {
            let numbered = log.iter().zip(1..);
            numbered.map(|((at, choice, time), number)| event(0, number, *time * 1000, KEYS[*at], body(KEYS[*at], *choice))).collect()
        };
        let (log, other) = (events(&log), events(&other));
        let mut follows = open(&plain, &Memory::default());
        apply(&mut follows, &beside, &other, true);
        apply(&mut follows, &main, &log, true);

        let mut store = open(&awaited, &memory);
        let empty = seen(&store);
        let chunks: Vec<_> = log.chunks(batch).collect();
        for (at, chunk) in chunks.iter().enumerate() {
            let is_last = at + 1 == chunks.len();
            let applied = apply(&mut store, &main, chunk, is_last);
            prop_assert_eq!(applied.events, chunk.len());
            prop_assert_eq!(applied.rebuilt, is_last && chunks.len() > 1);
            if !is_last {
                prop_assert_eq!(&seen(&store), &empty, "nothing is seen before the end");
            }
            if restarts >> (at % 64) & 1 == 1 {
                store.commit().expect("committed");
                drop(store);
                store = open(&awaited, &memory);
                let at = store.open_source(&main).expect("opened").positions;
                prop_assert_eq!(at.first().map(|(_, position)| *position), chunk.last().map(|event| event.position));
            }
        }
        prop_assert!(!store.in_service(), "the other source has not been in step");
        // Change by change from now on, and the other source in one piece.
        apply(&mut store, &beside, &other, true);
        prop_assert!(store.in_service());
        prop_assert_eq!(seen(&store), seen(&follows));
        prop_assert_eq!(store.catalog().names(), follows.catalog().names());
        let more = [event(0, 1000, 60_000, "a.t.|A", body("a.t.|A", 9))];
        prop_assert_eq!(apply(&mut store, &main, &more, true), apply(&mut follows, &main, &more, true));
        prop_assert_eq!(seen(&store), seen(&follows));
        store.commit().expect("committed");
        drop(store);
        let store = open(&awaited, &memory);
        prop_assert_eq!(store.digests_wrong(), 0);
        prop_assert_eq!(seen(&store), seen(&follows));
    }
}
