//! Rows that are on the disk in the order in which they came, and not yet in their places.
//!
//! ```text
//! commit ─▶ its rows, appended as one record ─▶ in memory, in front of the rows in place
//!                                                  └▶ once they are many, a portion with each commit ─▶ in place
//! ```
//!
//! Rows stand in the order of their keys, and changes come in none: to put a changed row in its place, redb reads,
//! copies and writes a page of 4 KiB, and frees another. Appended, the rows of a commit are a page or two together. Once
//! there are so many that they take up memory, and that a start would take long over them, they are put in their places
//! in the order of their keys, where by then several of them share a page; and a row that was changed again meanwhile is
//! written once. Where others want the processor that waits, until there are four times as many.
//!
//! Which rows are in their places already is not stored: after a crash all records that are left are read again, and the
//! newest of a key counts.

use crate::changes::{Change, Changes};
use crate::disk::Table;
use crate::error::Corrupt;
use crate::layers::{ENTRY_OVERHEAD, Layer};
use crate::piece::{Gathering, Key};
use crate::row::{Reader, put_bytes, put_length};
use std::ops::Range;

/// How many octets count as one of the rows that may be held.
const ROW: usize = 256;
/// How often as much may have been appended as is held: rows may be changed again and again.
const AGAIN: usize = 2;
/// Where others want the processor so many times as much may be held.
const CROWDED: usize = 4;
/// How many records a commit removes that are of no use any more.
const DROPPED: u64 = 8;

/// The rows that were appended and are not in their places.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    rows: Changes,
    /// The numbers of the records on the disk.
    records: Range<u64>,
    /// Records before this one are of no use any more.
    needed: u64,
    /// How much the rows are.
    held: Amount,
    /// What was appended since rows were last begun to be put in their places, from the first on.
    appended: Amount,
    settling: Option<Settling>,
}

/// A number of rows, and how many octets they have.
#[derive(Clone, Copy, Debug, Default)]
struct Amount {
    rows: usize,
    bytes: usize,
}

/// Rows are being put in their places, in the order of their keys.
#[derive(Debug)]
struct Settling {
    /// The last that was.
    behind: Key,
    /// When all were, records before this one are of no use any more.
    needed: u64,
}

/// What one commit does with rows. It is the same however often the commit has to be tried again.
#[derive(Debug)]
pub(crate) enum Plan {
    /// All rows are put in their places, the layer's too.
    InPlace {
        /// Those that were recent, but for such as the layer has others for.
        settled: Vec<(Key, Change)>,
        /// Whether there are records, all of which are removed.
        records: bool,
    },
    /// The layer's rows are appended.
    Appended {
        /// As the record of this number, which may be there from a try before; `None` where the layer has no rows.
        record: Option<u64>,
        /// These are put in their places, in this order.
        settled: Vec<(Key, Change)>,
        /// Whether all recent rows are in their places then, but for the layer's.
        ends: bool,
        /// These records are removed.
        dropped: Range<u64>,
    },
}

// === impl Recent ===

impl Recent {
    pub(crate) fn rows(&self) -> &Changes {
        &self.rows
    }

    /// Takes a record that was read, in the order of their numbers.
    pub(crate) fn read(&mut self, number: u64, record: &[u8]) -> Result<(), Corrupt> {
        if self.records.is_empty() {
            (self.records, self.needed) = (number..number, number);
        } else if self.records.end != number {
            return Err(Corrupt("records of recent rows are missing"));
        }
        self.records.end = number.checked_add(1).ok_or(Corrupt("a record of recent rows has no number"))?;
        let mut gathering = Gathering::default();
        let mut reader = Reader(record);
        while !reader.0.is_empty() {
            let key = reader.bytes()?;
            let value = match reader.length()?.checked_sub(1) {
                None => None,
                Some(length) => Some(reader.take(length)?),
            };
            let value = value.map(|value| |octets: &mut Vec<u8>| octets.extend_from_slice(value));
            gathering.add(Table::Rows, |octets| octets.extend_from_slice(key), value);
        }
        let mut layer = Layer::default();
        layer.take(&gathering.end(), |_, _| {});
        self.add(layer.rows);
        Ok(())
    }

