//! Changes of rows, in the order of their keys.

use crate::piece::{Key, Piece, common};
use std::collections::btree_map::{self, BTreeMap};
use std::ops::Bound;
use std::sync::Arc;

/// While there are no more than this, what their keys begin with is looked at again and again.
const FEW: usize = 256;

/// A value, or that there is none any more.
pub(crate) type Change = Option<Piece>;

/// Changes by their keys. What keys begin with alike is no part of the words by which they are compared first, so that
/// who looks for a place among many waits for few of their octets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    /// What most keys begin with, as far as it is known.
    common: Box<[u8]>,
    entries: BTreeMap<Key, Change>,
}

/// Keys from the first up to the second, or to the last that there is; to be looked for among several changes.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    from: Piece,
    to: Option<Piece>,
}

// === impl Changes ===

impl Changes {
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Makes known what most keys begin with. What is held takes its place anew.
    pub(crate) fn set_common(&mut self, common: &[u8]) {
        if *common == *self.common {
            return;
        }
        self.common = common.into();
        let entries = std::mem::take(&mut self.entries).into_iter();
        self.entries = entries.map(|(key, change)| (Key::new(key.into_piece(), common), change)).collect();
    }

    /// Learns what keys begin with alike, those that come to it among them.
    pub(crate) fn learn_common(&mut self, coming: &Self) {
        if self.len() > FEW {
            return;
        }
        let ends = [&self.entries, &coming.entries].map(|own| [own.first_key_value(), own.last_key_value()]);
        let common: Vec<u8> = common(ends.iter().flatten().flatten().map(|(key, _)| &***key)).into();
        self.set_common(&common);
    }

    /// Sets a change, and gives the one that it takes the place of.
    pub(crate) fn put(&mut self, key: Piece, change: Change) -> Option<Change> {
        self.entries.insert(Key::new(key, &self.common), change)
    }

    /// Takes a change out.
    pub(crate) fn remove(&mut self, key: Piece) -> Option<Change> {
        self.entries.remove(&Key::new(key, &self.common))
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<&Change> {
        self.entries.get(key)
    }

    /// Those of a span.
    pub(crate) fn range(&self, span: &Span) -> btree_map::Range<'_, Key, Change> {
        let bound = |piece: &Piece| Key::new(piece.clone(), &self.common);
        let to = span.to.as_ref().map_or(Bound::Unbounded, |to| Bound::Excluded(bound(to)));
        self.entries.range((Bound::Included(bound(&span.from)), to))
    }

    /// Those behind a key, or all.
    pub(crate) fn behind(&self, key: Option<&[u8]>) -> btree_map::Range<'_, Key, Change> {
        self.entries.range::<[u8], _>((key.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded))
    }

    pub(crate) fn iter(&self) -> btree_map::Iter<'_, Key, Change> {
        self.entries.iter()
    }
}

impl IntoIterator for Changes {
    type Item = (Key, Change);
    type IntoIter = btree_map::IntoIter<Key, Change>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

impl<'c> IntoIterator for &'c Changes {
    type Item = (&'c Key, &'c Change);
    type IntoIter = btree_map::Iter<'c, Key, Change>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

// === impl Span ===

impl Span {
    pub(crate) fn new(from: &[u8], to: Option<&[u8]>) -> Self {
        match to {
            Some(to) => Self::split([from, to].concat(), from.len()),
            None => Self { from: Piece::new(from.into(), 0..from.len()), to: None },
        }
    }

    /// From the key that the octets before `at` are, up to the one from there on.
    pub(crate) fn split(octets: Vec<u8>, at: usize) -> Self {
        let shared: Arc<[u8]> = octets.into();
        let to = Piece::new(Arc::clone(&shared), at..shared.len());
        Self { from: Piece::new(shared, 0..at), to: Some(to) }
    }

    pub(crate) fn from(&self) -> &[u8] {
        &self.from
    }

    pub(crate) fn to(&self) -> Option<&[u8]> {
        self.to.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::{btree_set, vec};
    use proptest::prelude::*;

    fn piece(octets: &[u8]) -> Piece {
        Piece::new(octets.into(), 0..octets.len())
    }

    proptest! {
        /// What is known of the keys decides how they are compared, and nothing else.
        #[test]
        fn a_span_is_what_the_order_of_octets_says(
            keys in btree_set(vec(0..3u8, 0..12), 0..20), common in vec(0..3u8, 0..4),
            ends in (vec(0..3u8, 0..12), vec(0..3u8, 0..12)),
        ) {
            let mut changes = Changes::default();
            changes.set_common(&common);
            keys.iter().for_each(|key| drop(changes.put(piece(key), None)));
            let (from, to) = if ends.0 <= ends.1 { ends } else { (ends.1, ends.0) };
            for to in [Some(&to[..]), None] {
                let found = changes.range(&Span::new(&from, to));
                let wanted = keys.iter().filter(|key| **key >= from && to.is_none_or(|to| ***key < *to));
                prop_assert!(found.map(|(key, _)| &key[..]).eq(wanted.map(|key| &key[..])));
            }
            for key in &keys {
                prop_assert!(changes.get(key).is_some());
                prop_assert!(changes.remove(piece(key)).is_some());
            }
            prop_assert!(changes.is_empty());
        }
    }
}
