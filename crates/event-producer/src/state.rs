//! The log's present state, as far as it decides what an event has to say: slot by slot.

use crate::odd::Nameless;
use messages::RecordSet;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use zone_model::{
    Event, EventBody, EventKey, Headers, Limits, Merged, Name, Partition, Position, RecordType, RrSet,
    SourceId, Timestamp,
};

/// How much of the log's RRsets a [`LogState`] keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Slots, and the RDATA of SOAs alone: what planning a change needs.
    Slots,
    /// The RRsets, and why events cannot be used: what comparing and checking zones needs.
    RrSets,
    /// Everything, to be shown: headers and other fields of records too.
    Everything,
    /// Everything of one owner, to be shown, and the SOAs, which say whose it is.
    Owner(Name),
}

/// What all events of a log lead to: for each slot its latest event. Nulled slots are gone.
#[derive(Clone, Debug)]
pub struct LogState {
    source: SourceId,
    keep: Keep,
    limits: Limits,
    /// By the owner's sort key, so that a zone is one range.
    owners: BTreeMap<Vec<u8>, Vec<Slot>>,
    /// The sort keys of the owners that have a slot of an SOA, `[]` and unusable ones too.
    soa_owners: BTreeSet<Vec<u8>>,
    /// Keys that name no RRset and whose last event is unusable, with the reason; with [`Keep::RrSets`] and [`Keep::Everything`].
    nameless: BTreeMap<(Partition, Box<[u8]>), Box<str>>,
}

/// One slot: the events of a key in a partition, of which the last counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The partition.
    pub partition: Partition,
    /// The key, byte for byte.
    pub key: Box<[u8]>,
    /// The type that the key names.
    pub rtype: RecordType,
    /// The zone that the key names, where it names one.
    pub apex: Option<Name>,
    /// The last usable RRset; `None` where the log has only an unusable event.
    pub held: Option<Held>,
    /// The timestamp of the slot's last event, where that cannot be used.
    pub unusable: Option<Timestamp>,
    /// Why it cannot be used, where that was kept.
    pub reason: Option<Box<str>>,
}

/// The RRset of a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its event's timestamp.
    pub timestamp: Timestamp,
    /// Its event's position.
    pub position: Position,
    /// Whether it is the empty RRset, `[]`.
    pub empty: bool,
    /// What it says, where that was kept.
    pub kept: Option<Box<Kept>>,
}

/// What a slot's event said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The RRset.
    pub rrset: RrSet,
    /// Other fields of its records; see `SetRrSet::extra`.
    pub extra: Option<Box<str>>,
    /// What of its records the RRset does not show.
    pub merged: Merged,
    /// Its headers.
    pub headers: Headers,
}

// === impl LogState ===

impl LogState {
    /// The state of an empty log.
    pub fn new(source: SourceId, keep: Keep) -> Self {
        Self {
            source,
            keep,
            limits: Limits::default(),
            owners: BTreeMap::new(),
            soa_owners: BTreeSet::new(),
            nameless: BTreeMap::new(),
        }
    }

