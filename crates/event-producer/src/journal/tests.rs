//! A journal under several hands.

use super::*;
use crate::testing::{remove, set, soa_edit};
use std::collections::BTreeSet;
use std::os::unix::fs::FileExt;
use zone_model::{JournalPosition, Limits, RecordType};

const SOA_LINE: &str = concat!(
    r#"{"key":"example.|SOA","value":[{"name":"example.","type":"SOA","#,
    r#""content":"ns.example. host.example. 1 3600 600 86400 300","ttl":300}],"timestamp":1000}"#,
    "\n"
);

fn change(edits: Vec<messages::Edit>) -> Change {
    Change { zone: None, edits, producer: "test".into(), if_unchanged: false }
}

fn a(owner: &str, address: &str) -> Change {
    change(vec![set(owner, RecordType::A, &[address])])
}

fn publish(log: &mut JournalLog, change: &Change, now: i64) -> Result<Outcome, PublishError> {
    log.publish(change, Timestamp(now), &format!("c{now}"), &ProducerConfig::default())
}

fn temporary() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.jsonl");
    (directory, path)
}

/// All positions that a reader gives to the file's events, with their keys.
fn positions(path: &Path) -> Vec<(String, JournalPosition)> {
    let file = File::open(path).unwrap();
    let mut reader = JournalReader::new(file.metadata().unwrap().ino(), Keep::Slots, Limits::default());
    let mut found = Vec::new();
    reader
        .read(&file, |at, event| found.push((String::from_utf8_lossy(&event.key).into_owned(), *at)))
        .unwrap();
    found
}

#[test]
fn a_change_stands_at_the_files_end_and_its_position_is_the_readers() {
    let (_directory, path) = temporary();
    let mut log = JournalLog::new(&path, Keep::Slots);
    let outcome = publish(&mut log, &change(vec![soa_edit("example.", 1)]), 5_000).unwrap();
    assert_eq!((outcome.published.events, outcome.serial), (1, Some(1)));
    let outcome = publish(&mut log, &a("www.example", "192.0.2.1"), 6_000).unwrap();
    assert_eq!((outcome.published.events, outcome.serial), (2, Some(3)));
    let (key, last) = positions(&path).pop().unwrap();
    assert_eq!(key, "www.example.|A|example.");
    assert_eq!(last.last_timestamp, Timestamp(6_000));
    assert_eq!(outcome.published.positions, [(Partition(0), last.encode())]);
    assert_eq!(outcome.published.source.as_str(), "journal");
}

/// DESIGN, "An event sets one RRset": a condition is checked before publishing, under the zone's writer lock. Two
/// imports of one zone at once: one wins, the other gets a clear conflict.
#[test]
fn who_decided_by_what_was_read_gets_a_conflict_where_somebody_was_faster() {
    let (_directory, path) = temporary();
    let (mut one, mut two) = (JournalLog::new(&path, Keep::Slots), JournalLog::new(&path, Keep::Slots));
    let sure = |owner: &str| Change { if_unchanged: true, ..a(owner, "192.0.2.1") };
    publish(&mut one, &change(vec![soa_edit("example.", 1)]), 1_000).unwrap();
    publish(&mut one, &change(vec![soa_edit("other.", 1)]), 1_000).unwrap();
    one.read().unwrap();
    two.read().unwrap();
    publish(&mut one, &sure("a.example"), 2_000).unwrap();
    let before = fs::read(&path).unwrap();
    let error = publish(&mut two, &sure("b.example"), 2_000).unwrap_err();
    assert!(matches!(&error, PublishError::Conflict(what) if what.contains("example.")), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before, "nothing was published");
    // The winner's next part is not in its own way, and another zone is in nobody's.
    publish(&mut two, &a("x.other", "192.0.2.1"), 2_000).unwrap();
    publish(&mut one, &sure("c.example"), 3_000).unwrap();
    // Who has looked again may go on.
    two.read().unwrap();
    publish(&mut two, &sure("b.example"), 4_000).unwrap();
}

