//! RFC 1034 section 4.3.2, the algorithm, and section 4.2.1, the data of a zone.

use crate::support::{Ask, ask::same, catalog, check};

/// A zone with a cut, and two others on the same node.
const ZONES: &str = "
    example. 3600 SOA ns.example. admin.example. 1 7200 3600 1209600 60
    example. 3600 NS ns.example.
    example. 3600 NS ns.elsewhere.test.
    example. MX 10 mail.example.
    example. MX 20 mail.other.
    example. A 192.0.2.1
    ns.example. A 192.0.2.53
    ns.example. AAAA 2001:db8::53
    mail.example. A 192.0.2.25
    www.example. CNAME web.example.
    web.example. A 192.0.2.80
    web.example. A 192.0.2.81
    far.example. CNAME far.other.
    lost.example. CNAME nobody.test.
    alias.example. CNAME host.sub.example.
    gone.example. CNAME missing.other.
    sub.example. NS ns.sub.example.
    sub.example. NS ns.sibling.example.
    sub.example. NS ns.other.
    ns.sub.example. A 192.0.2.54
    host.sub.example. A 192.0.2.99
    sibling.example. NS ns.sibling.example.
    ns.sibling.example. A 192.0.2.55
    other. 3600 SOA ns.other. admin.other. 1 7200 3600 1209600 90
    other. NS ns.other.
    ns.other. A 198.51.100.53
    mail.other. A 198.51.100.25
    far.other. CNAME web.example.
    sub.other. NS ns.sub.other.
    ns.sub.other. A 198.51.100.54
";

/// Step 3a: "Otherwise, copy all RRs which match QTYPE into the answer section and go to step 6."
#[test]
fn all_records_of_the_type_are_copied() {
    let zones = catalog(ZONES);
    check(
        &zones,
        "web.example. A",
        "NOERROR aa
        answer web.example. 300 A 192.0.2.80
        answer web.example. 300 A 192.0.2.81",
    );
    check(
        &zones,
        "example. SOA",
        "NOERROR aa
        answer example. 3600 SOA ns.example. admin.example. 1 7200 3600 1209600 60",
    );
}

/// Step 6: "Using local data only, attempt to add other RRs which may be useful to the additional section of
/// the query." A positive answer carries no authority section. Another zone's addresses are not added: RFC 2181
/// section 5.4.1 forbids to believe them from here.
#[test]
fn addresses_of_named_hosts_are_added_from_the_same_zone() {
    let zones = catalog(ZONES);
    check(
        &zones,
        "example. MX",
        "NOERROR aa
        answer example. 300 MX 10 mail.example.
        answer example. 300 MX 20 mail.other.
        additional mail.example. 300 A 192.0.2.25",
    );
    check(
        &zones,
        "example. NS",
        "NOERROR aa
        answer example. 3600 NS ns.example.
        answer example. 3600 NS ns.elsewhere.test.
        additional ns.example. 300 A 192.0.2.53
        additional ns.example. 300 AAAA 2001:db8::53",
    );
}

/// A zone's own servers may have their names in a zone below it that is here, too, as the root's do.
#[test]
fn addresses_of_a_zones_servers_may_come_from_a_zone_below_it() {
    let zones = catalog(
        "
        . SOA a.nic. admin.nic. 1 7200 3600 1209600 60
        . NS a.servers.net.
        other. NS a.servers.net.
        servers.net. SOA a.nic. admin.nic. 1 7200 3600 1209600 60
        a.servers.net. A 192.0.2.1",
    );
    check(
        &zones,
        ". NS",
        "NOERROR aa
        answer . 300 NS a.servers.net.
        additional a.servers.net. 300 A 192.0.2.1",
    );
    check(
        &zones,
        "www.other. A",
        "NOERROR
        authority other. 300 NS a.servers.net.
        additional a.servers.net. 300 A 192.0.2.1",
    );
}

/// The additional section of other answers is for authoritative data: what stands below a cut is another
/// zone's. The apex's own servers are the exception, or nobody could be told the addresses of the root's (RFC 8109 section 4).
#[test]
fn glue_is_no_additional_data_but_for_an_apex() {
    let zones = catalog(
        "
        . SOA a.nic. admin.nic. 1 7200 3600 1209600 60
        . NS a.servers.net.
        . MX 10 a.servers.net.
        net. NS a.servers.net.
        a.servers.net. A 192.0.2.1
        . TYPE65280 \\# 1 00",
    );
    check(
        &zones,
        ". NS",
        "NOERROR aa
        answer . 300 NS a.servers.net.
        additional a.servers.net. 300 A 192.0.2.1",
    );
    check(
        &zones,
        ". MX",
        "NOERROR aa
        answer . 300 MX 10 a.servers.net.",
    );
}

