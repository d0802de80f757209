//! RDATA as text: what `parse_text` reads back.

use super::table::{Field, Kind, layout};
use super::token::{push_decimal_escape, push_quoted};
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
    append_text(rtype, rdata, NameStyle::ABSOLUTE, &mut out);
    out
}

/// Like [`print_text`], with names at or below `origin` relative to it: what
/// [`parse_text_below`](super::parse_text_below) reads back.
pub fn print_text_below(rtype: RecordType, rdata: &[u8], origin: &Name) -> String {
    let mut out = String::with_capacity(16 + 2 * rdata.len());
    append_text(rtype, rdata, NameStyle { origin: Some(origin), cautious: false }, &mut out);
    out
}

/// Appends what [`print_text`] or [`print_text_below`] returns.
pub(crate) fn append_text(rtype: RecordType, rdata: &[u8], names: NameStyle<'_>, out: &mut String) {
    let begun = out.len();
    if !layout(rtype).is_some_and(|layout| {
        let mut printed = Ok(());
        let visit = |field: &'static Field, range: std::ops::Range<usize>| {
            if printed.is_ok() {
                let octets = &rdata[range.clone()];
                if out.len() > begun && !is_absent(field.kind, octets) {
                    out.push(' ');
                }
                printed = print(field.kind, rdata, range.start, octets, names, out);
            }
        };
        walk(layout, rdata, visit).is_ok() && printed.is_ok()
    }) {
        out.truncate(begun);
        let _ = write!(out, "\\# {}", rdata.len());
        if !rdata.is_empty() {
            out.push(' ');
            HEXUPPER.encode_append(rdata, out);
        }
    }
}

/// Whether a field has no octets and no text either.
fn is_absent(kind: Kind, octets: &[u8]) -> bool {
    octets.is_empty() && !matches!(kind, Kind::Gateway(..) | Kind::TextToEnd(_))
}

fn print(
    kind: Kind,
    rdata: &[u8],
    start: usize,
    octets: &[u8],
    names: NameStyle<'_>,
    out: &mut String,
) -> Result<(), Unprintable> {
    if is_absent(kind, octets) {
        return Ok(());
    }
    match kind {
        Kind::Name(_) => push_name(octets, names, out)?,
        Kind::Names(_) => {
            let mut rest = octets;
            while !rest.is_empty() {
                let (name, length) = Name::read_wire(rest).map_err(|_| Unprintable)?;
                if rest.len() < octets.len() {
                    out.push(' ');
                }
                names.push(&name, out);
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
        Kind::Gateway(back, mask) => gateway::print(rdata[start - back] & mask, octets, names, out)?,
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

pub(super) fn push_name(octets: &[u8], names: NameStyle<'_>, out: &mut String) -> Result<(), Unprintable> {
    names.push(&Name::from_wire(octets).map_err(|_| Unprintable)?, out);
    Ok(())
}

/// How names are printed.
#[derive(Clone, Copy)]
pub(crate) struct NameStyle<'a> {
    /// Names at and below it are relative to it.
    pub(crate) origin: Option<&'a Name>,
    /// Whether a `\` stands before all that is neither a letter nor a digit nor one of `-_*/`. RFC 1035 wants it
    /// before fewer, but there are readers that want it before these.
    pub(crate) cautious: bool,
}

// === impl NameStyle ===

impl NameStyle<'_> {
    pub(super) const ABSOLUTE: Self = Self { origin: None, cautious: false };

    /// Appends a name: `@` for the origin, without the origin below it, else absolute.
    pub(crate) fn push(self, name: &Name, out: &mut String) {
        let below = |origin: &&Name| !origin.is_root() && name.is_at_or_below(origin);
        let labels = match self.origin.filter(below) {
            Some(origin) => name.label_count() - origin.label_count(),
            None if !self.cautious || name.is_root() => return push(out, format_args!("{name}")),
            None => usize::MAX,
        };
        if labels == 0 {
            return out.push('@');
        }
        for (index, label) in name.labels().take(labels).enumerate() {
            if index > 0 {
                out.push('.');
            }
            for &octet in label {
                match octet {
                    b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'*' | b'/' => {}
                    b'.' | b'\\' | b'"' | b'(' | b')' | b';' | b'@' | b'$' => out.push('\\'),
                    // `\[` was a bit-string label once (RFC 2673), and BIND refuses it.
                    0x21..=0x7e if self.cautious && octet != b'[' => out.push('\\'),
                    0x21..=0x7e if !self.cautious => {}
                    _ => {
                        push_decimal_escape(out, octet);
                        continue;
                    }
                }
                out.push(char::from(octet));
            }
        }
        if labels == usize::MAX {
            out.push('.');
        }
    }
}

pub(super) fn fixed<const N: usize>(octets: &[u8]) -> Result<[u8; N], Unprintable> {
    octets.try_into().map_err(|_| Unprintable)
}

/// A number of at most four octets.
pub(super) fn number(octets: &[u8]) -> u32 {
    octets.iter().fold(0, |value, octet| value << 8 | u32::from(*octet))
}
