//! Reads a topic to its end, all partitions of it, and goes on from there the next time.

use super::client::KafkaTarget;
use crate::state::{Keep, LogState};
use messages::PublishError;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers as _, Message};
use rdkafka::{Offset, TopicPartitionList};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use zone_model::decode::decode;
use zone_model::{Event, KafkaPosition, Limits, Partition, RawEvent, SourceId, Timestamp};

/// How often the ends are asked for while somebody else's transaction is open.
const OPEN_TRANSACTION_POLL: Duration = Duration::from_millis(20);

/// What was read of a topic, and where reading goes on.
pub(super) struct KafkaReader {
    pub(super) state: LogState,
    topic: String,
    timeout: Duration,
    /// Reads committed messages, and sees as a partition's end what is committed.
    consumer: BaseConsumer,
    /// Sees the partitions' true ends, behind transactions that are still open.
    watcher: BaseConsumer,
    /// Partition by partition the offset of the next message.
    next: BTreeMap<Partition, i64>,
    /// Whether no transaction was open that might still add to what was read last.
    whole: bool,
}

/// How far a topic is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    /// To the first transaction that is open in each partition. Whose it is, and whether anybody will end it, is
    /// not known yet.
    Committed,
    /// To the end. Open transactions are waited for, for as long as a broker may take to answer.
    End,
}

// === impl KafkaReader ===

impl KafkaReader {
    pub(super) fn open(
        target: &KafkaTarget,
        timeout: Duration,
        keep: Keep,
        limits: Limits,
    ) -> Result<Self, PublishError> {
        let mut config = target.consumer();
        // Nothing is joined: librdkafka wants the word to be there.
        config.set("group.id", "stream-dns-producer");
        config.set("enable.auto.commit", "false");
        config.set("enable.partition.eof", "true");
        // What was read so far is worth nothing where the topic does not have the offset any more.
        config.set("auto.offset.reset", "error");
        config.set("fetch.wait.max.ms", "10");
        config.set("fetch.queue.backoff.ms", "10");
        config.set("isolation.level", "read_committed");
        let consumer: BaseConsumer = config.create().map_err(|error| unavailable("client", &error))?;
        config.set("isolation.level", "read_uncommitted");
        let watcher: BaseConsumer = config.create().map_err(|error| unavailable("client", &error))?;
        let source = SourceId::new(target.topic.as_str());
        let state = LogState::new(source, keep).limited(limits);
        let (topic, next) = (target.topic.clone(), BTreeMap::new());
        Ok(Self { state, topic, timeout, consumer, watcher, next, whole: false })
    }

    /// How many partitions were read.
    pub(super) fn partitions(&self) -> u32 {
        self.next.len() as u32
    }

    /// Pretends that a partition was read up to this offset.
    #[cfg(test)]
    pub(super) fn read_so_far(&mut self, partition: Partition, next: i64) {
        self.next.insert(partition, next);
    }

    /// The offset that follows what was read of a partition.
    pub(super) fn next(&self, partition: Partition) -> i64 {
        self.next.get(&partition).copied().unwrap_or(0)
    }

    /// Whether no transaction was open that might still add to what was read last.
    pub(super) fn is_whole(&self) -> bool {
        self.whole
    }

    /// Reads what stands on the topic now, and shows each event with its offset to `seen`. Whether it had to begin
    /// anew, because the topic is not the one any more that was read.
    pub(super) fn read(
        &mut self,
        until: Until,
        mut seen: impl FnMut(i64, &Event),
    ) -> Result<bool, PublishError> {
        let ends = self.ends(until)?;
        // The topic was made anew, or retention took what had been read: begin again.
        let lost = |(partition, low, high): &(Partition, i64, i64)| {
            self.next.get(partition).is_some_and(|next| next < low || next > high)
        };
        let anew = ends.iter().any(lost) || self.next.len() > ends.len();
        if anew {
            tracing::warn!(
                topic = self.topic,
                "the topic is not the one that was read before; it is read anew"
            );
            self.state = self.state.anew(self.state.source().clone());
            self.next.clear();
        }
        let mut open = BTreeMap::new();
        let mut assignment = TopicPartitionList::new();
        for (partition, low, high) in ends {
            let next = *self.next.entry(partition).or_insert(low);
            if next < high {
                open.insert(partition, high);
                let added =
                    assignment.add_partition_offset(&self.topic, kafka(partition), Offset::Offset(next));
                added.map_err(|error| unavailable("assignment", &error))?;
            }
        }
        if open.is_empty() {
            return Ok(anew);
        }
        // A new assignment each time: an end of partition that librdkafka had seen before it is dropped with
        // the old one, so the first that arrives is behind `high`.
        self.consumer.assign(&assignment).map_err(|error| unavailable("assignment", &error))?;
        let read = self.drain(open, &mut seen);
        let unassigned = self.consumer.unassign().map_err(|error| unavailable("assignment", &error));
        read.and(unassigned).map(|()| anew)
    }

