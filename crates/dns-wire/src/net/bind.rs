//! Makes the sockets of all listeners, before anything runs.

use super::queue::LONG;
use crate::config::WireConfig;
use crate::error::WireError;
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;
/// How often another free port is tried where UDP and TCP shall have the same one.
const PORT_TRIES: usize = 20;

/// The sockets of one listener.
#[derive(Debug, Default)]
pub(crate) struct Sockets {
    pub(crate) udp: Vec<UdpSocket>,
    pub(crate) tcp: Vec<TcpListener>,
}

/// The addresses that were bound, with the ports that were taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BoundAddresses {
    /// For UDP.
    pub udp: Vec<SocketAddr>,
    /// For TCP.
    pub tcp: Vec<SocketAddr>,
}

/// Binds every address for every listener.
pub(crate) fn bind(
    config: &WireConfig,
    listeners: usize,
) -> Result<(Vec<Sockets>, BoundAddresses), WireError> {
    if config.listen.is_empty() || !(config.udp || config.tcp) {
        return Err(WireError::Nothing);
    }
    let mut sockets: Vec<Sockets> = (0..listeners).map(|_| Sockets::default()).collect();
    let mut bound = BoundAddresses::default();
    for address in &config.listen {
        let address = bind_first(config, *address, listeners > 1, &mut sockets[0])?;
        for more in &mut sockets[1..] {
            bind_one(config, address, true, more)?;
        }
        if config.udp {
            bound.udp.push(address);
        }
        if config.tcp {
            bound.tcp.push(address);
        }
    }
    Ok((sockets, bound))
}

/// Binds the first listener's sockets, and so settles the port where the configuration says 0.
fn bind_first(
    config: &WireConfig,
    address: SocketAddr,
    shared: bool,
    sockets: &mut Sockets,
) -> Result<SocketAddr, WireError> {
    let mut tries = if address.port() == 0 { PORT_TRIES } else { 1 };
    loop {
        tries -= 1;
        let mut own = Sockets::default();
        let mut actual = address;
        let result = (|| {
            if shared && address.port() != 0 {
                // Sockets that share a port also share it with those of another process, which would get a
                // part of the queries unseen. One that does not share finds that out.
                bind_one(config, address, false, &mut Sockets::default())?;
            }
            if config.udp {
                let socket = udp(config, actual, shared).map_err(|error| bind_error("udp", actual, error))?;
                actual = socket.local_addr().map_err(|error| bind_error("udp", actual, error))?;
                own.udp.push(socket);
            }
            if config.tcp {
                let socket = tcp(actual, shared).map_err(|error| bind_error("tcp", actual, error))?;
                actual = socket.local_addr().map_err(|error| bind_error("tcp", actual, error))?;
                own.tcp.push(socket);
            }
            Ok(actual)
        })();
        match result {
            Ok(actual) => {
                sockets.udp.append(&mut own.udp);
                sockets.tcp.append(&mut own.tcp);
                return Ok(actual);
            }
            Err(_) if tries > 0 => {}
            Err(error) => return Err(error),
        }
    }
}

fn bind_one(
    config: &WireConfig,
    address: SocketAddr,
    shared: bool,
    sockets: &mut Sockets,
) -> Result<(), WireError> {
    if config.udp {
        let socket = udp(config, address, shared).map_err(|error| bind_error("udp", address, error))?;
        sockets.udp.push(socket);
    }
    if config.tcp {
        sockets.tcp.push(tcp(address, shared).map_err(|error| bind_error("tcp", address, error))?);
    }
    Ok(())
}

fn bind_error(transport: &'static str, address: SocketAddr, error: io::Error) -> WireError {
    WireError::Bind { transport, address, error }
}

fn socket(address: SocketAddr, kind: Type, protocol: Protocol, shared: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    socket.set_nonblocking(true)?;
    if address.is_ipv6() {
        // The IPv4 wildcard is bound by itself, where it is wanted.
        socket.set_only_v6(true)?;
    }
    #[cfg(unix)]
    if shared {
        socket.set_reuse_port(true)?;
    }
    Ok(socket)
}

fn udp(config: &WireConfig, address: SocketAddr, shared: bool) -> io::Result<UdpSocket> {
    let socket = socket(address, Type::DGRAM, Protocol::UDP, shared)?;
    // The system caps what it does not want to give; less is no error.
    let _ = socket.set_recv_buffer_size(LONG);
    let _ = socket.set_send_buffer_size(LONG);
    #[cfg(target_os = "linux")]
    {
        use super::options_linux::{ask_for_local_address, ignore_path_mtu};
        // A system that knows no such option sends the answers all the same.
        let _ = ignore_path_mtu(&socket, address.is_ipv6(), config.udp_payload);
        if address.ip().is_unspecified() {
            ask_for_local_address(&socket, address.is_ipv6())?;
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = config;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

fn tcp(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let socket = socket(address, Type::STREAM, Protocol::TCP, shared)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
