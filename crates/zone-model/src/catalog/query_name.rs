//! A name made ready for lookups: lower-cased, its labels found, every ancestor hashed.

use crate::name::{MAX_NAME, Name, NameError};

/// A name as a lookup needs it. Reading one does not allocate, and one value serves any number of lookups.
///
/// What a name of ordinary length needs lies in few lines of memory.
#[derive(Clone)]
#[repr(C)]
pub struct QueryName {
    /// The ancestor of `n` labels: its hash, and in the lowest octet where it starts.
    ancestors: [u64; 128],
    length: u8,
    labels: u8,
    /// Where each label starts, the first one first: of use while a name is read.
    starts: [u8; 127],
    /// The name in lower case; what stands behind it is left over from others.
    wire: [u8; MAX_NAME],
}

const WORD: usize = 8;
/// The octet of an ancestor that says where it starts.
const START: u64 = 0xff;

/// Odd, with about half of its bits set: one half of a folded multiplication.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

// === impl QueryName ===

impl QueryName {
    /// The root, hashed with 0; to be filled by [`read`](Self::read).
    pub fn empty() -> Self {
        Self { ancestors: [0; 128], length: 1, labels: 0, starts: [0; 127], wire: [0; MAX_NAME] }
    }

    /// A name made ready for an authority with this seed.
    pub fn new(name: &Name, seed: u64) -> Self {
        let mut own = Self::empty();
        match own.read(name.as_wire(), seed) {
            Ok(_) => own,
            Err(_) => unreachable!("a `Name` is valid wire form"),
        }
    }

    /// Takes the uncompressed name that `octets` begin with, and says how long it is in wire form.
    ///
    /// # Errors
    /// [`NameError`] where they begin with no such name; the value then holds no particular name.
    #[inline]
    pub fn read(&mut self, octets: &[u8], seed: u64) -> Result<usize, NameError> {
        let mut at = 0;
        let mut labels = 0;
        loop {
            let length = *octets.get(at).ok_or(NameError::Truncated)?;
            match length {
                0 => break,
                1..=63 => {}
                _ => return Err(NameError::BadLabelType),
            }
            let next = at + usize::from(length) + 1;
            if next >= MAX_NAME {
                return Err(NameError::TooLong);
            }
            // A label ends before octet 254, so that there are at most 127.
            self.starts[labels] = at as u8;
            labels += 1;
            at = next;
        }
        let length = at + 1;
        self.length = length as u8;
        self.labels = labels as u8;
        let name = &octets[..length];
        let is_lower_case = copy_in_lower_case(name, &mut self.wire);
        let mut end = at;
        let mut hash = seed & !START;
        self.ancestors[0] = hash | end as u64;
        for (label, start) in self.starts[..labels].iter().rev().enumerate() {
            let start = usize::from(*start);
            hash = mix_label(hash, octets, (start, end), is_lower_case) & !START;
            self.ancestors[label + 1] = hash | start as u64;
            end = start;
        }
        Ok(length)
    }

    /// How many labels the name has, the root's not counted.
    #[inline]
    pub fn labels(&self) -> usize {
        usize::from(self.labels)
    }

    /// The name in lower-case wire form.
    #[inline]
    pub fn wire(&self) -> &[u8] {
        &self.wire[..usize::from(self.length)]
    }

    /// The ancestor of `labels` labels, in lower-case wire form.
    ///
    /// # Panics
    /// If the name has fewer labels.
    #[inline]
    pub fn suffix(&self, labels: usize) -> &[u8] {
        &self.wire[self.suffix_start(labels)..usize::from(self.length)]
    }

    /// The label directly below the ancestor of `labels` labels, its length octet first.
    ///
    /// # Panics
    /// If the name has not more labels.
    #[inline]
    pub fn label_below(&self, labels: usize) -> &[u8] {
        &self.wire[self.suffix_start(labels + 1)..self.suffix_start(labels)]
    }

