//! A store's actor on an arbiter or a thread of its own.

use super::{StorePeers, ZoneStore};
use crate::config::StoreConfig;
use crate::error::StoreError;
use crate::store::Store;
use actix::prelude::*;
use messages::Shutdown;
use tokio::sync::oneshot;

/// A store's actor on an arbiter of its own.
#[derive(Debug)]
pub struct Running {
    /// Where it is reached.
    pub address: Addr<ZoneStore>,
    arbiter: Arbiter,
}

/// A store's actor on a thread of its own, for a program that is not built on actix.
#[derive(Debug)]
pub struct Handle {
    address: Addr<ZoneStore>,
    stop: oneshot::Sender<()>,
    thread: std::thread::JoinHandle<()>,
}

// === impl ZoneStore ===

impl ZoneStore {
    /// Opens the store on a new arbiter and starts its actor there. Returns when the store is loaded; the
    /// first catalogue is published then.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be opened.
    pub async fn start_on_arbiter(config: StoreConfig, peers: StorePeers) -> Result<Running, StoreError> {
        let arbiter = Arbiter::new();
        let (tell, told) = oneshot::channel();
        arbiter.spawn_fn(move || {
            let opened = Store::open(uncollected(&config));
            let _ = tell.send(opened.map(|store| Self::new(uncollected(&config), store, peers).start()));
        });
        match told.await {
            Ok(Ok(address)) => Ok(Running { address, arbiter }),
            failed => {
                arbiter.stop();
                let _ = arbiter.join();
                let panicked = || StoreError::Corrupt("its thread panicked while it was opened".to_owned());
                Err(failed.ok().and_then(Result::err).unwrap_or_else(panicked))
            }
        }
    }
}

// === impl Running ===

impl Running {
    /// Waits until everything sent before is handled and committed, then ends the arbiter and its thread.
    pub async fn stop(self) {
        // An actor that is gone has stopped.
        let _ = self.address.send(Shutdown).await;
        self.arbiter.stop();
        let _ = self.arbiter.join();
    }
}

// === impl Handle ===

/// Opens a store and runs its actor on a thread of its own, with its own actix system: for a program that is
/// not built on actix. Blocks until the store is loaded.
///
/// # Errors
/// [`StoreError`] where the store cannot be opened.
pub fn spawn_standalone(config: StoreConfig, peers: StorePeers) -> Result<Handle, StoreError> {
    // A channel of std's: the host may be a runtime, in which tokio's must not be waited for like this.
    let (tell, told) = std::sync::mpsc::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let thread = std::thread::Builder::new().name("zone-store".to_owned()).spawn(move || {
        System::new().block_on(async move {
            let config = uncollected(&config);
            let store = match Store::open(config.clone()) {
                Ok(store) => store,
                Err(error) => return drop(tell.send(Err(error))),
            };
            let address = ZoneStore::new(config, store, peers).start();
            let _ = tell.send(Ok(address.clone()));
            // A handle that is dropped stops the store as one that is told to.
            let _ = stopped.await;
            let _ = address.send(Shutdown).await;
        });
    });
    let crashed = || StoreError::Corrupt("its thread ended while it was opened".to_owned());
    let thread = thread.map_err(|_| crashed())?;
    let address = told.recv().map_err(|_| crashed())??;
    Ok(Handle { address, stop, thread })
}

impl Handle {
    /// Where the actor is reached, from any thread and any runtime.
    pub fn address(&self) -> &Addr<ZoneStore> {
        &self.address
    }

    /// Waits until everything sent before is handled and committed. Blocks.
    pub fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.thread.join();
    }
}

/// Nobody asks the actor for changes, so they are not copied.
fn uncollected(config: &StoreConfig) -> StoreConfig {
    StoreConfig { collect_changes: false, ..config.clone() }
}
