//! UDP: addresses, catalogues, bad datagrams, counters.

use super::server::*;
use crate::support::ask::same;
use actix::prelude::*;
use dns_wire::{WireError, WirePeers, bind};
use messages::{CatalogPublished, Measured, Snapshot, Value};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc;

const WWW: &str = "NOERROR aa\n answer www.example. 300 A 192.0.2.1";

fn listen(addresses: &[&str]) -> dns_wire::WireConfig {
    let listen = addresses.iter().map(|address| address.parse().expect("an address")).collect();
    dns_wire::WireConfig { listen, ..config() }
}

#[actix::test]
async fn a_query_is_answered() {
    let wire = serve(config()).await;
    let reply = ask_udp(udp_address(&wire), "www.example. A");
    assert_eq!(reply.parsed.id, 7);
    same(&reply, WWW, "UDP");
    assert!(wire.is_alive());
    wire.shutdown().await;
}

/// Several listeners share each port; every client gets its answers, whichever of them it falls to.
#[actix::test]
async fn several_listeners_share_a_port() {
    let mut config = listen(&["127.0.0.1:0", "127.0.0.3:0"]);
    config.listeners = 3;
    let wire = serve(config).await;
    assert_eq!(wire.addresses().udp, wire.addresses().tcp);
    for address in &wire.addresses().udp {
        for _ in 0..40 {
            same(&ask_udp(*address, "www.example. A"), WWW, "any of them");
        }
    }
    wire.shutdown().await;
}

/// A client takes an answer from the address that it asked alone; RFC 2181 section 4.1: the reply has
/// "the source address field in the IP header set to the address that was in the destination address field"
/// of the query.
#[actix::test]
async fn a_wildcard_listener_answers_from_the_address_that_was_asked() {
    let wire = serve(listen(&["0.0.0.0:0"])).await;
    let port = udp_address(&wire).port();
    for asked in ["127.0.0.1", "127.0.0.2", "127.9.8.7"] {
        let server = SocketAddr::new(asked.parse::<IpAddr>().expect("an address"), port);
        let socket = UdpSocket::bind("127.0.0.5:0").expect("a socket");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        socket.send_to(&query("www.example. A", 9), server).expect("sent");
        let mut buffer = [0; 512];
        let (_, from) = socket.recv_from(&mut buffer).expect("an answer");
        assert_eq!(from, server);
    }
    wire.shutdown().await;
}

#[actix::test]
async fn ipv6_too() {
    if UdpSocket::bind("[::1]:0").is_err() {
        return; // No IPv6 on this machine.
    }
    let wire = serve(listen(&["[::1]:0", "[::]:0"])).await;
    same(&ask_udp(wire.addresses().udp[0], "www.example. A"), WWW, "[::1]");
    let any = SocketAddr::new("::1".parse::<IpAddr>().expect("an address"), wire.addresses().udp[1].port());
    same(&ask_udp(any, "www.example. A"), WWW, "[::]");
    let mut stream = tcp_client(any);
    same(&ask_on(&mut stream, "www.example. A").expect("an answer"), WWW, "TCP");
    drop(stream);
    wire.shutdown().await;
}

/// "A node that never has [been in step] answers SERVFAIL": without a catalogue, and with one that is not in
/// service.
#[actix::test]
async fn before_the_first_catalogue_it_is_servfail() {
    let wire = start(config(), WirePeers::default()).await;
    same(&ask_udp(udp_address(&wire), "www.example. A"), "SERVFAIL", "none");
    same(
        &ask_on(&mut tcp_client(tcp_address(&wire)), "no.example. A").expect("an answer"),
        "SERVFAIL",
        "none",
    );
    publish(&wire, 1, ZONE, false).await;
    same(&ask_udp(udp_address(&wire), "no.example. A"), "SERVFAIL", "not in service");
    publish(&wire, 2, ZONE, true).await;
    same(&ask_udp(udp_address(&wire), "www.example. A"), WWW, "in service");
    wire.shutdown().await;
}

