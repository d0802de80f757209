//! What one change costs before it reaches the store: decoding its event and making the next catalogue.

use super::Setting;
use crate::feed::moved;
use crate::measure::median;
use crate::report::{Section, Target};
use crate::table::Table;
use crate::world::{APEX, World, value};
use anyhow::{Context, Result};
use std::time::Instant;
use zone_model::catalog::NodeDraft;
use zone_model::decode::decode;
use zone_model::{Catalog, EventBody, Name, Partition, Position, RawEvent, RecordType, Timestamp, rdata};

/// Changes in a batch: what 1,000 events a second come to where one is published every hundredth of a second.
const BATCH: u64 = 10;
const BATCHES: u64 = 500;
/// Each is some hundredths of a second long, and counts as a pair: machines change their speed within seconds.
const ROUNDS: usize = 31;

/// Measures it for a small zone and a large one in turn, on the calling thread.
pub(super) fn measure(setting: &Setting, section: &mut Section) -> Result<()> {
    let sizes = [1000, setting.sized(1_000_000)];
    let mut catalogs = sizes.map(catalog).into_iter().collect::<Result<Vec<_>>>()?;
    let mut pairs = Vec::new();
    for round in 1..=ROUNDS as u64 {
        let mut pair = [0.0; 2];
        for ((catalog, names), cost) in catalogs.iter_mut().zip(sizes).zip(&mut pair) {
            let events = (0..BATCH * BATCHES).map(|index| event(index * 7919 % names, round));
            let events = events.collect::<Result<Vec<_>>>()?;
            let begun = Instant::now();
            let mut left = events.into_iter();
            for _ in 0..BATCHES {
                let mut editor = catalog.edit();
                for raw in left.by_ref().take(BATCH as usize) {
                    let EventBody::Set(set) = decode(raw).body else {
                        anyhow::bail!("an event of our own is unusable")
                    };
                    let mut draft = NodeDraft::new(false);
                    draft.push(set.key.rtype, 300, set.rrset.rdatas());
                    editor.set(&set.key.owner, &draft);
                }
                *catalog = editor.finish();
            }
            *cost = begun.elapsed().as_secs_f64() * 1e6 / (BATCH * BATCHES) as f64;
        }
        pairs.push(pair);
    }
    let of = |value: fn(&[f64; 2]) -> f64| median(pairs.iter().map(value).collect());
    let (small, large) = (of(|[small, _]| *small), of(|[_, large]| *large));
    let mut table = Table::new(&["names", "µs a change"]);
    for (names, cost) in sizes.into_iter().zip([small, large]) {
        table.row([crate::report::thousands(names as f64), format!("{cost:.2}")]);
    }
    section.text(format!(
        "Decoding an event and making the next catalogue, {BATCH} changes at a time, without the store, the catalogue \
         before being dropped:"
    ));
    section.table(&table);
    section.targets.push(Target::at_most(
        "a change of 1,000,000 names by one of 1,000",
        2.0,
        of(|[small, large]| large / small),
        "×",
    ));
    Ok(())
}

fn event(number: u64, generation: u64) -> Result<RawEvent> {
    let owner = World::owner(number);
    Ok(RawEvent {
        partition: Partition(0),
        position: Position::new(&[1])?,
        timestamp: Timestamp(0),
        key: format!("{owner}|A").into_bytes(),
        value: Some(value(&owner, "A", &[&moved(number, generation)]).into_bytes()),
        headers: Default::default(),
    })
}

fn catalog(names: u64) -> Result<Catalog> {
    let mut editor = Catalog::new(42).edit();
    World::Plain(names).each_rrset(0, |owner, kind, contents| {
        let rtype: RecordType = kind.parse().ok().context("a type")?;
        let content = contents.first().context("a content")?;
        let mut draft = NodeDraft::new(owner == APEX && rtype == RecordType::SOA);
        if owner == APEX && rtype != RecordType::SOA {
            // An owner's whole node is set at once, and the apex needs no more than its SOA here.
            return Ok(());
        }
        draft.push(rtype, 300, &[rdata::parse_text(rtype, content)?]);
        editor.set(&Name::parse(owner)?, &draft);
        anyhow::Ok(())
    })?;
    Ok(editor.finish())
}
