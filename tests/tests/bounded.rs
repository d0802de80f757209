//! A store slower than the log, and events of 900 KiB: nothing piles up on the way, in events or in bytes, and nothing is
//! lost (DESIGN, "every queue bounded"). The consumer's actor before the store's, on a disk that takes its time.

#[path = "../../crates/zone-store/tests/support/mod.rs"]
mod support;

use actix::prelude::*;
use event_consumer::scripted::event;
use event_consumer::{BatchConfig, EventConsumer, Output, Peers, Progress, Source, SourceSpec};
use messages::{Measured, ReadStoreStatus, Shutdown, Value};
use redb::StorageBackend;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};
use support::Memory;
use zone_model::{Headers, Partition, SourceId, Timestamp};
use zone_store::{Store, StoreConfig, StorePeers, ZoneStore};

const EVENTS: u64 = 60;
const SIZE: usize = 900 << 10;

/// Memory that takes its time to be durable.
#[derive(Clone, Debug, Default)]
struct SlowDisk(Memory);

impl StorageBackend for SlowDisk {
    fn len(&self) -> Result<u64, io::Error> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        std::thread::sleep(Duration::from_millis(60));
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        self.0.write(offset, data)
    }
}

/// A log that has everything at once, and counts what it gave away.
struct Log {
    given: Arc<AtomicU64>,
    value: Arc<str>,
}

impl Source for Log {
    fn poll(&mut self, timeout: Duration, out: &mut Vec<Output>) -> bool {
        let n = self.given.load(SeqCst);
        if n == 0 {
            out.extend([Output::Connected, Output::Partition(Partition(0)), Output::Live(Partition(0))]);
        }
        if n == EVENTS {
            std::thread::sleep(timeout.min(Duration::from_millis(5)));
            out.extend([Output::AtEnd(Partition(0)), Output::InStep(Timestamp(1))]);
            return false;
        }
        let value = if n == 0 { SOA } else { &self.value };
        let key = if n == 0 { "t.|SOA".to_owned() } else { format!("n{n}.t.|TXT") };
        // Every third cannot be used, and is kept whole all the same.
        let owner = if n % 3 == 2 { "elsewhere.".to_owned() } else { format!("n{n}.t.") };
        let value = value.replace("OWNER", &owner);
        out.push(event(0, n, &key, Some(&value), Headers::new()).unwrap());
        self.given.store(n + 1, SeqCst);
        true
    }

    fn progress(&self) -> Vec<Progress> {
        Vec::new()
    }
}

const SOA: &str = r#"[{"name":"t.","type":"SOA","content":"ns.t. who.t. 1 2 3 4 5"}]"#;

/// An event of 900 KiB: what a row keeps of it beside the RRset is as large.
fn large() -> String {
    let note = "x".repeat(SIZE);
    format!(r#"[{{"name":"OWNER","type":"TXT","content":"text","ttl":60,"note":"{note}"}}]"#)
}

/// The most bytes that waited for the disk.
struct Gauge(Arc<AtomicU64>);

impl Actor for Gauge {
    type Context = Context<Self>;
}

impl Handler<Measured> for Gauge {
    type Result = ();

    fn handle(&mut self, measured: Measured, _: &mut Self::Context) {
        for sample in measured.samples.iter().filter(|sample| sample.name == "dns_store_pending_bytes") {
            if let Value::Gauge(bytes) = sample.value {
                self.0.fetch_max(bytes as u64, SeqCst);
            }
        }
    }
}

#[actix::test]
async fn a_slow_store_slows_the_log_down_and_nothing_piles_up() {
    const MIB: u64 = 1 << 20;
    let (disk, most) = (SlowDisk::default(), Arc::new(AtomicU64::new(0)));
    let source = SourceId::new("log");
    let config = StoreConfig {
        overlay_bytes: 4 << 20,
        commit_after: Duration::from_millis(1),
        sources: vec![source.clone()],
        ..StoreConfig::default()
    };
    let (own, again) = (disk.clone(), config.clone());
    let open = move || Store::open_backend(again.clone(), own.clone());
    let peers = StorePeers { listeners: Vec::new(), metrics: Some(Gauge(most.clone()).start().recipient()) };
    let store = ZoneStore::with_factory(config.clone(), open().unwrap(), peers, Box::new(open)).start();

    let (given, value) = (Arc::new(AtomicU64::new(0)), Arc::from(large()));
    let counted = given.clone();
    let spec = SourceSpec::new(source.clone(), "log", move |_| -> Result<Box<dyn Source>, _> {
        Ok(Box::new(Log { given: counted.clone(), value: Arc::clone(&value) }))
    });
    let batch = BatchConfig { max_bytes: 2 << 20, ..BatchConfig::default() };
    let peers = Peers { open: store.clone().recipient(), apply: store.clone().recipient(), measured: None };
    let consumer = EventConsumer::of(vec![spec], &batch, peers).start();

    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        // In this order, so that what is taken meanwhile is not counted as piled up.
        let taken = given.load(SeqCst);
        let status = store.send(ReadStoreStatus).await.unwrap();
        // A batch has three of these at most; one is applied, one waits for that, one for room, one is assembled.
        let ahead = taken.saturating_sub(status.events_applied);
        assert!(ahead <= 4 * 3 + 1, "{ahead} events were taken from the log that nobody had room for");
        // The first reading of a source that is waited for is seen when it is in step.
        if status.events_applied == EVENTS && status.slots > 0 {
            assert_eq!((status.slots, status.quarantined), (EVENTS / 3 * 2, EVENTS / 3));
            break;
        }
        assert!(Instant::now() < deadline, "{status:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    consumer.send(Shutdown).await.unwrap();
    store.send(Shutdown).await.unwrap();
    let most = most.load(SeqCst);
    // A batch is applied where the bound is not reached yet, and reaches over it by no more than itself.
    assert!(most > 2 * MIB, "the store was not slow enough to show anything: {most}");
    assert!(most < 4 * MIB + 4 * MIB, "{most} bytes waited for the disk");
    let again = Store::open_backend(config, disk).unwrap();
    assert_eq!(again.status(0).slots, EVENTS / 3 * 2, "all of it is on the disk");
    assert_eq!(again.status(0).quarantined, EVENTS / 3);
}
