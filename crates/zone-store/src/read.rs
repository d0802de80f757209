//! What a store is asked: records, zones, quarantine, and how it is.

use crate::config::StoreConfig;
use crate::content::{Owner, Slot, soa_state, winner};
use crate::disk::{FORMAT, Table, open_to_read};
use crate::error::StoreError;
use crate::keys::{self, SlotKey};
use crate::layers::{Layer, View};
use crate::row::QuarantineRow;
use crate::settings::Settings;
use crate::soa;
use crate::sources::Sources;
use crate::store::Store;
use crate::touched::Room;
use crate::zones::{Above, SoaState, Zone, above};
use messages::{Quarantined, RecordSet, StoreStatus, ZoneSummary};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::Path;
use zone_model::{
    DECODER_VERSION, Limits, Name, Partition, Position, RecordType, RrSet, SourceId, Timestamp, ZoneDigest,
};

/// How many entries a question gets that does not say.
const DEFAULT_LIMIT: usize = 1000;
/// How many bytes of quarantined events one question gets, but for one event: each may be as large as its log takes.
const QUARANTINED_BYTES: usize = 8 << 20;

fn limit(asked: usize) -> usize {
    if asked == 0 { DEFAULT_LIMIT } else { asked }
}

/// What an event brings with it.
fn size(event: &Quarantined) -> usize {
    let headers: usize = event.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    event.key.len() + event.value.as_ref().map_or(0, Vec::len) + event.reason.len() + headers
}

// === impl Store ===

impl Store {
    /// The RRsets of an owner, served or not: for each type and zone the slot that decides, then local
    /// records and a made-up SOA, which have no source.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn records(&self, owner: &Name, rtype: Option<RecordType>) -> Result<Vec<RecordSet>, StoreError> {
        self.settled()?;
        let key = owner.sort_key();
        records(self.view()?, &self.settings, &self.sources, &key, above(&self.zones, &key), rtype)
    }

    /// The zones that are served, in canonical order: at most `limit` (0 for 1,000) behind `after`.
    ///
    /// # Errors
    /// [`StoreError`] while the store cannot be read.
    pub fn zones(&self, after: Option<&Name>, asked: usize) -> Result<Vec<ZoneSummary>, StoreError> {
        self.settled()?;
        let from = match after {
            Some(after) => Bound::Excluded(after.sort_key()),
            None => Bound::Unbounded,
        };
        let from = from.as_ref().map(Vec::as_slice);
        let zones = self.zones.range::<[u8], _>((from, Bound::Unbounded));
        Ok(zones.filter_map(|(apex, zone)| summary(apex, zone)).take(limit(asked)).collect())
    }

    /// All zones that are served, in canonical order.
    ///
    /// # Errors
    /// [`StoreError`] while the store cannot be read.
    pub fn all_zones(&self) -> Result<Vec<ZoneSummary>, StoreError> {
        self.settled()?;
        Ok(self.zones.iter().filter_map(|(apex, zone)| summary(apex, zone)).collect())
    }

    /// The digests of all zones added up: two nodes that serve the same of the log have the same.
    pub fn digest(&self) -> ZoneDigest {
        self.zones.values().map(|zone| zone.digest).sum()
    }

    /// How many slots count for no zone that is served: outside every zone, or of a zone that their source may not write.
    pub fn slots_outside(&self) -> u64 {
        self.slots.saturating_sub(self.zones.values().map(|zone| zone.rows).sum())
    }

    /// The quarantined events, by source, partition and position: at most `limit` (0 for 1,000), and no more than 8 MiB
    /// of them, but one in any case.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn quarantined(&self, asked: usize) -> Result<Vec<Quarantined>, StoreError> {
        self.quarantined_behind(None, asked)
    }

    /// Those behind a place alone; none where nothing is behind it.
    ///
    /// # Errors
    /// As [`Self::quarantined`].
    pub fn quarantined_behind(
        &self,
        behind: Option<&(SourceId, Partition, Position)>,
        asked: usize,
    ) -> Result<Vec<Quarantined>, StoreError> {
        let mut found: BTreeMap<(SourceId, Partition, Position), Quarantined> = BTreeMap::new();
        // What is from here on has no place any more, whatever goes before it.
        let (mut bytes, mut end) = (0, None);
        self.view()?.scan(Table::Quarantine, &[], None, |key, value| {
            let slot = SlotKey::parse(key)?;
            if self.sources.hidden().contains(&slot.source) {
                return Ok(());
            }
            let source = named(&self.sources, slot.source)?.clone();
            let partition = Partition(slot.partition);
            let place = (source, partition, QuarantineRow::position(value)?);
            if behind.is_some_and(|behind| place <= *behind) || end.as_ref().is_some_and(|end| place >= *end)
            {
                return Ok(());
            }
            let row = QuarantineRow::parse(value)?;
            let own = Quarantined {
                source: place.0.clone(),
                partition,
                position: row.position,
                timestamp: row.timestamp,
                key: slot.raw.to_vec(),
                value: row.value,
                headers: row.headers,
                reason: row.reason,
            };
            bytes += size(&own);
            found.insert(place, own);
            while found.len() > limit(asked) || (found.len() > 1 && bytes > QUARANTINED_BYTES) {
                let Some((place, own)) = found.pop_last() else { break };
                bytes -= size(&own);
                end = Some(place);
            }
            Ok(())
        })?;
        Ok(found.into_values().collect())
    }

    /// How the store is; `catalog` is the number of the catalogue that was published last.
    pub fn status(&self, catalog: u64) -> StoreStatus {
        let served = |number: &u16| !self.sources.hidden().contains(number);
        let positions = self.positions.iter().filter(|((copy, _), _)| served(copy));
        let positions = positions.filter_map(|((copy, partition), position)| {
            Some((self.sources.get(*copy)?.clone(), *partition, *position))
        });
        StoreStatus {
            in_service: self.in_service(),
            catalog,
            zones: self.zones.len() as u64,
            slots: self.slots,
            quarantined: self.quarantined,
            events_applied: self.events_applied,
            format: FORMAT,
            decoder: DECODER_VERSION,
            positions: positions.collect(),
            set_aside: self.set_aside().map(ToOwned::to_owned),
        }
    }

    /// Owners of local records that no zone here holds, so that these records are not served.
    pub fn local_records_outside(&self) -> Vec<Name> {
        let outside = self.settings.locals.iter().filter(|(key, local)| {
            let zones = above(&self.zones, key);
            zones.zone_of(keys::labels(key), local.rtype, local.apex).is_none()
        });
        let mut names: Vec<Name> = outside.map(|(_, local)| local.owner.clone()).collect();
        names.dedup();
        names
    }
}

