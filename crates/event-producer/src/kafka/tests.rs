//! Against librdkafka's own mock cluster: no broker, but the protocol.

use super::*;
use crate::testing::{remove, set, soa_edit};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use zone_model::RecordType;

const UNKNOWN: RDKafkaRespErr = RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN;

type Cluster = MockCluster<'static, DefaultProducerContext>;

fn cluster(partitions: i32) -> (Cluster, KafkaTarget) {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("dns", partitions, 1).unwrap();
    let properties = vec![
        ("bootstrap.servers".to_owned(), cluster.bootstrap_servers()),
        // A setting for each kind of client that the other kind must not be given.
        ("compression.type".to_owned(), "zstd".to_owned()),
        ("fetch.min.bytes".to_owned(), "1".to_owned()),
    ];
    (cluster, KafkaTarget { topic: "dns".into(), properties })
}

fn change(edits: Vec<messages::Edit>) -> Change {
    Change { zone: None, edits, producer: "test".into(), if_unchanged: false }
}

fn log(target: &KafkaTarget, keep: Keep) -> KafkaLog {
    KafkaLog::new(target.clone(), Duration::from_secs(10), keep)
}

fn publish(log: &mut KafkaLog, change: &Change, now: i64) -> Result<Outcome, PublishError> {
    log.publish(change, Timestamp(now), &format!("c{now}"), &ProducerConfig::default())
}

/// What a reader of one partition finds there: key, value, timestamp.
fn read(target: &KafkaTarget, partition: Partition, count: usize) -> Vec<(String, Option<Vec<u8>>, i64)> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &target.properties[0].1).set("group.id", "test");
    let consumer: BaseConsumer = config.create().unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset("dns", partition.0 as i32, Offset::Beginning).unwrap();
    consumer.assign(&list).unwrap();
    let mut found = Vec::new();
    while found.len() < count {
        let message = consumer.poll(Duration::from_secs(20)).unwrap().unwrap();
        found.push((
            String::from_utf8_lossy(message.key().unwrap()).into_owned(),
            message.payload().map(<[u8]>::to_vec),
            message.timestamp().to_millis().unwrap(),
        ));
    }
    found
}

fn offset(position: &Position) -> i64 {
    KafkaPosition::decode(position).unwrap().offset
}

#[test]
fn a_change_becomes_events_in_its_zones_partition() {
    let (_cluster, target) = cluster(3);
    let mut own = log(&target, Keep::Slots);
    let first = publish(&mut own, &change(vec![soa_edit("example.", 1)]), 1_700_000_000_000).unwrap();
    assert_eq!((first.published.events, first.serial, first.published.source.as_str()), (1, Some(1), "dns"));
    let (partition, position) = first.published.positions[0];
    assert_eq!((first.published.positions.len(), offset(&position)), (1, 0));
    let edit = set("www.example", RecordType::A, &["192.0.2.1"]);
    let second = publish(&mut own, &change(vec![edit]), 1_700_000_002_000).unwrap();
    assert_eq!((second.published.events, second.serial), (2, Some(4)));
    assert_eq!(second.published.positions[0].0, partition);
    let removed = publish(&mut own, &change(vec![remove("www.example", RecordType::A)]), 1_700_000_002_000);
    assert_eq!(removed.unwrap().timestamp, Timestamp(1_700_000_002_001));
    let found = read(&target, partition, 5);
    let keys: Vec<_> = found.iter().map(|(key, value, _)| (key.as_str(), value.is_some())).collect();
    let want = [
        ("example.|SOA|example.", true),
        ("example.|SOA|example.", true),
        ("www.example.|A|example.", true),
        ("example.|SOA|example.", true),
        ("www.example.|A|example.", false),
    ];
    assert_eq!(keys, want);
    assert_eq!((found[0].2, found[2].2), (1_700_000_000_000, 1_700_000_002_000));
}

