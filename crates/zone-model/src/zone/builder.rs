//! From records in any order to a zone.

use super::{Zone, ZoneRrSet};
use crate::decode::MAX_RRSET;
use crate::name::Name;
use crate::rdata;
use crate::rrset::{Merged, RrSet};
use crate::rtype::RecordType;
use crate::validate::{Finding, Place, Report};
use std::borrow::Cow;
use std::sync::Arc;

/// Gathers records, in any order, and makes a zone of them.
///
/// Names and RDATA go into a few large buffers; only what ends up in the zone is allocated by itself, once. Only
/// owners are compared to be sorted: records then follow their owners by counting.
#[derive(Debug)]
pub struct ZoneBuilder {
    apex: Name,
    apex_key: Vec<u8>,
    owners: Vec<Owner>,
    /// The owners in wire form and in lower case, one behind the other.
    wires: Vec<u8>,
    /// The owners' sort keys, one behind the other.
    keys: Vec<u8>,
    /// The RDATA, one behind the other.
    rdata: Vec<u8>,
    entries: Vec<Entry>,
    files: Vec<Arc<str>>,
}

/// An RRset that no event could carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedRrSet {
    /// The owner.
    pub owner: Name,
    /// The type.
    pub rtype: RecordType,
    /// Whether it is of a type that allows one record and has more; else it is larger than a message can carry.
    pub single: bool,
    /// The file of the record that is too many, where it came from one.
    pub file: Option<Arc<str>>,
    /// That record's line, counted from 1; 0 without a file.
    pub line: usize,
}

/// An owner; the same name may stand here several times, with other owners in between.
#[derive(Clone, Copy, Debug)]
struct Owner {
    /// The first octets of the sort key behind the apex' own, so that most comparisons end here.
    prefix: u128,
    /// Where its wire form begins; it ends where the next owner's does.
    wire: usize,
    /// Where its sort key begins.
    key: usize,
    inside: bool,
}

/// A record.
#[derive(Clone, Copy, Debug)]
struct Entry {
    start: usize,
    owner: u32,
    line: u32,
    ttl: Option<u32>,
    length: u16,
    rtype: RecordType,
    file: u16,
}

/// No file at all.
const UNPLACED: u16 = u16::MAX;

// === impl ZoneBuilder ===

impl ZoneBuilder {
    /// For the zone with this apex.
    pub fn new(apex: Name) -> Self {
        let apex = apex.to_lowercase();
        let apex_key = apex.sort_key();
        let (wires, keys, rdata) = (Vec::new(), Vec::new(), Vec::new());
        Self {
            apex,
            apex_key,
            owners: Vec::new(),
            wires,
            keys,
            rdata,
            entries: Vec::new(),
            files: Vec::new(),
        }
    }

    /// Takes a record that stands at this line, counted from 1, of this file.
    pub fn push(
        &mut self,
        owner: &Name,
        rtype: RecordType,
        ttl: Option<u32>,
        rdata: &[u8],
        file: &Arc<str>,
        line: usize,
    ) {
        let number = match self.files.last() {
            Some(last) if Arc::ptr_eq(last, file) => self.files.len() - 1,
            _ => {
                let known = self.files.iter().position(|known| known == file);
                known.unwrap_or_else(|| {
                    self.files.push(Arc::clone(file));
                    self.files.len() - 1
                })
            }
        };
        let number = u16::try_from(number).unwrap_or(UNPLACED);
        self.add(owner, rtype, ttl, rdata, number, u32::try_from(line).unwrap_or(u32::MAX));
    }

    /// Takes a record that comes from no file.
    pub fn push_unplaced(&mut self, owner: &Name, rtype: RecordType, ttl: Option<u32>, rdata: &[u8]) {
        self.add(owner, rtype, ttl, rdata, UNPLACED, 0);
    }

