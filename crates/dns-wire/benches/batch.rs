//! What an answer costs outside the kernel when 64 queries are at hand: one after the other, and with a look ahead,
//! in one run.
//!
//! `cargo bench -p dns-wire --bench batch [WORLD…]`: numbers of names of one zone, and `zones=N` for N small zones;
//! without any 10,000 and 1,000,000 names, and 100,000 zones.

use dns_wire::{Client, Findings, Lookahead, PLACES, Scratch, Sink, Transport, Verdict, answer};
use std::time::Instant;
use zone_model::catalog::{Builder, Catalog, NodeDraft};
use zone_model::{Name, RecordType, Timestamp, rdata};

/// Queries of a round: more than any cache holds the answers of.
const QUERIES: usize = 1 << 18;
const ROUNDS: usize = 7;

/// As the issue that this was made for has them.
const MIXES: [&str; 3] = ["hot", "mixed", "nx"];

struct Length(usize);

impl Sink for Length {
    fn message(&mut self, octets: &[u8]) {
        self.0 += octets.len();
    }
}

/// What is served.
#[derive(Clone, Copy)]
enum World {
    /// One zone of so many names.
    Names(u64),
    /// So many zones of ten RRsets.
    Zones(u64),
}

/// Numbers in no order, the same in every run (Steele, Lea, Flood: SplitMix64).
struct Dice(u64);

// === impl Dice ===

impl Dice {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
    }
}

fn main() {
    let worlds: Vec<World> =
        std::env::args().skip(1).filter_map(|argument| World::parse(&argument)).collect();
    let usual = vec![World::Names(10_000), World::Names(1_000_000), World::Zones(100_000)];
    let worlds = if worlds.is_empty() { usual } else { worlds };
    println!("{:>14}  {:<6} {:>10} {:>10} {:>6}  octets", "world", "mix", "one by one", "ahead", "ratio");
    for world in worlds {
        let catalog = world.catalog();
        for mix in MIXES {
            compare(&catalog, world, mix);
        }
    }
}

fn compare(catalog: &Catalog, world: World, mix: &str) {
    let mut dice = Dice(7);
    let queries: Vec<Vec<u8>> = (0..QUERIES).map(|_| world.query(mix, &mut dice)).collect();
    let (mut singly, mut ahead) = (Vec::new(), Vec::new());
    let mut octets = (0, 0);
    for _ in 0..ROUNDS {
        let (time, length) = one_by_one(catalog, &queries);
        singly.push(time);
        octets.0 = length;
        let (time, length) = looking_ahead(catalog, &queries);
        ahead.push(time);
        octets.1 = length;
    }
    assert_eq!(octets.0, octets.1, "the answers are the same");
    let (singly, ahead) = (median(singly), median(ahead));
    let each = octets.0 as f64 / QUERIES as f64;
    let world = match world {
        World::Names(names) => format!("{names} names"),
        World::Zones(zones) => format!("{zones} zones"),
    };
    println!("{world:>14}  {mix:<6} {singly:>7.1} ns {ahead:>7.1} ns {:>6.2}  {each:.1}", ahead / singly);
}

fn client() -> Client {
    Client::new(Transport::Udp, "192.0.2.1:4000".parse().expect("an address"), Timestamp(0))
}

fn one_by_one(catalog: &Catalog, queries: &[Vec<u8>]) -> (f64, usize) {
    let (client, mut scratch, mut sink) = (client(), Scratch::new(), Length(0));
    let start = Instant::now();
    for query in queries {
        let verdict = answer(Some(catalog), query, &client, &mut scratch, &mut sink);
        assert!(matches!(verdict, Verdict::Answered(_)));
    }
    (each(start), sink.0)
}

fn looking_ahead(catalog: &Catalog, queries: &[Vec<u8>]) -> (f64, usize) {
    let (client, mut scratch, mut sink) = (client(), Scratch::new(), Length(0));
    let (mut ahead, mut findings) = (Lookahead::new(), Findings::new());
    let start = Instant::now();
    for batch in queries.chunks(PLACES) {
        let mut looked = ahead.look(Some(catalog), batch.iter().map(Vec::as_slice), &mut findings);
        for (place, query) in batch.iter().enumerate() {
            let verdict = looked.answer(place, query, &client, &mut scratch, &mut sink);
            assert!(matches!(verdict, Verdict::Answered(_)));
        }
    }
    (each(start), sink.0)
}

