//! Serves TCP (RFC 7766): many queries on a connection, answers as they are ready, limits on everything that
//! a client can make last.

use super::seats::Seat;
use super::{Busy, LAST_LOOK, Shared, recursion};
use crate::answer::Verdict;
use crate::client::Transport;
use crate::counters::Lost;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

/// Answers that may wait to be written on a connection; a client that does not read is read from no more.
const WAITING: usize = 64;
/// Connections that are accepted at most after the listener was told to stop: as many as may wait.
const LAST_CONNECTIONS: usize = 1024;
/// How long a stopping listener reads on from a client that goes on asking: time for what had arrived.
const LAST_READS: Duration = Duration::from_secs(1);
/// How long to rest when the system has no descriptor left for a connection.
const EXHAUSTED: Duration = Duration::from_millis(50);

/// Accepts connections until the listener stops, then those that had arrived by then; what has been accepted
/// is served to its end. The listener waits for `_busy`.
pub(crate) async fn serve(socket: std::net::TcpListener, shared: Rc<Shared>, _busy: Busy) -> io::Result<()> {
    let socket = TcpListener::from_std(socket)?;
    let mut stopping = shared.stopping.clone();
    loop {
        let accepted = tokio::select! {
            biased;
            _ = stopping.wait_for(|stopping| *stopping) => break,
            accepted = socket.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => admit(stream, peer, &shared),
            Err(_) => tokio::time::sleep(EXHAUSTED).await,
        }
    }
    for _ in 0..LAST_CONNECTIONS {
        match timeout(LAST_LOOK, socket.accept()).await {
            Ok(Ok((stream, peer))) => admit(stream, peer, &shared),
            _ => break,
        }
    }
    Ok(())
}

/// Serves a connection if there is a seat for it.
fn admit(stream: TcpStream, peer: SocketAddr, shared: &Rc<Shared>) {
    match shared.seats.take(peer.ip().to_canonical()) {
        Some(seat) => connection(stream, peer, seat, Rc::clone(shared)),
        None => shared.listener.borrow_mut().counters.lost(Lost::Connection),
    }
}

/// Serves a connection on tasks of its own: one reads and answers, one writes.
fn connection(stream: TcpStream, peer: SocketAddr, seat: Seat, shared: Rc<Shared>) {
    // An answer is one write; waiting for more to send with it would only delay it.
    let _ = stream.set_nodelay(true);
    let local = stream.local_addr().ok().map(|address| address.ip());
    let (reader, writer) = stream.into_split();
    let (answers, waiting) = mpsc::channel(WAITING);
    let limit = shared.config.tcp_write;
    let busy = Busy::new(&shared);
    tokio::task::spawn_local(async move {
        write(writer, waiting, limit).await;
        drop((seat, busy));
    });
    tokio::task::spawn_local(read(reader, peer, local, answers, shared));
}

/// Reads queries and hands their answers to the writer, until the client ends, errs, idles, has had its time, or the
/// listener stops.
async fn read(
    mut reader: OwnedReadHalf,
    peer: SocketAddr,
    local: Option<IpAddr>,
    answers: mpsc::Sender<Vec<u8>>,
    shared: Rc<Shared>,
) {
    let mut stopping = shared.stopping.clone();
    let mut query = Vec::new();
    let mut until = None;
    let last = Instant::now() + shared.config.tcp_total;
    loop {
        let now = Instant::now();
        if now >= last {
            return;
        }
        if *stopping.borrow() && now >= *until.get_or_insert_with(|| now + LAST_READS) {
            return;
        }
        // A place for the answer comes first: a client that does not read its answers is not read from.
        let Ok(place) = answers.clone().reserve_owned().await else { return };
        let read = {
            let mut reading = pin!(read_message(&mut reader, &mut query));
            let idle = Instant::now() + shared.config.tcp_idle;
            tokio::select! {
                biased;
                read = timeout_at(idle.min(last), &mut reading) => read,
                // The writer gave the client up.
                () = answers.closed() => return,
                // The kernel may have more than this thread has been told of.
                _ = stopping.wait_for(|stopping| *stopping) => timeout(LAST_LOOK, &mut reading).await,
            }
        };
        if !matches!(read, Ok(Ok(()))) {
            return;
        }
        let mut messages: Vec<Vec<u8>> = Vec::with_capacity(1);
        let mut listener = shared.listener.borrow_mut();
        let verdict = listener.answer(&query, Transport::Tcp, peer, local, super::now(), &mut messages);
        match (verdict, listener.snapshot()) {
            (Verdict::Resolve(pending), Some(snapshot)) => {
                // Answers may overtake each other (RFC 7766 section 7): this one is sent when it is ready.
                let mut place = Some(place);
                drop(listener);
                recursion::spawn(*pending, snapshot, Rc::clone(&shared), move |octets| {
                    place.take().is_some_and(|place| {
                        place.send(framed(octets));
                        true
                    })
                });
            }
            // Octets that are no query end the connection: what follows would be no better.
            (Verdict::Dropped, _) => return,
            _ => {
                drop(listener);
                if let Some(octets) = messages.first() {
                    place.send(framed(octets));
                }
            }
        }
    }
}

/// Reads one message: its length in two octets, then the message (RFC 1035 section 4.2.2).
async fn read_message(reader: &mut OwnedReadHalf, query: &mut Vec<u8>) -> io::Result<()> {
    let length = reader.read_u16().await?;
    query.resize(usize::from(length), 0);
    reader.read_exact(query).await.map(drop)
}

/// A message behind its length.
fn framed(octets: &[u8]) -> Vec<u8> {
    // A message has at most 65,535 octets: the writer's limit.
    let mut framed = Vec::with_capacity(octets.len() + 2);
    framed.extend_from_slice(&(octets.len() as u16).to_be_bytes());
    framed.extend_from_slice(octets);
    framed
}

/// Writes answers until nobody has any more, or the client is too slow.
async fn write(mut writer: OwnedWriteHalf, mut waiting: mpsc::Receiver<Vec<u8>>, limit: Duration) {
    while let Some(answer) = waiting.recv().await {
        match timeout(limit, writer.write_all(&answer)).await {
            Ok(Ok(())) => {}
            _ => return,
        }
    }
    let _ = timeout(limit, writer.shutdown()).await;
}