/// The writer lock: whoever takes it last publishes, and the one before takes it again.
#[test]
fn two_producers_take_turns_at_a_zone() {
    let (_cluster, target) = cluster(2);
    let (mut one, mut two) = (log(&target, Keep::Slots), log(&target, Keep::Everything));
    publish(&mut one, &change(vec![soa_edit("example.", 1)]), 1_000_000).unwrap();
    let mut serials = Vec::new();
    for turn in 0..2 {
        for (own, owner) in [(&mut one, "a.example"), (&mut two, "b.example")] {
            let edit = set(owner, RecordType::A, &[&format!("192.0.2.{turn}")]);
            serials.push(publish(own, &change(vec![edit]), 1_000_000).unwrap().serial.unwrap());
        }
    }
    // Each saw what the other had written, so no serial and no timestamp comes twice.
    assert!(serials.is_sorted_by(|a, b| a < b), "{serials:?}");
    let state = two.read().unwrap();
    let records = |owner| state.records(&Name::parse(owner).unwrap(), None, &[]);
    assert_eq!(records("a.example")[0].rrset.rdatas()[0][..], [192, 0, 2, 1]);
    assert_eq!(records("b.example").len(), 1);
}

/// DESIGN, "An event sets one RRset": a condition is checked before publishing, under the zone's writer lock. Two
/// imports of one zone at once: one wins, the other gets a clear conflict.
#[test]
fn who_decided_by_what_was_read_gets_a_conflict_where_somebody_was_faster() {
    let (_cluster, target) = cluster(2);
    conflict(&target, "example.");
}

fn conflict(target: &KafkaTarget, apex: &str) {
    let (mut one, mut two) = (log(target, Keep::Slots), log(target, Keep::Everything));
    let sure = |label: &str| {
        let edit = set(&format!("{label}.{apex}"), RecordType::A, &["192.0.2.1"]);
        Change { if_unchanged: true, ..change(vec![edit]) }
    };
    publish(&mut one, &change(vec![soa_edit(apex, 1)]), 1_000).unwrap();
    one.read().unwrap();
    two.read().unwrap();
    publish(&mut one, &sure("a"), 2_000).unwrap();
    // The other takes the lock, sees what came, and publishes nothing.
    let error = publish(&mut two, &sure("b"), 2_000).unwrap_err();
    assert!(matches!(&error, PublishError::Conflict(what) if what.contains("since it was read")), "{error}");
    // The winner takes the lock back for its next part; what it wrote itself is not in its way.
    publish(&mut one, &sure("c"), 3_000).unwrap();
    publish(&mut one, &sure("d"), 3_000).unwrap();
    let state = two.read().unwrap();
    let has =
        |label: &str| !state.records(&Name::parse(&format!("{label}.{apex}")).unwrap(), None, &[]).is_empty();
    assert_eq!(["a", "b", "c", "d"].map(has), [true, false, true, true]);
    publish(&mut two, &sure("b"), 4_000).unwrap();
}

/// A producer that takes no lock.
fn write_without_lock(target: &KafkaTarget, partition: Partition, key: &str, timestamp: i64) {
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &target.properties[0].1);
    let producer: BaseProducer = config.create().unwrap();
    let record = BaseRecord::to("dns").partition(partition.0 as i32).key(key).payload("[]");
    producer.send(record.timestamp(timestamp)).map_err(|(error, _)| error).unwrap();
    producer.flush(Duration::from_secs(20)).unwrap();
}

