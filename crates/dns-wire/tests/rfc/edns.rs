//! RFC 6891: EDNS(0); RFC 3225: DO.

use crate::support::{Ask, Reply, ask, ask::raw, catalog};
use dns_wire::Client;
use zone_model::Catalog;

fn zone() -> Catalog {
    catalog(
        "
        example. SOA ns.example. admin.example. 1 7200 3600 1209600 60
        x.example. A 192.0.2.1
        cut.example. NS ns.elsewhere.test.
        far.example. CNAME nobody.test.",
    )
}

/// A query for `name` with these records behind the question, which are all of the additional section.
fn with(question: &[u8], records: &[&[u8]]) -> Vec<u8> {
    let mut octets = vec![0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, records.len() as u8];
    octets.extend_from_slice(question);
    octets.extend(records.iter().flat_map(|record| record.iter()));
    octets
}

const X: &[u8] = b"\x01x\x07example\x00\x00\x01\x00\x01";

/// An OPT: payload, extended RCODE, version, flags, RDATA.
fn opt(payload: u16, version: u8, flags: u16, rdata: &[u8]) -> Vec<u8> {
    let mut octets = vec![0, 0, 41];
    octets.extend_from_slice(&payload.to_be_bytes());
    octets.extend_from_slice(&[0, version]);
    octets.extend_from_slice(&flags.to_be_bytes());
    octets.extend_from_slice(&(rdata.len() as u16).to_be_bytes());
    octets.extend_from_slice(rdata);
    octets
}

fn send(octets: &[u8]) -> Reply {
    Reply::read(&raw(&zone(), octets, &Ask::new("x. A").client).expect("an answer"))
}

/// Section 6.1.1: "If an OPT record is present in a received request, compliant responders MUST include an OPT
/// record in their respective responses." Section 7: "Lack of presence of an OPT record in a request MUST be
/// taken as an indication that the requestor does not implement any part of this specification and that the
/// responder MUST NOT include an OPT record in its response."
#[test]
fn an_opt_is_answered_with_one() {
    for question in [
        "x.example. A",
        "no.example. A",
        "x.example. TXT",
        "www.cut.example. A",
        "far.example. A",
        "nobody.test. A",
        "example. AXFR",
        "x.example. OPT",
    ] {
        let opt = Ask::new(question).edns(4000).reply(&zone()).opt().expect(question);
        assert_eq!((opt.payload, opt.version, opt.flags), (1232, 0, 0), "{question}");
        assert_eq!(Ask::new(question).reply(&zone()).opt(), None, "{question}");
    }
}

/// Section 6.1.3: "If a responder does not implement the VERSION level of the request, then it MUST respond
/// with RCODE=BADVERS."
#[test]
fn another_version_is_badvers() {
    for version in [1, 2, 100, 255] {
        let reply = send(&with(X, &[&opt(1232, version, 0, &[])]));
        assert_eq!(reply.rcode(), 16);
        let opt = reply.opt().expect("an OPT");
        assert_eq!((opt.version, opt.rcode_high), (0, 1));
        assert!(reply.answers().is_empty() && !reply.flag('a'));
    }
}

/// Section 6.1.1: "If a query message with more than one OPT RR is received, a FORMERR (RCODE=1) MUST be
/// returned." It is an answer to an OPT, so it has one.
#[test]
fn several_are_a_format_error() {
    let one = opt(1232, 0, 0, &[]);
    let reply = send(&with(X, &[&one, &one]));
    assert_eq!(reply.rcode(), 1);
    assert!(reply.opt().is_some() && reply.parsed.question.is_some());
    // The version is looked at when the message can be read.
    assert_eq!(send(&with(X, &[&one, &opt(1232, 1, 0, &[])])).rcode(), 1);
}

/// Section 6.1.2: OPT is owned by the root; section 6.1.1: it stands in the additional section.
#[test]
fn an_opt_in_another_place_is_a_format_error() {
    let mut owned = opt(1232, 0, 0, &[]);
    owned.splice(0..1, *b"\x01a\x00");
    assert_eq!(send(&with(X, &[&owned])).rcode(), 1);
    for section in [7, 9] {
        let mut octets = with(X, &[&opt(1232, 0, 0, &[])]);
        octets[11] = 0;
        octets[section] = 1;
        assert_eq!(send(&octets).rcode(), 1);
    }
}

/// Section 7: "If there is a problem with processing the OPT record itself, such as an option value that is
/// badly formatted or that includes out-of-range values, a FORMERR MUST be returned. If this occurs, the
/// response MUST include an OPT record."
#[test]
fn an_option_that_is_cut_off_is_a_format_error_with_an_opt() {
    for rdata in [&[0u8, 3][..], &[0, 3, 0, 1], &[0, 3, 0, 0, 1], &[0, 10, 0xff, 0xff, 1]] {
        let reply = send(&with(X, &[&opt(1232, 0, 0, rdata)]));
        assert_eq!(reply.rcode(), 1, "{rdata:?}");
        assert!(reply.opt().is_some(), "{rdata:?}");
    }
}

