//! The actix shell around [`Store`]: mailbox, timers, the thread that commits.
//!
//! The store answers from memory and its own disk, so its handlers are short; a commit runs on a thread of
//! its own and reports back. The actor belongs on an arbiter of its own: nothing that answers queries may
//! share it.

mod commits;
mod committer;
mod holds;
mod reads;
mod spawn;

pub use spawn::{Handle, Running, spawn_standalone};

use crate::config::StoreConfig;
use crate::error::StoreError;
use crate::hold::Holds;
use crate::memory::{self, After, Freed};
use crate::meter::Meter;
use crate::pace::Pace;
use crate::publish::Publisher;
use crate::regain::Regain;
use crate::restarts::Restarts;
use crate::store::{AppliedBatch, Batch, Store};
use crate::waiters::Waiters;
use crate::walks::Walks;
use actix::prelude::*;
use committer::Committer;
use messages::{
    Applied, ApplyChanges, ApplyError, AwaitApplied, CatalogPublished, Measured, OpenSource, Sample,
    Shutdown, SourceState, StoreUnavailable,
};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::oneshot;
use zone_model::Timestamp;

/// Messages that may wait; batches are bounded by their permits besides.
const MAILBOX: usize = 256;
/// How often measurements are sent and retired catalogues freed.
const TICK: Duration = Duration::from_millis(100);
/// When a listener with a full mailbox is tried again.
const CATCH_UP: Duration = Duration::from_millis(1);
/// How often a commit may fail while the actor stops.
const LAST_TRIES: u32 = 3;
/// Rows that are looked at in one go when those of a rebuilt source are removed.
const SWEPT_AT_ONCE: usize = 5_000;
/// The longest that the store stands still.
const LONGEST_HOLD: Duration = Duration::from_secs(60);
/// The longest that anybody may wait for positions.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

const CRASHED: &str = "it is being opened again after a crash; its log has the place";
const HALF: &str = "the node has not been in step with its log yet, and may have half a zone";
const NOT_COMMITTED: &str = "the last commit failed, and a zone is read as of a commit";

/// Whom the store talks to.
#[derive(Clone, Debug, Default)]
pub struct StorePeers {
    /// Who answers from the catalogue.
    pub listeners: Vec<Recipient<CatalogPublished>>,
    /// Who is told what was measured.
    pub metrics: Option<Recipient<Measured>>,
}

/// The actor that owns a store: the only writer of the catalogue.
pub struct ZoneStore {
    /// Opens the store again after a panic.
    open: Box<dyn Fn() -> Result<Store, StoreError>>,
    /// `None` between a panic and the next opening.
    core: Option<Store>,
    config: StoreConfig,
    metrics: Option<Recipient<Measured>>,
    publisher: Publisher,
    publication: bool,
    catching_up: bool,
    waiters: Waiters,
    walks: Walks,
    meter: Meter,
    freed: Freed,
    queue: VecDeque<(ApplyChanges, oneshot::Sender<Result<Applied, ApplyError>>)>,
    /// Where the store stands still, while nodes are compared.
    holds: Holds,
    commits: Pace,
    committer: Committer,
    /// Tells a commit of this store from one of the store before.
    generation: u64,
    restarts: Restarts,
    /// What the store held before it was lost.
    regain: Regain,
    /// A catalogue is there that may not take the place of the one that is published.
    withheld: bool,
    stopping: Vec<oneshot::Sender<()>>,
    reported_outside: bool,
}

// === impl ZoneStore ===

impl ZoneStore {
    /// The actor around a store that is open already. After a panic it opens the store of `config` again.
    pub fn new(config: StoreConfig, store: Store, peers: StorePeers) -> Self {
        let own = config.clone();
        Self::with_factory(config, store, peers, Box::new(move || Store::open(own.clone())))
    }

