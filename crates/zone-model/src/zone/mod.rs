//! A whole zone as a value: its RRsets in canonical order.
//!
//! Not what is answered from ([`Catalog`](crate::Catalog)), but what is read from a master file, gathered from a
//! log, compared, validated and printed. It is in one normal form, wherever it came from: owners in lower case
//! and in the order of RFC 4034 section 6.1, types by number, records in the order of section 6.3, each once.
//!
//! ```
//! use zone_model::zone::{Difference, Zone};
//! use zone_model::{Name, RecordType, RrSet, rdata};
//!
//! let a = |text| RrSet::new(Some(300), [rdata::parse_text(RecordType::A, text).unwrap()]);
//! let apex: Name = "example.".parse()?;
//! let zone = |address| Zone::of(apex.clone(), [("www.example.".parse().unwrap(), RecordType::A, a(address))]);
//! let (old, new) = (zone("192.0.2.1"), zone("192.0.2.2"));
//! assert!(matches!(old.difference(&new)[..], [Difference::Changed { .. }]));
//! # Ok::<(), zone_model::NameError>(())
//! ```

mod builder;
mod difference;
#[cfg(test)]
mod tests;
mod zonemd;

pub use builder::{RefusedRrSet, ZoneBuilder};
pub use difference::Difference;
pub use zonemd::Zonemd;

use crate::name::Name;
use crate::rdata;
use crate::rrset::{Merged, RrSet};
use crate::rtype::RecordType;

/// A zone's RRsets in canonical order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    apex: Name,
    rrsets: Vec<ZoneRrSet>,
    outside: Vec<ZoneRrSet>,
}

/// An RRset with its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneRrSet {
    /// The owner, in lower case.
    pub owner: Name,
    /// The type.
    pub rtype: RecordType,
    /// The records, in canonical order.
    pub rrset: RrSet,
    /// What of the records that an event gave is not to be seen; what a file gives is reported when it is read.
    pub merged: Merged,
}

/// MNAME and RNAME go before five numbers of four octets, of which the serial is the first (RFC 1035 section
/// 3.3.13).
const SOA_NUMBERS: usize = 20;

// === impl Zone ===

impl Zone {
    /// The zone of these RRsets. Several of one owner and type are one; an empty one is none.
    pub fn of(apex: Name, rrsets: impl IntoIterator<Item = (Name, RecordType, RrSet)>) -> Self {
        let set = |(owner, rtype, rrset)| ZoneRrSet { owner, rtype, rrset, merged: Merged::default() };
        Self::of_sets(apex, rrsets.into_iter().map(set))
    }

    /// The same of RRsets that keep what is to be reported of their records.
    pub fn of_sets(apex: Name, rrsets: impl IntoIterator<Item = ZoneRrSet>) -> Self {
        let mut builder = ZoneBuilder::new(apex);
        let mut merged = Vec::new();
        for set in rrsets {
            for rdata in set.rrset.rdatas() {
                builder.push_unplaced(&set.owner, set.rtype, set.rrset.ttl, rdata);
            }
            if set.merged.is_any() {
                merged.push((set.owner.to_lowercase(), set.rtype, set.merged));
            }
        }
        let mut zone = builder.build().0;
        for (owner, rtype, merged) in merged {
            let place = zone.rrsets.binary_search_by(|set| (&set.owner, set.rtype).cmp(&(&owner, rtype)));
            if let Ok(at) = place {
                zone.rrsets[at].merged = merged;
            }
        }
        zone
    }

    /// The apex, in lower case.
    pub fn apex(&self) -> &Name {
        &self.apex
    }

    /// The RRsets at the apex and below it.
    pub fn rrsets(&self) -> &[ZoneRrSet] {
        &self.rrsets
    }

    /// RRsets that are not the zone's, because their owners are neither its apex nor below it.
    pub fn outside(&self) -> &[ZoneRrSet] {
        &self.outside
    }

    /// How many RRsets the zone has.
    pub fn len(&self) -> usize {
        self.rrsets.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.rrsets.is_empty()
    }

    /// How many records it has.
    pub fn record_count(&self) -> usize {
        self.rrsets.iter().map(|set| set.rrset.len()).sum()
    }

    /// The RRsets of an owner.
    pub fn at(&self, owner: &Name) -> &[ZoneRrSet] {
        let start = self.rrsets.partition_point(|set| set.owner < *owner);
        let rest = &self.rrsets[start..];
        let count = rest.iter().take_while(|set| set.owner == *owner).count();
        &rest[..count]
    }

    /// The RRset of an owner and type.
    pub fn get(&self, owner: &Name, rtype: RecordType) -> Option<&RrSet> {
        self.at(owner).iter().find(|set| set.rtype == rtype).map(|set| &set.rrset)
    }

    /// The serial of the SOA, where the zone has one.
    pub fn serial(&self) -> Option<u32> {
        let rdata = self.get(&self.apex, RecordType::SOA)?.rdatas().first()?;
        let at = rdata.len().checked_sub(SOA_NUMBERS)?;
        Some(u32::from_be_bytes(rdata.get(at..at + 4)?.try_into().ok()?))
    }

    /// Gives the SOA, where the zone has one, this serial.
    pub fn set_serial(&mut self, serial: u32) {
        let apex = self.apex.clone();
        for set in &mut self.rrsets {
            if set.rtype == RecordType::SOA && set.owner == apex {
                set.rrset = with_serial(&set.rrset, serial);
            }
        }
    }

    /// The same zone without what `keep` says no to.
    #[must_use]
    pub fn filtered(mut self, mut keep: impl FnMut(&ZoneRrSet) -> bool) -> Self {
        self.rrsets.retain(|set| keep(set));
        self.outside.retain(|set| keep(set));
        self
    }
}

// === impl ZoneRrSet ===

impl ZoneRrSet {
    /// An RRset in the normal form of a zone: the owner in lower case, the records in canonical order.
    pub fn new(owner: &Name, rtype: RecordType, rrset: &RrSet) -> Self {
        let mut rdatas = rrset.rdatas().to_vec();
        rdatas.sort_by_cached_key(|octets| rdata::canonical(rtype, octets));
        // What RFC 4034 section 6.2 takes for the same record counts once.
        rdatas.dedup_by(|again, first| rdata::canonical(rtype, again) == rdata::canonical(rtype, first));
        Self {
            owner: owner.to_lowercase(),
            rtype,
            rrset: RrSet::of_distinct(rrset.ttl, rdatas),
            merged: Merged::default(),
        }
    }

    /// The same with this to report.
    #[must_use]
    pub fn with_merged(self, merged: Merged) -> Self {
        Self { merged, ..self }
    }
}

/// The same SOA with another serial.
fn with_serial(rrset: &RrSet, serial: u32) -> RrSet {
    let rdatas = rrset.rdatas().iter().map(|rdata| {
        let mut rdata = rdata.clone();
        if let Some(octets) = rdata.len().checked_sub(SOA_NUMBERS).and_then(|at| rdata.get_mut(at..at + 4)) {
            octets.copy_from_slice(&serial.to_be_bytes());
        }
        rdata
    });
    RrSet::new(rrset.ttl, rdatas)
}
