//! Which zones there are, and whose a row is.

use crate::keys;
use crate::newest::Newest;
use std::collections::BTreeMap;
use std::ops::Bound;
use zone_model::{RecordType, Timestamp, ZoneDigest, serial};

/// Zones, or changes of zones, by the sort keys of their apexes.
pub(crate) type ByApex<T> = BTreeMap<Box<[u8]>, T>;

/// A zone that is served.
#[derive(Clone, Debug)]
pub(crate) struct Zone {
    /// The serial of the SOA that serves, as its event says.
    pub(crate) serial: u32,
    /// The timestamp of the SOA's event; 0 for a made-up one.
    pub(crate) soa: Timestamp,
    /// Whether the SOA is made up: the configuration names the zone and no slot holds its SOA.
    pub(crate) synthesised: bool,
    /// The timestamps of its rows.
    pub(crate) newest: Newest,
    /// How many rows belong to it.
    pub(crate) rows: u64,
    /// The sum over its RRsets; without local records.
    pub(crate) digest: ZoneDigest,
}

/// What an apex' SOA slots say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SoaState {
    /// No slot holds its SOA, not even as `[]`.
    None,
    /// The slot that serves holds `[]`: a zone that was deleted.
    Empty,
    /// The slot that serves holds an SOA.
    Present { serial: u32, timestamp: Timestamp },
}

/// The zones at or above a name, as a set of label counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Above(u128);

// === impl Zone ===

impl Zone {
    pub(crate) fn new(serial: u32, soa: Timestamp, synthesised: bool) -> Self {
        Self { serial, soa, synthesised, newest: Newest::default(), rows: 0, digest: ZoneDigest::default() }
    }

    /// The serial that is served.
    pub(crate) fn served_serial(&self) -> u32 {
        serial::served(self.serial, self.soa, self.newest.get().unwrap_or(self.soa))
    }

    pub(crate) fn add(&mut self, timestamp: Timestamp) {
        self.newest.add(timestamp);
        self.rows += 1;
    }

    pub(crate) fn remove(&mut self, timestamp: Timestamp) {
        self.newest.remove(timestamp);
        self.rows = self.rows.saturating_sub(1);
    }
}

// === impl Above ===

impl Above {
    pub(crate) fn with(self, labels: u8) -> Self {
        Self(self.0 | 1 << labels)
    }

    /// The zones that are in one of both sets.
    pub(crate) fn toggled(self, other: Self) -> Self {
        Self(self.0 ^ other.0)
    }

    pub(crate) fn has(self, labels: u8) -> bool {
        self.0 & 1 << labels != 0
    }

    /// The deepest zone at or above the name.
    pub(crate) fn deepest(self) -> Option<u8> {
        self.0.checked_ilog2().map(|labels| labels as u8)
    }

    /// The deepest zone above the apex of so many labels.
    pub(crate) fn above(self, labels: u8) -> Option<u8> {
        Self(self.0 & ((1 << labels) - 1)).deepest()
    }

    /// Whose RRset of this type at an owner of `labels` labels it is that has a key with this apex (`None`
    /// for a short key): the zone by its apex' label count, `None` where no zone here holds it.
    ///
    /// A long key says it; an SOA belongs to its owner; DS belongs to the parent; everything else to the
    /// deepest zone that holds the owner.
    pub(crate) fn zone_of(self, labels: u8, rtype: RecordType, apex: Option<u8>) -> Option<u8> {
        match (rtype, apex) {
            (RecordType::SOA, _) => self.has(labels).then_some(labels),
            (_, Some(apex)) => self.has(apex).then_some(apex),
            (RecordType::DS, None) => self.above(labels),
            _ => self.deepest(),
        }
    }

    /// The zone whose RRset of this type the owner serves: its own, but at an apex the parent's DS.
    pub(crate) fn serving_zone(self, labels: u8, rtype: RecordType) -> Option<u8> {
        match rtype {
            RecordType::DS => self.above(labels),
            _ => self.deepest(),
        }
    }
}

/// The apexes of `zones` that are at or above a name.
pub(crate) fn above<T>(zones: &ByApex<T>, owner: &[u8]) -> Above {
    let mut found = Above::default();
    let mut rest = Some(owner);
    while let Some(key) = rest {
        // The greatest apex up to the name is the deepest above it, or stands beside it: then whatever is
        // above both is above what they have in common.
        let Some((apex, _)) = zones.range::<[u8], _>((Bound::Unbounded, Bound::Included(key))).next_back()
        else {
            break;
        };
        if key.starts_with(apex) {
            found = found.with(keys::labels(apex));
            rest = keys::parent(&key[..apex.len()]);
        } else {
            rest = Some(keys::common(key, apex));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use zone_model::Name;

    fn key(name: &str) -> Vec<u8> {
        Name::parse(name).unwrap().sort_key()
    }

    /// DESIGN, "The log": whose RRset a key names.
    #[test]
    fn whose_it_is() {
        let zones = [0, 1, 3].into_iter().fold(Above::default(), Above::with);
        let (a, ds, soa) = (RecordType::A, RecordType::DS, RecordType::SOA);
        assert_eq!(zones.zone_of(3, a, None), Some(3));
        assert_eq!(zones.zone_of(4, ds, None), Some(3));
        assert_eq!(zones.zone_of(3, ds, None), Some(1));
        assert_eq!(zones.zone_of(0, ds, None), None);
        assert_eq!(zones.zone_of(3, a, Some(1)), Some(1));
        assert_eq!(zones.zone_of(3, a, Some(2)), None);
        assert_eq!(zones.zone_of(3, soa, None), Some(3));
        assert_eq!(zones.zone_of(2, soa, None), None);
        assert_eq!(Above::default().zone_of(2, a, None), None);
        assert_eq!(Above::default().with(127).above(127), None);
        assert_eq!(Above::default().with(127).deepest(), Some(127));
    }

    proptest! {
        /// The walk down the ordered map finds what asking for each ancestor finds.
        #[test]
        fn all_apexes_above(
            zones in proptest::collection::btree_set("([ab-]{1,2}\\.){0,4}", 0..12),
            owner in "([ab-]{1,2}\\.){0,5}",
        ) {
            let full = |name: &str| if name.is_empty() { key(".") } else { key(name) };
            let zones: ByApex<()> = zones.iter().map(|name| (full(name).into(), ())).collect();
            let owner = full(&owner);
            let wanted = (0..=keys::labels(&owner))
                .filter(|labels| zones.contains_key(keys::ancestor(&owner, *labels)))
                .fold(Above::default(), Above::with);
            prop_assert_eq!(above(&zones, &owner), wanted);
        }
    }
}
