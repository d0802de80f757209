//! A name server on loopback, for tests: UDP and TCP on one port, answering as a closure says.
#![allow(dead_code, reason = "each test file uses a part of it")]

use hickory_proto::op::{Message, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::{A, CNAME, NS, SOA, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use messages::Question;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// What the server does with a question.
pub(crate) enum Act {
    /// Answers.
    Answer(Message),
    /// Sends these datagrams, one after the other. Over TCP only the last.
    Raw(Vec<Vec<u8>>),
    /// Keeps silent.
    Nothing,
}

/// A question as the server got it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) message: Message,
    pub(crate) tcp: bool,
}

/// A running server. Its threads end with the process.
pub(crate) struct Fake {
    pub(crate) address: SocketAddr,
    seen: Receiver<Seen>,
}

type Behaviour = dyn Fn(&Message, bool) -> Act + Send + Sync;

impl Fake {
    /// A server at `ip`, on `port` or, for 0, on any.
    pub(crate) fn start(
        ip: [u8; 4],
        port: u16,
        act: impl Fn(&Message, bool) -> Act + Send + Sync + 'static,
    ) -> Self {
        let ip = IpAddr::V4(Ipv4Addr::from(ip));
        let (udp, tcp) = bind(ip, port);
        let address = udp.local_addr().unwrap();
        let (sender, seen) = channel();
        let act: Arc<Behaviour> = Arc::new(act);
        let (udp_act, udp_sender) = (Arc::clone(&act), sender.clone());
        std::thread::spawn(move || serve_udp(&udp, &*udp_act, &udp_sender));
        std::thread::spawn(move || {
            for stream in tcp.incoming() {
                let (act, sender) = (Arc::clone(&act), sender.clone());
                std::thread::spawn(move || serve_tcp(stream.unwrap(), &*act, &sender));
            }
        });
        Self { address, seen }
    }

    /// The questions since the last look.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.try_iter().collect()
    }
}

