//! What on a log wants to be put right: RRsets that stand in several slots, and events that cannot be used.

use crate::state::{LogState, Slot, Zones};
use std::collections::{BTreeMap, BTreeSet};
use zone_model::{Name, Partition, RecordType};

/// An RRset that stands in several slots, or has one whose last event cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OddRrSet<'a> {
    /// The zone that it belongs to; `None` where no zone of the log holds its owner.
    pub apex: Option<Name>,
    /// The owner.
    pub owner: Name,
    /// The type.
    pub rtype: RecordType,
    /// Its slots.
    pub slots: Vec<&'a Slot>,
}

/// A key that names no RRset, and whose last event so cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nameless<'a> {
    /// The partition.
    pub partition: Partition,
    /// The key, byte for byte; `line:<number>` for a line of a journal that is no event.
    pub key: &'a [u8],
    /// What is wrong.
    pub reason: &'a str,
}

// === impl LogState ===

impl LogState {
    /// The RRsets that stand in several slots or have one whose last event cannot be used, zone by zone; those of no
    /// zone first. `configured` are the zones of the configuration.
    pub fn odd(&self, configured: &[Name]) -> Vec<OddRrSet<'_>> {
        let zones = Zones::new(self, configured, &[]);
        let mut found: BTreeMap<(Option<Name>, Name, RecordType), Vec<&Slot>> = BTreeMap::new();
        for (key, slots) in self.owners() {
            // Most owners have one slot of each type, and nothing wrong with it.
            let plain = |slot: &Slot| {
                slot.unusable.is_none() && slots.iter().filter(|other| other.rtype == slot.rtype).count() == 1
            };
            if slots.iter().all(plain) {
                continue;
            }
            let Ok(owner) = Name::from_sort_key(key) else { continue };
            for slot in slots {
                let of = (zones.of_slot(&owner, slot), owner.clone(), slot.rtype);
                found.entry(of).or_default().push(slot);
            }
        }
        let odd = |slots: &Vec<&Slot>| slots.len() > 1 || slots.iter().any(|slot| slot.unusable.is_some());
        found
            .into_iter()
            .filter(|(_, slots)| odd(slots))
            .map(|((apex, owner, rtype), slots)| OddRrSet { apex, owner, rtype, slots })
            .collect()
    }
}

impl LogState {
    /// The RRsets of types that are not among these, in canonical order of their owners.
    pub fn unknown_types(&self, known: impl IntoIterator<Item = RecordType>) -> Vec<(Name, RecordType)> {
        let known: BTreeSet<RecordType> = known.into_iter().collect();
        let mut found = BTreeSet::new();
        for (key, slots) in self.owners() {
            let unknown = slots.iter().filter(|slot| serves(slot) && !known.contains(&slot.rtype));
            let Ok(owner) = Name::from_sort_key(key) else { continue };
            found.extend(unknown.map(|slot| (owner.clone(), slot.rtype)));
        }
        found.into_iter().collect()
    }

    /// How many slots hold records that no zone of the log or of the configuration holds.
    pub fn outside(&self, configured: &[Name]) -> usize {
        let zones = Zones::new(self, configured, &[]);
        let of_owner = |(key, slots): (&[u8], &[Slot])| {
            let Ok(owner) = Name::from_sort_key(key) else { return 0 };
            let of_none = |slot: &&Slot| {
                zones.of_slot(&owner, slot).is_none_or(|apex| !zones.has(&apex) && self.may_write(&apex))
            };
            slots.iter().filter(|slot| serves(slot)).filter(of_none).count()
        };
        self.owners().map(of_owner).sum()
    }
}

impl LogState {
    /// The zones that the log speaks of and may not write, with how many of its slots hold records of each.
    pub fn forbidden(&self, configured: &[Name]) -> BTreeMap<Name, usize> {
        let zones = Zones::new(self, configured, &[]);
        let mut found = BTreeMap::new();
        if self.limits().of(self.source()).is_none() {
            return found;
        }
        for (key, slots) in self.owners() {
            let Ok(owner) = Name::from_sort_key(key) else { continue };
            for slot in slots.iter().filter(|slot| serves(slot)) {
                if let Some(apex) = zones.of_slot(&owner, slot).filter(|apex| !self.may_write(apex)) {
                    *found.entry(apex.to_lowercase()).or_default() += 1;
                }
            }
        }
        found
    }
}

