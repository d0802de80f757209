//! A topic as a [`Source`].

use super::client::{Client, Description, Happened, Message};
use super::partition::Standing;
use crate::error::OpenError;
use crate::kafka_config::KafkaConfig;
use crate::source::{Output, Progress, Source};
use rdkafka::error::RDKafkaErrorCode as Code;
use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use zone_model::{KafkaPosition, Partition, Position, RawEvent, Timestamp};

/// A topic that is read, or waited for.
pub(crate) struct KafkaSource {
    client: Client,
    topic: String,
    /// Where the store stands, for partitions that are not read yet.
    stored: BTreeMap<i32, KafkaPosition>,
    partitions: BTreeMap<i32, Standing>,
    /// The topic's id; zeros while it is not known.
    topic_id: [u8; 16],
    describing: Request,
    asking: Request,
    in_step_every: Duration,
    /// The moment at which the ends were asked for, while the answer is awaited.
    asked_at: Timestamp,
    /// A moment, and the ends of it that are not passed yet.
    target: Option<(Timestamp, BTreeMap<i32, i64>)>,
    connected: Option<bool>,
    /// What was wrong with some broker last, since any answered.
    last_error: String,
    /// Whether who reads the status was told that, since the log is away.
    cause_told: bool,
    alarm: Option<String>,
    alarmed: bool,
}

/// A request that is made again and again.
#[derive(Debug)]
struct Request {
    due: Instant,
    under_way: bool,
    failures: u32,
}

/// How often the topic's partitions and id are asked for.
const DESCRIBE_EVERY: Duration = Duration::from_secs(5);
/// The pause after a request failed for the first time; it doubles up to [`DESCRIBE_EVERY`].
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// Events and bytes that are yielded at a time.
const AT_A_TIME: usize = 4_096;
const BYTES_AT_A_TIME: usize = 4 << 20;

// === impl KafkaSource ===

impl KafkaSource {
    pub(crate) fn open(
        config: &KafkaConfig,
        in_step_every: Duration,
        positions: &[(Partition, Position)],
    ) -> Result<Self, OpenError> {
        let (mut stored, mut alarm) = (BTreeMap::new(), None);
        for (partition, position) in positions {
            let number = i32::try_from(partition.0).ok();
            match (KafkaPosition::decode(position), number) {
                (Ok(position), Some(number)) => drop(stored.insert(number, position)),
                (Err(error), _) => alarm = Some(foreign(&config.topic, *partition, &error.to_string())),
                (_, None) => alarm = Some(foreign(&config.topic, *partition, "Kafka has no such partition")),
            }
        }
        let known = stored.values().map(|position| position.topic_id).find(|id| *id != [0; 16]);
        Ok(Self {
            client: Client::new(config)?,
            topic: config.topic.clone(),
            stored,
            partitions: BTreeMap::new(),
            topic_id: known.unwrap_or_default(),
            describing: Request::now(),
            asking: Request::now(),
            in_step_every,
            asked_at: Timestamp(0),
            target: None,
            connected: None,
            last_error: String::new(),
            cause_told: false,
            alarm,
            alarmed: false,
        })
    }

    /// Makes the requests that are due. Returns how long nothing else is.
    fn request(&mut self, out: &mut Vec<Output>) -> Duration {
        if self.describing.is_due(Instant::now()) {
            match self.client.describe() {
                Ok(()) => self.describing.under_way = true,
                Err((code, text)) => {
                    self.describing.failed();
                    self.refused(code, &text, out);
                }
            }
        }
        let now = Instant::now();
        // Ends of a moment that was not reached yet are not asked for again: later ones are no easier to reach.
        let wants_ends = !self.partitions.is_empty() && self.target.is_none();
        if wants_ends && self.asking.is_due(now) {
            self.asked_at = timestamp_now();
            self.client.ask_ends(self.partitions.keys().copied());
            self.asking.under_way = true;
        }
        let waits = [(&self.describing, true), (&self.asking, wants_ends)];
        let next = waits
            .iter()
            .filter(|(request, wanted)| *wanted && !request.under_way)
            .map(|(request, _)| request.due);
        next.min().map_or(DESCRIBE_EVERY, |due| due.saturating_duration_since(now))
    }

