//! Recursion (RFC 1034 section 4.3.1 and 5): what goes to the resolver, and what of its findings is served.

use crate::support::ask::{go_on, same};
use crate::support::{Ask, Reply, catalog, record};
use dns_wire::Pending;
use messages::Resolution;
use zone_model::Catalog;

fn zones() -> Catalog {
    catalog(
        "
        example. SOA ns.example. admin.example. 1 7200 3600 1209600 60
        www.example. A 192.0.2.1
        out.example. CNAME www.target.test.
        back.example. CNAME www.example.
        moved.example. DNAME example.
        sub.example. NS ns.sub.example.
        sub.example. NS ns.elsewhere.test.
        sub.example. DS 1 8 2 01010101
        ns.sub.example. A 192.0.2.53
        *.wild.example. A 192.0.2.2
        round.example. CNAME round.test.",
    )
}

fn resolution(rcode: u8, answers: &[&str], authority: &[&str]) -> Option<Resolution> {
    let records = |lines: &[&str]| lines.iter().map(|line| record(line)).collect();
    Some(Resolution { rcode, answers: records(answers), authority: records(authority) })
}

fn pending(question: &str) -> Box<Pending> {
    match Ask::new(question).edns(1232).recursing().begin(&zones()) {
        Err(pending) => pending,
        Ok(reply) => panic!("answered without the resolver: {reply}"),
    }
}

/// Asks, checks what the resolver is asked, and goes on with what it found.
#[track_caller]
fn resolved(question: &str, asked: &str, found: Option<Resolution>) -> Reply {
    let pending = pending(question);
    assert_eq!(format!("{} {}", pending.question().name, pending.question().rtype), asked);
    go_on(&zones(), pending, found).unwrap_or_else(|pending| panic!("asks again: {:?}", pending.question()))
}

/// RFC 1034 section 4.3.1: recursion is for those who set RD and are allowed it; RA says whether they are.
#[test]
fn recursion_is_desired_and_allowed() {
    let zones = zones();
    let mut allowed = Ask::new("www.target.test. A").recursing();
    allowed.message.metadata.recursion_desired = false;
    same(&allowed.reply(&zones), "REFUSED ra", "RD 0");
    same(&Ask::new("www.target.test. A").desiring().reply(&zones), "REFUSED", "not allowed");
    same(
        &Ask::new("www.sub.example. A").desiring().reply(&zones),
        "NOERROR
        authority sub.example. 300 NS ns.sub.example.
        authority sub.example. 300 NS ns.elsewhere.test.
        additional ns.sub.example. 300 A 192.0.2.53",
        "a referral stays one",
    );
    same(
        &Ask::new("out.example. A").desiring().reply(&zones),
        "NOERROR aa
        answer out.example. 300 CNAME www.target.test.",
        "a chain ends",
    );
    same(
        &Ask::new("www.example. A").recursing().reply(&zones),
        "NOERROR aa ra
        answer www.example. 300 A 192.0.2.1",
        "our own",
    );
}

/// What this node answers itself never goes to the resolver: DS at a cut, NODATA, name errors.
#[test]
fn what_is_ours_is_not_resolved() {
    for (question, rcode) in
        [("sub.example. DS", 0), ("www.example. TXT", 0), ("no.example. A", 3), ("x.moved.example. A", 3)]
    {
        let reply = Ask::new(question).recursing().reply(&zones());
        assert_eq!((reply.rcode(), reply.flag('a'), reply.flag('r')), (rcode, true, true), "{question}");
    }
}

