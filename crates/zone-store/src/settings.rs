//! What the configuration says of zones and records, ready to be asked.

use crate::config::StoreConfig;
use crate::keys;
use crate::local::Locals;
use crate::zones::{Above, ByApex, SoaState, Zone, above};
use sha2::{Digest as _, Sha256};
use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use zone_model::{Limits, Name, Timestamp};

/// The configured zones and local records.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The configured zones, by their sort keys.
    pub(crate) zones: ByApex<()>,
    pub(crate) locals: Locals,
    pub(crate) limits: Limits,
    pub(crate) default_ttl: u32,
    /// The configured zones and limits as one number, to know whether a store was filled under the same.
    pub(crate) fingerprint: u64,
}

// === impl Settings ===

impl Settings {
    pub(crate) fn new(config: &StoreConfig) -> Self {
        let zones: ByApex<()> = config.zones.iter().map(|zone| (zone.sort_key().into(), ())).collect();
        Self {
            fingerprint: fingerprint(&zones, &config.limits),
            zones,
            limits: config.limits.clone(),
            locals: Locals::new(&config.local),
            default_ttl: zone_model::clamp_ttl(config.default_ttl),
        }
    }

    /// The zone at an apex whose SOA slots say this, if there is one.
    pub(crate) fn zone(&self, apex: &[u8], soa: SoaState) -> Option<Zone> {
        let allowed = || self.zones.is_empty() || above(&self.zones, apex) != Above::default();
        match soa {
            SoaState::Present { serial, timestamp } if allowed() => Some(Zone::new(serial, timestamp, false)),
            SoaState::None if self.zones.contains_key(apex) => Some(Zone::new(0, Timestamp(0), true)),
            _ => None,
        }
    }

    /// Owners at or below `top` that may have a node without having a row, in no order.
    pub(crate) fn owners<'a>(&'a self, top: &[u8]) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.locals.owners(top).chain(below(&self.zones, top))
    }
}

/// Never 0, which a store says that does not know.
fn fingerprint(zones: &ByApex<()>, limits: &Limits) -> u64 {
    let mut hash = Sha256::new();
    let mut add = |octets: &[u8]| {
        hash.update((octets.len() as u64).to_be_bytes());
        hash.update(octets);
    };
    zones.keys().for_each(|zone| add(zone));
    for (source, apexes) in limits.iter() {
        add(b"limit");
        add(source.as_str().as_bytes());
        let apexes: BTreeSet<Vec<u8>> = apexes.iter().map(Name::sort_key).collect();
        apexes.iter().for_each(|apex| add(apex));
    }
    let hash: [u8; 32] = hash.finalize().into();
    hash.iter().take(8).fold(0, |sum, octet| sum << 8 | u64::from(*octet)).max(1)
}

/// The keys at or below `top`.
pub(crate) fn below<'a, K: Borrow<[u8]> + Ord, T>(
    zones: &'a BTreeMap<K, T>,
    top: &[u8],
) -> impl Iterator<Item = &'a [u8]> + use<'a, K, T> {
    let behind = keys::behind_subtree(top);
    let behind = behind.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
    zones.range::<[u8], _>((Bound::Included(top), behind)).map(|(apex, _)| apex.borrow())
}
