//! Catalogues from text: one record a line, `owner ttl type rdata`, names absolute; an SOA makes a zone.

use super::SEED;
use std::collections::BTreeMap;
use zone_model::catalog::{Catalog, Editor, NodeDraft, Placed};
use zone_model::{Name, RecordType, RrSet};

/// What owners have; in canonical order, so from the top downwards.
pub(crate) type Owners = BTreeMap<Name, BTreeMap<RecordType, RrSet>>;

/// The TTL of a record that gives none.
pub(crate) const TTL: u32 = 300;

/// Reads zones; several may stand in one text.
pub(crate) fn owners(text: &str) -> Owners {
    let records = zone_model::decode::local_records(text).unwrap_or_else(|error| panic!("{error}"));
    let mut owners = Owners::new();
    for (key, set) in records {
        owners.entry(key.owner).or_default().insert(key.rtype, set);
    }
    owners
}

/// The catalogue that serves these owners.
pub(crate) fn catalog(text: &str) -> Catalog {
    build(&owners(text))
}

/// Makes a catalogue the way a store does: owners one by one from the top downwards, and a whole subtree again
/// where its structure changed.
pub(crate) fn build(owners: &Owners) -> Catalog {
    let mut editor = Catalog::new(SEED).edit();
    for (owner, sets) in owners {
        place(&mut editor, owners, owner, sets);
    }
    editor.finish()
}

fn place(editor: &mut Editor, owners: &Owners, owner: &Name, sets: &BTreeMap<RecordType, RrSet>) {
    if editor.set(owner, &draft(sets)) != Placed::Restructure {
        return;
    }
    let below = || owners.iter().filter(|(name, _)| name.is_at_or_below(owner));
    editor.clear(owner, below().map(|(name, _)| name.clone()));
    for (name, sets) in below() {
        assert_ne!(editor.set(name, &draft(sets)), Placed::Restructure, "{name} was cleared before");
    }
}

fn draft(sets: &BTreeMap<RecordType, RrSet>) -> NodeDraft {
    let mut draft = NodeDraft::new(sets.contains_key(&RecordType::SOA));
    for (rtype, set) in sets {
        draft.push(*rtype, set.ttl.unwrap_or(TTL), set.rdatas());
    }
    draft
}
