//! Serves one UDP socket: a batch in, its answers out, and on to the next.

use super::{Batch, Busy, Shared, now, recursion};
use crate::answer::Verdict;
use crate::client::{Sink, Transport};
use crate::counters::Lost;
use std::io;
use std::net::UdpSocket;
use std::rc::Rc;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Batches that are read at most after the listener was told to stop, where the kernel goes on taking datagrams.
const LAST_BATCHES: usize = 4096;

/// Hands an answer to the batch.
struct Answer<'b> {
    batch: &'b mut Batch,
    index: usize,
}

// === impl Answer ===

impl Sink for Answer<'_> {
    fn message(&mut self, octets: &[u8]) {
        self.batch.answer(self.index, octets);
    }
}

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
                match batch.receive(socket.get_ref()) {
                    Ok(count) => {
                        if count < Batch::size() {
                            ready.clear_ready();
                        }
                        answer(&mut batch, count, &socket, &shared);
                        // Between two batches everybody else on the thread has a turn: a new catalogue, TCP.
                        tokio::task::yield_now().await;
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready.clear_ready(),
                    // An error that a peer's ICMP message left on the socket concerns no other datagram.
                    Err(_) => {}
                }
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
    let now = now();
    let mut query = [0; 4096];
    for index in 0..count {
        let Some((octets, peer, local)) = batch.datagram(index) else {
            listener.counters.lost(Lost::NoQuery);
            continue;
        };
        let length = octets.len();
        query[..length].copy_from_slice(octets);
        let mut sink = Answer { batch, index };
        let verdict = listener.answer(&query[..length], Transport::Udp, peer, local, now, &mut sink);
        if let Verdict::Resolve(pending) = verdict
            && let Some(snapshot) = listener.snapshot()
        {
            let reply = Reply { socket: Rc::clone(socket), peer, local };
            recursion::spawn(*pending, snapshot, Rc::clone(shared), move |octets| reply.send(octets));
        }
    }
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
