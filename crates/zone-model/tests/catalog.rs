//! The catalogue, made step by step, against what a plain map of all owners says it must be.

use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use zone_model::catalog::{Authority, Builder, Catalog, Editor, NodeDraft, Placed, QueryName};
use zone_model::{Name, RecordType};

const SEED: u64 = 7;

/// What an owner has: its types.
type Owners = BTreeMap<Name, BTreeSet<RecordType>>;

fn draft(types: &BTreeSet<RecordType>) -> NodeDraft {
    let mut draft = NodeDraft::new(types.contains(&RecordType::SOA));
    for rtype in types {
        draft.push(*rtype, 300, &[[rtype.0 as u8; 4]]);
    }
    draft
}

/// Every name below a few apexes, of labels that make wildcards, cuts and empty non-terminals likely.
fn names() -> impl Strategy<Value = Name> {
    let label = prop_oneof![Just("a"), Just("b"), Just("*")];
    prop::collection::vec(label, 0..5).prop_map(|labels| {
        let text: String = labels.iter().map(|label| format!("{label}.")).collect();
        Name::parse(&format!("{text}example.")).expect("made of good labels")
    })
}

fn types() -> impl Strategy<Value = BTreeSet<RecordType>> {
    use RecordType as T;
    let one = prop_oneof![
        4 => Just(T::A), 1 => Just(T::NS), 1 => Just(T::SOA), 1 => Just(T::DNAME), 1 => Just(T::CNAME),
        1 => Just(T::DS),
    ];
    prop::collection::btree_set(one, 0..3)
}

/// Does what a store does: sets an owner, and its whole subtree again where the structure changed.
fn apply(mut editor: Editor, owners: &Owners, owner: &Name, was_apex: bool) -> Editor {
    let nothing = BTreeSet::new();
    let types = owners.get(owner).unwrap_or(&nothing);
    let is_apex = types.contains(&RecordType::SOA);
    if was_apex == is_apex && editor.set(owner, &draft(types)) != Placed::Restructure {
        return editor;
    }
    let below: Vec<Name> = owners.keys().filter(|name| name.is_at_or_below(owner)).cloned().collect();
    editor.clear(owner, below.clone());
    for name in below {
        editor.set(&name, &draft(&owners[&name]));
    }
    editor
}

fn has(owners: &Owners, name: &Name, rtype: RecordType) -> bool {
    owners.get(name).is_some_and(|types| types.contains(&rtype))
}

/// The ancestors of a name from itself upwards.
fn upwards(name: &Name) -> impl Iterator<Item = Name> {
    std::iter::successors(Some(name.clone()), Name::parent)
}

fn zone_of(owners: &Owners, name: &Name) -> Option<Name> {
    upwards(name).find(|name| has(owners, name, RecordType::SOA))
}

/// What must be known of a name that exists: its zone, its barrier, and whether a wildcard stands below it.
fn expected(owners: &Owners, name: &Name) -> Option<(usize, Option<usize>, bool, usize)> {
    let apex = zone_of(owners, name)?;
    let in_zone = |below: &Name| zone_of(owners, below).is_some_and(|zone| zone == apex);
    let own = |other: &Name| other == name && owners.get(other).is_some_and(|types| !types.is_empty());
    let exists = owners.iter().any(|(other, types)| {
        !types.is_empty()
            && other.is_at_or_below(name)
            && (own(other) || other != name)
            && zone_of(owners, other).is_some_and(|zone| zone.is_at_or_below(&apex))
    });
    if !exists {
        return None;
    }
    let serves_cname = |name: &Name| {
        has(owners, name, RecordType::CNAME)
            && !has(owners, name, RecordType::NS)
            && !has(owners, name, RecordType::SOA)
    };
    let stops = |name: &Name| {
        has(owners, name, RecordType::NS) && !has(owners, name, RecordType::SOA)
            || has(owners, name, RecordType::DNAME) && !serves_cname(name)
    };
    let barrier = upwards(name)
        .skip(1)
        .take_while(|above| above.is_at_or_below(&apex))
        .filter(|above| stops(above) && in_zone(above))
        .last();
    let star = name.child(b"*").ok();
    let wildcard = star.is_some_and(|star| {
        owners.iter().any(|(other, types)| !types.is_empty() && other.is_at_or_below(&star))
    });
    let records = owners.get(name).map_or(0, |types| {
        let kept = |rtype: &&RecordType| match **rtype {
            RecordType::CNAME => serves_cname(name),
            _ => !serves_cname(name),
        };
        types.iter().filter(kept).count()
    });
    Some((apex.label_count(), barrier.map(|name| name.label_count()), wildcard, records))
}