/// A name that is nobody's here: the resolver's answer, without authority.
#[test]
fn a_name_of_others() {
    let found =
        resolution(0, &["www.target.test. 77 A 198.51.100.1", "www.target.test. 77 A 198.51.100.2"], &[]);
    same(
        &resolved("wWw.target.test. A", "wWw.target.test. A", found),
        "NOERROR ra
        answer wWw.target.test. 77 A 198.51.100.1
        answer wWw.target.test. 77 A 198.51.100.2",
        "positive",
    );
    let found = resolution(
        0,
        &[
            "www.target.test. 77 CNAME a.test.",
            "a.test. 5 CNAME b.test.",
            "b.test. 6 A 198.51.100.1",
            "c.test. 6 A 198.51.100.6",
        ],
        &[],
    );
    same(
        &resolved("www.target.test. A", "www.target.test. A", found),
        "NOERROR ra
        answer www.target.test. 77 CNAME a.test.
        answer a.test. 5 CNAME b.test.
        answer b.test. 6 A 198.51.100.1",
        "a chain",
    );
}

/// RFC 2308: name errors and NODATA come with the SOA.
#[test]
fn a_name_that_others_do_not_have() {
    let soa = "test. 60 SOA ns.test. admin.test. 1 7200 3600 1209600 60";
    let found = resolution(3, &["www.target.test. 77 CNAME no.test."], &[soa]);
    same(
        &resolved("www.target.test. A", "www.target.test. A", found),
        &format!(
            "NXDOMAIN ra
        answer www.target.test. 77 CNAME no.test.
        authority {soa}"
        ),
        "NXDOMAIN",
    );
    let found = resolution(0, &[], &[soa]);
    same(
        &resolved("www.target.test. A", "www.target.test. A", found),
        &format!(
            "NOERROR ra
        authority {soa}"
        ),
        "NODATA",
    );
}

/// The resolver failed: SERVFAIL, and nothing of what was begun.
#[test]
fn a_failure_is_servfail() {
    for question in ["www.target.test. A", "out.example. A", "www.sub.example. A"] {
        let reply = go_on(&zones(), pending(question), None).expect("an answer");
        same(&reply, "SERVFAIL ra", question);
        assert!(reply.opt().is_some() && reply.parsed.question.is_some());
    }
}

/// A referral that is followed: the subzone's NS go to the authority section, what the resolver found is the
/// answer.
#[test]
fn a_delegated_name() {
    let found = resolution(0, &["www.sub.example. 77 A 198.51.100.1"], &[]);
    same(
        &resolved("www.Sub.example. A", "www.Sub.example. A", found),
        "NOERROR ra
        answer www.Sub.example. 77 A 198.51.100.1
        authority Sub.example. 300 NS ns.Sub.example.
        authority Sub.example. 300 NS ns.elsewhere.test.",
        "below the cut",
    );
    let soa = "sub.example. 60 SOA ns.sub.example. admin.example. 1 7200 3600 1209600 60";
    let found = resolution(3, &[], &[soa]);
    same(
        &resolved("no.sub.example. A", "no.sub.example. A", found),
        &format!(
            "NXDOMAIN ra
        authority {soa}
        authority sub.example. 300 NS ns.sub.example.
        authority sub.example. 300 NS ns.elsewhere.test."
        ),
        "NXDOMAIN",
    );
    // RFC 2308 section 2.2: without an SOA, NS alone would be taken for a referral.
    same(
        &resolved("no.sub.example. A", "no.sub.example. A", resolution(0, &[], &[])),
        "NOERROR ra",
        "no SOA",
    );
}

/// An alias that leads out of the zones: what was collected, then what the resolver found; AA is that of the
/// first name (RFC 1035 section 4.1.1), the RCODE that of the last (RFC 6604).
#[test]
fn an_alias_that_leads_out() {
    let found = resolution(0, &["www.target.test. 77 A 198.51.100.1"], &[]);
    same(
        &resolved("out.example. A", "www.target.test. A", found),
        "NOERROR aa ra
        answer out.example. 300 CNAME www.target.test.
        answer www.target.test. 77 A 198.51.100.1",
        "positive",
    );
    let soa = "test. 60 SOA ns.test. admin.test. 1 7200 3600 1209600 60";
    let found = resolution(3, &[], &[soa]);
    same(
        &resolved("out.example. A", "www.target.test. A", found),
        &format!(
            "NXDOMAIN aa ra
        answer out.example. 300 CNAME www.target.test.
        authority {soa}"
        ),
        "NXDOMAIN",
    );
}

