//! `cargo run -p examples --bin embed-follow -- examples/zones/sample.jsonl` follows a log from a plain
//! `fn main`, without any actor, and prints what each event changed:
//!
//! ```text
//! + example.com. 3600 NS ns1.example.com.
//! + example.com. 3600 NS ns2.example.com.
//! + example.com. 3600 SOA ns1.example.com. hostmaster.example.com. 1 7200 3600 1209600 300
//! …
//! + www.example.com. 300 AAAA 2001:db8::80
//! in step with the journal; what is appended follows, and Ctrl-C ends it
//! ```
//!
//! Append a line to the journal and see what it takes away (`-`) and brings (`+`). A second argument names a
//! file for the state: the next run goes on where this one ended, whenever that was.

use anyhow::{Context, Result, bail};
use event_consumer::{ConsumerConfig, Follower, JournalConfig, ReaderStatus, SourceConfig};
use examples::records;
use std::path::PathBuf;
use std::time::Duration;
use zone_store::{Batch, Store, StoreConfig};

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let journal = arguments.next().context("which journal? e.g. examples/zones/sample.jsonl")?;
    let mut store = Store::open(StoreConfig { path: arguments.next(), ..StoreConfig::default() })?;

    // What a position means only its source knows. The store keeps it, and says behind which to go on.
    let source = SourceConfig::Journal(JournalConfig::new(journal));
    let id = source.id();
    let applied = store.open_source(&id)?.positions.into_iter();
    let positions: Vec<_> = applied.map(|(partition, position)| (id.clone(), partition, position)).collect();
    let config = ConsumerConfig { sources: vec![source], ..ConsumerConfig::default() };
    let mut follower = Follower::open(&config, &positions)?;

    let mut was_in_step = false;
    loop {
        let Some(batch) = follower.next_batch(Duration::from_secs(1)) else {
            match follower.status().pop() {
                Some((_, ReaderStatus { ended: None, .. })) => continue,
                // A file that shrank or was replaced is not followed: somebody has to say what that means.
                Some((_, ReaderStatus { alarm: Some(alarm), .. })) => bail!(alarm),
                other => bail!("reading the journal ended: {other:?}"),
            }
        };
        let event_consumer::Batch { source, events, positions, in_step, .. } = batch;
        for change in store.apply(&Batch { source, events, positions, in_step })?.changes {
            let (owner, rtype) = (&change.id.owner, change.id.rtype);
            for (sign, rrset) in [('-', change.old), ('+', change.new)] {
                for record in rrset.iter().flat_map(|rrset| records(owner, rtype, rrset)) {
                    println!("{sign} {record}");
                }
            }
        }
        // State and positions in one transaction: Ctrl-C may end this at any moment, and no event is missed or
        // applied twice.
        store.commit()?;
        if in_step.is_some() && !std::mem::replace(&mut was_in_step, true) {
            println!("in step with the journal; what is appended follows, and Ctrl-C ends it");
        }
    }
}