fn each(start: Instant) -> f64 {
    start.elapsed().as_nanos() as f64 / QUERIES as f64
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

// === impl World ===

impl World {
    fn parse(argument: &str) -> Option<Self> {
        match argument.strip_prefix("zones=") {
            Some(zones) => zones.parse().ok().map(Self::Zones),
            None => argument.parse().ok().map(Self::Names),
        }
    }

    fn catalog(self) -> Catalog {
        let mut builder = Builder::new(42);
        match self {
            Self::Names(names) => one_zone(&mut builder, names),
            Self::Zones(zones) => (0..zones).for_each(|zone| small_zone(&mut builder, &apex(zone))),
        }
        builder.finish()
    }

    fn query(self, mix: &str, dice: &mut Dice) -> Vec<u8> {
        let (name, rtype) = match self {
            Self::Names(names) => of_one_zone(mix, names, dice),
            Self::Zones(zones) => of_many_zones(mix, zones, dice),
        };
        let mut octets = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01".to_vec();
        octets.extend_from_slice(Name::parse(&name).expect("a name").as_wire());
        octets.extend_from_slice(&rtype.0.to_be_bytes());
        octets.extend_from_slice(&[0, 1]);
        // OPT with a payload of 1,232 octets.
        octets.extend_from_slice(&[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
        octets
    }
}

fn record(rtype: RecordType, text: &str) -> Box<[u8]> {
    rdata::parse_text(rtype, text).expect("RDATA")
}

fn put(builder: &mut Builder, owner: &str, node: NodeDraft) {
    builder.push(&Name::parse(owner).expect("a name"), node);
}

/// A zone of so many names: most have A, every second AAAA, every fourth MX and TXT, and every tenth is a CNAME.
fn one_zone(builder: &mut Builder, names: u64) {
    let mut apex = NodeDraft::new(true);
    let soa = "ns1.example.com. admin.example.com. 1 7200 3600 1209600 300";
    apex.push(RecordType::SOA, 3600, &[record(RecordType::SOA, soa)]);
    let servers = ["ns1.example.com.", "ns2.example.com."].map(|server| record(RecordType::NS, server));
    apex.push(RecordType::NS, 3600, &servers);
    put(builder, "example.com.", apex);
    for number in 0..names {
        let mut node = NodeDraft::new(false);
        if number % 10 == 9 {
            let target = format!("host-{:07}.example.com.", number / 10 * 10);
            node.push(RecordType::CNAME, 300, &[record(RecordType::CNAME, &target)]);
        } else {
            node.push(RecordType::A, 300, &[(number as u32).to_be_bytes()]);
            if number % 2 == 0 {
                node.push(RecordType::AAAA, 300, &[u128::from(number).to_be_bytes()]);
            }
            if number % 4 == 0 {
                let host = format!("10 host-{:07}.example.com.", number / 2 / 10 * 10);
                node.push(RecordType::MX, 300, &[record(RecordType::MX, &host)]);
                node.push(RecordType::TXT, 300, &[record(RecordType::TXT, "\"v=spf1 mx -all\"")]);
            }
        }
        put(builder, &format!("host-{number:07}.example.com."), node);
    }
    let mut wildcard = NodeDraft::new(false);
    wildcard.push(RecordType::A, 300, &[[192, 0, 2, 1]]);
    put(builder, "*.wild.example.com.", wildcard);
}

fn of_one_zone(mix: &str, names: u64, dice: &mut Dice) -> (String, RecordType) {
    let tens = names / 10;
    let host = |number: u64| format!("host-{number:07}.example.com.");
    let any = dice.next(names);
    let even = |number: u64| host(number / 20 * 20);
    let none = format!("none-{:015x}.example.com.", dice.next(1 << 60));
    match (mix, dice.next(100)) {
        ("hot", _) => (host(dice.next(tens) * 10 + dice.next(9)), RecordType::A),
        ("nx", _) | (_, 80..90) => (none, RecordType::A),
        (_, 0..30) => (host(dice.next(tens) * 10 + dice.next(9)), RecordType::A),
        (_, 30..45) => (even(any), RecordType::AAAA),
        (_, 45..60) => (even(any), RecordType::MX),
        (_, 60..70) => (even(any), RecordType::TXT),
        (_, 70..80) => (host(dice.next(tens) * 10 + 9), RecordType::A),
        (_, 90..95) => (format!("w{any}.wild.example.com."), RecordType::A),
        _ => (even(any), RecordType::SRV),
    }
}

/// The apex of one of many zones.
fn apex(zone: u64) -> String {
    format!("zone-{zone:07}.test.")
}

/// A zone of ten RRsets.
fn small_zone(builder: &mut Builder, apex: &str) {
    let below = |label: &str| format!("{label}.{apex}");
    let rrset = |node: &mut NodeDraft, rtype, text: &str| node.push(rtype, 300, &[record(rtype, text)]);
    let mut node = NodeDraft::new(true);
    let soa = format!("{0} {0} 1 7200 3600 1209600 300", below("ns1"));
    rrset(&mut node, RecordType::SOA, &soa);
    rrset(&mut node, RecordType::NS, &below("ns1"));
    rrset(&mut node, RecordType::MX, &format!("10 {}", below("mail")));
    rrset(&mut node, RecordType::TXT, "\"v=spf1 mx -all\"");
    put(builder, apex, node);
    for label in ["ns1", "mail", "www", "*.wild"] {
        let mut node = NodeDraft::new(false);
        rrset(&mut node, RecordType::A, "192.0.2.1");
        if label == "www" {
            rrset(&mut node, RecordType::AAAA, "2001:db8::80");
        }
        put(builder, &below(label), node);
    }
    let mut alias = NodeDraft::new(false);
    rrset(&mut alias, RecordType::CNAME, &below("www"));
    put(builder, &below("ftp"), alias);
}

fn of_many_zones(mix: &str, zones: u64, dice: &mut Dice) -> (String, RecordType) {
    let apex = apex(dice.next(zones));
    let below = |label: &str| format!("{label}.{apex}");
    let host = ["ns1", "mail", "www"][dice.next(3) as usize];
    let none = format!("none-{:015x}", dice.next(1 << 60));
    match (mix, dice.next(100)) {
        ("hot", _) => (below(host), RecordType::A),
        ("nx", _) | (_, 80..90) => (below(&none), RecordType::A),
        (_, 0..40) => (below(host), RecordType::A),
        (_, 40..60) => (below("www"), RecordType::AAAA),
        (_, 60..65) => (apex, RecordType::MX),
        (_, 65..70) => (apex, RecordType::TXT),
        (_, 70..80) => (below("ftp"), RecordType::A),
        (_, 90..95) => (format!("{none}.wild.{apex}"), RecordType::A),
        _ => (below("mail"), RecordType::AAAA),
    }
}
