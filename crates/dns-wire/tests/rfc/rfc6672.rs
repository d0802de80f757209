//! RFC 6672: DNAME.

use crate::support::{Ask, catalog, check, name};

const ZONES: &str = "
    example. SOA ns.example. admin.example. 1 7200 3600 1209600 60
    old.example. 77 DNAME New.example.
    old.example. A 192.0.2.9
    below.old.example. A 192.0.2.10
    www.new.example. A 192.0.2.1
    alias.new.example. CNAME www.old.example.
    out.example. DNAME nobody.test.
    target. SOA ns.example. admin.example. 2 7200 3600 1209600 61
    target. DNAME new.example.
    cut.target. NS ns.elsewhere.test.
    w.example. TXT here
    *.w.example. DNAME new.example.
    both.example. NS ns.elsewhere.test.
    both.example. DNAME new.example.
    over.example. CNAME www.new.example.
    over.example. DNAME target.";

/// Section 3.1: "A CNAME RR with Time to Live (TTL) equal to the corresponding DNAME RR is synthesized and
/// included in the answer section."
#[test]
fn names_below_are_redirected() {
    let zones = catalog(ZONES);
    check(
        &zones,
        "www.old.example. A",
        "NOERROR aa
        answer old.example. 77 DNAME New.example.
        answer www.old.example. 77 CNAME www.New.example.
        answer www.New.example. 300 A 192.0.2.1",
    );
    let reply = Ask::new("www.old.example. A").reply(&zones);
    let types: Vec<u16> = reply.parsed.sections[0].iter().map(|record| record.rtype.0).collect();
    assert_eq!(types, [39, 5, 1], "the DNAME stands before the CNAME that is made of it");
}

/// The CNAME that is made is what a question for CNAME asks for: it is followed no more than one that is in the
/// zone (RFC 1034 section 4.3.2 step 3a).
#[test]
fn a_cname_that_is_made_answers_a_question_for_it() {
    check(
        &catalog(ZONES),
        "nothing.old.example. CNAME",
        "NOERROR aa
        answer old.example. 77 DNAME New.example.
        answer nothing.old.example. 77 CNAME nothing.New.example.",
    );
}

/// The question's case is kept in what is synthesised.
#[test]
fn the_case_is_kept() {
    check(
        &catalog(ZONES),
        "wWw.oLd.example. A",
        "NOERROR aa
        answer oLd.example. 77 DNAME New.example.
        answer wWw.oLd.example. 77 CNAME wWw.New.example.
        answer wWw.New.example. 300 A 192.0.2.1",
    );
}

/// Section 2.3: "the owner name of a DNAME is not redirected itself".
#[test]
fn the_owner_itself_is_not_redirected() {
    let zones = catalog(ZONES);
    check(
        &zones,
        "old.example. A",
        "NOERROR aa
        answer old.example. 300 A 192.0.2.9",
    );
    check(
        &zones,
        "old.example. DNAME",
        "NOERROR aa
        answer old.example. 77 DNAME New.example.",
    );
    check(
        &zones,
        "old.example. TXT",
        "NOERROR aa
        authority example. 60 SOA ns.example. admin.example. 1 7200 3600 1209600 60",
    );
}

/// Section 2.4: "Resource records MUST NOT exist at any subdomain of the owner of a DNAME RR": what stands
/// there is not seen.
#[test]
fn what_stands_below_is_not_seen() {
    check(
        &catalog(ZONES),
        "below.old.example. A",
        "NXDOMAIN aa
        answer old.example. 77 DNAME New.example.
        answer below.old.example. 77 CNAME below.New.example.
        authority example. 60 SOA ns.example. admin.example. 1 7200 3600 1209600 60",
    );
}

/// Section 3.2 step 3C: "If substitution of its <target> for its <owner> in QNAME would overflow the legal size
/// for a <domain-name>, set RCODE to YXDOMAIN and exit".
#[test]
fn a_name_that_gets_too_long_is_yxdomain() {
    let long = format!("{}.{}.{}.", "a".repeat(63), "b".repeat(63), "c".repeat(50));
    let zone = catalog(&format!(
        "
        example. SOA ns.example. admin.example. 1 7200 3600 1209600 60
        d.example. DNAME {long}"
    ));
    let room = 255 - name(&long).as_wire().len();
    let fits = format!("{}.{}.d.example.", "x".repeat(63), "y".repeat(room - 65));
    let reply = Ask::new(&format!("{fits} A")).edns(1232).reply(&zone);
    assert_eq!((reply.rcode(), reply.answers().len()), (0, 2), "exactly 255 octets, and nobody's: {reply}");
    assert_eq!(reply.parsed.sections[0][1].rdata.len(), 255);
    let over = format!("{}.{}.d.example.", "x".repeat(63), "y".repeat(room - 64));
    check(&zone, &format!("{over} A"), &format!("YXDOMAIN aa\n answer d.example. 300 DNAME {long}"));
}