    /// The same under limits: what the log says of a zone that it may not write does not count.
    #[must_use]
    pub fn limited(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The state of an empty log that is read and limited as this one.
    #[must_use]
    pub fn anew(&self, source: SourceId) -> Self {
        Self::new(source, self.keep.clone()).limited(self.limits.clone())
    }

    /// The zones that logs may write.
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Whether the log may write the zone.
    pub(crate) fn may_write(&self, apex: &Name) -> bool {
        self.limits.allow(&self.source, apex)
    }

    /// The log's id.
    pub fn source(&self) -> &SourceId {
        &self.source
    }

    /// Takes the next event of its partition into account.
    pub fn apply(&mut self, event: &Event) {
        // What names no owner decides nothing: it is quarantined by who serves.
        let Some(key) = event.event_key() else {
            if matches!(self.keep, Keep::RrSets | Keep::Everything) {
                self.apply_nameless(event);
            }
            return;
        };
        if matches!(&self.keep, Keep::Owner(only) if key.owner != *only && key.rtype != RecordType::SOA) {
            return;
        }
        let sort_key = key.owner.sort_key();
        let slots = self.owners.entry(sort_key.clone()).or_default();
        let at = slots.iter().position(|slot| slot.partition == event.partition && *slot.key == *event.key);
        if matches!(event.body, EventBody::Null(_)) {
            if let Some(at) = at {
                slots.swap_remove(at);
            }
        } else {
            let slot = match at {
                Some(at) => &mut slots[at],
                None => {
                    // Nearly every owner has one slot or two; what a vector would take in advance is most of a
                    // large zone's memory.
                    if slots.len() < 4 {
                        slots.reserve_exact(1);
                    }
                    slots.push(Slot {
                        partition: event.partition,
                        key: event.key.as_slice().into(),
                        rtype: key.rtype,
                        apex: key.apex.clone(),
                        held: None,
                        unusable: None,
                        reason: None,
                    });
                    let last = slots.len() - 1;
                    &mut slots[last]
                }
            };
            match &event.body {
                EventBody::Set(set) => {
                    (slot.unusable, slot.reason) = (None, None);
                    let whole = matches!(self.keep, Keep::Everything | Keep::Owner(_))
                        || key.rtype == RecordType::SOA;
                    let kept = (whole || self.keep == Keep::RrSets).then(|| {
                        let headers = if whole { event.headers.clone() } else { Headers::new() };
                        let (rrset, extra) = (set.rrset.clone(), set.extra.clone().filter(|_| whole));
                        Box::new(Kept { rrset, extra, merged: set.merged, headers })
                    });
                    slot.held = Some(Held {
                        timestamp: event.timestamp,
                        position: event.position,
                        empty: set.rrset.is_empty(),
                        kept,
                    });
                }
                // What the slot held before goes on being served.
                EventBody::Unusable(unusable) => {
                    slot.unusable = Some(event.timestamp);
                    slot.reason = (self.keep != Keep::Slots).then(|| unusable.reason.as_str().into());
                }
                EventBody::Null(_) => {}
            }
        }
        if key.rtype == RecordType::SOA {
            let has_soa = slots.iter().any(|slot| slot.rtype == RecordType::SOA);
            let _ = if has_soa {
                self.soa_owners.insert(sort_key.clone())
            } else {
                self.soa_owners.remove(&sort_key)
            };
        }
        if slots.is_empty() {
            self.owners.remove(&sort_key);
        }
    }

    fn apply_nameless(&mut self, event: &Event) {
        let slot = (event.partition, event.key.as_slice().into());
        match &event.body {
            EventBody::Unusable(unusable) => {
                drop(self.nameless.insert(slot, unusable.reason.as_str().into()));
            }
            _ => drop(self.nameless.remove(&slot)),
        }
    }

    /// The keys that name no RRset, and whose last event so cannot be used; with [`Keep::RrSets`] and
    /// [`Keep::Everything`].
    pub fn nameless(&self) -> impl Iterator<Item = Nameless<'_>> {
        self.nameless.iter().map(|((partition, key), reason)| Nameless { partition: *partition, key, reason })
    }

    /// All owners by their sort keys, with their slots.
    pub(crate) fn owners(&self) -> impl Iterator<Item = (&[u8], &[Slot])> {
        self.owners.iter().map(|(key, slots)| (key.as_slice(), slots.as_slice()))
    }

    /// The slots of an owner and type, of whichever zone.
    pub fn slots(&self, owner: &Name, rtype: RecordType) -> impl Iterator<Item = &Slot> {
        self.owners.get(&owner.sort_key()).into_iter().flatten().filter(move |slot| slot.rtype == rtype)
    }

    /// The slot that serves an apex' SOA, `[]` included.
    pub fn soa(&self, apex: &Name) -> Option<&Slot> {
        winner(self.slots(apex, RecordType::SOA))
    }

