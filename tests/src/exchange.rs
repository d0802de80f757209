//! Octets to a server and octets back: many at once, whatever they are.

use anyhow::{Result, ensure};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

/// Queries under way on a socket.
const UNDER_WAY: usize = 48;
/// After this long without any answer what is under way is sent again.
const SILENCE: Duration = Duration::from_millis(250);
/// How often a query is sent at most before it counts as one without an answer.
const ATTEMPTS: usize = 4;

/// Sends one query over UDP, once.
///
/// # Errors
/// What the system says of the socket.
pub fn one(server: SocketAddr, query: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let socket = udp(server)?;
    socket.send(query)?;
    receive(&socket, &mut vec![0; 65_535])
}

/// Sends all queries over UDP and gives back what came for each, `None` for one that is not answered. The queries'
/// IDs are replaced, and so are those of the answers.
///
/// # Errors
/// What the system says of the socket.
pub fn over_udp(server: SocketAddr, queries: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>> {
    let socket = udp(server)?;
    let mut buffer = vec![0; 65_535];
    let mut answers: Vec<Option<Vec<u8>>> = vec![None; queries.len()];
    let mut under_way: BTreeMap<usize, usize> = BTreeMap::new();
    let mut next = 0;
    let send = |index: usize| {
        // A peer's ICMP message, left on the socket by an earlier datagram, is no error of this one.
        let _ = socket.send(&with_id(&queries[index], index));
    };
    loop {
        while under_way.len() < UNDER_WAY && next < queries.len() {
            send(next);
            under_way.insert(next, 1);
            next += 1;
        }
        if under_way.is_empty() {
            return Ok(answers);
        }
        match receive(&socket, &mut buffer) {
            Ok(Some(octets)) if octets.len() >= 2 => {
                let id = usize::from(u16::from_be_bytes([octets[0], octets[1]]));
                if let Some(index) = under_way.keys().copied().find(|index| index & 0xffff == id) {
                    under_way.remove(&index);
                    answers[index] = Some(octets);
                }
            }
            Ok(Some(_)) => {}
            Ok(None) => {
                under_way.retain(|_, attempts| *attempts < ATTEMPTS);
                for (index, attempts) in &mut under_way {
                    send(*index);
                    *attempts += 1;
                }
            }
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Sends all queries over TCP, many on a connection, and gives back what came for each, `None` for one upon which
/// the server closes the connection again and again.
///
/// # Errors
/// Where no connection can be had.
pub fn over_tcp(server: SocketAddr, queries: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>> {
    let mut answers: Vec<Option<Vec<u8>>> = vec![None; queries.len()];
    let mut left: Vec<usize> = (0..queries.len()).collect();
    let mut fruitless = 0;
    while !left.is_empty() {
        let before = left.len();
        // It ends with an error where the server closes the connection, which it may.
        let ended = connection(server, queries, &mut left, &mut answers);
        fruitless = if left.len() < before { 0 } else { fruitless + 1 };
        if fruitless == ATTEMPTS {
            ensure!(TcpStream::connect(server).is_ok(), "{server} takes no connections: {ended:?}");
            left.remove(0);
            fruitless = 0;
        }
    }
    Ok(answers)
}

fn connection(
    server: SocketAddr,
    queries: &[Vec<u8>],
    left: &mut Vec<usize>,
    answers: &mut [Option<Vec<u8>>],
) -> io::Result<()> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(SILENCE * 8))?;
    let mut sent = 0;
    while !left.is_empty() {
        let mut octets = Vec::new();
        for index in &left[sent..left.len().min(UNDER_WAY)] {
            let query = with_id(&queries[*index], *index);
            octets.extend((query.len() as u16).to_be_bytes());
            octets.extend(query);
        }
        sent = left.len().min(UNDER_WAY);
        stream.write_all(&octets)?;
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut answer)?;
        let Some(id) = answer.first_chunk::<2>().map(|id| usize::from(u16::from_be_bytes(*id))) else {
            continue;
        };
        if let Some(at) = left[..sent].iter().position(|index| index & 0xffff == id) {
            answers[left.remove(at)] = Some(answer);
            sent -= 1;
        }
    }
    Ok(())
}

fn udp(server: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(("127.0.0.1", 0))?;
    socket.connect(server)?;
    socket.set_read_timeout(Some(SILENCE))?;
    Ok(socket)
}

fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<Option<Vec<u8>>> {
    match socket.recv(buffer) {
        Ok(length) => Ok(Some(buffer[..length].to_vec())),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(None),
        Err(error) => Err(error),
    }
}

fn with_id(query: &[u8], index: usize) -> Vec<u8> {
    let mut query = query.to_vec();
    query[..2].copy_from_slice(&(index as u16).to_be_bytes());
    query
}
