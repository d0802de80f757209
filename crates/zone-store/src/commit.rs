//! Commits: what of the store goes to redb in one transaction.

use crate::changes::Change;
use crate::disk::{COPIES, DIGESTS, IN_STEP, META, POSITIONS, QUARANTINE, RECENT, ROWS, SOURCES, storage};
use crate::error::StoreError;
use crate::layers::Layer;
use crate::piece::Key;
use crate::recent::{self, Plan};
use redb::{Database, StorageError, WriteTransaction};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How long a commit works for each of its rows before it lets others pass. Where they fill the processor that takes some
/// milliseconds each time, and the next commit grows by what comes meanwhile: a large one does it no more often than
/// one of fifty rows.
const PER_ROW: Duration = Duration::from_micros(2);
/// Others who took longer than this of a commit's time, when they were let pass, want the processor.
const LONG: Duration = Duration::from_micros(100);

/// A commit that is ready to be made, on any thread: it may take as long as the disk takes.
#[derive(Debug)]
pub struct CommitJob {
    pub(crate) database: Arc<Database>,
    pub(crate) layer: Arc<Layer>,
    pub(crate) plan: Arc<Plan>,
    pub(crate) path: PathBuf,
}

/// What came of a [`CommitJob`]; to be handed to [`Store::end_commit`](crate::Store::end_commit).
#[derive(Debug)]
pub struct Committed {
    pub(crate) result: Result<(), StoreError>,
    /// Whether others wanted the processor meanwhile.
    pub(crate) crowded: bool,
}

// === impl CommitJob ===

impl CommitJob {
    /// Writes everything in one transaction and waits until it is on the disk.
    pub fn run(self) -> Committed {
        let result = self.commit().map_err(|error| storage(&self.path, error));
        Committed { result, crowded: messages::passed() > LONG }
    }

    /// It cannot even be begun.
    pub(crate) fn refused(&self, error: std::io::Error) -> Committed {
        Committed { result: Err(storage(&self.path, StorageError::Io(error))), crowded: false }
    }

    /// How many rows it writes or removes: those that are appended, and those that are put in their places.
    pub fn rows(&self) -> usize {
        self.layer.rows.len() + self.plan.settled().len()
    }

    /// Whether a log is being caught up with.
    pub(crate) fn is_backlog(&self) -> bool {
        self.layer.is_backlog()
    }

    fn commit(&self) -> Result<(), redb::Error> {
        messages::work_in_portions(PER_ROW.saturating_mul(u32::try_from(self.rows()).unwrap_or(u32::MAX)));
        let transaction = self.database.begin_write()?;
        self.put_rows(&transaction)?;
        if !self.layer.quarantine.is_empty() {
            put(&mut transaction.open_table(QUARANTINE)?, &self.layer.quarantine)?;
        }
        let mut positions = transaction.open_table(POSITIONS)?;
        for ((copy, partition), position) in &self.layer.positions {
            match position {
                Some(position) => drop(positions.insert((*copy, partition.0), position.as_bytes())?),
                None => drop(positions.remove((*copy, partition.0))?),
            }
        }
        drop(positions);
        let (mut sources, mut copies) = (transaction.open_table(SOURCES)?, transaction.open_table(COPIES)?);
        for (number, copy) in &self.layer.copies {
            sources.insert(number, copy.source.as_str())?;
            copies.insert(number, (copy.role.number(), copy.decoder, copy.began.0, copy.accept_loss))?;
        }
        drop((sources, copies));
        let mut in_step = transaction.open_table(IN_STEP)?;
        for (copy, moment) in &self.layer.in_step {
            match moment {
                Some(moment) => drop(in_step.insert(copy, moment.0)?),
                None => drop(in_step.remove(copy)?),
            }
        }
        drop(in_step);
        let mut digests = transaction.open_table(DIGESTS)?;
        for (apex, digest) in &self.layer.digests {
            match digest {
                Some(digest) => drop(digests.insert(&apex[..], &digest.bytes())?),
                None => drop(digests.remove(&apex[..])?),
            }
        }
        drop(digests);
        let mut meta = transaction.open_table(META)?;
        meta.insert("zones", self.layer.zones)?;
        drop(meta);
        transaction.commit()?;
        Ok(())
    }

    fn put_rows(&self, transaction: &WriteTransaction) -> Result<(), redb::Error> {
        let settled = self.plan.settled().iter().map(|(key, change)| (key, change));
        match &*self.plan {
            Plan::InPlace { records, .. } => {
                if *records {
                    transaction.delete_table(RECENT)?;
                    transaction.open_table(RECENT)?;
                }
                let mut rows = transaction.open_table(ROWS)?;
                put(&mut rows, settled)?;
                put(&mut rows, &self.layer.rows)?;
            }
            Plan::Appended { record, dropped, .. } => {
                let mut recent = transaction.open_table(RECENT)?;
                for number in dropped.clone() {
                    recent.remove(number)?;
                }
                if let Some(record) = record {
                    recent.insert(record, &recent::record(&self.layer.rows)[..])?;
                }
                drop(recent);
                if !self.plan.settled().is_empty() {
                    put(&mut transaction.open_table(ROWS)?, settled)?;
                }
            }
        }
        Ok(())
    }
}

impl Committed {
    /// Whether everything is on the disk now.
    pub fn is_ok(&self) -> bool {
        self.result.is_ok()
    }

    /// The commit was not made: its thread panicked.
    pub fn crashed() -> Self {
        let panicked = StoreError::Corrupt("the thread that commits panicked".to_owned());
        Self { result: Err(panicked), crowded: false }
    }
}

/// Makes changes in a table, in the order in which they come.
fn put<'c>(
    table: &mut redb::Table<'_, &'static [u8], &'static [u8]>,
    changes: impl IntoIterator<Item = (&'c Key, &'c Change)>,
) -> Result<(), redb::Error> {
    for (key, change) in changes {
        messages::let_pass();
        match change {
            Some(value) => drop(table.insert(&key[..], &value[..])?),
            None => drop(table.remove(&key[..])?),
        }
    }
    Ok(())
}
