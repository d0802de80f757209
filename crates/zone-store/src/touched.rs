//! The owners that a batch has to do with, and their rows before and behind it.

use crate::content::Slot;
use crate::error::Corrupt;
use crate::layers::OwnerRows;
use std::collections::BTreeMap;
use zone_model::RecordType;

/// Where all octets of a batch are kept while it is applied: one piece of memory that the next batch finds near, where
/// each row by itself would be put into another hole of the allocator's.
pub(crate) type Room = bumpalo::Bump;

/// The owners of a batch, by their sort keys.
pub(crate) type TouchedOwners<'r> = BTreeMap<&'r [u8], Touched<'r>>;

/// An owner that the batch has to do with.
#[derive(Debug)]
pub(crate) struct Touched<'r> {
    pub(crate) before: OwnerRows<'r>,
    pub(crate) after: OwnerRows<'r>,
    /// Only the zone's serial moved.
    pub(crate) serial_only: bool,
}

/// A row before and after.
pub(crate) type Difference<'r> = (Option<Slot<'r>>, Option<Slot<'r>>);

// === impl Touched ===

impl<'r> Touched<'r> {
    pub(crate) fn new(rows: OwnerRows<'r>, serial_only: bool) -> Self {
        Self { before: rows.clone(), after: rows, serial_only }
    }

    /// Sets or removes the row of this key behind the owner.
    pub(crate) fn put(&mut self, room: &'r Room, rest: &[u8], value: Option<&[u8]>) -> Result<(), Corrupt> {
        let value = value.map(|value| &*room.alloc_slice_copy(value));
        let at = self.after.binary_search_by(|own| own.rest.cmp(rest));
        match (at, value) {
            (Ok(at), Some(value)) => self.after[at] = Slot::parse(self.after[at].rest, value)?,
            (Ok(at), None) => drop(self.after.remove(at)),
            (Err(at), Some(value)) => self.after.insert(at, Slot::parse(room.alloc_slice_copy(rest), value)?),
            (Err(_), None) => {}
        }
        Ok(())
    }

    /// Rows that were set or removed.
    pub(crate) fn differences(&self) -> Vec<Difference<'r>> {
        let (mut before, mut after) = (self.before.iter().peekable(), self.after.iter().peekable());
        let mut differences = Vec::new();
        loop {
            let heads = [before.peek(), after.peek()].into_iter().flatten();
            let Some(rest) = heads.map(|slot| slot.rest).min() else { return differences };
            let old = before.next_if(|own| own.rest == rest).copied();
            let new = after.next_if(|own| own.rest == rest).copied();
            let is_same =
                old.zip(new).is_some_and(|(old, new)| std::ptr::eq(old.row.bytes(), new.row.bytes()));
            if !is_same {
                differences.push((old, new));
            }
        }
    }

    pub(crate) fn has_soa(&self) -> bool {
        self.before.iter().chain(&self.after).any(|slot| slot.key.rtype == RecordType::SOA)
    }
}