impl LogState {
    /// The zones whose RRsets stand in several partitions, and in which: their changes do not become visible at once.
    pub fn scattered(&self, configured: &[Name]) -> BTreeMap<Name, BTreeSet<Partition>> {
        let zones = Zones::new(self, configured, &[]);
        let mut found: BTreeMap<Name, BTreeSet<Partition>> = BTreeMap::new();
        for (key, slots) in self.owners() {
            let Ok(owner) = Name::from_sort_key(key) else { continue };
            for slot in slots.iter().filter(|slot| slot.held.is_some()) {
                if let Some(apex) = zones.of_slot(&owner, slot).filter(|apex| zones.has(apex)) {
                    found.entry(apex.to_lowercase()).or_default().insert(slot.partition);
                }
            }
        }
        found.retain(|_, partitions| partitions.len() > 1);
        found
    }
}

fn serves(slot: &Slot) -> bool {
    slot.held.as_ref().is_some_and(|held| !held.empty)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{event, fold, null};

    const SOA: &str = "ns.example. host.example. 7 2 3 4 5";

    #[test]
    fn several_slots_and_unusable_events_are_found_and_nothing_else() {
        let state = fold(&[
            event(0, 1, 1, "example.|SOA", &[SOA]),
            event(0, 2, 1, "www.example.|A", &["192.0.2.1"]),
            event(1, 3, 2, "www.example|A", &["192.0.2.2"]),
            event(0, 4, 1, "fine.example.|A", &["192.0.2.1"]),
            event(0, 5, 1, "fine.example.|AAAA", &["2001:db8::1"]),
            event(0, 6, 1, "bad.example.|A", &["nonsense"]),
            event(0, 7, 1, "out.|A", &["192.0.2.1"]),
            event(0, 8, 1, "out|A", &["192.0.2.1"]),
            // The parent's copy and the child's are two RRsets.
            event(0, 9, 1, "sub.example.|SOA", &[SOA]),
            event(0, 10, 1, "sub.example.|NS", &["ns.example."]),
            event(0, 11, 1, "sub.example.|NS|example.", &["ns.example."]),
        ]);
        let odd: Vec<_> = state
            .odd(&[])
            .into_iter()
            .map(|odd| (odd.apex.map(|apex| apex.to_string()), odd.owner.to_string(), odd.slots.len()))
            .collect();
        let want = [
            (None, "out.".to_owned(), 2),
            (Some("example.".to_owned()), "bad.example.".to_owned(), 1),
            (Some("example.".to_owned()), "www.example.".to_owned(), 2),
        ];
        assert_eq!(odd, want);
        assert_eq!(state.outside(&[]), 2);
        assert_eq!(state.outside(&["out".parse().unwrap()]), 0);
        let scattered = [("example".parse().unwrap(), [Partition(0), Partition(1)].into())];
        assert_eq!(state.scattered(&[]), scattered.into());
        let known = [RecordType::SOA, RecordType::NS, RecordType::A];
        assert_eq!(state.unknown_types(known), [("fine.example.".parse().unwrap(), RecordType::AAAA)]);
        assert!(
            state.slots(&"bad.example".parse().unwrap(), RecordType::A).all(|slot| slot.reason.is_some())
        );
    }

    #[test]
    fn a_key_that_names_nothing_is_kept_until_a_null_clears_it() {
        let mut state = fold(&[event(2, 1, 1, "nonsense|A|b|c", &["192.0.2.1"])]);
        let nameless: Vec<_> = state.nameless().map(|own| (own.partition.0, own.key.to_vec())).collect();
        assert_eq!(nameless, [(2, b"nonsense|A|b|c".to_vec())]);
        state.apply(&null(2, 2, 2, "nonsense|A|b|c"));
        assert_eq!(state.nameless().count(), 0);
    }
}
