//! The actix shell around a [`Producer`]: it takes changes in and hands what came of them back. The producer
//! blocks on a thread of its own, so the actor may live on any arbiter.

use crate::change::Change;
use crate::config::{ConfigError, ProducerConfig};
use crate::producer::Producer;
use crate::tally::{Counted, Tally};
use crate::worker::{Build, Queue, REPORT_INTERVAL, stopping};
use actix::{
    Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, ResponseActFuture, ResponseFuture,
    System, WrapFuture,
};
use messages::{Measured, Publish, PublishError, Published, Recipient, Shutdown};
use std::io;
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// The actor. Handles [`Publish`] and [`Shutdown`].
///
/// Changes are published one after the other. So many as [`ProducerConfig::queue`] says may wait; the next is
/// [`PublishError::Unavailable`] at once and counts as `overflow` in `dns_changes_published_total`.
pub struct EventProducer {
    queue: Option<Queue>,
    end: Option<oneshot::Receiver<()>>,
    tally: Tally,
    measured: Option<Recipient<Measured>>,
}

/// Why a producer cannot be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A setting cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// There is no thread to be had.
    #[error("event-producer's thread cannot be started: {0}")]
    Thread(#[from] io::Error),
}

/// An event-producer on a thread of its own, for a host without actix.
pub struct Handle {
    /// Publishes changes.
    pub publish: Recipient<Publish>,
    stop: Recipient<Shutdown>,
    system: System,
    thread: Option<JoinHandle<()>>,
}

// === impl EventProducer ===

impl EventProducer {
    /// An actor around the producer that `build` makes of the settings, now and after a panic. Starts its
    /// thread; nothing is connected or opened before the first change.
    ///
    /// # Errors
    /// [`StartError`] for settings out of range, and where there is no thread to be had.
    pub fn new(
        config: ProducerConfig,
        measured: Option<Recipient<Measured>>,
        build: impl Fn(ProducerConfig) -> Producer + Send + 'static,
    ) -> Result<Self, StartError> {
        config.validate()?;
        let places = config.queue;
        let build: Box<Build> = Box::new(move || build(config.clone()));
        let reports = measured.clone();
        let report = move |counts| take(reports.as_ref(), counts);
        let (queue, end) = Queue::start(places, build, Box::new(report))?;
        Ok(Self { queue: Some(queue), end: Some(end), tally: Tally::default(), measured })
    }
}

/// Whether metric-agent took the counts; where there is none they are gone for good.
fn take(measured: Option<&Recipient<Measured>>, counts: Measured) -> bool {
    measured.is_none_or(|measured| measured.try_send(counts).is_ok())
}

impl Actor for EventProducer {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(REPORT_INTERVAL, |producer, _| {
            let measured = producer.measured.as_ref();
            producer.tally.offer(|counts| take(measured, counts));
        });
    }
}

impl Handler<Publish> for EventProducer {
    type Result = ResponseFuture<Result<Published, PublishError>>;

    fn handle(&mut self, message: Publish, _: &mut Self::Context) -> Self::Result {
        let outcome = match &self.queue {
            Some(queue) => queue.try_put(Change::from(message)),
            None => Err(stopping()),
        };
        if outcome.is_err() {
            self.tally.count(Counted::Overflow, 0);
        }
        Box::pin(async move { outcome?.await.unwrap_or_else(|_| Err(stopping())) })
    }
}

impl Handler<Shutdown> for EventProducer {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, _: Shutdown, _: &mut Self::Context) -> Self::Result {
        // What waits in the queue is published; what comes from now on is not.
        self.queue = None;
        let end = self.end.take();
        let ended = async move {
            if let Some(end) = end {
                // An error means that the thread is gone already.
                let _ = end.await;
            }
        };
        Box::pin(ended.into_actor(self).map(|(), _, ctx| ctx.stop()))
    }
}

// === impl Handle ===

/// Starts an event-producer on a thread of its own, for a host that has no actix system.
///
/// # Errors
/// [`StartError`] for settings out of range, and where there is no thread to be had.
pub fn spawn_standalone(
    config: ProducerConfig,
    measured: Option<Recipient<Measured>>,
    build: impl Fn(ProducerConfig) -> Producer + Send + 'static,
) -> Result<Handle, StartError> {
    let producer = EventProducer::new(config, measured, build)?;
    let (sender, started) = std::sync::mpsc::channel();
    let thread = std::thread::Builder::new().name("event-producer-actor".into()).spawn(move || {
        let system = System::new();
        let address = system.block_on(async { producer.start() });
        let parts = (address.clone().recipient(), address.recipient(), System::current());
        // The host waits for this; where it does not, nobody needs the actor.
        if sender.send(parts).is_ok() {
            let _ = system.run();
        }
    })?;
    let (publish, stop, system) = started.recv().map_err(io::Error::other)?;
    Ok(Handle { publish, stop, system, thread: Some(thread) })
}

impl Handle {
    /// Publishes what waits, stops the actor and joins its thread. A second call does nothing.
    pub async fn shutdown(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        // An error means that the actor is gone already.
        let _ = self.stop.send(Shutdown).await;
        self.system.stop();
        let _ = thread.join();
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // Without `shutdown` nobody waits: the thread ends by itself.
        self.system.stop();
    }
}

#[cfg(all(test, feature = "journal"))]
mod tests {
    use super::*;
    use crate::testing::soa_edit;
    use std::path::PathBuf;

    fn build(path: PathBuf) -> impl Fn(ProducerConfig) -> Producer + Send + 'static {
        move |config| Producer::journal(path.clone(), config)
    }

    fn publish(name: &str) -> Publish {
        Publish { edits: vec![soa_edit(name, 1)], producer: "test".into() }
    }

    #[actix::test]
    async fn a_change_is_published_and_shutdown_comes_after_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal.jsonl");
        let actor = EventProducer::new(ProducerConfig::default(), None, build(path.clone())).unwrap().start();
        let published = actor.send(publish("example.")).await.unwrap().unwrap();
        assert_eq!((published.events, published.positions.len()), (1, 1));
        let refused = actor.send(Publish { edits: Vec::new(), producer: "test".into() }).await.unwrap();
        assert!(matches!(refused, Err(PublishError::Refused(_))));
        let waiting = actor.send(publish("other."));
        let waiting = actix::spawn(waiting);
        tokio::task::yield_now().await;
        actor.send(Shutdown).await.unwrap();
        assert!(waiting.await.unwrap().unwrap().is_ok());
        assert_eq!(std::fs::read_to_string(path).unwrap().lines().count(), 2);
    }

    #[test]
    fn a_host_without_actix_has_a_producer_too() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal.jsonl");
        let mut handle = spawn_standalone(ProducerConfig::default(), None, build(path)).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            assert!(handle.publish.send(publish("example.")).await.unwrap().is_ok());
            handle.shutdown().await;
            handle.shutdown().await;
        });
    }
}
