//! Compaction: a new file with the last word of every key, in the place of the old one.
//!
//! What a reader of the whole old file would serve, a reader of the new one serves: the last usable event of each
//! key that no null emptied, and behind it the unusable one, if any, which keeps it in quarantine. They keep their
//! order, for where timestamps are equal the position decides. Every timestamp is written out, because the line
//! that gave it may be gone; and the file's last event stays, even where it is a null, so that a line without a
//! timestamp that is appended next takes the same one from it for whoever goes on and for whoever begins.

use super::{JournalLog, Open};
use crate::seen::Seen;
use messages::PublishError;
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use zone_model::decode::decode;
use zone_model::journal::{JournalLine, compose, parse};
use zone_model::{EventBody, JournalHeader, Partition, RawEvent, SourceId, Timestamp};

/// What a compaction did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compacted {
    /// The journal's id.
    pub source: SourceId,
    /// The generation of the new file.
    pub generation: u32,
    /// The length of the old file, in bytes.
    pub replaced: u64,
    /// The length of the new one.
    pub compacted: u64,
    /// Events of the old file.
    pub events: u64,
    /// Those that the new one has.
    pub kept: u64,
    /// Lines of the old file that were no events, and are gone.
    pub malformed: u64,
}

/// Lines of a key that stay, by their number.
#[derive(Clone, Copy, Debug, Default)]
struct Last {
    usable: Option<u64>,
    unusable: Option<u64>,
}

/// What stays of a file.
#[derive(Debug, Default)]
struct Survivors {
    /// Numbers of lines, ascending.
    lines: Vec<u64>,
    events: u64,
    malformed: u64,
}

// === impl JournalLog ===

impl JournalLog {
    /// Replaces the file by one that holds the last word of every key, under the journal's lock. Running nodes that
    /// had read the old file to its end go on behind what was compacted.
    ///
    /// Who appends without the lock must be stopped meanwhile.
    ///
    /// # Errors
    /// [`PublishError::Unavailable`] where the file cannot be read, locked or replaced, or grows meanwhile; the old
    /// one then stays as it is.
    pub fn compact(&mut self, timeout: Duration) -> Result<Compacted, PublishError> {
        let path =
            fs::canonicalize(&self.path).map_err(|error| self.unavailable("cannot be read", &error))?;
        self.lock(timeout)?;
        let Some(mut open) = self.open.take() else { unreachable!("it was locked above") };
        self.seen = Seen::Nothing;
        // The lock ends with the file, which another one has replaced or which the next change opens again.
        open.compact(&path).map_err(|error| self.unavailable("cannot be compacted", &error))
    }
}

impl Open {
    fn compact(&mut self, path: &Path) -> io::Result<Compacted> {
        self.read_on(&mut Seen::Nothing)?;
        let replaced = self.reader.at.offset;
        let survivors = survivors(&self.file, replaced)?;
        let mut header = JournalHeader {
            id: self.reader.state.source().as_str().to_owned(),
            generation: self
                .reader
                .at
                .generation
                .checked_add(1)
                .ok_or_else(|| io::Error::other("its last generation"))?,
            replaced,
            compacted: 0,
        };
        let temporary = Temporary::beside(path)?;
        header.compacted = write(&self.file, replaced, &survivors.lines, &mut header, &temporary)?;
        temporary.take_after(&self.file)?;
        temporary.file.sync_all()?;
        if self.file.metadata()?.len() != replaced {
            return Err(io::Error::other(
                "somebody appends to it without the lock; stop whoever does, and try again",
            ));
        }
        temporary.replace(path)?;
        Ok(Compacted {
            source: self.reader.state.source().clone(),
            generation: header.generation,
            replaced,
            compacted: header.compacted,
            events: survivors.events,
            kept: survivors.lines.len() as u64,
            malformed: survivors.malformed,
        })
    }
}

/// Reads the file's first `length` bytes and finds the lines that stay.
fn survivors(file: &File, length: u64) -> io::Result<Survivors> {
    let mut keys: HashMap<Vec<u8>, Last> = HashMap::new();
    let mut found = Survivors::default();
    let mut last_event = None;
    each_line(file, length, |number, line, timestamp| {
        let Some(JournalLine { key, value, headers, .. }) = line else {
            found.malformed += 1;
            return Ok(());
        };
        found.events += 1;
        last_event = Some(number);
        let Ok(position) = zone_model::Position::new(&[0]) else { unreachable!("one byte is a position") };
        let event = decode(RawEvent { partition: Partition(0), position, timestamp, key, value, headers });
        match event.body {
            EventBody::Null(_) => drop(keys.remove(&event.key)),
            EventBody::Set(_) => drop(keys.insert(event.key, Last { usable: Some(number), unusable: None })),
            EventBody::Unusable(_) => keys.entry(event.key).or_default().unusable = Some(number),
        }
        Ok(())
    })?;
    found.lines = keys.into_values().flat_map(|last| [last.usable, last.unusable]).flatten().collect();
    found.lines.extend(last_event);
    found.lines.sort_unstable();
    found.lines.dedup();
    Ok(found)
}