    fn add(&mut self, owner: &Name, rtype: RecordType, ttl: Option<u32>, rdata: &[u8], file: u16, line: u32) {
        if self.owners.last().is_none_or(|last| self.wires[last.wire..] != *owner.as_wire()) {
            let owner = self.owner(owner);
            self.owners.push(owner);
        }
        // RDATA has at most 65,535 octets: RDLENGTH has 16 bits.
        let length = u16::try_from(rdata.len()).unwrap_or(u16::MAX);
        // As many owners as do not fit into 32 bits do not fit into memory.
        let owner = u32::try_from(self.owners.len() - 1).unwrap_or(u32::MAX);
        self.entries.push(Entry { start: self.rdata.len(), owner, line, ttl, length, rtype, file });
        self.rdata.extend_from_slice(&rdata[..usize::from(length)]);
    }

    fn owner(&mut self, name: &Name) -> Owner {
        let (wire, key) = (self.wires.len(), self.keys.len());
        self.wires.extend_from_slice(name.as_wire());
        // Length octets are at most 63 and so below `A`.
        self.wires[wire..].make_ascii_lowercase();
        name.append_sort_key(&mut self.keys);
        let own = &self.keys[key..];
        let behind = own.strip_prefix(&*self.apex_key);
        let mut first = [0; 16];
        let octets = behind.unwrap_or(own);
        let length = octets.len().min(first.len());
        first[..length].copy_from_slice(&octets[..length]);
        Owner { prefix: u128::from_be_bytes(first), wire, key, inside: behind.is_some() }
    }

    /// The zone, and what was remarkable: TTLs that differ within an RRset, records that came twice.
    ///
    /// # Errors
    /// The RRsets that no event could carry: a second record of a type that allows one, and more than a message
    /// can carry.
    pub fn finish(self) -> Result<(Zone, Vec<Report>), Vec<RefusedRrSet>> {
        let (zone, reports, refused) = self.build();
        if refused.is_empty() { Ok((zone, reports)) } else { Err(refused) }
    }

    /// Like [`finish`](Self::finish), with the zone although RRsets are refused; these it lacks.
    pub(super) fn build(self) -> (Zone, Vec<Report>, Vec<RefusedRrSet>) {
        let (mut rrsets, mut outside) = (Vec::with_capacity(self.entries.len()), Vec::new());
        let (mut reports, mut refused) = (Vec::new(), Vec::new());
        let (entries, ends) = self.sorted();
        let mut start = 0;
        for end in ends {
            // Mostly one or two records: those of one owner by their types, each type's as they came.
            let mut of_owner = &entries[start..end];
            let mut by_type;
            if !of_owner.is_sorted_by_key(|entry| entry.rtype) {
                by_type = of_owner.to_vec();
                by_type.sort_by_key(|entry| entry.rtype);
                of_owner = &by_type;
            }
            for group in of_owner.chunk_by(|a, b| a.rtype == b.rtype) {
                let owner = self.owners[group[0].owner as usize];
                match self.rrset(group, &mut reports) {
                    Ok(set) if owner.inside => rrsets.push(set),
                    Ok(set) => outside.push(set),
                    Err(set) => refused.push(set),
                }
            }
            start = end;
        }
        rrsets.shrink_to_fit();
        (Zone { apex: self.apex.clone(), rrsets, outside }, reports, refused)
    }

    /// The records in the order of their owners, those of one owner as they came; and where each owner's end.
    fn sorted(&self) -> (Cow<'_, [Entry]>, Vec<usize>) {
        let key = |number: u32| {
            let (from, next) = (self.owners[number as usize].key, self.owners.get(number as usize + 1));
            &self.keys[from..next.map_or(self.keys.len(), |next| next.key)]
        };
        // What is outside the zone stands behind it.
        let head = |owner: &Owner| (!owner.inside, owner.prefix);
        let compare = |(a, x): &(Owner, u32), (b, y): &(Owner, u32)| {
            head(a).cmp(&head(b)).then_with(|| key(*x).cmp(key(*y)))
        };
        let mut ends = Vec::with_capacity(self.owners.len());
        let numbered = self.owners.iter().copied().zip(0u32..);
        if numbered.clone().zip(numbered.clone().skip(1)).all(|(a, b)| compare(&a, &b).is_lt()) {
            let owners = self.entries.chunk_by(|a, b| a.owner == b.owner);
            ends.extend(owners.scan(0, |end, records| {
                *end += records.len();
                Some(*end)
            }));
            return (Cow::Borrowed(&self.entries), ends);
        }
        let mut order: Vec<(Owner, u32)> = numbered.collect();
        order.sort_by(compare);
        // How many names stand before each owner.
        let mut ranks = vec![0u32; self.owners.len()];
        let mut rank = 0;
        for (at, owner) in order.iter().enumerate() {
            if at > 0 && compare(&order[at - 1], owner).is_ne() {
                rank += 1;
            }
            ranks[owner.1 as usize] = rank;
        }
        drop(order);
        ends.resize(rank as usize + 1, 0);
        for entry in &self.entries {
            ends[ranks[entry.owner as usize] as usize] += 1;
        }
        // From how many records a name has to where they begin, and with each one placed to where they end.
        let mut sum = 0;
        for count in &mut ends {
            sum += std::mem::replace(count, sum);
        }
        let Some(first) = self.entries.first() else { return (Cow::Borrowed(&[]), Vec::new()) };
        let mut sorted = vec![*first; self.entries.len()];
        for entry in &self.entries {
            let place = &mut ends[ranks[entry.owner as usize] as usize];
            sorted[*place] = *entry;
            *place += 1;
        }
        (Cow::Owned(sorted), ends)
    }

