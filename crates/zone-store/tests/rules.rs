//! The rules of DESIGN, one test each.

mod support;

use messages::RecordSet;
use support::{Fed, event, key, name, null, position, rrset, served, set, soa, topic, unusable};
use zone_model::catalog::{Authority, QueryName};
use zone_model::{
    EventBody, EventKey, Limits, Partition, RecordType, RrSet, RrSetChange, RrSetId, SourceId, Timestamp,
};
use zone_store::{AppliedBatch, Batch, Store, StoreConfig, StoreError};

const A: RecordType = RecordType::A;

fn zone() -> Fed {
    let mut fed = Fed::plain();
    fed.soa(1_000, "t.", 10);
    fed
}

fn records(fed: &Fed, owner: &str) -> Vec<RecordSet> {
    fed.store.records(&name(owner), None).unwrap()
}

// === limits ===

/// "Slots of a source that is limited to a list of apexes count only for zones on that list, the rest is kept, not
/// served and reported": not for the SOA, nor for whose a name is, the serial, or the digest. Another list, another
/// service, from the same rows.
#[test]
fn a_limited_source_counts_for_the_zones_of_its_list_alone() {
    let customers = SourceId::new("customers");
    let limited = |apexes: &[&str]| {
        let mut limits = Limits::default();
        limits.limit(customers.clone(), apexes.iter().map(|apex| name(apex)));
        StoreConfig { limits, ..StoreConfig::default() }
    };
    let mut fed = Fed::new(limited(&["own.t."]));
    fed.soa(1_000, "t.", 10);
    fed.set(2_000, "a.t.|A", &[&[1, 1, 1, 1]]);
    fed.store.open_source(&customers).unwrap();
    let lines: [(&str, &[u8]); 6] = [
        ("own.t.|SOA", &soa(1)),
        ("a.own.t.|A", &[2, 2, 2, 2]),
        // Whoever fills that log would have them, and may not: another zone's record, its SOA, one below its own zone.
        ("a.t.|A", &[6, 6, 6, 6]),
        ("t.|SOA", &soa(99)),
        ("deep.own.t.|SOA", &soa(5)),
        ("own.t.|DS", &[1, 2, 3, 4]),
    ];
    let events = lines
        .iter()
        .zip(1..)
        .map(|((raw, rdata), number)| event(0, number, 90_000, raw, set(raw, rrset(Some(60), &[rdata]))));
    let batch =
        Batch { source: customers.clone(), events: events.collect(), positions: vec![], in_step: None };
    let applied = fed.store.apply(&batch).unwrap();
    assert_eq!((applied.events, applied.quarantined), (6, 0));
    let zones = |fed: &Fed| -> Vec<_> {
        let all = fed.store.zones(None, 0).unwrap();
        all.into_iter().map(|zone| (zone.apex.to_string(), zone.serial, zone.rrsets)).collect()
    };
    let want = |serial, rows| ("t.".to_owned(), serial, rows);
    assert_eq!(zones(&fed), [want(11, 2), ("own.t.".to_owned(), 1, 2)]);
    assert_eq!(fed.served("a.t.", A), Some(vec![vec![1, 1, 1, 1]]));
    assert_eq!(fed.served("a.own.t.", A), Some(vec![vec![2, 2, 2, 2]]));
    assert_eq!(fed.served("own.t.", RecordType::DS), None);
    assert_eq!((fed.store.status(0).slots, fed.store.slots_outside()), (8, 4));
    // Whoever walks a zone sees what is served of it.
    fed.store.commit().unwrap();
    let head = |apex: &str| fed.store.open_zone(&name(apex)).unwrap().head().unwrap();
    assert_eq!(head("t.").map(|head| (head.serial, head.rrsets)), Some((11, 2)));
    assert_eq!(head("own.t.").map(|head| (head.serial, head.rrsets)), Some((1, 2)));
    assert!(head("deep.own.t.").is_none());
    // Kept, and shown as nobody's.
    let shown = records(&fed, "a.t.");
    let shown: Vec<_> = shown.iter().map(|own| (own.apex.clone(), own.source.clone().unwrap())).collect();
    assert_eq!(shown, [(None, customers.clone()), (Some(name("t.")), topic())]);

    fed.config = limited(&["own.t.", "t.", "deep.own.t."]);
    let fed = fed.reopen();
    assert_eq!(fed.store.digests_wrong(), 0);
    let three = [want(99, 5), ("own.t.".to_owned(), 1, 2), ("deep.own.t.".to_owned(), 5, 1)];
    assert_eq!(zones(&fed), three);
    assert_eq!(fed.store.slots_outside(), 0);
    assert_eq!(fed.served("a.t.", A), Some(vec![vec![6, 6, 6, 6]]));
}

