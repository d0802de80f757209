//! A real Apache Kafka, by the scripts of `deploy/kafka`, and what `kcat` puts into it and reads from it.

use crate::repository;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

/// A single-node broker on loopback.
#[derive(Debug)]
pub struct Broker {
    run: PathBuf,
    port: u16,
    controller: u16,
    properties: Option<PathBuf>,
    own: bool,
}

/// Copies of a topic's partitions, as they stood on the broker's disk.
#[derive(Debug)]
pub struct Kept {
    folder: tempfile::TempDir,
    partitions: Vec<PathBuf>,
}

/// An event as a topic holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its partition.
    pub partition: u32,
    /// Its offset.
    pub offset: u64,
    /// Its key.
    pub key: String,
}

// === impl Broker ===

impl Broker {
    /// The broker that the environment names (`.ci/run` sets KAFKA_RUN_DIR, KAFKA_PORT and
    /// KAFKA_CONTROLLER_PORT), else one in `target/`. It is up when this returns, and stays.
    pub fn shared() -> Result<Self> {
        let run = std::env::var_os("KAFKA_RUN_DIR").map(PathBuf::from);
        let run = run.unwrap_or_else(|| repository().join("target/kafka-tests"));
        let port = |name: &str, default| match std::env::var(name) {
            Ok(text) => text.parse().with_context(|| format!("{name} is {text:?}, no port")),
            Err(_) => Ok(default),
        };
        let (port, controller) = (port("KAFKA_PORT", 19_092)?, port("KAFKA_CONTROLLER_PORT", 19_093)?);
        let broker = Self { run, port, controller, properties: None, own: false };
        broker.up()?;
        Ok(broker)
    }

    /// A broker of the test's own in this folder, with these properties added. It is up when this returns; it is
    /// stopped and its data removed when it is dropped.
    pub fn own(folder: &Path, properties: impl FnOnce(u16, u16) -> String) -> Result<Self> {
        let (port, controller) = (free_port()?, free_port()?);
        let file = folder.join("broker.properties");
        fs::write(&file, properties(port, controller))?;
        let broker = Self { run: folder.join("broker"), port, controller, properties: Some(file), own: true };
        broker.up()?;
        Ok(broker)
    }

    /// Where clients without a password connect.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Starts it, and waits until it answers. Does nothing where it is up.
    pub fn up(&self) -> Result<()> {
        self.script("up", &[]).map(drop)
    }

    /// Stops it. Its data stays.
    pub fn down(&self) -> Result<()> {
        self.script("down", &[]).map(drop)
    }

    /// Kills it, as a power cut would. Its data stays.
    pub fn kill(&self) -> Result<()> {
        self.script("down", &["--kill"]).map(drop)
    }

