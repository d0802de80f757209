//! What a master file may look like, what is wrong with one, and that what is printed reads back the same.

use super::*;
use crate::rdata;
use crate::rdata::properties::{Source, described, generate};
use crate::rrset::{MAX_TTL, RrSet};
use crate::rtype::RecordType;
use crate::validate::Finding;
use proptest::prelude::*;

fn settings() -> Settings {
    Settings::new("example.com.".parse().unwrap())
}

/// `owner ttl type rdata`, record by record as the file has them.
fn records(text: &str) -> Result<Vec<String>, Vec<MasterError>> {
    let mut all = Vec::new();
    read("test", text.as_bytes(), &settings(), &mut no_includes, &mut |record| {
        let ttl = record.ttl.map_or_else(|| "-".to_owned(), |ttl| ttl.to_string());
        let content = rdata::print_text(record.rtype, record.rdata);
        all.push(format!("{}:{} {ttl} {} {content}", record.line, record.owner, record.rtype));
    })?;
    Ok(all)
}

/// RFC 1035 section 5.3, the example of a master file, with the included file in its place.
#[test]
fn rfc_1035_section_5_3() {
    let text = "@   IN  SOA     VENERA      Action\\.domains (\n                                 20     ; SERIAL\n\
                \x20                                7200   ; REFRESH\n                                 600    ; RETRY\n\
                \x20                                3600000; EXPIRE\n                                 60)    ; MINIMUM\n\n\
                \x20       NS      A.ISI.EDU.\n        NS      VENERA\n        MX      10      VENERA\n\n\
                A       A       26.3.0.103\n\nVENERA  A       10.1.0.52\n        A       128.9.0.32\n\n\
                $INCLUDE <SUBSYS>ISI-MAILBOXES.TXT\n";
    let mailboxes = b"MOE     MB      A.ISI.EDU.\nSTOOGES MG      MOE\n        MG      LARRY\n".to_vec();
    let mut asked = Vec::new();
    let mut include = |path: &str, from: &str| {
        asked.push((path.to_owned(), from.to_owned()));
        Ok((std::sync::Arc::from("mailboxes"), mailboxes.clone()))
    };
    let settings = Settings::new("isi.edu.".parse().unwrap());
    let read = read_zone("isi", text.as_bytes(), &settings, &mut include).unwrap();
    let want = "isi.edu. 60 IN SOA VENERA.isi.edu. Action\\.domains.isi.edu. 20 7200 600 3600000 60\n\
                isi.edu. 60 IN NS A.ISI.EDU.\nisi.edu. 60 IN NS VENERA.isi.edu.\n\
                isi.edu. 60 IN MX 10 VENERA.isi.edu.\na.isi.edu. 60 IN A 26.3.0.103\n\
                moe.isi.edu. 60 IN MB A.ISI.EDU.\nstooges.isi.edu. 60 IN MG MOE.isi.edu.\n\
                 stooges.isi.edu. 60 IN MG LARRY.isi.edu.\nvenera.isi.edu. 60 IN A 10.1.0.52\n\
                venera.isi.edu. 60 IN A 128.9.0.32\n";
    assert_eq!(print(&read.zone, &PrintSettings::default()), want);
    assert_eq!(asked, [("<SUBSYS>ISI-MAILBOXES.TXT".to_owned(), "isi".to_owned())]);
    assert_eq!(read.records, 10);
}

