//! Makes a catalogue of all its names in one go.
//!
//! An [`Editor`](super::Editor) copies a page for each name, and looks the names above it up. Here names come in canonical
//! order (RFC 4034 section 6.1): those above a name are at hand, a node is complete when a name comes that is not below
//! it, and each page is composed once, of the nodes that its hashes have.

use super::directory::{Directory, LOAD, index, mask};
use super::node::{NodeDraft, Place, WILDCARD_BELOW};
use super::query_name::QueryName;
use super::{Catalog, page};
use crate::name::Name;

/// Heaps that nodes are gathered in. All nodes of a page are in one of them, so that pages can be composed heap by heap,
/// each near the processor and given back when it is done.
const HEAPS: usize = 256;

/// Makes a catalogue of names that come in canonical order, each once.
#[derive(Debug)]
pub struct Builder {
    seed: u64,
    /// The last owner and the names above it that have a node, the topmost first.
    open: Vec<Open>,
    heaps: Vec<Heap>,
    /// The owner that was added last.
    name: QueryName,
}

/// A node that names may still come below of.
#[derive(Debug)]
struct Open {
    hash: u64,
    /// In lower-case wire form.
    owner: Box<[u8]>,
    labels: usize,
    draft: NodeDraft,
    place: Place,
    flags: u8,
    children: u32,
}

/// Nodes behind one another.
#[derive(Debug, Default)]
struct Heap {
    bytes: Vec<u8>,
    /// For each node its hash, and where it ends.
    ends: Vec<(u64, usize)>,
}

// === impl Builder ===

impl Builder {
    /// A catalogue without names yet; `seed` as for [`Catalog::new`].
    pub fn new(seed: u64) -> Self {
        let heaps = (0..HEAPS).map(|_| Heap::default()).collect();
        Self { seed, open: Vec::new(), heaps, name: QueryName::empty() }
    }

    /// Adds an owner; an empty draft that is no apex adds nothing. False where no zone holds the owner: nothing is served
    /// for it.
    ///
    /// It must stand behind all owners before it in canonical order, or be an apex at or above the last one: then the draft
    /// takes the place of the apex' own.
    pub fn push(&mut self, owner: &Name, draft: NodeDraft) -> bool {
        let read = self.name.read(owner.as_wire(), self.seed);
        debug_assert!(read.is_ok(), "a `Name` is valid wire form");
        let labels = self.name.labels();
        if let Some(open) = self.open.iter_mut().find(|open| *open.owner == *self.name.wire()) {
            debug_assert!(
                open.draft.is_apex() && draft.is_apex(),
                "what names below inherit is not said again"
            );
            open.draft = draft;
            return true;
        }
        self.close(labels);
        if draft.is_empty() && !draft.is_apex() {
            return true;
        }
        let above = self.open.last().map(|open| (open.labels, open.below()));
        let Some(place) = Place::of(&draft, labels, above.map(|(_, inherited)| inherited)) else {
            return false;
        };
        if let Some((above, inherited)) = above {
            for between in above + 1..labels {
                self.open(between, NodeDraft::new(false), inherited);
            }
        }
        self.open(labels, draft, place);
        true
    }

    /// The catalogue.
    pub fn finish(mut self) -> Catalog {
        for open in &self.open {
            add(&mut self.heaps, open);
        }
        let names = self.heaps.iter().map(|heap| heap.ends.len() as u64).sum::<u64>();
        let count = usize::try_from(names.div_ceil(LOAD)).unwrap_or(usize::MAX).max(1);
        let mask = mask(count);
        // Below so many pages several heaps may have nodes of one.
        if count < 2 * HEAPS {
            let rest = self.heaps.split_off(1);
            for heap in rest {
                self.heaps[0].append(&heap);
            }
        }
        let mut pages = vec![page::empty(); count];
        for heap in self.heaps {
            heap.compose(|hash| index(hash, count, mask), &mut pages);
        }
        Catalog { seed: self.seed, directory: Directory::of(pages), names }
    }

    /// Closes the nodes that the last name read, of so many labels, is not below of.
    fn close(&mut self, labels: usize) {
        let name = &self.name;
        let is_above = |open: &Open| open.labels < labels && *open.owner == *name.suffix(open.labels);
        while let Some(open) = self.open.pop_if(|open| !is_above(open)) {
            add(&mut self.heaps, &open);
        }
    }

    /// Opens a node for the ancestor of the last name read that has `labels` labels.
    fn open(&mut self, labels: usize, draft: NodeDraft, place: Place) {
        let owner = self.name.suffix(labels);
        if place.linked
            && let Some(above) = self.open.last_mut()
        {
            above.children += 1;
            if owner.starts_with(b"\x01*") {
                above.flags |= WILDCARD_BELOW;
            }
        }
        let (hash, owner) = (self.name.hash(labels), owner.into());
        self.open.push(Open { hash, owner, labels, draft, place, flags: 0, children: 0 });
    }
}

/// Puts a node that is complete on the heap of its hash.
fn add(heaps: &mut [Heap], open: &Open) {
    let heap = &mut heaps[open.hash as usize % HEAPS];
    open.draft.place_behind(&mut heap.bytes, &open.owner, open.place, open.flags, open.children);
    heap.ends.push((open.hash, heap.bytes.len()));
}

// === impl Open ===

impl Open {
    /// What names below inherit.
    fn below(&self) -> Place {
        self.place.below(self.draft.own_flags(), self.labels)
    }
}

// === impl Heap ===

impl Heap {
    fn append(&mut self, other: &Self) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&other.bytes);
        self.ends.extend(other.ends.iter().map(|(hash, end)| (*hash, start + end)));
    }

    /// Composes the pages that the nodes stand in.
    fn compose(self, index: impl Fn(u64) -> usize, pages: &mut [page::Page]) {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|(_, end)| *end));
        let mut nodes: Vec<(usize, u8, &[u8])> = self
            .ends
            .iter()
            .zip(starts)
            .map(|((hash, end), start)| (index(*hash), page::tag(*hash), &self.bytes[start..*end]))
            .collect();
        nodes.sort_unstable_by_key(|(index, ..)| *index);
        let mut room = Vec::new();
        for nodes in nodes.chunk_by(|(one, ..), (other, ..)| one == other) {
            let nodes_of = nodes.iter().map(|(_, tag, bytes)| (*tag, *bytes));
            pages[nodes[0].0] = page::compose(nodes_of, &mut room);
        }
    }
}
