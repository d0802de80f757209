//! "Exactly once" on a disk that fails, tears and forgets, at every operation (DESIGN, "Exactly once").
//!
//! A workload of commits, with a rebuild in the middle, is run on a disk that counts what is done to it. Then it
//! is run again for every N, and at the Nth operation
//!
//! - the disk *fails*, once or some times: the store goes on by itself;
//! - *the power goes*: of everything that was not synced all, none, some operations or some sectors are on the
//!   platter.
//!
//! After a power cut the store is opened again: it holds exactly what the log says up to its positions, no
//! commit that had returned is missing, and reading on from there leads to the end, no event lost or doubled.
//!
//! `STREAM_DNS_FAULTS` multiplies all of it, for a run that is recorded: so many times as many batches at every
//! operation, and so many times 100 histories of random faults. Each failure names its fault.
#![allow(clippy::disallowed_types, reason = "a disk is shared by its clones, and here it is memory")]

mod disk;
#[path = "../support/mod.rs"]
mod support;
mod workload;

use disk::{Counted, Disk, Fate, Fault};
use support::Dice;
use workload::{Workload, config};
use zone_store::{Store, StoreConfig};

/// Batches of a workload that changes the disk some hundred times, and of one that reads it so often.
const BATCHES: usize = 18;
const BATCHES_READ: usize = 7;

/// How many times as much is done as in CI.
fn times() -> usize {
    let times = std::env::var("STREAM_DNS_FAULTS").ok();
    times.map_or(1, |text| text.parse().expect("STREAM_DNS_FAULTS is a number"))
}

/// A node's life: its store, the disk under it, and what it was promised.
struct Life<'a> {
    workload: &'a Workload,
    disk: Disk,
    /// Batches that are on the disk for certain.
    committed: usize,
}

// === impl Life ===

impl<'a> Life<'a> {
    fn new(workload: &'a Workload) -> Self {
        Self { workload, disk: Disk::new(Vec::new()), committed: 0 }
    }

    /// Starts the node; `None` where the disk does not let it.
    fn start(&mut self) -> Option<Store> {
        let store = loop {
            let before = self.disk.failures();
            match Store::open_backend(config(), self.disk.clone()) {
                Ok(store) => break store,
                Err(_) if self.disk.is_dead() => return None,
                // Somebody starts it again, and at some time the disk works again.
                Err(_) if self.disk.failures() > before => {}
                Err(error) => {
                    // The file was never finished.
                    assert_eq!(self.committed, 0, "what was committed cannot be read any more: {error}");
                    break self.begin_anew();
                }
            }
        };
        let served = self.check(&store);
        assert!(
            served >= self.committed,
            "{} batches were committed, and {served} are there",
            self.committed
        );
        Some(store)
    }

    /// What a file with this content leads to: it is set aside, and the node is not kept down.
    fn begin_anew(&mut self) -> Store {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.redb");
        std::fs::write(&path, self.disk.platter()).unwrap();
        let store = Store::open(StoreConfig { path: Some(path), ..config() }).unwrap();
        assert!(store.set_aside().is_some() && store.status(0).slots == 0);
        self.disk = Disk::new(Vec::new());
        Store::open_backend(config(), self.disk.clone()).unwrap()
    }

    /// Looks at what the store holds, on a disk that works meanwhile.
    fn check(&self, store: &Store) -> usize {
        self.disk.pause(true);
        let served = self.workload.check(store);
        self.disk.pause(false);
        served
    }

    /// Lives until everything is done, or the power goes: false.
    fn live(&mut self) -> bool {
        let Some(mut store) = self.start() else { return false };
        let mut failures = 0;
        loop {
            let before = self.workload.served(&store);
            let done = self.workload.drive(&mut store, &mut self.committed);
            if self.disk.is_dead() {
                return false;
            }
            assert!(self.workload.check_answers(&store) >= before, "what is served stays served");
            match done {
                Ok(()) => {
                    assert_eq!(self.check(&store), self.workload.batches.len());
                    return true;
                }
                // A failure that passes: what is applied stays, and the same store goes on.
                Err(error) => {
                    failures += 1;
                    assert!(failures < 40, "a disk that works again is used again: {error}");
                }
            }
        }
    }

    /// The power comes back.
    fn restart(&mut self) {
        self.disk = Disk::new(self.disk.platter());
    }

    /// The node is stopped and started once more: what it says then is what it said.
    fn end(mut self) {
        self.restart();
        self.committed = self.workload.batches.len();
        assert!(self.live());
    }
}

/// One fault, at every operation of this kind. Returns how many there were.
fn at_every_operation(counted: Counted, fault: impl Fn(u64) -> Fault) -> u64 {
    let batches = if counted == Counted::Reads { BATCHES_READ } else { BATCHES };
    let workload = Workload::new(batches * times());
    for at in 0.. {
        let mut life = Life::new(&workload);
        life.disk.arm(counted, at, fault(at));
        let (disk, went_through) = (life.disk.clone(), life.live());
        if !disk.has_happened() {
            assert!(went_through);
            println!("{counted:?}, {:?}: {at} operations, each of which was the one", fault(at));
            assert!(times() > 1 || (100..=500).contains(&at), "{at} operations");
            return at;
        }
        if !went_through {
            life.restart();
            assert!(life.live(), "operation {at}, {:?}", fault(at));
        }
        life.end();
    }
    unreachable!()
}

#[test]
fn a_change_that_fails() {
    at_every_operation(Counted::Changes, |_| Fault::Fails(1));
}

#[test]
fn changes_that_fail_for_a_while() {
    at_every_operation(Counted::Changes, |at| Fault::Fails(2 + at % 13));
}

#[test]
fn a_read_that_fails() {
    at_every_operation(Counted::Reads, |at| Fault::Fails(1 + at % 3));
}

#[test]
fn a_crash_that_keeps_everything() {
    at_every_operation(Counted::Changes, |_| Fault::Cut(Fate::Kept));
}

#[test]
fn a_power_cut_that_forgets_everything() {
    at_every_operation(Counted::Changes, |_| Fault::Cut(Fate::Forgotten));
}

#[test]
fn a_power_cut_that_forgets_some_operations() {
    at_every_operation(Counted::Changes, |at| Fault::Cut(Fate::Some(at + 1)));
}

#[test]
fn a_power_cut_that_tears() {
    at_every_operation(Counted::Changes, |at| Fault::Cut(Fate::Torn(at + 1)));
}

/// Fault upon fault, also while the store is opened after the one before.
#[test]
fn histories_of_random_faults() {
    let workload = Workload::new(BATCHES);
    let (mut lives, mut faults) = (0, 0);
    for seed in 1..=100 * times() as u64 {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut life = Life::new(&workload);
        for left in (0..1 + dice.below(8)).rev() {
            let counted = if dice.below(4) == 0 { Counted::Reads } else { Counted::Changes };
            let chance = dice.next();
            let fault = match dice.below(6) {
                0 => Fault::Fails(1 + chance % 20),
                1 => Fault::Cut(Fate::Kept),
                2 => Fault::Cut(Fate::Forgotten),
                3 => Fault::Cut(Fate::Some(chance)),
                _ => Fault::Cut(Fate::Torn(chance)),
            };
            life.disk.arm(counted, dice.below(120), fault);
            let went_through = life.live();
            (lives, faults) = (lives + 1, faults + u64::from(life.disk.has_happened()));
            life.restart();
            if went_through || left == 0 {
                break;
            }
        }
        assert!(life.live(), "seed {seed}");
        life.end();
    }
    println!("{} histories, {lives} lives, {faults} faults", 100 * times());
}
