//! RDATA on the wire: is it what its type says, and how does it come out of a message.

use super::MAX_RDATA;
use super::error::RdataError;
use super::table::{Field, Kind, Layout, layout};
use super::{address, bitmap, gateway, location, svcparams};
use crate::name::{MAX_NAME, wire_length};
use crate::rtype::RecordType;
use std::ops::Range;

/// Where a field ends, or what was expected.
pub(super) type Extent = Result<usize, &'static str>;

/// Checks that octets are RDATA of the type, in uncompressed wire form. Any octets, at most 65,535, are RDATA
/// of a type that the table does not have.
///
/// # Errors
/// [`RdataError`] with the first field that is not as it should be.
pub fn check_wire(rtype: RecordType, rdata: &[u8]) -> Result<(), RdataError> {
    if rdata.len() > MAX_RDATA {
        return Err(RdataError::TooLong { rtype });
    }
    match layout(rtype) {
        Some(layout) => walk(layout, rdata, |_, _| {}),
        None => Ok(()),
    }
}

/// Takes the RDATA of `length` octets at `start` out of a message. Names that may be compressed, or that older
/// implementations compressed (RFC 3597 section 4), are expanded.
///
/// # Errors
/// [`RdataError`] where the octets are no RDATA of the type or do not lie within the message.
pub fn expand(
    rtype: RecordType,
    message: &[u8],
    start: usize,
    length: usize,
) -> Result<Box<[u8]>, RdataError> {
    let whole = "RDATA within the message";
    let wrong =
        |field, at, expected: &'static str| RdataError::Wire { rtype, field, at, expected: expected.into() };
    let end = start.checked_add(length).filter(|&end| end <= message.len() && length <= MAX_RDATA);
    let end = end.ok_or_else(|| wrong("RDATA", 0, whole))?;
    // Names reach outside the RDATA, nothing else does.
    let octets = &message[..end];
    let Some(layout) = layout(rtype) else {
        return Ok(octets[start..].into());
    };
    let mut out = Vec::with_capacity(length + 64);
    let mut at = start;
    for field in layout.fields {
        let next = match field.kind {
            Kind::Name(rules) if rules.lowercase => {
                expand_name(message, at, end, &mut out).ok_or(NAME_EXPECTED)
            }
            _ => extent(field.kind, octets, at).inspect(|&next| out.extend_from_slice(&octets[at..next])),
        };
        at = next.map_err(|expected| wrong(field.name, at - start, expected))?;
    }
    if at < end {
        return Err(too_many(layout, end - at));
    }
    if out.len() > MAX_RDATA {
        return Err(RdataError::TooLong { rtype });
    }
    Ok(out.into_boxed_slice())
}