/// Section 2.3 and RFC 6604: a DNAME may lead out, and may stand at an apex.
#[test]
fn a_dname_leads_out_and_stands_at_an_apex() {
    let zones = catalog(ZONES);
    check(
        &zones,
        "x.out.example. A",
        "NOERROR aa
        answer out.example. 300 DNAME nobody.test.
        answer x.out.example. 300 CNAME x.nobody.test.",
    );
    check(
        &zones,
        "www.target. A",
        "NOERROR aa
        answer target. 300 DNAME new.example.
        answer www.target. 300 CNAME www.new.example.
        answer www.new.example. 300 A 192.0.2.1",
    );
    check(
        &zones,
        "target. SOA",
        "NOERROR aa
        answer target. 300 SOA ns.example. admin.example. 2 7200 3600 1209600 61",
    );
    // The cut stands below the DNAME.
    check(
        &zones,
        "x.cut.target. A",
        "NXDOMAIN aa
        answer target. 300 DNAME new.example.
        answer x.cut.target. 300 CNAME x.cut.new.example.
        authority example. 60 SOA ns.example. admin.example. 1 7200 3600 1209600 60",
    );
}

/// A chain may come by a DNAME often; the RRset stands in the answer once (RFC 2181 section 5).
#[test]
fn a_dname_stands_in_an_answer_once() {
    let zones = catalog(ZONES);
    check(
        &zones,
        "alias.old.example. A",
        "NOERROR aa
        answer old.example. 77 DNAME New.example.
        answer alias.old.example. 77 CNAME alias.New.example.
        answer alias.New.example. 300 CNAME www.old.example.
        answer www.old.example. 77 CNAME www.New.example.
        answer www.New.example. 300 A 192.0.2.1",
    );
    let own = catalog(
        "
        example. SOA ns.example. admin.example. 1 7200 3600 1209600 60
        grow.example. DNAME more.grow.example.
        d.example. DNAME e.example.
        x.e.example. CNAME d.example.",
    );
    let reply = Ask::new("a.grow.example. A").tcp().reply(&own);
    assert_eq!(reply.answers().iter().filter(|record| record.contains(" DNAME ")).count(), 1, "{reply}");
    assert_eq!((reply.rcode(), reply.answers().len()), (0, 17), "bounded like every chain");
    check(
        &own,
        "x.d.example. DNAME",
        "NOERROR aa
        answer d.example. 300 DNAME e.example.
        answer x.d.example. 300 CNAME x.e.example.
        answer x.e.example. 300 CNAME d.example.",
    );
}

/// RFC 4592 section 4.4, RFC 6672 section 3.2: a wildcard's DNAME redirects nothing; it is data.
#[test]
fn a_wildcards_dname_redirects_nothing() {
    let zones = catalog(ZONES);
    check(
        &zones,
        "x.w.example. DNAME",
        "NOERROR aa
        answer x.w.example. 300 DNAME new.example.",
    );
    check(
        &zones,
        "www.x.w.example. A",
        "NOERROR aa
        authority example. 60 SOA ns.example. admin.example. 1 7200 3600 1209600 60",
    );
    check(
        &zones,
        "www.*.w.example. A",
        "NOERROR aa
        answer *.w.example. 300 DNAME new.example.
        answer www.*.w.example. 300 CNAME www.new.example.
        answer www.new.example. 300 A 192.0.2.1",
    );
}

/// A cut hides a DNAME beside it; a CNAME does too.
#[test]
fn a_cut_or_a_cname_at_the_owner_comes_first() {
    let zones = catalog(ZONES);
    check(
        &zones,
        "www.both.example. A",
        "NOERROR
        authority both.example. 300 NS ns.elsewhere.test.",
    );
    check(
        &zones,
        "www.over.example. A",
        "NXDOMAIN aa
        authority example. 60 SOA ns.example. admin.example. 1 7200 3600 1209600 60",
    );
}
