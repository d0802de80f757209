//! Owners with their rows, copied: what one stage of a load hands to the next.

use crate::content::Slot;
use crate::error::Corrupt;
use crate::zones::Above;

/// So many octets are handed on at a time: some hundred owners.
const FULL: usize = 64 << 10;

/// Some owners, in canonical order.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// For each owner its sort key, then for each row its key behind the owner, and its value.
    octets: Vec<u8>,
    /// Where each owner's sort key ends in `octets`, and its rows in `rows`.
    owners: Vec<(usize, usize)>,
    /// Where each row's key ends, and its value.
    rows: Vec<(usize, usize)>,
    /// The zones at or above each owner, once they are known.
    pub(super) above: Vec<Above>,
}

// === impl Batch ===

impl Batch {
    pub(super) fn push(&mut self, owner: &[u8], slots: &[Slot<'_>]) {
        self.octets.extend_from_slice(owner);
        let end = self.octets.len();
        for slot in slots {
            self.octets.extend_from_slice(slot.rest);
            let key_end = self.octets.len();
            self.octets.extend_from_slice(slot.row.bytes());
            self.rows.push((key_end, self.octets.len()));
        }
        self.owners.push((end, self.rows.len()));
    }

    pub(super) fn is_full(&self) -> bool {
        self.octets.len() >= FULL
    }

    /// Empties it; the room stays.
    pub(super) fn clear(&mut self) {
        self.octets.clear();
        self.owners.clear();
        self.rows.clear();
        self.above.clear();
    }

    /// Hands every owner to `visit` with its rows, and its place among the owners.
    pub(super) fn owners<E: From<Corrupt>>(
        &self,
        mut visit: impl FnMut(usize, &[u8], &[Slot<'_>]) -> Result<(), E>,
    ) -> Result<(), E> {
        let (mut at, mut row) = (0, 0);
        let mut slots = Vec::new();
        for (place, &(owner_end, rows_end)) in self.owners.iter().enumerate() {
            let owner = &self.octets[at..owner_end];
            at = owner_end;
            slots.clear();
            for &(key_end, end) in &self.rows[row..rows_end] {
                slots.push(Slot::parse(&self.octets[at..key_end], &self.octets[key_end..end])?);
                at = end;
            }
            row = rows_end;
            visit(place, owner, &slots)?;
        }
        Ok(())
    }
}
