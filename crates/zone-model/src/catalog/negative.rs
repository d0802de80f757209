//! The SOA of a negative answer (RFC 2308 sections 2 and 5), composed when its zone changes and not for each question.
//!
//! What is left to say for a question is where pointers lead (RFC 1035 section 4.1.4): into the apex, wherever that
//! stands in the question, or into the record itself.
//!
//! ```text
//! 0 pointers (u8)
//! 1 for each: where in the record it stands (u16)
//!   of MNAME and of RNAME, where in the record their label directly below the apex stands (u16), or 0
//!   the record; in the place of a pointer an offset into the apex (u16), or, with the highest bit, into the record
//! ```
//! Numbers of the layout are little-endian, those inside of the record in network order.

use super::compression::{self, Record};
use crate::name;

const SOA: [u8; 4] = [0, 6, 0, 1];
/// The most labels that apex, MNAME and RNAME have together.
const LABELS: usize = 32;
/// Serial, refresh, retry, expire, minimum (RFC 1035 section 3.3.13).
const NUMBERS: usize = 20;
/// Names of an SOA record that a pointer may stand in: owner, MNAME, RNAME.
const NAMES: usize = 3;

/// The SOA of a negative answer, from [`Node::negative_soa`](super::Node::negative_soa).
#[derive(Clone, Copy, Debug)]
pub struct NegativeSoa<'a> {
    pointers: &'a [u8],
    /// Where the neighbours stand, as in the layout.
    neighbours: [u16; 2],
    record: &'a [u8],
}

// === impl NegativeSoa ===

impl<'a> NegativeSoa<'a> {
    /// What [`compose`] made; `None` of nothing.
    #[inline]
    pub(super) fn from_bytes(bytes: &'a [u8]) -> Option<Self> {
        let (count, rest) = bytes.split_first()?;
        let (pointers, rest) = rest.split_at_checked(2 * usize::from(*count))?;
        let (neighbours, record) = rest.split_first_chunk::<4>()?;
        let neighbours = u32::from_le_bytes(*neighbours);
        Some(Self { pointers, neighbours: [neighbours as u16, (neighbours >> 16) as u16], record })
    }

    /// The record, but for where its pointers lead.
    #[inline]
    pub fn record(&self) -> &'a [u8] {
        self.record
    }

    /// Lets the pointers of `record`, a copy that stands at `start` in a message, lead where they must if the apex
    /// stands at `apex`.
    #[inline]
    pub fn point(&self, record: &mut [u8], start: usize, apex: usize) {
        for at in self.pointers.as_chunks::<2>().0 {
            let at = usize::from(u16::from_le_bytes(*at));
            let Some(place) = record.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<2>()) else {
                return;
            };
            let offset = u16::from_be_bytes(*place);
            *place = compression::pointer(offset, apex, start).to_be_bytes();
        }
    }

    /// Whether MNAME or RNAME, too, has this label directly below the apex: a question below it could be pointed at for
    /// more than the apex. `label` begins with its length.
    #[inline]
    pub fn has_neighbour(&self, label: &[u8]) -> bool {
        self.neighbours.iter().any(|at| {
            let here = self.record.get(usize::from(*at)..usize::from(*at) + label.len());
            *at > 0 && here.is_some_and(|here| here.eq_ignore_ascii_case(label))
        })
    }
}

/// Composes the SOA of the zone with this apex, in lower case, from its RDATA and the SOA's TTL. Nothing for octets that
/// are no RDATA of an SOA, and for names of more labels than a message that is written name by name keeps in mind.
pub(super) fn compose(apex: &[u8], ttl: u32, rdata: &[u8]) -> Vec<u8> {
    let Some((mname, rname, numbers)) = split(rdata) else { return Vec::new() };
    if [apex, mname, rname].into_iter().map(name::labels).sum::<usize>() > LABELS {
        return Vec::new();
    }
    let minimum = numbers.last_chunk::<4>().map_or(ttl, |minimum| u32::from_be_bytes(*minimum));
    let mut record = Record::new(apex);
    record.extend(&SOA);
    record.extend(&ttl.min(minimum).to_be_bytes());
    record.extend(&[0, 0]);
    let neighbours = [mname, rname].map(|name| record.push(name));
    record.extend(numbers);
    let (octets, pointers) = record.finish();
    let mut bytes = Vec::with_capacity(1 + 2 * NAMES + 4 + octets.len());
    bytes.push(pointers.len() as u8);
    for number in pointers.into_iter().chain(neighbours) {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes.extend_from_slice(&octets);
    bytes
}

/// MNAME, RNAME, and the numbers.
fn split(rdata: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (mname, rest) = rdata.split_at_checked(name::wire_length(rdata).ok()?)?;
    let (rname, numbers) = rest.split_at_checked(name::wire_length(rest).ok()?)?;
    (numbers.len() == NUMBERS).then_some((mname, rname, numbers))
}
