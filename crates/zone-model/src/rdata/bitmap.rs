//! The types that a name has: NSEC, NSEC3, CSYNC (RFC 4034 section 4.1.2).

use super::text::Reader;
use super::wire::Extent;
use super::{error::RdataError, table::Field};
use crate::rtype::RecordType;
use std::collections::BTreeSet;

const EXPECTED: &str = "windows of types in ascending order, 1 to 32 octets each, the last of them not 0";

/// Windows to the end; none is a name without types.
pub(super) fn extent(rest: &[u8], at: usize) -> Extent {
    let mut windows = rest;
    let mut lowest = 0;
    while !windows.is_empty() {
        let [window, length @ 1..=32, octets @ ..] = windows else { return Err(EXPECTED) };
        let length = usize::from(*length);
        if u16::from(*window) < lowest || octets.len() < length || octets[length - 1] == 0 {
            return Err(EXPECTED);
        }
        lowest = u16::from(*window) + 1;
        windows = &octets[length..];
    }
    Ok(at + rest.len())
}

/// The mnemonics of the types, in ascending order.
pub(super) fn print(octets: &[u8], out: &mut String) {
    let mut windows = octets;
    while let [window, length, rest @ ..] = windows {
        let (bits, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        for (index, octet) in bits.iter().enumerate() {
            for bit in (0..8).filter(|bit| octet & (0x80 >> bit) != 0) {
                if !out.is_empty() && !out.ends_with(' ') {
                    out.push(' ');
                }
                let rtype = u16::from(*window) << 8 | (index as u16) << 3 | bit;
                out.push_str(&RecordType(rtype).to_string());
            }
        }
        windows = rest;
    }
}

/// Types to the end of the text, in any order.
pub(super) fn parse(reader: &mut Reader<'_>, field: &'static Field) -> Result<(), RdataError> {
    let mut types = BTreeSet::new();
    while let Some(token) = reader.optional()? {
        let rtype: RecordType = match token.text.parse() {
            Ok(rtype) if !token.quoted => rtype,
            _ => return Err(reader.wrong(field, token, "a record type")),
        };
        types.insert(rtype.0);
    }
    let mut bits = [0u8; 32];
    let mut types = types.into_iter().peekable();
    while let Some(rtype) = types.next() {
        let [window, low] = rtype.to_be_bytes();
        bits[usize::from(low >> 3)] |= 0x80 >> (low & 7);
        if types.peek().is_none_or(|next| (next >> 8) as u8 != window) {
            let length = low >> 3;
            reader.out.extend_from_slice(&[window, length + 1]);
            reader.out.extend_from_slice(&bits[..=usize::from(length)]);
            bits = [0; 32];
        }
    }
    Ok(())
}
