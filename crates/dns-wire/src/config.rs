//! What a listener can be told.

use crate::client::AnyAnswer;
use crate::identity::Identity;
use ipnet::IpNet;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// Settings of the listeners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireConfig {
    /// Addresses to listen on, for UDP and TCP alike; port 0 takes one that is free.
    pub listen: Vec<SocketAddr>,
    /// Whether to answer over UDP.
    pub udp: bool,
    /// Whether to answer over TCP.
    pub tcp: bool,
    /// How many listeners, each with its own thread and sockets; 0 is one for each core. More than one needs
    /// a system that spreads datagrams over the sockets of a port (Linux does).
    pub listeners: usize,
    /// The most octets of an answer over UDP to a client with EDNS, 512 to 4,096. With 1,232 or less, which fits
    /// practically every path, no answer is ever fragmented (on Linux; RFC 9715).
    pub udp_payload: u16,
    /// Connections that are open at most, those of all listeners together, 1 to 65,535.
    pub tcp_connections: usize,
    /// Connections that are open at most for one client address.
    pub tcp_connections_per_client: usize,
    /// How long a connection may be without a query.
    pub tcp_idle: Duration,
    /// How long a connection may last in all: what was asked by then is still answered.
    pub tcp_total: Duration,
    /// How long what is written at once may take to reach a slow client: an answer, and others up to 16 KiB with it.
    pub tcp_write: Duration,
    /// What a question of type ANY is answered with over UDP.
    pub any_udp: AnyAnswer,
    /// And over TCP.
    pub any_tcp: AnyAnswer,
    /// What the server says of itself to those who ask.
    pub identity: Identity,
    /// Networks whose clients may have other people's names resolved; loopback by default.
    pub recursion: Vec<IpNet>,
    /// Questions to the resolver that a listener may have under way.
    pub recursion_places: usize,
}

impl Default for WireConfig {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 5300))],
            udp: true,
            tcp: true,
            listeners: 0,
            udp_payload: 1232,
            tcp_connections: 1_000,
            tcp_connections_per_client: 100,
            tcp_idle: Duration::from_secs(10),
            tcp_total: Duration::from_secs(600),
            tcp_write: Duration::from_secs(5),
            any_udp: AnyAnswer::One,
            any_tcp: AnyAnswer::All,
            identity: Identity::default(),
            recursion: loopback(),
            recursion_places: 1_000,
        }
    }
}

/// The networks of the machine itself.
pub fn loopback() -> Vec<IpNet> {
    vec![
        IpNet::new_assert(Ipv4Addr::new(127, 0, 0, 0).into(), 8),
        IpNet::new_assert(Ipv6Addr::LOCALHOST.into(), 128),
    ]
}
