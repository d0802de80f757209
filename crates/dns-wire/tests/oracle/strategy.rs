//! Zones with every shape likely: few labels, so that names meet; every type that matters to the algorithm.

use proptest::prelude::*;
use proptest::sample::select;
use std::collections::BTreeSet;
use std::fmt;

/// The lines of some zones.
#[derive(Clone)]
pub(crate) struct ZoneText(pub(crate) Vec<String>);

impl fmt::Debug for ZoneText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|line| write!(f, "\n    {line}"))
    }
}

impl ZoneText {
    pub(crate) fn text(&self) -> String {
        self.0.join("\n")
    }
}

/// A name of few labels, near one of few places.
pub(crate) fn name() -> impl Strategy<Value = String> {
    let base = prop_oneof![
        8 => Just("x."), 3 => Just("a.x."), 2 => Just("b.a.x."), 2 => Just("y."), 1 => Just("."), 1 => Just("nobody.test."),
    ];
    let label = prop_oneof![6 => Just("a"), 6 => Just("b"), 3 => Just("*"), 1 => Just("c")];
    (prop::collection::vec(label, 0..4), base).prop_map(|(labels, base)| {
        let labels: String = labels.iter().map(|label| format!("{label}.")).collect();
        match (labels.is_empty(), base) {
            (true, base) => base.to_owned(),
            (false, ".") => labels,
            (false, base) => labels + base,
        }
    })
}

/// A name whose labels leave no room: for DNAMEs that make names too long.
fn long_name() -> impl Strategy<Value = String> {
    (1..4usize, 40..64usize)
        .prop_map(|(labels, size)| format!("{}x.", format!("{}.", "l".repeat(size)).repeat(labels)))
}

fn line() -> impl Strategy<Value = String> {
    let data = prop_oneof![
        6 => Just("A 192.0.2.1".to_owned()),
        2 => Just("A 192.0.2.2".to_owned()),
        2 => Just("AAAA 2001:db8::1".to_owned()),
        2 => (1..220usize).prop_map(|size| format!("TXT {}", "t".repeat(size))),
        4 => name().prop_map(|target| format!("CNAME {target}")),
        3 => name().prop_map(|target| format!("DNAME {target}")),
        1 => long_name().prop_map(|target| format!("DNAME {target}")),
        6 => name().prop_map(|target| format!("NS {target}")),
        3 => (0..3, name()).prop_map(|(preference, target)| format!("MX {preference} {target}")),
        2 => (0..3, select(&["a.x.", "b.x.", "a.a.x."][..])).prop_map(|(port, target)| format!("SRV 0 0 {port} {target}")),
        1 => (0..2, prop_oneof![name(), Just(".".to_owned())]).prop_map(|(way, target)| format!("HTTPS {way} {target}")),
        1 => Just("DS 1 8 2 01010101".to_owned()),
        1 => Just("TYPE65280 \\# 3 010203".to_owned()),
        1 => Just("RRSIG A 8 2 300 20300101000000 20200101000000 1 x. AQID".to_owned()),
        1 => (0..600u32).prop_map(|minimum| format!("SOA ns.x. admin.x. 1 2 3 4 {minimum}")),
    ];
    (name(), 0..600u32, data).prop_map(|(owner, ttl, data)| format!("{owner} {ttl} {data}"))
}

/// Zones: `x.` always, others where an SOA happens to stand.
pub(crate) fn zones() -> impl Strategy<Value = ZoneText> {
    prop::collection::vec(line(), 3..45).prop_map(|mut lines| {
        lines.insert(0, "x. 300 SOA ns.x. admin.x. 1 2 3 4 60".to_owned());
        // Types of which an owner has one record.
        let mut single = BTreeSet::new();
        lines.retain(|line| {
            let mut words = line.split(' ');
            let (owner, rtype) = (words.next(), words.nth(1));
            !matches!(rtype, Some("SOA" | "CNAME" | "DNAME"))
                || single.insert((owner.map(str::to_owned), rtype.map(str::to_owned)))
        });
        ZoneText(lines)
    })
}

/// A question: name, type, class, EDNS payload (none without EDNS), and which letters are capitals.
#[derive(Clone)]
pub(crate) struct Question {
    pub(crate) name: String,
    pub(crate) rtype: &'static str,
    pub(crate) class: u16,
    pub(crate) payload: Option<u16>,
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, rtype, class, payload } = self;
        write!(f, "{name} {rtype}, class {class}, payload {payload:?}")
    }
}

pub(crate) fn question() -> impl Strategy<Value = Question> {
    let types = select(
        &[
            "A",
            "A",
            "A",
            "AAAA",
            "TXT",
            "NS",
            "SOA",
            "MX",
            "SRV",
            "CNAME",
            "DNAME",
            "DS",
            "ANY",
            "HTTPS",
            "RRSIG",
            "TYPE65280",
        ][..],
    );
    let class = prop_oneof![20 => Just(1u16), 1 => Just(255u16)];
    let name = prop_oneof![12 => name(), 1 => long_name()];
    (name, any::<u32>(), types, class, prop::option::of(0..1300u16)).prop_map(
        |(name, capitals, rtype, class, payload)| {
            let letters = name.char_indices().map(|(at, letter)| match capitals >> (at % 32) & 1 {
                0 => letter,
                _ => letter.to_ascii_uppercase(),
            });
            Question { name: letters.collect(), rtype, class, payload }
        },
    )
}
