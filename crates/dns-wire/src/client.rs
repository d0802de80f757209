//! Who asks, and where the answer goes.

use std::net::{IpAddr, SocketAddr};
use zone_model::Timestamp;

/// How a query came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// A datagram.
    Udp,
    /// A stream.
    Tcp,
}

/// What a question of type ANY is answered with, where there is something (RFC 8482).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AnyAnswer {
    /// One RRset (section 4.1).
    One,
    /// All of them.
    All,
}

/// Who asks: everything about a query that is not in its octets.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Client {
    /// How the query came.
    pub transport: Transport,
    /// Where from.
    pub peer: SocketAddr,
    /// The address that was asked, where it is known.
    pub local: Option<IpAddr>,
    /// The most octets that an answer may have on this way, whatever the client says: the server's own EDNS
    /// payload for UDP, 65,535 for TCP.
    pub size_limit: usize,
    /// The UDP payload that the server takes and says in its own OPT records.
    pub payload: u16,
    /// Whether this client may have names resolved that are not served here.
    pub recursion: bool,
    /// What a question of type ANY is answered with.
    pub any: AnyAnswer,
    /// The present.
    pub now: Timestamp,
}

/// Takes the messages of an answer: one, or many for a transfer.
pub trait Sink {
    /// Room in which the next message may be composed, so that it need not be copied: at least 512 octets, and as many as
    /// the client's size limit, or the message is shorter. What stands there counts only if
    /// [`composed`](Self::composed) says so.
    fn room(&mut self) -> Option<&mut [u8]> {
        None
    }

    /// Takes the next message, which is the first octets of the room.
    fn composed(&mut self, _length: usize) {}

    /// Takes the next message. The octets are only lent.
    fn message(&mut self, octets: &[u8]);
}

// === impl AnyAnswer ===

impl AnyAnswer {
    /// All of them, or one.
    pub fn of(all: bool) -> Self {
        if all { Self::All } else { Self::One }
    }
}

// === impl Client ===

impl Client {
    /// A client that may not recurse, with what is usual for the transport: the size limit, and one RRset for ANY over
    /// UDP, where nobody knows who asks.
    pub fn new(transport: Transport, peer: SocketAddr, now: Timestamp) -> Self {
        let (size_limit, any) = match transport {
            Transport::Udp => (1232, AnyAnswer::One),
            Transport::Tcp => (usize::from(u16::MAX), AnyAnswer::All),
        };
        Self { transport, peer, local: None, size_limit, payload: 1232, recursion: false, any, now }
    }
}

impl Sink for Vec<Vec<u8>> {
    fn message(&mut self, octets: &[u8]) {
        self.push(octets.to_vec());
    }
}
