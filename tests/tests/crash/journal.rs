//! A journal that is written to, and read as its events stand in it.

use anyhow::{Context, Result};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use stream_dns_tests::ServerBuilder;
use stream_dns_tests::churn::{Churn, Dice, Draft, Said};
use stream_dns_tests::kills::{WrittenLog, kill_again_and_again, kill_within_rebuilds};

/// A journal, and what it says.
pub(crate) struct Journal {
    pub(crate) path: PathBuf,
    said: Said,
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

    /// What was written to wait for it last, and is never taken back.
    pub(crate) fn newest_mark(&self) -> String {
        Draft::mark(self.marks).0
    }

    pub(crate) fn appending(&self) -> Result<File> {
        Ok(OpenOptions::new().append(true).open(&self.path)?)
    }
}

impl WrittenLog for Journal {
    fn node(&self, folder: &Path) -> ServerBuilder {
        let journal = self.path.to_string_lossy();
        ServerBuilder::new(folder).argument("serve").argument("--journal").argument(journal)
    }

    /// Now and then the kernel takes only a part of what is written.
    fn churn(&self, dice: Dice, rate: u64) -> Result<Churn> {
        let mut file = self.appending()?;
        Ok(Churn::start(dice, rate, move |dice, drafts| {
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

    fn mark(&mut self) -> Result<Vec<String>> {
        self.marks += 1;
        let (owner, mark) = Draft::mark(self.marks);
        self.appending()?.write_all(line(&mark).as_bytes())?;
        Ok(vec![owner])
    }

    fn read(&mut self) -> Result<()> {
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

    fn said(&self) -> &Said {
        &self.said
    }
}

pub(crate) fn line(draft: &Draft) -> String {
    let Draft { key, value, timestamp, change } = draft;
    let value = value.as_deref().unwrap_or("null");
    let headers = change.as_ref().map_or_else(String::new, |(id, size)| {
        format!(",\"headers\":{{\"change-id\":\"{id}\",\"change-size\":\"{size}\"}}")
    });
    format!("{{\"key\":\"{key}\",\"value\":{value},\"timestamp\":{timestamp}{headers}}}\n")
}

/// `kill -9` under 2,000 events a second, also while the node starts and catches up.
#[test]
fn killed_again_and_again_it_serves_what_the_journal_says() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut journal = Journal::new(folder.path())?;
    kill_again_and_again(&mut journal, folder.path(), Dice::seeded("kills on a journal"))
}

/// "All of that survives a crash at any moment": a rebuild that is under way, its swap, and what it leaves to be swept.
#[test]
fn killed_within_rebuilds_it_serves_what_the_journal_says() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut journal = Journal::new(folder.path())?;
    kill_within_rebuilds(&mut journal, folder.path(), Dice::seeded("kills within rebuilds of a journal"))
}
