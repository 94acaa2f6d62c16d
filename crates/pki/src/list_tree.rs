//! Proof of what a revocation list says of one certificate, without the list: a Merkle tree (RFC 6962, 2.1) over the
//! entries in the order of their serial numbers. An entry proves presence; two neighbours between which the serial
//! number would stand, or one at the edge, prove absence.
//!
//! An entry is 29 bytes: the serial number (20 bytes, big-endian), `revocationDate` (Unix seconds, 8 bytes, big-endian)
//! and the reason's code. A leaf is [`ENTRIES_PER_LEAF`] entries one after the other, the last leaf what remains; in trees of
//! the earlier form it is one entry, and proofs of those are still verified. That the tree is the list's, and in order,
//! rests on whoever made the [`ListCommitment`]; anybody who has the list makes the same one.

use musubi_crypto::merkle::{BadProof, Levels, leaf_hash, range_proof, root_of_range};
use musubi_crypto::{Sha256Digest, sha256};
use musubi_kernel::UnixTime;

use crate::both::both;
use crate::entries::{EntryStatus, RevokedEntry, revoked};
use crate::key::SerialNumber;
use crate::revocation_list::{ListScope, VerifiedRevocationList};
use crate::status_set::{Cursor, Key, Moment, View, narrow, wide};

/// Entries of one leaf: a sixteenth of the hashes that leaves of one entry need, for proofs that are hardly longer.
pub(crate) const ENTRIES_PER_LEAF: usize = 16;
/// The sizes of leaves whose proofs are verified.
const ENTRIES_PER_LEAF_READ: [u64; 2] = [1, 16];
/// Entries below one kept hash: 1/4 byte of room for an entry, and 16 leaves to be hashed again for a proof.
const KEPT: usize = 256;
/// Kept hashes from which on a second thread helps: a few milliseconds of work.
const WORTH_A_THREAD: usize = 64;
/// Bytes of an entry in a leaf.
const RECORD: usize = 29;

/// A revocation list in few bytes: what it is, and the root of the tree over its entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListCommitment {
    /// The first 8 bytes of the SHA-256 of the issuing authority's certificate: enough to name one of the reader's own
    /// few roots.
    pub issuer: [u8; 8],
    /// Which certificates the list is about.
    pub scope: ListScope,
    /// `cRLNumber`.
    pub number: u64,
    /// `thisUpdate`.
    pub this_update: UnixTime,
    /// `nextUpdate`.
    pub next_update: UnixTime,
    /// SHA-256 of the list's DER.
    pub sha256: Sha256Digest,
    /// How many entries it has.
    pub entries: u64,
    /// How many of them a leaf of the tree has: 16, or 1 in the earlier form.
    pub entries_per_leaf: u64,
    /// Root of the tree over them; of none, SHA-256 of nothing.
    pub root: Sha256Digest,
}

/// What a list says of one serial number, provable against a [`ListCommitment`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusProof {
    /// Position of the first of `neighbours` in the order of serial numbers, from 0; 0 in an empty list.
    pub first: u64,
    /// The entries of the leaf that has the entry itself or both entries between which it would stand; of the two leaves
    /// between which it would stand; of the one at the edge; or none in an empty list.
    pub neighbours: Vec<RevokedEntry>,
    /// The hashes of [`range_proof`] over the leaves.
    pub hashes: Vec<Sha256Digest>,
}

/// Why a commitment and a proof do not make a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnprovenList {
    /// The issuer is none of the trusted authorities.
    #[error("the list's issuer is not a trust anchor")]
    UnknownIssuer,
    /// `nextUpdate` is not after `thisUpdate`: such a list is never accepted.
    #[error("the list's times are out of order")]
    TimesOutOfOrder,
    /// The proof leads to another root, or its entries do not say anything of the serial number.
    #[error("the proof does not follow from the list's root")]
    Proof,
}

/// How many kept hashes a list has.
pub(crate) fn kept_hashes(entries: usize) -> usize {
    let (mut level, mut all) = (entries.div_ceil(KEPT), 0);
    while level > 1 {
        all += level;
        level = level.div_ceil(2);
    }
    all + level
}

