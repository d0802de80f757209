//! `cargo run -p examples --bin dns-wire` answers for a few records in memory, over UDP and TCP:
//!
//! ```text
//! answering at 127.0.0.1:5301; Ctrl-C ends it
//! ```
//!
//! Now `dig @127.0.0.1 -p 5301 +short www.example.com` says `192.0.2.80`. An address may be given as an
//! argument: `-- 127.0.0.1:0` takes a port that is free.

use anyhow::Result;
use dns_wire::{WireConfig, WirePeers, bind};
use messages::{CatalogPublished, Snapshot};
use std::sync::Arc;
use zone_model::catalog::{Catalog, NodeDraft};
use zone_model::{Name, rdata};

/// Each owner's RRsets, the apex of the zone first: names are set from the top downwards.
const ZONE: [(&str, &[(&str, &str)]); 4] = [
    (
        "example.com",
        &[
            ("SOA", "ns1.example.com. hostmaster.example.com. 1 7200 3600 1209600 300"),
            ("NS", "ns1.example.com."),
            ("MX", "10 www.example.com."),
        ],
    ),
    ("ns1.example.com", &[("A", "192.0.2.53")]),
    ("www.example.com", &[("A", "192.0.2.80"), ("AAAA", "2001:db8::80")]),
    ("*.apps.example.com", &[("CNAME", "www.example.com.")]),
];

fn catalog() -> Result<Catalog> {
    // A catalogue whose names come from strangers wants a random seed; these do not.
    let mut editor = Catalog::new(0).edit();
    for (owner, rrsets) in ZONE {
        let mut draft = NodeDraft::new(owner == "example.com");
        for (rtype, content) in rrsets {
            let rtype = rtype.parse()?;
            draft.push(rtype, 300, &[rdata::parse_text(rtype, content)?]);
        }
        editor.set(&Name::parse(owner)?, &draft);
    }
    Ok(editor.finish())
}

#[actix::main]
async fn main() -> Result<()> {
    let mut config =
        WireConfig { listen: vec!["127.0.0.1:5301".parse()?], listeners: 1, ..Default::default() };
    if let Some(address) = std::env::args().nth(1) {
        config.listen = vec![address.parse()?];
    }
    // Bound first, so that an address that is taken is an error here and not in a listener's log.
    let wire = bind(config)?.start(WirePeers::default()).await?;

    // Every listener is lent the same catalogue. In a node it is zone-store that sends it, after each change.
    let catalog = Arc::new(catalog()?);
    for listener in wire.catalogs() {
        let snapshot = Snapshot::new(Arc::clone(&catalog), true, None);
        listener.send(CatalogPublished { number: 1, snapshot }).await?;
    }
    println!("answering at {}; Ctrl-C ends it", wire.addresses().udp[0]);

    tokio::signal::ctrl_c().await?;
    wire.shutdown().await;
    Ok(())
}
