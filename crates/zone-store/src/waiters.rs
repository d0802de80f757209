//! Who waits until positions are served.

use tokio::sync::oneshot;
use zone_model::{Partition, Position, SourceId};

/// How many may wait at once; who comes then is told at once that it was not in time.
const MOST: usize = 1024;

/// Those who wait.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    waiting: Vec<Waiter>,
    next: u64,
    refused: u64,
}

#[derive(Debug)]
struct Waiter {
    number: u64,
    source: SourceId,
    positions: Vec<(Partition, Position)>,
    reply: oneshot::Sender<bool>,
}

// === impl Waiters ===

impl Waiters {
    /// Takes one in and says its number; `None` where too many wait.
    pub(crate) fn add(
        &mut self,
        source: SourceId,
        positions: Vec<(Partition, Position)>,
        reply: oneshot::Sender<bool>,
    ) -> Option<u64> {
        self.waiting.retain(|waiter| !waiter.reply.is_closed());
        if self.waiting.len() == MOST {
            self.refused += 1;
            let _ = reply.send(false);
            return None;
        }
        self.next += 1;
        self.waiting.push(Waiter { number: self.next, source, positions, reply });
        Some(self.next)
    }

    /// Tells those whose positions are all served.
    pub(crate) fn served(&mut self, at: impl Fn(&SourceId, Partition) -> Option<Position>) {
        let is_served = |waiter: &mut Waiter| {
            let reached = |(partition, position): &(Partition, Position)| {
                at(&waiter.source, *partition).is_some_and(|at| *position <= at)
            };
            waiter.positions.iter().all(reached)
        };
        for waiter in self.waiting.extract_if(.., is_served) {
            // Who does not wait any more does not mind.
            let _ = waiter.reply.send(true);
        }
    }

    /// Tells one that its time is over.
    pub(crate) fn give_up(&mut self, number: u64) {
        for waiter in self.waiting.extract_if(.., |waiter| waiter.number == number) {
            let _ = waiter.reply.send(false);
        }
    }

    /// How many were refused since the last time.
    pub(crate) fn take_refused(&mut self) -> u64 {
        std::mem::take(&mut self.refused)
    }
}
