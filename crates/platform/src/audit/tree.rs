//! Which stored hashes make up a root or a proof (RFC 6962, 2.1). Pure: reads nothing, hashes nothing.
//!
//! A node is a complete subtree: `level` says how many leaves it has (2^level), `position` which one of those it
//! is. A range of leaves that stands in the tree as a subtree, complete or not, is covered by O(log n) nodes.

use musubi_crypto::Sha256Digest;
use musubi_crypto::merkle::{largest_power_below, node_hash};

/// A complete subtree of 2^`level` leaves that begins at leaf `position` · 2^`level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) level: u32,
    pub(super) position: u64,
}

/// The nodes that cover one subtree, from left to right.
pub(super) type Cover = Vec<Node>;

/// The nodes that cover the leaves `start..end` of a subtree: one for each bit of its size.
pub(super) fn cover(start: u64, end: u64) -> Cover {
    let mut nodes = Vec::new();
    let mut at = start;
    while at < end {
        let level = (end - at).ilog2();
        nodes.push(Node { level, position: at >> level });
        at += 1 << level;
    }
    nodes
}

/// The hash of a subtree from the hashes of its cover. Of no nodes: the hash of the empty tree.
pub(super) fn fold(hashes: &[Sha256Digest]) -> Sha256Digest {
    match hashes.split_last() {
        None => musubi_crypto::sha256(&[]),
        Some((last, rest)) => rest.iter().rev().fold(*last, |right, left| node_hash(left, &right)),
    }
}

/// PATH(m, D[n]) of RFC 6962, 2.1.1, for `index < size`: the subtrees beside the way from the leaf to the root.
pub(super) fn inclusion(index: u64, size: u64) -> Vec<Cover> {
    let mut path = Vec::new();
    let (mut start, mut end) = (0, size);
    while end - start > 1 {
        let middle = start + largest_power_below(end - start);
        if index < middle {
            path.push(cover(middle, end));
            end = middle;
        } else {
            path.push(cover(start, middle));
            start = middle;
        }
    }
    path.reverse();
    path
}

/// PROOF(m, D[n]) of RFC 6962, 2.1.2, for `0 < old <= new`.
pub(super) fn consistency(old: u64, new: u64) -> Vec<Cover> {
    let mut path = Vec::new();
    let (mut start, mut end) = (0, new);
    // Whether the old tree is a whole subtree of the new one: then its hash is known to the verifier.
    let mut whole = true;
    while old != end {
        let middle = start + largest_power_below(end - start);
        if old <= middle {
            path.push(cover(middle, end));
            end = middle;
        } else {
            path.push(cover(start, middle));
            start = middle;
            whole = false;
        }
    }
    if !whole {
        path.push(cover(start, end));
    }
    path.reverse();
    path
}

/// The left neighbours that an append of leaf `index` joins with, from below: each join completes the node above.
pub(super) fn joins(index: u64) -> impl Iterator<Item = Node> {
    (0..index.trailing_ones()).map(move |level| Node { level, position: (index >> level) - 1 })
}