// === slots ===

/// "Within a slot the last event counts", whatever its timestamp.
#[test]
fn the_last_event_of_a_slot_counts() {
    let mut fed = zone();
    fed.set(9_000, "a.t.|A", &[&[1, 1, 1, 1]]);
    fed.set(2_000, "a.t.|A", &[&[2, 2, 2, 2]]);
    assert_eq!(fed.served("a.t.", A), Some(vec![vec![2, 2, 2, 2]]));
    assert_eq!(fed.store.status(0).slots, 2);
}

/// "The one with the greatest (timestamp, source, partition, position) serves": in any order of arrival.
#[test]
fn the_greatest_slot_of_an_rrset_serves() {
    // Each serves before the one above it.
    let ranks = [
        ("topic", 9, 99, 4_000, "a.t.|A"),
        ("topic", 1, 1, 5_000, "a.t.|A"),
        ("topic", 1, 2, 5_000, "A.t.|A"),
        ("topic", 2, 1, 5_000, "a.t.|A|t."),
        ("upic", 1, 1, 5_000, "a.t.|A"),
        ("topic", 1, 3, 6_000, "a.t..|A"),
    ];
    for (rank, winner) in ranks.iter().enumerate() {
        for loser in &ranks[..rank] {
            for order in [[loser, winner], [winner, loser]] {
                if loser.0 == winner.0 && loser.1 == winner.1 && order[0] == winner {
                    continue;
                }
                let mut fed = zone();
                for &(source, partition, number, timestamp, raw) in order {
                    let rdata = format!("{source}{partition}{number}");
                    let events = vec![event(
                        partition,
                        number,
                        timestamp,
                        raw,
                        set(raw, rrset(None, &[rdata.as_bytes()])),
                    )];
                    let source = SourceId::new(source);
                    fed.store.open_source(&source).unwrap();
                    fed.store.apply(&Batch { source, events, positions: vec![], in_step: None }).unwrap();
                }
                let wanted = format!("{}{}{}", winner.0, winner.1, winner.2).into_bytes();
                assert_eq!(fed.served("a.t.", A), Some(vec![wanted.clone()]), "{order:?}");
                assert_eq!(fed.reopen().served("a.t.", A), Some(vec![wanted]), "{order:?}");
            }
        }
    }
}

/// "`[]` is the empty RRset, a value like any other": it wins, serves nothing, and keeps the name gone.
#[test]
fn an_empty_rrset_competes() {
    let mut fed = zone();
    fed.set(5_000, "a.t.|A", &[b"1111"]);
    fed.set(6_000, "a.t.|A|t.", &[]);
    assert_eq!(fed.served("a.t.", A), None);
    let records = records(&fed, "a.t.");
    assert_eq!(records.len(), 1, "one RRset: {records:?}");
    assert!(records[0].rrset.is_empty());
    let query = QueryName::new(&name("a.t."), fed.store.catalog().seed());
    assert!(fed.store.catalog().node(&query, 2).is_none());
}

/// "Null empties its own slot and counts for nothing more": what another slot holds serves again.
#[test]
fn a_null_uncovers_what_another_slot_holds() {
    let mut fed = zone();
    fed.set(5_000, "a.t.|A", &[b"1111"]);
    fed.set(6_000, "a.t.|A|t.", &[b"2222"]);
    fed.null(9_000, "a.t.|A|t.");
    assert_eq!(fed.served("a.t.", A), Some(vec![b"1111".to_vec()]));
    fed.null(9_000, "a.t.|A");
    assert_eq!(fed.served("a.t.", A), None);
    assert_eq!(records(&fed, "a.t."), []);
}