/// Section 6.1.2: "Any OPTION-CODE values not understood by a responder or requestor MUST be ignored." Section
/// 6.1.4: Z is "ignored by receivers".
#[test]
fn unknown_options_and_flags_are_ignored() {
    for rdata in
        [&[0xfd, 0xe9, 0, 2, 1, 2][..], &[0, 3, 0, 0], &[0, 3, 0, 0, 0, 10, 0, 1, 7, 0xff, 0xff, 0, 0]]
    {
        let reply = send(&with(X, &[&opt(1232, 0, 0x7fff, rdata)]));
        assert_eq!((reply.rcode(), reply.answers().len()), (0, 1));
        let opt = reply.opt().expect("an OPT");
        assert_eq!((opt.flags, opt.rdlength), (0, 0));
    }
}

/// RFC 3225 section 3: "The DO bit of the query MUST be copied in the response."
#[test]
fn do_is_echoed() {
    for (flags, expected) in [(0, 0), (0x8000, 0x8000), (0xffff, 0x8000)] {
        assert_eq!(send(&with(X, &[&opt(1232, 0, flags, &[])])).opt().map(|opt| opt.flags), Some(expected));
    }
    assert_eq!(Ask::new("x.example. A").dnssec().reply(&zone()).opt().map(|opt| opt.flags), Some(0x8000));
}

/// Section 6.2.3: "Values lower than 512 MUST be treated as equal to 512"; section 6.2.5: the responder's own
/// limit holds too.
#[test]
fn both_sides_limit_the_payload() {
    let size = |payload: u16, records: usize| {
        let texts: String =
            (0..records).map(|at| format!("x.example. TXT {}{at:03}\n", "y".repeat(80))).collect();
        let zone =
            catalog(&format!("example. SOA ns.example. admin.example. 1 7200 3600 1209600 60\n{texts}"));
        let octets = with(b"\x01x\x07example\x00\x00\x10\x00\x01", &[&opt(payload, 0, 0, &[])]);
        let reply = Reply::read(&raw(&zone, &octets, &Ask::new("x. A").client).expect("an answer"));
        (reply.flag('t'), reply.octets.len())
    };
    // A record has 96 octets here, header, question and OPT 38.
    assert_eq!(size(0, 4), (false, 38 + 4 * 96));
    assert_eq!(size(0, 5), (true, 38));
    assert_eq!(size(511, 5), (true, 38));
    assert_eq!(size(518, 5), (false, 38 + 5 * 96));
    assert_eq!(size(517, 5), (true, 38));
    assert_eq!(size(65_535, 12), (false, 38 + 12 * 96));
    assert_eq!(size(65_535, 13), (true, 38));
}

/// RFC 1035 section 4.2.1: "Messages carried by UDP are restricted to 512 bytes", without EDNS.
#[test]
fn without_edns_the_limit_is_512() {
    let texts: String = (0..6).map(|at| format!("x.example. TXT {}{at:03}\n", "y".repeat(80))).collect();
    let zone = catalog(&format!("example. SOA ns.example. admin.example. 1 7200 3600 1209600 60\n{texts}"));
    assert!(Ask::new("x.example. TXT").reply(&zone).flag('t'));
    assert!(!Ask::new("x.example. TXT").tcp().reply(&zone).flag('t'));
}

/// The opcode is looked at first, then the EDNS version, then the number of questions.
#[test]
fn the_order_of_complaints() {
    let mut octets = with(X, &[&opt(1232, 1, 0, &[])]);
    octets[5] = 2;
    octets.splice(12..12, X.iter().copied());
    let badvers = send(&octets);
    assert_eq!((badvers.rcode(), badvers.parsed.question), (16, None));
    octets[2] = 5 << 3;
    let notimp = send(&octets);
    assert_eq!((notimp.rcode(), notimp.opt().is_some()), (4, true));
    octets[2] = 0;
    let version = octets.len() - 5;
    octets[version] = 0;
    let formerr = send(&octets);
    assert_eq!((formerr.rcode(), formerr.opt().is_some()), (1, true));
}

/// Before there is a catalogue every question that can be read is answered SERVFAIL, those that cannot as ever.
#[test]
fn without_a_catalogue_it_is_servfail() {
    let ask = |octets: &[u8]| {
        let mut sink: Vec<Vec<u8>> = Vec::new();
        let client: Client = Ask::new("x. A").client;
        dns_wire::answer::<Catalog>(None, octets, &client, &mut dns_wire::Scratch::new(), &mut sink);
        Reply::read(&sink.pop().expect("an answer"))
    };
    let reply = ask(&Ask::new("x.example. A").edns(1232).octets());
    ask::same(&reply, "SERVFAIL", "no catalogue");
    assert!(reply.opt().is_some() && reply.parsed.question.is_some());
    assert_eq!(ask(&with(X, &[&opt(1232, 1, 0, &[])])).rcode(), 16);
}
