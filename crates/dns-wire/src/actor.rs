//! The actix shell: one actor for each listener, on an arbiter of its own.

use crate::config::WireConfig;
use crate::counters::Lost;
use crate::error::WireError;
use crate::listener::Listener;
use crate::net::bind::{self, BoundAddresses, Sockets};
use crate::net::queue::{Queue, Waited};
use crate::net::seats::Seats;
use crate::net::{Busy, Shared, tcp, udp};
use actix::prelude::*;
use messages::{CatalogPublished, Measured, Permits, Resolve, Shutdown};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::{oneshot, watch};

/// How often what was counted is handed on.
const MEASURE: Duration = Duration::from_millis(100);
/// How long a stopping listener waits for answers that are under way.
const LAST_ANSWERS: Duration = Duration::from_secs(5);
/// Catalogues that may wait in a listener's mailbox; the store tries again with the newest when it is full.
const MAILBOX: usize = 4;
/// Polls of tasks between two looks at the sockets and at other threads' wake-ups: tokio's default of 61
/// would let a new catalogue wait for as many batches on a busy listener.
const EVENT_INTERVAL: u32 = 7;

/// The actors that a listener speaks to.
#[derive(Clone, Debug, Default)]
pub struct WirePeers {
    /// Who resolves other people's names; without it nobody recurses.
    pub resolver: Option<Recipient<Resolve>>,
    /// Who takes what was counted.
    pub measured: Option<Recipient<Measured>>,
}

/// Listeners whose sockets are bound and that do not run yet.
#[derive(Debug)]
pub struct BoundWire {
    config: WireConfig,
    sockets: Vec<Sockets>,
    addresses: BoundAddresses,
}

/// Running listeners.
#[derive(Debug)]
pub struct Wire {
    listeners: Vec<Addr<ListenerActor>>,
    arbiters: Vec<Arbiter>,
    addresses: BoundAddresses,
}

/// One listener: an actor that keeps the catalogue its thread answers from.
pub struct ListenerActor {
    shared: Rc<Shared>,
    sockets: Sockets,
    /// One for each UDP socket.
    queues: Vec<Queue>,
    stop: watch::Sender<bool>,
    measured: Option<Recipient<Measured>>,
}

/// Binds the sockets of all listeners. Nothing is read from them before [`BoundWire::start`].
///
/// # Errors
/// [`WireError`] where there is nothing to listen on or an address cannot be bound.
pub fn bind(config: WireConfig) -> Result<BoundWire, WireError> {
    let listeners = match config.listeners {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        listeners => listeners,
    };
    let (sockets, addresses) = bind::bind(&config, listeners)?;
    Ok(BoundWire { config, sockets, addresses })
}

// === impl BoundWire ===

impl BoundWire {
    /// The addresses, with the ports that were taken.
    pub fn addresses(&self) -> &BoundAddresses {
        &self.addresses
    }

    /// Starts the listeners, each on an arbiter of its own; they answer SERVFAIL until they are sent a
    /// catalogue. Must be called within an actix system.
    ///
    /// # Errors
    /// [`WireError::Thread`] where a listener could not be started on its thread.
    pub async fn start(self, peers: WirePeers) -> Result<Wire, WireError> {
        let (mut listeners, mut arbiters) = (Vec::new(), Vec::new());
        let seats = Seats::new(self.config.tcp_connections, self.config.tcp_connections_per_client);
        for sockets in self.sockets {
            let arbiter = Arbiter::with_tokio_rt(|| match runtime() {
                Ok(runtime) => runtime,
                // The thread ends here, and the start below reports it.
                Err(error) => panic!("cannot make a listener's runtime: {error}"),
            });
            let (config, peers, seats) = (self.config.clone(), peers.clone(), seats.clone());
            let (started, starting) = oneshot::channel();
            arbiter.spawn(async move {
                // An error says that nobody waits any more.
                let _ = started.send(ListenerActor::new(&config, sockets, peers, seats).start());
            });
            let stopped = |_| WireError::Thread(std::io::Error::other("it ended before it began"));
            listeners.push(starting.await.map_err(stopped)?);
            arbiters.push(arbiter);
        }
        Ok(Wire { listeners, arbiters, addresses: self.addresses })
    }
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .event_interval(EVENT_INTERVAL)
        .global_queue_interval(EVENT_INTERVAL)
        .build()
}

