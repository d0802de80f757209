//! Names and records of the slow way: hickory-proto's, from the lines of a zone.

use hickory_proto::rr::{RData, Record, RecordType as T};
use hickory_proto::serialize::binary::{BinDecodable, BinDecoder, BinEncodable, Restrict};
use std::collections::BTreeMap;

pub(crate) use hickory_proto::rr::Name;

#[derive(Clone, Debug)]
pub(crate) struct RrSet {
    pub(crate) ttl: u32,
    pub(crate) rdatas: Vec<RData>,
}

/// What owners have, by the number of the type. One record a line, `owner ttl type rdata`; of differing TTLs of an
/// RRset the lowest counts (RFC 2181 section 5.2), and of records that are the same the first.
pub(crate) fn read(lines: &[String]) -> BTreeMap<Name, BTreeMap<u16, RrSet>> {
    let mut owners: BTreeMap<Name, BTreeMap<u16, RrSet>> = BTreeMap::new();
    for line in lines {
        let mut words = line.splitn(4, ' ');
        let mut word = || words.next().expect("owner, TTL, type and RDATA");
        let (owner, ttl) = (name(word()), word().parse().expect("a TTL"));
        let rtype = rtype(word());
        let rdata = rdata(rtype, word());
        let sets = owners.entry(owner).or_default();
        let set = sets.entry(rtype.into()).or_insert(RrSet { ttl, rdatas: Vec::new() });
        set.ttl = set.ttl.min(ttl);
        if !set.rdatas.contains(&rdata) {
            set.rdatas.push(rdata);
        }
    }
    owners
}

pub(crate) fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap_or_else(|error| panic!("`{text}`: {error}"))
}

/// A type by its name, or by its number (RFC 3597 section 5).
pub(crate) fn rtype(text: &str) -> T {
    match text.strip_prefix("TYPE") {
        Some(number) => T::from(number.parse::<u16>().expect("a number")),
        None => text.parse().unwrap_or_else(|error| panic!("`{text}`: {error}")),
    }
}

/// RDATA as hickory-proto reads it from a message. It has no words for some types, and those are put together here.
fn rdata(rtype: T, text: &str) -> RData {
    let words: Vec<&str> = text.split(' ').collect();
    let hex = |text: &str| -> Vec<u8> {
        let digits = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("ASCII"));
        digits.map(|pair| u8::from_str_radix(pair, 16).expect("hexadecimal")).collect()
    };
    let wire = match rtype {
        T::DNAME => name(text).to_bytes().expect("a name"),
        T::DS => [&hex("0001")[..], &[8, 2], &hex(words[3])].concat(),
        T::RRSIG => {
            // A 8 2 300 20300101000000 20200101000000 1 x. AQID
            let head = [&[0, 1, 8, 2][..], &300u32.to_be_bytes(), &1_893_456_000u32.to_be_bytes()].concat();
            [&head[..], &1_577_836_800u32.to_be_bytes(), &[0, 1], &[1, b'x', 0], &[1, 2, 3]].concat()
        }
        T::Unknown(_) => hex(words[2]),
        _ => {
            return RData::try_from_str(rtype, text)
                .unwrap_or_else(|error| panic!("{rtype} {text}: {error}"));
        }
    };
    let length = u16::try_from(wire.len()).expect("an RDATA");
    RData::read(&mut BinDecoder::new(&wire), rtype, Restrict::new(length)).expect("RDATA")
}

/// Labels of a name; a `*` is one like the others.
pub(crate) fn labels(name: &Name) -> usize {
    name.iter().len()
}

/// Octets of a name in wire form.
pub(crate) fn wire_length(name: &Name) -> usize {
    name.iter().map(|label| label.len() + 1).sum::<usize>() + 1
}

/// The last labels of a name.
pub(crate) fn suffix(name: &Name, count: usize) -> Name {
    name.trim_to(count)
}

pub(crate) fn at_or_below(name: &Name, above: &Name) -> bool {
    above.zone_of(name)
}

pub(crate) fn below(name: &Name, above: &Name) -> bool {
    name != above && above.zone_of(name)
}

pub(crate) fn is_star(name: &Name) -> bool {
    name.iter().next() == Some(b"*")
}

/// A name in wire form, without compression.
pub(crate) fn name_in(wire: &[u8]) -> Name {
    Name::from_bytes(wire).expect("a name")
}

/// Where a CNAME leads, in lower case.
pub(crate) fn target(rdata: &RData) -> Name {
    match rdata {
        RData::CNAME(target) => target.0.to_lowercase(),
        other => panic!("no CNAME: {other}"),
    }
}

/// The host that RDATA names, for the types whose hosts' addresses are added.
pub(crate) fn host(rdata: &RData) -> Option<Name> {
    Some(match rdata {
        RData::NS(own) => own.0.to_lowercase(),
        RData::MX(own) => own.exchange.to_lowercase(),
        RData::SRV(own) => own.target.to_lowercase(),
        RData::HTTPS(own) => own.0.target_name.to_lowercase(),
        _ => return None,
    })
}

/// Whether RDATA with the root for a host means its owner (RFC 9460 section 2.5.2).
pub(crate) fn is_service(rdata: &RData) -> bool {
    matches!(rdata, RData::HTTPS(own) if own.0.svc_priority != 0)
}

/// An SOA's MINIMUM.
pub(crate) fn minimum(rdata: &RData) -> u32 {
    match rdata {
        RData::SOA(soa) => soa.minimum,
        other => panic!("no SOA: {other}"),
    }
}

/// Whether two records are the same in everything; names whatever their case, which compression may change.
pub(crate) fn same(left: &Record, right: &Record) -> bool {
    left == right && left.ttl == right.ttl && left.record_type() == right.record_type()
}
