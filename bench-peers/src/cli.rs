//! The command line.

use anyhow::{Context, Result, ensure};
use bench_peers::cpu;
use bench_peers::load::{Over, Pace};
use bench_peers::measure::{self, Rounds};
use bench_peers::mix::{Mix, Questions};
use bench_peers::parts::{PARTS, Part, Setting};
use bench_peers::report::{self, Machine};
use bench_peers::sampler::Sampler;
use bench_peers::servers::{Kind, Place, Server, Start};
use bench_peers::world::World;
use bench_peers::{echo, table};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::time::Duration;

/// Measures Stream-DNS beside other name servers, on loopback.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve as the floor: set QR and send back.
    Echo {
        /// Where.
        #[arg(long)]
        listen: SocketAddr,
    },
    /// A table of figures within a minute.
    Quick(Quick),
    /// Measure parts as `docs/performance.md` has them, and keep what they found.
    Run(Run),
    /// Put what was kept together to the page, on standard output.
    Page {
        /// Where it was kept.
        #[arg(long, default_value = KEPT)]
        kept: PathBuf,
    },
}

/// From this share of the cores that others take the page says so.
const NOT_QUIET: f64 = 0.05;

/// Where what parts found is kept, from where the program is started.
const KEPT: &str = "target/bench-peers/kept";

#[derive(Args)]
struct Run {
    /// Which: udp, size, largest, tcp, cores, memory, changes, start, replay, overload, propagation. Without it all.
    #[arg(long, value_delimiter = ',')]
    part: Vec<Part>,
    /// How often each server has its turn.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// How long a turn is measured, in milliseconds.
    #[arg(long, default_value_t = 300)]
    round_ms: u64,
    /// Our binary; without it the one beside this.
    #[arg(long)]
    binary: Option<PathBuf>,
    /// The servers' core; the generator has the other.
    #[arg(long, default_value_t = 0)]
    core: usize,
    /// Divide all sizes by this, for a trial.
    #[arg(long, default_value_t = 1)]
    divisor: u64,
    /// Leave out what wants a broker of Apache Kafka, which is started else (`KAFKA_RUN_DIR`, `KAFKA_PORT`).
    #[arg(long)]
    without_kafka: bool,
    /// What the questions are drawn from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where what is found is kept.
    #[arg(long, default_value = KEPT)]
    kept: PathBuf,
}

#[derive(Args)]
struct Quick {
    /// Names of the zone.
    #[arg(long, default_value_t = 10_000)]
    names: u64,
    /// Serve this many zones of ten RRsets instead.
    #[arg(long)]
    zones: Option<u64>,
    /// What is asked: hot, mixed, nx.
    #[arg(long, value_delimiter = ',', default_value = "hot,mixed,nx")]
    mix: Vec<Mix>,
    /// With EDNS or without.
    #[arg(long, value_delimiter = ',', value_enum, default_value = "off,on")]
    edns: Vec<Edns>,
    /// echo, stream-dns, nsd, knot, bind, powerdns.
    #[arg(long, value_delimiter = ',', default_value = "echo,stream-dns,nsd,knot")]
    servers: Vec<Kind>,
    /// How often each server has its turn.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long a turn is measured, in milliseconds.
    #[arg(long, default_value_t = 300)]
    round_ms: u64,
    /// Questions under way at a time.
    #[arg(long, default_value_t = 192)]
    outstanding: usize,
    /// Ask at this rate, in questions a second, instead.
    #[arg(long)]
    rate: Option<f64>,
    /// Source ports, or connections.
    #[arg(long, default_value_t = 16)]
    ports: usize,
    /// Over persistent connections.
    #[arg(long)]
    tcp: bool,
    /// Different questions, in memory; without it as many as the world has names, at most 1,000,000.
    #[arg(long)]
    questions: Option<usize>,
    /// Our binary; without it the one beside this.
    #[arg(long)]
    binary: Option<PathBuf>,
    /// The servers' core; the generator has the other.
    #[arg(long, default_value_t = 0)]
    core: usize,
    /// What the questions are drawn from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Edns {
    Off,
    On,
}

/// Does what the arguments say.
pub(crate) fn run() -> Result<()> {
    match Arguments::parse().command {
        Command::Echo { listen } => {
            ensure!(listen.ip().is_loopback(), "the echo server answers on loopback alone");
            Ok(echo::serve(&UdpSocket::bind(listen)?)?)
        }
        Command::Quick(quick) => quick.run(),
        Command::Run(run) => run.run(),
        Command::Page { kept } => {
            print!("{}", report::page(&kept, &Machine::this()?)?);
            Ok(())
        }
    }
}

