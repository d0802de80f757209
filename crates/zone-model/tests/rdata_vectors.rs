//! RDATA of every type that the table has, against vectors; and what is refused, with the reason given.

use data_encoding::HEXLOWER;
use std::collections::BTreeSet;
use zone_model::{RecordType, rdata};

/// Type, text, wire form.
fn vectors() -> impl Iterator<Item = (RecordType, &'static str, Vec<u8>)> {
    let lines = include_str!("rdata_vectors.txt").lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| {
        let (rtype, rest) = line.split_once('|').expect("a type");
        let (text, wire) = rest.rsplit_once('|').expect("a wire form");
        (rtype.parse().expect("a type"), text, HEXLOWER.decode(wire.as_bytes()).expect("hexadecimal"))
    })
}

#[test]
fn text_becomes_the_wire_form_and_comes_back() {
    for (rtype, text, wire) in vectors() {
        let read = rdata::parse_text(rtype, text).unwrap_or_else(|error| panic!("{rtype} {text}: {error}"));
        assert_eq!(HEXLOWER.encode(&read), HEXLOWER.encode(&wire), "{rtype} {text}");
        rdata::check_wire(rtype, &wire).unwrap_or_else(|error| panic!("{rtype} {text}: {error}"));
        let printed = rdata::print_text(rtype, &wire);
        assert_eq!(rdata::parse_text(rtype, &printed).as_deref(), Ok(&wire[..]), "{rtype} {printed}");
    }
}

#[test]
fn every_described_type_has_a_vector() {
    let tested: BTreeSet<_> = vectors().map(|(rtype, ..)| rtype).collect();
    for rtype in rdata::described_types() {
        assert!(tested.contains(&rtype), "{rtype} has no vector");
    }
}

/// RFC 3597 section 5: the generic form is read for every type, and gives the same octets.
#[test]
fn the_generic_form_is_read_for_every_type() {
    for (rtype, _, wire) in vectors() {
        let generic = format!("\\# {} {}", wire.len(), HEXLOWER.encode(&wire));
        assert_eq!(rdata::parse_text(rtype, &generic).as_deref(), Ok(&wire[..]), "{rtype} {generic}");
    }
}

/// Where no field goes to the end, an octet too few or too many is noticed.
#[test]
fn octets_too_few_and_too_many_are_noticed() {
    use RecordType as T;
    let open_ended = [
        T::TXT,
        T::SPF,
        T::AVC,
        T::NINFO,
        T::RESINFO,
        T::WALLET,
        T::ISDN,
        T::APL,
        T::HIP,
        T::SVCB,
        T::HTTPS,
        T::CAA,
        T::URI,
        T::NSAP,
        T::DS,
        T::CDS,
        T::TA,
        T::DLV,
        T::SSHFP,
        T::TLSA,
        T::SMIMEA,
        T::ZONEMD,
        T::CERT,
        T::KEY,
        T::DNSKEY,
        T::CDNSKEY,
        T::SIG,
        T::RRSIG,
        T::IPSECKEY,
        T::OPENPGPKEY,
        T::DHCID,
        T::NSEC,
        T::NSEC3,
        T::CSYNC,
    ];
    let mut closed = BTreeSet::new();
    for (rtype, _, wire) in vectors() {
        if open_ended.contains(&rtype) || !rdata::described_types().any(|own| own == rtype) {
            continue;
        }
        closed.insert(rtype);
        for length in 0..wire.len() {
            assert!(rdata::check_wire(rtype, &wire[..length]).is_err(), "{rtype} of {length} octets");
        }
        assert!(rdata::check_wire(rtype, &[&wire[..], &[1]].concat()).is_err(), "{rtype} and an octet");
    }
    assert_eq!(closed.len() + open_ended.len(), rdata::described_types().count());
}

