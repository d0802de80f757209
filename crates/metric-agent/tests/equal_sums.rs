//! The actor through its messages, from a host with threads of its own.

use messages::{Measured, ReadMetrics, Sample, Value};
use metric_agent::{
    Aggregator, Config, SpawnError, StatsdConfig, StatsdOutput, StreamOutput, spawn_standalone,
};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::UdpSocket;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

fn measured(samples: Vec<Sample>) -> Measured {
    Measured { samples }
}

/// What statsd has received by now, summed.
fn statsd_sums(server: &UdpSocket) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    let mut buffer = [0; 2_000];
    while let Ok(length) = server.recv(&mut buffer) {
        for line in std::str::from_utf8(&buffer[..length]).unwrap().lines() {
            let (name, value) = line.split_once(':').unwrap();
            if let Some(added) = value.strip_suffix("|c") {
                *sums.entry(name.to_owned()).or_default() += added.parse::<u64>().unwrap();
            }
        }
    }
    sums
}

fn server() -> (UdpSocket, String) {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    server.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let address = server.local_addr().unwrap().to_string();
    (server, address)
}

/// A stream that sends what is written to it.
struct Lines(Sender<String>);

impl Write for Lines {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.send(String::from_utf8(octets.to_vec()).unwrap()).unwrap();
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

// 1,000 queries of known kinds: equal sums at Prometheus, statsd and a stream after each flush.
#[test]
fn a_thousand_queries_are_the_same_thousand_at_all_three() {
    let kinds = [("tcp", "ipv4"), ("tcp", "ipv6"), ("udp", "ipv4"), ("udp", "ipv6")];
    let (server, address) = server();
    let statsd = StatsdOutput::new(&StatsdConfig {
        address,
        prefix: "p".into(),
        tags: false,
        ..StatsdConfig::default()
    })
    .unwrap();
    let (sender, lines) = channel();
    let stream = StreamOutput::new("lines", Lines(sender), true);
    let mut aggregator =
        Aggregator::with_outputs(&Config::default(), vec![Box::new(statsd), Box::new(stream)]);
    let mut expected = BTreeMap::new();
    let (mut at_statsd, mut at_stream) = (BTreeMap::<String, u64>::new(), BTreeMap::<String, u64>::new());
    for query in 0..1_000usize {
        let (transport, family) = kinds[query * query % 7 % 4];
        *expected.entry(format!("{family}.{transport}")).or_insert(0u64) += 1;
        let labels = vec![("transport", transport.into()), ("family", family.into())];
        aggregator.add(Sample::count("dns_queries_total", labels, 1));
        if query % 250 != 249 {
            continue;
        }
        aggregator.flush(Instant::now());
        for (name, added) in statsd_sums(&server) {
            *at_statsd.entry(name.strip_prefix("p.dns_queries_total.").unwrap().to_owned()).or_default() +=
                added;
        }
        let line: serde_json::Value = serde_json::from_str(&lines.try_iter().collect::<String>()).unwrap();
        for metric in line["metrics"].as_array().unwrap() {
            let label = |name: &str| metric["labels"][name].as_str().unwrap().to_owned();
            let name = format!("{}.{}", label("family"), label("transport"));
            *at_stream.entry(name.clone()).or_default() += metric["added"].as_u64().unwrap();
            assert_eq!(metric["total"], at_stream[&name]);
        }
        let text = aggregator.render();
        for (name, sum) in &expected {
            let (family, transport) = name.split_once('.').unwrap();
            let line = format!("dns_queries_total{{family=\"{family}\",transport=\"{transport}\"}} {sum}\n");
            assert!(text.contains(&line), "{line} is missing:\n{text}");
        }
        assert_eq!((&at_statsd, &at_stream), (&expected, &expected));
    }
    assert_eq!((expected.len(), expected.values().sum::<u64>()), (3, 1_000));
}

// The same through the actor, whose clock decides when to flush.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_queries_are_a_thousand_everywhere() {
    let (server, address) = server();
    let statsd = StatsdConfig { address, prefix: "dns".into(), tags: false, ..StatsdConfig::default() };
    let config = Config { flush_interval_ms: 50, statsd: Some(statsd), ..Config::default() };
    let agent = spawn_standalone(config).unwrap();
    for round in 0..100 {
        let kind = |transport: &'static str, added| {
            Sample::count("dns_queries_total", vec![("transport", transport.into())], added)
        };
        agent.measured.send(measured(vec![kind("udp", 7), kind("tcp", 3)])).await.unwrap();
        if round % 10 == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    let text = agent.metrics.send(ReadMetrics).await.unwrap();
    assert!(text.contains("dns_queries_total{transport=\"udp\"} 700\n"), "{text}");
    assert!(text.contains("dns_queries_total{transport=\"tcp\"} 300\n"), "{text}");
    tokio::time::sleep(Duration::from_millis(100)).await;
    let sums = statsd_sums(&server);
    assert_eq!((sums["dns.dns_queries_total.udp"], sums["dns.dns_queries_total.tcp"]), (700, 300));
    agent.shutdown().await;
    assert!(statsd_sums(&server).is_empty(), "a sum was sent twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_measured_before_the_shutdown_is_flushed_by_it() {
    let (server, address) = server();
    let statsd = StatsdConfig { address, prefix: String::new(), tags: false, ..StatsdConfig::default() };
    let config = Config { flush_interval_ms: 3_600_000, statsd: Some(statsd), ..Config::default() };
    let agent = spawn_standalone(config).unwrap();
    let measured_recipient = agent.measured.clone();
    for _ in 0..10 {
        measured_recipient.try_send(measured(vec![Sample::count("a_total", Vec::new(), 1)])).unwrap();
    }
    agent.shutdown().await;
    assert_eq!(statsd_sums(&server)["a_total"], 10);
    assert!(measured_recipient.try_send(measured(Vec::new())).is_err(), "the agent lives on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_is_full_when_its_setting_says_so() {
    let agent = spawn_standalone(Config { mailbox: 4, ..Config::default() }).unwrap();
    // A heavy message keeps the agent busy while others pile up behind it.
    let heavy =
        Sample { name: "d_seconds", labels: Vec::new(), value: Value::Observed(vec![(0.1, 1); 2_000_000]) };
    agent.measured.try_send(measured(vec![heavy; 4])).unwrap();
    let tries = 1_000u32;
    let accepted = (0..tries).filter(|_| agent.measured.try_send(measured(Vec::new())).is_ok()).count();
    assert!(accepted < tries as usize, "nothing was refused");
    agent.shutdown().await;
}

#[test]
fn settings_that_cannot_be_used_start_nothing() {
    let config = Config { max_series: 0, ..Config::default() };
    assert!(matches!(spawn_standalone(config), Err(SpawnError::Config(_))));
}
