//! RFC 2308: negative answers.

use crate::support::{catalog, check};

/// Section 3: "the TTL of this record is set from the minimum of the MINIMUM field of the SOA record and the
/// TTL of the SOA itself".
#[test]
fn the_ttl_is_the_lesser_of_minimum_and_the_soas_own() {
    for (own, minimum, expected) in
        [(3600, 60, 60), (60, 3600, 60), (0, 60, 0), (60, 0, 0), (60, 4_294_967_295u32, 60)]
    {
        let zone = catalog(&format!(
            "
            example. {own} SOA ns.example. admin.example. 1 7200 3600 1209600 {minimum}
            x.example. A 192.0.2.1"
        ));
        let soa = format!(
            "authority example. {expected} SOA ns.example. admin.example. 1 7200 3600 1209600 {minimum}"
        );
        check(&zone, "no.example. A", &format!("NXDOMAIN aa\n{soa}"));
        check(&zone, "x.example. AAAA", &format!("NOERROR aa\n{soa}"));
        // What is asked for is given as it is.
        check(
            &zone,
            "example. SOA",
            &format!(
                "NOERROR aa
            answer example. {own} SOA ns.example. admin.example. 1 7200 3600 1209600 {minimum}"
            ),
        );
    }
}

/// Section 2.1: the SOA is that of the zone in which the last name of a chain is missing.
#[test]
fn the_soa_is_of_the_zone_that_lacks_the_name() {
    let zones = catalog(
        "
        example. SOA ns.example. admin.example. 1 7200 3600 1209600 60
        x.example. CNAME no.other.
        y.example. CNAME web.deep.other.
        other. SOA ns.other. admin.other. 2 7200 3600 1209600 61
        deep.other. SOA ns.other. admin.other. 3 7200 3600 1209600 62
        web.deep.other. A 192.0.2.1",
    );
    check(
        &zones,
        "x.example. A",
        "NXDOMAIN aa
        answer x.example. 300 CNAME no.other.
        authority other. 61 SOA ns.other. admin.other. 2 7200 3600 1209600 61",
    );
    check(
        &zones,
        "y.example. TXT",
        "NOERROR aa
        answer y.example. 300 CNAME web.deep.other.
        authority deep.other. 62 SOA ns.other. admin.other. 3 7200 3600 1209600 62",
    );
}
