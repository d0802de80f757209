//! Properties of every type of the table: what is on the wire comes back through text, and the reverse.

use super::table::{Kind, layout};
use super::{canonical, check_wire, described_types, expand, name_fields, parse_text, print_text};
use crate::name::Name;
use crate::rtype::RecordType;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Random octets that RDATA is made of, so that a failure shrinks.
pub(crate) struct Source(pub(crate) std::vec::IntoIter<u8>);

impl Source {
    fn octet(&mut self) -> u8 {
        self.0.next().unwrap_or(0)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::from(u16::from_be_bytes([self.octet(), self.octet()])) % limit
    }

    fn octets(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.octet()).collect()
    }

    fn name(&mut self) -> Vec<u8> {
        let mut wire = Vec::new();
        for _ in 0..self.below(4) {
            let length = if self.octet() < 8 { 63 } else { 1 + self.below(12) };
            wire.push(length as u8);
            wire.extend(self.octets(length));
        }
        wire.push(0);
        wire
    }

    fn text(&mut self) -> Vec<u8> {
        let length = if self.octet() < 8 { 255 } else { self.below(20) };
        [vec![length as u8], self.octets(length)].concat()
    }
}

/// RDATA of the type, valid by what the RFCs say of each kind of field.
pub(crate) fn generate(rtype: RecordType, source: &mut Source) -> Vec<u8> {
    let mut out = Vec::new();
    for field in layout(rtype).expect("a described type").fields {
        let octets = match field.kind {
            Kind::Name(_) => source.name(),
            Kind::Names(_) => (0..source.below(4)).flat_map(|_| source.name()).collect(),
            Kind::U8 | Kind::Code8(_) | Kind::Relay => source.octets(1),
            Kind::U16 | Kind::Code16(_) | Kind::Type => source.octets(2),
            Kind::U32 | Kind::Time | Kind::Date | Kind::Ipv4 => source.octets(4),
            Kind::Ipv6 => source.octets(16),
            Kind::Text => source.text(),
            Kind::OptionalText => (0..source.below(2)).flat_map(|_| source.text()).collect(),
            Kind::Texts => (0..1 + source.below(4)).flat_map(|_| source.text()).collect(),
            Kind::TextToEnd(least) | Kind::Hex(least) | Kind::Base64(least) => {
                let length = least + source.below(300);
                source.octets(length)
            }
            Kind::Tag => {
                let tag: Vec<u8> = (0..1 + source.below(15)).map(|_| b"aZ09m"[source.below(5)]).collect();
                [vec![tag.len() as u8], tag].concat()
            }
            Kind::SizedHex => source.text(),
            Kind::SizedBase32 => {
                let length = 1 + source.below(40);
                [vec![length as u8], source.octets(length)].concat()
            }
            Kind::Bitmap => bitmap(source),
            Kind::Gateway(back, mask) => {
                let at = out.len() - back;
                let kind = out[at] & mask & 3;
                out[at] = out[at] & !mask | kind;
                match kind {
                    0 => Vec::new(),
                    1 => source.octets(4),
                    2 => source.octets(16),
                    _ => source.name(),
                }
            }
            Kind::HostIdentity => {
                let (hit, key) = (1 + source.below(20), 1 + source.below(300));
                let lengths = [hit as u8, source.octet(), (key >> 8) as u8, key as u8];
                [lengths.to_vec(), source.octets(hit), source.octets(key)].concat()
            }
            Kind::SvcParams => parameters(source),
            Kind::Location => {
                let precisions: Vec<u8> =
                    (0..3).map(|_| (source.below(10) << 4 | source.below(10)) as u8).collect();
                let mut angle = |most: u32| {
                    let value = u32::from_be_bytes(source.octets(4).try_into().expect("four octets"));
                    ((1u32 << 31) - most * 3_600_000 + value % (most * 7_200_000 + 1)).to_be_bytes()
                };
                let (latitude, longitude) = (angle(90), angle(180));
                [&[0][..], &precisions, &latitude, &longitude, &source.octets(4)].concat()
            }
            Kind::Prefixes => (0..source.below(4)).flat_map(|_| prefix(source)).collect(),
            Kind::Eui(length) => source.octets(length),
            Kind::Nsap => {
                let length = 1 + source.below(30);
                source.octets(length)
            }
            Kind::Locator64 => source.octets(8),
        };
        out.extend(octets);
    }
    out
}

