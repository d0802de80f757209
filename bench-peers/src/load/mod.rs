//! The generator: one thread that sends and receives in batches and never waits, from many source ports or on many
//! connections. It checks the ID and the question of each answer, and what the question expects.

mod connection;
mod port;
mod slots;

use crate::histogram::Histogram;
use crate::mix::Questions;
use crate::mmsg::{BATCH, Inbox, Outbox, stamp_now};
use connection::Connection;
use port::Port;
use slots::Slots;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How questions follow each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// The next when an answer came: so many at a time are under way. The server sets the rate.
    Closed(usize),
    /// So many a second, whether answers come or not.
    Open(f64),
}

/// How they travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// UDP.
    Udp,
    /// UDP, many questions handed to the kernel as one datagram to be cut (`UDP_SEGMENT`): several times as many a
    /// second, of questions that are all of one length.
    UdpSegments,
    /// UDP, timed by the kernel (`SO_TIMESTAMPNS`): a latency is from before a question was handed over until the kernel
    /// had its answer. At a fixed rate, what the generator is late for is not sent.
    UdpStamped,
    /// Persistent connections.
    Tcp,
}

/// What is to be sent, and for how long.
#[derive(Clone, Debug)]
pub struct Load {
    /// The server, on loopback.
    pub target: SocketAddr,
    /// How questions travel.
    pub over: Over,
    /// Source ports, or connections.
    pub ports: usize,
    /// How questions follow each other.
    pub pace: Pace,
    /// How long before the measured time.
    pub warm_up: Duration,
    /// The measured time.
    pub time: Duration,
}

/// What came of it, within the measured time.
#[derive(Clone, Default)]
pub struct Outcome {
    /// Questions that the kernel took.
    pub sent: u64,
    /// Questions that were left out because the generator was late ([`Over::UdpStamped`]).
    pub left_out: u64,
    /// Answers with the right ID and question.
    pub answered: u64,
    /// Questions that were given up.
    pub lost: u64,
    /// Datagrams that answer nothing that is under way: too late, or wrong.
    pub strange: u64,
    /// Answers with another RCODE or number of records than the question expects.
    pub unexpected: u64,
    /// How long it took.
    pub elapsed: Duration,
    /// From the moment at which a question was due until its answer was read, unless [`Over`] says otherwise.
    pub latency: Histogram,
}

/// Told when the measured time begins and ends, on the generator's thread.
pub trait Meter {
    /// It begins.
    fn begin(&mut self);
    /// It has ended.
    fn end(&mut self);
}

/// Measures nothing.
pub struct Unmeasured;

/// A socket with questions under way.
trait Line {
    fn slots(&mut self) -> &mut Slots;

    /// Reads what is there and settles it. Says how many messages there were.
    fn receive(&mut self, buffers: &mut Buffers, turn: &Turn<'_>, outcome: &mut Outcome)
    -> io::Result<usize>;

    /// Asks these questions, each by its index and the moment at which it is due; at most a batch.
    fn send(
        &mut self,
        buffers: &mut Buffers,
        asked: &[(usize, u64)],
        turn: &mut Turn<'_>,
        outcome: &mut Outcome,
    ) -> io::Result<()>;
}

/// A turn of the generator's loop.
struct Turn<'a> {
    questions: &'a mut Questions,
    /// Nanoseconds since the generator began.
    now: u64,
    /// When that was, in nanoseconds by the clock that the kernel stamps with.
    began: u64,
}

struct Buffers {
    inbox: Inbox,
    outbox: Outbox,
    stream: Box<[u8]>,
}

/// After this long an answer is not waited for any longer.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long after the last question answers are still taken at a fixed rate.
const AFTERGLOW: Duration = Duration::from_millis(300);
/// A generator that is behind by more is late ([`Over::UdpStamped`]): about what a turn takes in which it sends and reads
/// whole batches.
const LATE: Duration = Duration::from_micros(300);
/// Questions under way on one port at most, at a fixed rate.
const OPEN_SLOTS: usize = 16_384;

// === impl Unmeasured ===

impl Meter for Unmeasured {
    fn begin(&mut self) {}
    fn end(&mut self) {}
}

// === impl Outcome ===

impl Outcome {
    /// Answers a second.
    pub fn rate(&self) -> f64 {
        self.answered as f64 / self.elapsed.as_secs_f64()
    }

    /// Takes an answer that was there at this moment.
    fn take(&mut self, slots: &mut Slots, octets: &[u8], at: u64, turn: &Turn<'_>) {
        match slots.settle(octets, turn.questions) {
            Some(slot) => {
                self.answered += 1;
                self.latency.record(at.saturating_sub(slot.due));
                self.unexpected += u64::from(!turn.questions.is_expected(slot.question as usize, octets));
            }
            None => self.strange += 1,
        }
    }
}

