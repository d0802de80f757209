//! A disk in memory that fails, and what is on it when the power goes.

use crate::support::Dice;
use redb::StorageBackend;
use std::io::{Error, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard};

/// Sectors are written whole or not at all.
const SECTOR: usize = 512;

/// What happens at an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It fails, and so do the next: this many in all.
    Fails(u64),
    /// The power goes; what becomes of everything that was not synced.
    Cut(Fate),
}

/// What becomes of everything that was not synced when the power goes, the operation in hand included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// All of it is on the platter, as after `kill -9`.
    Kept,
    /// None of it is.
    Forgotten,
    /// Any subset of the operations is.
    Some(u64),
    /// Any subset of the sectors is.
    Torn(u64),
}

/// Which operations are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    /// Those that change the disk: writes, lengths, syncs.
    Changes,
    /// Reads.
    Reads,
}

#[derive(Debug)]
struct State {
    /// What the program sees.
    cached: Vec<u8>,
    /// What is on the platter for certain.
    durable: Vec<u8>,
    /// What was done since.
    unsynced: Vec<Unsynced>,
    counted: Counted,
    operations: u64,
    /// What is to happen, and at which operation.
    fault: Option<(u64, Fault)>,
    /// Nothing is counted for now.
    paused: bool,
    /// The power is gone.
    dead: bool,
}

#[derive(Debug)]
enum Unsynced {
    Length(usize),
    Write(usize, Vec<u8>),
}

/// The disk. Clones are the same disk.
#[derive(Clone, Debug)]
pub(crate) struct Disk(Arc<Mutex<State>>);

// === impl Disk ===

impl Disk {
    /// A disk with this on it, which does as it should.
    pub(crate) fn new(image: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(State {
            cached: image.clone(),
            durable: image,
            unsynced: Vec::new(),
            counted: Counted::Changes,
            operations: 0,
            fault: None,
            paused: false,
            dead: false,
        })))
    }

    /// From now on `operations` of this kind go well, and at the one behind them this happens.
    pub(crate) fn arm(&self, counted: Counted, operations: u64, fault: Fault) {
        let mut state = self.state();
        (state.counted, state.operations, state.fault) = (counted, 0, Some((operations + 1, fault)));
    }

    /// Stops counting operations, or goes on.
    pub(crate) fn pause(&self, paused: bool) {
        self.state().paused = paused;
    }

    /// Whether what was to happen has.
    pub(crate) fn has_happened(&self) -> bool {
        let state = self.state();
        state.fault.is_some_and(|(at, _)| state.operations >= at)
    }

    /// How many operations have failed.
    pub(crate) fn failures(&self) -> u64 {
        let state = self.state();
        match state.fault {
            Some((at, Fault::Fails(times))) => (state.operations + 1).saturating_sub(at).min(times),
            _ => 0,
        }
    }

    /// Whether the power is gone.
    pub(crate) fn is_dead(&self) -> bool {
        self.state().dead
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// What is on the platter now that the power is gone; what a program sees where it is not.
    pub(crate) fn platter(&self) -> Vec<u8> {
        let state = self.state();
        let Some((_, Fault::Cut(fate))) = state.fault.filter(|_| state.dead) else {
            return state.cached.clone();
        };
        let mut dice = match fate {
            Fate::Kept | Fate::Forgotten => Dice(1),
            Fate::Some(seed) | Fate::Torn(seed) => Dice(seed),
        };
        let mut is_kept = || match fate {
            Fate::Kept => true,
            Fate::Forgotten => false,
            Fate::Some(_) | Fate::Torn(_) => dice.below(2) == 0,
        };
        let unit = if matches!(fate, Fate::Torn(_)) { SECTOR } else { usize::MAX };
        let mut image = state.durable.clone();
        for own in &state.unsynced {
            match own {
                Unsynced::Length(length) if is_kept() => image.resize(*length, 0),
                Unsynced::Length(_) => {}
                Unsynced::Write(offset, bytes) => {
                    let (mut from, end) = (*offset, offset + bytes.len());
                    while from < end {
                        let to = (from / unit + 1).saturating_mul(unit).min(end);
                        if is_kept() {
                            // A file grows as far as something was written.
                            image.resize(image.len().max(to), 0);
                            image[from..to].copy_from_slice(&bytes[from - offset..to - offset]);
                        }
                        from = to;
                    }
                }
            }
        }
        image
    }
}

impl State {
    /// Counts an operation; an error where it is the one, or the power is gone.
    fn count(&mut self, kind: Counted) -> Result<(), Error> {
        if self.dead {
            return Err(Error::from(ErrorKind::BrokenPipe));
        }
        if kind != self.counted || self.paused {
            return Ok(());
        }
        self.operations += 1;
        let Some((at, fault)) = self.fault.filter(|(at, _)| self.operations >= *at) else { return Ok(()) };
        match fault {
            Fault::Fails(times) if self.operations >= at + times => Ok(()),
            Fault::Fails(_) => Err(Error::from(ErrorKind::StorageFull)),
            Fault::Cut(_) => {
                self.dead = true;
                Err(Error::from(ErrorKind::BrokenPipe))
            }
        }
    }

    /// An operation that changes something: it is done, and where the power goes at it it may have been.
    fn change(&mut self, change: Unsynced) -> Result<(), Error> {
        let was_alive = !self.dead;
        let done = self.count(Counted::Changes);
        if done.is_ok() {
            match &change {
                Unsynced::Length(length) => self.cached.resize(*length, 0),
                Unsynced::Write(offset, bytes) => {
                    self.cached[*offset..offset + bytes.len()].copy_from_slice(bytes);
                }
            }
        }
        if done.is_ok() || was_alive && self.dead {
            self.unsynced.push(change);
        }
        done
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> Result<u64, Error> {
        Ok(self.state().cached.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), Error> {
        let mut state = self.state();
        state.count(Counted::Reads)?;
        let own = state.cached.get(offset as usize..offset as usize + out.len());
        out.copy_from_slice(own.ok_or(ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<(), Error> {
        self.state().change(Unsynced::Length(len as usize))
    }

    fn sync_data(&self) -> Result<(), Error> {
        let mut state = self.state();
        state.count(Counted::Changes)?;
        state.durable = state.cached.clone();
        state.unsynced.clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), Error> {
        self.state().change(Unsynced::Write(offset as usize, data.to_vec()))
    }
}
