//! RDATA as text: what `parse_text` reads back.

use super::table::{Field, Kind, layout};
use super::token::push_quoted;
use super::wire::walk;
use super::{address, bitmap, gateway, location, svcparams, time};
use crate::name::Name;
use crate::rtype::RecordType;
use data_encoding::{BASE32HEX_NOPAD, BASE64, HEXUPPER};
use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The octets are valid, but their text would not read back as them.
#[derive(Debug)]
pub(super) struct Unprintable;

/// Prints RDATA in presentation format, one space between the fields. What it prints reads back as the same
/// octets: where the octets are no RDATA of the type, or its text form cannot hold them, and for types that
/// have none, it is `\# <length> <hex>` (RFC 3597 section 5; for octets that are no RDATA of a type that the
/// table has, only another type reads that back).
pub fn print_text(rtype: RecordType, rdata: &[u8]) -> String {
    let mut out = String::with_capacity(16 + 2 * rdata.len());
    if !layout(rtype).is_some_and(|layout| {
        let mut printed = Ok(());
        let visit = |field: &'static Field, range: std::ops::Range<usize>| {
            if printed.is_ok() {
                printed = print(field.kind, rdata, range.start, &rdata[range.clone()], &mut out);
            }
        };
        walk(layout, rdata, visit).is_ok() && printed.is_ok()
    }) {
        out.clear();
        let _ = write!(out, "\\# {}", rdata.len());
        if !rdata.is_empty() {
            out.push(' ');
            HEXUPPER.encode_append(rdata, &mut out);
        }
    }
    out
}

fn print(kind: Kind, rdata: &[u8], start: usize, octets: &[u8], out: &mut String) -> Result<(), Unprintable> {
    if octets.is_empty() && !matches!(kind, Kind::Gateway(..) | Kind::TextToEnd(_)) {
        return Ok(());
    }
    if !out.is_empty() {
        out.push(' ');
    }
    match kind {
        Kind::Name(_) => push_name(octets, out)?,
        Kind::Names(_) => {
            let mut rest = octets;
            while !rest.is_empty() {
                let (name, length) = Name::read_wire(rest).map_err(|_| Unprintable)?;
                push(out, format_args!("{}{name}", if rest.len() < octets.len() { " " } else { "" }));
                rest = &rest[length..];
            }
        }
        Kind::U8 | Kind::U16 | Kind::U32 | Kind::Time | Kind::Code8(_) | Kind::Code16(_) => {
            push(out, format_args!("{}", number(octets)));
        }
        Kind::Date => out.push_str(&time::print_date(number(octets))),
        Kind::Type => push(out, format_args!("{}", RecordType(number(octets) as u16))),
        Kind::Ipv4 => push(out, format_args!("{}", Ipv4Addr::from(fixed(octets)?))),
        Kind::Ipv6 => push(out, format_args!("{}", Ipv6Addr::from(fixed(octets)?))),
        Kind::Text | Kind::OptionalText | Kind::Texts => {
            let mut rest = octets;
            while let [length, after @ ..] = rest {
                let (text, after) = after.split_at(usize::from(*length).min(after.len()));
                push_quoted(out, text);
                if !after.is_empty() {
                    out.push(' ');
                }
                rest = after;
            }
        }
        Kind::TextToEnd(_) => push_quoted(out, octets),
        Kind::Tag => out.extend(octets[1..].iter().map(|&octet| char::from(octet))),
        Kind::Hex(_) => HEXUPPER.encode_append(octets, out),
        Kind::Base64(_) => BASE64.encode_append(octets, out),
        Kind::SizedHex if octets.len() == 1 => out.push('-'),
        Kind::SizedHex => HEXUPPER.encode_append(&octets[1..], out),
        Kind::SizedBase32 => BASE32HEX_NOPAD.encode_append(&octets[1..], out),
        Kind::Bitmap => bitmap::print(octets, out),
        Kind::Gateway(back, mask) => gateway::print(rdata[start - back] & mask, octets, out)?,
        Kind::Relay => gateway::print_relay(octets, out),
        Kind::HostIdentity => gateway::print_host_identity(octets, out),
        Kind::SvcParams => svcparams::print(octets, out)?,
        Kind::Location => location::print(octets, out)?,
        Kind::Prefixes => address::print_prefixes(octets, out)?,
        Kind::Eui(_) => address::print_eui(octets, out),
        Kind::Nsap => {
            out.push_str("0x");
            HEXUPPER.encode_append(octets, out);
        }
        Kind::Locator64 => address::print_locator64(octets, out),
    }
    Ok(())
}

/// Writing into a string cannot fail.
pub(super) fn push(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(arguments);
}

pub(super) fn push_name(octets: &[u8], out: &mut String) -> Result<(), Unprintable> {
    push(out, format_args!("{}", Name::from_wire(octets).map_err(|_| Unprintable)?));
    Ok(())
}

pub(super) fn fixed<const N: usize>(octets: &[u8]) -> Result<[u8; N], Unprintable> {
    octets.try_into().map_err(|_| Unprintable)
}

/// A number of at most four octets.
pub(super) fn number(octets: &[u8]) -> u32 {
    octets.iter().fold(0, |value, octet| value << 8 | u32::from(*octet))
}
