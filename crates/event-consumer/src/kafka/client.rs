//! A consumer of one topic: requests go out, and everything comes back in one queue.

use super::context::Context;
use super::facts::TopicConfig;
use super::ffi::{self, Queue};
use crate::error::{ConfigError, OpenError};
use crate::kafka_config::{KafkaConfig, kafka_properties, shown};
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{TopicPartitionList, TopicPartitionListElem};
use rdkafka::{ClientConfig, Offset};
use std::collections::BTreeMap;
use std::ffi::CString;
use std::time::{Duration, Instant};
use zone_model::Headers;

/// A connection to a topic's brokers.
pub(crate) struct Client {
    // Above the consumer: it is dropped first.
    queue: Queue,
    consumer: BaseConsumer<Context>,
    topic: String,
    topic_c: CString,
    assigned: bool,
    /// A broker that answered; asked from then on.
    broker: Option<i32>,
}

/// What happened at a consumer.
#[derive(Debug)]
pub(crate) enum Happened {
    /// An event of the topic.
    Message(Message),
    /// A partition has nothing more: its next offset would be this one.
    End { partition: i32, offset: i64 },
    /// The answer to [`Client::describe`].
    Described(Result<Description, (RDKafkaErrorCode, String)>),
    /// The answer to [`Client::describe_config`].
    Configured(Result<TopicConfig, (RDKafkaErrorCode, String)>),
    /// The answer to [`Client::ask_edges`]: the first offset there is, or the one behind the last event that may be
    /// read.
    Edges(Edge, Result<Vec<(i32, i64)>, (RDKafkaErrorCode, String)>),
    /// Something does not work.
    Failed { code: RDKafkaErrorCode, partition: Option<i32>, text: String },
    /// Nothing that concerns us.
    Nothing,
}

/// Which edge of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edge {
    Begin,
    End,
}

/// An event of a topic.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    /// Under which leader it was written; −1 where that is not known.
    pub(crate) leader_epoch: i32,
    /// In milliseconds; 0 where there is none.
    pub(crate) timestamp: i64,
    pub(crate) key: Vec<u8>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Headers,
}

/// What the broker says of a topic.
#[derive(Debug)]
pub(crate) struct Description {
    /// Its id; zeros from a broker that has none (before Kafka 2.8).
    pub(crate) id: [u8; 16],
    pub(crate) partitions: Vec<i32>,
}

/// From where a partition is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct From {
    pub(crate) partition: i32,
    /// The first offset to read; `None` for whatever there is.
    pub(crate) offset: Option<i64>,
    /// Whether, where there is no such offset, only what comes from now on is read.
    pub(crate) at_end: bool,
    /// The leader epoch of the event before it, where one was read.
    pub(crate) leader_epoch: Option<i32>,
}

/// How long a broker is looked for at a time.
const FIND_BROKER: Duration = Duration::from_secs(1);
/// How long the library may take to begin with partitions, which needs no broker.
const SEEK_WITHIN: Duration = Duration::from_secs(5);
/// The pause until it is asked again.
const SEEK_AGAIN: Duration = Duration::from_millis(10);

// === impl Client ===

impl Client {
    /// Makes a client. No broker is spoken to yet.
    pub(crate) fn new(config: &KafkaConfig) -> Result<Self, OpenError> {
        let mut client = ClientConfig::new();
        for (key, value) in kafka_properties(config)? {
            client.set(key, value);
        }
        client.set_log_level(RDKafkaLogLevel::Info);
        let consumer = BaseConsumer::from_config_and_context(&client, Context).map_err(explained)?;
        let no_queue = || OpenError::Client("librdkafka has no queue for the consumer".into());
        let topic_c =
            CString::new(config.topic.as_str()).map_err(|error| OpenError::Client(error.to_string()))?;
        let queue = Queue::of(&consumer).ok_or_else(no_queue)?;
        Ok(Self { queue, consumer, topic: config.topic.clone(), topic_c, assigned: false, broker: None })
    }

    /// Waits for the next thing that happens.
    pub(crate) fn poll(&self, timeout: Duration) -> Option<Happened> {
        self.queue.poll(timeout)
    }

    /// Asks for the topic's id and partitions. The first time, and after [`Self::forget_broker`], this waits until
    /// some broker says which one it is.
    pub(crate) fn describe(&mut self) -> Result<(), (RDKafkaErrorCode, String)> {
        let broker = self.broker()?;
        self.queue.describe(&self.consumer, &self.topic_c, broker);
        Ok(())
    }

    /// Asks for the topic's configuration, as [`Self::describe`] does.
    pub(crate) fn describe_config(&mut self) -> Result<(), (RDKafkaErrorCode, String)> {
        let broker = self.broker()?;
        self.queue.describe_config(&self.consumer, &self.topic_c, broker);
        Ok(())
    }

