//! Keys of the store: canonical order (RFC 4034 section 6.1), one range a zone.
//!
//! ```text
//! row         owner's sort key │ 0 │ type (u16) │ apex labels (u8, 255 for a short key) │ slot
//! slot        copy of a source (u16) │ partition (u32) │ raw key
//! quarantine  slot
//! ```
//! Numbers are big-endian. A label in a sort key is never empty, so the zero octet after the owner stands
//! before everything below it.

use crate::changes::Span;
use crate::error::Corrupt;
use zone_model::{Name, RecordType};

/// What stands in the place of the apex' label count in the row of a short key.
const SHORT: u8 = 0xff;

/// Names a slot: source, partition and raw key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SlotKey<'a> {
    pub(crate) source: u16,
    pub(crate) partition: u32,
    pub(crate) raw: &'a [u8],
}

/// What a row's key says after the owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RowKey<'a> {
    pub(crate) rtype: RecordType,
    /// How many labels the apex of a long key has.
    pub(crate) apex: Option<u8>,
    pub(crate) slot: SlotKey<'a>,
}

// === impl SlotKey ===

impl<'a> SlotKey<'a> {
    pub(crate) fn append(&self, key: &mut Vec<u8>) {
        key.extend_from_slice(&self.source.to_be_bytes());
        key.extend_from_slice(&self.partition.to_be_bytes());
        key.extend_from_slice(self.raw);
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut key = Vec::with_capacity(6 + self.raw.len());
        self.append(&mut key);
        key
    }

    pub(crate) fn parse(key: &'a [u8]) -> Result<Self, Corrupt> {
        let ([a, b, c, d, e, f], raw) =
            key.split_first_chunk().ok_or(Corrupt("a slot's key is too short"))?;
        let (source, partition) = (u16::from_be_bytes([*a, *b]), u32::from_be_bytes([*c, *d, *e, *f]));
        Ok(Self { source, partition, raw })
    }
}

// === impl RowKey ===

impl<'a> RowKey<'a> {
    /// Appends the part of a row's key that stands behind the owner's terminator.
    pub(crate) fn append(&self, key: &mut Vec<u8>) {
        key.extend_from_slice(&self.rtype.0.to_be_bytes());
        key.push(self.apex.unwrap_or(SHORT));
        self.slot.append(key);
    }

    pub(crate) fn parse(key: &'a [u8]) -> Result<Self, Corrupt> {
        let ([a, b, apex], slot) = key.split_first_chunk().ok_or(Corrupt("a row's key is too short"))?;
        let apex = (*apex != SHORT).then_some(*apex);
        Ok(Self { rtype: RecordType(u16::from_be_bytes([*a, *b])), apex, slot: SlotKey::parse(slot)? })
    }
}

/// Which copy a row belongs to; `rest` is its key behind the owner's terminator.
pub(crate) fn copy_of(rest: &[u8]) -> Result<u16, Corrupt> {
    match rest.get(3..5) {
        Some(&[a, b]) => Ok(u16::from_be_bytes([a, b])),
        _ => Err(Corrupt("a row's key is too short")),
    }
}

/// Appends the key of a row: `owner` is a sort key, `rest` what [`RowKey::append`] made.
pub(crate) fn append_to(owner: &[u8], rest: &[u8], key: &mut Vec<u8>) {
    key.extend_from_slice(owner);
    key.push(0);
    key.extend_from_slice(rest);
}

/// Appends the same of an owner that is not a key yet.
pub(crate) fn append_row(owner: &Name, rest: &RowKey<'_>, key: &mut Vec<u8>) {
    owner.append_sort_key(key);
    key.push(0);
    rest.append(key);
}

/// How many octets of a row's key are the owner.
pub(crate) fn owner_length(key: &[u8]) -> Result<usize, Corrupt> {
    let mut at = 0;
    loop {
        let label = key[at..].iter().position(|octet| *octet == 0);
        match label {
            Some(0) => return Ok(at),
            Some(length) => at += length + 1,
            None => return Err(Corrupt("a row's key has no end of its owner")),
        }
    }
}

/// The keys of an owner's rows.
pub(crate) fn owner_range(owner: &[u8]) -> Span {
    let mut octets = Vec::with_capacity(2 * (owner.len() + 1));
    append_to(owner, &[], &mut octets);
    let at = octets.len();
    octets.extend_from_slice(owner);
    octets.push(1);
    Span::split(octets, at)
}

/// Behind the last key at or below `top`; `None` where `top` is the root.
pub(crate) fn behind_subtree(top: &[u8]) -> Option<Vec<u8>> {
    // A sort key ends in the zero octet of its first label; within labels 1 begins an escape.
    let (_, labels) = top.split_last()?;
    Some([labels, &[1]].concat())
}

/// The sort key of the name above; `None` for the root's.
pub(crate) fn parent(owner: &[u8]) -> Option<&[u8]> {
    let (_, labels) = owner.split_last()?;
    Some(&owner[..labels.iter().rposition(|octet| *octet == 0).map_or(0, |end| end + 1)])
}

/// How many labels a sort key has: at most 127.
pub(crate) fn labels(owner: &[u8]) -> u8 {
    owner.iter().filter(|octet| **octet == 0).count() as u8
}

/// The ancestor of so many labels.
pub(crate) fn ancestor(owner: &[u8], labels: u8) -> &[u8] {
    let ends = owner.iter().enumerate().filter(|(_, octet)| **octet == 0).map(|(at, _)| at + 1);
    let end = [0].into_iter().chain(ends).nth(usize::from(labels));
    end.map_or(owner, |end| &owner[..end])
}

