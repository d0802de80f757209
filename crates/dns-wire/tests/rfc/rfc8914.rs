//! RFC 8914: extended errors.

use crate::support::{Ask, Reply, ask::raw, catalog};
use dns_wire::{Scratch, answer};
use zone_model::Catalog;

fn zone() -> Catalog {
    catalog(
        "example. SOA ns.example. admin.example. 1 7200 3600 1209600 60\nalias.example. CNAME nobody.test.",
    )
}

/// The INFO-CODE that the message ends with, and that its OPT has nothing else.
fn code(reply: &Reply) -> Option<u16> {
    match reply.opt().expect("an OPT").rdlength {
        0 => None,
        6 => match reply.octets[reply.octets.len() - 6..] {
            [0, 15, 0, 2, high, low] => Some(u16::from_be_bytes([high, low])),
            _ => panic!("another option: {reply}"),
        },
        other => panic!("{other} octets of options: {reply}"),
    }
}

/// Section 4.21: "An authoritative server that receives a query with the Recursion Desired (RD) bit clear, or when
/// it is not configured for recursion for a domain for which it is not authoritative, SHOULD include this EDE code
/// in the response" (20, Not Authoritative).
#[test]
fn names_of_nobody_here() {
    for ask in [Ask::new("nobody.test. A").edns(1232), Ask::new("nobody.test. A").edns(512).desiring()] {
        let reply = ask.reply(&zone());
        assert_eq!((reply.rcode(), code(&reply)), (5, Some(20)));
    }
}

/// Section 4.22: "The requested operation or query is not supported" (21).
#[test]
fn what_is_not_served() {
    for ask in [Ask::new("example. AXFR").edns(1232).tcp(), Ask::new("example. A").edns(1232).class(3)] {
        let reply = ask.reply(&zone());
        assert_eq!((reply.rcode(), code(&reply)), (5, Some(21)));
    }
    let mut octets = Ask::new("example. A").edns(1232).octets();
    octets[2] = 5 << 3;
    let reply = Reply::read(&raw(&zone(), &octets, &Ask::new("x. A").client).expect("an answer"));
    assert_eq!((reply.rcode(), code(&reply)), (4, Some(21)));
}

/// Section 4.15: "The server is unable to answer the query, as it was not fully functional when the query was
/// received" (14, Not Ready).
#[test]
fn before_there_is_a_catalogue() {
    let ask = Ask::new("example. A").edns(1232);
    let mut sink: Vec<Vec<u8>> = Vec::new();
    answer::<Catalog>(None, &ask.octets(), &ask.client, &mut Scratch::new(), &mut sink);
    let reply = Reply::read(&sink[0]);
    assert_eq!((reply.rcode(), code(&reply)), (2, Some(14)));
}

/// Section 2: it is an EDNS option, so who does not speak EDNS is told nothing; and an answer needs none.
#[test]
fn without_edns_and_without_an_error_there_is_none() {
    assert_eq!(Ask::new("nobody.test. A").reply(&zone()).opt(), None);
    for question in ["example. SOA", "example. A", "no.example. A", "alias.example. A"] {
        assert_eq!(code(&Ask::new(question).edns(1232).reply(&zone())), None, "{question}");
    }
}

/// The longest question there is leaves room for it.
#[test]
fn the_longest_question() {
    let name = ["x".repeat(63), "y".repeat(63), "z".repeat(63), "w".repeat(61)].join(".") + ".";
    let reply = Ask::new(&format!("{name} A")).edns(512).reply(&zone());
    assert_eq!((reply.rcode(), code(&reply), reply.octets.len()), (5, Some(20), 12 + 255 + 4 + 11 + 6));
}
