//! statsd as a server sees it, on loopback.

use super::*;
use crate::histogram::{Histogram, SECONDS};
use std::collections::BTreeMap;

fn output(server: &UdpSocket, prefix: &str, tags: bool) -> StatsdOutput {
    let address = server.local_addr().unwrap().to_string();
    StatsdOutput::new(&StatsdConfig { address, prefix: prefix.into(), tags, ..StatsdConfig::default() })
        .unwrap()
}

fn server() -> UdpSocket {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    server.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    server
}

fn counter(name: &'static str, label: Option<&'static str>, sum: u64) -> Series {
    let labels = label.map(|value| ("label", value.into())).into_iter().collect();
    Series { name, labels, total: Total::Counter(sum) }
}

/// The datagrams that have arrived.
fn receive(server: &UdpSocket) -> Vec<String> {
    let mut buffer = [0; 65_536];
    let mut datagrams = Vec::new();
    while let Ok(length) = server.recv(&mut buffer) {
        datagrams.push(String::from_utf8(buffer[..length].to_vec()).unwrap());
    }
    datagrams
}

/// The sums of the counters, as a statsd server keeps them.
fn sums<'a>(datagrams: impl IntoIterator<Item = &'a String>) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for line in datagrams.into_iter().flat_map(|datagram| datagram.lines()) {
        let (name, value) = line.split_once(':').unwrap();
        *sums.entry(name.to_owned()).or_default() +=
            value.strip_suffix("|c").unwrap().parse::<u64>().unwrap();
    }
    sums
}

#[test]
fn a_counter_is_sent_as_what_came_to_it_and_adds_up_to_the_total() {
    let server = server();
    let mut output = output(&server, "dns", false);
    for sum in [5, 5, 12, 1_000_000_007] {
        output.flush(&[counter("q_total", Some("udp"), sum)], Instant::now()).unwrap();
    }
    let datagrams = receive(&server);
    assert_eq!(datagrams, ["dns.q_total.udp:5|c", "dns.q_total.udp:7|c", "dns.q_total.udp:999999995|c"]);
    assert_eq!(sums(&datagrams)["dns.q_total.udp"], 1_000_000_007);
}

#[test]
fn many_series_are_packed_and_no_datagram_is_too_long() {
    let server = server();
    let mut output = output(&server, "", false);
    let series: Vec<Series> = (0..500)
        .map(|number| Series {
            name: "q_total",
            labels: vec![("n", format!("value-{number}").into())],
            total: Total::Counter(number),
        })
        .collect();
    output.flush(&series, Instant::now()).unwrap();
    let datagrams = receive(&server);
    assert!(datagrams.iter().all(|datagram| datagram.len() <= MOST_BYTES));
    assert!(datagrams.len() < 15, "{} datagrams", datagrams.len());
    assert_eq!(sums(&datagrams).values().sum::<u64>(), (0..500).sum::<u64>());
}

#[test]
fn what_nobody_listened_for_is_sent_again() {
    let first = server();
    let address = first.local_addr().unwrap();
    let mut output = output(&first, "", false);
    output.flush(&[counter("q_total", None, 1)], Instant::now()).unwrap();
    let mut arrived = receive(&first);
    drop(first);
    // Nobody is there: each flush looks well until the next one hears of it.
    let failed =
        (2..8).filter(|sum| output.flush(&[counter("q_total", None, *sum)], Instant::now()).is_err());
    assert!(failed.count() > 0, "a refused datagram went unnoticed");
    let second = UdpSocket::bind(address).unwrap();
    second.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    for _ in 0..2 {
        let _ = output.flush(&[counter("q_total", None, 9)], Instant::now());
    }
    arrived.extend(receive(&second));
    assert_eq!(sums(&arrived)["q_total"], 9);
}

