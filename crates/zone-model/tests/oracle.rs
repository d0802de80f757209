//! hickory-proto as an oracle: a typed implementation that shares no code with ours reads what we write, and we
//! read what it writes, compression included.

use hickory_proto::op::{Message, MessageType, OpCode, Query};
use hickory_proto::rr::rdata::{self as typed, caa::KeyValue, sshfp, svcb, tlsa};
use hickory_proto::rr::{Name as TypedName, RData, Record, RecordType as TypedType};
use zone_model::{RecordType, rdata, wire_length};

fn name(text: &str) -> TypedName {
    TypedName::from_ascii(text).expect("a name")
}

/// RDATA in text, and typed.
fn cases() -> Vec<(&'static str, RData)> {
    use svcb::{Alpn, IpHint, Mandatory, SvcParamKey as Key, SvcParamValue as Value, Unknown};
    let bytes = |text: &str| text.as_bytes().into();
    let parameters = vec![
        (Key::Mandatory, Value::Mandatory(Mandatory(vec![Key::Alpn, Key::Port]))),
        (Key::Alpn, Value::Alpn(Alpn(vec!["h2".into(), "h3".into()]))),
        (Key::NoDefaultAlpn, Value::NoDefaultAlpn),
        (Key::Port, Value::Port(8443)),
        (Key::Ipv4Hint, Value::Ipv4Hint(IpHint(vec!["192.0.2.1".parse().expect("an address")]))),
        (Key::Ipv6Hint, Value::Ipv6Hint(IpHint(vec!["2001:db8::1".parse().expect("an address")]))),
        (Key::Key(65_300), Value::Unknown(Unknown(b"x y".to_vec()))),
    ];
    let service = svcb::SVCB::new(1, name("svc.example.com."), parameters);
    let service_text = "1 svc.example.com. key65300=\"x y\" mandatory=port,alpn alpn=h2,h3 no-default-alpn \
                        port=8443 ipv4hint=192.0.2.1 ipv6hint=2001:db8::1";
    vec![
        ("192.0.2.1", RData::A(typed::A::new(192, 0, 2, 1))),
        ("2001:db8::ff", RData::AAAA(typed::AAAA::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0xff))),
        ("ns.Example.com.", RData::NS(typed::NS(name("ns.Example.com.")))),
        ("target.example.com.", RData::CNAME(typed::CNAME(name("target.example.com.")))),
        ("host.example.com.", RData::PTR(typed::PTR(name("host.example.com.")))),
        ("10 mail.www.example.com.", RData::MX(typed::MX::new(10, name("mail.www.example.com.")))),
        (
            "ns.example.com. admin.example.com. 2024010101 2h 900 1209600 300",
            RData::SOA(typed::SOA::new(
                name("ns.example.com."),
                name("admin.example.com."),
                2_024_010_101,
                7_200,
                900,
                1_209_600,
                300,
            )),
        ),
        ("1 2 443 srv.example.com.", RData::SRV(typed::SRV::new(1, 2, 443, name("srv.example.com.")))),
        (
            r#""v=spf1 -all" "" plain "\000\255""#,
            RData::TXT(typed::TXT::from_bytes(vec![b"v=spf1 -all", b"", b"plain", b"\x00\xff"])),
        ),
        ("VAX \"VMS 7\"", RData::HINFO(typed::HINFO::new("VAX".into(), "VMS 7".into()))),
        (
            r#"100 50 "s" "http+I2R" "!^.*$!x!" _http._tcp.example.com."#,
            RData::NAPTR(typed::NAPTR::new(
                100,
                50,
                bytes("s"),
                bytes("http+I2R"),
                bytes("!^.*$!x!"),
                name("_http._tcp.example.com."),
            )),
        ),
        (
            r#"128 issue "ca.example.net; policy=ev""#,
            RData::CAA(typed::CAA::new_issue(
                true,
                Some(name("ca.example.net")),
                vec![KeyValue::new("policy", "ev")],
            )),
        ),
        (
            "3 1 1 DEADBEEF",
            RData::TLSA(tlsa::TLSA::new(
                tlsa::CertUsage::DaneEe,
                tlsa::Selector::Spki,
                tlsa::Matching::Sha256,
                vec![0xde, 0xad, 0xbe, 0xef],
            )),
        ),
        (
            "4 2 00ff 10",
            RData::SSHFP(sshfp::SSHFP::new(
                sshfp::Algorithm::Ed25519,
                sshfp::FingerprintType::SHA256,
                vec![0, 255, 16],
            )),
        ),
        ("AQIDBA==", RData::OPENPGPKEY(typed::OPENPGPKEY::new(vec![1, 2, 3, 4]))),
        (
            "66 3 A NS AAAA TYPE1234",
            RData::CSYNC(typed::CSYNC::new(
                66,
                true,
                true,
                [TypedType::A, TypedType::NS, TypedType::AAAA, TypedType::Unknown(1234)],
            )),
        ),
        (service_text, RData::SVCB(service.clone())),
        (service_text, RData::HTTPS(typed::HTTPS(service))),
    ]
}

