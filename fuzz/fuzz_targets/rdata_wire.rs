//! Any octets as RDATA of the type that the first two name: on the wire, within a message, and as text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use zone_model::{Name, RecordType, rdata};

fuzz_target!(|octets: &[u8]| {
    let [high, low, wire @ ..] = octets else { return };
    let number = u16::from_be_bytes([*high, *low]);
    // Every other number is that of a type with a layout.
    let described = rdata::described_types().nth(usize::from(number >> 1) % rdata::described_types().count());
    let rtype = described.filter(|_| number & 1 == 0).unwrap_or(RecordType(number));
    let text = rdata::print_text(rtype, wire);
    assert!(text.bytes().all(|octet| (0x20..0x7f).contains(&octet)), "{text}");
    if rdata::check_wire(rtype, wire).is_ok() {
        let read = rdata::parse_text(rtype, &text);
        assert_eq!(read.as_deref(), Ok(wire), "{rtype} {text}");
        let origin: Name = "example.com.".parse().expect("a name");
        let relative = rdata::print_text_below(rtype, wire, &origin);
        // Names relative to the origin come back in the origin's case.
        let read = rdata::parse_text_below(rtype, &relative, &origin);
        let read = read.unwrap_or_else(|error| panic!("{rtype} {relative}: {error}"));
        assert!(read.eq_ignore_ascii_case(wire), "{rtype} {relative}");
        let canonical = rdata::canonical(rtype, wire);
        assert!(canonical.eq_ignore_ascii_case(wire) && rdata::canonical(rtype, &canonical) == canonical);
        for name in rdata::name_fields(rtype, wire) {
            Name::from_wire(&wire[name.start..name.start + name.length]).expect("a name");
        }
        assert_eq!(rdata::expand(rtype, wire, 0, wire.len()).as_deref(), Ok(wire));
    }
    // Within a message, where names may be compressed.
    for start in [0, 12.min(wire.len()), wire.len() / 2] {
        if let Ok(expanded) = rdata::expand(rtype, wire, start, wire.len() - start) {
            assert_eq!(rdata::check_wire(rtype, &expanded), Ok(()), "{rtype}");
        }
    }
    if let Ok(text) = std::str::from_utf8(wire)
        && let Ok(read) = rdata::parse_text(rtype, text)
    {
        assert_eq!(rdata::check_wire(rtype, &read), Ok(()), "{rtype} {text}");
        let printed = rdata::print_text(rtype, &read);
        assert_eq!(rdata::parse_text(rtype, &printed).as_deref(), Ok(&read[..]), "{rtype} {printed}");
    }
});