/// RFC 1035 section 5.1: TTL and class are optional and in either order; RFC 2308 section 4: `$TTL`.
#[test]
fn ttl_and_class_in_either_order() {
    let text = "a 60 IN A 192.0.2.1\nb IN 1h A 192.0.2.1\nc in A 192.0.2.1\n A 192.0.2.2\n$TTL 1D ; day\nd A 192.0.2.1\n\
                e 0 CLASS1 A 192.0.2.1\nf A 192.0.2.1\n$TTL 2\nIN IN IN A 192.0.2.1";
    let text = text.replace("IN IN IN", "IN IN");
    let want = [
        "1:a.example.com. 60 A 192.0.2.1",
        "2:b.example.com. 3600 A 192.0.2.1",
        "3:c.example.com. 3600 A 192.0.2.1",
        "4:c.example.com. 3600 A 192.0.2.2",
        "6:d.example.com. 86400 A 192.0.2.1",
        "7:e.example.com. 0 A 192.0.2.1",
        "8:f.example.com. 86400 A 192.0.2.1",
        "10:in.example.com. 2 A 192.0.2.1",
    ];
    assert_eq!(records(&text).unwrap(), want);
    // None of all that is there: an event may have no TTL either. A first SOA has its minimum, as in BIND.
    assert_eq!(records("a A 192.0.2.1").unwrap(), ["1:a.example.com. - A 192.0.2.1"]);
    assert_eq!(records("@ SOA . . 1 2 3 4 5\na A 192.0.2.1").unwrap()[1], "2:a.example.com. 5 A 192.0.2.1");
    // RFC 2181 section 8.
    assert_eq!(records("a 2147483648 A 192.0.2.1").unwrap(), ["1:a.example.com. 0 A 192.0.2.1"]);
}

#[test]
fn origins_comments_parentheses_and_line_ends() {
    let text = "; a comment\r\n\r\n   ; another\r\n$ORIGIN sub\r\n@ A 192.0.2.1;x\r\nw\\.w TXT a\\;b \"c;d\" e;f\r\n\
                $origin other.example.\r\nx ( ; y\r\n  300 ; z\r\n IN ) MX ( 10\r\n\r\n  @ )\r\n\tA 192.0.2.2";
    let want = [
        "5:sub.example.com. - A 192.0.2.1",
        r#"6:w\.w.sub.example.com. - TXT "a;b" "c;d" "e""#,
        "8:x.other.example. 300 MX 10 other.example.",
        "13:x.other.example. 300 A 192.0.2.2",
    ];
    assert_eq!(records(text).unwrap(), want);
    assert_eq!(records("").unwrap(), [""; 0]);
    assert_eq!(records(". A 192.0.2.1").unwrap(), ["1:. - A 192.0.2.1"]);
}

/// RFC 3597 section 5: unknown types and RDATA, and known types in the generic form.
#[test]
fn rfc_3597() {
    let text = "a CLASS1 TYPE731 \\# 6 abcd (\n ef 01 23 45 )\ne IN TYPE1 \\# 4 0A000001\nb TYPE65400 \\# 0";
    let want = [
        r"1:a.example.com. - TYPE731 \# 6 ABCDEF012345",
        "3:e.example.com. - A 10.0.0.1",
        r"4:b.example.com. - TYPE65400 \# 0",
    ];
    assert_eq!(records(text).unwrap(), want);
}

#[test]
fn octets_that_are_no_utf_8_are_octets() {
    let mut all = Vec::new();
    let text = b"a TXT \"caf\xe9\" ; \xff\nb TXT \"\xc3\xa9\"";
    read("test", text, &settings(), &mut no_includes, &mut |record| all.push(record.rdata.to_vec())).unwrap();
    assert_eq!(all, [b"\x04caf\xe9".to_vec(), b"\x02\xc3\xa9".to_vec()]);
}

/// BIND's reference manual, `$GENERATE`: its examples.
#[test]
fn bind_generate() {
    let text = "$TTL 1\n$GENERATE 1-2 @ NS SERVER$.EXAMPLE.\n$GENERATE 1-3/2 $ CNAME $.0\n\
                $GENERATE 1-2 HOST-$ 60 IN MX \"0 .\" ; none\n$GENERATE 10-11 x${-9,3} A 192.0.2.${0,0,d}\nz A 192.0.2.9\n A 192.0.2.8";
    let want = [
        "2:example.com. 1 NS SERVER1.EXAMPLE.",
        "2:example.com. 1 NS SERVER2.EXAMPLE.",
        "3:1.example.com. 1 CNAME 1.0.example.com.",
        "3:3.example.com. 1 CNAME 3.0.example.com.",
        "4:host-1.example.com. 60 MX 0 .",
        "4:host-2.example.com. 60 MX 0 .",
        "5:x001.example.com. 1 A 192.0.2.10",
        "5:x002.example.com. 1 A 192.0.2.11",
        "6:z.example.com. 1 A 192.0.2.9",
        "7:z.example.com. 1 A 192.0.2.8",
    ];
    assert_eq!(records(text).unwrap(), want);
}

