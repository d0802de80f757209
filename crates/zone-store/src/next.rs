//! The step from the zones and the catalogue before a batch to those behind it.

use crate::content::{Owner, Serving, Slot, soa_state};
use crate::digest;
use crate::error::{Corrupt, StoreError};
use crate::keys::{self, in_order};
use crate::layers::View;
use crate::newest::Newest;
use crate::settings::{Settings, below};
use crate::sources::Sources;
use crate::touched::{Room, Touched, TouchedOwners};
use crate::zones::{Above, ByApex, SoaState, Zone, above};
use zone_model::catalog::{Editor, Placed};
use zone_model::{Catalog, Name, RecordType, RrSetChange, RrSetId, ZoneDigest};

/// How many names are taken out of the catalogue at once when a subtree is built again.
const CLEARED_AT_ONCE: usize = 1024;

/// What a batch led to.
pub(crate) struct Followed {
    pub(crate) zones: ByApex<Zone>,
    pub(crate) catalog: Catalog,
    /// By how much the number of rows changed.
    pub(crate) slots: i64,
    pub(crate) changes: Vec<RrSetChange>,
    pub(crate) changed: usize,
    /// The digests that are others now; `None` for a zone that went.
    pub(crate) digests: ByApex<Option<ZoneDigest>>,
}

/// Zones and catalogue on their way from before the batch to behind it.
pub(crate) struct Next<'a> {
    view: View<'a>,
    settings: &'a Settings,
    sources: &'a Sources,
    room: &'a Room,
    touched: TouchedOwners<'a>,
    zones: ByApex<Zone>,
    /// The served serial before the batch of each zone that the batch has to do with.
    old_serials: ByApex<u32>,
    /// Zones whose digest is another.
    digested: ByApex<()>,
    /// Zones that came or went.
    toggled: ByApex<()>,
    /// The topmost of them: below these whose a row is may have changed.
    tops: Vec<Box<[u8]>>,
    slots: i64,
    collect: bool,
    changes: Vec<RrSetChange>,
    changed: usize,
}

// === impl Next ===

impl<'a> Next<'a> {
    /// `zones` are those before the batch; `view` shows the rows behind it.
    pub(crate) fn new(
        view: View<'a>,
        settings: &'a Settings,
        sources: &'a Sources,
        zones: ByApex<Zone>,
        room: &'a Room,
        touched: TouchedOwners<'a>,
    ) -> Self {
        Self {
            view,
            settings,
            sources,
            room,
            touched,
            zones,
            old_serials: ByApex::new(),
            digested: ByApex::new(),
            toggled: ByApex::new(),
            tops: Vec::new(),
            slots: 0,
            collect: false,
            changes: Vec::new(),
            changed: 0,
        }
    }

    /// Takes the step. Changes are counted, and collected where that is asked for.
    pub(crate) fn follow(mut self, catalog: &Catalog, collect: bool) -> Result<Followed, StoreError> {
        self.collect = collect;
        self.move_zones()?;
        self.move_timestamps()?;
        self.move_serials()?;
        let catalog = self.edit(catalog)?;
        self.note_changes()?;
        let Self { zones, slots, changes, changed, mut digested, toggled, .. } = self;
        digested.extend(toggled);
        let digests = digested.into_keys().map(|apex| {
            let digest = zones.get(&apex).map(|zone| zone.digest);
            (apex, digest)
        });
        Ok(Followed { digests: digests.collect(), zones, catalog, slots, changes, changed })
    }

