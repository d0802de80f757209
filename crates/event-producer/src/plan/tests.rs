//! The rules of planning, one by one and all together.

use super::*;
use crate::config::{Partitioning, ProducerConfig};
use crate::testing::{event, fold, null, position, remove, set, soa_edit};
use proptest::prelude::*;
use zone_model::{SourceId, decode::decode, serial};

const SOA: &str = "ns.example. host.example. 7 3600 600 86400 300";

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn change(edits: Vec<Edit>) -> Change {
    Change { zone: None, edits, producer: "me".into(), if_unchanged: false }
}

fn at(now: i64) -> Circumstances<'static> {
    let layout = Layout { partitions: 4, partitioning: Partitioning::Zone };
    Circumstances { now: Timestamp(now), change_id: "c1", layout, zones: &[], alone: true }
}

/// What the log says once a plan stands on it.
fn publish(state: &LogState, plan: &Plan, next: &mut u64) -> LogState {
    let mut state = state.clone();
    for event in &plan.events {
        *next += 1;
        state.apply(&decode(RawEvent {
            partition: event.partition,
            position: position(*next),
            timestamp: plan.timestamp,
            key: event.key.clone(),
            value: event.value.clone(),
            headers: event.headers.clone(),
        }));
    }
    state
}

fn keys(plan: &Plan) -> Vec<(u32, &str, bool)> {
    let key = |event: &'_ NewEvent| event.value.is_some();
    plan.events.iter().map(|e| (e.partition.0, std::str::from_utf8(&e.key).unwrap(), key(e))).collect()
}

fn header<'a>(event: &'a NewEvent, name: &str) -> Option<&'a str> {
    event.headers.iter().find(|(own, _)| own == name).map(|(_, value)| std::str::from_utf8(value).unwrap())
}

fn served_serial(state: &LogState, apex: &str) -> u32 {
    let (zones, apex) = (Zones::new(state, &[], &[]), name(apex));
    let held = state.soa(&apex).unwrap().held.clone().unwrap();
    serial::served(own_serial(&held).unwrap(), held.timestamp, zones.newest(&apex).unwrap())
}

/// DESIGN, "The log": the SOA first in every change; the long key for a new RRset; its partition is that of
/// the SOA's slot; events that belong together say so.
#[test]
fn a_new_rrset_stands_behind_the_soa_of_its_zone_under_the_long_key() {
    let state = fold(&[event(3, 1, 1_000, "example.|SOA", &[SOA])]);
    let plan =
        plan(&state, &change(vec![set("WWW.example", RecordType::A, &["192.0.2.1"])]), &at(5_500)).unwrap();
    assert_eq!(keys(&plan), [(3, "example.|SOA", true), (3, "www.example.|A|example.", true)]);
    assert_eq!((plan.timestamp, plan.serial), (Timestamp(5_500), Some(7 + 4 + 1)));
    for event in &plan.events {
        assert_eq!(header(event, "change-id"), Some("c1"));
        assert_eq!(header(event, "change-size"), Some("2"));
        assert_eq!((header(event, "producer"), header(event, "schema")), (Some("me"), Some("1")));
    }
}

/// DESIGN: the present or, if later, one millisecond after the zone's newest event.
#[test]
fn a_change_is_newer_than_all_that_the_zone_has() {
    let state = fold(&[
        event(0, 1, 1_000, "example.|SOA", &[SOA]),
        event(1, 1, 9_000, "a.example.|A", &["192.0.2.1"]),
        event(1, 2, 99_000, "a.elsewhere.|A", &["192.0.2.1"]),
    ]);
    let plan =
        plan(&state, &change(vec![set("b.example", RecordType::A, &["192.0.2.2"])]), &at(5_000)).unwrap();
    assert_eq!(plan.timestamp, Timestamp(9_001));
    let next = served_serial(&publish(&state, &plan, &mut 9), "example");
    assert_eq!(serial::compare(next, served_serial(&state, "example")), Some(std::cmp::Ordering::Greater));
}

