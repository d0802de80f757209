//! Events as producers write them, ours and older ones.

use zone_model::decode::{self, ValueError, decode as decode_event};
use zone_model::{
    EventBody, Merged, Partition, Position, RawEvent, SetRrSet, Timestamp, Unusable, encode, rdata,
};

fn body(key: &str, value: Option<&[u8]>) -> EventBody {
    let raw = RawEvent {
        partition: Partition(0),
        position: Position::new(&[1]).expect("a position"),
        timestamp: Timestamp(0),
        key: key.into(),
        value: value.map(Into::into),
        headers: Vec::new(),
    };
    decode_event(raw).body
}

fn set(key: &str, value: &str) -> SetRrSet {
    match body(key, Some(value.as_bytes())) {
        EventBody::Set(set) => set,
        other => panic!("{key} {value} gave {other:?}"),
    }
}

fn unusable(key: &str, value: &str) -> Unusable {
    match body(key, Some(value.as_bytes())) {
        EventBody::Unusable(unusable) => unusable,
        other => panic!("{key} {value} gave {other:?}"),
    }
}

/// The RDATA of an event, in text.
fn texts(key: &str, value: &str) -> Vec<String> {
    let set = set(key, value);
    set.rrset.rdatas().iter().map(|own| rdata::print_text(set.key.rtype, own)).collect()
}

// === what older producers wrote ===

#[test]
fn the_older_servers_exact_format() {
    let value = r#"[{"Name":"www.example.com.","Type":"A","Content":"192.0.2.1","Ttl":3600,"Priority":0,"Metadatas":{"CreatedAt":1573745410,"Producer":"me"}}]"#;
    for key in ["www.example.com.|A", "www.example.com..|A", "www.example.com|A", "WWW.example.com.|a"] {
        let set = set(key, value);
        assert_eq!(set.key.owner.to_string(), "www.example.com.");
        assert_eq!(
            (set.rrset.ttl, set.rrset.rdatas()),
            (Some(3600), &[vec![192, 0, 2, 1].into_boxed_slice()][..])
        );
        let extra = r#"[{"Metadatas":{"CreatedAt":1573745410,"Producer":"me"}}]"#;
        assert_eq!(set.extra.as_deref(), Some(extra));
    }
    // Without metadatas, as its seeding tool wrote them; and an object alone, which the server took as well.
    let bare = r#"{"Name":"www.example.com.","Type":"A","Content":"192.0.2.1","Ttl":3600,"Priority":0}"#;
    for value in [bare.to_owned(), format!("[{bare}]")] {
        assert_eq!(set("www.example.com.|A", &value).extra, None);
    }
    // As its page of documentation had it: lower case and no TTL.
    let documented = r#"[{ "name": "www.example.com", "type": "A", "content": "192.0.2.1", "priority": 0 }]"#;
    assert_eq!(set("www.example.com.|A", documented).rrset.ttl, None);
}