    /// Zones come and go with their SOA slots.
    fn move_zones(&mut self) -> Result<(), StoreError> {
        for (&apex, touched) in &self.touched {
            if !touched.has_soa() {
                continue;
            }
            let soa: SoaState = soa_state(apex, &touched.after, self.sources)?;
            let wanted = self.settings.zone(apex, soa);
            let present = self.zones.get_mut(apex);
            if let Some(zone) = &present {
                self.old_serials.insert(apex.into(), zone.served_serial());
            }
            match (present, wanted) {
                (Some(zone), Some(wanted)) => {
                    (zone.serial, zone.soa, zone.synthesised) =
                        (wanted.serial, wanted.soa, wanted.synthesised);
                    continue;
                }
                (None, Some(wanted)) => drop(self.zones.insert(apex.into(), wanted)),
                (Some(_), None) => drop(self.zones.remove(apex)),
                (None, None) => continue,
            }
            self.toggled.insert(apex.into(), ());
            if !is_below_one(&self.tops, apex) {
                self.tops.push(apex.into());
            }
        }
        Ok(())
    }

    /// Rows come, go, and change zones: the zones learn of it.
    fn move_timestamps(&mut self) -> Result<(), StoreError> {
        let touched = std::mem::take(&mut self.touched);
        for (&owner, own) in &touched {
            messages::let_pass();
            self.slots += own.after.len() as i64 - own.before.len() as i64;
            if is_below_one(&self.tops, owner) {
                continue;
            }
            let above = above(&self.zones, owner);
            self.digest(owner, (above, &own.before), (above, &own.after))?;
            for (old, new) in own.differences() {
                for (slot, added) in [(old, false), (new, true)] {
                    if let Some(slot) = slot {
                        let zone = self.owner(owner, above).zone_of(&slot);
                        self.count(owner, zone, &slot, added);
                    }
                }
            }
        }
        for top in std::mem::take(&mut self.tops) {
            self.move_subtree(&top, &touched)?;
            self.tops.push(top);
        }
        self.touched = touched;
        let noted: Vec<Box<[u8]>> = self.old_serials.keys().cloned().collect();
        for apex in noted {
            if self.zones.get(&apex).is_some_and(|zone| zone.newest.is_exhausted()) {
                self.read_again(&apex)?;
            }
        }
        Ok(())
    }

    fn move_subtree(&mut self, top: &[u8], touched: &TouchedOwners<'_>) -> Result<(), StoreError> {
        let (view, settings) = (self.view, self.settings);
        let extra = in_order(below(touched, top).chain(settings.owners(top)));
        view.walk(top, &extra, |owner, slots| {
            let after = above(&self.zones, owner);
            let before = after.toggled(above(&self.toggled, owner));
            let (was, is) = (self.owner(owner, before), self.owner(owner, after));
            if let Some(own) = touched.get(owner) {
                for slot in &own.before {
                    self.count(owner, was.zone_of(slot), slot, false);
                }
                for slot in slots {
                    self.count(owner, is.zone_of(slot), slot, true);
                }
                return self.digest(owner, (before, &own.before), (after, slots));
            }
            for slot in slots {
                let (from, to) = (was.zone_of(slot), is.zone_of(slot));
                if from != to {
                    self.count(owner, from, slot, false);
                    self.count(owner, to, slot, true);
                }
            }
            self.digest(owner, (before, slots), (after, slots))?;
            let (was, is) = (was.serving(slots), is.serving(slots));
            // An SOA that was not touched changes by its serial alone, which is not known yet.
            self.compare(owner, &was, &is, |rtype| rtype != RecordType::SOA)
        })
    }

