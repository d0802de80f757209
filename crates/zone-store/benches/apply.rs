//! What a change costs beside the catalogue: batches of 20 changes of names drawn at random, to a store that holds
//! 1,000,000 of them in a file, and the commits between them. Once as fast as they can be applied, and once with other
//! work in between that takes all of the processor's caches, as listeners do that answer from a large catalogue.
//!
//! `cargo bench -p zone-store --bench apply`

use std::hint::black_box;
use std::time::{Duration, Instant};
use zone_model::{
    Event, EventBody, EventKey, Merged, Name, Partition, Position, RecordType, RrSet, SetRrSet,
};
use zone_model::{SourceId, Timestamp};
use zone_store::{Batch, Store, StoreConfig};

const NAMES: u32 = 1_000_000;
const LOADED_AT_ONCE: u32 = 50_000;
/// Batches, and how many changes each has.
const BATCHES: (u32, u32) = (1_000, 20);
/// Batches from one commit to the next.
const COMMIT: u32 = 3;
/// What the other work reads and writes, in bytes; more than most caches hold.
const OTHERS: usize = 64 << 20;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = tempfile::tempdir()?;
    let (apex, source) = (Name::parse("example.")?, SourceId::new("journal"));
    let config = StoreConfig {
        path: Some(directory.path().join("zones.redb")),
        zones: vec![apex.clone()],
        // As its actor has it.
        collect_changes: false,
        ..StoreConfig::default()
    };
    let mut store = Store::open(config)?;
    store.open_source(&source)?;
    let mut number = 0;
    let mut batch = |names: &mut dyn Iterator<Item = u32>| -> Result<Batch, Box<dyn std::error::Error>> {
        let events = names.map(|name| {
            number += 1;
            event(&apex, name, number)
        });
        let events = events.collect::<Result<_, _>>()?;
        Ok(Batch { source: source.clone(), events, positions: Vec::new(), in_step: None })
    };
    for first in (0..NAMES).step_by(LOADED_AT_ONCE as usize) {
        store.apply(&batch(&mut (first..first + LOADED_AT_ONCE))?)?;
        store.commit()?;
    }
    let mut drawn = 1_u32;
    let mut draw = || {
        drawn = drawn.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((u64::from(drawn) * u64::from(NAMES)) >> 32) as u32
    };
    let mut others = vec![0_u64; OTHERS / size_of::<u64>()];
    for (what, others) in [("alone", &mut [][..]), ("beside others", &mut others[..])] {
        let (mut applying, mut committing) = (Vec::new(), Vec::new());
        for turn in 1..=BATCHES.0 {
            let batch = batch(&mut (0..BATCHES.1).map(|_| draw()))?;
            work(others);
            let begun = Instant::now();
            store.apply(&batch)?;
            applying.push(begun.elapsed() / BATCHES.1);
            if turn % COMMIT == 0 {
                work(others);
                let begun = Instant::now();
                store.commit()?;
                committing.push(begun.elapsed() / (BATCHES.1 * COMMIT));
            }
        }
        println!(
            "{what}, a change: applied in {:?}, committed in {:?}",
            median(applying),
            median(committing)
        );
    }
    Ok(())
}

fn work(others: &mut [u64]) {
    others.iter_mut().for_each(|number| *number += 1);
    black_box(others);
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Gives a name an address that it has not had.
fn event(apex: &Name, name: u32, number: u32) -> Result<Event, Box<dyn std::error::Error>> {
    let label = format!("host{name:07}");
    let key = EventKey { owner: apex.child(label.as_bytes())?, rtype: RecordType::A, apex: None };
    let rrset = RrSet::new(Some(300), [Box::from(number.to_be_bytes())]);
    Ok(Event {
        partition: Partition(0),
        position: Position::new(&u64::from(number).to_be_bytes())?,
        timestamp: Timestamp(1_732_300_000_000 + i64::from(number)),
        key: format!("{label}.{apex}|A").into_bytes(),
        headers: Vec::new(),
        body: EventBody::Set(SetRrSet { key, rrset, extra: None, merged: Merged::default() }),
    })
}
