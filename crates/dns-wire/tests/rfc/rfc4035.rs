//! RFC 4035 section 3.1.4.1: DS queries at a zone cut. Section 3.1.6: CD and AD.

use crate::support::{Ask, ask::same, catalog, check};

const PARENT: &str = "
    example. SOA ns.example. admin.example. 1 7200 3600 1209600 60
    example. NS ns.example.
    sub.example. NS ns.sub.example.
    sub.example. DS 1 8 2 0101010101010101010101010101010101010101010101010101010101010101
    bare.example. NS ns.bare.example.
    ns.sub.example. A 192.0.2.1
    ";
const CHILD: &str = "
    sub.example. SOA ns.sub.example. admin.example. 2 7200 3600 1209600 61
    sub.example. NS ns.sub.example.
    ns.sub.example. A 192.0.2.1
    bare.example. SOA ns.bare.example. admin.example. 3 7200 3600 1209600 62
    bare.example. NS ns.bare.example.
    ";
const DS: &str = "NOERROR aa
    answer sub.example. 300 DS 1 8 2 0101010101010101010101010101010101010101010101010101010101010101";

/// DS stands on the parent's side of the cut: the parent answers, it does not refer.
#[test]
fn the_parent_answers_at_the_cut() {
    let zones = catalog(PARENT);
    check(&zones, "sub.example. DS", DS);
    check(
        &zones,
        "bare.example. DS",
        "NOERROR aa
        authority example. 60 SOA ns.example. admin.example. 1 7200 3600 1209600 60",
    );
    check(
        &zones,
        "below.sub.example. DS",
        "NOERROR
        authority sub.example. 300 NS ns.sub.example.
        additional ns.sub.example. 300 A 192.0.2.1",
    );
}

/// A server that has both the parent and the child answers for the parent.
#[test]
fn the_parent_answers_where_both_are_here() {
    let child = CHILD.replace("sub.example. NS ns.sub.example.\n    ns.sub.example. A 192.0.2.1", "");
    let zones = catalog(&format!("{PARENT}{child}"));
    check(&zones, "sub.example. DS", DS);
    check(
        &zones,
        "bare.example. DS",
        "NOERROR aa
        authority example. 60 SOA ns.example. admin.example. 1 7200 3600 1209600 60",
    );
    check(
        &zones,
        "sub.example. SOA",
        "NOERROR aa
        answer sub.example. 300 SOA ns.sub.example. admin.example. 2 7200 3600 1209600 61",
    );
    // Every other type, ANY too, is the child's.
    let any = Ask::new("sub.example. ANY").tcp().reply(&zones);
    assert!(any.flag('a') && any.answers().iter().all(|record| !record.contains(" DS ")), "{any}");
    let any = Ask::new("bare.example. ANY").tcp().reply(&zones);
    assert_eq!(any.answers().len(), 2);
}

/// A server that has the child and no zone above it says NODATA, with the child's own SOA.
#[test]
fn the_child_alone_says_nodata() {
    let zones = catalog(CHILD);
    check(
        &zones,
        "sub.example. DS",
        "NOERROR aa
        authority sub.example. 61 SOA ns.sub.example. admin.example. 2 7200 3600 1209600 61",
    );
    // Also where a DS stands there by mistake.
    let zones = catalog(&format!(
        "{CHILD}
        bare.example. DS 1 8 2 0101010101010101010101010101010101010101010101010101010101010101"
    ));
    check(
        &zones,
        "bare.example. DS",
        "NOERROR aa
        authority bare.example. 62 SOA ns.bare.example. admin.example. 3 7200 3600 1209600 62",
    );
}

/// The parent's own matching applies: its cuts and DNAMEs above the child, and the zone above the parent does
/// not count.
#[test]
fn the_parent_matches_down_its_own_zone() {
    let zones = catalog(
        "
        example. SOA ns.example. admin.example. 1 7200 3600 1209600 60
        cut.example. NS ns.elsewhere.test.
        x.cut.example. SOA ns.example. admin.example. 2 7200 3600 1209600 61
        x.cut.example. DS 1 8 2 01010101
        moved.example. DNAME target.example.
        y.moved.example. SOA ns.example. admin.example. 3 7200 3600 1209600 62
        y.target.example. DS 2 8 2 02020202
        a.deep.example. SOA ns.example. admin.example. 4 7200 3600 1209600 63
        . SOA ns. admin. 5 7200 3600 1209600 64",
    );
    check(
        &zones,
        "x.cut.example. DS",
        "NOERROR
        authority cut.example. 300 NS ns.elsewhere.test.",
    );
    check(
        &zones,
        "x.cut.example. SOA",
        "NOERROR aa
        answer x.cut.example. 300 SOA ns.example. admin.example. 2 7200 3600 1209600 61",
    );
    check(
        &zones,
        "y.moved.example. DS",
        "NOERROR aa
        answer moved.example. 300 DNAME target.example.
        answer y.moved.example. 300 CNAME y.target.example.
        answer y.target.example. 300 DS 2 8 2 02020202",
    );
    check(
        &zones,
        "a.deep.example. DS",
        "NOERROR aa
        authority example. 60 SOA ns.example. admin.example. 1 7200 3600 1209600 60",
    );
    check(
        &zones,
        ". DS",
        "NOERROR aa
        authority . 64 SOA ns. admin. 5 7200 3600 1209600 64",
    );
}

/// DS is asked for at names that are no cut, too.
#[test]
fn ds_elsewhere_is_data_like_any_other() {
    let zones = catalog(
        "
        example. SOA ns.example. admin.example. 1 7200 3600 1209600 60
        x.example. DS 1 8 2 01010101
        y.example. CNAME x.example.
        *.w.example. DS 2 8 2 02020202",
    );
    check(
        &zones,
        "y.example. DS",
        "NOERROR aa
        answer y.example. 300 CNAME x.example.
        answer x.example. 300 DS 1 8 2 01010101",
    );
    check(
        &zones,
        "a.w.example. DS",
        "NOERROR aa
        answer a.w.example. 300 DS 2 8 2 02020202",
    );
}

/// Section 3.1.6: "A security-aware name server SHOULD clear the CD bit when composing an authoritative
/// response", and "MUST NOT set the AD bit".
#[test]
fn cd_and_ad_are_clear_in_authoritative_answers() {
    let mut question = Ask::new("sub.example. DS").dnssec();
    question.message.metadata.checking_disabled = true;
    question.message.metadata.authentic_data = true;
    let reply = question.reply(&catalog(PARENT));
    assert_eq!(reply.parsed.flags, 0x8400);
    same(&reply, DS, "CD");
}
