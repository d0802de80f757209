//! One source port of UDP.

use super::slots::Slots;
use super::{Buffers, Line, Outcome, Turn};
use crate::mmsg::{BATCH, Beside, segment, set, stamp, stamp_now};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

/// A connected socket and the questions that are under way on it.
pub(super) struct Port {
    socket: UdpSocket,
    slots: Slots,
    segmented: bool,
    beside: Beside,
}

// === impl Port ===

impl Port {
    /// A port that talks to this server.
    pub(super) fn connect(target: SocketAddr, slots: usize) -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.connect(target)?;
        socket.set_nonblocking(true)?;
        enlarge(&socket);
        Ok(Self { socket, slots: Slots::new(slots), segmented: false, beside: Beside::Nothing })
    }

    /// Hands questions of this length to the kernel as one large datagram to be cut.
    pub(super) fn segmented(mut self, size: usize) -> io::Result<Self> {
        segment(&self.socket, size)?;
        self.segmented = true;
        Ok(self)
    }

    /// Has the kernel say when it had an answer.
    pub(super) fn stamped(mut self) -> io::Result<Self> {
        stamp(&self.socket)?;
        self.beside = Beside::Stamps;
        Ok(self)
    }
}

impl Line for Port {
    fn slots(&mut self) -> &mut Slots {
        &mut self.slots
    }

    fn receive(
        &mut self,
        buffers: &mut Buffers,
        turn: &Turn<'_>,
        outcome: &mut Outcome,
    ) -> io::Result<usize> {
        let count = match buffers.inbox.receive(&self.socket, self.beside) {
            // The server is not there yet, or no more.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => 0,
            other => other?,
        };
        for index in 0..count {
            let at = match buffers.inbox.stamp(index) {
                Some(stamp) => stamp.saturating_sub(turn.began),
                None => turn.now,
            };
            outcome.take(&mut self.slots, buffers.inbox.datagram(index), at, turn);
        }
        Ok(count)
    }

    fn send(
        &mut self,
        buffers: &mut Buffers,
        asked: &[(usize, u64)],
        turn: &mut Turn<'_>,
        outcome: &mut Outcome,
    ) -> io::Result<()> {
        let stamped = self.beside == Beside::Stamps;
        // Where each has a moment of its own: between two messages of one system call the kernel may have something else
        // run.
        for asked in asked.chunks(if stamped { 1 } else { BATCH }) {
            let handed_over = stamped.then(|| stamp_now().saturating_sub(turn.began));
            let mut places = [(0, 0); BATCH];
            for (place, &(question, due)) in places.iter_mut().zip(asked) {
                let (id, lost) = self.slots.take(question, handed_over.unwrap_or(due));
                outcome.lost += u64::from(lost);
                *place = turn.questions.place(question, id);
            }
            let (places, arena) = (&places[..asked.len()], turn.questions.arena());
            outcome.sent += match self.segmented {
                true => buffers.outbox.send_as_one(&self.socket, arena, places),
                false => buffers.outbox.send(&self.socket, arena, places),
            } as u64;
        }
        Ok(())
    }
}

/// Room for answers that come faster than they are read: what the generator drops is no fault of the server's.
fn enlarge(socket: &UdpSocket) {
    for option in [libc::SO_RCVBUFFORCE, libc::SO_RCVBUF] {
        if set(socket, libc::SOL_SOCKET, option, 4 << 20).is_ok() {
            break;
        }
    }
}