    fn drain(
        &mut self,
        mut open: BTreeMap<Partition, i64>,
        seen: &mut impl FnMut(i64, &Event),
    ) -> Result<(), PublishError> {
        let mut quiet_since = Instant::now();
        while !open.is_empty() {
            match self.consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => {
                    quiet_since = Instant::now();
                    let (partition, offset) = (ours(message.partition()), message.offset());
                    let event = decode(raw_event(&message));
                    seen(offset, &event);
                    self.state.apply(&event);
                    self.next.insert(partition, offset + 1);
                    // The end may be known from the last message; transaction markers may follow it, too.
                    if open.get(&partition).is_some_and(|high| offset + 1 >= *high) {
                        open.remove(&partition);
                    }
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    if let Some(high) = open.remove(&ours(partition)) {
                        let next = self.next.entry(ours(partition)).or_insert(high);
                        *next = (*next).max(high);
                    }
                }
                Some(Err(error)) if fatal(&error) => return Err(unavailable("reading", &error)),
                // Brokers come and go; librdkafka connects again by itself until the time is over.
                Some(Err(error)) => tracing::debug!(%error, topic = self.topic, "reading the topic"),
                None => {}
            }
            if quiet_since.elapsed() > self.timeout {
                let partitions: BTreeSet<_> = open.keys().map(|partition| partition.0).collect();
                return Err(PublishError::Unavailable(format!(
                    "topic {}: partitions {partitions:?} gave nothing for {:?}, though they are not at their ends",
                    self.topic, self.timeout
                )));
            }
        }
        Ok(())
    }

    /// Each partition's first offset and end; notes whether a transaction is open that might still add to what stands
    /// before the ends.
    fn ends(&mut self, until: Until) -> Result<Vec<(Partition, i64, i64)>, PublishError> {
        let deadline = Instant::now() + self.timeout;
        let metadata = self.consumer.fetch_metadata(Some(&self.topic), self.timeout);
        let metadata = metadata.map_err(|error| unavailable("metadata", &error))?;
        let mut partitions = Vec::new();
        for topic in metadata.topics().iter().filter(|topic| topic.name() == self.topic) {
            partitions.extend(topic.partitions().iter().map(|partition| ours(partition.id())));
        }
        if partitions.is_empty() {
            let what = format!("there is no topic {}; create it with cleanup.policy=compact", self.topic);
            return Err(PublishError::Unavailable(what));
        }
        partitions.sort_unstable();
        let (mut ends, mut whole) = (Vec::with_capacity(partitions.len()), true);
        for partition in partitions {
            let (_, end) = self.watermarks(&self.watcher, partition)?;
            loop {
                let (low, committed) = self.watermarks(&self.consumer, partition)?;
                if committed >= end || until == Until::Committed {
                    ends.push((partition, low, committed));
                    whole &= committed >= end;
                    break;
                }
                if Instant::now() > deadline {
                    return Err(PublishError::Unavailable(format!(
                        "topic {}: a transaction of somebody else stays open in partition {partition}",
                        self.topic
                    )));
                }
                std::thread::sleep(OPEN_TRANSACTION_POLL);
            }
        }
        self.whole = whole;
        Ok(ends)
    }

    fn watermarks(&self, client: &BaseConsumer, partition: Partition) -> Result<(i64, i64), PublishError> {
        let watermarks = client.fetch_watermarks(&self.topic, kafka(partition), self.timeout);
        watermarks.map_err(|error| unavailable("its end", &error))
    }
}

fn raw_event(message: &BorrowedMessage<'_>) -> RawEvent {
    let position = KafkaPosition { offset: message.offset(), leader_epoch: -1, topic_id: [0; 16] };
    let header = |header: rdkafka::message::Header<'_, &[u8]>| {
        (header.key.to_owned(), header.value.map(<[u8]>::to_vec).unwrap_or_default())
    };
    RawEvent {
        partition: ours(message.partition()),
        position: position.encode(),
        timestamp: Timestamp(message.timestamp().to_millis().unwrap_or_default()),
        key: message.key().map(<[u8]>::to_vec).unwrap_or_default(),
        value: message.payload().map(<[u8]>::to_vec),
        headers: message.headers().map(|headers| headers.iter().map(header).collect()).unwrap_or_default(),
    }
}

fn fatal(error: &KafkaError) -> bool {
    use rdkafka::error::RDKafkaErrorCode as Code;
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::Fatal
                | Code::AutoOffsetReset
                | Code::OffsetOutOfRange
                | Code::TopicAuthorizationFailed
                | Code::SaslAuthenticationFailed
                | Code::UnknownTopicOrPartition
                | Code::UnknownPartition
                | Code::UnknownTopic
        )
    )
}

pub(super) fn unavailable(doing: &str, error: &KafkaError) -> PublishError {
    PublishError::Unavailable(format!("kafka, {doing}: {error}{}", to_grant(error)))
}

/// What a user lacks whom the broker refused.
fn to_grant(error: &KafkaError) -> &'static str {
    use rdkafka::error::RDKafkaErrorCode as Code;
    let code = match error {
        KafkaError::Transaction(error) => Some(error.code()),
        other => other.rdkafka_error_code(),
    };
    match code {
        Some(Code::TransactionalIdAuthorizationFailed) => {
            "; grant Write and Describe on transactional ids that begin with the topic's name and `/`"
        }
        Some(Code::TopicAuthorizationFailed) => "; grant Read, Write and Describe on the topic",
        _ => "",
    }
}

pub(super) fn kafka(partition: Partition) -> i32 {
    i32::try_from(partition.0).unwrap_or(i32::MAX)
}

fn ours(partition: i32) -> Partition {
    Partition(u32::try_from(partition).unwrap_or_default())
}
