//! The rules of the log over plain maps, computed from scratch: slow, obvious, and sharing no code with the
//! store.

use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use zone_model::catalog::{Authority, Node, QueryName};
use zone_model::{
    Catalog, Event, EventBody, EventKey, Limits, Name, Position, RecordType, RrSet, RrSetId, SourceId,
    Timestamp, serial,
};
use zone_store::StoreConfig;

/// The slot of an event, as the log names it.
type SlotId = (SourceId, u32, Vec<u8>);

#[derive(Clone, Debug)]
struct Held {
    source: SourceId,
    key: EventKey,
    rrset: RrSet,
    timestamp: Timestamp,
    position: Position,
}

/// What events lead to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    limits: Limits,
    slots: BTreeMap<SlotId, Held>,
    quarantine: BTreeMap<SlotId, Position>,
}

/// A zone as the model sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ModelZone {
    pub(crate) serial: u32,
    pub(crate) newest: Timestamp,
    pub(crate) rows: u64,
    pub(crate) synthesised: bool,
    pub(crate) digest: [u8; 32],
}

/// What a catalogue says of a name: everything that an answer can depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) apex_labels: usize,
    pub(crate) is_apex: bool,
    pub(crate) is_cut: bool,
    pub(crate) has_dname: bool,
    pub(crate) has_cname: bool,
    pub(crate) barrier: Option<usize>,
    pub(crate) wildcard_below: bool,
    pub(crate) parent_zone: bool,
    pub(crate) rrsets: BTreeMap<RecordType, (u32, Vec<Vec<u8>>)>,
}

// === impl Model ===

impl Model {
    /// Nothing yet, of sources that may write the zones that the configuration lets them.
    pub(crate) fn new(config: &StoreConfig) -> Self {
        Self { limits: config.limits.clone(), ..Self::default() }
    }

    pub(crate) fn apply(&mut self, source: &SourceId, event: &Event) {
        let slot = (source.clone(), event.partition.0, event.key.clone());
        match &event.body {
            EventBody::Set(set) => {
                self.quarantine.remove(&slot);
                let held = Held {
                    source: source.clone(),
                    key: set.key.clone(),
                    rrset: set.rrset.clone(),
                    timestamp: event.timestamp,
                    position: event.position,
                };
                self.slots.insert(slot, held);
            }
            EventBody::Null(_) => {
                self.quarantine.remove(&slot);
                self.slots.remove(&slot);
            }
            EventBody::Unusable(_) => drop(self.quarantine.insert(slot, event.position)),
        }
    }

    pub(crate) fn slots(&self) -> u64 {
        self.slots.len() as u64
    }

    pub(crate) fn quarantined(&self) -> BTreeSet<(SlotId, Position)> {
        self.quarantine.iter().map(|(slot, position)| (slot.clone(), *position)).collect()
    }

    fn winner(&self, wanted: impl Fn(&Held) -> bool) -> Option<&Held> {
        let candidates = self.slots.iter().filter(|(_, held)| wanted(held));
        candidates
            .max_by_key(|(slot, held)| (held.timestamp, &slot.0, slot.1, held.position))
            .map(|(_, held)| held)
    }

    /// The SOA slot that decides, of those whose source may write the zone.
    fn soa(&self, apex: &Name) -> Option<&Held> {
        self.winner(|held| {
            held.key.rtype == RecordType::SOA
                && held.key.owner == *apex
                && self.limits.allow(&held.source, apex)
        })
    }

    /// The zone for which a slot counts.
    fn counts_for(&self, apexes: &BTreeSet<Name>, held: &Held) -> Option<Name> {
        Self::zone_of(apexes, &held.key).filter(|apex| self.limits.allow(&held.source, apex))
    }

