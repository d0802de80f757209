//! Standing still while nodes are compared.

use super::{LONGEST_HOLD, ZoneStore, unwrap_answer};
use actix::prelude::*;
use messages::{HoldApplied, ReadDigests, StoreUnavailable, ZoneSummary};
use tokio::sync::oneshot;
use zone_model::{Partition, Position, SourceId};

// === impl ZoneStore ===

impl ZoneStore {
    /// Answers who compares nodes, once every partition has arrived.
    pub(super) fn look_whether_arrived(&mut self, ctx: &mut Context<Self>) {
        let Some(store) = &self.core else { return };
        if self.holds.have_arrived(|source, partition| store.applied(source, partition)) {
            let zones = unwrap_answer(self.ask(ctx, |store| store.all_zones()));
            self.end_hold(ctx, zones);
        }
    }

    pub(super) fn release(&mut self, ctx: &mut Context<Self>, why: &str) {
        self.end_hold(ctx, Err(StoreUnavailable(why.to_owned())));
    }

    /// Goes on with what was held. If that fails, who sent it has to begin again where the store says.
    pub(super) fn end_hold(
        &mut self,
        ctx: &mut Context<Self>,
        answer: Result<Vec<ZoneSummary>, StoreUnavailable>,
    ) {
        let (reply, mut behind) = self.holds.end();
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
}

// === messages ===

impl Handler<HoldApplied> for ZoneStore {
    type Result = Result<Vec<(SourceId, Partition, Position)>, StoreUnavailable>;

    fn handle(&mut self, message: HoldApplied, ctx: &mut Self::Context) -> Self::Result {
        let status = self.ask(ctx, |store| Ok(store.status(0)));
        let positions = unwrap_answer(status)?.positions;
        let number = self.holds.begin()?;
        ctx.run_later(message.limit.min(LONGEST_HOLD), move |own, ctx| {
            if own.holds.holds(number) {
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
        let targets = message.positions.into_iter().map(|(source, p, at)| ((source, p), at)).collect();
        let at = |source: &SourceId, partition| self.core.as_ref()?.applied(source, partition);
        if self.holds.go_to(targets, reply, at) {
            self.look_whether_arrived(ctx);
            self.work(ctx);
        }
        Box::pin(async { answer.await.unwrap_or(Err(StoreUnavailable("the store is stopping".to_owned()))) })
    }
}
