//! From a wanted change to the events that make it so: a function of the log's present state.

mod layout;
mod soa;

pub use layout::Layout;
pub(crate) use soa::own_serial;

use crate::change::Change;
use crate::error::Refusal;
use crate::state::{Kept, LogState, Slot, Zones, winner};
use messages::Edit;
use std::collections::{BTreeMap, HashSet};
use zone_model::decode::decode;
use zone_model::{
    EventBody, HEADER_CHANGE_ID, HEADER_CHANGE_SIZE, HEADER_PRODUCER, HEADER_SERIAL, Headers, Name,
    Partition, Position, RawEvent, RecordType, RrSet, Timestamp, encode,
};

/// The most events of one change: what readers hold back until it is complete.
pub const MAX_EVENTS: usize = 10_000;

/// The most bytes of keys, values and headers of one change.
pub const MAX_BYTES: usize = 16 << 20;

/// The version of the events that are written, for the header `schema`.
const SCHEMA: &str = "1";
const HEADER_SCHEMA: &str = "schema";

/// The events of a change, in the order in which they are to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The zone that changes.
    pub apex: Name,
    /// The timestamp of all events.
    pub timestamp: Timestamp,
    /// The serial that the zone has then, where its SOA stands on the log.
    pub serial: Option<u32>,
    /// The events; none where the log says already what was wanted.
    pub events: Vec<NewEvent>,
}

/// An event that does not stand on the log yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// Where it goes.
    pub partition: Partition,
    /// Its key.
    pub key: Vec<u8>,
    /// Its value; `None` for a null.
    pub value: Option<Vec<u8>>,
    /// Its headers.
    pub headers: Headers,
}

/// What a plan depends on beside the log and the change.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// The present.
    pub now: Timestamp,
    /// Names the change among all changes; for the header `change-id`.
    pub change_id: &'a str,
    /// The log's partitions.
    pub layout: Layout,
    /// Zones that are served although the log may have no SOA for them.
    pub zones: &'a [Name],
    /// Whether no other log holds RRsets of the zone; see [`ProducerConfig::is_alone`](crate::ProducerConfig::is_alone).
    pub alone: bool,
}

/// The zone that a change is of.
///
/// # Errors
/// A [`Refusal`] where there is none, or more than one.
pub fn zone_of(state: &LogState, change: &Change, zones: &[Name]) -> Result<Name, Refusal> {
    let added = added_zones(change);
    let zones = Zones::new(state, zones, &added);
    if let Some(apex) = &change.zone {
        if !zones.has(apex) && !deletes(change, apex) {
            return Err(no_zone(state, apex, RecordType::SOA));
        }
        let outside = change.edits.iter().map(owner_of).find(|owner| !owner.is_at_or_below(apex));
        return match outside {
            Some(owner) => Err(Refusal::OutsideZone { owner: owner.clone(), apex: apex.clone() }),
            None => Ok(apex.to_lowercase()),
        };
    }
    let mut found: Option<(Name, &Name)> = None;
    for edit in &change.edits {
        let (owner, rtype) = (owner_of(edit), type_of(edit));
        // An SOA belongs to its owner, also while it is not there.
        let apex = match rtype {
            RecordType::SOA => owner.to_lowercase(),
            _ => zones.of(owner, rtype).ok_or_else(|| no_zone(state, owner, rtype))?,
        };
        match &found {
            Some((other, of)) if *other != apex => {
                let (owner, other_owner) = (owner.clone(), (*of).clone());
                return Err(Refusal::SeveralZones { owner, apex, other_owner, other_apex: other.clone() });
            }
            _ => found = Some((apex, owner)),
        }
    }
    found.map(|(apex, _)| apex).ok_or(Refusal::Empty)
}

/// Why there is no zone for an owner: the log speaks of one that it may not write, or of none.
fn no_zone(state: &LogState, owner: &Name, rtype: RecordType) -> Refusal {
    let above = (0..=owner.label_count()).rev().map(|labels| owner.ancestor(labels));
    let has_soa =
        |apex: &Name| state.soa(apex).and_then(|slot| slot.held.as_ref()).is_some_and(|held| !held.empty);
    let forbidden = above.into_iter().find(|apex| !state.may_write(apex) && has_soa(apex));
    match forbidden {
        Some(apex) => not_of_this_log(state, apex),
        None => Refusal::NoZone { owner: owner.clone(), rtype },
    }
}

fn not_of_this_log(state: &LogState, apex: Name) -> Refusal {
    let allowed = state.limits().of(state.source()).unwrap_or_default().to_vec();
    Refusal::NotOfThisLog { log: state.source().clone(), apex, allowed }
}

