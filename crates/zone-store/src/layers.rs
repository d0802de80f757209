//! What is applied and not yet on disk, in front of what is.
//!
//! ```text
//! reads ─▶ active layer ─▶ layer on its way to the disk ─▶ recent rows ─▶ rows in their places
//!                                                          └─ redb, as of the last commit ──┘
//! ```

use crate::changes::{Change, Changes, Span};
use crate::content::Slot;
use crate::disk::{Reader, Table};
use crate::error::StoreError;
use crate::keys;
use crate::pace::{BACKLOG, BACKLOG_BYTES};
use crate::piece::{Gathered, Piece, Place};
use crate::recent::Recent;
use crate::sources::Copied;
use crate::touched::Room;
use std::collections::{BTreeMap, BTreeSet};
use zone_model::{Partition, Position, Timestamp, ZoneDigest};

/// What an entry of [`Changes`] takes beside its octets, roughly: an estimate that bounds memory.
pub(crate) const ENTRY_OVERHEAD: usize = 96;

/// What one commit writes: all of it or nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layer {
    pub(crate) rows: Changes,
    pub(crate) quarantine: Changes,
    /// `None` for what is forgotten.
    pub(crate) positions: BTreeMap<(u16, Partition), Option<Position>>,
    pub(crate) copies: BTreeMap<u16, Copied>,
    /// `None` for what is forgotten.
    pub(crate) in_step: BTreeMap<u16, Option<Timestamp>>,
    /// The digests of zones, by their apexes; `None` where a zone went.
    pub(crate) digests: BTreeMap<Box<[u8]>, Option<ZoneDigest>>,
    /// What the configuration says of zones, as one number.
    pub(crate) zones: u64,
    /// Roughly how much memory it takes. What is replaced counts, too: what was gathered with it keeps it.
    pub(crate) bytes: usize,
}

/// All layers at one moment.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) active: &'a Layer,
    pub(crate) committing: Option<&'a Layer>,
    /// What the last commit, and those before it, appended.
    pub(crate) recent: &'a Recent,
    pub(crate) reader: &'a Reader,
    /// The copies whose rows are passed over by whoever reads owner by owner.
    pub(crate) hidden: &'a BTreeSet<u16>,
}

/// An owner's rows, copied, in the order of their keys.
pub(crate) type OwnerRows<'r> = bumpalo::collections::Vec<'r, Slot<'r>>;

// === impl Layer ===

impl Layer {
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
            && self.quarantine.is_empty()
            && self.positions.is_empty()
            && self.copies.is_empty()
            && self.in_step.is_empty()
            && self.digests.is_empty()
    }

    pub(crate) fn changes(&self, table: Table) -> &Changes {
        match table {
            Table::Rows => &self.rows,
            Table::Quarantine => &self.quarantine,
        }
    }

    fn changes_mut(&mut self, table: Table) -> &mut Changes {
        match table {
            Table::Rows => &mut self.rows,
            Table::Quarantine => &mut self.quarantine,
        }
    }

    /// Whether it is so much that a log is being caught up with.
    pub(crate) fn is_backlog(&self) -> bool {
        self.rows.len() > BACKLOG.0 || self.bytes > BACKLOG_BYTES
    }

    /// Sets what was gathered, in its order. `replaced` is told what was there for each key, to be put back if the batch
    /// fails.
    pub(crate) fn take(&mut self, gathered: &Gathered, mut replaced: impl FnMut(&Place, Option<Change>)) {
        self.bytes += gathered.len();
        if self.rows.is_empty() {
            self.rows.set_common(gathered.common());
        }
        for place in gathered.places() {
            let value = place.value.as_ref().map(|value| gathered.piece(value));
            let old = self.put(place.table, gathered.piece(&place.key), value);
            replaced(place, old);
        }
    }

    fn put(&mut self, table: Table, key: Piece, change: Change) -> Option<Change> {
        let old = self.changes_mut(table).put(key, change);
        self.bytes += if old.is_none() { ENTRY_OVERHEAD } else { 0 };
        old
    }

    /// Puts back what [`take`](Self::take) replaced.
    pub(crate) fn restore(&mut self, table: Table, key: Piece, old: Option<Change>) {
        if let Some(old) = old {
            self.put(table, key, old);
            return;
        }
        let gone = self.changes_mut(table).remove(key);
        self.bytes = self.bytes.saturating_sub(if gone.is_some() { ENTRY_OVERHEAD } else { 0 });
    }
}

