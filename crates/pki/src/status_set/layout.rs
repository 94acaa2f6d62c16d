//! Where the parts of sealed bytes lie, from the numbers in their head; and whether they fit together.
//!
//! The head is 16 words of 8 bytes: the magic, the version, the length of all, that of the description, members, dense
//! members, chunks, the first chunk's key, the directory's length, sparse members, the prefixes' shift and number, long
//! members, the earliest time, bits of a fact, entries of a leaf of the tree. Parts begin at multiples of 64 bytes.

use super::view::View;
use super::{narrow, wide};
use crate::list_tree::{ENTRIES_PER_LEAF, kept_hashes};

/// Why sealed bytes are not a list or a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealedError {
    /// Their digest is not the one that was recorded.
    #[error("the sealed bytes are not those that were recorded")]
    Digest,
    /// Another version of the form: seal the list anew.
    #[error("the sealed bytes have another version")]
    Version,
    /// Not sealed bytes, or ones whose parts do not fit together.
    #[error("not sealed bytes")]
    Malformed,
    /// The list's issuer is none of the trusted authorities.
    #[error("the sealed list's issuer is not a trust anchor")]
    UnknownIssuer,
}

/// The first word.
const MAGIC: u64 = u64::from_le_bytes(*b"musubiSS");
/// Raised with every change of the form.
const VERSION: u64 = 1;
const HEAD: usize = 16 * 8;
/// More members than any list has within its 2 GiB, and few enough for counters of 32 bits.
const MOST: usize = 1 << 31;
/// Bits of a fact: 4 of the reason's code and at most 38 of the seconds from year 0 to 9999.
const MOST_BITS: usize = 44;
/// Of an authority's directory name, at most.
const LONGEST_DESCRIPTION: usize = 1 << 17;

/// A part: where it begins, and its bytes.
type Part = (usize, usize);

/// The numbers of the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(super) description: usize,
    pub(super) dense: usize,
    pub(super) chunks: usize,
    pub(super) first_key: u64,
    pub(super) directory: usize,
    pub(super) sparse: usize,
    pub(super) shift: u32,
    /// A power of two, or 0 if nothing is sparse.
    pub(super) prefixes: usize,
    pub(super) long: usize,
    pub(super) base: i64,
    /// 0: no facts.
    pub(super) bits: usize,
    pub(super) tree: Tree,
}

/// Whether there is a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tree {
    Absent,
    Present,
}

/// Where each part lies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    pub(super) counts: Counts,
    pub(super) description: Part,
    pub(super) directory: Part,
    pub(super) chunks: Part,
    pub(super) counters: Part,
    pub(super) bitmaps: Part,
    pub(super) prefixes: Part,
    pub(super) sparse: Part,
    pub(super) long: Part,
    pub(super) facts: Part,
    pub(super) tree: Part,
    pub(super) total: usize,
}

impl Layout {
    /// The layout of a set with these numbers; `None` if they are larger than any list's.
    pub(super) fn of(counts: Counts) -> Option<Self> {
        let Counts { description, dense, chunks, directory, sparse, prefixes, long, bits, .. } = counts;
        let small = [dense, chunks, directory, sparse, prefixes, long].into_iter().all(|n| n <= MOST);
        if !small || description > LONGEST_DESCRIPTION || bits > MOST_BITS {
            return None;
        }
        let entries = dense.checked_add(sparse)?.checked_add(long).filter(|entries| *entries <= MOST)?;
        let mut at = HEAD;
        let mut part = |length: usize| {
            let start = at.checked_next_multiple_of(64)?;
            at = start.checked_add(length)?;
            Some((start, length))
        };
        let kept = if counts.tree == Tree::Present { kept_hashes(entries) } else { 0 };
        // A fact is read with the 8 bytes that it begins in.
        let facts = if bits == 0 { 0 } else { entries.checked_mul(bits)?.div_ceil(8).checked_add(8)? };
        Some(Self {
            counts,
            description: part(description)?,
            directory: part(directory.checked_mul(4)?)?,
            chunks: part(chunks.checked_mul(24)?)?,
            counters: part(chunks.checked_mul(2048)?)?,
            bitmaps: part(chunks.checked_mul(8192)?)?,
            prefixes: part(if prefixes == 0 { 0 } else { (prefixes + 1).checked_mul(4)? })?,
            sparse: part(sparse.checked_mul(8)?)?,
            long: part(long.checked_mul(20)?)?,
            facts: part(facts)?,
            tree: part(kept.checked_mul(32)?)?,
            total: at,
        })
    }

