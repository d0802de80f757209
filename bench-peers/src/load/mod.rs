//! The generator: one thread that sends and receives in batches and never waits, with many source ports. It
//! checks the ID and the question of each answer, and what the question expects.

mod port;

use crate::histogram::Histogram;
use crate::mix::Questions;
use crate::mmsg::{BATCH, Inbox, Outbox};
use port::Port;
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

/// What is to be sent, and for how long.
#[derive(Clone, Debug)]
pub struct Load {
    /// The server, on loopback.
    pub target: SocketAddr,
    /// Source ports.
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
    /// From the moment at which a question was due until its answer was read.
    pub latency: Histogram,
    /// Turns of the generator's loop, and those in which there was nothing to read or to send.
    pub turns: (u64, u64),
}

/// Told when the measured time begins and ends, on the generator's thread.
pub trait Meter {
    /// It begins.
    fn begin(&mut self);
    /// It has ended.
    fn end(&mut self);
}

/// After this long an answer is not waited for any longer.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long after the last question answers are still taken at a fixed rate.
const AFTERGLOW: Duration = Duration::from_millis(300);
/// Questions under way on one port at most, at a fixed rate.
const OPEN_SLOTS: usize = 16_384;

// === impl Outcome ===

impl Outcome {
    /// Answers a second.
    pub fn rate(&self) -> f64 {
        self.answered as f64 / self.elapsed.as_secs_f64()
    }

    /// The share of the generator's turns in which it had nothing to do.
    pub fn idle(&self) -> f64 {
        self.turns.1 as f64 / self.turns.0.max(1) as f64
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
    let mut ports =
        (0..load.ports).map(|_| Port::connect(load.target, slots)).collect::<io::Result<Vec<Port>>>()?;
    let (mut inbox, mut outbox) = (Inbox::default(), Outbox::default());
    let begun = Instant::now();
    let nanoseconds = |time: Duration| time.as_nanos() as u64;
    let (start, end) = (nanoseconds(load.warm_up), nanoseconds(load.warm_up + load.time));
    let (mut outcome, mut measuring, mut due_from) = (Outcome::default(), false, 0);
    let (mut next, mut turn, mut scheduled) = (0, 0, 0_u64);
    let mut look_for_lost = PATIENCE;
    loop {
        let now = nanoseconds(begun.elapsed());
        if !measuring && now >= start {
            (measuring, due_from, outcome) = (true, now, Outcome::default());
            meter.begin();
        }
        if now >= end {
            break;
        }
        turn = (turn + 1) % ports.len();
        let port = &mut ports[turn];
        let received = port.receive(&mut inbox, questions, now, &mut outcome)?;
        let wanted = match load.pace {
            Pace::Closed(outstanding) => (outstanding / load.ports).max(1).saturating_sub(port.under_way()),
            Pace::Open(rate) => ((now as f64 * rate / 1e9) as u64).saturating_sub(scheduled) as usize,
        };
        let wanted = wanted.min(BATCH);
        let due = |index: u64| match load.pace {
            Pace::Closed(_) => now,
            Pace::Open(rate) => ((scheduled + index) as f64 * 1e9 / rate) as u64,
        };
        port.send(&mut outbox, questions, &mut next, wanted, due, &mut outcome);
        scheduled += wanted as u64;
        outcome.turns.0 += 1;
        outcome.turns.1 += u64::from(received == 0 && wanted == 0);
        if begun.elapsed() >= look_for_lost && turn == 0 {
            look_for_lost = begun.elapsed() + PATIENCE / 4;
            let old = now.saturating_sub(nanoseconds(PATIENCE));
            ports.iter_mut().for_each(|port| outcome.lost += port.give_up(old));
        }
    }
    meter.end();
    let now = nanoseconds(begun.elapsed());
    outcome.elapsed = Duration::from_nanos(now - due_from);
    if matches!(load.pace, Pace::Open(_)) {
        finish(&mut ports, &mut inbox, questions, begun, &mut outcome)?;
    }
    Ok(outcome)
}

/// Takes the answers that are still on their way at the end of a fixed rate; they count as latencies and not as
/// answers of the measured time.
fn finish(
    ports: &mut [Port],
    inbox: &mut Inbox,
    questions: &Questions,
    begun: Instant,
    outcome: &mut Outcome,
) -> io::Result<()> {
    let until = begun.elapsed() + AFTERGLOW;
    let answered = outcome.answered;
    while begun.elapsed() < until {
        for port in &mut *ports {
            port.receive(inbox, questions, begun.elapsed().as_nanos() as u64, outcome)?;
        }
    }
    outcome.answered = answered;
    outcome.lost += ports.iter_mut().map(|port| port.give_up(u64::MAX)).sum::<u64>();
    Ok(())
}
