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
    /// The present.
    pub now: Timestamp,
}

/// Takes the messages of an answer: one, or many for a transfer.
pub trait Sink {
    /// Takes the next message. The octets are only lent.
    fn message(&mut self, octets: &[u8]);
}

// === impl Client ===

impl Client {
    /// A client that may not recurse, with the size limit that is usual for the transport.
    pub fn new(transport: Transport, peer: SocketAddr, now: Timestamp) -> Self {
        let size_limit = match transport {
            Transport::Udp => 1232,
            Transport::Tcp => usize::from(u16::MAX),
        };
        Self { transport, peer, local: None, size_limit, payload: 1232, recursion: false, now }
    }
}

impl Sink for Vec<Vec<u8>> {
    fn message(&mut self, octets: &[u8]) {
        self.push(octets.to_vec());
    }
}
