//! The offline filter (失効情報フィルタ): which serial numbers one revocation list names, in some bits per certificate, signed
//! by the platform, for verifiers that must decide without a network (避難所, 病院).
//!
//! It answers **"on the list of number N or not"** and nothing else: not why, not since when, not whether a certificate is
//! genuine. It is exact: no false positive and no false negative for what it covers, and for what it does not cover it says
//! so. It is as old as its list.
//!
//! ```text
//! head: authority, list number, times │ covered ranges │ dense chunks: entropy-coded blocks │ thin rest: gaps │ signature
//! ```
//!
//! Serial numbers of the JPKI come from one counter, so listed ones are a bitmap of which every block of 2,048 bits is
//! range-coded by its own share of ones: a few per cent above log2 C(covered, listed). What is thin is coded as gaps. Any
//! serial number of up to 20 bytes has its place. Built twice from the same input, it is the same bytes; [`FilterDelta`] rests
//! on that. Bytes, algorithm and vectors: `docs/spec/offline-filter.md`. Our own design: the JPKI has no such thing.
//!
//! Not here: who may have it (the platform), and the judgement of signatures ([`crate::judge()`]). Reads no clock; the time of
//! [`check_offline`] is an argument.

mod coder;
mod delta;
mod dense;
mod finding;
mod gaps;
mod layout;
mod wide;

use std::fmt;

use musubi_crypto::{Ed25519Signer, Sha256Digest, sha256, verify_ed25519};
use musubi_kernel::UnixTime;

use self::dense::{Chunk, Dense, DenseWriter, Runs};
use self::gaps::{GapWriter, Gaps};
use self::layout::{Fields, count_of, put_coverage, size_of};
use self::wide::{Wide, serial_of};
use crate::key::SerialNumber;

pub use self::delta::{DELTA_SIGNATURE_CONTEXT, DeltaError, FilterDelta};
pub use self::finding::{OfflineFinding, OfflineReport, check_offline};

/// What is signed is this text and the SHA-256 of all bytes before the signature.
pub const FILTER_SIGNATURE_CONTEXT: &[u8] = b"musubi offline filter 1\n";
/// The largest filter that is read, in bytes; one of 110 million certificates has some 11 million.
pub const MAX_FILTER_BYTES: usize = 512 << 20;
/// The most ranges that a filter covers.
pub const MAX_RANGES: usize = 65_536;

const MAGIC: &[u8; 8] = b"MUSUBIOF";
const VERSION: u32 = 1;
const SIGNATURE_BYTES: usize = 64;

/// Which list a filter is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilterHead {
    /// SHA-256 of the certificate of the issuing generation of the authority.
    pub issuer: Sha256Digest,
    /// SHA-256 of the list's DER.
    pub list_sha256: Sha256Digest,
    /// `cRLNumber`.
    pub list_number: u64,
    /// When the list was issued.
    pub this_update: UnixTime,
    /// By when there is a newer one.
    pub next_update: UnixTime,
}

/// The serial numbers of which a filter says whether they are listed: ranges, ascending and apart from each other.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Coverage(Vec<(Wide, Wide)>);

impl Coverage {
    /// Of ranges from first to last, both included, in any order; those that touch become one. A range whose last lies
    /// before its first holds nothing.
    #[must_use]
    pub fn of(ranges: impl IntoIterator<Item = (SerialNumber, SerialNumber)>) -> Self {
        let wide = |(first, last)| (Wide::from(&first), Wide::from(&last));
        let mut all: Vec<(Wide, Wide)> = ranges.into_iter().map(wide).collect();
        all.retain(|(first, last)| first <= last);
        all.sort_unstable();
        let mut out: Vec<(Wide, Wide)> = Vec::new();
        for (first, last) in all {
            match out.last_mut() {
                // Nothing comes after the greatest number, so that what follows touches it.
                Some((_, end)) if end.next().is_none_or(|next| first <= next) => *end = last.max(*end),
                _ => out.push((first, last)),
            }
        }
        Self(out)
    }

