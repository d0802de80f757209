//! One zone's writer: a transactional producer whose id is the lock.

use super::client::KafkaTarget;
use super::reader::{kafka, unavailable};
use crate::plan::{NewEvent, Plan};
use messages::PublishError;
use rdkafka::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};
use zone_model::{Name, Partition, Timestamp};

/// For how long a writer that died inside a transaction holds everybody else's reading back.
const TRANSACTION_TIMEOUT_MS: &str = "10000";

/// How long a broker is left alone that could not abort a transaction.
const ABORT_AGAIN: Duration = Duration::from_millis(20);

/// Holds a zone's lock until somebody else takes it.
pub(super) struct Writer {
    producer: ThreadedProducer<Reports>,
    reports: Receiver<Result<Delivered, KafkaError>>,
    timeout: Duration,
}

/// Where an event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Delivered {
    pub(super) partition: Partition,
    pub(super) offset: i64,
}

/// Why a writer did not write.
#[derive(Debug)]
pub(super) enum WriterError {
    /// Somebody else took the zone's lock; nothing was published.
    Fenced,
    /// Anything else.
    Publish(PublishError),
}

/// Hands delivery reports on; a callback of librdkafka does no more.
struct Reports(Sender<Result<Delivered, KafkaError>>);

impl ClientContext for Reports {}

impl ProducerContext for Reports {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let report = match result {
            Ok(message) => Ok(Delivered {
                partition: Partition(u32::try_from(message.partition()).unwrap_or_default()),
                offset: message.offset(),
            }),
            Err((error, _)) => Err(error.clone()),
        };
        // Nobody listens any more: the change's fate was decided without it.
        let _ = self.0.send(report);
    }
}

// === impl Writer ===

impl Writer {
    /// Takes the zone's lock.
    pub(super) fn open(target: &KafkaTarget, apex: &Name, timeout: Duration) -> Result<Self, PublishError> {
        let mut config = target.producer();
        config.set("enable.idempotence", "true");
        config.set("acks", "all");
        config.set("transactional.id", format!("{}/{}", target.topic, apex.to_lowercase()));
        config.set("transaction.timeout.ms", TRANSACTION_TIMEOUT_MS);
        // The whole change is handed over at once; waiting for more would only be slower.
        config.set("linger.ms", "0");
        let (sender, reports) = channel();
        let producer: ThreadedProducer<Reports> =
            config.create_with_context(Reports(sender)).map_err(|error| unavailable("client", &error))?;
        let deadline = Instant::now() + timeout;
        loop {
            match producer.init_transactions(timeout) {
                Ok(()) => return Ok(Self { producer, reports, timeout }),
                Err(error) if retriable(&error) && Instant::now() < deadline => {}
                Err(error) => return Err(unavailable("the zone's lock (transactional.id)", &error)),
            }
        }
    }

    /// Writes a plan's events in one transaction: all of them or none.
    pub(super) fn write(&self, topic: &str, plan: &Plan) -> Result<Vec<Delivered>, WriterError> {
        // Reports of a transaction that was given up are not this one's.
        while self.reports.try_recv().is_ok() {}
        self.producer.begin_transaction().map_err(|error| self.gone(&error))?;
        for event in &plan.events {
            if let Err(error) = self.send(topic, event, plan.timestamp) {
                // Nobody asked to commit it: where it cannot be aborted, its timeout does that.
                return Err(self.give_up(&error).0);
            }
        }
        self.commit()?;
        self.collect(plan.events.len())
    }

