//! One name of a zone, as bytes: what a lookup finds and an answer is copied from.
//!
//! ```text
//!  0 flags   1 apex labels   2 barrier labels   3 name length   4 children (u32)   8 RRsets (u16)
//! 10 length of the SOA of negative answers (u16), 0 where the node is no apex
//! 12 name (lower-case wire form)
//!    for each RRset: type (u16), records (u16), length of its records (22 bits), of its record once more (9 bits),
//!                    whether it is plain (the highest bit)
//!    for each RRset: its records, their names not compressed:
//!                    C0 0C, type, class IN, TTL, RDLENGTH, RDATA;
//!                    of one whose names an answer compresses, if it has one record, that once more as it stands
//!                    directly behind a question about the owner, where that can be said beforehand
//!    the SOA of negative answers, see there
//! ```
//! Numbers of the layout are little-endian, those inside of records in network order.

use super::negative::{self, NegativeSoa};
use super::prefetch::prefetch;
use super::ready;
use crate::rdata;
use crate::rtype::RecordType;

const HEADER: usize = 12;
const ENTRY: usize = 8;
/// What stands before the RDATA of each record: pointer, type, class, TTL, RDLENGTH.
pub(super) const RECORD_HEAD: usize = 12;
const NONE: u8 = 0xff;
/// Lines of an RRset: what most have in all.
const RRSET_LINES: usize = 2;
/// Of an RRset's lengths: it is plain.
const PLAIN: u32 = 1 << 31;
/// The bits of the length of its records: the most that fit into a message have fewer than 2,200,000 octets with their
/// names written out.
const LENGTH_BITS: u32 = 22;

const APEX: u8 = 1;
const CUT: u8 = 1 << 1;
const DNAME: u8 = 1 << 2;
const CNAME: u8 = 1 << 3;
pub(super) const WILDCARD_BELOW: u8 = 1 << 4;
/// The node is counted among its parent's children: it is no apex, or the zone above it is here too.
const LINKED: u8 = 1 << 5;

/// The flags that names below depend on.
pub(super) const ROLE_FLAGS: u8 = APEX | CUT | DNAME;

/// A name that exists in a zone: its records, or none where it is an empty non-terminal.
#[derive(Clone, Copy)]
pub struct Node<'a> {
    bytes: &'a [u8],
}

/// An RRset as an answer needs it.
#[derive(Clone, Copy)]
pub struct AnswerRrSet<'a> {
    /// The type.
    pub rtype: RecordType,
    /// How many records it has; at least one.
    pub count: u16,
    /// The records one behind the other, each with `C0 0C` for its owner.
    pub bytes: &'a [u8],
    /// The record as it stands directly behind a question about the node's owner, its names compressed. Empty where the
    /// RRset is plain or has several, and where that cannot be said beforehand.
    pub ready: &'a [u8],
    /// Whether the type's RDATA has no name that an answer compresses (RFC 3597 section 4) or adds addresses of: the
    /// bytes are all there is to say.
    pub plain: bool,
}

/// The RRsets of a node, from [`Node::rrsets`].
#[derive(Clone)]
pub struct RrSets<'a> {
    entries: &'a [u8],
    bytes: &'a [u8],
}

/// What an owner shall serve: the RRsets of its zone, and whether it is the apex.
#[derive(Clone, Debug, Default)]
pub struct NodeDraft {
    apex: bool,
    rrsets: Vec<(RecordType, u16, Vec<u8>)>,
}

/// What a node inherits from the names above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) apex_labels: u8,
    pub(super) barrier: Option<u8>,
    pub(super) linked: bool,
}

// === impl Place ===

impl Place {
    /// Where a draft stands whose owner has so many labels and inherits this; `None` where no zone holds it.
    pub(super) fn of(draft: &NodeDraft, labels: usize, inherited: Option<Self>) -> Option<Self> {
        if draft.is_apex() {
            return Some(Self { apex_labels: labels as u8, barrier: None, linked: inherited.is_some() });
        }
        inherited
    }

    /// What names below inherit from a name that stands here, of so many labels and with these flags.
    pub(super) fn below(self, flags: u8, labels: usize) -> Self {
        let own = (flags & (CUT | DNAME) != 0).then_some(labels as u8);
        Self { barrier: self.barrier.or(own), linked: true, ..self }
    }
}

// === impl Node ===

impl<'a> Node<'a> {
    #[inline]
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// A node from the bytes that [`NodeDraft::encode`] made.
    ///
    /// # Panics
    /// Here or in another method, if the bytes are others.
    pub fn from_bytes(bytes: &'a [u8]) -> Self {
        assert!(bytes.len() >= HEADER, "a node has at least {HEADER} bytes");
        Self { bytes }
    }

