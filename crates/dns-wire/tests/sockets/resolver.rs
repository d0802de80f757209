//! Listeners with a resolver.

use super::server::*;
use crate::support::ask::same;
use crate::support::record;
use actix::prelude::*;
use dns_wire::{Wire, WireConfig, WirePeers};
use messages::{Resolution, Resolve, ResolveError};
use std::io::Write;
use std::time::Duration;

/// Answers `www.…` after a while, fails for all else.
struct Slow(Duration);

impl Actor for Slow {
    type Context = Context<Self>;
}

impl Handler<Resolve> for Slow {
    type Result = ResponseFuture<Result<Resolution, ResolveError>>;

    fn handle(&mut self, resolve: Resolve, _: &mut Context<Self>) -> Self::Result {
        let wait = self.0;
        let Resolve { question, permit, .. } = resolve;
        Box::pin(async move {
            actix::clock::sleep(wait).await;
            // The place is taken until the answer is there.
            drop(permit);
            let name = question.name.to_string();
            if !name.starts_with("www.") {
                return Err(ResolveError::Timeout);
            }
            let answers = vec![record(&format!("{name} 77 A 198.51.100.1"))];
            Ok(Resolution { rcode: 0, answers, authority: Vec::new() })
        })
    }
}

async fn recursing(config: WireConfig) -> (Wire, Arbiter) {
    let arbiter = Arbiter::new();
    let slow = Slow::start_in_arbiter(&arbiter.handle(), |_| Slow(Duration::from_millis(100)));
    let wire = start(config, WirePeers { resolver: Some(slow.recipient()), ..WirePeers::default() }).await;
    publish(&wire, 1, ZONE, true).await;
    (wire, arbiter)
}

#[actix::test]
async fn others_names_are_resolved_over_udp_and_tcp() {
    let (wire, arbiter) = recursing(config()).await;
    let found = "NOERROR ra\n answer www.target.test. 77 A 198.51.100.1";
    same(&ask_udp(udp_address(&wire), "www.target.test. A"), found, "UDP");
    same(
        &ask_udp(udp_address(&wire), "out.example. A"),
        "NOERROR aa ra
        answer out.example. 300 CNAME www.target.test.
        answer www.target.test. 77 A 198.51.100.1",
        "an alias",
    );
    same(&ask_udp(udp_address(&wire), "else.test. A"), "SERVFAIL ra", "a failure");
    same(
        &ask_on(&mut tcp_client(tcp_address(&wire)), "www.target.test. A").expect("an answer"),
        found,
        "TCP",
    );
    wire.shutdown().await;
    arbiter.stop();
}

/// RFC 7766 section 6.2.1.1: of the questions that a client asks at once so many are under way as have a place, the
/// others follow, and all are answered, whether the client will ask more or not.
#[actix::test]
async fn more_questions_on_a_connection_than_wait_at_a_time() {
    let (wire, arbiter) = recursing(config()).await;
    for ends in [false, true] {
        let mut stream = tcp_client(tcp_address(&wire));
        let all: Vec<u8> = (0..150).flat_map(|id| framed(&query("www.target.test. A", id))).collect();
        stream.write_all(&all).expect("sent");
        if ends {
            stream.shutdown(std::net::Shutdown::Write).expect("half closed");
        }
        let mut ids: Vec<u16> = (0..150).map(|_| next(&mut stream).expect("an answer").parsed.id).collect();
        ids.sort_unstable();
        assert_eq!(ids, (0..150).collect::<Vec<u16>>());
    }
    wire.shutdown().await;
    arbiter.stop();
}

