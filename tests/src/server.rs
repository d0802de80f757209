//! The real binary, started and stopped.

use crate::ask::Asker;
use crate::{PATIENCE, eventually};
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

/// A running server. It is killed when it is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    log: Receiver<String>,
    seen: Vec<String>,
    /// Where it answers over UDP.
    pub udp: SocketAddr,
    /// Where it answers over TCP.
    pub tcp: SocketAddr,
    /// Its administration address.
    pub admin: SocketAddr,
}

/// How a server ended.
#[derive(Debug)]
pub struct Finished {
    /// Its exit status.
    pub status: ExitStatus,
    /// How long it took from the signal.
    pub took: Duration,
    /// What it logged, line by line.
    pub log: Vec<String>,
    /// What it wrote to standard output.
    pub stdout: String,
}

/// A server to be started.
#[derive(Debug)]
pub struct ServerBuilder {
    arguments: Vec<String>,
    variables: BTreeMap<String, String>,
    folder: PathBuf,
    shell: Option<String>,
}

/// The server's binary, beside the test's own; or the one that STREAM_DNS_BINARY names, for figures of a release
/// build.
///
/// # Panics
/// If it was not built.
pub fn binary() -> PathBuf {
    if let Some(binary) = std::env::var_os("STREAM_DNS_BINARY") {
        return PathBuf::from(binary);
    }
    let own = std::env::current_exe().expect("a test has a path");
    let profile = own.parent().and_then(Path::parent).expect("target/<profile>/deps/<test>");
    let binary = profile.join(format!("stream-dns{}", std::env::consts::EXE_SUFFIX));
    assert!(binary.exists(), "{} is not built: run `cargo test --workspace`", binary.display());
    binary
}

/// Runs a subcommand in this folder, with nothing of the tests' own environment but the path.
pub fn client(folder: &Path, arguments: &[&str]) -> Result<Output> {
    let mut command = Command::new(binary());
    clean(&mut command, folder);
    Ok(command.args(arguments).stdin(Stdio::null()).output()?)
}

/// The status and body of a page of a server's administration address.
pub fn page(admin: SocketAddr, path: &str) -> Result<(u16, String)> {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut response = agent.get(format!("http://{admin}{path}")).call()?;
    Ok((response.status().as_u16(), response.body_mut().read_to_string()?))
}