/// "A later usable event of the same slot, null included, clears it"; until then what was served stays.
#[test]
fn an_unusable_event_is_kept_whole_and_changes_nothing() {
    for clearing in [set("a.t.|A", rrset(None, &[b"2222"])), null("a.t.|A"), EventBody::Null(None)] {
        let mut fed = zone();
        fed.set(5_000, "a.t.|A", &[b"1111"]);
        let applied = fed.feed(6_000, "a.t.|A", unusable("a bracket is missing"));
        assert_eq!((applied.quarantined, applied.changed), (1, 0));
        fed.feed(6_000, "b.t.|A", unusable("another"));
        assert_eq!(fed.served("a.t.", A), Some(vec![b"1111".to_vec()]));
        let mut fed = fed.reopen();
        let quarantined = fed.store.quarantined(0).unwrap();
        assert_eq!(quarantined.len(), 2);
        assert_eq!(quarantined[0].key, b"a.t.|A");
        assert_eq!(quarantined[0].value.as_deref(), Some(&b"{"[..]));
        assert_eq!(quarantined[0].reason, "a bracket is missing");
        assert_eq!(quarantined[0].headers, [("producer".to_owned(), b"test".to_vec())]);
        assert_eq!(quarantined[0].timestamp, Timestamp(6_000));
        assert_eq!(fed.store.quarantined(1).unwrap(), quarantined[..1]);
        let place = |own: &messages::Quarantined| (own.source.clone(), own.partition, own.position);
        let behind = |at: usize| fed.store.quarantined_behind(Some(&place(&quarantined[at])), 0).unwrap();
        assert_eq!(behind(0), quarantined[1..]);
        assert!(behind(quarantined.len() - 1).is_empty());
        fed.feed(7_000, "a.t.|A", clearing);
        assert_eq!(fed.store.quarantined(0).unwrap(), quarantined[1..]);
        assert_eq!(fed.store.status(0).quarantined, 1);
    }
}

/// However large quarantined events are, who asks for them gets some megabytes at a time, all of them in their order.
#[test]
fn large_quarantined_events_are_read_page_by_page() {
    const SIZE: usize = 900 << 10;
    let mut fed = zone();
    // Their slots have another order than their positions.
    for n in 0..30 {
        let unusable =
            zone_model::Unusable { reason: "too long".into(), value: Some(vec![b'x'; SIZE]), key: None };
        fed.feed(1_000 + n, &format!("n{}.t.|A", 11 * n % 30), EventBody::Unusable(unusable));
    }
    let (mut read, mut pages) = (Vec::new(), Vec::new());
    loop {
        let last: Option<&messages::Quarantined> = read.last();
        let behind = last.map(|own| (own.source.clone(), own.partition, own.position));
        let page = fed.store.quarantined_behind(behind.as_ref(), 0).unwrap();
        if page.is_empty() {
            break;
        }
        pages.push(page.len());
        read.extend(page);
    }
    let timestamps: Vec<i64> = read.iter().map(|own| own.timestamp.0).collect();
    assert_eq!(timestamps, (1_000..1_030).collect::<Vec<_>>());
    assert_eq!(pages, [9, 9, 9, 3]);
}

/// "A long key that says otherwise is unusable": the last line before the rows.
#[test]
fn a_key_that_no_row_can_have_is_quarantined() {
    let mut fed = zone();
    for raw in ["a.t.|A|u.", "a.t.|SOA|t."] {
        let applied = fed.set(1, raw, &[b"1111"]);
        assert_eq!((applied.quarantined, applied.changed), (1, 0), "{raw}");
        fed.null(2, raw);
        assert_eq!(fed.store.status(0).quarantined, 0);
    }
}

/// "Exactly once": what a partition's position has passed is not applied again; others are.
#[test]
fn a_position_is_applied_once() {
    let mut fed = zone();
    let one = |partition, number, rdata: &[u8]| {
        let events = vec![event(partition, number, 1, "a.t.|A", set("a.t.|A", rrset(None, &[rdata])))];
        Batch {
            source: topic(),
            events,
            positions: vec![(Partition(partition), position(number))],
            in_step: None,
        }
    };
    assert_eq!(fed.store.apply(&one(0, 50, b"1111")).unwrap().events, 1);
    assert_eq!(fed.store.apply(&one(0, 50, b"2222")).unwrap(), AppliedBatch::default());
    assert_eq!(fed.store.apply(&one(0, 49, b"2222")).unwrap(), AppliedBatch::default());
    assert_eq!(fed.served("a.t.", A), Some(vec![b"1111".to_vec()]));
    assert_eq!(fed.store.apply(&one(1, 1, b"3333")).unwrap().events, 1);
    assert_eq!(fed.store.applied(&topic(), Partition(0)), Some(position(50)));
    let mut fed = fed.reopen();
    let state = fed.store.open_source(&topic()).unwrap();
    assert_eq!(state.positions, [(Partition(0), position(50)), (Partition(1), position(1))]);
    assert_eq!(fed.store.apply(&one(0, 50, b"2222")).unwrap().events, 0);
}

