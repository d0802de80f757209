//! The directory of pages: linear hashing over a persistent vector.
//!
//! With `n` pages, `2^k ≤ n < 2^(k+1)`, a hash's lowest `k + 1` bits say its page, or, where there is no
//! such page yet, its lowest `k`. Growing by one page splits one: no step is ever larger than a page, and
//! what is shared with the last catalogue stays shared.

use super::node::Node;
use super::page::{self, Page};
use super::prefetch::{LINE, prefetch, prefetch_counts, prefetch_value};
use super::query_name::QueryName;
use std::sync::Arc;

/// Children of a branch. A change copies one branch on each level, and raises a count for each child.
const FANOUT: usize = 16;
const BITS: usize = FANOUT.trailing_zeros() as usize;
/// Pages of a leaf, fewer: their counts lie all over memory, while those of branches are so few that they are near.
const LEAF: usize = 8;
const LEAF_BITS: usize = LEAF.trailing_zeros() as usize;
/// Branches of a level, at most, of which each lookup finds the one that it needs near.
const NEAR: usize = 64;

/// Nodes to a page, on average, above which the directory grows.
pub(super) const LOAD: u64 = 24;

#[derive(Clone, Debug)]
pub(super) struct Directory {
    pages: usize,
    /// The bits of a hash that say the page, where there is such a page.
    mask: usize,
    /// Levels of branches above the leaves.
    depth: usize,
    /// Levels that are near, the root's counted.
    near: usize,
    root: Branch,
}

/// A place on the way from the root to where a page is said.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step<'a> {
    /// A branch, and by how many bits an index is shifted to say its child.
    Branch(&'a Branch, usize),
    /// Where the page is said.
    Entry(&'a Page),
}

#[derive(Clone, Debug)]
pub(super) enum Branch {
    Inner(Arc<[Self]>),
    Leaf(Arc<[Page]>),
}

// === impl Directory ===

impl Directory {
    pub(super) fn new() -> Self {
        Self {
            pages: 1,
            mask: mask(1),
            depth: 0,
            near: near(1, 0),
            root: Branch::Leaf(vec![page::empty()].into()),
        }
    }

    /// The directory of these pages, in the order of their indices; there is at least one.
    pub(super) fn of(pages: Vec<Page>) -> Self {
        let (count, mut depth) = (pages.len(), 0);
        let mut level: Vec<Branch> =
            pages.chunks(LEAF).map(|pages| Branch::Leaf(pages.iter().cloned().collect())).collect();
        while level.len() > 1 {
            level =
                level.chunks(FANOUT).map(|below| Branch::Inner(below.iter().cloned().collect())).collect();
            depth += 1;
        }
        match level.pop() {
            Some(root) => Self { pages: count, mask: mask(count), depth, near: near(count, depth), root },
            None => Self::new(),
        }
    }

    /// By how many bits an index is shifted to say the root's child, where the root has branches.
    #[inline]
    fn shift(&self) -> usize {
        (LEAF_BITS + self.depth * BITS).saturating_sub(BITS)
    }

    #[inline]
    fn root(&self) -> Step<'_> {
        Step::Branch(&self.root, self.shift())
    }

    #[inline]
    fn index(&self, hash: u64) -> usize {
        index(hash, self.pages, self.mask)
    }

    /// The page in which a name of this hash stands, if anywhere.
    #[inline]
    pub(super) fn page(&self, hash: u64) -> &[u8] {
        self.at(self.index(hash))
    }

    /// Sets out for that page, past all that is near. What is next is on its way.
    #[inline]
    pub(super) fn set_out(&self, hash: u64) -> Step<'_> {
        let index = self.index(hash);
        let mut step = self.root();
        for _ in 0..self.near {
            step = step.below(index);
        }
        step.approach();
        step
    }

    /// Goes on by a level.
    #[inline]
    pub(super) fn go_on<'a>(&self, step: Step<'a>, hash: u64) -> Step<'a> {
        let step = step.below(self.index(hash));
        step.approach();
        step
    }

    #[inline]
    fn at(&self, index: usize) -> &Page {
        &self.leaf(index)[index % LEAF]
    }

    /// The pages beside the one of this index, and that one.
    #[inline]
    fn leaf(&self, index: usize) -> &[Page] {
        let mut step = self.root();
        loop {
            match step {
                Step::Branch(Branch::Leaf(pages), _) => return pages,
                _ => step = step.below(index),
            }
        }
    }

    /// Begins to bring nearer what [`replace`](Self::replace) reads and writes: the page, and the counts of those beside
    /// it.
    pub(super) fn approach(&self, hash: u64) {
        let index = self.index(hash);
        let pages = self.leaf(index);
        let page = &pages[index % LEAF];
        prefetch(page, page.len() / LINE + 2);
        pages.iter().for_each(Counted::approach);
    }

    /// Puts another page in the place of the one that holds this hash.
    pub(super) fn replace(&mut self, hash: u64, new: Page) {
        let index = self.index(hash);
        self.set(index, new);
    }

    fn set(&mut self, index: usize, new: Page) {
        let mut shift = self.shift();
        let mut branch = &mut self.root;
        loop {
            match branch {
                Branch::Inner(children) => {
                    branch = &mut own(children)[(index >> shift) % FANOUT];
                    shift = shift.saturating_sub(BITS);
                }
                Branch::Leaf(pages) => {
                    own(pages)[index % LEAF] = new;
                    return;
                }
            }
        }
    }

    /// Grows until `names` names make pages no fuller than they should be. `seed` is that of the hashes.
    pub(super) fn grow_for(&mut self, names: u64, seed: u64) {
        while names > self.pages as u64 * LOAD {
            self.grow(seed);
        }
    }

    /// Splits one page in two.
    fn grow(&mut self, seed: u64) {
        let new = self.pages;
        let mask = self.mask;
        // The page that splits is the one that the new page's hashes went to until now.
        let old = new & (mask >> 1);
        let mut name = QueryName::empty();
        let (mut stay, mut go) = (Vec::new(), Vec::new());
        for (tag, bytes) in page::nodes(self.at(old)) {
            // Nodes are made of valid names alone.
            if name.read(Node::new(bytes).owner(), seed).is_err() {
                continue;
            }
            let goes = name.hash(name.labels()) as usize & mask == new;
            if goes { &mut go } else { &mut stay }.push((tag, bytes));
        }
        let mut room = Vec::new();
        let stay = page::compose(stay.iter().copied(), &mut room);
        let go = page::compose(go.iter().copied(), &mut room);
        self.set(old, stay);
        self.push(go);
    }

    fn push(&mut self, page: Page) {
        let index = self.pages;
        if index == LEAF << (self.depth * BITS) {
            self.root = Branch::Inner(vec![self.root.clone()].into());
            self.depth += 1;
        }
        let shift = self.shift();
        push_into(&mut self.root, index, shift, page);
        self.pages += 1;
        self.mask = mask(self.pages);
        self.near = near(self.pages, self.depth);
    }
}

