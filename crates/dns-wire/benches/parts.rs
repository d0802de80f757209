//! What each kind of answer costs without sockets, and reading a query alone.
//!
//! `cargo bench -p dns-wire --bench parts`

#![allow(clippy::disallowed_types, reason = "the benchmark macro keeps its list in a LazyLock")]

use divan::{Bencher, black_box};
use dns_wire::{Client, Scratch, Sink, Transport, answer};
use hickory_proto::op::{Edns, Message, Query};
use hickory_proto::rr::{Name as TypedName, RecordType as TypedType};
use hickory_proto::serialize::binary::{BinDecodable, BinEncodable};
use zone_model::catalog::{Catalog, NodeDraft};
use zone_model::{Name, RecordType, Timestamp, rdata};

/// The records: owner, type, contents.
const ZONE: [(&str, &str, &[&str]); 12] = [
    ("example.com", "SOA", &["ns1.example.com. admin.example.com. 1 7200 3600 1209600 300"]),
    ("example.com", "NS", &["ns1.example.com.", "ns2.example.com."]),
    ("example.com", "MX", &["10 mail.example.com.", "20 ns1.example.com."]),
    ("ns1.example.com", "A", &["192.0.2.1"]),
    ("ns2.example.com", "A", &["192.0.2.2"]),
    ("mail.example.com", "A", &["192.0.2.3"]),
    ("www.example.com", "A", &["192.0.2.4"]),
    ("alias.example.com", "CNAME", &["www.example.com."]),
    ("*.wild.example.com", "A", &["192.0.2.5"]),
    ("moved.example.com", "DNAME", &["example.com."]),
    ("child.example.com", "NS", &["ns.child.example.com.", "ns2.example.com."]),
    ("ns.child.example.com", "A", &["192.0.2.6"]),
];

/// What is asked, and how many records stand in answer, authority and additional section, OPT counted.
const KINDS: [(&str, &str, TypedType, [usize; 3]); 9] = [
    ("an address", "www.example.com.", TypedType::A, [1, 0, 1]),
    ("two with additional data", "example.com.", TypedType::MX, [2, 0, 3]),
    ("an alias", "alias.example.com.", TypedType::A, [2, 0, 1]),
    ("below a wildcard", "any.wild.example.com.", TypedType::A, [1, 0, 1]),
    ("no such type", "www.example.com.", TypedType::AAAA, [0, 1, 1]),
    ("no such name", "none.example.com.", TypedType::A, [0, 1, 1]),
    ("a referral", "www.child.example.com.", TypedType::A, [0, 2, 3]),
    ("by a DNAME", "www.moved.example.com.", TypedType::A, [3, 0, 1]),
    ("nobody's name", "www.example.net.", TypedType::A, [0, 0, 1]),
];

struct Octets(Vec<u8>);

impl Sink for Octets {
    fn message(&mut self, octets: &[u8]) {
        self.0.clear();
        self.0.extend_from_slice(octets);
    }
}

fn main() {
    divan::main();
}

fn catalog() -> Catalog {
    let mut editor = Catalog::new(42).edit();
    let mut owners: Vec<&str> = ZONE.iter().map(|(owner, ..)| *owner).collect();
    owners.dedup();
    for owner in owners {
        let mut node = NodeDraft::new(owner == "example.com");
        for (_, kind, contents) in ZONE.iter().filter(|(own, ..)| *own == owner) {
            let rtype: RecordType = kind.parse().expect("a type");
            let rdatas: Vec<_> = contents
                .iter()
                .map(|content| rdata::parse_text(rtype, content).expect("a content"))
                .collect();
            node.push(rtype, 300, &rdatas);
        }
        editor.set(&Name::parse(owner).expect("a name"), &node);
    }
    editor.finish()
}

fn query(name: &str, rtype: TypedType) -> Vec<u8> {
    let mut message = Message::query();
    message.add_query(Query::query(TypedName::from_ascii(name).expect("a name"), rtype));
    let mut edns = Edns::new();
    edns.set_max_payload(1232);
    message.edns = Some(edns);
    message.to_bytes().expect("a query")
}

fn client() -> Client {
    Client::new(Transport::Udp, "192.0.2.1:4000".parse().expect("an address"), Timestamp(0))
}

#[divan::bench(args = KINDS.map(|(kind, ..)| kind), sample_size = 1000)]
fn answer_with(bencher: Bencher<'_, '_>, kind: &str) {
    let (_, name, rtype, counts) = KINDS.iter().find(|(own, ..)| *own == kind).expect("a kind");
    let (catalog, query, client) = (catalog(), query(name, *rtype), client());
    let (mut scratch, mut sink) = (Scratch::new(), Octets(Vec::with_capacity(4096)));
    answer(Some(&catalog), &query, &client, &mut scratch, &mut sink);
    let message = Message::from_bytes(&sink.0).expect("an answer");
    let found = [message.answers.len(), message.authorities.len(), message.additionals.len() + 1];
    assert_eq!(found, *counts, "{kind}: {message}");
    bencher.bench_local(|| {
        black_box(answer(Some(&catalog), &query, &client, &mut scratch, &mut sink));
        sink.0.len()
    });
}

/// Header, question and EDNS of a query, and the shortest answer: that of a node that has no catalogue yet.
#[divan::bench(sample_size = 1000)]
fn parse_a_query(bencher: Bencher<'_, '_>) {
    let (query, client) = (query("www.example.com.", TypedType::A), client());
    let (mut scratch, mut sink) = (Scratch::new(), Octets(Vec::with_capacity(4096)));
    bencher.bench_local(|| {
        black_box(answer::<Catalog>(None, &query, &client, &mut scratch, &mut sink));
        sink.0.len()
    });
}
