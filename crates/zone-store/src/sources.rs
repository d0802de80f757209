//! Sources by number: a row names its source in two octets.

use crate::error::StoreError;
use std::collections::BTreeMap;
use zone_model::SourceId;

/// The sources that a store has heard of. A number means something in this store only.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    by_number: Vec<SourceId>,
    by_name: BTreeMap<SourceId, u16>,
}

impl Sources {
    /// The next source, in the order of numbers.
    pub(crate) fn push(&mut self, source: SourceId) -> Result<u16, StoreError> {
        let Ok(number) = u16::try_from(self.by_number.len()) else {
            return Err(StoreError::TooManySources(source));
        };
        self.by_name.insert(source.clone(), number);
        self.by_number.push(source);
        Ok(number)
    }

    pub(crate) fn number(&self, source: &SourceId) -> Option<u16> {
        self.by_name.get(source).copied()
    }

    pub(crate) fn get(&self, number: u16) -> Option<&SourceId> {
        self.by_number.get(usize::from(number))
    }
}
