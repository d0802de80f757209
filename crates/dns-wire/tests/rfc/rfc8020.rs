//! RFC 8020: NXDOMAIN means nothing underneath, so an empty non-terminal is NODATA.

use crate::support::{catalog, check, name};
use zone_model::catalog::NodeDraft;

/// Section 2: NXDOMAIN says that nothing is at the name or below it; so a name with something below it never
/// gets that (RFC 4592 section 2.2.2).
#[test]
fn an_empty_non_terminal_is_nodata() {
    let zone = catalog(
        "
        example. SOA ns.example. admin.example. 1 7200 3600 1209600 60
        a.b.c.example. A 192.0.2.1
        x.cut.y.example. NS ns.elsewhere.test.
        deep.zone.z.example. SOA ns.example. admin.example. 2 7200 3600 1209600 61",
    );
    let nodata = "NOERROR aa
        authority example. 60 SOA ns.example. admin.example. 1 7200 3600 1209600 60";
    for question in [
        "b.c.example. A",
        "c.example. A",
        "c.example. ANY",
        "cut.y.example. A",
        "y.example. TXT",
        "zone.z.example. A",
        "z.example. DS",
    ] {
        check(&zone, question, nodata);
    }
    check(
        &zone,
        "x.c.example. A",
        "NXDOMAIN aa
        authority example. 60 SOA ns.example. admin.example. 1 7200 3600 1209600 60",
    );
}

/// An empty non-terminal goes with the last name below it.
#[test]
fn an_empty_non_terminal_goes_with_what_it_was_for() {
    let zone = catalog(
        "
        example. SOA ns.example. admin.example. 1 7200 3600 1209600 60
        a.b.example. A 192.0.2.1",
    );
    let mut editor = zone.edit();
    editor.set(&name("a.b.example."), &NodeDraft::new(false));
    let without = editor.finish();
    check(
        &without,
        "b.example. A",
        "NXDOMAIN aa
        authority example. 60 SOA ns.example. admin.example. 1 7200 3600 1209600 60",
    );
    check(
        &zone,
        "b.example. A",
        "NOERROR aa
        authority example. 60 SOA ns.example. admin.example. 1 7200 3600 1209600 60",
    );
}
