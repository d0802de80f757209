//! RFC 1035 section 4: the message, its limits and its compression; RFC 4343, case.

use crate::support::{Ask, Reply, ask, catalog, check, name, wire};
use zone_model::RecordType;
use zone_model::catalog::NodeDraft;

const ZONE: &str = "
    Example. 3600 SOA ns.Example. admin.Example. 1 7200 3600 1209600 60
    Example. NS ns.Example.
    WWW.Example. A 192.0.2.1
    www.EXAMPLE. MX 10 Mail.Example.
    mail.example. A 192.0.2.2
    alias.example. CNAME Www.eXample.";

/// RFC 4343 section 3: comparison ignores case. RFC 1034 section 3.6: the case of the question is repeated
/// (draft-vixie-dnsext-dns0x20 rests on it), that of RDATA is kept.
#[test]
fn the_questions_case_is_repeated() {
    let zone = catalog(ZONE);
    check(
        &zone,
        "wWw.eXaMpLe. A",
        "NOERROR aa
        answer wWw.eXaMpLe. 300 A 192.0.2.1",
    );
    check(
        &zone,
        "wWw.eXaMpLe. MX",
        "NOERROR aa
        answer wWw.eXaMpLe. 300 MX 10 Mail.eXaMpLe.
        additional Mail.eXaMpLe. 300 A 192.0.2.2",
    );
    check(
        &zone,
        "nO.eXaMpLe. A",
        "NXDOMAIN aa
        authority eXaMpLe. 60 SOA ns.eXaMpLe. admin.eXaMpLe. 1 7200 3600 1209600 60",
    );
    let reply = Ask::new("wWw.eXaMpLe. A").reply(&zone);
    assert_eq!(reply.parsed.question.expect("the question").0.as_wire(), b"\x03wWw\x07eXaMpLe\x00");
}

/// Section 4.1.1: "ID ... This identifier is copied the corresponding reply"; RD is copied, Z is zero.
#[test]
fn the_header_is_that_of_an_answer() {
    let zone = catalog(ZONE);
    for rd in [false, true] {
        let mut question = Ask::new("www.example. A");
        question.message.metadata.recursion_desired = rd;
        question.message.metadata.authentic_data = true;
        let reply = question.reply(&zone);
        assert_eq!(reply.parsed.id, 0x1234);
        let rd = if rd { 0x0100 } else { 0 };
        assert_eq!(reply.parsed.flags, 0x8400 | rd, "QR and AA alone");
    }
}

/// Section 4.1.4: compression, in every section. The same message without it is larger, and says the same.
#[test]
fn names_are_compressed_in_every_section() {
    let zone = catalog(
        "
        example. SOA ns.example. admin.example. 1 7200 3600 1209600 60
        example. NS ns.a.servers.example.
        www.long.label.example. CNAME web.long.label.example.
        web.long.label.example. MX 10 mail.long.label.example.
        web.long.label.example. MX 20 backup.mail.long.label.example.
        mail.long.label.example. A 192.0.2.1
        backup.mail.long.label.example. A 192.0.2.2
        sub.example. NS ns.sub.example.
        sub.example. NS ns2.sub.example.
        ns.sub.example. A 192.0.2.3
        ns2.sub.example. A 192.0.2.4",
    );
    for question in ["www.long.label.example. MX", "x.sub.example. A", "nothing.example. A"] {
        let reply = Ask::new(question).reply(&zone);
        let (wire, head) =
            (reply.octets.len(), 12 + 4 + name(question.split(' ').next().unwrap()).as_wire().len());
        let records = reply.parsed.sections.iter().flatten();
        let plain: usize = records.map(|record| record.owner.as_wire().len() + 10 + record.rdata.len()).sum();
        assert!(wire < head + plain * 4 / 5, "{question}: {wire} octets for {}", head + plain);
        // No name but the question's stands there twice.
        let copies = reply.octets.windows(9).filter(|window| *window == b"\x07example\x00").count();
        assert_eq!(copies, 1, "{question}");
    }
}

/// Section 4.1.4: the end of a name is pointed at, too, where the question has more labels than a message of ordinary size
/// has names.
#[test]
fn a_name_of_very_many_labels_is_pointed_at() {
    let zone = catalog(
        "example. SOA ns.example. admin.example. 1 7200 3600 1209600 60\n*.example. MX 1 mail.elsewhere.example.",
    );
    for labels in [1, 94, 95, 96, 122] {
        let name = "a.".repeat(labels) + "example.";
        let reply = Ask::new(&format!("{name} MX")).reply(&zone);
        // The record's owner is a pointer, and the end of the host that it names.
        let record = 2 + 10 + 2 + b"\x04mail\x09elsewhere".len() + 2;
        assert_eq!(reply.octets.len(), 12 + name.len() + 1 + 4 + record, "{labels} labels");
    }
}

