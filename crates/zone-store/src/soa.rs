//! The SOA of a zone: reading its serial, serving another, and making one up.

use zone_model::{MAX_NAME, Name, wire_length};

/// Seconds after which a secondary of a made-up SOA asks again, retries, gives up, and how long "no" is
/// remembered: values of RFC 1912 section 2.2, with a short negative TTL (RFC 2308 section 5).
const TIMERS: [u32; 4] = [3_600, 600, 604_800, 300];

/// Where the serial stands in an SOA's RDATA; `None` where it is no SOA's.
fn serial_at(rdata: &[u8]) -> Option<usize> {
    let mname = wire_length(rdata).ok()?;
    let rname = wire_length(&rdata[mname..]).ok()?;
    (rdata.len() == mname + rname + 20).then_some(mname + rname)
}

/// The serial of an SOA's RDATA; 0 where it is no SOA's, which the decoder lets nobody see.
pub(crate) fn serial(rdata: &[u8]) -> u32 {
    let bytes = serial_at(rdata).and_then(|at| rdata[at..].first_chunk());
    bytes.copied().map_or(0, u32::from_be_bytes)
}

/// The RDATA with another serial.
pub(crate) fn with_serial(rdata: &[u8], serial: u32) -> Vec<u8> {
    let mut rdata = rdata.to_vec();
    if let Some(at) = serial_at(&rdata) {
        rdata[at..at + 4].copy_from_slice(&serial.to_be_bytes());
    }
    rdata
}

/// The RDATA of a zone that the configuration names and the log has no SOA of. The primary is the apex
/// itself, the mailbox `hostmaster` (RFC 2142 section 7) at it, or the apex where that is too long a name.
pub(crate) fn synthesised(apex: &Name, serial: u32) -> Vec<u8> {
    let mailbox = apex.child(b"hostmaster").unwrap_or_else(|_| apex.clone());
    let mut rdata = Vec::with_capacity(2 * MAX_NAME + 20);
    rdata.extend_from_slice(apex.as_wire());
    rdata.extend_from_slice(mailbox.as_wire());
    for number in [serial].into_iter().chain(TIMERS) {
        rdata.extend_from_slice(&number.to_be_bytes());
    }
    rdata
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 1035 section 3.3.13: MNAME, RNAME, SERIAL, REFRESH, RETRY, EXPIRE, MINIMUM.
    #[test]
    fn the_serial_stands_behind_two_names() {
        let apex = Name::parse("example.").unwrap();
        let rdata = synthesised(&apex, 7);
        assert_eq!(serial(&rdata), 7);
        let other = with_serial(&rdata, 0xdead_beef);
        assert_eq!(serial(&other), 0xdead_beef);
        assert_eq!(with_serial(&other, 7), rdata);
        assert_eq!(rdata.len(), 9 + 20 + 20);
        assert!(rdata.ends_with(&300u32.to_be_bytes()));
        assert_eq!(with_serial(b"\x00\x00short", 9), b"\x00\x00short");
        assert_eq!(serial(b"\x00\x00short"), 0);
        let long = (0..4).fold(Name::root(), |name, _| name.child(&[b'a'; 60]).unwrap());
        assert_eq!(synthesised(&long, 1).len(), 2 * long.as_wire().len() + 20);
    }
}
