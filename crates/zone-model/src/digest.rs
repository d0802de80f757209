//! The digest of a zone: 256 bits over the RRsets that the log gives it, whatever their order.
//!
//! Each RRset that survives (of its slots the one that decides, if it is not `[]`) is written out in one way,
//! hashed with SHA-256, and the hashes are added up modulo 2^256. Adding and taking away are one addition each,
//! so the digest follows every change at the cost of that change, and two nodes that hold the same RRsets have
//! the same digest however they came by them.
//!
//! ```text
//! owner, wire form in lower case │ type (u16) │ 1 and TTL (u32), or 0 where the event gave none │
//! for each RDATA, in the order of their octets: length (u16), octets
//! ```
//! Numbers are big-endian. The SOA counts as its event says it, without what is added to its serial; local
//! records and made-up SOAs do not count.
//!
//! **What it is good for.** Two nodes that differ by accident, in however many RRsets, have equal digests with
//! a probability of 2^-256 for each comparison: the hashes behave like independent random numbers, and a sum
//! of them is as good as one. A sum, other than XOR, also notices an RRset that is counted twice.
//!
//! **What it is not good for.** It is no proof against somebody who may choose the RRsets: with a great many of
//! them a set with a given sum can be found with far less work than 2^128 (Wagner's generalised birthday). Who
//! may write to the log needs no such trick to change a zone; who must prove to others what a zone holds signs
//! a ZONEMD (RFC 8976), which `stream-dns zone digest --zonemd` computes.

use crate::name::Name;
use crate::rtype::RecordType;
use sha2::{Digest as _, Sha256};
use std::fmt;

/// A sum of SHA-256 hashes, modulo 2^256. Shown as 64 hexadecimal digits.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct ZoneDigest(
    /// The least significant 64 bits first.
    [u64; 4],
);

// === impl ZoneDigest ===

impl ZoneDigest {
    /// The digest of one RRset; `owner` in any case, `ttl` as the event gave it, `rdatas` in any order.
    pub fn of_rrset(owner: &Name, rtype: RecordType, ttl: Option<u32>, rdatas: &[&[u8]]) -> Self {
        let length = rdatas.iter().map(|rdata| rdata.len() + 2).sum::<usize>();
        let mut octets = Vec::with_capacity(owner.as_wire().len() + 7 + length);
        octets.extend_from_slice(owner.as_wire());
        octets.make_ascii_lowercase();
        octets.extend_from_slice(&rtype.0.to_be_bytes());
        match ttl {
            Some(ttl) => {
                octets.push(1);
                octets.extend_from_slice(&ttl.to_be_bytes());
            }
            None => octets.push(0),
        }
        let mut append = |rdata: &[u8]| {
            octets.extend_from_slice(&(rdata.len() as u16).to_be_bytes());
            octets.extend_from_slice(rdata);
        };
        match rdatas {
            [rdata] => append(rdata),
            _ => {
                let mut ordered = rdatas.to_vec();
                ordered.sort_unstable();
                ordered.into_iter().for_each(append);
            }
        }
        Self::of_bytes(&Sha256::digest(&octets).into())
    }

    /// The digest as octets, the most significant first.
    pub fn bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (own, limb) in bytes.chunks_exact_mut(8).zip(self.0.iter().rev()) {
            own.copy_from_slice(&limb.to_be_bytes());
        }
        bytes
    }

    /// The digest of these octets.
    pub fn of_bytes(bytes: &[u8; 32]) -> Self {
        let mut limbs = [0; 4];
        for (limb, own) in limbs.iter_mut().rev().zip(bytes.chunks_exact(8)) {
            *limb = own.iter().fold(0, |sum, octet| sum << 8 | u64::from(*octet));
        }
        Self(limbs)
    }

    /// Adds an RRset, or all of another digest's.
    pub fn add(&mut self, other: Self) {
        let mut carry = false;
        for (own, other) in self.0.iter_mut().zip(other.0) {
            let (sum, first) = own.overflowing_add(other);
            let (sum, second) = sum.overflowing_add(u64::from(carry));
            (*own, carry) = (sum, first || second);
        }
    }

    /// Takes away what was added.
    pub fn remove(&mut self, other: Self) {
        let mut borrow = false;
        for (own, other) in self.0.iter_mut().zip(other.0) {
            let (rest, first) = own.overflowing_sub(other);
            let (rest, second) = rest.overflowing_sub(u64::from(borrow));
            (*own, borrow) = (rest, first || second);
        }
    }
}

impl std::iter::Sum for ZoneDigest {
    fn sum<I: Iterator<Item = Self>>(digests: I) -> Self {
        digests.fold(Self::default(), |mut sum, own| {
            sum.add(own);
            sum
        })
    }
}

impl fmt::Display for ZoneDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().rev().try_for_each(|limb| write!(f, "{limb:016x}"))
    }
}

impl fmt::Debug for ZoneDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ZoneDigest({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Addition modulo 2^256: in any order, and taken away again.
        #[test]
        fn a_sum_knows_no_order(hashes in proptest::collection::vec(any::<[u8; 32]>(), 0..12)) {
            let all: Vec<ZoneDigest> = hashes.iter().map(ZoneDigest::of_bytes).collect();
            let sum = |digests: &mut dyn Iterator<Item = &ZoneDigest>| {
                digests.fold(ZoneDigest::default(), |mut sum, own| {
                    sum.add(*own);
                    sum
                })
            };
            let mut forwards = sum(&mut all.iter());
            prop_assert_eq!(forwards, sum(&mut all.iter().rev()));
            prop_assert_eq!(ZoneDigest::of_bytes(&forwards.bytes()), forwards);
            all.iter().for_each(|own| forwards.remove(*own));
            prop_assert_eq!(forwards, ZoneDigest::default());
        }
    }

    #[test]
    fn carries_run_through_all_limbs() {
        let (mut all, mut one) = ([0xff; 32], [0; 32]);
        one[31] = 1;
        let mut sum = ZoneDigest::of_bytes(&all);
        sum.add(ZoneDigest::of_bytes(&one));
        assert_eq!(sum, ZoneDigest::default(), "2^256 is 0");
        sum.remove(ZoneDigest::of_bytes(&one));
        assert_eq!(sum.bytes(), all);
        assert_eq!(sum.to_string(), "f".repeat(64));
        all[0] = 0;
        assert_ne!(sum.bytes(), all);
    }

    #[test]
    fn everything_counts_but_the_order_of_the_records() {
        let of = |owner: &str, rtype, ttl, rdatas: &[&[u8]]| {
            ZoneDigest::of_rrset(&Name::parse(owner).unwrap(), RecordType(rtype), ttl, rdatas)
        };
        let own = of("a.", 1, Some(60), &[b"1111", b"2222"]);
        assert_eq!(own, of("A.", 1, Some(60), &[b"2222", b"1111"]));
        for other in [
            of("b.", 1, Some(60), &[b"1111", b"2222"]),
            of("a.", 28, Some(60), &[b"1111", b"2222"]),
            of("a.", 1, Some(0), &[b"1111", b"2222"]),
            of("a.", 1, None, &[b"1111", b"2222"]),
            of("a.", 1, Some(60), &[b"1111"]),
            of("a.", 1, Some(60), &[b"11112222"]),
        ] {
            assert_ne!(own, other);
        }
    }
}