// === zones ===

/// "A zone exists while its apex has an SOA RRset", and "records outside every zone are kept and not served".
#[test]
fn zones_come_and_go_with_their_soa() {
    let mut fed = Fed::plain();
    fed.set(1, "www.a.t.|A", &[b"1111"]);
    assert_eq!(fed.served("www.a.t.", A), None);
    assert_eq!(records(&fed, "www.a.t.")[0].apex, None);
    let applied = fed.soa(2, "a.t.", 1);
    assert_eq!(applied.changed, 2, "the SOA and what was outside: {:?}", applied.changes);
    assert_eq!(fed.served("www.a.t.", A), Some(vec![b"1111".to_vec()]));
    assert_eq!(records(&fed, "www.a.t.")[0].apex, Some(name("a.t.")));
    fed.set(3, "a.t.|SOA", &[]);
    assert_eq!(fed.store.zones(None, 0).unwrap(), []);
    assert_eq!(fed.store.catalog().names(), 0);
    assert_eq!(fed.store.status(0).slots, 2, "kept");
}

/// "It belongs to the deepest zone that holds its owner, and DS to the parent; an SOA always to its owner."
#[test]
fn a_short_key_belongs_to_the_deepest_zone_and_ds_to_the_parent() {
    let mut fed = zone();
    fed.soa(1_000, "c.t.", 1);
    fed.set(1_000, "c.t.|NS", &[b"\x02ns\x01t\x00"]);
    fed.set(1_000, "c.t.|DS", &[b"dsds"]);
    fed.set(1_000, "c.t.|DS|c.t.", &[b"nono"]);
    fed.set(1_000, "w.c.t.|A", &[b"1111"]);
    let apexes = |owner| -> Vec<_> {
        records(&fed, owner)
            .into_iter()
            .map(|own| (own.rtype.to_string(), own.apex.unwrap().to_string()))
            .collect()
    };
    let own = |rtype: &str, apex: &str| (rtype.to_owned(), apex.to_owned());
    assert_eq!(apexes("c.t."), [own("NS", "c.t."), own("SOA", "c.t."), own("DS", "t."), own("DS", "c.t.")]);
    assert_eq!(apexes("w.c.t."), [own("A", "c.t.")]);
    // The child's node shows the parent's DS (RFC 4035 section 3.1.4.1).
    assert_eq!(fed.served("c.t.", RecordType::DS), Some(vec![b"dsds".to_vec()]));
    assert_eq!(fed.store.zones(None, 0).unwrap().iter().map(|zone| zone.rrsets).collect::<Vec<_>>(), [2, 4]);
    // An apex without its parent here has no DS to serve.
    fed.null(2_000, "t.|SOA");
    assert_eq!(fed.served("c.t.", RecordType::DS), None);
}

/// "A key may carry its zone, which says whose RRset it is": the parent's copy waits behind the child's.
#[test]
fn a_long_key_keeps_parent_and_child_apart() {
    let mut fed = zone();
    fed.set(2_000, "c.t.|NS|t.", &[b"\x01p\x00"]);
    fed.set(2_000, "ns.c.t.|A|t.", &[b"glue"]);
    fed.soa(1_000, "c.t.", 1);
    fed.set(1_000, "c.t.|NS", &[b"\x01c\x00"]);
    assert_eq!(
        fed.served("c.t.", RecordType::NS),
        Some(vec![b"\x01c\x00".to_vec()]),
        "older, but the child's"
    );
    assert_eq!(fed.served("ns.c.t.", A), None);
    fed.null(3_000, "c.t.|SOA");
    // The short key belongs to the parent now and is the older one.
    assert_eq!(fed.served("c.t.", RecordType::NS), Some(vec![b"\x01p\x00".to_vec()]));
    assert_eq!(fed.served("ns.c.t.", A), Some(vec![b"glue".to_vec()]));
}

