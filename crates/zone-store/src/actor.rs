//! The actix shell around [`Store`]: mailbox, timers, the thread that commits.
//!
//! The store answers from memory and its own disk, so its handlers are short; a commit runs on a thread of
//! its own and reports back. The actor belongs on an arbiter of its own: nothing that answers queries may
//! share it.

use crate::config::StoreConfig;
use crate::disk::Committed;
use crate::error::StoreError;
use crate::hold::{Hold, Targets};
use crate::meter::Meter;
use crate::publish::Publisher;
use crate::store::{AppliedBatch, Batch, Store};
use crate::waiters::Waiters;
use crate::walks::Walks;
use actix::prelude::*;
use messages::{
    Applied, ApplyChanges, ApplyError, AwaitApplied, CatalogPublished, HoldApplied, ListZones, Measured,
    OpenSource, OpenZone, OpenedZone, Quarantined, ReadDigests, ReadQuarantine, ReadRecords, ReadStoreStatus,
    RecordSet, Sample, Shutdown, SourceState, StoreUnavailable, ZoneSummary,
};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::oneshot;
use zone_model::{Name, Partition, Position, SourceId, Timestamp};

/// Messages that may wait; batches are bounded by their permits besides.
const MAILBOX: usize = 256;
/// How often measurements are sent and retired catalogues freed.
const TICK: Duration = Duration::from_millis(100);
/// When a listener with a full mailbox is tried again.
const CATCH_UP: Duration = Duration::from_millis(1);
/// A commit does not wait for company when so much waits already.
const LARGE: (usize, usize) = (100_000, 64 << 20);
/// Failed commits are tried again after twice the time before, up to the longest.
const COMMIT_RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));
/// How often a commit may fail while the actor stops.
const LAST_TRIES: u32 = 3;
/// How many times within [`RESTARTS_IN`] a store may panic before the actor gives up.
const RESTARTS: usize = 5;
const RESTARTS_IN: Duration = Duration::from_secs(60);
const RESTART_AFTER: Duration = Duration::from_millis(100);
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
    queue: VecDeque<(ApplyChanges, oneshot::Sender<Result<Applied, ApplyError>>)>,
    /// Where the store stands still, while nodes are compared.
    hold: Option<Hold>,
    holds: u64,
    commit: Commit,
    commit_failures: u32,
    /// Tells a commit of this store from one of the store before.
    generation: u64,
    restarts: VecDeque<Instant>,
    stopping: Vec<oneshot::Sender<()>>,
    reported_outside: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Commit {
    Idle,
    /// A timer runs.
    Scheduled,
    Running,
}

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
            queue: VecDeque::new(),
            hold: None,
            holds: 0,
            commit: Commit::Idle,
            commit_failures: 0,
            generation: 0,
            restarts: VecDeque::new(),
            stopping: Vec::new(),
            reported_outside: false,
        }
    }

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

    /// Asks the store; a panic is caught and the store opened again.
    fn ask<T>(&mut self, ctx: &mut Context<Self>, ask: impl FnOnce(&mut Store) -> T) -> Option<T> {
        let core = self.core.as_mut()?;
        if let Ok(answer) = catch_unwind(AssertUnwindSafe(|| ask(core))) {
            return Some(answer);
        }
        self.meter.crashed();
        let core = self.core.take();
        // redb reads and writes when it is dropped, and may meet there again what it panicked over.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(core)));
        self.generation += 1;
        self.walks.fail(CRASHED);
        for (_, reply) in self.queue.drain(..) {
            let _ = reply.send(Err(ApplyError::Crashed));
        }
        tracing::error!("the store panicked; it is opened again and goes on from its last commit");
        self.reopen_later(ctx);
        None
    }

    fn reopen_later(&mut self, ctx: &mut Context<Self>) {
        let now = Instant::now();
        self.restarts.retain(|restart| now.duration_since(*restart) < RESTARTS_IN);
        self.restarts.push_back(now);
        if self.restarts.len() > RESTARTS {
            tracing::error!(
                "the store fails again and again: its actor stops, what is published stays served"
            );
            ctx.stop();
            return;
        }
        let after = RESTART_AFTER * (1 << self.restarts.len());
        ctx.run_later(after, |own, ctx| {
            // A commit of the store before still holds its file.
            if own.commit == Commit::Running {
                own.restarts.pop_back();
                return own.reopen_later(ctx);
            }
            match catch_unwind(AssertUnwindSafe(|| (own.open)())) {
                Ok(Ok(store)) => {
                    own.core = Some(store);
                    own.commit_failures = 0;
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
            if pending.bytes > self.config.overlay_bytes && self.commit_failures == 0 {
                return self.commit_soon(ctx);
            }
            if self.hold.as_ref().is_some_and(|hold| !hold.is_going()) {
                return;
            }
            let Some((message, reply)) = self.queue.pop_front() else { return };
            let (message, is_too_much) = match self.hold.as_mut() {
                None => (message, false),
                Some(hold) => match hold.split(message) {
                    Ok(message) => (message, false),
                    Err(message) => (message, true),
                },
            };
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

    /// Answers who compares nodes, once every partition has arrived.
    fn look_whether_arrived(&mut self, ctx: &mut Context<Self>) {
        let (Some(hold), Some(store)) = (&self.hold, &self.core) else { return };
        if hold.has_arrived(|source, partition| store.applied(source, partition)) {
            let zones = unwrap_answer(self.ask(ctx, |store| store.all_zones()));
            self.end_hold(ctx, zones);
        }
    }

    fn release(&mut self, ctx: &mut Context<Self>, why: &str) {
        self.end_hold(ctx, Err(StoreUnavailable(why.to_owned())));
    }

    /// Goes on with what was held. If that fails, who sent it has to begin again where the store says.
    fn end_hold(&mut self, ctx: &mut Context<Self>, answer: Result<Vec<ZoneSummary>, StoreUnavailable>) {
        let Some(hold) = self.hold.take() else { return };
        let (reply, mut behind) = hold.end();
        if let Some(reply) = reply {
            // Who does not wait any more does not mind.
            let _ = reply.send(answer);
        }
        while let Some(message) = behind.pop_front() {
            let source = message.source.clone();
            if self.apply(ctx, message).is_err() {
                let lost = behind.iter().map(|message| message.source.clone()).chain([source]);
                let lost: Vec<_> = lost.collect();
                self.ask(ctx, |store| lost.iter().for_each(|source| store.close_source(source)));
                return;
            }
        }
    }

    fn apply(&mut self, ctx: &mut Context<Self>, message: ApplyChanges) -> Result<Applied, ApplyError> {
        let ApplyChanges { source, events, positions, in_step, permit } = message;
        let batch = Batch { source, events, positions, in_step };
        let was_in_service = self.core.as_ref().is_some_and(Store::in_service);
        let applied = self.ask(ctx, |store| store.apply(&batch)).ok_or(ApplyError::Crashed)?;
        drop(permit);
        let applied: AppliedBatch = applied.map_err(to_apply_error)?;
        self.meter.applied(batch.events.iter().map(|event| event.timestamp), applied.events);
        let came_in_service = !was_in_service && self.core.as_ref().is_some_and(Store::in_service);
        if applied.changed > 0 || applied.rebuilt || came_in_service {
            self.show(ctx);
        } else if !self.publication {
            self.is_shown();
        }
        self.commit_soon(ctx);
        let catalog = self.publisher.number() + u64::from(self.publication);
        let AppliedBatch { changed, quarantined, rebuilt, .. } = applied;
        Ok(Applied { changed, quarantined, catalog, rebuilt })
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
        let Some(store) = self.core.as_ref().filter(|store| self.may_show(store)) else { return };
        self.publisher.publish(store.catalog(), store.in_service(), Instant::now());
        self.is_shown();
        self.catch_up_later(ctx);
    }

    /// Whether the catalogue may take the place of the one published before: a store that lost its state
    /// catches up beside what is served.
    fn may_show(&self, store: &Store) -> bool {
        store.in_service() || !self.publisher.was_in_service()
    }

    /// What is applied is published: tells who waits for it.
    fn is_shown(&mut self) {
        let Some(store) = self.core.as_ref().filter(|store| self.may_show(store)) else { return };
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

    /// Commits in a moment, when more has come, or now if much has.
    fn commit_soon(&mut self, ctx: &mut Context<Self>) {
        let Some(pending) = self.core.as_ref().map(Store::pending) else { return };
        if self.commit == Commit::Running || !pending.waiting && !pending.committing {
            return;
        }
        let is_large = pending.rows > LARGE.0 || pending.bytes > LARGE.1.min(self.config.overlay_bytes);
        if self.commit_failures == 0 && is_large {
            return self.begin_commit(ctx);
        }
        if self.commit == Commit::Scheduled {
            return;
        }
        let after = match self.commit_failures {
            0 => self.config.commit_after,
            failures => COMMIT_RETRY.1.min(COMMIT_RETRY.0 * (1 << failures.min(10))),
        };
        self.commit = Commit::Scheduled;
        ctx.run_later(after, |own, ctx| {
            if own.commit == Commit::Scheduled {
                own.begin_commit(ctx);
            }
        });
    }

    fn begin_commit(&mut self, ctx: &mut Context<Self>) {
        self.commit = Commit::Idle;
        let job = match self.ask(ctx, Store::begin_commit) {
            Some(Ok(Some(job))) => job,
            Some(Ok(None)) | None => return,
            Some(Err(error)) => return self.commit_failed(ctx, &error),
        };
        self.commit = Commit::Running;
        self.walks.commit_begun();
        let generation = self.generation;
        let run = tokio::task::spawn_blocking(move || {
            let begun = Instant::now();
            let committed =
                catch_unwind(AssertUnwindSafe(|| job.run())).unwrap_or_else(|_| Committed::crashed());
            (committed, begun.elapsed())
        });
        let ended = run.into_actor(self).map(move |ended, own, ctx| {
            let (committed, took) = ended.unwrap_or_else(|_| (Committed::crashed(), Duration::ZERO));
            own.commit = Commit::Idle;
            own.meter.committed(took, committed.is_ok());
            if generation == own.generation {
                own.end_commit(ctx, committed);
            }
        });
        ctx.spawn(ended);
    }

    fn end_commit(&mut self, ctx: &mut Context<Self>, committed: Committed) {
        match self.ask(ctx, |store| store.end_commit(committed)) {
            Some(Ok(())) => {
                self.commit_failures = 0;
                for (apex, reply) in self.walks.commit_ended() {
                    let _ = reply.send(self.open_zone(ctx, &apex));
                }
            }
            Some(Err(error)) => self.commit_failed(ctx, &error),
            None => {}
        }
        self.work(ctx);
        self.commit_soon(ctx);
        self.go_on_stopping(ctx);
    }

    fn open_zone(&mut self, ctx: &mut Context<Self>, apex: &Name) -> Result<OpenedZone, StoreUnavailable> {
        let opened = unwrap_answer(self.ask(ctx, |store| store.open_zone(apex)));
        opened.map(|walk| OpenedZone(Box::new(walk)))
    }

    fn commit_failed(&mut self, ctx: &mut Context<Self>, error: &StoreError) {
        self.commit_failures += 1;
        self.walks.fail(&error.to_string());
        tracing::error!(%error, failures = self.commit_failures, "a commit failed and is tried again; what is applied stays served");
        self.work(ctx);
        self.commit_soon(ctx);
        self.go_on_stopping(ctx);
    }

    /// Commits what is left and stops, once somebody asked for it.
    fn go_on_stopping(&mut self, ctx: &mut Context<Self>) {
        if self.stopping.is_empty()
            || !self.queue.is_empty() && self.core.is_some() && self.commit_failures == 0
        {
            return;
        }
        if self.commit == Commit::Running {
            return;
        }
        let pending = self.core.as_ref().map(Store::pending).unwrap_or_default();
        if pending.waiting || pending.committing {
            if self.commit_failures < LAST_TRIES {
                if self.commit_failures == 0 {
                    self.begin_commit(ctx);
                }
                // Otherwise the timer of the next try runs.
                return;
            }
            tracing::warn!(
                "the last changes could not be committed; the log is read again from the last commit"
            );
        }
        if self.publication {
            self.publish(ctx);
        }
        let core = self.core.take();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(core)));
        for reply in self.stopping.drain(..) {
            let _ = reply.send(());
        }
        ctx.stop();
    }

    /// Removes some of what a rebuilt source left behind, when the disk has nothing else to do.
    fn sweep(&mut self, ctx: &mut Context<Self>) {
        if self.commit != Commit::Idle || !self.stopping.is_empty() || !self.queue.is_empty() {
            return;
        }
        match self.ask(ctx, |store| store.sweep(SWEPT_AT_ONCE)) {
            Some(Ok(_)) | None => self.commit_soon(ctx),
            // The rows count for nothing; it is tried again.
            Some(Err(error)) => tracing::debug!(%error, "rows that are not needed cannot be removed now"),
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
            let gauges = [("dns_store_digest", digest), ("dns_store_digests_wrong", store.digests_wrong())];
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
        ctx.run_interval(TICK, |own, ctx| {
            own.measure();
            own.sweep(ctx);
        });
        self.publish(ctx);
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

impl Handler<ReadRecords> for ZoneStore {
    type Result = Result<Vec<RecordSet>, StoreUnavailable>;

    fn handle(&mut self, message: ReadRecords, ctx: &mut Self::Context) -> Self::Result {
        unwrap_answer(self.ask(ctx, |store| store.records(&message.owner, message.rtype)))
    }
}

impl Handler<ListZones> for ZoneStore {
    type Result = Result<Vec<ZoneSummary>, StoreUnavailable>;

    fn handle(&mut self, message: ListZones, ctx: &mut Self::Context) -> Self::Result {
        unwrap_answer(self.ask(ctx, |store| store.zones(message.after.as_ref(), message.limit)))
    }
}

impl Handler<OpenZone> for ZoneStore {
    type Result = ResponseFuture<Result<OpenedZone, StoreUnavailable>>;

    fn handle(&mut self, OpenZone { apex }: OpenZone, ctx: &mut Self::Context) -> Self::Result {
        let (reply, answer) = oneshot::channel();
        let in_service = self.core.as_ref().is_none_or(Store::in_service);
        let pending = self.core.as_ref().map(Store::pending).unwrap_or_default();
        if !in_service {
            let _ = reply.send(Err(StoreUnavailable(HALF.to_owned())));
        } else if self.commit_failures > 0 {
            let _ = reply.send(Err(StoreUnavailable(NOT_COMMITTED.to_owned())));
        } else if pending.waiting || pending.committing {
            self.walks.add(apex, pending.waiting, reply);
            self.commit_soon(ctx);
        } else {
            let _ = reply.send(self.open_zone(ctx, &apex));
        }
        Box::pin(async { answer.await.unwrap_or_else(|_| Err(StoreUnavailable("it stops".to_owned()))) })
    }
}

impl Handler<ReadQuarantine> for ZoneStore {
    type Result = Result<Vec<Quarantined>, StoreUnavailable>;

    fn handle(&mut self, message: ReadQuarantine, ctx: &mut Self::Context) -> Self::Result {
        unwrap_answer(self.ask(ctx, |store| store.quarantined_behind(message.after.as_ref(), message.limit)))
    }
}

impl Handler<ReadStoreStatus> for ZoneStore {
    type Result = MessageResult<ReadStoreStatus>;

    fn handle(&mut self, _: ReadStoreStatus, ctx: &mut Self::Context) -> Self::Result {
        let number = self.publisher.number();
        let mut status = self.ask(ctx, |store| store.status(number)).unwrap_or_default();
        status.catalog = number;
        // What is published goes on answering while a store that was lost is filled again.
        status.in_service |= self.publisher.was_in_service();
        MessageResult(status)
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

impl Handler<HoldApplied> for ZoneStore {
    type Result = Result<Vec<(SourceId, Partition, Position)>, StoreUnavailable>;

    fn handle(&mut self, message: HoldApplied, ctx: &mut Self::Context) -> Self::Result {
        if self.hold.is_some() {
            return Err(StoreUnavailable("it is being compared already; try again".to_owned()));
        }
        let status = self.ask(ctx, |store| Ok(store.status(0)));
        let positions = unwrap_answer(status)?.positions;
        self.holds += 1;
        self.hold = Some(Hold::new(self.holds));
        let number = self.holds;
        ctx.run_later(message.limit.min(LONGEST_HOLD), move |own, ctx| {
            if own.hold.as_ref().is_some_and(|hold| hold.number == number) {
                own.release(ctx, "not all partitions arrived in time");
                own.work(ctx);
            }
        });
        Ok(positions)
    }
}

impl Handler<ReadDigests> for ZoneStore {
    type Result = ResponseFuture<Result<Vec<ZoneSummary>, StoreUnavailable>>;

    fn handle(&mut self, message: ReadDigests, ctx: &mut Self::Context) -> Self::Result {
        let (reply, answer) = oneshot::channel();
        let targets: Targets =
            message.positions.into_iter().map(|(source, p, at)| ((source, p), at)).collect();
        let is_past = |store: &Store| {
            targets
                .iter()
                .any(|((source, p), target)| store.applied(source, *p).is_some_and(|at| at > *target))
        };
        let refused = match (&mut self.hold, &self.core) {
            (None, _) => Some("nobody told it to stand still, or the time for that is over"),
            (Some(hold), _) if hold.is_going() => Some("it is being compared already"),
            (_, Some(store)) if is_past(store) => Some("it has gone past these positions"),
            _ => None,
        };
        match (refused, &mut self.hold) {
            (Some(why), _) => drop(reply.send(Err(StoreUnavailable(why.to_owned())))),
            (None, Some(hold)) => {
                hold.go_to(targets, reply);
                self.look_whether_arrived(ctx);
                self.work(ctx);
            }
            (None, None) => {}
        }
        Box::pin(async { answer.await.unwrap_or(Err(StoreUnavailable("the store is stopping".to_owned()))) })
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

/// Nobody asks the actor for changes, so they are not copied.
fn uncollected(config: &StoreConfig) -> StoreConfig {
    StoreConfig { collect_changes: false, ..config.clone() }
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
