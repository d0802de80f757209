//! What the kernel dropped of the datagrams that came for a socket, nearly always because nobody read them in time.

use std::net::UdpSocket;
use std::rc::{Rc, Weak};

/// Sees what a socket loses, for as long as the socket is served.
pub(crate) struct Unread {
    socket: Weak<UdpSocket>,
    /// What the kernel's counter said last.
    seen: u32,
}

// === impl Unread ===

impl Unread {
    pub(crate) fn new(socket: &Rc<UdpSocket>) -> Self {
        Self { socket: Rc::downgrade(socket), seen: 0 }
    }

    /// How many were dropped since the last time; none where the system does not say.
    pub(crate) fn take(&mut self) -> u32 {
        let Some(dropped) = self.socket.upgrade().and_then(|socket| dropped(&socket)) else { return 0 };
        // The kernel's counter begins anew behind the largest number it holds.
        dropped.wrapping_sub(std::mem::replace(&mut self.seen, dropped))
    }
}

#[cfg(target_os = "linux")]
fn dropped(socket: &UdpSocket) -> Option<u32> {
    super::options_linux::dropped(socket).ok()
}

#[cfg(not(target_os = "linux"))]
fn dropped(_: &UdpSocket) -> Option<u32> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// What was sent was read or dropped, each once, however often one looks.
    #[test]
    fn what_nobody_read_is_counted_once() {
        let socket = Rc::new(UdpSocket::bind("127.0.0.1:0").expect("a socket"));
        socket.set_nonblocking(true).expect("an option");
        let client = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        client.connect(socket.local_addr().expect("an address")).expect("a route");
        let mut unread = Unread::new(&socket);
        let (mut read, mut dropped) = (0, unread.take());
        assert_eq!(dropped, 0);
        for _ in 0..3 {
            // More than the kernel holds, whatever it was told to.
            for _ in 0..20_000 {
                client.send(b"a").expect("sent");
            }
            let lost = unread.take();
            assert!(lost > 0);
            dropped += lost + unread.take();
            while socket.recv(&mut [0; 1]).is_ok() {
                read += 1;
            }
        }
        assert_eq!(read + dropped + unread.take(), 60_000);
        drop(socket);
        assert_eq!(unread.take(), 0, "nobody holds a socket open to look at it");
    }
}
