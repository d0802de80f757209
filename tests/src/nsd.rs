//! NSD, another authoritative server, as the outside.

use crate::ask::Asker;
use crate::{broker, eventually};
use anyhow::{Context, Result};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running NSD. It is stopped when it is dropped.
#[derive(Debug)]
pub struct Nsd {
    child: Child,
    /// Where it answers, over UDP and TCP.
    pub address: SocketAddr,
}

// === impl Nsd ===

impl Nsd {
    /// Starts one in this folder that serves these zones, apex and zone file, and waits until it answers.
    pub fn start(folder: &Path, zones: &[(&str, &str)]) -> Result<Self> {
        let address = SocketAddr::from(([127, 0, 0, 1], broker::free_port()?));
        let folder = folder.join("nsd");
        fs::create_dir(&folder)?;
        let mut config = format!(
            "server:\n  ip-address: {}@{}\n  server-count: 1\n  username: \"\"\n  zonesdir: \"{path}\"\n  \
             pidfile: \"\"\n  database: \"\"\n  xfrdfile: \"{path}/xfrd.state\"\n  zonelistfile: \
             \"{path}/zone.list\"\n  xfrdir: \"{path}\"\n  logfile: \"{path}/log\"\n  rrl-ratelimit: 0\n\
             remote-control:\n  control-enable: no\n",
            address.ip(),
            address.port(),
            path = folder.display(),
        );
        for (number, (apex, text)) in zones.iter().enumerate() {
            fs::write(folder.join(format!("{number}.zone")), text)?;
            config.push_str(&format!("zone:\n  name: \"{apex}\"\n  zonefile: \"{number}.zone\"\n"));
        }
        let file = folder.join("nsd.conf");
        fs::write(&file, config)?;
        // Debian keeps it where not everybody's PATH goes.
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new("nsd");
        command.env("PATH", format!("{path}:/usr/sbin")).arg("-d").arg("-c").arg(&file);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let nsd = Self { child: command.spawn().context("nsd does not start")?, address };
        let (apex, _) = zones.last().context("at least one zone")?;
        eventually("NSD listens", || TcpStream::connect(address).ok());
        let mut asker = Asker::new(address)?;
        eventually("NSD answers", || {
            asker.ask(apex, RecordType::SOA).ok().filter(|answer| answer.rcode() == ResponseCode::NoError)
        });
        Ok(nsd)
    }
}

impl Drop for Nsd {
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
