//! Fields that another field governs: the gateway of IPSECKEY (RFC 4025), the relay of AMTRELAY (RFC 8777),
//! the host identity of HIP (RFC 8005).

use super::error::RdataError;
use super::print::{NameStyle, Unprintable, fixed, push, push_name};
use super::table::Field;
use super::text::{Reader, hexadecimal};
use super::wire::Extent;
use crate::name::wire_length;
use data_encoding::{BASE64, HEXUPPER};
use std::net::{Ipv4Addr, Ipv6Addr};

const NONE: u8 = 0;
const IPV4: u8 = 1;
const IPV6: u8 = 2;
const NAME: u8 = 3;

// === gateway and relay ===

pub(super) fn extent(rdata: &[u8], at: usize, back: usize, mask: u8) -> Extent {
    let kind =
        at.checked_sub(back).and_then(|at| rdata.get(at)).ok_or("the type of the gateway before it")?;
    let rest = rdata.get(at..).unwrap_or_default();
    let length = match kind & mask {
        NONE => 0,
        IPV4 => 4,
        IPV6 => 16,
        NAME => wire_length(rest).map_err(|_| "a domain name, as the gateway's type says")?,
        _ => return Err("a gateway's type from 0 to 3"),
    };
    if rest.len() < length { Err("an address, as the gateway's type says") } else { Ok(at + length) }
}

pub(super) fn print(
    kind: u8,
    octets: &[u8],
    names: NameStyle<'_>,
    out: &mut String,
) -> Result<(), Unprintable> {
    match kind {
        IPV4 => push(out, format_args!("{}", Ipv4Addr::from(fixed(octets)?))),
        IPV6 => push(out, format_args!("{}", Ipv6Addr::from(fixed(octets)?))),
        NAME => push_name(octets, names, out)?,
        _ => out.push('.'),
    }
    Ok(())
}

pub(super) fn parse(
    reader: &mut Reader<'_>,
    field: &'static Field,
    back: usize,
    mask: u8,
) -> Result<(), RdataError> {
    match reader.out.len().checked_sub(back).map_or(NONE, |at| reader.out[at] & mask) {
        IPV4 => reader.parsed(field, "an IPv4 address, as the gateway's type says", |text| {
            text.parse().ok().map(|address: Ipv4Addr| address.octets())
        }),
        IPV6 => reader.parsed(field, "an IPv6 address, as the gateway's type says", |text| {
            text.parse().ok().map(|address: Ipv6Addr| address.octets())
        }),
        NAME => {
            let token = reader.token(field, "a domain name, as the gateway's type says")?;
            reader.push_name(field, token)
        }
        kind => {
            let expected =
                if kind == NONE { "`.`, as the gateway's type says" } else { "a gateway's type from 0 to 3" };
            let token = reader.token(field, expected)?;
            if kind == NONE && token.text == "." { Ok(()) } else { Err(reader.wrong(field, token, expected)) }
        }
    }
}

pub(super) fn print_relay(octets: &[u8], out: &mut String) {
    push(out, format_args!("{} {}", octets[0] >> 7, octets[0] & 0x7f));
}

pub(super) fn parse_relay(reader: &mut Reader<'_>, field: &'static Field) -> Result<(), RdataError> {
    let discovery = reader.number(field, 1, "the discovery bit, 0 or 1")?;
    let kind = reader.number(field, 127, "a whole number from 0 to 127")?;
    reader.push(&[(discovery << 7 | kind) as u8]);
    Ok(())
}

// === host identity: HIT length, algorithm, key length, HIT, key ===

pub(super) fn host_identity_extent(rest: &[u8], at: usize) -> Extent {
    let [hit, _, high, low, octets @ ..] = rest else { return Err("four octets before the HIT") };
    let (hit, key) = (usize::from(*hit), usize::from(u16::from_be_bytes([*high, *low])));
    if hit == 0 || key == 0 || octets.len() < hit + key {
        return Err("a HIT and a public key of the lengths before them, neither of them 0");
    }
    Ok(at + 4 + hit + key)
}

pub(super) fn print_host_identity(octets: &[u8], out: &mut String) {
    let (hit, key) = octets[4..].split_at(usize::from(octets[0]));
    push(out, format_args!("{} {} {}", octets[1], HEXUPPER.encode(hit), BASE64.encode(key)));
}

pub(super) fn parse_host_identity(reader: &mut Reader<'_>, field: &'static Field) -> Result<(), RdataError> {
    let algorithm = reader.number(field, 255, "the public key's algorithm, a whole number from 0 to 255")?;
    let expected = "a HIT of 1 to 255 octets in hexadecimal";
    let token = reader.token(field, expected)?;
    let hit = hexadecimal(token.text).filter(|hit| (1..=255).contains(&hit.len()));
    let hit = hit.ok_or_else(|| reader.wrong(field, token, expected))?;
    let expected = "a public key of 1 to 65535 octets in base64, without spaces";
    let token = reader.token(field, expected)?;
    let key = BASE64.decode(token.text.as_bytes()).ok().filter(|key| (1..=65_535).contains(&key.len()));
    let key = key.ok_or_else(|| reader.wrong(field, token, expected))?;
    let [high, low] = (key.len() as u16).to_be_bytes();
    reader.push(&[hit.len() as u8, algorithm as u8, high, low]);
    reader.push(&hit);
    reader.push(&key);
    Ok(())
}