/// The first query after a catalogue was taken is answered from it, and the old one goes back to its maker.
#[actix::test]
async fn a_new_catalogue_serves_at_once() {
    let wire = serve(config()).await;
    let listener = &wire.catalogs()[0];
    let (retired, taken_back) = mpsc::channel();
    let first = Arc::new(crate::support::catalog(ZONE));
    let snapshot = Snapshot::new(Arc::clone(&first), true, Some(retired));
    listener.send(CatalogPublished { number: 2, snapshot }).await.expect("a listener");
    let socket = udp_client(udp_address(&wire));
    for number in 3..60u16 {
        publish(&wire, number.into(), &ZONE.replace("192.0.2.1", &format!("192.0.2.{number}")), true).await;
        socket.send(&query("www.example. A", number)).expect("sent");
        let reply = receive(&socket).expect("an answer");
        assert_eq!(reply.answers(), [format!("www.example. 300 A 192.0.2.{number}")]);
    }
    let back = taken_back.recv_timeout(PATIENCE).expect("the old catalogue");
    assert!(Arc::ptr_eq(&back, &first));
    wire.shutdown().await;
}

/// Nothing that arrives keeps the next query from its answer.
#[actix::test]
async fn bad_datagrams_do_no_harm() {
    let wire = serve(config()).await;
    let socket = udp_client(udp_address(&wire));
    for length in [0, 1, 11, 4096, 4097, 30_000] {
        socket.send(&vec![0xff; length]).expect("sent");
    }
    let mut response = query("www.example. A", 1);
    response[2] |= 0x80;
    socket.send(&response).expect("sent");
    socket.send(&query("www.example. A", 2)).expect("sent");
    let reply = receive(&socket).expect("an answer");
    assert_eq!(reply.parsed.id, 2, "the only datagram that is a query is the only one answered");
    wire.shutdown().await;
}

/// RFC 6891 section 6.2.3: "the number of octets of the largest UDP payload that can be reassembled and delivered" is
/// what a server says, and so it takes queries of that size, padded ones (RFC 7830) for instance; and none that is cut.
#[actix::test]
async fn a_query_as_long_as_was_said_is_read() {
    for (payload, longest) in [(512, 1232), (1232, 1232), (4096, 4096)] {
        let wire = serve(dns_wire::WireConfig { udp_payload: payload, ..config() }).await;
        let socket = udp_client(udp_address(&wire));
        for (id, length) in [(1, longest + 1), (2, longest)] {
            socket.send(&padded("www.example. A", id, length)).expect("sent");
        }
        assert_eq!(receive(&socket).expect("an answer").parsed.id, 2, "{payload}");
        wire.shutdown().await;
    }
}

/// A query of so many octets, most of them padding.
fn padded(question: &str, id: u16, length: usize) -> Vec<u8> {
    let mut octets = query(question, id);
    octets[11] = 1;
    octets.extend_from_slice(&[0, 0, 41, 4, 208, 0, 0, 0, 0]);
    let rest = length - octets.len() - 2;
    octets.extend_from_slice(&(rest as u16).to_be_bytes());
    octets.extend_from_slice(&[0, 12]);
    octets.extend_from_slice(&(rest as u16 - 4).to_be_bytes());
    octets.resize(length, 0);
    octets
}

/// More than a batch at once: every query has its answer.
#[actix::test]
async fn a_burst_is_answered() {
    let wire = serve(config()).await;
    let socket = udp_client(udp_address(&wire));
    for id in 0..150 {
        socket.send(&query("www.example. A", id)).expect("sent");
    }
    let mut ids: Vec<u16> = (0..150).map(|_| receive(&socket).expect("an answer").parsed.id).collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..150).collect::<Vec<u16>>());
    wire.shutdown().await;
}

/// An answer larger than a batch has room for cannot be asked for, whatever an embedder configures.
#[actix::test]
async fn the_payload_is_bounded() {
    let wire = start(dns_wire::WireConfig { udp_payload: 65_535, ..config() }, WirePeers::default()).await;
    let texts: String = (0..50).map(|at| format!("big.example. TXT {}{at:03}\n", "x".repeat(100))).collect();
    publish(&wire, 1, &format!("{ZONE}\n{texts}"), true).await;
    let socket = udp_client(udp_address(&wire));
    socket.send(&crate::support::Ask::new("big.example. TXT").edns(65_535).octets()).expect("sent");
    let reply = receive(&socket).expect("an answer, if only a truncated one");
    assert!(reply.flag('t'));
    assert_eq!(reply.opt().map(|opt| opt.payload), Some(4096));
    wire.shutdown().await;
}

struct Recorder(mpsc::Sender<Measured>);

impl Actor for Recorder {
    type Context = Context<Self>;
}

impl Handler<Measured> for Recorder {
    type Result = ();

    fn handle(&mut self, measured: Measured, _: &mut Context<Self>) {
        let _ = self.0.send(measured);
    }
}

