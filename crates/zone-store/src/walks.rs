//! Who waits to open a zone: until everything that was applied before has been committed.

use messages::{OpenedZone, StoreUnavailable};
use tokio::sync::oneshot;
use zone_model::Name;

/// Where an opened zone goes.
type Reply = oneshot::Sender<Result<OpenedZone, StoreUnavailable>>;

/// Walks that may wait; one too many is refused.
const MOST: usize = 64;

/// Zones to be opened, each behind the commit that it waits for.
#[derive(Debug, Default)]
pub(crate) struct Walks {
    /// How many commits were begun.
    begun: u64,
    waiting: Vec<(u64, Name, Reply)>,
}

// === impl Walks ===

impl Walks {
    /// Has a zone opened after the commit that is under way, or, where changes wait for another, after the next.
    pub(crate) fn add(&mut self, apex: Name, next: bool, reply: Reply) {
        if self.waiting.len() < MOST {
            self.waiting.push((self.begun + u64::from(next), apex, reply));
        } else {
            let _ = reply.send(Err(StoreUnavailable("too many zones are being read; try again".to_owned())));
        }
    }

    pub(crate) fn commit_begun(&mut self) {
        self.begun += 1;
    }

    /// The last commit that was begun is on the disk: those that waited for it.
    pub(crate) fn commit_ended(&mut self) -> Vec<(Name, Reply)> {
        let begun = self.begun;
        let ready = self.waiting.extract_if(.., |(commit, _, _)| *commit <= begun);
        ready.map(|(_, apex, reply)| (apex, reply)).collect()
    }

    /// Nothing is committed for now.
    pub(crate) fn fail(&mut self, why: &str) {
        for (_, _, reply) in self.waiting.drain(..) {
            let _ = reply.send(Err(StoreUnavailable(why.to_owned())));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(walks: &mut Walks, next: bool) -> oneshot::Receiver<Result<OpenedZone, StoreUnavailable>> {
        let (reply, answer) = oneshot::channel();
        walks.add(Name::root(), next, reply);
        answer
    }

    #[test]
    fn a_walk_sees_what_was_applied_before_it() {
        let mut walks = Walks::default();
        walks.commit_begun();
        // One that came while nothing new waited, one behind a change that this commit does not hold.
        let (_this, _next) = (waiting(&mut walks, false), waiting(&mut walks, true));
        assert_eq!(walks.commit_ended().len(), 1);
        assert_eq!(walks.commit_ended().len(), 0);
        walks.commit_begun();
        assert_eq!(walks.commit_ended().len(), 1);
    }

    #[test]
    fn a_walk_learns_of_a_failure_and_of_too_many() {
        let mut walks = Walks::default();
        let mut all: Vec<_> = (0..=MOST).map(|_| waiting(&mut walks, true)).collect();
        let refused = all.pop().and_then(|mut last| last.try_recv().ok());
        assert!(matches!(refused, Some(Err(StoreUnavailable(why))) if why.contains("too many")));
        walks.fail("the disk is gone");
        assert!(matches!(all[0].try_recv(), Ok(Err(StoreUnavailable(why))) if why == "the disk is gone"));
        walks.commit_begun();
        assert_eq!(walks.commit_ended().len(), 0);
    }
}
