//! What differs between two zones.

use super::{Zone, ZoneRrSet};
use std::cmp::Ordering;

/// One RRset that two zones do not have alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference<'z> {
    /// Only the new zone has it.
    Added(&'z ZoneRrSet),
    /// Only the old zone has it.
    Removed(&'z ZoneRrSet),
    /// Both have it, not alike.
    Changed {
        /// As the old zone has it.
        old: &'z ZoneRrSet,
        /// As the new zone has it.
        new: &'z ZoneRrSet,
    },
}

// === impl Zone ===

impl Zone {
    /// What `new` has that this zone has not, and the reverse, in canonical order. The order of records counts
    /// for nothing; TTLs and every octet of RDATA do.
    pub fn difference<'z>(&'z self, new: &'z Self) -> Vec<Difference<'z>> {
        let (mut old, mut new) = (self.rrsets().iter().peekable(), new.rrsets().iter().peekable());
        let mut found = Vec::new();
        loop {
            let order = match (old.peek(), new.peek()) {
                (None, None) => return found,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(old), Some(new)) => old.owner.cmp(&new.owner).then_with(|| old.rtype.cmp(&new.rtype)),
            };
            match order {
                Ordering::Less => found.extend(old.next().map(Difference::Removed)),
                Ordering::Greater => found.extend(new.next().map(Difference::Added)),
                Ordering::Equal => {
                    if let (Some(old), Some(new)) = (old.next(), new.next())
                        && old.rrset != new.rrset
                    {
                        found.push(Difference::Changed { old, new });
                    }
                }
            }
        }
    }
}

// === impl Difference ===

impl<'z> Difference<'z> {
    /// The RRset as the old zone has it.
    pub fn before(&self) -> Option<&'z ZoneRrSet> {
        match self {
            Self::Added(_) => None,
            Self::Removed(set) | Self::Changed { old: set, .. } => Some(set),
        }
    }

    /// The RRset as the new zone has it.
    pub fn after(&self) -> Option<&'z ZoneRrSet> {
        match self {
            Self::Removed(_) => None,
            Self::Added(set) | Self::Changed { new: set, .. } => Some(set),
        }
    }
}