/// The kept hashes, level by level from below. Hashes every entry, by two threads.
pub(crate) fn kept_over(view: View<'_>) -> Vec<Sha256Digest> {
    let chunks = view.len().div_ceil(KEPT);
    let half = chunks / 2;
    let lowest = |from: usize, to: usize| {
        let mut entries = Cursor::at(view, from * KEPT);
        (from..to).map(|_| levels_of(view, &mut entries).root()).collect::<Vec<_>>()
    };
    let mut hashes = if chunks < WORTH_A_THREAD {
        lowest(0, chunks)
    } else {
        let (mut before, behind) = both(&|| lowest(0, half), || lowest(half, chunks));
        before.extend(behind);
        before
    };
    hashes.shrink_to_fit();
    Levels::over(hashes).levels().concat()
}

/// The tree over the next [`KEPT`] entries.
fn levels_of(view: View<'_>, entries: &mut Cursor<'_>) -> Levels {
    let mut leaves = Vec::with_capacity(KEPT / ENTRIES_PER_LEAF);
    let mut leaf = [0; RECORD * ENTRIES_PER_LEAF];
    while leaves.len() < KEPT / ENTRIES_PER_LEAF {
        let mut filled = 0;
        for (record, (key, fact)) in leaf.chunks_exact_mut(RECORD).zip(&mut *entries) {
            write_record(record, &key.padded(), view.moment(fact));
            filled += RECORD;
        }
        match leaf.get(..filled) {
            Some(leaf) if filled > 0 => leaves.push(leaf_hash(leaf)),
            _ => break,
        }
    }
    Levels::over(leaves)
}

/// The root of the earlier form: leaves of one entry.
fn root_of_single_entries(view: View<'_>) -> Sha256Digest {
    let mut entries = Cursor::start(view);
    let mut record = [0; RECORD];
    let subtrees = (0..view.len().div_ceil(KEPT)).map(|_| {
        let leaves = entries.by_ref().take(KEPT).map(|(key, fact)| {
            write_record(&mut record, &key.padded(), view.moment(fact));
            leaf_hash(&record)
        });
        Levels::over(leaves.collect()).root()
    });
    Levels::over(subtrees.collect()).root()
}

/// The root of the tree over a set's entries.
pub(crate) fn root(view: View<'_>) -> Sha256Digest {
    view.tree().last().copied().unwrap_or_else(|| sha256(&[]))
}

/// The proof of what a set says of a serial number.
pub(crate) fn prove(view: View<'_>, serial: &SerialNumber) -> StatusProof {
    let (size, leaf) = (view.len(), ENTRIES_PER_LEAF);
    let (from, to) = match view.position(Key::of(serial)) {
        Ok(at) => (at, at + 1),
        Err(at) => (at.saturating_sub(1), (at + 1).min(size)),
    };
    let (first, end) = (from / leaf, to.div_ceil(leaf));
    let entries = Cursor::at(view, first * leaf).take((end * leaf).min(size) - (first * leaf).min(size));
    let neighbours = entries.filter_map(|(key, fact)| revoked(key, view.moment(fact))).collect();
    let mut last: Option<(usize, Levels)> = None;
    let leaves = size.div_ceil(leaf);
    let hashes = range_proof(wide(leaves), wide(first), wide(end - first), &mut |from, to| {
        subtree(view, (narrow(from), narrow(to)), leaves, &mut last)
    });
    StatusProof { first: wide(first * leaf), neighbours, hashes }
}

/// Subtrees lie below a kept hash or consist of such, since both are cut at powers of two.
fn subtree(
    view: View<'_>,
    (from, to): (usize, usize),
    leaves: usize,
    last: &mut Option<(usize, Levels)>,
) -> Sha256Digest {
    const LEAVES: usize = KEPT / ENTRIES_PER_LEAF;
    let (start, offset) = (from / LEAVES, from % LEAVES);
    let found = if offset == 0 && (to.is_multiple_of(LEAVES) || to == leaves) {
        let level = (to.div_ceil(LEAVES) - start).next_power_of_two().ilog2();
        let below: usize = (0..level).map(|level| leaves.div_ceil(LEAVES).div_ceil(1 << level)).sum();
        view.tree().get(below + (start >> level)).copied()
    } else {
        if last.as_ref().is_none_or(|(at, _)| *at != start) {
            *last = Some((start, levels_of(view, &mut Cursor::at(view, start * KEPT))));
        }
        last.as_ref().and_then(|(_, levels)| levels.subtree(wide(offset), wide(to - start * LEAVES)))
    };
    // There is every subtree that the recursion names; without one, the proof would lead nowhere.
    found.unwrap_or_default()
}

