//! A journal that is written to, and read as its events stand in it.

use anyhow::{Context, Result, ensure};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use stream_dns_tests::churn::{Churn, Dice, Draft, Said, kills, wait_for, zones};
use stream_dns_tests::{Server, ServerBuilder};

/// Events a second.
const RATE: u64 = 2_000;

/// A journal, and what it says.
pub(crate) struct Journal {
    pub(crate) path: PathBuf,
    pub(crate) said: Said,
    read_to: u64,
    marks: u64,
}

// === impl Journal ===

impl Journal {
    /// A journal that has the zone, in this folder.
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        let path = folder.join("journal.jsonl");
        fs::write(&path, Draft::zone().iter().map(line).collect::<String>())?;
        Ok(Self { path, said: Said::default(), read_to: 0, marks: 0 })
    }

    /// A node of this folder that follows it.
    pub(crate) fn node(&self, folder: &Path) -> ServerBuilder {
        let journal = self.path.to_string_lossy();
        ServerBuilder::new(folder).argument("serve").argument("--journal").argument(journal)
    }

    /// Somebody who writes to it all the while; now and then the kernel takes only a part of what is written.
    pub(crate) fn churn(&self, dice: Dice, rate: u64) -> Result<Churn> {
        let mut file = self.appending()?;
        Ok(Churn::start(dice, rate, None, move |dice, drafts| {
            let text: String = drafts.iter().map(line).collect();
            let at = if dice.below(20) == 0 { dice.below(text.len() as u64) as usize } else { 0 };
            let (first, rest) = text.as_bytes().split_at(at);
            if !first.is_empty() {
                file.write_all(first)?;
                std::thread::sleep(Duration::from_millis(dice.below(10)));
            }
            Ok(file.write_all(rest)?)
        }))
    }

    pub(crate) fn appending(&self) -> Result<File> {
        Ok(OpenOptions::new().append(true).open(&self.path)?)
    }

    /// Reads what was appended since the last time.
    pub(crate) fn read(&mut self) -> Result<()> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.read_to))?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            let event: serde_json::Value = serde_json::from_str(line)?;
            let (key, timestamp) = (event["key"].as_str(), event["timestamp"].as_i64());
            let value = Some(&event["value"]).filter(|value| !value.is_null());
            self.said.read(0, self.read_to, timestamp.context("a timestamp")?, key.context("a key")?, value);
            self.read_to += line.len() as u64;
        }
        Ok(())
    }

    /// Waits until a server has read everything, and compares what it serves with what the journal says.
    pub(crate) fn compare(&mut self, server: &Server) -> Result<()> {
        self.marks += 1;
        let (owner, mark) = Draft::mark(self.marks);
        self.appending()?.write_all(line(&mark).as_bytes())?;
        wait_for(server, &owner)?;
        self.read()?;
        self.said.compare(server)
    }

    /// Compares a server with one that reads the journal from its beginning.
    pub(crate) fn compare_with_fresh(&self, server: &Server) -> Result<()> {
        let folder = tempfile::tempdir()?;
        let fresh = self.node(folder.path()).ready()?;
        // It is ready when it has what the journal had when it started, which is all there is.
        let (ours, theirs) = (zones(server)?, zones(&fresh)?);
        ensure!(ours == theirs, "{ours}\n{theirs}");
        Ok(())
    }
}

pub(crate) fn line(draft: &Draft) -> String {
    let value = draft.value.as_deref().unwrap_or("null");
    format!("{{\"key\":\"{}\",\"value\":{value},\"timestamp\":{}}}\n", draft.key, draft.timestamp)
}

/// `kill -9` under 2,000 events a second, also while the node starts and catches up.
#[test]
fn killed_again_and_again_it_serves_what_the_journal_says() -> Result<()> {
    let mut dice = Dice::seeded("kills on a journal");
    let folder = tempfile::tempdir()?;
    let mut journal = Journal::new(folder.path())?;
    let mut churn = journal.churn(Dice(dice.draw()), RATE)?;
    let node = |journal: &Journal| journal.node(folder.path());
    let (kills, mut at_start) = (kills(), 0);
    let mut server = node(&journal).ready()?;
    for _ in 0..kills {
        std::thread::sleep(Duration::from_millis(dice.below(500)));
        server.kill()?;
        // Some are killed once more before they are up.
        while dice.below(3) == 0 {
            node(&journal).crash_after(Duration::from_millis(dice.below(400)))?;
            at_start += 1;
        }
        server = node(&journal).ready()?;
        churn.rest()?;
        journal.compare(&server)?;
        churn.go_on();
    }
    let written = churn.rest()?;
    journal.compare(&server)?;
    journal.compare_with_fresh(&server)?;
    let status = server.json("/v1/status")?;
    ensure!(status["set_aside"].is_null(), "nothing was damaged: {status}");
    let unusable = journal.said.unusable;
    println!(
        "{kills} kills and {at_start} more at the start under {RATE} events a second: {written} events written, \
         {unusable} of them unusable, and what is served is what they say"
    );
    Ok(())
}