/// RFC 2181 section 5: an RRset is a set. Several records that name one host draw its addresses once.
#[test]
fn a_host_that_is_named_twice_has_its_addresses_added_once() {
    let zones = catalog(
        "
        example. SOA ns.example. admin.example. 1 7200 3600 1209600 60
        _sip._tcp.example. SRV 0 0 5060 host.example.
        _sip._tcp.example. SRV 0 0 5061 HOST.example.
        _sip._tcp.example. SRV 0 0 5062 other.example.
        host.example. A 192.0.2.1
        other.example. AAAA 2001:db8::1",
    );
    check(
        &zones,
        "_sip._tcp.example. SRV",
        "NOERROR aa
        answer _sip._tcp.example. 300 SRV 0 0 5060 host.example.
        answer _sip._tcp.example. 300 SRV 0 0 5061 HOST.example.
        answer _sip._tcp.example. 300 SRV 0 0 5062 other.example.
        additional host.example. 300 A 192.0.2.1
        additional other.example. 300 AAAA 2001:db8::1",
    );
}

/// RFC 4592 holds for every lookup in a zone, that for additional data too.
#[test]
fn a_host_may_be_a_wildcards() {
    let zones = catalog(
        "
        example. SOA ns.example. admin.example. 1 7200 3600 1209600 60
        example. MX 10 mail.hosts.example.
        example. MX 20 mail.not.hosts.example.
        *.hosts.example. A 192.0.2.1
        not.hosts.example. TXT blocked",
    );
    check(
        &zones,
        "example. MX",
        "NOERROR aa
        answer example. 300 MX 10 mail.hosts.example.
        answer example. 300 MX 20 mail.not.hosts.example.
        additional mail.hosts.example. 300 A 192.0.2.1",
    );
}

/// RFC 2782 and RFC 7505: a target of `.` says that there is no service, not that the root has an address.
#[test]
fn no_service_has_no_address() {
    let zones = catalog(
        "
        . SOA ns. admin. 1 7200 3600 1209600 60
        . A 192.0.2.1
        example. MX 0 .
        _x._tcp.example. SRV 0 0 0 .",
    );
    check(
        &zones,
        "example. MX",
        "NOERROR aa
        answer example. 300 MX 0 .",
    );
    check(
        &zones,
        "_x._tcp.example. SRV",
        "NOERROR aa
        answer _x._tcp.example. 300 SRV 0 0 0 .",
    );
}

/// Section 6.2.4: where the name exists and has no such RRs the answer section is empty; NODATA.
#[test]
fn a_name_without_the_type_is_nodata() {
    check(
        &catalog(ZONES),
        "web.example. TXT",
        "NOERROR aa
        authority example. 60 SOA ns.example. admin.example. 1 7200 3600 1209600 60",
    );
}

/// Step 3c: "If the "*" label does not exist, check whether the name we are looking for is the original QNAME
/// in the query ... If the name is original, set an authoritative name error in the response and exit."
#[test]
fn a_name_that_does_not_exist_is_a_name_error() {
    check(
        &catalog(ZONES),
        "nothing.example. A",
        "NXDOMAIN aa
        authority example. 60 SOA ns.example. admin.example. 1 7200 3600 1209600 60",
    );
}

/// Step 3a: "If the data at the node is a CNAME, and QTYPE doesn't match CNAME, copy the CNAME RR into the
/// answer section of the response, change QNAME to the canonical name in the CNAME RR, and go back to step 1."
#[test]
fn aliases_are_followed_through_all_zones_of_the_node() {
    let zones = catalog(ZONES);
    check(
        &zones,
        "www.example. A",
        "NOERROR aa
        answer www.example. 300 CNAME web.example.
        answer web.example. 300 A 192.0.2.80
        answer web.example. 300 A 192.0.2.81",
    );
    check(
        &zones,
        "far.example. A",
        "NOERROR aa
        answer far.example. 300 CNAME far.other.
        answer far.other. 300 CNAME web.example.
        answer web.example. 300 A 192.0.2.80
        answer web.example. 300 A 192.0.2.81",
    );
    check(
        &zones,
        "far.example. CNAME",
        "NOERROR aa
        answer far.example. 300 CNAME far.other.",
    );
}

