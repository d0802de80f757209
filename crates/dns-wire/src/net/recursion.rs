//! An answer that waits for the resolver, on its own task.

use super::{Busy, Shared};
use crate::answer::{Pending, Verdict};
use crate::client::Sink;
use crate::counters::Lost;
use messages::{Resolution, Resolve, Snapshot};
use std::rc::Rc;

/// How often an answer may go to the resolver and come back: out of the zones, in, and out again.
const ROUNDS: usize = 4;

struct Last<'s, F> {
    send: &'s mut F,
    unsent: bool,
}

// === impl Last ===

impl<F: FnMut(&[u8]) -> bool> Sink for Last<'_, F> {
    fn message(&mut self, octets: &[u8]) {
        self.unsent |= !(self.send)(octets);
    }
}

/// Asks the resolver and sends the answer when it has spoken.
pub(super) fn spawn(
    pending: Pending,
    snapshot: Rc<Snapshot>,
    shared: Rc<Shared>,
    send: impl FnMut(&[u8]) -> bool + 'static,
) {
    let busy = Busy::new(&shared);
    tokio::task::spawn_local(async move {
        finish(pending, snapshot, &shared, send).await;
        drop(busy);
    });
}

/// Asks the resolver as often as the chain leads to it, and sends the answer.
pub(super) async fn finish(
    mut pending: Pending,
    snapshot: Rc<Snapshot>,
    shared: &Shared,
    mut send: impl FnMut(&[u8]) -> bool,
) {
    for round in 1.. {
        let resolution = if round <= ROUNDS { ask(&pending, shared).await } else { None };
        let mut listener = shared.listener.borrow_mut();
        let mut last = Last { send: &mut send, unsent: false };
        let verdict = listener.resume(pending, &snapshot, resolution, &mut last);
        if last.unsent {
            listener.counters.lost(Lost::Unsent);
        }
        match verdict {
            Verdict::Resolve(next) => pending = *next,
            Verdict::Answered(_) | Verdict::Dropped => return,
        }
    }
}

async fn ask(pending: &Pending, shared: &Shared) -> Option<Resolution> {
    let resolver = shared.resolver.as_ref()?;
    let Some(permit) = shared.places.try_take() else {
        shared.listener.borrow_mut().counters.lost(Lost::Resolver);
        return None;
    };
    let resolve = Resolve { question: pending.question().clone(), dnssec_ok: pending.dnssec_ok(), permit };
    resolver.send(resolve).await.ok()?.ok()
}
