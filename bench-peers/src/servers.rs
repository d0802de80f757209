//! The servers that are measured, each a process on the core it is given.

use crate::cpu;
use crate::world::World;
use anyhow::{Context, Result, ensure};
use std::fmt;
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::time::Duration;
use stream_dns_tests::exchange;
use stream_dns_tests::peers::{self, Peer, Setup};
use stream_dns_tests::{free_port, query, within};

/// How long loading may take.
pub const PATIENCE: Duration = Duration::from_secs(600);

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The one that only echoes.
    Echo,
    /// Ours.
    StreamDns,
    /// Another.
    Peer(peers::Kind),
}

/// Where everything of a world stands that servers load.
#[derive(Debug)]
pub struct Place {
    /// What is served.
    pub world: World,
    /// Each apex and its zone file.
    pub zones: Vec<(String, String)>,
    /// The journal that leads to the same.
    pub journal: PathBuf,
    /// For what servers write.
    pub folder: PathBuf,
}

/// How servers are started.
#[derive(Clone, Debug)]
pub struct Start {
    /// Our binary.
    pub binary: PathBuf,
    /// Cores they may run on.
    pub cores: Vec<usize>,
    /// Threads or processes that answer.
    pub workers: usize,
    /// A broker and a topic that ours follows instead of the journal.
    pub topic: Option<(String, String)>,
}

/// A running server. It is stopped when it is dropped.
pub struct Server {
    /// Which it is.
    pub kind: Kind,
    /// Where it answers.
    pub address: SocketAddr,
    /// Its process and its descendants.
    pub processes: Vec<u32>,
    /// Where ours shows its metrics.
    admin: Option<SocketAddr>,
    _process: Process,
}

/// Ends a process when it is dropped.
enum Process {
    Own(Child),
    Peer { _peer: Peer },
}

// === impl Kind ===

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Echo => f.write_str("echo"),
            Self::StreamDns => f.write_str("Stream-DNS"),
            Self::Peer(kind) => kind.fmt(f),
        }
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text.to_ascii_lowercase().as_str() {
            "echo" => Self::Echo,
            "stream-dns" => Self::StreamDns,
            "nsd" => Self::Peer(peers::Kind::Nsd),
            "knot" => Self::Peer(peers::Kind::Knot),
            "bind" => Self::Peer(peers::Kind::Bind),
            "powerdns" => Self::Peer(peers::Kind::PowerDns),
            _ => return Err(format!("{text:?} is none of echo, stream-dns, nsd, knot, bind, powerdns")),
        })
    }
}

// === impl Place ===

impl Place {
    /// Writes what servers load of a world into a folder; zone files only where somebody reads them.
    pub fn write(world: World, folder: &Path, zone_files: bool) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let (journal, folder) = (folder.join("journal.jsonl"), folder.to_owned());
        world.write_journal(&journal)?;
        let zones = match zone_files {
            true => world.write_zone_files(&folder.join("zones"))?,
            false => Vec::new(),
        };
        Ok(Self { world, zones, journal, folder })
    }

    /// Our server's store.
    pub fn store(&self) -> PathBuf {
        self.folder.join("store.redb")
    }
}

// === impl Server ===

impl Server {
    /// Starts one and waits until it serves the last zone and is at rest.
    pub fn start(kind: Kind, place: &Place, how: &Start) -> Result<Self> {
        let mut server = Self::begin(kind, place, how)?;
        server.loaded(place.world)?;
        server.processes = cpu::family(server.processes[0]);
        server.rest()?;
        Ok(server)
    }

    /// Starts one, and does not wait.
    pub fn begin(kind: Kind, place: &Place, how: &Start) -> Result<Self> {
        let before = cpu::allowed()?;
        // What is started inherits the cores of the thread that starts it.
        cpu::pin(&how.cores)?;
        let server = Self::start_here(kind, place, how);
        cpu::pin(&before)?;
        server
    }

