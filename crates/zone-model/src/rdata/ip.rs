//! Addresses out of text, faster than the standard library: most records of most zones are addresses.

use std::net::Ipv6Addr;

/// Four numbers up to 255 without needless zeros, as the standard library reads them, and in half its time.
pub(super) fn ipv4(text: &str) -> Option<[u8; 4]> {
    let mut octets = [0; 4];
    let (mut index, mut value, mut digits) = (0, 0u32, 0);
    for &octet in text.as_bytes() {
        match octet {
            b'0'..=b'9' if digits == 0 || value > 0 => {
                value = value * 10 + u32::from(octet - b'0');
                digits += 1;
                if value > 255 {
                    return None;
                }
            }
            b'.' if digits > 0 && index < 3 => {
                octets[index] = value as u8;
                (index, value, digits) = (index + 1, 0, 0);
            }
            _ => return None,
        }
    }
    octets[index] = value as u8;
    (index == 3 && digits > 0).then_some(octets)
}

/// Groups of hexadecimal with at most one `::`; a form that ends in an IPv4 address is the standard library's.
pub(super) fn ipv6(text: &str) -> Option<[u8; 16]> {
    let mut groups = [0u16; 8];
    // How many groups there are, and how many stood before the `::`.
    let (mut count, mut gap) = (0, None);
    let mut rest = text.as_bytes();
    if let [b':', b':', after @ ..] = rest {
        (gap, rest) = (Some(0), after);
    }
    while !rest.is_empty() {
        let (mut value, mut digits) = (0u32, 0);
        while let Some(digit) = rest.get(digits).and_then(|&octet| char::from(octet).to_digit(16)) {
            value = value << 4 | digit;
            digits += 1;
            if digits > 4 {
                return None;
            }
        }
        if rest.get(digits) == Some(&b'.') {
            return text.parse().ok().map(|address: Ipv6Addr| address.octets());
        }
        if digits == 0 {
            return None;
        }
        *groups.get_mut(count)? = value as u16;
        count += 1;
        rest = match &rest[digits..] {
            [] => &[],
            [b':', b':', after @ ..] if gap.is_none() => {
                gap = Some(count);
                after
            }
            [b':', after @ ..] if !after.is_empty() => after,
            _ => return None,
        };
    }
    match gap {
        // `::` stands for at least one group.
        Some(before) if count < 8 => groups[before..].rotate_right(8 - count),
        None if count == 8 => {}
        _ => return None,
    }
    let mut octets = [0; 16];
    for (pair, group) in octets.chunks_exact_mut(2).zip(groups) {
        pair.copy_from_slice(&group.to_be_bytes());
    }
    Some(octets)
}

#[cfg(test)]
mod tests {
    use super::{ipv4, ipv6};
    use proptest::prelude::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    proptest! {
        /// The standard library is the oracle.
        #[test]
        fn ipv4_addresses(text in "[0-9]{0,4}(\\.[0-9]{0,4}){2,4}|[0-9.+a ]{0,15}", address in any::<u32>()) {
            prop_assert_eq!(ipv4(&text), text.parse().ok().map(|address: Ipv4Addr| address.octets()));
            let address = Ipv4Addr::from(address);
            prop_assert_eq!(ipv4(&address.to_string()), Some(address.octets()));
        }

        /// The standard library is the oracle.
        #[test]
        fn ipv6_addresses(
            text in "[0-9a-fA-F:]{0,12}|([0-9aF]{0,4}::?){0,9}([0-9a-f]{0,5}|1\\.2\\.3\\.4)|(1::?){6,9}2?|[0-9:.g%/+]{0,12}",
            groups in any::<[u16; 8]>(),
            mask in any::<u8>(),
        ) {
            prop_assert_eq!(ipv6(&text), text.parse().ok().map(|address: Ipv6Addr| address.octets()), "{}", text);
            let mut groups = groups;
            (0..8).filter(|bit| mask & 1 << bit != 0).for_each(|at| groups[at] = 0);
            let address = Ipv6Addr::from(groups);
            prop_assert_eq!(ipv6(&address.to_string()), Some(address.octets()));
        }
    }
}