    /// As [`new`](Self::new), with another way to open the store again.
    pub fn with_factory(
        config: StoreConfig,
        store: Store,
        peers: StorePeers,
        open: Box<dyn Fn() -> Result<Store, StoreError>>,
    ) -> Self {
        Self {
            open,
            core: Some(store),
            config,
            metrics: peers.metrics,
            publisher: Publisher::new(peers.listeners),
            publication: false,
            catching_up: false,
            waiters: Waiters::default(),
            walks: Walks::default(),
            meter: Meter::default(),
            freed: Freed::default(),
            queue: VecDeque::new(),
            holds: Holds::default(),
            commits: Pace::default(),
            committer: Committer::default(),
            generation: 0,
            restarts: Restarts::default(),
            regain: Regain::default(),
            withheld: false,
            stopping: Vec::new(),
            reported_outside: false,
        }
    }

    /// Asks the store; a panic is caught and the store opened again.
    fn ask<T>(&mut self, ctx: &mut Context<Self>, ask: impl FnOnce(&mut Store) -> T) -> Option<T> {
        let core = self.core.as_mut()?;
        if let Ok(answer) = catch_unwind(AssertUnwindSafe(|| ask(core))) {
            return Some(answer);
        }
        self.lose(ctx, "the store panicked");
        None
    }

    /// Opens the whole store anew, from its last commit; a file that turns out to be damaged is set aside then.
    fn lose(&mut self, ctx: &mut Context<Self>, why: &str) {
        self.meter.crashed();
        let core = self.core.take();
        let stood = core.as_ref().map(|core| core.status(0).positions).unwrap_or_default();
        self.regain.lose(stood, Instant::now());
        // redb reads and writes when it is dropped, and may meet there again what it panicked over.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(core)));
        self.generation += 1;
        self.walks.fail(CRASHED);
        for (_, reply) in self.queue.drain(..) {
            let _ = reply.send(Err(ApplyError::Crashed));
        }
        tracing::error!(
            why,
            "the store is opened anew and goes on from its last commit; what is published stays served"
        );
        self.reopen_later(ctx);
    }

    fn reopen_later(&mut self, ctx: &mut Context<Self>) {
        let Some(after) = self.restarts.next(Instant::now()) else {
            tracing::error!(
                "the store fails again and again: its actor stops, what is published stays served"
            );
            return ctx.stop();
        };
        ctx.run_later(after, |own, ctx| {
            // A commit of the store before still holds its file.
            if own.commits.is_running() {
                own.restarts.put_back();
                return own.reopen_later(ctx);
            }
            match catch_unwind(AssertUnwindSafe(|| (own.open)())) {
                Ok(Ok(store)) => {
                    own.core = Some(store);
                    own.commits.succeeded();
                    own.show(ctx);
                }
                Ok(Err(error)) => {
                    tracing::error!(%error, "the store cannot be opened again");
                    own.reopen_later(ctx);
                }
                Err(_) => own.reopen_later(ctx),
            }
        });
    }

    /// Applies what waits, unless too much waits for the disk.
    fn work(&mut self, ctx: &mut Context<Self>) {
        while let Some(pending) = self.core.as_ref().map(Store::pending).filter(|_| !self.queue.is_empty()) {
            if pending.bytes > self.config.overlay_bytes && self.commits.failures() == 0 {
                return self.commit_soon(ctx);
            }
            if self.holds.is_still() {
                return;
            }
            let Some((message, reply)) = self.queue.pop_front() else { return };
            let (message, is_too_much) = self.holds.take_up(message);
            let answer = self.apply(ctx, message);
            let _ = reply.send(answer);
            if is_too_much {
                self.release(ctx, "too many events lie between the nodes");
            }
            self.look_whether_arrived(ctx);
        }
        if self.core.is_none() {
            for (_, reply) in self.queue.drain(..) {
                let _ = reply.send(Err(ApplyError::Crashed));
            }
        }
    }