    fn take(&mut self, happened: Happened, out: &mut Vec<Output>) -> usize {
        match happened {
            Happened::Message(message) => return self.message(message, out),
            Happened::End { partition, offset } => self.end(partition, offset, out),
            Happened::Described(Ok(description)) => {
                self.describing.done(DESCRIBE_EVERY);
                self.described(&description, out);
            }
            Happened::Described(Err((code, text))) => {
                self.describing.failed();
                self.client.forget_broker();
                self.refused(code, &text, out);
            }
            Happened::Ends(Ok(ends)) => {
                self.asking.done(self.in_step_every);
                self.ends(&ends, out);
            }
            Happened::Ends(Err((code, text))) => {
                self.asking.failed();
                self.refused(code, &text, out);
            }
            Happened::Failed { code, partition, text } => self.failed(code, partition, &text, out),
            Happened::Nothing => {}
        }
        0
    }

    fn message(&mut self, message: Message, out: &mut Vec<Output>) -> usize {
        let Message { partition, offset, leader_epoch, timestamp, key, value, headers } = message;
        let Ok(number) = u32::try_from(partition) else { return 0 };
        self.back(out);
        let standing = self.partitions.entry(partition).or_default();
        if standing.becomes_live() {
            out.push(Output::Live(Partition(number)));
        }
        if standing.next.is_some_and(|next| offset < next) {
            // Each event is yielded once, whatever a fetch brings again.
            return 0;
        }
        standing.next = offset.checked_add(1);
        standing.leader_epoch = (leader_epoch >= 0).then_some(leader_epoch).or(standing.leader_epoch);
        standing.end = standing.end.max(offset.saturating_add(1));
        let position = KafkaPosition { offset, leader_epoch, topic_id: self.topic_id }.encode();
        let bytes = key.len() + value.as_ref().map_or(0, Vec::len);
        let (partition, timestamp) = (Partition(number), Timestamp(timestamp));
        out.push(Output::Event(RawEvent { partition, position, timestamp, key, value, headers }));
        bytes
    }

    /// A partition has nothing more. Markers of transactions have offsets too, and are passed by this alone.
    fn end(&mut self, partition: i32, offset: i64, out: &mut Vec<Output>) {
        let Ok(number) = u32::try_from(partition) else { return };
        self.back(out);
        let standing = self.partitions.entry(partition).or_default();
        if offset > standing.next.unwrap_or(0) {
            let leader_epoch = standing.leader_epoch.unwrap_or(-1);
            let position =
                KafkaPosition { offset: offset - 1, leader_epoch, topic_id: self.topic_id }.encode();
            out.push(Output::Passed(Partition(number), position));
        }
        standing.next = standing.next.max(Some(offset));
        standing.end = standing.end.max(offset);
        if standing.becomes_live() {
            out.push(Output::Live(Partition(number)));
        }
        out.push(Output::AtEnd(Partition(number)));
    }

