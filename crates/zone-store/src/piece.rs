//! Octets that share memory with others: what a batch puts in front of the disk is allocated once and freed once, and
//! leaves no small holes between what stays.

use crate::disk::Table;
use std::borrow::Borrow;
use std::cmp::Ordering;
use std::ops::{Deref, Range};
use std::sync::Arc;

/// Octets of a [`Gathered`], which is freed with its last piece.
#[derive(Clone)]
pub(crate) struct Piece {
    shared: Arc<[u8]>,
    at: Range<usize>,
}

/// A key among others that mostly begin alike: in front of its octets the eight of them that tell it from most, so that
/// who looks for a place among many seldom waits for the octets themselves. The order is that of the octets.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    word: u64,
    piece: Piece,
}

/// Changes that are written one behind the other.
#[derive(Debug, Default)]
pub(crate) struct Gathering {
    octets: Vec<u8>,
    places: Vec<Place>,
    /// How many octets all keys begin with alike, as far as somebody looked.
    common: usize,
}

/// What was gathered.
#[derive(Debug)]
pub(crate) struct Gathered {
    octets: Arc<[u8]>,
    places: Vec<Place>,
    common: usize,
}

/// Where a change's key stands and, unless it removes that, its value.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) table: Table,
    pub(crate) key: Range<usize>,
    pub(crate) value: Option<Range<usize>>,
}

// === impl Gathering ===

impl Gathering {
    /// Adds a change; `key` and `value` append these, and without a value the key is removed.
    pub(crate) fn add(
        &mut self,
        table: Table,
        key: impl FnOnce(&mut Vec<u8>),
        value: Option<impl FnOnce(&mut Vec<u8>)>,
    ) {
        let key = self.write(key);
        let value = value.map(|value| self.write(value));
        self.places.push(Place { table, key, value });
    }

    /// Adds the removal of a key.
    pub(crate) fn remove(&mut self, table: Table, key: &[u8]) {
        let key = self.write(|octets| octets.extend_from_slice(key));
        self.places.push(Place { table, key, value: None });
    }

    fn write(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Range<usize> {
        let start = self.octets.len();
        write(&mut self.octets);
        start..self.octets.len()
    }

    /// Sorts by the eight octets of the keys behind what all begin with; what is equal in these stays in its order.
    ///
    /// So neighbours go into a large map one after the other, and find near what the one before them looked at: nearly
    /// all that it costs to put a key among many is waiting for those that it is compared with.
    pub(crate) fn sort_roughly(&mut self) {
        let Self { octets, places, common: all } = self;
        let key = |place: &Place| &octets[place.key.clone()];
        let common = common(places.iter().map(key)).len();
        places.sort_by_cached_key(|place| word(&key(place)[common..]));
        *all = common;
    }

    pub(crate) fn end(self) -> Gathered {
        Gathered { octets: self.octets.into(), places: self.places, common: self.common }
    }
}

// === impl Gathered ===

impl Gathered {
    /// How many octets it has.
    pub(crate) fn len(&self) -> usize {
        self.octets.len()
    }

    pub(crate) fn places(&self) -> &[Place] {
        &self.places
    }

    /// What all keys begin with, as far as somebody looked.
    pub(crate) fn common(&self) -> &[u8] {
        let first = self.places.first().map_or(&[][..], |place| &self.octets[place.key.clone()]);
        &first[..self.common.min(first.len())]
    }

    /// The piece that stands at one of its places.
    pub(crate) fn piece(&self, at: &Range<usize>) -> Piece {
        Piece::new(Arc::clone(&self.octets), at.clone())
    }
}

// === impl Key ===

impl Key {
    /// A key of a map most of whose keys begin with `common`, which must be the same for all of them.
    pub(crate) fn new(piece: Piece, common: &[u8]) -> Self {
        let word = match piece.strip_prefix(common) {
            Some(rest) => word(rest),
            None if *piece < *common => 0,
            None => u64::MAX,
        };
        Self { word, piece }
    }

    pub(crate) fn into_piece(self) -> Piece {
        self.piece
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.piece == other.piece
    }
}

impl Eq for Key {}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        self.word.cmp(&other.word).then_with(|| self.piece.cmp(&other.piece))
    }
}

impl Deref for Key {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.piece
    }
}

impl Borrow<[u8]> for Key {
    fn borrow(&self) -> &[u8] {
        self
    }
}

/// What all begin with alike.
pub(crate) fn common<'k>(keys: impl IntoIterator<Item = &'k [u8]>) -> &'k [u8] {
    let alike = |one: &'k [u8], other: &'k [u8]| {
        &one[..one.iter().zip(other).take_while(|(own, others)| own == others).count()]
    };
    keys.into_iter().reduce(alike).unwrap_or_default()
}

/// The first octets, as a number that has their order.
fn word(octets: &[u8]) -> u64 {
    let mut word = [0; 8];
    let length = octets.len().min(word.len());
    word[..length].copy_from_slice(&octets[..length]);
    u64::from_be_bytes(word)
}

// === impl Piece ===

impl Piece {
    pub(crate) fn new(shared: Arc<[u8]>, at: Range<usize>) -> Self {
        Self { shared, at }
    }
}

impl Deref for Piece {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.shared[self.at.clone()]
    }
}

impl PartialEq for Piece {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Piece {}

impl PartialOrd for Piece {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Piece {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(other)
    }
}

impl std::fmt::Debug for Piece {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_piece_is_what_was_added(added in vec(vec(any::<u8>(), 0..40), 0..20)) {
            let mut gathering = Gathering::default();
            let places: Vec<_> =
                added.iter().map(|own| gathering.write(|octets| octets.extend_from_slice(own))).collect();
            let gathered = gathering.end();
            let pieces: Vec<Piece> = places.iter().map(|place| gathered.piece(place)).collect();
            drop(gathered);
            for (piece, own) in pieces.iter().zip(&added) {
                prop_assert_eq!(&**piece, &own[..]);
            }
            for (one, other) in pieces.iter().zip(pieces.iter().skip(1)) {
                prop_assert_eq!(one.cmp(other), one[..].cmp(&other[..]));
            }
        }

        /// The map's order must be the octets' (`Borrow`), whatever its keys begin with.
        #[test]
        fn keys_have_the_order_of_their_octets(
            common in vec(0..3u8, 0..4), keys in vec(vec(prop_oneof![0..3u8, Just(0xff)], 0..14), 2..12),
        ) {
            let mut gathering = Gathering::default();
            let places: Vec<_> =
                keys.iter().map(|own| gathering.write(|octets| octets.extend_from_slice(own))).collect();
            let gathered = gathering.end();
            let made: Vec<Key> = places.iter().map(|at| Key::new(gathered.piece(at), &common)).collect();
            for (one, own) in made.iter().zip(&keys) {
                for (other, others) in made.iter().zip(&keys) {
                    prop_assert_eq!(one.cmp(other), own.cmp(others));
                }
            }
        }
    }
}