#[test]
fn the_printed_form_is_the_usual_one() {
    let cases = [
        (RecordType::A, "192.0.2.1", "192.0.2.1"),
        (RecordType::AAAA, "2001:DB8:0:0::1", "2001:db8::1"),
        (RecordType::MX, "(\n 010 mail.Example.com )", "10 mail.Example.com."),
        (RecordType::SOA, "ns. host\\.master 1 1h 15M 1w2d 0", "ns. host\\.master. 1 3600 900 777600 0"),
        (
            RecordType::TXT,
            r#"v=spf1 "-all" a\;b \065 "" "\"\\\200""#,
            r#""v=spf1" "-all" "a;b" "A" "" "\"\\\200""#,
        ),
        (RecordType::TXT, "\"caf\u{e9}\"", r#""caf\195\169""#),
        (RecordType::CAA, "0 issue ca.example", r#"0 issue "ca.example""#),
        (RecordType::CAA, r#"0 issue """#, r#"0 issue """#),
        (
            RecordType::LOC,
            "42 21 54 N 71 6 18 W -24m 30m",
            "42 21 54.000 N 71 6 18.000 W -24.00m 30.00m 10000.00m 10.00m",
        ),
        (
            RecordType::RRSIG,
            "A RSASHA256 2 60 1048354263 0 1 a. AA==",
            "A 8 2 60 20030322173103 19700101000000 1 a. AA==",
        ),
        (RecordType::NSEC, "a. TYPE1 NSEC a", "a. A NSEC"),
        (RecordType::NSEC3PARAM, "1 0 0 -", "1 0 0 -"),
        (RecordType::CERT, "pkix 1 rsasha1 AA==", "1 1 5 AA=="),
        (
            RecordType::SVCB,
            "1 . port=53 alpn=h2,h3 mandatory=port,alpn",
            r#"1 . mandatory=alpn,port alpn="h2,h3" port=53"#,
        ),
        (RecordType::HTTPS, r#"1 . key3="\000\053" ohttp key65000"#, "1 . port=53 ohttp key65000"),
        (RecordType::HTTPS, "1 . ipv4hint=192.0.2.1,192.0.2.2", "1 . ipv4hint=192.0.2.1,192.0.2.2"),
        (RecordType::APL, "2:2001:db8::/32 !1:0.0.0.0/0", "2:2001:db8::/32 !1:0.0.0.0/0"),
        (RecordType::NSAP, "0x47.0005", "0x470005"),
        (RecordType::L64, "1 1:0:fe:AAAA", "1 0001:0000:00fe:aaaa"),
        (RecordType::IPSECKEY, "1 0 0 .", "1 0 0 ."),
        (RecordType(65_400), "\\# 3 0102 (03)", "\\# 3 010203"),
    ];
    for (rtype, text, want) in cases {
        let wire = rdata::parse_text(rtype, text).unwrap_or_else(|error| panic!("{rtype} {text}: {error}"));
        assert_eq!(rdata::print_text(rtype, &wire), want, "{rtype} {text}");
        assert_eq!(rdata::parse_text(rtype, want), Ok(wire), "{rtype} {want}");
    }
}

/// RFC 1035 section 3.3: a character-string has at most 255 octets; the older server split longer ones in TXT.
#[test]
fn long_texts_are_split_in_txt_alone() {
    let long = "k".repeat(600);
    let wire = rdata::parse_text(RecordType::TXT, &format!("\"{long}\"")).expect("a text");
    assert_eq!((wire[0], wire[256], wire[512], wire.len()), (255, 255, 90, 603));
    assert!(rdata::parse_text(RecordType::HINFO, &format!("\"{long}\" x")).is_err());
}

/// An error names the field, the token and what was expected.
#[test]
fn what_is_refused_says_where_and_why() {
    let cases = [
        (RecordType::A, "", "A address is missing: expected an IPv4 address"),
        (RecordType::A, "192.0.2", "A address: `192.0.2` (column 1) is not an IPv4 address"),
        (RecordType::A, "192.0.2.01", "is not an IPv4 address"),
        (RecordType::A, "192.0.2.1 192.0.2.2", "`192.0.2.2` (column 11) stands where the record should end"),
        (RecordType::AAAA, "192.0.2.1", "is not an IPv6 address"),
        (RecordType::MX, "mail.example.com.", "MX preference: `mail.example.com.`"),
        (RecordType::MX, "65536 mail.example.com.", "0 to 65535"),
        (RecordType::MX, "+1 mail.example.com.", "MX preference"),
        (RecordType::MX, "10", "MX exchange is missing: expected a domain name"),
        (
            RecordType::CNAME,
            "a..b.",
            "CNAME canonical name: `a..b.` (column 1) is not a domain name: the name has an empty label",
        ),
        (RecordType::CNAME, "@", "`@` has no origin here"),
        (RecordType::CNAME, "\"a.\"", "without quotes"),
        (RecordType::CNAME, "caf\u{e9}.", "outside ASCII"),
        (RecordType::SOA, "a. b. 1 2 3 4 1y", "SOA minimum: `1y`"),
        (RecordType::SOA, "1.1.1.1 2017042001 172800 900 1209600 3600", "SOA minimum is missing"),
        (RecordType::TXT, "", "TXT text is missing"),
        (RecordType::TXT, "v=DKIM1; k=rsa", "column 8: a bare `;`"),
        (RecordType::TXT, "\"v=spf1", "never closed"),
        (RecordType::TXT, "a\\256", "TXT text: `a\\256`"),
        (RecordType::CAA, "0 is-sue \"x\"", "CAA tag: `is-sue`"),
        (RecordType::CAA, "0 issue a b", "`b` (column 11) stands where the record should end, after value"),
        (RecordType::DS, "1 8 2 ABC", "DS digest: `ABC`"),
        (RecordType::DS, "1 8 2", "DS digest is missing"),
        (RecordType::DS, "1 NONE 2 AB", "DS algorithm: `NONE`"),
        (RecordType::ZONEMD, "1 1 1 ABCD", "at least 12 octets"),
        (RecordType::DNSKEY, "256 3 8 AQ=", "DNSKEY public key"),
        (RecordType::RRSIG, "A 8 2 60 20230229000000 0 1 a. AA==", "RRSIG expiration"),
        (RecordType::NSEC, "a. A BOGUS", "NSEC types: `BOGUS` (column 6) is not a record type"),
        (RecordType::LOC, "91 N 0 E 0m", "LOC location: `91`"),
        (RecordType::LOC, "90 0 0.001 N 0 E 0m", "LOC location"),
        (RecordType::EUI48, "00-00-5e-00-53", "EUI48 address"),
        (RecordType::IPSECKEY, "10 1 2 ::1 AQ==", "IPSECKEY gateway: `::1`"),
        (RecordType::APL, "1:192.0.2.0/33", "APL prefixes"),
        (RecordType::A, "\\# 3 010203", "A address, from octet 0 of the RDATA on"),
        (RecordType::A, "\\# 5 0102030405", "1 octets too many after address"),
        (RecordType::A, "\\# 4 0102", "4 octets in hexadecimal, as the length says, but 2"),
        (RecordType(65_400), "010203", "has no other text form"),
        (RecordType(65_400), "\"\\#\" 0", "has no other text form"),
        (RecordType(65_400), "\\# 0 00", "0 octets in hexadecimal"),
        (RecordType(65_400), "\\# 1", "RDATA is missing"),
    ];
    for (rtype, text, want) in cases {
        match rdata::parse_text(rtype, text) {
            Ok(wire) => panic!("{rtype} {text} was read as {wire:?}"),
            Err(error) => assert!(error.to_string().contains(want), "{rtype} {text} gave: {error}"),
        }
    }
}

/// RFC 9460 appendix D.3: failure cases.
#[test]
fn svcb_failures_of_rfc_9460() {
    let cases = [
        "1 foo.example.com. key123=abc key123=def",
        "1 foo.example.com. mandatory",
        "1 foo.example.com. alpn",
        "1 foo.example.com. port",
        "1 foo.example.com. ipv4hint",
        "1 foo.example.com. ipv6hint",
        "1 foo.example.com. no-default-alpn=abc",
        "1 foo.example.com. mandatory=key123",
        "1 foo.example.com. mandatory=mandatory",
        "1 foo.example.com. mandatory=key123,key123 key123=abc",
        // And beyond the appendix.
        "1 foo.example.com. no-default-alpn",
        "1 foo.example.com. alpn=h2,",
        "1 foo.example.com. port=65536",
        "1 foo.example.com. key65535=x",
        "1 foo.example.com. key01=x",
        "1 foo.example.com. alpn=\"h2\"x",
        "1 foo.example.com. unknown=x",
    ];
    for text in cases {
        assert!(rdata::parse_text(RecordType::SVCB, text).is_err(), "{text}");
    }
}

/// RFC 4034 section 6.2 and RFC 6840 section 5.1: which names are in lower case; RFC 3597 section 4: which may
/// be compressed.
#[test]
fn names_inside_rdata() {
    let cases = [
        (RecordType::NS, "NS.Example.", "ns.example.", vec![(0, 12, true, true, true)]),
        (RecordType::CNAME, "A.", "a.", vec![(0, 3, true, true, false)]),
        (
            RecordType::SOA,
            "A. B. 1 2 3 4 5",
            "a. b. 1 2 3 4 5",
            vec![(0, 3, true, true, false), (3, 3, true, true, false)],
        ),
        (RecordType::MX, "1 MX.", "1 mx.", vec![(2, 4, true, true, true)]),
        (RecordType::SRV, "1 2 3 S.", "1 2 3 s.", vec![(6, 3, false, true, true)]),
        (RecordType::AFSDB, "1 S.", "1 s.", vec![(2, 3, false, true, true)]),
        (RecordType::DNAME, "D.", "d.", vec![(0, 3, false, true, false)]),
        (RecordType::NAPTR, "1 2 A B C R.", "1 2 A B C r.", vec![(10, 3, false, true, false)]),
        (
            RecordType::RRSIG,
            "A 8 1 60 0 0 1 S. AA==",
            "A 8 1 60 0 0 1 s. AA==",
            vec![(18, 3, false, true, false)],
        ),
        (RecordType::NSEC, "N. A", "N. A", vec![(0, 3, false, false, false)]),
        (RecordType::SVCB, "1 T.", "1 T.", vec![(2, 3, false, false, true)]),
        (
            RecordType::HIP,
            "1 AA AAAA A. B.",
            "1 AA AAAA A. B.",
            vec![(8, 3, false, false, false), (11, 3, false, false, false)],
        ),
        (RecordType::TXT, "A.", "A.", vec![]),
        (RecordType::A, "192.0.2.1", "192.0.2.1", vec![]),
        (RecordType(65_400), "\\# 2 0141", "\\# 2 0141", vec![]),
    ];
    for (rtype, text, canonical, want) in cases {
        let wire = rdata::parse_text(rtype, text).unwrap_or_else(|error| panic!("{rtype} {text}: {error}"));
        let names: Vec<_> = rdata::name_fields(rtype, &wire)
            .map(|name| (name.start, name.length, name.compressible, name.lowercase, name.additional))
            .collect();
        assert_eq!(names, want, "{rtype} {text}");
        assert_eq!(Ok(rdata::canonical(rtype, &wire)), rdata::parse_text(rtype, canonical), "{rtype} {text}");
        // Octets that are no RDATA of the type have no names.
        assert_eq!(rdata::name_fields(rtype, &wire[..wire.len() - 1]).count(), 0, "{rtype} {text}");
    }
}

/// What is valid on the wire but has no text form of its own is printed in the generic form.
#[test]
fn what_text_cannot_hold_is_generic() {
    let mut location = rdata::parse_text(RecordType::LOC, "1 N 1 E 0m").expect("a location");
    location[1] = 0x05;
    let family = vec![0, 3, 8, 1, 9];
    for (rtype, wire) in [(RecordType::LOC, &location[..]), (RecordType::APL, &family)] {
        rdata::check_wire(rtype, wire).expect("valid");
        let printed = rdata::print_text(rtype, wire);
        assert!(printed.starts_with("\\# "), "{printed}");
        assert_eq!(rdata::parse_text(rtype, &printed).as_deref(), Ok(wire));
    }
    assert_eq!(rdata::print_text(RecordType::A, &[1, 2, 3]), "\\# 3 010203");
    assert_eq!(rdata::print_text(RecordType::NULL, &[]), "\\# 0");
}

#[test]
fn names_below_an_origin() {
    let origin = "example.com.".parse().expect("a name");
    let below = |text| rdata::parse_text_below(RecordType::MX, text, &origin).expect("an exchange");
    assert_eq!(rdata::print_text(RecordType::MX, &below("1 mail")), "1 mail.example.com.");
    assert_eq!(rdata::print_text(RecordType::MX, &below("1 @")), "1 example.com.");
    assert_eq!(rdata::print_text(RecordType::MX, &below("1 mail.")), "1 mail.");
}

/// The types that zones have, those that are obsolete included: each has a text form of its own, but NULL, which
/// never had one (RFC 1035 section 3.3.10).
#[test]
fn the_types_that_are_known_by_their_fields() {
    let all = "A NS MD MF CNAME SOA MB MG MR PTR HINFO MINFO MX TXT RP AFSDB X25 ISDN RT NSAP SIG KEY PX AAAA LOC SRV \
               NAPTR KX CERT DNAME APL DS SSHFP IPSECKEY RRSIG NSEC DNSKEY DHCID NSEC3 NSEC3PARAM TLSA SMIMEA HIP CDS \
               CDNSKEY OPENPGPKEY CSYNC ZONEMD SVCB HTTPS SPF NID L32 L64 LP EUI48 EUI64 URI CAA AVC AMTRELAY RESINFO \
               WALLET DSYNC";
    let described: Vec<RecordType> = rdata::described_types().collect();
    for word in all.split_whitespace() {
        let rtype: RecordType = word.parse().unwrap();
        assert!(described.contains(&rtype), "{word}");
    }
    assert_eq!(rdata::parse_text("NULL".parse().unwrap(), "\\# 2 00ff").as_deref(), Ok(&[0, 255][..]));
}