fn clean(command: &mut Command, folder: &Path) {
    command.current_dir(folder).env_clear();
    for name in ["PATH", "HOME", "TMPDIR"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
}

// === impl ServerBuilder ===

impl ServerBuilder {
    /// A server in this folder, on free ports of 127.0.0.1, with the defaults for everything else.
    pub fn new(folder: &Path) -> Self {
        let own = Self {
            arguments: Vec::new(),
            variables: BTreeMap::new(),
            folder: folder.to_owned(),
            shell: None,
        };
        own.variable("LOG_FORMAT", "json")
            .variable("DNS_ADDRESS", "127.0.0.1:0")
            .variable("DNS_ADMIN_ADDRESS", "127.0.0.1:0")
    }

    /// With an argument.
    pub fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// With a variable of its environment.
    pub fn variable(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.insert(name.to_owned(), value.into());
        self
    }

    /// By way of a shell, whose script is to end with `exec "$0" "$@"`.
    pub fn shell(mut self, script: &str) -> Self {
        self.shell = Some(script.to_owned());
        self
    }

    /// Starts it and waits until it listens.
    pub fn start(self) -> Result<Server> {
        let mut child = self.command().spawn().context("the server does not start")?;
        let stderr = child.stderr.take().context("its log")?;
        let (lines, log) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                // Nobody listens any more when the test is over.
                let _ = lines.send(line);
            }
        });
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut server = Server { child, log, seen: Vec::new(), udp: nowhere, tcp: nowhere, admin: nowhere };
        server.learn_addresses()?;
        Ok(server)
    }

    /// Starts it, and kills it after this time, wherever it is then.
    pub fn crash_after(self, time: Duration) -> Result<()> {
        let mut child = self.command().spawn().context("the server does not start")?;
        std::thread::sleep(time);
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// Runs it until it ends by itself.
    pub fn run(self) -> Result<Output> {
        Ok(self.command().output()?)
    }

    fn command(&self) -> Command {
        let mut command = match &self.shell {
            Some(script) => {
                let mut command = Command::new("sh");
                command.args(["-c", script]).arg(binary());
                command
            }
            None => Command::new(binary()),
        };
        clean(&mut command, &self.folder);
        command.args(&self.arguments).envs(&self.variables);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts it and waits until it is ready.
    pub fn ready(self) -> Result<Server> {
        let server = self.start()?;
        server.wait_ready();
        Ok(server)
    }
}

// === impl Server ===

impl Server {
    fn learn_addresses(&mut self) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        while self.udp.port() == 0 || self.tcp.port() == 0 || self.admin.port() == 0 {
            let left = until.saturating_duration_since(Instant::now());
            let Ok(line) = self.log.recv_timeout(left) else {
                bail!("the server did not say where it listens; its log: {:#?}", self.seen);
            };
            if let Ok(entry) = serde_json::from_str::<Value>(&line) {
                let fields = entry.get("fields").unwrap_or(&entry);
                let text = |name: &str| fields.get(name).and_then(Value::as_str);
                if let (Some("listening"), Some(address)) = (text("message"), text("address")) {
                    let address = address.parse()?;
                    match text("transport") {
                        Some("udp") => self.udp = address,
                        Some("tcp") => self.tcp = address,
                        _ => self.admin = address,
                    }
                }
            }
            self.seen.push(line);
        }
        Ok(())
    }

    /// A client of this server.
    pub fn asker(&self) -> Result<Asker> {
        Asker::new(self.udp)
    }

    /// The status and body of a page of its administration address.
    pub fn get(&self, path: &str) -> Result<(u16, String)> {
        page(self.admin, path)
    }

    /// A page of its administration address, as JSON.
    pub fn json(&self, path: &str) -> Result<Value> {
        let (status, body) = self.get(path)?;
        ensure!(status == 200, "{path} gave {status}: {body}");
        Ok(serde_json::from_str(&body)?)
    }

    /// The sum of a metric over all its labels, or over those whose line has this text in it.
    pub fn metric(&self, name: &str, having: &str) -> Result<f64> {
        let (_, page) = self.get("/metrics")?;
        let lines = page.lines().filter(|line| !line.starts_with('#') && line.contains(having));
        let values = lines.filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            (series.split('{').next() == Some(name)).then(|| value.parse::<f64>().ok())?
        });
        Ok(values.sum())
    }

    /// Waits until it says that it has read so many events since its start, and sees that they stay so many.
    pub fn read_exactly(&self, count: usize) -> Result<()> {
        let look = || self.metric("dns_events_read_total", "").ok();
        eventually(&format!("{count} events were read"), || look().filter(|read| *read >= count as f64));
        // What an actor counts it reports every 100 ms.
        std::thread::sleep(Duration::from_millis(300));
        let read = self.metric("dns_events_read_total", "")?;
        ensure!(read == count as f64, "{read} events were read, not {count}");
        Ok(())
    }

    /// Waits until it is ready.
    pub fn wait_ready(&self) {
        eventually("the server is ready", || self.get("/readyz").ok().filter(|(status, _)| *status == 200));
    }

    /// Waits until a line of its log has this text in it.
    pub fn wait_log(&mut self, text: &str) -> Result<String> {
        let until = Instant::now() + PATIENCE;
        if let Some(line) = self.seen.iter().find(|line| line.contains(text)) {
            return Ok(line.clone());
        }
        loop {
            let Ok(line) = self.log.recv_timeout(until.saturating_duration_since(Instant::now())) else {
                bail!("{text:?} never came in its log: {:#?}", self.seen);
            };
            self.seen.push(line.clone());
            if line.contains(text) {
                return Ok(line);
            }
        }
    }

    /// Runs a subcommand against this server.
    pub fn client(&self, folder: &Path, arguments: &[&str]) -> Result<Output> {
        let mut command = Command::new(binary());
        clean(&mut command, folder);
        command.env("DNS_ADMIN_ADDRESS", self.admin.to_string());
        Ok(command.args(arguments).stdin(Stdio::null()).output()?)
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: i32) -> Result<()> {
        let process = i32::try_from(self.child.id())?;
        // SAFETY: the process is our own child, which has not been waited for.
        let result = unsafe { libc::kill(process, signal) };
        ensure!(result == 0, "no signal could be sent: {}", std::io::Error::last_os_error());
        Ok(())
    }

    /// Lets it write no file beyond this many bytes from now on.
    pub fn limit_files(&self, bytes: u64) -> Result<()> {
        let process = i32::try_from(self.child.id())?;
        let limit = libc::rlimit { rlim_cur: bytes, rlim_max: libc::RLIM_INFINITY };
        // SAFETY: the process is our own child, which has not been waited for, and the limit outlives the call.
        let result = unsafe { libc::prlimit(process, libc::RLIMIT_FSIZE, &limit, std::ptr::null_mut()) };
        ensure!(result == 0, "no limit could be set: {}", std::io::Error::last_os_error());
        Ok(())
    }

    /// The most memory that it ever had, in bytes.
    pub fn peak_memory(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line =
            status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no peak in its status")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? << 10)
    }

    /// Asks it to stop and waits until it has.
    pub fn stop(self) -> Result<Finished> {
        self.signal(libc::SIGTERM)?;
        self.wait()
    }

    /// Kills it, as a crash would.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Waits until it ends.
    pub fn wait(mut self) -> Result<Finished> {
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            ensure!(begun.elapsed() < PATIENCE, "the server does not end; its log: {:#?}", self.seen);
            std::thread::sleep(Duration::from_millis(2));
        };
        let took = begun.elapsed();
        let mut stdout = String::new();
        if let Some(mut pipe) = self.child.stdout.take() {
            pipe.read_to_string(&mut stdout)?;
        }
        let mut log = std::mem::take(&mut self.seen);
        log.extend(self.log.iter());
        Ok(Finished { status, took, log, stdout })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
