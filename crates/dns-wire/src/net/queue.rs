//! What the kernel holds of the datagrams that came for a socket: how much that may be, and what it dropped, nearly always
//! because nobody read it in time.

use socket2::SockRef;
use std::cell::Cell;
use std::net::UdpSocket;
use std::rc::{Rc, Weak};

/// What the kernel may hold for a UDP socket in each direction, in octets: a burst of some two thousand, 10 ms of a busy
/// listener's. With more, a query that is late already waits longer while too many come, and its client has asked again.
pub(crate) const LONG: usize = 1 << 20;
/// What it may hold of queries while too many come, a millisecond's. Then a queue is always full: whatever is answered has
/// waited behind all of it, and has left the processor's caches meanwhile.
const SHORT: usize = 128 << 10;

/// A socket's queue, looked at from time to time for as long as the socket is served.
pub(crate) struct Queue {
    socket: Weak<UdpSocket>,
    waited: Waited,
    /// What the kernel's counter of what it dropped said last.
    seen: u32,
    is_short: bool,
}

/// Whether nothing was left to be read, so that who reads from a socket waited.
#[derive(Clone, Default)]
pub(crate) struct Waited(Rc<Cell<bool>>);

// === impl Queue ===

impl Queue {
    /// `waited` is told by who reads from the socket.
    pub(crate) fn new(socket: &Rc<UdpSocket>, waited: Waited) -> Self {
        Self { socket: Rc::downgrade(socket), waited, seen: 0, is_short: false }
    }

    /// How many datagrams were dropped since the last time; none where the system does not say. Where some were, and
    /// nobody waited for one, more come than can be answered: the queue is short from then on, until somebody waits.
    pub(crate) fn look(&mut self) -> u32 {
        let Some(socket) = self.socket.upgrade() else { return 0 };
        let Some(now) = dropped(&socket) else { return 0 };
        // The kernel's counter begins anew behind the largest number it holds.
        let dropped = now.wrapping_sub(std::mem::replace(&mut self.seen, now));
        let is_short = !self.waited.0.take() && (self.is_short || dropped > 0);
        if is_short != self.is_short {
            self.is_short = is_short;
            // A system that does not change it leaves the queue as it is.
            let _ = SockRef::from(&*socket).set_recv_buffer_size(if is_short { SHORT } else { LONG });
        }
        dropped
    }
}

// === impl Waited ===

impl Waited {
    pub(crate) fn tell(&self) {
        self.0.set(true);
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

    fn socket() -> (Rc<UdpSocket>, UdpSocket) {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.set_nonblocking(true).expect("an option");
        SockRef::from(&socket).set_recv_buffer_size(LONG).expect("an option");
        let client = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        client.connect(socket.local_addr().expect("an address")).expect("a route");
        (Rc::new(socket), client)
    }

    /// More than the kernel holds, whatever it was told to.
    fn send_too_many(client: &UdpSocket) {
        (0..20_000).for_each(|_| assert_eq!(client.send(b"a").expect("sent"), 1));
    }

    fn read(socket: &UdpSocket) -> u32 {
        std::iter::from_fn(|| socket.recv(&mut [0; 1]).ok()).count() as u32
    }

    /// What was sent was read or dropped, each once, however often one looks.
    #[test]
    fn what_nobody_read_is_counted_once() {
        let (socket, client) = socket();
        let mut queue = Queue::new(&socket, Waited::default());
        let (mut taken, mut dropped) = (0, queue.look());
        assert_eq!(dropped, 0);
        for _ in 0..3 {
            send_too_many(&client);
            let lost = queue.look();
            assert!(lost > 0);
            dropped += lost + queue.look();
            taken += read(&socket);
        }
        assert_eq!(taken + dropped + queue.look(), 60_000);
        drop(socket);
        assert_eq!(queue.look(), 0, "nobody holds a socket open to look at it");
    }

    /// A burst finds all the room there is; only where too many come all the time little is held.
    #[test]
    fn it_is_short_while_too_many_come() {
        let (socket, client) = socket();
        let room = || SockRef::from(&*socket).recv_buffer_size().expect("a number");
        let (waited, long) = (Waited::default(), room());
        let mut queue = Queue::new(&socket, waited.clone());
        let mut look = |is_short: bool, when: &str| {
            queue.look();
            assert_eq!(room() < long, is_short, "{when}");
        };
        look(false, "nothing came");
        send_too_many(&client);
        read(&socket);
        waited.tell();
        look(false, "a burst was too long, and all that was left of it was read");
        look(false, "nothing came, and nobody looked whether it did");
        send_too_many(&client);
        look(true, "more came than was read");
        look(true, "nobody has read it yet");
        let held = read(&socket);
        send_too_many(&client);
        let holds = read(&socket);
        assert!((1..held).contains(&holds), "{holds} of {held}");
        look(true, "more came than was read, again");
        waited.tell();
        look(false, "somebody waited");
    }
}
