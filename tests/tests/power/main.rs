//! A journal that loses its unsynced tail (DESIGN, "Exactly once": a journal is synced before its position is
//! committed, and our own writer syncs before it says that a change is published).
//!
//! Writers and a node, each the plain core that the server runs, do one thing after the other on a real file: somebody
//! appends and syncs nothing, sometimes half a line; our producer publishes; the node reads, hands on, applies and
//! commits. Behind each of these, and in the middle of a publication, the power goes. Of what was not synced the disk
//! then has nothing, or all of it up to some octet, or a file of full length with zeros from some octet on or in some
//! sectors. The node is started on what its store had committed, the producer goes on, and
//!
//! - no change is gone that the producer had acknowledged, and nothing that the node had served;
//! - each line behind the store's position is read once, and the position is never behind the file's end;
//! - what is served is what a model makes of the file, as is what a node serves that reads it from its beginning.
//!
//! What is synced is what the code really has synced (see `synced.rs`), and nothing else is taken for durable.
//!
//! `STREAM_DNS_FAULTS` multiplies how much is done before the last cut.
#![allow(clippy::disallowed_types, reason = "the support of the store's tests has a disk that is shared")]

mod node;
#[path = "../../../crates/zone-store/tests/support/mod.rs"]
mod support;
mod synced;
mod writers;

use node::Node;
use std::fs;
use std::path::{Path, PathBuf};
use support::Dice;
use writers::{Acknowledged, Writers};

/// What is done before the last cut.
const STEPS: usize = 150;
/// Threads among which the cuts are divided.
const THREADS: usize = 8;
/// What a disk writes whole or not at all.
const SECTOR: usize = 512;

/// Everything as it is when the power goes.
struct Moment {
    what: String,
    /// The journal as programs see it, and how much of it is on the disk for certain.
    journal: Vec<u8>,
    durable: usize,
    /// The store as of its last commit.
    store: Vec<u8>,
    acknowledged: Acknowledged,
}

/// A life without a cut, and every moment of it.
fn moments(path: &Path, steps: usize) -> Vec<Moment> {
    let mut dice = Dice(7);
    fs::write(path, "").unwrap();
    synced::watch(path);
    let mut writers = Writers::begin(path);
    let mut node = Node::start(path, &[]);
    let mut committed = node.image();
    let mut moments = Vec::new();
    for number in 0..steps {
        let before = (synced::length(), writers.acknowledged.clone());
        let what = match dice.below(10) {
            0..3 => writers.append(&mut dice),
            3..5 => {
                writers.publish();
                "publish"
            }
            5..7 => {
                node.read();
                "read"
            }
            7..9 => {
                node.apply();
                "apply"
            }
            _ => {
                node.commit();
                committed = node.image();
                "commit"
            }
        };
        assert!(node.applied_to() <= synced::length() as u64, "what is served is on the disk");
        let moment = |what: String, (durable, acknowledged)| Moment {
            what,
            journal: read(path),
            durable,
            store: committed.clone(),
            acknowledged,
        };
        if what == "publish" {
            moments.push(moment(format!("{number}: in the middle of a publication"), before));
        }
        moments.push(moment(
            format!("{number}: behind {what}"),
            (synced::length(), writers.acknowledged.clone()),
        ));
    }
    moments
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_default()
}

/// What the disk may have of the journal.
fn remains(moment: &Moment, dice: &mut Dice) -> Vec<(String, Vec<u8>)> {
    let (all, durable) = (&moment.journal, moment.durable);
    let tail = all.len() - durable;
    let mut remains = vec![("all of it".to_owned(), all.clone())];
    if tail == 0 {
        return remains;
    }
    let somewhere = |dice: &mut Dice| durable + dice.below(tail as u64) as usize;
    let zeros = |from: usize| [&all[..from], &vec![0; all.len() - from]].concat();
    remains.push(("nothing of the tail".to_owned(), all[..durable].to_vec()));
    remains.push(("zeros for a tail".to_owned(), zeros(durable)));
    let (cut, zero) = (somewhere(dice), somewhere(dice));
    remains.push((format!("the first {cut} octets"), all[..cut].to_vec()));
    remains.push((format!("zeros from {zero} on"), zeros(zero)));
    let mut torn = all.clone();
    for (number, sector) in torn.chunks_mut(SECTOR).enumerate() {
        if dice.below(2) == 0 {
            let begin = durable.saturating_sub(number * SECTOR).min(sector.len());
            sector[begin..].fill(0);
        }
    }
    remains.push(("some sectors".to_owned(), torn));
    remains
}

/// The power comes back: node and producer go on.
fn go_on(path: &Path, moment: &Moment, journal: &[u8], cut: &str) {
    // In place, so that it is the file that was read before.
    let file = fs::OpenOptions::new().write(true).truncate(true).open(path).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, journal, 0).unwrap();
    let mut node = Node::start(path, &moment.store);
    assert!(node.applied_to() <= journal.len() as u64, "{cut}: a position behind the file's end");
    node.read();
    node.apply();
    let mut writers = Writers::go_on(path, &moment.acknowledged);
    writers.publish();
    node.read();
    node.commit();
    writers.publish();
    node.read();
    node.apply();
    node.check(&writers.acknowledged, cut);
    let mut fresh = Node::start(path, &[]);
    fresh.read();
    fresh.apply();
    fresh.check(&writers.acknowledged, cut);
    assert_eq!(node.zones(), fresh.zones(), "{cut}");
}

#[test]
fn whatever_is_left_of_an_unsynced_tail_nothing_acknowledged_is_lost_and_nothing_doubled() {
    let times = std::env::var("STREAM_DNS_FAULTS").map_or(1, |text| text.parse().unwrap());
    // The same life for each thread, on a file of its own: a position knows its file. A writer that finds a line without
    // its end waits for the rest of it, which is what takes the time.
    let lives = (0..THREADS).map(|_| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        let moments = moments(&path, STEPS * times);
        (folder, path, moments)
    });
    let lives: Vec<_> = lives.collect();
    let cuts: usize = std::thread::scope(|scope| {
        let life = |(thread, (_, path, moments)): (usize, &(tempfile::TempDir, PathBuf, Vec<Moment>))| {
            let own = moments.iter().enumerate().skip(thread).step_by(THREADS);
            own.map(|(number, moment)| cut(path, number as u64, moment)).sum::<usize>()
        };
        let threads: Vec<_> = lives.iter().enumerate().map(|own| scope.spawn(move || life(own))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    let moments = &lives[0].2;
    let tails = moments.iter().filter(|moment| moment.journal.len() > moment.durable).count();
    println!("{} moments, {tails} of them with an unsynced tail; {cuts} power cuts", moments.len());
    assert!(tails * 3 > moments.len() && cuts > 3 * moments.len());
}

/// Cuts the power at a moment, in each way. Returns how many those were.
fn cut(path: &Path, number: u64, moment: &Moment) -> usize {
    let remains = remains(moment, &mut Dice(number + 1));
    for (fate, journal) in &remains {
        let Moment { what, journal: all, durable, .. } = moment;
        let cut = format!("{what}; of {} octets, {durable} of them synced, the disk has {fate}", all.len());
        go_on(path, moment, journal, &cut);
    }
    remains.len()
}