/// Writes the header and the lines that stay. Returns how long the new file is.
fn write(
    file: &File,
    length: u64,
    lines: &[u64],
    header: &mut JournalHeader,
    temporary: &Temporary,
) -> io::Result<u64> {
    let mut out = BufWriter::with_capacity(1 << 20, &temporary.file);
    // The header says how long the file is, so it is written last, into the room that the longest one needs.
    header.compacted = u64::MAX;
    let room = first_line(header, 0)?.len();
    out.write_all(&vec![b' '; room])?;
    let mut lines = lines.iter().peekable();
    each_line(file, length, |number, line, timestamp| {
        if lines.next_if(|own| **own == number).is_some()
            && let Some(line) = line
        {
            let line = JournalLine { timestamp: Some(timestamp), ..line };
            // What was read from a line can be written as one.
            out.write_all(&compose(&line).map_err(io::Error::other)?)?;
        }
        Ok(())
    })?;
    let compacted = out.stream_position()?;
    header.compacted = compacted;
    out.seek(SeekFrom::Start(0))?;
    out.write_all(&first_line(header, room)?)?;
    out.flush()?;
    Ok(compacted)
}

/// The header as a line of at least this length.
fn first_line(header: &JournalHeader, length: usize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(header)?;
    line.resize(line.len().max(length.saturating_sub(1)), b' ');
    line.push(b'\n');
    Ok(line)
}

/// Shows each line but the header, with its number and the timestamp that it has; `None` for one that is no event.
fn each_line(
    file: &File,
    length: u64,
    mut each: impl FnMut(u64, Option<JournalLine>, Timestamp) -> io::Result<()>,
) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(1 << 20, file);
    reader.seek(SeekFrom::Start(0))?;
    let (mut at, mut number, mut timestamp) = (0, 0, Timestamp(0));
    let mut line = Vec::new();
    while at < length {
        let first = at == 0;
        let read = super::reader::read_line(&mut reader, &mut line)?;
        if read == 0 {
            return Err(io::Error::other("it was cut short while it was read"));
        }
        (at, number) = (at + read, number + 1);
        if (first && JournalHeader::parse(&line).is_some()) || line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let parsed = parse(&line).ok();
        timestamp = parsed.as_ref().and_then(|line| line.timestamp).unwrap_or(timestamp);
        each(number, parsed, timestamp)?;
    }
    Ok(())
}

// === Temporary ===

/// A file beside the journal, gone again unless it takes its place.
#[derive(Debug)]
struct Temporary {
    path: Option<PathBuf>,
    file: File,
}