    #[inline]
    pub(super) fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    #[inline]
    pub(super) fn flags(self) -> u8 {
        self.bytes[0]
    }

    /// The flags that names below depend on.
    pub(super) fn role(self) -> u8 {
        self.flags() & ROLE_FLAGS
    }

    /// Whether this is the apex of its zone.
    #[inline]
    pub fn is_apex(self) -> bool {
        self.flags() & APEX != 0
    }

    /// Whether this is a zone cut: it has NS and is no apex.
    #[inline]
    pub fn is_cut(self) -> bool {
        self.flags() & CUT != 0
    }

    /// Whether it owns a DNAME.
    #[inline]
    pub fn has_dname(self) -> bool {
        self.flags() & DNAME != 0
    }

    /// Whether it owns a CNAME that serves.
    #[inline]
    pub fn has_cname(self) -> bool {
        self.flags() & CNAME != 0
    }

    /// Whether a `*` stands directly below it.
    #[inline]
    pub fn has_wildcard_below(self) -> bool {
        self.flags() & WILDCARD_BELOW != 0
    }

    /// Whether it is an apex and the zone above it is here too.
    #[inline]
    pub fn has_parent_zone(self) -> bool {
        self.flags() & (APEX | LINKED) == APEX | LINKED
    }

    /// Where it stands.
    pub(super) fn place(self) -> Place {
        let barrier = self.barrier().map(|labels| labels as u8);
        Place { apex_labels: self.bytes[1], barrier, linked: self.is_linked() }
    }

    pub(super) fn is_linked(self) -> bool {
        self.flags() & LINKED != 0
    }

    /// How many labels its zone's apex has.
    #[inline]
    pub fn apex_labels(self) -> usize {
        usize::from(self.bytes[1])
    }

    /// How many labels the topmost zone cut or DNAME above it in its zone has, if there is one: nothing at
    /// or below the node is then answered from its own data.
    #[inline]
    pub fn barrier(self) -> Option<usize> {
        match self.bytes[2] {
            NONE => None,
            labels => Some(usize::from(labels)),
        }
    }

    /// Whether its zone answers from its records: it is no zone cut, and stands below none and below no DNAME.
    #[inline]
    pub fn is_authoritative(self) -> bool {
        self.bytes[2] == NONE && !self.is_cut()
    }

    pub(super) fn children(self) -> u32 {
        u32::from_le_bytes([self.bytes[4], self.bytes[5], self.bytes[6], self.bytes[7]])
    }

    #[inline]
    fn rrset_count(self) -> usize {
        usize::from(u16::from_le_bytes([self.bytes[8], self.bytes[9]]))
    }

    /// The owner in lower-case wire form.
    #[inline]
    pub fn owner(self) -> &'a [u8] {
        &self.bytes[HEADER..HEADER + usize::from(self.bytes[3])]
    }

    /// Whether it has no RRset: an empty non-terminal (RFC 4592 section 2.2.2).
    #[inline]
    pub fn is_empty(self) -> bool {
        self.rrset_count() == 0
    }

    /// Its RRsets, in the order of their type numbers.
    #[inline]
    pub fn rrsets(self) -> RrSets<'a> {
        let entries = HEADER + usize::from(self.bytes[3]);
        let (entries, bytes) = self.bytes[entries..].split_at(self.rrset_count() * ENTRY);
        RrSets { entries, bytes }
    }

    /// The SOA as negative answers have it, where this is the apex of a zone with an SOA.
    #[inline]
    pub fn negative_soa(self) -> Option<NegativeSoa<'a>> {
        NegativeSoa::from_bytes(self.negative_bytes())
    }

    /// Where that stands; nothing where there is none.
    #[inline]
    pub(super) fn negative_bytes(self) -> &'a [u8] {
        let length = usize::from(u16::from_le_bytes([self.bytes[10], self.bytes[11]]));
        &self.bytes[self.bytes.len() - length..]
    }

    /// Its RRset of this type.
    #[inline]
    pub fn rrset(self, rtype: RecordType) -> Option<AnswerRrSet<'a>> {
        self.rrsets().find(|rrset| rrset.rtype == rtype)
    }
}

impl std::fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let types: Vec<RecordType> = self.rrsets().map(|rrset| rrset.rtype).collect();
        f.debug_struct("Node")
            .field("owner", &crate::Name::from_wire(self.owner()))
            .field("apex_labels", &self.apex_labels())
            .field("barrier", &self.barrier())
            .field("flags", &self.flags())
            .field("children", &self.children())
            .field("types", &types)
            .finish()
    }
}

// === impl RrSets ===

impl<'a> Iterator for RrSets<'a> {
    type Item = AnswerRrSet<'a>;

