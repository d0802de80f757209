//! A batch of events becomes rows, zones and the next catalogue.
//!
//! ```text
//! events ─▶ touched owners (rows before and after) ─▶ layer
//!                 │ SOA slots ─▶ zones that come and go ─▶ the subtrees below them
//!                 │ timestamps ─▶ newest row of each zone ─▶ serials
//!                 └▶ nodes of the catalogue, changes
//! ```
//! Everything that can fail before the layer is touched is done first; if anything fails behind that, the
//! layer is put back and the catalogue is made again before the next batch.

use crate::changes::Change;
use crate::content::Slot;
use crate::disk::Table;
use crate::error::StoreError;
use crate::keys::{self, RowKey, SlotKey};
use crate::layers::View;
use crate::next::Next;
use crate::piece::{Gathering, Piece};
use crate::row::{QuarantineRow, Row};
use crate::store::{AppliedBatch, Batch, Store};
use crate::touched::{Room, Touched, TouchedOwners};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use zone_model::{Event, EventBody, EventKey, Partition, Position, RecordType, SetRrSet};

/// What a batch leads to, as far as no zone is looked at.
struct Work<'r> {
    room: &'r Room,
    /// Where a key or a value is written before its length is known.
    written: Vec<u8>,
    touched: TouchedOwners<'r>,
    /// Quarantined slots: whether there was an entry, and what becomes of it.
    quarantine: BTreeMap<Box<[u8]>, QuarantineChange>,
    positions: BTreeMap<Partition, Position>,
    events: usize,
    quarantined: usize,
}

/// Whether there was an entry, and the one that there is behind the batch.
type QuarantineChange = (bool, Option<Vec<u8>>);

/// What an event does to its slot.
pub(crate) struct Effect<'e> {
    /// Whose row it sets or removes; `None` where it leaves the rows alone.
    pub(crate) row: Option<(&'e EventKey, Option<&'e SetRrSet>)>,
    /// What is quarantined; where that is nothing, what was is cleared.
    pub(crate) quarantined: Option<Vec<u8>>,
}

/// How much memory for a batch's octets is kept for the next, in bytes: that of some hundred events.
const KEPT_ROOM: usize = 256 << 10;

/// What the layer held before the batch.
type Undo = Vec<(Table, Piece, Option<Change>)>;

// === impl Store ===

impl Store {
    /// Applies a batch: all of it or, with an error, nothing. Events at or before the position up to which
    /// their partition is applied are passed over, so a batch may be sent again.
    ///
    /// # Errors
    /// [`StoreError::NotOpened`] before [`open_source`](Self::open_source); [`StoreError::Full`] while too
    /// much waits for the disk; [`StoreError::Loss`] where a source that is read again beside came in step and
    /// lacks too much, of which the events were applied, beside; others where the store cannot be read.
    pub fn apply(&mut self, batch: &Batch) -> Result<AppliedBatch, StoreError> {
        let mut room = std::mem::take(&mut self.room);
        let applied = self.apply_in(&room, batch);
        if room.allocated_bytes() > KEPT_ROOM {
            room = Room::new();
        }
        room.reset();
        self.room = room;
        applied
    }

    fn apply_in(&mut self, room: &Room, batch: &Batch) -> Result<AppliedBatch, StoreError> {
        let source = self.opened(&batch.source)?;
        let (bytes, limit) = (self.pending().bytes, self.config.overlay_bytes);
        if bytes > limit {
            return Err(StoreError::Full { bytes, limit });
        }
        self.mend()?;
        if self.is_building(source) && !self.is_read_at_once(source, batch) {
            return self.apply_beside(source, batch);
        }
        let work = self.read_batch(room, source, batch)?;
        let undo = self.put(&work);
        let (quarantine, positions) = (work.quarantine, work.positions);
        let mut applied =
            AppliedBatch { events: work.events, quarantined: work.quarantined, ..Default::default() };
        if !work.touched.is_empty()
            && let Err(error) = self.follow(room, work.touched, &mut applied)
        {
            for (table, key, old) in undo.into_iter().rev() {
                self.active.restore(table, key, old);
            }
            self.stale = true;
            // If this fails, too, it is tried again before the next batch or commit.
            let _ = self.mend();
            return Err(error);
        }
        for (existed, change) in quarantine.values() {
            self.quarantined = self.quarantined + u64::from(change.is_some()) - u64::from(*existed);
        }
        for (partition, position) in positions {
            self.positions.insert((source, partition), position);
            self.active.positions.insert((source, partition), Some(position));
        }
        if let Some(moment) = batch.in_step {
            self.came_in_step(source, moment);
        }
        self.events_applied += applied.events as u64;
        Ok(applied)
    }