// === impl Run ===

impl Run {
    fn run(&self) -> Result<()> {
        let parts = if self.part.is_empty() { PARTS.to_vec() } else { self.part.clone() };
        let kept = std::path::absolute(&self.kept)?;
        for part in parts {
            // On a disk and not in /tmp, which may be memory.
            std::fs::create_dir_all(&kept)?;
            let folder = tempfile::tempdir_in(&kept)?;
            let setting = Setting {
                binary: self.binary.clone().map_or_else(beside, Ok)?,
                folder: folder.path().to_owned(),
                core: self.core,
                generator: other(self.core)?.unwrap_or(self.core),
                rounds: self.rounds,
                time: Duration::from_millis(self.round_ms),
                divisor: self.divisor.max(1),
                seed: self.seed,
                kafka: !self.without_kafka,
            };
            let cores = cpu::allowed()?;
            let others = cpu::occupied_now().unwrap_or(0.0);
            let mut section = part.run(&setting).with_context(|| format!("the part {part}"))?;
            // A part binds its thread to the generator's core.
            cpu::pin(&cores)?;
            if others > NOT_QUIET {
                section.text(format!(
                    "**The machine was not quiet:** before this part began other programs took {:.0} % of its cores. \
                     Latencies and rates are theirs as much as the server's.",
                    others * 100.0
                ));
            }
            println!("{}", section.to_markdown());
            report::keep(&kept, &part.to_string(), &section)?;
        }
        Ok(())
    }
}

// === impl Quick ===

impl Quick {
    fn run(&self) -> Result<()> {
        let world = self.zones.map_or(World::Zone(self.names), World::Zones);
        let count = match world {
            World::Zone(names) | World::Plain(names) => names,
            World::Zones(zones) => zones * 10,
        };
        let count = self.questions.unwrap_or((count as usize).clamp(100_000, 1_000_000));
        let folder = tempfile::tempdir()?;
        let peers = self.servers.iter().any(|kind| matches!(kind, Kind::Peer(_)));
        let place = Place::write(world, folder.path(), peers)?;
        let start = Start {
            binary: self.binary.clone().map_or_else(beside, Ok)?,
            cores: vec![self.core],
            workers: 1,
            topic: None,
        };
        let servers = self.servers.iter().map(|&kind| Server::start(kind, &place, &start));
        let servers = servers.collect::<Result<Vec<_>>>()?;
        let how = Rounds {
            count: self.rounds,
            time: Duration::from_millis(self.round_ms),
            pace: self.rate.map_or(Pace::Closed(self.outstanding), Pace::Open),
            ports: self.ports,
            over: if self.tcp { Over::Tcp } else { Over::Udp },
            core: other(self.core)?.unwrap_or(self.core),
        };
        let mut sampler = Sampler::new(self.core);
        if let Err(error) = &sampler {
            println!("no finer look at user and kernel than the kernel's ticks ({error}): be root");
        }
        for &mix in &self.mix {
            for &edns in &self.edns {
                let mut questions = Questions::new(world, mix, edns == Edns::On, count, self.seed);
                let figures = measure::rounds(&servers, &how, &mut questions, sampler.as_mut().ok())?;
                let with = if edns == Edns::On { "EDNS" } else { "no EDNS" };
                println!("\n{world}, {mix}, {with}\n\n{}", table::of_figures(&figures));
            }
        }
        println!("\n{LEGEND}");
        Ok(())
    }
}

const LEGEND: &str = "\
µs/answer: the server's CPU time, whole process, by answers; × echo: by the echo server's in the same round;
µs outside: what of it is spent outside of the kernel; busy: the server's share of its core, others left out,
* where it was not saturated: the generator, or --rate, was the limit; others: what other programs took of the
server's core: be quiet. lost: never answered; strange: no answer to anything; unexpected: another RCODE or number of records.";

/// The server's binary beside our own.
fn beside() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let binary = own.parent().context("a folder")?.join("stream-dns");
    ensure!(binary.exists(), "{} is not built: `cargo build --release`", binary.display());
    Ok(binary)
}

/// A core that is not this one.
fn other(core: usize) -> Result<Option<usize>> {
    let other = cpu::allowed()?.into_iter().find(|&other| other != core);
    if other.is_none() {
        println!("there is one core: server and generator share it");
    }
    Ok(other)
}
