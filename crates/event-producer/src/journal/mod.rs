//! A journal file as a log: one JSON object a line, many writers.

mod compact;
mod follow;
mod reader;
mod unsynced;

pub use compact::Compacted;

use crate::change::Change;
use crate::config::ProducerConfig;
use crate::log::{Log, Outcome};
use crate::plan::{Circumstances, Layout, Plan, plan, plan_bump, plan_clear, zone_of};
use crate::seen::Seen;
use crate::state::{Keep, LogState, Zones};
use follow::follow;
use messages::PublishError;
use reader::JournalReader;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use unsynced::{Sync, Unsynced};
use zone_model::journal::{JournalLine, compose};
use zone_model::{Event, Limits, Name, Partition, Position, Timestamp};

/// How long a writer that waits for the lock sleeps between two tries: a change holds it for milliseconds.
const LOCK_POLL: Duration = Duration::from_millis(5);

/// How long a last line without its end is waited for, before it is taken for one that nobody will end: who appends
/// without the lock may be in the middle of it.
const UNFINISHED: Duration = Duration::from_millis(50);

/// How often the file may be replaced while a writer waits for its lock.
const REPLACEMENTS: usize = 10;

/// A journal file that is read and written.
///
/// Writers take `flock`, look whether the path is still the file that they hold, and write a change in one
/// call. Who appends without the lock, one line in one `write`, is safe too, but for `log compact`.
#[derive(Debug)]
pub struct JournalLog {
    path: PathBuf,
    keep: Keep,
    limits: Limits,
    open: Option<Open>,
    seen: Seen,
    sync: Sync,
}

/// The file as it is held between two changes: while it is open no other file can get its inode.
#[derive(Debug)]
struct Open {
    file: File,
    /// Whether it was opened for writing too.
    writable: bool,
    reader: JournalReader,
    path: PathBuf,
    sync: Sync,
    /// The change before, where it could not be synced.
    unsynced: Option<Unsynced>,
}

// === impl JournalLog ===

impl JournalLog {
    /// The journal at `path`; it is made with the first change where it is not there. Nothing is opened yet.
    pub fn new(path: impl Into<PathBuf>, keep: Keep) -> Self {
        Self {
            path: path.into(),
            keep,
            limits: Limits::default(),
            open: None,
            seen: Seen::Nothing,
            sync: File::sync_data,
        }
    }