/// The same where the journal, or the zone, is made by both: what was seen is that there is none.
#[test]
fn who_saw_no_journal_gets_a_conflict_where_somebody_made_it() {
    let (_directory, path) = temporary();
    let (mut one, mut two) = (JournalLog::new(&path, Keep::Slots), JournalLog::new(&path, Keep::Slots));
    one.read().unwrap_err();
    two.read().unwrap_err();
    let new = |serial| Change { if_unchanged: true, ..change(vec![soa_edit("example.", serial)]) };
    publish(&mut one, &new(1), 1_000).unwrap();
    let error = publish(&mut two, &new(7), 2_000).unwrap_err();
    assert!(matches!(&error, PublishError::Conflict(what) if what.contains("example. SOA")), "{error}");
    // One that is there and empty was seen all the same.
    let (_directory, path) = temporary();
    fs::write(&path, "").unwrap();
    let mut two = JournalLog::new(&path, Keep::Slots);
    two.read().unwrap();
    publish(&mut JournalLog::new(&path, Keep::Slots), &new(1), 1_000).unwrap();
    assert!(matches!(publish(&mut two, &new(7), 2_000), Err(PublishError::Conflict(_))));
    // Who never looked has no condition to be broken.
    publish(&mut JournalLog::new(&path, Keep::Slots), &new(7), 3_000).unwrap();
}

/// The same across a compaction: what others wrote in front of it and behind it is known, and it is no change itself.
#[test]
fn a_compaction_hides_nobodys_change_and_is_none() {
    let sure = |owner: &str| Change { if_unchanged: true, ..a(owner, "192.0.2.1") };
    for (before, behind, conflict) in [
        (None, None, false),
        (Some("b.example"), None, true),
        (None, Some("b.example"), true),
        (Some("b.other"), Some("c.other"), false),
    ] {
        let (_directory, path) = temporary();
        let (mut own, mut other) = (JournalLog::new(&path, Keep::Slots), JournalLog::new(&path, Keep::Slots));
        publish(&mut other, &change(vec![soa_edit("example.", 1)]), 1_000).unwrap();
        publish(&mut other, &change(vec![soa_edit("other.", 1)]), 1_000).unwrap();
        own.read().unwrap();
        publish(&mut own, &sure("first.example"), 2_000).unwrap();
        if let Some(owner) = before {
            publish(&mut other, &a(owner, "192.0.2.2"), 3_000).unwrap();
        }
        JournalLog::new(&path, Keep::Slots).compact(Duration::from_secs(10)).unwrap();
        if let Some(owner) = behind {
            publish(&mut other, &a(owner, "192.0.2.2"), 4_000).unwrap();
        }
        let second = publish(&mut own, &sure("second.example"), 5_000);
        match conflict {
            true => assert!(
                matches!(&second, Err(PublishError::Conflict(what)) if what.contains("b.example.")),
                "{second:?}"
            ),
            false => assert_eq!(second.unwrap().published.events, 2),
        }
    }
}

/// Where it cannot be known what came between, that is a conflict, and looking again ends it.
#[test]
fn what_cannot_be_known_is_a_conflict() {
    let sure = || Change { if_unchanged: true, ..a("a.example", "192.0.2.1") };
    let compact =
        |path: &Path| drop(JournalLog::new(path, Keep::Slots).compact(Duration::from_secs(10)).unwrap());
    let again = |path: &Path| fs::write(path, SOA_LINE).unwrap();
    let another = |path: &Path| {
        fs::remove_file(path).unwrap();
        again(path);
    };
    let twice = |path: &Path| (0..2).for_each(|_| compact(path));
    let ways: [&dyn Fn(&Path); 3] = [&twice, &another, &again];
    for (way, happens) in ways.into_iter().enumerate() {
        let (_directory, path) = temporary();
        fs::write(&path, format!("{SOA_LINE}\n")).unwrap();
        let mut own = JournalLog::new(&path, Keep::Slots);
        own.read().unwrap();
        happens(&path);
        let error = publish(&mut own, &sure(), 2_000).unwrap_err();
        assert!(
            matches!(&error, PublishError::Conflict(what) if what.contains("look again")),
            "{way}: {error}"
        );
        own.read().unwrap();
        publish(&mut own, &sure(), 2_000).unwrap();
    }
}

