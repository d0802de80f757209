//! One source's way into the store: ask where to go on, read, hand batch after batch to zone-store.
//!
//! One batch of a source is under way at a time, so its order cannot be lost; the next is assembled
//! meanwhile. When the store fails, reading begins again where the store says that it stands: the log is the
//! truth, and nothing has to be kept for a second try.

use crate::backoff::pause;
use crate::batch::Batch;
use crate::config::BatchConfig;
use crate::course::{Course, Verdict};
use crate::reader::{Ended, Reader, ReaderStatus};
use crate::source::SourceSpec;
use messages::{Applied, ApplyChanges, ApplyError, OpenSource, Permits, Rebuild, Recipient};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::{mpsc, watch};
use zone_model::Timestamp;

/// Whom a consumer speaks to.
#[derive(Clone)]
pub struct Peers {
    /// zone-store: where to go on.
    pub open: Recipient<OpenSource>,
    /// zone-store: what to apply.
    pub apply: Recipient<ApplyChanges>,
    /// metric-agent, where there is one.
    pub measured: Option<Recipient<messages::Measured>>,
}

/// What a link needs from its actor for each step.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) peers: Peers,
    pub(crate) permits: Permits,
    /// True when the actor is stopping.
    pub(crate) stopping: watch::Receiver<bool>,
}

/// A source and how far it got. Moved into each step and handed back by it.
pub(crate) struct Link {
    spec: SourceSpec,
    config: BatchConfig,
    stage: Stage,
    /// Failures since the last success.
    failures: u32,
    /// What is known of the reading under way.
    course: Course,
    /// Whether the log is to be read again beside what is served, and why.
    rebuild: Option<(Rebuild, String)>,
    /// What somebody asks for.
    wishes: mpsc::Receiver<Wish>,
    /// Panics over a batch, here or in the store, since the last success.
    crashes: u32,
}

enum Stage {
    Open,
    Read {
        reader: Reader,
        batches: mpsc::Receiver<Batch>,
    },
    /// An alarm: nothing more until somebody asks for a rebuild. Whether that which was read beside is complete,
    /// and only waits for its loss to be accepted.
    Halted {
        complete: bool,
    },
    Done,
}

/// Reads the log again beside what is served.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish {
    pub(crate) accept_loss: bool,
}

/// What came of a step.
#[derive(Debug)]
pub(crate) enum Step {
    /// The store said where to go on, and reading began; why it is made beside what is served, where it is.
    Reading { status: watch::Receiver<ReaderStatus>, in_step: Option<Timestamp>, rebuilding: Option<String> },
    /// The log is read again beside what is served, for this reason.
    Rebuild(String),
    /// A batch was applied.
    Applied { applied: Applied, in_step: Option<Timestamp> },
    /// Something failed and is tried again.
    Failed(String),
    /// Nothing more is applied from the source.
    Halted(String),
    /// The actor is stopping, and the source is closed.
    Done,
}

/// Panics in a row after which a batch is not tried again: it is the batch that does it.
const MAX_CRASHES: u32 = 5;

// === impl Link ===

impl Link {
    pub(crate) fn new(spec: SourceSpec, config: BatchConfig, wishes: mpsc::Receiver<Wish>) -> Self {
        Self {
            spec,
            config,
            stage: Stage::Open,
            failures: 0,
            course: Course::default(),
            rebuild: None,
            wishes,
            crashes: 0,
        }
    }

    /// Does the next thing there is to do, however long it takes. A batch that was sent is waited for also when
    /// the actor is stopping.
    pub(crate) async fn step(mut self, mut around: Surroundings) -> (Self, Step) {
        let step = match std::mem::replace(&mut self.stage, Stage::Done) {
            Stage::Open => self.open(&mut around).await,
            Stage::Read { reader, batches } => self.read(reader, batches, &mut around).await,
            Stage::Halted { complete } => tokio::select! {
                biased;
                () = stopped(&mut around.stopping) => Step::Done,
                Some(wish) = self.wishes.recv() => self.begin_rebuild(wish, complete),
            },
            Stage::Done => Step::Done,
        };
        (self, step)
    }

    async fn open(&mut self, around: &mut Surroundings) -> Step {
        self.pause(around).await;
        if *around.stopping.borrow() {
            return Step::Done;
        }
        let rebuild = self.rebuild.as_ref().map(|(how, _)| *how);
        let open = OpenSource { source: self.spec.id().clone(), now: wall_clock(), rebuild };
        let state = match around.peers.open.send(open).await {
            Ok(Ok(state)) => state,
            Ok(Err(error)) => return self.fail(Stage::Open, error.to_string()),
            Err(error) => {
                return self.fail(Stage::Open, format!("the store's actor cannot be reached: {error}"));
            }
        };
        // From here on the store remembers it, whatever happens here.
        let why = self.rebuild.take().map(|(_, why)| why);
        let rebuilding =
            state.rebuilding.then(|| why.unwrap_or_else(|| "it was under way before".to_owned()));
        self.course = Course::of(&state, self.spec.accepts_incomplete());
        let (sender, batches) = mpsc::channel(1);
        match Reader::start(self.spec.clone(), state.positions, self.config.clone(), sender) {
            Ok(reader) => {
                let status = reader.status();
                self.stage = Stage::Read { reader, batches };
                Step::Reading { status, in_step: state.in_step, rebuilding }
            }
            Err(error) => self.fail(Stage::Open, format!("no thread can be made to read the log: {error}")),
        }
    }