    fn broker(&mut self) -> Result<i32, (RDKafkaErrorCode, String)> {
        if let Some(broker) = self.broker {
            return Ok(broker);
        }
        let metadata = self.consumer.fetch_metadata(Some(&self.topic), FIND_BROKER);
        let code = |error: &KafkaError| error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
        let metadata = metadata.map_err(|error| (code(&error), error.to_string()))?;
        // Who was asked as a bootstrap server has no id yet; then it is one of those that it named.
        let answered = Some(metadata.orig_broker_id()).filter(|id| *id >= 0);
        let named = || metadata.brokers().first().map(|broker| broker.id());
        let nobody = || (RDKafkaErrorCode::BrokerNotAvailable, "no broker is known".to_owned());
        Ok(*self.broker.insert(answered.or_else(named).ok_or_else(nobody)?))
    }

    /// Asks another broker the next time.
    pub(crate) fn forget_broker(&mut self) {
        self.broker = None;
    }

    /// Asks where these partitions begin or end.
    pub(crate) fn ask_edges(&self, partitions: impl Iterator<Item = i32>, edge: Edge) {
        self.queue.ask_edges(&self.consumer, &self.topic_c, partitions, edge);
    }

    /// Reads further partitions. Where a leader epoch is known the broker is asked first whether the log still has,
    /// below the offset, what that leader wrote.
    pub(crate) fn assign(&mut self, partitions: &[From]) -> Result<(), KafkaError> {
        let list = self.list(partitions.iter())?;
        if std::mem::replace(&mut self.assigned, true) {
            self.consumer.incremental_assign(&list)?;
        } else {
            self.consumer.assign(&list)?;
        }
        self.validate(partitions).inspect_err(|_| {
            // Nothing of them may come up unvalidated; an error says that they are not assigned, which is as good.
            drop(self.consumer.incremental_unassign(&list));
        })
    }

    /// `assign` takes an epoch and looks at it only when a later answer brings a newer one; a seek has it looked at
    /// always, before anything is fetched. What was fetched before the seek is thrown away by the library.
    fn validate(&self, partitions: &[From]) -> Result<(), KafkaError> {
        let is_known = |from: &&From| from.offset.is_some() && from.leader_epoch.is_some();
        let mut left: Vec<From> = partitions.iter().filter(is_known).copied().collect();
        let deadline = Instant::now() + SEEK_WITHIN;
        while !left.is_empty() {
            let answers = self.consumer.seek_partitions(self.list(left.iter())?, SEEK_WITHIN)?;
            let failed: Vec<_> = answers.elements().into_iter().filter(|own| own.error().is_err()).collect();
            left.retain(|from| failed.iter().any(|own| own.partition() == from.partition));
            // The library may not have begun with a partition yet.
            match failed.first().map(TopicPartitionListElem::error) {
                Some(Err(error)) if Instant::now() >= deadline => return Err(error),
                Some(_) => std::thread::sleep(SEEK_AGAIN),
                None => {}
            }
        }
        Ok(())
    }

    fn list<'a>(&self, partitions: impl Iterator<Item = &'a From>) -> Result<TopicPartitionList, KafkaError> {
        let mut list = TopicPartitionList::new();
        let mut epochs = BTreeMap::new();
        for from in partitions {
            let none = if from.at_end { Offset::End } else { Offset::Beginning };
            let offset = from.offset.map_or(none, Offset::Offset);
            list.add_partition_offset(&self.topic, from.partition, offset)?;
            epochs.insert(from.partition, from.leader_epoch);
        }
        ffi::set_leader_epochs(&list, |partition| epochs.get(&partition).copied().flatten());
        Ok(list)
    }

    /// The end of a partition as the last response told it.
    pub(crate) fn high_watermark(&self, partition: i32) -> Option<i64> {
        ffi::high_watermark(&self.consumer, &self.topic_c, partition)
    }
}

/// Asks librdkafka whether it takes these properties, each for itself. No client is made.
pub(crate) fn check_properties(properties: &BTreeMap<String, String>) -> Result<(), ConfigError> {
    let refused = properties.iter().filter_map(|(key, value)| {
        let mut alone = ClientConfig::new();
        alone.set(key, value);
        match alone.create_native_config() {
            Err(KafkaError::ClientConfig(_, reason, key, value)) => Some(refused(&key, &value, &reason)),
            // What only all of them together show is found when the client is made.
            _ => None,
        }
    });
    ConfigError::of(refused.collect())
}

fn explained(error: KafkaError) -> OpenError {
    match error {
        KafkaError::ClientConfig(_, reason, key, value) => refused(&key, &value, &reason).into(),
        other => OpenError::Client(other.to_string()),
    }
}

fn refused(key: &str, value: &str, reason: &str) -> ConfigError {
    ConfigError::Value {
        // A secret may have been refused; its name is enough.
        value: shown(key, value).to_owned(),
        key: format!("kafka.properties.{key}"),
        allowed: format!("what librdkafka takes ({reason})"),
    }
}
