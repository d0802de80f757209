//! A record of a type whose names are compressed, as it stands directly behind a question about its owner.
//!
//! There is nothing left to say for a question: the owner stands at the head of the question, the record behind it.

use super::compression::{self, Record};
use super::node::RECORD_HEAD;
use crate::name;
use crate::rdata::CompressibleNames;

/// Where a message's question begins (RFC 1035 section 4.1.1).
const QUESTION: usize = 12;
/// QTYPE and QCLASS.
const QUESTION_TAIL: usize = 4;
/// Type, class and TTL stand behind a record's owner, which is a pointer.
const KIND: std::ops::Range<usize> = 2..10;
/// The most octets that it is made for.
pub(super) const MOST: usize = 511;
/// The most labels that owner and names have together: whoever compresses a message while it is written keeps no more.
const LABELS: usize = 64;

/// Composes it from a record as it stands in a node. Nothing for one that is too long, and for a name that is the root's:
/// nobody can point there.
pub(super) fn compose(owner: &[u8], names: CompressibleNames, record: &[u8]) -> Vec<u8> {
    try_compose(owner, names, record).filter(|octets| octets.len() <= MOST).unwrap_or_default()
}

fn try_compose(owner: &[u8], names: CompressibleNames, record: &[u8]) -> Option<Vec<u8>> {
    let (head, rdata) = record.split_at_checked(RECORD_HEAD)?;
    let (before, mut rest) = rdata.split_at_checked(names.start)?;
    let mut labels = name::labels(owner);
    let mut composed = Record::new(owner);
    composed.extend(&head[KIND]);
    composed.extend(&[0, 0]);
    composed.extend(before);
    for _ in 0..names.count {
        let (own, behind) = rest.split_at_checked(name::wire_length(rest).ok()?)?;
        labels += name::labels(own);
        if own == [0] || labels > LABELS {
            return None;
        }
        composed.push(own);
        rest = behind;
    }
    composed.extend(rest);
    let (mut octets, pointers) = composed.finish();
    let start = QUESTION + owner.len() + QUESTION_TAIL;
    for at in pointers.into_iter().map(usize::from) {
        let place = octets.get_mut(at..)?.first_chunk_mut::<2>()?;
        *place = compression::pointer(u16::from_be_bytes(*place), QUESTION, start).to_be_bytes();
    }
    Some(octets)
}
