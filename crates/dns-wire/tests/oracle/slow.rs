//! The slow, obvious answer: RFC 1034 section 4.3.2 and its successors, word by word, over plain sorted maps.
//! It shares no code with what it judges: no catalogue, no node, no message.

use crate::support::zones::{Owners, TTL};
use std::collections::BTreeMap;
use zone_model::{Name, RecordType as T, RrSet, rdata};

/// What one zone has.
pub(crate) struct Zone {
    apex: Name,
    /// Every owner, a child zone's apex among them with what the parent says of it.
    data: BTreeMap<Name, BTreeMap<T, RrSet>>,
    /// The apexes of the zones directly below.
    children: Vec<Name>,
}

/// All zones of a server.
pub(crate) struct Server {
    zones: Vec<Zone>,
}

/// A record of an answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rr {
    pub(crate) owner: Name,
    pub(crate) rtype: u16,
    pub(crate) ttl: u32,
    /// In canonical form: compression may change the case of names.
    pub(crate) rdata: Vec<u8>,
}

/// An answer without limits of size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) rcode: u16,
    pub(crate) authoritative: bool,
    /// In the order of the chain.
    pub(crate) answer: Vec<Rr>,
    pub(crate) authority: Vec<Rr>,
    /// What must be there, or TC is set: glue of servers in the domain of a referral.
    pub(crate) glue: Vec<Rr>,
    /// What may be left out.
    pub(crate) optional: Vec<Rr>,
}

/// What a zone says of a name and a type.
enum Found {
    Data(RrSet),
    /// What owns everything that was asked for with QTYPE `*`.
    All(BTreeMap<T, RrSet>),
    Alias(Name, RrSet),
    Redirect(Name, RrSet),
    Referral(Name),
    NoData,
    NameError,
}

/// Names looked up for one answer at most.
const MOST_NAMES: usize = 16;

// === impl Server ===

impl Server {
    pub(crate) fn new(owners: &Owners) -> Self {
        let apexes: Vec<&Name> =
            owners.iter().filter(|(_, types)| types.contains_key(&T::SOA)).map(|(owner, _)| owner).collect();
        let zones = apexes.iter().map(|apex| Zone::new((*apex).clone(), &apexes, owners)).collect();
        Self { zones }
    }

    /// "The zone which is the nearest ancestor to QNAME"; for DS the nearest above it.
    fn zone(&self, name: &Name, rtype: T) -> Option<&Zone> {
        let nearest = |strict: bool| {
            let holds = |zone: &&Zone| {
                if strict { name.is_below(&zone.apex) } else { name.is_at_or_below(&zone.apex) }
            };
            self.zones.iter().filter(holds).max_by_key(|zone| zone.apex.label_count())
        };
        match rtype {
            T::DS => nearest(true).filter(|_| self.is_apex(name)).or_else(|| nearest(false)),
            _ => nearest(false),
        }
    }

    fn is_apex(&self, name: &Name) -> bool {
        self.zones.iter().any(|zone| zone.apex == *name)
    }

    /// The answer to a question of class IN by a client that does not recurse.
    pub(crate) fn answer(&self, question: &Name, rtype: T, over_udp: bool) -> Expected {
        let mut expected = Expected { authoritative: true, ..Expected::default() };
        let mut name = question.to_lowercase();
        let mut seen: Vec<Name> = Vec::new();
        loop {
            if seen.contains(&name) || seen.len() == MOST_NAMES {
                return expected;
            }
            seen.push(name.clone());
            let Some(zone) = self.zone(&name, rtype) else {
                if seen.len() == 1 {
                    (expected.rcode, expected.authoritative) = (5, false);
                }
                return expected;
            };
            match zone.look_up(&name, rtype) {
                Found::Data(set) => {
                    expected.add_answer(&name, rtype, &set);
                    self.add_hosts(&mut expected, zone, &name, rtype, &set);
                    return expected;
                }
                Found::All(sets) => {
                    let most = if over_udp { 1 } else { usize::MAX };
                    for (rtype, set) in sets.iter().take(most) {
                        expected.add_answer(&name, *rtype, set);
                    }
                    return expected;
                }
                Found::Alias(target, set) => {
                    expected.add_answer(&name, T::CNAME, &set);
                    name = target;
                }
                Found::Redirect(owner, set) => {
                    expected.add_answer(&owner, T::DNAME, &set);
                    let Some(target) = redirected(&name, &owner, &set) else {
                        expected.rcode = 6;
                        return expected;
                    };
                    let cname = RrSet::new(set.ttl, [target.as_wire().into()]);
                    expected.add_answer(&name, T::CNAME, &cname);
                    if rtype == T::CNAME {
                        return expected;
                    }
                    name = target;
                }
                Found::Referral(cut) => {
                    expected.authoritative &= seen.len() > 1;
                    let servers = &zone.data[&cut][&T::NS];
                    expected.authority = records(&cut, T::NS, servers);
                    self.add_glue(&mut expected, zone, &cut, servers);
                    return expected;
                }
                Found::NoData => return zone.negative(expected),
                Found::NameError => {
                    expected.rcode = 3;
                    return zone.negative(expected);
                }
            }
        }
    }

