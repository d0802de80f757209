//! TCP (RFC 7766): pipelining, half messages, limits.

use super::server::*;
use crate::support::ask::same;
use dns_wire::{WireConfig, WirePeers};
use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const WWW: &str = "NOERROR aa\n answer www.example. 300 A 192.0.2.1";

/// RFC 7766 section 6.2.1.1: clients pipeline their queries; all in one write here.
#[actix::test]
async fn queries_are_pipelined() {
    let wire = serve(config()).await;
    let mut stream = tcp_client(tcp_address(&wire));
    let all: Vec<u8> = (0..200).flat_map(|id| framed(&query("www.example. A", id))).collect();
    stream.write_all(&all).expect("sent");
    let mut ids: Vec<u16> = (0..200).map(|_| next(&mut stream).expect("an answer").parsed.id).collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..200).collect::<Vec<u16>>());
    drop(stream);
    wire.shutdown().await;
}

/// Section 8: a message may come in any number of segments.
#[actix::test]
async fn a_message_may_come_in_pieces() {
    let wire = serve(config()).await;
    let mut stream = tcp_client(tcp_address(&wire));
    for octet in framed(&query("www.example. A", 3)) {
        stream.write_all(&[octet]).expect("sent");
        std::thread::sleep(Duration::from_millis(1));
    }
    same(&next(&mut stream).expect("an answer"), WWW, "octet by octet");
    let whole = framed(&query("www.example. A", 4));
    let (head, tail) = whole.split_at(9);
    stream.write_all(&[&whole, head].concat()).expect("sent");
    assert_eq!(next(&mut stream).expect("the whole one").parsed.id, 4);
    stream.write_all(tail).expect("sent");
    same(&next(&mut stream).expect("the other"), WWW, "the rest");
    drop(stream);
    wire.shutdown().await;
}

/// A client that says that it will send no more still gets its answers.
#[actix::test]
async fn a_half_closed_connection_is_answered() {
    let wire = serve(config()).await;
    let mut stream = tcp_client(tcp_address(&wire));
    stream.write_all(&framed(&query("www.example. A", 3))).expect("sent");
    stream.shutdown(Shutdown::Write).expect("half closed");
    same(&next(&mut stream).expect("an answer"), WWW, "half closed");
    assert!(next(&mut stream).is_none());
    wire.shutdown().await;
}

/// A length of 0 and a message that is no query end the connection, after the answers that are due.
#[actix::test]
async fn what_is_no_query_ends_the_connection() {
    let wire = serve(config()).await;
    let mut response = query("www.example. A", 1);
    response[2] |= 0x80;
    for bad in [framed(&[]), framed(&[1, 2, 3]), framed(&response)] {
        let mut stream = tcp_client(tcp_address(&wire));
        stream.write_all(&[framed(&query("www.example. A", 3)), bad].concat()).expect("sent");
        same(&next(&mut stream).expect("the answer that is due"), WWW, "before");
        assert!(next(&mut stream).is_none());
    }
    wire.shutdown().await;
}

/// Section 6.2.3: idle connections are closed, and so are those that never finish a message.
#[actix::test]
async fn idle_connections_are_closed() {
    let wire = serve(WireConfig { tcp_idle: Duration::from_millis(150), ..config() }).await;
    for begun in [&[][..], &[0], &[0, 29, 1, 2, 3]] {
        let mut stream = tcp_client(tcp_address(&wire));
        same(&ask_on(&mut stream, "www.example. A").expect("an answer"), WWW, "before");
        stream.write_all(begun).expect("sent");
        let since = Instant::now();
        assert!(next(&mut stream).is_none());
        let idle = since.elapsed();
        assert!((Duration::from_millis(100)..Duration::from_secs(3)).contains(&idle), "{idle:?}");
    }
    wire.shutdown().await;
}

/// Section 6.2.3 leaves it to the server when it closes: a connection ends when it has had its time, however busy it is,
/// and what was asked by then is answered.
#[actix::test]
async fn no_connection_lasts_for_ever() {
    let limits = WireConfig { tcp_total: Duration::from_millis(400), tcp_connections: 1, ..config() };
    let wire = serve(limits).await;
    let server = tcp_address(&wire);
    let mut busy = tcp_client(server);
    let since = Instant::now();
    let mut answered = 0;
    while ask_on(&mut busy, "www.example. A").is_some() {
        answered += 1;
        assert!(since.elapsed() < PATIENCE, "the connection goes on");
    }
    assert!(since.elapsed() >= Duration::from_millis(350), "{:?}", since.elapsed());
    assert!(answered > 0);
    // An idle one ends as well, before its idle time.
    let mut idle = None;
    let admitted = || {
        let mut stream = tcp_client(server);
        let admitted = ask_on(&mut stream, "www.example. A").is_some();
        idle = Some(stream);
        admitted
    };
    assert!(eventually(admitted), "the place is given back");
    let since = Instant::now();
    assert!(next(&mut idle.expect("admitted")).is_none());
    assert!(since.elapsed() < PATIENCE, "{:?}", since.elapsed());
    wire.shutdown().await;
}