    #[inline]
    fn next(&mut self) -> Option<AnswerRrSet<'a>> {
        let (entry, entries) = self.entries.split_first_chunk::<ENTRY>()?;
        let entry = u64::from_le_bytes(*entry);
        let (rtype, count, lengths) = (RecordType(entry as u16), (entry >> 16) as u16, (entry >> 32) as u32);
        let (length, ready) = (lengths & ((1 << LENGTH_BITS) - 1), (lengths & !PLAIN) >> LENGTH_BITS);
        let (bytes, rest) = self.bytes.split_at(length as usize);
        let (ready, rest) = rest.split_at(ready as usize);
        self.entries = entries;
        self.bytes = rest;
        Some(AnswerRrSet { rtype, count, bytes, ready, plain: lengths & PLAIN != 0 })
    }
}

// === impl AnswerRrSet ===

impl<'a> AnswerRrSet<'a> {
    /// Begins to bring the octets that an answer copies nearer, without waiting for them.
    #[inline]
    pub fn approach(&self) {
        prefetch(if self.ready.is_empty() { self.bytes } else { self.ready }, RRSET_LINES);
    }

    /// The TTL, in seconds.
    #[inline]
    pub fn ttl(&self) -> u32 {
        u32::from_be_bytes([self.bytes[6], self.bytes[7], self.bytes[8], self.bytes[9]])
    }

    /// The RDATA of each record, in uncompressed wire form.
    #[inline]
    pub fn rdatas(&self) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a> {
        let mut rest = self.bytes;
        std::iter::from_fn(move || {
            let (head, behind) = rest.split_at_checked(RECORD_HEAD)?;
            let (rdata, behind) = behind.split_at(usize::from(u16::from_be_bytes([head[10], head[11]])));
            rest = behind;
            Some(rdata)
        })
    }
}

impl std::fmt::Debug for AnswerRrSet<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} × {} ({} s)", self.count, self.rtype, self.ttl())
    }
}

// === impl NodeDraft ===

impl NodeDraft {
    /// An owner without records; `apex` says that a zone begins here.
    pub fn new(apex: bool) -> Self {
        Self { apex, rrsets: Vec::new() }
    }

    /// Adds an RRset; an empty one adds nothing, nor does one of 4 MiB or more, which no message can carry, and one of
    /// a type that is there already replaces it.
    ///
    /// At an apex, DS is the one type that belongs to the zone above.
    pub fn push<R: AsRef<[u8]>>(&mut self, rtype: RecordType, ttl: u32, rdatas: &[R]) {
        self.rrsets.retain(|(own, ..)| *own != rtype);
        let length = rdatas.iter().map(|rdata| rdata.as_ref().len() + RECORD_HEAD).sum();
        if rdatas.is_empty() || length >= 1 << LENGTH_BITS {
            return;
        }
        let mut bytes = Vec::with_capacity(length);
        for rdata in rdatas.iter().map(AsRef::as_ref) {
            bytes.extend_from_slice(&[0xc0, 0x0c]);
            bytes.extend_from_slice(&rtype.0.to_be_bytes());
            bytes.extend_from_slice(&[0, 1]);
            bytes.extend_from_slice(&ttl.to_be_bytes());
            // An event whose RRset no message can carry is unusable: lengths fit.
            bytes.extend_from_slice(&(rdata.len() as u16).to_be_bytes());
            bytes.extend_from_slice(rdata);
        }
        let at = self.rrsets.partition_point(|(own, ..)| *own < rtype);
        self.rrsets.insert(at, (rtype, rdatas.len() as u16, bytes));
    }

    /// Whether it has no RRset.
    pub fn is_empty(&self) -> bool {
        self.rrsets.is_empty()
    }

    /// Whether a zone begins here.
    pub fn is_apex(&self) -> bool {
        self.apex
    }

    fn has(&self, rtype: RecordType) -> bool {
        self.rrsets.iter().any(|(own, ..)| *own == rtype)
    }

    /// Whether a CNAME serves: never at an apex or beside NS.
    fn serves_cname(&self) -> bool {
        !self.apex && self.has(RecordType::CNAME) && !self.has(RecordType::NS)
    }

    /// Whether an RRset serves beside the others of its owner. A CNAME that serves hides everything but
    /// RRSIG, NSEC and KEY (RFC 1034 section 3.6.2, RFC 4034 section 4, RFC 2181 section 10.1).
    fn serves(&self, rtype: RecordType) -> bool {
        match rtype {
            RecordType::CNAME => self.serves_cname(),
            RecordType::RRSIG | RecordType::NSEC | RecordType::KEY => true,
            _ => !self.serves_cname(),
        }
    }

