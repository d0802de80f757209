//! A producer that is killed inside a transaction: publishes the events of its standard input, a key, a tab and a
//! value on each line, to one partition; says `open`; and waits for its end.
//!
//! `open-transaction BROKERS TOPIC PARTITION TRANSACTIONAL-ID TIMEOUT-MS`

use anyhow::{Context, Result, bail};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use std::io::Read;
use stream_dns_tests::PATIENCE;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [brokers, topic, partition, id, timeout] = arguments.as_slice() else {
        bail!("usage: open-transaction BROKERS TOPIC PARTITION TRANSACTIONAL-ID TIMEOUT-MS");
    };
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("linger.ms", "0");
    config.set("transactional.id", id).set("transaction.timeout.ms", timeout);
    let producer: BaseProducer = config.create()?;
    producer.init_transactions(PATIENCE)?;
    producer.begin_transaction()?;
    let mut lines = String::new();
    std::io::stdin().read_to_string(&mut lines)?;
    for line in lines.lines() {
        let (key, value) = line.split_once('\t').context("a key, a tab and a value")?;
        let record = BaseRecord::to(topic).partition(partition.parse()?).key(key).payload(value);
        producer.send(record).map_err(|(error, _)| error)?;
    }
    // Flushed, and neither committed nor aborted.
    producer.flush(PATIENCE)?;
    println!("open");
    loop {
        std::thread::park();
    }
}
