//! RFC 4592: wildcards.

use crate::support::{Ask, catalog, check};

/// Section 2.2.1, the zone and the questions of the RFC.
const ZONE: &str = "
    example. 3600 SOA ns.example.com. admin.example.com. 1 7200 3600 1209600 60
    example. 3600 NS ns.example.com.
    example. 3600 NS ns.example.net.
    *.example. 3600 TXT \"this is a wildcard\"
    *.example. 3600 MX 10 host1.example.
    sub.*.example. 3600 TXT \"this is not a wildcard\"
    host1.example. 3600 A 192.0.2.1
    _ssh._tcp.host1.example. 3600 SRV 0 0 22 host1.example.
    _ssh._tcp.host2.example. 3600 SRV 0 0 22 host2.example.
    subdel.example. 3600 NS ns.example.com.
    subdel.example. 3600 NS ns.example.net.";
const NODATA: &str = "NOERROR aa
    authority example. 60 SOA ns.example.com. admin.example.com. 1 7200 3600 1209600 60";
const NXDOMAIN: &str = "NXDOMAIN aa
    authority example. 60 SOA ns.example.com. admin.example.com. 1 7200 3600 1209600 60";

/// "The following responses would be synthesized from one of the wildcards in the zone".
#[test]
fn synthesised() {
    let zone = catalog(ZONE);
    check(
        &zone,
        "host3.example. MX",
        "NOERROR aa
        answer host3.example. 3600 MX 10 host1.example.
        additional host1.example. 3600 A 192.0.2.1",
    );
    // "the answer will reflect 'no error, but no data' because there is no A RR set at '*.example.'".
    check(&zone, "host3.example. A", NODATA);
    check(
        &zone,
        "foo.bar.example. TXT",
        "NOERROR aa
        answer foo.bar.example. 3600 TXT \"this is a wildcard\"",
    );
}

/// "The following responses would not be synthesized from any of the wildcards in the zone".
#[test]
fn not_synthesised() {
    let zone = catalog(ZONE);
    // "because host1.example. exists"
    check(&zone, "host1.example. MX", NODATA);
    // "because sub.*.example. exists"
    check(&zone, "sub.*.example. MX", NODATA);
    // "because _tcp.host1.example. exists (without data)"
    check(&zone, "_telnet._tcp.host1.example. SRV", NXDOMAIN);
    // "because subdel.example. exists (and is a zone cut)"
    check(
        &zone,
        "host.subdel.example. A",
        "NOERROR
        authority subdel.example. 3600 NS ns.example.com.
        authority subdel.example. 3600 NS ns.example.net.",
    );
    // "because *.example. exists"
    check(&zone, "ghost.*.example. MX", NXDOMAIN);
}

/// Section 2.3: "a wildcard domain name ... asked for literally" is a name like any other.
#[test]
fn an_asterisk_may_be_asked_for() {
    let zone = catalog(ZONE);
    check(
        &zone,
        "*.example. TXT",
        "NOERROR aa
        answer *.example. 3600 TXT \"this is a wildcard\"",
    );
    check(&zone, "*.example. A", NODATA);
    check(
        &zone,
        "sub.*.example. TXT",
        "NOERROR aa
        answer sub.*.example. 3600 TXT \"this is not a wildcard\"",
    );
    check(&zone, "*.host1.example. A", NXDOMAIN);
}

/// Section 3.3.1: "the closest encloser is the node in the zone's tree of existing domain names that has the
/// most labels matching the query name"; a name below an empty non-terminal has that for its encloser, and
/// `*.example.` does not reach it.
#[test]
fn an_empty_non_terminal_blocks() {
    let zone = catalog(ZONE);
    check(&zone, "host2.example. A", NODATA);
    check(&zone, "x.host2.example. MX", NXDOMAIN);
    check(&zone, "x._tcp.host2.example. MX", NXDOMAIN);
}

/// Sections 2.2.2 and 2.2.3: a wildcard that is an empty non-terminal exists, and so answers with no data.
#[test]
fn an_empty_wildcard_answers_with_no_data() {
    let zone = catalog(
        "
        example. SOA ns.example.com. admin.example.com. 1 7200 3600 1209600 60
        a.b.*.example. A 192.0.2.1",
    );
    check(&zone, "x.example. A", NODATA);
    check(&zone, "x.y.example. A", NODATA);
    check(&zone, "x.*.example. A", NXDOMAIN);
    check(&zone, "a.b.c.example. A", NODATA);
}

/// Section 3.3.3: what is synthesised is owned by QNAME, in the question's case.
#[test]
fn the_owner_is_the_question() {
    check(
        &catalog(ZONE),
        "HoSt3.ExAmPlE. TXT",
        "NOERROR aa
        answer HoSt3.ExAmPlE. 3600 TXT \"this is a wildcard\"",
    );
}