/// DESIGN: it writes an RRset to the slot that serves it and nulls the others.
#[test]
fn an_rrset_stays_in_the_slot_that_serves_it_and_the_others_are_emptied() {
    let state = fold(&[
        event(0, 1, 1_000, "example.|SOA", &[SOA]),
        event(0, 2, 3_000, "a.example|A", &["192.0.2.1"]),
        event(2, 3, 4_000, "a.example..|A", &["192.0.2.2"]),
        event(1, 4, 2_000, "a.example.|A|example.", &["nonsense"]),
        event(1, 5, 9_000, "a.example.|AAAA", &["2001:db8::1"]),
    ]);
    let plan =
        plan(&state, &change(vec![set("a.example", RecordType::A, &["192.0.2.3"])]), &at(10_000)).unwrap();
    let want = [
        (0, "example.|SOA", true),
        (2, "a.example..|A", true),
        (1, "a.example.|A|example.", false),
        (0, "a.example|A", false),
    ];
    assert_eq!(keys(&plan), want);
    // Each partition has so many of the change's events.
    let sizes: Vec<_> = plan.events.iter().map(|event| header(event, "change-size").unwrap()).collect();
    assert_eq!(sizes, ["2", "1", "1", "2"]);
}

/// DESIGN: it removes with null every slot of the RRset, unusable ones too.
#[test]
fn removing_empties_every_slot_and_uncovers_none() {
    let state = fold(&[
        event(0, 1, 1_000, "example.|SOA", &[SOA]),
        event(0, 2, 3_000, "a.example|A", &["192.0.2.1"]),
        event(0, 3, 2_000, "a.example.|A", &["192.0.2.2"]),
        event(0, 4, 2_500, "A.example.|A", &["nonsense"]),
    ]);
    let plan = plan(&state, &change(vec![remove("a.example", RecordType::A)]), &at(10_000)).unwrap();
    let want = [
        (0, "example.|SOA", true),
        (0, "A.example.|A", false),
        (0, "a.example.|A", false),
        (0, "a.example|A", false),
    ];
    assert_eq!(keys(&plan), want);
    let after = publish(&state, &plan, &mut 10);
    assert_eq!(after.slots(&name("a.example"), RecordType::A).count(), 0);
}

/// DESIGN: "with null every slot of the RRset, unusable ones too, where one transaction reaches them all, else with
/// `[]`", which hides whatever another log holds.
#[test]
fn where_another_log_may_hold_the_rrset_it_is_removed_by_an_empty_one() {
    let state = fold(&[
        event(0, 1, 1_000, "example.|SOA", &[SOA]),
        event(0, 2, 1_000, "a.example.|A", &["192.0.2.1"]),
        event(1, 3, 2_000, "a.example|A", &["192.0.2.2"]),
        event(1, 4, 2_000, "A.example|A", &["nonsense"]),
    ]);
    let (ours, theirs) = (SourceId::new("test"), SourceId::new("theirs"));
    let mut config =
        ProducerConfig { sources: vec![ours.clone(), theirs.clone()], ..ProducerConfig::default() };
    assert!(!config.is_alone(&ours, &name("example")));
    let shared = Circumstances { alone: false, ..at(5_000) };
    let gone = plan(&state, &change(vec![remove("a.example", RecordType::A)]), &shared).unwrap();
    let want = [(1, "a.example|A", true), (0, "a.example.|A", false), (1, "A.example|A", false)];
    let mut found = keys(&gone)[1..].to_vec();
    found.sort_by_key(|(_, key, set)| (!set, key.to_lowercase() != "a.example.|a"));
    assert_eq!(found, want);
    assert!(gone.events.iter().any(|event| event.value.as_deref() == Some(b"[]")));
    // Also one that this log does not hold at all.
    let gone = plan(&state, &change(vec![remove("b.example", RecordType::A)]), &shared).unwrap();
    assert_eq!(keys(&gone)[1..], [(0, "b.example.|A|example.", true)]);
    // A log that may not write the zone is none that could hold it.
    config.limits.limit(theirs, [name("other")]);
    assert!(config.is_alone(&ours, &name("example")));
    assert!(!config.is_alone(&ours, &name("other")));
    assert!(ProducerConfig::default().is_alone(&ours, &name("example")));
}

