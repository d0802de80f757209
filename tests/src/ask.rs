//! Questions and answers, read by an implementation that shares no code with ours.

use anyhow::{Context, Result, bail, ensure};
use hickory_proto::op::{Edns, Message, Query, ResponseCode};
use hickory_proto::rr::{Name, Record, RecordType};
use hickory_proto::serialize::binary::{BinDecodable, BinEncodable};
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(5);

/// Asks one server.
#[derive(Debug)]
pub struct Asker {
    server: SocketAddr,
    socket: UdpSocket,
    next: u16,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The message.
    pub message: Message,
    /// Its octets.
    pub octets: Vec<u8>,
}

/// A query's octets, with EDNS of 1,232 octets where it is wanted.
pub fn query(id: u16, name: &str, rtype: RecordType, recursion: bool, edns: bool) -> Result<Vec<u8>> {
    let mut message = Message::query();
    message.metadata.id = id;
    message.metadata.recursion_desired = recursion;
    let name = Name::from_ascii(name).with_context(|| format!("{name} is no name"))?;
    message.add_query(Query::query(name, rtype));
    if edns {
        let mut edns = Edns::new();
        edns.set_max_payload(1232).set_version(0);
        message.edns = Some(edns);
    }
    Ok(message.to_bytes()?)
}

// === impl Asker ===

impl Asker {
    /// Asks from a loopback address.
    pub fn new(server: SocketAddr) -> Result<Self> {
        let own: IpAddr = if server.is_ipv4() { "127.0.0.1".parse()? } else { "::1".parse()? };
        Self::from_address(server, own)
    }

    /// Asks from this address.
    pub fn from_address(server: SocketAddr, own: IpAddr) -> Result<Self> {
        let socket = UdpSocket::bind((own, 0))?;
        socket.set_read_timeout(Some(TIMEOUT))?;
        Ok(Self { server, socket, next: 1 })
    }

    /// Asks over UDP with EDNS, recursion not desired.
    pub fn ask(&mut self, name: &str, rtype: RecordType) -> Result<Answer> {
        self.udp(name, rtype, false)
    }

    /// Asks over UDP with EDNS, recursion desired.
    pub fn recurse(&mut self, name: &str, rtype: RecordType) -> Result<Answer> {
        self.udp(name, rtype, true)
    }

    fn udp(&mut self, name: &str, rtype: RecordType, recursion: bool) -> Result<Answer> {
        let id = self.id();
        let octets = query(id, name, rtype, recursion, true)?;
        self.socket.send_to(&octets, self.server)?;
        let mut buffer = [0; 65_535];
        loop {
            let (length, peer) = self
                .socket
                .recv_from(&mut buffer)
                .with_context(|| format!("no answer for {name} {rtype}"))?;
            ensure!(peer == self.server, "asked {}, and {peer} answered", self.server);
            if buffer[..length].starts_with(&id.to_be_bytes()) {
                return Answer::read(&buffer[..length]);
            }
        }
    }

    /// Asks over TCP.
    pub fn tcp(&mut self, name: &str, rtype: RecordType) -> Result<Answer> {
        let id = self.id();
        let octets = query(id, name, rtype, false, true)?;
        let mut stream = TcpStream::connect(self.server)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.write_all(&[&u16::try_from(octets.len())?.to_be_bytes()[..], &octets].concat())?;
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut answer)?;
        Answer::read(&answer)
    }

    fn id(&mut self) -> u16 {
        self.next = self.next.wrapping_add(1);
        self.next
    }
}

// === impl Answer ===

impl Answer {
    /// Reads an answer.
    pub fn read(octets: &[u8]) -> Result<Self> {
        let message = Message::from_bytes(octets).context("the answer is no message")?;
        Ok(Self { message, octets: octets.to_vec() })
    }

    /// The RCODE.
    pub fn rcode(&self) -> ResponseCode {
        self.message.metadata.response_code
    }

    /// The RDATA of the answer section, in text, sorted.
    pub fn data(&self) -> Vec<String> {
        texts(&self.message.answers)
    }

    /// The whole answer section, `owner TYPE data`, in its order.
    pub fn lines(&self) -> Vec<String> {
        let line = |record: &Record| format!("{} {} {}", record.name, record.record_type(), record.data);
        self.message.answers.iter().map(line).collect()
    }

    /// The types of the authority section.
    pub fn authority(&self) -> Vec<RecordType> {
        self.message.authorities.iter().map(Record::record_type).collect()
    }

    /// The serial of the SOA in the answer or the authority section.
    pub fn serial(&self) -> Result<u32> {
        let records = self.message.answers.iter().chain(&self.message.authorities);
        for record in records {
            if let hickory_proto::rr::RData::SOA(soa) = &record.data {
                return Ok(soa.serial);
            }
        }
        bail!("no SOA in the answer")
    }
}

fn texts(records: &[Record]) -> Vec<String> {
    let mut texts: Vec<String> = records.iter().map(|record| record.data.to_string()).collect();
    texts.sort();
    texts
}
