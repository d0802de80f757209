//! Names: text, wire form, order, and what lies below what.

use proptest::prelude::*;
use std::collections::HashSet;
use zone_model::{MAX_LABEL, MAX_NAME, Name, NameError, wire_length};

fn name(text: &str) -> Name {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Names of any octets, short labels and long ones.
fn any_name() -> impl Strategy<Value = Name> {
    let octet = prop_oneof![prop::sample::select(&b"aAbBzZ.\\\"@$;()* 019\x00\x01\x02\xff"[..]), any::<u8>()];
    let label = prop_oneof![9 => prop::collection::vec(octet.clone(), 1..4), 1 => prop::collection::vec(octet, 1..=63)];
    prop::collection::vec(label, 0..7)
        .prop_map(|labels| labels.iter().fold(Name::root(), |name, label| name.child(label).unwrap_or(name)))
}

// === text ===

/// RFC 1035 section 5.1, RFC 4343 section 2.1: `\X` is the character, `\DDD` the octet.
#[test]
fn escapes() {
    let cases: [(&str, &[&[u8]]); 8] = [
        (".", &[]),
        ("example.com", &[b"example", b"com"]),
        ("example.com.", &[b"example", b"com"]),
        (r"a\.b.c.", &[b"a.b", b"c"]),
        (r"\065\000\255.", &[b"A\x00\xff"]),
        (r"\\\a\;.", &[br"\a;"]),
        ("*.a_b.", &[b"*", b"a_b"]),
        (r"a\032b.", &[b"a b"]),
    ];
    for (text, labels) in cases {
        assert_eq!(name(text).labels().collect::<Vec<_>>(), labels, "{text}");
    }
    assert_eq!(name(r"a\.B\032\@\255.").to_string(), r"a\.B\032\@\255.");
}

#[test]
fn what_is_no_name() {
    let cases = [
        ("", NameError::Empty),
        ("..", NameError::EmptyLabel),
        (".a", NameError::EmptyLabel),
        ("a..b", NameError::EmptyLabel),
        (r"\256.", NameError::BadEscape),
        (r"\25.", NameError::BadEscape),
        (r"a\", NameError::BadEscape),
        ("caf\u{e9}.", NameError::NotAscii),
        ("\\\u{e9}.", NameError::NotAscii),
    ];
    for (text, error) in cases {
        assert_eq!(text.parse::<Name>(), Err(error), "{text}");
    }
}

/// RFC 1035 section 2.3.4: 63 octets a label, 255 a name.
#[test]
fn limits() {
    let label = "x".repeat(MAX_LABEL);
    let longest = format!("{label}.{label}.{label}.{}.", "y".repeat(61));
    assert_eq!(name(&longest).as_wire().len(), MAX_NAME);
    assert_eq!(
        format!("{label}.{label}.{label}.{}.", "y".repeat(62)).parse::<Name>(),
        Err(NameError::TooLong)
    );
    assert_eq!(format!("{label}x.").parse::<Name>(), Err(NameError::LabelTooLong));
    assert_eq!(name(&longest).child(b"z"), Err(NameError::TooLong));
    assert_eq!(Name::root().child(&[0; 64]), Err(NameError::LabelTooLong));
    assert_eq!(Name::root().child(b""), Err(NameError::EmptyLabel));
    assert_eq!(name(&"a.".repeat(127)).label_count(), 127);
    assert_eq!("a.".repeat(128).parse::<Name>(), Err(NameError::TooLong));
}

#[test]
fn relative_names() {
    let origin = name("example.com.");
    let cases = [
        ("@", "example.com."),
        ("a", "a.example.com."),
        ("a.", "a."),
        (r"\@", r"\@.example.com."),
        (".", "."),
    ];
    for (text, want) in cases {
        assert_eq!(Name::parse_relative(text, Some(&origin)), Ok(name(want)), "{text}");
    }
}

// === wire ===

#[test]
fn wire_forms() {
    assert_eq!(Name::read_wire(b"\x01a\x00rest"), Ok((name("a."), 3)));
    assert_eq!(Name::from_wire(b"\x01a\x00x"), Err(NameError::TooLong));
    for (octets, error) in [
        (&b""[..], NameError::Truncated),
        (b"\x01a", NameError::Truncated),
        (b"\x02a", NameError::Truncated),
        (b"\xc0\x00", NameError::BadLabelType),
        (b"\x40", NameError::BadLabelType),
        (&[1; 300], NameError::TooLong),
    ] {
        assert_eq!(wire_length(octets), Err(error), "{octets:?}");
    }
    assert_eq!(
        wire_length(
            name(&format!("{}.", ["x".repeat(61), "y".repeat(63), "z".repeat(63), "w".repeat(63)].join(".")))
                .as_wire()
        ),
        Ok(255)
    );
}

// === order ===

/// The example of RFC 4034 section 6.1, in its order.
#[test]
fn canonical_order() {
    let ordered = [
        "example.",
        "a.example.",
        "yljkjljk.a.example.",
        "Z.a.example.",
        "zABC.a.EXAMPLE.",
        "z.example.",
        r"\001.z.example.",
        "*.z.example.",
        r"\200.z.example.",
    ];
    for pair in ordered.windows(2) {
        assert!(name(pair[0]) < name(pair[1]), "{} {}", pair[0], pair[1]);
        assert!(name(pair[0]).sort_key() < name(pair[1]).sort_key(), "{} {}", pair[0], pair[1]);
    }
}

#[test]
fn above_and_below() {
    let (apex, www) = (name("Example.com."), name("www.example.COM."));
    assert!(www.is_below(&apex) && www.is_at_or_below(&apex) && apex.is_at_or_below(&name("example.com.")));
    assert!(!apex.is_below(&name("example.com.")) && !apex.is_at_or_below(&www));
    assert!(!name("badexample.com.").is_at_or_below(&apex) && www.is_below(&Name::root()));
    assert_eq!((www.parent(), Name::root().parent()), (Some(apex.clone()), None));
    assert_eq!((www.ancestor(2), www.ancestor(0), www.ancestor(9)), (apex, Name::root(), www.clone()));
    assert!(name("*.a.").is_wildcard() && !name("a.*.").is_wildcard() && !name("**.").is_wildcard());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn text_and_wire_come_back(name in any_name()) {
        let text = name.to_string();
        prop_assert!(text.bytes().all(|octet| (0x21..0x7f).contains(&octet)), "{}", text);
        for read in [Name::parse(&text), Name::from_wire(name.as_wire())] {
            prop_assert_eq!(read.map(|name| name.as_wire().to_vec()), Ok(name.as_wire().to_vec()));
        }
        prop_assert_eq!(Name::from_sort_key(&name.sort_key()).map(|name| name.as_wire().to_vec()),
            Ok(name.to_lowercase().as_wire().to_vec()));
        prop_assert_eq!(name.label_count(), name.labels().count());
    }

    /// RFC 4343: case does not count. Order, equality and hashing agree, and a sort key compares like its name;
    /// it is a prefix of the keys of exactly the names at or below.
    #[test]
    fn order_agrees(a in any_name(), b in any_name()) {
        let upper = Name::from_wire(&a.as_wire().to_ascii_uppercase()).expect("a name");
        prop_assert!(upper == a && upper.cmp(&a).is_eq());
        prop_assert!(HashSet::from([a.clone()]).contains(&upper));
        prop_assert_eq!(a.cmp(&b), a.sort_key().cmp(&b.sort_key()));
        prop_assert_eq!(a.cmp(&b).is_eq(), a == b);
        prop_assert_eq!(a.is_at_or_below(&b), a.sort_key().starts_with(&b.sort_key()));
        let below = b.labels().map(<[u8]>::to_ascii_lowercase).collect::<Vec<_>>();
        let own = a.labels().map(<[u8]>::to_ascii_lowercase).collect::<Vec<_>>();
        prop_assert_eq!(a.is_at_or_below(&b), own.ends_with(&below));
    }

    #[test]
    fn any_text_and_any_octets(text in "[a-c.\\\\0-9\"é@]{0,20}", octets in prop::collection::vec(0u8..70, 0..40)) {
        if let Ok(name) = Name::parse(&text) {
            prop_assert_eq!(Name::parse(&name.to_string()), Ok(name));
        }
        if let Ok((name, length)) = Name::read_wire(&octets) {
            prop_assert_eq!(name.as_wire(), &octets[..length]);
        }
        let _ = Name::from_sort_key(&octets);
    }
}
