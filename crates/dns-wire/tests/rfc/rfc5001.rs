//! RFC 5001: the name server identifier option.

use crate::support::{Ask, Reply, catalog};
use dns_wire::{Client, Identity, Scratch, Transport, answer};
use zone_model::{Catalog, Timestamp};

const NSID: &[u8] = b"\x00\x03\x00\x00";

fn zone() -> Catalog {
    catalog(
        "example. SOA ns.example. admin.example. 1 7200 3600 1209600 60
        www.example. A 192.0.2.1
        far.example. CNAME nobody.test.",
    )
}

fn identity(nsid: &[u8]) -> Identity {
    Identity { nsid: nsid.to_vec(), ..Identity::default() }
}

/// A query with an OPT of these options.
fn with(question: &str, payload: u16, version: u8, options: &[u8]) -> Vec<u8> {
    let mut octets = Ask::new(question).octets();
    octets[11] = 1;
    octets.extend([0, 0, 41]);
    octets.extend(payload.to_be_bytes());
    octets.extend([0, version, 0, 0, 0, options.len() as u8]);
    octets.extend(options);
    octets
}

fn send(zone: &Catalog, octets: &[u8], identity: Identity, transport: Transport) -> Reply {
    let client = Client::new(transport, "192.0.2.7:4000".parse().expect("an address"), Timestamp(0));
    let mut sink: Vec<Vec<u8>> = Vec::new();
    answer(Some(zone), octets, &client, &mut Scratch::of(identity), &mut sink);
    Reply::read(&sink.pop().expect("an answer"))
}

/// The options of the message's OPT, which is its last record.
fn options(reply: &Reply) -> &[u8] {
    let length = usize::from(reply.opt().expect("an OPT").rdlength);
    &reply.octets[reply.octets.len() - length..]
}

/// Section 2.2: "A name server that understands the NSID option and chooses to honor a particular NSID request
/// responds by including identifying information in a NSID option in an EDNS OPT pseudo-RR in the response message":
/// with an answer of any kind, an error too.
#[test]
fn who_asks_is_told() {
    for (question, version) in [
        ("www.example. A", 0),
        ("no.example. A", 0),
        ("far.example. A", 0),
        ("example. A", 1),
        ("example. OPT", 0),
    ] {
        for transport in [Transport::Udp, Transport::Tcp] {
            let octets = with(question, 1232, version, NSID);
            let reply = send(&zone(), &octets, identity(b"node-3"), transport);
            assert_eq!(options(&reply), b"\x00\x03\x00\x06node-3", "{question}");
        }
    }
}

/// Section 2.1: "The name server MUST ignore any NSID payload data that might be present in the query message", and other
/// options before and behind it.
#[test]
fn what_the_query_says_in_it_does_not_matter() {
    for asked in [
        &b"\x00\x03\x00\x02me"[..],
        b"\x00\x0a\x00\x08abcdefgh\x00\x03\x00\x00",
        b"\x00\x03\x00\x00\xfd\xe9\x00\x00",
        b"\x00\x03\x00\x00\x00\x03\x00\x00",
    ] {
        let octets = with("www.example. A", 1232, 0, asked);
        let reply = send(&zone(), &octets, identity(b"\x00\xff"), Transport::Udp);
        assert_eq!(options(&reply), b"\x00\x03\x00\x02\x00\xff", "{asked:?}");
    }
}

/// Section 2.2: "a name server MUST NOT send an NSID option back to a resolver which did not request it", nor is there
/// one without an identifier.
#[test]
fn who_does_not_ask_is_told_nothing() {
    for asked in [&b""[..], b"\x00\x0a\x00\x08abcdefgh", b"\x03\x00\x00\x00", b"\xfd\xe9\x00\x03\x00\x03\x00"]
    {
        let octets = with("www.example. A", 1232, 0, asked);
        assert_eq!(options(&send(&zone(), &octets, identity(b"node-3"), Transport::Udp)), b"", "{asked:?}");
    }
    let octets = with("www.example. A", 1232, 0, NSID);
    assert_eq!(options(&send(&zone(), &octets, Identity::default(), Transport::Udp)), b"");
    let octets = Ask::new("www.example. A").octets();
    assert_eq!(send(&zone(), &octets, identity(b"node-3"), Transport::Udp).opt(), None);
}

/// Beside an extended error.
#[test]
fn beside_an_extended_error() {
    let reply = send(&zone(), &with("nobody.test. A", 1232, 0, NSID), identity(b"node-3"), Transport::Udp);
    assert_eq!(reply.rcode(), 5);
    assert_eq!(options(&reply), b"\x00\x0f\x00\x02\x00\x14\x00\x03\x00\x06node-3");
}

/// It is told as far as there is room: no record gives way to it, and the limit holds.
#[test]
fn no_record_gives_way_to_it() {
    let answer = |size: usize| {
        let zone = catalog(&format!(
            "example. SOA ns.example. admin.example. 1 7200 3600 1209600 60\nwww.example. TXT {0}\nwww.example. TXT {1}",
            "x".repeat(200),
            "y".repeat(size)
        ));
        let octets = with("www.example. TXT", 512, 0, NSID);
        let reply = send(&zone, &octets, identity(b"node-3"), Transport::Udp);
        assert!(!reply.flag('t') && reply.answers().len() == 2, "{reply}");
        (reply.octets.len(), options(&reply).len())
    };
    // Header, question and OPT have 40 octets here, the records 13 beside their texts.
    assert_eq!(answer(236), (512, 10));
    assert_eq!(answer(237), (503, 0));
    assert_eq!(answer(246), (512, 0));
}

/// An identifier has at most 255 octets here; of a longer one the first count.
#[test]
fn the_longest_identifier() {
    let reply = send(&zone(), &with("www.example. A", 1232, 0, NSID), identity(&[7; 300]), Transport::Udp);
    assert_eq!(options(&reply), [&b"\x00\x03\x00\xff"[..], &[7; 255]].concat());
}
