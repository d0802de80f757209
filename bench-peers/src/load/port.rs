//! One source port of UDP.

use super::slots::Slots;
use super::{Buffers, Line, Outcome, Turn};
use crate::mmsg::{BATCH, segment};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;

/// A connected socket and the questions that are under way on it.
pub(super) struct Port {
    socket: UdpSocket,
    slots: Slots,
    segmented: bool,
}

// === impl Port ===

impl Port {
    /// A port that talks to this server. With a segment size it hands questions of that length to the kernel as one
    /// large datagram to be cut.
    pub(super) fn connect(target: SocketAddr, slots: usize, segments: Option<usize>) -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.connect(target)?;
        socket.set_nonblocking(true)?;
        enlarge(&socket);
        if let Some(size) = segments {
            segment(&socket, size)?;
        }
        Ok(Self { socket, slots: Slots::new(slots), segmented: segments.is_some() })
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
        let count = match buffers.inbox.receive(&self.socket, false) {
            // The server is not there yet, or no more.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => 0,
            other => other?,
        };
        for index in 0..count {
            outcome.take(&mut self.slots, buffers.inbox.datagram(index), turn);
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
        let mut places = [(0, 0); BATCH];
        for (place, &(question, due)) in places.iter_mut().zip(asked) {
            let (id, lost) = self.slots.take(question, due);
            outcome.lost += u64::from(lost);
            *place = turn.questions.place(question, id);
        }
        let (places, arena) = (&places[..asked.len().min(BATCH)], turn.questions.arena());
        outcome.sent += match self.segmented {
            true => buffers.outbox.send_as_one(&self.socket, arena, places),
            false => buffers.outbox.send(&self.socket, arena, places),
        } as u64;
        Ok(())
    }
}

/// Room for answers that come faster than they are read: what the generator drops is no fault of the server's.
fn enlarge(socket: &UdpSocket) {
    let octets: libc::c_int = 4 << 20;
    for option in [libc::SO_RCVBUFFORCE, libc::SO_RCVBUF] {
        // SAFETY: the option is an integer, and its address and size are those of `octets`.
        let result = unsafe {
            libc::setsockopt(
                socket.as_raw_fd(),
                libc::SOL_SOCKET,
                option,
                (&raw const octets).cast(),
                size_of::<libc::c_int>() as libc::socklen_t,
            )
        };
        if result == 0 {
            break;
        }
    }
}