    /// Keeps slots alone from now on, and lets go of the rest: for who has decided, and goes on to publish.
    pub fn keep_slots(&mut self) {
        self.keep = Keep::Slots;
        for slot in self.owners.values_mut().flatten().filter(|slot| slot.rtype != RecordType::SOA) {
            slot.reason = None;
            if let Some(held) = &mut slot.held {
                held.kept = None;
            }
        }
        self.nameless.clear();
    }

    /// How many slots hold something.
    pub fn slot_count(&self) -> usize {
        self.owners.values().map(Vec::len).sum()
    }

    /// All slots whose owner is `apex` or below it, with the owner's sort key.
    pub(crate) fn below<'a>(&'a self, apex: &Name) -> impl Iterator<Item = (&'a [u8], &'a Slot)> {
        let prefix = apex.sort_key();
        self.owners
            .range::<[u8], _>((Bound::Included(prefix.as_slice()), Bound::Unbounded))
            .map(|(owner, slots)| (owner.as_slice(), slots))
            .take_while(move |(owner, _)| owner.starts_with(&prefix))
            .flat_map(|(owner, slots)| slots.iter().map(move |slot| (owner, slot)))
    }

    /// The owners that have a slot of an SOA, `[]` and unusable ones too, in canonical order.
    pub(crate) fn soa_owners(&self) -> impl Iterator<Item = Name> {
        self.soa_owners.iter().filter_map(|key| Name::from_sort_key(key).ok())
    }

    /// Whether an apex below this one has a slot of an SOA.
    pub(crate) fn has_soa_below(&self, apex: &Name) -> bool {
        let prefix = apex.sort_key();
        let after = (Bound::Excluded(prefix.as_slice()), Bound::Unbounded);
        self.soa_owners.range::<[u8], _>(after).next().is_some_and(|key| key.starts_with(&prefix))
    }

    /// The RRsets that serve at an owner, zone by zone, of one type or of all, and those that serve in none; complete
    /// with [`Keep::Everything`] and, for its owner, with [`Keep::Owner`]. `zones` are those of the configuration.
    pub fn records(&self, owner: &Name, rtype: Option<RecordType>, zones: &[Name]) -> Vec<RecordSet> {
        let zones = Zones::new(self, zones, &[]);
        let owner = owner.to_lowercase();
        type RrSets<'s> = BTreeMap<(RecordType, Option<Name>), Vec<&'s Slot>>;
        let mut found: RrSets<'_> = BTreeMap::new();
        for slot in self.owners.get(&owner.sort_key()).into_iter().flatten() {
            if rtype.is_none_or(|rtype| rtype == slot.rtype) {
                found.entry((slot.rtype, zones.of_slot(&owner, slot))).or_default().push(slot);
            }
        }
        let of = |((rtype, apex), slots): ((RecordType, Option<Name>), Vec<&Slot>)| {
            // What a key names need not be a zone, nor one that the log may write.
            let apex = apex.filter(|apex| zones.has(apex) && self.may_write(apex));
            let count = slots.iter().filter(|slot| slot.held.is_some()).count();
            let slot = winner(slots)?;
            let held = slot.held.as_ref()?;
            let kept = held.kept.as_deref()?;
            Some(RecordSet {
                apex,
                owner: owner.clone(),
                rtype,
                rrset: kept.rrset.clone(),
                slots: count as u32,
                source: Some(self.source.clone()),
                partition: slot.partition,
                key: slot.key.to_vec(),
                position: Some(held.position),
                timestamp: held.timestamp,
                headers: kept.headers.clone(),
                extra: kept.extra.clone(),
            })
        };
        found.into_iter().filter_map(of).collect()
    }
}