    /// Creates a topic under a name that no other test and no earlier run has. Returns the name.
    pub fn topic(&self, name: &str, partitions: u32, settings: &[&str]) -> Result<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
        let name = format!("{name}-{now}");
        let partitions = partitions.to_string();
        self.script("topic", &[&[name.as_str(), &partitions], settings].concat())?;
        Ok(name)
    }

    /// Runs one of Kafka's own tools. Returns what it printed.
    pub fn tool(&self, arguments: &[&str]) -> Result<String> {
        self.script("tool", arguments)
    }

    /// Copies what the broker, which is down, has on its disk of a topic.
    pub fn keep(&self, topic: &str) -> Result<Kept> {
        let mut kept = Kept { folder: tempfile::tempdir()?, partitions: Vec::new() };
        for entry in fs::read_dir(self.run.join("data"))? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.rsplit_once('-'));
            if name.is_some_and(|(name, _)| name == topic) {
                copy(&path, kept.folder.path())?;
                kept.partitions.push(path);
            }
        }
        ensure!(!kept.partitions.is_empty(), "the broker has nothing of {topic}");
        Ok(kept)
    }

    /// Puts back on the disk of the broker, which is down, what [`Broker::keep`] copied.
    pub fn restore(&self, kept: &Kept) -> Result<()> {
        for partition in &kept.partitions {
            fs::remove_dir_all(partition)?;
            let name = partition.file_name().context("a folder's name")?;
            copy(&kept.folder.path().join(name), partition.parent().context("a folder")?)?;
        }
        Ok(())
    }

    fn script(&self, name: &str, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(repository().join("deploy/kafka").join(name));
        command.args(arguments).env("KAFKA_RUN_DIR", &self.run).env("KAFKA_PORT", self.port.to_string());
        command.env("KAFKA_CONTROLLER_PORT", self.controller.to_string()).env_remove("KAFKA_PROPERTIES");
        if let Some(properties) = &self.properties {
            command.env("KAFKA_PROPERTIES", properties);
        }
        run(command)
    }

    /// Publishes events with `kcat`, which gives each the present as its timestamp and chooses its partition by
    /// its key. An empty value is one; with [`Broker::empty`] a key gets a null.
    pub fn publish<K: AsRef<str>, V: AsRef<str>>(&self, topic: &str, events: &[(K, V)]) -> Result<()> {
        self.kcat_publish(topic, events, &[])
    }

    /// Publishes events to one partition.
    pub fn publish_to<K: AsRef<str>, V: AsRef<str>>(
        &self,
        topic: &str,
        partition: u32,
        events: &[(K, V)],
    ) -> Result<()> {
        self.kcat_publish(topic, events, &["-p", &partition.to_string()])
    }

    /// Publishes nulls for these keys.
    pub fn empty<K: AsRef<str>>(&self, topic: &str, keys: &[K]) -> Result<()> {
        let events: Vec<(&str, &str)> = keys.iter().map(|key| (key.as_ref(), "")).collect();
        self.kcat_publish(topic, &events, &["-Z"])
    }

    fn kcat_publish<K: AsRef<str>, V: AsRef<str>>(
        &self,
        topic: &str,
        events: &[(K, V)],
        more: &[&str],
    ) -> Result<()> {
        let mut lines = String::new();
        for (key, value) in events {
            lines.extend([key.as_ref(), "\t", value.as_ref(), "\n"]);
        }
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("lines");
        fs::write(&file, lines)?;
        let mut command = Command::new("kcat");
        command.args(["-P", "-b", &self.address(), "-t", topic, "-K", "\t", "-X", "enable.idempotence=true"]);
        command.args(more).arg("-l").arg(file);
        run(command).map(drop)
    }

    /// Everything that a topic holds, read by `kcat`.
    pub fn stored(&self, topic: &str) -> Result<Vec<Stored>> {
        let mut command = Command::new("kcat");
        command.args(["-C", "-b", &self.address(), "-t", topic, "-e", "-q", "-f", "%p %o %k\n"]);
        let read = |line: &str| {
            let mut words = line.splitn(3, ' ');
            let mut next = || words.next().with_context(|| format!("kcat said {line:?}"));
            Ok(Stored { partition: next()?.parse()?, offset: next()?.parse()?, key: next()?.to_owned() })
        };
        run(command)?.lines().map(read).collect()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if self.own {
            // A test that failed has said why already.
            let _ = self.script("down", &["--kill", "--wipe"]);
        }
    }
}

/// Copies a folder of files into another one.
fn copy(folder: &Path, into: &Path) -> Result<()> {
    let into = into.join(folder.file_name().context("a folder's name")?);
    fs::create_dir_all(&into)?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        fs::copy(entry.path(), into.join(entry.file_name()))?;
    }
    Ok(())
}

/// A port of 127.0.0.1 that nothing listens on at the moment.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Runs a command to its end. Returns its standard output.
pub fn run(mut command: Command) -> Result<String> {
    let output =
        command.stdin(Stdio::null()).output().with_context(|| format!("{command:?} does not start"))?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} ended with {}: {stderr}", output.status);
    Ok(String::from_utf8(output.stdout)?)
}