    /// The addresses of the hosts that an RRset names, as they would be answered themselves.
    fn add_hosts(&self, expected: &mut Expected, zone: &Zone, owner: &Name, rtype: T, set: &RrSet) {
        for data in set.rdatas() {
            let Some(mut host) = host(rtype, data) else { continue };
            if host.is_root() && rtype != T::NS {
                let is_service = matches!(rtype, T::SVCB | T::HTTPS) && data[..2] != [0, 0];
                if !is_service {
                    continue;
                }
                host = owner.clone();
            }
            // Of the same zone alone, but for the zone's own servers: these may be in one below it, and may have glue
            // for addresses.
            let is_own = self.zone(&host, T::A).is_some_and(|own| own.apex == zone.apex);
            let is_server = rtype == T::NS && zone.apex == *owner;
            if is_own || is_server && host.is_at_or_below(&zone.apex) {
                expected.optional.extend(self.addresses(&host));
            }
            if is_own && is_server {
                expected.optional.extend(zone.glue(&host));
            }
        }
        expected.optional.sort();
        expected.optional.dedup();
    }

    fn add_glue(&self, expected: &mut Expected, zone: &Zone, cut: &Name, servers: &RrSet) {
        for data in servers.rdatas() {
            let host = host(T::NS, data).expect("NS name a host");
            let Some(own) = self.zone(&host, T::A) else { continue };
            if host.is_at_or_below(cut) {
                expected.glue.extend(self.addresses(&host).into_iter().chain(own.glue(&host)));
            } else if own.apex == zone.apex {
                expected.optional.extend(self.addresses(&host).into_iter().chain(own.glue(&host)));
            } else if host.is_at_or_below(&zone.apex) {
                expected.optional.extend(self.addresses(&host));
            }
        }
        for records in [&mut expected.glue, &mut expected.optional] {
            records.sort();
            records.dedup();
        }
    }

    fn addresses(&self, host: &Name) -> Vec<Rr> {
        let Some(zone) = self.zone(host, T::A) else { return Vec::new() };
        let found = [T::A, T::AAAA].map(|rtype| match zone.look_up(host, rtype) {
            Found::Data(set) => records(host, rtype, &set),
            _ => Vec::new(),
        });
        found.concat()
    }
}

// === impl Zone ===

impl Zone {
    fn new(apex: Name, apexes: &[&Name], owners: &Owners) -> Self {
        let zone_above = |name: &Name, strict: bool| {
            let above = apexes
                .iter()
                .filter(|apex| if strict { name.is_below(apex) } else { name.is_at_or_below(apex) });
            above.max_by_key(|apex| apex.label_count()).map(|apex| (*apex).clone())
        };
        let mut data: BTreeMap<Name, BTreeMap<T, RrSet>> = BTreeMap::new();
        let mut children = Vec::new();
        for (owner, sets) in owners {
            let is_apex = apexes.contains(&owner);
            if zone_above(owner, false).as_ref() == Some(&apex) {
                let mut sets = sets.clone();
                if is_apex {
                    sets.remove(&T::DS);
                }
                let has = |rtype| sets.contains_key(&rtype);
                let is_alias = has(T::CNAME) && !has(T::NS) && !is_apex;
                sets.retain(|rtype, _| match *rtype {
                    T::CNAME => is_alias,
                    T::RRSIG | T::NSEC | T::KEY => true,
                    _ => !is_alias,
                });
                data.insert(owner.clone(), sets);
            } else if is_apex && zone_above(owner, true).as_ref() == Some(&apex) {
                // The child's apex, of which the parent says DS.
                let ds = sets.iter().filter(|(rtype, _)| **rtype == T::DS);
                children.push(owner.clone());
                data.insert(owner.clone(), ds.map(|(rtype, set)| (*rtype, set.clone())).collect());
            }
        }
        Self { apex, data, children }
    }

