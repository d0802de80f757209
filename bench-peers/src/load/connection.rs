//! One persistent connection over TCP, with several queries under way on it (RFC 7766 section 6.2.1.1).

use super::slots::Slots;
use super::{Buffers, Line, Outcome, Turn};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

/// A connection and the questions that are under way on it.
pub(super) struct Connection {
    stream: TcpStream,
    slots: Slots,
    /// What the kernel did not take yet.
    out: Vec<u8>,
    /// What came of a message that is not whole yet.
    partial: Vec<u8>,
}

// === impl Connection ===

impl Connection {
    pub(super) fn connect(target: SocketAddr, slots: usize) -> io::Result<Self> {
        let stream = TcpStream::connect(target)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self { stream, slots: Slots::new(slots), out: Vec::new(), partial: Vec::new() })
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.out.is_empty() {
            match self.stream.write(&self.out) {
                Ok(count) => drop(self.out.drain(..count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl Line for Connection {
    fn slots(&mut self) -> &mut Slots {
        &mut self.slots
    }

    fn receive(
        &mut self,
        buffers: &mut Buffers,
        turn: &Turn<'_>,
        outcome: &mut Outcome,
    ) -> io::Result<usize> {
        let count = match self.stream.read(&mut buffers.stream) {
            Ok(0) => return Err(io::Error::other("the server closed a connection")),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(0),
            Err(error) => return Err(error),
        };
        self.partial.extend_from_slice(&buffers.stream[..count]);
        let (mut start, mut messages) = (0, 0);
        while let Some(message) = framed(&self.partial[start..]) {
            outcome.take(&mut self.slots, message, turn.now, turn);
            start += 2 + message.len();
            messages += 1;
        }
        self.partial.drain(..start);
        Ok(messages)
    }

    fn send(
        &mut self,
        _: &mut Buffers,
        asked: &[(usize, u64)],
        turn: &mut Turn<'_>,
        outcome: &mut Outcome,
    ) -> io::Result<()> {
        for &(question, due) in asked {
            let (id, lost) = self.slots.take(question, due);
            outcome.lost += u64::from(lost);
            let (start, length) = turn.questions.place(question, id);
            self.out.extend((length as u16).to_be_bytes());
            self.out.extend_from_slice(&turn.questions.arena()[start..start + length]);
        }
        outcome.sent += asked.len() as u64;
        self.flush()
    }
}

/// The first whole message behind its two octets of length (RFC 1035 section 4.2.2).
fn framed(octets: &[u8]) -> Option<&[u8]> {
    let length = u16::from_be_bytes(octets.get(..2)?.try_into().ok()?);
    octets.get(2..2 + usize::from(length))
}

#[cfg(test)]
mod tests {
    use super::framed;

    #[test]
    fn a_message_must_be_whole() {
        assert_eq!(framed(&[0, 3, 1, 2, 3, 0]), Some(&[1, 2, 3][..]));
        assert_eq!(framed(&[0, 3, 1, 2]), None);
        assert_eq!(framed(&[0]), None);
        assert_eq!(framed(&[]), None);
    }
}