    /// The apexes of all zones.
    pub(crate) fn apexes(&self, config: &StoreConfig) -> BTreeSet<Name> {
        let owners =
            self.slots.values().filter(|held| held.key.rtype == RecordType::SOA).map(|held| &held.key.owner);
        let with_soa: BTreeSet<Name> = owners.filter(|apex| self.soa(apex).is_some()).cloned().collect();
        let allowed = |apex: &Name| {
            config.zones.is_empty() || config.zones.iter().any(|zone| apex.is_at_or_below(zone))
        };
        let configured = config.zones.iter().filter(|zone| !with_soa.contains(zone)).cloned();
        let of_the_log = with_soa.iter().filter(|apex| {
            let soa = self.soa(apex);
            soa.is_some_and(|soa| !soa.rrset.is_empty()) && allowed(apex)
        });
        of_the_log.cloned().chain(configured).collect()
    }

    fn zone_of(apexes: &BTreeSet<Name>, key: &EventKey) -> Option<Name> {
        let deepest = |wanted: &dyn Fn(&Name) -> bool| {
            apexes.iter().filter(|apex| wanted(apex)).max_by_key(|apex| apex.label_count()).cloned()
        };
        if key.rtype == RecordType::SOA {
            return deepest(&|apex| *apex == key.owner);
        }
        if let Some(apex) = &key.apex {
            return deepest(&|own| own == apex);
        }
        if key.rtype == RecordType::DS {
            return deepest(&|apex| key.owner.is_below(apex));
        }
        deepest(&|apex| key.owner.is_at_or_below(apex))
    }

    /// The digest of a zone, from scratch: of each RRset the slot that decides, written out, hashed and added.
    fn digest(&self, apexes: &BTreeSet<Name>, apex: &Name) -> [u8; 32] {
        let own = self.slots.values().filter(|held| self.counts_for(apexes, held).as_ref() == Some(apex));
        let rrsets: BTreeSet<(&Name, RecordType)> =
            own.map(|held| (&held.key.owner, held.key.rtype)).collect();
        let mut sum = [0u8; 32];
        for (owner, rtype) in rrsets {
            let of_it = |held: &Held| {
                held.key.owner == *owner
                    && held.key.rtype == rtype
                    && self.counts_for(apexes, held).as_ref() == Some(apex)
            };
            let Some(held) = self.winner(of_it).filter(|held| !held.rrset.is_empty()) else { continue };
            let mut text = owner.to_lowercase().as_wire().to_vec();
            text.extend(rtype.0.to_be_bytes());
            match held.rrset.ttl {
                Some(ttl) => text.extend([&[1][..], &ttl.to_be_bytes()].concat()),
                None => text.push(0),
            }
            for rdata in held.rrset.rdatas().iter().collect::<BTreeSet<_>>() {
                text.extend((rdata.len() as u16).to_be_bytes());
                text.extend_from_slice(rdata);
            }
            // By hand, octet by octet: the way of a schoolbook.
            let mut carry = 0u16;
            for (own, other) in sum.iter_mut().zip(Sha256::digest(&text)).rev() {
                carry += u16::from(*own) + u16::from(other);
                (*own, carry) = (carry as u8, carry >> 8);
            }
        }
        sum
    }

    /// Whether this state may not take the place of `old`, both of them beside the slots of `others`: a zone
    /// is gone whose SOA the log does not say to be `[]`, or more than a tenth of the RRsets are.
    pub(crate) fn loses(&self, old: &Self, source: &SourceId, config: &StoreConfig) -> bool {
        let rrsets = |model: &Self, all: bool| -> BTreeSet<(Name, RecordType)> {
            let own = model
                .slots
                .iter()
                .filter(|(slot, held)| slot.0 == *source && (all || !held.rrset.is_empty()));
            own.map(|(_, held)| (held.key.owner.clone(), held.key.rtype)).collect()
        };
        let (before, now) = (rrsets(old, false), rrsets(self, true));
        let lacking = before.difference(&now).count();
        let zones = old.zones(config);
        let mut real = zones.iter().filter(|(_, zone)| !zone.synthesised).map(|(apex, _)| apex);
        let is_lost = |apex: &Name| self.soa(apex).is_none();
        real.any(is_lost) || lacking * 10 > before.len()
    }