/// Reads the RRsets of an owner from the file of a node that does not run. Zones are those that have an SOA in the store,
/// from a source that may write them: what else a configuration adds to them is not known here.
///
/// # Errors
/// [`StoreError::Locked`] while a node runs on it; [`StoreError::OtherVersion`] or
/// [`StoreError::NewerFormat`] where another version wrote it.
pub fn read_records(
    path: &Path,
    owner: &Name,
    rtype: Option<RecordType>,
    limits: &Limits,
) -> Result<Vec<RecordSet>, StoreError> {
    let (reader, ledger) = open_to_read(path)?;
    let settings = Settings::new(&StoreConfig { limits: limits.clone(), ..StoreConfig::default() });
    let sources = Sources::of(ledger.copies, &settings.limits)?;
    let (active, recent) = (Layer::default(), reader.recent()?);
    let hidden = sources.hidden();
    let view = View { active: &active, committing: None, recent: &recent, reader: &reader, hidden };
    let key = owner.sort_key();
    let (room, mut zones) = (Room::new(), Above::default());
    for labels in 0..=keys::labels(&key) {
        let apex = keys::ancestor(&key, labels);
        if settings.zone(apex, soa_state(apex, &view.owner(&room, apex)?, &sources)?).is_some() {
            zones = zones.with(labels);
        }
    }
    records(view, &settings, &sources, &key, zones, rtype)
}

fn summary(apex: &[u8], zone: &Zone) -> Option<ZoneSummary> {
    Some(ZoneSummary {
        apex: keys::name(apex).ok()?,
        serial: zone.served_serial(),
        rrsets: zone.rows,
        synthesised: zone.synthesised,
        newest: zone.newest.get().unwrap_or(zone.soa),
        digest: Some(zone.digest),
    })
}

fn named(sources: &Sources, number: u16) -> Result<&SourceId, StoreError> {
    sources.get(number).ok_or_else(|| StoreError::Corrupt(format!("source {number} has no name")))
}

fn records(
    view: View<'_>,
    settings: &Settings,
    sources: &Sources,
    key: &[u8],
    zones: Above,
    rtype: Option<RecordType>,
) -> Result<Vec<RecordSet>, StoreError> {
    let room = Room::new();
    let slots = view.owner(&room, key)?;
    let labels = keys::labels(key);
    let own = Owner { key, labels, above: zones, locals: settings.locals.at(key), sources };
    let owner = keys::name(key)?;
    let asked = |own: RecordType| rtype.is_none_or(|rtype| rtype == own);
    let apex = |labels: Option<u8>| labels.map(|labels| owner.ancestor(usize::from(labels)));
    let mut found = Vec::new();
    // Slots of one RRset; those that no zone holds are told apart by the zone that their key names.
    let mut rrsets: BTreeMap<_, Vec<&Slot<'_>>> = BTreeMap::new();
    for slot in slots.iter().filter(|slot| asked(slot.key.rtype)) {
        let zone = own.zone_of(slot);
        let claimed = if zone.is_none() { slot.key.apex } else { None };
        rrsets.entry((slot.key.rtype, zone, claimed)).or_default().push(slot);
    }
    for ((rtype, zone, _), slots) in rrsets {
        let count = slots.len() as u32;
        let Some(slot) = winner(slots.into_iter(), sources) else { continue };
        let remainder = slot.row.remainder()?;
        found.push(RecordSet {
            apex: apex(zone),
            owner: owner.clone(),
            rtype,
            rrset: slot.row.rrset()?,
            slots: count,
            source: Some(named(sources, slot.key.slot.source)?.clone()),
            partition: Partition(slot.key.slot.partition),
            key: slot.key.slot.raw.to_vec(),
            position: Some(slot.row.position()?),
            timestamp: slot.row.timestamp,
            headers: remainder.headers,
            extra: remainder.extra,
        });
    }
    let unsourced = |rtype, zone, rrset| RecordSet {
        apex: apex(zone),
        owner: owner.clone(),
        rtype,
        rrset,
        slots: 0,
        source: None,
        partition: Partition(0),
        key: Vec::new(),
        position: None,
        timestamp: Timestamp(0),
        headers: Vec::new(),
        extra: None,
    };
    for local in own.locals.iter().filter(|local| asked(local.rtype)) {
        let zone = zones.zone_of(labels, local.rtype, local.apex);
        found.push(unsourced(local.rtype, zone, local.rrset.clone()));
    }
    let synthesised = own.is_apex() && soa_state(key, &slots, sources)? == SoaState::None;
    if synthesised && asked(RecordType::SOA) {
        let rrset = RrSet::new(None, [soa::synthesised(&owner, 0).into_boxed_slice()]);
        found.push(unsourced(RecordType::SOA, Some(labels), rrset));
    }
    Ok(found)
}
