//! Local records: of this node alone, never stored, never published, in no digest.

use crate::keys;
use std::collections::BTreeMap;
use std::ops::Bound;
use zone_model::{EventKey, Name, RecordType, RrSet};

/// The local records of the configuration, by the sort keys of their owners.
#[derive(Clone, Debug, Default)]
pub(crate) struct Locals(BTreeMap<Box<[u8]>, Vec<Local>>);

/// A local RRset.
#[derive(Clone, Debug)]
pub(crate) struct Local {
    pub(crate) owner: Name,
    pub(crate) rtype: RecordType,
    /// How many labels the apex has that a long key names.
    pub(crate) apex: Option<u8>,
    pub(crate) rrset: RrSet,
}

impl Locals {
    /// Entries of one owner, type and apex become one RRset with the lowest TTL that is given. One whose key
    /// names an apex that does not hold its owner is left out.
    pub(crate) fn new(records: &[(EventKey, RrSet)]) -> Self {
        let mut locals: BTreeMap<Box<[u8]>, Vec<Local>> = BTreeMap::new();
        for (key, rrset) in records {
            if key.apex.as_ref().is_some_and(|apex| !key.owner.is_at_or_below(apex)) {
                tracing::warn!(owner = %key.owner, rtype = %key.rtype, "a local record's zone does not hold its owner: it is not served");
                continue;
            }
            let apex = key.apex.as_ref().map(|apex| apex.label_count() as u8);
            let own = locals.entry(key.owner.sort_key().into()).or_default();
            match own.iter_mut().find(|local| local.rtype == key.rtype && local.apex == apex) {
                Some(local) => local.rrset = merged(&local.rrset, rrset),
                None => {
                    let owner = key.owner.to_lowercase();
                    own.push(Local { owner, rtype: key.rtype, apex, rrset: rrset.clone() });
                }
            }
        }
        Self(locals)
    }

    /// The local RRsets of an owner.
    pub(crate) fn at(&self, owner: &[u8]) -> &[Local] {
        self.0.get(owner).map_or(&[], Vec::as_slice)
    }

    /// The owners at or below `top`.
    pub(crate) fn owners<'a>(&'a self, top: &[u8]) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let behind = keys::behind_subtree(top);
        let behind = behind.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        self.0.range::<[u8], _>((Bound::Included(top), behind)).map(|(owner, _)| &owner[..])
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], &Local)> {
        self.0.iter().flat_map(|(owner, locals)| locals.iter().map(|local| (&owner[..], local)))
    }
}

impl Local {
    /// Whether it must do nothing at an apex: a CNAME, which never serves there and would hide the SOA, and
    /// an empty SOA.
    pub(crate) fn leaves_no_zone(&self) -> bool {
        self.rtype == RecordType::CNAME || self.rtype == RecordType::SOA && self.rrset.is_empty()
    }
}

fn merged(left: &RrSet, right: &RrSet) -> RrSet {
    let ttl = [left.ttl, right.ttl].into_iter().flatten().min();
    RrSet::new(ttl, left.rdatas().iter().chain(right.rdatas()).cloned())
}