fn bitmap(source: &mut Source) -> Vec<u8> {
    let mut windows: BTreeMap<u8, Vec<u8>> = BTreeMap::new();
    for _ in 0..source.below(20) {
        let window = if source.octet() < 200 { 0 } else { source.octet() };
        let bit = source.octet();
        let bits = windows.entry(window).or_default();
        bits.resize(bits.len().max(usize::from(bit / 8) + 1), 0);
        bits[usize::from(bit / 8)] |= 0x80 >> (bit % 8);
    }
    windows.into_iter().flat_map(|(window, bits)| [vec![window, bits.len() as u8], bits].concat()).collect()
}

fn prefix(source: &mut Source) -> Vec<u8> {
    let (family, most) = [(1, 4), (2, 16), (3, 20)][source.below(3)];
    let mut address = source.octets(most);
    address.truncate(source.below(most + 1));
    while address.last() == Some(&0) {
        address.pop();
    }
    let prefix = if family == 3 { source.octet() } else { source.below(most * 8 + 1) as u8 };
    [vec![0, family, prefix, source.octet() & 0x80 | address.len() as u8], address].concat()
}

fn parameters(source: &mut Source) -> Vec<u8> {
    let mut params: BTreeMap<u16, Vec<u8>> = BTreeMap::new();
    for _ in 0..source.below(6) {
        let key = if source.octet() < 180 { source.below(12) } else { source.below(65_535) } as u16;
        let count = 1 + source.below(3);
        let value = match key {
            0 | 2 => continue,
            1 => (0..count)
                .flat_map(|_| Some(source.text()).filter(|text| text[0] > 0).unwrap_or(vec![1, b',']))
                .collect(),
            3 => source.octets(2),
            4 => source.octets(4 * count),
            6 => source.octets(16 * count),
            7 => "/dns-query{?dns}\"\\".as_bytes()[..source.below(19)].to_vec(),
            8 => Vec::new(),
            _ => source.text(),
        };
        params.insert(key, value);
    }
    if params.contains_key(&1) && source.octet() < 128 {
        params.insert(2, Vec::new());
    }
    if !params.is_empty() && source.octet() < 128 {
        params.insert(0, params.keys().take(3).flat_map(|key| key.to_be_bytes()).collect());
    }
    let header = |key: u16, value: &[u8]| [key.to_be_bytes(), (value.len() as u16).to_be_bytes()].concat();
    params.iter().flat_map(|(key, value)| [header(*key, value), value.clone()].concat()).collect()
}

pub(crate) fn described() -> impl Strategy<Value = RecordType> {
    prop::sample::select(described_types().collect::<Vec<_>>())
}