fn check(catalog: &Catalog, owners: &Owners, universe: &[Name]) -> Result<(), TestCaseError> {
    let mut nodes = 0;
    for name in universe {
        let query = QueryName::new(name, SEED);
        let node = catalog.node(&query, query.labels());
        let is = node.map(|node| {
            (node.apex_labels(), node.barrier(), node.has_wildcard_below(), node.rrsets().count())
        });
        prop_assert_eq!(is, expected(owners, name), "{}", name);
        if let Some(node) = node {
            nodes += 1;
            prop_assert_eq!(node.is_apex(), has(owners, name, RecordType::SOA), "{}", name);
            let parent_zone = name.parent().and_then(|above| zone_of(owners, &above)).is_some();
            prop_assert_eq!(node.has_parent_zone(), node.is_apex() && parent_zone, "{}", name);
            if name.is_wildcard() {
                let wildcard = catalog.wildcard(&query, query.labels() - 1);
                prop_assert_eq!(wildcard.map(|node| node.owner()), Some(name.as_wire()));
            }
        }
    }
    prop_assert_eq!(catalog.names(), nodes);
    Ok(())
}

/// Every name that the strategy can make.
fn universe() -> Vec<Name> {
    let mut all = vec![Name::parse("example").expect("a name")];
    let mut last = all.clone();
    for _ in 0..5 {
        last = last
            .iter()
            .flat_map(|name| ["a", "b", "*"].map(|label| name.child(label.as_bytes()).expect("short")))
            .collect();
        all.extend(last.iter().cloned());
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// However a state was reached, the catalogue shows that state and nothing of the way to it; and older
    /// catalogues stay as they were.
    #[test]
    fn a_catalogue_depends_on_its_contents_alone(
        steps in prop::collection::vec((names(), types()), 1..40)
    ) {
        let universe = universe();
        let mut owners = Owners::new();
        let mut catalog = Catalog::new(SEED);
        let mut before = None;
        for (index, (owner, types)) in steps.iter().enumerate() {
            let was_apex = has(&owners, owner, RecordType::SOA);
            owners.insert(owner.clone(), types.clone());
            catalog = apply(catalog.edit(), &owners, owner, was_apex).finish();
            if index == steps.len() / 2 {
                before = Some((catalog.clone(), owners.clone()));
            }
        }
        check(&catalog, &owners, &universe)?;
        if let Some((catalog, owners)) = before {
            check(&catalog, &owners, &universe)?;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Made in one go it is what it is step by step, also for those steps that follow; and an apex may be set once more
    /// while names come below it.
    #[test]
    fn a_catalogue_may_be_made_in_one_go(
        state in prop::collection::btree_map(names(), types(), 0..24),
        steps in prop::collection::vec((names(), types()), 0..12),
    ) {
        let (universe, mut owners) = (universe(), state);
        let mut builder = Builder::new(SEED);
        for (owner, types) in &owners {
            if let Some(apex) = upwards(owner).skip(1).find(|above| has(&owners, above, RecordType::SOA)) {
                prop_assert!(builder.push(&apex, draft(&owners[&apex])), "{} is open", apex);
            }
            let is_served = types.is_empty() || zone_of(&owners, owner).is_some();
            prop_assert_eq!(builder.push(owner, draft(types)), is_served, "{}", owner);
        }
        let mut catalog = builder.finish();
        check(&catalog, &owners, &universe)?;
        for (owner, types) in steps {
            let was_apex = has(&owners, &owner, RecordType::SOA);
            owners.insert(owner.clone(), types);
            catalog = apply(catalog.edit(), &owners, &owner, was_apex).finish();
        }
        check(&catalog, &owners, &universe)?;
    }
}

/// Of so many names that all heaps and levels of the directory are in use, too.
#[test]
fn a_hundred_thousand_names_may_be_given_in_one_go() {
    for count in [0, 1, 24, 25, 800, 12_287, 12_288, 100_000] {
        let apex = Name::parse("example").expect("a name");
        let owner = |number: u32| apex.child(format!("host-{number:06}").as_bytes()).expect("short");
        let mut builder = Builder::new(SEED);
        builder.push(&apex, draft(&[RecordType::SOA].into()));
        for number in 0..count {
            builder.push(&owner(number), draft(&[RecordType::A].into()));
        }
        let mut editor = builder.finish().edit();
        // It grows as any other.
        for number in count..count + count / 8 {
            editor.set(&owner(number), &draft(&[RecordType::A].into()));
        }
        let catalog = editor.finish();
        let all = count + count / 8;
        assert_eq!(catalog.names(), u64::from(all) + 1);
        for number in 0..all {
            let query = QueryName::new(&owner(number), SEED);
            assert_eq!(catalog.node(&query, 2).map(|node| node.owner()), Some(owner(number).as_wire()));
        }
        assert!(catalog.node(&QueryName::new(&owner(all), SEED), 2).is_none());
    }
}

/// Pages split as names come: every one is found, and none that never came.
#[test]
fn a_hundred_thousand_names_are_all_found() {
    let mut editor = Catalog::new(SEED).edit();
    let apex = Name::parse("example").expect("a name");
    editor.set(&apex, &draft(&[RecordType::SOA].into()));
    let owner = |number: u32| apex.child(format!("host-{number}").as_bytes()).expect("short");
    for number in 0..100_000 {
        editor.set(&owner(number), &draft(&[RecordType::A].into()));
    }
    let catalog = editor.finish();
    assert_eq!(catalog.names(), 100_001);
    for number in 0..100_000 {
        let query = QueryName::new(&owner(number), SEED);
        assert_eq!(catalog.node(&query, 2).map(|node| node.owner()), Some(owner(number).as_wire()));
    }
    let missing = QueryName::new(&owner(100_000), SEED);
    assert!(catalog.node(&missing, 2).is_none());
    assert_eq!(catalog.find(&missing).map(|(_, labels)| labels), Some(1));
}

/// RFC 1034 section 3.6.2 and DESIGN's rule: a CNAME hides what stands beside it, but never at an apex or
/// beside NS, where it is hidden itself.
#[test]
fn a_cname_hides_or_is_hidden() {
    use RecordType as T;
    let apex = Name::parse("example").expect("a name");
    let alias = Name::parse("www.example").expect("a name");
    let cut = Name::parse("sub.example").expect("a name");
    let mut editor = Catalog::new(SEED).edit();
    editor.set(&apex, &draft(&[T::SOA, T::CNAME, T::A].into()));
    editor.set(&alias, &draft(&[T::CNAME, T::A, T::RRSIG].into()));
    editor.set(&cut, &draft(&[T::CNAME, T::NS].into()));
    let types = |name: &Name| -> Vec<T> {
        editor.node(name).expect("set").rrsets().map(|rrset| rrset.rtype).collect()
    };
    assert_eq!(types(&apex), [T::A, T::SOA]);
    assert_eq!(types(&alias), [T::CNAME, T::RRSIG]);
    assert_eq!(types(&cut), [T::NS]);
}