/// DESIGN, "Serials": it reads back; if another change of the zone came between, it publishes one more. What came
/// between is told, another zone's is not, and what came behind is a conflict for the next part.
#[test]
fn what_others_wrote_in_between_gets_one_more_serial() {
    let (_cluster, target) = cluster(1);
    let mut own = log(&target, Keep::Slots);
    for apex in ["example.", "other."] {
        publish(&mut own, &change(vec![soa_edit(apex, 1)]), 1_000).unwrap();
    }
    let apex = Name::parse("example.").unwrap();
    let config = ProducerConfig::default();
    let edits = |label: &str| change(vec![set(&format!("{label}.example."), RecordType::A, &["192.0.2.1"])]);
    for (between, events, serial) in
        [(vec![], 2, 3), (vec!["x.other.|A"], 2, 4), (vec!["x.example.|A", "y.other.|A"], 3, 6)]
    {
        own.catch_up(Until::End).unwrap();
        let writer = own.take_lock(&apex).unwrap();
        for key in &between {
            write_without_lock(&target, Partition(0), key, 1_500);
        }
        let outcome = own.write((&apex, &writer), &edits("a"), Timestamp(2_000), "c", &config);
        let outcome = outcome.unwrap_or_else(|error| panic!("{error:?}"));
        own.writers.push((apex.clone(), writer));
        assert_eq!((outcome.published.events, outcome.serial), (events, Some(serial)), "{between:?}");
        let told: Vec<_> = outcome.between.iter().map(|event| event.key.clone()).collect();
        let want: Vec<_> =
            between.iter().filter(|key| key.contains("example")).map(|key| key.as_bytes()).collect();
        assert_eq!(told, want);
    }
    // What stands behind the change when it is read back is no part of it, and has been seen by nobody.
    own.catch_up(Until::End).unwrap();
    let writer = own.take_lock(&apex).unwrap();
    let at = Circumstances {
        now: Timestamp(2_500),
        change_id: "d",
        layout: Layout::SINGLE,
        zones: &[],
        alone: true,
    };
    let reader = own.reader.as_mut().unwrap();
    let plan = plan(&reader.state, &edits("c"), &at).unwrap();
    write_without_lock(&target, Partition(0), "x.example.|A", 1_500);
    let delivered = writer.write("dns", &plan).unwrap_or_else(|error| panic!("{error:?}"));
    write_without_lock(&target, Partition(0), "y.example.|A", 1_500);
    let mut mine = delivered.iter().map(|own| (own.partition, own.offset)).collect();
    let mut behind = Seen::ALL;
    let between = reader.between(&mut mine, &plan, &[], &mut behind);
    assert_eq!(between.iter().map(|event| &event.key[..]).collect::<Vec<_>>(), [b"x.example.|A"]);
    let Seen::But(behind) = behind else { panic!("{behind:?}") };
    assert_eq!(behind.iter().map(|key| key.owner.to_string()).collect::<Vec<_>>(), ["y.example."]);
    own.writers.push((apex, writer));
    own.read().unwrap();
    write_without_lock(&target, Partition(0), "z.example.|A", 1_500);
    let next = publish(&mut own, &Change { if_unchanged: true, ..edits("b") }, 3_000);
    assert!(matches!(&next, Err(PublishError::Conflict(what)) if what.contains("z.example.")), "{next:?}");
}

/// A broker that is asked to commit while somebody else takes the zone's lock answers with an error that says nothing of
/// that (Kafka 4.3.1: UNKNOWN_SERVER_ERROR). That the lock is gone is seen when the transaction is ended, and whoever
/// lost it takes it back once, as ever.
#[test]
fn a_lock_that_was_lost_at_the_commit_is_taken_back() {
    const LOST: [RDKafkaRespErr; 3] = [UNKNOWN, UNKNOWN, RDKafkaRespErr::RD_KAFKA_RESP_ERR_PRODUCER_FENCED];
    let (cluster, target) = cluster(1);
    let mut own = log(&target, Keep::Slots);
    let mut serial = publish(&mut own, &change(vec![soa_edit("example.", 1)]), 1_000).unwrap().serial;
    let edits = || change(vec![set("a.example.", RecordType::A, &["192.0.2.1"])]);
    for errors in [&LOST[1..], &LOST[..]] {
        cluster.request_errors(RDKafkaApiKey::EndTxn, errors);
        let outcome = publish(&mut own, &edits(), 2_000).unwrap();
        assert!(outcome.published.events == 2 && outcome.serial > serial, "{outcome:?}");
        serial = outcome.serial;
    }
    // Who loses it twice has a conflict.
    cluster.request_errors(RDKafkaApiKey::EndTxn, &[&LOST[1..], &LOST[1..]].concat());
    let error = publish(&mut own, &edits(), 3_000).unwrap_err();
    assert!(matches!(error, PublishError::Conflict(_)), "{error}");
}

