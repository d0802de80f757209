//! `cargo run -p examples --bin admin-api` shows a small store over HTTP:
//!
//! ```text
//! http://127.0.0.1:5380 shows 1 zone; Ctrl-C ends it
//! ```
//!
//! Now `curl http://127.0.0.1:5380/v1/zones` says
//! `[{"name":"example.com.","serial":1,"rrsets":13,"synthesised":false,"newest":1767225600000,"digest":"82d738a6445a07914701e35f5651ec3b6ca0c8505cc82000d0b6e224b7cb82fd"}]`.
//! Also there: `/readyz`, `/v1/status`, `/v1/records?name=www.example.com`. An address may be given as an
//! argument.

use actix::prelude::*;
use admin_api::{Config, Peers, bind};
use anyhow::Result;
use examples::{SAMPLE, event};
use messages::{ApplyChanges, Draining, ListZones, OpenSource, Permits, Shutdown};
use zone_model::{SourceId, Timestamp};
use zone_store::{StoreConfig, StorePeers, ZoneStore};

#[actix::main]
async fn main() -> Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:5380".to_owned()).parse()?;
    // Bound first, so that an address that is taken is an error here.
    let admin = bind(Config { addresses: vec![address], ..Config::default() })?;
    let address = admin.addresses()[0];

    let store = ZoneStore::start_on_arbiter(StoreConfig::default(), StorePeers::default()).await?;
    let source = SourceId::new("sample");
    store.address.send(OpenSource { source: source.clone(), now: Timestamp(0), rebuild: None }).await??;
    let events: Vec<_> =
        (1..).zip(SAMPLE.lines()).map(|(number, line)| event(number, line)).collect::<Result<_>>()?;
    let positions = events.last().map(|last| (last.partition, last.position)).into_iter().collect();
    let (in_step, permit) = (Some(Timestamp(0)), Permits::new(1).take().await);
    store.address.send(ApplyChanges { source, events, positions, in_step, permit }).await??;
    let zones = store.address.send(ListZones::default()).await??.len();

    // A peer that is not given is a path that answers 503: nobody takes changes or measures here.
    let admin = admin.into_actor(Peers::of_store(&store.address)).start();
    println!("http://{address} shows {zones} zone; Ctrl-C ends it");

    tokio::signal::ctrl_c().await?;
    // First it is no longer ready, so that nobody is sent here; a node would wait a little between the two.
    admin.send(Draining).await?;
    admin.send(Shutdown).await?;
    store.stop().await;
    Ok(())
}
