//! A server for a test, and blocking clients.

use crate::support::{Ask, Reply, catalog};
use dns_wire::{Wire, WireConfig, WirePeers, bind};
use messages::{CatalogPublished, Snapshot};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

/// How long an answer may take before a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) const ZONE: &str = "
    example. SOA ns.example. admin.example. 1 7200 3600 1209600 60
    www.example. A 192.0.2.1
    out.example. CNAME www.target.test.";

pub(crate) fn config() -> WireConfig {
    WireConfig {
        listen: vec!["127.0.0.1:0".parse().expect("an address")],
        listeners: 1,
        ..WireConfig::default()
    }
}

/// Listeners without a catalogue.
pub(crate) async fn start(config: WireConfig, peers: WirePeers) -> Wire {
    let bound = bind(config).unwrap_or_else(|error| panic!("{error}"));
    bound.start(peers).await.unwrap_or_else(|error| panic!("{error}"))
}

/// Listeners that serve [`ZONE`].
pub(crate) async fn serve(config: WireConfig) -> Wire {
    let wire = start(config, WirePeers::default()).await;
    publish(&wire, 1, ZONE, true).await;
    wire
}

pub(crate) async fn publish(wire: &Wire, number: u64, zone: &str, in_service: bool) {
    let catalog = Arc::new(catalog(zone));
    for listener in wire.catalogs() {
        let snapshot = Snapshot::new(Arc::clone(&catalog), in_service, None);
        listener.send(CatalogPublished { number, snapshot }).await.expect("a listener");
    }
}

pub(crate) fn udp_address(wire: &Wire) -> SocketAddr {
    wire.addresses().udp[0]
}

pub(crate) fn tcp_address(wire: &Wire) -> SocketAddr {
    wire.addresses().tcp[0]
}

/// A query with this ID.
pub(crate) fn query(question: &str, id: u16) -> Vec<u8> {
    let mut ask = Ask::new(question).desiring();
    ask.message.metadata.id = id;
    ask.octets()
}

pub(crate) fn udp_client(server: SocketAddr) -> UdpSocket {
    let own: SocketAddr =
        if server.is_ipv6() { "[::1]:0" } else { "127.0.0.1:0" }.parse().expect("an address");
    let socket = UdpSocket::bind(own).expect("a socket");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    socket.connect(server).expect("a route");
    socket
}

pub(crate) fn receive(socket: &UdpSocket) -> Option<Reply> {
    let mut buffer = [0; 4096];
    let length = socket.recv(&mut buffer).ok()?;
    Some(Reply::read(&buffer[..length]))
}

/// Asks over UDP.
pub(crate) fn ask_udp(server: SocketAddr, question: &str) -> Reply {
    let socket = udp_client(server);
    socket.send(&query(question, 7)).expect("sent");
    receive(&socket).expect("an answer")
}

pub(crate) fn tcp_client(server: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(server).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.set_nodelay(true).expect("no delay");
    stream
}

/// A message behind its length.
pub(crate) fn framed(octets: &[u8]) -> Vec<u8> {
    [&(octets.len() as u16).to_be_bytes()[..], octets].concat()
}

/// The next answer; `None` where the server ended the connection.
pub(crate) fn next(stream: &mut TcpStream) -> Option<Reply> {
    let mut length = [0; 2];
    match stream.read_exact(&mut length) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
            panic!("neither an answer nor an end")
        }
        Err(_) => return None,
    }
    let mut octets = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut octets).expect("the rest of an answer");
    Some(Reply::read(&octets))
}

/// Asks on a connection.
pub(crate) fn ask_on(stream: &mut TcpStream, question: &str) -> Option<Reply> {
    stream.write_all(&framed(&query(question, 7))).ok()?;
    next(stream)
}