/// Who is told what was counted, and a place where all of it adds up.
fn recorder() -> (WirePeers, Arbiter, mpsc::Receiver<Measured>) {
    let (sender, measured) = mpsc::channel();
    let arbiter = Arbiter::new();
    let recorder = Recorder::start_in_arbiter(&arbiter.handle(), |_| Recorder(sender));
    (WirePeers { measured: Some(recorder.recipient()), ..WirePeers::default() }, arbiter, measured)
}

/// All that was counted, by the metric and the first of its labels.
fn sums(measured: &mpsc::Receiver<Measured>) -> impl Fn(&'static str, &str) -> u64 {
    let mut sums = std::collections::BTreeMap::new();
    while let Ok(Measured { samples }) = measured.recv_timeout(std::time::Duration::from_millis(300)) {
        for sample in samples {
            let Value::Count(value) = sample.value else { panic!("only counters: {sample:?}") };
            let label = sample.labels.first().map_or(String::new(), |(_, value)| value.to_string());
            *sums.entry((sample.name, label)).or_insert(0) += value;
        }
    }
    move |name, label| sums.get(&(name, label.to_owned())).copied().unwrap_or(0)
}

/// What was counted adds up to what was asked, the last of it handed on at shutdown.
#[actix::test]
async fn queries_are_counted() {
    let (peers, arbiter, measured) = recorder();
    let wire = start(config(), peers).await;
    publish(&wire, 1, ZONE, true).await;
    for _ in 0..5 {
        ask_udp(udp_address(&wire), "www.example. A");
    }
    ask_udp(udp_address(&wire), "no.example. A");
    ask_on(&mut tcp_client(tcp_address(&wire)), "www.example. A");
    wire.shutdown().await;
    let sum = sums(&measured);
    assert_eq!(sum("dns_queries_total", "udp"), 6);
    assert_eq!(sum("dns_queries_total", "tcp"), 1);
    assert_eq!(sum("dns_responses_total", "noerror"), 6);
    assert_eq!(sum("dns_responses_total", "nxdomain"), 1);
    assert_eq!(sum("dns_lost_total", "unread"), 0);
    arbiter.stop();
}

/// More than the kernel holds while nobody reads: what it dropped is counted, and with what was answered it is all.
#[cfg(target_os = "linux")]
#[actix::test]
async fn queries_that_the_kernel_dropped_are_counted() {
    let (peers, arbiter, measured) = recorder();
    let bound = bind(config()).unwrap_or_else(|error| panic!("{error}"));
    let socket = udp_client(bound.addresses().udp[0]);
    let query = query("www.example. A", 1);
    for _ in 0..20_000 {
        socket.send(&query).expect("sent");
    }
    let wire = bound.start(peers).await.unwrap_or_else(|error| panic!("{error}"));
    wire.shutdown().await;
    let sum = sums(&measured);
    let (read, dropped) = (sum("dns_queries_total", "udp"), sum("dns_lost_total", "unread"));
    assert!(read > 0 && dropped > 0, "{read} read, {dropped} dropped");
    assert_eq!(read + dropped, 20_000);
    arbiter.stop();
}

#[actix::test]
async fn what_cannot_be_bound_is_said() {
    let nothing = dns_wire::WireConfig { listen: Vec::new(), ..config() };
    assert!(matches!(bind(nothing), Err(WireError::Nothing)));
    let neither = dns_wire::WireConfig { udp: false, tcp: false, ..config() };
    assert!(matches!(bind(neither), Err(WireError::Nothing)));
    let holder = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let address = holder.local_addr().expect("an address");
    let error = bind(dns_wire::WireConfig { listen: vec![address], ..config() }).expect_err("taken");
    assert!(error.to_string().contains(&format!("udp {address}")), "{error}");
}

/// Listeners share their port among themselves, and with nobody else: two nodes on one port would each get a
/// part of the queries, unseen.
#[actix::test]
async fn a_port_is_shared_with_no_other_server() {
    let first = bind(dns_wire::WireConfig { listeners: 2, ..listen(&["127.0.0.1:0"]) }).expect("bound");
    let taken = first.addresses().udp[0];
    for (udp, tcp) in [(true, false), (false, true)] {
        let config = dns_wire::WireConfig { listen: vec![taken], listeners: 2, udp, tcp, ..listen(&[]) };
        let error = bind(config).expect_err("the port is taken").to_string();
        assert!(error.contains(&taken.to_string()), "{error}");
    }
}
