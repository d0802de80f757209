//! The journal as a source (the design, "In a journal file").
#![cfg(feature = "journal")]

use event_consumer::{
    BatchConfig, ConsumerConfig, Ended, Follower, JournalConfig, ReaderStatus, SourceConfig, SourceSpec,
};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use zone_model::{Event, EventBody, JournalPosition, Partition, Position, SourceId, Timestamp};

const PATIENCE: Duration = Duration::from_secs(10);

struct Journal {
    path: PathBuf,
    _directory: tempfile::TempDir,
}

impl Journal {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        Self { path: directory.path().join("journal.jsonl"), _directory: directory }
    }

    /// Puts a compacted file in its place.
    fn compact(&self, generation: u32, replaced: u64, kept: &str) {
        const HEADER: usize = 100;
        let compacted = HEADER + kept.len();
        let header = format!(
            r#"{{"journal":"journal","generation":{generation},"replaced":{replaced},"compacted":{compacted}}}"#
        );
        let new = self.path.with_extension("new");
        std::fs::write(&new, format!("{header:width$}\n{kept}", width = HEADER - 1)).unwrap();
        std::fs::rename(&new, &self.path).unwrap();
    }

    /// Cuts it short and writes something else behind, in the same file.
    fn rewrite(&self, keep: u64, text: &str) {
        let file = OpenOptions::new().write(true).open(&self.path).unwrap();
        file.set_len(keep).unwrap();
        drop(file);
        self.append(text);
    }

    fn append(&self, text: &str) {
        let mut file = OpenOptions::new().create(true).append(true).open(&self.path).expect("opens");
        file.write_all(text.as_bytes()).expect("writes");
    }
}

fn line(owner: &str, rest: &str) -> String {
    format!(
        r#"{{"key":"{owner}.example.|A","value":[{{"name":"{owner}.example.","type":"A","content":"192.0.2.1","ttl":60}}]{rest}}}"#
    ) + "\n"
}

fn follow(path: &Path, positions: &[(Partition, Position)]) -> Follower {
    let config = ConsumerConfig {
        sources: vec![SourceConfig::Journal(JournalConfig::new(path))],
        batch: BatchConfig { in_step_every_ms: 50, ..BatchConfig::default() },
    };
    let positions: Vec<_> =
        positions.iter().map(|(p, position)| (SourceId::new("journal"), *p, *position)).collect();
    Follower::open(&config, &positions).expect("opens")
}

/// What a follower hands on, and where it stands.
#[derive(Default)]
struct Seen {
    events: Vec<Event>,
    positions: Vec<(Partition, Position)>,
    in_step: Option<Timestamp>,
}

impl Seen {
    fn until(&mut self, follower: &mut Follower, enough: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !enough(self) {
            assert!(
                Instant::now() < deadline,
                "not in time; {} events, {:?}",
                self.events.len(),
                follower.status()
            );
            let Some(batch) = follower.next_batch(Duration::from_millis(50)) else { continue };
            self.events.extend(batch.events);
            self.positions =
                if batch.positions.is_empty() { self.positions.clone() } else { batch.positions };
            self.in_step = batch.in_step.or(self.in_step);
        }
    }

    fn keys(&self) -> Vec<String> {
        self.events.iter().map(|event| String::from_utf8_lossy(&event.key).into_owned()).collect()
    }
}

fn read(follower: &mut Follower, events: usize) -> Seen {
    let mut seen = Seen::default();
    seen.until(follower, |seen| seen.events.len() >= events);
    assert_eq!(seen.events.len(), events);
    seen
}

fn quiet(follower: &mut Follower) {
    let until = Instant::now() + Duration::from_millis(300);
    while Instant::now() < until {
        if let Some(batch) = follower.next_batch(Duration::from_millis(20)) {
            assert!(batch.events.is_empty(), "{:?}", batch.events);
        }
    }
}

fn status(follower: &Follower) -> ReaderStatus {
    follower.status().remove(0).1
}

fn alarm(follower: &mut Follower) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let status = status(follower);
        if let (Some(alarm), Some(Ended::Alarm)) = (&status.alarm, &status.ended) {
            return alarm.clone();
        }
        assert!(Instant::now() < deadline, "no alarm: {status:?}");
        let _ = follower.next_batch(Duration::from_millis(20));
    }
}

#[test]
fn what_is_appended_is_served_soon_and_in_order() {
    let journal = Journal::new();
    journal.append(&line("a", ""));
    let mut follower = follow(&journal.path, &[]);
    assert_eq!(read(&mut follower, 1).keys(), ["a.example.|A"]);
    let mut best = PATIENCE;
    for n in 0..20 {
        std::thread::sleep(Duration::from_millis(10));
        let written = Instant::now();
        journal.append(&line(&format!("n{n}"), ""));
        assert_eq!(read(&mut follower, 1).keys(), [format!("n{n}.example.|A")]);
        best = best.min(written.elapsed());
    }
    assert!(best < Duration::from_millis(10), "{best:?}");
}

