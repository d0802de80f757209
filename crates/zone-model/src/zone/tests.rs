//! The normal form of a zone, and what differs between two.

use super::*;
use crate::rdata;
use proptest::prelude::*;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn set(owner: &str, rtype: RecordType, ttl: u32, contents: &[&str]) -> (Name, RecordType, RrSet) {
    let rdatas = contents.iter().map(|content| rdata::parse_text(rtype, content).unwrap());
    (name(owner), rtype, RrSet::new(Some(ttl), rdatas))
}

fn zone(sets: impl IntoIterator<Item = (Name, RecordType, RrSet)>) -> Zone {
    Zone::of(name("Example."), sets)
}

/// The example of RFC 4034 section 6.1.
#[test]
fn rfc_4034_section_6_1() {
    let order = [
        "example.",
        "a.example.",
        "yljkjljk.a.example.",
        "Z.a.example.",
        "zABC.a.EXAMPLE.",
        "z.example.",
        r"\001.z.example.",
        "*.z.example.",
        r"\200.z.example.",
    ];
    let sets = order.iter().rev().map(|owner| set(owner, RecordType::A, 1, &["192.0.2.1"]));
    let zone = zone(sets);
    let owners: Vec<_> = zone.rrsets().iter().map(|set| set.owner.to_string()).collect();
    let want: Vec<_> = order.iter().map(|owner| name(owner).to_lowercase().to_string()).collect();
    assert_eq!(owners, want);
}

/// RFC 4034 section 6.3, RFC 2181 section 5: records in the order of their canonical RDATA, each once.
#[test]
fn records_are_in_canonical_order_each_once() {
    let zone = zone([
        set("example.", RecordType::NS, 1, &["ns2.example.", "NS1.example.", "ns1.EXAMPLE."]),
        set("EXAMPLE.", RecordType::NS, 1, &["ns2.example."]),
    ]);
    let ns = zone.get(&name("example."), RecordType::NS).unwrap();
    let printed: Vec<_> = ns.rdatas().iter().map(|rdata| rdata::print_text(RecordType::NS, rdata)).collect();
    assert_eq!(printed, ["NS1.example.", "ns2.example."]);
}

#[test]
fn what_is_not_below_the_apex_stands_apart() {
    let zone = zone([
        set("other.", RecordType::A, 1, &["192.0.2.1"]),
        set("a.example.", RecordType::A, 1, &["192.0.2.1"]),
        set("notexample.", RecordType::A, 1, &["192.0.2.1"]),
    ]);
    assert_eq!((zone.len(), zone.outside().len()), (1, 2));
}

#[test]
fn differences_by_owner_and_type() {
    let soa = |serial: u32| set("example.", RecordType::SOA, 1, &[&format!(". . {serial} 2 3 4 5")]);
    let a = |owner, contents: &[&str]| set(owner, RecordType::A, 1, contents);
    let old = zone([
        soa(1),
        a("a.example.", &["192.0.2.1", "192.0.2.2"]),
        a("b.example.", &["192.0.2.1"]),
        a("d.example.", &["192.0.2.1"]),
    ]);
    let new = zone([
        soa(2),
        a("a.example.", &["192.0.2.2", "192.0.2.1"]),
        a("c.example.", &["192.0.2.1"]),
        set("d.example.", RecordType::A, 2, &["192.0.2.1"]),
    ]);
    let found: Vec<_> = old
        .difference(&new)
        .iter()
        .map(|difference| {
            let set = difference.after().or(difference.before()).unwrap();
            (set.owner.to_string(), difference.before().is_some(), difference.after().is_some())
        })
        .collect();
    let want = [
        ("example.".to_owned(), true, true),
        ("b.example.".to_owned(), true, false),
        ("c.example.".to_owned(), false, true),
        ("d.example.".to_owned(), true, true),
    ];
    assert_eq!(found, want);
    assert_eq!((old.serial(), new.serial()), (Some(1), Some(2)));
    let mut again = new.clone();
    again.set_serial(1);
    assert_eq!(old.difference(&again).len(), 3);
    assert_eq!(new.difference(&new), []);
}

proptest! {
    /// Whatever order records come in, the zone is the same, and its owners are in the order of `Name`.
    #[test]
    fn the_order_of_coming_counts_for_nothing(
        labels in prop::collection::vec((prop::collection::vec(prop::sample::select(&b"aAb\x00\x01\x02.z"[..]), 1..12), 1u8..4), 1..20),
        turn in any::<prop::sample::Index>(),
    ) {
        let sets: Vec<_> = labels.iter().map(|(label, address)| {
            let (first, rest) = label.split_at(1);
            let owner = name("example.").child(first).unwrap();
            let owner = if rest.is_empty() { owner } else { owner.child(rest).unwrap() };
            let text = format!("192.0.2.{address}");
            (owner, RecordType::A, RrSet::new(Some(1), [rdata::parse_text(RecordType::A, &text).unwrap()]))
        }).collect();
        let mut turned = sets.clone();
        turned.rotate_left(turn.index(sets.len()));
        let zone = zone(sets.clone());
        prop_assert_eq!(&zone, &self::zone(turned));
        prop_assert!(zone.rrsets().windows(2).all(|pair| pair[0].owner < pair[1].owner));
        for (owner, rtype, set) in sets {
            prop_assert!(zone.get(&owner, rtype).unwrap().rdatas().contains(&set.rdatas()[0]));
        }
    }
}
