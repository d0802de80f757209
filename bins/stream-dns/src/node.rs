//! The actors of a node: bound, started in the direction of the data, watched, and stopped.

use crate::plan::Plan;
use actix::{Actor, Addr, Arbiter, Context, Handler};
use admin_api::{AdminApi, BoundAdmin, Peers};
use anyhow::Context as _;
use command_line::LogTarget;
use dns_wire::{BoundWire, Wire, WirePeers};
use event_consumer::EventConsumer;
use event_producer::{EventProducer, KafkaTarget, Producer};
use messages::{Draining, Measured, ReadStoreStatus, Recipient, Shutdown};
use metric_agent::MetricAgent;
use resolver_bridge::ResolverBridge;
use std::cell::Cell;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};
use zone_store::{StorePeers, ZoneStore};

/// How often it is looked whether every actor lives.
const LOOK: Duration = Duration::from_millis(250);

/// A running node.
pub(crate) struct Node {
    wire: Wire,
    consumer: Running<EventConsumer>,
    store: zone_store::Running,
    producer: Option<Running<EventProducer>>,
    resolver: Option<Running<ResolverBridge>>,
    metrics: Running<MetricAgent>,
    admin: Running<AdminApi>,
}

/// An actor on an arbiter, and so a thread, of its own.
struct Running<A: Actor> {
    address: Addr<A>,
    arbiter: Arbiter,
}

/// Binds every socket, before anything runs, and says where: port 0 has become a port.
pub(crate) fn bind(plan: &Plan) -> anyhow::Result<(BoundWire, BoundAdmin)> {
    let wire = dns_wire::bind(plan.wire.clone())?;
    let admin = admin_api::bind(plan.admin.clone())?;
    let dns = wire.addresses();
    for (transport, addresses) in [("udp", &dns.udp[..]), ("tcp", &dns.tcp), ("http", admin.addresses())] {
        addresses.iter().for_each(|address| tracing::info!(transport, %address, "listening"));
    }
    Ok((wire, admin))
}

/// Starts the actors, each with the recipients of those that run already.
pub(crate) async fn start(plan: Plan, (wire, admin): (BoundWire, BoundAdmin)) -> anyhow::Result<Node> {
    let config = plan.metrics;
    let metrics = Running::start("metric-agent", move || MetricAgent::new(config)).await?;
    let measured: Recipient<Measured> = metrics.address.clone().recipient();
    let told = Some(measured.clone());

    let mut resolver = None;
    if let Some(config) = plan.resolver {
        let told = told.clone();
        resolver = Some(Running::start("resolver-bridge", move || ResolverBridge::new(config, told)).await?);
    }
    let resolve = resolver.as_ref().map(|resolver| resolver.address.clone().recipient());
    let wire = wire.start(WirePeers { resolver: resolve, measured: told.clone() }).await?;

    let peers = StorePeers { listeners: wire.catalogs(), metrics: told.clone() };
    let store = ZoneStore::start_on_arbiter(plan.store, peers).await.context("zone-store")?;

    let (open, apply) = (store.address.clone().recipient(), store.address.clone().recipient());
    let peers = event_consumer::Peers { open, apply, measured: told.clone() };
    let config = plan.consumer;
    let consumer = Running::start("event-consumer", move || EventConsumer::new(&config, peers)).await?;

    let mut producer = None;
    if let Some(log) = plan.client.log {
        let (config, told) = (plan.client.producer, told.clone());
        let build = move |config| match log.clone() {
            LogTarget::Journal(path) => Producer::journal(path, config),
            LogTarget::Kafka { topic, properties } => {
                Producer::kafka(KafkaTarget { topic, properties }, config)
            }
        };
        let make = move || EventProducer::new(config, told, build);
        producer = Some(Running::start("event-producer", make).await?);
    }

    let peers = Peers {
        sources: Some(consumer.address.clone().recipient()),
        rebuild: Some(consumer.address.clone().recipient()),
        publish: producer.as_ref().map(|producer| producer.address.clone().recipient()),
        metrics: Some(metrics.address.clone().recipient()),
        measured: told,
        ..Peers::of_store(&store.address)
    };
    let make = move || Ok::<_, std::convert::Infallible>(admin.into_actor(peers));
    let admin = Running::start("admin-api", make).await?;
    Ok(Node { wire, consumer, store, producer, resolver, metrics, admin })
}