/// A commit that failed, where nobody took the lock: it is aborted, and then nothing was published; where that fails
/// too, nobody can say.
#[test]
fn a_commit_that_failed_is_aborted_or_its_fate_is_unknown() {
    let (cluster, target) = cluster(1);
    let mut own = KafkaLog::new(target, Duration::from_secs(2), Keep::Slots);
    publish(&mut own, &change(vec![soa_edit("example.", 1)]), 1_000).unwrap();
    let edits = change(vec![set("a.example.", RecordType::A, &["192.0.2.1"])]);
    cluster.request_errors(RDKafkaApiKey::EndTxn, &[UNKNOWN]);
    let error = publish(&mut own, &edits, 2_000).unwrap_err();
    assert!(matches!(error, PublishError::Unavailable(_)), "{error}");
    cluster.request_errors(RDKafkaApiKey::EndTxn, &[UNKNOWN; 1_000]);
    let error = publish(&mut own, &edits, 2_000).unwrap_err();
    assert!(matches!(error, PublishError::Unknown(_)), "{error}");
    cluster.clear_request_errors(RDKafkaApiKey::EndTxn);
    publish(&mut own, &edits, 2_000).unwrap();
}

/// Where reading had to begin anew it cannot be known what came between, and looking again ends that.
#[test]
fn a_topic_that_could_not_be_read_on_is_a_conflict() {
    let (_cluster, target) = cluster(1);
    let mut own = log(&target, Keep::Slots);
    publish(&mut own, &change(vec![soa_edit("example.", 1)]), 1_000).unwrap();
    own.read().unwrap();
    let sure = || {
        let edit = set("a.example.", RecordType::A, &["192.0.2.1"]);
        Change { if_unchanged: true, ..change(vec![edit]) }
    };
    // The topic is shorter than what was read of it.
    let reader = own.reader.as_mut().unwrap();
    reader.read_so_far(Partition(0), 99);
    let error = publish(&mut own, &sure(), 2_000).unwrap_err();
    assert!(matches!(&error, PublishError::Conflict(what) if what.contains("look again")), "{error}");
    own.read().unwrap();
    publish(&mut own, &sure(), 2_000).unwrap();
}

#[test]
fn what_cannot_be_published_says_why() {
    let (_cluster, target) = cluster(1);
    let nowhere = KafkaTarget { topic: "no-such-topic".into(), ..target.clone() };
    let config = ProducerConfig { timeout_ms: 1_000, ..ProducerConfig::default() };
    let soa = change(vec![soa_edit("example.", 1)]);
    let error =
        log(&target, Keep::Slots).publish(&change(Vec::new()), Timestamp(1), "c", &config).unwrap_err();
    assert!(matches!(error, PublishError::Refused(_)), "{error}");
    let dead = KafkaTarget {
        properties: vec![("bootstrap.servers".into(), "127.0.0.1:1".into())],
        ..target.clone()
    };
    let mut dead = KafkaLog::new(dead, config.timeout(), Keep::Slots);
    let error = dead.publish(&soa, Timestamp(1), "c", &config).unwrap_err();
    assert!(matches!(error, PublishError::Unavailable(_)), "{error}");
    assert!(!format!("{nowhere:?}").contains("127.0.0.1"), "the properties hold passwords");
}

