//! Following logs without an actor system: for a plain `fn main`.

use crate::batch::Batch;
use crate::config::{BatchConfig, ConsumerConfig};
use crate::error::OpenError;
use crate::reader::{Reader, ReaderStatus};
use crate::source::SourceSpec;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;
use tokio::sync::watch;
use zone_model::{Partition, Position, SourceId};

/// Reads sources, each on a thread of its own, and hands out their batches.
///
/// Whoever applies a batch keeps its positions with what it changed, and opens the next follower behind them:
/// then each event is applied once. Dropping a follower ends its threads.
#[derive(Debug)]
pub struct Follower {
    batches: Receiver<Batch>,
    readers: Vec<(SourceId, Reader)>,
}

// === impl Follower ===

impl Follower {
    /// Follows the configured sources behind these positions; from the beginning where there is none.
    ///
    /// # Errors
    /// [`OpenError`] for settings that cannot be used. A log that cannot be reached is waited for.
    pub fn open(
        config: &ConsumerConfig,
        positions: &[(SourceId, Partition, Position)],
    ) -> Result<Self, OpenError> {
        config.validate()?;
        let every = config.batch.in_step_every();
        let specs = config.sources.iter().map(|source| SourceSpec::configured(source, every));
        Self::of(specs.collect::<Result<_, _>>()?, &config.batch, positions)
    }

    /// Follows these sources behind these positions.
    ///
    /// # Errors
    /// [`OpenError::Client`] where no thread can be made.
    pub fn of(
        specs: Vec<SourceSpec>,
        batch: &BatchConfig,
        positions: &[(SourceId, Partition, Position)],
    ) -> Result<Self, OpenError> {
        let (sender, batches) = sync_channel(1);
        let mut readers = Vec::with_capacity(specs.len());
        for spec in specs {
            let id = spec.id().clone();
            let own =
                positions.iter().filter(|(source, ..)| *source == id).map(|(_, p, position)| (*p, *position));
            let reader = Reader::start(spec, own.collect(), batch.clone(), sender.clone())
                .map_err(|error| OpenError::Client(error.to_string()))?;
            readers.push((id, reader));
        }
        Ok(Self { batches, readers })
    }

    /// The next batch; `None` when none came in time, or none will come any more: then each
    /// [`status`](Self::status) says why its source ended.
    pub fn next_batch(&mut self, timeout: Duration) -> Option<Batch> {
        self.batches.recv_timeout(timeout).ok()
    }

    /// How reading goes, source by source.
    pub fn status(&self) -> Vec<(SourceId, ReaderStatus)> {
        let status = |reader: &Reader| watch::Receiver::borrow(&reader.status()).clone();
        self.readers.iter().map(|(id, reader)| (id.clone(), status(reader))).collect()
    }

    /// Whether all sources have ended, so that nothing more will come.
    pub fn is_over(&self) -> bool {
        self.readers.iter().all(|(_, reader)| reader.status().borrow().ended.is_some())
    }

    /// Ends the threads and waits for them.
    pub fn close(self) {
        drop(self.batches);
        self.readers.into_iter().for_each(|(_, reader)| reader.stop());
    }
}