/// A chain that comes back is ours again from there on, whatever the resolver said: forged records of our own
/// names are never served.
#[test]
fn a_chain_that_comes_back_ends_in_our_zone() {
    let forged = |target: &str| {
        resolution(
            0,
            &[
                &format!("www.target.test. 77 CNAME {target}"),
                &format!("{target} 77 A 203.0.113.66"),
                "www.example. 77 A 203.0.113.66",
            ],
            &["example. 60 SOA forged. forged. 1 7200 3600 1209600 60"],
        )
    };
    same(
        &resolved("www.target.test. A", "www.target.test. A", forged("www.example.")),
        "NOERROR ra
        answer www.target.test. 77 CNAME www.example.
        answer www.example. 300 A 192.0.2.1",
        "exact",
    );
    same(
        &resolved("out.example. A", "www.target.test. A", forged("back.example.")),
        "NOERROR aa ra
        answer out.example. 300 CNAME www.target.test.
        answer www.target.test. 77 CNAME back.example.
        answer back.example. 300 CNAME www.example.
        answer www.example. 300 A 192.0.2.1",
        "through an alias",
    );
    same(
        &resolved("www.target.test. A", "www.target.test. A", forged("no.example.")),
        "NXDOMAIN ra
        answer www.target.test. 77 CNAME no.example.
        authority example. 60 SOA ns.example. admin.example. 1 7200 3600 1209600 60",
        "missing",
    );
    same(
        &resolved("www.target.test. A", "www.target.test. A", forged("x.wild.example.")),
        "NOERROR ra
        answer www.target.test. 77 CNAME x.wild.example.
        answer x.wild.example. 300 A 192.0.2.2",
        "wildcard",
    );
    same(
        &resolved("www.target.test. A", "www.target.test. A", forged("www.moved.example.")),
        "NOERROR ra
        answer www.target.test. 77 CNAME www.moved.example.
        answer moved.example. 300 DNAME example.
        answer www.moved.example. 300 CNAME www.example.
        answer www.example. 300 A 192.0.2.1",
        "DNAME",
    );
}

/// DS at a cut is this node's, though the name is delegated.
#[test]
fn a_forged_ds_for_our_cut_is_not_served() {
    let found =
        resolution(0, &["www.target.test. 77 CNAME sub.example.", "sub.example. 77 DS 6 6 6 0666"], &[]);
    same(
        &resolved("www.target.test. DS", "www.target.test. DS", found),
        "NOERROR ra
        answer www.target.test. 77 CNAME sub.example.
        answer sub.example. 300 DS 1 8 2 01010101",
        "DS",
    );
}

/// What the resolver did find below a cut is served, and goes on where that leads back.
#[test]
fn a_delegated_name_may_lead_back() {
    let found =
        resolution(0, &["a.sub.example. 77 CNAME www.example.", "www.example. 77 A 203.0.113.66"], &[]);
    same(
        &resolved("a.sub.example. A", "a.sub.example. A", found),
        "NOERROR ra
        answer a.sub.example. 77 CNAME www.example.
        answer www.example. 300 A 192.0.2.1",
        "back",
    );
    let found =
        resolution(0, &["www.target.test. 77 CNAME a.sub.example.", "a.sub.example. 5 A 198.51.100.1"], &[]);
    same(
        &resolved("www.target.test. A", "www.target.test. A", found),
        "NOERROR ra
        answer www.target.test. 77 CNAME a.sub.example.
        answer a.sub.example. 5 A 198.51.100.1",
        "into the delegation",
    );
}

