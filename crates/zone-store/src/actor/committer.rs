//! Who commits: a thread of its own, or for a backlog the runtime.

use crate::commit::{CommitJob, Committed};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Makes commits, one at a time: on a thread of its own that gives way to those that answer, unless what waits is so much
/// that the log would have to wait for it. A thread that has given way cannot take that back, so a backlog is committed
/// by one of the runtime's. Where the committer is dropped the commit under way on its thread is waited for, as the
/// runtime waits for those that it makes.
#[derive(Debug, Default)]
pub(super) struct Committer {
    /// `None` before the first commit.
    thread: Option<Thread>,
}

#[derive(Debug)]
struct Thread {
    jobs: Sender<Order>,
    handle: JoinHandle<()>,
}

type Order = (CommitJob, oneshot::Sender<Ended>);

/// What came of a commit, and how long it took.
pub(super) type Ended = (Committed, Duration);

// === impl Committer ===

impl Committer {
    /// Hands a commit over. What comes of it is told by what is returned. To be called on the actor's runtime.
    pub(super) fn begin(&mut self, job: CommitJob) -> oneshot::Receiver<Ended> {
        let (tell, told) = oneshot::channel();
        if job.is_backlog() {
            tokio::task::spawn_blocking(move || commit((job, tell)));
            return told;
        }
        let order = match &self.thread {
            // A thread that ended in spite of everything is replaced.
            Some(thread) => thread.jobs.send((job, tell)).err().map(|unsent| unsent.0),
            None => Some((job, tell)),
        };
        let Some(order) = order else { return told };
        match Thread::start() {
            Ok(thread) => {
                // It has just begun to wait for it.
                let _ = thread.jobs.send(order);
                self.thread = Some(thread);
            }
            Err(error) => drop(order.1.send((order.0.refused(error), Duration::ZERO))),
        }
        told
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        if let Some(Thread { jobs, handle }) = self.thread.take() {
            drop(jobs);
            // Panics were caught.
            let _ = handle.join();
        }
    }
}

// === impl Thread ===

impl Thread {
    fn start() -> io::Result<Self> {
        let (jobs, waiting) = channel::<Order>();
        let handle = Builder::new().name("commit".to_owned()).spawn(move || {
            messages::give_way();
            waiting.into_iter().for_each(commit);
        })?;
        Ok(Self { jobs, handle })
    }
}

fn commit((job, tell): Order) {
    let begun = Instant::now();
    let committed = catch_unwind(AssertUnwindSafe(|| job.run())).unwrap_or_else(|_| Committed::crashed());
    // An actor that is gone needs not know.
    let _ = tell.send((committed, begun.elapsed()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::Disk;
    use crate::layers::Layer;
    use crate::pace::BACKLOG_BYTES;
    use crate::recent::Recent;
    use std::sync::Arc;

    fn job(disk: &Disk, layer: Layer) -> CommitJob {
        let plan = Recent::default().plan(&layer, 1, false);
        disk.job(Arc::new(layer), Arc::new(plan)).expect("a job")
    }

    #[test]
    fn one_thread_makes_all_commits_and_ends_with_who_has_it() {
        let disk = Disk::open(None, 1 << 20).expect("memory");
        let mut committer = Committer::default();
        let mut threads = Vec::new();
        for _ in 0..3 {
            let job = job(&disk, Layer::default());
            let (committed, _) = committer.begin(job).blocking_recv().expect("an end");
            assert!(committed.is_ok());
            threads.extend(committer.thread.as_ref().map(|thread| thread.handle.thread().id()));
        }
        assert!(threads.len() == 3 && threads.windows(2).all(|two| two[0] == two[1]), "{threads:?}");
        // The job that is under way is made to its end.
        let told = committer.begin(job(&disk, Layer::default()));
        drop(committer);
        assert!(told.blocking_recv().expect("an end").0.is_ok());
    }

    #[actix::test]
    async fn a_backlog_does_not_give_way() {
        let disk = Disk::open(None, 1 << 20).expect("memory");
        let mut committer = Committer::default();
        for (bytes, has_thread) in [(BACKLOG_BYTES + 1, false), (BACKLOG_BYTES, true)] {
            let mut layer = Layer::default();
            layer.bytes += bytes;
            let job = job(&disk, layer);
            assert!(committer.begin(job).await.expect("an end").0.is_ok());
            assert_eq!(committer.thread.is_some(), has_thread);
        }
    }

    #[test]
    fn a_thread_that_is_gone_is_replaced() {
        let disk = Disk::open(None, 1 << 20).expect("memory");
        let (jobs, gone) = channel();
        drop(gone);
        let thread = Thread { jobs, handle: std::thread::spawn(|| {}) };
        let mut committer = Committer { thread: Some(thread) };
        let job = job(&disk, Layer::default());
        assert!(committer.begin(job).blocking_recv().expect("an end").0.is_ok());
    }
}
