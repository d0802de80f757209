//! The immutable snapshot of all zones, and how the next one is made.
//!
//! A [`Catalog`] is shared by reference and replaced whole. It is a hash of names in pages of a few KiB: a
//! directory of shared pages, each with some dozens of [`Node`]s behind one-byte tags. A change copies the
//! page it touches and the directory's path to it, so the next catalogue costs what the batch of changes
//! costs, whatever the zone's size.
//!
//! ```text
//! directory ─▶ page: │ tags │ offsets │ node │ node │ …
//!                                        └▶ flags, apex, barrier, name, types, records as an answer needs them
//! ```
//!
//! Every name of a zone is a node, empty non-terminals too. A node knows how many labels its zone's apex has,
//! how many the topmost zone cut or DNAME above it has (its *barrier*), and whether a `*` stands below it. So
//! a name that exists is one probe, one that does not is a probe for each ancestor up to the first that does,
//! and a wildcard is a probe only where the flag says so.

mod builder;
mod compression;
mod directory;
mod editor;
mod negative;
mod node;
mod page;
mod prefetch;
mod probe;
mod query_name;
mod ready;

pub use builder::Builder;
pub use editor::{Editor, Placed};
pub use negative::NegativeSoa;
pub use node::{AnswerRrSet, Node, NodeDraft, RrSets};
pub use probe::{Approach, Probe};
pub use query_name::QueryName;

use directory::Directory;
use query_name::is_same;

/// What answers are composed from: one descent from a name to what a zone says of it.
///
/// [`Catalog`] implements it; an embedder may bring another. Nodes are handed out as [`Node`], whose bytes
/// [`NodeDraft::encode`] makes.
pub trait Authority {
    /// The seed that names must be hashed with for this authority.
    fn seed(&self) -> u64;

    /// The node of the ancestor of `name` that has `labels` labels (`name` itself for all of them).
    fn node<'a>(&'a self, name: &QueryName, labels: usize) -> Option<Node<'a>>;

    /// The node of `*` below the ancestor of `name` that has `labels` labels.
    fn wildcard<'a>(&'a self, name: &QueryName, labels: usize) -> Option<Node<'a>>;

    /// The node of `name`, or of its closest encloser (RFC 4592 section 3.3.1), and how many of its labels
    /// are matched. `None` where the name is in no zone here.
    fn find<'a>(&'a self, name: &QueryName) -> Option<(Node<'a>, usize)> {
        (0..=name.labels()).rev().find_map(|labels| Some((self.node(name, labels)?, labels)))
    }

    /// Begins the lookup that the probe was made for.
    fn begin<'a>(&'a self, _probe: &mut Probe<'a>) {}

    /// Takes a step in the lookup that the probe was made for: of the ancestor of `name` that has `labels` labels, or
    /// of `*` below it. What is [`Here`](Approach::Here) is what [`node`](Self::node) or [`wildcard`](Self::wildcard)
    /// would give. An authority in whose memory nothing is far away need not have it.
    fn approach<'a>(&'a self, _probe: &mut Probe<'a>, _name: &QueryName, _labels: usize) -> Approach<'a> {
        Approach::Unknown
    }
}

/// All zones of a node at one moment.
///
/// Cloning is cheap and shares everything.
#[derive(Clone, Debug)]
pub struct Catalog {
    seed: u64,
    directory: Directory,
    names: u64,
}

// === impl Catalog ===

impl Catalog {
    /// A catalogue without zones. `seed` should be random: it keeps whoever may add names from choosing ones
    /// that all fall into one page.
    pub fn new(seed: u64) -> Self {
        Self { seed, directory: Directory::new(), names: 0 }
    }

    /// How many nodes there are, empty non-terminals counted.
    pub fn names(&self) -> u64 {
        self.names
    }

    /// Begins the next catalogue. This one stays as it is.
    pub fn edit(&self) -> Editor {
        Editor::new(self.clone())
    }
}

impl Authority for Catalog {
    fn seed(&self) -> u64 {
        self.seed
    }

    #[inline]
    fn node<'a>(&'a self, name: &QueryName, labels: usize) -> Option<Node<'a>> {
        let (hash, owner) = (name.hash(labels), name.suffix(labels));
        page::find(self.directory.page(hash), hash, |node| is_same(node.owner(), owner))
    }

    #[inline]
    fn wildcard<'a>(&'a self, name: &QueryName, labels: usize) -> Option<Node<'a>> {
        let (hash, parent) = (name.wildcard_hash(labels), name.suffix(labels));
        page::find(self.directory.page(hash), hash, |node| is_wildcard(node, parent))
    }

    #[inline]
    fn begin<'a>(&'a self, probe: &mut Probe<'a>) {
        self.first_step(probe);
    }

    #[inline]
    fn approach<'a>(&'a self, probe: &mut Probe<'a>, name: &QueryName, labels: usize) -> Approach<'a> {
        self.step(probe, name, labels)
    }
}

/// Whether the node is that of `*` below `parent`, in lower-case wire form.
#[inline]
fn is_wildcard(node: Node<'_>, parent: &[u8]) -> bool {
    node.owner().strip_prefix(b"\x01*") == Some(parent)
}