    /// One range from the smallest of these to the largest; nothing if there are none.
    #[must_use]
    pub fn hull<'s>(serials: impl IntoIterator<Item = &'s SerialNumber>) -> Self {
        let mut wides = serials.into_iter().map(Wide::from);
        let Some(any) = wides.next() else { return Self::default() };
        let (first, last) = wides.fold((any, any), |(first, last), wide| (first.min(wide), last.max(wide)));
        Self(vec![(first, last)])
    }

    /// Whether it holds this serial number.
    #[must_use]
    pub fn covers(&self, serial: &SerialNumber) -> bool {
        self.holds(Wide::from(serial))
    }

    fn holds(&self, serial: Wide) -> bool {
        let after = self.0.partition_point(|(first, _)| *first <= serial);
        let range = after.checked_sub(1).and_then(|at| self.0.get(at));
        range.is_some_and(|(_, last)| serial <= *last)
    }

    /// The ranges, ascending.
    pub fn ranges(&self) -> impl Iterator<Item = (SerialNumber, SerialNumber)> + '_ {
        self.0.iter().filter_map(|(first, last)| serial_of(*first).zip(serial_of(*last)))
    }
}

impl fmt::Debug for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Coverage({} ranges)", self.0.len())
    }
}

/// What a filter says of a serial number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilterAnswer {
    /// It is on the list.
    Listed,
    /// It is covered, and not on the list.
    NotListed,
    /// The filter says nothing of it: ask online.
    NotCovered,
}

/// Why no filter was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// The serial numbers did not ascend, or one came twice.
    #[error("the listed serial numbers are not in ascending order")]
    Order,
    /// More ranges, or more bytes, than a reader takes.
    #[error("the filter would be larger than any reader takes")]
    TooLarge,
}

/// Why a byte string is not a filter of the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// It does not begin as one, or is too large for one.
    #[error("not an offline filter")]
    NotAFilter,
    /// Of another version.
    #[error("an offline filter of version {0}, which this program does not read")]
    Version(u32),
    /// None of the platform's keys signed exactly these bytes.
    #[error(
        "the offline filter's signature does not verify: it was not made by this platform, or was changed"
    )]
    Signature,
    /// Signed, but not in order.
    #[error("the offline filter is damaged")]
    Structure,
}

/// Why a filter does not take another one's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotASuccessor {
    /// It is of another authority or generation.
    #[error("the filter is of another authority or generation")]
    OtherIssuer,
    /// It is of an older list than the one held.
    #[error("the filter is of list {offered}, older than list {held}, which is held")]
    Older {
        /// The number of the list of the filter that is held.
        held: u64,
        /// That of the filter offered.
        offered: u64,
    },
    /// Of the same list, with other content: the platform said two things.
    #[error("there are two different filters of list {number}")]
    TwoOfOneList {
        /// The list's number.
        number: u64,
    },
}

/// A filter whose signature and structure were verified.
#[derive(Clone)]
pub struct OfflineFilter {
    bytes: Vec<u8>,
    head: FilterHead,
    listed: u64,
    coverage: Coverage,
    runs: Runs,
    parts: Parts,
}

/// Where the sections end, from the start of the file.
#[derive(Clone, Copy)]
struct Parts {
    chunk_directory: (usize, usize),
    gap_directory: (usize, usize),
    dense: (usize, usize),
    gaps: (usize, usize),
    gap_entries: u64,
}

