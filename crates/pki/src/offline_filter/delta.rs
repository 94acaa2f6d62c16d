//! From the filter of one list to that of a later one (差分): the serial numbers that went and came, as gaps.
//!
//! A delta names both filters by their SHA-256 and carries the later one's head, coverage and signature. Applied, it gives
//! the later filter byte for byte, or nothing: whoever holds the filter of list N and gets the deltas up to M ends with the
//! very bytes that the platform signed for M.

use std::fmt;

use musubi_crypto::{Ed25519Signer, Sha256Digest, sha256};
use musubi_kernel::UnixTime;

use super::gaps::{GapBytes, GapWriter, Gaps};
use super::layout::{Fields, count_of, put_coverage, size_of};
use super::wide::Wide;
use super::{
    Coverage, FilterError, FilterHead, MAX_FILTER_BYTES, MAX_RANGES, OfflineFilter, SIGNATURE_BYTES,
    is_signed, merged, to_be_signed, unsigned,
};

/// What is signed is this text and the SHA-256 of all bytes before the signature.
pub const DELTA_SIGNATURE_CONTEXT: &[u8] = b"musubi offline filter delta 1\n";

const MAGIC: &[u8; 8] = b"MUSUBIOD";
const VERSION: u32 = 1;

/// Why a delta is not made, read or applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeltaError {
    /// It does not begin as one, or is too large for one.
    #[error("not a delta of offline filters")]
    NotADelta,
    /// Of another version.
    #[error("a delta of version {0}, which this program does not read")]
    Version(u32),
    /// None of the platform's keys signed exactly these bytes.
    #[error("the delta's signature does not verify: it was not made by this platform, or was changed")]
    Signature,
    /// Signed, but not in order.
    #[error("the delta is damaged")]
    Structure,
    /// The filters are of different authorities or generations.
    #[error("the filters are of different authorities or generations")]
    OtherIssuer,
    /// The later filter's list does not have a higher number.
    #[error("a delta leads from list {from} to list {to}, which is not later")]
    NotLater {
        /// The earlier list's number.
        from: u64,
        /// The other's.
        to: u64,
    },
    /// It begins at another filter than the one held.
    #[error("the delta begins at the filter of list {expected}, and that of list {held} is held")]
    OtherFilter {
        /// The number of the list at which it begins.
        expected: u64,
        /// The number of the list of the filter held.
        held: u64,
    },
    /// What comes out is not the filter that it names.
    #[error("the delta does not lead to the filter that it names")]
    Result,
    /// What comes out is not a filter.
    #[error(transparent)]
    Filter(#[from] FilterError),
}

/// A delta whose signature and structure were verified.
#[derive(Clone)]
pub struct FilterDelta {
    bytes: Vec<u8>,
    from_number: u64,
    from: Sha256Digest,
    to: Sha256Digest,
    head: FilterHead,
    coverage: Coverage,
    removed: Section,
    added: Section,
    signature: [u8; SIGNATURE_BYTES],
}

/// Where a list of gaps lies.
#[derive(Clone, Copy)]
struct Section {
    directory: (usize, usize),
    data: (usize, usize),
    entries: u64,
}

impl FilterDelta {
    /// The delta between two filters of one generation, signed with the platform's key.
    ///
    /// # Errors
    /// [`DeltaError::OtherIssuer`], [`DeltaError::NotLater`].
    pub fn between(
        earlier: &OfflineFilter,
        later: &OfflineFilter,
        key: &Ed25519Signer,
    ) -> Result<Self, DeltaError> {
        let (from, to) = (earlier.head(), later.head());
        if from.issuer != to.issuer {
            return Err(DeltaError::OtherIssuer);
        }
        if to.list_number <= from.list_number {
            return Err(DeltaError::NotLater { from: from.list_number, to: to.list_number });
        }
        let (removed, added) = difference(earlier.wides(), later.wides());
        let mut bytes = Vec::new();
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(count_of(later.coverage().0.len()));
        bytes.extend(to.issuer);
        bytes.extend(earlier.sha256());
        bytes.extend(later.sha256());
        bytes.extend(from.list_number.to_le_bytes());
        bytes.extend(to.list_sha256);
        bytes.extend(to.list_number.to_le_bytes());
        bytes.extend(to.this_update.0.to_le_bytes());
        bytes.extend(to.next_update.0.to_le_bytes());
        for list in [&removed, &added] {
            bytes.extend(list.entries.to_le_bytes());
            bytes.extend(size_of(&list.data));
        }
        put_coverage(later.coverage(), &mut bytes);
        for list in [&removed, &added] {
            bytes.extend_from_slice(&list.directory);
            bytes.extend_from_slice(&list.data);
        }
        bytes.extend(later.signature());
        let signature = key.sign(&to_be_signed(DELTA_SIGNATURE_CONTEXT, &bytes));
        bytes.extend(signature);
        Self::parse(bytes)
    }

    /// Reads a delta that one of `platform_keys` (Ed25519 public keys) signed.
    ///
    /// # Errors
    /// [`DeltaError`].
    pub fn open(bytes: Vec<u8>, platform_keys: &[[u8; 32]]) -> Result<Self, DeltaError> {
        let mut fields = Fields(&bytes);
        if fields.array().as_ref() != Some(MAGIC) || bytes.len() > MAX_FILTER_BYTES {
            return Err(DeltaError::NotADelta);
        }
        match fields.u32() {
            Some(VERSION) => {}
            other => return Err(other.map_or(DeltaError::NotADelta, DeltaError::Version)),
        }
        if !is_signed(DELTA_SIGNATURE_CONTEXT, &bytes, platform_keys) {
            return Err(DeltaError::Signature);
        }
        Self::parse(bytes)
    }

