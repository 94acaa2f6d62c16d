//! Verification of proofs (RFC 9162, 2.1.3.2 and 2.1.4.2): what anyone can do who has two roots, or a record and a
//! root. Pure; the same functions in the portal, in the operator's tool and in the tests.

use musubi_crypto::{Sha256Digest, sha256_parts};

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
pub(super) fn node_hash(left: &Sha256Digest, right: &Sha256Digest) -> Sha256Digest {
    sha256_parts(&[&[1], left, right])
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
