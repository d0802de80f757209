//! What an answer costs without sockets, and what the same would cost by way of typed messages.
//!
//! `cargo bench -p dns-wire --bench answer`

#![allow(clippy::disallowed_types, reason = "the benchmark macro keeps its list in a LazyLock")]

use divan::{Bencher, black_box};
use dns_wire::{Client, Scratch, Sink, Transport, answer};
use hickory_proto::op::{Message, MessageType, Query, ResponseCode};
use hickory_proto::rr::{Name as TypedName, RData, Record, RecordType as TypedType};
use hickory_proto::serialize::binary::{BinDecodable, BinEncodable};
use std::collections::BTreeMap;
use zone_model::catalog::{Catalog, NodeDraft};
use zone_model::{Name, RecordType, Timestamp, rdata};

const NAMES: [u32; 2] = [10_000, 1_000_000];

struct Length(usize);

impl Sink for Length {
    fn message(&mut self, octets: &[u8]) {
        self.0 = octets.len();
    }
}

fn main() {
    divan::main();
}

fn owner(number: u32) -> Name {
    Name::parse(&format!("host-{number}.example.com.")).expect("a name")
}

fn catalog(names: u32) -> Catalog {
    let mut editor = Catalog::new(42).edit();
    let mut apex = NodeDraft::new(true);
    let soa = "ns1.example.com. admin.example.com. 1 7200 3600 1209600 300";
    apex.push(RecordType::SOA, 3600, &[rdata::parse_text(RecordType::SOA, soa).expect("an SOA")]);
    editor.set(&Name::parse("example.com").expect("a name"), &apex);
    for number in 0..names {
        let mut node = NodeDraft::new(false);
        node.push(RecordType::A, 300, &[number.to_be_bytes()]);
        editor.set(&owner(number), &node);
    }
    editor.finish()
}

fn query(name: &str) -> Vec<u8> {
    let mut message = Message::query();
    message.add_query(Query::query(TypedName::from_ascii(name).expect("a name"), TypedType::A));
    message.to_bytes().expect("a query")
}

fn queries(names: u32, existing: bool) -> Vec<Vec<u8>> {
    let name = |number: u32| {
        // A stride that shares no factor with the number of names visits them all, in no order of memory.
        let number = (u64::from(number) * 2_654_435_761 % u64::from(names)) as u32;
        if existing { format!("host-{number}.example.com.") } else { format!("none-{number}.example.com.") }
    };
    (0..4096).map(|number| query(&name(number))).collect()
}

fn run(bencher: Bencher<'_, '_>, names: u32, existing: bool) {
    let (catalog, queries) = (catalog(names), queries(names, existing));
    let client = Client::new(Transport::Udp, "192.0.2.1:4000".parse().expect("an address"), Timestamp(0));
    let (mut scratch, mut next) = (Scratch::new(), 0);
    bencher.bench_local(|| {
        next = (next + 1) % queries.len();
        let mut sink = Length(0);
        black_box(answer(Some(&catalog), &queries[next], &client, &mut scratch, &mut sink));
        sink.0
    });
}

#[divan::bench(args = NAMES, sample_size = 1000)]
fn a_name_that_exists(bencher: Bencher<'_, '_>, names: u32) {
    run(bencher, names, true);
}

#[divan::bench(args = NAMES, sample_size = 1000)]
fn a_name_that_does_not(bencher: Bencher<'_, '_>, names: u32) {
    run(bencher, names, false);
}

/// The same answer by decoding the query into hickory-proto's types, looking a typed name up in a map, and
/// encoding a typed message.
#[divan::bench(args = [10_000], sample_size = 1000)]
fn a_name_that_exists_by_typed_messages(bencher: Bencher<'_, '_>, names: u32) {
    let map: BTreeMap<TypedName, Vec<Record>> = (0..names)
        .map(|number| {
            let name = TypedName::from_ascii(format!("host-{number}.example.com.")).expect("a name");
            let rdata = RData::A(std::net::Ipv4Addr::from(number).into());
            (name.clone(), vec![Record::from_rdata(name, 300, rdata)])
        })
        .collect();
    let (queries, mut next) = (queries(names, true), 0);
    bencher.bench_local(|| {
        next = (next + 1) % queries.len();
        let query = Message::from_bytes(&queries[next]).expect("a query");
        let mut reply = Message::new(query.metadata.id, MessageType::Response, query.metadata.op_code);
        reply.metadata.authoritative = true;
        let question = query.queries[0].clone();
        match map.get(&question.name) {
            Some(records) => reply.answers.extend(records.iter().cloned()),
            None => reply.metadata.response_code = ResponseCode::NXDomain,
        }
        reply.add_query(question);
        reply.to_bytes().expect("an answer").len()
    });
}