/// The deepest name that is at or above both.
pub(crate) fn common<'a>(left: &'a [u8], right: &[u8]) -> &'a [u8] {
    let equal = left.iter().zip(right).take_while(|(a, b)| a == b).count();
    &left[..left[..equal].iter().rposition(|octet| *octet == 0).map_or(0, |end| end + 1)]
}

/// Keys in canonical order, each once.
pub(crate) fn in_order<'a>(keys: impl Iterator<Item = &'a [u8]>) -> Vec<&'a [u8]> {
    let mut keys: Vec<&[u8]> = keys.collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// The name of a sort key, in lower case.
pub(crate) fn name(key: &[u8]) -> Result<Name, Corrupt> {
    const BAD: Corrupt = Corrupt("an owner's key is no name");
    // Filled from its end: sort keys run from the root downwards.
    let mut wire = [0; zone_model::MAX_NAME];
    let mut start = wire.len() - 1;
    for label in key.split_inclusive(|octet| *octet == 0) {
        let Some((0, label)) = label.split_last() else { return Err(BAD) };
        let mut room = [0; zone_model::MAX_LABEL];
        // Hardly any label has an octet that is escaped.
        let own = if label.contains(&1) { unescaped(label, &mut room).ok_or(BAD)? } else { label };
        if own.len() > zone_model::MAX_LABEL {
            return Err(BAD);
        }
        start = start.checked_sub(own.len() + 1).ok_or(BAD)?;
        wire[start] = own.len() as u8;
        wire[start + 1..][..own.len()].copy_from_slice(own);
    }
    Name::from_wire(&wire[start..]).map_err(|_| BAD)
}

/// A label of a sort key as it is in a name.
fn unescaped<'r>(label: &[u8], room: &'r mut [u8]) -> Option<&'r [u8]> {
    let mut length = 0;
    let mut octets = label.iter();
    while let Some(octet) = octets.next() {
        let octet = match (octet, if *octet == 1 { octets.next() } else { None }) {
            (1, Some(1)) => 0,
            (1, Some(2)) => 1,
            (1, _) => return None,
            (plain, _) => *plain,
        };
        *room.get_mut(length)? = octet;
        length += 1;
    }
    Some(&room[..length])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(name: &str) -> Vec<u8> {
        Name::parse(name).unwrap().sort_key()
    }

    fn encode(rest: &RowKey<'_>) -> Vec<u8> {
        let mut key = Vec::new();
        rest.append(&mut key);
        key
    }

    fn row(owner: &[u8], rest: &[u8]) -> Vec<u8> {
        let mut key = Vec::new();
        append_to(owner, rest, &mut key);
        key
    }

    #[test]
    fn rows_of_an_owner_stand_directly_before_what_is_below_it() {
        let rest = encode(&RowKey {
            rtype: RecordType(65535),
            apex: None,
            slot: SlotKey { source: 65535, partition: u32::MAX, raw: &[0xff; 9] },
        });
        let range = owner_range(&key("b.example."));
        let (first, last) = (range.from(), range.to().unwrap());
        let own = row(&key("b.example."), &rest);
        assert!(*first < *own && *own < *last);
        for below in ["\\000.b.example.", "\\001.b.example.", "a.b.example."] {
            assert!(*last <= *row(&key(below), &[]), "{below}");
        }
        assert!(row(&key("b\\000.example."), &[]) > behind_subtree(&key("b.example.")).unwrap());
        assert!(row(&key("z.b.example."), &rest) < behind_subtree(&key("b.example.")).unwrap());
        assert_eq!(behind_subtree(&[]), None);
        assert_eq!(owner_length(&own).unwrap(), key("b.example.").len());
        assert_eq!(owner_length(&row(&[], &rest)).unwrap(), 0);
    }

    #[test]
    fn relatives() {
        let own = key("a.b.example.");
        assert_eq!(parent(&own).unwrap(), key("b.example."));
        assert_eq!(parent(&key("example.")).unwrap(), key("."));
        assert_eq!(parent(&key(".")), None);
        assert_eq!(ancestor(&own, 1), key("example."));
        assert_eq!(ancestor(&own, 0), key("."));
        assert_eq!(ancestor(&own, 3), own);
        assert_eq!(labels(&own), 3);
        assert_eq!(common(&own, &key("aa.b.example.")), key("b.example."));
        assert_eq!(common(&own, &key("a.b.exampla.")), key("."));
        assert_eq!(common(&own, &own), own);
    }

    proptest! {
        #[test]
        fn names_survive(labels in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..20), 0..8)) {
            let mut name = Name::root();
            for label in &labels {
                name = name.child(label).unwrap();
            }
            let key = name.sort_key();
            let (own, lower) = (super::name(&key).unwrap(), name.to_lowercase());
            prop_assert_eq!(own.as_wire(), lower.as_wire());
            prop_assert_eq!(super::labels(&key) as usize, labels.len());
        }

        #[test]
        fn row_keys_survive(rtype: u16, apex in proptest::option::of(0u8..128), source: u16, partition: u32,
                            raw in proptest::collection::vec(any::<u8>(), 0..40)) {
            let own = RowKey { rtype: RecordType(rtype), apex, slot: SlotKey { source, partition, raw: &raw } };
            let key = encode(&own);
            prop_assert_eq!(RowKey::parse(&key).unwrap(), own);
            prop_assert_eq!(copy_of(&key).unwrap(), source);
        }
    }
}