    fn send(&self, topic: &str, event: &NewEvent, timestamp: Timestamp) -> Result<(), KafkaError> {
        let deadline = Instant::now() + self.timeout;
        loop {
            let headers = OwnedHeaders::new_with_capacity(event.headers.len());
            let headers = event.headers.iter().fold(headers, |headers, (key, value)| {
                headers.insert(Header { key, value: Some(value.as_slice()) })
            });
            let mut record = BaseRecord::<[u8], [u8], ()>::with_opaque_to(topic, ())
                .partition(kafka(event.partition))
                .key(&event.key)
                .headers(headers)
                .timestamp(timestamp.0);
            if let Some(value) = &event.value {
                record = record.payload(value);
            }
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((error, _)) if queue_full(&error) && Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err((error, _)) => return Err(error),
            }
        }
    }

    fn commit(&self) -> Result<(), WriterError> {
        let deadline = Instant::now() + self.timeout;
        loop {
            match self.producer.commit_transaction(self.timeout) {
                Ok(()) => return Ok(()),
                Err(error) if retriable(&error) && Instant::now() < deadline => {}
                // Whether the broker had written the commit down before it fell silent cannot be known.
                Err(error) if retriable(&error) => return Err(unknown(&error)),
                Err(error) => {
                    let (error, ended) = self.give_up(&error);
                    return Err(if ended { error } else { unknown_fate(error) });
                }
            }
        }
    }

    /// Where the events stand, once the transaction is committed.
    fn collect(&self, count: usize) -> Result<Vec<Delivered>, WriterError> {
        let mut delivered = Vec::with_capacity(count);
        while delivered.len() < count {
            // The commit waited for all reports; the thread that hands them on may be a moment behind.
            match self.reports.recv_timeout(self.timeout) {
                Ok(Ok(report)) => delivered.push(report),
                Ok(Err(error)) => return Err(unknown(&error)),
                Err(error) => return Err(WriterError::Publish(PublishError::Unknown(error.to_string()))),
            }
        }
        Ok(delivered)
    }

    /// Ends a transaction that failed, so that nothing of it is ever seen. Also says whether that is certain.
    fn give_up(&self, error: &KafkaError) -> (WriterError, bool) {
        if fenced(error) || self.fenced() {
            return (WriterError::Fenced, true);
        }
        // Why an event was not taken says more than that the transaction failed, and the latter more than that the
        // others were not sent then.
        let report = self.reports.try_iter().filter_map(Result::err).find(|report| !purged(report));
        // With an event that was not taken no commit is asked for.
        let untaken = report.is_some();
        let cause = report.unwrap_or_else(|| error.clone());
        let aborted = self.abort();
        if aborted.as_ref().is_err_and(fenced) || self.fenced() {
            // While somebody takes the lock a broker answers with any error; that it was taken is seen here.
            return (WriterError::Fenced, true);
        }
        let error = match cause.rdkafka_error_code() {
            Some(RDKafkaErrorCode::MessageSizeTooLarge) => PublishError::Refused(
                "an RRset is larger than the broker takes (max.message.bytes of the topic)".to_owned(),
            ),
            _ => unavailable("writing", &cause),
        };
        (WriterError::Publish(error), untaken || aborted.is_ok())
    }

    /// Aborts a transaction, as often as it takes within the time-out.
    fn abort(&self) -> Result<(), KafkaError> {
        let deadline = Instant::now() + self.timeout;
        loop {
            match self.producer.abort_transaction(self.timeout) {
                Err(error) if !fenced(&error) && !fatal(&error) && Instant::now() < deadline => {
                    std::thread::sleep(ABORT_AGAIN);
                }
                ended => return ended,
            }
        }
    }

    fn gone(&self, error: &KafkaError) -> WriterError {
        // A writer that cannot begin is of no use any more; a new one takes the lock again.
        if fenced(error) || self.fenced() || fatal(error) {
            WriterError::Fenced
        } else {
            WriterError::Publish(unavailable("beginning a transaction", error))
        }
    }

    fn fenced(&self) -> bool {
        let fatal = self.producer.client().fatal_error();
        fatal.is_some_and(|(code, _)| is_fence(code))
    }
}

// === impl WriterError ===

impl WriterError {
    pub(super) fn into_publish_error(self) -> PublishError {
        match self {
            Self::Fenced => PublishError::Conflict("somebody else publishes to this zone".to_owned()),
            Self::Publish(error) => error,
        }
    }
}

impl From<PublishError> for WriterError {
    fn from(error: PublishError) -> Self {
        Self::Publish(error)
    }
}

fn unknown(error: &KafkaError) -> WriterError {
    WriterError::Publish(PublishError::Unknown(format!("kafka: {error}")))
}

/// The commit was asked for, and whether the broker has it cannot be learnt any more.
fn unknown_fate(error: WriterError) -> WriterError {
    match error {
        WriterError::Publish(PublishError::Unavailable(what)) => {
            WriterError::Publish(PublishError::Unknown(what))
        }
        other => other,
    }
}

fn retriable(error: &KafkaError) -> bool {
    matches!(error, KafkaError::Transaction(error) if error.is_retriable())
}

fn fatal(error: &KafkaError) -> bool {
    matches!(error, KafkaError::Transaction(error) if error.is_fatal())
}

fn fenced(error: &KafkaError) -> bool {
    let code = match error {
        KafkaError::Transaction(error) => Some(error.code()),
        other => other.rdkafka_error_code(),
    };
    code.is_some_and(is_fence)
}

fn is_fence(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(code, Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch)
}

fn purged(error: &KafkaError) -> bool {
    matches!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight))
}

fn queue_full(error: &KafkaError) -> bool {
    error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull)
}
