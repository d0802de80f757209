//! A whole zone, read as of one commit.

mod support;

use messages::ZoneHead;
use proptest::prelude::*;
use std::collections::BTreeMap;
use support::{Fed, name, null, rrset, set, soa};
use zone_model::master::{PrintSettings, print};
use zone_model::zone::{Zone, ZoneRrSet};
use zone_model::{Limits, Name, RecordType, Timestamp};
use zone_store::{Store, StoreConfig, open_zone};

fn read(store: &Store, apex: &str) -> Option<(ZoneHead, Vec<ZoneRrSet>)> {
    let walk = store.open_zone(&name(apex)).unwrap();
    let head = walk.head().unwrap()?;
    let mut sets = Vec::new();
    walk.read(&head, &mut |set| {
        sets.push(set);
        true
    })
    .unwrap();
    assert_eq!(head.rrsets, sets.len() as u64);
    Some((head, sets))
}

fn printed(sets: &[ZoneRrSet], apex: &str) -> String {
    let sets = sets.iter().map(|set| (set.owner.clone(), set.rtype, set.rrset.clone()));
    print(&Zone::of(name(apex), sets), &PrintSettings::default())
}

/// DESIGN, "Slots decide" and "Serials": the same that event-producer finds in the log itself.
#[test]
fn a_zone_is_what_its_slots_serve() {
    let mut fed = Fed::plain();
    fed.soa(10_000, "example.", 7);
    fed.set(10_000, "www.example.|A", &[&[192, 0, 2, 1]]);
    fed.feed_in(
        1,
        13_500,
        "WWW.example.|A|example.",
        set("WWW.example.|A|example.", rrset(None, &[&[192, 0, 2, 9], &[192, 0, 2, 2]])),
    );
    fed.set(11_000, "gone.example.|A", &[&[192, 0, 2, 3]]);
    fed.null(12_000, "gone.example.|A");
    fed.set(12_000, "empty.example.|A", &[]);
    fed.soa(12_000, "sub.example.", 7);
    fed.set(90_000, "www.sub.example.|A", &[&[192, 0, 2, 4]]);
    fed.set(12_000, "sub.example.|NS|example.", &[b"\x02ns\x03sub\x07example\0"]);
    fed.set(12_000, "sub.example.|DS", &[&[0, 1, 8, 2, 0]]);
    fed.set(12_000, "other.|A", &[&[192, 0, 2, 5]]);
    assert_eq!(read(&fed.store, "example."), None, "nothing is committed yet");
    fed.store.commit().unwrap();

    let (head, sets) = read(&fed.store, "Example.").unwrap();
    let want = "example. 60 IN SOA ns.t. who.t. 10 2 3 4 5\nsub.example. 60 IN NS ns.sub.example.\n\
                sub.example. 60 IN DS 1 8 2 00\nwww.example. 300 IN A 192.0.2.2 ; no TTL set\n\
                www.example. 300 IN A 192.0.2.9 ; no TTL set\n";
    assert_eq!(printed(&sets, "example."), want);
    assert_eq!((head.serial, head.synthesised, head.rrsets), (10, false, 4));
    assert_eq!(head.serial, fed.store.zones(None, 0).unwrap()[0].serial);
    assert_eq!(read(&fed.store, "sub.example.").unwrap().1.len(), 2);
    assert_eq!(read(&fed.store, "other."), None);
}

/// DESIGN, "The catalogue": everything that walks a zone reads a snapshot at a committed position.
#[test]
fn what_comes_later_is_not_seen() {
    let mut fed = Fed::plain();
    fed.soa(1_000, "example.", 7);
    fed.set(1_000, "a.example.|A", &[&[192, 0, 2, 1]]);
    fed.store.commit().unwrap();
    let walk = fed.store.open_zone(&name("example.")).unwrap();
    fed.set(9_000, "a.example.|A", &[&[192, 0, 2, 2]]);
    fed.feed(9_000, "example.|SOA", null("example.|SOA"));
    fed.store.commit().unwrap();
    let head = walk.head().unwrap().unwrap();
    assert_eq!((head.serial, head.rrsets), (7, 2));
    assert_eq!(head.positions.len(), 1);
    let mut seen = Vec::new();
    walk.read(&head, &mut |set| {
        seen.push(set.rtype);
        false
    })
    .unwrap();
    assert_eq!(seen, [RecordType::SOA], "who has enough gets no more");
    assert_eq!(read(&fed.store, "example."), None);
}