/// What was read is decided by one state, whatever comes meanwhile.
#[test]
fn the_state_is_what_was_read_and_is_not_read_on() {
    let (_directory, path) = temporary();
    fs::write(&path, SOA_LINE).unwrap();
    let mut own = JournalLog::new(&path, Keep::Slots);
    assert!(own.state().is_none());
    assert_eq!(own.read().unwrap().slot_count(), 1);
    publish(&mut JournalLog::new(&path, Keep::Slots), &a("a.example", "192.0.2.1"), 2_000).unwrap();
    assert_eq!(own.state().unwrap().slot_count(), 1);
    assert!(matches!(
        publish(&mut own, &Change { if_unchanged: true, ..a("b.example", "192.0.2.1") }, 3_000),
        Err(PublishError::Conflict(_))
    ));
}

/// DESIGN: our own writer ends an unfinished last line.
#[test]
fn an_unfinished_last_line_is_ended_first() {
    let (_directory, path) = temporary();
    fs::write(&path, format!("{SOA_LINE}{}", r#"{"key":"a.example.|A","val"#)).unwrap();
    let mut log = JournalLog::new(&path, Keep::Slots);
    publish(&mut log, &a("b.example", "192.0.2.2"), 6_000).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!((lines.len(), lines[1]), (4, r#"{"key":"a.example.|A","val"#));
    // One that only lacks its line end counts: it stands on the log from now on, and is newer than 6,000.
    let line = r#"{"key":"c.example.|A","value":[],"timestamp":7000}"#;
    fs::write(&path, format!("{text}{line}")).unwrap();
    let outcome = publish(&mut log, &a("b.example", "192.0.2.3"), 6_500).unwrap();
    assert_eq!(outcome.timestamp, Timestamp(7_001));
}

/// DESIGN: a missing timestamp is that of the nearest line before it that gave one, else 0.
#[test]
fn appended_lines_count_with_the_timestamp_before_them() {
    let (_directory, path) = temporary();
    let line = r#"{"key":"a.example.|A","value":[{"name":"a.example.","type":"A","content":"192.0.2.1"}]}"#;
    fs::write(&path, format!("{SOA_LINE}{line}\n\nnonsense\n")).unwrap();
    let mut log = JournalLog::new(&path, Keep::Everything);
    let outcome = publish(&mut log, &change(vec![remove("a.example", RecordType::A)]), 500).unwrap();
    assert_eq!((outcome.timestamp, outcome.published.events), (Timestamp(1_001), 2));
    assert_eq!(positions(&path)[1].1.last_timestamp, Timestamp(1_000));
    assert!(log.read().unwrap().records(&Name::parse("a.example").unwrap(), None, &[]).is_empty());
}

/// What was read stays read: the next change goes on from there, and sees what others appended.
#[test]
fn reading_goes_on_where_it_ended() {
    let (_directory, path) = temporary();
    fs::write(&path, SOA_LINE).unwrap();
    let mut log = JournalLog::new(&path, Keep::Slots);
    publish(&mut log, &a("a.example", "192.0.2.1"), 2_000).unwrap();
    // Overwritten in place, what was read already is not looked at again.
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.write_at(b"x", 2).unwrap();
    let mut other = OpenOptions::new().append(true).open(&path).unwrap();
    let line = r#"{"key":"a.example.|A","value":[],"timestamp":3000}"#;
    writeln!(other, "{line}").unwrap();
    let outcome = publish(&mut log, &a("a.example", "192.0.2.2"), 2_500).unwrap();
    // The slot that serves now is that of the other's line; the long key is emptied.
    assert_eq!((outcome.timestamp, outcome.published.events), (Timestamp(3_001), 3));
    assert_eq!(positions(&path).last().unwrap().0, "a.example.|A|example.");
}

/// DESIGN: it looks whether the path is still that file.
#[test]
fn a_replaced_file_is_read_anew() {
    let (_directory, path) = temporary();
    fs::write(&path, SOA_LINE).unwrap();
    let mut log = JournalLog::new(&path, Keep::Slots);
    publish(&mut log, &a("a.example", "192.0.2.1"), 2_000).unwrap();
    let header = r#"{"journal":"zones","generation":3,"replaced":400,"compacted":200}"#;
    let replacement = path.with_extension("new");
    fs::write(&replacement, format!("{header}\n{SOA_LINE}")).unwrap();
    fs::rename(&replacement, &path).unwrap();
    let outcome = publish(&mut log, &a("a.example", "192.0.2.2"), 3_000).unwrap();
    assert_eq!(outcome.published.source.as_str(), "zones");
    let (_, last) = positions(&path).pop().unwrap();
    assert_eq!((last.generation, outcome.published.positions[0].1), (3, last.encode()));
    // Removed altogether it is made again, empty: the zone is not there any more.
    fs::remove_file(&path).unwrap();
    let refused = publish(&mut log, &a("a.example", "192.0.2.2"), 4_000);
    assert!(matches!(refused, Err(PublishError::Refused(what)) if what.contains("no zone")));
}

#[test]
fn a_file_that_shrank_is_read_anew() {
    let (_directory, path) = temporary();
    fs::write(&path, SOA_LINE).unwrap();
    let mut log = JournalLog::new(&path, Keep::Slots);
    publish(&mut log, &a("a.example", "192.0.2.1"), 2_000).unwrap();
    OpenOptions::new().write(true).open(&path).unwrap().set_len(SOA_LINE.len() as u64).unwrap();
    let outcome = publish(&mut log, &change(vec![remove("a.example", RecordType::A)]), 3_000).unwrap();
    assert_eq!(outcome.published.events, 0);
}

#[test]
fn the_lock_is_waited_for_and_not_for_ever() {
    let (_directory, path) = temporary();
    fs::write(&path, SOA_LINE).unwrap();
    let holder = File::open(&path).unwrap();
    holder.lock().unwrap();
    let mut log = JournalLog::new(&path, Keep::Slots);
    let config = ProducerConfig { timeout_ms: 100, ..ProducerConfig::default() };
    let refused = log.publish(&a("a.example", "192.0.2.1"), Timestamp(2_000), "c", &config);
    assert!(matches!(refused, Err(PublishError::Unavailable(what)) if what.contains("holds its lock")));
    holder.unlock().unwrap();
    assert!(publish(&mut log, &a("a.example", "192.0.2.1"), 2_000).is_ok());
    // And given back behind a change, and behind one that was refused.
    holder.try_lock().unwrap();
    holder.unlock().unwrap();
    publish(&mut log, &a("a.nowhere", "192.0.2.1"), 2_000).unwrap_err();
    holder.try_lock().unwrap();
}

#[test]
fn a_log_that_cannot_be_read_is_unavailable() {
    let (directory, path) = temporary();
    assert!(matches!(JournalLog::new(&path, Keep::Slots).read(), Err(PublishError::Unavailable(_))));
    let nowhere = directory.path().join("no").join("journal");
    let mut log = JournalLog::new(nowhere, Keep::Slots);
    assert!(matches!(publish(&mut log, &a("a.example", "192.0.2.1"), 1), Err(PublishError::Unavailable(_))));
}

/// Writers with the lock and one without, all at once: every change stands there whole, its lines in a row,
/// with the position that was told; no serial twice.
#[test]
fn many_write_one_journal_at_once() {
    let (_directory, path) = temporary();
    fs::write(&path, SOA_LINE).unwrap();
    let writer = |thread: usize| {
        let mut log = JournalLog::new(&path, Keep::Slots);
        let publish_one = |index: usize| {
            let owner = format!("n{thread}-{index}.example");
            // A hundred changes, each synced, wait for one another: on a busy machine that may take a while.
            let config = ProducerConfig { timeout_ms: 300_000, ..ProducerConfig::default() };
            let outcome = log.publish(&a(&owner, "192.0.2.1"), Timestamp(2_000), &owner, &config);
            let outcome = outcome.unwrap();
            (owner, outcome.published.positions[0].1, outcome.serial.unwrap(), outcome.timestamp)
        };
        (0..25).map(publish_one).collect::<Vec<_>>()
    };
    let appender = || {
        for index in 0..200 {
            let mut file = OpenOptions::new().append(true).open(&path).unwrap();
            let line = format!("{{\"key\":\"f{index}.example.|A\",\"value\":[],\"timestamp\":2000}}\n");
            assert_eq!(file.write(line.as_bytes()).unwrap(), line.len());
        }
    };
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        scope.spawn(appender);
        let threads: Vec<_> = (0..4).map(|thread| scope.spawn(move || writer(thread))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let text = fs::read_to_string(&path).unwrap();
    // A writer that sees the appender's line half written, at the border of two pages, ends it when it waits in
    // vain: the kernel puts that end behind the whole line, as an empty one, which readers pass over.
    for line in text.lines().filter(|line| !line.is_empty()) {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
    let positions = positions(&path);
    for (owner, position, _, _) in &outcomes {
        let at = positions.iter().position(|(_, at)| at.encode() == *position).unwrap();
        let key = &positions[at].0;
        // The SOA's second event stands last where the appender came between.
        assert!(key.starts_with(owner.as_str()) || key == "example.|SOA", "{key} for {owner}");
        let whole = positions
            .windows(2)
            .any(|two| two[0].0 == "example.|SOA" && two[1].0.starts_with(owner.as_str()));
        assert!(whole, "{owner} does not follow its SOA");
    }
    let serials: BTreeSet<_> = outcomes.iter().map(|(_, _, serial, _)| serial).collect();
    assert_eq!(serials.len(), outcomes.len());
}

thread_local! {
    /// How many syncs fail; what is at the file's end by then, this many bytes, is on no disk.
    static FAILS: std::cell::Cell<(u32, u64)> = const { std::cell::Cell::new((0, 0)) };
}

/// A sync that fails when it is told to, and loses what it could not write.
fn failing(file: &File) -> io::Result<()> {
    let (fails, lost) = FAILS.get();
    if fails == 0 {
        return file.sync_data();
    }
    FAILS.set((fails - 1, lost));
    let own = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(file));
    let own = OpenOptions::new().write(true).open(own)?;
    let length = own.metadata()?.len();
    own.write_all_at(&vec![0; lost as usize], length - lost)?;
    Err(io::Error::other("I/O error"))
}

/// DESIGN, "In a journal file": our own writer syncs. A sync that goes well behind one that failed says nothing of what
/// that one lost, so it is written once more.
#[test]
#[cfg(target_os = "linux")]
fn a_change_that_cannot_be_synced_is_written_once_more_or_not_acknowledged() {
    let (_directory, path) = temporary();
    let mut log = JournalLog { sync: failing, ..JournalLog::new(&path, Keep::Slots) };
    publish(&mut log, &change(vec![soa_edit("example.", 1)]), 1_000).unwrap();
    FAILS.set((1, 50));
    let outcome = publish(&mut log, &a("a.example", "192.0.2.1"), 2_000).unwrap();
    assert_eq!(outcome.published.positions[0].1, positions(&path).last().unwrap().1.encode(), "it is whole");

    FAILS.set((3, 50));
    let unknown = publish(&mut log, &a("b.example", "192.0.2.2"), 3_000).unwrap_err();
    assert!(matches!(&unknown, PublishError::Unknown(what) if what.contains("I/O error")), "{unknown}");
    let length = fs::metadata(&path).unwrap().len();
    let refused = publish(&mut log, &a("c.example", "192.0.2.3"), 4_000).unwrap_err();
    assert!(
        matches!(&refused, PublishError::Unavailable(what) if what.contains("change before")),
        "{refused}"
    );
    assert_eq!(fs::metadata(&path).unwrap().len(), length, "nothing is written behind what is on no disk");

    // The disk works again: what was not acknowledged is there all the same, and what comes stands behind it.
    publish(&mut log, &a("c.example", "192.0.2.3"), 5_000).unwrap();
    let keys: Vec<String> = positions(&path).into_iter().map(|(key, _)| key).collect();
    let of = |owner: &str| keys.iter().position(|key| key.starts_with(owner));
    assert!(of("a.example.") < of("b.example.") && of("b.example.") < of("c.example."), "{keys:?}");

    // Of a file that was cut short nothing is written again.
    FAILS.set((2, 10));
    publish(&mut log, &a("d.example", "192.0.2.4"), 6_000).unwrap_err();
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(length).unwrap();
    publish(&mut log, &a("e.example", "192.0.2.5"), 7_000).unwrap();
    let keys: Vec<String> = positions(&path).into_iter().map(|(key, _)| key).collect();
    assert!(keys.iter().any(|key| key.starts_with("e.example.")), "{keys:?}");
    assert!(!keys.iter().any(|key| key.starts_with("d.example.")), "{keys:?}");
}
