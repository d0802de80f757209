//! Serves one UDP socket: a batch in, its answers out, and on to the next.

use super::{Batch, Busy, Shared, now, recursion};
use crate::counters::Lost;
use crate::listener::Datagram;
use std::io;
use std::net::UdpSocket;
use std::rc::Rc;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Full batches that are answered before others on the thread have their turn, which costs a system call.
const BATCHES: usize = 4;
/// Batches that are read at most after the listener was told to stop, where the kernel goes on taking datagrams.
const LAST_BATCHES: usize = 4096;

/// Answers what comes on the socket until the listener stops, then what has arrived by then. The listener
/// waits for `_busy`.
pub(crate) async fn serve(socket: UdpSocket, shared: Rc<Shared>, _busy: Busy) -> io::Result<()> {
    // SAFETY: a `UdpSocket` owns its descriptor, which is neither replaced nor closed while it is registered.
    let socket = unsafe { AsyncFd::register_with_interest(socket, Interest::READABLE)? };
    let socket = Rc::new(socket);
    let mut batch = Batch::new();
    let mut stopping = shared.stopping.clone();
    loop {
        tokio::select! {
            biased;
            // A sender that is gone means the same as one that says so.
            _ = stopping.wait_for(|stopping| *stopping) => break,
            ready = socket.readable() => {
                let mut ready = ready?;
                for _ in 0..BATCHES {
                    match batch.receive(socket.get_ref()) {
                        Ok(count) => {
                            answer(&mut batch, count, &socket, &shared);
                            if count < Batch::size() {
                                ready.clear_ready();
                                break;
                            }
                        }
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                            ready.clear_ready();
                            break;
                        }
                        // An error that a peer's ICMP message left on the socket concerns no other datagram.
                        Err(_) => {}
                    }
                }
                // Now everybody else on the thread has a turn: a new catalogue, TCP.
                tokio::task::yield_now().await;
            }
        }
    }
    take_no_more(socket.get_ref());
    for _ in 0..LAST_BATCHES {
        match batch.receive(socket.get_ref()) {
            Ok(count) if count > 0 => answer(&mut batch, count, &socket, &shared),
            _ => break,
        }
    }
    Ok(())
}

/// Has the kernel drop what comes from now on. Without it a datagram that arrives between the last look at the
/// socket and its end would be taken and never answered.
#[cfg(target_os = "linux")]
fn take_no_more(socket: &UdpSocket) {
    // The one instruction `ret #0`: keep no octet, which drops the datagram (the kernel's filter.rst).
    let nothing = socket2::SockFilter::new((libc::BPF_RET | libc::BPF_K) as u16, 0, 0, 0);
    // A kernel that refuses it leaves that gap.
    let _ = socket2::SockRef::from(socket).attach_filter(&[nothing]);
}

#[cfg(not(target_os = "linux"))]
fn take_no_more(_: &UdpSocket) {}

fn answer(batch: &mut Batch, count: usize, socket: &Rc<AsyncFd<UdpSocket>>, shared: &Rc<Shared>) {
    let mut listener = shared.listener.borrow_mut();
    let (incoming, outgoing) = batch.split();
    let datagram = |index| {
        let (octets, peer, local) = incoming.datagram(index)?;
        Some(Datagram { octets, peer, local })
    };
    listener.answer_datagrams(
        (0..count).map(datagram),
        now(),
        |index, octets| outgoing.answer(index, octets),
        |datagram, pending, snapshot| {
            let reply = Reply { socket: Rc::clone(socket), peer: datagram.peer, local: datagram.local };
            recursion::spawn(pending, snapshot, Rc::clone(shared), move |octets| reply.send(octets));
        },
    );
    let lost = batch.send(socket.get_ref());
    for _ in 0..lost {
        listener.counters.lost(Lost::Unsent);
    }
}

/// Where an answer goes that had to wait.
struct Reply {
    socket: Rc<AsyncFd<UdpSocket>>,
    peer: std::net::SocketAddr,
    local: Option<std::net::IpAddr>,
}

// === impl Reply ===

impl Reply {
    fn send(&self, octets: &[u8]) -> bool {
        use std::os::fd::AsRawFd;
        super::send_one(self.socket.get_ref().as_raw_fd(), octets, self.peer, self.local).is_ok()
    }
}
