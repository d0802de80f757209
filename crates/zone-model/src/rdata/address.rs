//! Addresses of other kinds: prefixes (APL, RFC 3123), EUI-48 and EUI-64 (RFC 7043), NSAP (RFC 1706), and the
//! 64 bits of ILNP (RFC 6742).

use super::error::RdataError;
use super::print::{Unprintable, push};
use super::table::Field;
use super::text::{Reader, decimal, hexadecimal};
use super::wire::Extent;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

// === prefixes: family, prefix, negation and length, address without its last zero octets ===

const IPV4: u16 = 1;
const IPV6: u16 = 2;

pub(super) fn prefixes_extent(rest: &[u8], at: usize) -> Extent {
    let mut items = rest;
    while !items.is_empty() {
        let [high, low, prefix, length, octets @ ..] = items else {
            return Err("four octets before each address");
        };
        let length = usize::from(length & 0x7f);
        if octets.len() < length || (length > 0 && octets[length - 1] == 0) {
            return Err("an address of the length before it, without zero octets at its end");
        }
        let most = match u16::from_be_bytes([*high, *low]) {
            IPV4 => 4,
            IPV6 => 16,
            _ => 127,
        };
        if length > most || (most < 127 && usize::from(*prefix) > most * 8) {
            return Err("an address and a prefix no longer than its family has them");
        }
        items = &octets[length..];
    }
    Ok(at + rest.len())
}

pub(super) fn print_prefixes(octets: &[u8], out: &mut String) -> Result<(), Unprintable> {
    let mut items = octets;
    let mut first = true;
    while let [high, low, prefix, length, rest @ ..] = items {
        let (address, rest) = rest.split_at(usize::from(length & 0x7f).min(rest.len()));
        let mut whole = [0; 16];
        whole.get_mut(..address.len()).ok_or(Unprintable)?.copy_from_slice(address);
        let negation = if length & 0x80 != 0 { "!" } else { "" };
        let space = if first { "" } else { " " };
        let address: IpAddr = match u16::from_be_bytes([*high, *low]) {
            IPV4 => Ipv4Addr::new(whole[0], whole[1], whole[2], whole[3]).into(),
            IPV6 => Ipv6Addr::from(whole).into(),
            // There is no text form for other families.
            _ => return Err(Unprintable),
        };
        push(out, format_args!("{space}{negation}{low}:{address}/{prefix}"));
        first = false;
        items = rest;
    }
    Ok(())
}

pub(super) fn parse_prefixes(reader: &mut Reader<'_>, field: &'static Field) -> Result<(), RdataError> {
    while let Some(token) = reader.optional()? {
        let item = prefix(token.text);
        let item =
            item.ok_or_else(|| reader.wrong(field, token, "[!]1:<IPv4>/<prefix> or [!]2:<IPv6>/<prefix>"))?;
        reader.push(&item);
    }
    Ok(())
}

fn prefix(text: &str) -> Option<Vec<u8>> {
    let (negation, text) = match text.strip_prefix('!') {
        Some(text) => (0x80, text),
        None => (0, text),
    };
    let (family, text) = text.split_once(':')?;
    let (address, prefix) = text.split_once('/')?;
    let (family, octets) = match family {
        "1" => (1, address.parse::<Ipv4Addr>().ok()?.octets().to_vec()),
        "2" => (2, address.parse::<Ipv6Addr>().ok()?.octets().to_vec()),
        _ => return None,
    };
    let prefix = decimal(prefix, octets.len() as u32 * 8)? as u8;
    let length = octets.iter().rposition(|&octet| octet != 0).map_or(0, |last| last + 1);
    let mut item = vec![0, family, prefix, negation | length as u8];
    item.extend_from_slice(&octets[..length]);
    Some(item)
}

// === EUI-48 and EUI-64 ===

pub(super) fn print_eui(octets: &[u8], out: &mut String) {
    for (index, octet) in octets.iter().enumerate() {
        push(out, format_args!("{}{octet:02x}", if index > 0 { "-" } else { "" }));
    }
}

pub(super) fn parse_eui(
    reader: &mut Reader<'_>,
    field: &'static Field,
    length: usize,
) -> Result<(), RdataError> {
    let expected = "pairs of hexadecimal digits with hyphens between them, as many as the type has";
    let token = reader.token(field, expected)?;
    let pairs: Option<Vec<Vec<u8>>> =
        token.text.split('-').map(|pair| hexadecimal(pair).filter(|octets| octets.len() == 1)).collect();
    let octets = pairs.filter(|pairs| pairs.len() == length).map(|pairs| pairs.concat());
    let octets = octets.ok_or_else(|| reader.wrong(field, token, expected))?;
    reader.push(&octets);
    Ok(())
}

// === NSAP ===

pub(super) fn parse_nsap(reader: &mut Reader<'_>, field: &'static Field) -> Result<(), RdataError> {
    let expected = "0x and hexadecimal digits, dots allowed between them";
    let token = reader.token(field, expected)?;
    let digits = token.text.strip_prefix("0x").or_else(|| token.text.strip_prefix("0X"));
    let octets =
        digits.and_then(|digits| hexadecimal(&digits.replace('.', ""))).filter(|octets| !octets.is_empty());
    let octets = octets.ok_or_else(|| reader.wrong(field, token, expected))?;
    reader.push(&octets);
    Ok(())
}

// === 64 bits of ILNP ===

pub(super) fn print_locator64(octets: &[u8], out: &mut String) {
    for (index, pair) in octets.chunks(2).enumerate() {
        push(out, format_args!("{}", if index > 0 { ":" } else { "" }));
        pair.iter().for_each(|octet| push(out, format_args!("{octet:02x}")));
    }
}

pub(super) fn parse_locator64(reader: &mut Reader<'_>, field: &'static Field) -> Result<(), RdataError> {
    reader.parsed(field, "four groups of up to four hexadecimal digits with colons between them", |text| {
        let mut octets = [0; 8];
        let mut groups = text.split(':');
        for pair in octets.chunks_mut(2) {
            let group =
                groups.next().filter(|group| (1..=4).contains(&group.len()) && !group.starts_with('+'))?;
            pair.copy_from_slice(&u16::from_str_radix(group, 16).ok()?.to_be_bytes());
        }
        groups.next().is_none().then_some(octets)
    })
}