    fn exists(&self, name: &Name) -> bool {
        self.data.keys().any(|owner| owner.is_at_or_below(name))
    }

    fn get(&self, name: &Name, rtype: T) -> Option<&RrSet> {
        self.data.get(name)?.get(&rtype)
    }

    /// "Start matching down, label by label, in the zone."
    fn look_up(&self, name: &Name, rtype: T) -> Found {
        for labels in self.apex.label_count()..=name.label_count() {
            let at = name.ancestor(labels);
            let is_whole = at == *name;
            if !self.exists(&at) {
                let encloser = name.ancestor(labels - 1);
                let Ok(star) = encloser.child(b"*") else { return Found::NameError };
                let is_source = self.exists(&star) && !self.children.contains(&star);
                return if is_source { self.match_at(&star, rtype) } else { Found::NameError };
            }
            let is_cut = at != self.apex && self.get(&at, T::NS).is_some();
            if is_cut && !(is_whole && rtype == T::DS) {
                return Found::Referral(at);
            }
            if is_whole {
                return self.match_at(&at, rtype);
            }
            if let Some(dname) = self.get(&at, T::DNAME) {
                return Found::Redirect(at.clone(), dname.clone());
            }
        }
        unreachable!("the last label is the whole name")
    }

    fn match_at(&self, at: &Name, rtype: T) -> Found {
        let nothing = BTreeMap::new();
        let sets = self.data.get(at).unwrap_or(&nothing);
        if rtype == T::ANY {
            return if sets.is_empty() { Found::NoData } else { Found::All(sets.clone()) };
        }
        if let Some(set) = sets.get(&rtype) {
            return Found::Data(set.clone());
        }
        match sets.get(&T::CNAME) {
            Some(set) => {
                Found::Alias(Name::from_wire(&set.rdatas()[0]).expect("a name").to_lowercase(), set.clone())
            }
            None => Found::NoData,
        }
    }

    /// The SOA, with the lesser of its TTL and its last field.
    fn negative(&self, mut expected: Expected) -> Expected {
        let soa = &self.data[&self.apex][&T::SOA];
        let minimum = soa.rdatas()[0].last_chunk::<4>().expect("an SOA ends with MINIMUM");
        let ttl = soa.ttl.unwrap_or(TTL).min(u32::from_be_bytes(*minimum));
        expected.authority = records(&self.apex, T::SOA, soa);
        expected.authority[0].ttl = ttl;
        expected
    }

    /// Addresses that stand at or below a cut.
    fn glue(&self, host: &Name) -> Vec<Rr> {
        if !matches!(self.look_up(host, T::A), Found::Referral(_)) {
            return Vec::new();
        }
        let sets = [T::A, T::AAAA].into_iter().filter_map(|rtype| Some((rtype, self.get(host, rtype)?)));
        sets.flat_map(|(rtype, set)| records(host, rtype, set)).collect()
    }
}

// === impl Expected ===

impl Expected {
    /// Adds an RRset that does not stand there yet.
    fn add_answer(&mut self, owner: &Name, rtype: T, set: &RrSet) {
        let new = records(owner, rtype, set);
        if rtype != T::DNAME || !self.answer.contains(&new[0]) {
            self.answer.extend(new);
        }
    }
}

fn records(owner: &Name, rtype: T, set: &RrSet) -> Vec<Rr> {
    let record = |data: &[u8]| Rr {
        owner: owner.clone(),
        rtype: rtype.0,
        ttl: set.ttl.unwrap_or(TTL),
        rdata: rdata::canonical(rtype, data).to_vec(),
    };
    set.rdatas().iter().map(|data| record(data)).collect()
}

/// The host that RDATA names, for the types whose hosts' addresses are added.
fn host(rtype: T, data: &[u8]) -> Option<Name> {
    let skip = match rtype {
        T::NS => 0,
        T::MX | T::SVCB | T::HTTPS => 2,
        T::SRV => 6,
        _ => return None,
    };
    Some(Name::read_wire(&data[skip..]).expect("a host").0.to_lowercase())
}

/// The name with the DNAME's target in place of its owner; `None` where that is too long.
fn redirected(name: &Name, owner: &Name, dname: &RrSet) -> Option<Name> {
    let mut target = Name::from_wire(&dname.rdatas()[0]).expect("a name");
    let kept: Vec<&[u8]> = name.labels().take(name.label_count() - owner.label_count()).collect();
    for label in kept.into_iter().rev() {
        target = target.child(label).ok()?;
    }
    Some(target.to_lowercase())
}
