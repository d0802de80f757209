//! RFC 8482: answers to QTYPE ANY.

use crate::support::{Ask, ask::same, catalog, check};
use dns_wire::AnyAnswer;

const ZONE: &str = "
    example. SOA ns.example. admin.example. 1 7200 3600 1209600 60
    x.example. MX 10 mail.example.
    x.example. A 192.0.2.1
    x.example. A 192.0.2.2
    x.example. TXT text
    alias.example. CNAME x.example.
    *.w.example. TXT wild
    mail.example. A 192.0.2.25
    a.ent.example. A 192.0.2.3
    cut.example. NS ns.elsewhere.test.";

/// Section 4.1: a responder may "send a response with a single RRset (or a larger subset of available RRsets)
/// in the answer section": over UDP.
#[test]
fn one_rrset_over_udp() {
    check(
        &catalog(ZONE),
        "x.example. ANY",
        "NOERROR aa
        answer x.example. 300 A 192.0.2.1
        answer x.example. 300 A 192.0.2.2",
    );
}

/// Section 4.4: a responder may give "a conventional ANY response over TCP".
#[test]
fn everything_over_tcp() {
    same(
        &Ask::new("x.example. ANY").tcp().reply(&catalog(ZONE)),
        "NOERROR aa
        answer x.example. 300 A 192.0.2.1
        answer x.example. 300 A 192.0.2.2
        answer x.example. 300 MX 10 mail.example.
        answer x.example. 300 TXT \"text\"",
        "ANY over TCP",
    );
}

/// Section 4.1 and section 4.4 leave both to the operator: everything over UDP, or one RRset over TCP.
#[test]
fn how_much_is_configurable() {
    let all = "NOERROR aa
        answer x.example. 300 A 192.0.2.1
        answer x.example. 300 A 192.0.2.2
        answer x.example. 300 MX 10 mail.example.
        answer x.example. 300 TXT \"text\"";
    let one = "NOERROR aa
        answer x.example. 300 A 192.0.2.1
        answer x.example. 300 A 192.0.2.2";
    for (any, expected) in [(AnyAnswer::One, one), (AnyAnswer::All, all)] {
        for mut ask in [Ask::new("x.example. ANY"), Ask::new("x.example. ANY").tcp()] {
            ask.client.any = any;
            same(&ask.reply(&catalog(ZONE)), expected, "as configured");
        }
    }
}

/// RFC 1034 section 4.3.2 holds otherwise: an alias is not followed ("QTYPE doesn't match CNAME", and `*`
/// does), cuts refer, wildcards are matched, and what is not there is not there.
#[test]
fn any_is_matched_like_a_type() {
    let zone = catalog(ZONE);
    check(
        &zone,
        "alias.example. ANY",
        "NOERROR aa
        answer alias.example. 300 CNAME x.example.",
    );
    check(
        &zone,
        "a.w.example. ANY",
        "NOERROR aa
        answer a.w.example. 300 TXT \"wild\"",
    );
    let soa = "authority example. 60 SOA ns.example. admin.example. 1 7200 3600 1209600 60";
    check(&zone, "ent.example. ANY", &format!("NOERROR aa\n{soa}"));
    check(&zone, "no.example. ANY", &format!("NXDOMAIN aa\n{soa}"));
    check(
        &zone,
        "cut.example. ANY",
        "NOERROR
        authority cut.example. 300 NS ns.elsewhere.test.",
    );
}