    /// Takes what an owner's rows were out of the digests of zones that are still there, and puts in what they
    /// are.
    fn digest(
        &mut self,
        owner: &[u8],
        (was_below, was): (Above, &[Slot<'_>]),
        (is_below, is): (Above, &[Slot<'_>]),
    ) -> Result<(), StoreError> {
        let was = digest::of_owner(owner, &self.owner(owner, was_below), was)?;
        let is = digest::of_owner(owner, &self.owner(owner, is_below), is)?;
        for (labels, own) in was.iter().filter(|own| !is.contains(own)) {
            if let Some(zone) = self.zones.get_mut(keys::ancestor(owner, *labels)) {
                zone.digest.remove(*own);
                self.digested.insert(keys::ancestor(owner, *labels).into(), ());
            }
        }
        for (labels, own) in is.iter().filter(|own| !was.contains(own)) {
            if let Some(zone) = self.zones.get_mut(keys::ancestor(owner, *labels)) {
                zone.digest.add(*own);
                self.digested.insert(keys::ancestor(owner, *labels).into(), ());
            }
        }
        Ok(())
    }

    /// Adds a row to its zone or takes it away, if the zone is still there.
    fn count(&mut self, owner: &[u8], zone: Option<u8>, slot: &Slot<'_>, added: bool) {
        let Some(labels) = zone else { return };
        let apex = keys::ancestor(owner, labels);
        let Some(zone) = self.zones.get_mut(apex) else { return };
        if !self.old_serials.contains_key(apex) && !self.toggled.contains_key(apex) {
            self.old_serials.insert(apex.into(), zone.served_serial());
        }
        if added { zone.add(slot.row.timestamp) } else { zone.remove(slot.row.timestamp) }
    }

    /// Reads a zone whose newest rows are all gone, to know which is the newest now.
    fn read_again(&mut self, apex: &[u8]) -> Result<(), StoreError> {
        let wanted = keys::labels(apex);
        let mut newest = Newest::default();
        let view = self.view;
        view.walk(apex, &[], |owner, slots| {
            let own = self.owner(owner, above(&self.zones, owner));
            let belongs = |slot: &&Slot<'_>| own.zone_of(slot) == Some(wanted);
            slots.iter().filter(belongs).for_each(|slot| newest.add(slot.row.timestamp));
            Ok(())
        })?;
        if let Some(zone) = self.zones.get_mut(apex) {
            zone.newest = newest;
        }
        Ok(())
    }

    /// An apex whose serial moved is touched, too.
    fn move_serials(&mut self) -> Result<(), StoreError> {
        for (apex, old) in &self.old_serials {
            let moved = self.zones.get(apex).is_some_and(|zone| zone.served_serial() != *old);
            if moved && !self.touched.contains_key(&**apex) {
                let rows = self.view.owner(self.room, apex)?;
                self.touched.insert(self.room.alloc_slice_copy(apex), Touched::new(rows, true));
            }
        }
        Ok(())
    }

    /// The next catalogue.
    fn edit(&self, catalog: &Catalog) -> Result<Catalog, StoreError> {
        let mut editor = catalog.edit();
        let mut built = self.tops.clone();
        for top in &self.tops {
            self.build(&mut editor, top)?;
        }
        for (&owner, touched) in &self.touched {
            messages::let_pass();
            if is_below_one(&built, owner) {
                continue;
            }
            if self.set(&mut editor, owner, &touched.after)? == Placed::Restructure {
                self.build(&mut editor, owner)?;
                let at = built.partition_point(|top| **top < *owner);
                built.insert(at, owner.into());
            }
        }
        Ok(editor.finish())
    }

    /// Builds a subtree again, from the top downwards.
    fn build(&self, editor: &mut Editor, top: &[u8]) -> Result<(), StoreError> {
        let without_rows = below(&self.toggled, top).chain(self.settings.owners(top));
        let extra = in_order(below(&self.touched, top).chain(without_rows));
        let top_name = keys::name(top)?;
        let mut owners = Vec::with_capacity(CLEARED_AT_ONCE);
        self.view.walk(top, &extra, |owner, _| {
            owners.push(keys::name(owner)?);
            if owners.len() == CLEARED_AT_ONCE {
                editor.clear(&top_name, owners.drain(..));
            }
            Ok(())
        })?;
        editor.clear(&top_name, owners);
        self.view.walk(top, &extra, |owner, slots| {
            let placed = self.set(editor, owner, slots)?;
            debug_assert_ne!(placed, Placed::Restructure, "a subtree is set from the top downwards");
            Ok(())
        })
    }

    fn set(&self, editor: &mut Editor, owner: &[u8], slots: &[Slot<'_>]) -> Result<Placed, StoreError> {
        let above = above(&self.zones, owner);
        if above.deepest().is_none() {
            return Ok(Placed::Outside);
        }
        let own = self.owner(owner, above);
        let serial = self.zones.get(owner).map_or(0, Zone::served_serial);
        let name = keys::name(owner)?;
        let draft = own.draft(&name, slots, serial, self.settings.default_ttl)?;
        Ok(editor.set(&name, &draft))
    }

    fn owner<'o>(&self, owner: &'o [u8], above: Above) -> Owner<'o>
    where
        'a: 'o,
    {
        let locals = self.settings.locals.at(owner);
        Owner { key: owner, labels: keys::labels(owner), above, locals, sources: self.sources }
    }

    /// What the touched owners served and serve.
    fn note_changes(&mut self) -> Result<(), StoreError> {
        let touched = std::mem::take(&mut self.touched);
        for (&owner, own) in &touched {
            messages::let_pass();
            let after = above(&self.zones, owner);
            let before = after.toggled(above(&self.toggled, owner));
            let was = self.owner(owner, before).serving(&own.before);
            let is = self.owner(owner, after).serving(&own.after);
            let serial_only = own.serial_only;
            self.compare(owner, &was, &is, |rtype| !serial_only || rtype == RecordType::SOA)?;
        }
        Ok(())
    }

    fn compare(
        &mut self,
        owner: &[u8],
        was: &[Serving<'_>],
        is: &[Serving<'_>],
        counts: impl Fn(RecordType) -> bool,
    ) -> Result<(), StoreError> {
        let new_serial = self.zones.get(owner).map_or(0, Zone::served_serial);
        let old_serial = self.old_serials.get(owner).copied().unwrap_or(new_serial);
        for old in was.iter().filter(|old| counts(old.rtype)) {
            let new = is.iter().find(|new| (new.rtype, new.zone) == (old.rtype, old.zone));
            let same = match new {
                None => false,
                // Another SOA with another serial may serve the same.
                Some(new) if new.rtype == RecordType::SOA => {
                    let apex = keys::name(owner)?;
                    old.rrset(&apex, old_serial)? == new.rrset(&apex, new_serial)?
                }
                Some(new) => old.is_same(new)?,
            };
            if !same {
                self.note(owner, Some((old, old_serial)), new.map(|new| (new, new_serial)))?;
            }
        }
        for new in is.iter().filter(|new| counts(new.rtype)) {
            if !was.iter().any(|old| (new.rtype, new.zone) == (old.rtype, old.zone)) {
                self.note(owner, None, Some((new, new_serial)))?;
            }
        }
        Ok(())
    }

    fn note(
        &mut self,
        owner: &[u8],
        old: Option<(&Serving<'_>, u32)>,
        new: Option<(&Serving<'_>, u32)>,
    ) -> Result<(), StoreError> {
        self.changed += 1;
        let Some((own, _)) = new.or(old).filter(|_| self.collect) else { return Ok(()) };
        let name: Name = keys::name(owner)?;
        let rrset = |own: Option<(&Serving<'_>, u32)>| -> Result<_, Corrupt> {
            own.map(|(own, serial)| own.rrset(&name, serial)).transpose()
        };
        let (old, new) = (rrset(old)?, rrset(new)?);
        let apex = name.ancestor(usize::from(own.zone));
        self.changes.push(RrSetChange { id: RrSetId { apex, owner: name, rtype: own.rtype }, old, new });
        Ok(())
    }
}

/// Whether a name is at or below one of these, which are in canonical order and none below another.
fn is_below_one(tops: &[Box<[u8]>], owner: &[u8]) -> bool {
    let at = tops.partition_point(|top| **top <= *owner);
    at > 0 && owner.starts_with(&tops[at - 1])
}