/// "Where `zones` is configured, a zone is on that list or under it."
#[test]
fn configured_zones_limit_what_is_served() {
    let mut fed = Fed::new(StoreConfig { zones: vec![name("b.t."), name("u.")], ..Default::default() });
    for apex in ["t.", "b.t.", "x.b.t.", "c.t."] {
        fed.soa(1, apex, 1);
    }
    let apexes: Vec<String> =
        fed.store.zones(None, 0).unwrap().iter().map(|zone| zone.apex.to_string()).collect();
    assert_eq!(apexes, ["b.t.", "x.b.t.", "u."]);
    assert_eq!(fed.store.zones(Some(&name("b.t.")), 1).unwrap()[0].apex, name("x.b.t."));
}

/// "A zone named in the configuration is served with a synthesised SOA (serial 0 at timestamp 0) while no slot
/// holds its SOA, not even as `[]`", and its serial moves like another's.
#[test]
fn a_configured_zone_has_an_soa_of_its_own() {
    let mut fed = Fed::new(StoreConfig { zones: vec![name("t.")], ..Default::default() });
    assert_eq!(fed.serial("t."), Some(0));
    fed.set(1_700_000_000_999, "a.t.|A", &[b"1111"]);
    assert_eq!(fed.serial("t."), Some(1_700_000_000));
    let zones = fed.store.zones(None, 0).unwrap();
    assert_eq!((zones[0].synthesised, zones[0].serial), (true, 1_700_000_000));
    let made_up = records(&fed, "t.");
    assert_eq!((made_up.len(), made_up[0].source.clone()), (1, None));
    let mut fed = fed.reopen();
    assert_eq!(fed.serial("t."), Some(1_700_000_000));
    fed.soa(1_700_000_000_999, "t.", 7);
    assert_eq!(fed.serial("t."), Some(7));
    fed.set(0, "t.|SOA", &[]);
    assert_eq!(fed.store.zones(None, 0).unwrap(), [], "deleted on the log");
    fed.null(0, "t.|SOA");
    assert_eq!(fed.serial("t."), Some(1_700_000_000), "no slot holds it any more");
}

/// "The served SOA serial is the SOA's own plus the whole seconds from the SOA event's timestamp to that of the
/// zone's newest surviving event."
#[test]
fn serials_move_with_the_newest_surviving_event() {
    let mut fed = zone();
    assert_eq!(fed.serial("t."), Some(10));
    fed.set(4_500, "a.t.|A", &[b"1111"]);
    assert_eq!(fed.serial("t."), Some(13));
    fed.set(3_000, "b.t.|A", &[b"1111"]);
    assert_eq!(fed.serial("t."), Some(13), "older");
    fed.set(8_000, "a.t.|A|t.", &[]);
    assert_eq!(fed.serial("t."), Some(17), "`[]` is a value");
    fed.null(9_000, "a.t.|A|t.");
    assert_eq!(fed.serial("t."), Some(13), "a null counts for nothing");
    fed.set(2_000, "a.t.|A", &[b"1111"]);
    assert_eq!(fed.serial("t."), Some(12), "overwritten by an older one");
    // A child zone's events are its own.
    fed.soa(90_000, "c.t.", 1);
    assert_eq!(fed.serial("t."), Some(12));
    assert_eq!(fed.reopen().serial("t."), Some(12));
}

/// "A CNAME never serves at an apex or beside NS; elsewhere it hides everything but RRSIG, NSEC and KEY."
#[test]
fn where_a_cname_serves() {
    let mut fed = zone();
    for owner in ["t.", "n.t.", "c.t."] {
        fed.set(1, &format!("{owner}|CNAME"), &[b"\x01x\x00"]);
        fed.set(1, &format!("{owner}|A"), &[b"1111"]);
        fed.set(1, &format!("{owner}|NSEC"), &[b"nsec"]);
    }
    fed.set(1, "n.t.|NS", &[b"\x01x\x00"]);
    for (owner, has_cname) in [("t.", false), ("n.t.", false), ("c.t.", true)] {
        assert_eq!(fed.served(owner, RecordType::CNAME).is_some(), has_cname, "{owner}");
        assert_eq!(fed.served(owner, A).is_some(), !has_cname, "{owner}");
        assert!(fed.served(owner, RecordType::NSEC).is_some(), "{owner}");
    }
}

