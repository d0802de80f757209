//! A topic as a [`Source`].

use super::client::{Client, Description, Edge, From, Happened, Message};
use super::facts::Topic;
use super::partition::Standing;
use super::request::Request;
use crate::error::OpenError;
use crate::kafka_config::KafkaConfig;
use crate::source::{Output, Progress, Source};
use messages::LogFacts;
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
    /// Partitions that are there and not read yet: what is known of the topic is said first.
    found: Vec<i32>,
    /// The topic's id; zeros while it is not known.
    topic_id: [u8; 16],
    known: Topic,
    said: Option<(LogFacts, Vec<String>)>,
    incomplete: bool,
    /// Whether the partitions that are there first are read from their ends on.
    at_end: bool,
    describing: Request,
    configuring: Request,
    asking_begins: Request,
    asking_ends: Request,
    in_step_every: Duration,
    /// The moment at which the ends were asked for, while the answer is awaited.
    asked_at: Timestamp,
    /// A moment, and the ends of it that are not passed yet.
    target: Option<(Timestamp, BTreeMap<i32, i64>)>,
    /// A moment whose ends were passed. It is said once it is known where the topic begins behind it.
    passed: Option<Timestamp>,
    /// The moment behind which it was asked where the topic begins.
    begins_asked_behind: Option<Timestamp>,
    connected: Option<bool>,
    /// What was wrong with some broker last, since any answered.
    last_error: String,
    /// Whether who reads the status was told that, since the log is away.
    cause_told: bool,
    alarm: Option<String>,
    alarmed: bool,
}