fn assert_comes_back(rtype: RecordType, wire: &[u8]) -> Result<(), TestCaseError> {
    let printed = print_text(rtype, wire);
    let read =
        parse_text(rtype, &printed).map_err(|error| TestCaseError::fail(format!("{printed}: {error}")))?;
    prop_assert_eq!(&read[..], wire, "{} {}", rtype, printed);
    prop_assert!(printed.bytes().all(|octet| (0x20..0x7f).contains(&octet)), "{} {}", rtype, printed);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    /// Random RDATA, from the wire to text and back, is identical for every type of the table.
    #[test]
    fn wire_to_text_to_wire(rtype in described(), entropy in prop::collection::vec(any::<u8>(), 0..800)) {
        let wire = generate(rtype, &mut Source(entropy.into_iter()));
        prop_assert_eq!(check_wire(rtype, &wire), Ok(()), "{} {:02x?}", rtype, wire);
        assert_comes_back(rtype, &wire)?;
    }

    /// Text of every type of the table comes back from the wire as it was, and whatever else is read as the same
    /// record is printed like it: the form of RFC 3597, parentheses, other white space.
    #[test]
    fn text_to_wire_to_text(rtype in described(), entropy in prop::collection::vec(any::<u8>(), 0..400)) {
        let wire = generate(rtype, &mut Source(entropy.into_iter()));
        let text = print_text(rtype, &wire);
        let hex: String = wire.iter().map(|octet| format!("{octet:02x} ")).collect();
        let generic = format!("\\# {} {hex}", wire.len());
        for spelling in [text.clone(), format!("(\t{text}\n )"), generic] {
            let read = parse_text(rtype, &spelling);
            let read = read.map_err(|error| TestCaseError::fail(format!("{rtype} {spelling}: {error}")))?;
            prop_assert_eq!(print_text(rtype, &read), text.clone(), "{} {}", rtype, spelling);
        }
    }

    /// In a message without compression, expanding changes nothing, wherever the RDATA stands.
    #[test]
    fn expanding_what_is_not_compressed(
        rtype in described(),
        entropy in prop::collection::vec(any::<u8>(), 0..400),
        before in prop::collection::vec(any::<u8>(), 0..40),
        after in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let wire = generate(rtype, &mut Source(entropy.into_iter()));
        let message = [&before[..], &wire, &after].concat();
        let expanded = expand(rtype, &message, before.len(), wire.len());
        prop_assert_eq!(expanded.as_deref(), Ok(&wire[..]), "{}", rtype);
    }

    /// RFC 4034 section 6.2: the canonical form differs in nothing but the case of the names it lists.
    #[test]
    fn canonical_form(rtype in described(), entropy in prop::collection::vec(any::<u8>(), 0..400)) {
        let wire = generate(rtype, &mut Source(entropy.into_iter()));
        let form = canonical(rtype, &wire);
        prop_assert_eq!(canonical(rtype, &form), form.clone());
        let mut expected = wire.clone();
        for name in name_fields(rtype, &wire) {
            let range = name.start..name.start + name.length;
            let read = Name::from_wire(&wire[range.clone()]);
            prop_assert!(read.is_ok());
            prop_assert!(!name.compressible || name.lowercase);
            if name.lowercase {
                expected[range].copy_from_slice(read.expect("a name").to_lowercase().as_wire());
            }
        }
        prop_assert_eq!(&form[..], &expected[..]);
    }

    /// Any octets: nothing panics, what is valid comes back, what is not has no names.
    #[test]
    fn any_octets(rtype in described(), octets in prop::collection::vec(any::<u8>(), 0..60)) {
        let printed = print_text(rtype, &octets);
        if check_wire(rtype, &octets).is_ok() {
            assert_comes_back(rtype, &octets)?;
        } else {
            prop_assert!(printed.starts_with("\\# "));
            prop_assert_eq!(name_fields(rtype, &octets).count(), 0);
        }
        for start in 0..octets.len().min(8) {
            // Whatever comes out of a message is RDATA of the type.
            if let Ok(rdata) = expand(rtype, &octets, start, octets.len() - start) {
                prop_assert_eq!(check_wire(rtype, &rdata), Ok(()));
            }
        }
    }

    /// Any text: nothing panics, and what is read prints and reads again as the same.
    #[test]
    fn any_text(rtype in described(), text in "[ -~\t\n\\\\\"()é]{0,40}|([0-9a-zA-Z.:/=+,!@-]{1,9} ?){0,9}") {
        if let Ok(wire) = parse_text(rtype, &text) {
            prop_assert_eq!(check_wire(rtype, &wire), Ok(()));
            assert_comes_back(rtype, &wire)?;
        }
    }

    /// Opaque types (RFC 3597) keep every octet.
    #[test]
    fn opaque_types(number in 1000u16..30_000, octets in prop::collection::vec(any::<u8>(), 0..300)) {
        assert_comes_back(RecordType(number), &octets)?;
    }
}

/// Each property above draws a type; here each type has its turn, so that none is left to chance.
#[test]
fn every_type_has_its_turn() {
    let mut seed = 1u64;
    let mut octet = || {
        // Knuth's MMIX: any sequence will do that is the same each time.
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 56) as u8
    };
    for rtype in described_types() {
        for length in 0..60 {
            let entropy: Vec<u8> = (0..length * 10).map(|_| octet()).collect();
            let wire = generate(rtype, &mut Source(entropy.into_iter()));
            assert_eq!(check_wire(rtype, &wire), Ok(()), "{rtype} {wire:02x?}");
            assert_comes_back(rtype, &wire).unwrap();
        }
    }
}
