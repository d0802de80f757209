//! Other authoritative servers from the distribution's packages, each a plain process with a configuration, a port
//! and a folder of its own, and minimal responses where it has them.

use crate::{PATIENCE, broker, exchange, within};
use anyhow::{Context, Result};
use std::fmt;
use std::fs::{self, File};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// NSD, by NLnet Labs.
    Nsd,
    /// Knot DNS, by CZ.NIC.
    Knot,
    /// BIND 9, by ISC.
    Bind,
    /// PowerDNS Authoritative Server with its bind backend.
    PowerDns,
}

/// All of them.
pub const KINDS: [Kind; 4] = [Kind::Nsd, Kind::Knot, Kind::Bind, Kind::PowerDns];

/// How one is set up.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// How long it may take to load its zones.
    pub patience: Duration,
    /// Threads or processes that answer.
    pub workers: usize,
    /// Whether one that keeps whole answers may do so, as it does by default.
    pub answer_cache: bool,
    /// Whether Knot takes dynamic updates (RFC 2136) from loopback.
    pub updates: bool,
}

/// A running server. It is stopped when it is dropped.
#[derive(Debug)]
pub struct Peer {
    child: Child,
    /// Which it is.
    pub kind: Kind,
    /// Where it answers, over UDP and TCP.
    pub address: SocketAddr,
}

// === impl Kind ===

impl Kind {
    /// Its program.
    pub fn program(self) -> &'static str {
        match self {
            Self::Nsd => "nsd",
            Self::Knot => "knotd",
            Self::Bind => "named",
            Self::PowerDns => "pdns_server",
        }
    }

    fn folder(self) -> &'static str {
        self.program()
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nsd => "NSD",
            Self::Knot => "Knot",
            Self::Bind => "BIND",
            Self::PowerDns => "PowerDNS",
        })
    }
}

// === impl Setup ===

impl Default for Setup {
    fn default() -> Self {
        Self { patience: PATIENCE, workers: 1, answer_cache: false, updates: false }
    }
}

// === impl Peer ===

impl Peer {
    /// Starts one in this folder that serves these zones, apex and absolute path of the zone file, and waits until
    /// it answers.
    pub fn start(kind: Kind, folder: &Path, zones: &[(String, String)]) -> Result<Self> {
        Self::start_with(kind, folder, zones, Setup::default())
    }

    /// The same, set up otherwise.
    pub fn start_with(kind: Kind, folder: &Path, zones: &[(String, String)], setup: Setup) -> Result<Self> {
        let address = SocketAddr::from(([127, 0, 0, 1], broker::free_port()?));
        let folder = folder.join(kind.folder());
        fs::create_dir_all(&folder)?;
        let path = folder.to_str().context("a folder whose name is text")?;
        // Debian keeps them where not everybody's PATH goes.
        let search = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(kind.program());
        command.env("PATH", format!("{search}:/usr/sbin")).current_dir(&folder);
        match kind {
            Kind::Nsd => {
                fs::write(folder.join("nsd.conf"), nsd(address, path, zones, setup))?;
                command.args(["-d", "-c", &format!("{path}/nsd.conf")]);
            }
            Kind::Knot => {
                fs::write(folder.join("knot.conf"), knot(address, path, zones, setup))?;
                command.args(["-c", &format!("{path}/knot.conf")]);
            }
            Kind::Bind => {
                fs::write(folder.join("named.conf"), bind(address, path, zones))?;
                let workers = setup.workers.to_string();
                command.args(["-g", "-n", &workers, "-c", &format!("{path}/named.conf")]);
            }
            Kind::PowerDns => {
                fs::write(folder.join("named.conf"), zone_clauses(zones))?;
                fs::write(folder.join("pdns.conf"), powerdns(address, path, setup))?;
                command.arg(format!("--config-dir={path}"));
            }
        }
        let log = File::create(folder.join("stderr"))?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = command.spawn().with_context(|| format!("{kind} does not start"))?;
        let peer = Self { child, kind, address };
        within(setup.patience, &format!("{kind} listens"), || TcpStream::connect(address).ok())?;
        let (apex, _) = zones.last().context("at least one zone")?;
        let soa = crate::query(1, apex, hickory_proto::rr::RecordType::SOA, false, true)?;
        within(setup.patience, &format!("{kind} answers"), || exchange::one(address, &soa).ok().flatten())?;
        Ok(peer)
    }