#[test]
fn an_error_says_where_and_what() {
    let cases = [
        (" A 192.0.2.1", "test:1:2: the record has no owner"),
        ("a A 192.0.2.1\nb  CH A x", "test:2:4: the class CH is not served"),
        ("a CLASS3 A x", "test:1:3: the class CLASS3 is not served"),
        ("\n\na 5 IN\tA 192.0.2", "test:3:10: A address: `192.0.2` is not an IPv4 address"),
        ("a MX (\n 10\n mail x )", "test:3:7: MX: `x` stands where the record should end"),
        ("a MX 10", "test:1:8: MX exchange is missing: expected a domain name"),
        ("a A 192.0.2.1 (\nb A 192.0.2.2", "test:2:1: A: `b` stands where the record should end"),
        ("a A 192.0.2.1 (\n\n", "test:1:15: A: a `(` is never closed"),
        ("a TXT \"x\nb TXT \"y\"", "test:1:7: TXT: a `\"` is not closed in its line"),
        ("a )", "test:1:3: a `)` without its `(`"),
        ("a", "test:1:2: the line ends where a TTL, the class IN or a record type is expected"),
        ("a 5 6 A x", "test:1:5: `6` is not a TTL"),
        ("a HUGO x", "test:1:3: `HUGO` is not a TTL, the class IN or a record type"),
        ("a AXFR x", "test:1:3: no zone has records of the type AXFR"),
        ("\"a\" A 192.0.2.1", "test:1:1: `a` is not a name, which stands without quotes"),
        ("a..b A 192.0.2.1", "test:1:1: `a..b` is no name: the name has an empty label"),
        ("b\u{e4}r A 192.0.2.1", "test:1:1: `b\u{e4}r` is no name: the name has a character outside ASCII"),
        ("$FOO", "test:1:1: `$FOO` is not a directive"),
        ("$TTL soon", "test:1:6: `soon` is not a TTL"),
        ("$TTL", "test:1:5: the line ends where a TTL is expected"),
        ("$ORIGIN a b", "test:1:11: `b` is not the end of the line"),
        ("$INCLUDE x", "test:1:10: $INCLUDE `x`: files are not included here"),
        ("$GENERATE 2-1 a A 192.0.2.1", "test:1:11: `2-1` is not a range"),
        ("$GENERATE 1-2 a$ A 192.0.2.${300}", "test:1:15: $GENERATE at 1: A address: `192.0.2.301`"),
        ("$GENERATE 0-1000000 a$ A 192.0.2.1", "test:1:11: $GENERATE makes too many records"),
    ];
    for (text, want) in cases {
        let errors = records(text).unwrap_err();
        assert_eq!(errors.len(), 1, "{text}");
        assert!(errors[0].to_string().starts_with(want), "{text} gave {}", errors[0]);
    }
    let error = &records("a A 192.0.2").unwrap_err()[0];
    assert_eq!((error.token(), error.expected()), (Some("192.0.2"), Some("an IPv4 address")));
}

