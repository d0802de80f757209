//! The thread that polls one source, decodes what it yields, and hands on batches through a bounded channel.
//!
//! A slow reader of the batches holds the thread up, and the thread the source: nothing piles up. While the
//! channel is full the thread goes on assembling until its batch has reached its size, so that batches grow
//! with the backlog; while it is not, an event is handed on at once. After that a thread that gives way to others sleeps
//! for 5 to 40 ms if they want its processor: what comes meanwhile is handed on together.

use crate::assemble::{Assembler, ClosedEarly};
use crate::batch::Batch;
use crate::complaints::Complaints;
use crate::config::BatchConfig;
use crate::crowd::Crowd;
use crate::held::Held;
use crate::lateness::{Ahead, Lateness};
use crate::source::{Output, Progress, Source, SourceSpec};
use messages::{LogFacts, PartitionStatus};
use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;
use zone_model::{Event, EventBody, Partition, Position, RawEvent, Timestamp};

/// A source's thread. It ends when this is dropped, at the latest [`IDLE`] later.
#[derive(Debug)]
pub(crate) struct Reader {
    status: watch::Receiver<ReaderStatus>,
    /// The thread reads on as long as this exists.
    wanted: Sender<()>,
    thread: JoinHandle<()>,
}

/// How reading goes; counters since the thread's start.
#[derive(Clone, Debug, Default)]
pub struct ReaderStatus {
    /// Whether the source can be read at present, and what was read be handed on.
    pub connected: bool,
    /// Why not, where it cannot.
    pub last_error: Option<String>,
    /// Why nothing more is read, where that is so.
    pub alarm: Option<String>,
    /// Events read.
    pub events: u64,
    /// Bytes of their keys, values and headers.
    pub bytes: u64,
    /// Events that cannot be used.
    pub unusable: u64,
    /// Changes that were handed on before all of them was there.
    pub closed_early: u64,
    /// Events whose timestamp was more than five minutes ahead of this node's clock.
    pub ahead: u64,
    /// Times that the source could not make what was read last, so that it is held back.
    pub unsettled: u64,
    /// What is known of the log as a whole.
    pub log: LogFacts,
    /// What about the log keeps a promise from holding, each with what follows.
    pub warnings: Vec<String>,
    /// Partition by partition.
    pub partitions: Vec<PartitionStatus>,
    /// Why the thread ended, when it has.
    pub ended: Option<Ended>,
}

/// Why a source's thread ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// Nobody wants its batches any more.
    Stopped,
    /// The source raised an alarm: nothing more must be applied from it.
    Alarm,
    /// The log has to be read again from its beginning, and why.
    Rebuild(String),
    /// The source could not be opened, and why. It may be tried again.
    NotOpened(String),
    /// A defect: the thread panicked, and over what. It may be started again.
    Panicked(String),
}

/// Where a reader's batches go.
pub(crate) trait Sink: Send + 'static {
    /// Hands a batch on if there is room.
    fn try_send(&mut self, batch: Batch) -> Result<(), Refused>;
    /// Waits for room. False when nobody takes batches any more.
    fn send(&mut self, batch: Batch) -> bool;
}

/// Why a batch was not taken.
pub(crate) enum Refused {
    Full(Box<Batch>),
    Closed,
}

/// How long a quiet source is waited for before the thread looks whether it is still wanted.
const IDLE: Duration = Duration::from_millis(100);
/// How long a source is waited for while a batch waits for room.
const BUSY: Duration = Duration::from_millis(1);
/// How often the status of the partitions is made, at most.
const STATUS_EVERY: Duration = Duration::from_millis(50);

// === impl Reader ===

impl Reader {
    /// Starts the thread.
    ///
    /// # Errors
    /// Whatever keeps the system from making a thread.
    pub(crate) fn start(
        spec: SourceSpec,
        positions: Vec<(Partition, Position)>,
        config: BatchConfig,
        sink: impl Sink,
    ) -> std::io::Result<Self> {
        let (sender, status) = watch::channel(ReaderStatus::default());
        let (wanted, is_wanted) = channel();
        let name = format!("read {}", spec.id());
        let thread = std::thread::Builder::new().name(name).spawn(move || {
            if spec.gives_way() {
                messages::give_way();
            }
            let _span = tracing::info_span!("source", id = %spec.id()).entered();
            let run = || Reading::run(&spec, &positions, config, sink, &sender, is_wanted);
            let ended =
                catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| Ended::Panicked(text_of(&*panic)));
            sender.send_modify(|status| {
                status.connected = false;
                status.ended = Some(ended);
            });
        })?;
        Ok(Self { status, wanted, thread })
    }

    pub(crate) fn status(&self) -> watch::Receiver<ReaderStatus> {
        self.status.clone()
    }

    /// Ends the thread and waits for it, when the channel of its sink has been dropped. May take as long as a
    /// client needs to close its connections; do not call it on a thread that others wait for.
    pub(crate) fn stop(self) {
        drop(self.wanted);
        // A panic was caught and told in the status.
        drop(self.thread.join());
    }
}