    fn parse(bytes: Vec<u8>) -> Result<Self, DeltaError> {
        let delta = structure(bytes).ok_or(DeltaError::Structure)?;
        let (from, to) = (delta.from_number, delta.head.list_number);
        if to <= from { Err(DeltaError::NotLater { from, to }) } else { Ok(delta) }
    }

    /// The later filter. It is opened like any other, so its own signature is verified, too. Decodes and encodes all of
    /// the filter: seconds for a nation.
    ///
    /// # Errors
    /// [`DeltaError`].
    pub fn apply(
        &self,
        filter: &OfflineFilter,
        platform_keys: &[[u8; 32]],
    ) -> Result<OfflineFilter, DeltaError> {
        if filter.head().issuer != self.head.issuer {
            return Err(DeltaError::OtherIssuer);
        }
        if filter.sha256() != self.from {
            let held = filter.head().list_number;
            return Err(DeltaError::OtherFilter { expected: self.from_number, held });
        }
        let mut removed = self.list(self.removed).iter().peekable();
        let kept = filter.wides().filter(move |serial| removed.next_if_eq(serial).is_none());
        let listed = merged(kept, self.list(self.added).iter());
        let mut bytes = unsigned(&self.head, &self.coverage, listed).map_err(|_| DeltaError::Result)?;
        bytes.extend(self.signature);
        if sha256(&bytes) != self.to {
            return Err(DeltaError::Result);
        }
        Ok(OfflineFilter::open(bytes, platform_keys)?)
    }

    fn list(&self, section: Section) -> Gaps<'_> {
        let part = |(from, until)| self.bytes.get(from..until).unwrap_or_default();
        Gaps::trusted(part(section.directory), part(section.data), section.entries)
    }

    /// The number of the list at which it begins.
    #[must_use]
    pub fn from_number(&self) -> u64 {
        self.from_number
    }

    /// SHA-256 of the filter at which it begins.
    #[must_use]
    pub fn from_sha256(&self) -> &Sha256Digest {
        &self.from
    }

    /// SHA-256 of the filter to which it leads.
    #[must_use]
    pub fn to_sha256(&self) -> &Sha256Digest {
        &self.to
    }

    /// Which list it leads to.
    #[must_use]
    pub fn head(&self) -> &FilterHead {
        &self.head
    }

    /// How many serial numbers went and came.
    #[must_use]
    pub fn changes(&self) -> (u64, u64) {
        (self.removed.entries, self.added.entries)
    }

    /// The delta as it is stored and sent.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// SHA-256 of [`FilterDelta::as_bytes`].
    #[must_use]
    pub fn sha256(&self) -> Sha256Digest {
        sha256(&self.bytes)
    }
}

impl fmt::Debug for FilterDelta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FilterDelta")
            .field("from_number", &self.from_number)
            .field("to_number", &self.head.list_number)
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

/// What only the first and what only the second has.
fn difference(
    earlier: impl Iterator<Item = Wide>,
    later: impl Iterator<Item = Wide>,
) -> (GapBytes, GapBytes) {
    let (mut earlier, mut later) = (earlier.peekable(), later.peekable());
    let (mut removed, mut added) = (GapWriter::default(), GapWriter::default());
    loop {
        let (went, came) = match (earlier.peek(), later.peek()) {
            (None, None) => return (removed.finish(), added.finish()),
            (Some(before), Some(after)) => (before <= after, after <= before),
            (before, after) => (before.is_some(), after.is_some()),
        };
        let (before, after) = (earlier.next_if(|_| went), later.next_if(|_| came));
        match (before, after) {
            (Some(before), None) => removed.push(before),
            (None, Some(after)) => added.push(after),
            _ => {}
        }
    }
}

fn structure(bytes: Vec<u8>) -> Option<FilterDelta> {
    let (content, _) = bytes.split_last_chunk::<SIGNATURE_BYTES>()?;
    let mut fields = Fields(content);
    fields.take(MAGIC.len() + 4)?;
    let ranges = usize::try_from(fields.u32()?).ok()?;
    let issuer = fields.array()?;
    let (from, to) = (fields.array()?, fields.array()?);
    let from_number = fields.u64()?;
    let head = FilterHead {
        issuer,
        list_sha256: fields.array()?,
        list_number: fields.u64()?,
        this_update: UnixTime(fields.i64()?),
        next_update: UnixTime(fields.i64()?),
    };
    let (removed_entries, removed_size) = (fields.u64()?, fields.size()?);
    let (added_entries, added_size) = (fields.u64()?, fields.size()?);
    if ranges > MAX_RANGES {
        return None;
    }
    let coverage = fields.coverage(ranges)?;
    let mut section = |entries: u64, size: usize| {
        let from = content.len() - fields.0.len();
        let directory = Gaps::directory(&mut fields, entries)?;
        let data = fields.take(size)?;
        Gaps::checked(directory, data, entries)?;
        let middle = from + directory.len();
        Some(Section { directory: (from, middle), data: (middle, middle + size), entries })
    };
    let removed = section(removed_entries, removed_size)?;
    let added = section(added_entries, added_size)?;
    let signature = fields.array()?;
    if !fields.0.is_empty() {
        return None;
    }
    Some(FilterDelta { bytes, from_number, from, to, head, coverage, removed, added, signature })
}
