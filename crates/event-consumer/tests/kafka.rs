//! Kafka as a source, against librdkafka's own imitation of a broker.
#![cfg(feature = "kafka")]

mod support;

use event_consumer::{ConfigError, Ended, Follower, OpenError, SourceConfig, SourceSpec};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, DefaultProducerContext, Producer};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use support::{PATIENCE, Seen, status, value, wait_for};
use zone_model::{EventBody, KafkaPosition, Partition, Position, Timestamp};

const TOPIC: &str = "dns";

type Cluster = MockCluster<'static, DefaultProducerContext>;

fn cluster(partitions: i32) -> Cluster {
    let cluster = MockCluster::new(1).expect("a mock cluster");
    cluster.create_topic(TOPIC, partitions, 1).expect("a topic");
    cluster
}

fn producer(cluster: &Cluster) -> BaseProducer {
    support::producer(&cluster.bootstrap_servers(), &[])
}

fn follow(brokers: &str, positions: &BTreeMap<Partition, Position>) -> Follower {
    support::follow(brokers, TOPIC, positions)
}

#[test]
fn a_topic_is_read_whole_and_a_restart_reads_nothing_twice() {
    let cluster = cluster(3);
    let producer = producer(&cluster);
    for n in 0..300 {
        support::produce(
            &producer,
            TOPIC,
            n % 3,
            &format!("n{n}"),
            Some(&value(&format!("n{n}"))),
            1_000 + i64::from(n),
        );
    }
    support::produce(&producer, TOPIC, 0, "gone", None, 5_000);
    support::produce(&producer, TOPIC, 1, "bad", Some("not json"), 5_000);
    producer.flush(PATIENCE).expect("delivered");

    let mut follower = follow(&cluster.bootstrap_servers(), &BTreeMap::new());
    let mut seen = Seen::default();
    seen.until(&mut follower, |seen| seen.in_step.is_some());
    assert_eq!(seen.events.len(), 302, "in step is said behind the last event");
    for partition in 0..3 {
        let own: Vec<i64> = seen
            .events
            .iter()
            .filter(|event| event.partition.0 == partition)
            .map(|event| KafkaPosition::decode(&event.position).expect("ours").offset)
            .collect();
        assert!(own.windows(2).all(|pair| pair[0] < pair[1]), "in the order of the log");
    }
    let first = seen.events.iter().find(|event| event.key == b"n7.example.|A").expect("read");
    assert_eq!((first.timestamp, first.partition), (Timestamp(1_007), Partition(1)));
    assert_eq!(first.header("producer"), Some("test"));
    assert!(matches!(first.body, EventBody::Set(_)), "{:?}", first.body);
    let body = |key: &[u8]| &seen.events.iter().find(|event| event.key == key).expect("read").body;
    assert!(matches!(body(b"gone.example.|A"), EventBody::Null(Some(_))));
    assert!(matches!(body(b"bad.example.|A"), EventBody::Unusable(_)));
    let position = KafkaPosition::decode(&seen.positions[&Partition(0)]).expect("ours");
    assert_ne!(position.topic_id, [0; 16], "the topic's id is part of the position");
    // It is renewed while nothing happens.
    let before = seen.in_step;
    seen.until(&mut follower, |seen| seen.in_step > before);
    let lags: Vec<u64> = wait_for(&mut follower, |status| status.partitions.len() == 3)
        .partitions
        .iter()
        .map(|own| own.lag)
        .collect();
    assert_eq!(lags, [0, 0, 0]);
    follower.close();

    support::produce(&producer, TOPIC, 2, "later", Some(&value("later")), 9_000);
    producer.flush(PATIENCE).expect("delivered");
    let mut follower = follow(&cluster.bootstrap_servers(), &seen.positions);
    let mut again = Seen::default();
    again.until(&mut follower, |seen| seen.in_step.is_some());
    assert_eq!(again.keys(), ["later.example.|A"]);

    let mut best = PATIENCE;
    for n in 0..20 {
        let sent = Instant::now();
        support::produce(&producer, TOPIC, n % 3, &format!("live{n}"), Some(&value(&format!("live{n}"))), 0);
        again.events.clear();
        again.until(&mut follower, |seen| !seen.events.is_empty());
        best = best.min(sent.elapsed());
    }
    assert!(best < Duration::from_millis(100), "{best:?}");
}

#[test]
fn an_empty_topic_is_in_step_at_once() {
    let cluster = cluster(2);
    let mut follower = follow(&cluster.bootstrap_servers(), &BTreeMap::new());
    let mut seen = Seen::default();
    seen.until(&mut follower, |seen| seen.in_step.is_some());
    assert!(seen.events.is_empty());
    assert!(status(&follower).connected);
}