/// DESIGN: "slots of a source that is limited to a list of apexes count only for zones on that list".
#[test]
fn what_the_log_may_not_say_is_not_published_and_does_not_count() {
    let mut limits = zone_model::Limits::default();
    limits.limit(SourceId::new("test"), [name("example")]);
    let mut state = fold(&[]).limited(limits);
    for event in [
        event(0, 1, 1_000, "example.|SOA", &[SOA]),
        event(0, 2, 1_000, "www.example.|A", &["192.0.2.1"]),
        event(0, 3, 1_000, "sub.example.|SOA", &[SOA]),
        event(0, 4, 1_000, "www.sub.example.|A", &["192.0.2.1"]),
        event(0, 5, 1_000, "other.|SOA", &[SOA]),
        event(0, 6, 1_000, "www.other.|A", &["192.0.2.1"]),
    ] {
        state.apply(&event);
    }
    for edit in [soa_edit("sub.example.", 1), soa_edit("new.", 1), remove("other", RecordType::SOA)] {
        let refusal = plan(&state, &change(vec![edit]), &at(5_000)).unwrap_err();
        assert!(matches!(&refusal, Refusal::NotOfThisLog { .. }), "{refusal}");
        assert!(refusal.to_string().contains("limited to example."), "{refusal}");
    }
    let record =
        |owner: &str| plan(&state, &change(vec![set(owner, RecordType::A, &["192.0.2.2"])]), &at(5_000));
    assert!(matches!(record("www.other"), Err(Refusal::NotOfThisLog { apex, .. }) if apex == name("other")));
    assert!(matches!(record("www.nowhere"), Err(Refusal::NoZone { .. })));
    // `sub.example` is no zone, so what is below it is the zone's own.
    let own = plan(&state, &change(vec![set("www.sub.example", RecordType::A, &["192.0.2.2"])]), &at(5_000));
    assert_eq!(own.unwrap().apex, name("example"));
    let zones: Vec<_> = state.zones(&[]).into_iter().map(|zone| (zone.apex, zone.rrsets)).collect();
    assert_eq!(zones, [(name("example"), 3)]);
    let forbidden: Vec<_> = state.forbidden(&[]).into_iter().collect();
    assert_eq!(forbidden, [(name("sub.example"), 1), (name("other"), 1)]);
}

#[test]
fn what_is_not_there_needs_no_event_to_be_removed() {
    let state = fold(&[event(0, 1, 1_000, "example.|SOA", &[SOA])]);
    let plan = plan(&state, &change(vec![remove("a.example", RecordType::A)]), &at(10_000)).unwrap();
    assert_eq!((plan.events.len(), plan.serial), (0, None));
}

/// An unusable event with nothing behind it does not serve: the new RRset takes the long key.
#[test]
fn an_unusable_event_is_cleared_by_the_rrset_that_takes_its_place() {
    let state = fold(&[
        event(0, 1, 1_000, "example.|SOA", &[SOA]),
        event(1, 2, 3_000, "a.example.|A", &["nonsense"]),
        event(1, 3, 3_000, "b.example.|A|example.", &["nonsense"]),
    ]);
    let a = plan(&state, &change(vec![set("a.example", RecordType::A, &["192.0.2.1"])]), &at(9_000)).unwrap();
    assert_eq!(keys(&a)[1..], [(0, "a.example.|A|example.", true), (1, "a.example.|A", false)]);
    let b = plan(&state, &change(vec![set("b.example", RecordType::A, &["192.0.2.1"])]), &at(9_000)).unwrap();
    assert_eq!(keys(&b)[1..], [(1, "b.example.|A|example.", true)]);
}

