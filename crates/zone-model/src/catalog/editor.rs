//! Makes the next catalogue out of one and a batch of changes.

use super::node::{self, Node, NodeDraft, Place, WILDCARD_BELOW};
use super::query_name::QueryName;
use super::{Authority, Catalog, page};
use crate::name::Name;

/// The next catalogue while it is being made.
///
/// An owner's whole node is set at once. Names between an owner and its apex become empty non-terminals by
/// themselves and go when nothing is left below them.
#[derive(Debug)]
pub struct Editor {
    catalog: Catalog,
    /// Spares clearing a large buffer for each name.
    scratch: QueryName,
    /// In which pages are made.
    room: Vec<u8>,
}

/// What became of an owner that was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed {
    /// The owner is served as the draft says, or gone where the draft is empty.
    Done,
    /// No zone holds the owner; nothing is served for it.
    Outside,
    /// The owner became or ceased to be an apex, a zone cut or the owner of a DNAME while names stood below
    /// it. What the names below inherit is out of date: call [`Editor::clear`] with all of them and set each
    /// again, from the top downwards.
    Restructure,
}

// === impl Editor ===

impl Editor {
    pub(super) fn new(catalog: Catalog) -> Self {
        Self { catalog, scratch: QueryName::empty(), room: Vec::new() }
    }