/// Records that nobody asked for are not served, in no section.
#[test]
fn what_was_not_asked_for_is_dropped() {
    let found = resolution(
        0,
        &[
            "www.target.test. 77 A 198.51.100.1",
            "www.target.test. 77 AAAA 2001:db8::1",
            "www.example. 77 A 203.0.113.66",
            "other.test. 77 A 203.0.113.66",
        ],
        &["example. 60 SOA forged. forged. 1 7200 3600 1209600 60", "test. NS ns.example."],
    );
    same(
        &resolved("www.target.test. A", "www.target.test. A", found),
        "NOERROR ra
        answer www.target.test. 77 A 198.51.100.1",
        "answer and authority",
    );
    let forged = "example. 60 SOA forged. forged. 1 7200 3600 1209600 60";
    for soa in [forged, "unrelated.org. 60 SOA forged. forged. 1 7200 3600 1209600 60"] {
        let found = resolution(3, &[], &[soa, "www.example. NS forged.", "test. 5 TXT forged"]);
        same(&resolved("no.sub.example. A", "no.sub.example. A", found), "NXDOMAIN ra", soa);
    }
    // Answers about another name are none.
    let found = resolution(0, &["other.test. 77 A 203.0.113.66"], &[]);
    same(&resolved("www.target.test. A", "www.target.test. A", found), "NOERROR ra", "another name");
}

/// RFC 6672 section 5.3.1: a DNAME stands beside the CNAME that was made of it; one above our own names does
/// not come from outside.
#[test]
fn a_dname_of_others() {
    let found = resolution(
        0,
        &[
            "target.test. 77 DNAME real.test.",
            "www.target.test. 77 CNAME www.real.test.",
            "www.real.test. 5 A 198.51.100.1",
        ],
        &[],
    );
    same(
        &resolved("www.target.test. A", "www.target.test. A", found),
        "NOERROR ra
        answer target.test. 77 DNAME real.test.
        answer www.target.test. 77 CNAME www.real.test.
        answer www.real.test. 5 A 198.51.100.1",
        "DNAME",
    );
    let found = resolution(
        0,
        &[
            "example. 77 DNAME real.test.",
            "www.sub.example. 77 CNAME www.sub.real.test.",
            "www.sub.real.test. 5 A 198.51.100.1",
        ],
        &[],
    );
    same(
        &resolved("www.sub.example. A", "www.sub.example. A", found),
        "NOERROR ra
        answer www.sub.example. 77 CNAME www.sub.real.test.
        answer www.sub.real.test. 5 A 198.51.100.1
        authority sub.example. 300 NS ns.sub.example.
        authority sub.example. 300 NS ns.elsewhere.test.",
        "our apex",
    );
}

/// RFC 4035 section 3.1.1: signatures come with what they sign, to those who set DO (RFC 3225).
#[test]
fn signatures_are_for_those_who_want_them() {
    let (a, rrsig) = (
        "www.target.test. 77 A 198.51.100.1",
        "www.target.test. 77 RRSIG A 8 3 77 20300101000000 20200101000000 1 test. AQID",
    );
    let found = || resolution(0, &[a, rrsig], &[]);
    same(
        &resolved("www.target.test. A", "www.target.test. A", found()),
        &format!(
            "NOERROR ra
        answer {a}"
        ),
        "DO 0",
    );
    let Err(pending) = Ask::new("www.target.test. A").dnssec().recursing().begin(&zones()) else {
        panic!("answered")
    };
    assert!(pending.dnssec_ok());
    let reply = go_on(&zones(), pending, found()).expect("an answer");
    same(&reply, &format!("NOERROR ra\nanswer {a}\nanswer {rrsig}"), "DO 1");
}