    fn apply(&mut self, ctx: &mut Context<Self>, message: ApplyChanges) -> Result<Applied, ApplyError> {
        let ApplyChanges { source, events, positions, in_step, permit } = message;
        let batch = Batch { source, events, positions, in_step };
        let was_in_service = self.core.as_ref().is_some_and(Store::in_service);
        let applied = self.ask(ctx, |store| store.apply(&batch)).ok_or(ApplyError::Crashed)?;
        drop(permit);
        let applied: AppliedBatch = match applied {
            Ok(applied) => applied,
            Err(error) => return Err(self.refused(ctx, error)),
        };
        self.meter.applied(batch.events.iter().map(|event| event.timestamp), applied.events);
        if applied.rebuilt {
            self.freed.loaded();
        }
        let came_in_service = !was_in_service && self.core.as_ref().is_some_and(Store::in_service);
        if applied.changed > 0 || applied.rebuilt || came_in_service || self.withheld {
            self.show(ctx);
        } else if !self.publication {
            self.is_shown();
        }
        self.commit_soon(ctx);
        let catalog = self.publisher.number() + u64::from(self.publication);
        let AppliedBatch { changed, quarantined, rebuilt, .. } = applied;
        Ok(Applied { changed, quarantined, catalog, rebuilt })
    }

    /// What to say of a batch that was not applied, and what to do about it.
    fn refused(&mut self, ctx: &mut Context<Self>, error: StoreError) -> ApplyError {
        if error.is_damage() {
            self.lose(ctx, &error.to_string());
            return ApplyError::Crashed;
        }
        // Where redb failed it is opened again with the next batch or the next commit, whichever is first.
        self.commit_soon(ctx);
        to_apply_error(error)
    }

    /// Publishes the catalogue, at once or as soon as it may be.
    fn show(&mut self, ctx: &mut Context<Self>) {
        let wait = self.publisher.wait(self.config.publish_every, Instant::now());
        if wait.is_zero() {
            self.publish(ctx);
        } else if !self.publication {
            self.publication = true;
            ctx.run_later(wait, |own, ctx| {
                if own.publication {
                    own.publish(ctx);
                }
            });
        }
    }

    fn publish(&mut self, ctx: &mut Context<Self>) {
        self.publication = false;
        self.withheld = !self.may_show();
        let Some(store) = self.core.as_ref().filter(|_| !self.withheld) else { return };
        self.publisher.publish(store.catalog(), store.in_service(), Instant::now());
        self.is_shown();
        self.catch_up_later(ctx);
    }

    /// Whether the catalogue may take the place of the one published before: a store that lost its state, or what
    /// was not committed of it, catches up beside what is served.
    fn may_show(&mut self) -> bool {
        let Some(store) = &self.core else { return false };
        let is_back =
            self.regain.is_done(Instant::now(), |source, partition| store.applied(source, partition));
        !self.publisher.was_in_service() || is_back && store.in_service()
    }

    /// What is applied is published: tells who waits for it.
    fn is_shown(&mut self) {
        if !self.may_show() {
            return;
        }
        let Some(store) = &self.core else { return };
        self.meter.published(wall_clock());
        self.waiters.served(|source, partition| store.applied(source, partition));
        if store.in_service() && !self.reported_outside {
            self.reported_outside = true;
            for owner in store.local_records_outside() {
                tracing::warn!(%owner, "a local record is in no zone of this node and is not served");
            }
        }
    }

    fn catch_up_later(&mut self, ctx: &mut Context<Self>) {
        if self.publisher.is_behind() && !self.catching_up {
            self.catching_up = true;
            ctx.run_later(CATCH_UP, |own, ctx| {
                own.catching_up = false;
                own.publisher.catch_up();
                own.catch_up_later(ctx);
            });
        }
    }

    fn measure(&mut self) {
        self.publisher.free();
        let status = self.core.as_ref().map(|store| store.status(self.publisher.number()));
        let pending = self.core.as_ref().map_or(0, |store| store.pending().bytes);
        let (full, refused) = (self.publisher.take_full(), self.waiters.take_refused());
        let mut measured = self.meter.take(status.as_ref(), pending, full, refused);
        if let Some(store) = &self.core
            && let Some(digest) = self.meter.digest(self.publisher.number(), Instant::now(), store)
        {
            let gauges = [
                ("dns_store_digest", digest),
                ("dns_store_digests_wrong", store.digests_wrong()),
                ("dns_store_slots_outside", store.slots_outside()),
            ];
            let gauges = gauges.map(|(name, value)| Sample::gauge(name, Vec::new(), value as f64));
            measured.samples.extend(gauges);
        }
        if let Some(metrics) = self.metrics.as_ref().filter(|_| !measured.samples.is_empty()) {
            metrics.do_send(measured);
        }
    }
}

