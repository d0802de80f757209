//! Reading a source again beside what is served, and taking what came of it.
//!
//! ```text
//! serving copy  ──────────────────────────── serves ─────────────────────┬─ swept away
//!                   │ rebuild                                            │
//!                   └▶ building copy ── filled, seen by nobody ── guard ─┴─▶ serves
//! ```
//! The swap is one transaction that changes what two numbers mean, whatever the size of the state; the rows of
//! the old copy go afterwards, some thousand at a time. While a source is rebuilt nothing of it is applied to
//! what is served.

use crate::apply::{Effect, row_key};
use crate::content::{Slot, soa_state};
use crate::disk::Table;
use crate::error::StoreError;
use crate::keys::{self, SlotKey};
use crate::piece::Gathering;
use crate::row::Row;
use crate::sources::{Copied, Role};
use crate::store::{AppliedBatch, Batch, Store};
use crate::zones::SoaState;
use messages::{Rebuild, SourceState};
use std::collections::{BTreeMap, BTreeSet};
use zone_model::{DECODER_VERSION, Partition, SourceId, Timestamp};

/// Of so many RRsets one may be missing from what was read anew.
const MAY_LACK_ONE_OF: u64 = 10;
/// Zones that are named where some would be lost.
const NAMED: usize = 5;

/// What would be lost if a building copy took the place of the serving one.
#[derive(Debug, Default)]
struct Losses {
    /// Zones that are served and that the log, read anew, does not even say to be deleted: the first few.
    zones: Vec<String>,
    zone_count: u64,
    /// RRsets of the serving copy, and how many of them no slot of the building one speaks of.
    rrsets: u64,
    lacking: u64,
}

// === impl Store ===

impl Store {
    /// As [`open_source`](Self::open_source); `now` is when a reading that begins here began, and `rebuild`
    /// says whether the source is to be read again beside what is served.
    ///
    /// A source that another version of the decoder filled is read again beside in any case.
    ///
    /// # Errors
    /// [`StoreError::TooManySources`] where the store cannot take one more.
    pub fn open_source_at(
        &mut self,
        source: &SourceId,
        now: Timestamp,
        rebuild: Option<Rebuild>,
    ) -> Result<SourceState, StoreError> {
        let serving = self.sources.number(source);
        let mut building = self.sources.building(source);
        let is_old = |store: &Self, number: u16| {
            store.sources.copy(number).is_some_and(|copy| copy.decoder != DECODER_VERSION)
        };
        if let Some(number) = building.filter(|number| is_old(self, *number)) {
            self.change_copy(number, |copy| copy.role = Role::Dropping);
            building = None;
        }
        let copy = |role, accept_loss| Copied {
            source: source.clone(),
            role,
            decoder: DECODER_VERSION,
            began: now,
            accept_loss,
        };
        let number = match (serving, rebuild) {
            (None, rebuild) => {
                let accept_loss =
                    matches!(rebuild, Some(Rebuild::Accept | Rebuild::Anew { accept_loss: true }));
                match building {
                    Some(building) if !matches!(rebuild, Some(Rebuild::Anew { .. })) => {
                        if accept_loss {
                            self.change_copy(building, |copy| copy.accept_loss = true);
                        }
                        building
                    }
                    building => {
                        if let Some(number) = building {
                            self.change_copy(number, |copy| copy.role = Role::Dropping);
                        }
                        // Before the end of its log nobody is answered from it: the first reading is not followed
                        // change by change, and becomes zones and a catalogue at once when it is in step.
                        let is_awaited = self.config.sources.contains(source);
                        let role = if is_awaited { Role::Building } else { Role::Serving };
                        self.add_copy(copy(role, accept_loss))?
                    }
                }
            }
            (Some(_), Some(Rebuild::Anew { accept_loss })) => {
                if let Some(number) = building {
                    self.change_copy(number, |copy| copy.role = Role::Dropping);
                }
                self.add_copy(copy(Role::Building, accept_loss))?
            }
            (Some(serving), Some(Rebuild::Accept)) => {
                let number = building.unwrap_or(serving);
                self.change_copy(number, |copy| copy.accept_loss = true);
                number
            }
            (Some(serving), None) => match building {
                Some(building) => building,
                None if is_old(self, serving) => {
                    tracing::warn!(%source, decoder = DECODER_VERSION, "another version of the decoder filled the store: the source is read again beside what is served");
                    self.add_copy(copy(Role::Building, false))?
                }
                None => serving,
            },
        };
        self.opened.retain(|own| self.sources.get(*own) != Some(source));
        self.opened.insert(number);
        let own = self.positions.range((number, Partition(0))..=(number, Partition(u32::MAX)));
        let own = own.map(|((_, partition), position)| (*partition, *position));
        let copy = self.sources.copy(number);
        Ok(SourceState {
            positions: own.collect(),
            in_step: self.in_step_of(number),
            began: copy.map_or(now, |copy| copy.began),
            rebuilding: serving.is_some() && copy.is_some_and(|copy| copy.role == Role::Building),
            accept_loss: copy.is_some_and(|copy| copy.accept_loss),
        })
    }