    /// Where the ancestor of `labels` labels starts in the wire form.
    ///
    /// # Panics
    /// If the name has fewer labels.
    #[inline]
    pub fn suffix_start(&self, labels: usize) -> usize {
        assert!(labels <= self.labels(), "a name of {} labels has no ancestor of {labels}", self.labels());
        usize::from(self.ancestors[labels] as u8)
    }

    /// The hash of the whole name: equal for equal names of one seed, and all but certainly not for others.
    #[inline]
    pub fn fingerprint(&self) -> u64 {
        self.hash(self.labels())
    }

    /// The fingerprint of the ancestor of `labels` labels.
    ///
    /// # Panics
    /// If the name has fewer labels.
    #[inline]
    pub fn ancestor_fingerprint(&self, labels: usize) -> u64 {
        assert!(labels <= self.labels(), "a name of {} labels has no ancestor of {labels}", self.labels());
        self.hash(labels)
    }

    /// The hash of the ancestor of `labels` labels.
    #[inline]
    pub(super) fn hash(&self, labels: usize) -> u64 {
        finish(self.ancestors[labels] & !START)
    }

    /// The hash of `*` below the ancestor of `labels` labels.
    #[inline]
    pub(super) fn wildcard_hash(&self, labels: usize) -> u64 {
        let parent = self.ancestors[labels] & !START;
        finish(fold(parent ^ u64::from(u16::from_le_bytes(*b"\x01*"))) & !START)
    }
}

impl std::fmt::Debug for QueryName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match Name::from_wire(self.wire()) {
            Ok(name) => write!(f, "QueryName({name})"),
            Err(_) => f.write_str("QueryName(?)"),
        }
    }
}

/// Copies a name, its letters in lower case; whether all were. Where its last word is no whole one it is taken together
/// with octets before it that were taken already.
///
/// Whether all were is seen on the way and not by a look at the copy: what was just written and is read in other pieces is
/// waited for.
#[inline]
fn copy_in_lower_case(name: &[u8], to: &mut [u8; MAX_NAME]) -> bool {
    let to = &mut to[..name.len()];
    let Some(last) = name.last_chunk::<WORD>() else {
        for (octet, to) in name.iter().zip(&mut *to) {
            *to = octet.to_ascii_lowercase();
        }
        return to == name;
    };
    let mut changed = 0;
    let mut word_in_lower_case = |word: &[u8; WORD]| {
        let word = u64::from_le_bytes(*word);
        let lower = lowercase(word);
        changed |= word ^ lower;
        lower.to_le_bytes()
    };
    for (word, to) in name.as_chunks().0.iter().zip(to.as_chunks_mut().0) {
        *to = word_in_lower_case(word);
    }
    let at = to.len() - WORD;
    to[at..].copy_from_slice(&word_in_lower_case(last));
    changed == 0
}

/// Hashes the label from `start` to `end`, its length octet first, in lower case, onto the hash of what stands behind it.
///
/// It reads what came and not its copy in lower case: a word that was just written in two parts is waited for.
#[inline]
fn mix_label(mut hash: u64, octets: &[u8], (mut start, end): (usize, usize), is_lower_case: bool) -> u64 {
    let word = |at| {
        let word = word(octets, at);
        if is_lower_case { word } else { lowercase(word) }
    };
    // The length octet stands first, so labels that differ only in zero octets at their end differ here.
    while end - start > WORD {
        hash = fold(hash ^ word(start));
        start += WORD;
    }
    // The last word's octets behind the label are the next one's, and do not count.
    fold(hash ^ (word(start) & u64::MAX >> (64 - 8 * (end - start))))
}

/// Whether two names are the same. Most are so short that a call would be the dearest part.
#[inline]
pub(super) fn is_same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let (Some(one_last), Some(other_last)) = (one.last_chunk::<WORD>(), other.last_chunk::<WORD>()) else {
        return one == other;
    };
    let words = one.as_chunks::<WORD>().0.iter().zip(other.as_chunks::<WORD>().0);
    let differing = words
        .fold(0, |differing, (one, other)| differing | u64::from_ne_bytes(*one) ^ u64::from_ne_bytes(*other));
    differing | u64::from_ne_bytes(*one_last) ^ u64::from_ne_bytes(*other_last) == 0
}

