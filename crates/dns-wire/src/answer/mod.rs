//! From a query to its answer: RFC 1034 section 4.3.2 as clarified by RFC 2308, 4592, 6604, 6672, 8020,
//! 8482, 6891 and 9471.
//!
//! ```text
//! read ─▶ classify the name ─┬─ Hit ─────▶ answer, additional
//!           ▲                ├─ NoData ──▶ SOA
//!           │                ├─ Miss ────▶ SOA, NXDOMAIN
//!           │                ├─ Cut ─────▶ referral with glue, or ask the resolver
//!           └── follow ◀─────┼─ Alias, Redirect
//!                            └─ Alien ───▶ refused, or ask the resolver; at a chain's end, what was collected
//! ```
//!
//! It is one function of a catalogue, the query's octets, the client and a sink: no clock, no socket, no
//! allocation. Where the resolver is needed it gives back a [`Pending`] that goes on with what was found.

mod additional;
mod ahead;
mod chain;
mod chaos;
mod classify;
mod direct;
mod pending;

pub use ahead::{Findings, Lookahead, Looked, PLACES};
pub use pending::{Pending, resume};

use crate::client::{Client, Sink, Transport};
use crate::identity::Identity;
use crate::query::{self, Edns, ExtendedError, HEADER, Query, Reject, Reply, rcode};
use crate::writer::{Opt, Targets, Writer};
use ahead::Ahead;
use chain::{Chain, End, Trail};
use zone_model::catalog::{Authority, Node, QueryName};

/// What answering needs beside the query: buffers, of which one set serves any number of queries, one after the
/// other, and what the server says of itself.
#[derive(Debug)]
pub struct Scratch {
    pub(crate) name: QueryName,
    pub(crate) room: Room,
}

/// What is written into.
#[derive(Debug)]
pub(crate) struct Room {
    /// For another name than the one that is looked up.
    pub(crate) other: QueryName,
    pub(crate) targets: Targets,
    trail: Trail,
    pub(crate) message: Box<[u8]>,
    pub(crate) identity: Identity,
}

/// What [`Authority::find`] says of a name.
type Find<'a> = Option<(Node<'a>, usize)>;

/// What came of a query.
#[derive(Debug)]
pub enum Verdict {
    /// The answer was given to the sink.
    Answered(Summary),
    /// Nothing is to be sent: the octets were no query.
    Dropped,
    /// The resolver must be asked first.
    Resolve(Box<Pending>),
}

/// What an answer was, for those who count: in one word, for the reason of [`Query`]'s.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Summary(u64);

/// Where the parts of a [`Summary`] begin that stand behind the RCODE.
const ANSWERS: u32 = 16;
const TRUNCATED: u32 = 32;

// === impl Summary ===

impl Summary {
    #[inline]
    fn new(rcode: u16, truncated: bool, answers: u16) -> Self {
        Self(u64::from(rcode) | u64::from(answers) << ANSWERS | u64::from(truncated) << TRUNCATED)
    }

    /// The RCODE, the extended part included (RFC 6891 section 6.1.3).
    #[inline]
    pub fn rcode(self) -> u16 {
        self.0 as u16
    }

    /// How many records stand in the answer section.
    #[inline]
    pub fn answers(self) -> u16 {
        (self.0 >> ANSWERS) as u16
    }

    /// Whether the answer says that it was truncated.
    #[inline]
    pub fn truncated(self) -> bool {
        self.0 >> TRUNCATED & 1 != 0
    }
}

impl std::fmt::Debug for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Summary")
            .field("rcode", &self.rcode())
            .field("truncated", &self.truncated())
            .field("answers", &self.answers())
            .finish()
    }
}

// === impl Scratch ===

impl Scratch {
    /// Buffers for messages of any size, of a server that says nothing of itself.
    pub fn new() -> Self {
        Self::of(Identity::default())
    }