    fn name(&self, entry: &Entry) -> Name {
        let number = entry.owner as usize;
        let next = self.owners.get(number + 1);
        Name::from_checked_wire(
            &self.wires[self.owners[number].wire..next.map_or(self.wires.len(), |next| next.wire)],
        )
    }

    fn octets(&self, entry: &Entry) -> &[u8] {
        &self.rdata[entry.start..entry.start + usize::from(entry.length)]
    }

    /// The RRset of the records of one owner and type.
    fn rrset(&self, group: &[Entry], reports: &mut Vec<Report>) -> Result<ZoneRrSet, RefusedRrSet> {
        let (owner, rtype) = (self.name(&group[0]), group[0].rtype);
        let report = |entry: &Entry, finding| Report {
            owner: owner.clone(),
            rtype: Some(rtype),
            finding,
            place: self.place(entry),
        };
        let refuse = |entry: &Entry, single| RefusedRrSet {
            owner: owner.clone(),
            rtype,
            single,
            file: self.place(entry).map(|place| place.file),
            line: entry.line as usize,
        };
        if let [entry] = group {
            return match 12 + usize::from(entry.length) {
                size if size > MAX_RRSET => Err(refuse(entry, false)),
                _ => {
                    let rrset = RrSet::of_distinct(entry.ttl, vec![self.octets(entry).into()]);
                    Ok(ZoneRrSet { owner, rtype, rrset, merged: Merged::default() })
                }
            };
        }
        // The lowest TTL given counts.
        let ttl = group.iter().filter_map(|entry| entry.ttl).min();
        if let Some(other) = group.iter().find(|entry| entry.ttl != group[0].ttl) {
            reports.push(report(other, Finding::DifferentTtls { serves: ttl }));
        }
        let mut records: Vec<(Box<[u8]>, &Entry)> =
            group.iter().map(|entry| (rdata::canonical(rtype, self.octets(entry)), entry)).collect();
        records.sort_by(|(a, _), (b, _)| a.cmp(b));
        records.dedup_by(|(again, entry), (first, _)| {
            let twice = again == first;
            if twice {
                reports.push(report(entry, Finding::Duplicate));
            }
            twice
        });
        if matches!(rtype, RecordType::CNAME | RecordType::DNAME | RecordType::SOA) && records.len() > 1 {
            let second = records.iter().map(|(_, entry)| *entry).max_by_key(|entry| (entry.file, entry.line));
            return Err(refuse(second.unwrap_or(&group[0]), true));
        }
        let mut size = 0;
        for (_, entry) in &records {
            size += 12 + usize::from(entry.length);
            if size > MAX_RRSET {
                return Err(refuse(entry, false));
            }
        }
        let rrset =
            RrSet::of_distinct(ttl, records.iter().map(|(_, entry)| self.octets(entry).into()).collect());
        Ok(ZoneRrSet { owner, rtype, rrset, merged: Merged::default() })
    }

    fn place(&self, entry: &Entry) -> Option<Place> {
        let file = self.files.get(usize::from(entry.file))?;
        Some(Place { file: Arc::clone(file), line: entry.line as usize })
    }
}
