//! Sockets: how octets come in and answers leave. Everything here runs on one listener's thread.

pub(crate) mod bind;
mod connection;
mod framing;
pub(crate) mod queue;
mod recursion;
pub(crate) mod seats;
pub(crate) mod tcp;
pub(crate) mod udp;

#[cfg(target_os = "linux")]
mod batch_linux;
#[cfg(not(target_os = "linux"))]
mod batch_portable;
#[cfg(target_os = "linux")]
mod options_linux;

#[cfg(target_os = "linux")]
pub(crate) use batch_linux::{Batch, send_one};
#[cfg(not(target_os = "linux"))]
pub(crate) use batch_portable::{Batch, send_one};

use crate::config::WireConfig;
use crate::listener::Listener;
use messages::{Permits, Recipient, Resolve};
use seats::Seats;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;
use zone_model::Timestamp;

/// How long a stopping listener looks for what had arrived on a stream: time for the kernel to tell.
pub(crate) const LAST_LOOK: Duration = Duration::from_millis(20);

/// What the tasks of one listener's thread have in common.
pub(crate) struct Shared {
    pub(crate) listener: RefCell<Listener>,
    pub(crate) config: WireConfig,
    pub(crate) resolver: Option<Recipient<Resolve>>,
    pub(crate) places: Permits,
    /// True from the moment at which nothing new is taken any more.
    pub(crate) stopping: watch::Receiver<bool>,
    /// Tasks that still have something to answer.
    pub(crate) busy: Cell<usize>,
    /// Those of all listeners.
    pub(crate) seats: Seats,
}

/// Counts a task as busy for as long as it lives.
pub(crate) struct Busy(Rc<Shared>);

// === impl Busy ===

impl Busy {
    pub(crate) fn new(shared: &Rc<Shared>) -> Self {
        shared.busy.set(shared.busy.get() + 1);
        Self(Rc::clone(shared))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.set(self.0.busy.get() - 1);
    }
}

/// The present.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
