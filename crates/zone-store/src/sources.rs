//! Sources by number: a row names in two octets which reading of which source it came from.
//!
//! What one reading of a source led to is a *copy*, and has a number. A source is served from one copy. While
//! it is rebuilt a second one grows beside, seen by nobody; the swap changes what the two numbers mean, in one
//! transaction, and the rows of the old copy are swept away afterwards.

use crate::error::StoreError;
use std::collections::{BTreeMap, BTreeSet};
use zone_model::{Limits, Name, SourceId, Timestamp};

/// What a copy is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Its rows serve.
    Serving,
    /// It is being filled, and takes the place of the serving one when it is in step.
    Building,
    /// Its rows count for nothing and are being removed.
    Dropping,
    /// It has no rows, and its number may be given away.
    Free,
}

/// What is known of a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Copied {
    pub(crate) source: SourceId,
    pub(crate) role: Role,
    /// The version of the decoder that fills it.
    pub(crate) decoder: u32,
    /// When its reading began; 0 where nobody said.
    pub(crate) began: Timestamp,
    /// Whether somebody accepted that it may lack what was there before.
    pub(crate) accept_loss: bool,
}

/// The copies that a store has heard of. A number means something in this store only.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    copies: Vec<Copied>,
    serving: BTreeMap<SourceId, u16>,
    building: BTreeMap<SourceId, u16>,
    /// The numbers whose rows nobody may see.
    hidden: BTreeSet<u16>,
    limits: Limits,
    /// By the number of a copy, the sort keys of the only apexes whose zones it may write.
    limited: Vec<Option<BTreeSet<Vec<u8>>>>,
}

// === impl Role ===

impl Role {
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Serving => 0,
            Self::Building => 1,
            Self::Dropping => 2,
            Self::Free => 3,
        }
    }

    pub(crate) fn of_number(number: u8) -> Option<Self> {
        [Self::Serving, Self::Building, Self::Dropping, Self::Free].get(usize::from(number)).copied()
    }
}

// === impl Sources ===

impl Sources {
    /// All copies, in the order of their numbers.
    pub(crate) fn of(copies: Vec<Copied>, limits: &Limits) -> Result<Self, StoreError> {
        let mut sources = Self { limits: limits.clone(), ..Self::default() };
        for copy in copies {
            sources.push(copy)?;
        }
        Ok(sources)
    }

    /// Takes a new copy in, under a number that is free.
    pub(crate) fn add(&mut self, copy: Copied) -> Result<u16, StoreError> {
        match self.copies.iter().position(|own| own.role == Role::Free) {
            Some(free) => {
                let number = free as u16;
                self.set(number, copy);
                Ok(number)
            }
            None => self.push(copy),
        }
    }

    fn push(&mut self, copy: Copied) -> Result<u16, StoreError> {
        let Ok(number) = u16::try_from(self.copies.len()) else {
            return Err(StoreError::TooManySources(copy.source));
        };
        self.copies.push(copy);
        self.index();
        Ok(number)
    }

    /// Changes what is known of a copy.
    pub(crate) fn set(&mut self, number: u16, copy: Copied) {
        if let Some(own) = self.copies.get_mut(usize::from(number)) {
            *own = copy;
        }
        self.index();
    }

    /// Copies are few and change hardly ever.
    fn index(&mut self) {
        let of = |role| {
            let own = self.copies.iter().enumerate().filter(move |(_, copy)| copy.role == role);
            own.map(|(number, copy)| (copy.source.clone(), number as u16)).collect()
        };
        (self.serving, self.building) = (of(Role::Serving), of(Role::Building));
        let hidden = self.copies.iter().enumerate().filter(|(_, copy)| copy.role != Role::Serving);
        self.hidden = hidden.map(|(number, _)| number as u16).collect();
        let limit = |copy: &Copied| Some(self.limits.of(&copy.source)?.iter().map(Name::sort_key).collect());
        self.limited = self.copies.iter().map(limit).collect();
    }

    /// The copy from which a source is served.
    pub(crate) fn number(&self, source: &SourceId) -> Option<u16> {
        self.serving.get(source).copied()
    }

    /// The copy of a source that is being filled beside the serving one.
    pub(crate) fn building(&self, source: &SourceId) -> Option<u16> {
        self.building.get(source).copied()
    }

    /// Whether rows of a copy count for the zone of this apex.
    pub(crate) fn may_write(&self, number: u16, apex: &[u8]) -> bool {
        let limit = self.limited.get(usize::from(number)).and_then(Option::as_ref);
        limit.is_none_or(|apexes| apexes.contains(apex))
    }

    /// A copy whose rows are to be removed.
    pub(crate) fn dropping(&self) -> Option<u16> {
        self.copies.iter().position(|copy| copy.role == Role::Dropping).map(|number| number as u16)
    }

    pub(crate) fn copy(&self, number: u16) -> Option<&Copied> {
        self.copies.get(usize::from(number))
    }

    /// The source of a copy.
    pub(crate) fn get(&self, number: u16) -> Option<&SourceId> {
        self.copy(number).map(|copy| &copy.source)
    }

    /// The copies whose rows nobody may see.
    pub(crate) fn hidden(&self) -> &BTreeSet<u16> {
        &self.hidden
    }
}