/// A zone named in the configuration has no SOA on the log: then no SOA event.
#[test]
fn a_configured_zone_without_an_soa_takes_records_alone() {
    let state = fold(&[]);
    let zones = [name("example")];
    let at = Circumstances { zones: &zones, ..at(5_000) };
    let records = change(vec![set("a.example", RecordType::A, &["192.0.2.1"])]);
    let plan_a = plan(&state, &records, &at).unwrap();
    assert_eq!((plan_a.events.len(), plan_a.serial), (1, None));
    assert_eq!(header(&plan_a.events[0], "change-id"), None);
    // It served seconds since 1970 so far: its first SOA goes on from there (DESIGN: serial 0 at timestamp 0).
    let first = plan(&state, &change(vec![soa_edit("example.", 1)]), &at).unwrap();
    assert_eq!(first.serial, Some(6));
}

/// DESIGN, "Zones are events too": `[]` in one slot, null in the others, the last serial in a header, so that
/// a zone that comes back goes on from there.
#[test]
fn a_deleted_zone_remembers_its_serial() {
    let state = fold(&[
        event(0, 1, 1_000, "example.|SOA", &[SOA]),
        event(0, 2, 500, "example|SOA", &[SOA]),
        event(0, 3, 1_000, "a.example.|A", &["192.0.2.1"]),
    ]);
    let edits = vec![remove("a.example", RecordType::A), remove("example", RecordType::SOA)];
    let gone = plan(&state, &change(edits), &at(4_000)).unwrap();
    assert_eq!(
        keys(&gone),
        [(0, "example.|SOA", true), (0, "example|SOA", false), (0, "a.example.|A", false)]
    );
    assert_eq!(gone.events[0].value.as_deref(), Some(&b"[]"[..]));
    assert_eq!(header(&gone.events[0], "serial"), Some("11"));
    let state = publish(&state, &gone, &mut 9);
    let refused = plan(&state, &change(vec![set("a.example", RecordType::A, &["192.0.2.1"])]), &at(5_000));
    assert!(matches!(refused, Err(Refusal::NoZone { .. })));
    assert_eq!(
        plan(&state, &change(vec![remove("example", RecordType::SOA)]), &at(5_000)).unwrap().events,
        []
    );
    let back = plan(&state, &change(vec![soa_edit("example.", 1)]), &at(6_500)).unwrap();
    assert_eq!((keys(&back), back.serial), (vec![(0, "example.|SOA", true)], Some(11 + 2 + 1)));
}

/// RFC 1982: the operator's serial if it is greater, else one above.
#[test]
fn an_edited_soa_takes_the_operators_serial_if_it_is_greater() {
    let state = fold(&[event(0, 1, 1_000, "example.|SOA", &[SOA])]);
    for (wanted, want) in [(2_026_010_100, 2_026_010_100), (7, 8), (3, 8)] {
        let plan = plan(&state, &change(vec![soa_edit("example.", wanted)]), &at(1_000)).unwrap();
        assert_eq!((plan.serial, plan.events.len()), (Some(want), 1), "{wanted}");
    }
}

#[test]
fn a_zone_and_its_records_may_begin_in_one_change() {
    let edits = vec![set("a.new", RecordType::A, &["192.0.2.1"]), soa_edit("new.", 5)];
    let plan = plan(&fold(&[]), &change(edits), &at(1_000)).unwrap();
    assert_eq!(plan.serial, Some(5));
    let partition = plan.events[0].partition.0;
    assert_eq!(keys(&plan), [(partition, "new.|SOA|new.", true), (partition, "a.new.|A|new.", true)]);
}