/// What the thread has in hand.
struct Reading<'a, S> {
    sink: S,
    status: &'a watch::Sender<ReaderStatus>,
    is_wanted: Receiver<()>,
    assembler: Assembler,
    /// A batch that waits for room.
    pending: Option<Batch>,
    /// Whether what is assembled must not be handed on yet.
    held: Held,
    /// The last position yielded in each partition.
    positions: BTreeMap<Partition, Position>,
    counted: Counted,
    complaints: Complaints,
    lateness: Lateness,
    ahead: Ahead,
    crowd: Crowd,
    /// Whether a batch was handed on in this turn.
    handed_on: bool,
    alarm: Option<String>,
    rebuild: Option<String>,
    status_due: Instant,
}

/// What was read since the status was last told.
#[derive(Default)]
struct Counted {
    events: u64,
    bytes: u64,
    unusable: u64,
    closed_early: u64,
    ahead: u64,
    unsettled: u64,
    link: Option<Result<(), String>>,
    log: Option<(LogFacts, Vec<String>)>,
}

// === impl Reading ===

impl<'a, S: Sink> Reading<'a, S> {
    fn run(
        spec: &SourceSpec,
        positions: &[(Partition, Position)],
        config: BatchConfig,
        sink: S,
        status: &'a watch::Sender<ReaderStatus>,
        is_wanted: Receiver<()>,
    ) -> Ended {
        let mut source = match spec.open(positions) {
            Ok(source) => source,
            Err(error) => {
                let error = error.to_string();
                status.send_modify(|status| status.last_error = Some(error.clone()));
                return Ended::NotOpened(error);
            }
        };
        let mut reading = Self {
            sink,
            status,
            is_wanted,
            assembler: Assembler::new(spec.id().clone(), config),
            pending: None,
            held: Held::default(),
            positions: positions.iter().copied().collect(),
            counted: Counted::default(),
            complaints: Complaints::default(),
            lateness: Lateness::since(Instant::now()),
            ahead: Ahead::default(),
            crowd: Crowd::default(),
            handed_on: false,
            alarm: None,
            rebuild: None,
            status_due: Instant::now(),
        };
        reading.read(&mut *source)
    }

    fn read(&mut self, source: &mut dyn Source) -> Ended {
        let mut outputs = Vec::new();
        while self.is_wanted.try_recv() != Err(TryRecvError::Disconnected) {
            let more = source.poll(self.patience(), &mut outputs);
            let (now, clock) = (Instant::now(), clock());
            for output in outputs.drain(..) {
                self.take(output, now, clock);
                if self.assembler.is_full() && !self.hand_on(source) {
                    return Ended::Stopped;
                }
                if self.alarm.is_some() || self.rebuild.is_some() {
                    break;
                }
            }
            self.assembler.tick(now);
            self.report_early();
            let unsaid = self.complaints.unsaid(now);
            if unsaid > 0 {
                tracing::warn!(events = unsaid, "more events cannot be used and are quarantined");
            }
            let unsaid = self.ahead.unsaid(now);
            if unsaid > 0 {
                tracing::warn!(events = unsaid, "more events have timestamps ahead of this node's clock");
            }
            if let Some(why) = self.rebuild.take() {
                // What was read before holds, as what was served.
                return if self.hand_on_rest(source) { Ended::Rebuild(why) } else { Ended::Stopped };
            }
            if let Some(alarm) = self.alarm.take() {
                // What was read before the alarm holds.
                let handed_on = self.hand_on_rest(source);
                self.tell(source, now, true);
                tracing::error!(alarm, "nothing more is applied from this source");
                self.status.send_modify(|status| status.alarm = Some(alarm));
                return if handed_on { Ended::Alarm } else { Ended::Stopped };
            }
            if !self.offer(source, more) {
                return Ended::Stopped;
            }
            self.tell(source, now, false);
            if std::mem::take(&mut self.handed_on) && !more {
                self.rest();
            }
        }
        Ended::Stopped
    }

    /// Leaves the processor to others where they want it.
    fn rest(&mut self) {
        if let Some(rest) = self.crowd.rest_after(messages::step_aside()) {
            std::thread::sleep(rest);
        }
    }

