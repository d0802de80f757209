//! A name made ready for lookups: lower-cased, its labels found, every ancestor hashed.

use crate::name::{MAX_NAME, Name, NameError};

/// A name as a lookup needs it. Reading one does not allocate, and one value serves any number of lookups.
#[derive(Clone)]
pub struct QueryName {
    wire: [u8; MAX_NAME],
    length: u8,
    labels: u8,
    /// Where the ancestor of `n` labels starts.
    starts: [u8; 128],
    /// The hash of the ancestor of `n` labels.
    hashes: [u64; 128],
}

/// Odd, with about half of its bits set: one half of a folded multiplication.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

// === impl QueryName ===

impl QueryName {
    /// The root, hashed with 0; to be filled by [`read`](Self::read).
    pub fn empty() -> Self {
        Self { wire: [0; MAX_NAME], length: 1, labels: 0, starts: [0; 128], hashes: [0; 128] }
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
    pub fn read(&mut self, octets: &[u8], seed: u64) -> Result<usize, NameError> {
        let mut at = 0;
        let mut labels = 0;
        let mut forward = [0u8; 128];
        loop {
            let length = *octets.get(at).ok_or(NameError::Truncated)?;
            match length {
                0 => break,
                1..=63 => {}
                _ => return Err(NameError::BadLabelType),
            }
            // 255 octets have at most 127 labels, and this check keeps `at` below 254.
            let next = at + usize::from(length) + 1;
            if next >= MAX_NAME {
                return Err(NameError::TooLong);
            }
            forward[labels] = at as u8;
            labels += 1;
            at = next;
        }
        let length = at + 1;
        self.length = length as u8;
        self.labels = labels as u8;
        self.wire[..length].copy_from_slice(&octets[..length]);
        self.wire[..length].make_ascii_lowercase();
        let mut hash = seed;
        self.starts[0] = at as u8;
        self.hashes[0] = hash;
        for depth in 1..=labels {
            let start = usize::from(forward[labels - depth]);
            let end = start + 1 + usize::from(self.wire[start]);
            hash = mix_label(hash, &self.wire[start..end]);
            self.starts[depth] = start as u8;
            self.hashes[depth] = hash;
        }
        Ok(length)
    }

    /// How many labels the name has, the root's not counted.
    pub fn labels(&self) -> usize {
        usize::from(self.labels)
    }

    /// The name in lower-case wire form.
    pub fn wire(&self) -> &[u8] {
        &self.wire[..usize::from(self.length)]
    }

    /// The ancestor of `labels` labels, in lower-case wire form.
    ///
    /// # Panics
    /// If the name has fewer labels.
    pub fn suffix(&self, labels: usize) -> &[u8] {
        assert!(labels <= self.labels(), "a name of {} labels has no ancestor of {labels}", self.labels());
        &self.wire[usize::from(self.starts[labels])..usize::from(self.length)]
    }

    /// Where the ancestor of `labels` labels starts in the wire form.
    pub fn suffix_start(&self, labels: usize) -> usize {
        usize::from(self.starts[labels])
    }

    /// The hash of the whole name: equal for equal names of one seed, and all but certainly not for others.
    pub fn fingerprint(&self) -> u64 {
        self.hash(self.labels())
    }

    /// The fingerprint of the ancestor of `labels` labels.
    ///
    /// # Panics
    /// If the name has fewer labels.
    pub fn ancestor_fingerprint(&self, labels: usize) -> u64 {
        assert!(labels <= self.labels(), "a name of {} labels has no ancestor of {labels}", self.labels());
        self.hash(labels)
    }

    /// The hash of the ancestor of `labels` labels.
    pub(super) fn hash(&self, labels: usize) -> u64 {
        finish(self.hashes[labels])
    }

    /// The hash of `*` below the ancestor of `labels` labels.
    pub(super) fn wildcard_hash(&self, labels: usize) -> u64 {
        finish(mix_label(self.hashes[labels], b"\x01*"))
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

/// Hashes a label, its length octet first, onto the hash of what stands behind it.
fn mix_label(mut hash: u64, label: &[u8]) -> u64 {
    let mut chunks = label.chunks_exact(8);
    for chunk in &mut chunks {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(chunk);
        hash = fold(hash ^ u64::from_le_bytes(bytes));
    }
    let rest = chunks.remainder();
    let mut bytes = [0; 8];
    bytes[..rest.len()].copy_from_slice(rest);
    // The length octet stands first, so labels that differ only in zero octets at their end differ here.
    fold(hash ^ u64::from_le_bytes(bytes))
}

fn fold(value: u64) -> u64 {
    let product = u128::from(value) * u128::from(FACTOR);
    // Rotation keeps a factor of zero from swallowing what came before.
    (product as u64 ^ (product >> 64) as u64).rotate_left(23) ^ value
}

fn finish(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    hash ^ (hash >> 32)
}
