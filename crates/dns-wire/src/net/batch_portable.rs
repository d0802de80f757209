//! Datagrams one by one, for systems without `recvmmsg`. On a wildcard address the system chooses the source
//! of an answer: name the addresses to listen on where that matters.

use crate::listener::Answers;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

const SIZE: usize = 16;
/// The largest answer over UDP.
const ANSWER: usize = 4096;

/// Buffers for a batch of queries and their answers.
pub(crate) struct Batch {
    incoming: Incoming,
    outgoing: Outgoing,
    buffer: Box<[u8]>,
}

/// The datagrams of a batch.
pub(crate) struct Incoming(Vec<(Vec<u8>, SocketAddr)>);

/// The answers of a batch.
pub(crate) struct Outgoing {
    /// Where each is composed.
    room: Box<[u8]>,
    /// Which datagram each is for.
    answers: Vec<(usize, Vec<u8>)>,
}

// === impl Batch ===

impl Batch {
    /// Buffers for queries of up to `largest` octets; what is longer is cut there.
    #[expect(clippy::unnecessary_wraps, reason = "elsewhere the socket is asked")]
    pub(crate) fn new(_: &UdpSocket, largest: usize) -> io::Result<Self> {
        let buffer = vec![0; largest].into();
        let outgoing = Outgoing { room: vec![0; ANSWER].into(), answers: Vec::new() };
        Ok(Self { incoming: Incoming(Vec::new()), outgoing, buffer })
    }

    /// What came, and what goes.
    pub(crate) fn split(&mut self) -> (&Incoming, &mut Outgoing) {
        (&self.incoming, &mut self.outgoing)
    }

    /// How many datagrams a batch has at most.
    pub(crate) const fn size() -> usize {
        SIZE
    }

    /// Reads what is there, up to a batch, without waiting.
    pub(crate) fn receive(&mut self, socket: &(impl AsFd + AsRawFd)) -> io::Result<usize> {
        let queries = &mut self.incoming.0;
        queries.clear();
        self.outgoing.answers.clear();
        let socket = duplicate(socket.as_fd())?;
        let buffer = &mut self.buffer;
        while queries.len() < SIZE {
            match socket.recv_from(buffer) {
                Ok((length, peer)) => queries.push((buffer[..length].to_vec(), peer)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && !queries.is_empty() => break,
                Err(error) => return Err(error),
            }
        }
        Ok(queries.len())
    }

    /// Sends the answers. Says how many the system did not take.
    pub(crate) fn send(&mut self, socket: &(impl AsFd + AsRawFd)) -> usize {
        let Ok(socket) = duplicate(socket.as_fd()) else { return self.outgoing.answers.len() };
        let lost = self.outgoing.answers.iter().filter(|(index, octets)| {
            self.incoming.0.get(*index).is_some_and(|(_, peer)| socket.send_to(octets, peer).is_err())
        });
        lost.count()
    }
}

// === impl Incoming ===

impl Incoming {
    /// A datagram of the batch and its sender.
    pub(crate) fn datagram(&self, index: usize) -> Option<(&[u8], SocketAddr, Option<IpAddr>)> {
        self.0.get(index).map(|(octets, peer)| (&octets[..], *peer, None))
    }
}

// === impl Outgoing ===

impl Answers for Outgoing {
    fn room(&mut self) -> &mut [u8] {
        &mut self.room
    }

    fn composed(&mut self, place: usize, length: usize) {
        self.answers.push((place, self.room[..length].to_vec()));
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