/// RFC 4035 section 3.2.2: "The name server side MUST copy the setting of the CD bit from a query to the
/// corresponding response" where it recurses.
#[test]
fn cd_is_copied_when_the_resolver_was_asked() {
    let mut question = Ask::new("out.example. A").recursing();
    question.message.metadata.checking_disabled = true;
    let Err(pending) = question.begin(&zones()) else { panic!("answered") };
    let found = resolution(0, &["www.target.test. 77 CNAME www.example."], &[]);
    let reply = go_on(&zones(), pending.clone(), found).expect("an answer");
    assert!(reply.flag('c'), "a chain that comes back");
    let found = resolution(0, &["www.target.test. 77 A 192.0.2.1"], &[]);
    assert!(go_on(&zones(), pending, found).expect("an answer").flag('c'));
}

/// Chains that go out, in, and out again ask again; loops between the zones and the outside end.
#[test]
fn a_chain_may_lead_out_again() {
    let found = resolution(0, &["www.target.test. 77 CNAME round.example."], &[]);
    let Err(pending) = go_on(&zones(), pending("out.example. A"), found) else { panic!("answered") };
    assert_eq!(pending.question().name.to_string(), "round.test.");
    let found = resolution(0, &["round.test. 5 A 198.51.100.1"], &[]);
    let whole = "NOERROR aa ra
        answer out.example. 300 CNAME www.target.test.
        answer www.target.test. 77 CNAME round.example.
        answer round.example. 300 CNAME round.test.
        answer round.test. 5 A 198.51.100.1";
    same(&go_on(&zones(), pending.clone(), found).expect("an answer"), whole, "out again");
    let found = resolution(0, &["round.test. 5 CNAME out.example."], &[]);
    let reply = go_on(&zones(), pending, found).expect("a loop ends");
    assert_eq!((reply.rcode(), reply.answers().len()), (0, 4), "{reply}");
    let found = resolution(0, &["a.test. 5 CNAME b.test.", "b.test. 5 CNAME a.test."], &[]);
    let Err(pending) = Ask::new("a.test. A").recursing().begin(&zones()) else { panic!("answered") };
    assert_eq!(go_on(&zones(), pending, found).expect("a loop ends").rcode(), 0);
}

/// RFC 2181 section 9 holds here too: RRsets are whole; the NS of the delegation are dropped without TC.
#[test]
fn what_does_not_fit() {
    let texts: Vec<String> =
        (0..10).map(|at| format!("www.sub.example. 5 TXT {}{at}", "x".repeat(80))).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let ask = |payload: Option<u16>| {
        let question = Ask::new("www.sub.example. TXT");
        let question = payload.map_or(question.clone(), |payload| question.edns(payload));
        let Err(pending) = question.recursing().begin(&zones()) else { panic!("answered") };
        go_on(&zones(), pending, resolution(0, &texts, &[])).expect("an answer")
    };
    same(&ask(None), "NOERROR tc ra", "no part of an RRset");
    let whole = ask(Some(1232));
    assert_eq!((whole.flag('t'), whole.answers().len(), whole.authority().len()), (false, 10, 2));
    let tight = ask(Some((whole.octets.len() - 1) as u16));
    assert_eq!((tight.flag('t'), tight.answers().len(), tight.authority().len()), (false, 10, 0), "{tight}");
    let soa = format!("sub.example. 60 SOA {0}test. {0}test. 1 7200 3600 1209600 60", "x.".repeat(100));
    let Err(pending) = Ask::new("no.sub.example. A").recursing().begin(&zones()) else { panic!("answered") };
    let reply = go_on(&zones(), pending, resolution(3, &[], &[&soa])).expect("an answer");
    assert!(reply.octets.len() <= 512);
}

/// QTYPE ANY and CNAME are not followed.
#[test]
fn any_and_cname_are_answered_at_the_name() {
    let found = resolution(0, &["www.target.test. 77 CNAME a.test.", "a.test. 5 A 198.51.100.1"], &[]);
    for rtype in ["CNAME", "ANY"] {
        let reply = resolved(
            &format!("www.target.test. {rtype}"),
            &format!("www.target.test. {rtype}"),
            found.clone(),
        );
        same(
            &reply,
            "NOERROR ra
            answer www.target.test. 77 CNAME a.test.",
            rtype,
        );
    }
}