    /// What to do with the rows of a layer, where no more than `most` are to be held. `crowded` says whether others want
    /// the processor.
    pub(crate) fn plan(&self, layer: &Layer, most: usize, crowded: bool) -> Plan {
        if most == 0 || layer.is_backlog() {
            let older = self.rows.iter().filter(|(key, _)| layer.rows.get(key).is_none());
            let settled = older.map(|(key, change)| (key.clone(), change.clone())).collect();
            return Plan::InPlace { settled, records: !self.records.is_empty() };
        }
        let record = (!layer.rows.is_empty()).then_some(self.records.end);
        let dropped = self.records.start..self.needed.min(self.records.start + DROPPED);
        let (mut settled, mut ends) = (Vec::new(), false);
        let enough = if crowded { most } else { most / CROWDED };
        if self.held.is_more_than(enough) || self.appended.is_more_than(enough * AGAIN) {
            let behind = self.settling.as_ref().map(|settling| &*settling.behind);
            let mut left = self.rows.behind(behind);
            // More than come, so that there is an end.
            let more = |own: usize| own + own / 8 + 1;
            let mut bytes = 0;
            while settled.len() < more(layer.rows.len()) || bytes < more(layer.bytes) {
                let Some((key, change)) = left.next() else { break };
                bytes += size(key, change) + ENTRY_OVERHEAD;
                settled.push((key.clone(), change.clone()));
            }
            ends = left.next().is_none();
        }
        Plan::Appended { record, settled, ends, dropped }
    }

    /// The plan for this layer was carried out, and is on the disk.
    pub(crate) fn done(&mut self, plan: &Plan, layer: Layer) {
        let Plan::Appended { record, settled, ends, dropped } = plan else {
            let next = self.records.end;
            *self = Self { records: next..next, needed: next, ..Self::default() };
            return;
        };
        self.records.start = dropped.end;
        for (key, change) in settled {
            self.rows.remove(key.clone().into_piece());
            self.held.less(size(key, change));
        }
        if *ends || !settled.is_empty() {
            let begun = self.settling.take().map(|settling| settling.needed);
            let needed = begun.unwrap_or_else(|| {
                self.appended = Amount::default();
                self.records.end
            });
            match settled.last() {
                Some((key, _)) if !ends => self.settling = Some(Settling { behind: key.clone(), needed }),
                _ => self.needed = needed,
            }
        }
        if let Some(record) = record {
            self.records.end = record + 1;
            self.add(layer.rows);
        }
    }

    /// Adds the rows of a record.
    fn add(&mut self, added: Changes) {
        self.rows.learn_common(&added);
        for (key, change) in added {
            let (own, length) = (size(&key, &change), key.len());
            self.appended.more(own);
            self.held.more(own);
            if let Some(before) = self.rows.put(key.into_piece(), change) {
                self.held.less(length + before.map_or(0, |value| value.len()));
            }
        }
    }
}

// === impl Amount ===

impl Amount {
    fn more(&mut self, bytes: usize) {
        self.rows += 1;
        self.bytes += bytes;
    }

    fn less(&mut self, bytes: usize) {
        self.rows -= 1;
        self.bytes -= bytes;
    }

    fn is_more_than(&self, rows: usize) -> bool {
        self.rows > rows || self.bytes / ROW > rows
    }
}

// === impl Plan ===

impl Plan {
    /// The rows that are put in their places beside the layer's.
    pub(crate) fn settled(&self) -> &[(Key, Change)] {
        match self {
            Self::InPlace { settled, .. } | Self::Appended { settled, .. } => settled,
        }
    }
}

/// How many octets a row has.
fn size(key: &Key, change: &Change) -> usize {
    key.len() + change.as_ref().map_or(0, |value| value.len())
}

