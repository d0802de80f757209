//! RFC 9460: SVCB and HTTPS.

use crate::support::{catalog, check};

/// Section 2.5.2: "If TargetName has the value "." ... the owner name of this record MUST be used as the
/// effective TargetName" in ServiceMode; section 2.5.1: in AliasMode it says that there is no service. Section 4.1: the addresses of the targets SHOULD stand in the additional section.
#[test]
fn a_target_of_the_root_is_the_owner() {
    let zone = catalog(
        "
        example. SOA ns.example. admin.example. 1 7200 3600 1209600 60
        example. HTTPS 1 . alpn=h2
        example. A 192.0.2.1
        www.example. HTTPS 1 pool.example.
        pool.example. AAAA 2001:db8::1
        none.example. HTTPS 0 .
        none.example. A 192.0.2.2
        *.w.example. HTTPS 1 .
        *.w.example. A 192.0.2.3
        alias.example. CNAME example.",
    );
    check(
        &zone,
        "eXample. HTTPS",
        "NOERROR aa
        answer eXample. 300 HTTPS 1 . alpn=\"h2\"
        additional eXample. 300 A 192.0.2.1",
    );
    check(
        &zone,
        "www.example. HTTPS",
        "NOERROR aa
        answer www.example. 300 HTTPS 1 pool.example.
        additional pool.example. 300 AAAA 2001:db8::1",
    );
    check(
        &zone,
        "none.example. HTTPS",
        "NOERROR aa
        answer none.example. 300 HTTPS 0 .",
    );
    check(
        &zone,
        "a.w.example. HTTPS",
        "NOERROR aa
        answer a.w.example. 300 HTTPS 1 .
        additional a.w.example. 300 A 192.0.2.3",
    );
    check(
        &zone,
        "alias.example. HTTPS",
        "NOERROR aa
        answer alias.example. 300 CNAME example.
        answer example. 300 HTTPS 1 . alpn=\"h2\"
        additional example. 300 A 192.0.2.1",
    );
}
