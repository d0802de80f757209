//! Sockets, EDNS and the answering algorithm of an authoritative DNS server.
//!
//! # The problem
//! A query is to cost next to nothing beyond the two system calls that cannot be avoided, and its answer is
//! to be the one that the RFCs ask for. So a query is answered on the thread that received it, from a
//! snapshot that this thread already holds: no lock, no message, no disk, no allocation.
//!
//! # Vocabulary
//! - A *listener* is a thread with its own sockets, buffers, counters and catalogue; there is one for each
//!   core, and the kernel spreads clients over them.
//! - An *authority* is what answers are composed from: the [`Authority`] trait, implemented by the
//!   [`Catalog`](zone_model::Catalog) that zone-store publishes, or by an embedder.
//! - *Answering* is one function, [`answer`], of (authority, octets, client, sink); it knows no socket.
//!
//! ```text
//!  UDP ─▶ batch ──▶ answer(authority, octets, client, sink) ──▶ batch ─▶ UDP
//!  TCP ─▶ frame ──▶   │ Pending: a name of other people's        frame ─▶ TCP
//!                     ▼                                        ▲
//!                  Resolve ──▶ resolver-bridge ── Resolved ──▶ resume
//!  CatalogPublished ──▶ the listener's next batch is answered from the new catalogue
//! ```
//!
//! # Example
//! ```
//! use dns_wire::{Client, Scratch, Transport, Verdict, answer};
//! use zone_model::catalog::{Catalog, NodeDraft};
//! use zone_model::{Name, RecordType, Timestamp, rdata};
//!
//! let mut editor = Catalog::new(0).edit();
//! let mut apex = NodeDraft::new(true);
//! let soa = "ns.example. admin.example. 1 7200 3600 1209600 60";
//! apex.push(RecordType::SOA, 3600, &[rdata::parse_text(RecordType::SOA, soa)?]);
//! apex.push(RecordType::A, 300, &[rdata::parse_text(RecordType::A, "192.0.2.1")?]);
//! editor.set(&Name::parse("example")?, &apex);
//! let catalog = editor.finish();
//!
//! let query = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x00\x00\x01\x00\x01";
//! let client = Client::new(Transport::Udp, "192.0.2.7:4000".parse()?, Timestamp(0));
//! let mut answers: Vec<Vec<u8>> = Vec::new();
//! let verdict = answer(Some(&catalog), query, &client, &mut Scratch::new(), &mut answers);
//! assert!(matches!(verdict, Verdict::Answered(summary) if summary.answers() == 1));
//! assert_eq!(answers[0][answers[0].len() - 4..], [192, 0, 2, 1]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod actor;
mod answer;
mod client;
mod config;
mod counters;
mod error;
mod identity;
mod listener;
mod net;
mod octets;
mod query;
mod writer;

pub use actor::{BoundWire, ListenerActor, Wire, WirePeers, bind};
pub use answer::{Findings, Lookahead, Looked, PLACES, Pending, Scratch, Summary, Verdict, answer, resume};
pub use client::{AnyAnswer, Client, Sink, Transport};
pub use config::{WireConfig, loopback};
pub use counters::{Counters, Lost};
pub use error::WireError;
pub use identity::Identity;
pub use listener::{Answers, Datagram, Listener};
pub use net::bind::BoundAddresses;
pub use query::{Edns, Query};
pub use zone_model::catalog::Authority;