/// A zone that the configuration names is one without an SOA on the log, and what is below it is not its parent's.
#[test]
fn configured_zones_begin_without_an_soa() {
    let config = StoreConfig { zones: vec![name("t."), name("sub.t.")], ..Default::default() };
    let mut fed = Fed::new(config);
    fed.set(5_000, "a.t.|A", &[&[192, 0, 2, 1]]);
    fed.set(6_000, "a.sub.t.|A", &[&[192, 0, 2, 1]]);
    fed.store.commit().unwrap();
    let (head, sets) = read(&fed.store, "t.").unwrap();
    assert_eq!((head.synthesised, head.serial, sets.len()), (true, 5, 1));
    assert_eq!(read(&fed.store, "sub.t.").unwrap().1.len(), 1);
    assert_eq!(read(&fed.store, "elsewhere."), None);
}

#[test]
fn the_file_of_a_node_that_does_not_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    let mut store = Store::open(StoreConfig { path: Some(path.clone()), ..Default::default() }).unwrap();
    store.open_source(&support::topic()).unwrap();
    let events =
        vec![support::event(0, 1, 1_000, "example.|SOA", set("example.|SOA", rrset(Some(60), &[&soa(7)])))];
    let batch = zone_store::Batch { source: support::topic(), events, positions: Vec::new(), in_step: None };
    store.apply(&batch).unwrap();
    store.commit().unwrap();
    assert!(
        open_zone(&path, &name("example."), &Limits::default()).is_err(),
        "a store in use is not opened twice"
    );
    drop(store);
    let walk = open_zone(&path, &name("example."), &Limits::default()).unwrap();
    assert_eq!(walk.head().unwrap().map(|head| head.serial), Some(7));
    assert_eq!(open_zone(&path, &name("sub.example."), &Limits::default()).unwrap().head().unwrap(), None);
}

fn key() -> impl Strategy<Value = String> {
    let owner = prop::sample::select(vec!["t.", "a.t.", "b.a.t.", "c.b.a.t.", "b.t.", "u.", "T", "A.t."]);
    let rtype = prop::sample::select(vec!["SOA", "NS", "A", "DS", "TXT"]);
    let apex = prop::sample::select(vec!["", "", "|t.", "|a.t.", "|."]);
    (owner, rtype, apex).prop_map(|(owner, rtype, apex)| {
        // An SOA belongs to its owner, whatever its key says.
        let apex = if rtype == "SOA" || !owner.to_lowercase().ends_with("t.") { "" } else { apex };
        format!("{owner}|{rtype}{apex}")
    })
}

proptest! {
    /// What a walk finds is what asking for each name finds, of the zone that is asked for.
    #[test]
    fn as_name_by_name(
        events in prop::collection::vec((key(), 0i64..9, 0u32..3, 0u8..5), 0..40),
        configured in prop::sample::subsequence(vec!["t.", "a.t.", "b.a.t."], 0..3),
    ) {
        let zones = configured.iter().map(|zone| name(zone)).collect();
        let mut fed = Fed::new(StoreConfig { zones, ..Default::default() });
        for (raw, timestamp, partition, what) in events {
            let rdata = match what {
                0 => None,
                _ if raw.contains("|SOA") => Some(soa(u32::from(what))),
                _ => Some(vec![192, 0, 2, what]),
            };
            let body = match (what, &rdata) {
                (1, _) => null(&raw),
                (_, None) => set(&raw, rrset(Some(60), &[])),
                (_, Some(rdata)) => set(&raw, rrset(Some(60), &[rdata])),
            };
            fed.feed_in(partition, timestamp * 1_000, &raw, body);
        }
        fed.store.commit().unwrap();
        let mut wanted: BTreeMap<Name, BTreeMap<(Name, RecordType), u32>> = BTreeMap::new();
        let apexes = fed.store.zones(None, 0).unwrap();
        for owner in ["t.", "a.t.", "b.a.t.", "c.b.a.t.", "b.t.", "u."] {
            for found in fed.store.records(&name(owner), None).unwrap() {
                if let (Some(apex), Some(_), false) = (found.apex, found.source, found.rrset.is_empty()) {
                    let last = found.rrset.rdatas()[0].last().copied().unwrap_or_default();
                    wanted.entry(apex).or_default().insert((found.owner, found.rtype), u32::from(last));
                }
            }
        }
        for zone in &apexes {
            let (head, sets) = read(&fed.store, &zone.apex.to_string()).unwrap();
            prop_assert_eq!((head.serial, head.synthesised), (zone.serial, zone.synthesised));
            let own: BTreeMap<(Name, RecordType), u32> = sets
                .iter()
                .map(|set| {
                    let last = set.rrset.rdatas()[0].last().copied().unwrap_or_default();
                    ((set.owner.clone(), set.rtype), u32::from(last))
                })
                .collect();
            prop_assert_eq!(own.len(), sets.len());
            prop_assert_eq!(own, wanted.remove(&zone.apex).unwrap_or_default(), "{}", zone.apex);
        }
        prop_assert!(wanted.is_empty());
        prop_assert!(apexes.iter().all(|zone| zone.newest >= Timestamp(0)));
    }
}
