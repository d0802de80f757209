//! What the catalogue and the decoder cost: looking a name up, taking a change in, reading an event.
//!
//! `cargo bench -p zone-model --bench catalog`

#![allow(clippy::disallowed_types, reason = "the benchmark macro keeps its list in a LazyLock")]

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use zone_model::catalog::{Authority, NodeDraft, QueryName};
use zone_model::decode::decode;
use zone_model::{
    Catalog, EventBody, Name, Partition, Position, RawEvent, RecordType, Timestamp, journal, rdata,
};

/// Names in the one zone. The largest wants some gigabytes of memory.
const NAMES: [u32; 3] = [10_000, 1_000_000, 10_000_000];
/// Names that are asked for in turn, more than any cache holds the pages of.
const ASKED: u32 = 65_536;

fn main() {
    divan::main();
}

fn owner(number: u32) -> Name {
    Name::parse(&format!("host-{number}.example.com.")).expect("a name")
}

fn draft(address: u32) -> NodeDraft {
    let mut node = NodeDraft::new(false);
    node.push(RecordType::A, 300, &[address.to_be_bytes()]);
    node
}

fn catalog(names: u32) -> Catalog {
    let mut editor = Catalog::new(42).edit();
    let mut apex = NodeDraft::new(true);
    let soa = "ns1.example.com. admin.example.com. 1 7200 3600 1209600 300";
    apex.push(RecordType::SOA, 3600, &[rdata::parse_text(RecordType::SOA, soa).expect("an SOA")]);
    editor.set(&Name::parse("example.com").expect("a name"), &apex);
    for number in 0..names {
        editor.set(&owner(number), &draft(number));
    }
    editor.finish()
}

/// A number below `names`: a stride that shares no factor with it visits all, in no order of memory.
fn spread(number: u32, names: u32) -> u32 {
    (u64::from(number) * 2_654_435_761 % u64::from(names)) as u32
}

fn look_up(bencher: Bencher<'_, '_>, names: u32, prefix: &str) {
    let catalog = catalog(names);
    let wires: Vec<Vec<u8>> = (0..ASKED)
        .map(|number| {
            let name = format!("{prefix}-{}.example.com.", spread(number, names));
            Name::parse(&name).expect("a name").as_wire().to_vec()
        })
        .collect();
    let (mut name, mut next) = (QueryName::empty(), 0);
    bencher.bench_local(|| {
        next = (next + 1) % wires.len();
        let read = name.read(&wires[next], catalog.seed());
        black_box((read.is_ok(), catalog.find(&name).map(|(node, labels)| (node.is_empty(), labels))))
    });
}

/// One at a time: what a batch gains by waiting for many memory lines at once is not in this figure.
#[divan::bench(args = NAMES, sample_size = 1000)]
fn look_up_a_name_that_exists(bencher: Bencher<'_, '_>, names: u32) {
    look_up(bencher, names, "host");
}

#[divan::bench(args = NAMES, sample_size = 1000)]
fn look_up_a_name_that_does_not(bencher: Bencher<'_, '_>, names: u32) {
    look_up(bencher, names, "none");
}

/// The next catalogue from a batch of so many changes, and the one before it dropped.
fn apply(bencher: Bencher<'_, '_>, names: u32, batch: u32) {
    let (mut catalog, mut next) = (catalog(names), 0);
    bencher.counter(ItemsCount::new(batch)).bench_local(|| {
        let mut editor = catalog.edit();
        for _ in 0..batch {
            next += 1;
            editor.set(&owner(spread(next, names)), &draft(next));
        }
        catalog = editor.finish();
    });
}

#[divan::bench(args = [1_000, 10_000, 1_000_000, 10_000_000], sample_size = 100)]
fn apply_one_change(bencher: Bencher<'_, '_>, names: u32) {
    apply(bencher, names, 1);
}

#[divan::bench(args = [1_000, 10_000, 1_000_000, 10_000_000], sample_size = 10)]
fn apply_a_hundred_changes(bencher: Bencher<'_, '_>, names: u32) {
    apply(bencher, names, 100);
}

const LINE: &str = r#"{"key":"www.example.com.|A","value":[{"name":"www.example.com.","type":"A","content":"192.0.2.1","ttl":300}],"timestamp":1732300000000}"#;

#[divan::bench]
fn read_a_line_of_a_journal() -> bool {
    journal::parse(black_box(LINE.as_bytes())).is_ok()
}

/// By type: key and value.
const EVENTS: [(&str, &str); 4] = [
    ("www.example.com.|A", r#"[{"name":"www.example.com.","type":"A","content":"192.0.2.1","ttl":300}]"#),
    (
        "example.com.|MX",
        r#"[{"name":"example.com.","type":"MX","content":"mail.example.com.","priority":10,"ttl":300}]"#,
    ),
    (
        "example.com.|TXT",
        r#"[{"name":"example.com.","type":"TXT","content":"\"v=spf1 ip4:192.0.2.0/24 -all\"","ttl":300}]"#,
    ),
    (
        "example.com.|SOA",
        r#"[{"name":"example.com.","type":"SOA","content":"ns1.example.com. admin.example.com. 1 7200 3600 1209600 300","ttl":300,"metadatas":{"createdAt":"2024-01-01T00:00:00Z","producer":"bench"}}]"#,
    ),
];

#[divan::bench(args = ["A", "MX", "TXT", "SOA"])]
fn decode_an_event(bencher: Bencher<'_, '_>, kind: &str) {
    let (key, value) = EVENTS.iter().find(|(key, _)| key.ends_with(&format!("|{kind}"))).expect("an event");
    let raw = RawEvent {
        partition: Partition(0),
        position: Position::new(&[1]).expect("a position"),
        timestamp: Timestamp(1_732_300_000_000),
        key: key.as_bytes().to_vec(),
        value: Some(value.as_bytes().to_vec()),
        headers: Default::default(),
    };
    assert!(matches!(decode(raw.clone()).body, EventBody::Set(_)), "{key} is usable");
    bencher.with_inputs(|| raw.clone()).bench_values(decode);
}
