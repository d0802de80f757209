//! A whole zone, read from the rows of one commit.
//!
//! What is read is what the log says of the zone, as whoever reads the log itself would find it: local records and
//! made-up SOAs belong to a node and are left out, and what a CNAME hides is there.

use crate::config::StoreConfig;
use crate::content::{Owner, Slot, soa_state, winner};
use crate::disk::{Ledger, Reader, open_to_read};
use crate::error::StoreError;
use crate::keys;
use crate::layers::{Layer, View};
use crate::recent::Recent;
use crate::settings::{Settings, below};
use crate::soa;
use crate::sources::Sources;
use crate::store::Store;
use crate::touched::Room;
use crate::zones::{Above, Zone};
use messages::{ReadZone, StoreUnavailable, ZoneHead};
use std::cell::OnceCell;
use std::path::Path;
use zone_model::zone::ZoneRrSet;
use zone_model::{Limits, Name, Partition, Position, RecordType, RrSet, SourceId};

/// A zone as of one commit. Neither what is applied meanwhile nor how long it is held changes what it shows; the
/// file keeps the rows that it can see, so it is not to be held for long.
pub struct ZoneWalk {
    reader: Reader,
    settings: Settings,
    sources: Sources,
    positions: Vec<(SourceId, Partition, Position)>,
    /// No changes: a walk sees what is on the disk alone.
    nothing: Layer,
    /// Read by whoever walks first, not by whoever opens the zone.
    recent: OnceCell<Recent>,
    apex: Vec<u8>,
    name: Name,
}

/// Opens a zone in the file of a node that does not run. Zones are those that have an SOA in the store, from a source that
/// may write them: what else a configuration adds to them is not known here.
///
/// # Errors
/// [`StoreError::Locked`] while a node runs on it; [`StoreError::OtherVersion`] or
/// [`StoreError::NewerFormat`] where another version wrote it.
pub fn open_zone(path: &Path, apex: &Name, limits: &Limits) -> Result<ZoneWalk, StoreError> {
    let (reader, ledger) = open_to_read(path)?;
    let config = StoreConfig { limits: limits.clone(), ..StoreConfig::default() };
    ZoneWalk::new(reader, ledger, Settings::new(&config), apex)
}

// === impl Store ===

impl Store {
    /// Opens a zone as of the last commit. What is applied and [`pending`](Store::pending) is not in it.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn open_zone(&self, apex: &Name) -> Result<ZoneWalk, StoreError> {
        let (reader, ledger) = self.disk.snapshot()?;
        ZoneWalk::new(reader, ledger, self.settings.clone(), apex)
    }
}

// === impl ZoneWalk ===

impl ZoneWalk {
    fn new(reader: Reader, ledger: Ledger, settings: Settings, apex: &Name) -> Result<Self, StoreError> {
        let sources = Sources::of(ledger.copies, &settings.limits)?;
        let served = ledger.positions.into_iter().filter(|(copy, ..)| !sources.hidden().contains(copy));
        let positions = served.filter_map(|(copy, partition, position)| {
            Some((sources.get(copy)?.clone(), partition, position))
        });
        let positions = positions.collect();
        let (apex, name) = (apex.sort_key(), apex.to_lowercase());
        let (nothing, recent) = (Layer::default(), OnceCell::new());
        Ok(Self { reader, settings, sources, positions, nothing, recent, apex, name })
    }