#[test]
fn a_gauge_below_zero_is_set_and_not_subtracted() {
    let server = server();
    let mut output = output(&server, "p", false);
    let gauge = |value| Series { name: "g", labels: Vec::new(), total: Total::Gauge(value) };
    for value in [3.5, 3.5, -2.0, f64::NAN] {
        output.flush(&[gauge(value)], Instant::now()).unwrap();
    }
    assert_eq!(receive(&server), ["p.g:3.5|g", "p.g:3.5|g", "p.g:0|g\np.g:-2|g"]);
}

#[test]
fn a_histogram_becomes_timings_that_stand_for_as_many_values_as_came() {
    let server = server();
    let mut output = output(&server, "", false);
    let mut histogram = Histogram::new(SECONDS);
    histogram.add(0.002, 3);
    histogram.add(0.2, 1);
    let series = |histogram: &Histogram| Series {
        name: "d_seconds",
        labels: Vec::new(),
        total: Total::Histogram(histogram.clone()),
    };
    output.flush(&[series(&histogram)], Instant::now()).unwrap();
    histogram.add(0.001_5, 49);
    output.flush(&[series(&histogram)], Instant::now()).unwrap();
    let datagrams = receive(&server);
    let lines: Vec<&str> = datagrams.iter().flat_map(|datagram| datagram.lines()).collect();
    assert_eq!(lines[0], "d_ms:2.000000|ms|@0.3333333333333333");
    assert_eq!(lines[1], "d_ms:200.000000|ms");
    let (_, rate) = lines[2].split_once("|@").unwrap();
    assert!(lines[2].starts_with("d_ms:1.500000|ms|@"));
    assert_eq!((1.0 / rate.parse::<f64>().unwrap()).round(), 49.0);
    assert_eq!(lines.len(), 3);
}

#[test]
fn labels_are_tags_where_the_setting_says_so() {
    let server = server();
    let mut output = output(&server, "dns.", true);
    output.flush(&[counter("q_total", Some("a.b:c|d#e f"), 1)], Instant::now()).unwrap();
    assert_eq!(receive(&server), ["dns.q_total:1|c|#label:a.b_c_d_e_f"]);
}

#[test]
fn a_label_makes_one_level_of_a_name_whatever_it_holds() {
    let server = server();
    let mut output = output(&server, "dns", false);
    let series = [counter("q_total", Some("journal.jsonl"), 1), counter("q_total", Some(""), 2)];
    output.flush(&series, Instant::now()).unwrap();
    assert_eq!(receive(&server), ["dns.q_total.journal_jsonl:1|c\ndns.q_total.none:2|c"]);
}

#[test]
fn a_name_is_looked_up_aside_and_nothing_is_lost_meanwhile() {
    let server = server();
    let port = server.local_addr().unwrap().port();
    let address = format!("localhost:{port}");
    let mut output = StatsdOutput::new(&StatsdConfig {
        address,
        prefix: String::new(),
        tags: false,
        ..StatsdConfig::default()
    })
    .unwrap();
    let mut arrived = Vec::new();
    for sum in 1..=50 {
        // Where `localhost` is an IPv6 address first, nobody listens there, which is not what is tested.
        let _ = output.flush(&[counter("q_total", None, sum)], Instant::now());
        if let Link::Up(socket) = &output.link {
            if socket.peer_addr().unwrap().is_ipv6() {
                return;
            }
            arrived = receive(&server);
            if !arrived.is_empty() {
                assert_eq!(sums(&arrived)["q_total"], sum);
                return;
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("nothing arrived: {arrived:?}");
}

#[test]
fn the_node_s_name_is_a_tag_of_every_line() {
    let server = server();
    let address = server.local_addr().unwrap().to_string();
    let instance = Some("node 1".to_owned());
    for (tags, line) in [(false, "q_total.a:1|c|#id:node_1"), (true, "q_total:1|c|#id:node_1,label:a")] {
        let config = StatsdConfig {
            address: address.clone(),
            tags,
            instance: instance.clone(),
            ..StatsdConfig::default()
        };
        let mut output = StatsdOutput::new(&config).unwrap();
        output.flush(&[counter("q_total", Some("a"), 1)], Instant::now()).unwrap();
        assert_eq!(receive(&server), [line]);
    }
}
