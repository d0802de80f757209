//! The generator, against a server that sends everything back with the bit that makes it an answer.

use bench_peers::echo;
use bench_peers::load::{self, Load, Over, Pace, Unmeasured};
use bench_peers::mix::{Mix, Questions};
use bench_peers::world::World;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

fn server() -> SocketAddr {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).expect("a socket");
    let address = socket.local_addr().expect("its address");
    std::thread::spawn(move || echo::serve(&socket));
    address
}

/// What is asked is answered; what the generator was late for was not asked, and is counted.
#[test]
fn at_a_fixed_rate_everything_is_asked_or_left_out() {
    let (rate, time) = (1_000.0, Duration::from_millis(500));
    for over in [Over::Udp, Over::UdpStamped] {
        let load = Load {
            target: server(),
            over,
            ports: 2,
            pace: Pace::Open(rate),
            warm_up: Duration::from_millis(50),
            time,
        };
        let mut questions = Questions::new(World::Zone(100), Mix::Hot, false, 500, 1);
        let outcome = load::run(&load, &mut questions, &mut Unmeasured).expect("a run");
        let due = rate * outcome.elapsed.as_secs_f64();
        // At each end of the measured time a batch of each line may fall on the other side.
        let seen = (outcome.sent + outcome.left_out) as f64;
        assert!((seen - due).abs() <= 2.0 * 64.0, "{over:?}: {seen} of {due}");
        assert!(over == Over::UdpStamped || outcome.left_out == 0, "{over:?}");
        assert_eq!((outcome.lost, outcome.strange), (0, 0), "{over:?}");
        assert!(outcome.latency.quantile(0.5) > 0, "{over:?}");
    }
}
