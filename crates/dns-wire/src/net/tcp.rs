//! Accepts TCP connections while there are seats for them.

use super::{Busy, LAST_LOOK, Shared, connection};
use crate::counters::Lost;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// Connections that are accepted at most after the listener was told to stop: as many as may wait.
const LAST_CONNECTIONS: usize = 1024;
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
        Some(seat) => connection::spawn(stream, peer, seat, Rc::clone(shared)),
        None => shared.listener.borrow_mut().counters.lost(Lost::Connection),
    }
}