#[test]
fn with_keep_going_all_errors_come_and_what_is_right_between_them() {
    let text = "a A 192.0.2\nb ( MX 10\n)\nc A 192.0.2.1\nd TXT \"x\ne A 192.0.2.2\nf A 1 ( 2\n3 )\ng A ::1\nh A (\ni A 192.0.2.3\n";
    let settings = Settings { keep_going: true, ..settings() };
    let mut owners = Vec::new();
    let errors = read("test", text.as_bytes(), &settings, &mut no_includes, &mut |record| {
        owners.push(record.owner.to_string());
    });
    let lines: Vec<_> = errors.unwrap_err().iter().map(|error| (error.line, error.column)).collect();
    assert_eq!(lines, [(1, 5), (3, 2), (5, 7), (7, 5), (9, 5), (11, 1)]);
    assert_eq!(owners, ["c.example.com.", "e.example.com.", "i.example.com."]);
    let few = Settings { most_errors: 2, ..settings };
    let errors = read("test", text.as_bytes(), &few, &mut no_includes, &mut |_| ()).unwrap_err();
    assert_eq!(errors.len(), 2);
}

/// RFC 1035 section 5.1: an included file changes nothing for the one that includes it.
#[test]
fn an_included_file_has_its_own_origin_and_owner() {
    let mut include = |path: &str, from: &str| match path {
        "one" => Ok((
            std::sync::Arc::from("one"),
            b" A 192.0.2.2\n$ORIGIN x.\ny A 192.0.2.3\n$INCLUDE t\\wo".to_vec(),
        )),
        "two" => Ok((std::sync::Arc::from("two"), format!("z TXT {from}").into_bytes())),
        _ => Err("there is no such file".to_owned()),
    };
    let text = "a A 192.0.2.1\n$INCLUDE one sub ; it\n A 192.0.2.4\nb A 192.0.2.5\n$INCLUDE \"none\"";
    let mut all = Vec::new();
    let settings = Settings { keep_going: true, ..settings() };
    let errors = read("test", text.as_bytes(), &settings, &mut include, &mut |record| {
        all.push(format!("{} {}", record.owner, record.file));
    });
    let want = [
        "a.example.com. test",
        "a.example.com. one",
        "y.x. one",
        "z.x. two",
        "a.example.com. test",
        "b.example.com. test",
    ];
    assert_eq!(all, want);
    assert_eq!(errors.unwrap_err()[0].to_string(), "test:5:10: $INCLUDE `none`: there is no such file");
}

#[test]
fn files_that_include_each_other_end() {
    let mut count = 0;
    let mut include = |_: &str, _: &str| {
        count += 1;
        Ok((std::sync::Arc::from("again"), b"$INCLUDE x\n$INCLUDE x\n".to_vec()))
    };
    let errors = read("test", b"$INCLUDE x", &settings(), &mut include, &mut |_| ()).unwrap_err();
    assert!(errors[0].to_string().contains("include each other too deeply"), "{}", errors[0]);
    let all = Settings { keep_going: true, most_includes: 50, ..settings() };
    read("test", b"$INCLUDE x", &all, &mut include, &mut |_| ()).unwrap_err();
    assert!(count <= 60, "{count}");
}

#[test]
fn what_only_a_file_shows_is_reported_with_its_line() {
    let text = "a 60 A 192.0.2.1\na 30 A 192.0.2.2\nb NS Ns.x.\nb NS ns.x.\n";
    let read = read_zone("test", text.as_bytes(), &settings(), &mut no_includes).unwrap();
    let a = read.zone.get(&"a.example.com.".parse().unwrap(), RecordType::A).unwrap();
    assert_eq!((a.ttl, a.len()), (Some(30), 2));
    assert_eq!(read.zone.record_count(), 3);
    assert!(matches!(read.reports[0].finding, Finding::DifferentTtls { serves: Some(30) }));
    assert!(
        read.reports[0].to_string().starts_with("test:2: warning: a.example.com. A: the TTLs"),
        "{}",
        read.reports[0]
    );
    assert!(
        read.reports[1].to_string().starts_with("test:4: notice: b.example.com. NS: the record"),
        "{}",
        read.reports[1]
    );
    let text = "a CNAME b\na CNAME c\n";
    let errors = read_zone("test", text.as_bytes(), &settings(), &mut no_includes).unwrap_err();
    assert_eq!(
        errors[0].to_string(),
        "test:2:1: a second CNAME record of a.example.com.; a name has at most one"
    );
    let text: String =
        (0..6_000).map(|number| format!("a A 10.0.{}.{}\n", number / 256, number % 256)).collect();
    let errors = read_zone("test", text.as_bytes(), &settings(), &mut no_includes).unwrap_err();
    assert!(
        errors[0].to_string().ends_with("the A records of a.example.com. are more than a message can carry")
    );
}