/// Sends the questions, again from the first behind the last, on the calling thread.
pub fn run(load: &Load, questions: &mut Questions, meter: &mut dyn Meter) -> io::Result<Outcome> {
    if !load.target.ip().is_loopback() {
        return Err(io::Error::other("the generator asks on loopback alone"));
    }
    let slots = match load.pace {
        Pace::Closed(outstanding) => (outstanding.div_ceil(load.ports) * 4).next_power_of_two().max(BATCH),
        Pace::Open(_) => OPEN_SLOTS,
    };
    let lines = (0..load.ports).map(|_| -> io::Result<Box<dyn Line>> {
        Ok(match load.over {
            Over::Tcp => Box::new(Connection::connect(load.target, slots)?),
            Over::Udp => Box::new(Port::connect(load.target, slots)?),
            Over::UdpSegments => {
                Box::new(Port::connect(load.target, slots)?.segmented(questions.octets(0).len())?)
            }
            Over::UdpStamped => Box::new(Port::connect(load.target, slots)?.stamped()?),
        })
    });
    Generator { load, lines: lines.collect::<io::Result<_>>()?, next: 0, scheduled: 0 }.run(questions, meter)
}

struct Generator<'a> {
    load: &'a Load,
    lines: Vec<Box<dyn Line>>,
    /// The next question.
    next: usize,
    /// How many were due so far, at a fixed rate.
    scheduled: u64,
}

fn nanoseconds(time: Duration) -> u64 {
    time.as_nanos() as u64
}

/// How many questions are due until then, in nanoseconds since the generator began, at so many a second.
fn due_until(then: u64, rate: f64) -> u64 {
    (then as f64 * rate / 1e9) as u64
}

// === impl Generator ===

impl Generator<'_> {
    fn run(&mut self, questions: &mut Questions, meter: &mut dyn Meter) -> io::Result<Outcome> {
        let mut buffers =
            Buffers { inbox: Inbox::default(), outbox: Outbox::default(), stream: vec![0; 1 << 16].into() };
        let begun = Instant::now();
        let (start, end) = (nanoseconds(self.load.warm_up), nanoseconds(self.load.warm_up + self.load.time));
        let (mut outcome, mut measured_from, mut line) = (Outcome::default(), None, 0);
        let mut look_for_lost = nanoseconds(PATIENCE);
        let mut turn = Turn { questions, now: 0, began: stamp_now() };
        loop {
            turn.now = nanoseconds(begun.elapsed());
            outcome.left_out += self.leave_out(turn.now);
            if measured_from.is_none() && turn.now >= start {
                (measured_from, outcome) = (Some(turn.now), Outcome::default());
                meter.begin();
            }
            if turn.now >= end {
                break;
            }
            line = (line + 1) % self.lines.len();
            self.lines[line].receive(&mut buffers, &turn, &mut outcome)?;
            let mut asked = [(0, 0); BATCH];
            let count = self.due(line, turn.now, &mut asked, turn.questions.len());
            self.lines[line].send(&mut buffers, &asked[..count], &mut turn, &mut outcome)?;
            if turn.now >= look_for_lost {
                look_for_lost = turn.now + nanoseconds(PATIENCE) / 4;
                let old = turn.now.saturating_sub(nanoseconds(PATIENCE));
                outcome.lost += self.lines.iter_mut().map(|line| line.slots().give_up(old)).sum::<u64>();
            }
        }
        meter.end();
        outcome.elapsed =
            Duration::from_nanos(nanoseconds(begun.elapsed()) - measured_from.unwrap_or_default());
        if matches!(self.load.pace, Pace::Open(_)) {
            self.finish(&mut buffers, &mut turn, begun, &mut outcome)?;
        }
        Ok(outcome)
    }

    /// Leaves out what the generator is late for, where it is timed by the kernel. Says how many.
    fn leave_out(&mut self, now: u64) -> u64 {
        let (Pace::Open(rate), Over::UdpStamped) = (self.load.pace, self.load.over) else { return 0 };
        if due_until(now.saturating_sub(nanoseconds(LATE)), rate) <= self.scheduled {
            return 0;
        }
        let late = due_until(now, rate) - self.scheduled;
        self.scheduled += late;
        late
    }

    /// The questions that are due on this line now: which, and since when. Says how many.
    fn due(&mut self, line: usize, now: u64, asked: &mut [(usize, u64)], questions: usize) -> usize {
        let wanted = match self.load.pace {
            Pace::Closed(outstanding) => {
                let share = (outstanding / self.load.ports).max(1);
                share.saturating_sub(self.lines[line].slots().under_way())
            }
            Pace::Open(rate) => due_until(now, rate).saturating_sub(self.scheduled) as usize,
        };
        let wanted = wanted.min(asked.len());
        for place in &mut asked[..wanted] {
            let due = match self.load.pace {
                Pace::Closed(_) => now,
                Pace::Open(rate) => (self.scheduled as f64 * 1e9 / rate) as u64,
            };
            self.scheduled += 1;
            *place = (self.next, due);
            self.next = (self.next + 1) % questions;
        }
        wanted
    }

    /// Takes the answers that are still on their way at the end of a fixed rate; they count as latencies and not
    /// as answers of the measured time.
    fn finish(
        &mut self,
        buffers: &mut Buffers,
        turn: &mut Turn<'_>,
        begun: Instant,
        outcome: &mut Outcome,
    ) -> io::Result<()> {
        let (until, answered) = (begun.elapsed() + AFTERGLOW, outcome.answered);
        while begun.elapsed() < until {
            for line in &mut self.lines {
                turn.now = nanoseconds(begun.elapsed());
                line.receive(buffers, turn, outcome)?;
            }
        }
        outcome.answered = answered;
        outcome.lost += self.lines.iter_mut().map(|line| line.slots().give_up(u64::MAX)).sum::<u64>();
        Ok(())
    }
}
