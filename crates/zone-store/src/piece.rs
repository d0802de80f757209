//! Octets that share memory with others: what a batch puts in front of the disk is allocated once and freed once, and
//! leaves no small holes between what stays.

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

/// Where pieces are written one behind the other.
#[derive(Debug, Default)]
pub(crate) struct Gathering(Vec<u8>);

/// What was gathered.
#[derive(Debug)]
pub(crate) struct Gathered(Arc<[u8]>);

// === impl Gathering ===

impl Gathering {
    /// Adds what `write` appends, and says where it stands.
    pub(crate) fn add(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Range<usize> {
        let start = self.0.len();
        write(&mut self.0);
        start..self.0.len()
    }

    pub(crate) fn end(self) -> Gathered {
        Gathered(self.0.into())
    }
}

// === impl Gathered ===

impl Gathered {
    /// How many octets it has.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The octets at a place that [`Gathering::add`] gave.
    pub(crate) fn octets(&self, at: &Range<usize>) -> &[u8] {
        &self.0[at.clone()]
    }

    /// The piece that stands there, a place that [`Gathering::add`] gave.
    pub(crate) fn piece(&self, at: Range<usize>) -> Piece {
        Piece { shared: Arc::clone(&self.0), at }
    }
}

// === impl Piece ===

impl Deref for Piece {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.shared[self.at.clone()]
    }
}

impl Borrow<[u8]> for Piece {
    fn borrow(&self) -> &[u8] {
        self
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

/// Sorts by the eight octets behind what all keys begin with; what is equal in these stays in its order.
///
/// So neighbours go into a large map one after the other, and find near what the one before them looked at: nearly all
/// that it costs to put a key among many is waiting for those that it is compared with.
pub(crate) fn sort_roughly<'k, T>(own: &mut [T], key: impl Fn(&T) -> &'k [u8])
where
    T: 'k,
{
    let Some(first) = own.first().map(&key) else { return };
    let common = own.iter().map(&key).fold(first.len(), |most, key| {
        most.min(first.iter().zip(key).take_while(|(one, other)| one == other).count())
    });
    own.sort_by_cached_key(|own| {
        let rest = &key(own)[common..];
        let mut word = [0; 8];
        let length = rest.len().min(word.len());
        word[..length].copy_from_slice(&rest[..length]);
        u64::from_be_bytes(word)
    });
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
                added.iter().map(|own| gathering.add(|octets| octets.extend_from_slice(own))).collect();
            let gathered = gathering.end();
            let pieces: Vec<Piece> = places.into_iter().map(|place| gathered.piece(place)).collect();
            drop(gathered);
            for (piece, own) in pieces.iter().zip(&added) {
                prop_assert_eq!(&**piece, &own[..]);
            }
            for (one, other) in pieces.iter().zip(pieces.iter().skip(1)) {
                prop_assert_eq!(one.cmp(other), one[..].cmp(&other[..]));
            }
        }
    }
}
