//! The SOA of a change: its serial (RFC 1982), and the RDATA that carries it.

use crate::state::{Held, Kept};
use std::cmp::Ordering;
use zone_model::{HEADER_SERIAL, RrSet, Timestamp, serial};

/// MNAME and RNAME go before five numbers of four octets, of which the serial is the first (RFC 1035 section
/// 3.3.13).
const NUMBERS: usize = 20;

/// The serial in an SOA's RDATA.
pub(crate) fn serial_of(rrset: &RrSet) -> Option<u32> {
    let rdata = rrset.rdatas().first()?;
    let at = rdata.len().checked_sub(NUMBERS)?;
    let octets = rdata.get(at..at + 4)?;
    Some(u32::from_be_bytes(octets.try_into().ok()?))
}

/// The same SOA with another serial.
pub(crate) fn with_serial(rrset: &RrSet, serial: u32) -> RrSet {
    let rdatas = rrset.rdatas().iter().map(|rdata| {
        let mut rdata = rdata.clone();
        if let Some(octets) = rdata.len().checked_sub(NUMBERS).and_then(|at| rdata.get_mut(at..at + 4)) {
            octets.copy_from_slice(&serial.to_be_bytes());
        }
        rdata
    });
    RrSet::new(rrset.ttl, rdatas)
}

/// The least serial with which a change of `stamp` may follow what the zone has served: one above what the
/// serving rule gives at the new SOA event's own timestamp. Everything that was published before it, by
/// whomever, and carries no later timestamp, was served with less.
///
/// `newest` is the timestamp of the zone's newest event. Where the SOA's own timestamp is so old that the
/// seconds since would wrap around (a journal without timestamps), what was served up to now counts instead.
pub(crate) fn next(own: u32, soa: Timestamp, newest: Timestamp, stamp: Timestamp) -> u32 {
    let now = serial::served(own, soa, newest);
    let wanted = serial::served(own, soa, stamp).wrapping_add(1);
    if serial::compare(wanted, now) == Some(Ordering::Greater) { wanted } else { now.wrapping_add(1) }
}

/// The serial of a slot's SOA: its own, or, where the zone was deleted, the one that it left with.
pub(crate) fn own_serial(held: &Held) -> Option<u32> {
    let kept: &Kept = held.kept.as_deref()?;
    if !held.empty {
        return serial_of(&kept.rrset);
    }
    let (_, value) = kept.headers.iter().find(|(name, _)| name == HEADER_SERIAL)?;
    std::str::from_utf8(value).ok()?.trim().parse().ok()
}

/// The operator's serial where it is greater than what must be exceeded (RFC 1982 section 3.2), else the
/// least one that will do.
pub(crate) fn choose(wanted: u32, least: u32) -> u32 {
    match serial::compare(wanted, least) {
        Some(Ordering::Greater | Ordering::Equal) => wanted,
        _ => least,
    }
}

/// The other fields of an SOA's records, to be carried over to its next event; not `metadatas`, which say who
/// wrote the old one and when.
pub(crate) fn carried_over(extra: Option<&str>) -> Option<String> {
    let mut records: Vec<serde_json::Map<String, serde_json::Value>> = serde_json::from_str(extra?).ok()?;
    records.iter_mut().for_each(|record| record.retain(|name, _| !name.eq_ignore_ascii_case("metadatas")));
    if records.iter().all(serde_json::Map::is_empty) {
        return None;
    }
    serde_json::to_string(&records).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use zone_model::{RecordType, rdata};

    fn soa(serial: u32) -> RrSet {
        let text = format!("ns.example. host.example. {serial} 3600 600 86400 300");
        RrSet::new(Some(300), [rdata::parse_text(RecordType::SOA, &text).unwrap()])
    }

    #[test]
    fn the_serial_is_read_and_replaced_in_place() {
        assert_eq!(serial_of(&soa(77)), Some(77));
        assert_eq!(with_serial(&soa(77), 4_000_000_000), soa(4_000_000_000));
        assert_eq!(serial_of(&RrSet::default()), None);
    }

    /// DESIGN, "Serials": one above what the rule gives at the SOA event's own timestamp.
    #[test]
    fn the_next_serial_is_above_all_that_was_served() {
        assert_eq!(next(7, Timestamp(10_000), Timestamp(10_000), Timestamp(10_001)), 8);
        assert_eq!(next(7, Timestamp(10_000), Timestamp(12_000), Timestamp(20_500)), 18);
        assert_eq!(next(u32::MAX, Timestamp(0), Timestamp(0), Timestamp(1)), 0);
        // 70 years without a timestamp: RFC 1982 would take the sum for a step back.
        let far = Timestamp(70 * 366 * 86_400 * 1000);
        assert_eq!(next(7, Timestamp(0), Timestamp(0), far), 8);
    }

    /// RFC 1982 section 3.2: greater is not larger.
    #[test]
    fn the_operators_serial_is_taken_if_it_is_greater() {
        assert_eq!(choose(2_026_010_100, 9), 2_026_010_100);
        assert_eq!(choose(9, 9), 9);
        assert_eq!(choose(8, 9), 9);
        assert_eq!(choose(3, u32::MAX), 3);
        assert_eq!(choose(0x8000_0009, 9), 9);
    }

    #[test]
    fn what_else_the_soa_said_is_carried_over_without_its_metadatas() {
        let extra = r#"[{"note":{"a":[1]},"Metadatas":{"createdAt":1}}]"#;
        assert_eq!(carried_over(Some(extra)).as_deref(), Some(r#"[{"note":{"a":[1]}}]"#));
        assert_eq!(carried_over(Some(r#"[{"metadatas":{}}]"#)), None);
        assert_eq!(carried_over(Some("nonsense")), None);
        assert_eq!(carried_over(None), None);
    }
}