/// And so is each name that an alias leads to: it is the owner of what comes next.
#[test]
fn an_alias_of_very_many_labels_is_pointed_at() {
    for labels in [1, 80, 100, 110] {
        let target = "b.".repeat(labels) + "example.";
        let zone = catalog(&format!(
            "example. SOA ns.example. admin.example. 1 7200 3600 1209600 60\n*.example. CNAME {target}\n{target} A 192.0.2.1"
        ));
        let name = "a.".repeat(labels) + "example.";
        let reply = Ask::new(&format!("{name} A")).reply(&zone);
        let (alias, address) = (2 + 10 + 2 * labels + 2, 2 + 10 + 4);
        assert_eq!(reply.octets.len(), 12 + name.len() + 1 + 4 + alias + address, "{labels} labels");
    }
}

/// RFC 3597 section 4: "to avoid such corruption, servers MUST NOT compress domain names embedded in the RDATA
/// of types that are class-specific or not well-known."
#[test]
fn names_in_later_types_are_not_compressed() {
    let zone = catalog(
        "
        example. SOA ns.example. admin.example. 1 7200 3600 1209600 60
        www.example. SRV 0 0 1 www.example.
        www.example. DNAME www.example.
        www.example. NAPTR 1 1 \"\" \"\" \"\" www.example.",
    );
    for (rtype, length) in [("SRV", 19), ("DNAME", 13), ("NAPTR", 20)] {
        let reply = Ask::new(&format!("www.example. {rtype}")).reply(&zone);
        assert_eq!(reply.octets.len(), 12 + 17 + 12 + length, "{reply}");
    }
}

/// Section 2.3.4: "names 255 octets or less".
#[test]
fn names_of_255_octets_are_served() {
    let label = |letter: &str| letter.repeat(63);
    let long = format!("{}.{}.{}.{}.", label("a"), label("b"), label("c"), "d".repeat(53));
    let owner = format!("{long}example.");
    assert_eq!(name(&owner).as_wire().len(), 255);
    let zone = catalog(&format!(
        "
        example. SOA {owner} {owner} 1 7200 3600 1209600 60
        {owner} CNAME *.example.
        *.example. MX 1 {owner}
        x.example. CNAME {owner}"
    ));
    let reply = Ask::new(&format!("{owner} A")).edns(1232).reply(&zone);
    assert_eq!(reply.answers(), [format!("{owner} 300 CNAME *.example.")]);
    let reply = Ask::new("x.example. MX").edns(1232).reply(&zone);
    assert_eq!(reply.answers().len(), 3);
    assert_eq!(reply.answers()[2], format!("*.example. 300 MX 1 {owner}"));
    let other = owner.replace("dddd", "eeee");
    let reply = Ask::new(&format!("{other} MX")).edns(1232).reply(&zone);
    assert_eq!(reply.answers(), [format!("{other} 300 MX 1 {owner}")]);
    let other = owner.replace("aaaa", "bbbb");
    let reply = Ask::new(&format!("{other} MX")).edns(1232).reply(&zone);
    assert_eq!((reply.rcode(), reply.answers().len()), (3, 0), "an empty non-terminal blocks");
    // 127 labels are the most.
    let deep = format!("{}example.", "a.".repeat(123));
    let reply = Ask::new(&format!("{deep} MX")).edns(1232).reply(&zone);
    assert_eq!(reply.answers(), [format!("{deep} 300 MX 1 {owner}")]);
}

/// RFC 3597 section 3: records of unknown types are carried as they are.
#[test]
fn opaque_types_are_carried() {
    let zone = catalog(
        "
        example. SOA ns.example. admin.example. 1 7200 3600 1209600 60
        x.example. TYPE65280 \\# 5 c00c010203
        x.example. TYPE65534 \\# 1 ff
        x.example. NULL \\# 2 c00c",
    );
    check(
        &zone,
        "x.example. TYPE65280",
        "NOERROR aa
        answer x.example. 300 TYPE65280 \\# 5 C00C010203",
    );
    check(
        &zone,
        "x.example. TYPE65534",
        "NOERROR aa
        answer x.example. 300 TYPE65534 \\# 1 FF",
    );
    check(
        &zone,
        "x.example. TYPE65281",
        "NOERROR aa
        authority example. 60 SOA ns.example. admin.example. 1 7200 3600 1209600 60",
    );
    check(
        &zone,
        "x.example. TYPE0",
        "NOERROR aa
        authority example. 60 SOA ns.example. admin.example. 1 7200 3600 1209600 60",
    );
}