/// The record of these rows: of each the key, then 0 for a removal, or the value's length and 1, and the value.
pub(crate) fn record(rows: &Changes) -> Vec<u8> {
    let mut record = Vec::with_capacity(rows.iter().map(|(key, change)| size(key, change) + 6).sum());
    for (key, change) in rows {
        put_bytes(&mut record, key);
        match change {
            None => put_length(&mut record, 0),
            Some(value) => {
                put_length(&mut record, value.len() + 1);
                record.extend_from_slice(value);
            }
        }
    }
    record
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

    /// What a commit leaves on a disk.
    #[derive(Clone, Debug, Default, PartialEq)]
    struct Disk {
        rows: Rows,
        records: BTreeMap<u64, Vec<u8>>,
    }

    impl Disk {
        fn commit(&mut self, plan: &Plan, layer: &Layer) {
            put(&mut self.rows, plan.settled().iter().map(|(key, change)| (key, change)));
            match plan {
                Plan::InPlace { .. } => {
                    put(&mut self.rows, &layer.rows);
                    self.records.clear();
                }
                Plan::Appended { record: own, dropped, .. } => {
                    self.records.retain(|number, _| !dropped.contains(number));
                    self.records.extend(own.map(|number| (number, record(&layer.rows))));
                }
            }
        }

        fn recent(&self) -> Recent {
            let mut recent = Recent::default();
            self.records.iter().for_each(|(number, record)| recent.read(*number, record).unwrap());
            recent
        }

        /// The rows as whoever reads sees them.
        fn seen(&self, recent: &Recent) -> Rows {
            let mut rows = self.rows.clone();
            put(&mut rows, recent.rows());
            rows
        }
    }

    fn put<'c>(rows: &mut Rows, changes: impl IntoIterator<Item = (&'c Key, &'c Change)>) {
        for (key, change) in changes {
            match change {
                Some(value) => drop(rows.insert(key.to_vec(), value.to_vec())),
                None => drop(rows.remove(&key[..])),
            }
        }
    }

    fn layer(changes: &[(u16, Option<u8>)]) -> Layer {
        let mut gathering = Gathering::default();
        for (key, value) in changes {
            let value = value.map(|value| move |octets: &mut Vec<u8>| octets.resize(octets.len() + 3, value));
            gathering.add(Table::Rows, |octets| octets.extend(format!("a zone {key:05}").bytes()), value);
        }
        let mut layer = Layer::default();
        layer.take(&gathering.end(), |_, _| {});
        layer
    }

    proptest! {
        /// Rows are what they would be without any detour: after every commit, after a crash behind it, and where it has
        /// to be made again because nobody knows whether it was.
        #[test]
        fn rows_are_what_the_changes_say(
            commits in vec((vec((0..40u16, option::of(any::<u8>())), 0..6), 0..8u8, any::<bool>()), 1..120),
            most in 0..12usize,
        ) {
            let (mut disk, mut recent, mut wanted) = (Disk::default(), Recent::default(), Rows::new());
            for (changes, fate, crowded) in commits {
                let layer = layer(&changes);
                put(&mut wanted, &layer.rows);
                let plan = recent.plan(&layer, most, crowded);
                disk.commit(&plan, &layer);
                prop_assert_eq!(&disk.seen(&disk.recent()), &wanted, "as it is read after a crash");
                if fate == 0 {
                    // It is on the disk, and was told to have failed.
                    let now = disk.clone();
                    disk.commit(&plan, &layer);
                    prop_assert_eq!(&disk, &now);
                }
                recent.done(&plan, layer);
                if fate == 1 {
                    recent = disk.recent();
                }
                prop_assert_eq!(&disk.seen(&recent), &wanted, "as it is read by who made it");
                prop_assert_eq!(recent.records.clone().count(), disk.records.len());
                let held = recent.rows().iter().map(|(key, change)| size(key, change)).sum();
                prop_assert_eq!((recent.held.rows, recent.held.bytes), (recent.rows().len(), held));
            }
        }
    }

    /// A start reads what was appended, so that must not grow, whatever keys come.
    #[test]
    fn what_is_appended_is_bounded() {
        // Whether the processor is wanted changes for long, or never.
        let phases: [fn(u32) -> bool; 3] = [|_| true, |_| false, |commit| commit / 400 % 2 == 0];
        for (keys, crowded) in
            [1, 7, 5_000].into_iter().flat_map(|keys| phases.map(|crowded| (keys, crowded)))
        {
            let (mut disk, mut recent) = (Disk::default(), Recent::default());
            let (mut read, mut held) = (0, 0);
            for commit in 0..10_000u32 {
                let layer = layer(
                    &[0, 1, 2].map(|row| ((commit * 7919 + row * 31) as u16 % keys, Some(commit as u8))),
                );
                let plan = recent.plan(&layer, 300, crowded(commit));
                let rows = layer.rows.len();
                assert!(plan.settled().len() <= rows + 2, "a commit does little more than it brings");
                disk.commit(&plan, &layer);
                recent.done(&plan, layer);
                // A key of twelve octets, a value of three, and their lengths.
                read = read.max(disk.records.values().map(|record| record.len() / 17).sum());
                held = held.max(recent.rows().len());
            }
            assert!(read <= 5 * 300, "{keys} keys: {read}");
            assert!(held <= 310.min(usize::from(keys)), "{keys} keys: {held}");
        }
    }

    /// A few large rows are as much to read as many small ones.
    #[test]
    fn octets_count() {
        let (mut recent, mut settled) = (Recent::default(), 0);
        for commit in 0..20u16 {
            let mut gathering = Gathering::default();
            let value = |octets: &mut Vec<u8>| octets.resize(octets.len() + 256 * 10, 0);
            gathering.add(Table::Rows, |octets| octets.extend_from_slice(&commit.to_be_bytes()), Some(value));
            let mut layer = Layer::default();
            layer.take(&gathering.end(), |_, _| {});
            let plan = recent.plan(&layer, 100, true);
            settled += plan.settled().len();
            recent.done(&plan, layer);
        }
        assert!((8..=20).contains(&settled), "{settled}");
    }

    #[test]
    fn damaged_records_are_told() {
        let good = record(&layer(&[(1, Some(1)), (2, None)]).rows);
        for cut in 1..good.len() {
            let told = Recent::default().read(0, &good[..cut]);
            // Between two rows nothing is missing that could be known of.
            assert!(told.is_err() || cut == 17, "{cut} of {}", good.len());
        }
        let mut recent = Recent::default();
        assert!(recent.read(3, &good).is_ok() && recent.read(5, &good).is_err(), "a record is missing");
        assert!(Recent::default().read(u64::MAX, &good).is_err());
    }
}