/// The records of a chain stand in its order: a client reads them so.
#[test]
fn a_chain_is_in_order() {
    let reply = Ask::new("far.example. A").reply(&catalog(ZONES));
    let owners: Vec<String> =
        reply.parsed.sections[0].iter().map(|record| record.owner.to_string()).collect();
    assert_eq!(owners, ["far.example.", "far.other.", "web.example.", "web.example."]);
}

/// A chain that leads out of all zones ends with what was collected: "go back to step 1", and "search the
/// available zones for the zone which is the nearest ancestor to QNAME" finds none.
#[test]
fn a_chain_that_leads_out_ends_with_what_was_collected() {
    check(
        &catalog(ZONES),
        "lost.example. A",
        "NOERROR aa
        answer lost.example. 300 CNAME nobody.test.",
    );
}

/// Step 2 finds no zone: there is nothing to say, which is REFUSED (RFC 1035 section 4.1.1), without authority.
#[test]
fn a_name_that_is_nobodys_is_refused() {
    let zones = catalog(ZONES);
    check(&zones, "nobody.test. A", "REFUSED");
    check(&zones, ". NS", "REFUSED");
    same(&Ask::new("nobody.test. A").desiring().reply(&zones), "REFUSED", "RD changes nothing");
}

/// Step 3b: "If a match would take us out of the authoritative data, we have a referral. ... Copy the NS RRs
/// for the subzone into the authority section of the reply. Put whatever addresses are available into the
/// additional section." Glue and sibling glue of the same zone; an address of another zone is its business.
#[test]
fn at_and_below_a_cut_there_is_a_referral() {
    let zones = catalog(ZONES);
    let referral = "NOERROR
        authority sub.example. 300 NS ns.sub.example.
        authority sub.example. 300 NS ns.sibling.example.
        authority sub.example. 300 NS ns.other.
        additional ns.sub.example. 300 A 192.0.2.54
        additional ns.sibling.example. 300 A 192.0.2.55";
    for question in [
        "sub.example. A",
        "sub.example. NS",
        "sub.example. ANY",
        "sub.example. SOA",
        "ns.sub.example. A",
        "host.sub.example. A",
        "a.b.nothing.sub.example. TXT",
        "x.sub.example. DS",
        "sub.example. NSEC",
    ] {
        check(&zones, question, referral);
    }
}

/// "The AA bit corresponds to the name which matches the query name, or the first owner name in the answer
/// section" (RFC 1035 section 4.1.1): a chain that ends in a referral is authoritative.
#[test]
fn a_chain_may_end_in_a_referral() {
    check(
        &catalog(ZONES),
        "alias.example. A",
        "NOERROR aa
        answer alias.example. 300 CNAME host.sub.example.
        authority sub.example. 300 NS ns.sub.example.
        authority sub.example. 300 NS ns.sibling.example.
        authority sub.example. 300 NS ns.other.
        additional ns.sub.example. 300 A 192.0.2.54
        additional ns.sibling.example. 300 A 192.0.2.55",
    );
}

/// Step 2: "Search the available zones for the zone which is the nearest ancestor to QNAME."
#[test]
fn the_deepest_zone_answers() {
    let zones = catalog(
        "
        example. SOA ns.example. admin.example. 1 7200 3600 1209600 60
        example. NS ns.example.
        sub.example. SOA ns.sub.example. admin.example. 7 7200 3600 1209600 30
        sub.example. NS ns.sub.example.
        ns.sub.example. A 192.0.2.1
        a.b.sub.example. A 192.0.2.2
        b.sub.example. SOA ns.sub.example. admin.example. 9 7200 3600 1209600 20",
    );
    check(
        &zones,
        "ns.sub.example. A",
        "NOERROR aa
        answer ns.sub.example. 300 A 192.0.2.1",
    );
    check(
        &zones,
        "x.sub.example. A",
        "NXDOMAIN aa
        authority sub.example. 30 SOA ns.sub.example. admin.example. 7 7200 3600 1209600 30",
    );
    check(
        &zones,
        "x.b.sub.example. A",
        "NXDOMAIN aa
        authority b.sub.example. 20 SOA ns.sub.example. admin.example. 9 7200 3600 1209600 20",
    );
    check(
        &zones,
        "x.example. A",
        "NXDOMAIN aa
        authority example. 60 SOA ns.example. admin.example. 1 7200 3600 1209600 60",
    );
}