/// The eight octets at `at`; zeroes stand for those that are not there.
#[inline]
fn word(octets: &[u8], at: usize) -> u64 {
    match octets.get(at..).and_then(|rest| rest.first_chunk::<WORD>()) {
        Some(word) => u64::from_le_bytes(*word),
        None => octets[at..].iter().rev().fold(0, |word, octet| word << 8 | u64::from(*octet)),
    }
}

/// Eight octets at once: those from `A` to `Z` in lower case. Length octets are at most 63 and so below `A`.
#[inline]
fn lowercase(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * ONES;
    let seven = word & !HIGH;
    // The highest bit of each octet says whether its other seven are at least `A`, or above `Z`.
    let from_a = seven + ONES * (0x80 - b'A' as u64);
    let above_z = seven + ONES * (0x7f - b'Z' as u64);
    let upper = (from_a ^ above_z) & !word & HIGH;
    word | upper >> 2
}

#[inline]
fn fold(value: u64) -> u64 {
    let product = u128::from(value) * u128::from(FACTOR);
    // Rotation keeps a factor of zero from swallowing what came before.
    (product as u64 ^ (product >> 64) as u64).rotate_left(23) ^ value
}

#[inline]
fn finish(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4343 section 3: the letters of ASCII alone have case, in octets of any neighbourhood.
    #[test]
    fn a_word_in_lower_case_is_its_octets_in_lower_case() {
        for octet in 0..=u8::MAX {
            for place in 0..WORD {
                let mut word = *b"Zz@[`{\x80\xc1";
                word[place] = octet;
                let wanted = word.map(|octet| octet.to_ascii_lowercase());
                assert_eq!(lowercase(u64::from_le_bytes(word)).to_le_bytes(), wanted, "{octet} at {place}");
            }
        }
    }

    /// RFC 4343 section 3.2: a name is what it is in lower case, wherever in it a capital stands.
    #[test]
    fn a_capital_is_seen_wherever_it_stands() {
        for length in 1..=40 {
            for capital in 0..=length {
                let mut name = vec![b'~'; length];
                name.iter_mut().skip(capital).take(1).for_each(|octet| *octet = b'Q');
                let mut copy = [0; MAX_NAME];
                let was_lower = copy_in_lower_case(&name, &mut copy);
                assert_eq!(was_lower, capital == length, "{length} octets, {capital}");
                assert_eq!(copy[..length], name.to_ascii_lowercase());
                assert!(copy[length..].iter().all(|octet| *octet == 0));
            }
        }
    }

    /// RFC 1035 section 3.1: 255 octets have room for 127 labels and the root, and not for one more.
    #[test]
    fn a_name_has_at_most_127_labels() {
        let mut name = QueryName::empty();
        let most = [&b"\x01a".repeat(127)[..], &[0]].concat();
        assert_eq!((name.read(&most, 7), name.labels()), (Ok(255), 127));
        for more in [&b"\x01a\0"[..], b"\x01", b"\x3f"] {
            let octets = [&b"\x01a".repeat(127)[..], more].concat();
            assert_eq!(name.read(&octets, 7), Err(NameError::TooLong));
        }
    }

    /// A value is used again and again: what a longer name left behind a shorter one must not count.
    #[test]
    fn what_stood_there_before_does_not_count() {
        let mut used = QueryName::empty();
        let long = [&[63; 64][..], &[63; 64], &[63; 64], &[0]].concat();
        for name in ["www.Example.com.", "a.", "eightoct.", "seven77.", "."] {
            let name = Name::parse(name).expect("a name");
            assert_eq!(used.read(&long, 7), Ok(193));
            assert_eq!(used.read(name.as_wire(), 7), Ok(name.as_wire().len()));
            let fresh = QueryName::new(&name, 7);
            assert_eq!((used.wire(), used.fingerprint()), (fresh.wire(), fresh.fingerprint()));
            for labels in 0..=fresh.labels() {
                assert_eq!(used.suffix(labels), fresh.suffix(labels));
                assert_eq!(used.hash(labels), fresh.hash(labels));
            }
        }
    }
}
