//! A lookup in steps, for who has many names to look up at once.

use super::directory::Step;
use super::node::Node;
use super::page;
use super::prefetch::prefetch;
use super::query_name::{QueryName, is_same};
use super::{Catalog, is_wildcard};

/// Lines of a page's head: the tags and offsets of as many nodes as most pages have.
const HEAD_LINES: usize = 3;
/// Lines of a node: what most have in all.
const NODE_LINES: usize = 2;
/// Lines of the node of an apex that was asked for.
const APEX_LINES: usize = 8;

/// The lookup of one name in steps. Each ends where the processor would wait for memory, which is asked for and
/// not waited for: who takes a step for each of many names in turn waits for all of them at once.
#[derive(Clone, Copy, Debug)]
pub struct Probe<'a> {
    hash: u64,
    /// Whether it is for the `*` below the name.
    wildcard: bool,
    stage: Stage<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Stage<'a> {
    Begun,
    /// The directory's next branch, or its entry, is on its way.
    Directory(Step<'a>),
    /// The page's head is on its way.
    Head(&'a [u8]),
    /// The page's first node that may be the one is on its way.
    Node {
        page: &'a [u8],
        node: &'a [u8],
    },
}

/// Where a lookup in steps has come to.
#[derive(Clone, Copy, Debug)]
pub enum Approach<'a> {
    /// Memory is on its way: take the next step when the others have had theirs.
    Coming,
    /// The name's node.
    Here(Node<'a>),
    /// The name has no node.
    Absent,
    /// The authority does not look up in steps.
    Unknown,
}

// === impl Probe ===

impl Probe<'_> {
    /// The lookup of no particular name.
    pub const IDLE: Self = Self { hash: 0, wildcard: false, stage: Stage::Begun };

    /// The lookup of the ancestor of `name` that has `labels` labels.
    #[inline]
    pub fn new(name: &QueryName, labels: usize) -> Self {
        Self { hash: name.hash(labels), wildcard: false, stage: Stage::Begun }
    }

    /// The lookup of `*` below it.
    #[inline]
    pub fn of_wildcard(name: &QueryName, labels: usize) -> Self {
        Self { hash: name.wildcard_hash(labels), wildcard: true, stage: Stage::Begun }
    }
}

impl Catalog {
    /// Takes the first step.
    #[inline]
    pub(super) fn first_step<'a>(&'a self, probe: &mut Probe<'a>) {
        probe.stage = Stage::Directory(self.directory.set_out(probe.hash));
    }

    /// Takes a step in the lookup of the ancestor of `name` that has `labels` labels, or of `*` below it. The name is
    /// looked at where a node is at hand, and not before.
    #[inline]
    pub(super) fn step<'a>(&'a self, probe: &mut Probe<'a>, name: &QueryName, labels: usize) -> Approach<'a> {
        let next = match probe.stage {
            Stage::Begun => {
                self.first_step(probe);
                return Approach::Coming;
            }
            Stage::Directory(Step::Entry(page)) => {
                prefetch(page, HEAD_LINES);
                Stage::Head(page)
            }
            Stage::Directory(step) => Stage::Directory(self.directory.go_on(step, probe.hash)),
            Stage::Head(page) => match page::candidate(page, probe.hash) {
                Some(node) => {
                    prefetch(node, NODE_LINES);
                    Stage::Node { page, node }
                }
                None => return Approach::Absent,
            },
            Stage::Node { page, node } => {
                let wildcard = probe.wildcard;
                let is_it = |node: Node<'_>| match wildcard {
                    false => is_same(node.owner(), name.suffix(labels)),
                    true => is_wildcard(node, name.suffix(labels)),
                };
                let mut node = Node::new(node);
                if !is_it(node) {
                    let Some(other) = page::find(page, probe.hash, is_it) else { return Approach::Absent };
                    node = other;
                }
                match node.is_apex() {
                    // The question's name, and no name above it.
                    true if labels == name.labels() => prefetch(node.bytes(), APEX_LINES),
                    // Of an apex above the name its SOA is wanted, if anything.
                    true => prefetch(node.negative_bytes(), APEX_LINES),
                    false => {}
                }
                return Approach::Here(node);
            }
        };
        probe.stage = next;
        Approach::Coming
    }
}
