//! RFC 4892: a mechanism for identifying a name server instance; names of class CHAOS.

use crate::support::{Ask, Reply, catalog};
use dns_wire::{Identity, Scratch, answer};
use zone_model::Catalog;

fn zone() -> Catalog {
    catalog("example. SOA ns.example. admin.example. 1 7200 3600 1209600 60\nbind. SOA x. x. 1 2 3 4 5")
}

fn speaking() -> Identity {
    Identity { version: b"stream-dns".to_vec(), hostname: b"node-3".to_vec(), ..Identity::default() }
}

fn send(ask: &Ask, identity: Identity) -> Vec<u8> {
    let mut sink: Vec<Vec<u8>> = Vec::new();
    answer(Some(&zone()), &ask.octets(), &ask.client, &mut Scratch::of(identity), &mut sink);
    sink.pop().expect("an answer")
}

/// RCODE, AA, and the text of the one record of class CHAOS, type TXT, TTL 0 and the question's name.
fn told(octets: &[u8], name_length: usize) -> (u8, bool, Option<&[u8]>) {
    let (rcode, authoritative) = (octets[3] & 0xf, octets[2] & 4 != 0);
    let text = match octets[7] {
        0 => None,
        _ => {
            let record = &octets[12 + name_length + 4..];
            assert_eq!(record[..10], *b"\xc0\x0c\x00\x10\x00\x03\x00\x00\x00\x00");
            let length = usize::from(record[12]);
            assert_eq!(record[10..12], (length as u16 + 1).to_be_bytes());
            Some(&record[13..13 + length])
        }
    };
    (rcode, authoritative, text)
}

/// Section 2: the `.server` names beside those that BIND introduced; whatever their case.
#[test]
fn what_was_configured_is_told() {
    for (name, text) in [
        ("version.bind.", &b"stream-dns"[..]),
        ("version.server.", b"stream-dns"),
        ("Id.Server.", b"node-3"),
        ("HOSTNAME.BIND.", b"node-3"),
    ] {
        for ask in
            [Ask::new(&format!("{name} TXT")).class(3), Ask::new(&format!("{name} ANY")).class(3).tcp()]
        {
            assert_eq!(told(&send(&ask, speaking()), name.len() + 1), (0, true, Some(text)), "{name}");
            let with_edns = send(&ask.clone().edns(1232), speaking());
            assert_eq!(told(&with_edns, name.len() + 1), (0, true, Some(text)), "{name}");
            assert_eq!(with_edns[11], 1, "an OPT");
        }
    }
}

/// Nothing is told of what was not configured: both by default. Section 3: "this mechanism needs to be made
/// configurable".
#[test]
fn off_by_default() {
    for name in ["version.bind.", "version.server.", "id.server.", "hostname.bind."] {
        let reply = Reply::read(&send(&Ask::new(&format!("{name} TXT")).class(3), Identity::default()));
        assert_eq!((reply.rcode(), reply.flag('a'), reply.answers().len()), (5, false, 0), "{name}");
    }
    let only_version = Identity { hostname: Vec::new(), ..speaking() };
    let reply = Reply::read(&send(&Ask::new("id.server. TXT").class(3), only_version.clone()));
    assert_eq!(reply.rcode(), 5);
    assert_eq!(told(&send(&Ask::new("version.bind. TXT").class(3), only_version), 14).0, 0);
}

/// Other types of these names have no data; transfers, other names, and other classes are refused, or a zone's.
#[test]
fn nothing_else_is_there() {
    let reply = Reply::read(&send(&Ask::new("version.bind. A").class(3), speaking()));
    assert_eq!((reply.rcode(), reply.flag('a'), reply.answers().len()), (0, true, 0));
    for (question, class) in [
        ("version.bind. AXFR", 3),
        ("version.bind. OPT", 3),
        ("bind. TXT", 3),
        ("x.version.bind. TXT", 3),
        ("example. SOA", 3),
        ("version.bind. TXT", 4),
        ("version.bind. TXT", 254),
    ] {
        let reply = Reply::read(&send(&Ask::new(question).class(class), speaking()));
        assert_eq!((reply.rcode(), reply.flag('a')), (5, false), "{question} of class {class}");
    }
    let reply = Reply::read(&send(&Ask::new("version.bind. TXT"), speaking()));
    assert_eq!((reply.rcode(), reply.authority().len()), (3, 1), "class IN");
}

/// A node says who it is before it has been in step with its log, and to queries of another EDNS version nothing.
#[test]
fn before_there_is_a_catalogue() {
    let ask = Ask::new("id.server. TXT").class(3);
    let mut sink: Vec<Vec<u8>> = Vec::new();
    answer::<Catalog>(None, &ask.octets(), &ask.client, &mut Scratch::of(speaking()), &mut sink);
    assert_eq!(told(&sink[0], 11), (0, true, Some(&b"node-3"[..])));
}

/// The longest text fits without EDNS, and no longer one is told.
#[test]
fn the_longest_text() {
    let identity = Identity { version: vec![b'x'; 300], ..Identity::default() };
    let octets = send(&Ask::new("version.server. TXT").class(3), identity);
    assert_eq!(told(&octets, 16), (0, true, Some(&[b'x'; 255][..])));
}