#[test]
fn a_topic_can_be_watched_from_its_end_on() {
    let cluster = cluster(2);
    let producer = producer(&cluster);
    (0..10).for_each(|n| support::produce(&producer, TOPIC, n % 2, &format!("old{n}"), None, 0));
    producer.flush(PATIENCE).expect("delivered");
    let config = support::config(&cluster.bootstrap_servers(), TOPIC);
    let spec = SourceSpec::at_end(&config.sources[0], Duration::from_millis(100)).expect("usable");
    let mut follower = Follower::of(vec![spec], &config.batch, &[]).expect("opens");
    let mut seen = Seen::default();
    seen.until(&mut follower, |seen| seen.in_step.is_some());
    assert!(seen.events.is_empty(), "{:?}", seen.keys());
    support::produce(&producer, TOPIC, 1, "new", None, 0);
    producer.flush(PATIENCE).expect("delivered");
    seen.until(&mut follower, |seen| !seen.events.is_empty());
    assert_eq!(seen.keys(), ["new.example.|A"]);
}

// DESIGN, "Start and health": 24 h where the tombstone retention may not be read. The imitation describes no
// configuration, as a broker does that grants Read and Describe alone.
#[test]
fn a_topic_that_may_not_be_described_is_read_with_a_warning() {
    let cluster = cluster(2);
    let mut follower = follow(&cluster.bootstrap_servers(), &BTreeMap::new());
    let status = wait_for(&mut follower, |status| !status.warnings.is_empty());
    assert!(
        status.warnings[0].contains("DescribeConfigs") && status.warnings[0].contains("24 hours"),
        "{status:?}"
    );
    let log = wait_for(&mut follower, |status| status.log.from_start.is_some()).log;
    assert_eq!(log.from_start, Some(true));
    assert_eq!(log.tombstone_retention, Some(Duration::from_secs(24 * 60 * 60)));
    assert_eq!(log.identity.map(|id| id.len()), Some(32), "the topic's id, hexadecimal");
    let mut seen = Seen::default();
    seen.until(&mut follower, |seen| seen.in_step.is_some());
}

#[test]
fn a_broker_that_is_away_at_start_or_later_is_waited_for() {
    let cluster = cluster(1);
    let producer = producer(&cluster);
    cluster.broker_down(1).expect("down");
    let mut follower = follow(&cluster.bootstrap_servers(), &BTreeMap::new());
    let status = wait_for(&mut follower, |status| status.last_error.is_some());
    assert!(!status.connected && status.ended.is_none() && status.alarm.is_none(), "{status:?}");
    cluster.broker_up(1).expect("up");
    support::produce(&producer, TOPIC, 0, "a", Some(&value("a")), 0);
    let mut seen = Seen::default();
    seen.until(&mut follower, |seen| seen.events.len() == 1);

    cluster.broker_down(1).expect("down");
    wait_for(&mut follower, |status| !status.connected);
    cluster.broker_up(1).expect("up");
    support::produce(&producer, TOPIC, 0, "b", Some(&value("b")), 0);
    seen.until(&mut follower, |seen| seen.events.len() == 2);
    assert_eq!(seen.keys(), ["a.example.|A", "b.example.|A"]);
    wait_for(&mut follower, |status| status.connected && status.last_error.is_none());
}

/// A request that fails says only that it did: who has to mend something needs what librdkafka says of it.
#[test]
fn why_a_broker_is_away_is_said() {
    let nobody = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let address = nobody.local_addr().expect("bound").to_string();
    drop(nobody);
    let mut follower = follow(&address, &BTreeMap::new());
    let said = |error: &String| error.contains(&address) && error.contains("refused");
    let status = wait_for(&mut follower, |status| status.last_error.as_ref().is_some_and(said));
    assert!(!status.connected && status.alarm.is_none(), "{status:?}");
}

