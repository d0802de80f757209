//! Serves one UDP socket: a batch in, its answers out, and on to the next.

use super::queue::Waited;
use super::{Batch, Busy, Shared, now, recursion};
use crate::counters::Lost;
use crate::listener::Datagram;
use std::io;
use std::net::UdpSocket;
use std::pin::pin;
use std::rc::Rc;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Batches that are answered before others on the thread have their turn, which costs a system call.
const BATCHES: usize = 4;
/// Queries of so many octets are read whatever we say that we take.
const USUAL: usize = 1232;
/// Batches that are read at most after the listener was told to stop, where the kernel goes on taking datagrams.
const LAST_BATCHES: usize = 4096;

/// Why a way of taking datagrams ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// A batch was full: more is coming than one wait at a time is worth.
    Busy,
    /// There is nothing left.
    Idle,
    /// The listener stops.
    Stopped,
}

/// Answers what comes on the socket until the listener stops, then what has arrived by then. The listener
/// waits for `_busy`.
pub(crate) async fn serve(
    socket: Rc<UdpSocket>,
    waited: Waited,
    shared: Rc<Shared>,
    _busy: Busy,
) -> io::Result<()> {
    let largest = usize::from(shared.listener.borrow().udp_payload()).max(USUAL);
    let mut batch = Batch::new(&socket, largest)?;
    // Each datagram that leaves a socket wakes who waits for the socket, if only to be told that nothing is there to
    // read: under load, a tenth of what it costs. So the socket is watched only while little comes.
    let mut end = End::Idle;
    while end != End::Stopped {
        end = match end {
            End::Idle => idle(&socket, &waited, &mut batch, &shared).await?,
            _ => busy(&socket, &mut batch, &shared).await,
        };
    }
    take_no_more(&socket);
    for _ in 0..LAST_BATCHES {
        match batch.receive(&socket) {
            Ok(count) if count > 0 => answer(&mut batch, count, &socket, &shared),
            _ => break,
        }
    }
    Ok(())
}

/// Waits for datagrams, and answers them, until a batch is full.
async fn idle(
    socket: &Rc<UdpSocket>,
    waited: &Waited,
    batch: &mut Batch,
    shared: &Rc<Shared>,
) -> io::Result<End> {
    // One wait for the end, not one for each datagram: to begin and to end it takes a lock.
    let mut stopping = shared.stopping.clone();
    let mut stopped = pin!(stopping.wait_for(|stopping| *stopping));
    // SAFETY: the `UdpSocket` owns its descriptor, and this `Rc` keeps it while it is registered.
    let watched = unsafe { AsyncFd::register_with_interest(Rc::clone(socket), Interest::READABLE)? };
    loop {
        // At its end as well: while it lasts, somebody may have looked several times.
        waited.tell();
        tokio::select! {
            biased;
            // A sender that is gone means the same as one that says so.
            _ = &mut stopped => return Ok(End::Stopped),
            ready = watched.readable() => {
                waited.tell();
                let mut ready = ready?;
                match batch.receive(socket) {
                    Ok(count) => {
                        answer(batch, count, socket, shared);
                        if count == Batch::size() {
                            return Ok(End::Busy);
                        }
                        ready.clear_ready();
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready.clear_ready(),
                    // An error that a peer's ICMP message left on the socket concerns no other datagram.
                    Err(_) => {}
                }
            }
        }
    }
}

/// Answers datagrams without waiting for any, until there are none.
async fn busy(socket: &Rc<UdpSocket>, batch: &mut Batch, shared: &Rc<Shared>) -> End {
    loop {
        for _ in 0..BATCHES {
            match batch.receive(socket) {
                Ok(count) => answer(batch, count, socket, shared),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return End::Idle,
                Err(_) => {}
            }
        }
        // Now everybody else on the thread has a turn: a new catalogue, TCP.
        tokio::task::yield_now().await;
        if *shared.stopping.borrow() || shared.stopping.has_changed().is_err() {
            return End::Stopped;
        }
    }
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

fn answer(batch: &mut Batch, count: usize, socket: &Rc<UdpSocket>, shared: &Rc<Shared>) {
    let mut listener = shared.listener.borrow_mut();
    let (incoming, outgoing) = batch.split();
    let datagram = |index| {
        let (octets, peer, local) = incoming.datagram(index)?;
        Some(Datagram { octets, peer, local })
    };
    listener.answer_datagrams(count, datagram, now(), outgoing, |datagram, pending, snapshot| {
        let reply = Reply { socket: Rc::clone(socket), peer: datagram.peer, local: datagram.local };
        recursion::spawn(pending, snapshot, Rc::clone(shared), move |octets| reply.send(octets));
    });
    let lost = batch.send(socket);
    listener.counters.lost_many(Lost::Unsent, lost as u64);
}

/// Where an answer goes that had to wait.
struct Reply {
    socket: Rc<UdpSocket>,
    peer: std::net::SocketAddr,
    local: Option<std::net::IpAddr>,
}

// === impl Reply ===

impl Reply {
    fn send(&self, octets: &[u8]) -> bool {
        use std::os::fd::AsRawFd;
        super::send_one(self.socket.as_raw_fd(), octets, self.peer, self.local).is_ok()
    }
}
