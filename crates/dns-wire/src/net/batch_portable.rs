//! Datagrams one by one, for systems without `recvmmsg`. On a wildcard address the system chooses the source
//! of an answer: name the addresses to listen on where that matters.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

const SIZE: usize = 16;
const QUERY: usize = 4096;

/// Buffers for a batch of queries and their answers.
pub(crate) struct Batch {
    queries: Vec<(Vec<u8>, SocketAddr)>,
    answers: Vec<(usize, Vec<u8>)>,
}

// === impl Batch ===

impl Batch {
    pub(crate) fn new() -> Self {
        Self { queries: Vec::new(), answers: Vec::new() }
    }

    /// How many datagrams a batch has at most.
    pub(crate) const fn size() -> usize {
        SIZE
    }

    /// Reads what is there, up to a batch, without waiting.
    pub(crate) fn receive(&mut self, socket: &(impl AsFd + AsRawFd)) -> io::Result<usize> {
        self.queries.clear();
        self.answers.clear();
        let socket = duplicate(socket.as_fd())?;
        let mut buffer = [0; QUERY];
        while self.queries.len() < SIZE {
            match socket.recv_from(&mut buffer) {
                Ok((length, peer)) => self.queries.push((buffer[..length].to_vec(), peer)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && !self.queries.is_empty() => break,
                Err(error) => return Err(error),
            }
        }
        Ok(self.queries.len())
    }

    /// A datagram of the batch and its sender.
    pub(crate) fn datagram(&self, index: usize) -> Option<(&[u8], SocketAddr, Option<IpAddr>)> {
        self.queries.get(index).map(|(octets, peer)| (&octets[..], *peer, None))
    }

    /// Takes the answer to a datagram, to be sent with the others.
    pub(crate) fn answer(&mut self, index: usize, octets: &[u8]) {
        self.answers.push((index, octets.to_vec()));
    }

    /// Sends the answers. Says how many the system did not take.
    pub(crate) fn send(&mut self, socket: &(impl AsFd + AsRawFd)) -> usize {
        let Ok(socket) = duplicate(socket.as_fd()) else { return self.answers.len() };
        let lost = self.answers.iter().filter(|(index, octets)| {
            self.queries.get(*index).is_some_and(|(_, peer)| socket.send_to(octets, peer).is_err())
        });
        lost.count()
    }
}

/// Sends one answer by itself.
pub(crate) fn send_one(
    socket: RawFd,
    octets: &[u8],
    peer: SocketAddr,
    _local: Option<IpAddr>,
) -> io::Result<()> {
    // SAFETY: the caller's socket stays open for the length of this call.
    let socket = duplicate(unsafe { BorrowedFd::borrow_raw(socket) })?;
    socket.send_to(octets, peer).map(drop)
}

fn duplicate(socket: BorrowedFd<'_>) -> io::Result<UdpSocket> {
    Ok(socket.try_clone_to_owned()?.into())
}
