//! RFC 6604 section 3: the RCODE of a chain.

use crate::support::{catalog, check};

/// "The RCODE in the ultimate DNS response MUST BE set based on the final query cycle leading to that
/// response." AA is that of the first name (RFC 1035 section 4.1.1).
#[test]
fn the_rcode_is_that_of_the_last_name() {
    let zones = catalog(
        "
        example. SOA ns.example. admin.example. 1 7200 3600 1209600 60
        gone.example. CNAME no.other.
        dry.example. CNAME host.other.
        moved.example. DNAME other.
        other. SOA ns.other. admin.other. 2 7200 3600 1209600 61
        host.other. A 192.0.2.1",
    );
    let soa = "authority other. 61 SOA ns.other. admin.other. 2 7200 3600 1209600 61";
    check(
        &zones,
        "gone.example. A",
        &format!(
            "NXDOMAIN aa
        answer gone.example. 300 CNAME no.other.
        {soa}"
        ),
    );
    check(
        &zones,
        "dry.example. TXT",
        &format!(
            "NOERROR aa
        answer dry.example. 300 CNAME host.other.
        {soa}"
        ),
    );
    check(
        &zones,
        "no.moved.example. A",
        &format!(
            "NXDOMAIN aa
        answer moved.example. 300 DNAME other.
        answer no.moved.example. 300 CNAME no.other.
        {soa}"
        ),
    );
}
