//! Which zones a source may write.

use crate::name::Name;
use crate::position::SourceId;
use std::collections::BTreeMap;

/// Which zones sources may write. A source that is not named may write all.
///
/// Slots of a source that is named count only for the zones of its list; the rest is kept and not served. Whose a
/// slot is follows from the zones that there are, so it can change with them, and with the list.
///
/// ```
/// use zone_model::{Limits, Name, SourceId};
///
/// let (customers, ours) = (SourceId::new("customers"), SourceId::new("ours"));
/// let mut limits = Limits::default();
/// limits.limit(customers.clone(), [Name::parse("example.com")?]);
/// assert!(limits.allow(&customers, &Name::parse("Example.COM.")?));
/// // A zone below is another zone.
/// assert!(!limits.allow(&customers, &Name::parse("sub.example.com.")?));
/// assert!(limits.allow(&ours, &Name::parse("sub.example.com.")?));
/// # Ok::<(), zone_model::NameError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits(BTreeMap<SourceId, Vec<Name>>);

// === impl Limits ===

impl Limits {
    /// Limits a source to the zones of these apexes.
    pub fn limit(&mut self, source: SourceId, apexes: impl IntoIterator<Item = Name>) {
        self.0.insert(source, apexes.into_iter().collect());
    }

    /// The apexes that a source is limited to; `None` where it is not.
    pub fn of(&self, source: &SourceId) -> Option<&[Name]> {
        self.0.get(source).map(Vec::as_slice)
    }

    /// Whether a source may write the zone of this apex.
    pub fn allow(&self, source: &SourceId, apex: &Name) -> bool {
        self.of(source).is_none_or(|apexes| apexes.contains(apex))
    }

    /// All sources that are limited, and to what.
    pub fn iter(&self) -> impl Iterator<Item = (&SourceId, &[Name])> {
        self.0.iter().map(|(source, apexes)| (source, apexes.as_slice()))
    }
}
