//! A journal's file while it is being read.

use super::alarm;
use super::header::{id_of, read_header};
use super::line::{PARTITION, Understood, quarantined, understand};
use super::lines::Lines;
use super::proof::{Disk, Unproven};
use crate::source::Output;
use messages::LogFacts;
use std::fs::{File, Metadata};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::{Duration, Instant};
use zone_model::{JournalHeader, JournalPosition, LineMark, SourceId, Timestamp};

/// An open file, and how far it was read.
pub(crate) struct Opened {
    pub(crate) file: File,
    /// Behind the last line that was yielded.
    pub(crate) at: JournalPosition,
    lines: Lines,
    /// Lines in front of `at`; `None` as long as nobody needed to know after a start in the middle.
    line: Option<u64>,
    /// Its length when it was opened.
    length_at_start: u64,
    /// Its length when it was looked at last.
    length: u64,
    live: bool,
    at_end: bool,
    unproven: Unproven,
    in_step_due: Instant,
}

/// How a look at the file ended.
pub(crate) enum Look {
    /// The end was reached that the file had.
    All,
    /// There is more.
    More,
    /// Its first line names another journal.
    Other(String),
}

/// Lines that are yielded at a time.
const AT_A_TIME: usize = 4_096;
/// Bytes that are yielded at a time, about.
const BYTES_AT_A_TIME: u64 = 4 << 20;
/// From this on a sync is worth a line in the log.
const SLOW_SYNC: Duration = Duration::from_millis(10);

// === impl Opened ===

impl Opened {
    /// Goes on reading behind `at`; `None` where another line ends there than the one that was read, or none. Up to
    /// `doubt_to` a sync is no proof of what it says.
    pub(crate) fn behind(
        mut file: File,
        at: JournalPosition,
        doubt_to: u64,
    ) -> std::io::Result<Option<Self>> {
        let length = file.metadata()?.len();
        let Some(before) = before(&mut file, at.offset)? else { return Ok(None) };
        if at.mark.is_some() && at.mark != before {
            return Ok(None);
        }
        file.seek(SeekFrom::Start(at.offset))?;
        let at = JournalPosition { mark: before, ..at };
        Ok(Some(Self {
            file,
            at,
            lines: Lines::default(),
            line: (at.offset == 0).then_some(0),
            length_at_start: length,
            length,
            live: false,
            at_end: false,
            unproven: Unproven::since(at.offset, doubt_to),
            in_step_due: Instant::now(),
        }))
    }

    /// Whether what was yielded last still stands in front of what comes next: the file may have been cut short and
    /// have grown again between two looks.
    pub(crate) fn is_as_read(&mut self) -> std::io::Result<bool> {
        let before = before(&mut self.file, self.at.offset)?;
        self.file.seek(SeekFrom::Start(self.read_to()))?;
        Ok(before.is_some_and(|before| self.at.mark.is_none() || self.at.mark == before))
    }

    /// What is known of the journal as a log: a file begins where its generation does, and whoever compacts it takes
    /// nulls only from those that have read them.
    pub(crate) fn facts(&self) -> LogFacts {
        let identity = format!("generation {}, inode {}", self.at.generation, self.at.inode);
        LogFacts { identity: Some(identity.into()), from_start: Some(true), tombstone_retention: None }
    }

    /// How many bytes were read, those of an unfinished line included.
    pub(crate) fn read_to(&self) -> u64 {
        self.at.offset + self.lines.waiting()
    }

    /// How many bytes were there at the last look and were not yielded.
    pub(crate) fn lag(&self) -> u64 {
        self.length.saturating_sub(self.at.offset)
    }

    /// Where reading stands, for people.
    pub(crate) fn place(&self) -> String {
        match self.line {
            Some(line) => format!("byte {}, line {line}", self.at.offset),
            None => format!("byte {}", self.at.offset),
        }
    }

    /// Reads up to the length that the file had at `now`, and says how often that brings a node in step, if so.
    pub(crate) fn read(
        &mut self,
        path: &Path,
        id: &SourceId,
        length: u64,
        now: Timestamp,
        in_step_every: Option<Duration>,
        out: &mut Vec<Output>,
    ) -> std::io::Result<Look> {
        self.length = length;
        let (began_at, began_with) = (self.at.offset, out.len());
        loop {
            while let Some(line) = self.lines.next_line() {
                if self.at.offset >= self.length_at_start && !std::mem::replace(&mut self.live, true) {
                    out.push(Output::Live(PARTITION));
                }
                let is_first = self.at.offset == 0;
                self.at.offset += line.length;
                self.at.mark = (!line.too_long).then(|| LineMark::of(line.bytes));
                self.line = self.line.map(|line| line + 1);
                self.at_end = false;
                match understand(&line, is_first, &mut self.at) {
                    Understood::Output(output) => out.push(output),
                    Understood::Header(header) => {
                        if header.id != id.as_str() {
                            return Ok(Look::Other(header.id));
                        }
                        self.at.generation = header.generation;
                        out.push(Output::Passed(PARTITION, self.at.encode()));
                    }
                    Understood::Malformed { bytes, reason } => {
                        let number = match self.line {
                            Some(number) => number,
                            None => count_lines(path, self.at.offset)?,
                        };
                        self.line = Some(number);
                        out.push(quarantined(number, &self.at, bytes, &reason));
                    }
                }
                if out.len() - began_with >= AT_A_TIME {
                    return Ok(Look::More);
                }
            }
            if self.at.offset - began_at >= BYTES_AT_A_TIME {
                return Ok(Look::More);
            }
            // What comes while this is read waits for its turn, so that the end of a moment is really reached.
            if self.read_to() >= length || self.lines.read_from(&mut self.unproven.tap(&mut self.file))? == 0
            {
                break;
            }
        }
        self.at_its_end(now, in_step_every, out);
        Ok(Look::All)
    }