// === impl Node ===

impl Node {
    /// Returns with the name of the first actor that ends by itself: one that gave up, or whose thread died.
    /// Says when the node has come into service.
    pub(crate) async fn watch(&self) -> &'static str {
        let mut in_service = false;
        loop {
            let all = [
                ("dns-wire", self.wire.is_alive()),
                ("zone-store", self.store.address.connected()),
                ("event-consumer", self.consumer.address.connected()),
                ("event-producer", self.producer.as_ref().is_none_or(|own| own.address.connected())),
                ("resolver-bridge", self.resolver.as_ref().is_none_or(|own| own.address.connected())),
                ("metric-agent", self.metrics.address.connected()),
                ("admin-api", self.admin.address.connected()),
            ];
            if let Some((dead, _)) = all.into_iter().find(|(_, alive)| !alive) {
                return dead;
            }
            if !in_service
                && let Ok(Ok(status)) = timeout(LOOK, self.store.address.send(ReadStoreStatus)).await
                && status.in_service
            {
                in_service = true;
                tracing::info!(zones = status.zones, rrsets = status.slots, "in service");
            }
            sleep(if in_service { LOOK } else { LOOK / 10 }).await;
        }
    }

    /// Readiness fails, `delay` passes, then everything ends in the direction of the data within `limit`.
    /// Returns how long it took, or what was being stopped when the time was over.
    pub(crate) async fn drain(self, delay: Duration, limit: Duration) -> Result<Duration, &'static str> {
        let began = Instant::now();
        // An interface that is gone cannot be asked either.
        let _ = self.admin.address.send(Draining).await;
        sleep(delay).await;
        let stage = Cell::new("dns-wire");
        let stop = async {
            self.wire.shutdown().await;
            stage.set("event-consumer");
            self.consumer.stop().await;
            stage.set("zone-store");
            self.store.stop().await;
            stage.set("event-producer");
            Running::stop_if(self.producer).await;
            stage.set("resolver-bridge");
            Running::stop_if(self.resolver).await;
            stage.set("metric-agent");
            self.metrics.stop().await;
            stage.set("admin-api");
            self.admin.stop().await;
        };
        timeout(limit, stop).await.map(|()| began.elapsed()).map_err(|_| stage.get())
    }
}

// === impl Running ===

impl<A: Actor<Context = Context<A>> + Handler<Shutdown>> Running<A> {
    /// Makes the actor on its own thread and starts it there.
    async fn start<E>(
        name: &'static str,
        make: impl FnOnce() -> Result<A, E> + Send + 'static,
    ) -> anyhow::Result<Self>
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        let arbiter = Arbiter::new();
        let (tell, told) = oneshot::channel();
        // An error says that nobody waits any more.
        arbiter.spawn_fn(move || drop(tell.send(make().map(Actor::start))));
        let address = told.await.with_context(|| format!("{name}: its thread ended before it began"))?;
        Ok(Self { address: address.context(name)?, arbiter })
    }

    /// Has the actor finish, and ends its thread.
    async fn stop(self) {
        // An actor that is gone has stopped.
        let _ = self.address.send(Shutdown).await;
        self.arbiter.stop();
        let (tell, told) = oneshot::channel();
        // Joining blocks; here it may not, since a time limit runs.
        std::thread::spawn(move || tell.send(self.arbiter.join().is_ok()));
        if told.await != Ok(true) {
            tracing::warn!("an actor's thread ended in a panic");
        }
    }

    async fn stop_if(running: Option<Self>) {
        if let Some(running) = running {
            running.stop().await;
        }
    }
}
