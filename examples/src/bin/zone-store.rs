//! `cargo run -p examples --bin zone-store < examples/zones/sample.jsonl` applies a log from standard input,
//! and says what came of each event and of all of them:
//!
//! ```text
//! example.com.|SOA is ns1.example.com. hostmaster.example.com. 1 7200 3600 1209600 300 [1 changed]
//! example.com.|NS is ns1.example.com., ns2.example.com. [1 changed]
//! …
//! ns.sub.example.com.|A is 203.0.113.53 [1 changed]
//!
//! zone example.com. has the serial 1 and 13 RRsets
//! 13 events applied; a node would answer now: true
//! ```
//!
//! Without a file it applies what is typed, line by line, until the input ends (Ctrl-D).

use anyhow::Result;
use examples::{describe, event};
use messages::{ApplyChanges, ListZones, OpenSource, Permits, ReadQuarantine, ReadStoreStatus};
use std::time::SystemTime;
use zone_model::{SourceId, Timestamp};
use zone_store::{StoreConfig, StorePeers, ZoneStore};

#[actix::main]
async fn main() -> Result<()> {
    let source = SourceId::new("stdin");
    // Without a path the state lives in memory. A node names in `sources` what it waits for before it answers, and then
    // sees the first reading at its end; here each event is to be seen as it comes.
    let config = StoreConfig::default();
    let store = ZoneStore::start_on_arbiter(config, StorePeers::default()).await?;
    // The store says behind which position to go on; this one is new, so that is line 1.
    store.address.send(OpenSource { source: source.clone(), now: Timestamp(0), rebuild: None }).await??;

    // A sender takes a permit for each batch, and so never has more than these on their way.
    let permits = Permits::new(4);
    for (number, line) in (1..).zip(std::io::stdin().lines()) {
        let event = match event(number, &line?) {
            Ok(event) => event,
            Err(error) => {
                println!("{error:#}");
                continue;
            }
        };
        let said = describe(&event);
        let applied = store.address.send(ApplyChanges {
            source: source.clone(),
            positions: vec![(event.partition, event.position)],
            events: vec![event],
            in_step: None,
            permit: permits.take().await,
        });
        let applied = applied.await??;
        println!("{said} [{} changed]", applied.changed);
    }

    // The end of the input is the end of the log: from here on this store is in step with it.
    let (events, positions, permit) = (Vec::new(), Vec::new(), permits.take().await);
    let in_step = Some(now()?);
    store.address.send(ApplyChanges { source, events, positions, in_step, permit }).await??;

    println!();
    for zone in store.address.send(ListZones::default()).await?? {
        println!("zone {} has the serial {} and {} RRsets", zone.apex, zone.serial, zone.rrsets);
    }
    for event in store.address.send(ReadQuarantine::default()).await?? {
        println!("quarantined {}: {}", String::from_utf8_lossy(&event.key), event.reason);
    }
    let status = store.address.send(ReadStoreStatus).await?;
    println!("{} events applied; a node would answer now: {}", status.events_applied, status.in_service);
    store.stop().await;
    Ok(())
}

fn now() -> Result<Timestamp> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(Timestamp(i64::try_from(since.as_millis())?))
}