#[test]
fn an_empty_journal_is_in_step_at_once_and_a_missing_one_is_waited_for() {
    let journal = Journal::new();
    let mut follower = follow(&journal.path, &[]);
    std::thread::sleep(Duration::from_millis(200));
    assert!(follower.next_batch(Duration::ZERO).is_none());
    assert!(!status(&follower).connected);
    assert!(status(&follower).last_error.is_some_and(|error| error.contains("not there yet")));
    journal.append("");
    let mut seen = Seen::default();
    seen.until(&mut follower, |seen| seen.in_step.is_some());
    let first = seen.in_step;
    seen.until(&mut follower, |seen| seen.in_step > first);
    assert!(status(&follower).connected);
    journal.append(&line("a", ""));
    assert_eq!(read(&mut follower, 1).keys(), ["a.example.|A"]);
}

#[test]
fn a_torn_last_line_is_waited_for() {
    let journal = Journal::new();
    let whole = line("a", "");
    let (begin, rest) = whole.split_at(20);
    journal.append(begin);
    let mut follower = follow(&journal.path, &[]);
    quiet(&mut follower);
    journal.append(rest);
    assert_eq!(read(&mut follower, 1).keys(), ["a.example.|A"]);
}

#[test]
fn several_writers_at_once_lose_nothing() {
    let journal = Journal::new();
    let mut follower = follow(&journal.path, &[]);
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let journal = &journal;
            scope.spawn(move || {
                (0..250).for_each(|n| journal.append(&line(&format!("w{writer}-{n:03}"), "")))
            });
        }
    });
    let keys = read(&mut follower, 1_000).keys();
    for writer in 0..4 {
        let own: Vec<_> =
            keys.iter().filter(|key| key.starts_with(&format!("w{writer}-"))).cloned().collect();
        let expected: Vec<_> = (0..250).map(|n| format!("w{writer}-{n:03}.example.|A")).collect();
        assert_eq!(own, expected);
    }
}

#[test]
fn a_restart_goes_on_behind_the_position() {
    let journal = Journal::new();
    (0..5_000).for_each(|n| journal.append(&line(&format!("n{n}"), "")));
    let mut follower = follow(&journal.path, &[]);
    let before = read(&mut follower, 5_000);
    follower.close();
    journal.append(&line("later", ""));
    let mut follower = follow(&journal.path, &before.positions);
    assert_eq!(read(&mut follower, 1).keys(), ["later.example.|A"]);
    quiet(&mut follower);
}

#[test]
fn a_malformed_line_is_quarantined_with_its_number_and_stops_nothing() {
    let journal = Journal::new();
    journal.append(&format!("{}\n{{\"key\":\n{}", line("a", ""), line("b", "")));
    let mut follower = follow(&journal.path, &[]);
    let seen = read(&mut follower, 3);
    assert_eq!(seen.keys(), ["a.example.|A", "line:3", "b.example.|A"]);
    let EventBody::Unusable(unusable) = &seen.events[1].body else { panic!("{:?}", seen.events[1].body) };
    assert_eq!(unusable.value.as_deref(), Some(&b"{\"key\":"[..]));
    assert!(unusable.reason.contains("line 3"), "{}", unusable.reason);
    assert!(
        seen.events[0].position < seen.events[1].position
            && seen.events[1].position < seen.events[2].position
    );
    follower.close();
    // The number is right also for who starts in the middle.
    journal.append("garbage\n");
    let mut follower = follow(&journal.path, &seen.positions);
    assert_eq!(read(&mut follower, 1).keys(), ["line:5"]);
}