    /// The number of its process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Ok(process) = i32::try_from(self.child.id()) {
            // SAFETY: the process is our own child, which has not been waited for. A signal that can be caught, so
            // that it ends its own children.
            unsafe { libc::kill(process, libc::SIGTERM) };
        }
        let until = Instant::now() + Duration::from_secs(5);
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() > until {
                // It may have ended by itself just now.
                let _ = self.child.kill();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn nsd(address: SocketAddr, path: &str, zones: &[(String, String)], setup: Setup) -> String {
    let mut config = format!(
        "server:\n  ip-address: {}@{}\n  server-count: {}\n  username: \"\"\n  zonesdir: \"{path}\"\n  pidfile: \"\"\n  \
         database: \"\"\n  xfrdfile: \"{path}/xfrd.state\"\n  zonelistfile: \"{path}/zone.list\"\n  xfrdir: \
         \"{path}\"\n  rrl-ratelimit: 0\n  minimal-responses: yes\n  refuse-any: no\n  ipv4-edns-size: 1232\n  \
         tcp-count: 200\nremote-control:\n  control-enable: no\n",
        address.ip(),
        address.port(),
        setup.workers,
    );
    for (apex, file) in zones {
        config.push_str(&format!("zone:\n  name: \"{apex}\"\n  zonefile: \"{file}\"\n"));
    }
    config
}

fn knot(address: SocketAddr, path: &str, zones: &[(String, String)], setup: Setup) -> String {
    let (list, acl) = match setup.updates {
        true => ("acl:\n  - id: local\n    address: 127.0.0.1\n    action: update\n", "    acl: local\n"),
        false => ("", ""),
    };
    let mut config = format!(
        "server:\n  rundir: \"{path}\"\n  listen: {}@{}\n  udp-workers: {workers}\n  tcp-workers: {workers}\n  background-workers: 1\n  \
         udp-max-payload: 1232\n  tcp-io-timeout: 0\nlog:\n  - target: stderr\n    any: warning\n{list}database:\n  storage: \
         \"{path}\"\ntemplate:\n  - id: default\n    storage: \"{path}\"\n    semantic-checks: soft\n    zonefile-sync: \
         -1\n    journal-content: none\n{acl}zone:\n",
        address.ip(),
        address.port(),
        workers = setup.workers,
    );
    for (apex, file) in zones {
        config.push_str(&format!("  - domain: \"{apex}\"\n    file: \"{file}\"\n"));
    }
    config
}

fn bind(address: SocketAddr, path: &str, zones: &[(String, String)]) -> String {
    format!(
        "options {{\n  directory \"{path}\"; listen-on port {} {{ {}; }}; listen-on-v6 {{ none; }}; pid-file none;\n  \
         session-keyfile none; managed-keys-directory \"{path}\"; recursion no; allow-query {{ any; }};\n  \
         minimal-responses yes; minimal-any no; max-udp-size 1232; edns-udp-size 1232; notify no;\n  \
         dnssec-validation no; empty-zones-enable no; check-names primary ignore; check-integrity no;\n  check-mx \
         ignore; check-sibling no; check-wildcard no; check-srv-cname ignore; check-mx-cname ignore;\n  \
         tcp-clients 200; server-id none; check-dup-records ignore; zero-no-soa-ttl no;\n}};\ncontrols {{ }};\n{}",
        address.port(),
        address.ip(),
        zone_clauses(zones)
    )
}

fn powerdns(address: SocketAddr, path: &str, setup: Setup) -> String {
    let caches = match setup.answer_cache {
        true => "",
        false => "cache-ttl=0\nquery-cache-ttl=0\nnegquery-cache-ttl=0\n",
    };
    format!(
        "launch=bind\nbind-config={path}/named.conf\nlocal-address={}\nlocal-port={}\ndaemon=no\nguardian=no\n\
         socket-dir={path}\n{caches}any-to-tcp=no\n\
         security-poll-suffix=\nudp-truncation-threshold=1232\nreceiver-threads=1\ndistributor-threads=1\n\
         dname-processing=yes\nloglevel=3\nmax-tcp-connections=50\nwebserver=no\n8bit-dns=yes\n",
        address.ip(),
        address.port(),
    )
}

/// Zones as BIND's configuration has them, which PowerDNS reads, too.
fn zone_clauses(zones: &[(String, String)]) -> String {
    let clause =
        |(apex, file): &(String, String)| format!("zone \"{apex}\" {{ type master; file \"{file}\"; }};\n");
    zones.iter().map(clause).collect()
}
