//! Zones with every shape likely: few labels, so that names meet; every type that matters to the algorithm. And
//! queries about them.

use super::data;
use hickory_proto::rr::RecordType as T;
use hickory_proto::serialize::binary::BinEncodable;
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::BTreeSet;
use std::fmt;

/// The lines of some zones.
#[derive(Clone)]
pub(crate) struct ZoneText(pub(crate) Vec<String>);

impl fmt::Debug for ZoneText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|line| writeln!(f, "    {line}"))
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
    let short = (prop::collection::vec(label, 0..4), base).prop_map(|(labels, base)| {
        let labels: String = labels.iter().map(|label| format!("{label}.")).collect();
        match (labels.is_empty(), base) {
            (true, base) => base.to_owned(),
            (false, ".") => labels,
            (false, base) => labels + base,
        }
    });
    prop_oneof![40 => short, 1 => long_name()]
}

/// A name whose labels leave little room or none: for DNAMEs that make names too long, and for the limits.
fn long_name() -> impl Strategy<Value = String> {
    // 255 octets are the last of these with three labels of 63 and one of 59.
    (0..4usize, select(&[0, 1, 40, 57, 58, 59][..]), select(&["", "*.", "a."][..])).prop_map(
        |(labels, last, first)| {
            let first = if labels == 3 && last > 56 { "" } else { first };
            let last = if last == 0 { String::new() } else { format!("{}.", "m".repeat(last)) };
            format!("{first}{last}{}x.", format!("{}.", "l".repeat(63)).repeat(labels))
        },
    )
}

fn data() -> impl Strategy<Value = String> {
    prop_oneof![
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
        2 => Just("DS 1 8 2 01010101".to_owned()),
        1 => Just("TYPE65280 \\# 3 010203".to_owned()),
        1 => Just("RRSIG A 8 2 300 20300101000000 20200101000000 1 x. AQID".to_owned()),
        1 => (0..600u32).prop_map(|minimum| format!("SOA ns.x. admin.x. 1 2 3 4 {minimum}")),
    ]
}

fn line() -> impl Strategy<Value = String> {
    (name(), 0..600u32, data()).prop_map(|(owner, ttl, data)| format!("{owner} {ttl} {data}"))
}

/// Lines that make one of the shapes that lines by chance seldom make.
fn group() -> impl Strategy<Value = Vec<String>> {
    let chain = (1..20usize, name()).prop_map(|(length, last)| {
        let alias = |at: usize| format!("h{at}.x. 60 CNAME h{}.x.", at + 1);
        (0..length).map(alias).chain([format!("h{length}.x. 60 CNAME {last}")]).collect()
    });
    let large = (name(), 2..14usize).prop_map(|(owner, count)| {
        (0..count).map(|at| format!("{owner} 60 TXT {at}{}", "u".repeat(99))).collect()
    });
    // A cut whose servers' names are below it, beside it, or in the child zone of another.
    let cut = (name(), 1..12usize, any::<u32>()).prop_map(|(cut, count, sides)| {
        let server = |at: usize| {
            let side = if sides >> at & 1 == 0 || cut == "." { "x." } else { &cut };
            let host = format!("ns{at}.{side}");
            vec![
                format!("{cut} 60 NS {host}"),
                format!("{host} 60 A 192.0.2.{at}"),
                format!("{host} 60 AAAA 2001:db8::{at}"),
            ]
        };
        (0..count).flat_map(server).collect()
    });
    prop_oneof![Just(Vec::new()), Just(Vec::new()), chain, large, cut]
}

/// Zones: `x.` always; often one beside it, one below it, seldom the root's; others where an SOA happens to stand.
pub(crate) fn zones() -> impl Strategy<Value = ZoneText> {
    (prop::collection::vec(line(), 0..45), group(), 0..48).prop_map(|(mut lines, group, dice)| {
        lines.insert(0, "x. 300 SOA ns.x. admin.x. 1 2 3 4 60".to_owned());
        for (apex, is_here) in [("y.", dice % 2 > 0), ("a.x.", dice % 3 > 1), (".", dice % 8 > 6)] {
            if is_here {
                lines.push(format!("{apex} 300 SOA ns.x. admin.x. 1 2 3 4 {dice}"));
            }
        }
        lines.extend(group);
        // Such a DNAME hides everything.
        lines.retain(|line| dice < 8 || !(line.starts_with("x. ") && line.contains(" DNAME ")));
        // Names have 255 octets at most, and some types an owner has one record of.
        let mut single = BTreeSet::new();
        lines.retain(|line| {
            let mut words = line.split(' ');
            let (owner, rtype) = (words.next(), words.nth(1));
            let fits = line.split(' ').all(|word| !word.ends_with('.') || word.len() < 255);
            fits && (!matches!(rtype, Some("SOA" | "CNAME" | "DNAME"))
                || single.insert((owner.map(str::to_owned), rtype.map(str::to_owned))))
        });
        ZoneText(lines)
    })
}

/// What a query says by EDNS.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edns {
    pub(crate) payload: u16,
    version: u8,
    flags: u16,
    options: &'static [u8],
}

