//! Each finding in the zone that shows it, and in no other.

use super::*;
use crate::master::{Settings, no_includes, read_zone};

const HEAD: &str = "$TTL 300\n@ SOA ns host 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n";

/// `CODE OWNER TYPE` of what a zone with these lines behind its head shows.
fn found(lines: &str) -> Vec<String> {
    of_file(&format!("{HEAD}{lines}"))
}

fn of_file(text: &str) -> Vec<String> {
    let settings = Settings::new("example.".parse().unwrap());
    let read = read_zone("test", text.as_bytes(), &settings, &mut no_includes)
        .unwrap_or_else(|errors| panic!("{}", errors[0]));
    let all = validate(&read.zone);
    all.iter()
        .map(|report| {
            let rtype = report.rtype.map_or_else(String::new, |rtype| format!(" {rtype}"));
            format!("{} {}{rtype}", report.finding.code(), report.owner)
        })
        .collect()
}

#[test]
fn a_zone_that_is_as_it_should_be_shows_nothing() {
    let lines = "www A 192.0.2.2\n AAAA 2001:db8::2\nalias CNAME www\nalias RRSIG CNAME 8 2 300 20300101000000 20200101000000 1 @ AA==\n\
                 sub NS ns.sub\n NS ns.other.\n DS 1 8 2 00\nns.sub A 192.0.2.3\nsub2 NS ns.sub\nold DNAME new.other.\n\
                 @ MX 10 www\n MX 20 mail.other.\n MX 30 x.wild\nnone MX 0 .\n_s._tcp SRV 0 0 0 .\n*.wild A 192.0.2.4\n_t._tcp SRV 0 0 1 x.old\n";
    assert_eq!(found(lines), [""; 0]);
}

#[test]
fn zones_without_soa_or_ns() {
    assert_eq!(of_file("$TTL 1\nwww A 192.0.2.1"), ["no-soa example.", "no-ns example."]);
    assert_eq!(of_file("$TTL 1\n@ SOA ns host 1 2 3 4 5"), ["no-ns example."]);
    assert_eq!(found("@ DNSKEY 256 3 8 AA=="), ["signed example. DNSKEY"]);
    assert_eq!(found("a SOA . . 1 2 3 4 5"), ["soa-below-apex a.example. SOA"]);
}

#[test]
fn data_outside_the_zone() {
    assert_eq!(found("www.other. A 192.0.2.1"), ["out-of-zone www.other. A"]);
}

/// RFC 2181 section 10.1.
#[test]
fn aliases_with_other_data() {
    assert_eq!(
        found("a CNAME b\na TXT x\na A 192.0.2.1\na KEY 0 3 8 AA=="),
        ["cname-and-other a.example. CNAME"]
    );
    assert_eq!(found("@ CNAME b."), ["cname-at-apex example. CNAME"]);
}

/// RFC 6672 sections 2.3 and 2.4.
#[test]
fn data_below_a_dname_and_a_dname_at_a_cut() {
    assert_eq!(
        found("d DNAME x.\nd A 192.0.2.1\na.d A 192.0.2.1\nb.a.d CNAME x\ne A 192.0.2.1"),
        ["below-dname a.d.example. A", "below-dname b.a.d.example. CNAME"]
    );
    assert_eq!(found("d DNAME x.\nd NS ns.other."), ["dname-at-cut d.example. DNAME"]);
}

/// RFC 2181 section 6.1.
#[test]
fn data_at_and_below_a_cut() {
    let lines = "s NS ns.s\ns A 192.0.2.1\ns TXT x\nns.s A 192.0.2.1\nns.s TXT x\nother.s A 192.0.2.1\nt NS other.s\n";
    assert_eq!(
        found(lines),
        ["below-cut s.example. A", "below-cut s.example. TXT", "below-cut ns.s.example. TXT"]
    );
    assert_eq!(found("s NS s\ns A 192.0.2.1"), [""; 0]);
    assert_eq!(
        found("s NS n.\nx.s NS n.\ny.x.s AAAA ::1"),
        ["below-cut x.s.example. NS", "below-cut y.x.s.example. AAAA"]
    );
}

#[test]
fn glue_and_addresses_that_are_missing() {
    assert_eq!(found("s NS ns.s\n"), ["missing-glue s.example. NS"]);
    assert_eq!(found("s NS ns2\n"), ["no-address s.example. NS"]);
    assert_eq!(
        found("@ MX 1 mail\nmail TXT x\n*.w TXT x\na SRV 0 0 0 x.w\n"),
        ["no-address example. MX", "no-address a.example. SRV"]
    );
}

/// RFC 2181 section 10.3; RFC 2782.
#[test]
fn targets_that_are_aliases_or_addresses() {
    let lines = "al CNAME ns\n@ NS al\n@ MX 1 al\na SRV 0 0 0 al\ns NS al\nb MX 1 192.0.2.1.\nc MX 1 2001:db8::1\nd MX 1 192.0.2.1";
    assert_eq!(
        found(lines),
        [
            "target-is-alias example. NS",
            "target-is-alias example. MX",
            "target-is-alias a.example. SRV",
            "target-is-address b.example. MX",
            "target-is-address c.example. MX",
            "no-address d.example. MX",
            "target-is-alias s.example. NS",
        ]
    );
}

#[test]
fn signatures_and_nsec_of_what_is_not_there() {
    let rrsig = "300 20300101000000 20200101000000 1 @ AA==";
    let lines = format!(
        "a A 192.0.2.1\na RRSIG A 8 2 {rrsig}\na RRSIG MX 8 2 {rrsig}\nb NSEC c NSEC RRSIG\nb RRSIG NSEC 8 2 {rrsig}\n"
    );
    assert_eq!(found(&lines), ["rrsig-without-data a.example. RRSIG", "nsec-without-data b.example. NSEC"]);
}

#[test]
fn the_root_zone_has_no_name_outside_of_it() {
    let settings = Settings::new(crate::Name::root());
    let text = "$TTL 1\n. SOA a. b. 1 2 3 4 5\n. NS a.net.\nnet. NS a.net.\na.net. A 192.0.2.1\n";
    let read = read_zone("root", text.as_bytes(), &settings, &mut no_includes).unwrap();
    assert_eq!(validate(&read.zone), []);
}
