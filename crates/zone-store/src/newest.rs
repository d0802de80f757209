//! The newest timestamps of a zone's rows: the newest one survives the removal of those before it.

use std::collections::BTreeMap;
use zone_model::Timestamp;

/// Distinct timestamps that are remembered; only when all of them are gone the zone is read again.
const KEPT: usize = 64;

/// The greatest timestamps of a multiset, exact however they come and go.
#[derive(Clone, Debug, Default)]
pub(crate) struct Newest {
    /// How many rows have each of the greatest timestamps.
    kept: BTreeMap<i64, u64>,
    /// Rows with timestamps up to this one are not counted.
    forgotten: Option<i64>,
}

impl Newest {
    pub(crate) fn add(&mut self, timestamp: Timestamp) {
        if self.forgotten.is_some_and(|forgotten| timestamp.0 <= forgotten) {
            return;
        }
        *self.kept.entry(timestamp.0).or_insert(0) += 1;
        if self.kept.len() > KEPT
            && let Some((oldest, _)) = self.kept.pop_first()
        {
            self.forgotten = Some(oldest);
        }
    }

    pub(crate) fn remove(&mut self, timestamp: Timestamp) {
        if let Some(rows) = self.kept.get_mut(&timestamp.0) {
            *rows -= 1;
            if *rows == 0 {
                self.kept.remove(&timestamp.0);
            }
        }
    }

    /// The newest; `None` where there is none, or none is known any more.
    pub(crate) fn get(&self) -> Option<Timestamp> {
        self.kept.last_key_value().map(|(timestamp, _)| Timestamp(*timestamp))
    }

    /// Whether only rows are left that are not counted, so that the zone must be read to know the newest.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.kept.is_empty() && self.forgotten.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_a_multiset(steps in proptest::collection::vec((0i64..200, 0u8..5), 1..2000)) {
            let (mut own, mut all) = (Newest::default(), Vec::new());
            for (timestamp, step) in steps {
                if step < 3 {
                    own.add(Timestamp(timestamp));
                    all.push(timestamp);
                } else if !all.is_empty() {
                    // Mostly the newest goes: that is the case that could go wrong.
                    all.sort_unstable();
                    let gone = if step == 3 { all.len() - 1 } else { timestamp as usize % all.len() };
                    own.remove(Timestamp(all.remove(gone)));
                }
                if own.is_exhausted() {
                    own = Newest::default();
                    all.iter().for_each(|timestamp| own.add(Timestamp(*timestamp)));
                }
                prop_assert_eq!(own.get(), all.iter().max().map(|timestamp| Timestamp(*timestamp)));
            }
        }
    }
}