/// RDATA may have no octets at all. hickory-proto does not read that, so only the tests' own parser does.
#[test]
fn empty_rdata_is_carried() {
    let zone = catalog(
        "
        example. SOA ns.example. admin.example. 1 7200 3600 1209600 60
        x.example. TYPE65280 \\# 0
        x.example. TYPE65280 \\# 1 00",
    );
    let question = Ask::new("x.example. TYPE65280");
    let reply = ask::raw(&zone, &question.octets(), &question.client).expect("an answer");
    let sizes: Vec<usize> = wire::parse(&reply).sections[0].iter().map(|record| record.rdata.len()).collect();
    assert_eq!(sizes, [0, 1]);
}

/// Section 4.2.2: a message over TCP has up to 65,535 octets.
#[test]
fn large_rrsets_go_over_tcp() {
    let addresses = |count: u32| {
        let mut editor = catalog("example. SOA ns.example. admin.example. 1 7200 3600 1209600 60").edit();
        let mut draft = NodeDraft::new(false);
        let all: Vec<[u8; 4]> = (0..count).map(u32::to_be_bytes).collect();
        draft.push(RecordType::A, 300, &all);
        editor.set(&name("x.example."), &draft);
        editor.finish()
    };
    // 12 octets of header, 15 of question, 16 for each record: 4,094 fit, and one more does not.
    let zone = addresses(4_094);
    let reply = Ask::new("x.example. A").tcp().reply(&zone);
    assert_eq!((reply.answers().len(), reply.flag('t')), (4_094, false));
    assert_eq!(reply.octets.len(), 12 + 15 + 4_094 * 16);
    let reply = Ask::new("x.example. A").tcp().reply(&addresses(4_095));
    assert_eq!((reply.answers().len(), reply.flag('t')), (0, true));
    let reply = Ask::new("x.example. A").edns(1232).reply(&zone);
    assert_eq!((reply.answers().len(), reply.flag('t')), (0, true));
}

/// Section 4.1.4: a pointer reaches the first 16,384 octets. Names behind them are written out, and no pointer
/// leads there.
#[test]
fn names_far_in_a_message_are_not_pointed_at() {
    let hosts: String =
        (0..1_500).map(|at| format!("x.example. MX {at} host-{at}.mail-{}.test.\n", at % 700)).collect();
    let zone = catalog(&format!(
        "
        example. SOA ns.example. admin.example. 1 7200 3600 1209600 60
        {hosts}"
    ));
    let reply = Ask::new("x.example. MX").tcp().reply(&zone);
    assert_eq!(reply.answers().len(), 1_500);
    assert!(reply.octets.len() > 40_000, "the message must reach beyond the pointers");
    assert_eq!(reply.answers()[1_499], "x.example. 300 MX 1499 host-1499.mail-99.test.");
}

/// Section 6.2: "When processing queries with QCLASS=*, or some other QCLASS which matches multiple classes, the
/// response should never be authoritative".
#[test]
fn all_classes_are_answered_without_authority() {
    let zone = catalog(ZONE);
    let reply = Ask::new("www.example. A").class(255).reply(&zone);
    ask::same(
        &reply,
        "NOERROR
        answer www.example. 300 A 192.0.2.1",
        "QCLASS *",
    );
    let reply = Ask::new("no.example. A").class(255).reply(&zone);
    assert_eq!((reply.rcode(), reply.flag('a')), (3, false));
}

/// A class of which nothing is served is refused; transfers are until they are served (RFC 5936 section 2.2.1).
#[test]
fn other_classes_and_transfers_are_refused() {
    let zone = catalog(ZONE);
    for class in [0, 2, 3, 4, 254, 256, 65_535] {
        ask::same(&Ask::new("www.example. A").class(class).edns(1232).reply(&zone), "REFUSED", "class");
    }
    for question in ["example. AXFR", "example. IXFR", "nobody.test. AXFR"] {
        ask::same(&Ask::new(question).reply(&zone), "REFUSED", question);
        ask::same(&Ask::new(question).tcp().edns(1232).reply(&zone), "REFUSED", question);
    }
}

/// Section 3.2.3: MAILA and MAILB are query types that nothing answers to; types that are no data are not
/// found either.
#[test]
fn query_types_without_data_are_nodata() {
    let zone = catalog(ZONE);
    for rtype in [0u16, 128, 200, 248, 253, 254] {
        let reply = Ask::of(&name("www.example."), RecordType(rtype)).reply(&zone);
        assert_eq!((reply.rcode(), reply.answers().len(), reply.authority().len()), (0, 0, 1), "TYPE{rtype}");
    }
}

/// A reply that a person would read.
#[test]
fn a_reply_reads_back() {
    let reply: Reply = Ask::new("alias.example. A").reply(&catalog(ZONE));
    assert_eq!(
        reply.to_string(),
        "NOERROR aa\nanswer alias.example. 300 CNAME Www.example.\nanswer Www.example. 300 A 192.0.2.1"
    );
}
