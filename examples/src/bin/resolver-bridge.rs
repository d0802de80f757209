//! `cargo run -p examples --bin resolver-bridge` is a tiny resolver: it asks the name servers of the world,
//! from the roots downwards.
//!
//! ```text
//! resolving at 127.0.0.1:5302; Ctrl-C ends it
//! ```
//!
//! Now `dig @127.0.0.1 -p 5302 www.rust-lang.org` is answered, and answered again from the cache. Another
//! address to listen at may be given, and behind it recursive servers to ask instead of the roots:
//! `-- 127.0.0.1:5302 9.9.9.9`.

use anyhow::Result;
use dns_wire::{WireConfig, WirePeers, bind};
use messages::{CatalogPublished, Snapshot};
use resolver_bridge::{Config, spawn_standalone};
use std::sync::Arc;
use zone_model::Catalog;

#[actix::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let listen = arguments.next().unwrap_or_else(|| "127.0.0.1:5302".to_owned()).parse()?;
    let servers = arguments.map(|server| server.parse()).collect::<Result<_, _>>()?;
    let bridge = spawn_standalone(Config { servers, ..Config::default() }, None)?;

    // Listeners that serve no zone, so every name is somebody else's: what a client on the access list
    // (loopback, unless somebody writes another) wants to know is a `Resolve` to the bridge.
    let peers = WirePeers { resolver: Some(bridge.resolve.clone()), measured: None };
    let wire =
        bind(WireConfig { listen: vec![listen], listeners: 1, ..Default::default() })?.start(peers).await?;
    for listener in wire.catalogs() {
        let snapshot = Snapshot::new(Arc::new(Catalog::new(0)), true, None);
        listener.send(CatalogPublished { number: 1, snapshot }).await?;
    }
    println!("resolving at {}; Ctrl-C ends it", wire.addresses().udp[0]);

    tokio::signal::ctrl_c().await?;
    // In the direction of the data: who asks ends before who is asked.
    wire.shutdown().await;
    bridge.shutdown().await;
    Ok(())
}
