//! The producer for who embeds it: a log, settings, and a name for each change.

use crate::change::Change;
use crate::config::ProducerConfig;
use crate::log::{Log, Outcome};
use crate::state::LogState;
use messages::PublishError;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use zone_model::Timestamp;

/// Publishes changes to one log. Its calls block: it wants a thread of its own.
///
/// ```
/// use event_producer::{Change, Producer, ProducerConfig};
/// use messages::Edit;
/// use zone_model::{RecordType, RrSet, Timestamp, rdata};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("journal.jsonl");
/// let mut producer = Producer::journal(path, ProducerConfig::default());
/// let soa = rdata::parse_text(RecordType::SOA, "ns.example. host.example. 1 3600 600 86400 300")?;
/// let edit = Edit::Set {
///     owner: "example.".parse()?,
///     rtype: RecordType::SOA,
///     rrset: RrSet::new(Some(300), [soa]),
/// };
/// let change = Change { zone: None, edits: vec![edit], producer: "me".into(), if_unchanged: false };
/// let outcome = producer.publish(&change, Timestamp(1_732_300_000_000))?;
/// assert_eq!((outcome.published.events, outcome.serial), (1, Some(1)));
/// # Ok(())
/// # }
/// ```
pub struct Producer {
    log: Box<dyn Log>,
    config: ProducerConfig,
    change_ids: ChangeIds,
}

/// Names changes: no two of them alike, whoever publishes.
#[derive(Debug)]
struct ChangeIds {
    seed: RandomState,
    next: u64,
}

// === impl Producer ===

impl Producer {
    /// A producer that writes to any log.
    pub fn new(log: impl Log + 'static, config: ProducerConfig) -> Self {
        Self { log: Box::new(log), config, change_ids: ChangeIds { seed: RandomState::new(), next: 0 } }
    }

    /// A producer that writes to the journal file at `path`, which it makes where it is not there.
    #[cfg(feature = "journal")]
    pub fn journal(path: impl Into<std::path::PathBuf>, config: ProducerConfig) -> Self {
        let log = crate::journal::JournalLog::new(path, crate::state::Keep::Slots);
        Self::new(log.limited(config.limits.clone()), config)
    }

    /// A producer that writes to a topic of Apache Kafka. Nothing is connected yet.
    #[cfg(feature = "kafka")]
    pub fn kafka(target: crate::kafka::KafkaTarget, config: ProducerConfig) -> Self {
        let log = crate::kafka::KafkaLog::new(target, config.timeout(), crate::state::Keep::Slots);
        Self::new(log.limited(config.limits.clone()), config)
    }

    /// Its settings.
    pub fn config(&self) -> &ProducerConfig {
        &self.config
    }

    /// Publishes a change and says where it stands on the log.
    ///
    /// # Errors
    /// Any [`PublishError`]; only after [`PublishError::Unknown`] may something stand on the log.
    pub fn publish(&mut self, change: &Change, now: Timestamp) -> Result<Outcome, PublishError> {
        let change_id = self.change_ids.next(now);
        self.log.publish(change, now, &change_id, &self.config)
    }

    /// Reads on to the log's present end and returns what it says: slots, and the RDATA of SOAs alone.
    ///
    /// # Errors
    /// [`PublishError::Unavailable`] where the log cannot be read.
    pub fn read(&mut self) -> Result<&LogState, PublishError> {
        self.log.read()
    }
}

impl fmt::Debug for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer").field("config", &self.config).finish_non_exhaustive()
    }
}

// === impl ChangeIds ===

impl ChangeIds {
    fn next(&mut self, now: Timestamp) -> String {
        self.next += 1;
        // 64 bits that differ from process to process and from change to change, after the moment.
        format!("{:x}-{:016x}", now.0, self.seed.hash_one(self.next))
    }
}