impl StatusProof {
    /// What the list says of `serial`.
    pub(crate) fn status(
        &self,
        commitment: &ListCommitment,
        serial: &SerialNumber,
    ) -> Result<EntryStatus, BadProof> {
        let per_leaf = commitment.entries_per_leaf;
        if !ENTRIES_PER_LEAF_READ.contains(&per_leaf) {
            return Err(BadProof);
        }
        let (Some(lowest), Some(highest)) = (self.neighbours.first(), self.neighbours.last()) else {
            let empty = commitment.entries == 0
                && self.first == 0
                && self.hashes.is_empty()
                && commitment.root == sha256(&[]);
            return if empty { Ok(EntryStatus::NotListed) } else { Err(BadProof) };
        };
        let end = self.first.checked_add(wide(self.neighbours.len())).ok_or(BadProof)?;
        let whole = self.first.is_multiple_of(per_leaf)
            && (end.is_multiple_of(per_leaf) || end == commitment.entries);
        let ordered = self.neighbours.is_sorted_by(|a, b| a.serial.padded() < b.serial.padded());
        if !whole || !ordered {
            return Err(BadProof);
        }
        let wanted = serial.padded();
        let is_below = |entry: &RevokedEntry| entry.serial.padded() < wanted;
        let entry = self.neighbours.iter().find(|entry| entry.serial == *serial);
        let mut leaves = self.neighbours.chunks(narrow(per_leaf));
        let says = match (leaves.next(), leaves.next(), leaves.next()) {
            (Some(_), None, None) => {
                let at_the_start = self.first == 0 || is_below(lowest);
                let at_the_end = end == commitment.entries || !is_below(highest);
                entry.is_some() || (at_the_start && at_the_end)
            }
            // Between two leaves.
            (Some([.., left]), Some([right, ..]), None) => {
                entry.is_none() && is_below(left) && !is_below(right)
            }
            _ => false,
        };
        if !says {
            return Err(BadProof);
        }
        let hashes: Vec<_> = self.neighbours.chunks(narrow(per_leaf)).map(hash_of_leaf).collect();
        let leaves = commitment.entries.div_ceil(per_leaf);
        if root_of_range(leaves, self.first / per_leaf, &hashes, &self.hashes)? != commitment.root {
            return Err(BadProof);
        }
        let listed = entry.map(|entry| EntryStatus::Listed { at: entry.at, reason: entry.reason });
        Ok(listed.unwrap_or(EntryStatus::NotListed))
    }
}

impl ListCommitment {
    /// The commitment to a verified list; `None` for one that is itself known only by a proof.
    #[must_use]
    pub fn of(list: &VerifiedRevocationList) -> Option<Self> {
        Self::with_root(list, wide(ENTRIES_PER_LEAF), root(list.view()?))
    }

    /// The commitment by a tree whose leaves have this many entries; `None` also for a number that no form has. Leaves of
    /// one entry are hashed here, every one.
    #[must_use]
    pub fn in_leaves(list: &VerifiedRevocationList, entries_per_leaf: u64) -> Option<Self> {
        match entries_per_leaf {
            1 => Self::with_root(list, 1, root_of_single_entries(list.view()?)),
            _ => Self::of(list).filter(|own| own.entries_per_leaf == entries_per_leaf),
        }
    }

    fn with_root(list: &VerifiedRevocationList, entries_per_leaf: u64, root: Sha256Digest) -> Option<Self> {
        Some(Self {
            issuer: list.issuer_mark(),
            scope: list.scope().clone(),
            number: list.number(),
            this_update: list.this_update(),
            next_update: list.next_update(),
            sha256: *list.sha256(),
            entries: wide(list.len()),
            entries_per_leaf,
            root,
        })
    }
}

fn hash_of_leaf(entries: &[RevokedEntry]) -> Sha256Digest {
    let mut leaf = vec![0; RECORD * entries.len()];
    for (record, entry) in leaf.chunks_exact_mut(RECORD).zip(entries) {
        let moment = Moment { at: entry.at, code: entry.reason.code() };
        write_record(record, &entry.serial.padded(), moment);
    }
    leaf_hash(&leaf)
}

#[inline]
fn write_record(record: &mut [u8], serial: &[u8; 20], moment: Moment) {
    if let Some((number, [at @ .., reason])) = record.split_first_chunk_mut::<20>() {
        *number = *serial;
        at.copy_from_slice(&moment.at.0.to_be_bytes());
        *reason = moment.code;
    }
}