// === impl Step ===

impl<'a> Step<'a> {
    #[inline]
    fn below(self, index: usize) -> Self {
        match self {
            Self::Branch(Branch::Inner(children), shift) => {
                Self::Branch(&children[(index >> shift) % FANOUT], shift.saturating_sub(BITS))
            }
            Self::Branch(Branch::Leaf(pages), _) => Self::Entry(&pages[index % LEAF]),
            Self::Entry(page) => Self::Entry(page),
        }
    }

    /// Begins to bring it nearer.
    #[inline]
    fn approach(self) {
        match self {
            Self::Branch(branch, _) => prefetch_value(branch),
            Self::Entry(page) => prefetch_value(page),
        }
    }
}

/// Of a directory of so many pages and levels of branches above its leaves: how many levels are near.
fn near(pages: usize, depth: usize) -> usize {
    let branches = |level: usize| pages.div_ceil(LEAF << ((depth - level) * BITS));
    (0..=depth).take_while(|level| branches(*level) <= NEAR).count()
}

/// The page of a hash, where there are so many and this is their [`mask`].
#[inline]
pub(super) fn index(hash: u64, pages: usize, mask: usize) -> usize {
    let index = hash as usize & mask;
    if index < pages { index } else { index & (mask >> 1) }
}

/// The lowest bits of a hash that count among so many pages.
pub(super) fn mask(pages: usize) -> usize {
    (pages + 1).next_power_of_two() - 1
}

/// What can be changed: a copy where it is shared. Each child's count is raised then, and dropping the older one lowers
/// it again; these lie all over memory, and are asked for together.
fn own<T: Counted>(children: &mut Arc<[T]>) -> &mut [T] {
    if Arc::strong_count(children) > 1 {
        children.iter().for_each(Counted::approach);
    }
    Arc::make_mut(children)
}

/// What has a count of those who share it.
trait Counted: Clone {
    /// Begins to bring the count nearer.
    fn approach(&self);
}

// === impl Counted ===

impl Counted for Page {
    fn approach(&self) {
        prefetch_counts(self);
    }
}

impl Counted for Branch {
    fn approach(&self) {
        match self {
            Self::Inner(children) => prefetch_counts(children),
            Self::Leaf(pages) => prefetch_counts(pages),
        }
    }
}

fn push_into(branch: &mut Branch, index: usize, shift: usize, page: Page) {
    match branch {
        Branch::Leaf(pages) => *pages = pages.iter().cloned().chain([page]).collect(),
        Branch::Inner(children) => {
            let child = (index >> shift) % FANOUT;
            if child == children.len() {
                let fresh = new_path((shift - LEAF_BITS) / BITS, page);
                *children = children.iter().cloned().chain([fresh]).collect();
            } else {
                push_into(&mut own(children)[child], index, shift.saturating_sub(BITS), page);
            }
        }
    }
}

/// A branch with so many levels of branches below it, and one page.
fn new_path(levels: usize, page: Page) -> Branch {
    let leaf = Branch::Leaf(vec![page].into());
    (0..levels).fold(leaf, |below, _| Branch::Inner(vec![below].into()))
}
