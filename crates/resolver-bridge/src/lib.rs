//! Questions about other people's names: hickory-resolver behind one message.
//!
//! An authoritative server that also recurses for its own clients must keep the two apart: nothing learnt
//! from outside may ever be served as a zone's data. So this actor has a cache, sockets and limits of its
//! own, shares nothing with anybody, and gives back plain records.
//!
//! # Vocabulary
//! - To *forward* is to ask given servers that recurse themselves; to *iterate* is to ask name servers from
//!   the roots downwards. Which of the two is a setting: there are `servers`, or there are none.
//! - A *chain* is the aliases from the question, in their order, and the RRset at their end.
//! - A *negative* answer says that the name does not exist (NXDOMAIN) or has no records of the type (NODATA).
//!   It is an answer and no error, and has the SOA that bounds how long it is true (RFC 2308).
//!
//! ```text
//! Resolve ──▶ ┌──────────────┐   ask    ┌─ Forwarder ── UDP, else TCP ──▶ the given servers
//!             │   Resolver   │ ───────▶ │
//! Resolved ◀──│ Chain, limit │ ◀─────── └─ Iterator ─── UDP, else TCP ──▶ roots, TLDs, zones
//!             └──────────────┘   Reply
//! ```
//!
//! # What is promised
//! - An answer holds the chain from the question and nothing else: other records of a server's answer, and
//!   records of another class, are dropped. Owners have the case in which they were asked for.
//! - RDATA is in uncompressed wire form, to the octet as it came where the type is unknown.
//! - A question takes `timeout_ms` at most, in all. An answer with another ID, question or source than the
//!   question's is ignored (RFC 5452); a truncated one is asked for again over TCP.
//! - A question that failed is not tried again within a second (RFC 9520).
//! - Answers are not validated (DNSSEC). With the DO bit, forwarding passes on signatures as they came;
//!   iterating does not ask for them.
//! - Iterating asks no name server at a private, loopback or other special address unless
//!   `allow_private_servers` is set: anybody's zone can name one.
//!
//! # Example
//! ```
//! use messages::Question;
//! use resolver_bridge::{Config, Resolver};
//! use zone_model::{Name, RecordType};
//!
//! # async fn ask() -> Result<(), Box<dyn std::error::Error>> {
//! let resolver = Resolver::new(&Config::forward_to("192.0.2.53:53".parse()?))?;
//! let question = Question { name: Name::parse("www.example.")?, rtype: RecordType::A };
//! for record in resolver.resolve(&question, false).await?.answers {
//!     println!("{} {} {} {:?}", record.owner, record.ttl, record.rtype, record.rdata);
//! }
//! # Ok(())
//! # }
//! ```

mod actor;
mod chain;
mod config;
mod convert;
mod error;
mod resolver;
mod tally;
mod upstream;

pub use actor::{Handle, ResolverBridge, spawn_standalone};
pub use config::{Config, DNS_PORT, Server};
pub use error::{ConfigError, SpawnError};
pub use resolver::Resolver;
pub use tally::{Outcome, Tally};