/// The events that make a change so.
///
/// # Errors
/// A [`Refusal`] for a change that must not stand on the log; nothing is to be written then.
pub fn plan(state: &LogState, change: &Change, at: &Circumstances<'_>) -> Result<Plan, Refusal> {
    let apex = zone_of(state, change, at.zones)?;
    if !state.may_write(&apex) {
        return Err(not_of_this_log(state, apex));
    }
    let added = added_zones(change);
    let zones = Zones::new(state, at.zones, &added);
    let mut seen = HashSet::with_capacity(change.edits.len());
    for edit in &change.edits {
        let (owner, rtype) = (owner_of(edit), type_of(edit));
        if !seen.insert((owner, rtype)) {
            return Err(Refusal::Twice { owner: owner.clone(), rtype });
        }
        let at_an_apex = rtype == RecordType::CNAME && (*owner == apex || zones.has(owner));
        if at_an_apex && matches!(edit, Edit::Set { .. }) {
            return Err(Refusal::CnameAtApex { owner: owner.clone() });
        }
    }
    let set = |edit: &&Edit| matches!(edit, Edit::Set { rrset, .. } if !rrset.is_empty());
    let ends = |edit: &Edit| !set(&edit) && type_of(edit) == RecordType::SOA && *owner_of(edit) == apex;
    if let (true, Some(edit)) = (change.edits.iter().any(ends), change.edits.iter().find(set)) {
        return Err(Refusal::SetInDeleted { owner: owner_of(edit).clone(), apex });
    }
    Planner::new(state, &zones, apex, &change.producer, at).run(&change.edits)
}

/// The SOA alone, one serial further: for a zone of which another change came between.
///
/// # Errors
/// None that the change before it did not have.
pub fn plan_bump(
    state: &LogState,
    apex: &Name,
    producer: &str,
    at: &Circumstances<'_>,
) -> Result<Plan, Refusal> {
    let zones = Zones::new(state, at.zones, &[]);
    let mut planner = Planner::new(state, &zones, apex.clone(), producer, at);
    planner.bump()?;
    planner.finish()
}

/// Nulls for slots whose keys name no RRset, under the lock of the root: they belong to no zone.
#[cfg(any(feature = "journal", feature = "kafka"))]
pub(crate) fn plan_clear(slots: &[(Partition, Vec<u8>)], now: Timestamp, producer: &str) -> Plan {
    let null = |(partition, key): &(Partition, Vec<u8>)| NewEvent {
        partition: *partition,
        key: key.clone(),
        value: None,
        headers: headers(producer),
    };
    Plan { apex: Name::root(), timestamp: now, serial: None, events: slots.iter().map(null).collect() }
}

fn headers(producer: &str) -> Headers {
    vec![
        (HEADER_SCHEMA.to_owned(), SCHEMA.into()),
        (HEADER_PRODUCER.to_owned(), producer.as_bytes().to_vec()),
    ]
}

// === Planner ===

struct Planner<'a> {
    state: &'a LogState,
    zones: &'a Zones<'a>,
    apex: Name,
    producer: &'a str,
    at: &'a Circumstances<'a>,
    newest: Option<Timestamp>,
    timestamp: Timestamp,
    serial: Option<u32>,
    soa: Vec<NewEvent>,
    others: Vec<NewEvent>,
}

impl<'a> Planner<'a> {
    fn new(
        state: &'a LogState,
        zones: &'a Zones<'a>,
        apex: Name,
        producer: &'a str,
        at: &'a Circumstances<'a>,
    ) -> Self {
        let newest = zones.newest(&apex);
        let after = newest.map_or(i64::MIN, |newest| newest.0.saturating_add(1));
        let timestamp = Timestamp(at.now.0.max(after));
        let (soa, others) = (Vec::new(), Vec::new());
        Self { state, zones, apex, producer, at, newest, timestamp, serial: None, soa, others }
    }

    fn run(mut self, edits: &[Edit]) -> Result<Plan, Refusal> {
        let mut touches_soa = false;
        for edit in edits {
            match edit {
                Edit::Set { owner, rtype: RecordType::SOA, rrset }
                    if *owner == self.apex && !rrset.is_empty() =>
                {
                    touches_soa = true;
                    self.set_soa(rrset)?;
                }
                Edit::Set { owner, rtype: RecordType::SOA, .. }
                | Edit::Remove { owner, rtype: RecordType::SOA }
                    if *owner == self.apex =>
                {
                    touches_soa = true;
                    self.delete_soa()?;
                }
                Edit::Set { owner, rtype, rrset } => self.set(&owner.to_lowercase(), *rtype, rrset)?,
                Edit::Remove { owner, rtype } => self.remove(&owner.to_lowercase(), *rtype)?,
            }
        }
        if !touches_soa && !self.others.is_empty() {
            self.bump()?;
        }
        self.finish()
    }

