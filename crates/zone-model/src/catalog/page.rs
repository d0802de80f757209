//! A page: some dozens of nodes with the same hash bits, found by one-byte tags.
//!
//! ```text
//! 0 nodes (u16)   2 six zero bytes
//! 8 a tag for each node, filled up with zeroes to a multiple of eight
//!   where each node begins, and where the last one ends (u32 each, from the page's start)
//!   the nodes
//! ```

use super::node::Node;
use std::ops::Range;
use std::sync::Arc;

const TAGS: usize = 8;
const HIGH: u64 = 0x8080_8080_8080_8080;
const LOW: u64 = 0x0101_0101_0101_0101;

/// A page's bytes; the count of its users stands directly before them.
pub(super) type Page = Arc<[u8]>;

/// A page without nodes.
pub(super) fn empty() -> Page {
    Arc::from([0; TAGS + 4])
}

#[inline]
pub(super) fn len(page: &[u8]) -> usize {
    usize::from(u16::from_le_bytes([page[0], page[1]]))
}

#[inline]
fn padded(count: usize) -> usize {
    count.next_multiple_of(8)
}

#[inline]
pub(super) fn tag(hash: u64) -> u8 {
    (hash >> 56) as u8
}

/// Where the offset of the node of this index stands.
#[inline]
fn offset_at(count: usize, index: usize) -> usize {
    TAGS + padded(count) + index * 4
}

/// Where the node of this index, which is below `count`, stands.
#[inline]
fn bounds(page: &[u8], count: usize, index: usize) -> Range<usize> {
    let at = offset_at(count, index);
    let Some(bounds) = page.get(at..).and_then(|rest| rest.first_chunk()) else { return 0..0 };
    let bounds = u64::from_le_bytes(*bounds);
    bounds as u32 as usize..(bounds >> 32) as usize
}

/// The node of this index, which is below `count`.
#[inline]
fn node(page: &[u8], count: usize, index: usize) -> &[u8] {
    page.get(bounds(page, count, index)).unwrap_or_default()
}

/// The nodes of a page, in no order.
pub(super) fn nodes(page: &[u8]) -> impl Iterator<Item = (u8, &[u8])> + Clone {
    let count = len(page);
    (0..count).map(move |index| (page[TAGS + index], node(page, count, index)))
}

/// The first node with the hash's tag that `is_it`: its place, and the node.
#[inline]
fn search(page: &[u8], hash: u64, mut is_it: impl FnMut(&[u8]) -> bool) -> Option<(usize, &[u8])> {
    let count = len(page);
    let wanted = u64::from(tag(hash)) * LOW;
    for (block, tags) in page[TAGS..TAGS + padded(count)].chunks_exact(8).enumerate() {
        let mut eight = [0; 8];
        eight.copy_from_slice(tags);
        let differing = u64::from_le_bytes(eight) ^ wanted;
        // A zero octet of `differing` is an equal tag; the trick also reports some that are not, above one
        // that is, which the comparison of names sorts out.
        let mut equal = differing.wrapping_sub(LOW) & !differing & HIGH;
        while equal != 0 {
            let index = block * 8 + equal.trailing_zeros() as usize / 8;
            if index < count {
                let node = node(page, count, index);
                if is_it(node) {
                    return Some((index, node));
                }
            }
            equal &= equal - 1;
        }
    }
    None
}

/// The first node with the hash's tag, if there is one: nobody has looked whether it is the one.
#[inline]
pub(super) fn candidate(page: &[u8], hash: u64) -> Option<&[u8]> {
    search(page, hash, |_| true).map(|(_, node)| node)
}

/// The node with the hash's tag that is the one.
#[inline]
pub(super) fn find(page: &[u8], hash: u64, mut is_it: impl FnMut(Node<'_>) -> bool) -> Option<Node<'_>> {
    search(page, hash, |node| is_it(Node::new(node))).map(|(_, node)| Node::new(node))
}

/// The page with the node of `owner` replaced, added, or (for `None`) removed. It is made in `room`.
pub(super) fn with(page: &[u8], hash: u64, owner: &[u8], new: Option<&[u8]>, room: &mut Vec<u8>) -> Page {
    let at = search(page, hash, |node| Node::new(node).owner() == owner).map(|(index, _)| index);
    if let (Some(index), Some(new)) = (at, new) {
        return with_other(page, index, new, room);
    }
    let kept = nodes(page).enumerate().filter(|(index, _)| Some(*index) != at).map(|(_, entry)| entry);
    compose(kept.chain(new.map(|bytes| (tag(hash), bytes))), room)
}

/// The page with another node in the place of one: what stands before it and behind it is copied as it is.
fn with_other(page: &[u8], index: usize, new: &[u8], room: &mut Vec<u8>) -> Page {
    let count = len(page);
    let old = bounds(page, count, index);
    room.clear();
    room.extend_from_slice(&page[..old.start]);
    room.extend_from_slice(new);
    room.extend_from_slice(&page[old.end..]);
    let moved = (new.len() as u32).wrapping_sub(old.len() as u32);
    if moved != 0 {
        let offsets = offset_at(count, index + 1)..offset_at(count, count + 1);
        for offset in room[offsets].as_chunks_mut().0 {
            *offset = u32::from_le_bytes(*offset).wrapping_add(moved).to_le_bytes();
        }
    }
    Arc::from(&room[..])
}

/// A page of these nodes, made in `room`.
pub(super) fn compose<'a>(entries: impl Iterator<Item = (u8, &'a [u8])> + Clone, room: &mut Vec<u8>) -> Page {
    let (count, bytes) =
        entries.clone().fold((0, 0), |(count, bytes), (_, node)| (count + 1, bytes + node.len()));
    let head = offset_at(count, count + 1);
    room.clear();
    room.reserve(head + bytes);
    room.extend_from_slice(&(count as u16).to_le_bytes());
    room.resize(TAGS, 0);
    room.extend(entries.clone().map(|(tag, _)| tag));
    room.resize(TAGS + padded(count), 0);
    let mut at = head;
    for (_, node) in entries.clone() {
        room.extend_from_slice(&(at as u32).to_le_bytes());
        at += node.len();
    }
    room.extend_from_slice(&(at as u32).to_le_bytes());
    for (_, node) in entries {
        room.extend_from_slice(node);
    }
    Arc::from(&room[..])
}