fn bind(ip: IpAddr, port: u16) -> (UdpSocket, TcpListener) {
    for _ in 0..100 {
        let udp = UdpSocket::bind((ip, port)).unwrap();
        if let Ok(tcp) = TcpListener::bind((ip, udp.local_addr().unwrap().port())) {
            return (udp, tcp);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("no port is free for both UDP and TCP")
}

fn serve_udp(socket: &UdpSocket, act: &Behaviour, seen: &Sender<Seen>) {
    let mut buffer = [0; 65_536];
    while let Ok((length, client)) = socket.recv_from(&mut buffer) {
        let Ok(message) = Message::from_vec(&buffer[..length]) else { continue };
        let _ = seen.send(Seen { message: message.clone(), tcp: false });
        let datagrams = match act(&message, false) {
            Act::Answer(answer) => vec![answer.to_vec().unwrap()],
            Act::Raw(datagrams) => datagrams,
            Act::Nothing => Vec::new(),
        };
        for datagram in datagrams {
            let _ = socket.send_to(&datagram, client);
        }
    }
}

fn serve_tcp(mut stream: TcpStream, act: &Behaviour, seen: &Sender<Seen>) {
    loop {
        let mut length = [0; 2];
        if stream.read_exact(&mut length).is_err() {
            return;
        }
        let mut buffer = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut buffer).unwrap();
        let message = Message::from_vec(&buffer).unwrap();
        let _ = seen.send(Seen { message: message.clone(), tcp: true });
        let octets = match act(&message, true) {
            Act::Answer(answer) => answer.to_vec().unwrap(),
            Act::Raw(mut datagrams) => datagrams.pop().unwrap(),
            Act::Nothing => continue,
        };
        stream.write_all(&(octets.len() as u16).to_be_bytes()).unwrap();
        stream.write_all(&octets).unwrap();
    }
}

// === messages ===

/// The question of a message.
pub(crate) fn query(message: &Message) -> &Query {
    &message.queries[0]
}

/// An answer to the message with these sections.
pub(crate) fn answer(
    to: &Message,
    code: ResponseCode,
    answers: Vec<Record>,
    authorities: Vec<Record>,
) -> Message {
    let mut message = Message::response(to.metadata.id, OpCode::Query);
    message.metadata.response_code = code;
    message.metadata.authoritative = true;
    message.metadata.recursion_available = true;
    message.add_query(query(to).clone());
    message.add_answers(answers);
    message.add_authorities(authorities);
    message
}

pub(crate) fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

pub(crate) fn record(owner: &str, data: RData) -> Record {
    Record::from_rdata(name(owner), 300, data)
}

pub(crate) fn a(owner: &str, address: [u8; 4]) -> Record {
    record(owner, RData::A(A(Ipv4Addr::from(address))))
}

pub(crate) fn cname(owner: &str, target: &str) -> Record {
    record(owner, RData::CNAME(CNAME(name(target))))
}

pub(crate) fn ns(owner: &str, server: &str) -> Record {
    record(owner, RData::NS(NS(name(server))))
}

pub(crate) fn txt(owner: &str, texts: Vec<String>) -> Record {
    record(owner, RData::TXT(TXT::new(texts)))
}

/// An SOA with MINIMUM 20 and a TTL of 300.
pub(crate) fn soa(owner: &str) -> Record {
    record(owner, RData::SOA(SOA::new(name("ns.test."), name("hostmaster.test."), 1, 2, 3, 4, 20)))
}

// === an authoritative zone ===

/// The simplest zone that refers, follows nothing, and tells NODATA from NXDOMAIN.
pub(crate) struct Zone {
    pub(crate) apex: &'static str,
    pub(crate) records: Vec<Record>,
}

impl Zone {
    pub(crate) fn answer(&self, message: &Message) -> Message {
        let query = query(message);
        let (asked, rtype) = (query.name(), query.query_type());
        let apex = name(self.apex);
        let of = |owner: &Name, rtype| -> Vec<Record> {
            let wanted = |one: &&Record| one.name == *owner && one.record_type() == rtype;
            self.records.iter().filter(wanted).cloned().collect()
        };
        let cut = self
            .records
            .iter()
            .find(|one| one.record_type() == RecordType::NS && one.name != apex && one.name.zone_of(asked));
        if let Some(cut) = cut {
            let servers = of(&cut.name, RecordType::NS);
            let mut referral = answer(message, ResponseCode::NoError, Vec::new(), servers.clone());
            referral.metadata.authoritative = false;
            for server in &servers {
                if let RData::NS(server) = &server.data {
                    referral.add_additionals(of(&server.0, RecordType::A));
                }
            }
            return referral;
        }
        for found in [of(asked, rtype), of(asked, RecordType::CNAME)] {
            if !found.is_empty() {
                return answer(message, ResponseCode::NoError, found, Vec::new());
            }
        }
        let exists = self.records.iter().any(|one| asked.zone_of(&one.name)) || *asked == apex;
        let code = if exists { ResponseCode::NoError } else { ResponseCode::NXDomain };
        answer(message, code, Vec::new(), vec![soa(self.apex)])
    }

    /// A server for the zone.
    pub(crate) fn serve(self, ip: [u8; 4], port: u16) -> Fake {
        Fake::start(ip, port, move |message, _| Act::Answer(self.answer(message)))
    }
}

// === questions and answers of ours ===

pub(crate) fn question(text: &str, rtype: zone_model::RecordType) -> Question {
    Question { name: zone_model::Name::parse(text).unwrap(), rtype }
}

/// Records as `owner TYPE rdata-in-hex`.
pub(crate) fn shown(records: &[zone_model::Record]) -> Vec<String> {
    let hex = |octets: &[u8]| octets.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
    records.iter().map(|one| format!("{} {} {}", one.owner, one.rtype, hex(&one.rdata))).collect()
}

/// A record of ours, as [`shown`] shows it.
pub(crate) fn line(owner: &str, rtype: zone_model::RecordType, rdata: &[u8]) -> String {
    let owner = zone_model::Name::parse(owner).unwrap();
    shown(&[zone_model::Record { owner, rtype, ttl: 0, rdata: rdata.into() }]).remove(0)
}

/// The wire form of a name.
pub(crate) fn wire(text: &str) -> Vec<u8> {
    zone_model::Name::parse(text).unwrap().as_wire().to_vec()
}
