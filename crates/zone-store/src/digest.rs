//! What rows add to the digests of zones; see [`ZoneDigest`].

use crate::content::{Owner, Slot};
use crate::error::Corrupt;
use crate::keys;
use zone_model::ZoneDigest;

/// What an owner's rows add to the digests of zones, each by the label count of its apex.
pub(crate) fn of_owner(
    key: &[u8],
    owner: &Owner<'_>,
    slots: &[Slot<'_>],
) -> Result<Vec<(u8, ZoneDigest)>, Corrupt> {
    let contents = owner.contents(slots);
    if contents.is_empty() {
        return Ok(Vec::new());
    }
    let name = keys::name(key)?;
    let hashed = contents
        .iter()
        .map(|(zone, rtype, row)| Ok((*zone, ZoneDigest::of_rrset(&name, *rtype, row.ttl, &row.rdatas()?))));
    hashed.collect()
}