    fn at_its_end(&mut self, now: Timestamp, in_step_every: Option<Duration>, out: &mut Vec<Output>) {
        if !std::mem::replace(&mut self.live, true) {
            out.push(Output::Live(PARTITION));
        }
        if !std::mem::replace(&mut self.at_end, true) {
            out.push(Output::AtEnd(PARTITION));
        }
        let instant = Instant::now();
        if let Some(pause) = in_step_every.filter(|_| instant >= self.in_step_due) {
            self.in_step_due = instant + pause;
            out.push(Output::InStep(now));
        }
    }

    /// Passes over everything that is there: the timestamp that a line may take from those before it comes from them.
    pub(crate) fn skip(&mut self, path: &Path, id: &SourceId) -> std::io::Result<()> {
        let mut passed = Vec::new();
        while let Look::More = self.read(path, id, self.length_at_start, Timestamp(0), None, &mut passed)? {
            passed.clear();
        }
        Ok(())
    }

    /// Makes sure that no power cut takes what was read; why that is not so where it is not.
    pub(crate) fn sync(&mut self, disk: &mut dyn Disk, path: &Path, id: &SourceId) -> Result<(), String> {
        let began = Instant::now();
        let proven = self.unproven.prove(disk, &self.file);
        let took = began.elapsed();
        if took > SLOW_SYNC {
            tracing::debug!(?took, "syncing the journal held a batch up");
        }
        match proven {
            // Whoever compacted it has written all of it anew, and synced that.
            Err(_) if self.was_compacted(path, id) => Ok(()),
            proven => proven.map_err(|why| alarm::unsynced(path, &why)),
        }
    }

    /// Up to where a sync is no proof; 0 where it is.
    pub(crate) fn doubt_to(&self) -> u64 {
        self.unproven.doubt_to()
    }

    /// Whether the file at its path is the compacted form of this one, with everything that was read of it.
    fn was_compacted(&self, path: &Path, id: &SourceId) -> bool {
        let header = read_header(path).ok().flatten();
        let follows = |header: &JournalHeader| {
            header.id == id.as_str()
                && self.at.generation.checked_add(1) == Some(header.generation)
                && self.at.offset <= header.replaced
        };
        header.is_some_and(|header| follows(&header))
    }

    /// Where to go on in `path`, which is another file by now: behind its compacted part, if its first line says
    /// that it is the compacted form of this file, and this file was read to its end.
    pub(crate) fn goes_on_in(&self, path: &Path, id: &SourceId) -> std::io::Result<Option<JournalPosition>> {
        goes_on(path, id, &self.at)
    }
}

/// Where a reader that stands at `at`, in a file that is gone, goes on in the one that took its place.
pub(crate) fn goes_on(
    path: &Path,
    id: &SourceId,
    at: &JournalPosition,
) -> std::io::Result<Option<JournalPosition>> {
    let Some(header) = read_header(path)? else { return Ok(None) };
    let follows = at.generation.checked_add(1) == Some(header.generation) && at.offset == header.replaced;
    if !follows || id_of(Some(&header)) != id.as_str() {
        return Ok(None);
    }
    let inode = inode(&std::fs::metadata(path)?);
    Ok(Some(JournalPosition {
        generation: header.generation,
        offset: header.compacted,
        inode,
        last_timestamp: at.last_timestamp,
        mark: None,
    }))
}

/// What tells a file from the one that takes its place.
pub(crate) fn inode(metadata: &Metadata) -> u64 {
    #[cfg(unix)]
    return std::os::unix::fs::MetadataExt::ino(metadata);
    // Where there are none, only a file that shrank is noticed.
    #[cfg(not(unix))]
    return u64::from(!metadata.is_file());
}

/// The mark of the line that ends at this offset; `None` where none ends there, and no mark at the file's beginning.
fn before(file: &mut File, offset: u64) -> std::io::Result<Option<Option<LineMark>>> {
    if offset == 0 {
        return Ok(Some(None));
    }
    let from = offset.saturating_sub(LineMark::BYTES as u64 + 1);
    file.seek(SeekFrom::Start(from))?;
    let mut end = Vec::with_capacity(LineMark::BYTES + 1);
    file.take(offset - from).read_to_end(&mut end)?;
    let Some(content) = end.strip_suffix(b"\n").filter(|_| end.len() as u64 == offset - from) else {
        return Ok(None);
    };
    let line = content.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    Ok(Some(Some(LineMark::of(line))))
}

/// Counts the lines up to an offset. Positions do not hold the number, and only a malformed line needs it.
fn count_lines(path: &Path, end: u64) -> std::io::Result<u64> {
    let mut file = File::open(path)?.take(end);
    let mut block = vec![0; 64 << 10];
    let mut lines = 0;
    loop {
        let n = file.read(&mut block)?;
        if n == 0 {
            return Ok(lines);
        }
        lines += block[..n].iter().filter(|byte| **byte == b'\n').count() as u64;
    }
}
