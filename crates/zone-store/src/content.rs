//! What an owner serves: of its slots, the zones there are, and the local records.

use crate::error::Corrupt;
use crate::keys::{self, RowKey};
use crate::local::Local;
use crate::row::Row;
use crate::soa;
use crate::sources::Sources;
use crate::zones::{Above, SoaState};
use std::cmp::Ordering;
use zone_model::catalog::NodeDraft;
use zone_model::{Name, RecordType, RrSet};

/// A slot that holds an RRset, in place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot<'a> {
    /// The row's key behind its owner.
    pub(crate) rest: &'a [u8],
    /// What it says.
    pub(crate) key: RowKey<'a>,
    pub(crate) row: Row<'a>,
}

/// An RRset that an owner serves.
#[derive(Clone, Copy)]
pub(crate) struct Serving<'a> {
    pub(crate) rtype: RecordType,
    /// The apex' label count.
    pub(crate) zone: u8,
    chosen: Chosen<'a>,
}

#[derive(Clone, Copy)]
enum Chosen<'a> {
    Slot(Row<'a>),
    Local(&'a RrSet),
    Synthesised,
}

/// What is needed to know what an owner serves.
#[derive(Clone, Copy)]
pub(crate) struct Owner<'a> {
    /// The owner's sort key.
    pub(crate) key: &'a [u8],
    /// How many labels the owner has.
    pub(crate) labels: u8,
    /// The zones at or above it.
    pub(crate) above: Above,
    pub(crate) locals: &'a [Local],
    pub(crate) sources: &'a Sources,
}

// === impl Slot ===

impl<'a> Slot<'a> {
    pub(crate) fn parse(rest: &'a [u8], value: &'a [u8]) -> Result<Self, Corrupt> {
        Ok(Self { rest, key: RowKey::parse(rest)?, row: Row::parse(value)? })
    }

    /// Which of two slots of one RRset serves: the greater by timestamp, source, partition and position. The
    /// raw key comes last and decides nothing that a log can contain.
    pub(crate) fn rank(&self, other: &Self, sources: &Sources) -> Ordering {
        let by_time = self.row.timestamp.cmp(&other.row.timestamp);
        by_time
            .then_with(|| {
                let (own, others) = (self.key.slot.source, other.key.slot.source);
                if own == others { Ordering::Equal } else { sources.get(own).cmp(&sources.get(others)) }
            })
            .then_with(|| self.key.slot.partition.cmp(&other.key.slot.partition))
            .then_with(|| self.row.position_bytes().cmp(other.row.position_bytes()))
            .then_with(|| self.key.slot.raw.cmp(other.key.slot.raw))
    }
}

/// Of slots of one RRset, the one that serves.
pub(crate) fn winner<'a, 's>(
    slots: impl Iterator<Item = &'s Slot<'a>>,
    sources: &Sources,
) -> Option<&'s Slot<'a>>
where
    'a: 's,
{
    slots.max_by(|left, right| left.rank(right, sources))
}

/// What the SOA slots of an owner say; an SOA belongs to its owner whatever its key says. What a source says that may
/// not write the zone is not heard.
pub(crate) fn soa_state(owner: &[u8], slots: &[Slot<'_>], sources: &Sources) -> Result<SoaState, Corrupt> {
    let heard = |slot: &&Slot<'_>| {
        slot.key.rtype == RecordType::SOA && sources.may_write(slot.key.slot.source, owner)
    };
    let Some(slot) = winner(slots.iter().filter(heard), sources) else { return Ok(SoaState::None) };
    Ok(match slot.row.rdatas()?.first() {
        Some(rdata) => SoaState::Present { serial: soa::serial(rdata), timestamp: slot.row.timestamp },
        None => SoaState::Empty,
    })
}

// === impl Owner ===

impl<'a> Owner<'a> {
    /// Whether the owner is the apex of a zone.
    pub(crate) fn is_apex(&self) -> bool {
        self.above.has(self.labels)
    }