/// A message whose question and records share names, so that they are compressed.
fn message(data: &RData) -> Vec<u8> {
    let owner = name("www.example.com.");
    let mut message = Message::new(7, MessageType::Response, OpCode::Query);
    message.add_query(Query::query(owner.clone(), data.record_type()));
    for _ in 0..2 {
        message.add_answer(Record::from_rdata(owner.clone(), 300, data.clone()));
    }
    message.to_vec().expect("a message")
}

/// Where the RDATA of each answer stands: start and length.
fn answers(message: &[u8]) -> Vec<(usize, usize)> {
    let skip_name = |mut at: usize| loop {
        match message[at] {
            0 => return at + 1,
            192.. => return at + 2,
            length => at += usize::from(length) + 1,
        }
    };
    let mut at = skip_name(12) + 4;
    let count = u16::from_be_bytes([message[6], message[7]]);
    (0..count)
        .map(|_| {
            let fixed = skip_name(at);
            let length = usize::from(u16::from_be_bytes([message[fixed + 8], message[fixed + 9]]));
            at = fixed + 10 + length;
            (fixed + 10, length)
        })
        .collect()
}

#[test]
fn we_read_what_the_oracle_writes() {
    let mut compressed = 0;
    for (text, data) in cases() {
        let rtype = RecordType(data.record_type().into());
        let ours = rdata::parse_text(rtype, text).unwrap_or_else(|error| panic!("{rtype} {text}: {error}"));
        let message = message(&data);
        let answers = answers(&message);
        assert_eq!(answers.len(), 2);
        for (start, length) in answers {
            let read = rdata::expand(rtype, &message, start, length);
            assert_eq!(read, Ok(ours.clone()), "{rtype} {text}");
            compressed += usize::from(length < ours.len());
        }
    }
    assert!(compressed >= 10, "only {compressed} RDATA were compressed: the test shows little");
}

#[test]
fn the_oracle_reads_what_we_write() {
    for (text, data) in cases() {
        let rtype = RecordType(data.record_type().into());
        let ours = rdata::parse_text(rtype, text).unwrap_or_else(|error| panic!("{rtype} {text}: {error}"));
        let mut message = b"\x00\x07\x84\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00".to_vec();
        message.extend_from_slice(&rtype.0.to_be_bytes());
        message.extend_from_slice(b"\x00\x01\x00\x00\x01\x2c");
        message.extend_from_slice(&(ours.len() as u16).to_be_bytes());
        message.extend_from_slice(&ours);
        let read = Message::from_vec(&message).unwrap_or_else(|error| panic!("{rtype} {text}: {error}"));
        assert_eq!(read.answers[0].data, data, "{rtype} {text}");
    }
}

// === compression that is none ===

/// RFC 1035 section 4.1.4: a pointer leads to a prior occurrence of a name.
#[test]
fn pointers_lead_backwards() {
    let expand = |message: &[u8], start| rdata::expand(RecordType::NS, message, start, message.len() - start);
    assert_eq!(expand(b"\x01a\x00\x01b\xc0\x00", 3).as_deref(), Ok(&b"\x01b\x01a\x00"[..]));
    assert_eq!(expand(b"\x01a\x00\xc0\x00\xc0\x03", 5).as_deref(), Ok(&b"\x01a\x00"[..]));
    let refused: [(&[u8], usize); 9] = [
        (b"\xc0\x00", 0),                   // to itself
        (b"\x01b\xc0\x00", 0),              // to its own beginning
        (b"\xc0\x02\xc0\x00", 2),           // in a circle
        (b"\x01a\x00\xc0\x05\x01b\x00", 3), // forward
        (b"\x01a\x00\x01b\xc0", 3),         // cut off
        (b"\x01a\x00\x01b", 3),             // without an end
        (b"\x40a\x00\xc0\x00", 3),          // to a reserved label type
        (b"\x01a\x00\x80\x00", 3),          // a reserved label type
        (b"\x01a\x00\xc0\x00\x00", 3),      // octets behind it
    ];
    for (message, start) in refused {
        assert!(expand(message, start).is_err(), "{message:?}");
    }
    assert!(rdata::expand(RecordType::A, b"\x01\x02\x03\x04", 1, 4).is_err(), "beyond the message");
    assert!(rdata::expand(RecordType::A, b"\x01\x02\x03\x04", usize::MAX, 4).is_err());
}

/// RFC 3597 section 4: names of later types are not compressed, and those of unknown types are not looked at.
#[test]
fn later_types_are_not_expanded() {
    let message = b"\x01a\x00\x00\x01\xc0\x00";
    assert!(rdata::expand(RecordType::SVCB, message, 3, 4).is_err());
    assert_eq!(rdata::expand(RecordType(65_400), message, 3, 4).as_deref(), Ok(&message[3..]));
    // A name that grows beyond 255 octets is none.
    let mut long = [[b"\x3f".as_slice(), &[b'x'; 63]].concat().repeat(3), vec![0]].concat();
    let start = long.len();
    long.extend_from_slice(b"\x3e");
    long.extend_from_slice(&[b'y'; 62]);
    long.extend_from_slice(b"\xc0\x00");
    assert!(rdata::expand(RecordType::NS, &long, start, 65).is_err());
    assert_eq!(wire_length(&long), Ok(193));
}
