//! Serves one TCP connection (RFC 7766): what has come is answered at once and together, answers that waited for the
//! resolver follow when they are ready, and there are limits on everything that a client can make last.

use super::framing::{Incoming, frame};
use super::seats::Seat;
use super::{Busy, LAST_LOOK, Shared, recursion};
use crate::answer::{Pending, Verdict};
use crate::client::{Sink, Transport};
use messages::Snapshot;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

/// Answers of a connection that may wait for the resolver; its client is read from no more then.
const WAITING: usize = 64;
/// Octets of answers that are enough for one write: what else was asked is answered when they are gone. A client
/// that does not read is read from no more.
const ENOUGH: usize = 16 * 1024;
/// How long a stopping listener reads on from a client that goes on asking: time for what had arrived.
const LAST_READS: Duration = Duration::from_secs(1);

/// A connection.
struct Connection {
    stream: TcpStream,
    peer: SocketAddr,
    local: Option<IpAddr>,
    shared: Rc<Shared>,
    incoming: Incoming,
    /// Answers behind their lengths, to be written.
    outgoing: Vec<u8>,
    /// Places for answers that wait for the resolver. `None` when nothing is read any more: the end of `resolved` then
    /// says that none waits.
    places: Option<mpsc::Sender<Vec<u8>>>,
    resolved: mpsc::Receiver<Vec<u8>>,
    /// Whether all messages that came whole are answered, so that more may be read.
    used_up: bool,
    /// When the last message had come whole.
    active: Instant,
    /// How long after that the next must have come.
    patience: Duration,
    /// When the connection has had its time.
    last: Instant,
}

/// Answers go behind their lengths to the others that are to be written.
struct Framed<'o>(&'o mut Vec<u8>);

/// Serves a connection on a task of its own, until the client ends, errs, idles or does not read, has had its time, or
/// the listener stops.
pub(super) fn spawn(stream: TcpStream, peer: SocketAddr, seat: Seat, shared: Rc<Shared>) {
    // What is written is all that there is; waiting for more to send with it would only delay it.
    let _ = stream.set_nodelay(true);
    let local = stream.local_addr().ok().map(|address| address.ip());
    let busy = Busy::new(&shared);
    tokio::task::spawn_local(async move {
        // Whatever goes wrong with a connection is the end of that one, and there is nobody to tell.
        let _ = Connection::new(stream, peer, local, shared).serve().await;
        drop((seat, busy));
    });
}

// === impl Connection ===

impl Connection {
    fn new(stream: TcpStream, peer: SocketAddr, local: Option<IpAddr>, shared: Rc<Shared>) -> Self {
        let (places, resolved) = mpsc::channel(WAITING);
        let active = Instant::now();
        let (patience, last) = (shared.config.tcp_idle, active + shared.config.tcp_total);
        Self {
            stream,
            peer,
            local,
            shared,
            incoming: Incoming::new(),
            outgoing: Vec::new(),
            places: Some(places),
            resolved,
            used_up: true,
            active,
            patience,
            last,
        }
    }