    /// What is known of the zone as a whole; `None` where there is no such zone. Reads the zone once.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn head(&self) -> Result<Option<ZoneHead>, StoreError> {
        let Some(mut zone) = self.zone(&self.apex)? else { return Ok(None) };
        let mut rrsets = 0;
        self.owners(|_, own, slots| {
            let labels = keys::labels(&self.apex);
            for slot in slots.iter().filter(|slot| own.zone_of(slot) == Some(labels)) {
                zone.add(slot.row.timestamp);
            }
            rrsets += self.deciding(own, slots).len() as u64;
            Ok(true)
        })?;
        Ok(Some(ZoneHead {
            apex: self.name.clone(),
            serial: zone.served_serial(),
            synthesised: zone.synthesised,
            rrsets,
            default_ttl: self.settings.default_ttl,
            positions: self.positions.clone(),
        }))
    }

    /// Hands every RRset to `visit`, the SOA of the apex first and then in canonical order, until it says no. `head`
    /// is what [`head`](Self::head) gave.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn read(&self, head: &ZoneHead, visit: &mut dyn FnMut(ZoneRrSet) -> bool) -> Result<(), StoreError> {
        self.owners(|owner, own, slots| {
            let name = keys::name(owner)?;
            let mut deciding = self.deciding(own, slots);
            deciding.sort_by_key(|slot| slot.key.rtype != RecordType::SOA);
            for slot in deciding {
                let rtype = slot.key.rtype;
                let mut rrset = slot.row.rrset()?;
                if rtype == RecordType::SOA {
                    let served = rrset.rdatas().iter().map(|rdata| soa::with_serial(rdata, head.serial));
                    rrset = RrSet::new(rrset.ttl, served.map(Vec::into_boxed_slice).collect::<Vec<_>>());
                }
                if !visit(ZoneRrSet::new(&name, rtype, &rrset).with_merged(slot.row.merged())) {
                    return Ok(false);
                }
            }
            Ok(true)
        })
    }

    fn view(&self) -> Result<View<'_>, StoreError> {
        let recent = match self.recent.get() {
            Some(recent) => recent,
            None => {
                let read = self.reader.recent()?;
                self.recent.get_or_init(|| read)
            }
        };
        let hidden = self.sources.hidden();
        Ok(View { active: &self.nothing, committing: None, recent, reader: &self.reader, hidden })
    }

    /// The zone that begins at an owner, if one does.
    fn zone(&self, owner: &[u8]) -> Result<Option<Zone>, StoreError> {
        let room = Room::new();
        let slots = self.view()?.owner(&room, owner)?;
        Ok(self.settings.zone(owner, soa_state(owner, &slots, &self.sources)?))
    }

    /// Hands every owner at or below the apex to `visit`, with its rows and what is needed to know whose they are,
    /// until it says no. An apex stands before everything below it, so the zones above an owner are a stack.
    fn owners(
        &self,
        mut visit: impl FnMut(&[u8], Owner<'_>, &[Slot<'_>]) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        let mut outer = Above::default();
        for labels in 0..keys::labels(&self.apex) {
            if self.zone(keys::ancestor(&self.apex, labels))?.is_some() {
                outer = outer.with(labels);
            }
        }
        let mut stack: Vec<Vec<u8>> = Vec::new();
        let configured = keys::in_order(below(&self.settings.zones, &self.apex));
        let mut going_on = true;
        self.view()?.walk(&self.apex, &configured, |owner, slots| {
            // The rest is passed over: a walk has no other way to end than an error.
            if !going_on {
                return Ok(());
            }
            while stack.pop_if(|apex| !owner.starts_with(apex)).is_some() {}
            if self.settings.zone(owner, soa_state(owner, slots, &self.sources)?).is_some() {
                stack.push(owner.to_vec());
            }
            let above = stack.iter().fold(outer, |above, apex| above.with(keys::labels(apex)));
            let own =
                Owner { key: owner, labels: keys::labels(owner), above, locals: &[], sources: &self.sources };
            going_on = visit(owner, own, slots)?;
            Ok(())
        })
    }

    /// The slots of an owner that decide in this zone and hold records, in the order of types.
    fn deciding<'s, 'a>(&self, own: Owner<'_>, slots: &'s [Slot<'a>]) -> Vec<&'s Slot<'a>> {
        let labels = keys::labels(&self.apex);
        let of_type = slots.chunk_by(|left, right| left.key.rtype == right.key.rtype);
        let winners = of_type.filter_map(|slots| {
            winner(slots.iter().filter(|slot| own.zone_of(slot) == Some(labels)), &self.sources)
        });
        winners.filter(|slot| !slot.row.is_empty()).collect()
    }
}

impl ReadZone for ZoneWalk {
    fn head(&self) -> Result<Option<ZoneHead>, StoreUnavailable> {
        Self::head(self).map_err(|error| StoreUnavailable(error.to_string()))
    }

    fn read(
        &self,
        head: &ZoneHead,
        visit: &mut dyn FnMut(ZoneRrSet) -> bool,
    ) -> Result<(), StoreUnavailable> {
        Self::read(self, head, visit).map_err(|error| StoreUnavailable(error.to_string()))
    }
}

impl std::fmt::Debug for ZoneWalk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ZoneWalk").field("apex", &self.name).finish_non_exhaustive()
    }
}
