//! The rules: one pass over a zone in canonical order, in which what is below a name follows it.

use super::report::{Finding, Report};
use crate::name::Name;
use crate::rdata::name_fields;
use crate::rrset::RrSet;
use crate::rtype::RecordType;
use crate::zone::{Zone, ZoneRrSet};
use std::collections::HashSet;

/// What is remarkable between the RRsets of a zone, in canonical order of owners; first what concerns the zone
/// as a whole.
pub fn validate(zone: &Zone) -> Vec<Report> {
    let mut pass = Pass { zone, cut: None, dname: None, glue: None, reports: Vec::new() };
    pass.apex();
    for set in zone.outside() {
        pass.report(set, Finding::OutOfZone { apex: zone.apex().clone() });
    }
    for sets in zone.rrsets().chunk_by(|a, b| a.owner == b.owner) {
        pass.name(sets);
    }
    pass.reports
}

struct Pass<'z> {
    zone: &'z Zone,
    /// The cut that the present name is at or below.
    cut: Option<&'z Name>,
    /// The DNAME that the present name is at or below.
    dname: Option<&'z Name>,
    /// The name servers of all cuts, once they are needed.
    glue: Option<HashSet<Name>>,
    reports: Vec<Report>,
}

fn has(sets: &[ZoneRrSet], rtype: RecordType) -> bool {
    sets.iter().any(|set| set.rtype == rtype)
}

// === impl Pass ===

impl<'z> Pass<'z> {
    fn push(&mut self, owner: &Name, rtype: Option<RecordType>, finding: Finding) {
        self.reports.push(Report { owner: owner.clone(), rtype, finding, place: None });
    }

    fn report(&mut self, set: &ZoneRrSet, finding: Finding) {
        self.push(&set.owner, Some(set.rtype), finding);
    }

    /// RFC 1034 section 4.2.1: the top node of a zone has an SOA and the zone's NS.
    fn apex(&mut self) {
        let apex = self.zone.apex();
        let sets = self.zone.at(apex);
        if !has(sets, RecordType::SOA) {
            self.push(apex, None, Finding::NoSoa);
        }
        if !has(sets, RecordType::NS) {
            self.push(apex, None, Finding::NoNs);
        }
        if has(sets, RecordType::DNSKEY) {
            self.push(apex, Some(RecordType::DNSKEY), Finding::Signed);
        }
    }

    fn name(&mut self, sets: &'z [ZoneRrSet]) {
        let Some(ZoneRrSet { owner, .. }) = sets.first() else { return };
        for set in sets {
            self.merged(set);
        }
        self.cut = self.cut.filter(|cut| owner.is_at_or_below(cut));
        self.dname = self.dname.filter(|dname| owner.is_at_or_below(dname));
        // Most names have nothing to do with any of these.
        if self.cut.is_none()
            && self.dname.is_none()
            && sets.iter().all(|set| matches!(set.rtype, RecordType::A | RecordType::AAAA | RecordType::TXT))
        {
            return;
        }
        let at_apex = owner == self.zone.apex();
        if let Some(dname) = self.dname {
            for set in sets {
                self.report(set, Finding::BelowDname { dname: dname.clone() });
            }
        }
        if self.cut.is_none() && self.dname.is_none() {
            if !at_apex && has(sets, RecordType::NS) {
                self.cut = Some(owner);
                if let Some(set) = sets.iter().find(|set| set.rtype == RecordType::DNAME) {
                    self.report(set, Finding::DnameAtCut);
                }
            } else if has(sets, RecordType::DNAME) {
                self.dname = Some(owner);
            }
        }
        match self.cut {
            Some(cut) => self.cut_off(cut, sets),
            None if self.dname.is_none_or(|dname| dname == owner) => self.authoritative(sets, at_apex),
            None => {}
        }
    }

    /// What the records of an event had that their RRset does not show.
    fn merged(&mut self, set: &ZoneRrSet) {
        if set.merged.ttls {
            self.report(set, Finding::DifferentTtls { serves: set.rrset.ttl });
        }
        if set.merged.duplicates {
            self.report(set, Finding::Duplicate);
        }
    }

    /// At a cut there are NS, and DS and NSEC, which are the parent's; below it only addresses that are glue.
    fn cut_off(&mut self, cut: &Name, sets: &'z [ZoneRrSet]) {
        for set in sets {
            let ours = match set.rtype {
                RecordType::A | RecordType::AAAA => self.is_glue(&set.owner),
                RecordType::NS
                | RecordType::DS
                | RecordType::NSEC
                | RecordType::RRSIG
                | RecordType::DNAME => set.owner == *cut,
                _ => false,
            };
            if !ours {
                self.report(set, Finding::BelowCut { cut: cut.clone() });
            }
            if set.rtype == RecordType::NS && set.owner == *cut {
                self.targets(set, Some(cut));
            }
        }
        if sets.first().is_some_and(|set| set.owner == *cut) {
            self.signatures(sets);
        }
    }

    fn authoritative(&mut self, sets: &'z [ZoneRrSet], at_apex: bool) {
        self.alias(sets, at_apex);
        self.signatures(sets);
        for set in sets {
            match set.rtype {
                RecordType::NS | RecordType::MX | RecordType::SRV => self.targets(set, None),
                RecordType::SOA if !at_apex => {
                    let apex = self.zone.apex().clone();
                    self.report(set, Finding::SoaBelowApex { apex });
                }
                _ => {}
            }
        }
    }