// === impl View ===

impl<'a> View<'a> {
    /// The same rows with others hidden.
    pub(crate) fn hiding(self, hidden: &'a BTreeSet<u16>) -> Self {
        Self { hidden, ..self }
    }

    /// Whether a row counts, whose key behind its owner this is.
    fn shows(&self, rest: &[u8]) -> Result<bool, StoreError> {
        Ok(self.hidden.is_empty() || !self.hidden.contains(&keys::copy_of(rest)?))
    }

    /// What stands in front of a table, the newest first.
    fn pending(&self, table: Table) -> [Option<&'a Changes>; 3] {
        let recent = (table == Table::Rows).then(|| self.recent.rows());
        [Some(self.active.changes(table)), self.committing.map(|layer| layer.changes(table)), recent]
    }

    /// Whether a key has a value.
    pub(crate) fn has(&self, table: Table, key: &[u8]) -> Result<bool, StoreError> {
        match self.pending(table).into_iter().flatten().find_map(|changes| changes.get(key)) {
            Some(change) => Ok(change.is_some()),
            None => self.reader.has(table, key),
        }
    }

    /// Hands every entry from `from` up to `to` to `visit`, in the order of keys.
    pub(crate) fn scan(
        &self,
        table: Table,
        from: &[u8],
        to: Option<&[u8]>,
        mut visit: impl FnMut(&[u8], &[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.scan_while(table, from, to, |key, value| visit(key, value).map(|()| true))
    }

    /// As [`scan`](Self::scan), as long as `visit` says so.
    pub(crate) fn scan_while(
        &self,
        table: Table,
        from: &[u8],
        to: Option<&[u8]>,
        visit: impl FnMut(&[u8], &[u8]) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        self.scan_span(table, &Span::new(from, to), visit)
    }

    fn scan_span(
        &self,
        table: Table,
        span: &Span,
        mut visit: impl FnMut(&[u8], &[u8]) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        let mut pending =
            self.pending(table).map(|changes| changes.map(|changes| changes.range(span).peekable()));
        let mut disk = self.reader.range(table, span.from(), span.to())?;
        let mut on_disk = disk.next()?;
        loop {
            let heads = pending.iter_mut().flatten().filter_map(|own| own.peek().map(|&(key, _)| &key[..]));
            let Some(next) = heads.min() else { break };
            if let Some(entry) = &on_disk
                && entry.key() < next
            {
                if !visit(entry.key(), entry.value())? {
                    return Ok(());
                }
                on_disk = disk.next()?;
                continue;
            }
            if on_disk.as_ref().is_some_and(|entry| entry.key() == next) {
                on_disk = disk.next()?;
            }
            let mut newest = None;
            for own in pending.iter_mut().flatten() {
                let change = own.next_if(|(key, _)| ***key == *next);
                newest = newest.or(change);
            }
            if let Some((key, Some(value))) = newest
                && !visit(key, value)?
            {
                return Ok(());
            }
        }
        while let Some(entry) = on_disk {
            if !visit(entry.key(), entry.value())? {
                return Ok(());
            }
            on_disk = disk.next()?;
        }
        Ok(())
    }

    /// The rows of one owner.
    pub(crate) fn owner<'r>(&self, room: &'r Room, owner: &[u8]) -> Result<OwnerRows<'r>, StoreError> {
        let mut rows = OwnerRows::new_in(room);
        self.scan_span(Table::Rows, &keys::owner_range(owner), |key, value| {
            let rest = &key[owner.len() + 1..];
            if self.shows(rest)? {
                rows.push(Slot::parse(room.alloc_slice_copy(rest), room.alloc_slice_copy(value))?);
            }
            Ok(true)
        })?;
        Ok(rows)
    }