/// There are so many connections and no more, on all addresses and of all listeners together.
#[actix::test]
async fn connections_are_bounded_in_all() {
    let listen = ["127.0.0.1:0", "127.0.0.2:0"].map(|address| address.parse().expect("an address")).to_vec();
    let wire = serve(WireConfig { listen, listeners: 3, tcp_connections: 2, ..config() }).await;
    let [one, other] = wire.addresses().tcp[..] else { panic!("two addresses") };
    let mut first = tcp_client(one);
    let mut second = tcp_client(other);
    assert!(
        ask_on(&mut first, "www.example. A").is_some() && ask_on(&mut second, "www.example. A").is_some()
    );
    assert!(ask_on(&mut tcp_client(other), "www.example. A").is_none(), "a third");
    assert!(ask_on(&mut tcp_client(one), "www.example. A").is_none(), "a third");
    same(&ask_on(&mut first, "www.example. A").expect("an answer"), WWW, "those that are open go on");
    same(&ask_udp(udp_address(&wire), "www.example. A"), WWW, "and so does UDP");
    drop(first);
    assert!(eventually(|| ask_on(&mut tcp_client(one), "www.example. A").is_some()), "a place is given back");
    drop(second);
    wire.shutdown().await;
}

/// One client does not take the places of all others.
#[actix::test]
async fn connections_are_bounded_by_client() {
    let listen = vec!["0.0.0.0:0".parse().expect("an address")];
    let wire = serve(WireConfig { listen, listeners: 3, tcp_connections_per_client: 1, ..config() }).await;
    let server = std::net::SocketAddr::from(([127, 0, 0, 1], tcp_address(&wire).port()));
    let mut first = tcp_client(server);
    assert!(ask_on(&mut first, "www.example. A").is_some());
    assert!(ask_on(&mut tcp_client(server), "www.example. A").is_none(), "another of the same client");
    let from_elsewhere =
        socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    let own = std::net::SocketAddr::from(([127, 0, 0, 9], 0));
    from_elsewhere.bind(&own.into()).expect("bound");
    from_elsewhere.connect(&server.into()).expect("connected");
    let mut other: std::net::TcpStream = from_elsewhere.into();
    other.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    assert!(ask_on(&mut other, "www.example. A").is_some(), "another client");
    drop((first, other));
    wire.shutdown().await;
}

/// A flood of connections, most of them turned away, others begun and left, takes nothing from UDP: every query is answered,
/// and half of them within what a person would not notice.
#[actix::test]
async fn a_flood_of_connections_does_not_slow_udp() {
    let wire = serve(WireConfig { tcp_connections: 20, ..config() }).await;
    let (server, udp) = (tcp_address(&wire), udp_address(&wire));
    let ended = AtomicBool::new(false);
    let connected = AtomicUsize::new(0);
    let mut waits: Vec<Duration> = std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut held = VecDeque::new();
                while !ended.load(Ordering::Relaxed) {
                    let Ok(mut stream) = std::net::TcpStream::connect(server) else { continue };
                    connected.fetch_add(1, Ordering::Relaxed);
                    // Who was turned away cannot write.
                    let _ = stream.write_all(&[0, 40, 1]);
                    held.push_back(stream);
                    if held.len() > 40 {
                        held.pop_front();
                    }
                }
            });
        }
        // Also where what follows fails: the scope waits for the flood.
        let _end = Ends(&ended);
        let socket = udp_client(udp);
        let waits = (0..500).map(|id| {
            let since = Instant::now();
            socket.send(&query("www.example. A", id)).expect("sent");
            assert_eq!(receive(&socket).expect("an answer").parsed.id, id);
            since.elapsed()
        });
        waits.collect()
    });
    waits.sort_unstable();
    assert!(waits[250] < Duration::from_millis(50), "half of the answers took {:?}", waits[250]);
    assert!(connected.into_inner() > 100, "that was no flood");
    wire.shutdown().await;
}

