//! `cargo run -p examples --bin embed-answer` answers DNS queries out of a map of its own, in a plain `fn main`,
//! without an actor, a socket or a zone-store:
//!
//! ```text
//! printer.lab.example.: No Error
//!   printer.lab.example. 60 IN A 192.0.2.9
//! scanner.lab.example.: No Error
//!   scanner.lab.example. 60 IN CNAME printer.lab.example.
//!   printer.lab.example. 60 IN A 192.0.2.9
//! plotter.lab.example.: Non-Existent Domain
//! www.example.net.: Query Refused
//! ```

use anyhow::{Result, ensure};
use dns_wire::{Authority, Client, Scratch, Transport, Verdict, answer};
use hickory_proto::op::{Message, Query};
use hickory_proto::rr::RecordType as QueryType;
use hickory_proto::serialize::binary::BinEncodable;
use std::collections::BTreeMap;
use zone_model::catalog::{Node, NodeDraft, QueryName};
use zone_model::{Name, RecordType, Timestamp, rdata};

/// The hosts that a program knows: their nodes by their names, in lower-case wire form. A node is octets, with
/// the records as an answer needs them: answering copies, and makes nothing.
#[derive(Default)]
struct Hosts(BTreeMap<Vec<u8>, Vec<u8>>);

impl Hosts {
    fn insert(&mut self, owner: &Name, rtype: RecordType, content: &str, apex: &Name) -> Result<()> {
        let mut draft = NodeDraft::new(owner == apex);
        draft.push(rtype, 60, &[rdata::parse_text(rtype, content)?]);
        let owner = owner.to_lowercase();
        // No zone cut above it, no wildcard below it, and the zone above the apex is not here.
        let node = draft.encode(owner.as_wire(), apex.label_count() as u8, None, false, false);
        self.0.insert(owner.as_wire().to_vec(), node);
        Ok(())
    }
}

impl Authority for Hosts {
    /// What names are hashed with. A map without hashes needs none.
    fn seed(&self) -> u64 {
        0
    }

    fn node<'a>(&'a self, name: &QueryName, labels: usize) -> Option<Node<'a>> {
        self.0.get(name.suffix(labels)).map(|octets| Node::from_bytes(octets))
    }

    fn wildcard<'a>(&'a self, _: &QueryName, _: usize) -> Option<Node<'a>> {
        None
    }
}

fn main() -> Result<()> {
    let apex = Name::parse("lab.example")?;
    let mut hosts = Hosts::default();
    hosts.insert(&apex, RecordType::SOA, "ns.lab.example. root.lab.example. 1 7200 3600 86400 60", &apex)?;
    hosts.insert(&apex.child(b"printer")?, RecordType::A, "192.0.2.9", &apex)?;
    hosts.insert(&apex.child(b"scanner")?, RecordType::CNAME, "printer.lab.example.", &apex)?;

    // One set of buffers serves any number of queries. Time and the client are arguments: nothing is read from
    // the machine, so a test can be at any moment and anybody.
    let mut scratch = Scratch::new();
    let client = Client::new(Transport::Udp, "192.0.2.200:4000".parse()?, Timestamp(1_767_225_600_000));
    for name in ["printer.lab.example.", "scanner.lab.example.", "plotter.lab.example.", "www.example.net."] {
        let mut query = Message::query();
        query.add_query(Query::query(name.parse()?, QueryType::A));
        let mut sent: Vec<Vec<u8>> = Vec::new();
        let verdict = answer(Some(&hosts), &query.to_bytes()?, &client, &mut scratch, &mut sent);
        // Octets that are no query get no answer; and this client may not recurse, so no resolver is asked.
        ensure!(matches!(verdict, Verdict::Answered(_)), "{name}: {verdict:?}");

        for octets in sent {
            let message = Message::from_vec(&octets)?;
            println!("{name}: {}", message.metadata.response_code);
            message.answers.iter().for_each(|record| println!("  {record}"));
        }
    }
    Ok(())
}
