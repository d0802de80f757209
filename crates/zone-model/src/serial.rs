//! Zone serials: the arithmetic of RFC 1982, and the serial that a zone serves.

use crate::position::Timestamp;
use std::cmp::Ordering;

/// Compares two serials (RFC 1982 section 3.2); `None` where they are 2^31 apart and the order is undefined.
pub fn compare(left: u32, right: u32) -> Option<Ordering> {
    match left.wrapping_sub(right) {
        0 => Some(Ordering::Equal),
        0x8000_0000 => None,
        1..0x8000_0000 => Some(Ordering::Greater),
        _ => Some(Ordering::Less),
    }
}

/// The serial that a zone serves: the SOA's own plus the whole seconds, if any, from the SOA event's
/// timestamp to that of the zone's newest surviving event. So it moves with every change without anybody
/// bumping it, and is the same on every node.
pub fn served(own: u32, soa: Timestamp, newest: Timestamp) -> u32 {
    let seconds = newest.0.saturating_sub(soa.0).max(0) / 1000;
    // Serials count modulo 2^32, and so do the seconds that are added.
    own.wrapping_add(seconds as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_1982_section_3_2() {
        assert_eq!(compare(1, 0), Some(Ordering::Greater));
        assert_eq!(compare(0, u32::MAX), Some(Ordering::Greater));
        assert_eq!(compare(44, 44), Some(Ordering::Equal));
        assert_eq!(compare(0, 0x7fff_ffff), Some(Ordering::Less));
        assert_eq!(compare(0, 0x8000_0000), None);
    }

    #[test]
    fn the_served_serial_moves_with_the_newest_event() {
        assert_eq!(served(7, Timestamp(10_000), Timestamp(12_999)), 9);
        assert_eq!(served(7, Timestamp(10_000), Timestamp(9_000)), 7);
        assert_eq!(served(u32::MAX, Timestamp(0), Timestamp(2_000)), 1);
    }
}
