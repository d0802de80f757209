//! What only a real broker does. Needs one:
//!
//! ```text
//! just kafka-up
//! STREAM_DNS_KAFKA=127.0.0.1:9092 cargo test -p event-consumer --test broker -- --ignored
//! ```
#![cfg(feature = "kafka")]

mod support;

use event_consumer::Ended;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::Producer;
use rdkafka::{Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::future::Future;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use support::{PATIENCE, Seen, follow, produce, producer, status, value, wait_for};
use zone_model::{KafkaPosition, Partition};

fn brokers() -> String {
    std::env::var("STREAM_DNS_KAFKA").expect("STREAM_DNS_KAFKA names a broker")
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

fn admin() -> AdminClient<DefaultClientContext> {
    ClientConfig::new().set("bootstrap.servers", brokers()).create().expect("an admin client")
}

fn create(topic: &str, partitions: i32) {
    let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1)).set("cleanup.policy", "compact");
    let results = wait(admin().create_topics([&new], &AdminOptions::new())).expect("asked");
    results.into_iter().for_each(|result| drop(result.expect("created")));
}

fn delete(topic: &str) {
    let results = wait(admin().delete_topics(&[topic], &AdminOptions::new())).expect("asked");
    results.into_iter().for_each(|result| drop(result.expect("deleted")));
}

/// A name that no earlier run has used.
fn fresh(name: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_nanos();
    format!("test-{name}-{now}")
}

#[test]
#[ignore = "needs a broker"]
fn partitions_that_are_added_are_read() {
    let topic = fresh("grown");
    create(&topic, 2);
    let producer = producer(&brokers(), &[]);
    produce(&producer, &topic, 1, "before", Some(&value("before")), 1);
    let mut follower = follow(&brokers(), &topic, &BTreeMap::new());
    let mut seen = Seen::default();
    seen.until(&mut follower, |seen| seen.in_step.is_some() && seen.events.len() == 1);
    let grown = NewPartitions::new(&topic, 4);
    wait(admin().create_partitions([&grown], &AdminOptions::new())).expect("grown");
    let since = seen.in_step;
    // A new producer learns of the new partitions at once, not at its next refresh.
    let added = support::producer(&brokers(), &[]);
    produce(&added, &topic, 3, "after", Some(&value("after")), 2);
    added.flush(PATIENCE).expect("delivered");
    seen.until(&mut follower, |seen| seen.events.len() == 2 && seen.in_step > since);
    assert_eq!(seen.keys(), ["before.example.|A", "after.example.|A"]);
    wait_for(&mut follower, |status| status.partitions.len() == 4);
    follower.close();
    let mut follower = follow(&brokers(), &topic, &seen.positions);
    let mut again = Seen::default();
    again.until(&mut follower, |seen| seen.in_step.is_some());
    assert!(again.events.is_empty(), "{:?}", again.keys());
    delete(&topic);
}

#[test]
#[ignore = "needs a broker"]
fn aborted_events_are_never_served_and_markers_are_passed() {
    let topic = fresh("transactions");
    create(&topic, 1);
    let mut follower = follow(&brokers(), &topic, &BTreeMap::new());
    let mut seen = Seen::default();
    seen.until(&mut follower, |seen| seen.in_step.is_some());
    let producer = producer(&brokers(), &[("transactional.id", &topic), ("linger.ms", "0")]);
    producer.init_transactions(PATIENCE).expect("begins");
    producer.begin_transaction().expect("begins");
    produce(&producer, &topic, 0, "aborted", Some(&value("aborted")), 1);
    producer.flush(PATIENCE).expect("delivered");
    producer.abort_transaction(PATIENCE).expect("aborted");
    producer.begin_transaction().expect("begins");
    produce(&producer, &topic, 0, "a", Some(&value("a")), 2);
    produce(&producer, &topic, 0, "b", Some(&value("b")), 2);
    producer.flush(PATIENCE).expect("delivered");
    std::thread::sleep(Duration::from_millis(500));
    assert!(
        follower.next_batch(Duration::ZERO).is_none_or(|batch| batch.events.is_empty()),
        "not yet committed"
    );
    producer.commit_transaction(PATIENCE).expect("committed");
    let since = seen.in_step;
    // aborted, marker, a, b, marker: the position ends at the last marker.
    let passed =
        |seen: &Seen| seen.positions.get(&Partition(0)).and_then(|own| KafkaPosition::decode(own).ok());
    seen.until(&mut follower, |seen| seen.in_step > since && passed(seen).is_some_and(|own| own.offset == 4));
    assert_eq!(seen.keys(), ["a.example.|A", "b.example.|A"]);
    delete(&topic);
}

#[test]
#[ignore = "needs a broker"]
fn a_topic_that_is_deleted_and_created_anew_is_an_alarm() {
    let topic = fresh("anew");
    create(&topic, 1);
    let producer = producer(&brokers(), &[]);
    produce(&producer, &topic, 0, "a", Some(&value("a")), 1);
    let mut follower = follow(&brokers(), &topic, &BTreeMap::new());
    let mut seen = Seen::default();
    seen.until(&mut follower, |seen| seen.events.len() == 1);
    delete(&topic);
    std::thread::sleep(Duration::from_secs(2));
    create(&topic, 1);
    wait_for(&mut follower, |status| status.ended == Some(Ended::Alarm));
    follower.close();
    let mut follower = follow(&brokers(), &topic, &seen.positions);
    let status = wait_for(&mut follower, |status| status.ended == Some(Ended::Alarm));
    assert!(status.alarm.is_some_and(|alarm| alarm.contains("created anew")), "also after a restart");
    delete(&topic);
}

