//! What somebody wants changed.

use messages::{Edit, Publish};
use zone_model::Name;

/// A wanted change of one zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The zone whose RRsets are meant; `None` for the zone that each owner belongs to by itself: the deepest
    /// that holds it, for DS the one above. To be given where parent and child zone both live on the log and
    /// the parent's copy is meant (NS of a cut, glue).
    pub zone: Option<Name>,
    /// The wanted RRsets, each owner and type once.
    pub edits: Vec<Edit>,
    /// Who makes the change, for the header `producer`.
    pub producer: String,
    /// Whether the change is refused as a conflict where somebody else's change of the zone came since the log was
    /// read, or since the change before this one was published: for who decided by what was read, and for the
    /// parts of a change that is too large for one. Means nothing before [`Log::read`](crate::Log::read) was asked.
    pub if_unchanged: bool,
}

impl From<Publish> for Change {
    fn from(Publish { edits, producer }: Publish) -> Self {
        Self { zone: None, edits, producer, if_unchanged: false }
    }
}
