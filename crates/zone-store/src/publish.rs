//! Handing catalogues to listeners, and taking them back.

use messages::{CatalogPublished, Recipient, Snapshot};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};
use zone_model::Catalog;

/// Numbers catalogues and hands them to every listener.
///
/// A listener whose mailbox is full gets the newest catalogue later, and those in between never: nothing
/// piles up. The first from which it may answer a listener says to have taken up, and gets no other before.
/// Catalogues that listeners are done with come back on a channel and are freed where they were
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
    /// It has not been given the last catalogue, or has not said yet that it answers.
    behind: bool,
    answers: Answers,
}

/// Whether a listener answers from a catalogue that is in service.
enum Answers {
    No,
    /// It was given the catalogue of this number, and has yet to take it up.
    Soon(u64, Pin<Box<dyn Future<Output = ()>>>),
    Yes,
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
        let listeners = listeners.into_iter().map(Listener::new).collect();
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

    /// Whether every listener answers.
    pub(crate) fn is_answered_from(&self) -> bool {
        self.was_in_service()
            && self.listeners.iter().all(|listener| matches!(listener.answers, Answers::Yes))
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
            listener.give(shown, self.number, &self.retire);
            self.full += u64::from(listener.behind && !matches!(listener.answers, Answers::Soon(..)));
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

// === impl Listener ===

impl Listener {
    fn new(recipient: Recipient<CatalogPublished>) -> Self {
        Self { recipient, behind: false, answers: Answers::No }
    }

    /// Gives it the catalogue, if it has room and is not yet to say whether it took up an earlier one.
    fn give(&mut self, shown: &Shown, number: u64, retire: &Sender<Arc<Catalog>>) {
        if let Answers::Soon(given, taken_up) = &mut self.answers {
            // The store looks again by a timer: nobody need be woken.
            if taken_up.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
                return;
            }
            self.behind = *given != number;
            self.answers = Answers::Yes;
            if !self.behind {
                return;
            }
        }
        let snapshot = Snapshot::new(Arc::clone(&shown.catalog), shown.in_service, Some(retire.clone()));
        let message = CatalogPublished { number, snapshot };
        if shown.in_service && matches!(self.answers, Answers::No) {
            let taken_up = self.recipient.send(message);
            // One that is gone is found by the next look.
            self.answers = Answers::Soon(number, Box::pin(async { taken_up.await.unwrap_or_default() }));
        } else {
            self.behind = self.recipient.try_send(message).is_err();
        }
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::No => "No",
            Self::Soon(..) => "Soon",
            Self::Yes => "Yes",
        })
    }
}