#[test]
fn a_bumped_soa_keeps_what_else_it_said() {
    let value = format!(
        r#"[{{"name":"example.","type":"SOA","content":"{SOA}","ttl":60,"note":1,"metadatas":{{"producer":"old"}}}}]"#
    );
    let soa = decode(RawEvent {
        partition: Partition(0),
        position: position(1),
        timestamp: Timestamp(1_000),
        key: b"example.|SOA".to_vec(),
        value: Some(value.into_bytes()),
        headers: Vec::new(),
    });
    let state = fold(&[soa]);
    let plan =
        plan(&state, &change(vec![set("a.example", RecordType::A, &["192.0.2.1"])]), &at(1_000)).unwrap();
    let value: serde_json::Value = serde_json::from_slice(plan.events[0].value.as_ref().unwrap()).unwrap();
    assert_eq!(value[0]["content"], "ns.example. host.example. 8 3600 600 86400 300");
    assert_eq!((&value[0]["ttl"], &value[0]["note"]), (&60.into(), &1.into()));
    assert_eq!(value[0]["metadatas"]["producer"], "me");
}

/// DESIGN, "The log": the key may carry its zone where parent and child zone both live on the log.
#[test]
fn the_parents_copy_of_a_cut_is_meant_where_the_parent_is_named() {
    let state = fold(&[
        event(0, 1, 1_000, "example.|SOA", &[SOA]),
        event(0, 2, 1_000, "sub.example.|SOA", &[SOA]),
        event(0, 3, 1_000, "sub.example.|NS", &["ns.sub.example."]),
    ]);
    let edit = set("sub.example", RecordType::NS, &["ns1.sub.example."]);
    let child = plan(&state, &change(vec![edit.clone()]), &at(2_000)).unwrap();
    assert_eq!(keys(&child)[1..], [(0, "sub.example.|NS", true)]);
    let parent = Change { zone: Some(name("example")), ..change(vec![edit]) };
    let parent = plan(&state, &parent, &at(2_000)).unwrap();
    assert_eq!(keys(&parent), [(0, "example.|SOA", true), (0, "sub.example.|NS|example.", true)]);
}

#[test]
fn what_must_not_stand_on_the_log_is_refused_in_clear_words() {
    let state = fold(&[event(0, 1, 1_000, "example.|SOA", &[SOA]), event(0, 2, 1_000, "other.|SOA", &[SOA])]);
    let a = |owner| set(owner, RecordType::A, &["192.0.2.1"]);
    let not_an_address = Edit::Set {
        owner: name("a.example"),
        rtype: RecordType::A,
        rrset: RrSet::new(None, [vec![1, 2, 3].into()]),
    };
    let cases = [
        (vec![], "the change is empty"),
        (vec![a("a.nowhere")], "no zone on the log holds a.nowhere. A"),
        (
            vec![a("a.example"), a("a.other")],
            "a.other. belongs to the zone other. and a.example. to example.",
        ),
        (vec![a("a.example"), remove("A.example", RecordType::A)], "stands in the change twice"),
        (vec![set("example", RecordType::CNAME, &["b.example."])], "the apex of a zone, where a CNAME never"),
        (vec![not_an_address], "a.example. A cannot be published"),
        (
            vec![remove("example", RecordType::SOA), a("a.example")],
            "removes the zone example. and sets records of a.",
        ),
        (vec![set("example", RecordType::DS, &["1 8 2 00"])], "no zone on the log holds example. DS"),
    ];
    for (edits, want) in cases {
        let error = plan(&state, &change(edits), &at(2_000)).unwrap_err().to_string();
        assert!(error.contains(want), "{error}");
    }
    let outside = Change { zone: Some(name("example")), ..change(vec![a("a.other")]) };
    let error = plan(&state, &outside, &at(2_000)).unwrap_err().to_string();
    assert!(error.contains("a.other. is not in the zone example."), "{error}");
}