// === impl Wire ===

impl Wire {
    /// The addresses that are listened on.
    pub fn addresses(&self) -> &BoundAddresses {
        &self.addresses
    }

    /// Who takes new catalogues.
    pub fn catalogs(&self) -> Vec<Recipient<CatalogPublished>> {
        self.listeners.iter().map(|listener| listener.clone().recipient()).collect()
    }

    /// Whether every listener is alive.
    pub fn is_alive(&self) -> bool {
        self.listeners.iter().all(Addr::connected)
    }

    /// Takes nothing new, answers what has arrived, and ends the listeners' threads.
    pub async fn shutdown(self) {
        let stopping: Vec<_> = self.listeners.iter().map(|listener| listener.send(Shutdown)).collect();
        for stopped in stopping {
            if let Err(error) = stopped.await {
                tracing::warn!(%error, "a listener was gone before it was stopped");
            }
        }
        for arbiter in self.arbiters {
            arbiter.stop();
            if arbiter.join().is_err() {
                tracing::warn!("a listener's thread ended in a panic");
            }
        }
    }
}

// === impl ListenerActor ===

impl ListenerActor {
    fn new(config: &WireConfig, sockets: Sockets, peers: WirePeers, seats: Seats) -> Self {
        let (stop, stopping) = watch::channel(false);
        let shared = Shared {
            listener: RefCell::new(Listener::new(config, peers.resolver.is_some())),
            config: config.clone(),
            resolver: peers.resolver,
            places: Permits::new(config.recursion_places),
            stopping,
            busy: Cell::new(0),
            seats,
        };
        Self { shared: Rc::new(shared), sockets, queues: Vec::new(), stop, measured: peers.measured }
    }

    fn measure(&mut self) {
        let counters = &mut self.shared.listener.borrow_mut().counters;
        for queue in &mut self.queues {
            counters.lost_many(Lost::Unread, queue.look().into());
        }
        let samples = counters.take();
        if let (Some(measured), false) = (&self.measured, samples.is_empty()) {
            measured.do_send(Measured { samples });
        }
    }
}

impl Actor for ListenerActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.set_mailbox_capacity(MAILBOX);
        for socket in self.sockets.udp.drain(..) {
            let (socket, waited) = (Rc::new(socket), Waited::default());
            self.queues.push(Queue::new(&socket, waited.clone()));
            // Taken here: a shutdown may come before the task runs for the first time.
            let (shared, busy) = (Rc::clone(&self.shared), Busy::new(&self.shared));
            tokio::task::spawn_local(async move {
                if let Err(error) = udp::serve(socket, waited, shared, busy).await {
                    tracing::error!(%error, "a UDP socket can be served no longer");
                }
            });
        }
        for socket in self.sockets.tcp.drain(..) {
            let (shared, busy) = (Rc::clone(&self.shared), Busy::new(&self.shared));
            tokio::task::spawn_local(async move {
                if let Err(error) = tcp::serve(socket, shared, busy).await {
                    tracing::error!(%error, "a TCP socket can be served no longer");
                }
            });
        }
        ctx.run_interval(MEASURE, |own, _| own.measure());
    }
}

impl Handler<CatalogPublished> for ListenerActor {
    type Result = ();

    fn handle(&mut self, published: CatalogPublished, _: &mut Context<Self>) {
        self.shared.listener.borrow_mut().publish(published.snapshot);
    }
}

impl Handler<Shutdown> for ListenerActor {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, _: Shutdown, _: &mut Context<Self>) -> Self::Result {
        // The last look at what was dropped: what comes from now on is not taken any more.
        self.measure();
        self.stop.send_replace(true);
        let shared = Rc::clone(&self.shared);
        let done = async move {
            let until = tokio::time::Instant::now() + LAST_ANSWERS;
            while shared.busy.get() > 0 && tokio::time::Instant::now() < until {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            shared.busy.get()
        };
        Box::pin(done.into_actor(self).map(|left, own, ctx| {
            if left > 0 {
                tracing::warn!(left, "answers were still under way when a listener had to stop");
            }
            own.measure();
            ctx.stop();
        }))
    }
}

impl std::fmt::Debug for ListenerActor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ListenerActor").finish_non_exhaustive()
    }
}