    /// How long the source may wait for something to say.
    fn patience(&self) -> Duration {
        if self.pending.is_none()
            && let Some(left) = self.held.left(Instant::now())
        {
            return left.clamp(BUSY, IDLE);
        }
        if self.pending.is_some() || self.assembler.is_something() {
            return BUSY;
        }
        let deadline = self.assembler.deadline().map(|at| at.saturating_duration_since(Instant::now()));
        deadline.unwrap_or(IDLE).min(IDLE)
    }

    fn take(&mut self, output: Output, now: Instant, clock: Timestamp) {
        match output {
            Output::Event(raw) => {
                let bytes = size_of_raw(&raw);
                self.take_event(zone_model::decode::decode(raw), bytes, now, clock);
            }
            Output::Unusable(event) => {
                let bytes = size_of_event(&event);
                self.take_event(event, bytes, now, clock);
            }
            Output::Log(facts, warnings) => self.learn(facts, warnings),
            Output::Passed(partition, position) => {
                self.positions.insert(partition, position);
                self.assembler.passed(partition, position);
            }
            Output::Live(partition) => self.assembler.live(partition),
            Output::AtEnd(partition) => self.assembler.at_end(partition),
            Output::InStep(moment) => self.assembler.in_step(moment),
            Output::Partition(partition) => tracing::debug!(%partition, "reading a partition"),
            Output::Connected => {
                tracing::info!("the log can be read");
                self.counted.link = Some(Ok(()));
            }
            Output::Away(error) => {
                tracing::warn!(error, "the log cannot be read; what is served stays served");
                self.counted.link = Some(Err(error));
            }
            Output::Alarm(alarm) => self.alarm = Some(alarm),
            Output::Rebuild(why) => self.rebuild = Some(why),
        }
    }

    /// Warnings are said once, when they come up.
    fn learn(&mut self, facts: LogFacts, warnings: Vec<String>) {
        self.assembler.log(facts.clone());
        let status = self.status.borrow();
        let before = self.counted.log.as_ref().map_or(&status.warnings, |(_, warnings)| warnings);
        for warning in warnings.iter().filter(|warning| !before.contains(warning)) {
            tracing::warn!(warning, "the log keeps a promise from holding");
        }
        drop(status);
        self.counted.log = Some((facts, warnings));
    }

    fn take_event(&mut self, event: Event, bytes: usize, now: Instant, clock: Timestamp) {
        self.counted.events += 1;
        self.counted.bytes += bytes as u64;
        self.lateness.event(event.partition, event.timestamp);
        if let Some(by) = self.ahead.event(event.timestamp, clock) {
            self.counted.ahead += 1;
            if self.ahead.may_say(now) {
                tracing::warn!(
                    partition = %event.partition,
                    key = %event.key.escape_ascii(),
                    ?by,
                    "an event's timestamp is ahead of this node's clock: it beats every other event of its RRset \
                     until then; look at its producer's clock"
                );
            }
        }
        if let EventBody::Unusable(unusable) = &event.body {
            self.counted.unusable += 1;
            if self.complaints.may_say(now) {
                tracing::warn!(
                    partition = %event.partition,
                    key = %event.key.escape_ascii(),
                    reason = unusable.reason,
                    "an event cannot be used and is quarantined"
                );
            }
        }
        self.positions.insert(event.partition, event.position);
        self.assembler.event(event, bytes, now);
    }

    fn report_early(&mut self) {
        for ClosedEarly { partition, change, seen, size, why } in self.assembler.take_early() {
            self.counted.closed_early += 1;
            tracing::warn!(%partition, change, seen, ?size, ?why, "a change is shown before all of it is there");
        }
    }

    /// Hands on what is there, if there is room and the source has nothing more ready. False when nobody takes
    /// batches any more.
    fn offer(&mut self, source: &mut dyn Source, more: bool) -> bool {
        if self.pending.is_none() && !more && self.assembler.is_something() && self.settle(source) {
            self.pending = Some(self.assembler.take());
        }
        self.submit()
    }

    /// Hands on the batch, waiting for room only for those before it, and as long as it has to be held back: nothing
    /// more is read meanwhile.
    fn hand_on(&mut self, source: &mut dyn Source) -> bool {
        if !self.flush() {
            return false;
        }
        while !self.settle(source) {
            let now = Instant::now();
            self.tell(source, now, false);
            std::thread::sleep(self.held.left(now).unwrap_or_default().min(IDLE));
            if self.is_wanted.try_recv() == Err(TryRecvError::Disconnected) {
                return false;
            }
        }
        self.pending = Some(self.assembler.take());
        self.submit()
    }