impl Temporary {
    fn beside(path: &Path) -> io::Result<Self> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let own = path.with_file_name(format!(".{name}.compact-{}", std::process::id()));
        // What a run of this process id left behind when it was killed is worth nothing.
        drop(fs::remove_file(&own));
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&own)?;
        Ok(Self { path: Some(own), file })
    }

    /// Gives it the rights and, where that is allowed, the owner of the old file.
    fn take_after(&self, old: &File) -> io::Result<()> {
        use std::os::unix::fs::{MetadataExt, fchown};
        let (old, own) = (old.metadata()?, self.file.metadata()?);
        if (old.uid(), old.gid()) != (own.uid(), own.gid()) {
            fchown(&self.file, Some(old.uid()), Some(old.gid()))?;
        }
        self.file.set_permissions(old.permissions())
    }

    fn replace(mut self, path: &Path) -> io::Result<()> {
        if let Some(own) = &self.path {
            fs::rename(own, path)?;
            self.path = None;
        }
        super::sync_directory(path);
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // It is a copy that nobody knows of.
            drop(fs::remove_file(path));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::reader::JournalReader;
    use crate::state::{Keep, LogState};
    use proptest::prelude::*;
    use zone_model::{Name, RecordType};

    const TIMEOUT: Duration = Duration::from_secs(10);

    fn line(key: &str, address: u8, timestamp: Option<i64>) -> String {
        let owner = key.split('|').next().unwrap_or_default();
        let value = format!(r#"[{{"name":"{owner}","type":"A","content":"192.0.2.{address}","ttl":60}}]"#);
        raw(key, &value, timestamp)
    }

    fn raw(key: &str, value: &str, timestamp: Option<i64>) -> String {
        let timestamp = timestamp.map_or_else(String::new, |at| format!(r#","timestamp":{at}"#));
        format!("{{\"key\":\"{key}\",\"value\":{value}{timestamp}}}\n")
    }

    /// What a reader makes of a file: every slot, what it holds and since when.
    fn state(path: &Path) -> (LogState, JournalReader) {
        let file = File::open(path).unwrap();
        let mut reader = JournalReader::new(7, Keep::Everything, zone_model::Limits::default());
        reader.read(&file, |_, _| ()).unwrap();
        (reader.state.clone(), reader)
    }

    fn shown(state: &LogState) -> Vec<String> {
        ["a.example.", "b.example.", "c.example."]
            .iter()
            .flat_map(|owner| {
                let owner = Name::parse(owner).unwrap();
                let mut slots: Vec<String> = state
                    .slots(&owner, RecordType::A)
                    .map(|slot| {
                        let held = slot.held.as_ref().map(|held| {
                            (held.timestamp, held.kept.as_ref().map(|kept| format!("{:?}", kept.rrset)))
                        });
                        format!("{} {held:?} {:?}", slot.key.escape_ascii(), slot.unusable)
                    })
                    .collect();
                slots.sort();
                slots
            })
            .collect()
    }

    #[test]
    fn the_new_file_says_what_the_old_one_said() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal.jsonl");
        let text = [
            line("a.example.|A", 1, Some(1_000)),
            line("a.example|A", 2, None),
            "nonsense\n".to_owned(),
            line("b.example.|A", 3, Some(3_000)),
            line("a.example.|A", 4, None),
            raw("b.example.|A", "[{\"content\":1}]", Some(2_000)),
            raw("a.example|A", "null", Some(4_000)),
        ];
        fs::write(&path, text.concat()).unwrap();
        let before = shown(&state(&path).0);
        fs::write(&path, text.concat().trim_end()).unwrap();
        let mut log = JournalLog::new(&path, Keep::Slots);
        let done = log.compact(TIMEOUT).unwrap();
        assert_eq!((done.generation, done.events, done.kept, done.malformed), (1, 6, 4, 1));
        assert_eq!(done.replaced, text.concat().len() as u64, "an unfinished last line was ended");
        let written = fs::read_to_string(&path).unwrap();
        assert_eq!(done.compacted, written.len() as u64);
        let header = JournalHeader::parse(written.lines().next().unwrap().as_bytes()).unwrap();
        let want = JournalHeader {
            id: "journal".into(),
            generation: 1,
            replaced: done.replaced,
            compacted: done.compacted,
        };
        assert_eq!(header, want);
        assert!(written.lines().skip(1).all(|line| line.contains("\"timestamp\":")), "{written}");
        let (after, reader) = state(&path);
        assert_eq!(shown(&after), before);
        // The last event stays although it is a null, for the timestamp that the next line may take from it.
        assert_eq!(reader.at.last_timestamp, Timestamp(4_000));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left behind");

        // And on from there: the same writer, a second compaction.
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(line("c.example.|A", 9, None).as_bytes()).unwrap();
        let again = log.compact(TIMEOUT).unwrap();
        assert_eq!((again.generation, again.kept, again.source.as_str()), (2, 4, "journal"));
    }

    #[test]
    fn what_stands_in_the_way_leaves_the_old_file_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal.jsonl");
        let mut log = JournalLog::new(&path, Keep::Slots);
        assert!(matches!(log.compact(TIMEOUT), Err(PublishError::Unavailable(_))));
        assert!(!path.exists(), "a journal that is not there is not made");
        fs::write(&path, line("a.example.|A", 1, Some(1))).unwrap();
        let holder = File::open(&path).unwrap();
        holder.lock().unwrap();
        let refused = log.compact(Duration::from_millis(50));
        assert!(matches!(refused, Err(PublishError::Unavailable(what)) if what.contains("holds its lock")));
        assert_eq!(fs::read_to_string(&path).unwrap(), line("a.example.|A", 1, Some(1)));
    }

    proptest! {
        #[test]
        fn whatever_stands_there_is_said_again(
            steps in prop::collection::vec((0..6_usize, 0..7_u8, prop::option::of(0..20_i64)), 0..60),
        ) {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("journal.jsonl");
            const KEYS: [&str; 6] = [
                "a.example.|A", "a.example|A", "A.example.|A", "b.example.|A", "c.example.|A|example.", "nonsense",
            ];
            let text: String = steps.iter().map(|(key, what, timestamp)| match what {
                0 => raw(KEYS[*key], "null", *timestamp),
                1 => raw(KEYS[*key], "[]", *timestamp),
                2 => raw(KEYS[*key], "[{\"content\":1}]", *timestamp),
                3 => "{\"key\":\n".to_owned(),
                address => line(KEYS[*key], *address, *timestamp),
            }).collect();
            fs::write(&path, &text).unwrap();
            let (before, reader) = state(&path);
            let done = JournalLog::new(&path, Keep::Slots).compact(TIMEOUT).unwrap();
            let (after, again) = state(&path);
            prop_assert_eq!(shown(&after), shown(&before));
            prop_assert_eq!(again.at.last_timestamp, reader.at.last_timestamp);
            prop_assert_eq!(again.at.offset, done.compacted);
            // The same slots serve, also where timestamps are equal and the position decides.
            for owner in ["a.example.", "b.example.", "c.example."] {
                let serves = |state: &LogState| state.records(&Name::parse(owner).unwrap(), None, &[])
                    .into_iter().map(|set| (set.key, set.rrset)).collect::<Vec<_>>();
                prop_assert_eq!(serves(&after), serves(&before));
            }
            let more = JournalLog::new(&path, Keep::Slots).compact(TIMEOUT).unwrap();
            prop_assert_eq!(shown(&state(&path).0), shown(&before));
            prop_assert!(more.kept <= done.kept);
        }
    }
}