    /// The same under limits: of zones that the journal may not write nothing counts.
    #[must_use]
    pub fn limited(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes sure that the open file is the one at the path, opened for writing where that is wanted, and opens it
    /// where it is not. What was read is forgotten where the file is another or was cut short.
    fn reopen(&mut self, create: bool) -> io::Result<&mut Open> {
        let present = match fs::metadata(&self.path) {
            Ok(metadata) => Some((metadata.dev(), metadata.ino(), metadata.len())),
            Err(error) if error.kind() == ErrorKind::NotFound && create => None,
            Err(error) => return Err(error),
        };
        let same = |open: &Open| -> io::Result<bool> {
            let own = open.file.metadata()?;
            Ok(present.is_some_and(|(device, inode, length)| {
                (own.dev(), own.ino()) == (device, inode) && length >= open.reader.at.offset
            }))
        };
        let keep_open = match &self.open {
            Some(open) => (open.writable || !create) && same(open)?,
            None => false,
        };
        if !keep_open {
            let file = if create {
                OpenOptions::new().read(true).append(true).create(true).open(&self.path)?
            } else {
                File::open(&self.path)?
            };
            if present.is_none() {
                sync_directory(&self.path);
            }
            let inode = file.metadata()?.ino();
            let reader = JournalReader::new(inode, self.keep.clone(), self.limits.clone());
            let (path, sync) = (self.path.clone(), self.sync);
            let mut new = Open { file, writable: create, reader, path, sync, unsynced: None };
            if let Some(old) = self.open.take()
                && let Err(error) = follow(old, &mut new, &mut self.seen)
            {
                self.seen.lose(format!("the journal cannot be read on from where it was read: {error}"));
                return Err(error);
            }
            self.open = Some(new);
        }
        match &mut self.open {
            Some(open) => Ok(open),
            None => unreachable!("it was opened above"),
        }
    }

    /// Does something with the open file under its lock.
    fn locked<T>(
        &mut self,
        config: &ProducerConfig,
        act: impl FnOnce(&mut Open, &mut Seen) -> Result<T, PublishError>,
    ) -> Result<T, PublishError> {
        self.lock(config.timeout())?;
        // Taken out while it is locked: should planning panic, dropping it closes the file and so unlocks it.
        let Some(mut open) = self.open.take() else { unreachable!("it was locked above") };
        let outcome = act(&mut open, &mut self.seen);
        // Nobody is told where this fails: the lock ends with the file at the latest.
        let _ = open.file.unlock();
        self.open = Some(open);
        let path = self.path.display();
        outcome.map_err(|error| match error {
            PublishError::Unavailable(what) => PublishError::Unavailable(format!("{path}: {what}")),
            PublishError::Unknown(what) => PublishError::Unknown(format!("{path}: {what}")),
            other => other,
        })
    }

    fn unavailable(&self, doing: &str, error: &io::Error) -> PublishError {
        PublishError::Unavailable(format!("{}: {doing}: {error}", self.path.display()))
    }

    /// Opens the file and takes its lock, as often as it is replaced in between.
    fn lock(&mut self, timeout: Duration) -> Result<(), PublishError> {
        let deadline = Instant::now() + timeout;
        for _ in 0..REPLACEMENTS {
            let opened = self.reopen(true).map(|_| ());
            opened.map_err(|error| self.unavailable("cannot be opened for writing", &error))?;
            let Some(open) = &self.open else { unreachable!("it was opened above") };
            loop {
                match open.file.try_lock() {
                    Ok(()) => break,
                    Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                        std::thread::sleep(LOCK_POLL)
                    }
                    Err(TryLockError::WouldBlock) => {
                        let what = format!("{}: another writer holds its lock", self.path.display());
                        return Err(PublishError::Unavailable(what));
                    }
                    Err(TryLockError::Error(error)) => {
                        return Err(self.unavailable("its lock cannot be taken", &error));
                    }
                }
            }
            // A compaction may have put another file in its place while this writer waited for the lock.
            let own =
                open.file.metadata().map_err(|error| self.unavailable("cannot be looked at", &error))?;
            let still = fs::metadata(&self.path);
            if still.is_ok_and(|at_path| (at_path.dev(), at_path.ino()) == (own.dev(), own.ino())) {
                return Ok(());
            }
            let _ = open.file.unlock();
        }
        Err(PublishError::Unavailable(format!(
            "{}: the file is replaced again and again",
            self.path.display()
        )))
    }
}

impl Log for JournalLog {
    fn read(&mut self) -> Result<&LogState, PublishError> {
        let read = self.reopen(false).and_then(|open| open.reader.read(&open.file, |_, _| ()));
        if let Err(error) = read {
            if error.kind() == ErrorKind::NotFound {
                // Who asks has seen that it is not there.
                (self.open, self.seen) = (None, Seen::ALL);
            }
            return Err(self.unavailable("cannot be read", &error));
        }
        // Who asks has seen it.
        self.seen = Seen::ALL;
        match &self.open {
            Some(open) => Ok(&open.reader.state),
            None => unreachable!("it was opened above"),
        }
    }

    fn state(&self) -> Option<&LogState> {
        self.open.as_ref().map(|open| &open.reader.state)
    }

    fn keep_slots(&mut self) {
        self.keep = Keep::Slots;
        if let Some(open) = &mut self.open {
            open.reader.state.keep_slots();
        }
    }

    fn publish(
        &mut self,
        change: &Change,
        now: Timestamp,
        change_id: &str,
        config: &ProducerConfig,
    ) -> Result<Outcome, PublishError> {
        self.locked(config, |open, seen| open.publish(seen, change, now, change_id, config))
    }

    fn clear(
        &mut self,
        slots: &[(Partition, Vec<u8>)],
        now: Timestamp,
        producer: &str,
        config: &ProducerConfig,
    ) -> Result<usize, PublishError> {
        let plan = plan_clear(slots, now, producer);
        self.locked(config, |open, seen| {
            open.catch_up(seen)?;
            open.write(seen, &plan, &[]).map(|_| plan.events.len())
        })
    }
}

// === impl Open ===