    /// The copy that batches of a source go to.
    pub(crate) fn opened(&self, source: &SourceId) -> Result<u16, StoreError> {
        let numbers = [self.sources.building(source), self.sources.number(source)];
        let number = numbers.into_iter().flatten().find(|number| self.opened.contains(number));
        number.ok_or_else(|| StoreError::NotOpened(source.clone()))
    }

    /// Applies nothing more of a source until it is opened again: who sends its batches has to begin again where
    /// the store says.
    pub(crate) fn close_source(&mut self, source: &SourceId) {
        self.opened.retain(|own| self.sources.get(*own) != Some(source));
    }

    pub(crate) fn is_building(&self, number: u16) -> bool {
        self.sources.copy(number).is_some_and(|copy| copy.role == Role::Building)
    }

    /// Whether any source is being read again beside what is served.
    pub fn is_rebuilding(&self) -> bool {
        let is_again = |number: &u16| {
            let copy = self.sources.copy(*number).filter(|copy| copy.role == Role::Building);
            copy.is_some_and(|copy| self.sources.number(&copy.source).is_some())
        };
        self.sources.hidden().iter().any(is_again)
    }

    fn add_copy(&mut self, copy: Copied) -> Result<u16, StoreError> {
        let number = self.sources.add(copy.clone())?;
        self.active.copies.insert(number, copy);
        Ok(number)
    }

    fn change_copy(&mut self, number: u16, change: impl FnOnce(&mut Copied)) {
        let Some(mut copy) = self.sources.copy(number).cloned() else { return };
        change(&mut copy);
        self.active.copies.insert(number, copy.clone());
        self.sources.set(number, copy);
    }

    /// Applies a batch to a building copy: rows and quarantine alone, without a look at what is there. When the
    /// batch brings the copy in step, the copy takes the place of the serving one.
    pub(crate) fn apply_beside(&mut self, number: u16, batch: &Batch) -> Result<AppliedBatch, StoreError> {
        let mut applied = AppliedBatch::default();
        let mut at = BTreeMap::new();
        let mut gathering = Gathering::default();
        for event in &batch.events {
            if !self.advance(number, event.partition, event.position, &mut at) {
                continue;
            }
            applied.events += 1;
            let slot = SlotKey { source: number, partition: event.partition.0, raw: &event.key };
            let Effect { row, quarantined } = Effect::of(event);
            if let Some((key, set)) = row {
                let value = set.map(|set| |octets: &mut Vec<u8>| Row::append(event, set, octets));
                let row_key = row_key(key, slot);
                gathering.add(Table::Rows, |octets| keys::append_row(&key.owner, &row_key, octets), value);
            }
            applied.quarantined += usize::from(quarantined.is_some());
            self.quarantined_beside |= quarantined.is_some();
            // Every event clears what was quarantined in its slot, if anything ever was.
            if self.quarantined_beside {
                let value =
                    quarantined.map(|value| move |octets: &mut Vec<u8>| octets.extend_from_slice(&value));
                gathering.add(Table::Quarantine, |octets| slot.append(octets), value);
            }
        }
        gathering.sort_roughly();
        self.active.take(&gathering.end(), |_, _| {});
        for (partition, position) in &batch.positions {
            self.advance(number, *partition, *position, &mut at);
        }
        for (partition, position) in at {
            self.positions.insert((number, partition), position);
            self.active.positions.insert((number, partition), Some(position));
        }
        self.events_applied += applied.events as u64;
        if let Some(moment) = batch.in_step {
            self.swap(&batch.source, number, moment)?;
            applied.rebuilt = true;
        }
        Ok(applied)
    }

    /// Whether this batch is the whole of a log that was never read, to its end: it is then followed change by change.
    /// If so its copy serves from now on.
    pub(crate) fn is_read_at_once(&mut self, number: u16, batch: &Batch) -> bool {
        let own = (number, Partition(0))..=(number, Partition(u32::MAX));
        let is_first =
            self.sources.number(&batch.source).is_none() && self.positions.range(own).next().is_none();
        let is_whole = is_first && batch.in_step.is_some();
        if is_whole {
            self.change_copy(number, |copy| copy.role = Role::Serving);
        }
        is_whole
    }

