//! What can go wrong before the first answer.

use std::io;
use std::net::SocketAddr;

/// Why the listeners could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// The configuration names no address, or neither UDP nor TCP.
    #[error("there is nothing to listen on: name at least one address, and let UDP or TCP be on")]
    Nothing,
    /// An address could not be bound.
    #[error("cannot listen on {transport} {address}: {error}")]
    Bind {
        /// `udp` or `tcp`.
        transport: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
    /// A thread could not be started.
    #[error("cannot start a listener's thread: {0}")]
    Thread(io::Error),
}