/// A query, and how it comes.
#[derive(Clone)]
pub(crate) struct Question {
    /// With some capitals.
    pub(crate) name: String,
    pub(crate) rtype: u16,
    pub(crate) class: u16,
    pub(crate) edns: Option<Edns>,
    /// Opcode and RD, as in the header.
    flags: u8,
    pub(crate) tcp: bool,
    /// Whether the server sends everything to a question of type ANY.
    pub(crate) all: bool,
    /// What of the zones it is about, where it is about what they have.
    of: Option<Of>,
}

/// A line of the zones, and what of it is asked for.
#[derive(Clone, Copy, Debug)]
struct Of {
    line: usize,
    /// What stands before the owner's name.
    prefix: &'static str,
    /// Whether the record's own type is asked for.
    typed: bool,
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, rtype, class, edns, flags, tcp, all, of: _ } = self;
        write!(f, "{name} {}, class {class}, {}", T::from(*rtype), if *tcp { "TCP" } else { "UDP" })?;
        if let Some(Edns { payload, version, flags, options }) = edns {
            write!(f, ", EDNS {version} with payload {payload}, flags {flags:#x}, options {options:?}")?;
        }
        write!(f, ", opcode {}, RD {}, ANY gets {}", flags >> 3, flags & 1, if *all { "all" } else { "one" })
    }
}

impl Question {
    /// The query to these zones.
    pub(crate) fn to(&self, zones: &ZoneText) -> Self {
        let Some(Of { line, prefix, typed }) = self.of else { return self.clone() };
        let mut words = zones.0[line % zones.0.len()].split(' ');
        let (owner, rtype) = (words.next().expect("an owner"), words.nth(1).expect("a type"));
        let name =
            if owner == "." && !prefix.is_empty() { prefix.to_owned() } else { format!("{prefix}{owner}") };
        let name = if name.len() < 255 { name } else { owner.to_owned() };
        let name = capitals(&name, self.name.len() as u32 * 0x9e37);
        let rtype = if typed { data::rtype(rtype).into() } else { self.rtype };
        Self { name, rtype, of: None, ..self.clone() }
    }

    pub(crate) fn octets(&self) -> Vec<u8> {
        let mut octets = vec![0x12, 0x34, self.flags, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(self.edns.is_some())];
        octets.extend(data::name(&self.name).to_bytes().expect("a name"));
        octets.extend(self.rtype.to_be_bytes());
        octets.extend(self.class.to_be_bytes());
        if let Some(Edns { payload, version, flags, options }) = self.edns {
            octets.extend([0, 0, 41]);
            octets.extend(payload.to_be_bytes());
            octets.extend([0, version]);
            octets.extend(flags.to_be_bytes());
            octets.extend([0, options.len() as u8]);
            octets.extend(options);
        }
        octets
    }
}

fn edns() -> impl Strategy<Value = Edns> {
    let version = prop_oneof![40 => Just(0), 1 => 1..=255u8];
    let flags = select(&[0, 0x8000, 0x4001][..]);
    const OPTIONS: [&[u8]; 4] =
        [b"", b"", b"\x00\x03\x00\x00", b"\xfd\xe9\x00\x02ab\x00\x0a\x00\x08abcdefgh"];
    let options = select(&OPTIONS[..]);
    let payload = prop_oneof![3 => 0..1300u16, 1 => any::<u16>()];
    (payload, version, flags, options).prop_map(|(payload, version, flags, options)| Edns {
        payload,
        version,
        flags,
        options,
    })
}

pub(crate) fn question() -> impl Strategy<Value = Question> {
    use T::*;
    let usual = select(
        &[A, A, A, AAAA, TXT, NS, SOA, MX, SRV, CNAME, DNAME, DS, ANY, HTTPS, RRSIG, Unknown(65280)][..],
    );
    let odd = select(&[AXFR, IXFR, OPT, TSIG, Unknown(249), Unknown(65535), DNSKEY, NSEC, Unknown(253)][..]);
    let rtype = prop_oneof![40 => usual, 1 => odd].prop_map(u16::from);
    let class = prop_oneof![60 => Just(1u16), 3 => Just(255u16), 1 => select(&[3u16, 4, 254, 65280][..])];
    let name = prop_oneof![12 => name(), 1 => long_name(), 1 => (0..20).prop_map(|at| format!("h{at}.x."))];
    let flags = prop_oneof![20 => Just(0u8), 20 => Just(1u8), 1 => (1..16u8).prop_map(|opcode| opcode << 3)];
    let of = (any::<usize>(), select(&["", "", "", "a.", "*.", "b.c."][..]), any::<bool>())
        .prop_map(|(line, prefix, typed)| Of { line, prefix, typed });
    let how = (prop::option::of(edns()), flags, any::<bool>(), any::<bool>(), prop::option::of(of));
    (name, any::<u32>(), rtype, class, how).prop_map(
        |(name, letters, rtype, class, (edns, flags, tcp, all, of))| {
            let name = capitals(&name, letters);
            Question { name, rtype, class, edns, flags, tcp, all, of }
        },
    )
}

/// The name with some letters as capitals.
fn capitals(name: &str, which: u32) -> String {
    let letter = |(at, letter): (usize, char)| match which >> (at % 32) & 1 {
        0 => letter,
        _ => letter.to_ascii_uppercase(),
    };
    name.char_indices().map(letter).collect()
}
