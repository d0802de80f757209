//! The digests of zones, summed up beside the catalogue.

use super::batch::Batch;
use crate::content::Owner;
use crate::digest;
use crate::error::Corrupt;
use crate::keys;
use crate::sources::Sources;
use crate::zones::ByApex;
use zone_model::ZoneDigest;

/// What has been added up.
pub(super) struct Digests<'a> {
    sources: &'a Sources,
    sums: ByApex<ZoneDigest>,
    /// The apex that was last added to, and what: nearly always it is the next one's as well.
    last: (Vec<u8>, ZoneDigest),
}

// === impl Digests ===

impl<'a> Digests<'a> {
    pub(super) fn new(sources: &'a Sources) -> Self {
        Self { sources, sums: ByApex::new(), last: (Vec::new(), ZoneDigest::default()) }
    }

    /// Adds what the owners of a batch have in the zones above them.
    pub(super) fn add(&mut self, batch: &Batch) -> Result<(), Corrupt> {
        batch.owners(|place, key, slots| {
            let (above, sources) = (batch.above[place], self.sources);
            let owner = Owner { key, labels: keys::labels(key), above, locals: &[], sources };
            for (zone, digest) in digest::of_owner(key, &owner, slots)? {
                let apex = keys::ancestor(key, zone);
                if self.last.0 != apex {
                    self.turn_to(apex);
                }
                self.last.1.add(digest);
            }
            Ok(())
        })
    }

    /// All of them, by the sort keys of the apexes.
    pub(super) fn end(mut self) -> ByApex<ZoneDigest> {
        self.turn_to(&[]);
        self.sums
    }

    fn turn_to(&mut self, apex: &[u8]) {
        let (last, sum) = std::mem::replace(&mut self.last, (apex.to_vec(), ZoneDigest::default()));
        self.sums.entry(last.into()).or_default().add(sum);
    }
}