impl OfflineFilter {
    /// The filter of a list that names `listed`, in ascending order, signed with the platform's key. The same input gives
    /// the same bytes. Listed serial numbers outside of `coverage` are answered as listed all the same. Holds the output
    /// and one chunk in memory, not the input.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn build(
        head: &FilterHead,
        coverage: &Coverage,
        listed: impl IntoIterator<Item = SerialNumber>,
        key: &Ed25519Signer,
    ) -> Result<Self, BuildError> {
        let mut bytes = unsigned(head, coverage, listed.into_iter().map(|serial| Wide::from(&serial)))?;
        let signature = key.sign(&to_be_signed(FILTER_SIGNATURE_CONTEXT, &bytes));
        bytes.extend(signature);
        if bytes.len() > MAX_FILTER_BYTES {
            return Err(BuildError::TooLarge);
        }
        Self::parse(bytes).map_err(|_| BuildError::TooLarge)
    }

    /// Reads a filter that one of `platform_keys` (Ed25519 public keys) signed. Nothing is answered from bytes that are not
    /// signed and in order as a whole. Keeps the bytes, and some per covered range and run of chunks.
    ///
    /// # Errors
    /// [`FilterError`].
    pub fn open(bytes: Vec<u8>, platform_keys: &[[u8; 32]]) -> Result<Self, FilterError> {
        let mut fields = Fields(&bytes);
        if fields.array().as_ref() != Some(MAGIC) || bytes.len() > MAX_FILTER_BYTES {
            return Err(FilterError::NotAFilter);
        }
        match fields.u32() {
            Some(VERSION) => {}
            other => return Err(other.map_or(FilterError::NotAFilter, FilterError::Version)),
        }
        if !is_signed(FILTER_SIGNATURE_CONTEXT, &bytes, platform_keys) {
            return Err(FilterError::Signature);
        }
        Self::parse(bytes)
    }

    fn parse(bytes: Vec<u8>) -> Result<Self, FilterError> {
        let (head, listed, coverage, runs, parts) = structure(&bytes).ok_or(FilterError::Structure)?;
        Ok(Self { bytes, head, listed, coverage, runs, parts })
    }

    /// Which list it is of.
    #[must_use]
    pub fn head(&self) -> &FilterHead {
        &self.head
    }

    /// The serial numbers that it answers about.
    #[must_use]
    pub fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    /// How many serial numbers are listed.
    #[must_use]
    pub fn listed(&self) -> u64 {
        self.listed
    }

    /// The filter as it is stored and sent.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// SHA-256 of [`OfflineFilter::as_bytes`].
    #[must_use]
    pub fn sha256(&self) -> Sha256Digest {
        sha256(&self.bytes)
    }

    /// What it says of a serial number **of its issuer**. Decodes at most one block.
    #[must_use]
    pub fn answer(&self, serial: &SerialNumber) -> FilterAnswer {
        let serial = Wide::from(serial);
        let is_dense = serial.as_u64().is_some_and(|serial| self.dense().contains(serial));
        if is_dense || self.gaps().contains(serial) {
            FilterAnswer::Listed
        } else if self.coverage.holds(serial) {
            FilterAnswer::NotListed
        } else {
            FilterAnswer::NotCovered
        }
    }

    /// Every listed serial number, ascending. Decodes all.
    pub fn serials(&self) -> impl Iterator<Item = SerialNumber> + '_ {
        self.wides().filter_map(serial_of)
    }

    fn wides(&self) -> impl Iterator<Item = Wide> + '_ {
        merged(self.dense().iter().map(Wide::from), self.gaps().iter())
    }

    /// Whether it may take the place of `held`: of the same generation, and not of an older list.
    ///
    /// # Errors
    /// [`NotASuccessor`].
    pub fn succeeds(&self, held: &Self) -> Result<(), NotASuccessor> {
        let (offered, number) = (self.head.list_number, held.head.list_number);
        if self.head.issuer != held.head.issuer {
            Err(NotASuccessor::OtherIssuer)
        } else if offered < number {
            Err(NotASuccessor::Older { held: number, offered })
        } else if offered == number && self.bytes != held.bytes {
            Err(NotASuccessor::TwoOfOneList { number })
        } else {
            Ok(())
        }
    }

    fn signature(&self) -> [u8; SIGNATURE_BYTES] {
        self.bytes.last_chunk().copied().unwrap_or([0; SIGNATURE_BYTES])
    }

    fn part(&self, (from, until): (usize, usize)) -> &[u8] {
        self.bytes.get(from..until).unwrap_or_default()
    }

    fn dense(&self) -> Dense<'_> {
        Dense {
            runs: &self.runs,
            directory: self.part(self.parts.chunk_directory),
            data: self.part(self.parts.dense),
        }
    }

    fn gaps(&self) -> Gaps<'_> {
        Gaps::trusted(self.part(self.parts.gap_directory), self.part(self.parts.gaps), self.parts.gap_entries)
    }
}

impl fmt::Debug for OfflineFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OfflineFilter")
            .field("list_number", &self.head.list_number)
            .field("listed", &self.listed)
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

/// Two ascending sequences that have nothing in common, as one.
fn merged(one: impl Iterator<Item = Wide>, other: impl Iterator<Item = Wide>) -> impl Iterator<Item = Wide> {
    let (mut one, mut other) = (one.peekable(), other.peekable());
    std::iter::from_fn(move || match (one.peek(), other.peek()) {
        (Some(a), Some(b)) if a > b => other.next(),
        (None, _) => other.next(),
        _ => one.next(),
    })
}

