//! Making sealed bytes: first the members, then when and why each was revoked, then the tree.

use musubi_kernel::UnixTime;

use super::collect::{Collected, Collector, DuplicateSerial};
use super::layout::{Counts, Layout, Tree};
use super::view::View;
use super::{Key, Moment, narrow, wide};
use crate::list_tree;

/// The set cannot be made, or not be filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DraftError {
    /// A serial number came twice.
    Duplicate,
    /// More than a set can hold.
    TooLarge,
    /// The second pass gave something that the first did not.
    Changed,
}

impl From<DuplicateSerial> for DraftError {
    fn from(_: DuplicateSerial) -> Self {
        Self::Duplicate
    }
}

/// Bytes of a set whose facts and tree are still to be written.
pub(crate) struct Draft {
    bytes: Vec<u8>,
    layout: Layout,
}

impl Draft {
    /// Of what was collected. `times` are the earliest and the latest revocation; `None` for a set without facts, which has
    /// no tree either.
    pub(crate) fn of(
        collector: Collector,
        description: &[u8],
        times: Option<(UnixTime, UnixTime)>,
        tree: Tree,
    ) -> Result<Self, DraftError> {
        let Collected { chunks, sparse, long } = collector.collected()?;
        let members: Vec<usize> = chunks.iter().map(|(_, bitmap)| count(bitmap.as_slice())).collect();
        let first_key = chunks.first().map_or(0, |(key, _)| *key);
        let span = chunks.last().map_or(0, |(key, _)| key - first_key + 1);
        // Four bytes for each key between: at most a small part of the bitmaps.
        let direct = span <= wide(chunks.len()).saturating_mul(64);
        let (shift, prefixes) = prefixes_for(&sparse);
        let (base, bits) = times.map_or((0, 0), |(first, last)| {
            let span = u64::try_from(last.since(first)).unwrap_or_default();
            (first.0, 4 + narrow(u64::from(u64::BITS - span.leading_zeros())))
        });
        let counts = Counts {
            description: description.len(),
            dense: members.iter().sum(),
            chunks: chunks.len(),
            first_key: if direct { first_key } else { 0 },
            directory: if direct { narrow(span) } else { 0 },
            sparse: sparse.len(),
            shift,
            prefixes,
            long: long.len(),
            base,
            bits,
            tree,
        };
        let layout = Layout::of(counts).ok_or(DraftError::TooLarge)?;
        let mut draft = Self { bytes: vec![0; layout.total], layout };
        draft.put(0, layout.head().map(u64::to_le_bytes).as_flattened());
        draft.put(layout.description.0, description);
        let mut dense = 0;
        for (at, ((key, bitmap), members)) in chunks.iter().zip(&members).enumerate() {
            let before = sparse.partition_point(|serial| serial >> 16 < *key);
            let chunk = [*key, wide(dense), wide(before)].map(u64::to_le_bytes);
            draft.put(layout.chunks.0 + 24 * at, chunk.as_flattened());
            draft.put(layout.counters.0 + 2048 * at, counters(bitmap.as_slice()).as_flattened());
            draft.put(layout.bitmaps.0 + 8192 * at, bitmap.map(u64::to_le_bytes).as_flattened());
            if direct {
                let slot = u32::try_from(at + 1).unwrap_or_default().to_le_bytes();
                draft.put(layout.directory.0 + 4 * narrow(key - first_key), &slot);
            }
            dense += members;
        }
        let mut prefix = 0;
        let ends = sparse.iter().map(|serial| narrow(serial >> shift)).chain([prefixes]);
        for (below, next) in ends.enumerate().take(if prefixes == 0 { 0 } else { usize::MAX }) {
            let below = u32::try_from(below).unwrap_or_default().to_le_bytes();
            while prefix <= next {
                draft.put(layout.prefixes.0 + 4 * prefix, &below);
                prefix += 1;
            }
        }
        for (at, serial) in sparse.iter().enumerate() {
            draft.put(layout.sparse.0 + 8 * at, &serial.to_le_bytes());
        }
        draft.put(layout.long.0, long.as_flattened());
        Ok(draft)
    }

    fn put(&mut self, at: usize, part: &[u8]) {
        if let Some(place) = self.bytes.get_mut(at..at + part.len()) {
            place.copy_from_slice(part);
        }
    }

    /// To write the facts, each once and in any order.
    pub(crate) fn filler(&mut self) -> Filler<'_> {
        let layout = self.layout;
        let (structure, rest) = self.bytes.split_at_mut(layout.facts.0);
        let facts = rest.get_mut(..layout.facts.1).unwrap_or_default();
        let bits = layout.counts.bits;
        Filler { view: layout.view(structure), facts, base: layout.counts.base, bits, filled: 0 }
    }

    /// The set, with its tree if it was to have one.
    pub(crate) fn sealed(mut self) -> Vec<u8> {
        if self.layout.counts.tree == Tree::Present {
            let hashes = list_tree::kept_over(self.layout.view(&self.bytes));
            self.put(self.layout.tree.0, hashes.as_flattened());
        }
        self.bytes
    }
}

/// Writes facts into a draft.
pub(crate) struct Filler<'a> {
    view: View<'a>,
    facts: &'a mut [u8],
    base: i64,
    bits: usize,
    filled: usize,
}

impl Filler<'_> {
    #[inline]
    pub(crate) fn put(&mut self, key: Key, moment: Moment) -> Result<(), DraftError> {
        let place = self.view.find(key).ok_or(DraftError::Changed)?;
        let seconds = moment.at.0.checked_sub(self.base).and_then(|s| u64::try_from(s).ok());
        let seconds = seconds.ok_or(DraftError::Changed)?;
        let fact = seconds << 4 | u64::from(moment.code & 15);
        let bit = place.0 * self.bits;
        let word = self.facts.get_mut(bit >> 3..).and_then(|rest| rest.first_chunk_mut::<8>());
        let (Some(word), true) = (word, self.bits < 64 && fact >> self.bits == 0) else {
            return Err(DraftError::Changed);
        };
        *word = (u64::from_le_bytes(*word) | fact << (bit & 7)).to_le_bytes();
        self.filled += 1;
        Ok(())
    }

    /// Whether every member has its fact, provided that none was given two.
    pub(crate) fn finish(self) -> Result<(), DraftError> {
        if self.filled == self.view.len() { Ok(()) } else { Err(DraftError::Changed) }
    }
}

fn count(words: &[u64]) -> usize {
    narrow(words.iter().map(|word| u64::from(word.count_ones())).sum())
}

/// Of each 64 serial numbers, how many members stand before them.
fn counters(bitmap: &[u64]) -> [[u8; 2]; 1024] {
    let mut out = [[0; 2]; 1024];
    let mut before = 0;
    for (counter, word) in out.iter_mut().zip(bitmap) {
        // At most 65472.
        *counter = u16::try_from(before).unwrap_or(u16::MAX).to_le_bytes();
        before += word.count_ones();
    }
    out
}

/// About four members below each prefix, of the bits that the largest has.
fn prefixes_for(sparse: &[u64]) -> (u32, usize) {
    let Some(largest) = sparse.last() else { return (0, 0) };
    let bits = u64::BITS - largest.leading_zeros();
    // One at least of a number of 64 bits, which are more than can be shifted out.
    let wanted = (sparse.len() / 4).max(1).ilog2().min(24).min(bits).max(bits.saturating_sub(63));
    (bits - wanted, 1 << wanted)
}
