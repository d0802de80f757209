//! The actor around the consumer, and the thread that it can be given.
//!
//! What can panic over the log's contents runs on the sources' threads, where it is caught, and the source is
//! opened again by its factory.

use crate::config::{BatchConfig, ConsumerConfig};
use crate::consumer::Books;
use crate::error::OpenError;
use crate::link::{Link, Peers, Step, Surroundings, Wish};
use crate::source::SourceSpec;
use actix::{
    Actor, ActorFutureExt, Addr, AsyncContext, Context, Handler, ResponseFuture, System, WrapFuture,
};
use messages::{Permits, ReadSources, RebuildError, RebuildSources, Shutdown, SourceStatus};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use zone_model::SourceId;

/// Reads logs and has zone-store apply them.
pub struct EventConsumer {
    links: Vec<Link>,
    /// What each source is asked for.
    wishes: Vec<(SourceId, mpsc::Sender<Wish>)>,
    /// Links that are under way.
    running: usize,
    books: Books,
    around: Surroundings,
    stop: watch::Sender<bool>,
    /// Who waits for the end.
    waiting: Vec<oneshot::Sender<()>>,
}

/// A consumer on a thread of its own, for a program that has no actor system.
#[derive(Debug)]
pub struct Standalone {
    consumer: Addr<EventConsumer>,
    system: System,
    thread: JoinHandle<()>,
}

/// Batches of all sources together on their way to the store.
const IN_FLIGHT: usize = 4;
/// How often what was measured is sent.
const MEASURE_EVERY: Duration = Duration::from_millis(100);

// === impl EventConsumer ===

impl EventConsumer {
    /// A consumer of the configured sources.
    ///
    /// # Errors
    /// [`OpenError`] for settings that cannot be used. A log that cannot be reached is waited for.
    pub fn new(config: &ConsumerConfig, peers: Peers) -> Result<Self, OpenError> {
        config.validate()?;
        let every = config.batch.in_step_every();
        let specs = config.sources.iter().map(|source| SourceSpec::configured(source, every));
        Ok(Self::of(specs.collect::<Result<_, _>>()?, &config.batch, peers))
    }

    /// A consumer of these sources.
    pub fn of(specs: Vec<SourceSpec>, batch: &BatchConfig, peers: Peers) -> Self {
        let (stop, stopping) = watch::channel(false);
        let books = Books::new(&specs);
        let (mut links, mut wishes) = (Vec::new(), Vec::new());
        for spec in specs {
            let (wish, wished) = mpsc::channel(1);
            wishes.push((spec.id().clone(), wish));
            links.push(Link::new(spec, batch.clone(), wished));
        }
        Self {
            running: 0,
            books,
            links,
            wishes,
            around: Surroundings { peers, permits: Permits::new(IN_FLIGHT), stopping },
            stop,
            waiting: Vec::new(),
        }
    }

    /// Has a link do its next step, and so on until it is done.
    fn run(&mut self, index: usize, link: Link, ctx: &mut Context<Self>) {
        let step = link.step(self.around.clone()).into_actor(self).map(move |(link, step), act, ctx| {
            let done = matches!(step, Step::Done);
            act.books.note(index, step);
            if done { act.end(ctx) } else { act.run(index, link, ctx) }
        });
        ctx.spawn(step);
    }

    fn end(&mut self, ctx: &mut Context<Self>) {
        self.running = self.running.saturating_sub(1);
        if self.running == 0 && *self.stop.borrow() {
            self.measure();
            for waiting in self.waiting.drain(..) {
                // Whoever asked may have stopped waiting.
                let _ = waiting.send(());
            }
            actix::ActorContext::stop(ctx);
        }
    }

    fn measure(&mut self) {
        let Some(measured) = &self.around.peers.measured else { return };
        let Some(message) = self.books.measure() else { return };
        if let Err(actix::prelude::SendError::Full(message)) = measured.try_send(message) {
            self.books.not_sent(message);
        }
    }
}