// === what is printed reads back ===

/// Names of any octets, of which the special ones of master files are likely.
fn owner() -> impl Strategy<Value = Name> {
    let octet = prop_oneof![prop::sample::select(&b"aZ|.\\\"@$;() *\x00\xff09\n"[..]), any::<u8>()];
    let apex: Name = "exAmple.com.".parse().unwrap();
    prop::collection::vec(prop::collection::vec(octet, 1..6), 0..4)
        .prop_map(move |labels| labels.iter().fold(apex.clone(), |name, label| name.child(label).unwrap()))
}

fn rrset() -> impl Strategy<Value = (RecordType, RrSet)> {
    let rtype = prop_oneof![9 => described(), 1 => (1000u16..30_000).prop_map(RecordType)];
    let entropy = prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..4);
    (rtype, prop::option::of(0..=MAX_TTL), entropy).prop_map(|(rtype, ttl, all)| {
        let count = if matches!(rtype.0, 5 | 6 | 39) { 1 } else { all.len() };
        let rdata = |entropy: Vec<u8>| match rtype.0 {
            1000..30_000 => entropy,
            _ => generate(rtype, &mut Source(entropy.into_iter())),
        };
        (rtype, RrSet::new(ttl, all.into_iter().take(count).map(|entropy| rdata(entropy).into_boxed_slice())))
    })
}

fn zone() -> impl Strategy<Value = Zone> {
    prop::collection::vec((owner(), rrset()), 0..12).prop_map(|sets| {
        let mut seen = std::collections::HashSet::new();
        let sets = sets.into_iter().filter(|(owner, (rtype, _))| seen.insert((owner.clone(), *rtype)));
        Zone::of("example.com.".parse().unwrap(), sets.map(|(owner, (rtype, set))| (owner, rtype, set)))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    /// A zone of any names, types and RDATA, printed and read, is the identical zone, TTLs that are missing
    /// included; and printed again the same text.
    #[test]
    fn a_zone_comes_back(zone in zone(), relative in any::<bool>()) {
        let settings = PrintSettings { relative, ..PrintSettings::default() };
        let text = print(&zone, &settings);
        let lines = zone.record_count() + usize::from(relative);
        prop_assert_eq!(text.lines().count(), lines, "{}", text);
        let read = read_zone("printed", text.as_bytes(), &self::settings(), &mut no_includes);
        let read = read.map_err(|errors| TestCaseError::fail(format!("{}\n{text}", errors[0])))?;
        prop_assert_eq!(&read.zone, &zone, "{}", text);
        prop_assert_eq!(read.reports, []);
        prop_assert_eq!(print(&read.zone, &settings), text);
    }

    /// Any text is read or refused, without a panic, and the zone that is read prints and reads again; what stood
    /// outside of it is not printed.
    #[test]
    fn any_text(text in "([a-b@$.\\\\0-9\"();é \t\n]|IN | A | TXT | MX |192.0.2.1\n|\\$ORIGIN |\\$TTL |\\$GENERATE |\n){0,60}") {
        for keep_going in [false, true] {
            let settings = Settings { keep_going, ..settings() };
            if let Ok(read) = read_zone("any", text.as_bytes(), &settings, &mut no_includes) {
                let printed = print(&read.zone, &PrintSettings::default());
                let again = read_zone("printed", printed.as_bytes(), &settings, &mut no_includes);
                let again = again.map_err(|errors| TestCaseError::fail(format!("{}\n{printed}", errors[0])))?;
                prop_assert_eq!(again.zone.rrsets(), read.zone.rrsets());
                prop_assert_eq!(again.zone.outside(), []);
            }
        }
    }
}