    pub(crate) fn zones(&self, config: &StoreConfig) -> BTreeMap<Name, ModelZone> {
        let apexes = self.apexes(config);
        let zone = |apex: &Name| {
            let soa = self.soa(apex);
            let (own, at) = match soa {
                Some(soa) => {
                    let rdata = &soa.rrset.rdatas()[0];
                    (u32::from_be_bytes(*rdata[rdata.len() - 20..].first_chunk().unwrap()), soa.timestamp)
                }
                None => (0, Timestamp(0)),
            };
            let rows =
                self.slots.values().filter(|held| self.counts_for(&apexes, held).as_ref() == Some(apex));
            let newest = rows.clone().map(|held| held.timestamp).max().unwrap_or(at);
            ModelZone {
                serial: serial::served(own, at, newest),
                newest,
                rows: rows.count() as u64,
                synthesised: soa.is_none(),
                digest: self.digest(&apexes, apex),
            }
        };
        apexes.iter().map(|apex| (apex.clone(), zone(apex))).collect()
    }

    /// Every RRset that is served at `owner`, with its zone; a missing TTL stays missing.
    fn serving(
        &self,
        config: &StoreConfig,
        zones: &BTreeMap<Name, ModelZone>,
        owner: &Name,
    ) -> Vec<(RrSetId, RrSet)> {
        let apexes: BTreeSet<Name> = zones.keys().cloned().collect();
        let Some(zone) =
            apexes.iter().filter(|apex| owner.is_at_or_below(apex)).max_by_key(|apex| apex.label_count())
        else {
            return Vec::new();
        };
        let parent = apexes.iter().filter(|apex| owner.is_below(apex)).max_by_key(|apex| apex.label_count());
        let is_apex = zone == owner;
        let whose = |rtype| if rtype == RecordType::DS { parent } else { Some(zone) };
        let types: BTreeSet<RecordType> =
            self.slots.values().filter(|held| held.key.owner == *owner).map(|held| held.key.rtype).collect();
        let mut log: BTreeMap<RecordType, RrSet> = BTreeMap::new();
        for rtype in types {
            let Some(zone) = whose(rtype) else { continue };
            let of_it = |held: &Held| {
                held.key.owner == *owner
                    && held.key.rtype == rtype
                    && self.counts_for(&apexes, held).as_ref() == Some(zone)
            };
            if let Some(held) = self.winner(of_it)
                && !held.rrset.is_empty()
            {
                log.insert(rtype, held.rrset.clone());
            }
        }
        if is_apex {
            let serial = zones[zone].serial;
            let rdata = match log.get(&RecordType::SOA) {
                Some(soa) => soa.rdatas()[0].to_vec(),
                None => {
                    let mailbox = owner.child(b"hostmaster").unwrap();
                    let numbers = [0, 3600, 600, 604_800, 300u32].map(u32::to_be_bytes).concat();
                    [owner.as_wire(), mailbox.as_wire(), &numbers].concat()
                }
            };
            let at = rdata.len() - 20;
            let rdata = [&rdata[..at], &serial.to_be_bytes(), &rdata[at + 4..]].concat();
            let ttl = log.get(&RecordType::SOA).and_then(|soa| soa.ttl);
            log.insert(RecordType::SOA, RrSet::new(ttl, [rdata.into_boxed_slice()]));
        }
        let locals: Vec<&(EventKey, RrSet)> = config
            .local
            .iter()
            .filter(|(key, _)| key.owner == *owner)
            .filter(|(key, _)| Self::zone_of(&apexes, key).is_some_and(|own| Some(&own) == whose(key.rtype)))
            .filter(|(key, _)| !(is_apex && key.rtype == RecordType::CNAME))
            .collect();
        if locals.iter().any(|(key, rrset)| key.rtype == RecordType::CNAME && !rrset.is_empty()) {
            log.clear();
        }
        if locals.iter().any(|(_, rrset)| !rrset.is_empty()) {
            log.remove(&RecordType::CNAME);
        }
        for (key, rrset) in locals {
            log.remove(&key.rtype);
            if !rrset.is_empty() {
                log.insert(key.rtype, rrset.clone());
            }
        }
        if is_apex || log.contains_key(&RecordType::NS) {
            log.remove(&RecordType::CNAME);
        }
        if log.contains_key(&RecordType::CNAME) {
            let beside = [RecordType::CNAME, RecordType::RRSIG, RecordType::NSEC, RecordType::KEY];
            log.retain(|rtype, _| beside.contains(rtype));
        }
        let id = |rtype| {
            let apex = whose(rtype).unwrap_or(zone).clone();
            RrSetId { apex, owner: owner.clone(), rtype }
        };
        log.into_iter().map(|(rtype, rrset)| (id(rtype), rrset)).collect()
    }