    pub(super) fn head(&self) -> [u64; 16] {
        let Counts { description, dense, chunks, first_key, directory, sparse, .. } = self.counts;
        let Counts { shift, prefixes, long, base, bits, tree, .. } = self.counts;
        let leaf = if tree == Tree::Present { wide(ENTRIES_PER_LEAF) } else { 0 };
        [
            MAGIC,
            VERSION,
            wide(self.total),
            wide(description),
            wide(self.entries()),
            wide(dense),
            wide(chunks),
            first_key,
            wide(directory),
            wide(sparse),
            u64::from(shift),
            wide(prefixes),
            wide(long),
            u64::from_le_bytes(base.to_le_bytes()),
            wide(bits),
            leaf,
        ]
    }

    /// Reads the head and checks that every part lies within the bytes, that chunks and counters are in order, and that
    /// directory and prefixes lead into their parts.
    pub(crate) fn open(bytes: &[u8]) -> Result<Self, SealedError> {
        let head = bytes.get(..HEAD).ok_or(SealedError::Malformed)?.as_chunks::<8>().0;
        let mut words = head.iter().map(|word| u64::from_le_bytes(*word));
        let mut word = || words.next().ok_or(SealedError::Malformed);
        if word()? != MAGIC {
            return Err(SealedError::Malformed);
        }
        if word()? != VERSION {
            return Err(SealedError::Version);
        }
        let (total, description, entries) = (word()?, narrow(word()?), word()?);
        let (dense, chunks, first_key, directory) =
            (narrow(word()?), narrow(word()?), word()?, narrow(word()?));
        let sparse = narrow(word()?);
        let shift = u32::try_from(word()?).map_err(|_| SealedError::Malformed)?;
        let (prefixes, long, base, bits) =
            (narrow(word()?), narrow(word()?), i64::from_le_bytes(word()?.to_le_bytes()), narrow(word()?));
        let leaf = word()?;
        let tree = if leaf == 0 { Tree::Absent } else { Tree::Present };
        let counts = Counts {
            description,
            dense,
            chunks,
            first_key,
            directory,
            sparse,
            shift,
            prefixes,
            long,
            base,
            bits,
            tree,
        };
        let layout = Self::of(counts).ok_or(SealedError::Malformed)?;
        let fits = wide(layout.total) == total && wide(bytes.len()) == total;
        let counted = wide(layout.entries()) == entries && (leaf == 0 || leaf == wide(ENTRIES_PER_LEAF));
        let indexed = (prefixes == 0) == (sparse == 0)
            && (prefixes == 0 || prefixes.is_power_of_two())
            && shift < 64
            && first_key >> 48 == 0
            && (directory != 0 || first_key == 0);
        // Seconds of the years that a time has; the largest fact does not overflow.
        let dated = bits != 0 && bits < 4;
        let years = (-(1_i64 << 40)..1 << 40).contains(&base);
        if !fits || !counted || !indexed || dated || !years || !layout.view(bytes).is_in_order() {
            return Err(SealedError::Malformed);
        }
        Ok(layout)
    }

    pub(crate) fn entries(&self) -> usize {
        self.counts.dense + self.counts.sparse + self.counts.long
    }

    pub(crate) fn description<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        slice(bytes, self.description)
    }

    /// Always inlined: a single lookup needs few of the parts, and the others then cost nothing.
    #[inline(always)]
    pub(crate) fn view<'a>(&self, bytes: &'a [u8]) -> View<'a> {
        let part = |part| slice(bytes, part);
        View {
            first_key: self.counts.first_key,
            dense: self.counts.dense,
            directory: part(self.directory).as_chunks().0,
            chunks: part(self.chunks).as_chunks().0.as_chunks().0,
            counters: part(self.counters).as_chunks().0.as_chunks().0,
            bitmaps: part(self.bitmaps).as_chunks().0.as_chunks().0,
            shift: self.counts.shift,
            prefixes: part(self.prefixes).as_chunks().0,
            sparse: part(self.sparse).as_chunks().0,
            long: part(self.long).as_chunks().0,
            base: self.counts.base,
            bits: self.counts.bits,
            facts: part(self.facts),
            tree: part(self.tree).as_chunks().0,
        }
    }
}

#[inline(always)]
fn slice(bytes: &[u8], (start, length): Part) -> &[u8] {
    // Within the bytes since they were opened.
    bytes.get(start..start + length).unwrap_or_default()
}