    /// Has a building copy take the place of the serving one, if that loses nothing or a loss is accepted.
    fn swap(&mut self, source: &SourceId, number: u16, moment: Timestamp) -> Result<(), StoreError> {
        let old = self.sources.number(source);
        let accepted = self.sources.copy(number).is_some_and(|copy| copy.accept_loss);
        let before = self.sources.clone();
        // The guard looks at the rows as they will be seen, so the roles change first.
        let role = |store: &mut Self, number: u16, role: Role| {
            let Some(mut copy) = store.sources.copy(number).cloned() else { return };
            copy.role = role;
            store.sources.set(number, copy);
        };
        role(self, number, Role::Serving);
        if let Some(old) = old {
            role(self, old, Role::Dropping);
        }
        let swapped = match old.filter(|_| !accepted) {
            Some(old) => self.losses(old, number).and_then(|losses| losses.accept(source)),
            None => Ok(()),
        };
        if let Err(error) = swapped.and_then(|()| self.reload()) {
            self.sources = before;
            return Err(error);
        }
        for number in old.into_iter().chain([number]) {
            self.active.copies.extend(self.sources.copy(number).map(|copy| (number, copy.clone())));
        }
        self.opened.extend([number]);
        if let Some(old) = old {
            self.opened.remove(&old);
        }
        self.came_in_step(number, moment);
        tracing::info!(%source, zones = self.zones.len(), rrsets = self.slots, "what was read beside is served now");
        Ok(())
    }

    /// What of the copy `old` the copy `new` does not speak of. `new` is the one that is seen already.
    fn losses(&self, old: u16, new: u16) -> Result<Losses, StoreError> {
        let mut losses = Losses::default();
        let nothing = BTreeSet::new();
        let hidden = self.sources.hidden();
        self.view()?.hiding(&nothing).walk(&[], &[], |owner, slots| {
            for slots in slots.chunk_by(|left, right| left.key.rtype == right.key.rtype) {
                let of = |number| slots.iter().filter(move |slot: &&Slot<'_>| slot.key.slot.source == number);
                if of(old).any(|slot| !slot.row.is_empty()) {
                    losses.rrsets += 1;
                    losses.lacking += u64::from(of(new).next().is_none());
                }
            }
            if self.zones.get(owner).is_some_and(|zone| !zone.synthesised) {
                let seen: Vec<Slot<'_>> =
                    slots.iter().filter(|slot| !hidden.contains(&slot.key.slot.source)).copied().collect();
                if soa_state(owner, &seen, &self.sources)? == SoaState::None {
                    losses.zone_count += 1;
                    if losses.zones.len() < NAMED {
                        losses.zones.push(keys::name(owner)?.to_string());
                    }
                }
            }
            Ok(())
        })?;
        Ok(losses)
    }

    /// Removes rows of copies that count for nothing more, after looking at up to `most` rows. Whether there is
    /// more to do. What is removed is on the disk with the next commit.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn sweep(&mut self, most: usize) -> Result<bool, StoreError> {
        let Some(number) = self.sources.dropping() else { return Ok(false) };
        let (from, mut looked) = (self.swept.take().unwrap_or_default(), 0);
        let (mut gone, mut next) = (Gathering::default(), None);
        self.view()?.scan_while(Table::Rows, &from, None, |key, _| {
            looked += 1;
            if looked > most {
                next = Some(key.to_vec());
                return Ok(false);
            }
            if keys::copy_of(&key[keys::owner_length(key)? + 1..])? == number {
                gone.remove(Table::Rows, key);
            }
            Ok(true)
        })?;
        self.active.take(&gone.end(), |_, _| {});
        if next.is_some() {
            self.swept = next;
            return Ok(true);
        }
        self.forget(number)?;
        Ok(self.sources.dropping().is_some())
    }

    /// The last of a copy: its quarantined events, its positions, and then its number is free.
    fn forget(&mut self, number: u16) -> Result<(), StoreError> {
        let mut gone = Gathering::default();
        let behind = number.checked_add(1).map(u16::to_be_bytes);
        let behind = behind.as_ref().map(<[u8; 2]>::as_slice);
        self.view()?.scan(Table::Quarantine, &number.to_be_bytes(), behind, |key, _| {
            gone.remove(Table::Quarantine, key);
            Ok(())
        })?;
        self.active.take(&gone.end(), |_, _| {});
        let own = (number, Partition(0))..=(number, Partition(u32::MAX));
        let partitions: Vec<_> = self.positions.range(own).map(|(key, _)| *key).collect();
        for key in partitions {
            self.positions.remove(&key);
            self.active.positions.insert(key, None);
        }
        self.forget_in_step(number);
        self.change_copy(number, |copy| copy.role = Role::Free);
        Ok(())
    }
}

// === impl Losses ===

impl Losses {
    /// Nothing, where little enough is lost.
    fn accept(self, source: &SourceId) -> Result<(), StoreError> {
        if self.zone_count == 0 && self.lacking * MAY_LACK_ONE_OF <= self.rrsets {
            return Ok(());
        }
        let mut what = Vec::new();
        if self.zone_count > 0 {
            let more = self.zone_count - self.zones.len() as u64;
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            what.push(format!("the zones {}{more}", self.zones.join(", ")));
        }
        if self.lacking > 0 {
            what.push(format!("{} of {} RRsets", self.lacking, self.rrsets));
        }
        Err(StoreError::Loss { source_id: source.clone(), what: what.join(", and ") })
    }
}