#[test]
fn a_missing_timestamp_is_that_of_the_nearest_line_before_that_gave_one() {
    let journal = Journal::new();
    journal.append(&(line("a", "") + &line("b", r#","timestamp":1732300000000"#) + &line("c", "")));
    let mut follower = follow(&journal.path, &[]);
    let seen = read(&mut follower, 3);
    let times: Vec<i64> = seen.events.iter().map(|event| event.timestamp.0).collect();
    assert_eq!(times, [0, 1_732_300_000_000, 1_732_300_000_000]);
    follower.close();
    journal.append(&line("d", ""));
    let mut follower = follow(&journal.path, &seen.positions);
    assert_eq!(read(&mut follower, 1).events[0].timestamp, Timestamp(1_732_300_000_000));
}

#[test]
fn a_journal_that_shrank_is_an_alarm_and_nothing_more_is_read() {
    let journal = Journal::new();
    journal.append(&(line("a", "") + &line("b", "")));
    let mut follower = follow(&journal.path, &[]);
    let seen = read(&mut follower, 2);
    OpenOptions::new().write(true).open(&journal.path).unwrap().set_len(10).unwrap();
    assert!(alarm(&mut follower).contains("shrank"));
    journal.append(&line("c", ""));
    quiet(&mut follower);
    follower.close();
    OpenOptions::new().write(true).open(&journal.path).unwrap().set_len(10).unwrap();
    assert!(alarm(&mut follow(&journal.path, &seen.positions)).contains("shrank"), "also after a restart");
}

#[test]
fn a_journal_that_was_replaced_is_an_alarm_and_nothing_more_is_read() {
    let journal = Journal::new();
    journal.append(&line("a", ""));
    let mut follower = follow(&journal.path, &[]);
    let seen = read(&mut follower, 1);
    let other = journal.path.with_extension("new");
    let mut file = File::create(&other).unwrap();
    file.write_all((line("x", "") + &line("y", "")).as_bytes()).unwrap();
    std::fs::rename(&other, &journal.path).unwrap();
    assert!(alarm(&mut follower).contains("replaced"));
    quiet(&mut follower);
    follower.close();
    let mut follower = follow(&journal.path, &seen.positions);
    assert!(alarm(&mut follower).contains("replaced"), "also after a restart");
    quiet(&mut follower);
}

/// A line that ends where another one ended is not that one, be it that the node was away meanwhile or that it did not
/// look in between.
#[test]
fn a_journal_that_shrank_and_grew_past_the_position_is_an_alarm() {
    let journal = Journal::new();
    journal.append(&(line("a", "") + &line("b", "")));
    let mut follower = follow(&journal.path, &[]);
    let seen = read(&mut follower, 2);
    follower.close();
    let one = line("a", "").len() as u64;
    for (keep, text) in [
        (one, line("x", "") + &line("y", "")),
        (0, line("x", "") + &line("y", "") + &line("z", "")),
        // No line ends there at all.
        (one, line("longer", "") + &line("c", "")),
    ] {
        journal.rewrite(keep, &text);
        let mut follower = follow(&journal.path, &seen.positions);
        let said = alarm(&mut follower);
        assert!(said.contains("cut short and has grown again") && said.contains("--accept-loss"), "{said}");
        quiet(&mut follower);
        follower.close();
    }
    // As it was, it is read on.
    journal.rewrite(one, &(line("b", "") + &line("c", "")));
    let mut follower = follow(&journal.path, &seen.positions);
    assert_eq!(read(&mut follower, 1).keys(), ["c.example.|A"]);
}

/// A store that an older version wrote has positions without a mark: they are believed, and given one.
#[test]
fn a_position_without_a_mark_is_read_on_and_gets_one() {
    let journal = Journal::new();
    journal.append(&line("a", ""));
    let mut follower = follow(&journal.path, &[]);
    let seen = read(&mut follower, 1);
    follower.close();
    let (partition, marked) = seen.positions[0];
    let older = JournalPosition { mark: None, ..JournalPosition::decode(&marked).unwrap() }.encode();
    let mut follower = follow(&journal.path, &[(partition, older)]);
    let mut again = Seen::default();
    again.until(&mut follower, |again| !again.positions.is_empty());
    assert_eq!((again.events.len(), again.positions), (0, vec![(partition, marked)]));
    follower.close();
    journal.rewrite(0, &(line("x", "") + &line("b", "")));
    assert_eq!(read(&mut follow(&journal.path, &[(partition, older)]), 1).keys(), ["b.example.|A"]);
    assert!(alarm(&mut follow(&journal.path, &[(partition, marked)])).contains("grown again"));
}

/// DESIGN, "In a journal file": who had read the old file to its length goes on behind the compacted part, any other
/// reads the new one from its beginning.
#[test]
fn a_compacted_journal_is_read_again_by_who_had_not_read_the_old_one_to_its_end() {
    let journal = Journal::new();
    journal.append(&line("a", ""));
    let mut follower = follow(&journal.path, &[]);
    let before = read(&mut follower, 1);
    follower.close();
    journal.append(&line("b", ""));
    let replaced = std::fs::metadata(&journal.path).unwrap().len();
    let again = |generation, replaced| {
        journal.compact(generation, replaced, &(line("a", r#","timestamp":0"#) + &line("b", "")));
        let mut follower = follow(&journal.path, &before.positions);
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(ended) = status(&follower).ended {
                return ended;
            }
            assert!(Instant::now() < deadline);
            let batch = follower.next_batch(Duration::from_millis(20));
            assert!(batch.is_none(), "{batch:?}");
        }
    };
    assert!(matches!(again(1, replaced), Ended::Rebuild(why) if why.contains("was compacted")));
    // Compacted twice, what is between is not known.
    assert!(matches!(again(2, 17), Ended::Rebuild(_)));
    // Of a shorter file than was read it is not the compacted form.
    assert_eq!(again(1, replaced / 4), Ended::Alarm);
}

/// Who only watches sees what comes from now on, with the timestamp that a line takes from those before it.
#[test]
fn a_journal_can_be_watched_from_its_end_on() {
    let journal = Journal::new();
    (0..10).for_each(|n| journal.append(&line(&format!("old{n}"), &format!(r#","timestamp":{n}"#))));
    let config = SourceConfig::Journal(JournalConfig::new(&journal.path));
    let spec = SourceSpec::at_end(&config, Duration::from_millis(50)).expect("usable");
    let mut follower = Follower::of(vec![spec], &BatchConfig::default(), &[]).expect("opens");
    let deadline = Instant::now() + PATIENCE;
    while !status(&follower).connected {
        assert!(Instant::now() < deadline, "{:?}", follower.status());
        let _ = follower.next_batch(Duration::from_millis(20));
    }
    journal.append(&line("new", ""));
    let seen = read(&mut follower, 1);
    assert_eq!((seen.keys(), seen.events[0].timestamp), (vec!["new.example.|A".into()], Timestamp(9)));
}

#[test]
fn a_compacted_journal_is_followed_by_who_had_read_the_old_one_to_its_end() {
    let journal = Journal::new();
    journal.append(&(line("a", "") + &line("a", "")));
    let replaced = std::fs::metadata(&journal.path).unwrap().len();
    let mut follower = follow(&journal.path, &[]);
    let before = read(&mut follower, 2);
    journal.compact(1, replaced, &line("a", r#","timestamp":0"#));
    std::thread::sleep(Duration::from_millis(100));
    journal.append(&line("b", ""));
    let after = read(&mut follower, 1);
    assert_eq!(after.keys(), ["b.example.|A"]);
    assert!(before.positions[0].1 < after.positions[0].1);
    follower.close();
    // A node that was away goes on in the same way, and a new one reads all of it.
    assert_eq!(read(&mut follow(&journal.path, &before.positions), 1).keys(), ["b.example.|A"]);
    assert_eq!(read(&mut follow(&journal.path, &[]), 2).keys(), ["a.example.|A", "b.example.|A"]);
}

#[test]
fn events_of_one_change_are_shown_together() {
    let journal = Journal::new();
    journal.append("");
    let mut follower = follow(&journal.path, &[]);
    Seen::default().until(&mut follower, |seen| seen.in_step.is_some());
    let headers = r#","headers":{"change-id":"x","change-size":"2"}"#;
    journal.append(&line("a", headers));
    quiet(&mut follower);
    journal.append(&line("b", headers));
    let deadline = Instant::now() + PATIENCE;
    let batch = loop {
        assert!(Instant::now() < deadline);
        match follower.next_batch(Duration::from_millis(50)) {
            Some(batch) if !batch.events.is_empty() => break batch,
            _ => {}
        }
    };
    assert_eq!(batch.events.len(), 2);
}

/// DESIGN, "Serials and changes": in a journal a write cut short is an open group, which is reported and let go a second
/// after its last event; what stands behind it comes with it.
#[test]
fn a_change_that_was_cut_short_is_reported_and_let_go() {
    let journal = Journal::new();
    journal.append("");
    let mut follower = follow(&journal.path, &[]);
    let mut seen = Seen::default();
    seen.until(&mut follower, |seen| seen.in_step.is_some());
    let headers = r#","headers":{"change-id":"x","change-size":"3"}"#;
    // The third line of three is torn, and whoever writes next ends it.
    journal.append(&(line("a", headers) + &line("b", headers) + "{\"key\":\"c.exam\n" + &line("d", "")));
    seen.until(&mut follower, |seen| seen.events.len() >= 4);
    assert_eq!(seen.keys()[..2], ["a.example.|A", "b.example.|A"]);
    assert_eq!(seen.keys()[3], "d.example.|A");
    let deadline = Instant::now() + PATIENCE;
    while status(&follower).closed_early == 0 {
        assert!(Instant::now() < deadline, "{:?}", status(&follower));
        let _ = follower.next_batch(Duration::from_millis(20));
    }
    assert_eq!(status(&follower).closed_early, 1);
    follower.close();
}

#[test]
fn a_position_of_another_source_is_an_alarm() {
    let journal = Journal::new();
    journal.append(&line("a", ""));
    let foreign = (Partition(0), Position::new(&[9, 9, 9]).unwrap());
    assert!(alarm(&mut follow(&journal.path, &[foreign])).contains("cannot be read"));
}