    /// Buffers for messages of any size, of a server that says this of itself.
    pub fn of(identity: Identity) -> Self {
        let message = vec![0; usize::from(u16::MAX)].into_boxed_slice();
        let room = Room {
            other: QueryName::empty(),
            targets: Targets::new(),
            trail: Trail::new(),
            message,
            identity,
        };
        Self { name: QueryName::empty(), room }
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

/// Answers a query from an authority; from `None`, which a node is before it has been in step with its log,
/// every answer is SERVFAIL.
pub fn answer<A: Authority>(
    authority: Option<&A>,
    octets: &[u8],
    client: &Client,
    scratch: &mut Scratch,
    sink: &mut impl Sink,
) -> Verdict {
    let seed = authority.map_or(0, Authority::seed);
    let read = Query::read(octets, &mut scratch.name, seed);
    let looked_up = (read, &mut scratch.name, None, Ahead::Nothing);
    respond(authority, octets, looked_up, client, &mut scratch.room, sink)
}

/// Answers a query that was read, its name with it; of that this was found, and that beside it, if it was looked up.
#[inline]
fn respond<'a, A: Authority>(
    authority: Option<&'a A>,
    octets: &[u8],
    (read, name, found, ahead): (Result<Query, Reject>, &mut QueryName, Find<'a>, Ahead<'_, 'a>),
    client: &Client,
    room: &mut Room,
    sink: &mut impl Sink,
) -> Verdict {
    let query = match read {
        Ok(query) => query,
        Err(reject) => {
            let Some(Reply { rcode, question_end, edns }) = reject.as_reply() else {
                return Verdict::Dropped;
            };
            if rcode == rcode::REFUSED
                && let Some((length, summary)) = chaos::answer(octets, question_end, edns, client, room)
            {
                sink.message(&room.message[..length]);
                return Verdict::Answered(summary);
            }
            let error = matches!(rcode, rcode::NOTIMP | rcode::REFUSED).then_some(ExtendedError::Unsupported);
            return refuse(octets, question_end, edns, (rcode, error), client, room, sink);
        }
    };
    let Some(authority) = authority else {
        let status = (rcode::SERVFAIL, Some(ExtendedError::NotReady));
        return refuse(octets, query.question_end(), query.edns(), status, client, room, sink);
    };
    let found = found.or_else(|| authority.find(name));
    let looked_up = (query, name, found, ahead);
    let Room { other, targets, trail, message, identity } = room;
    let tools = Tools { other, targets, trail, identity };
    let (end, own) = match sink.room() {
        Some(room) => (compose::<true, A>(authority, octets, looked_up, client, room, tools), true),
        None => (compose::<true, A>(authority, octets, looked_up, client, message, tools), false),
    };
    match end {
        End::Message { length, summary } => {
            if own {
                sink.composed(length);
            } else {
                sink.message(&message[..length]);
            }
            Verdict::Answered(summary)
        }
        End::Resolve(pending) => Verdict::Resolve(pending),
    }
}

/// What answering takes beside the buffer.
struct Tools<'r> {
    other: &'r mut QueryName,
    targets: &'r mut Targets,
    trail: &'r mut Trail,
    identity: &'r Identity,
}

/// Composes the answer to a query about a name of which [`Authority::find`] found this; without `DIRECT` by the chain in
/// any case.
#[inline]
fn compose<'a, const DIRECT: bool, A: Authority>(
    authority: &'a A,
    octets: &[u8],
    (query, name, found, ahead): (Query, &mut QueryName, Find<'a>, Ahead<'_, 'a>),
    client: &Client,
    buffer: &mut [u8],
    Tools { other, targets, trail, identity }: Tools<'_>,
) -> End {
    let (edns, limit) = (query.edns().is_some(), size_limit(client, query.edns()));
    let mut writer = Writer::answer(buffer, targets, octets, query.question_end(), edns, limit);
    if DIRECT
        && let Some(found) = found
        && let Some(rcode) = direct::write(authority, &query, (name, other), found, ahead, &mut writer)
    {
        let [high, low] = with_ra(query.answer_flags(), client);
        let aa = if query.any_class() { 0 } else { 0x04 };
        let answers = writer.answers();
        let opt = Opt::of(query.edns(), client, identity);
        let length = writer.finish([high | aa, low], rcode, opt, None);
        return End::Message { length, summary: Summary::new(rcode, false, answers) };
    }
    trail.clear();
    let chain = Chain::new(authority, query, client, identity, writer, (name, other), trail);
    chain.with_found(found).run()
}

/// An answer that says no more than an RCODE, and why.
fn refuse(
    octets: &[u8],
    question_end: usize,
    edns: Option<Edns>,
    (rcode, error): (u16, Option<ExtendedError>),
    client: &Client,
    room: &mut Room,
    sink: &mut impl Sink,
) -> Verdict {
    let flags = query::answer_flags(octets[2]);
    let limit = size_limit(client, edns);
    let mut writer = Writer::answer(
        &mut room.message,
        &mut room.targets,
        octets,
        question_end.max(HEADER),
        edns.is_some(),
        limit,
    );
    let opt = Opt::of(edns, client, &room.identity);
    let length = writer.finish(with_ra(flags, client), rcode, opt, error);
    sink.message(&room.message[..length]);
    Verdict::Answered(Summary::new(rcode, false, 0))
}

/// RA tells the truth: whether this client may have names resolved.
fn with_ra(flags: [u8; 2], client: &Client) -> [u8; 2] {
    [flags[0], flags[1] | if client.recursion { 0x80 } else { 0 }]
}

/// The most octets of an answer: 512 over UDP without EDNS, otherwise what both sides take (RFC 6891
/// sections 6.2.3 to 6.2.5).
fn size_limit(client: &Client, edns: Option<Edns>) -> usize {
    match client.transport {
        Transport::Tcp => client.size_limit,
        Transport::Udp => edns.map_or(512, |edns| usize::from(edns.payload.max(512)).min(client.size_limit)),
    }
}
