//! Very many questions, hundreds of them under way at once.

use crate::PATIENCE;
use crate::ask::query;
use anyhow::{Context, Result, bail, ensure};
use hickory_proto::op::Message;
use hickory_proto::rr::{Name, RecordType};
use hickory_proto::serialize::binary::BinDecodable;
use std::collections::HashMap;
use std::io::{BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

/// A question.
#[derive(Clone, Debug)]
pub struct Question {
    /// The name, absolute.
    pub name: String,
    /// The type.
    pub rtype: RecordType,
}

/// How the questions travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// UDP.
    Udp,
    /// TCP, several connections, many queries on each.
    Tcp,
}

/// Threads, each with a socket of its own.
const ASKERS: usize = 4;
/// Questions under way on a socket: what its buffer holds the answers of.
const UNDER_WAY: usize = 100;
/// After this long without any answer what is under way is asked again, if over UDP.
const SILENCE: Duration = Duration::from_secs(1);
/// How often that is done before it is an error.
const AGAIN: usize = 10;

/// Asks all questions of a server and looks at every answer. Returns how long it took.
///
/// # Errors
/// The first question without an answer, and the first answer that `check`, which gets the question's index,
/// does not accept.
pub fn ask_all(
    server: SocketAddr,
    transport: Transport,
    questions: &[Question],
    check: impl Fn(usize, &Message) -> Result<()> + Sync,
) -> Result<Duration> {
    ask_all_behind(server, transport, &[], questions, check)
}

/// As [`ask_all`], where what was written last is an address for each of these names: each socket asks for them until
/// it gets them, and only then for the rest. A listener shows a catalogue whole, and a socket's questions all go to
/// one listener, so that all of them are answered from a state that has everything.
///
/// # Errors
/// As [`ask_all`], and where one of the names is not there in [`PATIENCE`].
pub(crate) fn ask_all_behind(
    server: SocketAddr,
    transport: Transport,
    marks: &[Question],
    questions: &[Question],
    check: impl Fn(usize, &Message) -> Result<()> + Sync,
) -> Result<Duration> {
    let begun = Instant::now();
    let share = questions.len().div_ceil(ASKERS).max(1);
    std::thread::scope(|scope| {
        let check = &check;
        let askers = questions.chunks(share).enumerate().map(|(number, questions)| {
            scope.spawn(move || {
                let check = |index: usize, message: &Message| check(number * share + index, message);
                match transport {
                    Transport::Udp => ask_behind(Udp::new(server)?, marks, questions, check),
                    Transport::Tcp => ask_behind(Tcp::new(server)?, marks, questions, check),
                }
            })
        });
        let askers: Vec<_> = askers.collect();
        for asker in askers {
            asker.join().expect("an asker panicked")?;
        }
        Ok(begun.elapsed())
    })
}

trait Wire {
    /// Sends a query.
    fn send(&mut self, query: &[u8]) -> Result<()>;
    /// Sends what was not sent yet.
    fn flush(&mut self) -> Result<()>;
    /// The next answer; nothing after [`SILENCE`].
    fn receive(&mut self) -> Result<Option<&[u8]>>;
}

fn ask_behind(
    mut wire: impl Wire,
    marks: &[Question],
    questions: &[Question],
    check: impl Fn(usize, &Message) -> Result<()>,
) -> Result<()> {
    let until = Instant::now() + PATIENCE;
    let is_there = |_: usize, answer: &Message| {
        ensure!(!answer.answers.is_empty(), "it is not there");
        Ok(())
    };
    while let Err(error) = ask(&mut wire, marks, is_there) {
        if Instant::now() > until {
            return Err(error.context("what was written last"));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    ask(&mut wire, questions, check)
}

fn ask(
    wire: &mut impl Wire,
    questions: &[Question],
    check: impl Fn(usize, &Message) -> Result<()>,
) -> Result<()> {
    let mut under_way: HashMap<u16, usize> = HashMap::with_capacity(UNDER_WAY);
    let mut left = questions.iter().enumerate();
    let mut silences = 0;
    loop {
        while under_way.len() < UNDER_WAY {
            let Some((index, question)) = left.next() else { break };
            // So few are under way that the low bits tell them apart.
            let id = (index & 0xffff) as u16;
            wire.send(&query(id, &question.name, question.rtype, false, true)?)?;
            under_way.insert(id, index);
        }
        if under_way.is_empty() {
            return Ok(());
        }
        wire.flush()?;
        let Some(octets) = wire.receive()? else {
            silences += 1;
            let (id, index) = under_way.iter().next().context("something is under way")?;
            ensure!(silences <= AGAIN, "no answer for {:?} ({id})", questions[*index]);
            for (id, index) in &under_way {
                let question = &questions[*index];
                wire.send(&query(*id, &question.name, question.rtype, false, true)?)?;
            }
            continue;
        };
        let message = Message::from_bytes(octets).context("an answer is no message")?;
        // One that comes twice was asked for twice, and may come when the id is another question's.
        let asked = message.queries.first().map(|query| query.name());
        let is_its =
            |index: &usize| Name::from_ascii(&questions[*index].name).is_ok_and(|name| asked == Some(&name));
        let id = message.metadata.id;
        let Some(index) = under_way.get(&id).copied().filter(is_its) else { continue };
        under_way.remove(&id);
        check(index, &message).with_context(|| format!("{:?}: {message}", questions[index]))?;
    }
}

struct Udp {
    socket: UdpSocket,
    buffer: Vec<u8>,
}

impl Udp {
    fn new(server: SocketAddr) -> Result<Self> {
        let socket = UdpSocket::bind(("127.0.0.1", 0))?;
        socket.connect(server)?;
        socket.set_read_timeout(Some(SILENCE))?;
        Ok(Self { socket, buffer: vec![0; 65_535] })
    }
}

impl Wire for Udp {
    fn send(&mut self, query: &[u8]) -> Result<()> {
        self.socket.send(query)?;
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    fn receive(&mut self) -> Result<Option<&[u8]>> {
        match self.socket.recv(&mut self.buffer) {
            Ok(length) => Ok(Some(&self.buffer[..length])),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

struct Tcp {
    writer: TcpStream,
    reader: BufReader<TcpStream>,
    unsent: Vec<u8>,
    buffer: Vec<u8>,
}

impl Tcp {
    fn new(server: SocketAddr) -> Result<Self> {
        let writer = TcpStream::connect(server)?;
        writer.set_nodelay(true)?;
        writer.set_read_timeout(Some(SILENCE * 10))?;
        let reader = BufReader::with_capacity(1 << 16, writer.try_clone()?);
        Ok(Self { writer, reader, unsent: Vec::new(), buffer: vec![0; 65_535] })
    }
}

impl Wire for Tcp {
    fn send(&mut self, query: &[u8]) -> Result<()> {
        self.unsent.extend(u16::try_from(query.len())?.to_be_bytes());
        self.unsent.extend(query);
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        self.writer.write_all(&self.unsent)?;
        self.unsent.clear();
        Ok(())
    }

    fn receive(&mut self) -> Result<Option<&[u8]>> {
        let mut length = [0; 2];
        if let Err(error) = self.reader.read_exact(&mut length) {
            bail!("the connection gave no further answer: {error}");
        }
        let buffer = &mut self.buffer[..usize::from(u16::from_be_bytes(length))];
        self.reader.read_exact(buffer)?;
        Ok(Some(buffer))
    }
}