    /// The flags that follow from the records alone.
    pub(super) fn own_flags(&self) -> u8 {
        let mut flags = 0;
        if self.apex {
            flags |= APEX;
        } else if self.has(RecordType::NS) {
            flags |= CUT;
        }
        if self.has(RecordType::DNAME) && !self.serves_cname() {
            flags |= DNAME;
        }
        if self.serves_cname() {
            flags |= CNAME;
        }
        flags
    }

    /// The bytes of a [`Node`] for an [`Authority`](super::Authority) of one's own: `owner` in lower-case
    /// wire form, how many labels the zone's apex has, the labels of the topmost zone cut or DNAME above the
    /// owner, whether a `*` stands below it, and whether an apex has its parent zone here.
    ///
    /// The node must be given for no other name: names in its records are compressed against `owner`.
    pub fn encode(
        &self,
        owner: &[u8],
        apex_labels: u8,
        barrier: Option<u8>,
        wildcard_below: bool,
        parent_zone: bool,
    ) -> Vec<u8> {
        let flags = if wildcard_below { WILDCARD_BELOW } else { 0 };
        self.place(owner, Place { apex_labels, barrier, linked: parent_zone || !self.apex }, flags, 0)
    }

    pub(super) fn place(&self, owner: &[u8], place: Place, flags: u8, children: u32) -> Vec<u8> {
        let mut node = Vec::new();
        self.place_behind(&mut node, owner, place, flags, children);
        node
    }

    /// Appends the same.
    pub(super) fn place_behind(
        &self,
        node: &mut Vec<u8>,
        owner: &[u8],
        place: Place,
        flags: u8,
        children: u32,
    ) {
        let serving = self.rrsets.iter().filter(|(rtype, ..)| self.serves(*rtype));
        let (count, length) = serving
            .clone()
            .fold((0usize, 0), |(count, length), (.., bytes)| (count + 1, length + bytes.len()));
        let negative = self.negative_soa(owner);
        node.reserve(HEADER + owner.len() + count * ENTRY + length + negative.len());
        let linked = if place.linked { LINKED } else { 0 };
        node.push(self.own_flags() | flags | linked);
        node.push(place.apex_labels);
        node.push(place.barrier.unwrap_or(NONE));
        node.push(owner.len() as u8);
        node.extend_from_slice(&children.to_le_bytes());
        node.extend_from_slice(&(count as u16).to_le_bytes());
        node.extend_from_slice(&(negative.len() as u16).to_le_bytes());
        node.extend_from_slice(owner);
        let entries = node.len();
        node.resize(entries + count * ENTRY, 0);
        for (index, (rtype, count, bytes)) in serving.enumerate() {
            let ready = match rdata::compressible_names(*rtype) {
                // Servers of a zone, and what stands below a cut or a DNAME, take more than a copy.
                Some(names) if *count == 1 && *rtype != RecordType::NS && place.barrier.is_none() => {
                    ready::compose(owner, names, bytes)
                }
                _ => Vec::new(),
            };
            let plain = if is_plain(*rtype) { PLAIN } else { 0 };
            let lengths = bytes.len() as u32 | (ready.len() as u32) << LENGTH_BITS | plain;
            let [type_low, type_high] = rtype.0.to_le_bytes();
            let [count_low, count_high] = count.to_le_bytes();
            let [a, b, c, d] = lengths.to_le_bytes();
            let entry = [type_low, type_high, count_low, count_high, a, b, c, d];
            node[entries + index * ENTRY..][..ENTRY].copy_from_slice(&entry);
            node.extend_from_slice(bytes);
            node.extend_from_slice(&ready);
        }
        node.extend_from_slice(&negative);
    }

    /// The SOA of negative answers, of an apex whose SOA is one record.
    fn negative_soa(&self, owner: &[u8]) -> Vec<u8> {
        let soa = self.rrsets.iter().find(|(rtype, ..)| *rtype == RecordType::SOA);
        match soa {
            Some((rtype, 1, bytes)) if self.apex => {
                let rrset = AnswerRrSet { rtype: *rtype, count: 1, bytes, ready: &[], plain: false };
                let rdata = rrset.rdatas().next().unwrap_or_default();
                negative::compose(owner, rrset.ttl(), rdata)
            }
            _ => Vec::new(),
        }
    }
}

/// Whether records of a type stand in an answer as they are, and draw no others.
fn is_plain(rtype: RecordType) -> bool {
    rdata::compressible_names(rtype).is_none() && !rdata::draws_additional(rtype)
}

/// Changes the flags and the number of children of a node in place.
pub(super) fn relabel(node: &mut [u8], flags: u8, children: u32) {
    node[0] = flags;
    node[4..8].copy_from_slice(&children.to_le_bytes());
}
