//! A disk that fails: what is applied stays, and is on it when it works again.

mod support;

use proptest::prelude::*;
use std::io::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use support::{Memory, event, name, rrset, served, set, soa, topic};
use zone_model::RecordType;
use zone_store::{Batch, Store, StoreConfig};

/// Fails every operation that would change it while the count of those that may still succeed is 0.
#[derive(Clone, Debug)]
struct Failing(Memory, Arc<AtomicU64>);

impl Failing {
    fn new() -> Self {
        Self(Memory::default(), Arc::new(AtomicU64::new(u64::MAX)))
    }

    fn allow(&self, operations: u64) {
        self.1.store(operations, Relaxed);
    }

    fn take(&self) -> Result<(), Error> {
        let left = self.1.load(Relaxed);
        if left == 0 {
            return Err(Error::from(std::io::ErrorKind::StorageFull));
        }
        self.1.store(left - 1, Relaxed);
        Ok(())
    }
}

impl redb::StorageBackend for Failing {
    fn len(&self) -> Result<u64, Error> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), Error> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<(), Error> {
        self.take()?;
        self.0.set_len(len)
    }

    fn sync_data(&self) -> Result<(), Error> {
        self.take()?;
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), Error> {
        self.take()?;
        self.0.write(offset, data)
    }
}

fn batch(number: u64) -> Batch {
    let raw = format!("n{number}.t.|TXT");
    let mut events = vec![event(0, number, 1, &raw, set(&raw, rrset(None, &[&[number as u8; 3_000]])))];
    if number == 1 {
        events[0] = event(0, 1, 1, "t.|SOA", set("t.|SOA", rrset(None, &[&soa(1)])));
    }
    Batch { source: topic(), events, positions: vec![], in_step: None }
}

fn has(store: &Store, number: u64) -> bool {
    served(store.catalog(), &name(&format!("n{number}.t.")), RecordType::TXT).is_some()
}

proptest! {
    /// Exactly once across a failure at any operation: a batch that was taken is served at once and on disk when
    /// a commit succeeds; one that was refused left nothing and may be sent again.
    #[test]
    fn nothing_is_lost_or_doubled(allowed in 0u64..60, broken_for in 0usize..4, restart: bool) {
        let disk = Failing::new();
        let config = StoreConfig { cache_bytes: 0, ..Default::default() };
        let mut store = Store::open_backend(config.clone(), disk.clone()).unwrap();
        store.open_source(&topic()).unwrap();
        store.apply(&batch(1)).unwrap();
        store.commit().unwrap();
        disk.allow(allowed);
        let mut number = 2;
        let mut failures = 0;
        while failures <= broken_for && number < 40 {
            // While redb is down a batch may be refused; then it is sent again.
            if store.apply(&batch(number)).is_ok() {
                prop_assert!(has(&store, number));
                number += 1;
            } else {
                prop_assert!(!has(&store, number));
            }
            failures += usize::from(store.commit().is_err());
        }
        disk.allow(u64::MAX);
        if restart {
            drop(store);
            store = Store::open_backend(config.clone(), disk.clone()).unwrap();
            let applied = store.open_source(&topic()).unwrap().positions[0].1;
            // The log is read again from there.
            for again in (2..number).filter(|number| support::position(*number) > applied) {
                prop_assert_eq!(store.apply(&batch(again)).unwrap().events, 1);
            }
        }
        store.commit().unwrap();
        store.apply(&batch(number)).unwrap();
        store.commit().unwrap();
        let store = Store::open_backend(config, disk).unwrap();
        prop_assert!((2..=number).all(|number| has(&store, number)));
        prop_assert_eq!(store.status(0).slots, number);
    }
}