    /// All that is served at these names.
    pub(crate) fn served(&self, config: &StoreConfig, universe: &[Name]) -> BTreeMap<RrSetId, RrSet> {
        let zones = self.zones(config);
        universe.iter().flat_map(|owner| self.serving(config, &zones, owner)).collect()
    }

    /// What the catalogue must say of each of these names, which are all names that there are.
    pub(crate) fn catalog(&self, config: &StoreConfig, universe: &[Name]) -> BTreeMap<Name, Option<Seen>> {
        let zones = self.zones(config);
        let content: BTreeMap<&Name, BTreeMap<RecordType, RrSet>> = universe
            .iter()
            .map(|owner| {
                let serving = self.serving(config, &zones, owner);
                (owner, serving.into_iter().map(|(id, rrset)| (id.rtype, rrset)).collect())
            })
            .collect();
        let zone = |owner: &Name| {
            zones.keys().filter(|apex| owner.is_at_or_below(apex)).max_by_key(|a| a.label_count())
        };
        let exists = |owner: &Name| {
            let has = |name: &Name| !content[name].is_empty() || zones.contains_key(name);
            zone(owner).is_some() && universe.iter().any(|name| name.is_at_or_below(owner) && has(name))
        };
        let seen = |owner: &Name| {
            let zone = zone(owner).filter(|_| exists(owner))?;
            let own = &content[owner];
            let is_apex = zone == owner;
            let blocks = |name: &Name| {
                let own = &content[name];
                own.contains_key(&RecordType::DNAME) || name != zone && own.contains_key(&RecordType::NS)
            };
            let above = (zone.label_count()..owner.label_count()).map(|labels| owner.ancestor(labels));
            let barrier = above.into_iter().find(blocks).map(|name| name.label_count());
            let wildcard = owner.child(b"*").ok().filter(|name| universe.contains(name));
            let ttl = |rrset: &RrSet| rrset.ttl.unwrap_or(config.default_ttl);
            let rdatas = |rrset: &RrSet| rrset.rdatas().iter().map(|rdata| rdata.to_vec()).collect();
            Some(Seen {
                apex_labels: zone.label_count(),
                is_apex,
                is_cut: !is_apex && own.contains_key(&RecordType::NS),
                has_dname: own.contains_key(&RecordType::DNAME),
                has_cname: own.contains_key(&RecordType::CNAME),
                barrier,
                wildcard_below: wildcard.is_some_and(|name| exists(&name)),
                parent_zone: is_apex && zones.keys().any(|apex| owner.is_below(apex)),
                rrsets: own.iter().map(|(rtype, rrset)| (*rtype, (ttl(rrset), rdatas(rrset)))).collect(),
            })
        };
        universe.iter().map(|owner| (owner.clone(), seen(owner))).collect()
    }
}

/// What a catalogue says of each of these names.
pub(crate) fn look(catalog: &Catalog, universe: &[Name]) -> BTreeMap<Name, Option<Seen>> {
    let seen = |node: Node<'_>| Seen {
        apex_labels: node.apex_labels(),
        is_apex: node.is_apex(),
        is_cut: node.is_cut(),
        has_dname: node.has_dname(),
        has_cname: node.has_cname(),
        barrier: node.barrier(),
        wildcard_below: node.has_wildcard_below(),
        parent_zone: node.has_parent_zone(),
        rrsets: node
            .rrsets()
            .map(|rrset| (rrset.rtype, (rrset.ttl(), rrset.rdatas().map(<[u8]>::to_vec).collect())))
            .collect(),
    };
    let look = |name: &Name| {
        let query = QueryName::new(name, catalog.seed());
        catalog.node(&query, query.labels()).map(seen)
    };
    universe.iter().map(|name| (name.clone(), look(name))).collect()
}