/// How often the topic's partitions and id are asked for.
const DESCRIBE_EVERY: Duration = Duration::from_secs(5);
/// How often the topic's configuration is asked for.
const CONFIGURE_EVERY: Duration = Duration::from_secs(30);
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
            found: Vec::new(),
            topic_id: known.unwrap_or_default(),
            known: Topic::default(),
            said: None,
            incomplete: config.incomplete,
            at_end: false,
            describing: Request::now(DESCRIBE_EVERY),
            configuring: Request::now(DESCRIBE_EVERY),
            asking_begins: Request::now(DESCRIBE_EVERY),
            asking_ends: Request::now(DESCRIBE_EVERY),
            in_step_every,
            asked_at: Timestamp(0),
            target: None,
            passed: None,
            begins_asked_behind: None,
            connected: None,
            last_error: String::new(),
            cause_told: false,
            alarm,
            alarmed: false,
        })
    }

    /// Reads from the partitions' present ends on.
    pub(crate) fn at_end(mut self) -> Self {
        self.at_end = true;
        self
    }

    /// Makes the requests that are due. Returns how long nothing else is.
    fn request(&mut self, out: &mut Vec<Output>) -> Duration {
        if self.describing.is_due(Instant::now()) {
            match self.client.describe() {
                Ok(()) => self.describing.sent(),
                Err((code, text)) => {
                    self.describing.failed();
                    self.refused(code, &text, out);
                }
            }
        }
        let now = Instant::now();
        let is_there = !self.found.is_empty() || !self.partitions.is_empty();
        if is_there && self.configuring.is_due(now) {
            match self.client.describe_config() {
                Ok(()) => self.configuring.sent(),
                Err(refusal) => self.configured(Err(refusal), out),
            }
        }
        let wants_begins = !self.found.is_empty() || self.passed.is_some();
        if wants_begins && self.asking_begins.is_due(now) {
            let all = self.partitions.keys().chain(&self.found).copied();
            self.client.ask_edges(all, Edge::Begin);
            self.begins_asked_behind = self.passed;
            self.asking_begins.sent();
        }
        // Ends of a moment that was not reached yet are not asked for again: later ones are no easier to reach.
        let wants_ends = !self.partitions.is_empty() && self.target.is_none() && self.passed.is_none();
        if wants_ends && self.asking_ends.is_due(now) {
            self.asked_at = timestamp_now();
            self.client.ask_edges(self.partitions.keys().copied(), Edge::End);
            self.asking_ends.sent();
        }
        let waits = [
            (&self.describing, true),
            (&self.configuring, is_there),
            (&self.asking_begins, wants_begins),
            (&self.asking_ends, wants_ends),
        ];
        let next = waits.iter().filter(|(_, wanted)| *wanted).filter_map(|(request, _)| request.due());
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
            Happened::Configured(answer) => self.configured(answer, out),
            Happened::Edges(Edge::Begin, Ok(begins)) => {
                self.asking_begins.done(Duration::ZERO);
                self.begins(&begins, out);
            }
            Happened::Edges(Edge::End, Ok(ends)) => {
                self.asking_ends.done(self.in_step_every);
                self.ends(&ends, out);
            }
            Happened::Edges(edge, Err((code, text))) => {
                match edge {
                    Edge::Begin => self.asking_begins.failed(),
                    Edge::End => self.asking_ends.failed(),
                }
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
                 and nothing more is applied from it. If the new topic is meant, `stream-dns rebuild --accept-loss`",
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
                 stays served, and nothing more is applied from it. If the new topic is meant, `stream-dns rebuild --accept-loss`",
                self.topic
            ));
        }
        let is_new = |partition: &&i32| !self.partitions.contains_key(partition);
        self.found = description.partitions.iter().filter(is_new).copied().collect();
        self.join(out);
    }

    /// Without an answer the node goes on, and says what it assumes instead.
    fn configured(
        &mut self,
        answer: Result<super::facts::TopicConfig, (Code, String)>,
        out: &mut Vec<Output>,
    ) {
        // Asked again soon only where that may help: an answer is missing that was not refused.
        let refused = matches!(answer, Err((Code::TopicAuthorizationFailed | Code::UnsupportedFeature, _)));
        match &answer {
            Err(_) if !refused => self.configuring.failed(),
            _ => self.configuring.done(CONFIGURE_EVERY),
        }
        self.known.configured(match &answer {
            Ok(config) => Ok(config.clone()),
            Err((code, text)) => Err((*code, text.as_str())),
        });
        self.join(out);
        self.say_log(out);
    }

    fn begins(&mut self, begins: &[(i32, i64)], out: &mut Vec<Output>) {
        self.back(out);
        self.known.begins(begins);
        self.join(out);
        self.say_log(out);
        if let Some(moment) = self.begins_asked_behind.take() {
            self.passed = None;
            out.push(Output::InStep(moment));
        }
    }

    /// Says what is known of the topic, once everything was asked and whenever it changes.
    fn say_log(&mut self, out: &mut Vec<Output>) {
        let facts = self.known.facts(self.topic_id);
        if !self.known.is_configured() || facts.from_start.is_none() {
            return;
        }
        let log = (facts, self.known.warnings(&self.topic));
        if self.said.as_ref() != Some(&log) {
            out.push(Output::Log(log.0.clone(), log.1.clone()));
            self.said = Some(log);
        }
    }

    /// Begins to read the partitions that were found, once it is known where they begin.
    fn join(&mut self, out: &mut Vec<Output>) {
        let is_known = |partition: &i32| self.known.begin_of(*partition).is_some();
        if self.found.is_empty() || !self.known.is_configured() || !self.found.iter().all(is_known) {
            return;
        }
        self.say_log(out);
        let standing = |partition: &i32| {
            let standing = self.stored.get(partition).map_or_else(Standing::default, Standing::behind);
            (*partition, standing)
        };
        let new: Vec<(i32, Standing)> = self.found.iter().map(standing).collect();
        // Of a topic that was read before, a partition without a position held nothing when it was read last.
        let was_read = !self.stored.is_empty() || !self.partitions.is_empty();
        let lost = |(partition, standing): &&(i32, Standing)| {
            standing.next.is_none() && self.known.begin_of(*partition).is_some_and(|begin| begin > 0)
        };
        if let Some((partition, _)) = new.iter().find(lost).filter(|_| was_read && !self.incomplete) {
            return self.raise(format!(
                "the topic `{}` partition {partition} held nothing when it was read last, and its beginning is gone: \
                 retention overtook this node. What was served stays served, and nothing more is applied from it. \
                 Events may be missing here. If what is left is everything that counts, \
                 `stream-dns rebuild --accept-loss`",
                self.topic
            ));
        }
        let at_end = std::mem::take(&mut self.at_end);
        let from = |(partition, standing): &(i32, Standing)| From { at_end, ..standing.from(*partition) };
        let from: Vec<_> = new.iter().map(from).collect();
        if let Err(error) = self.client.assign(&from) {
            return self.away(format!("partitions of `{}` cannot be assigned: {error}", self.topic), out);
        }
        self.found.clear();
        for (partition, standing) in new {
            self.stored.remove(&partition);
            self.partitions.insert(partition, standing);
            out.extend(u32::try_from(partition).ok().map(|number| Output::Partition(Partition(number))));
        }
        // Their ends are needed at once, and a moment's ends without them would be incomplete.
        (self.target, self.passed, self.begins_asked_behind) = (None, None, None);
        self.asking_ends.hurry();
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
            self.asking_ends.hurry();
        }
    }

    /// Whether the ends of a moment have been passed.
    fn check_target(&mut self) {
        let Some((moment, ends)) = &mut self.target else { return };
        ends.retain(|partition, end| !self.partitions.get(partition).is_some_and(|own| own.has_passed(*end)));
        if ends.is_empty() {
            self.passed = Some(*moment);
            self.target = None;
            self.asking_begins.hurry();
        }
    }

    fn failed(&mut self, code: Code, partition: Option<i32>, text: &str, out: &mut Vec<Output>) {
        match code {
            Code::AutoOffsetReset | Code::OffsetOutOfRange | Code::LogTruncation => {
                let place = partition.map_or_else(String::new, |partition| format!(" partition {partition}"));
                self.raise(format!(
                    "the topic `{}`{place} no longer has the position behind which reading goes on ({text}): \
                     retention overtook this node, the log was cut short, or the topic was created anew. What was \
                     served stays served, and nothing more is applied from it. Events may be missing here. If what is left \
                     of the log is everything that counts, `stream-dns rebuild --accept-loss`",
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
        self.check_target();
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

fn foreign(topic: &str, partition: Partition, error: &str) -> String {
    format!(
        "the stored position of the topic `{topic}`, partition {partition}, cannot be read: {error}. Was another log \
         read under the same name? What was served stays served. Start with the version of the program that wrote \
         it, or `stream-dns rebuild --accept-loss`"
    )
}

fn timestamp_now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