/// The answer of a resolved name leaves from the address that was asked, too.
#[actix::test]
async fn a_resolved_answer_comes_from_the_address_that_was_asked() {
    let listen = vec!["0.0.0.0:0".parse().expect("an address")];
    let (wire, arbiter) = recursing(WireConfig { listen, ..config() }).await;
    let server = std::net::SocketAddr::from(([127, 0, 0, 2], udp_address(&wire).port()));
    let socket = std::net::UdpSocket::bind("127.0.0.5:0").expect("a socket");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    socket.send_to(&query("www.target.test. A", 9), server).expect("sent");
    let (_, from) = socket.recv_from(&mut [0; 512]).expect("an answer");
    assert_eq!(from, server);
    wire.shutdown().await;
    arbiter.stop();
}

/// RFC 7766 section 7: what is ready is not held up by what is not.
#[actix::test]
async fn answers_overtake_each_other() {
    let (wire, arbiter) = recursing(config()).await;
    let mut stream = tcp_client(tcp_address(&wire));
    let both = [framed(&query("www.target.test. A", 1)), framed(&query("www.example. A", 2))].concat();
    stream.write_all(&both).expect("sent");
    assert_eq!(next(&mut stream).expect("the ready one").parsed.id, 2);
    assert_eq!(next(&mut stream).expect("the other").parsed.id, 1);
    drop(stream);
    wire.shutdown().await;
    arbiter.stop();
}

/// Who is not on the list is refused, and told so by RA.
#[actix::test]
async fn only_those_on_the_list_recurse() {
    let (wire, arbiter) = recursing(WireConfig { recursion: Vec::new(), ..config() }).await;
    same(&ask_udp(udp_address(&wire), "www.target.test. A"), "REFUSED", "off the list");
    wire.shutdown().await;
    arbiter.stop();
    let wire = serve(config()).await;
    same(&ask_udp(udp_address(&wire), "www.target.test. A"), "REFUSED", "no resolver");
    wire.shutdown().await;
}

/// The questions under way are bounded; what is beyond gets SERVFAIL at once.
#[actix::test]
async fn questions_under_way_are_bounded() {
    let (wire, arbiter) = recursing(WireConfig { recursion_places: 3, ..config() }).await;
    let socket = udp_client(udp_address(&wire));
    for id in 0..10 {
        socket.send(&query("www.target.test. A", id)).expect("sent");
    }
    let rcodes: Vec<u16> = (0..10).map(|_| receive(&socket).expect("an answer").rcode()).collect();
    assert_eq!(rcodes.iter().filter(|rcode| **rcode == 0).count(), 3, "{rcodes:?}");
    assert_eq!(rcodes[..7], [2; 7], "the others did not wait");
    same(
        &ask_udp(udp_address(&wire), "www.target.test. A"),
        "NOERROR ra
        answer www.target.test. 77 A 198.51.100.1",
        "the places are given back",
    );
    wire.shutdown().await;
    arbiter.stop();
}

/// A resolver that is gone is a failure, not a wait.
#[actix::test]
async fn without_its_resolver_it_is_servfail() {
    let (wire, arbiter) = recursing(config()).await;
    arbiter.stop();
    arbiter.join().expect("stopped");
    same(&ask_udp(udp_address(&wire), "www.target.test. A"), "SERVFAIL ra", "gone");
    same(
        &ask_udp(udp_address(&wire), "www.example. A"),
        "NOERROR aa ra
        answer www.example. 300 A 192.0.2.1",
        "our own names need it not",
    );
    wire.shutdown().await;
}

/// Stopping waits for answers that are under way.
#[actix::test]
async fn what_is_under_way_is_answered_before_the_end() {
    let (wire, arbiter) = recursing(config()).await;
    let socket = udp_client(udp_address(&wire));
    let mut stream = tcp_client(tcp_address(&wire));
    socket.send(&query("www.target.test. A", 1)).expect("sent");
    stream.write_all(&framed(&query("www.target.test. A", 2))).expect("sent");
    wire.shutdown().await;
    assert_eq!(receive(&socket).expect("an answer").rcode(), 0);
    assert_eq!(next(&mut stream).expect("an answer").rcode(), 0);
    arbiter.stop();
}
