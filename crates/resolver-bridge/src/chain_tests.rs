//! Chains by the rules of RFC 1034 section 3.6.2, RFC 2181 section 5.4.1 and RFC 6672.

use super::*;

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn record(owner: &str, rtype: RecordType, rdata: &[u8]) -> Record {
    Record { owner: name(owner), rtype, ttl: 60, rdata: rdata.into() }
}

fn a(owner: &str, last: u8) -> Record {
    record(owner, RecordType::A, &[192, 0, 2, last])
}

fn alias(owner: &str, target: &str) -> Record {
    record(owner, RecordType::CNAME, name(target).as_wire())
}

fn about(question: &str) -> Chain {
    Chain::new(name(question), RecordType::A)
}

// RFC 2181 section 5.4.1: only what answers the question may be taken from an answer section.
#[test]
fn what_does_not_belong_to_the_chain_is_dropped() {
    let mut chain = about("www.example.");
    let answers = [
        a("victim.test.", 66),
        a("web.example.", 1),
        alias("victim.test.", "web.example."),
        alias("www.example.", "web.example."),
        record("web.example.", RecordType::TXT, b"\x01x"),
        a("web.example.", 2),
        record("web.example.", RecordType::RRSIG, &[0, 16, 1, 2]),
    ];
    assert_eq!(chain.extend(&answers), Progress::Complete);
    let expected = [alias("www.example.", "web.example."), a("web.example.", 1), a("web.example.", 2)];
    assert_eq!(chain.into_records(), expected);
}

// RFC 1034 section 4.3.2: a chain is given in the order in which it is followed.
#[test]
fn a_chain_comes_out_in_its_order_whatever_the_order_of_the_answer() {
    let mut chain = about("1.example.");
    let answers = [a("3.example.", 7), alias("2.example.", "3.example."), alias("1.example.", "2.example.")];
    assert_eq!(chain.extend(&answers), Progress::Complete);
    let owners: Vec<String> = chain.into_records().iter().map(|record| record.owner.to_string()).collect();
    assert_eq!(owners, ["1.example.", "2.example.", "3.example."]);
}

#[test]
fn a_chain_may_need_several_answers() {
    let mut chain = about("1.example.");
    assert_eq!(chain.extend(&[alias("1.example.", "2.test.")]), Progress::Alias);
    assert_eq!(chain.end(), &name("2.test."));
    assert_eq!(chain.extend(&[a("1.example.", 1)]), Progress::None);
    assert_eq!(chain.extend(&[a("2.test.", 1)]), Progress::Complete);
    assert_eq!(chain.into_records().len(), 2);
}

// RFC 1034 section 3.6.2: "CNAME chains should be followed and CNAME loops signalled as an error".
#[test]
fn a_loop_ends() {
    for answers in [
        vec![alias("1.example.", "1.example.")],
        vec![alias("1.example.", "2.example."), alias("2.example.", "1.example.")],
    ] {
        assert_eq!(about("1.example.").extend(&answers), Progress::Loop);
    }
    let long: Vec<Record> =
        (0..20).map(|at| alias(&format!("{at}.example."), &format!("{}.example.", at + 1))).collect();
    let mut chain = about("0.example.");
    assert_eq!(chain.extend(&long), Progress::Loop);
    assert_eq!(chain.into_records().len(), MOST_ALIASES);
}

// RFC 1034 section 3.6.2: a question for CNAME is answered with it and not followed; likewise ANY.
#[test]
fn a_question_for_the_alias_itself_is_answered_with_it() {
    let answers = [alias("1.example.", "2.example."), a("2.example.", 1)];
    for rtype in [RecordType::CNAME, RecordType::ANY] {
        let mut chain = Chain::new(name("1.example."), rtype);
        assert_eq!(chain.extend(&answers), Progress::Complete);
        assert_eq!(chain.into_records(), answers[..1]);
    }
}

// RFC 4343: names are compared without case; the answer has the owner as it was asked for.
#[test]
fn owners_are_matched_without_case_and_given_as_asked() {
    let mut chain = about("wWw.Example.");
    assert_eq!(chain.extend(&[a("www.example.", 1)]), Progress::Complete);
    assert_eq!(chain.into_records()[0].owner.to_string(), "wWw.Example.");
}

// RFC 6672 section 3.1: the DNAME stands before the CNAME that was made of it.
#[test]
fn a_dname_goes_with_the_alias_that_it_makes_and_only_with_that() {
    let dname = record("example.", RecordType::DNAME, name("test.").as_wire());
    let signature = record("example.", RecordType::RRSIG, &[0, 39, 8, 1]);
    let mut chain = about("www.example.");
    let answers = [alias("www.example.", "www.test."), dname.clone(), signature.clone(), a("www.test.", 1)];
    assert_eq!(chain.extend(&answers), Progress::Complete);
    let expected = [dname.clone(), signature, alias("www.example.", "www.test."), a("www.test.", 1)];
    assert_eq!(chain.into_records(), expected);

    let mut chain = about("www.example.");
    assert_eq!(
        chain.extend(&[dname, alias("www.example.", "elsewhere.test."), a("elsewhere.test.", 1)]),
        Progress::Complete
    );
    assert_eq!(chain.into_records().len(), 2);
}

// RFC 4035 section 3.1.1: the signatures of what is answered are answered with it.
#[test]
fn signatures_go_with_what_they_cover() {
    let mut chain = about("1.example.");
    let answers = [
        alias("1.example.", "2.example."),
        record("1.example.", RecordType::RRSIG, &[0, 5, 1]),
        a("2.example.", 1),
        record("2.example.", RecordType::RRSIG, &[0, 1, 1]),
        record("2.example.", RecordType::RRSIG, &[0, 28, 1]),
    ];
    assert_eq!(chain.extend(&answers), Progress::Complete);
    assert_eq!(chain.into_records(), answers[..4]);
}

#[test]
fn a_signature_alone_completes_nothing() {
    let mut chain = about("1.example.");
    assert_eq!(chain.extend(&[record("1.example.", RecordType::RRSIG, &[0, 1, 1])]), Progress::None);
    assert!(chain.into_records().is_empty());
}