    async fn serve(mut self) -> io::Result<()> {
        let mut stopping = self.shared.stopping.clone();
        // A sender that is gone means the same as one that says so.
        let mut stop = pin!(stopping.wait_for(|stopping| *stopping));
        let mut timer = pin!(sleep_until(self.deadline()));
        let mut is_stopping = false;
        loop {
            self.answer();
            self.write().await?;
            if !self.used_up && self.places.as_ref().is_some_and(|places| places.capacity() > 0) {
                // There was enough to be written; now the others on the thread have their turn.
                tokio::task::yield_now().await;
                continue;
            }
            // Who never makes the server wait is not heard for ever, either.
            if self.active >= self.last {
                self.places = None;
            }
            let reading = self.places.is_some();
            tokio::select! {
                biased;
                resolved = self.resolved.recv() => match resolved {
                    Some(answer) => {
                        self.outgoing = answer;
                        // While all places were taken nobody was waited for but the resolver.
                        if !self.used_up {
                            self.active = Instant::now();
                        }
                    }
                    None => break,
                },
                _ = &mut stop, if reading && !is_stopping => {
                    is_stopping = true;
                    // The kernel may have more than this thread has been told of.
                    self.active = Instant::now();
                    self.patience = LAST_LOOK;
                    self.last = self.last.min(self.active + LAST_READS);
                    timer.as_mut().reset(self.deadline());
                }
                read = self.stream.read_buf(self.incoming.room()), if reading && self.used_up => {
                    if read? == 0 {
                        self.places = None;
                    } else if self.incoming.is_full() {
                        // There may be more at once: the others on the thread have their turn before.
                        tokio::task::yield_now().await;
                    }
                }
                () = &mut timer, if reading => {
                    let deadline = if self.used_up { self.deadline() } else { self.last };
                    if deadline <= Instant::now() {
                        self.places = None;
                    } else {
                        timer.as_mut().reset(deadline);
                    }
                }
            }
        }
        timeout(self.shared.config.tcp_write, self.stream.shutdown()).await?
    }

    /// Until when the next message must have come.
    fn deadline(&self) -> Instant {
        self.last.min(self.active + self.patience)
    }

    /// Answers what has come whole, until there is enough to be written.
    fn answer(&mut self) {
        let mut listener = self.shared.listener.borrow_mut();
        // One look at the clock for all of them.
        let mut now = None;
        self.used_up = false;
        while let Some(places) = &self.places
            && self.outgoing.len() < ENOUGH
            // A place for the answer comes first, for it may have to wait.
            && places.capacity() > 0
        {
            let Some(query) = self.incoming.next() else {
                self.used_up = true;
                break;
            };
            let now = *now.get_or_insert_with(super::now);
            let mut sink = Framed(&mut self.outgoing);
            match listener.answer(query, Transport::Tcp, self.peer, self.local, now, &mut sink) {
                Verdict::Answered(_) => {}
                // Octets that are no query end the connection: what follows would be no better.
                Verdict::Dropped => self.places = None,
                Verdict::Resolve(pending) => {
                    if let (Some(snapshot), Ok(place)) =
                        (listener.snapshot(), places.clone().try_reserve_owned())
                    {
                        resolve(*pending, snapshot, place, Rc::clone(&self.shared));
                    }
                }
            }
        }
        if now.is_some() {
            self.active = Instant::now();
        }
    }

    /// Writes what is to be written, unless the client is too slow.
    async fn write(&mut self) -> io::Result<()> {
        if self.outgoing.is_empty() {
            return Ok(());
        }
        let written = self.stream.try_write(&self.outgoing).unwrap_or(0);
        if written < self.outgoing.len() {
            timeout(self.shared.config.tcp_write, self.stream.write_all(&self.outgoing[written..])).await??;
            // The time that the client took for its answers is none in which it idled.
            self.active = Instant::now();
        }
        self.outgoing.clear();
        // What a long answer took is given back.
        self.outgoing.shrink_to(2 * ENOUGH);
        Ok(())
    }
}

impl Sink for Framed<'_> {
    fn message(&mut self, octets: &[u8]) {
        frame(octets, self.0);
    }
}

/// Has the answer sent to its place when the resolver has spoken: answers may overtake each other (RFC 7766 section 7).
fn resolve(pending: Pending, snapshot: Rc<Snapshot>, place: mpsc::OwnedPermit<Vec<u8>>, shared: Rc<Shared>) {
    let mut place = Some(place);
    recursion::spawn(pending, snapshot, shared, move |octets| {
        let Some(place) = place.take() else { return false };
        let mut framed = Vec::with_capacity(octets.len() + 2);
        frame(octets, &mut framed);
        place.send(framed);
        true
    });
}