    async fn read(
        &mut self,
        reader: Reader,
        mut batches: mpsc::Receiver<Batch>,
        around: &mut Surroundings,
    ) -> Step {
        let batch = tokio::select! {
            biased;
            () = stopped(&mut around.stopping) => None,
            Some(wish) = self.wishes.recv() => {
                close(reader, batches).await;
                return self.begin_rebuild(wish, self.course.rebuilding && wish.accept_loss);
            }
            batch = batches.recv() => batch,
        };
        if *around.stopping.borrow() {
            close(reader, batches).await;
            return Step::Done;
        }
        match batch {
            Some(batch) => self.apply(batch, reader, batches, around).await,
            None => {
                // The thread says why it ended after it has dropped its end of the channel.
                let status = reader.status();
                close(reader, batches).await;
                let status = status.borrow().clone();
                self.ended(status)
            }
        }
    }

    async fn apply(
        &mut self,
        batch: Batch,
        reader: Reader,
        batches: mpsc::Receiver<Batch>,
        around: &mut Surroundings,
    ) -> Step {
        let Batch { source, events, positions, mut in_step, log, bytes: _ } = batch;
        let mut why = None;
        match self.course.judge(&source, &log, in_step) {
            Verdict::Apply => {}
            Verdict::ApplyAndRebuild(reason, counts) => {
                // A moment that does not count is not stored, so that a node which is stopped here finds the
                // same again.
                in_step = in_step.filter(|_| counts);
                why = Some(reason);
            }
            Verdict::Halt(alarm) => {
                close(reader, batches).await;
                self.stage = Stage::Halted { complete: false };
                return Step::Halted(alarm);
            }
        }
        let permit = around.permits.take().await;
        let result =
            around.peers.apply.send(ApplyChanges { source, events, positions, in_step, permit }).await;
        match result {
            Ok(Ok(applied)) => {
                (self.failures, self.crashes) = (0, 0);
                self.course.applied(in_step, applied.rebuilt);
                if let Some(why) = why {
                    close(reader, batches).await;
                    return self.rebuild(Rebuild::Anew { accept_loss: false }, why);
                }
                self.stage = Stage::Read { reader, batches };
                Step::Applied { applied, in_step }
            }
            Ok(Err(ApplyError::Loss(alarm))) => {
                close(reader, batches).await;
                self.stage = Stage::Halted { complete: true };
                Step::Halted(alarm)
            }
            Ok(Err(error)) => {
                close(reader, batches).await;
                self.crashes += u32::from(error == ApplyError::Crashed);
                self.fail_or_halt(error.to_string())
            }
            Err(error) => {
                close(reader, batches).await;
                self.fail(Stage::Open, format!("the store's actor cannot be reached: {error}"))
            }
        }
    }

    /// The reader's thread ended by itself.
    fn ended(&mut self, status: ReaderStatus) -> Step {
        match (status.ended, status.alarm) {
            (_, Some(alarm)) => {
                self.stage = Stage::Halted { complete: false };
                Step::Halted(alarm)
            }
            (Some(Ended::Rebuild(why)), _) => self.rebuild(Rebuild::Anew { accept_loss: false }, why),
            (Some(Ended::NotOpened(error)), _) => self.fail(Stage::Open, error),
            (Some(Ended::Panicked(what)), _) => {
                self.crashes += 1;
                self.fail_or_halt(format!("a defect: reading the log panicked: {what}"))
            }
            _ => self.fail(Stage::Open, "reading the log ended and begins again".into()),
        }
    }

    /// `complete` says that what was read beside can be gone on with.
    fn begin_rebuild(&mut self, wish: Wish, complete: bool) -> Step {
        let how = match wish {
            Wish { accept_loss: true } if complete => Rebuild::Accept,
            Wish { accept_loss } => Rebuild::Anew { accept_loss },
        };
        let accepted = if wish.accept_loss { ", a loss accepted" } else { "" };
        self.rebuild(how, format!("it was asked for{accepted}"))
    }

    fn rebuild(&mut self, how: Rebuild, why: String) -> Step {
        (self.failures, self.crashes) = (0, 0);
        self.stage = Stage::Open;
        self.rebuild = Some((how, why.clone()));
        Step::Rebuild(why)
    }

    fn fail(&mut self, next: Stage, error: String) -> Step {
        self.failures = self.failures.saturating_add(1);
        self.stage = next;
        Step::Failed(error)
    }

    fn fail_or_halt(&mut self, error: String) -> Step {
        if self.crashes < MAX_CRASHES {
            return self.fail(Stage::Open, error);
        }
        self.stage = Stage::Halted { complete: false };
        Step::Halted(format!(
            "{error}; {MAX_CRASHES} times in a row at the same place, so the source is not read on: what was served \
             stays served; report the defect, and start the server again to try once more"
        ))
    }

    async fn pause(&self, around: &mut Surroundings) {
        if self.failures > 0 {
            tokio::select! {
                () = stopped(&mut around.stopping) => {}
                () = tokio::time::sleep(pause(self.failures)) => {}
            }
        }
    }
}

fn wall_clock() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Ends a reader without holding up the actors beside this one.
async fn close(reader: Reader, batches: mpsc::Receiver<Batch>) {
    drop(batches);
    // An error is a panic of the closure or a runtime that shuts down; the thread ends by itself then.
    drop(tokio::task::spawn_blocking(move || reader.stop()).await);
}

async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // An error says that the actor is gone, which is as good as stopping.
    drop(stopping.wait_for(|stop| *stop).await);
}
