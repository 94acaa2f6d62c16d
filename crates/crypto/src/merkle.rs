//! Merkle trees (RFC 6962, 2.1; RFC 9162, 2.1): hashes, trees in memory, proofs and their verification. Pure and
//! without a store: the audit log keeps its own nodes, a revocation list is hashed where it is.
//!
//! A subtree is named by the leaves `start..end` that it covers, as the recursion of RFC 6962 splits them: at the
//! largest power of two below their number.

use crate::Sha256Digest;
use crate::digest::{sha256, sha256_parts};

/// A proof that does not prove what it claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the proof does not lead to the root hash")]
pub struct BadProof;

/// Hash of a leaf: SHA-256 of 0x00 and the record.
#[must_use]
pub fn leaf_hash(record: &[u8]) -> Sha256Digest {
    sha256_parts(&[&[0], record])
}

/// Hash of an inner node: SHA-256 of 0x01 and both children.
#[must_use]
pub fn node_hash(left: &Sha256Digest, right: &Sha256Digest) -> Sha256Digest {
    sha256_parts(&[&[1], left, right])
}

/// The largest power of two that is less than `n`; 1 for `n` below 3.
#[must_use]
pub fn largest_power_below(n: u64) -> u64 {
    1 << n.saturating_sub(1).max(1).ilog2()
}

/// A tree in memory: its hashes level by level, from the leaves (or from the roots of equally large complete subtrees,
/// of which the last may be smaller) to the root. What has no neighbour on its level stands on the next one as it is.
#[derive(Debug, Clone, Default)]
pub struct Levels(Vec<Vec<Sha256Digest>>);

impl Levels {
    /// The tree over these hashes.
    #[must_use]
    pub fn over(hashes: Vec<Sha256Digest>) -> Self {
        let mut levels = vec![hashes];
        while let Some(below) = levels.last().filter(|level| level.len() > 1) {
            let above = below
                .chunks(2)
                .map(|pair| match pair {
                    [left, right] => node_hash(left, right),
                    [alone, ..] => *alone,
                    [] => sha256(&[]),
                })
                .collect();
            levels.push(above);
        }
        Self(levels)
    }

    /// The hashes level by level, from the ones given to the root.
    #[must_use]
    pub fn levels(&self) -> &[Vec<Sha256Digest>] {
        &self.0
    }

    /// The root; of no hashes, SHA-256 of nothing.
    #[must_use]
    pub fn root(&self) -> Sha256Digest {
        self.0.last().and_then(|level| level.first()).copied().unwrap_or_else(|| sha256(&[]))
    }

    /// The hash of the subtree over `start..end` of the hashes given; `None` unless there is such a subtree.
    #[must_use]
    pub fn subtree(&self, start: u64, end: u64) -> Option<Sha256Digest> {
        let level = end.checked_sub(start)?.checked_next_power_of_two()?.ilog2();
        self.0.get(usize::try_from(level).ok()?)?.get(usize::try_from(start >> level).ok()?).copied()
    }
}

/// The hashes that prove the leaves `first..first + count` of a tree of `size` leaves: those of the largest subtrees
/// that hold none of these leaves, from left to right. `subtree` gives the hash of a subtree.
pub fn range_proof(
    size: u64,
    first: u64,
    count: u64,
    subtree: &mut dyn FnMut(u64, u64) -> Sha256Digest,
) -> Vec<Sha256Digest> {
    fn walk(
        (start, end): (u64, u64),
        (from, to): (u64, u64),
        subtree: &mut dyn FnMut(u64, u64) -> Sha256Digest,
        out: &mut Vec<Sha256Digest>,
    ) {
        if end <= from || start >= to {
            out.push(subtree(start, end));
        } else if end - start > 1 {
            let middle = start + largest_power_below(end - start);
            walk((start, middle), (from, to), subtree, out);
            walk((middle, end), (from, to), subtree, out);
        }
    }
    let mut out = Vec::new();
    if size > 0 {
        walk((0, size), (first, first.saturating_add(count)), subtree, &mut out);
    }
    out
}

/// The root of the tree of `size` leaves that has the leaf hashes `leaves` from position `first` on, by the hashes of
/// [`range_proof`].
///
/// The size is not proven: trees of several sizes have the same shape on the way to a leaf. Take it from whom the root
/// is from.
///
/// # Errors
/// [`BadProof`] if there is no leaf, one lies outside the tree, or there are too few or too many hashes.
pub fn root_of_range(
    size: u64,
    first: u64,
    leaves: &[Sha256Digest],
    hashes: &[Sha256Digest],
) -> Result<Sha256Digest, BadProof> {
    struct Walk<'a> {
        range: (u64, u64),
        leaves: std::slice::Iter<'a, Sha256Digest>,
        hashes: std::slice::Iter<'a, Sha256Digest>,
    }
    impl Walk<'_> {
        fn hash(&mut self, start: u64, end: u64) -> Result<Sha256Digest, BadProof> {
            if end <= self.range.0 || start >= self.range.1 {
                return self.hashes.next().copied().ok_or(BadProof);
            }
            if end - start == 1 {
                return self.leaves.next().copied().ok_or(BadProof);
            }
            let middle = start + largest_power_below(end - start);
            let left = self.hash(start, middle)?;
            Ok(node_hash(&left, &self.hash(middle, end)?))
        }
    }
    let count = u64::try_from(leaves.len()).map_err(|_| BadProof)?;
    let end = first.checked_add(count).filter(|end| *end <= size && count > 0).ok_or(BadProof)?;
    let mut walk = Walk { range: (first, end), leaves: leaves.iter(), hashes: hashes.iter() };
    let root = walk.hash(0, size)?;
    if walk.hashes.next().is_none() { Ok(root) } else { Err(BadProof) }
}