#[test]
#[ignore = "needs a broker"]
fn retention_that_overtook_the_position_is_an_alarm() {
    let topic = fresh("retention");
    let new = NewTopic::new(&topic, 1, TopicReplication::Fixed(1)).set("cleanup.policy", "delete");
    wait(admin().create_topics([&new], &AdminOptions::new())).expect("created");
    let producer = producer(&brokers(), &[]);
    // Retention looks at the events' own timestamps.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as i64;
    (0..10).for_each(|n| produce(&producer, &topic, 0, &format!("n{n}"), None, now));
    producer.flush(PATIENCE).expect("delivered");
    let mut below = TopicPartitionList::new();
    below.add_partition_offset(&topic, 0, Offset::Offset(8)).expect("an offset");
    wait(admin().delete_records(&below, &AdminOptions::new())).expect("deleted");
    let position = KafkaPosition { offset: 3, leader_epoch: 0, topic_id: [0; 16] }.encode();
    let mut follower = follow(&brokers(), &topic, &[(Partition(0), position)].into());
    let status = wait_for(&mut follower, |status| status.ended == Some(Ended::Alarm));
    assert!(status.alarm.is_some_and(|alarm| alarm.contains("no longer has the position")));
    // Who stands at the first event that is left goes on.
    let position = KafkaPosition { offset: 7, leader_epoch: 0, topic_id: [0; 16] }.encode();
    let mut follower = follow(&brokers(), &topic, &[(Partition(0), position)].into());
    let mut seen = Seen::default();
    seen.until(&mut follower, |seen| seen.in_step.is_some());
    assert_eq!(seen.keys(), ["n8.example.|A", "n9.example.|A"]);
    delete(&topic);
}

#[test]
#[ignore = "needs a broker"]
fn a_topic_that_lost_its_beginning_says_so_and_what_else_is_wrong_with_it() {
    let topic = fresh("rest");
    let new = NewTopic::new(&topic, 2, TopicReplication::Fixed(1))
        .set("cleanup.policy", "delete")
        .set("message.timestamp.type", "LogAppendTime");
    wait(admin().create_topics([&new], &AdminOptions::new())).expect("created");
    let producer = producer(&brokers(), &[]);
    (0..10).for_each(|n| produce(&producer, &topic, 1, &format!("n{n}"), None, 0));
    producer.flush(PATIENCE).expect("delivered");
    let mut follower = follow(&brokers(), &topic, &BTreeMap::new());
    let mut seen = Seen::default();
    seen.until(&mut follower, |seen| seen.in_step.is_some());
    let before = status(&follower);
    assert_eq!((before.log.from_start, before.log.tombstone_retention), (Some(true), None), "{before:?}");
    assert_eq!(before.warnings.len(), 2, "{:?}", before.warnings);
    assert!(before.warnings[0].contains("not compacted") && before.warnings[1].contains("LogAppendTime"));

    let mut below = TopicPartitionList::new();
    below.add_partition_offset(&topic, 1, Offset::Offset(8)).expect("an offset");
    wait(admin().delete_records(&below, &AdminOptions::new())).expect("deleted");
    // Who follows it learns of it with the next moment; who comes anew, before the first event.
    wait_for(&mut follower, |status| status.log.from_start == Some(false));
    follower.close();
    let mut follower = follow(&brokers(), &topic, &BTreeMap::new());
    let batch = follower.next_batch(PATIENCE).expect("what is left");
    assert_eq!(batch.log.from_start, Some(false));
    assert_eq!(batch.log.identity, before.log.identity);
    delete(&topic);
}

#[test]
#[ignore = "needs a broker"]
fn how_long_tombstones_are_kept_is_read_and_a_compacted_topic_warns_of_nothing() {
    let topic = fresh("tombstones");
    let new = NewTopic::new(&topic, 1, TopicReplication::Fixed(1))
        .set("cleanup.policy", "compact")
        .set("delete.retention.ms", "120000");
    wait(admin().create_topics([&new], &AdminOptions::new())).expect("created");
    let mut follower = follow(&brokers(), &topic, &BTreeMap::new());
    let status = wait_for(&mut follower, |status| status.log.from_start.is_some());
    assert_eq!(status.log.tombstone_retention, Some(Duration::from_secs(120)));
    assert!(status.warnings.is_empty(), "{:?}", status.warnings);
    delete(&topic);
}

#[test]
#[ignore = "needs a broker"]
fn what_is_produced_is_handed_on_within_milliseconds() {
    let topic = fresh("latency");
    create(&topic, 3);
    let producer = producer(&brokers(), &[("linger.ms", "0")]);
    let mut follower = follow(&brokers(), &topic, &BTreeMap::new());
    let mut seen = Seen::default();
    seen.until(&mut follower, |seen| seen.in_step.is_some());
    let mut took: Vec<Duration> = Vec::new();
    for n in 0..200 {
        produce(&producer, &topic, n % 3, &format!("n{n}"), Some(&value("n")), 0);
        producer.flush(PATIENCE).expect("delivered");
        let acknowledged = Instant::now();
        seen.events.clear();
        seen.until(&mut follower, |seen| !seen.events.is_empty());
        took.push(acknowledged.elapsed());
    }
    took.sort();
    println!("from the acknowledgement: p50 {:?}, p99 {:?}, most {:?}", took[100], took[197], took[199]);
    assert!(took[100] < Duration::from_millis(30), "{took:?}");
    delete(&topic);
}
