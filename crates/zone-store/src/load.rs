//! From the rows to the catalogue in one pass, in canonical order.

use crate::content::{Owner, Slot, soa_state};
use crate::digest;
use crate::error::StoreError;
use crate::keys;
use crate::layers::{OwnedRows, View};
use crate::settings::Settings;
use crate::sources::Sources;
use crate::zones::{Above, ByApex, Zone};
use zone_model::Catalog;
use zone_model::catalog::Builder;

/// What the rows lead to.
pub(crate) struct Loaded {
    pub(crate) zones: ByApex<Zone>,
    pub(crate) catalog: Catalog,
    pub(crate) slots: u64,
}

/// Builds the catalogue.
///
/// An apex stands before everything below it, so when a name comes all zones above it are known: they are a
/// stack. An apex' serial needs the zone's newest row, so it is set once more when its zone ends.
pub(crate) fn load(
    view: View<'_>,
    settings: &Settings,
    sources: &Sources,
    seed: u64,
) -> Result<Loaded, StoreError> {
    let builder = Builder::new(seed);
    let mut loader = Loader { settings, sources, builder, zones: ByApex::new(), stack: Vec::new(), slots: 0 };
    let extra = keys::in_order(settings.owners(&[]));
    view.walk(&[], &extra, |owner, slots| loader.owner(owner, slots))?;
    loader.leave(None)?;
    Ok(Loaded { zones: loader.zones, catalog: loader.builder.finish(), slots: loader.slots })
}

struct Loader<'a> {
    settings: &'a Settings,
    sources: &'a Sources,
    builder: Builder,
    zones: ByApex<Zone>,
    /// The zones above the present owner, the deepest last.
    stack: Vec<Open>,
    slots: u64,
}

/// A zone whose end has not come yet.
struct Open {
    apex: Vec<u8>,
    labels: u8,
    zone: Zone,
    /// The apex' rows.
    rows: OwnedRows,
    /// The serial that it was set with.
    serial: u32,
}

// === impl Loader ===

impl<'a> Loader<'a> {
    fn owner(&mut self, owner: &[u8], slots: &[Slot<'_>]) -> Result<(), StoreError> {
        self.leave(Some(owner))?;
        let labels = keys::labels(owner);
        if let Some(zone) = self.settings.zone(owner, soa_state(owner, slots, self.sources)?) {
            let apex = owner.to_vec();
            self.stack.push(Open { apex, labels, zone, rows: OwnedRows::copy(slots), serial: 0 });
        }
        let own = self.asked(owner, labels);
        self.slots += slots.len() as u64;
        for slot in slots {
            if let Some(labels) = own.zone_of(slot)
                && let Some(open) = self.stack.iter_mut().find(|open| open.labels == labels)
            {
                open.zone.add(slot.row.timestamp);
            }
        }
        if !self.stack.is_empty() {
            for (labels, digest) in digest::of_owner(owner, &own, slots)? {
                if let Some(open) = self.stack.iter_mut().find(|open| open.labels == labels) {
                    open.zone.digest.add(digest);
                }
            }
        }
        if self.stack.is_empty() {
            return Ok(());
        }
        let serial = match self.stack.last_mut() {
            Some(open) if open.labels == labels => {
                open.serial = open.zone.served_serial();
                open.serial
            }
            _ => 0,
        };
        self.set(owner, own, slots, serial)
    }

    /// Ends the zones that do not hold `next`.
    fn leave(&mut self, next: Option<&[u8]>) -> Result<(), StoreError> {
        while let Some(open) =
            self.stack.pop_if(|open| !next.is_some_and(|next| next.starts_with(&open.apex)))
        {
            let serial = open.zone.served_serial();
            if serial != open.serial {
                let own = self.asked(&open.apex, open.labels);
                let own = Owner { above: own.above.with(open.labels), ..own };
                self.set(&open.apex, own, &open.rows.slots()?, serial)?;
            }
            self.zones.insert(open.apex.into(), open.zone);
        }
        Ok(())
    }

    fn asked<'o>(&self, owner: &'o [u8], labels: u8) -> Owner<'o>
    where
        'a: 'o,
    {
        let above = self.stack.iter().fold(Above::default(), |above, open| above.with(open.labels));
        Owner { key: owner, labels, above, locals: self.settings.locals.at(owner), sources: self.sources }
    }

    fn set(
        &mut self,
        owner: &[u8],
        own: Owner<'_>,
        slots: &[Slot<'_>],
        serial: u32,
    ) -> Result<(), StoreError> {
        let name = keys::name(owner)?;
        let draft = own.draft(&name, slots, serial, self.settings.default_ttl)?;
        let placed = self.builder.push(&name, draft);
        debug_assert!(placed, "{name} was set from the top downwards");
        Ok(())
    }
}
