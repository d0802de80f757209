//! The whole plain core against a model: raw events are decoded, put together to batches, applied and answered from, as
//! a node does it, without an actor, a socket or a clock (DESIGN, "The log").
//!
//! Two nodes read random topics in orders of their own, stop and start, in batches of any size, one the whole topics,
//! the other what compaction left of them. At every step a node is what a model makes of the events up to its
//! positions, and at the end both serve the same bytes.
//!
//! `PROPTEST_CASES` says how many worlds; 256 by default.

mod node;
#[path = "../../../crates/zone-store/tests/support/mod.rs"]
mod support;
mod world;

use node::{Node, Step};
use proptest::collection::vec;
use proptest::prelude::*;
use world::{World, draft_world, universe};

/// What every owner and type is answered with.
fn answers(node: &Node<'_>) -> Vec<Vec<u8>> {
    universe().iter().flat_map(|owner| world::TYPES.map(|rtype| node.answer(owner, rtype))).collect()
}

proptest! {
    #[test]
    fn two_nodes_and_a_model_end_equal(
        drafts in draft_world(),
        (steps, others) in (vec(node::step(), 0..24), vec(node::step(), 0..24)),
        (largest, taken) in (1usize..6, any::<u64>()),
    ) {
        let whole = World::new(&drafts);
        let left = whole.compacted(taken);
        let mut one = Node::new(&whole, 1, largest);
        let mut two = Node::new(&left, 2, largest + 1);
        for step in &steps {
            one.step(step);
        }
        // At equal positions all is equal, however they were reached.
        let mut third = Node::new(&whole, 3, usize::MAX);
        third.jump_to(&one);
        prop_assert_eq!(one.zones(), third.zones());
        for step in &others {
            two.step(step);
        }
        one.finish();
        two.finish();
        prop_assert_eq!(one.zones(), two.zones());
        prop_assert_eq!(answers(&one), answers(&two));
        // What is on the disk is what is served.
        one.step(&Step::Restart { commit: true, behind: 0 });
        prop_assert_eq!(answers(&one), answers(&two));
    }
}
