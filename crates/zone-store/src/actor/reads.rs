//! Questions about what is held.

use super::{HALF, NOT_COMMITTED, ZoneStore, unwrap_answer};
use crate::store::Store;
use actix::prelude::*;
use messages::{
    ListZones, OpenZone, OpenedZone, Quarantined, ReadQuarantine, ReadRecords, ReadStoreStatus, RecordSet,
    StoreUnavailable, ZoneSummary,
};
use tokio::sync::oneshot;
use zone_model::Name;

// === impl ZoneStore ===

impl ZoneStore {
    pub(super) fn open_zone(
        &mut self,
        ctx: &mut Context<Self>,
        apex: &Name,
    ) -> Result<OpenedZone, StoreUnavailable> {
        let opened = unwrap_answer(self.ask(ctx, |store| store.open_zone(apex)));
        opened.map(|walk| OpenedZone(Box::new(walk)))
    }
}

// === messages ===

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
        } else if self.commits.failures() > 0 {
            let _ = reply.send(Err(StoreUnavailable(NOT_COMMITTED.to_owned())));
        } else if pending.waiting || pending.committing {
            self.walks.add(apex, pending.waiting, reply);
            if self.commits.holds_up(pending) {
                self.begin_commit(ctx);
            } else {
                self.commit_soon(ctx);
            }
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
        // The listeners', and not the store's own: they may have yet to take up the first catalogue, and what is
        // published goes on answering while a store that was lost is filled again.
        status.in_service = self.publisher.is_answered_from();
        MessageResult(status)
    }
}
