//! A journal whose disk fails (DESIGN: a journal is synced before its position is committed).

use super::proof::{Disk, Doubt};
use super::source::JournalSource;
use crate::config::JournalConfig;
use crate::source::{Output, Source};
use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use zone_model::{JournalHeader, Partition, Position, SourceId};

/// A disk that keeps nothing while it fails, and says so once, as Linux does.
#[derive(Clone, Debug, Default)]
struct Failing(Rc<RefCell<State>>);

#[derive(Debug, Default)]
struct State {
    /// The next sync fails.
    fails: bool,
    /// From here on the disk has zeros.
    lost_from: Option<u64>,
    syncs: u32,
    doubt: Arc<Doubt>,
}

impl Failing {
    fn set(&self, fails: bool, lost_from: Option<u64>) {
        let mut state = self.0.borrow_mut();
        (state.fails, state.lost_from) = (fails, lost_from);
    }
}

impl Disk for Failing {
    fn sync(&mut self, _: &File) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        state.syncs += 1;
        if std::mem::take(&mut state.fails) { Err(io::Error::other("I/O error")) } else { Ok(()) }
    }

    fn read(&mut self, file: &File, from: u64, to: u64, show: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        let lost_from = self.0.borrow().lost_from.unwrap_or(to).clamp(from, to);
        let mut bytes = vec![0; (to - from) as usize];
        file.read_exact_at(&mut bytes[..(lost_from - from) as usize], from)?;
        show(&bytes);
        Ok(())
    }
}

fn append(path: &Path, owner: &str) -> u64 {
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(format!("{{\"key\":\"{owner}.example.|A\",\"value\":[]}}\n").as_bytes()).unwrap();
    file.metadata().unwrap().len()
}

fn open(path: &Path, disk: &Failing, positions: &[(Partition, Position)]) -> JournalSource {
    let id = SourceId::new("journal");
    let doubt = Arc::clone(&disk.0.borrow().doubt);
    let config = JournalConfig::new(path);
    let source = JournalSource::open(&config, id, Duration::from_secs(3_600), positions, doubt);
    source.on(Box::new(disk.clone()))
}

/// The keys that a source has read, and where it stands behind them.
fn poll(source: &mut JournalSource) -> (Vec<String>, Option<Position>) {
    let mut out = Vec::new();
    while source.poll(Duration::ZERO, &mut out) {}
    let events = out.iter().filter_map(|output| match output {
        Output::Event(event) => Some((String::from_utf8_lossy(&event.key).into_owned(), event.position)),
        _ => None,
    });
    let (keys, positions): (Vec<_>, Vec<_>) = events.unzip();
    (keys, positions.last().copied())
}

#[test]
fn a_sync_that_failed_is_made_good_only_by_what_the_disk_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    let disk = Failing::default();
    let durable = append(&path, "a");
    let mut source = open(&path, &disk, &[]);
    assert_eq!(poll(&mut source).0, ["a.example.|A"]);
    assert_eq!(source.settle(), Ok(()));
    assert_eq!((source.settle(), disk.0.borrow().syncs), (Ok(()), 1), "nothing was read since");

    append(&path, "b");
    assert_eq!(poll(&mut source).0, ["b.example.|A"]);
    disk.set(true, Some(durable));
    let why = source.settle().unwrap_err();
    assert!(why.contains("cannot be synced: I/O error") && why.contains("log compact"), "{why}");
    // The system has told it, and syncs well from now on: what the disk lost is not there all the same.
    let why = source.settle().unwrap_err();
    assert!(why.contains("does not hold what was read"), "{why}");
    append(&path, "c");
    assert_eq!(poll(&mut source).0, ["c.example.|A"], "it is read on");
    assert!(source.settle().is_err());
    // Nor by opening it again, here or from its beginning.
    let mut again = open(&path, &disk, &[]);
    assert_eq!(poll(&mut again).0.len(), 3);
    assert!(again.settle().is_err());
    // Only when it is there, it counts.
    disk.0.borrow_mut().lost_from = None;
    assert_eq!(source.settle(), Ok(()));
    append(&path, "d");
    poll(&mut source);
    disk.set(false, Some(0));
    assert_eq!(source.settle(), Ok(()), "a sync is proof again");
}

/// What `log compact` writes anew, it has synced: the way out where the disk lost what programs still read.
#[test]
fn a_compaction_makes_good_what_the_disk_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    let disk = Failing::default();
    append(&path, "a");
    let replaced = append(&path, "b");
    let mut source = open(&path, &disk, &[]);
    let (_, before) = poll(&mut source);
    disk.set(true, Some(0));
    assert!(source.settle().is_err() && source.settle().is_err());
    for (id, generation, replaced, makes_good) in [
        ("other", 1, replaced, false),
        ("journal", 2, replaced, false),
        ("journal", 1, replaced - 1, false),
        ("journal", 1, replaced, true),
    ] {
        let header = JournalHeader { id: id.into(), generation, replaced, compacted: 100 };
        let text = format!("{:99}\n", serde_json::to_string(&header).unwrap());
        let new = path.with_extension("new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(&new, &path).unwrap();
        assert_eq!(source.settle().is_ok(), makes_good, "{header:?}");
    }
    append(&path, "c");
    let (keys, after) = poll(&mut source);
    assert_eq!(keys, ["c.example.|A"]);
    assert!(before < after);
    assert_eq!(source.settle(), Ok(()), "another file, of which nothing is doubted");
}

/// Also what was read just before an alarm is synced before it is handed on.
#[test]
fn what_was_read_before_an_alarm_is_synced_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    let disk = Failing::default();
    append(&path, "a");
    let mut source = open(&path, &disk, &[]);
    poll(&mut source);
    OpenOptions::new().write(true).open(&path).unwrap().set_len(3).unwrap();
    let mut out = Vec::new();
    source.poll(Duration::ZERO, &mut out);
    assert!(matches!(out[..], [Output::Alarm(_)]), "{out:?}");
    disk.0.borrow_mut().fails = true;
    assert!(source.settle().is_err());
}
