//! Stopping: "nothing new is accepted, what has arrived in the sockets is read and answered".

use super::server::*;
use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Every datagram that had arrived is answered.
#[actix::test]
async fn datagrams_that_had_arrived_are_answered() {
    for _ in 0..10 {
        let wire = serve(config()).await;
        let socket = udp_client(udp_address(&wire));
        for id in 0..150 {
            socket.send(&query("www.example. A", id)).expect("sent");
        }
        wire.shutdown().await;
        let answers = (0..150).filter(|_| receive(&socket).is_some()).count();
        assert_eq!(answers, 150);
    }
}

/// So is every query on a stream, on connections that were open and on those that waited to be accepted.
#[actix::test]
async fn queries_on_streams_that_had_arrived_are_answered() {
    for _ in 0..20 {
        let wire = serve(config()).await;
        let server = tcp_address(&wire);
        let mut open = tcp_client(server);
        assert!(ask_on(&mut open, "www.example. A").is_some());
        let mut streams: Vec<TcpStream> = (0..5).map(|_| tcp_client(server)).collect();
        streams.push(open);
        for (stream, id) in streams.iter_mut().zip(1..) {
            let both = [framed(&query("www.example. A", id)), framed(&query("no.example. A", id))].concat();
            stream.write_all(&both).expect("sent");
        }
        wire.shutdown().await;
        for stream in &mut streams {
            assert_eq!(next(stream).expect("the first answer").rcode(), 0);
            assert_eq!(next(stream).expect("the second answer").rcode(), 3);
            assert!(next(stream).is_none(), "the connection ends");
        }
    }
}

/// Idle connections and half messages do not hold it up, and nothing is bound any more afterwards.
#[actix::test]
async fn it_does_not_take_long() {
    let wire = serve(config()).await;
    let (udp, tcp) = (udp_address(&wire), tcp_address(&wire));
    let idle = tcp_client(tcp);
    let mut half = tcp_client(tcp);
    half.write_all(&[0, 40, 1]).expect("sent");
    let since = Instant::now();
    wire.shutdown().await;
    assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
    assert!(TcpStream::connect(tcp).is_err());
    drop(std::net::UdpSocket::bind(udp).expect("the port is free"));
    drop((idle, half));
}

/// Nor does a client that never stops asking; each of its queries that was read is answered before the end.
#[actix::test]
async fn a_client_that_goes_on_asking_does_not_hold_it_up() {
    let wire = serve(config()).await;
    let mut busy = tcp_client(tcp_address(&wire));
    let asked = std::thread::spawn(move || {
        let mut answered = 0u64;
        while ask_on(&mut busy, "www.example. A").is_some() {
            answered += 1;
        }
        answered
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let since = Instant::now();
    wire.shutdown().await;
    assert!(since.elapsed() < Duration::from_secs(3), "{:?}", since.elapsed());
    assert!(asked.join().expect("the client ends") > 0);
}

/// Without a query and right after the start.
#[actix::test]
async fn at_once() {
    let wire = start(config(), dns_wire::WirePeers::default()).await;
    wire.shutdown().await;
}
