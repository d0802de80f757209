//! What the whole-server tests share: the real binary on ports of its own with a store that goes with the
//! test, a client that asks it, and an HTTP client for its administration address.
//!
//! The binary is the one beside the test's own, which `cargo test --workspace` builds.
//!
//! For the suites that need real parts ([`real_parts`]) also a broker, a producer that gives it a steady load, NSD,
//! the older server's events, and a client that asks a hundred thousand questions in seconds.

mod ask;
mod broker;
pub mod churn;
pub mod exchange;
mod flood;
pub mod kills;
mod load;
mod nsd;
pub mod older;
pub mod peers;
pub mod reading;
mod server;

pub use ask::{Answer, Asker, query};
pub use broker::{Broker, Kept, Stored, free_port, run};
pub use flood::{Question, Transport, ask_all};
pub use load::{Delays, Deliveries, Load, Sent, consumer, producer, send};
pub use nsd::Nsd;
pub use server::{Finished, Server, ServerBuilder, binary, client, page};

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long anything is waited for that should come about within milliseconds: these tests also run on
/// machines that do other work.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Asks again and again until there is an answer.
///
/// # Panics
/// If there is none within [`PATIENCE`].
pub fn eventually<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    within(PATIENCE, what, look).unwrap_or_else(|error| panic!("{error}"))
}

/// Asks again and again until there is an answer.
///
/// # Errors
/// If there is none within this time.
pub fn within<T>(patience: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> anyhow::Result<T> {
    let until = Instant::now() + patience;
    loop {
        if let Some(found) = look() {
            return Ok(found);
        }
        anyhow::ensure!(Instant::now() < until, "waited {patience:?} in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The root of the repository.
pub fn repository() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_owned()
}

/// Whether tests that need a real broker or another name server are to run; where not, one line says so.
pub fn real_parts(suite: &str) -> bool {
    let wanted = std::env::var_os("STREAM_DNS_REAL_PARTS").is_some_and(|value| !value.is_empty());
    if !wanted {
        println!("skipped: {suite} needs real parts; `just ci` runs it (STREAM_DNS_REAL_PARTS)");
    }
    wanted
}