#[test]
fn a_change_that_readers_would_not_hold_back_is_refused() {
    let state = fold(&[event(0, 1, 1_000, "example.|SOA", &[SOA])]);
    let edit = |index: usize| set(&format!("n{index}.example"), RecordType::A, &["192.0.2.1"]);
    let most = change((0..MAX_EVENTS - 1).map(edit).collect());
    // The check for two edits of one RRset is quadratic, so this is the slowest that a change can be.
    assert_eq!(plan(&state, &most, &at(2_000)).unwrap().events.len(), MAX_EVENTS);
    let large = set("t.example", RecordType::TXT, &[&vec!["a"; 20_000].join(" ")]);
    let much = (0..90).map(|index| match large.clone() {
        Edit::Set { rtype, rrset, .. } => {
            Edit::Set { owner: name(&format!("t{index}.example")), rtype, rrset }
        }
        other => other,
    });
    let much = plan(&state, &change(much.collect()), &at(2_000));
    let too_many = plan(&state, &change((0..MAX_EVENTS).map(edit).collect()), &at(2_000));
    assert!(matches!(too_many, Err(Refusal::TooLarge { events, .. }) if events == MAX_EVENTS + 1));
    assert!(much.is_ok_and(|plan| plan.events.iter().map(NewEvent::size).sum::<usize>() <= MAX_BYTES));
}

#[test]
fn a_second_soa_goes_one_further() {
    let state = fold(&[
        event(0, 1, 1_000, "example.|SOA", &[SOA]),
        event(0, 2, 3_500, "a.example.|A", &["192.0.2.1"]),
    ]);
    let bump = plan_bump(&state, &name("example"), "me", &at(3_000)).unwrap();
    assert_eq!((bump.events.len(), bump.serial), (1, Some(7 + 2 + 1)));
    assert_eq!(plan_bump(&fold(&[]), &name("example"), "me", &at(3_000)).unwrap().events, []);
}

// === all rules together ===

/// What older producers, other producers and this one may have left on a log.
#[derive(Clone, Debug)]
enum Step {
    Foreign { partition: u32, timestamp: i64, key: usize, value: usize },
    Ours { now: i64, edits: Vec<(usize, usize)> },
}

const KEYS: [&str; 12] = [
    "example.|SOA",
    "example|SOA",
    "a.example.|A",
    "a.example|A",
    "A.example..|A",
    "a.example.|A|example.",
    "sub.example.|SOA",
    "sub.example.|NS",
    "sub.example.|NS|example.",
    "x.sub.example.|A",
    "x.sub.example.|A|example.",
    "a.example.|TXT",
];

const OWNERS: [(&str, RecordType); 6] = [
    ("example", RecordType::SOA),
    ("a.example", RecordType::A),
    ("a.example", RecordType::TXT),
    ("sub.example", RecordType::NS),
    ("x.sub.example", RecordType::A),
    ("sub.example", RecordType::SOA),
];

fn contents(rtype: &str, value: usize) -> Vec<String> {
    match (rtype, value % 4) {
        (_, 0) => Vec::new(),
        (_, 1) => vec!["\\# nonsense".to_owned()],
        ("SOA", n) => vec![format!("ns.example. host.example. {} 3600 600 86400 300", n * 1_000)],
        ("NS", n) => vec![format!("ns{n}.example."), "ns.other.".to_owned()],
        ("TXT", n) => vec![format!("\"text {n}\"")],
        (_, n) => vec![format!("192.0.2.{n}")],
    }
}

fn step() -> impl Strategy<Value = Step> {
    let foreign = (0..3u32, 0..20_000i64, 0..KEYS.len(), 0..8usize)
        .prop_map(|(partition, timestamp, key, value)| Step::Foreign { partition, timestamp, key, value });
    let ours = (0..20_000i64, prop::collection::vec((0..OWNERS.len(), 0..4usize), 1..4))
        .prop_map(|(now, edits)| Step::Ours { now, edits });
    prop_oneof![foreign, ours]
}

fn edit((owner, value): (usize, usize)) -> Edit {
    let (owner, rtype) = OWNERS[owner];
    let contents = contents(&rtype.to_string(), value);
    match value % 4 {
        0 | 1 => remove(owner, rtype),
        _ => set(owner, rtype, &contents.iter().map(String::as_str).collect::<Vec<_>>()),
    }
}

