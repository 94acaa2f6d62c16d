//! Proof of what a revocation list says of one certificate, without the list: a Merkle tree (RFC 6962, 2.1) over the
//! entries in the order of their serial numbers. An entry proves presence; two neighbours between which the serial
//! number would stand, or one at the edge, prove absence.
//!
//! A leaf is 29 bytes: the serial number (20 bytes, big-endian), `revocationDate` (Unix seconds, 8 bytes, big-endian)
//! and the reason's code. That the tree is the list's, and in order, rests on whoever made the [`ListCommitment`]; anybody
//! who has the list makes the same one.

use musubi_crypto::merkle::{BadProof, Levels, leaf_hash, range_proof, root_of_range};
use musubi_crypto::{Sha256Digest, sha256};
use musubi_kernel::UnixTime;

use crate::entries::{Entries, EntryStatus, RevokedEntry};
use crate::key::SerialNumber;
use crate::revocation_list::{ListScope, VerifiedRevocationList};

/// Entries below one kept hash: 1/8 byte of memory for an entry, and 256 hashes to be made again for a proof.
const CHUNK: usize = 256;

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
    /// Root of the tree over them; of none, SHA-256 of nothing.
    pub root: Sha256Digest,
}

/// What a list says of one serial number, provable against a [`ListCommitment`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusProof {
    /// Position of the first of `neighbours` in the order of serial numbers, from 0; 0 in an empty list.
    pub first: u64,
    /// The entry itself; or the two between which it would stand; or the one at the edge; or none in an empty list.
    pub neighbours: Vec<RevokedEntry>,
    /// The hashes of [`range_proof`].
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

/// The hashes of [`CHUNK`] entries each, and the tree above them.
#[derive(Debug, Clone)]
pub(crate) struct ListTree(Levels);

impl ListTree {
    pub(crate) fn over(entries: &Entries) -> Self {
        let chunks = entries.len().div_ceil(CHUNK);
        Self(Levels::over((0..chunks).map(|chunk| chunk_levels(entries, chunk).root()).collect()))
    }

    pub(crate) fn root(&self) -> Sha256Digest {
        self.0.root()
    }

    pub(crate) fn prove(&self, entries: &Entries, serial: &SerialNumber) -> StatusProof {
        let size = entries.len();
        let (first, end) = match entries.position(serial) {
            Ok(at) => (at, at.saturating_add(1)),
            Err(at) => (at.saturating_sub(1), at.saturating_add(1).min(size)),
        };
        let neighbours = (first..end).filter_map(|at| entries.at(at)).collect();
        let mut last: Option<(usize, Levels)> = None;
        let hashes =
            range_proof(wide(size), wide(first), wide(end.saturating_sub(first)), &mut |from, to| {
                self.subtree(entries, (from, to), &mut last)
            });
        StatusProof { first: wide(first), neighbours, hashes }
    }

    /// Subtrees lie within a chunk or consist of chunks, since both are cut at powers of two.
    fn subtree(
        &self,
        entries: &Entries,
        (from, to): (u64, u64),
        last: &mut Option<(usize, Levels)>,
    ) -> Sha256Digest {
        let chunk = wide(CHUNK);
        let (start, offset) = (from / chunk, from % chunk);
        let whole = offset == 0 && (to % chunk == 0 || to == wide(entries.len()));
        let found = if whole {
            self.0.subtree(start, to.div_ceil(chunk))
        } else {
            let index = usize::try_from(start).unwrap_or(usize::MAX);
            if last.as_ref().is_none_or(|(at, _)| *at != index) {
                *last = Some((index, chunk_levels(entries, index)));
            }
            last.as_ref().and_then(|(_, levels)| levels.subtree(offset, to - start * chunk))
        };
        // There is every subtree that the recursion names; without one, the proof would lead nowhere.
        found.unwrap_or_default()
    }
}

impl StatusProof {
    /// What the list says of `serial`.
    pub(crate) fn status(
        &self,
        commitment: &ListCommitment,
        serial: &SerialNumber,
    ) -> Result<EntryStatus, BadProof> {
        let absent = match self.neighbours.as_slice() {
            [] => {
                let empty = commitment.entries == 0
                    && self.first == 0
                    && self.hashes.is_empty()
                    && commitment.root == sha256(&[]);
                return if empty { Ok(EntryStatus::NotListed) } else { Err(BadProof) };
            }
            [entry] if entry.serial == *serial => false,
            [first] if order(serial) < order(&first.serial) && self.first == 0 => true,
            [last]
                if order(&last.serial) < order(serial)
                    && self.first.checked_add(1) == Some(commitment.entries) =>
            {
                true
            }
            [left, right] if order(&left.serial) < order(serial) && order(serial) < order(&right.serial) => {
                true
            }
            _ => return Err(BadProof),
        };
        let leaves: Vec<_> = self.neighbours.iter().map(entry_hash).collect();
        if root_of_range(commitment.entries, self.first, &leaves, &self.hashes)? != commitment.root {
            return Err(BadProof);
        }
        match self.neighbours.first() {
            Some(entry) if !absent => Ok(EntryStatus::Listed { at: entry.at, reason: entry.reason }),
            _ => Ok(EntryStatus::NotListed),
        }
    }
}

impl ListCommitment {
    /// The commitment to a verified list; `None` for one that is itself known only by a proof. The first call hashes every entry (about a
    /// second for two million) and keeps the tree.
    #[must_use]
    pub fn of(list: &VerifiedRevocationList) -> Option<Self> {
        Some(Self {
            issuer: list.issuer_mark(),
            scope: list.scope().clone(),
            number: list.number(),
            this_update: list.this_update(),
            next_update: list.next_update(),
            sha256: *list.sha256(),
            entries: wide(list.len()),
            root: list.tree()?.root(),
        })
    }
}

fn chunk_levels(entries: &Entries, chunk: usize) -> Levels {
    let start = chunk.saturating_mul(CHUNK);
    let end = start.saturating_add(CHUNK).min(entries.len());
    Levels::over((start..end).filter_map(|at| entries.at(at)).map(|entry| entry_hash(&entry)).collect())
}

fn entry_hash(entry: &RevokedEntry) -> Sha256Digest {
    let mut leaf = [0; 29];
    let (serial, rest) = leaf.split_at_mut(20);
    serial.copy_from_slice(&order(&entry.serial));
    let (at, reason) = rest.split_at_mut(8);
    at.copy_from_slice(&entry.at.0.to_be_bytes());
    reason.copy_from_slice(&[entry.reason.code()]);
    leaf_hash(&leaf)
}

/// Left-padded to 20 bytes: bytewise order is numeric order.
pub(crate) fn order(serial: &SerialNumber) -> [u8; 20] {
    let mut bytes = [0; 20];
    for (to, from) in bytes.iter_mut().rev().zip(serial.as_be_bytes().iter().rev()) {
        *to = *from;
    }
    bytes
}

fn wide(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