/// Of the slots of one RRset the one that serves: the greatest (timestamp, partition, position); the source
/// is the same for all slots of a log.
pub fn winner<'a>(slots: impl IntoIterator<Item = &'a Slot>) -> Option<&'a Slot> {
    let rank = |slot: &Slot| slot.held.as_ref().map(|held| (held.timestamp, slot.partition, held.position));
    slots.into_iter().filter(|slot| slot.held.is_some()).max_by_key(|slot| rank(slot))
}

// === impl Slot ===

impl Slot {
    /// The newest timestamp of the slot.
    pub fn timestamp(&self) -> Timestamp {
        let held = self.held.as_ref().map(|held| held.timestamp);
        held.max(self.unusable).unwrap_or_default()
    }
}

// === Zones ===

/// Which zones there are: those whose SOA stands on the log, those of the configuration, and those that a
/// change is about to make.
#[derive(Clone, Copy, Debug)]
pub struct Zones<'a> {
    state: &'a LogState,
    configured: &'a [Name],
    added: &'a [Name],
}

impl<'a> Zones<'a> {
    /// The zones of a log, of a configuration, and of a change.
    pub fn new(state: &'a LogState, configured: &'a [Name], added: &'a [Name]) -> Self {
        Self { state, configured, added }
    }

    /// Whether there is a zone with this apex. A configured zone is there while no slot holds its SOA, not
    /// even as `[]`.
    pub fn has(&self, apex: &Name) -> bool {
        if self.added.contains(apex) {
            return true;
        }
        // What the log may not say is not heard.
        let soa = self.state.soa(apex).filter(|_| self.state.may_write(apex));
        match soa.and_then(|slot| slot.held.as_ref()) {
            Some(soa) => !soa.empty,
            None => self.configured.contains(apex),
        }
    }

    /// The zone that an owner's RRset belongs to where its key does not say: an SOA to its owner, DS to the
    /// zone above, everything else to the deepest zone that holds the owner.
    pub fn of(&self, owner: &Name, rtype: RecordType) -> Option<Name> {
        let mut candidate = match rtype {
            RecordType::SOA => return self.has(owner).then(|| owner.to_lowercase()),
            RecordType::DS => owner.parent()?,
            _ => owner.clone(),
        };
        loop {
            if self.has(&candidate) {
                return Some(candidate.to_lowercase());
            }
            candidate = candidate.parent()?;
        }
    }

    /// The zone that a slot's RRset belongs to. An SOA belongs to its owner, also where it is `[]` and there is
    /// no zone.
    pub fn of_slot(&self, owner: &Name, slot: &Slot) -> Option<Name> {
        match &slot.apex {
            Some(apex) => Some(apex.clone()),
            None if slot.rtype == RecordType::SOA => Some(owner.to_lowercase()),
            None => self.of(owner, slot.rtype),
        }
    }

    /// The zone that a key's RRset belongs to.
    pub fn of_key(&self, key: &EventKey) -> Option<Name> {
        match &key.apex {
            Some(apex) => Some(apex.clone()),
            None if key.rtype == RecordType::SOA => Some(key.owner.clone()),
            None => self.of(&key.owner, key.rtype),
        }
    }

    /// Whether a slot's RRset belongs to the zone.
    pub fn holds(&self, apex: &Name, owner: &Name, slot: &Slot) -> bool {
        match &slot.apex {
            Some(own) => own == apex,
            None if slot.rtype == RecordType::SOA => owner == apex,
            None => self.of(owner, slot.rtype).as_ref() == Some(apex),
        }
    }

