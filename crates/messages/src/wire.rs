//! Between the listeners and the resolver.

use crate::guard::Permit;
use actix::Message;
use zone_model::{Name, Record, RecordType};

/// Asks the resolver about a name that this node has no authority over.
#[derive(Debug, Message)]
#[rtype(result = "Result<Resolution, ResolveError>")]
pub struct Resolve {
    /// The question; class IN.
    pub question: Question,
    /// Whether DNSSEC records are wanted (the DO bit, RFC 3225).
    pub dnssec_ok: bool,
    /// A place among the questions that may be under way at once.
    pub permit: Permit,
}

/// A question of class IN.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    /// The name.
    pub name: Name,
    /// The type.
    pub rtype: RecordType,
}

/// What the DNS at large answered. Never stored in, or answered from, a zone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolution {
    /// The RCODE: NOERROR (0) or NXDOMAIN (3).
    pub rcode: u8,
    /// The answer section: a chain of aliases, in its order, and the RRset at its end.
    pub answers: Vec<Record>,
    /// The authority section: the SOA of a negative answer.
    pub authority: Vec<Record>,
}

/// Why there is no answer; all of them become SERVFAIL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// Nobody answered in time.
    #[error("no server answered in time")]
    Timeout,
    /// Somebody answered that they cannot or will not.
    #[error("the servers asked failed: {0}")]
    Failed(String),
    /// Too many questions are under way.
    #[error("too many questions are under way")]
    Overloaded,
    /// The actor is stopping.
    #[error("the resolver is stopping")]
    Stopping,
}
