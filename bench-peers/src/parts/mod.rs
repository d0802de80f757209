//! The parts of the measurement, each of which can be run alone.

mod changes;
mod cores;
mod dnsperf;
mod memory;
mod next;
mod overload;
mod propagation;
mod replay;
mod size;
mod start;
mod tcp;
mod udp;

use crate::cpu;
use crate::load::{self, Load, Outcome, Over, Pace, Unmeasured};
use crate::measure::Rounds;
use crate::mix::Questions;
use crate::quiet::Quiet;
use crate::report::Section;
use crate::sampler::Sampler;
use crate::servers::{Kind, PATIENCE, Place, Server, Start};
use crate::world::World;
use anyhow::{Context, Result, bail};
use std::fmt;
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, Instant};
use stream_dns_tests::peers;

/// A part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// UDP, 10,000 names.
    Udp,
    /// UDP, 1,000,000 names, and 100,000 zones.
    Size,
    /// UDP, 10,000,000 names.
    Largest,
    /// Persistent connections.
    Tcp,
    /// Two listeners beside one.
    Cores,
    /// Resident size.
    Memory,
    /// Queries while a large zone changes.
    Changes,
    /// From the start to the first answer.
    Start,
    /// Events a second.
    Replay,
    /// More questions than can be answered.
    Overload,
    /// From a write to the answer that shows it.
    Propagation,
}

/// All of them, in the order of the page.
pub const PARTS: [Part; 11] = [
    Part::Udp,
    Part::Size,
    Part::Largest,
    Part::Tcp,
    Part::Cores,
    Part::Memory,
    Part::Changes,
    Part::Start,
    Part::Replay,
    Part::Overload,
    Part::Propagation,
];

/// How the parts are run.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Our binary.
    pub binary: PathBuf,
    /// For zone files, journals and stores; each part clears up behind itself.
    pub folder: PathBuf,
    /// The servers' core.
    pub core: usize,
    /// The generator's.
    pub generator: usize,
    /// How often each server has its turn.
    pub rounds: usize,
    /// How long a turn is measured.
    pub time: Duration,
    /// What sizes are divided by, for a trial.
    pub divisor: u64,
    /// What the questions are drawn from.
    pub seed: u64,
    /// Whether a broker of Apache Kafka is to be started for the parts that want one.
    pub kafka: bool,
}

// === impl Part ===

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Udp => "udp",
            Self::Size => "size",
            Self::Largest => "largest",
            Self::Tcp => "tcp",
            Self::Cores => "cores",
            Self::Memory => "memory",
            Self::Changes => "changes",
            Self::Start => "start",
            Self::Replay => "replay",
            Self::Overload => "overload",
            Self::Propagation => "propagation",
        })
    }
}

impl FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = || PARTS.map(|part| part.to_string()).join(", ");
        PARTS
            .into_iter()
            .find(|part| part.to_string() == text)
            .ok_or_else(|| format!("{text:?} is none of {}", names()))
    }
}

impl Part {
    /// Measures it.
    pub fn run(self, setting: &Setting) -> Result<Section> {
        match self {
            Self::Udp => udp::run(setting),
            Self::Size => size::run(setting),
            Self::Largest => size::run_largest(setting),
            Self::Tcp => tcp::run(setting),
            Self::Cores => cores::run(setting),
            Self::Memory => memory::run(setting),
            Self::Changes => changes::run(setting),
            Self::Start => start::run(setting),
            Self::Replay => replay::run(setting),
            Self::Overload => overload::run(setting),
            Self::Propagation => propagation::run(setting),
        }
    }
}

// === impl Setting ===

impl Setting {
    fn sized(&self, count: u64) -> u64 {
        (count / self.divisor).max(100)
    }

    /// The folder of one world, written for our server and for peers where they are to read it.
    fn place(&self, world: World, peers: bool) -> Result<Place> {
        Place::write(world, &self.folder.join(world.to_string()), peers)
    }

    /// A server with one worker on the servers' core.
    fn pinned(&self) -> Start {
        Start { binary: self.binary.clone(), cores: vec![self.core], workers: 1, topic: None }
    }

    /// A server that may use the whole machine.
    fn free(&self, workers: usize) -> Result<Start> {
        Ok(Start { cores: cpu::allowed()?, workers, ..self.pinned() })
    }

    fn rounds(&self, over: Over) -> Rounds {
        let (outstanding, ports) = if over == Over::Tcp { (32, 32) } else { (192, 16) };
        let pace = Pace::Closed(outstanding);
        Rounds { count: self.rounds, time: self.time, pace, ports, core: self.generator, over }
    }

    fn load(&self, target: SocketAddr, pace: Pace, time: Duration) -> Load {
        Load { target, over: Over::Udp, ports: 16, pace, warm_up: Duration::from_millis(200), time }
    }

    fn sampler(&self) -> Option<Sampler> {
        Sampler::new(self.core).ok()
    }
}

/// Starts these servers, one after the other.
fn start_all(kinds: &[Kind], place: &Place, how: &Start) -> Result<Vec<Server>> {
    kinds
        .iter()
        .map(|&kind| Server::start(kind, place, how).with_context(|| format!("{kind} with {}", place.world)))
        .collect()
}

/// Waits until a server answers this question as it must be answered, asking every millisecond; says how long it took.
fn first_answer(server: &Server, questions: &mut Questions, since: Instant) -> Result<Duration> {
    let socket = UdpSocket::bind(("127.0.0.1", 0))?;
    socket.connect(server.address)?;
    socket.set_read_timeout(Some(Duration::from_millis(20)))?;
    let mut octets = [0; 1500];
    let (start, length) = questions.place(0, 1);
    while since.elapsed() < PATIENCE {
        // Nobody may be there yet.
        let _ = socket.send(&questions.arena()[start..start + length]);
        if let Ok(length) = socket.recv(&mut octets)
            && questions.is_answer(0, &octets[..length])
            && questions.is_expected(0, &octets[..length])
        {
            return Ok(since.elapsed());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    bail!("{} does not answer", server.kind)
}

/// p99.9 of these latencies, in milliseconds.
fn late(outcome: &Outcome) -> f64 {
    outcome.latency.quantile(0.999) as f64 / 1e6
}

/// p99.9 of the latencies that are the server's own, in milliseconds: on a quiet core, timed by the kernel. `None` where
/// the core cannot be had.
fn late_alone(
    setting: &Setting,
    server: &Server,
    load: &Load,
    questions: &mut Questions,
) -> Result<Option<f64>> {
    let Ok(_quiet) = Quiet::new(setting.core, &server.processes) else { return Ok(None) };
    let load = Load { over: Over::UdpStamped, ..load.clone() };
    Ok(Some(late(&load::run(&load, questions, &mut Unmeasured)?)))
}

/// As seconds.
fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

const NSD: Kind = Kind::Peer(peers::Kind::Nsd);
const KNOT: Kind = Kind::Peer(peers::Kind::Knot);
const BIND: Kind = Kind::Peer(peers::Kind::Bind);
const POWERDNS: Kind = Kind::Peer(peers::Kind::PowerDns);

#[cfg(test)]
mod tests {
    use super::{PARTS, Part};

    #[test]
    fn every_part_has_its_name() {
        for part in PARTS {
            assert_eq!(part.to_string().parse(), Ok(part));
        }
        assert!("none".parse::<Part>().is_err());
    }
}
