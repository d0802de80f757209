//! A record with its names compressed (RFC 1035 section 4.1.4) before the message is known that it will stand in.
//!
//! Two things are known: a name that will stand before it, and the record itself. So a pointer is an offset into one or
//! the other, until somebody says where they begin.

use super::node::RECORD_HEAD;

/// Of an offset: it is one into the record.
const OWN: u16 = 1 << 15;

/// A record while it is composed. Its owner is the known name.
pub(super) struct Record<'a> {
    known: &'a [u8],
    octets: Vec<u8>,
    /// Where pointers stand, each the offset that it leads to, in network order.
    pointers: Vec<u16>,
    /// Ends of names that stand in the record, and where.
    own: Vec<(&'a [u8], usize)>,
}

/// What an offset becomes where the known name and the record begin at these offsets into the message.
#[inline]
pub(super) fn pointer(offset: u16, known: usize, record: usize) -> u16 {
    let base = if offset & OWN == 0 { known } else { record };
    0xc000 | (base as u16 + (offset & !OWN))
}

// === impl Record ===

impl<'a> Record<'a> {
    pub(super) fn new(known: &'a [u8]) -> Self {
        Self { known, octets: vec![0, 0], pointers: vec![0], own: Vec::new() }
    }

    /// Adds octets that are no name.
    pub(super) fn extend(&mut self, octets: &[u8]) {
        self.octets.extend_from_slice(octets);
    }

    /// Adds a name, of which an end that is known becomes a pointer; gives where its label directly below the known
    /// name stands, or 0.
    pub(super) fn push(&mut self, name: &'a [u8]) -> u16 {
        let (mut at, mut neighbour) = (0, 0);
        while name[at] != 0 {
            let end = &name[at..];
            if let Some(offset) = self.find(end) {
                self.pointers.push(self.octets.len() as u16);
                self.octets.extend_from_slice(&offset.to_be_bytes());
                return if end.len() == self.known.len() && offset == 0 { neighbour } else { 0 };
            }
            let label = usize::from(name[at]) + 1;
            neighbour = self.octets.len() as u16;
            self.own.push((end, self.octets.len()));
            self.octets.extend_from_slice(&end[..label]);
            at += label;
        }
        self.octets.push(0);
        // Below the root every name ends so.
        if self.known.len() == 1 { neighbour } else { 0 }
    }

    /// The record, its RDLENGTH set, and where its pointers stand.
    pub(super) fn finish(mut self) -> (Vec<u8>, Vec<u16>) {
        let rdlength = (self.octets.len() - RECORD_HEAD) as u16;
        self.octets[RECORD_HEAD - 2..RECORD_HEAD].copy_from_slice(&rdlength.to_be_bytes());
        (self.octets, self.pointers)
    }

    fn find(&self, end: &[u8]) -> Option<u16> {
        let into_known = self.known.len().checked_sub(end.len());
        match into_known {
            Some(offset) if is_end(self.known, offset) && self.known[offset..].eq_ignore_ascii_case(end) => {
                Some(offset as u16)
            }
            _ => {
                let same = |(own, _): &&(&[u8], usize)| own.eq_ignore_ascii_case(end);
                self.own.iter().find(same).map(|(_, at)| OWN | *at as u16)
            }
        }
    }
}

/// Whether a label of the name starts at this offset.
fn is_end(name: &[u8], offset: usize) -> bool {
    let mut at = 0;
    while at < offset {
        at += usize::from(name[at]) + 1;
    }
    at == offset
}
