//! How soon a listener that waits in the kernel answers from a new catalogue: from the moment at which it is
//! sent until the listener has taken it and handed the old one back.
//!
//! `cargo bench -p dns-wire --bench publish`

use dns_wire::{WireConfig, WirePeers, bind};
use messages::{CatalogPublished, Snapshot};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};
use zone_model::Catalog;

const TIMES: u64 = 2_000;

fn main() {
    actix::System::new().block_on(async {
        let listen = vec!["127.0.0.1:0".parse().expect("an address")];
        let wire = bind(WireConfig { listen, listeners: 1, ..WireConfig::default() }).expect("bound");
        let wire = wire.start(WirePeers::default()).await.expect("started");
        let listener = wire.catalogs().remove(0);
        let (retired, back) = channel();
        let mut took = Vec::new();
        for number in 0..TIMES {
            // Long enough for the listener to be asleep.
            tokio::time::sleep(Duration::from_millis(1)).await;
            let snapshot = Snapshot::new(Arc::new(Catalog::new(number)), true, Some(retired.clone()));
            let sent = Instant::now();
            listener.try_send(CatalogPublished { number, snapshot }).expect("the mailbox has room");
            if number > 0 {
                back.recv().expect("the old catalogue");
                took.push(sent.elapsed());
            }
        }
        took.sort();
        let at = |share: f64| took[(took.len() as f64 * share) as usize];
        println!("a listener at rest took a new catalogue after: p50 {:?}, p99 {:?}", at(0.5), at(0.99));
        wire.shutdown().await;
    });
}