/// "A missing TTL takes the configured default when it is served, and is stored as missing."
#[test]
fn a_missing_ttl_is_the_default_when_served() {
    let mut fed = Fed::new(StoreConfig { default_ttl: 77, ..Default::default() });
    fed.soa(1, "t.", 1);
    fed.feed(1, "a.t.|A", set("a.t.|A", rrset(None, &[b"1111"])));
    assert_eq!(served(fed.store.catalog(), &name("a.t."), A).unwrap().0, 77);
    assert_eq!(records(&fed, "a.t.")[0].rrset.ttl, None);
}

// === local records ===

fn local(records: &[(&str, &[&[u8]])]) -> Fed {
    let local =
        |(raw, rdatas): &(&str, &[&[u8]])| -> (EventKey, RrSet) { (key(raw), rrset(Some(1), rdatas)) };
    let local = records.iter().map(local).collect();
    let mut fed = Fed::new(StoreConfig { local, ..Default::default() });
    fed.soa(1_000, "t.", 10);
    fed
}

/// "A local RRset replaces the log's of the same type; a local record hides a CNAME of the log and a local CNAME
/// hides the log's data."
#[test]
fn local_records_stand_before_the_logs() {
    let mut fed = local(&[
        ("a.t.|A", &[b"loca"]),
        ("a.t.|A", &[b"two!"]),
        ("b.t.|TXT", &[b"txt"]),
        ("c.t.|CNAME", &[b"\x01l\x00"]),
        ("e.t.|A", &[]),
        ("t.|CNAME", &[b"\x01l\x00"]),
        ("u.|A", &[b"none"]),
        ("x.u.|SOA", &[b"none"]),
    ]);
    assert_eq!(fed.served("a.t.", A), Some(vec![b"loca".to_vec(), b"two!".to_vec()]));
    fed.set(2_000, "a.t.|A", &[b"1111"]);
    fed.set(2_000, "b.t.|CNAME", &[b"\x01x\x00"]);
    let applied = fed.set(2_000, "c.t.|A", &[b"1111"]);
    assert_eq!(applied.changed, 0, "hidden: {:?}", applied.changes);
    fed.set(2_000, "e.t.|A", &[b"1111"]);
    fed.set(2_000, "e.t.|AAAA", &[b"0123456789abcdef"]);
    assert_eq!(fed.served("a.t.", A), Some(vec![b"loca".to_vec(), b"two!".to_vec()]));
    assert_eq!(fed.served("b.t.", RecordType::CNAME), None);
    assert!(fed.served("b.t.", RecordType::TXT).is_some());
    assert!(fed.served("c.t.", RecordType::CNAME).is_some());
    assert_eq!(fed.served("c.t.", A), None);
    assert_eq!(fed.served("e.t.", A), None, "an empty local RRset takes its type away");
    assert!(fed.served("e.t.", RecordType::AAAA).is_some());
    assert_eq!(fed.serial("t."), Some(11), "a local CNAME does nothing at an apex");
    // Not stored, not counted, outside every zone not served; a local SOA makes no zone.
    assert_eq!(fed.store.zones(None, 0).unwrap()[0].rrsets, 6);
    assert_eq!(fed.store.zones(None, 0).unwrap().len(), 1);
    assert_eq!(fed.store.local_records_outside(), [name("u."), name("x.u.")]);
    let own = records(&fed, "a.t.");
    assert_eq!(own.iter().map(|own| own.source.is_some()).collect::<Vec<_>>(), [true, false]);
    let mut fed = fed.reopen();
    fed.null(3_000, "a.t.|A");
    assert!(fed.served("a.t.", A).is_some());
}

// === changes, batches, service ===