/// A client that does not read its answers is read from no more, and cut off after a while; its place is free
/// then.
#[actix::test]
async fn slow_readers_are_cut_off() {
    let limits = WireConfig { tcp_write: Duration::from_millis(200), tcp_connections: 1, ..config() };
    let wire = start(limits, WirePeers::default()).await;
    let texts: String = (0..250).map(|at| format!("big.example. TXT {}{at:03}\n", "x".repeat(200))).collect();
    publish(&wire, 1, &format!("{ZONE}\n{texts}"), true).await;
    let mut slow = tcp_client(tcp_address(&wire));
    slow.set_write_timeout(Some(Duration::from_millis(100))).expect("a timeout");
    for _ in 0..2_000 {
        if slow.write_all(&framed(&query("big.example. TXT", 5))).is_err() {
            break;
        }
    }
    let server = tcp_address(&wire);
    assert!(eventually(|| ask_on(&mut tcp_client(server), "www.example. A").is_some()), "the place is free");
    // The whole connection is gone, not only the server's half of it.
    slow.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let mut sink = vec![0; 1 << 20];
    while slow.read(&mut sink).is_ok_and(|read| read > 0) {}
    let since = Instant::now();
    while slow.write_all(&[0; 512]).is_ok() {
        assert!(since.elapsed() < Duration::from_secs(5), "the server still reads");
        std::thread::sleep(Duration::from_millis(10));
    }
    wire.shutdown().await;
}

/// Section 6.2.1.1: a client may ask for far more than is ever held for it, and gets all of it as fast as it reads.
#[actix::test]
async fn more_is_asked_at_once_than_may_wait() {
    const QUERIES: u16 = 200;
    let wire = start(config(), WirePeers::default()).await;
    let texts: String = (0..250).map(|at| format!("big.example. TXT {}{at:03}\n", "x".repeat(200))).collect();
    publish(&wire, 1, &format!("{ZONE}\n{texts}"), true).await;
    let mut stream = tcp_client(tcp_address(&wire));
    let question = |id| if id % 2 == 0 { "big.example. TXT" } else { "www.example. A" };
    let all: Vec<u8> = (0..QUERIES).flat_map(|id| framed(&query(question(id), id))).collect();
    stream.write_all(&all).expect("sent");
    for id in 0..QUERIES {
        let reply = next(&mut stream).expect("an answer");
        let records = if id % 2 == 0 { 250 } else { 1 };
        assert_eq!((reply.parsed.id, reply.answers().len()), (id, records));
    }
    same(&ask_on(&mut stream, "www.example. A").expect("an answer"), WWW, "after them");
    drop(stream);
    wire.shutdown().await;
}

/// A client that asks without a pause and reads all its answers has its time like any other, and does not hold the end
/// up.
#[actix::test]
async fn a_flood_on_a_connection_ends_in_time() {
    let wire = serve(WireConfig { tcp_total: Duration::from_millis(400), ..config() }).await;
    let server = tcp_address(&wire);
    let flood = move || {
        let mut stream = tcp_client(server);
        let mut reader = stream.try_clone().expect("another");
        let reads = std::thread::spawn(move || {
            let mut sink = vec![0; 1 << 20];
            while reader.read(&mut sink).is_ok_and(|read| read > 0) {}
        });
        let all: Vec<u8> = (0..5_000).flat_map(|id| framed(&query("www.example. A", id))).collect();
        let since = Instant::now();
        while stream.write_all(&all).is_ok() && since.elapsed() < PATIENCE {}
        drop(stream);
        reads.join().expect("read to the end");
        since.elapsed()
    };
    let took = std::thread::spawn(flood).join().expect("flooded");
    assert!((Duration::from_millis(300)..Duration::from_secs(3)).contains(&took), "{took:?}");
    wire.shutdown().await;
}

/// RFC 1035 section 4.2.2: what is too large for UDP goes over TCP whole.
#[actix::test]
async fn large_answers() {
    let wire = start(config(), WirePeers::default()).await;
    let texts: String = (0..250).map(|at| format!("big.example. TXT {}{at:03}\n", "x".repeat(200))).collect();
    publish(&wire, 1, &format!("{ZONE}\n{texts}"), true).await;
    assert!(ask_udp(udp_address(&wire), "big.example. TXT").flag('t'));
    let reply = ask_on(&mut tcp_client(tcp_address(&wire)), "big.example. TXT").expect("an answer");
    assert_eq!((reply.flag('t'), reply.answers().len()), (false, 250));
    assert!(reply.octets.len() > 50_000);
    wire.shutdown().await;
}

/// Ends a flood when it goes.
struct Ends<'e>(&'e AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn eventually(mut holds: impl FnMut() -> bool) -> bool {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        if holds() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}