/// Calls `visit` with each field and where it stands.
pub(super) fn walk(
    layout: &'static Layout,
    rdata: &[u8],
    mut visit: impl FnMut(&'static Field, Range<usize>),
) -> Result<(), RdataError> {
    let mut at = 0;
    for field in layout.fields {
        let end = extent(field.kind, rdata, at).map_err(|expected| RdataError::Wire {
            rtype: layout.rtype,
            field: field.name,
            at,
            expected: expected.into(),
        })?;
        visit(field, at..end);
        at = end;
    }
    if at < rdata.len() { Err(too_many(layout, rdata.len() - at)) } else { Ok(()) }
}

fn too_many(layout: &Layout, extra: usize) -> RdataError {
    let after = layout.fields.last().map_or("RDATA", |field| field.name);
    RdataError::TrailingOctets { rtype: layout.rtype, extra, after }
}

const NAME_EXPECTED: &str = "a domain name in wire form";

/// Where the field of this kind that begins at `at` ends, if it is well-formed.
pub(super) fn extent(kind: Kind, rdata: &[u8], at: usize) -> Extent {
    let rest = rdata.get(at..).ok_or("more octets")?;
    let fixed = |length: usize, expected| if rest.len() < length { Err(expected) } else { Ok(at + length) };
    let to_end = |least: usize, expected| if rest.len() < least { Err(expected) } else { Ok(rdata.len()) };
    match kind {
        Kind::Name(_) => wire_length(rest).map(|length| at + length).map_err(|_| NAME_EXPECTED),
        Kind::Names(_) => {
            let mut at = at;
            while at < rdata.len() {
                at += wire_length(&rdata[at..]).map_err(|_| NAME_EXPECTED)?;
            }
            Ok(at)
        }
        Kind::U8 | Kind::Code8(_) => fixed(1, "one octet"),
        Kind::U16 | Kind::Code16(_) | Kind::Type => fixed(2, "two octets"),
        Kind::U32 | Kind::Time | Kind::Date => fixed(4, "four octets"),
        Kind::Ipv4 => fixed(4, "the four octets of an IPv4 address"),
        Kind::Ipv6 => fixed(16, "the 16 octets of an IPv6 address"),
        Kind::Text => sized(rest, at),
        Kind::OptionalText => {
            if rest.is_empty() {
                Ok(at)
            } else {
                sized(rest, at)
            }
        }
        Kind::Texts => {
            let mut end = sized(rest, at)?;
            while end < rdata.len() {
                end = sized(&rdata[end..], end)?;
            }
            Ok(end)
        }
        Kind::TextToEnd(least) => to_end(least, "at least one octet of text"),
        Kind::Tag => {
            let end = sized(rest, at)?;
            let tag = &rdata[at + 1..end];
            let good = !tag.is_empty() && tag.iter().all(u8::is_ascii_alphanumeric);
            if good { Ok(end) } else { Err("letters and digits, at least one") }
        }
        Kind::Hex(least) | Kind::Base64(least) => to_end(least, "more octets"),
        Kind::SizedHex => sized(rest, at),
        Kind::SizedBase32 => match rest {
            [0, ..] => Err("a length of at least one octet"),
            _ => sized(rest, at),
        },
        Kind::Bitmap => bitmap::extent(rest, at),
        Kind::Gateway(back, mask) => gateway::extent(rdata, at, back, mask),
        Kind::Relay => fixed(1, "one octet"),
        Kind::HostIdentity => gateway::host_identity_extent(rest, at),
        Kind::SvcParams => svcparams::extent(rest, at),
        Kind::Location => location::extent(rest, at),
        Kind::Prefixes => address::prefixes_extent(rest, at),
        Kind::Eui(length) => fixed(length, "the octets of the address"),
        Kind::Nsap => to_end(1, "at least one octet"),
        Kind::Locator64 => fixed(8, "eight octets"),
    }
}

/// The end of octets that begin with their length.
fn sized(rest: &[u8], at: usize) -> Extent {
    match rest.first() {
        Some(&length) if rest.len() > usize::from(length) => Ok(at + 1 + usize::from(length)),
        _ => Err("a length and so many octets"),
    }
}

/// Appends the name at `at`, following pointers, and says where it ended. A pointer must lead before the place
/// from which the labels read so far began (RFC 1035 section 4.1.4: a prior occurrence), so there is no loop.
fn expand_name(message: &[u8], start: usize, end: usize, out: &mut Vec<u8>) -> Option<usize> {
    let begun = out.len();
    let (mut at, mut earliest, mut limit, mut after) = (start, start, end, None);
    loop {
        let length = usize::from(*message.get(at).filter(|_| at < limit)?);
        match length {
            0 => {
                out.push(0);
                return (out.len() - begun <= MAX_NAME).then(|| after.unwrap_or(at + 1));
            }
            1..=63 => {
                let next = at + 1 + length;
                out.extend_from_slice(message.get(at..next).filter(|_| next <= limit)?);
                at = next;
            }
            192.. => {
                let low = usize::from(*message.get(at + 1).filter(|_| at + 1 < limit)?);
                after.get_or_insert(at + 2);
                at = (length & 0x3f) << 8 | low;
                if at >= earliest {
                    return None;
                }
                earliest = at;
                limit = message.len();
            }
            _ => return None,
        }
        if out.len() - begun > MAX_NAME {
            return None;
        }
    }
}
