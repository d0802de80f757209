//! The actix shell: it binds, starts the web server, and stops it.

use crate::access::Access;
use crate::config::Config;
use crate::error::{AdminError, SpawnError};
use crate::web::{self, Shared};
use actix::fut::wrap_future;
use actix::{
    Actor, ActorContext, ActorFutureExt, Addr, AsyncContext, Context, Handler, ResponseActFuture, System,
};
use actix_web::dev::ServerHandle;
use messages::{
    AwaitApplied, Draining, HoldApplied, ListZones, Measured, OpenZone, Permits, Publish, ReadDigests,
    ReadMetrics, ReadQuarantine, ReadRecords, ReadSources, ReadStoreStatus, RebuildSources, Recipient,
    Shutdown,
};
use socket2::{Domain, Protocol, Socket, Type};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread::JoinHandle;
use tokio::sync::watch;

/// Whom the interface asks. What is missing is answered with 503.
#[derive(Clone, Default)]
pub struct Peers {
    /// zone-store: the RRsets of an owner.
    pub records: Option<Recipient<ReadRecords>>,
    /// zone-store: the zones.
    pub zones: Option<Recipient<ListZones>>,
    /// zone-store: zones to be read whole.
    pub zone: Option<Recipient<OpenZone>>,
    /// zone-store: its status, which readiness needs.
    pub store: Option<Recipient<ReadStoreStatus>>,
    /// zone-store: waits until positions are served.
    pub applied: Option<Recipient<AwaitApplied>>,
    /// zone-store: the events that could not be used.
    pub quarantine: Option<Recipient<ReadQuarantine>>,
    /// zone-store: stands still, to be compared.
    pub hold: Option<Recipient<HoldApplied>>,
    /// zone-store: what it holds at certain positions.
    pub digests: Option<Recipient<ReadDigests>>,
    /// event-consumer: how the sources are.
    pub sources: Option<Recipient<ReadSources>>,
    /// event-consumer: reads sources again.
    pub rebuild: Option<Recipient<RebuildSources>>,
    /// event-producer: makes changes.
    pub publish: Option<Recipient<Publish>>,
    /// metric-agent: the Prometheus text.
    pub metrics: Option<Recipient<ReadMetrics>>,
    /// metric-agent: takes what is counted here.
    pub measured: Option<Recipient<Measured>>,
}

/// An interface whose sockets are bound and that does not answer yet.
#[derive(Debug)]
pub struct BoundAdmin {
    config: Config,
    listeners: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
}

/// The actor. Handles [`Draining`] and [`Shutdown`]; what it is asked over HTTP is handled by one worker
/// thread of the web server, which never blocks and holds nothing but its counts.
pub struct AdminApi {
    listeners: Vec<TcpListener>,
    shared: Arc<Shared>,
    draining: watch::Sender<bool>,
    server: Option<ServerHandle>,
    stopping: bool,
}

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 128;

/// Zones that may be read whole at once: each keeps a thread busy, and rows on the store's disk.
const ZONES_READ: usize = 2;

/// An interface on a thread of its own, for a host without actix.
pub struct Handle {
    /// Where it answers.
    pub addresses: Vec<SocketAddr>,
    /// Has `/readyz` fail from then on.
    pub drain: Recipient<Draining>,
    stop: Recipient<Shutdown>,
    system: System,
    thread: Option<JoinHandle<()>>,
}