    /// The SOA that serves now, `[]` included.
    fn present_soa(&self) -> Option<(&'a Slot, &'a Kept)> {
        let slot = self.state.soa(&self.apex)?;
        Some((slot, slot.held.as_ref()?.kept.as_deref()?))
    }

    /// The least serial that is above all that the zone has served; `None` for a zone that never was.
    fn least_serial(&self) -> Option<u32> {
        let newest = |soa: Timestamp| self.newest.unwrap_or(soa);
        match self.state.soa(&self.apex).and_then(|slot| slot.held.as_ref()) {
            Some(held) => {
                let own = own_serial(held)?;
                Some(soa::next(own, held.timestamp, newest(held.timestamp), self.timestamp))
            }
            // Served from the configuration alone, with serial 0 at timestamp 0.
            None if self.at.zones.contains(&self.apex) => {
                Some(soa::next(0, Timestamp(0), newest(Timestamp(0)), self.timestamp))
            }
            None => None,
        }
    }

    fn bump(&mut self) -> Result<(), Refusal> {
        let Some((slot, kept)) = self.present_soa() else { return Ok(()) };
        let (false, Some(serial)) = (kept.rrset.is_empty(), self.least_serial()) else { return Ok(()) };
        let extra = soa::carried_over(kept.extra.as_deref());
        self.write_soa(
            &soa::with_serial(&kept.rrset, serial),
            Some(serial),
            extra.as_deref(),
            Some(slot),
            None,
        )
    }

    fn set_soa(&mut self, wanted: &RrSet) -> Result<(), Refusal> {
        let own = soa::serial_of(wanted);
        let serial = match (own, self.least_serial()) {
            (Some(own), Some(least)) => Some(soa::choose(own, least)),
            (own, _) => own,
        };
        let rrset = serial.map_or_else(|| wanted.clone(), |serial| soa::with_serial(wanted, serial));
        let slot = self.present_soa().map(|(slot, _)| slot);
        self.write_soa(&rrset, serial, None, slot, None)
    }

    /// Ends the zone: `[]` in one slot, null in the others, and the last serial in a header.
    fn delete_soa(&mut self) -> Result<(), Refusal> {
        let configured = self.at.zones.contains(&self.apex);
        let slot = self.present_soa().map(|(slot, _)| slot);
        let deleted = slot.and_then(|slot| slot.held.as_ref()).is_some_and(|held| held.empty);
        if deleted {
            return Ok(());
        }
        if slot.is_none() && !configured {
            // No zone: at most unusable events, which nulls clear away.
            let nulls = self.nulls(&self.apex, RecordType::SOA, None);
            self.soa.extend(nulls);
            return Ok(());
        }
        let last = self.least_serial();
        self.write_soa(&RrSet::default(), None, None, slot, last)
    }

    fn write_soa(
        &mut self,
        rrset: &RrSet,
        serial: Option<u32>,
        extra: Option<&str>,
        slot: Option<&Slot>,
        last: Option<u32>,
    ) -> Result<(), Refusal> {
        self.serial = serial;
        let mut event = self.event(&self.apex, RecordType::SOA, rrset, extra, slot)?;
        if let Some(last) = last {
            event.headers.push((HEADER_SERIAL.to_owned(), last.to_string().into_bytes()));
        }
        let nulls = self.nulls(&self.apex, RecordType::SOA, Some((event.partition, &event.key)));
        self.soa.push(event);
        self.soa.extend(nulls);
        Ok(())
    }

    fn set(&mut self, owner: &Name, rtype: RecordType, rrset: &RrSet) -> Result<(), Refusal> {
        let slot = winner(self.zones.slots(&self.apex, owner, rtype));
        let event = self.event(owner, rtype, rrset, None, slot)?;
        let nulls = self.nulls(owner, rtype, Some((event.partition, &event.key)));
        self.others.push(event);
        self.others.extend(nulls);
        Ok(())
    }

    /// Nulls where one transaction reaches every slot of the RRset, else `[]`: a null would uncover a slot that stands
    /// in another log.
    fn remove(&mut self, owner: &Name, rtype: RecordType) -> Result<(), Refusal> {
        if !self.at.alone {
            return self.set(owner, rtype, &RrSet::default());
        }
        let nulls = self.nulls(owner, rtype, None);
        self.others.extend(nulls);
        Ok(())
    }