    /// Hands on what is there before reading ends. What would have to be held back is read again, if anything is.
    fn hand_on_rest(&mut self, source: &mut dyn Source) -> bool {
        if !self.flush() {
            return false;
        }
        if self.assembler.is_something() && self.settle(source) {
            self.pending = Some(self.assembler.take());
        }
        self.flush()
    }

    /// Has the source make sure that its log keeps what was read. False where it cannot, or is not to be asked yet.
    fn settle(&mut self, source: &mut dyn Source) -> bool {
        if self.held.left(Instant::now()).is_some_and(|left| !left.is_zero()) {
            return false;
        }
        match source.settle() {
            Ok(()) => {
                if self.held.succeed() {
                    tracing::info!("what was read lasts, and is handed on");
                    self.counted.link = Some(Ok(()));
                }
                true
            }
            Err(error) => {
                self.counted.unsettled += 1;
                if self.held.fail(Instant::now(), &error) {
                    tracing::error!(error, "what was read is held back");
                }
                self.counted.link = Some(Err(error));
                false
            }
        }
    }

    /// Tries to get rid of the batch that waits.
    fn submit(&mut self) -> bool {
        let Some(batch) = self.pending.take() else { return true };
        match self.sink.try_send(batch) {
            Ok(()) => {
                self.handed_on = true;
                true
            }
            Err(Refused::Full(batch)) => {
                self.pending = Some(*batch);
                true
            }
            Err(Refused::Closed) => false,
        }
    }

    /// Waits for room for the batch that waits.
    fn flush(&mut self) -> bool {
        match self.pending.take() {
            Some(batch) => self.sink.send(batch),
            None => true,
        }
    }

    fn tell(&mut self, source: &dyn Source, now: Instant, at_once: bool) {
        let urgent = self.counted.link.is_some() || self.counted.log.is_some();
        let changed = urgent || self.counted.events > 0 || self.counted.closed_early > 0;
        if now < self.status_due && !(at_once || urgent) {
            return;
        }
        self.status_due = now + STATUS_EVERY;
        let clock = clock();
        let mut place = |Progress { partition, at, lag }: Progress| {
            let lag_time = self.lateness.of(partition, lag, now, clock);
            PartitionStatus {
                partition,
                at,
                position: self.positions.get(&partition).copied(),
                lag,
                lag_time,
            }
        };
        let partitions: Vec<_> = source.progress().into_iter().map(&mut place).collect();
        let counted = std::mem::take(&mut self.counted);
        self.status.send_if_modified(|status| {
            status.events += counted.events;
            status.bytes += counted.bytes;
            status.unusable += counted.unusable;
            status.closed_early += counted.closed_early;
            status.ahead += counted.ahead;
            status.unsettled += counted.unsettled;
            if let Some((facts, warnings)) = counted.log {
                (status.log, status.warnings) = (facts, warnings);
            }
            match counted.link {
                Some(Ok(())) => (status.connected, status.last_error) = (true, None),
                Some(Err(error)) => (status.connected, status.last_error) = (false, Some(error)),
                None => {}
            }
            let moved = status.partitions != partitions;
            status.partitions = partitions;
            changed || moved
        });
    }
}

// === impl Sink ===

impl Sink for tokio::sync::mpsc::Sender<Batch> {
    fn try_send(&mut self, batch: Batch) -> Result<(), Refused> {
        use tokio::sync::mpsc::error::TrySendError;
        Self::try_send(self, batch).map_err(|error| match error {
            TrySendError::Full(batch) => Refused::Full(Box::new(batch)),
            TrySendError::Closed(_) => Refused::Closed,
        })
    }

    fn send(&mut self, batch: Batch) -> bool {
        self.blocking_send(batch).is_ok()
    }
}

impl Sink for std::sync::mpsc::SyncSender<Batch> {
    fn try_send(&mut self, batch: Batch) -> Result<(), Refused> {
        use std::sync::mpsc::TrySendError;
        Self::try_send(self, batch).map_err(|error| match error {
            TrySendError::Full(batch) => Refused::Full(Box::new(batch)),
            TrySendError::Disconnected(_) => Refused::Closed,
        })
    }

    fn send(&mut self, batch: Batch) -> bool {
        Self::send(self, batch).is_ok()
    }
}

/// What this node's clock says.
fn clock() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

fn size_of_raw(raw: &RawEvent) -> usize {
    let headers: usize = raw.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    raw.key.len() + raw.value.as_ref().map_or(0, Vec::len) + headers
}

fn size_of_event(event: &Event) -> usize {
    let headers: usize = event.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    let value = match &event.body {
        EventBody::Unusable(unusable) => unusable.value.as_ref().map_or(0, Vec::len),
        EventBody::Set(_) | EventBody::Null(_) => 0,
    };
    event.key.len() + value + headers
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "it said nothing".into())
}