    fn described(&mut self, description: &Description, out: &mut Vec<Output>) {
        self.back(out);
        let unknown = [0; 16];
        if description.id != unknown && self.topic_id != unknown && description.id != self.topic_id {
            return self.raise(format!(
                "the topic `{}` was deleted and created anew: its id is another one. What was served stays served, \
                 and nothing more is applied from it. If the new topic is meant, start with a new store",
                self.topic
            ));
        }
        if description.id != unknown {
            self.topic_id = description.id;
        }
        let known: Vec<i32> = self.stored.keys().chain(self.partitions.keys()).copied().collect();
        if let Some(lost) = known.iter().find(|partition| !description.partitions.contains(partition)) {
            return self.raise(format!(
                "the topic `{}` no longer has partition {lost}: it was deleted and created anew. What was served \
                 stays served, and nothing more is applied from it. If the new topic is meant, start with a new store",
                self.topic
            ));
        }
        let new = description.partitions.iter().filter(|partition| !self.partitions.contains_key(partition));
        let standing = |partition: &i32| {
            let standing = self.stored.get(partition).map_or_else(Standing::default, Standing::behind);
            (*partition, standing)
        };
        let new: Vec<(i32, Standing)> = new.map(standing).collect();
        if new.is_empty() {
            return;
        }
        let from: Vec<_> = new.iter().map(|(partition, standing)| standing.from(*partition)).collect();
        if let Err(error) = self.client.assign(&from) {
            return self.away(format!("partitions of `{}` cannot be assigned: {error}", self.topic), out);
        }
        for (partition, standing) in new {
            self.stored.remove(&partition);
            self.partitions.insert(partition, standing);
            out.extend(u32::try_from(partition).ok().map(|number| Output::Partition(Partition(number))));
        }
        // Their ends are needed at once, and a moment's ends without them would be incomplete.
        self.target = None;
        self.asking.due = Instant::now();
    }

    fn ends(&mut self, ends: &[(i32, i64)], out: &mut Vec<Output>) {
        self.back(out);
        for (partition, end) in ends {
            let Some(standing) = self.partitions.get_mut(partition) else { continue };
            standing.start_end = standing.start_end.or(Some(*end));
            standing.end = standing.end.max(*end);
            if standing.becomes_live() {
                out.extend(u32::try_from(*partition).ok().map(|number| Output::Live(Partition(number))));
            }
        }
        let all = self.partitions.keys().all(|partition| ends.iter().any(|(own, _)| own == partition));
        if all {
            self.target = Some((self.asked_at, ends.iter().copied().collect()));
        } else {
            // A partition was added since: ask again with it.
            self.asking.due = Instant::now();
        }
    }

    /// Whether the ends of a moment have been passed.
    fn check_target(&mut self, out: &mut Vec<Output>) {
        let Some((moment, ends)) = &mut self.target else { return };
        ends.retain(|partition, end| !self.partitions.get(partition).is_some_and(|own| own.has_passed(*end)));
        if ends.is_empty() {
            out.push(Output::InStep(*moment));
            self.target = None;
        }
    }

    fn failed(&mut self, code: Code, partition: Option<i32>, text: &str, out: &mut Vec<Output>) {
        match code {
            Code::AutoOffsetReset | Code::OffsetOutOfRange | Code::LogTruncation => {
                let place = partition.map_or_else(String::new, |partition| format!(" partition {partition}"));
                self.raise(format!(
                    "the topic `{}`{place} no longer has the position behind which reading goes on ({text}): \
                     retention overtook this node, the log was cut short, or the topic was created anew. What was \
                     served stays served, and nothing more is applied from it. Events may be missing here: start \
                     with a new store",
                    self.topic
                ));
            }
            Code::AllBrokersDown if self.last_error.is_empty() => self.away(text.to_owned(), out),
            Code::AllBrokersDown => self.away(self.last_error.clone(), out),
            // No group is joined, so it does not matter whether this one might be.
            Code::GroupAuthorizationFailed => tracing::debug!(text, "the group that nobody joins"),
            _ if partition.is_some() => self.refused(code, text, out),
            // One broker of several; the library goes on with the others, or says that all are down.
            _ => self.cause(text.to_owned(), out),
        }
    }

    fn explain(&self, code: Code, text: &str) -> String {
        match code {
            Code::UnknownTopic | Code::UnknownTopicOrPartition => {
                format!("the topic `{}` is not there: create it, or look at its name ({text})", self.topic)
            }
            Code::TopicAuthorizationFailed => format!(
                "the broker does not let this user read the topic `{}`: grant Read and Describe ({text})",
                self.topic
            ),
            _ if self.last_error.is_empty() => text.to_owned(),
            _ => format!("{text}; before that: {}", self.last_error),
        }
    }