    /// The event that sets an RRset in the slot that serves it, or in a new one.
    fn event(
        &self,
        owner: &Name,
        rtype: RecordType,
        rrset: &RrSet,
        extra: Option<&str>,
        slot: Option<&Slot>,
    ) -> Result<NewEvent, Refusal> {
        let (partition, key) = match slot {
            Some(slot) => (slot.partition, slot.key.to_vec()),
            None => {
                let key = encode::key(owner, rtype, Some(&self.apex));
                let zone = self.state.soa(&self.apex).map(|slot| slot.partition);
                // An unusable event of the very key is mended where it stands.
                let own = self.state.slots(owner, rtype).find(|slot| *slot.key == *key);
                let new = || self.at.layout.place(&self.apex, zone, &key);
                (own.map_or_else(new, |slot| slot.partition), key)
            }
        };
        let value = encode::value(owner, rtype, rrset, self.timestamp, self.producer, extra);
        self.check(owner, rtype, rrset, &key, &value)?;
        Ok(NewEvent { partition, key, value: Some(value), headers: self.headers() })
    }

    /// What is published must be usable, and say what was wanted: the reader's own decoder is asked.
    fn check(
        &self,
        owner: &Name,
        rtype: RecordType,
        rrset: &RrSet,
        key: &[u8],
        value: &[u8],
    ) -> Result<(), Refusal> {
        let Ok(position) = Position::new(&[0]) else { unreachable!("one byte is a position") };
        let event = decode(RawEvent {
            partition: Partition(0),
            position,
            timestamp: self.timestamp,
            key: key.to_vec(),
            value: Some(value.to_vec()),
            headers: Headers::new(),
        });
        let reason = match event.body {
            EventBody::Set(set)
                if set.rrset == *rrset && set.key.owner == *owner && set.key.rtype == rtype =>
            {
                return Ok(());
            }
            EventBody::Set(_) => "written as text and read again it is another RRset".to_owned(),
            EventBody::Unusable(unusable) => unusable.reason,
            EventBody::Null(_) => "it would read as a null".to_owned(),
        };
        Err(Refusal::Unusable { owner: owner.clone(), rtype, reason })
    }

    /// Nulls for all slots of an RRset but one: those that do not serve first, so that none of them is
    /// uncovered on the way.
    fn nulls(&self, owner: &Name, rtype: RecordType, except: Option<(Partition, &[u8])>) -> Vec<NewEvent> {
        let mut slots = self.zones.slots(&self.apex, owner, rtype);
        slots.sort_by_key(|slot| (slot.held.as_ref().map(|held| held.timestamp), slot.partition));
        let others = slots.iter().filter(|slot| except != Some((slot.partition, &*slot.key)));
        let null = |slot: &&Slot| NewEvent {
            partition: slot.partition,
            key: slot.key.to_vec(),
            value: None,
            headers: self.headers(),
        };
        others.map(null).collect()
    }

    fn headers(&self) -> Headers {
        headers(self.producer)
    }

    fn finish(self) -> Result<Plan, Refusal> {
        let Self { apex, timestamp, serial, soa: mut events, others, at, .. } = self;
        events.extend(others);
        mark_group(&mut events, at.change_id);
        let bytes = events.iter().map(NewEvent::size).sum::<usize>();
        if events.len() > MAX_EVENTS || bytes > MAX_BYTES {
            return Err(Refusal::TooLarge { events: events.len(), bytes });
        }
        Ok(Plan { apex, timestamp, serial, events })
    }
}

/// Marks events that belong together: each says how many of them its own partition has, for who reads a
/// partition sees no other.
fn mark_group(events: &mut [NewEvent], change_id: &str) {
    if events.len() < 2 {
        return;
    }
    let mut sizes: BTreeMap<Partition, usize> = BTreeMap::new();
    for event in events.iter() {
        *sizes.entry(event.partition).or_default() += 1;
    }
    for event in events {
        let size = sizes[&event.partition];
        event.headers.push((HEADER_CHANGE_ID.to_owned(), change_id.as_bytes().to_vec()));
        event.headers.push((HEADER_CHANGE_SIZE.to_owned(), size.to_string().into_bytes()));
    }
}

// === impl NewEvent ===

impl NewEvent {
    /// The bytes of key, value and headers.
    fn size(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        self.key.len() + self.value.as_ref().map_or(0, Vec::len) + headers
    }
}

fn owner_of(edit: &Edit) -> &Name {
    match edit {
        Edit::Set { owner, .. } | Edit::Remove { owner, .. } => owner,
    }
}

fn type_of(edit: &Edit) -> RecordType {
    match edit {
        Edit::Set { rtype, .. } | Edit::Remove { rtype, .. } => *rtype,
    }
}

/// The apexes that a change gives an SOA.
fn added_zones(change: &Change) -> Vec<Name> {
    let apex = |edit: &Edit| match edit {
        Edit::Set { owner, rtype: RecordType::SOA, rrset } if !rrset.is_empty() => Some(owner.to_lowercase()),
        _ => None,
    };
    change.edits.iter().filter_map(apex).collect()
}

fn deletes(change: &Change, apex: &Name) -> bool {
    change.edits.iter().any(|edit| owner_of(edit) == apex && type_of(edit) == RecordType::SOA)
}

#[cfg(test)]
mod tests;