    /// The node that `owner` has at present.
    pub fn node(&self, owner: &Name) -> Option<Node<'_>> {
        let name = QueryName::new(owner, self.catalog.seed);
        self.catalog.node(&name, name.labels())
    }

    /// Serves `draft` at `owner`; an empty draft that is no apex takes the owner's records away.
    ///
    /// Names must be set from the top downwards: an apex before what stands below it. Where an apex is added
    /// above zones that are here already this is not noticed: clear and set again what stands below it, as
    /// for [`Placed::Restructure`].
    pub fn set(&mut self, owner: &Name, draft: &NodeDraft) -> Placed {
        let name = self.take_scratch(owner);
        let placed = self.set_name(&name, draft);
        self.scratch = name;
        placed
    }

    /// Takes the nodes of `owners` away, and the empty non-terminals between each and `top`, `top` included.
    /// `owners` are all names at or below `top` that may have a node. What stands above `top` learns that it
    /// is gone.
    pub fn clear(&mut self, top: &Name, owners: impl IntoIterator<Item = Name>) {
        let top_labels = top.label_count();
        for owner in owners {
            let name = self.take_scratch(&owner);
            for labels in (top_labels + 1..=name.labels()).rev() {
                if !self.drop_node(&name, labels) && labels < name.labels() {
                    break;
                }
            }
            self.scratch = name;
        }
        let name = self.take_scratch(top);
        let linked = self.catalog.node(&name, top_labels).is_some_and(Node::is_linked);
        if self.drop_node(&name, top_labels) && linked {
            self.unlink(&name, top_labels);
        }
        self.scratch = name;
    }

    /// The catalogue as it is now.
    pub fn finish(self) -> Catalog {
        self.catalog
    }

    fn take_scratch(&mut self, owner: &Name) -> QueryName {
        let mut name = std::mem::replace(&mut self.scratch, QueryName::empty());
        match name.read(owner.as_wire(), self.catalog.seed) {
            Ok(_) => name,
            Err(_) => unreachable!("a `Name` is valid wire form"),
        }
    }

    fn set_name(&mut self, name: &QueryName, draft: &NodeDraft) -> Placed {
        let labels = name.labels();
        self.catalog.directory.approach(name.hash(labels));
        let Some(node) = self.catalog.node(name, labels) else {
            return self.insert(name, draft);
        };
        let (flags, children) = (node.flags(), node.children());
        let role_changes = node.role() != draft.own_flags() & node::ROLE_FLAGS;
        if children > 0 && role_changes || node.is_apex() && !draft.is_apex() {
            return Placed::Restructure;
        }
        if draft.is_empty() && !draft.is_apex() && children == 0 {
            self.remove(name);
            return Placed::Done;
        }
        let place = if role_changes {
            match self.place(name, draft) {
                Some(place) => place,
                None => return Placed::Restructure,
            }
        } else {
            node.place()
        };
        let bytes = draft.place(name.wire(), place, flags & WILDCARD_BELOW, children);
        self.put(name, labels, &bytes);
        Placed::Done
    }

    fn insert(&mut self, name: &QueryName, draft: &NodeDraft) -> Placed {
        if draft.is_empty() && !draft.is_apex() {
            return Placed::Done;
        }
        let Some(place) = self.place(name, draft) else {
            return Placed::Outside;
        };
        let bytes = draft.place(name.wire(), place, 0, 0);
        self.add(name, name.labels(), &bytes);
        if place.linked {
            self.link(name, name.labels());
        }
        Placed::Done
    }

    /// Where a node of this draft stands; `None` where no zone holds it.
    fn place(&self, name: &QueryName, draft: &NodeDraft) -> Option<Place> {
        let labels = name.labels();
        Place::of(draft, labels, self.place_below(name, labels))
    }

    /// What the ancestor of `labels` labels inherits from the nearest name above it that has a node; `None`
    /// where no zone holds it.
    fn place_below(&self, name: &QueryName, labels: usize) -> Option<Place> {
        let (above, at) = (0..labels).rev().find_map(|at| Some((self.catalog.node(name, at)?, at)))?;
        Some(above.place().below(above.flags(), at))
    }

    /// Tells the name above that a child was added, making it where it is missing, and so upwards.
    fn link(&mut self, name: &QueryName, labels: usize) {
        let is_wildcard = name.suffix(labels).starts_with(b"\x01*");
        let flag = if is_wildcard { WILDCARD_BELOW } else { 0 };
        let above = labels - 1;
        if let Some(node) = self.catalog.node(name, above) {
            let (flags, children) = (node.flags() | flag, node.children() + 1);
            self.relabel(name, above, flags, children);
            return;
        }
        // A node is linked only where one stands somewhere above it.
        let Some(place) = self.place_below(name, above) else { return };
        let bytes = NodeDraft::new(false).place(name.suffix(above), place, flag, 1);
        self.add(name, above, &bytes);
        self.link(name, above);
    }

    /// Takes a node without children away, and the empty non-terminals above it that nothing needs any more.
    fn remove(&mut self, name: &QueryName) {
        let labels = name.labels();
        let linked = self.catalog.node(name, labels).is_some_and(Node::is_linked);
        self.drop_node(name, labels);
        if linked {
            self.unlink(name, labels);
        }
    }

    /// Tells the name above that a child is gone, and removes it where it was there for that child alone.
    fn unlink(&mut self, name: &QueryName, labels: usize) {
        let Some(above) = labels.checked_sub(1) else { return };
        let Some(node) = self.catalog.node(name, above) else { return };
        let children = node.children().saturating_sub(1);
        let mut flags = node.flags();
        if name.suffix(labels).starts_with(b"\x01*") {
            flags &= !WILDCARD_BELOW;
        }
        if children == 0 && node.is_empty() && !node.is_apex() {
            self.drop_node(name, above);
            self.unlink(name, above);
        } else {
            self.relabel(name, above, flags, children);
        }
    }

    fn relabel(&mut self, name: &QueryName, labels: usize, flags: u8, children: u32) {
        let Some(node) = self.catalog.node(name, labels) else { return };
        let mut bytes = node.bytes().to_vec();
        node::relabel(&mut bytes, flags, children);
        self.put(name, labels, &bytes);
    }

    fn add(&mut self, name: &QueryName, labels: usize, bytes: &[u8]) {
        self.catalog.names += 1;
        self.put(name, labels, bytes);
        self.catalog.directory.grow_for(self.catalog.names, self.catalog.seed);
    }

    fn put(&mut self, name: &QueryName, labels: usize, bytes: &[u8]) {
        let hash = name.hash(labels);
        let page = self.catalog.directory.page(hash);
        let new = page::with(page, hash, name.suffix(labels), Some(bytes), &mut self.room);
        self.catalog.directory.replace(hash, new);
    }

    /// Whether there was a node to drop.
    fn drop_node(&mut self, name: &QueryName, labels: usize) -> bool {
        if self.catalog.node(name, labels).is_none() {
            return false;
        }
        let hash = name.hash(labels);
        let page = self.catalog.directory.page(hash);
        let new = page::with(page, hash, name.suffix(labels), None, &mut self.room);
        self.catalog.directory.replace(hash, new);
        self.catalog.names -= 1;
        true
    }
}