/// Against a real broker, with real transactions and their markers:
/// `STREAM_DNS_KAFKA=127.0.0.1:9092 cargo test -p event-producer -- --ignored`, with a topic `dns` of any number
/// of partitions (`deploy/kafka/up`, `deploy/kafka/topic dns 3`).
#[test]
#[ignore = "needs a broker: STREAM_DNS_KAFKA=HOST:PORT"]
fn producers_take_turns_on_a_real_broker() {
    let brokers = std::env::var("STREAM_DNS_KAFKA").expect("STREAM_DNS_KAFKA=HOST:PORT");
    let target = KafkaTarget { topic: "dns".into(), properties: vec![("bootstrap.servers".into(), brokers)] };
    let now = || {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        i64::try_from(since.as_millis()).unwrap()
    };
    // A zone of this run's own: the topic may hold those of earlier ones.
    let apex = format!("t{}.example.", now());
    let (mut one, mut two) = (log(&target, Keep::Slots), log(&target, Keep::Everything));
    publish(&mut one, &change(vec![soa_edit(&apex, 1)]), now()).unwrap();
    let mut outcomes = Vec::new();
    for turn in 0..5 {
        for (own, label) in [(&mut one, "a"), (&mut two, "b")] {
            let edits = vec![
                set(&format!("{label}.{apex}"), RecordType::A, &[&format!("192.0.2.{turn}")]),
                set(&format!("{label}{turn}.{apex}"), RecordType::TXT, &["text"]),
            ];
            let started = std::time::Instant::now();
            let outcome = publish(own, &change(edits), now()).unwrap();
            eprintln!("{label}{turn}: {:?} in {:?}", outcome.published.positions, started.elapsed());
            outcomes.push(outcome);
        }
    }
    // Kept between changes the lock is the producer's own: no turn to be taken.
    let started = std::time::Instant::now();
    for turn in 10..20 {
        let edit = set(&format!("b.{apex}"), RecordType::A, &[&format!("192.0.2.{turn}")]);
        outcomes.push(publish(&mut two, &change(vec![edit]), now()).unwrap());
    }
    eprintln!("10 changes in {:?}", started.elapsed());
    // Both at once, as fast as they can: who loses twice is told of the conflict, and nobody anything else.
    let race = |own: &mut KafkaLog, label: &str| {
        let change =
            |turn: usize| change(vec![set(&format!("{label}{turn}.{apex}"), RecordType::TXT, &["race"])]);
        (0..10).map(|turn| publish(own, &change(turn), now())).collect::<Vec<_>>()
    };
    let raced = std::thread::scope(|scope| {
        let other = scope.spawn(|| race(&mut one, "c"));
        let mut all = race(&mut two, "d");
        all.extend(other.join().unwrap());
        all
    });
    let conflicts = raced.iter().filter(|outcome| outcome.is_err()).count();
    eprintln!("{conflicts} conflicts of {}", raced.len());
    assert!(
        raced.iter().all(|outcome| matches!(outcome, Ok(_) | Err(PublishError::Conflict(_)))),
        "{raced:?}"
    );
    assert!(conflicts < raced.len());
    assert!(outcomes.iter().map(|outcome| outcome.serial.unwrap()).is_sorted_by(|a, b| a < b));
    conflict(&target, &format!("c{apex}"));
    let partition = outcomes[0].published.positions[0].0;
    assert!(outcomes.iter().all(|outcome| outcome.published.positions[0].0 == partition));
    let mut serials: Vec<_> = raced.iter().flatten().map(|outcome| outcome.serial.unwrap()).collect();
    let count = serials.len();
    serials.sort_unstable();
    serials.dedup();
    assert_eq!(serials.len(), count);
    // A reader that begins afresh sees what the two see.
    let mut fresh = log(&target, Keep::Everything);
    let fresh = fresh.read().unwrap();
    let records = |owner: String| fresh.records(&Name::parse(&owner).unwrap(), None, &[]);
    assert_eq!(records(format!("a.{apex}"))[0].rrset.rdatas()[0][3], 4);
    assert_eq!(records(format!("b.{apex}"))[0].rrset.rdatas()[0][3], 19);
    assert_eq!(fresh.slot_count(), two.read().unwrap().slot_count());
}