    /// RFC 2181 section 10.1; RFC 4035 section 2.5 allows RRSIG and NSEC, RFC 3007 KEY.
    fn alias(&mut self, sets: &[ZoneRrSet], at_apex: bool) {
        let Some(set) = sets.iter().find(|set| set.rtype == RecordType::CNAME) else { return };
        if at_apex {
            self.report(set, Finding::CnameAtApex);
            return;
        }
        let beside = [RecordType::CNAME, RecordType::RRSIG, RecordType::NSEC, RecordType::KEY];
        let others: Vec<_> =
            sets.iter().map(|set| set.rtype).filter(|rtype| !beside.contains(rtype)).collect();
        if !others.is_empty() {
            self.report(set, Finding::CnameAndOther { others });
        }
    }

    fn signatures(&mut self, sets: &[ZoneRrSet]) {
        for set in sets.iter().filter(|set| set.rtype == RecordType::RRSIG) {
            let covered = |rdata: &[u8]| {
                rdata.first_chunk().map(|type_covered| RecordType(u16::from_be_bytes(*type_covered)))
            };
            let mut all: Vec<_> = set.rrset.rdatas().iter().filter_map(|rdata| covered(rdata)).collect();
            all.sort_unstable();
            all.dedup();
            for covered in all.into_iter().filter(|covered| !has(sets, *covered)) {
                self.report(set, Finding::RrsigWithoutData { covered });
            }
        }
        let alone = |set: &ZoneRrSet| matches!(set.rtype, RecordType::NSEC | RecordType::RRSIG);
        if let Some(set) = sets.iter().find(|set| set.rtype == RecordType::NSEC)
            && sets.iter().all(alone)
        {
            self.report(set, Finding::NsecWithoutData);
        }
    }

    /// The hosts that NS, MX and SRV name. `cut` is where the NS delegate.
    fn targets(&mut self, set: &ZoneRrSet, cut: Option<&Name>) {
        for target in targets(set.rtype, &set.rrset) {
            // `.` means none (RFC 7505, RFC 2782).
            if target.is_root() {
                continue;
            }
            if is_address(&target) {
                self.report(set, Finding::TargetIsAddress { target });
                continue;
            }
            if !target.is_at_or_below(self.zone.apex()) {
                continue;
            }
            let there = self.zone.at(&target);
            if has(there, RecordType::CNAME) {
                self.report(set, Finding::TargetIsAlias { target });
            } else if !has(there, RecordType::A) && !has(there, RecordType::AAAA) {
                match cut {
                    Some(cut) if target.is_at_or_below(cut) => {
                        self.report(set, Finding::MissingGlue { target });
                    }
                    _ if !self.resolves_elsewhere(&target) => {
                        self.report(set, Finding::NoAddress { target });
                    }
                    _ => {}
                }
            }
        }
    }

    /// Whether a name of this zone may have addresses that do not stand at it: it lies below a cut, below a
    /// DNAME, or a wildcard stands for it (RFC 4592 section 3.3.1).
    fn resolves_elsewhere(&self, name: &Name) -> bool {
        let mut exists = !self.zone.at(name).is_empty();
        let mut above = name.clone();
        while above.is_below(self.zone.apex()) {
            let Some(parent) = above.parent() else { return false };
            let sets = self.zone.at(&parent);
            let apex = parent == *self.zone.apex();
            if has(sets, RecordType::DNAME) || !apex && has(sets, RecordType::NS) {
                return true;
            }
            if !exists && let Ok(wildcard) = parent.child(b"*") {
                let synthesised = self.zone.at(&wildcard);
                if !synthesised.is_empty() {
                    return [RecordType::A, RecordType::AAAA, RecordType::CNAME]
                        .iter()
                        .any(|rtype| has(synthesised, *rtype));
                }
            }
            exists |= !sets.is_empty();
            above = parent;
        }
        false
    }

    fn is_glue(&mut self, owner: &Name) -> bool {
        let zone = self.zone;
        let glue = self.glue.get_or_insert_with(|| {
            let cuts =
                zone.rrsets().iter().filter(|set| set.rtype == RecordType::NS && set.owner != *zone.apex());
            cuts.flat_map(|set| targets(set.rtype, &set.rrset)).collect()
        });
        glue.contains(owner)
    }
}

/// The hosts that an RRset names.
fn targets(rtype: RecordType, rrset: &RrSet) -> impl Iterator<Item = Name> {
    rrset.rdatas().iter().flat_map(move |rdata| {
        name_fields(rtype, rdata)
            .filter_map(|field| Name::from_wire(&rdata[field.start..field.start + field.length]).ok())
    })
}

/// Whether a name is an IPv4 address in four labels, or an IPv6 address in one.
fn is_address(name: &Name) -> bool {
    let octet = |label: &[u8]| {
        label.len() <= 3
            && label.iter().all(u8::is_ascii_digit)
            && std::str::from_utf8(label).is_ok_and(|text| text.parse::<u8>().is_ok())
    };
    let ipv4 = name.label_count() == 4 && name.labels().all(octet);
    let ipv6 = |label: &[u8]| {
        std::str::from_utf8(label).is_ok_and(|text| text.parse::<std::net::Ipv6Addr>().is_ok())
    };
    ipv4 || name.labels().next().is_some_and(ipv6)
}