impl Actor for EventConsumer {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        let links = std::mem::take(&mut self.links);
        self.running = links.len();
        for (index, link) in links.into_iter().enumerate() {
            self.run(index, link, ctx);
        }
        if self.around.peers.measured.is_some() {
            ctx.run_interval(MEASURE_EVERY, |act, _| act.measure());
        }
    }
}

impl Handler<ReadSources> for EventConsumer {
    type Result = Vec<SourceStatus>;

    fn handle(&mut self, _: ReadSources, _: &mut Context<Self>) -> Vec<SourceStatus> {
        self.books.status()
    }
}

impl Handler<RebuildSources> for EventConsumer {
    type Result = Result<Vec<SourceId>, RebuildError>;

    fn handle(&mut self, message: RebuildSources, _: &mut Context<Self>) -> Self::Result {
        let RebuildSources { source: wanted, accept_loss } = message;
        let chosen: Vec<_> =
            self.wishes.iter().filter(|(id, _)| wanted.as_ref().is_none_or(|wanted| wanted == id)).collect();
        if let (true, Some(unknown)) = (chosen.is_empty(), wanted) {
            return Err(RebuildError::Unknown(unknown));
        }
        for (id, wish) in &chosen {
            wish.try_send(Wish { accept_loss }).map_err(|_| RebuildError::Busy(id.clone()))?;
        }
        Ok(chosen.into_iter().map(|(id, _)| id.clone()).collect())
    }
}

impl Handler<Shutdown> for EventConsumer {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: Shutdown, ctx: &mut Context<Self>) -> ResponseFuture<()> {
        let (done, ended) = oneshot::channel();
        self.waiting.push(done);
        self.stop.send_replace(true);
        if self.running == 0 {
            self.end(ctx);
        }
        Box::pin(async move {
            // An error says that the actor is gone already.
            drop(ended.await);
        })
    }
}

/// Starts a consumer on a thread of its own, with an actor system of its own: for a host that runs tokio, or
/// nothing at all.
///
/// # Errors
/// [`OpenError`] for settings that cannot be used, or where no thread can be made.
pub fn spawn_standalone(config: &ConsumerConfig, peers: Peers) -> Result<Standalone, OpenError> {
    let consumer = EventConsumer::new(config, peers)?;
    let (started, ready) = std::sync::mpsc::sync_channel(1);
    let run = move || {
        let system = System::new();
        let serve = async move {
            // An error says that whoever asked is gone; then nothing keeps the actor.
            drop(started.send((consumer.start(), System::current())));
        };
        system.block_on(serve);
        if let Err(error) = system.run() {
            tracing::error!(%error, "the consumer's actor system failed");
        }
    };
    let not_started =
        |error: String| OpenError::Client(format!("the consumer's thread did not start: {error}"));
    let thread = std::thread::Builder::new().name("event-consumer".into()).spawn(run);
    let thread = thread.map_err(|error| not_started(error.to_string()))?;
    let (consumer, system) = ready.recv().map_err(|error| not_started(error.to_string()))?;
    Ok(Standalone { consumer, system, thread })
}

// === impl Standalone ===

impl Standalone {
    /// The actor, for [`ReadSources`] from any runtime.
    pub fn consumer(&self) -> &Addr<EventConsumer> {
        &self.consumer
    }

    /// How the sources are; nothing when the actor is gone.
    pub async fn status(&self) -> Vec<SourceStatus> {
        self.consumer.send(ReadSources).await.unwrap_or_default()
    }

    /// Lets the batches under way be applied, closes the sources, and ends the thread.
    pub async fn stop(self) {
        // An error says that the actor is gone already.
        let _ = self.consumer.send(Shutdown).await;
        self.system.stop();
        // A panic of the thread was printed by its hook, and there is nothing left to close.
        drop(self.thread.join());
    }
}