#[test]
fn priority_completes_mx_and_srv() {
    let value = |rtype: &str, content: &str, priority: &str| {
        format!(r#"[{{"name":"a.","type":"{rtype}","content":"{content}","ttl":60,"priority":{priority}}}]"#)
    };
    assert_eq!(texts("a.|MX", &value("MX", "mail.example.", "10")), ["10 mail.example."]);
    assert_eq!(texts("a.|MX", &value("MX", "mail.example.", "0")), ["0 mail.example."]);
    assert_eq!(texts("a.|SRV", &value("SRV", "5 443 host.example.", "10")), ["10 5 443 host.example."]);
    // Where no token is missing it counts for nothing, whatever it is.
    assert_eq!(texts("a.|MX", &value("MX", "20 mail.example.", "0")), ["20 mail.example."]);
    assert_eq!(texts("a.|SRV", &value("SRV", "1 5 443 host.example.", "\"x\"")).len(), 1);
    assert_eq!(texts("a.|MX", &value("MX", "\\\\# 3 000100", "7")), ["1 ."]);
    assert_eq!(texts("a.|SRV", &value("SRV", "\\\\# 7 00010002000300", "7")), ["1 2 3 ."]);
    // And other types know none.
    assert!(unusable("a.|KX", &value("KX", "host.example.", "10")).reason.contains("KX preference"));
    for (priority, want) in
        [("null", "`priority` is missing"), ("65536", "65536, not"), ("-1", "-1, not"), ("\"1\"", "text")]
    {
        let reason = unusable("a.|MX", &value("MX", "mail.example.", priority)).reason;
        assert!(reason.contains(want), "{reason}");
    }
}

/// RFC 1035 section 5.1: words outside quotes are character-strings of their own, as the older server read them.
#[test]
fn txt_without_quotes() {
    let value = |content: &str| format!(r#"[{{"name":"a.","type":"TXT","content":"{content}","ttl":60}}]"#);
    assert_eq!(texts("a.|TXT", &value("v=spf1 -all")), [r#""v=spf1" "-all""#]);
    assert_eq!(texts("a.|TXT", &value("\\\"v=spf1 -all\\\"")), [r#""v=spf1 -all""#]);
    assert!(unusable("a.|TXT", &value("v=DKIM1; k=rsa")).reason.contains("put the text in quotes"));
}

// === the rules of an event ===

#[test]
fn several_records() {
    let value = r#"[{"name":"a","type":"A","content":"192.0.2.2","ttl":300,"x":[1, 2]},
                    {"NAME":"A.","TYPE":"a","CONTENT":"192.0.2.1","TTL":60},
                    {"name":"a..","type":"TYPE1","content":"192.0.2.3","class":"in","ttl":null}]"#;
    let set = set("a.|A", value);
    let want: Vec<_> = [2, 1, 3].map(|last| vec![192, 0, 2, last].into_boxed_slice()).into();
    assert_eq!(set.rrset.rdatas(), want, "in the order of the event");
    assert_eq!(set.rrset.ttl, Some(60), "the lowest");
    assert_eq!(set.extra.as_deref(), Some(r#"[{"x":[1, 2]},{},{"class":"in"}]"#));
    assert_eq!(set.merged, Merged { ttls: true, duplicates: false });
}

/// RFC 2181 section 5: duplicates are one record; so are those that differ in the case of names alone.
#[test]
fn duplicates_are_merged() {
    let value = r#"[{"name":"a.","type":"NS","content":"NS.example.","n":1},
                    {"name":"a.","type":"NS","content":"ns.example","n":2},
                    {"name":"a.","type":"NS","content":"ns2.example.","n":3}]"#;
    assert_eq!(texts("a.|NS", value), ["NS.example.", "ns2.example."]);
    assert_eq!(set("a.|NS", value).extra.as_deref(), Some(r#"[{"n":1},{"n":3}]"#));
    assert_eq!(set("a.|NS", value).merged, Merged { ttls: false, duplicates: true });
    // A duplicate with another TTL is both; an ordinary record is neither.
    let other = r#"[{"name":"a.","type":"A","content":"192.0.2.1","ttl":1},{"name":"a.","type":"A","content":"192.0.2.1"}]"#;
    assert_eq!(set("a.|A", other).merged, Merged { ttls: true, duplicates: true });
    let one = r#"[{"name":"a.","type":"A","content":"192.0.2.1","ttl":1}]"#;
    assert!(!set("a.|A", one).merged.is_any());
    let twice =
        r#"[{"name":"a.","type":"CNAME","content":"B."},{"name":"a.","type":"CNAME","content":"b."}]"#;
    assert_eq!(texts("a.|CNAME", twice), ["B."]);
}

/// RFC 2181 section 8: a TTL above 2^31 − 1 is 0.
#[test]
fn ttls() {
    let value = |ttl: &str| format!(r#"[{{"name":"a.","type":"A","content":"192.0.2.1","ttl":{ttl}}}]"#);
    let cases = [
        ("0", Some(0)),
        ("2147483647", Some(2_147_483_647)),
        ("2147483648", Some(0)),
        ("99999999999", Some(0)),
        ("99999999999999999999999", Some(0)),
        ("null", None),
    ];
    for (ttl, want) in cases {
        assert_eq!(set("a.|A", &value(ttl)).rrset.ttl, want, "{ttl}");
    }
    for ttl in ["-1", "1.5", "60.0", "\"60\"", "true", "[]", "{}", "-99999999999999999999"] {
        let reason = unusable("a.|A", &value(ttl)).reason;
        assert!(reason.starts_with("record 1: the field `ttl` is "), "{ttl} gave {reason}");
    }
}

#[test]
fn the_empty_rrset_is_a_value() {
    for value in ["[]", " [ ] \n"] {
        let set = set("a.|A", value);
        assert!(set.rrset.is_empty() && set.rrset.ttl.is_none() && set.extra.is_none());
    }
}

#[test]
fn nulls() {
    assert!(matches!(body("a.|A", None), EventBody::Null(Some(key)) if key.owner.to_string() == "a."));
    assert_eq!(body("nonsense", None), EventBody::Null(None));
    assert_eq!(body("", None), EventBody::Null(None));
}

#[test]
fn what_cannot_be_used_says_why_and_keeps_its_value() {
    let cases = [
        ("", "the value at byte 0: EOF"),
        ("null", "the JSON text `null`"),
        ("\"x\"", "expected an array of records"),
        ("7", "expected an array of records"),
        ("[1]", "expected an object as record 1"),
        (r#"[{"name":"a.","type":"A","content":"192.0.2.1"},[]]"#, "expected an object as record 2"),
        ("[{]", "the value at byte 2: key must be a string"),
        ("[\n{\"name\":\"a.\",\n!]", "the value at byte 16"),
        ("[] x", "the value at byte 3: trailing characters"),
        (r#"[{"type":"A","content":"192.0.2.1"}]"#, "record 1: the field `name` is missing"),
        (r#"[{"name":"a.","content":"192.0.2.1"}]"#, "record 1: the field `type` is missing"),
        (r#"[{"name":"a.","type":"A"}]"#, "record 1: the field `content` is missing"),
        (r#"[{"name":null,"type":"A","content":"192.0.2.1"}]"#, "record 1: the field `name` is missing"),
        (r#"[{"name":1,"type":"A","content":"192.0.2.1"}]"#, "record 1: the field `name` is 1, not a text"),
        (
            r#"[{"name":"","type":"A","content":"192.0.2.1"}]"#,
            "record 1: its name `` is not the key's owner `a.`",
        ),
        (
            r#"[{"name":"b.a.","type":"A","content":"192.0.2.1"}]"#,
            "record 1: its name `b.a.` is not the key's owner",
        ),
        (r#"[{"name":"a...","type":"A","content":"192.0.2.1"}]"#, "is not the key's owner"),
        (
            r#"[{"name":"a.","type":"","content":"192.0.2.1"}]"#,
            "record 1: its type `` is not the key's type A",
        ),
        (
            r#"[{"name":"a.","type":"AAAA","content":"::1"}]"#,
            "record 1: its type `AAAA` is not the key's type A",
        ),
        (
            r#"[{"name":"a.","type":"A","content":"192.0.2.1","class":"CH"}]"#,
            "record 1: its class is the text \"CH\"",
        ),
        (
            r#"[{"name":"a.","type":"A","content":"192.0.2.1","Content":"192.0.2.1"}]"#,
            "`content` stands there twice",
        ),
        (r#"[{"name":"a.","type":"A","content":""}]"#, "record 1: content: A address is missing"),
        (
            r#"[{"name":"a.","type":"A","content":"192.0.2.1"},{"name":"a.","type":"A","content":"x"}]"#,
            "record 2: content: A address: `x`",
        ),
    ];
    for (value, want) in cases {
        let unusable = unusable("a.|A", value);
        assert!(unusable.reason.contains(want), "{value} gave {}", unusable.reason);
        assert_eq!(unusable.value.as_deref(), Some(value.as_bytes()));
        assert!(unusable.key.is_some());
    }
    let EventBody::Unusable(unusable) = body("nonsense", Some(b"[]")) else { panic!("a key without a type") };
    assert_eq!((unusable.key, unusable.value.as_deref()), (None, Some(&b"[]"[..])));
    assert!(unusable.reason.contains("`nonsense` has no `|`"));
    let EventBody::Unusable(unusable) = body("a.|A", Some(b"[\xff]")) else { panic!("not UTF-8") };
    assert_eq!(unusable.reason, "the value is not UTF-8 from byte 1 on");
}

#[test]
fn the_reason_is_one_line_whatever_it_quotes() {
    let value = "[{\"name\":\"a\\nb\\u001b\",\"type\":\"A\",\"content\":\"192.0.2.1\"}]";
    let reason = unusable("a.|A", value).reason;
    assert_eq!(reason, r"record 1: its name `a\nb\u{1b}` is not the key's owner `a.`");
}

/// RFC 1034 section 3.6.2, RFC 6672 section 2.4, RFC 2181 section 6.1: at most one record.
#[test]
fn types_that_allow_one_record() {
    for (rtype, first, second) in
        [("CNAME", "b.", "c."), ("DNAME", "b.", "c."), ("SOA", "a. b. 1 2 3 4 5", "a. b. 2 2 3 4 5")]
    {
        let value = format!(
            r#"[{{"name":"a.","type":"{rtype}","content":"{first}"}},{{"name":"a.","type":"{rtype}","content":"{second}"}}]"#
        );
        let reason = unusable(&format!("a.|{rtype}"), &value).reason;
        assert_eq!(reason, format!("record 2 is a second {rtype} record; a name has at most one"));
    }
}

/// RFC 1035 section 4.2.2: a message has at most 65,535 octets, so an RRset beyond can never be answered.
#[test]
fn an_rrset_that_no_message_can_carry() {
    let records = |count: usize| {
        let one = |index: usize| {
            let text = format!("{index:05}{}", "x".repeat(250));
            format!(r#"{{"name":"a.","type":"TXT","content":"{text}"}}"#)
        };
        format!("[{}]", (0..count).map(one).collect::<Vec<_>>().join(","))
    };
    let most = decode::MAX_RRSET / (12 + 256);
    assert_eq!(set("a.|TXT", &records(most)).rrset.len(), most);
    let reason = unusable("a.|TXT", &records(most + 1)).reason;
    assert!(reason.starts_with(&format!("with record {} the RRset is larger", most + 1)), "{reason}");
}

#[test]
fn escaped_owners_are_compared_as_names() {
    let value = r#"[{"name":"A\\.b\\|c.example","type":"A","content":"192.0.2.1"}]"#;
    assert_eq!(set(r"a\046b\124c.example.|A", value).key.owner.to_string(), r"a\.b|c.example.");
    let reason =
        unusable(r"a.b.example.|A", r#"[{"name":"a\\.b.example.","type":"A","content":"192.0.2.1"}]"#).reason;
    assert!(reason.contains("is not the key's owner"));
}

// === what we write ===

#[test]
fn a_value_as_the_design_has_it() {
    let owner = "WWW.example.com.".parse().expect("a name");
    let set = set(
        "www.example.com.|A",
        r#"[{"name":"www.example.com.","type":"A","content":"192.0.2.1","ttl":300}]"#,
    );
    let value = encode::value(&owner, set.key.rtype, &set.rrset, Timestamp(1_732_300_000_000), "cli", None);
    let want = r#"[{"name":"www.example.com.","type":"A","content":"192.0.2.1","ttl":300,"metadatas":{"createdAt":1732300000000,"producer":"cli"}}]"#;
    assert_eq!(String::from_utf8_lossy(&value), want);
    let apex = "example.com.".parse().expect("a name");
    assert_eq!(encode::key(&owner, set.key.rtype, None), b"www.example.com.|A");
    assert_eq!(encode::key(&owner, set.key.rtype, Some(&apex)), b"www.example.com.|A|example.com.");
}

#[test]
fn what_else_stood_in_a_record_is_written_again() {
    let owner = "a.".parse().expect("a name");
    let set = set(
        "a.|A",
        r#"[{"name":"a.","type":"A","content":"192.0.2.1"},{"name":"a.","type":"A","content":"192.0.2.2"}]"#,
    );
    let write = |extra| {
        let value = encode::value(&owner, set.key.rtype, &set.rrset, Timestamp(5), "p", Some(extra));
        String::from_utf8_lossy(&value).into_owned()
    };
    let fresh = r#""metadatas":{"createdAt":5,"producer":"p"}"#;
    let record =
        |content: &str, rest: &str| format!(r#"{{"name":"a.","type":"A","content":"{content}",{rest}}}"#);
    assert_eq!(
        write(r#"[{"note":"x","Metadatas":{"Producer":"old"},"TTL":7}]"#),
        format!(
            "[{},{}]",
            record("192.0.2.1", r#""note":"x","Metadatas":{"Producer":"old"}"#),
            record("192.0.2.2", fresh)
        ),
        "older metadatas stay, and no known field is taken from there",
    );
    assert_eq!(write("nonsense"), format!("[{},{}]", record("192.0.2.1", fresh), record("192.0.2.2", fresh)));
}

#[test]
fn a_value_may_be_decoded_alone() {
    let key = decode::decode_key(b"a.|A").expect("a key");
    assert!(decode::decode_value(&key, b"[]").is_ok());
    assert_eq!(decode::decode_value(&key, b"null"), Err(ValueError::JsonNull));
}
