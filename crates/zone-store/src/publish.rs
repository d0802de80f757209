//! Handing catalogues to listeners, and taking them back.

use messages::{CatalogPublished, Recipient, Snapshot};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};
use zone_model::Catalog;

/// Numbers catalogues and hands them to every listener.
///
/// A listener whose mailbox is full gets the newest catalogue later, and those in between never: nothing
/// piles up. Catalogues that listeners are done with come back on a channel and are freed where they were
/// made.
#[derive(Debug)]
pub(crate) struct Publisher {
    listeners: Vec<Listener>,
    /// The last catalogue that was published.
    shown: Option<Shown>,
    number: u64,
    retire: Sender<Arc<Catalog>>,
    retired: Receiver<Arc<Catalog>>,
    /// How often a listener's mailbox was full, since it was last asked for.
    full: u64,
}

#[derive(Debug)]
struct Listener {
    recipient: Recipient<CatalogPublished>,
    /// It has not been given the last catalogue.
    behind: bool,
}

#[derive(Debug)]
struct Shown {
    catalog: Arc<Catalog>,
    in_service: bool,
    at: Instant,
}

// === impl Publisher ===

impl Publisher {
    pub(crate) fn new(listeners: Vec<Recipient<CatalogPublished>>) -> Self {
        let (retire, retired) = channel();
        let listeners =
            listeners.into_iter().map(|recipient| Listener { recipient, behind: false }).collect();
        Self { listeners, shown: None, number: 0, retire, retired, full: 0 }
    }

    /// The number of the last catalogue; 0 before the first.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Whether a catalogue was published from which the node may answer.
    pub(crate) fn was_in_service(&self) -> bool {
        self.shown.as_ref().is_some_and(|shown| shown.in_service)
    }

    /// How long to wait until `every` has passed since the last publication.
    pub(crate) fn wait(&self, every: Duration, now: Instant) -> Duration {
        self.shown.as_ref().map_or(Duration::ZERO, |shown| every.saturating_sub(now.duration_since(shown.at)))
    }

    pub(crate) fn publish(&mut self, catalog: &Catalog, in_service: bool, now: Instant) {
        self.number += 1;
        self.shown = Some(Shown { catalog: Arc::new(catalog.clone()), in_service, at: now });
        self.listeners.iter_mut().for_each(|listener| listener.behind = true);
        self.catch_up();
        self.free();
    }

    /// Tries again where a mailbox was full; whether one still is.
    pub(crate) fn catch_up(&mut self) -> bool {
        let Some(shown) = &self.shown else { return false };
        self.listeners.retain(|listener| listener.recipient.connected());
        for listener in self.listeners.iter_mut().filter(|listener| listener.behind) {
            let snapshot =
                Snapshot::new(Arc::clone(&shown.catalog), shown.in_service, Some(self.retire.clone()));
            listener.behind =
                listener.recipient.try_send(CatalogPublished { number: self.number, snapshot }).is_err();
            self.full += u64::from(listener.behind);
        }
        self.is_behind()
    }

    /// Whether a listener has not been given the last catalogue.
    pub(crate) fn is_behind(&self) -> bool {
        self.listeners.iter().any(|listener| listener.behind)
    }

    /// Frees the catalogues that came back.
    pub(crate) fn free(&mut self) {
        self.retired.try_iter().for_each(drop);
    }

    /// How often a mailbox was full since the last time.
    pub(crate) fn take_full(&mut self) -> u64 {
        std::mem::take(&mut self.full)
    }
}