/// Everything but the signature.
fn unsigned(
    head: &FilterHead,
    coverage: &Coverage,
    listed: impl Iterator<Item = Wide>,
) -> Result<Vec<u8>, BuildError> {
    if coverage.0.len() > MAX_RANGES {
        return Err(BuildError::TooLarge);
    }
    let (mut dense, mut gaps) = (DenseWriter::default(), GapWriter::default());
    let mut keep = |chunk: &Chunk, gaps: &mut GapWriter| {
        if chunk.is_dense() {
            dense.push(chunk);
        } else {
            chunk.serials().for_each(|serial| gaps.push(Wide::from(serial)));
        }
    };
    let (mut chunk, mut last, mut count) = (None::<Chunk>, Wide::default(), 0_u64);
    for serial in listed {
        if serial <= last {
            return Err(BuildError::Order);
        }
        (last, count) = (serial, count + 1);
        let small = serial.as_u64();
        if let (Some(small), Some(current)) = (small, chunk.as_mut())
            && current.add(small)
        {
            continue;
        }
        if let Some(full) = chunk.take() {
            keep(&full, &mut gaps);
        }
        match small {
            Some(small) => {
                let mut next = Chunk::of(small);
                next.add(small);
                chunk = Some(next);
            }
            None => gaps.push(serial),
        }
    }
    if let Some(full) = chunk.take() {
        keep(&full, &mut gaps);
    }
    let (dense, gaps) = (dense.finish(), gaps.finish());
    let size = dense.data.len() + dense.directory.len() + gaps.data.len() + gaps.directory.len();
    let mut out = Vec::with_capacity(size + 65_536);
    out.extend(MAGIC);
    out.extend(VERSION.to_le_bytes());
    out.extend(count_of(coverage.0.len()));
    out.extend(head.issuer);
    out.extend(head.list_sha256);
    out.extend(head.list_number.to_le_bytes());
    out.extend(head.this_update.0.to_le_bytes());
    out.extend(head.next_update.0.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend(count_of(dense.runs.len() / dense::RUN_BYTES));
    out.extend(count_of(dense.chunks()));
    out.extend(gaps.entries.to_le_bytes());
    out.extend(size_of(&dense.data));
    out.extend(size_of(&gaps.data));
    put_coverage(coverage, &mut out);
    for part in [&dense.runs, &dense.directory, &gaps.directory, &dense.data, &gaps.data] {
        out.extend_from_slice(part);
    }
    Ok(out)
}

/// `None` unless every count, order and length is as a builder writes it.
fn structure(bytes: &[u8]) -> Option<(FilterHead, u64, Coverage, Runs, Parts)> {
    let (content, _) = bytes.split_last_chunk::<SIGNATURE_BYTES>()?;
    let mut fields = Fields(content);
    fields.take(MAGIC.len() + 4)?;
    let ranges = usize::try_from(fields.u32()?).ok()?;
    let head = FilterHead {
        issuer: fields.array()?,
        list_sha256: fields.array()?,
        list_number: fields.u64()?,
        this_update: UnixTime(fields.i64()?),
        next_update: UnixTime(fields.i64()?),
    };
    let listed = fields.u64()?;
    let (runs, chunks) = (usize::try_from(fields.u32()?).ok()?, usize::try_from(fields.u32()?).ok()?);
    let gap_entries = fields.u64()?;
    let (dense_size, gap_size) = (fields.size()?, fields.size()?);
    if ranges > MAX_RANGES {
        return None;
    }
    let coverage = fields.coverage(ranges)?;
    let runs = Runs::parse(&mut fields, runs, chunks)?;
    let span = |from: usize, part: &[u8]| (from, from + part.len());
    let at = |fields: &Fields<'_>| content.len() - fields.0.len();
    let from = at(&fields);
    let chunk_directory = Dense::directory(&mut fields, chunks)?;
    let chunk_span = span(from, chunk_directory);
    let gap_directory = Gaps::directory(&mut fields, gap_entries)?;
    let gap_directory_span = span(chunk_span.1, gap_directory);
    let dense = fields.take(dense_size)?;
    let dense_span = span(gap_directory_span.1, dense);
    let gaps = fields.take(gap_size)?;
    let gap_span = span(dense_span.1, gaps);
    if !fields.0.is_empty() {
        return None;
    }
    let dense_entries = Dense { runs: &runs, directory: chunk_directory, data: dense }.checked()?;
    let gap_entries = Gaps::checked(gap_directory, gaps, gap_entries)?.entries();
    if dense_entries.checked_add(gap_entries)? != listed {
        return None;
    }
    let parts = Parts {
        chunk_directory: chunk_span,
        gap_directory: gap_directory_span,
        dense: dense_span,
        gaps: gap_span,
        gap_entries,
    };
    Some((head, listed, coverage, runs, parts))
}

fn to_be_signed(context: &[u8], content: &[u8]) -> Vec<u8> {
    [context, &sha256(content)].concat()
}

fn is_signed(context: &[u8], bytes: &[u8], keys: &[[u8; 32]]) -> bool {
    let Some((content, signature)) = bytes.split_last_chunk::<SIGNATURE_BYTES>() else { return false };
    let message = to_be_signed(context, content);
    keys.iter().any(|key| verify_ed25519(key, &message, signature))
}