    /// The zone of a slot at this owner; `None` where no zone here holds it, or its source may not write that.
    pub(crate) fn zone_of(&self, slot: &Slot<'_>) -> Option<u8> {
        let zone = self.above.zone_of(self.labels, slot.key.rtype, slot.key.apex)?;
        self.sources.may_write(slot.key.slot.source, keys::ancestor(self.key, zone)).then_some(zone)
    }

    /// The RRsets that the log gives this owner, in all zones that it has to do with and whether or not they
    /// are hidden: for each its zone, its type, and the row that decides, which is not `[]`.
    pub(crate) fn contents(&self, slots: &[Slot<'a>]) -> Vec<(u8, RecordType, Row<'a>)> {
        let mut contents = Vec::with_capacity(slots.len());
        for slots in slots.chunk_by(|left, right| left.key.rtype == right.key.rtype) {
            let mut zones: Vec<u8> = slots.iter().filter_map(|slot| self.zone_of(slot)).collect();
            zones.sort_unstable();
            zones.dedup();
            for zone in zones {
                let candidates = slots.iter().filter(|slot| self.zone_of(slot) == Some(zone));
                if let Some(slot) = winner(candidates, self.sources).filter(|slot| !slot.row.is_empty()) {
                    contents.push((zone, slot.key.rtype, slot.row));
                }
            }
        }
        contents
    }

    /// What the owner serves, in the order of type numbers; `slots` are its rows in the order of their keys.
    pub(crate) fn serving(&self, slots: &[Slot<'a>]) -> Vec<Serving<'a>> {
        let mut serving = self.logged(slots);
        self.add_locals(&mut serving);
        self.hide(&mut serving);
        serving
    }

    fn logged(&self, slots: &[Slot<'a>]) -> Vec<Serving<'a>> {
        let mut serving = Vec::with_capacity(slots.len() + 1);
        for slots in slots.chunk_by(|left, right| left.key.rtype == right.key.rtype) {
            let rtype = slots[0].key.rtype;
            let Some(zone) = self.above.serving_zone(self.labels, rtype) else { continue };
            let candidates = slots.iter().filter(|slot| self.zone_of(slot) == Some(zone));
            if let Some(slot) = winner(candidates, self.sources)
                && !slot.row.is_empty()
            {
                serving.push(Serving { rtype, zone, chosen: Chosen::Slot(slot.row) });
            }
        }
        // A zone whose apex has no SOA slot exists because the configuration names it.
        if self.is_apex() && !serving.iter().any(|own| own.rtype == RecordType::SOA) {
            let at = serving.partition_point(|own| own.rtype < RecordType::SOA);
            let synthesised =
                Serving { rtype: RecordType::SOA, zone: self.labels, chosen: Chosen::Synthesised };
            serving.insert(at, synthesised);
        }
        serving
    }

    /// A local RRset replaces the log's of the same type; a local record hides a CNAME of the log, and a
    /// local CNAME the log's data. At an apex, where no CNAME serves, a local one does nothing.
    fn add_locals(&self, serving: &mut Vec<Serving<'a>>) {
        if self.locals.is_empty() {
            return;
        }
        let own: Vec<Serving<'a>> = self
            .locals
            .iter()
            .filter(|local| !(self.is_apex() && local.leaves_no_zone()))
            .filter_map(|local| {
                let zone = self.above.zone_of(self.labels, local.rtype, local.apex)?;
                let serves = self.above.serving_zone(self.labels, local.rtype) == Some(zone);
                serves.then_some(Serving { rtype: local.rtype, zone, chosen: Chosen::Local(&local.rrset) })
            })
            .collect();
        let has_record = own.iter().any(|local| !local.is_empty());
        let has_cname = own.iter().any(|local| local.rtype == RecordType::CNAME && !local.is_empty());
        serving.retain(|log| {
            let hidden = has_cname || has_record && log.rtype == RecordType::CNAME;
            !hidden && !own.iter().any(|local| local.rtype == log.rtype)
        });
        serving.extend(own.into_iter().filter(|local| !local.is_empty()));
        serving.sort_by_key(|own| own.rtype);
    }

    /// A CNAME never serves at an apex or beside NS; elsewhere it hides everything but RRSIG, NSEC and KEY.
    fn hide(&self, serving: &mut Vec<Serving<'a>>) {
        let has = |rtype| serving.iter().any(|own: &Serving<'_>| own.rtype == rtype);
        if !has(RecordType::CNAME) {
            return;
        }
        if self.is_apex() || has(RecordType::NS) {
            serving.retain(|own| own.rtype != RecordType::CNAME);
            return;
        }
        let beside = [RecordType::CNAME, RecordType::RRSIG, RecordType::NSEC, RecordType::KEY];
        serving.retain(|own| beside.contains(&own.rtype));
    }

    /// The owner's node of the catalogue. `serial` is the one to serve at an apex.
    pub(crate) fn draft(
        &self,
        name: &Name,
        slots: &[Slot<'a>],
        serial: u32,
        default_ttl: u32,
    ) -> Result<NodeDraft, Corrupt> {
        let mut draft = NodeDraft::new(self.is_apex());
        for own in self.serving(slots) {
            let ttl = own.ttl().unwrap_or(default_ttl);
            match own.soa(name, serial)? {
                Some(soa) => draft.push(own.rtype, ttl, &soa),
                None => draft.push(own.rtype, ttl, &own.rdatas()?),
            }
        }
        Ok(draft)
    }
}

// === impl Serving ===

impl<'a> Serving<'a> {
    fn is_empty(&self) -> bool {
        match self.chosen {
            Chosen::Slot(row) => row.is_empty(),
            Chosen::Local(rrset) => rrset.is_empty(),
            Chosen::Synthesised => false,
        }
    }

    fn ttl(&self) -> Option<u32> {
        match self.chosen {
            Chosen::Slot(row) => row.ttl,
            Chosen::Local(rrset) => rrset.ttl,
            Chosen::Synthesised => None,
        }
    }

    fn rdatas(&self) -> Result<Vec<&'a [u8]>, Corrupt> {
        match self.chosen {
            Chosen::Slot(row) => row.rdatas(),
            Chosen::Local(rrset) => Ok(rrset.rdatas().iter().map(|rdata| &rdata[..]).collect()),
            Chosen::Synthesised => Ok(Vec::new()),
        }
    }

    /// The RDATA of an SOA whose serial is not served as it is written.
    fn soa(&self, apex: &Name, serial: u32) -> Result<Option<Vec<Vec<u8>>>, Corrupt> {
        Ok(match self.chosen {
            Chosen::Slot(row) if self.rtype == RecordType::SOA => {
                Some(row.rdatas()?.into_iter().map(|rdata| soa::with_serial(rdata, serial)).collect())
            }
            Chosen::Synthesised => Some(vec![soa::synthesised(apex, serial)]),
            _ => None,
        })
    }

    /// The RRset as it serves, except that a missing TTL stays missing.
    pub(crate) fn rrset(&self, owner: &Name, serial: u32) -> Result<RrSet, Corrupt> {
        let rdatas: Vec<Box<[u8]>> = match self.soa(owner, serial)? {
            Some(soa) => soa.into_iter().map(Vec::into_boxed_slice).collect(),
            None => self.rdatas()?.into_iter().map(Box::from).collect(),
        };
        Ok(RrSet::new(self.ttl(), rdatas))
    }

    /// Whether both serve the same records, where no serial is put into them.
    pub(crate) fn is_same(&self, other: &Self) -> Result<bool, Corrupt> {
        Ok(self.ttl() == other.ttl() && self.rdatas()? == other.rdatas()?)
    }
}