/// Binds the sockets. Connections wait in the kernel until the actor is started.
///
/// # Errors
/// [`AdminError`] for settings that cannot be used and an address that cannot be bound.
pub fn bind(config: Config) -> Result<BoundAdmin, AdminError> {
    config.validate()?;
    let (mut listeners, mut addresses) = (Vec::new(), Vec::new());
    for &address in &config.addresses {
        let bad = |error| AdminError::Bind { address, error };
        let listener = listen(address).map_err(bad)?;
        addresses.push(listener.local_addr().map_err(bad)?);
        listeners.push(listener);
    }
    Ok(BoundAdmin { config, listeners, addresses })
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A node that starts again takes its port although connections of the last one linger.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

// === impl Peers ===

impl Peers {
    /// The peers of an interface that asks this store, and nobody else yet.
    pub fn of_store<A>(store: &Addr<A>) -> Self
    where
        A: Actor<Context = Context<A>>
            + Handler<ReadRecords>
            + Handler<ListZones>
            + Handler<OpenZone>
            + Handler<ReadStoreStatus>
            + Handler<AwaitApplied>
            + Handler<HoldApplied>
            + Handler<ReadDigests>
            + Handler<ReadQuarantine>,
    {
        Self {
            records: Some(store.clone().recipient()),
            zones: Some(store.clone().recipient()),
            zone: Some(store.clone().recipient()),
            store: Some(store.clone().recipient()),
            applied: Some(store.clone().recipient()),
            quarantine: Some(store.clone().recipient()),
            hold: Some(store.clone().recipient()),
            digests: Some(store.clone().recipient()),
            ..Self::default()
        }
    }
}

// === impl BoundAdmin ===

impl BoundAdmin {
    /// The addresses, with the ports that were taken.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The actor, to be started on an arbiter of its own.
    pub fn into_actor(self, peers: Peers) -> AdminApi {
        let (draining, told) = watch::channel(false);
        let shared = Shared {
            access: Access::new(self.config.credentials.clone()),
            in_flight: Permits::new(self.config.max_in_flight),
            // A wait may last a minute: no more than half of all places, and one where there is but one.
            waiting: Permits::new(self.config.max_in_flight.div_ceil(2)),
            publishing: Permits::new(self.config.max_in_flight),
            reading: Permits::new(ZONES_READ),
            config: self.config,
            peers,
            draining: told,
        };
        AdminApi {
            listeners: self.listeners,
            shared: Arc::new(shared),
            draining,
            server: None,
            stopping: false,
        }
    }
}

// === impl AdminApi ===

impl Actor for AdminApi {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let listeners = std::mem::take(&mut self.listeners);
        if listeners.is_empty() {
            return;
        }
        let server = match web::serve(listeners, &self.shared) {
            Ok(server) => server,
            Err(error) => {
                // Nobody supervises this actor, so nothing restarts it in a circle.
                tracing::error!(%error, "the administrative interface cannot be started");
                ctx.stop();
                return;
            }
        };
        self.server = Some(server.handle());
        ctx.spawn(wrap_future(server).map(|ended, act: &mut Self, ctx: &mut Context<Self>| {
            if !act.stopping {
                tracing::error!(?ended, "the administrative interface ended by itself");
                ctx.stop();
            }
        }));
    }
}

impl Handler<Draining> for AdminApi {
    type Result = ();

    fn handle(&mut self, _: Draining, _: &mut Self::Context) {
        self.draining.send_replace(true);
    }
}

impl Handler<Shutdown> for AdminApi {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, _: Shutdown, _: &mut Self::Context) -> Self::Result {
        self.stopping = true;
        let server = self.server.take();
        let stopped = async move {
            if let Some(server) = server {
                server.stop(true).await;
            }
        };
        Box::pin(wrap_future(stopped).map(|(), _: &mut Self, ctx: &mut Context<Self>| ctx.stop()))
    }
}

// === impl Handle ===

/// Starts an interface on a thread of its own, named `admin-api`.
///
/// # Errors
/// [`SpawnError`] for settings that cannot be used, an address that cannot be bound, and where there is no
/// thread to be had.
pub fn spawn_standalone(config: Config, peers: Peers) -> Result<Handle, SpawnError> {
    let bound = bind(config)?;
    let addresses = bound.addresses().to_vec();
    let (sender, started) = channel();
    let thread = std::thread::Builder::new().name("admin-api".into()).spawn(move || {
        let system = System::new();
        let admin = system.block_on(async { bound.into_actor(peers).start() });
        let parts = (admin.clone().recipient(), admin.recipient(), System::current());
        if sender.send(parts).is_ok()
            && let Err(error) = system.run()
        {
            tracing::error!(%error, "the thread of admin-api ended badly");
        }
    })?;
    let (drain, stop, system) = started.recv().map_err(|_| SpawnError::Ended)?;
    Ok(Handle { addresses, drain, stop, system, thread: Some(thread) })
}

impl Handle {
    /// Takes nothing new, answers what is under way, and ends the thread.
    pub async fn shutdown(mut self) {
        // An interface that is gone has stopped.
        let _ = self.stop.send(Shutdown).await;
        self.system.stop();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of admin-api panicked");
        }
    }
}

/// Without [`shutdown`](Handle::shutdown) the thread ends too, without waiting for requests under way.
impl Drop for Handle {
    fn drop(&mut self) {
        self.system.stop();
    }
}