impl Open {
    fn publish(
        &mut self,
        seen: &mut Seen,
        change: &Change,
        now: Timestamp,
        change_id: &str,
        config: &ProducerConfig,
    ) -> Result<Outcome, PublishError> {
        self.catch_up(seen)?;
        let apex = zone_of(&self.reader.state, change, &config.zones)?;
        let alone = config.is_alone(self.reader.state.source(), &apex);
        if change.if_unchanged {
            seen.refuse_changed(&self.reader.state, &apex, &config.zones)?;
        }
        let at = Circumstances { now, change_id, layout: Layout::SINGLE, zones: &config.zones, alone };
        let mut plan = plan(&self.reader.state, change, &at)?;
        if plan.events.is_empty() {
            return Ok(Outcome::of(&plan, self.reader.state.source(), Vec::new(), 0));
        }
        seen.published();
        let (mut position, between) = self.write(seen, &plan, &config.zones)?;
        let mut events = plan.events.len();
        if !between.is_empty() {
            // Somebody appended to the zone between our reading and our writing: one more serial, above both.
            let bump = plan_bump(&self.reader.state, &plan.apex, &change.producer, &at)?;
            if !bump.events.is_empty() {
                position = self.write(seen, &bump, &[])?.0;
                events += bump.events.len();
                plan.serial = bump.serial;
            }
        }
        let outcome = Outcome::of(&plan, self.reader.state.source(), vec![(Partition(0), position)], events);
        Ok(Outcome { between, ..outcome })
    }

    /// Makes the change before last, where it does not yet, and reads on to the file's end, so that what is written next
    /// stands behind whole lines.
    fn catch_up(&mut self, seen: &mut Seen) -> Result<(), PublishError> {
        if let Some(unsynced) = &self.unsynced {
            unsynced.write_again(&self.path, &self.file, self.sync).map_err(|error| {
                PublishError::Unavailable(format!(
                    "the change before could not be synced, nor can it be now: {error}"
                ))
            })?;
            self.unsynced = None;
        }
        let read = self.read_on(seen);
        read.map_err(|error| PublishError::Unavailable(format!("cannot be read: {error}")))
    }

    /// Reads on to the file's end and ends an unfinished last line there, so that what is written next is a
    /// line of its own.
    fn read_on(&mut self, seen: &mut Seen) -> io::Result<()> {
        let mut read = |open: &mut Self| open.reader.read(&open.file, |_, event| seen.note(event));
        let deadline = Instant::now() + UNFINISHED;
        while read(self)? {
            if Instant::now() >= deadline {
                self.file.write_all(b"\n")?;
                read(self)?;
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Writes the events in one call and syncs them. Returns the last one's position, and others' events of the zone
    /// that came in front of them since the file was read.
    fn write(
        &mut self,
        seen: &mut Seen,
        plan: &Plan,
        zones: &[Name],
    ) -> Result<(Position, Vec<Event>), PublishError> {
        let mut lines = Vec::new();
        for event in &plan.events {
            let line = JournalLine {
                key: event.key.clone(),
                value: event.value.clone(),
                timestamp: Some(plan.timestamp),
                headers: event.headers.clone(),
            };
            lines.extend(compose(&line).map_err(|error| PublishError::Refused(error.to_string()))?);
        }
        // One call, at the end of the file: nobody else's line can come in between. A write cut short (a full
        // disk) goes on with the rest; where that fails too, readers see a change that was never completed.
        let written = self.file.write(&lines).and_then(|count| self.file.write_all(&lines[count..]));
        if let Err(error) = written {
            return Err(PublishError::Unknown(format!("writing it failed half-way: {error}")));
        }
        // The end of what was written, wherever the file ended by then.
        let end = self.file.stream_position().map_err(|error| PublishError::Unknown(error.to_string()))?;
        let start = end.saturating_sub(lines.len() as u64);
        let position = self.reader.position_of(end, plan.timestamp, &lines).encode();
        if let Err(error) = (self.sync)(&self.file) {
            tracing::warn!(%error, "a change could not be synced, and is written and synced once more");
            let unsynced = Unsynced { at: start, lines };
            if let Err(error) = unsynced.write_again(&self.path, &self.file, self.sync) {
                self.unsynced = Some(unsynced);
                return Err(PublishError::Unknown(format!("it was written and cannot be synced: {error}")));
            }
        }
        let mut others = Vec::new();
        let read = self.reader.read(&self.file, |at, event| {
            if at.offset <= start {
                others.push(event.clone());
            } else if at.offset > end {
                seen.note(event);
            }
        });
        // The change stands on the log; what was not read now is read before the next one.
        if let Err(error) = read {
            tracing::warn!(%error, "the journal cannot be read behind a change that was published");
        }
        let zones = Zones::new(&self.reader.state, zones, &[]);
        others.retain(|event| {
            event.event_key().is_some_and(|key| zones.of_key(key).as_ref() == Some(&plan.apex))
        });
        Ok((position, others))
    }
}

/// Makes a new file's name durable. Where it cannot be, the change's own sync says so.
fn sync_directory(path: &Path) {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let _ = File::open(parent).and_then(|directory| directory.sync_all());
}

#[cfg(test)]
mod tests;
