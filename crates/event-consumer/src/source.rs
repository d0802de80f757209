//! What a log looks like to the rest of this crate.

use crate::config::SourceConfig;
use crate::error::OpenError;
use messages::LogFacts;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use zone_model::{Event, Partition, Position, RawEvent, SourceId, Timestamp};

/// A log that is being read, by one thread that it may block.
///
/// It was opened behind the positions that had been applied, and yields everything behind them: within a
/// partition in the order of the log, and each event once. Nobody else looks into a position.
pub trait Source {
    /// Waits at most `timeout` until there is something to say, and appends to `out` what is there without
    /// waiting for more. Returns whether more may be ready at once.
    ///
    /// A bounded amount is appended at a time: some thousand events, or a few MiB. Never fails: a log that
    /// cannot be read now is [`Output::Away`], one that must not be read on is [`Output::Alarm`].
    fn poll(&mut self, timeout: Duration, out: &mut Vec<Output>) -> bool;

    /// Called before what was yielded is handed on: a source whose log may still lose what was read makes
    /// sure that it does not.
    ///
    /// # Errors
    /// Why it cannot, and what to do. What was yielded is then held back, and the source asked again after a pause,
    /// until it can: no position is committed that the log may turn out not to reach.
    fn settle(&mut self) -> Result<(), String> {
        Ok(())
    }

    /// Where each partition stands.
    fn progress(&self) -> Vec<Progress>;
}

/// What a [`Source`] has to say, in the order in which it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Output {
    /// The log can be read.
    Connected,
    /// The log cannot be read now, and why; reading goes on by itself when it can.
    Away(String),
    /// Nothing more must be applied from the log: what happened, and what to do. The last output of a source.
    Alarm(String),
    /// Reading cannot go on behind the stored position, but the log says by itself that it is the same one: it
    /// is to be read again from its beginning, beside what is served, and why. The last output of a source.
    Rebuild(String),
    /// What is known of the log as a whole from now on, said before anything is yielded and whenever it changes;
    /// and what about it keeps a promise from holding, each with what follows.
    Log(LogFacts, Vec<String>),
    /// A partition is being read, from the beginning or behind its stored position.
    Partition(Partition),
    /// An event as it stands on the log.
    Event(RawEvent),
    /// An entry of the log that is not even an event, as the quarantined event that it becomes.
    Unusable(Event),
    /// The partition moved on to this position without an event: what a log keeps for itself.
    Passed(Partition, Position),
    /// The partition has passed the end that it had when it was opened.
    Live(Partition),
    /// The partition has nothing more at present.
    AtEnd(Partition),
    /// Everything that all partitions had at this moment has been yielded.
    InStep(Timestamp),
}

/// Where reading stands in a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The partition.
    pub partition: Partition,
    /// Where, in the source's own words.
    pub at: String,
    /// How much is left up to the end last seen: events for Kafka, bytes for a journal.
    pub lag: u64,
}

/// How a source is opened, and opened again after a failure: its id, its kind, and a factory.
#[derive(Clone)]
pub struct SourceSpec {
    id: SourceId,
    kind: &'static str,
    accepts_incomplete: bool,
    gives_way: bool,
    open: Arc<Open>,
}

/// Opens a source behind positions, on the thread that will poll it.
pub type Open = dyn Fn(&[(Partition, Position)]) -> Result<Box<dyn Source>, OpenError> + Send + Sync;

// === impl SourceSpec ===

impl SourceSpec {
    /// The source that `open` opens. `kind` is for people.
    pub fn new(
        id: SourceId,
        kind: &'static str,
        open: impl Fn(&[(Partition, Position)]) -> Result<Box<dyn Source>, OpenError> + Send + Sync + 'static,
    ) -> Self {
        Self { id, kind, accepts_incomplete: false, gives_way: false, open: Arc::new(open) }
    }

    /// Whether a node that has nothing yet may begin with what is left of a log whose beginning is gone.
    #[must_use]
    pub fn accepting_incomplete(mut self, accepts: bool) -> Self {
        self.accepts_incomplete = accepts;
        self
    }

    /// Whether the thread that reads it gives way to those that answer (`messages::give_way`): for a source that waits for
    /// a disk of this node.
    #[must_use]
    pub fn giving_way(mut self, gives_way: bool) -> Self {
        self.gives_way = gives_way;
        self
    }

    /// The source that was configured. `in_step_every` is how often it says with which moment it is in step.
    ///
    /// # Errors
    /// [`OpenError::Config`] for settings that cannot be used, [`OpenError::Feature`] where this build cannot
    /// read such a source.
    pub fn configured(config: &SourceConfig, in_step_every: Duration) -> Result<Self, OpenError> {
        Self::of(config, in_step_every, false)
    }

    /// The source that was configured, read from its present end on: for who watches it and keeps nothing. Positions
    /// with which it is opened mean nothing then.
    ///
    /// # Errors
    /// As [`Self::configured`].
    pub fn at_end(config: &SourceConfig, in_step_every: Duration) -> Result<Self, OpenError> {
        Self::of(config, in_step_every, true)
    }

    fn of(config: &SourceConfig, in_step_every: Duration, at_end: bool) -> Result<Self, OpenError> {
        config.validate()?;
        match config {
            #[cfg(feature = "kafka")]
            SourceConfig::Kafka(kafka) => {
                let (kafka, incomplete) = (kafka.clone(), kafka.incomplete);
                let spec = Self::new(config.id(), config.kind(), move |positions| {
                    let positions = if at_end { &[] } else { positions };
                    let source = crate::kafka::KafkaSource::open(&kafka, in_step_every, positions)?;
                    Ok(Box::new(if at_end { source.at_end() } else { source }))
                });
                Ok(spec.accepting_incomplete(incomplete))
            }
            #[cfg(feature = "journal")]
            SourceConfig::Journal(journal) => {
                let (journal, id) = (journal.clone(), config.id());
                // What is known of the disk outlives one opening.
                let doubt = Arc::new(crate::journal::Doubt::default());
                let spec = Self::new(id.clone(), config.kind(), move |positions| {
                    let (id, doubt) = (id.clone(), Arc::clone(&doubt));
                    let source =
                        crate::journal::JournalSource::open(&journal, id, in_step_every, positions, doubt);
                    Ok(Box::new(if at_end { source.at_end() } else { source }))
                });
                Ok(spec.giving_way(true))
            }
            #[cfg(not(all(feature = "kafka", feature = "journal")))]
            other => {
                let _ = (in_step_every, at_end);
                Err(OpenError::Feature { kind: other.kind() })
            }
        }
    }

    /// The source's id.
    pub fn id(&self) -> &SourceId {
        &self.id
    }

    /// The source's kind, for people.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// Whether a node that has nothing yet may begin with what is left of the log.
    pub fn accepts_incomplete(&self) -> bool {
        self.accepts_incomplete
    }

    /// Whether the thread that reads it gives way to those that answer.
    pub fn gives_way(&self) -> bool {
        self.gives_way
    }

    /// Opens the source behind these positions.
    ///
    /// # Errors
    /// [`OpenError`] for what stands in the way; trying again later may succeed.
    pub fn open(&self, positions: &[(Partition, Position)]) -> Result<Box<dyn Source>, OpenError> {
        (self.open)(positions)
    }
}

impl fmt::Debug for SourceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceSpec").field("id", &self.id).field("kind", &self.kind).finish_non_exhaustive()
    }
}
