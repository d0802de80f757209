//! From the rows to the catalogue in one pass, in canonical order, in three stages:
//!
//! ```text
//! rows ─▶ owners with their rows ─▶ zones and catalogue ─▶ digests
//! ```
//! Each is about a third of the work, and has a thread where there is more than one processor.

mod batch;
mod digests;
mod stages;

use crate::content::{Owner, Slot, soa_state};
use crate::error::StoreError;
use crate::keys;
use crate::layers::View;
use crate::settings::Settings;
use crate::sources::Sources;
use crate::zones::{Above, ByApex, Zone};
use batch::Batch;
use stages::{in_threads, in_turns};
use std::thread::available_parallelism;
use zone_model::catalog::Builder;
use zone_model::{Catalog, ZoneDigest};

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
    let has_several = available_parallelism().is_ok_and(|processors| processors.get() > 1);
    let stages = if has_several { in_threads } else { in_turns };
    load_in(stages, view, settings, sources, seed)
}

/// A way to go through all stages; returns what the last made.
type Stages = fn(View<'_>, &mut Loader<'_>) -> Result<ByApex<ZoneDigest>, StoreError>;

fn load_in(
    stages: Stages,
    view: View<'_>,
    settings: &Settings,
    sources: &Sources,
    seed: u64,
) -> Result<Loaded, StoreError> {
    let builder = Builder::new(seed);
    let mut loader = Loader { settings, sources, builder, zones: ByApex::new(), stack: Vec::new(), slots: 0 };
    let digests = stages(view, &mut loader)?;
    loader.leave(None)?;
    for (apex, digest) in digests {
        if let Some(zone) = loader.zones.get_mut(&apex) {
            zone.digest = digest;
        }
    }
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
    rows: Vec<OwnedRow>,
    /// The serial that it was set with.
    serial: u32,
}

/// A row's key behind its owner, and its value.
type OwnedRow = (Box<[u8]>, Box<[u8]>);

// === impl Loader ===

impl<'a> Loader<'a> {
    /// Takes the owners of a batch, and says which zones are above each.
    fn take(&mut self, batch: &mut Batch) -> Result<(), StoreError> {
        let mut above = std::mem::take(&mut batch.above);
        batch.owners(|_, owner, slots| {
            above.push(self.owner(owner, slots)?);
            Ok::<_, StoreError>(())
        })?;
        batch.above = above;
        Ok(())
    }

    fn owner(&mut self, owner: &[u8], slots: &[Slot<'_>]) -> Result<Above, StoreError> {
        self.leave(Some(owner))?;
        let labels = keys::labels(owner);
        if let Some(zone) = self.settings.zone(owner, soa_state(owner, slots, self.sources)?) {
            let apex = owner.to_vec();
            let rows = slots.iter().map(|slot| (slot.rest.into(), slot.row.bytes().into())).collect();
            self.stack.push(Open { apex, labels, zone, rows, serial: 0 });
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
        if self.stack.is_empty() {
            return Ok(own.above);
        }
        let serial = match self.stack.last_mut() {
            Some(open) if open.labels == labels => {
                open.serial = open.zone.served_serial();
                open.serial
            }
            _ => 0,
        };
        self.set(owner, own, slots, serial)?;
        Ok(own.above)
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
                let slots = open.rows.iter().map(|(rest, value)| Slot::parse(rest, value));
                self.set(&open.apex, own, &slots.collect::<Result<Vec<_>, _>>()?, serial)?;
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

#[cfg(test)]
mod tests {
    use super::stages::{WAITING, read};
    use super::*;
    use crate::config::StoreConfig;
    use crate::store::{Batch as Applied, Store};
    use zone_model::{
        Event, EventBody, EventKey, Merged, Name, Partition, Position, RecordType, RrSet, SetRrSet, SourceId,
        Timestamp,
    };

    /// An event of a zone of so many labels.
    fn event(number: u64, owner: &str, rtype: RecordType, rdata: &[u8]) -> Event {
        let owner = Name::parse(owner).unwrap();
        let key = EventKey { owner, rtype, apex: None };
        let rrset = RrSet::new(Some(300), [Box::from(rdata)]);
        Event {
            partition: Partition(0),
            position: Position::new(&number.to_be_bytes()).unwrap(),
            timestamp: Timestamp(number as i64),
            key: format!("{}|{rtype}", key.owner).into_bytes(),
            headers: Vec::new(),
            body: EventBody::Set(SetRrSet { key, rrset, extra: None, merged: Merged::default() }),
        }
    }

    /// Of many batches' worth of owners, with one zone in another and names of none, both ways make the same, and what
    /// follows the changes one by one does as well.
    #[test]
    fn threads_and_turns_lead_to_the_same() {
        let soa = [&[0; 2][..], &7u32.to_be_bytes(), &[0; 16]].concat();
        let mut events = vec![
            event(1, "t.", RecordType::SOA, &soa),
            event(2, "m.t.", RecordType::SOA, &soa),
            event(3, "m.t.", RecordType::DS, b"12345"),
            event(4, "none.", RecordType::A, b"1111"),
        ];
        for number in 5..9_000_u64 {
            let zone = ["a.t.", "m.t.", "z.t."][number as usize % 3];
            let owner = format!("n{number}.{zone}");
            events.push(event(number, &owner, RecordType::TXT, &number.to_be_bytes().repeat(8)));
        }
        let source = SourceId::new("log");
        let mut store = Store::open(StoreConfig::default()).unwrap();
        store.open_source(&source).unwrap();
        store.apply(&Applied { source, events, positions: Vec::new(), in_step: None }).unwrap();
        let view = store.view().unwrap();
        let mut batches = 0;
        let count = |batch| {
            batches += 1;
            Ok(batch)
        };
        read(view, &store.settings, count).unwrap();
        assert!(batches > 2 * WAITING, "{batches}");

        let load = |stages: Stages| load_in(stages, view, &store.settings, &store.sources, 1).unwrap();
        let (threads, turns) = (load(in_threads), load(in_turns));
        assert_eq!(format!("{:?}", threads.zones), format!("{:?}", turns.zones));
        assert_eq!(format!("{:?}", threads.zones), format!("{:?}", store.zones));
        assert_eq!((threads.slots, threads.catalog.names()), (turns.slots, turns.catalog.names()));
        assert_eq!(threads.catalog.names(), store.catalog().names());
    }
}
