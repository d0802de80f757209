//! Values that settle an account when they are dropped, wherever the message that carries them ends.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zone_model::Catalog;

/// One place in a bounded queue. Dropping it, handled or not, gives the place back.
#[derive(Debug)]
pub struct Permit(#[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit);

/// The places of a bounded queue: what a sender takes its [`Permit`]s from.
#[derive(Clone, Debug)]
pub struct Permits(Arc<Semaphore>);

/// A published catalogue, held by one listener.
///
/// When it is dropped the catalogue goes back to the thread that made it and is freed there, so that no
/// query waits for a large structure to be taken apart. Where nobody takes it back it is freed in place.
pub struct Snapshot {
    catalog: Option<Arc<Catalog>>,
    in_service: bool,
    retired: Option<Sender<Arc<Catalog>>>,
}

// === impl Permits ===

impl Permits {
    /// A queue of `places` places.
    pub fn new(places: usize) -> Self {
        Self(Arc::new(Semaphore::new(places)))
    }

    /// Takes a place if one is free.
    pub fn try_take(&self) -> Option<Permit> {
        Arc::clone(&self.0).try_acquire_owned().ok().map(Permit)
    }

    /// Waits for a place.
    pub async fn take(&self) -> Permit {
        match Arc::clone(&self.0).acquire_owned().await {
            Ok(permit) => Permit(permit),
            // The semaphore is private to this type, which never closes it.
            Err(_) => std::future::pending().await,
        }
    }

    /// How many places are free.
    pub fn free(&self) -> usize {
        self.0.available_permits()
    }
}

// === impl Snapshot ===

impl Snapshot {
    /// A snapshot whose catalogue is handed to `retired` when the listener is done with it.
    ///
    /// `in_service` is false until the node has been in step with its log once: until then it answers
    /// SERVFAIL, never NXDOMAIN from half a zone.
    pub fn new(catalog: Arc<Catalog>, in_service: bool, retired: Option<Sender<Arc<Catalog>>>) -> Self {
        Self { catalog: Some(catalog), in_service, retired }
    }

    /// Whether the node may answer from it.
    pub fn in_service(&self) -> bool {
        self.in_service
    }
}

impl Deref for Snapshot {
    type Target = Catalog;

    fn deref(&self) -> &Catalog {
        match &self.catalog {
            Some(catalog) => catalog,
            None => unreachable!("the catalogue is taken in `drop` alone"),
        }
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        if let (Some(catalog), Some(retired)) = (self.catalog.take(), &self.retired) {
            // An error returns the catalogue: nobody takes it back any more, and it is freed here.
            drop(retired.send(catalog));
        }
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("in_service", &self.in_service).finish_non_exhaustive()
    }
}