    /// The slots of one RRset of a zone.
    pub fn slots(&self, apex: &Name, owner: &Name, rtype: RecordType) -> Vec<&'a Slot> {
        self.state.slots(owner, rtype).filter(|slot| self.holds(apex, owner, slot)).collect()
    }

    /// The timestamp of a zone's newest event that is not a null, unusable ones included.
    pub fn newest(&self, apex: &Name) -> Option<Timestamp> {
        // Where no other zone can begin below, the range is the zone, but for DS at its apex and RRsets whose
        // key says otherwise: a zone of a million names is looked through in a few milliseconds.
        let alone = !self.state.has_soa_below(apex)
            && !self.configured.iter().chain(self.added).any(|other| other.is_below(apex));
        let belongs = |owner: &[u8], slot: &Slot| match &slot.apex {
            Some(own) => own == apex,
            None if alone && slot.rtype != RecordType::DS => true,
            None => Name::from_sort_key(owner).is_ok_and(|owner| self.holds(apex, &owner, slot)),
        };
        self.state
            .below(apex)
            .filter(|(owner, slot)| belongs(owner, slot))
            .map(|(_, slot)| slot.timestamp())
            .max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{event, fold, null};

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    /// A zone of a million names is held by whoever changes it: nothing is taken in advance, and who has decided lets
    /// go of what is not needed to plan by.
    #[test]
    fn a_state_takes_no_more_than_it_keeps() {
        let events = [
            event(0, 1, 500, "example.|SOA", &["ns.example. host.example. 1 2 3 4 5"]),
            event(0, 2, 500, "a.example.|A", &["192.0.2.1"]),
            event(0, 3, 500, "a.example.|AAAA", &["2001:db8::1"]),
            event(0, 4, 500, "b.example.|A", &["nonsense"]),
            event(0, 5, 500, "b|A|c|d", &["192.0.2.1"]),
        ];
        let of = |keep| {
            let mut state = LogState::new(SourceId::new("test"), keep);
            events.iter().for_each(|event| state.apply(event));
            state
        };
        let (slots, mut rrsets, everything) = (of(Keep::Slots), of(Keep::RrSets), of(Keep::Everything));
        for state in [&slots, &rrsets, &everything] {
            assert!(state.owners.values().all(|slots| slots.capacity() == slots.len()));
        }
        assert_eq!(rrsets.zones(&[]), everything.zones(&[]));
        assert_eq!(rrsets.nameless().count(), 1);
        let extra = |state: &LogState, owner: &str, rtype| {
            let slot = state.slots(&name(owner), rtype).next().unwrap();
            slot.held.as_ref().unwrap().kept.as_ref().map(|kept| kept.extra.is_some())
        };
        let with = |content: &str| {
            let value = format!(r#"[{{"name":"x.example.","type":"A","content":"{content}","note":1}}]"#);
            let mut event = event(0, 6, 600, "x.example.|A", &[content]);
            event = zone_model::decode::decode(zone_model::RawEvent {
                partition: event.partition,
                position: event.position,
                timestamp: event.timestamp,
                key: event.key,
                value: Some(value.into_bytes()),
                headers: vec![("producer".into(), b"p".to_vec())],
            });
            event
        };
        let mut everything = everything;
        for state in [&mut rrsets, &mut everything] {
            state.apply(&with("192.0.2.9"));
        }
        assert_eq!(extra(&everything, "x.example", RecordType::A), Some(true));
        assert_eq!(extra(&rrsets, "x.example", RecordType::A), Some(false));
        // Of one owner everything, and of others no more than says whose it is.
        let mut only = of(Keep::Owner(name("x.example")));
        only.apply(&with("192.0.2.9"));
        assert_eq!(only.slot_count(), 2);
        let (x, all) = (name("X.example"), only.records(&name("a.example"), None, &[]));
        assert_eq!((only.records(&x, None, &[]), all), (everything.records(&x, None, &[]), vec![]));
        rrsets.keep_slots();
        assert_eq!(extra(&rrsets, "x.example", RecordType::A), None);
        assert_eq!(extra(&rrsets, "example", RecordType::SOA), Some(false));
        assert_eq!((rrsets.slot_count(), rrsets.nameless().count()), (5, 0));
    }

    /// DESIGN, "Slots decide": the greatest (timestamp, source, partition, position) serves.
    #[test]
    fn the_newest_timestamp_serves_whatever_arrived_last() {
        let state = fold(&[
            event(0, 1, 500, "a.example.|A", &["192.0.2.1"]),
            event(1, 2, 400, "a.example|A", &["192.0.2.2"]),
        ]);
        let served = state.records(&name("a.example"), None, &[]);
        assert_eq!(served.len(), 1);
        assert_eq!((served[0].partition, &served[0].key[..]), (Partition(0), &b"a.example.|A"[..]));
    }

    /// DESIGN: null empties its own slot and counts for nothing more; `[]` is a value like any other.
    #[test]
    fn a_null_uncovers_the_other_slot_and_an_empty_rrset_does_not() {
        let both = [
            event(0, 1, 400, "a.example.|A", &["192.0.2.1"]),
            event(0, 2, 500, "a.example|A", &["192.0.2.2"]),
        ];
        let mut state = fold(&both);
        state.apply(&null(0, 3, 600, "a.example|A"));
        assert_eq!(&state.records(&name("a.example"), None, &[])[0].key[..], b"a.example.|A");
        let mut state = fold(&both);
        state.apply(&event(0, 3, 600, "a.example|A", &[]));
        assert!(state.records(&name("a.example"), None, &[])[0].rrset.is_empty());
    }

    #[test]
    fn what_a_slot_held_goes_on_being_served_behind_an_unusable_event() {
        let mut state = fold(&[event(0, 1, 400, "a.example.|A", &["192.0.2.1"])]);
        state.apply(&event(0, 2, 500, "a.example.|A", &["nonsense"]));
        let slot = state.slots(&name("a.example"), RecordType::A).next().unwrap();
        assert_eq!((slot.timestamp(), slot.unusable), (Timestamp(500), Some(Timestamp(500))));
        assert_eq!(state.records(&name("a.example"), None, &[])[0].timestamp, Timestamp(400));
    }

    /// DESIGN, "The log", key: the deepest zone that holds its owner, and DS to the parent.
    #[test]
    fn an_owner_belongs_to_the_deepest_zone_and_ds_to_the_parent() {
        let soa = "ns.example. host.example. 1 2 3 4 5";
        let state = fold(&[
            event(0, 1, 1, "example.|SOA", &[soa]),
            event(0, 2, 1, "sub.example.|SOA", &[soa]),
            event(0, 3, 1, "gone.example.|SOA", &[]),
        ]);
        let configured = [name("other.test"), name("gone.example")];
        let zones = Zones::new(&state, &configured, &[]);
        let cases = [
            ("www.example", RecordType::A, Some("example")),
            ("sub.example", RecordType::NS, Some("sub.example")),
            ("sub.example", RecordType::DS, Some("example")),
            ("x.sub.example", RecordType::DS, Some("sub.example")),
            ("gone.example", RecordType::A, Some("example")),
            ("www.other.test", RecordType::A, Some("other.test")),
            ("elsewhere", RecordType::A, None),
            ("example", RecordType::DS, None),
        ];
        for (owner, rtype, apex) in cases {
            assert_eq!(zones.of(&name(owner), rtype), apex.map(name), "{owner} {rtype}");
        }
    }

    #[test]
    fn the_newest_event_of_a_zone_is_its_own() {
        let soa = "ns.example. host.example. 1 2 3 4 5";
        let state = fold(&[
            event(0, 1, 10, "example.|SOA", &[soa]),
            event(0, 2, 20, "a.example.|A", &["192.0.2.1"]),
            event(0, 3, 30, "sub.example.|SOA", &[soa]),
            event(0, 4, 40, "sub.example.|NS|example.", &["ns.sub.example."]),
            event(0, 5, 50, "a.sub.example.|A", &["192.0.2.1"]),
            event(0, 6, 60, "elsewhere.|A", &["192.0.2.1"]),
        ]);
        let zones = Zones::new(&state, &[], &[]);
        assert_eq!(zones.newest(&name("example")), Some(Timestamp(40)));
        assert_eq!(zones.newest(&name("sub.example")), Some(Timestamp(50)));
        assert_eq!(zones.newest(&name("nothing")), None);
    }
}