/// "Applying a batch yields the old and the new RRset of each change", the SOA with the serial that serves.
#[test]
fn changes_say_what_was_and_what_is() {
    let mut fed = zone();
    let applied = fed.set(3_000, "a.t.|A", &[b"1111"]);
    let soa_of = |serial| Some(rrset(Some(60), &[&soa(serial)]));
    let change = |owner: &str, rtype, old, new| RrSetChange {
        id: RrSetId { apex: name("t."), owner: name(owner), rtype },
        old,
        new,
    };
    let ones = || Some(rrset(Some(60), &[b"1111"]));
    assert_eq!(
        applied.changes,
        [change("t.", RecordType::SOA, soa_of(10), soa_of(12)), change("a.t.", A, None, ones()),]
    );
    assert_eq!(fed.set(3_000, "a.t.|A", &[b"1111"]).changes, [], "the same again");
    assert_eq!(fed.soa(2_000, "t.", 11).changes, [], "another SOA that serves the same serial");
    assert_eq!(fed.soa(1_000, "t.", 10).changes, []);
    let applied = fed.null(9_000, "a.t.|A");
    assert_eq!(
        applied.changes,
        [change("t.", RecordType::SOA, soa_of(12), soa_of(10)), change("a.t.", A, ones(), None),]
    );
}

/// A node answers once every source of the configuration has been in step, ever.
#[test]
fn in_service_is_remembered() {
    let sources = vec![topic(), SourceId::new("journal")];
    let config = StoreConfig { sources: sources.clone(), ..Default::default() };
    let mut fed = Fed::new(config);
    assert!(!fed.store.in_service());
    for (source, moment) in sources.iter().zip([40_000, 50_000]) {
        fed.store.open_source(source).unwrap();
        let in_step = Some(Timestamp(moment));
        fed.store
            .apply(&Batch { source: source.clone(), events: vec![], positions: vec![], in_step })
            .unwrap();
    }
    assert!(fed.store.in_service());
    assert!(fed.store.pending().waiting, "the first moment is written at once");
    let mut fed = fed.reopen();
    assert!(fed.store.in_service());
    assert_eq!(fed.store.open_source(&topic()).unwrap().in_step, Some(Timestamp(40_000)));
    for (moment, waiting) in [(99_999, false), (100_000, true)] {
        let in_step = Some(Timestamp(moment));
        fed.store.apply(&Batch { source: topic(), events: vec![], positions: vec![], in_step }).unwrap();
        assert_eq!(fed.store.pending().waiting, waiting, "later ones once a minute");
    }
    assert!(Fed::plain().store.in_service(), "nothing to wait for");
}

/// A reader that does not know what the store has must ask first, or it might skip what was lost.
#[test]
fn a_source_is_opened_before_it_is_applied() {
    let mut fed = Fed::plain();
    let batch = Batch { source: SourceId::new("new"), events: vec![], positions: vec![], in_step: None };
    assert!(matches!(fed.store.apply(&batch), Err(StoreError::NotOpened(_))));
    fed.store.open_source(&batch.source).unwrap();
    fed.store.apply(&batch).unwrap();
    let mut store = Store::open_backend(fed.config.clone(), fed.memory.clone()).unwrap();
    assert!(matches!(store.apply(&batch), Err(StoreError::NotOpened(_))));
}

/// What waits for the disk is bounded.
#[test]
fn too_much_waiting_is_refused_until_it_is_committed() {
    let mut fed = Fed::new(StoreConfig { overlay_bytes: 1_000, ..Default::default() });
    fed.soa(1, "t.", 1);
    fed.set(1, "a.t.|TXT", &[&[9; 2_000]]);
    let events = vec![event(0, 99, 1, "b.t.|A", set("b.t.|A", rrset(None, &[b"1111"])))];
    let batch = Batch { source: topic(), events, positions: vec![], in_step: None };
    assert!(matches!(fed.store.apply(&batch), Err(StoreError::Full { limit: 1_000, .. })));
    let job = fed.store.begin_commit().unwrap().unwrap();
    assert_eq!(job.rows(), 2);
    assert!(fed.store.begin_commit().unwrap().is_none(), "one at a time");
    assert!(matches!(fed.store.apply(&batch), Err(StoreError::Full { .. })), "on its way counts, too");
    fed.store.end_commit(job.run()).unwrap();
    assert_eq!(fed.store.apply(&batch).unwrap().events, 1);
    assert_eq!(fed.store.status(0).slots, 3);
}