/// Section 4.3: "If the source of synthesis is a CNAME", the answer has the CNAME at QNAME, and the chain goes
/// on.
#[test]
fn a_wildcard_may_be_an_alias() {
    let zone = catalog(
        "
        example. SOA ns.example.com. admin.example.com. 1 7200 3600 1209600 60
        *.example. CNAME web.example.
        *.other.example. CNAME x.example.
        *.loop.example. CNAME a.loop.example.
        web.example. A 192.0.2.1",
    );
    check(
        &zone,
        "any.thing.example. A",
        "NOERROR aa
        answer any.thing.example. 300 CNAME web.example.
        answer web.example. 300 A 192.0.2.1",
    );
    check(
        &zone,
        "a.other.example. A",
        "NOERROR aa
        answer a.other.example. 300 CNAME x.example.
        answer x.example. 300 CNAME web.example.
        answer web.example. 300 A 192.0.2.1",
    );
    check(
        &zone,
        "any.example. CNAME",
        "NOERROR aa
        answer any.example. 300 CNAME web.example.",
    );
}

/// Section 4.1: a wildcard that owns an SOA is no source of synthesis, for it is the top of a zone.
#[test]
fn an_apex_is_no_source_of_synthesis() {
    let zone = catalog(
        "
        example. SOA ns.example.com. admin.example.com. 1 7200 3600 1209600 60
        *.example. SOA ns.example.com. admin.example.com. 2 7200 3600 1209600 61
        *.example. A 192.0.2.1
        a.*.example. A 192.0.2.2",
    );
    check(&zone, "x.example. A", NXDOMAIN);
    check(
        &zone,
        "*.example. A",
        "NOERROR aa
        answer *.example. 300 A 192.0.2.1",
    );
    check(
        &zone,
        "a.*.example. A",
        "NOERROR aa
        answer a.*.example. 300 A 192.0.2.2",
    );
    check(
        &zone,
        "b.*.example. A",
        "NXDOMAIN aa
        authority *.example. 61 SOA ns.example.com. admin.example.com. 2 7200 3600 1209600 61",
    );
}

/// Section 4.2 leaves NS at a wildcard open. As NSD has it: asked for literally it is a cut, and what is
/// synthesised from it is data.
#[test]
fn ns_at_a_wildcard() {
    let zone = catalog(
        "
        example. SOA ns.example.com. admin.example.com. 1 7200 3600 1209600 60
        *.example. NS ns.example.net.",
    );
    check(
        &zone,
        "*.example. A",
        "NOERROR
        authority *.example. 300 NS ns.example.net.",
    );
    check(
        &zone,
        "x.*.example. A",
        "NOERROR
        authority *.example. 300 NS ns.example.net.",
    );
    check(
        &zone,
        "x.example. NS",
        "NOERROR aa
        answer x.example. 300 NS ns.example.net.",
    );
    check(&zone, "x.example. A", NODATA);
}

/// What is synthesised from NS at a wildcard are no zone's servers: the addresses that another zone here has for them
/// are none of this one's (RFC 2181 section 5.4.1), as with MX.
#[test]
fn ns_at_a_wildcard_are_no_zones_servers() {
    let zones = catalog(
        "
        example. SOA ns.example.com. admin.example.com. 1 7200 3600 1209600 60
        *.example. NS ns.sub.example.
        *.example. NS ns.example.
        *.example. MX 1 ns.sub.example.
        ns.example. A 192.0.2.1
        sub.example. SOA ns.example.com. admin.example.com. 2 7200 3600 1209600 61
        ns.sub.example. A 192.0.2.2",
    );
    check(
        &zones,
        "x.example. NS",
        "NOERROR aa
        answer x.example. 300 NS ns.sub.example.
        answer x.example. 300 NS ns.example.
        additional ns.example. 300 A 192.0.2.1",
    );
    check(
        &zones,
        "x.example. MX",
        "NOERROR aa
        answer x.example. 300 MX 1 ns.sub.example.",
    );
}

/// A wildcard of the parent does not reach into a child zone, nor one of the child out of it.
#[test]
fn a_wildcard_stays_in_its_zone() {
    let zones = catalog(
        "
        example. SOA ns.example.com. admin.example.com. 1 7200 3600 1209600 60
        *.example. A 192.0.2.1
        sub.example. SOA ns.example.com. admin.example.com. 2 7200 3600 1209600 61",
    );
    check(
        &zones,
        "x.sub.example. A",
        "NXDOMAIN aa
        authority sub.example. 61 SOA ns.example.com. admin.example.com. 2 7200 3600 1209600 61",
    );
    check(
        &zones,
        "x.example. A",
        "NOERROR aa
        answer x.example. 300 A 192.0.2.1",
    );
}

/// A label that only begins with an asterisk, or that has a dot in it, is no wildcard (section 2.1.1).
#[test]
fn only_a_lone_asterisk_is_a_wildcard() {
    let zone = catalog(
        "
        example. SOA ns.example.com. admin.example.com. 1 7200 3600 1209600 60
        *a.example. A 192.0.2.1
        **.example. A 192.0.2.2
        \\*\\..example. A 192.0.2.3",
    );
    check(&zone, "x.example. A", NXDOMAIN);
    assert_eq!(Ask::new("**.example. A").reply(&zone).answers(), ["**.example. 300 A 192.0.2.2"]);
}