impl Actor for ZoneStore {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        messages::take_turns();
        ctx.run_interval(TICK, |own, ctx| {
            own.measure();
            own.sweep(ctx);
            own.tidy_at_rest();
            // It may be waited for no longer.
            if own.withheld {
                own.show(ctx);
            }
        });
        self.publish(ctx);
        // Loading took about as much beside the catalogue as that takes.
        tokio::task::spawn_blocking(|| memory::tidy(After::Load));
    }
}

impl std::fmt::Debug for ZoneStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ZoneStore")
            .field("core", &self.core)
            .field("queue", &self.queue.len())
            .finish_non_exhaustive()
    }
}

// === messages ===

impl Handler<OpenSource> for ZoneStore {
    type Result = Result<SourceState, ApplyError>;

    fn handle(&mut self, message: OpenSource, ctx: &mut Self::Context) -> Self::Result {
        if !self.stopping.is_empty() {
            return Err(ApplyError::Stopping);
        }
        let opened =
            self.ask(ctx, |store| store.open_source_at(&message.source, message.now, message.rebuild));
        let opened = opened.ok_or(ApplyError::Crashed)?;
        self.commit_soon(ctx);
        opened.map_err(to_apply_error)
    }
}

impl Handler<ApplyChanges> for ZoneStore {
    type Result = ResponseFuture<Result<Applied, ApplyError>>;

    fn handle(&mut self, message: ApplyChanges, ctx: &mut Self::Context) -> Self::Result {
        let (reply, answer) = oneshot::channel();
        if self.stopping.is_empty() {
            self.queue.push_back((message, reply));
            self.work(ctx);
        } else {
            let _ = reply.send(Err(ApplyError::Stopping));
        }
        Box::pin(async { answer.await.unwrap_or(Err(ApplyError::Crashed)) })
    }
}

impl Handler<AwaitApplied> for ZoneStore {
    type Result = ResponseFuture<bool>;

    fn handle(&mut self, message: AwaitApplied, ctx: &mut Self::Context) -> Self::Result {
        let (reply, answer) = oneshot::channel();
        if let Some(number) = self.waiters.add(message.source, message.positions, reply) {
            if !self.publication {
                self.is_shown();
            }
            ctx.run_later(message.timeout.min(LONGEST_WAIT), move |own, _| own.waiters.give_up(number));
        }
        Box::pin(async { answer.await.unwrap_or(false) })
    }
}

impl Handler<Shutdown> for ZoneStore {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: Shutdown, ctx: &mut Self::Context) -> Self::Result {
        let (reply, answer) = oneshot::channel();
        self.stopping.push(reply);
        // Nobody compares a node that stops; what was held is read again from the last commit.
        self.release(ctx, "the node is stopping");
        self.work(ctx);
        self.go_on_stopping(ctx);
        Box::pin(async { answer.await.unwrap_or_default() })
    }
}

fn unwrap_answer<T>(answer: Option<Result<T, StoreError>>) -> Result<T, StoreUnavailable> {
    match answer {
        Some(Ok(answer)) => Ok(answer),
        Some(Err(error)) => Err(StoreUnavailable(error.to_string())),
        None => Err(StoreUnavailable(CRASHED.to_owned())),
    }
}

fn to_apply_error(error: StoreError) -> ApplyError {
    match error {
        // The store was lost and opened again: only reading on from where it stands now mends that.
        StoreError::NotOpened(_) => ApplyError::Crashed,
        loss @ StoreError::Loss { .. } => ApplyError::Loss(loss.to_string()),
        error => ApplyError::Store(error.to_string()),
    }
}

fn wall_clock() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(since.as_millis() as i64)
}
