//! Whole zones of a log: what they hold, and how much.

use crate::plan::own_serial;
use crate::state::{LogState, Slot, Zones, winner};
use messages::ZoneSummary;
use std::collections::BTreeMap;
use zone_model::zone::{Zone, ZoneRrSet};
use zone_model::{Name, RecordType, Timestamp, ZoneDigest, serial};

// === impl LogState ===

impl LogState {
    /// A zone as nodes serve it that read this log alone: of each RRset the slot that decides, and in the SOA
    /// the serial that is served. `None` where there is no such zone; complete with
    /// [`Keep::RrSets`](crate::Keep::RrSets). `configured` are the zones of the configuration; one
    /// whose SOA is not on the log has none here.
    pub fn zone(&self, apex: &Name, configured: &[Name]) -> Option<Zone> {
        let zones = Zones::new(self, configured, &[]);
        if !zones.has(apex) || !self.may_write(apex) {
            return None;
        }
        let sets = self.rrsets(&zones, apex).into_iter().filter_map(|(owner, rtype, slot)| {
            let kept = slot.held.as_ref()?.kept.as_deref()?;
            Some(ZoneRrSet::new(&owner, rtype, &kept.rrset).with_merged(kept.merged))
        });
        let mut zone = Zone::of_sets(apex.clone(), sets);
        if let Some(serial) = self.served_serial(&zones, apex) {
            zone.set_serial(serial);
        }
        Some(zone)
    }

    /// The zones of this log and of the configuration, in canonical order of their apexes.
    pub fn zones(&self, configured: &[Name]) -> Vec<ZoneSummary> {
        let zones = Zones::new(self, configured, &[]);
        let mut apexes: Vec<Name> =
            self.soa_owners().chain(configured.iter().map(Name::to_lowercase)).collect();
        apexes.sort();
        apexes.dedup();
        apexes.retain(|apex| zones.has(apex) && self.may_write(apex));
        let summary = |apex: Name| {
            let serial = self.served_serial(&zones, &apex);
            let rrsets = self.rrsets(&zones, &apex);
            let digests = rrsets.iter().map(|(owner, rtype, slot)| {
                let rrset = &slot.held.as_ref()?.kept.as_deref()?.rrset;
                let rdatas: Vec<&[u8]> = rrset.rdatas().iter().map(|rdata| &rdata[..]).collect();
                Some(ZoneDigest::of_rrset(owner, *rtype, rrset.ttl, &rdatas))
            });
            let digest = digests.sum();
            ZoneSummary {
                serial: serial.unwrap_or_default(),
                rrsets: rrsets.len() as u64,
                digest,
                synthesised: serial.is_none(),
                newest: zones.newest(&apex).unwrap_or_default(),
                apex,
            }
        };
        apexes.into_iter().map(summary).collect()
    }

    /// The slots that serve in a zone, `[]` left out, in canonical order.
    fn rrsets(&self, zones: &Zones<'_>, apex: &Name) -> Vec<(Name, RecordType, &Slot)> {
        let mut found = Vec::new();
        let mut slots = self.below(apex).peekable();
        while let Some((key, first)) = slots.next() {
            let mut of_owner = vec![first];
            while let Some((_, slot)) = slots.next_if(|(next, _)| *next == key) {
                of_owner.push(slot);
            }
            let Ok(owner) = Name::from_sort_key(key) else { continue };
            let mut by_type: BTreeMap<RecordType, Vec<&Slot>> = BTreeMap::new();
            for slot in of_owner.into_iter().filter(|slot| zones.holds(apex, &owner, slot)) {
                by_type.entry(slot.rtype).or_default().push(slot);
            }
            for (rtype, slots) in by_type {
                if let Some(slot) = winner(slots)
                    && slot.held.as_ref().is_some_and(|held| !held.empty)
                {
                    found.push((owner.clone(), rtype, slot));
                }
            }
        }
        found
    }

    fn served_serial(&self, zones: &Zones<'_>, apex: &Name) -> Option<u32> {
        let held = self.soa(apex)?.held.as_ref().filter(|held| !held.empty)?;
        let newest: Timestamp = zones.newest(apex).unwrap_or(held.timestamp);
        Some(serial::served(own_serial(held)?, held.timestamp, newest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{event, fold, null};
    use zone_model::master;

    const SOA: &str = "ns.example. host.example. 7 2 3 4 5";

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    /// DESIGN, "Slots decide" and "Serials".
    #[test]
    fn a_zone_is_what_its_slots_serve() {
        let state = fold(&[
            event(0, 1, 10_000, "example.|SOA", &[SOA]),
            event(0, 2, 10_000, "www.example.|A", &["192.0.2.1"]),
            event(1, 3, 13_500, "WWW.example.|A|example.", &["192.0.2.2"]),
            event(0, 4, 11_000, "gone.example.|A", &["192.0.2.3"]),
            null(0, 5, 12_000, "gone.example.|A"),
            event(0, 6, 12_000, "empty.example.|A", &[]),
            event(0, 7, 12_000, "sub.example.|SOA", &[SOA]),
            event(0, 8, 90_000, "www.sub.example.|A", &["192.0.2.4"]),
            event(0, 9, 12_000, "sub.example.|NS|example.", &["ns.sub.example."]),
            event(0, 10, 12_000, "sub.example.|DS", &["1 8 2 00"]),
            event(0, 11, 12_000, "other.|A", &["192.0.2.5"]),
        ]);
        let zone = state.zone(&name("Example"), &[]).unwrap();
        let want = "example. 300 IN SOA ns.example. host.example. 10 2 3 4 5\nsub.example. 300 IN NS ns.sub.example.\n\
                    sub.example. 300 IN DS 1 8 2 00\nwww.example. 300 IN A 192.0.2.2\n";
        assert_eq!(master::print(&zone, &master::PrintSettings::default()), want);
        assert_eq!(state.zone(&name("sub.example"), &[]).unwrap().len(), 2);
        assert_eq!(state.zone(&name("other"), &[]), None);
        assert_eq!(state.zone(&name("other"), &[name("other")]).unwrap().len(), 1);
        let zones = state.zones(&[name("Configured")]);
        let all: Vec<_> = zones
            .iter()
            .map(|zone| (zone.apex.to_string(), zone.serial, zone.rrsets, zone.synthesised))
            .collect();
        let want = [
            ("configured.".to_owned(), 0, 0, true),
            ("example.".to_owned(), 10, 4, false),
            ("sub.example.".to_owned(), 85, 2, false),
        ];
        assert_eq!(all, want);
    }
}
