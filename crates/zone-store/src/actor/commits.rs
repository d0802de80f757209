//! Commits: when they are made, on a thread of their own, and what becomes of those that fail.

use super::{LAST_TRIES, SWEPT_AT_ONCE, ZoneStore};
use crate::commit::Committed;
use crate::error::StoreError;
use crate::memory;
use crate::pace::Next;
use crate::store::Store;
use actix::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

// === impl ZoneStore ===

impl ZoneStore {
    /// Commits in a moment, when more has come, or now if much has.
    pub(super) fn commit_soon(&mut self, ctx: &mut Context<Self>) {
        let Some(pending) = self.core.as_ref().map(Store::pending) else { return };
        match self.commits.next(pending, self.config.commit_after, self.config.overlay_bytes) {
            Next::Nothing => {}
            Next::Now => self.begin_commit(ctx),
            Next::After(wait) => {
                let timer = self.commits.timer();
                ctx.run_later(wait, move |own, ctx| {
                    if own.commits.heeds(timer) {
                        own.begin_commit(ctx);
                    }
                });
            }
        }
    }

    pub(super) fn begin_commit(&mut self, ctx: &mut Context<Self>) {
        self.commits.idle();
        let job = match self.ask(ctx, Store::begin_commit) {
            Some(Ok(Some(job))) => job,
            Some(Ok(None)) => {
                // redb was opened again, and that was all there was to do.
                self.walks.commit_begun();
                return self.committed(ctx);
            }
            None => return,
            Some(Err(error)) => return self.commit_failed(ctx, &error),
        };
        // What is committed is freed with it.
        self.freed.add(self.core.as_ref().map_or(0, |store| store.pending().bytes));
        self.commits.running();
        self.walks.commit_begun();
        let generation = self.generation;
        let ended = self.committer.begin(job).into_actor(self).map(move |ended, own, ctx| {
            let (committed, took) = ended.unwrap_or_else(|_| (Committed::crashed(), Duration::ZERO));
            own.commits.idle();
            own.meter.committed(took, committed.is_ok());
            if generation == own.generation {
                own.end_commit(ctx, committed);
            }
        });
        ctx.spawn(ended);
    }

    pub(super) fn end_commit(&mut self, ctx: &mut Context<Self>, committed: Committed) {
        match self.ask(ctx, |store| store.end_commit(committed)) {
            Some(Ok(())) => self.committed(ctx),
            Some(Err(error)) => self.commit_failed(ctx, &error),
            None => self.go_on(ctx),
        }
    }

    /// Gives back what was freed and is of no use to anybody soon.
    pub(super) fn tidy_at_rest(&mut self) {
        if let Some(after) = self.freed.look(self.commits.is_idle()) {
            tokio::task::spawn_blocking(move || memory::tidy(after));
        }
    }

    /// Everything that waited when the commit began is on the disk.
    fn committed(&mut self, ctx: &mut Context<Self>) {
        self.commits.succeeded();
        let waits = self.core.as_ref().is_none_or(|store| store.pending().waiting);
        if !waits && let Some(after) = self.freed.take() {
            tokio::task::spawn_blocking(move || memory::tidy(after));
        }
        for (apex, reply) in self.walks.commit_ended() {
            let _ = reply.send(self.open_zone(ctx, &apex));
        }
        self.go_on(ctx);
    }

    fn go_on(&mut self, ctx: &mut Context<Self>) {
        self.work(ctx);
        self.commit_soon(ctx);
        self.go_on_stopping(ctx);
    }

    pub(super) fn commit_failed(&mut self, ctx: &mut Context<Self>, error: &StoreError) {
        self.commits.failed();
        self.walks.fail(&error.to_string());
        if error.is_damage() {
            self.lose(ctx, &error.to_string());
        } else {
            tracing::error!(%error, failures = self.commits.failures(), "a commit failed and is tried again; what is applied stays served");
        }
        self.go_on(ctx);
    }

    /// Commits what is left and stops, once somebody asked for it.
    pub(super) fn go_on_stopping(&mut self, ctx: &mut Context<Self>) {
        if self.stopping.is_empty()
            || !self.queue.is_empty() && self.core.is_some() && self.commits.failures() == 0
        {
            return;
        }
        if self.commits.is_running() {
            return;
        }
        let pending = self.core.as_ref().map(Store::pending).unwrap_or_default();
        if pending.waiting || pending.committing {
            if self.commits.failures() < LAST_TRIES {
                if self.commits.failures() == 0 {
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
    pub(super) fn sweep(&mut self, ctx: &mut Context<Self>) {
        if !self.commits.is_idle() || !self.stopping.is_empty() || !self.queue.is_empty() {
            return;
        }
        match self.ask(ctx, |store| store.sweep(SWEPT_AT_ONCE)) {
            Some(Ok(_)) | None => {}
            // The rows count for nothing; it is tried again.
            Some(Err(error)) => tracing::debug!(%error, "rows that are not needed cannot be removed now"),
        }
        self.commit_soon(ctx);
    }
}