    /// Hands every owner at or below `top` to `visit` with its rows, in canonical order. `extra` are owners
    /// at or below `top`, in that order too, that are visited even if they have no rows.
    pub(crate) fn walk(
        &self,
        top: &[u8],
        extra: &[&[u8]],
        mut visit: impl FnMut(&[u8], &[Slot<'_>]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut extra = extra.iter().copied().peekable();
        let mut group = Group::default();
        let behind = keys::behind_subtree(top);
        self.scan(Table::Rows, top, behind.as_deref(), |key, value| {
            if !group.holds(key) {
                messages::let_pass();
                group.hand_over(&mut extra, &mut visit)?;
                group.begin(&key[..keys::owner_length(key)?]);
            }
            if self.shows(group.rest(key))? {
                group.push(key, value);
            }
            Ok(())
        })?;
        group.hand_over(&mut extra, &mut visit)?;
        extra.try_for_each(|owner| visit(owner, &[]))
    }
}

// === impl Group ===

/// The rows of the owner that a walk is at.
#[derive(Default)]
struct Group {
    /// The owner's key, once there is one.
    owner: Option<Vec<u8>>,
    bytes: Vec<u8>,
    /// Where in `bytes` each row's key and value end.
    ends: Vec<(usize, usize)>,
}

impl Group {
    fn holds(&self, key: &[u8]) -> bool {
        self.owner.as_ref().is_some_and(|owner| key.starts_with(owner) && key.get(owner.len()) == Some(&0))
    }

    fn begin(&mut self, owner: &[u8]) {
        let own = self.owner.get_or_insert_default();
        own.clear();
        own.extend_from_slice(owner);
        self.bytes.clear();
        self.ends.clear();
    }

    /// A row's key behind this owner.
    fn rest<'k>(&self, key: &'k [u8]) -> &'k [u8] {
        &key[self.owner.as_ref().map_or(0, |owner| owner.len() + 1)..]
    }

    fn push(&mut self, key: &[u8], value: &[u8]) {
        self.bytes.extend_from_slice(self.rest(key));
        let key_end = self.bytes.len();
        self.bytes.extend_from_slice(value);
        self.ends.push((key_end, self.bytes.len()));
    }

    fn hand_over<'e>(
        &self,
        extra: &mut std::iter::Peekable<impl Iterator<Item = &'e [u8]>>,
        visit: &mut impl FnMut(&[u8], &[Slot<'_>]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let Some(owner) = self.owner.as_deref() else { return Ok(()) };
        if self.ends.is_empty() {
            // All of its rows are hidden.
            return Ok(());
        }
        while let Some(before) = extra.next_if(|own| *own < owner) {
            visit(before, &[])?;
        }
        extra.next_if(|own| *own == owner);
        let mut slots = Vec::with_capacity(self.ends.len());
        let mut start = 0;
        for &(key_end, value_end) in &self.ends {
            slots.push(Slot::parse(&self.bytes[start..key_end], &self.bytes[key_end..value_end])?);
            start = value_end;
        }
        visit(owner, &slots)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::piece::Gathering;
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;

    /// The bound on what waits for the disk is one on memory: keys that are written again and again keep all of it.
    #[test]
    fn what_is_replaced_counts() {
        let mut layer = Layer::default();
        for _ in 0..100 {
            let mut gathering = Gathering::default();
            let value = |octets: &mut Vec<u8>| octets.resize(octets.len() + 1000, 0);
            gathering.add(Table::Rows, |octets| octets.extend_from_slice(b"key"), Some(value));
            layer.take(&gathering.end(), |_, _| {});
        }
        assert_eq!((layer.rows.len(), layer.bytes), (1, 100 * 1003 + ENTRY_OVERHEAD));
    }

    proptest! {
        /// A key may be changed more than once in a batch, and the last change counts.
        #[test]
        fn the_order_of_what_is_sorted_roughly_makes_no_difference(
            changes in vec((vec(0..3u8, 6..12), option::of(any::<u8>())), 0..40),
        ) {
            let gathered = |sorted: bool| {
                let mut gathering = Gathering::default();
                for (key, value) in &changes {
                    let value = value.map(|value| move |octets: &mut Vec<u8>| octets.push(value));
                    gathering.add(Table::Rows, |octets| octets.extend_from_slice(key), value);
                }
                if sorted {
                    gathering.sort_roughly();
                }
                let mut layer = Layer::default();
                layer.take(&gathering.end(), |_, _| {});
                layer.rows
            };
            prop_assert!(gathered(true).into_iter().eq(gathered(false)));
        }
    }
}
