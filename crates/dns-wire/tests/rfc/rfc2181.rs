//! RFC 2181 section 9, the TC bit, and section 5, RRsets are whole.

use crate::support::{Ask, ask::same, catalog};
use std::collections::BTreeSet;

fn zone(records: &str) -> zone_model::Catalog {
    catalog(&format!("example. SOA ns.example. admin.example. 1 7200 3600 1209600 60\n{records}"))
}

/// "The TC bit should be set in responses only when an RRSet is required as a part of the response, but could
/// not be included in its entirety." None of it stands in the message then.
#[test]
fn an_rrset_that_does_not_fit_is_left_out_whole() {
    let texts: String = (0..10).map(|at| format!("big.example. TXT \"{}{at}\"\n", "x".repeat(100))).collect();
    let zone = zone(&format!("{texts} alias.example. CNAME big.example."));
    same(&Ask::new("big.example. TXT").reply(&zone), "NOERROR aa tc", "512");
    same(&Ask::new("big.example. TXT").edns(600).reply(&zone), "NOERROR aa tc", "600");
    same(
        &Ask::new("alias.example. TXT").reply(&zone),
        "NOERROR aa tc
        answer alias.example. 300 CNAME big.example.",
        "what fits of a chain stays",
    );
    assert_eq!(Ask::new("big.example. TXT").edns(1232).reply(&zone).answers().len(), 10);
    assert_eq!(Ask::new("big.example. TXT").tcp().reply(&zone).answers().len(), 10);
}

/// "The TC bit should not be set merely because some extra information could have been included, but there was
/// insufficient room. This includes the results of additional section processing. In such cases the entire
/// RRSet that will not fit in the response should be omitted, and the reply sent as is, with the TC bit clear."
#[test]
fn additional_data_that_does_not_fit_is_left_out_without_tc() {
    let hosts: String = (0..20)
        .map(|at| format!("example. MX {at} h{at}.example.\nh{at}.example. A 192.0.2.{at}\nh{at}.example. A 198.51.100.{at}\n"))
        .collect();
    let zone = zone(&hosts);
    let all = Ask::new("example. MX").tcp().reply(&zone);
    assert_eq!((all.answers().len(), all.additional().len()), (20, 40));
    let some = Ask::new("example. MX").reply(&zone);
    assert!(!some.flag('t'));
    assert_eq!(some.answers().len(), 20);
    assert!((1..40).contains(&some.additional().len()), "{some}");
    assert_eq!(some.additional().len() % 2, 0, "an RRset is cut apart: {some}");
    let (all, some): (BTreeSet<_>, BTreeSet<_>) =
        (all.additional().into_iter().collect(), some.additional().into_iter().collect());
    assert!(some.is_subset(&all));
}

/// A negative answer needs its SOA (RFC 2308 section 3): one that does not fit is truncation.
#[test]
fn an_soa_that_does_not_fit_is_truncation() {
    let long = format!("{}.{}.{}.{}.", "a".repeat(62), "b".repeat(63), "c".repeat(63), "d".repeat(40));
    let other = long.replace('d', "e");
    let zone = catalog(&format!(
        "
        example. SOA {long} {other} 1 7200 3600 1209600 60
        x.{}example. TXT deep",
        "e.".repeat(60)
    ));
    let question = format!("y.{}example. TXT", "e.".repeat(60));
    same(&Ask::new(&question).reply(&zone), "NXDOMAIN aa tc", "too large for 512");
    let reply = Ask::new(&question).edns(1232).reply(&zone);
    assert_eq!((reply.flag('t'), reply.authority().len()), (false, 1));
}

/// Every payload size: the answer fits, no RRset is cut apart, and TC says whether something required is
/// missing.
#[test]
fn every_limit_is_kept() {
    let texts: String = (0..6).map(|at| format!("big.example. TXT \"{}{at}\"\n", "x".repeat(90))).collect();
    let zone = zone(&format!(
        "
        {texts}
        a.example. CNAME b.example.
        b.example. CNAME big.example."
    ));
    let full = Ask::new("a.example. TXT").tcp().edns(1232).reply(&zone);
    for payload in 512..=1232 {
        let reply = Ask::new("a.example. TXT").edns(payload).reply(&zone);
        assert!(reply.octets.len() <= usize::from(payload));
        let fits = full.octets.len() <= usize::from(payload);
        assert_eq!(reply.flag('t'), !fits, "{payload}");
        assert_eq!(reply.answers().len(), if fits { 8 } else { 2 }, "{payload}");
        assert!(reply.opt().is_some(), "room for OPT is kept");
    }
}