/// Verifies that the tree of `size` leaves with root `root` has the leaf `leaf` at `index`.
///
/// # Errors
/// [`BadProof`].
pub fn verify_inclusion(
    leaf: &Sha256Digest,
    index: u64,
    size: u64,
    proof: &[Sha256Digest],
    root: &Sha256Digest,
) -> Result<(), BadProof> {
    if index >= size {
        return Err(BadProof);
    }
    // `node` is where we are on this level, `last` the level's last node.
    let (mut node, mut last, mut hash) = (index, size - 1, *leaf);
    for beside in proof {
        if last == 0 {
            return Err(BadProof);
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(beside, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, beside);
        }
        node >>= 1;
        last >>= 1;
    }
    if last == 0 && hash == *root { Ok(()) } else { Err(BadProof) }
}

/// Verifies that the tree of `new` leaves with root `new_root` begins with the tree of `old` leaves with root
/// `old_root`: nothing was changed or taken away. An empty old tree proves nothing and is refused.
///
/// # Errors
/// [`BadProof`].
pub fn verify_consistency(
    old: u64,
    new: u64,
    proof: &[Sha256Digest],
    old_root: &Sha256Digest,
    new_root: &Sha256Digest,
) -> Result<(), BadProof> {
    if old == 0 || old > new {
        return Err(BadProof);
    }
    if old == new {
        return if proof.is_empty() && old_root == new_root { Ok(()) } else { Err(BadProof) };
    }
    let (first, rest) =
        if old.is_power_of_two() { (old_root, proof) } else { proof.split_first().ok_or(BadProof)? };
    let shift = (old - 1).trailing_ones();
    let (mut node, mut last) = ((old - 1) >> shift, (new - 1) >> shift);
    let (mut old_hash, mut new_hash) = (*first, *first);
    for beside in rest {
        if last == 0 {
            return Err(BadProof);
        }
        if node & 1 == 1 || node == last {
            old_hash = node_hash(beside, &old_hash);
            new_hash = node_hash(beside, &new_hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node_hash(&new_hash, beside);
        }
        node >>= 1;
        last >>= 1;
    }
    if last == 0 && old_hash == *old_root && new_hash == *new_root { Ok(()) } else { Err(BadProof) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(size: u64) -> Vec<Sha256Digest> {
        (0..size).map(|n| leaf_hash(&n.to_be_bytes())).collect()
    }

    /// MTH of RFC 6962, 2.1, word by word.
    fn mth(leaves: &[Sha256Digest]) -> Sha256Digest {
        match leaves {
            [] => sha256(&[]),
            [leaf] => *leaf,
            _ => {
                let (left, right) = leaves.split_at(largest_power_below(leaves.len() as u64) as usize);
                node_hash(&mth(left), &mth(right))
            }
        }
    }

    #[test]
    fn levels_have_the_root_and_the_subtrees_of_the_definition() {
        for size in 0..40_u64 {
            let leaves = leaves(size);
            let levels = Levels::over(leaves.clone());
            assert_eq!(levels.root(), mth(&leaves), "{size}");
            for first in 0..size {
                for count in 1..=(size - first).min(3) {
                    let proof = range_proof(size, first, count, &mut |from, to| {
                        let found = levels.subtree(from, to).unwrap();
                        assert_eq!(found, mth(&leaves[from as usize..to as usize]));
                        found
                    });
                    let range = &leaves[first as usize..(first + count) as usize];
                    assert_eq!(root_of_range(size, first, range, &proof), Ok(levels.root()));
                }
            }
        }
    }

    #[test]
    fn a_range_proof_with_another_place_leaf_hash_or_length_leads_elsewhere() {
        let leaves = leaves(21);
        let levels = Levels::over(leaves.clone());
        let proof = range_proof(21, 7, 2, &mut |from, to| levels.subtree(from, to).unwrap());
        let good = Ok(levels.root());
        assert_eq!(root_of_range(21, 7, &leaves[7..9], &proof), good);
        assert_ne!(root_of_range(21, 8, &leaves[7..9], &proof), good);
        assert_ne!(root_of_range(21, 7, &leaves[8..10], &proof), good);
        assert_eq!(root_of_range(21, 7, &leaves[7..9], &proof[1..]), Err(BadProof));
        assert_eq!(root_of_range(21, 7, &leaves[7..9], &[&proof[..], &proof[..1]].concat()), Err(BadProof));
        assert_eq!(root_of_range(21, 20, &leaves[7..9], &proof), Err(BadProof));
        assert_eq!(root_of_range(21, 7, &[], &proof), Err(BadProof));
        assert_eq!(root_of_range(21, u64::MAX, &leaves[7..9], &proof), Err(BadProof));
        for at in 0..proof.len() {
            let mut wrong = proof.clone();
            wrong[at][0] ^= 1;
            assert_ne!(root_of_range(21, 7, &leaves[7..9], &wrong), good);
        }
    }
}
