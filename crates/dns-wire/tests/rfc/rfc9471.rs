//! RFC 9471: glue in referrals.

use crate::support::{Ask, catalog};

/// A cut with so many servers in its own domain, as many with sibling glue, each with an IPv4 and an IPv6
/// address.
fn zone(in_domain: usize, siblings: usize) -> zone_model::Catalog {
    let mut text = "
        example. SOA ns.example. admin.example. 1 7200 3600 1209600 60
        other.example. NS ns0.other.example.\n"
        .to_owned();
    let servers = (0..in_domain).map(|at| format!("ns{at}.sub.example."));
    for (at, server) in servers.chain((0..siblings).map(|at| format!("ns{at}.other.example."))).enumerate() {
        text += &format!("sub.example. NS {server}\n{server} A 192.0.2.{at}\n{server} AAAA 2001:db8::{at}\n");
    }
    catalog(&text)
}

/// Section 3.1: a referral MUST have all available glue of in-domain name servers, or MUST set TC where the
/// size of the message does not allow that.
#[test]
fn in_domain_glue_must_fit() {
    let zone = zone(12, 0);
    let full = Ask::new("www.sub.example. A").edns(1232).reply(&zone);
    assert_eq!((full.flag('t'), full.authority().len(), full.additional().len()), (false, 12, 24));
    let cut = Ask::new("www.sub.example. A").reply(&zone);
    assert!(cut.flag('t'), "{cut}");
    assert_eq!(cut.authority().len(), 12);
    assert!(cut.additional().len() < 24);
    let full = Ask::new("www.sub.example. A").tcp().reply(&zone);
    assert_eq!((full.flag('t'), full.additional().len()), (false, 24));
}

/// Section 3.2: sibling glue SHOULD be there; where it does not fit, TC MAY be set, and is not here: it comes
/// last and is left out when there is no room.
#[test]
fn sibling_glue_may_be_left_out() {
    let zone = zone(4, 12);
    let full = Ask::new("www.sub.example. A").edns(1232).reply(&zone);
    assert_eq!((full.flag('t'), full.authority().len(), full.additional().len()), (false, 16, 32));
    let some = Ask::new("www.sub.example. A").edns(620).reply(&zone);
    assert!(!some.flag('t'), "{some}");
    assert_eq!(some.authority().len(), 16);
    for at in 0..4 {
        let own = format!("ns{at}.sub.example.");
        assert_eq!(some.additional().iter().filter(|record| record.starts_with(&own)).count(), 2, "{some}");
    }
    assert!(some.additional().len() < 32);
}

/// The NS of a referral are required.
#[test]
fn servers_that_do_not_fit_are_truncation() {
    let servers: String =
        (0..40).map(|at| format!("sub.example. NS ns{at}.a-rather-long-name-{at}.test.\n")).collect();
    let zone = catalog(&format!("example. SOA ns.example. admin.example. 1 7200 3600 1209600 60\n{servers}"));
    let reply = Ask::new("www.sub.example. A").reply(&zone);
    assert_eq!((reply.flag('t'), reply.authority().len()), (true, 0));
}

/// Section 2: glue is data of the zone. What stands below a DNAME is not; a server's name at the cut itself
/// is in its domain; an address of another zone with an apex as deep is no glue of this one.
#[test]
fn what_is_glue() {
    let zones = catalog(
        "
        example. SOA ns.example. admin.example. 1 7200 3600 1209600 60
        sub.example. NS sub.example.
        sub.example. NS ns.moved.example.
        sub.example. NS ns.other.
        sub.example. NS host.example.
        sub.example. NS any.wild.example.
        sub.example. A 192.0.2.1
        moved.example. DNAME other.
        ns.moved.example. A 192.0.2.2
        host.example. A 192.0.2.3
        *.wild.example. A 192.0.2.4
        other. SOA ns.other. admin.other. 1 7200 3600 1209600 60
        ns.other. A 192.0.2.5",
    );
    let reply = Ask::new("www.sub.example. A").edns(1232).reply(&zones);
    let mut additional = reply.additional();
    additional.sort();
    assert_eq!(
        additional,
        [
            "any.wild.example. 300 A 192.0.2.4",
            "host.example. 300 A 192.0.2.3",
            "sub.example. 300 A 192.0.2.1",
        ]
    );
}