#[test]
fn a_topic_that_is_not_there_is_waited_for_and_named() {
    let cluster = MockCluster::new(1).expect("a mock cluster");
    // The imitation makes topics that are asked for, unless told otherwise.
    cluster
        .topic_error(TOPIC, rdkafka::types::RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        .expect("set");
    let mut follower = follow(&cluster.bootstrap_servers(), &BTreeMap::new());
    let status = wait_for(&mut follower, |status| status.last_error.is_some());
    assert!(status.last_error.is_some_and(|error| error.contains("`dns` is not there")));
}

#[test]
fn a_position_that_the_broker_no_longer_has_is_an_alarm() {
    let cluster = cluster(1);
    let producer = producer(&cluster);
    support::produce(&producer, TOPIC, 0, "a", Some(&value("a")), 0);
    producer.flush(PATIENCE).expect("delivered");
    let beyond = KafkaPosition { offset: 1_000, leader_epoch: -1, topic_id: [0; 16] }.encode();
    let mut follower = follow(&cluster.bootstrap_servers(), &[(Partition(0), beyond)].into());
    let status = wait_for(&mut follower, |status| status.ended == Some(Ended::Alarm));
    assert!(status.alarm.is_some_and(|alarm| alarm.contains("no longer has the position")));
    assert_eq!(status.events, 0);
}

/// What an unclean election leaves: the log lost its tail and grew again under another leader, beyond the position.
/// The position's offset is there, and is that of another event.
#[test]
fn a_log_that_was_cut_short_below_the_position_and_grew_again_is_an_alarm() {
    let cluster = cluster(2);
    let producer = producer(&cluster);
    let produced = |partition, count| {
        (0..count).for_each(|n| support::produce(&producer, TOPIC, partition, &format!("n{n}"), None, 0));
        producer.flush(PATIENCE).expect("delivered");
    };
    let epochs = |positions: &BTreeMap<Partition, Position>| -> Vec<i32> {
        positions.values().map(|own| KafkaPosition::decode(own).expect("ours").leader_epoch).collect()
    };
    produced(0, 5);
    produced(1, 5);
    let mut seen = Seen::default();
    let mut follower = follow(&cluster.bootstrap_servers(), &BTreeMap::new());
    seen.until(&mut follower, |seen| seen.in_step.is_some());
    follower.close();
    let before = epochs(&seen.positions);
    // Partition 0 gets another leader; what is written then stands under its epoch.
    cluster.partition_leader(TOPIC, 0, Some(1)).expect("elected");
    produced(0, 10);
    let mut follower = follow(&cluster.bootstrap_servers(), &seen.positions);
    let mut again = Seen::default();
    again.until(&mut follower, |seen| seen.in_step.is_some());
    follower.close();
    assert_eq!(again.events.len(), 10, "a leader that has what was read is read on from");
    assert_eq!(epochs(&again.positions), [before[0] + 1]);

    // As if the leader of before had written up to offset 8, and all above 4 had been lost with it.
    let topic_id = KafkaPosition::decode(&seen.positions[&Partition(0)]).expect("ours").topic_id;
    let lost = KafkaPosition { offset: 8, leader_epoch: before[0], topic_id }.encode();
    let positions = [(Partition(0), lost), (Partition(1), seen.positions[&Partition(1)])].into();
    let mut follower = follow(&cluster.bootstrap_servers(), &positions);
    let status = wait_for(&mut follower, |status| status.ended == Some(Ended::Alarm));
    assert!(status.alarm.as_ref().is_some_and(|alarm| alarm.contains("cut short")), "{status:?}");
    assert_eq!(status.events, 0, "nothing of it is handed on");
}

#[test]
fn a_topic_that_was_created_anew_is_an_alarm() {
    let cluster = cluster(1);
    let position = |topic_id| KafkaPosition { offset: 0, leader_epoch: -1, topic_id }.encode();
    let mut follower = follow(&cluster.bootstrap_servers(), &[(Partition(0), position([7; 16]))].into());
    let alarm = wait_for(&mut follower, |status| status.ended == Some(Ended::Alarm)).alarm;
    assert!(alarm.is_some_and(|alarm| alarm.contains("created anew")));
    let mut follower = follow(&cluster.bootstrap_servers(), &[(Partition(5), position([0; 16]))].into());
    let alarm = wait_for(&mut follower, |status| status.ended == Some(Ended::Alarm)).alarm;
    assert!(alarm.is_some_and(|alarm| alarm.contains("no longer has partition 5")));
}

#[test]
fn a_property_that_librdkafka_does_not_take_is_named() {
    let mut config = support::config("127.0.0.1:1", TOPIC);
    let SourceConfig::Kafka(kafka) = &mut config.sources[0] else { unreachable!() };
    kafka.properties.insert("no.such.property".into(), "1".into());
    let error = Follower::open(&config, &[]).map(drop).expect_err("refused before anything is started");
    assert!(matches!(error, OpenError::Config(ConfigError::Value { .. })), "{error}");
    assert!(error.to_string().contains("no.such.property"), "{error}");
    // So is what would break a promise.
    let SourceConfig::Kafka(kafka) = &mut config.sources[0] else { unreachable!() };
    kafka.properties = [("auto.offset.reset".to_owned(), "latest".to_owned())].into();
    assert!(matches!(Follower::open(&config, &[]), Err(OpenError::Config(ConfigError::Refused { .. }))));
}

#[test]
fn large_events_and_many_of_them_come_through() {
    let cluster = cluster(4);
    let producer = producer(&cluster);
    let long = "x".repeat(900 * 1024);
    support::produce(&producer, TOPIC, 3, "large", Some(&format!("[{{\"unused\":\"{long}\"}}]")), 0);
    let names: BTreeSet<String> = (0..20_000).map(|n| format!("m{n}.example.|A")).collect();
    for n in 0..20_000 {
        while producer.in_flight_count() > 5_000 {
            producer.poll(Duration::from_millis(1));
        }
        support::produce(&producer, TOPIC, n % 4, &format!("m{n}"), Some(&value(&format!("m{n}"))), 0);
    }
    producer.flush(PATIENCE).expect("delivered");
    let mut follower = follow(&cluster.bootstrap_servers(), &BTreeMap::new());
    let mut seen = Seen::default();
    seen.until(&mut follower, |seen| seen.in_step.is_some());
    assert_eq!(seen.events.len(), 20_001);
    let found: BTreeSet<String> = seen.keys().into_iter().filter(|key| key.starts_with('m')).collect();
    assert_eq!(found, names);
}