proptest! {
    /// DESIGN, "Slots decide" and "Serials": whatever stands on the log, after a change of ours folding it
    /// gives exactly the wanted RRsets, and the zone's serial has risen (RFC 1982).
    #[test]
    fn after_publishing_the_log_says_what_was_wanted(steps in prop::collection::vec(step(), 1..40)) {
        let mut state = fold(&[event(0, 0, 0, "example.|SOA", &[SOA])]);
        let mut next = 0;
        for step in steps {
            next += 1;
            match step {
                Step::Foreign { partition, timestamp, key, value: 7 } => {
                    state.apply(&null(partition, next, timestamp, KEYS[key]));
                }
                Step::Foreign { partition, timestamp, key, value } => {
                    let contents = contents(KEYS[key].split('|').nth(1).unwrap(), value);
                    let contents: Vec<_> = contents.iter().map(String::as_str).collect();
                    state.apply(&event(partition, next, timestamp, KEYS[key], &contents));
                }
                Step::Ours { now, edits } => {
                    let edits: Vec<_> = edits.into_iter().map(edit).collect();
                    let Ok(plan) = plan(&state, &change(edits.clone()), &at(now)) else { continue };
                    let zones = Zones::new(&state, &[], &[]);
                    let before = zones.has(&plan.apex).then(|| served_serial(&state, &plan.apex.to_string()));
                    let after = publish(&state, &plan, &mut next);
                    for edit in &edits {
                        let (owner, rtype) = (owner_of(edit), type_of(edit));
                        let served = after.records(owner, Some(rtype), &[]).into_iter()
                            .find(|set| set.apex.as_ref() == Some(&plan.apex));
                        match edit {
                            Edit::Set { rrset, .. } => {
                                let served = served.map(|set| set.rrset).unwrap_or_default();
                                prop_assert_eq!(served.len(), rrset.len());
                                prop_assert!(rtype == RecordType::SOA || served == *rrset);
                            }
                            Edit::Remove { .. } => prop_assert!(served.is_none_or(|set| set.rrset.is_empty())),
                        }
                    }
                    let still = Zones::new(&after, &[], &[]).has(&plan.apex);
                    if let (Some(before), true, false) = (before, still, plan.events.is_empty()) {
                        let now = served_serial(&after, &plan.apex.to_string());
                        prop_assert_eq!(serial::compare(now, before), Some(std::cmp::Ordering::Greater));
                        prop_assert_eq!(plan.serial, Some(now));
                    }
                    state = after;
                }
            }
        }
    }

    /// DESIGN, "Serials": for zones that only it writes, on one partition, a serial never falls and moves with every
    /// change, also across deletion and re-creation; whatever the clock says and the operator wants.
    #[test]
    fn a_serial_never_falls_and_moves_with_every_change(
        steps in prop::collection::vec((0..20_000i64, prop::collection::vec((0..OWNERS.len(), 0..4usize), 1..4)), 1..40),
    ) {
        let mut state = fold(&[]);
        let (mut next, mut last) = (0, BTreeMap::<Name, u32>::new());
        for (now, edits) in steps {
            let circumstances = Circumstances { layout: Layout::SINGLE, ..at(now) };
            let edits: Vec<_> = edits.into_iter().map(edit).collect();
            let Ok(plan) = plan(&state, &change(edits), &circumstances) else { continue };
            if plan.events.is_empty() {
                continue;
            }
            state = publish(&state, &plan, &mut next);
            for summary in state.zones(&[]) {
                let before = last.insert(summary.apex.clone(), summary.serial);
                let order = before.and_then(|before| serial::compare(summary.serial, before));
                let want = if summary.apex == plan.apex { std::cmp::Ordering::Greater } else { std::cmp::Ordering::Equal };
                prop_assert!(before.is_none() || order == Some(want), "{}: {:?}, {}", summary.apex, before, summary.serial);
            }
        }
    }
}