    /// Reads what the batch touches and applies the events to the copy.
    fn read_batch<'r>(&self, room: &'r Room, source: u16, batch: &Batch) -> Result<Work<'r>, StoreError> {
        let view = self.view()?;
        let mut work = Work::new(room);
        for event in &batch.events {
            messages::let_pass();
            if !self.advance(source, event.partition, event.position, &mut work.positions) {
                continue;
            }
            work.events += 1;
            let slot = SlotKey { source, partition: event.partition.0, raw: &event.key };
            let Effect { row, quarantined } = Effect::of(event);
            if let Some((key, set)) = row {
                work.put_row(view, key, slot, event, set)?;
            }
            work.quarantined += usize::from(quarantined.is_some());
            // Looking for an entry to clear costs a read, and there are hardly ever any.
            if quarantined.is_some() || self.quarantined > 0 || !work.quarantine.is_empty() {
                work.put_quarantine(view, slot, quarantined)?;
            }
        }
        for (partition, position) in &batch.positions {
            self.advance(source, *partition, *position, &mut work.positions);
        }
        Ok(work)
    }

    /// Moves a partition on; false where it stands there, or behind, already.
    pub(crate) fn advance(
        &self,
        source: u16,
        partition: Partition,
        to: Position,
        moved: &mut BTreeMap<Partition, Position>,
    ) -> bool {
        let at = moved.get(&partition).or_else(|| self.positions.get(&(source, partition)));
        let moves = at.is_none_or(|at| *at < to);
        if moves {
            moved.insert(partition, to);
        }
        moves
    }

    /// Puts the changed rows and quarantined events into the layer.
    fn put(&mut self, work: &Work<'_>) -> Undo {
        let mut gathering = Gathering::default();
        for (owner, touched) in &work.touched {
            for (old, new) in touched.differences() {
                let Some(Slot { rest, .. }) = new.or(old) else { continue };
                let value =
                    new.map(|new| move |octets: &mut Vec<u8>| octets.extend_from_slice(new.row.bytes()));
                gathering.add(Table::Rows, |octets| keys::append_to(owner, rest, octets), value);
            }
        }
        for (key, (_, change)) in &work.quarantine {
            let value = change.as_ref().map(|change| |octets: &mut Vec<u8>| octets.extend_from_slice(change));
            gathering.add(Table::Quarantine, |octets| octets.extend_from_slice(key), value);
        }
        let (gathered, mut undo) = (gathering.end(), Undo::new());
        self.active.take(&gathered, |place, old| undo.push((place.table, gathered.piece(&place.key), old)));
        undo
    }

    /// Brings zones and catalogue in line with the rows.
    fn follow<'r>(
        &mut self,
        room: &'r Room,
        touched: TouchedOwners<'r>,
        applied: &mut AppliedBatch,
    ) -> Result<(), StoreError> {
        let zones = std::mem::take(&mut self.zones);
        let next = Next::new(self.view()?, &self.settings, &self.sources, zones, room, touched);
        let followed = next.follow(&self.catalog, self.config.collect_changes)?;
        (applied.changes, applied.changed) = (followed.changes, followed.changed);
        (self.zones, self.catalog) = (followed.zones, followed.catalog);
        self.active.digests.extend(followed.digests);
        self.slots = self.slots.saturating_add_signed(followed.slots);
        Ok(())
    }
}

/// Why an RRset of this key can be nobody's. The decoder refuses such a key with its value; this is the last
/// line before the rows, whose keys cannot say it.
fn misplaced(key: &EventKey) -> Option<&'static str> {
    let apex = key.apex.as_ref()?;
    if !key.owner.is_at_or_below(apex) {
        return Some("the key names a zone that does not hold its owner; write <owner>|<TYPE>|<apex>");
    }
    let misplaced = key.rtype == RecordType::SOA && key.owner != *apex;
    misplaced.then_some("an SOA belongs to its owner, and the key names another zone; write <apex>|SOA")
}

/// The row's key behind its owner.
pub(crate) fn row_key<'a>(key: &EventKey, slot: SlotKey<'a>) -> RowKey<'a> {
    let apex = key.apex.as_ref().map(|apex| apex.label_count() as u8);
    RowKey { rtype: key.rtype, apex, slot }
}

// === impl Effect ===

impl<'e> Effect<'e> {
    pub(crate) fn of(event: &'e Event) -> Self {
        let quarantined = |reason: &str, value: Option<&[u8]>| Self {
            row: None,
            quarantined: Some(QuarantineRow::encode(event, reason, value)),
        };
        match &event.body {
            EventBody::Set(set) => match misplaced(&set.key) {
                None => Self { row: Some((&set.key, Some(set))), quarantined: None },
                Some(reason) => quarantined(reason, None),
            },
            EventBody::Null(Some(key)) if misplaced(key).is_none() => {
                Self { row: Some((key, None)), quarantined: None }
            }
            EventBody::Null(_) => Self { row: None, quarantined: None },
            EventBody::Unusable(unusable) => quarantined(&unusable.reason, unusable.value.as_deref()),
        }
    }
}

// === impl Work ===

impl<'r> Work<'r> {
    fn new(room: &'r Room) -> Self {
        Self {
            room,
            written: Vec::new(),
            touched: TouchedOwners::new(),
            quarantine: BTreeMap::new(),
            positions: BTreeMap::new(),
            events: 0,
            quarantined: 0,
        }
    }

    /// Sets the row of an event's slot, or removes it.
    fn put_row(
        &mut self,
        view: View<'_>,
        key: &EventKey,
        slot: SlotKey<'_>,
        event: &Event,
        set: Option<&SetRrSet>,
    ) -> Result<(), StoreError> {
        let Self { room, written, touched, .. } = self;
        written.clear();
        key.owner.append_sort_key(written);
        let touched = match touched.entry(room.alloc_slice_copy(written)) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let rows = view.owner(room, entry.key())?;
                entry.insert(Touched::new(rows, false))
            }
        };
        written.clear();
        row_key(key, slot).append(written);
        let value = written.len();
        if let Some(set) = set {
            Row::append(event, set, written);
        }
        let (rest, value) = written.split_at(value);
        touched.put(room, rest, set.map(|_| value))?;
        Ok(())
    }

    fn put_quarantine(
        &mut self,
        view: View<'_>,
        slot: SlotKey<'_>,
        change: Option<Vec<u8>>,
    ) -> Result<(), StoreError> {
        let key: Box<[u8]> = slot.encode().into();
        if let Some((_, own)) = self.quarantine.get_mut(&key) {
            *own = change;
            return Ok(());
        }
        let existed = view.has(Table::Quarantine, &key)?;
        if existed || change.is_some() {
            self.quarantine.insert(key, (existed, change));
        }
        Ok(())
    }
}