    /// Waits until it answers for the last zone: while it loads, a server says SERVFAIL, REFUSED or nothing.
    pub fn loaded(&self, world: World) -> Result<()> {
        let soa = query(1, &world.apex_of(world.zones() - 1), 6.into(), false, true)?;
        within(PATIENCE, &format!("{} answers", self.kind), || {
            let answer = exchange::one(self.address, &soa).ok().flatten()?;
            // NOERROR without a record is no server that loads: the questions will tell.
            (self.kind == Kind::Echo || answer.get(3)? & 0x0f == 0).then_some(())
        })
    }

    fn start_here(kind: Kind, place: &Place, how: &Start) -> Result<Self> {
        if let Kind::Peer(peer) = kind {
            let setup = Setup { patience: PATIENCE, workers: how.workers, answer_cache: true, updates: true };
            let peer = Peer::start_with(peer, &place.folder, &place.zones, setup)?;
            let (address, process) = (peer.address, peer.process());
            let _process = Process::Peer { _peer: peer };
            return Ok(Self { kind, address, processes: vec![process], admin: None, _process });
        }
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        let mut admin = None;
        let mut command = match kind {
            Kind::Echo => {
                let mut command = Command::new(std::env::current_exe()?);
                command.args(["echo", "--listen", &address.to_string()]);
                command
            }
            _ => {
                let own = SocketAddr::from(([127, 0, 0, 1], free_port()?));
                admin = Some(own);
                ours(address, own, place, how)
            }
        };
        let log = File::create(place.folder.join(format!("{kind}.log")))?;
        let child = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn();
        let child = child.with_context(|| format!("{command:?} does not start"))?;
        let processes = vec![child.id()];
        Ok(Self { kind, address, processes, admin, _process: Process::Own(child) })
    }

    /// The sum of one of our server's metrics over all its labels.
    pub fn metric(&self, name: &str) -> Result<f64> {
        let admin = self.admin.context("only ours has metrics")?;
        let page = ureq::get(format!("http://{admin}/metrics")).call()?.body_mut().read_to_string()?;
        let lines = page.lines().filter(|line| !line.starts_with('#'));
        let values = lines.filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            (series.split('{').next() == Some(name)).then(|| value.parse::<f64>().ok())?
        });
        Ok(values.sum())
    }

    /// Asks it to stop, and waits until it has.
    pub fn stop(mut self) -> Result<()> {
        let Process::Own(child) = &mut self._process else { return Ok(()) };
        let process = i32::try_from(child.id())?;
        // SAFETY: the process is our own child, which has not been waited for.
        unsafe { libc::kill(process, libc::SIGTERM) };
        let status = child.wait()?;
        ensure!(status.success(), "{} ended with {status}", self.kind);
        Ok(())
    }

    /// Waits until it has nothing to do: what it still writes or tidies up is not what a query costs.
    pub fn rest(&self) -> Result<()> {
        let (look, quiet) = (Duration::from_millis(200), Duration::from_millis(10));
        for _ in 0..PATIENCE.as_millis() / look.as_millis() {
            let before = cpu::used(&self.processes);
            std::thread::sleep(look);
            // Of ours what waits for company before it is written counts, too.
            let waits = self.admin.is_some() && self.metric("dns_store_pending_bytes")? > 0.0;
            if !waits && cpu::used(&self.processes).saturating_sub(before) < quiet {
                return Ok(());
            }
        }
        ensure!(false, "{} does not come to rest", self.kind);
        Ok(())
    }
}

fn ours(address: SocketAddr, admin: SocketAddr, place: &Place, how: &Start) -> Command {
    let mut command = Command::new(&how.binary);
    command.env_clear().current_dir(&place.folder).arg("serve");
    match &how.topic {
        Some((broker, topic)) => {
            command.env("DNS_KAFKA_ADDRESS", broker).env("DNS_KAFKA_TOPIC", topic);
        }
        None => {
            command.arg("--journal").arg(&place.journal);
        }
    }
    command.arg("--store").arg(place.store());
    command.args(["--listen", &address.to_string(), "--listeners", &how.workers.to_string()]);
    command.env("DNS_ADMIN_ADDRESS", admin.to_string());
    command
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Self::Own(child) = self {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