/// The root is a zone like any other.
#[test]
fn the_root_as_a_zone() {
    let zones = catalog(
        "
        . 900 SOA a. admin. 1 7200 3600 1209600 60
        . 900 NS a.
        a. A 192.0.2.1
        com. NS ns.com.
        ns.com. A 192.0.2.2",
    );
    check(
        &zones,
        ". SOA",
        "NOERROR aa
        answer . 900 SOA a. admin. 1 7200 3600 1209600 60",
    );
    check(
        &zones,
        ". NS",
        "NOERROR aa
        answer . 900 NS a.
        additional a. 300 A 192.0.2.1",
    );
    check(
        &zones,
        "nothing. A",
        "NXDOMAIN aa
        authority . 60 SOA a. admin. 1 7200 3600 1209600 60",
    );
    check(
        &zones,
        "www.com. A",
        "NOERROR
        authority com. 300 NS ns.com.
        additional ns.com. 300 A 192.0.2.2",
    );
    check(
        &zones,
        ". TXT",
        "NOERROR aa
        authority . 60 SOA a. admin. 1 7200 3600 1209600 60",
    );
}

/// Section 3.6.2: "If a CNAME RR is present at a node, no other data should be present": it hides what is, and
/// is hidden itself at an apex and beside NS.
#[test]
fn a_cname_hides_or_is_hidden() {
    let zones = catalog(
        "
        example. SOA ns.example. admin.example. 1 7200 3600 1209600 60
        example. CNAME www.example.
        www.example. CNAME web.example.
        www.example. A 192.0.2.1
        web.example. A 192.0.2.2
        cut.example. NS ns.cut.example.
        cut.example. CNAME web.example.",
    );
    check(
        &zones,
        "example. A",
        "NOERROR aa
        authority example. 60 SOA ns.example. admin.example. 1 7200 3600 1209600 60",
    );
    check(
        &zones,
        "www.example. A",
        "NOERROR aa
        answer www.example. 300 CNAME web.example.
        answer web.example. 300 A 192.0.2.2",
    );
    check(
        &zones,
        "cut.example. A",
        "NOERROR
        authority cut.example. 300 NS ns.cut.example.",
    );
}

/// Section 3.6.2: "CNAME chains should be followed and CNAME loops signalled as an error": the loop ends with
/// what was collected, each record once.
#[test]
fn loops_end() {
    let zones = catalog(
        "
        example. SOA ns.example. admin.example. 1 7200 3600 1209600 60
        a.example. CNAME b.example.
        b.example. CNAME c.example.
        c.example. CNAME a.example.
        self.example. CNAME SELF.example.
        *.w.example. CNAME x.w.example.",
    );
    check(
        &zones,
        "b.example. A",
        "NOERROR aa
        answer b.example. 300 CNAME c.example.
        answer c.example. 300 CNAME a.example.
        answer a.example. 300 CNAME b.example.",
    );
    check(
        &zones,
        "self.example. A",
        "NOERROR aa
        answer self.example. 300 CNAME self.example.",
    );
    check(
        &zones,
        "y.w.example. A",
        "NOERROR aa
        answer y.w.example. 300 CNAME x.w.example.
        answer x.w.example. 300 CNAME x.w.example.",
    );
}

/// A long chain is bounded, and ends with what was collected.
#[test]
fn a_long_chain_ends() {
    let chain = |length: usize| {
        let aliases: String =
            (0..length).map(|at| format!("n{at}.example. CNAME n{}.example.\n", at + 1)).collect();
        let soa = "example. SOA ns.example. admin.example. 1 7200 3600 1209600 60\n";
        catalog(&format!("{soa}{aliases}n{length}.example. A 192.0.2.1"))
    };
    let reply = Ask::new("n0.example. A").tcp().reply(&chain(15));
    assert_eq!(reply.answers().len(), 16);
    assert_eq!(reply.answers()[15], "n15.example. 300 A 192.0.2.1");
    let reply = Ask::new("n0.example. A").tcp().reply(&chain(40));
    assert_eq!((reply.rcode(), reply.answers().len()), (0, 16));
    assert!(reply.authority().is_empty());
}

/// RFC 1034 section 3.1: the root is a name; a server may be called so.
#[test]
fn a_server_may_be_called_as_the_root_is() {
    check(
        &catalog(". SOA . admin. 1 7200 3600 1209600 60\n. NS .\n. A 192.0.2.1"),
        ". NS",
        "NOERROR aa
        answer . 300 NS .
        additional . 300 A 192.0.2.1",
    );
}
