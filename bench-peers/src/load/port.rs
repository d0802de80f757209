//! One source port: what was asked from it and is not answered yet.

use super::Outcome;
use crate::mix::Questions;
use crate::mmsg::{BATCH, Inbox, Outbox};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

/// A connected socket and the questions that are under way on it.
pub(super) struct Port {
    socket: UdpSocket,
    slots: Box<[Slot]>,
    /// The number of the next question; its low 16 bits are its ID.
    next: u32,
    under_way: usize,
}

#[derive(Clone, Copy, Default)]
struct Slot {
    waiting: bool,
    id: u16,
    question: u32,
    due: u64,
}

// === impl Port ===

impl Port {
    /// A port that talks to this server, with room for so many questions under way, a power of two up to 2^16.
    pub(super) fn connect(target: SocketAddr, slots: usize) -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.connect(target)?;
        socket.set_nonblocking(true)?;
        enlarge(&socket);
        Ok(Self { socket, slots: vec![Slot::default(); slots].into(), next: 0, under_way: 0 })
    }

    pub(super) fn under_way(&self) -> usize {
        self.under_way
    }

    /// Reads what is there, up to a batch, and settles it. Says how many datagrams there were.
    pub(super) fn receive(
        &mut self,
        inbox: &mut Inbox,
        questions: &Questions,
        now: u64,
        outcome: &mut Outcome,
    ) -> io::Result<usize> {
        let count = match inbox.receive(&self.socket, false) {
            // The server is not there yet, or no more.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => 0,
            other => other?,
        };
        for index in 0..count {
            let octets = inbox.datagram(index);
            match self.settle(octets, questions) {
                Some(slot) => {
                    outcome.answered += 1;
                    outcome.latency.record(now.saturating_sub(slot.due));
                    outcome.unexpected += u64::from(!questions.is_expected(slot.question as usize, octets));
                }
                None => outcome.strange += 1,
            }
        }
        Ok(count)
    }

    /// What the octets answer.
    fn settle(&mut self, octets: &[u8], questions: &Questions) -> Option<Slot> {
        let id = u16::from_be_bytes(octets.get(..2)?.try_into().ok()?);
        let place = usize::from(id) & (self.slots.len() - 1);
        let slot = self.slots[place];
        let fits = slot.waiting && slot.id == id && questions.is_answer(slot.question as usize, octets);
        if !fits {
            return None;
        }
        self.slots[place].waiting = false;
        self.under_way -= 1;
        Some(slot)
    }

    /// Sends the next questions, at most a batch; `due` says for each when it should have been sent.
    pub(super) fn send(
        &mut self,
        outbox: &mut Outbox,
        questions: &mut Questions,
        cursor: &mut usize,
        count: usize,
        due: impl Fn(u64) -> u64,
        outcome: &mut Outcome,
    ) {
        let mut places = [(0, 0); BATCH];
        for (index, place) in places[..count].iter_mut().enumerate() {
            let at = self.next as usize & (self.slots.len() - 1);
            let id = self.next as u16;
            self.next = self.next.wrapping_add(1);
            // What still waits in this place was asked so long ago that it is lost.
            match self.slots[at].waiting {
                true => outcome.lost += 1,
                false => self.under_way += 1,
            }
            self.slots[at] = Slot { waiting: true, id, question: *cursor as u32, due: due(index as u64) };
            *place = questions.place(*cursor, id);
            *cursor = (*cursor + 1) % questions.len();
        }
        outcome.sent += outbox.send(&self.socket, questions.arena(), &places[..count]) as u64;
    }

    /// Gives up what was due before this; says how many.
    pub(super) fn give_up(&mut self, before: u64) -> u64 {
        let mut lost = 0;
        for slot in self.slots.iter_mut().filter(|slot| slot.waiting && slot.due < before) {
            slot.waiting = false;
            lost += 1;
        }
        self.under_way -= lost as usize;
        lost
    }
}

/// Room for answers that come faster than they are read: what the generator drops is no fault of the server's.
fn enlarge(socket: &UdpSocket) {
    use std::os::fd::AsRawFd;
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
