//! RFC 8906 section 8: every query that can be answered is, and messages that are no queries.

use crate::support::{Ask, Reply, ask::raw, catalog};
use zone_model::Catalog;

fn zone() -> Catalog {
    catalog(
        "
        example. SOA ns.example. admin.example. 1 7200 3600 1209600 60
        example. A 192.0.2.1",
    )
}

fn send(octets: &[u8]) -> Option<Reply> {
    raw(&zone(), octets, &Ask::new("x. A").client).map(|octets| Reply::read(&octets))
}

const QUERY: &[u8] = b"\x12\x34\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x00\x00\x01\x00\x01";

fn changed(at: usize, to: u8) -> Vec<u8> {
    let mut octets = QUERY.to_vec();
    octets[at] = to;
    octets
}

/// Section 3.1.4: unknown opcodes are NOTIMP, NOTIFY and UPDATE too as long as nothing takes them; the opcode
/// and RD are repeated.
#[test]
fn other_opcodes_are_not_implemented() {
    for opcode in 1..16 {
        let reply = send(&changed(2, opcode << 3 | 1)).expect("an answer");
        assert_eq!((reply.rcode(), reply.flag('a')), (4, false));
        assert_eq!(reply.parsed.flags >> 8, 0x81 | u16::from(opcode) << 3);
        assert!(reply.parsed.question.is_some());
        // Whatever follows the header.
        let reply = send(&[&changed(2, opcode << 3)[..12], &[0xff; 3]].concat()).expect("an answer");
        assert_eq!((reply.rcode(), reply.parsed.question), (4, None));
    }
}

/// Section 3.1.3: unknown types are answered like any other: NODATA.
#[test]
fn unknown_types_are_answered() {
    for rtype in [1000u16, 65_279, 65_535] {
        let reply = Ask::of(&crate::support::name("example."), zone_model::RecordType(rtype)).reply(&zone());
        assert_eq!((reply.rcode(), reply.authority().len()), (0, 1));
    }
}

/// Section 3.1.2: header bits that are no concern of an authoritative server change nothing: AA, TC, RA, Z,
/// AD, CD, RCODE.
#[test]
fn bits_of_the_header_are_ignored() {
    for (at, bits) in [(2, 0x06), (3, 0xff)] {
        let reply = send(&changed(at, bits)).expect("an answer");
        assert_eq!((reply.rcode(), reply.answers().len()), (0, 1));
        assert_eq!(reply.parsed.flags, 0x8400);
    }
}

/// A response is answered with nothing, or two servers would answer each other for ever.
#[test]
fn responses_are_dropped() {
    for high in [0x80, 0x84, 0xf8, 0xff] {
        assert!(send(&changed(2, high)).is_none());
    }
}

/// Less than a header cannot be answered.
#[test]
fn less_than_a_header_is_dropped() {
    for length in 0..12 {
        assert!(send(&QUERY[..length]).is_none(), "{length}");
    }
}

/// RFC 1035 section 4.1.1: a message that cannot be read is FORMERR, and repeats no question.
#[test]
fn a_question_that_is_cut_off_is_a_format_error() {
    for length in 12..QUERY.len() {
        let reply = send(&QUERY[..length]).expect("an answer");
        assert_eq!(
            (reply.rcode(), reply.parsed.question.clone(), reply.octets.len()),
            (1, None, 12),
            "{length}"
        );
    }
}

/// RFC 9619 section 4: a query has at most one question; without one there is nothing to answer.
#[test]
fn one_question_is_asked() {
    for count in [0, 2, 3, 255] {
        let mut octets = changed(5, count);
        for _ in 1..count {
            octets.extend_from_slice(&QUERY[12..]);
        }
        let reply = send(&octets).expect("an answer");
        assert_eq!((reply.rcode(), reply.parsed.question), (1, None), "{count}");
    }
    let mut many = QUERY.to_vec();
    many[4] = 0xff;
    assert_eq!(send(&many).expect("an answer").rcode(), 1);
}

/// RFC 1035 section 4.1.4: a pointer leads to a prior name. In the first question there is none, and reserved
/// label types (RFC 6891 section 5) are no names.
#[test]
fn a_question_has_no_pointer() {
    for name in
        [&b"\xc0\x0c"[..], b"\xc0\x00", b"\xc0\xff", b"\x01a\xc0\x0c", b"\x41a\x00", b"\x80\x00", b"\xc0"]
    {
        let octets = [&QUERY[..12], name, b"\x00\x01\x00\x01"].concat();
        assert_eq!(send(&octets).expect("an answer").rcode(), 1, "{name:?}");
    }
    // A name of 256 octets.
    let long = [b"\x3f".as_slice(), &[b'a'; 63]].concat();
    let octets = [&QUERY[..12], &long, &long, &long, &long, b"\x00\x00\x01\x00\x01"].concat();
    assert_eq!(send(&octets).expect("an answer").rcode(), 1);
}

/// Owner names behind the question are stepped over, never followed: a pointer to itself, forwards, or into
/// nowhere costs nothing and reads nothing. What ends early is a format error.
#[test]
fn hostile_owners_are_stepped_over() {
    let with = |record: &[u8]| {
        let mut octets = [QUERY, record].concat();
        octets[11] = 1;
        send(&octets).expect("an answer").rcode()
    };
    let tail = b"\x00\x01\x00\x01\x00\x00\x00\x00\x00\x00";
    let at = QUERY.len() as u8;
    for owner in [&[0xc0, at][..], &[0xff, 0xff], &[0xc0, 0x00], &[1, b'a', 0xc0, at], &[0xc0, at + 2]] {
        assert_eq!(with(&[owner, tail].concat()), 0, "{owner:?}");
    }
    for record in
        [&[][..], &[0xc0], &[5, b'a'], &[0x40, 0], &[0], &[0, 0, 41], &[0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 9]]
    {
        assert_eq!(with(record), 1, "{record:?}");
    }
    // 65,535 records are claimed and none is there.
    let mut octets = QUERY.to_vec();
    octets[10..12].fill(0xff);
    assert_eq!(send(&octets).expect("an answer").rcode(), 1);
}

/// Records in the other sections, and octets behind the message, are of no concern.
#[test]
fn what_is_not_the_question_is_ignored() {
    let record = b"\x00\x00\x01\x00\x01\x00\x00\x00\x00\x00\x01\x00";
    for section in [7, 9, 11] {
        let mut octets = [QUERY, record].concat();
        octets[section] = 1;
        let reply = send(&octets).expect("an answer");
        assert_eq!((reply.rcode(), reply.answers().len()), (0, 1));
    }
    assert_eq!(send(&[QUERY, &[0xab; 100]].concat()).expect("an answer").answers().len(), 1);
}

/// Types that are no data cannot be asked for.
#[test]
fn types_that_are_no_questions() {
    for rtype in ["OPT", "TSIG", "TKEY"] {
        assert_eq!(Ask::new(&format!("example. {rtype}")).reply(&zone()).rcode(), 1, "{rtype}");
    }
}