    /// A request failed, or a partition cannot be read.
    fn refused(&mut self, code: Code, text: &str, out: &mut Vec<Output>) {
        self.away(self.explain(code, text), out);
        let says_why = [Code::UnknownTopic, Code::UnknownTopicOrPartition, Code::TopicAuthorizationFailed];
        self.cause_told |= says_why.contains(&code);
    }

    /// Why a broker cannot be used: a name, a port, a certificate, a password. A request may have failed before
    /// that is known, and says only that it did; so the first cause is told after it.
    fn cause(&mut self, error: String, out: &mut Vec<Output>) {
        self.last_error = error;
        if self.connected == Some(false) && !std::mem::replace(&mut self.cause_told, true) {
            out.push(Output::Away(self.last_error.clone()));
        }
    }

    fn away(&mut self, error: String, out: &mut Vec<Output>) {
        if self.connected != Some(false) {
            self.connected = Some(false);
            self.cause_told = !self.last_error.is_empty();
            out.push(Output::Away(error));
        }
    }

    fn back(&mut self, out: &mut Vec<Output>) {
        if self.connected != Some(true) {
            self.connected = Some(true);
            self.last_error.clear();
            out.push(Output::Connected);
        }
    }

    fn raise(&mut self, alarm: String) {
        self.alarm.get_or_insert(alarm);
    }
}

impl Source for KafkaSource {
    fn poll(&mut self, timeout: Duration, out: &mut Vec<Output>) -> bool {
        let mut wait = timeout.min(self.request(out));
        let mut bytes = 0;
        let mut more = true;
        for _ in 0..AT_A_TIME {
            if self.alarmed || self.alarm.is_some() || bytes >= BYTES_AT_A_TIME {
                break;
            }
            let Some(happened) = self.client.poll(wait) else {
                more = false;
                break;
            };
            bytes += self.take(happened, out);
            wait = Duration::ZERO;
        }
        if let Some(alarm) = self.alarm.take() {
            self.alarmed = true;
            out.push(Output::Alarm(alarm));
            return false;
        }
        if self.alarmed {
            std::thread::sleep(timeout);
            return false;
        }
        self.check_target(out);
        more
    }

    fn progress(&self) -> Vec<Progress> {
        let progress = |(partition, standing): (&i32, &Standing)| {
            let mut standing = *standing;
            standing.end = standing.end.max(self.client.high_watermark(*partition).unwrap_or(0));
            let at = standing.next.map_or_else(|| "the beginning".into(), |next| format!("offset {next}"));
            Some(Progress { partition: Partition(u32::try_from(*partition).ok()?), at, lag: standing.lag() })
        };
        self.partitions.iter().filter_map(progress).collect()
    }
}

// === impl Request ===

impl Request {
    fn now() -> Self {
        Self { due: Instant::now(), under_way: false, failures: 0 }
    }

    fn is_due(&self, now: Instant) -> bool {
        !self.under_way && self.due <= now
    }

    fn done(&mut self, pause: Duration) {
        *self = Self { due: Instant::now() + pause, under_way: false, failures: 0 };
    }

    fn failed(&mut self) {
        let pause = FIRST_PAUSE.saturating_mul(1 << self.failures.min(10)).min(DESCRIBE_EVERY);
        *self =
            Self { due: Instant::now() + pause, under_way: false, failures: self.failures.saturating_add(1) };
    }
}

fn foreign(topic: &str, partition: Partition, error: &str) -> String {
    format!(
        "the stored position of the topic `{topic}`, partition {partition}, cannot be read: {error}. Was another log \
         read under the same name? What was served stays served. Start with the version of the program that wrote \
         it, or with a new store"
    )
}

fn timestamp_now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
