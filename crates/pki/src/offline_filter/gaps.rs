//! Sorted serial numbers as gaps (Rice codes), 512 to a block: for what is too thin for coded bitmaps, and for changes.
//! A directory names each block's first serial number, so that one lookup decodes one block.

use std::cmp::Ordering;

use super::layout::{Fields, u64_at};
use super::wide::{WIDE_BITS, WIDE_BYTES, Wide};

/// Serial numbers of one block.
const PER_BLOCK: usize = 512;
/// A quotient of so many is not written; the whole gap is, in 160 bits.
const ESCAPE: u32 = 24;
/// Bytes of one directory entry: first serial, offset of its gaps, parameter.
pub(super) const ENTRY_BYTES: usize = WIDE_BYTES + 9;

/// What a block holds after its first serial number.
fn blocks_of(entries: u64) -> u64 {
    entries.div_ceil(PER_BLOCK as u64)
}

/// A list being written.
#[derive(Default)]
pub(super) struct GapWriter {
    pending: Vec<Wide>,
    directory: Vec<u8>,
    data: Vec<u8>,
    entries: u64,
}

/// A list as it is written: directory, coded gaps, how many serial numbers.
pub(super) struct GapBytes {
    pub(super) directory: Vec<u8>,
    pub(super) data: Vec<u8>,
    pub(super) entries: u64,
}

impl GapWriter {
    /// The serial numbers come in ascending order.
    pub(super) fn push(&mut self, serial: Wide) {
        self.pending.push(serial);
        self.entries += 1;
        if self.pending.len() == PER_BLOCK {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let Some(first) = self.pending.first().copied() else { return };
        let gaps: Vec<Wide> = self
            .pending
            .iter()
            .zip(self.pending.iter().skip(1))
            .filter_map(|(before, after)| after.minus(*before)?.minus(Wide::from(1)))
            .collect();
        let parameter = parameter_of(&gaps);
        self.directory.extend(first.to_be_bytes());
        self.directory.extend((self.data.len() as u64).to_le_bytes());
        self.directory.push(u8::try_from(parameter).unwrap_or(u8::MAX));
        let mut bits = BitWriter { out: &mut self.data, free: 0 };
        for gap in gaps {
            match quotient(gap, parameter) {
                Some(quotient) => {
                    bits.put(u128::MAX, quotient);
                    bits.put(0, 1);
                    bits.put_wide(gap, parameter);
                }
                None => {
                    bits.put(u128::MAX, ESCAPE);
                    bits.put_wide(gap, WIDE_BITS);
                }
            }
        }
        self.pending.clear();
    }

    pub(super) fn finish(mut self) -> GapBytes {
        self.flush();
        GapBytes { directory: self.directory, data: self.data, entries: self.entries }
    }
}

fn quotient(gap: Wide, parameter: u32) -> Option<u32> {
    let quotient = u32::try_from(gap.shifted(parameter).as_u64()?).ok()?;
    (quotient < ESCAPE).then_some(quotient)
}

fn cost(gaps: &[Wide], parameter: u32) -> u64 {
    let one = |gap: &Wide| match quotient(*gap, parameter) {
        Some(quotient) => u64::from(quotient + 1 + parameter),
        None => u64::from(ESCAPE + WIDE_BITS),
    };
    gaps.iter().map(one).sum()
}

/// The best parameter is near the binary logarithm of the median, which no single wide gap moves.
fn parameter_of(gaps: &[Wide]) -> u32 {
    let mut sorted = gaps.to_vec();
    sorted.sort_unstable();
    let median = sorted.get(sorted.len() / 2).map_or(0, |gap| gap.bits()).saturating_sub(1);
    let (below, above) = (median.min(WIDE_BITS - 1), (median + 1).min(WIDE_BITS - 1));
    if cost(gaps, above) < cost(gaps, below) { above } else { below }
}

/// Most significant bit first.
struct BitWriter<'a> {
    out: &'a mut Vec<u8>,
    /// Bits of the last byte that are not written yet.
    free: u32,
}

impl BitWriter<'_> {
    fn put(&mut self, value: u128, count: u32) {
        for at in (0..count).rev() {
            if self.free == 0 {
                self.out.push(0);
                self.free = 8;
            }
            self.free -= 1;
            if let Some(last) = self.out.last_mut() {
                *last |= u8::from(value >> at & 1 == 1) << self.free;
            }
        }
    }

    fn put_wide(&mut self, value: Wide, count: u32) {
        self.put(u128::from(value.high()), count.saturating_sub(128));
        self.put(value.low(), count.min(128));
    }
}

struct BitReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl BitReader<'_> {
    /// The next bits, at least 57 of them; zeros after the end.
    fn peek(&self) -> u64 {
        let bytes = self.bytes.get(self.at / 8..).unwrap_or_default();
        let word = bytes.first_chunk::<8>().copied().unwrap_or_else(|| {
            let mut word = [0; 8];
            for (to, from) in word.iter_mut().zip(bytes) {
                *to = *from;
            }
            word
        });
        u64::from_be_bytes(word) << (self.at % 8)
    }

    fn take(&mut self, count: u32) -> u128 {
        let mut value = 0;
        let mut left = count;
        while left > 0 {
            let part = left.min(32);
            value = (value << part) | u128::from(self.peek() >> (64 - part));
            self.at += part as usize;
            left -= part;
        }
        value
    }

    fn take_wide(&mut self, count: u32) -> Wide {
        let high = self.take(count.saturating_sub(128));
        let low = self.take(count.min(128));
        Wide::of_parts(u32::try_from(high).unwrap_or(u32::MAX), low)
    }

    fn gap(&mut self, parameter: u32) -> Option<Wide> {
        let quotient = self.peek().leading_ones().min(ESCAPE);
        if quotient == ESCAPE {
            self.at += ESCAPE as usize;
            return Some(self.take_wide(WIDE_BITS));
        }
        self.at += quotient as usize + 1;
        let remainder = self.take_wide(parameter);
        // The quotient has at most five bits: high parts of 160 bits do not overflow a shift of two parts.
        let mut shifted = Wide::from(u64::from(quotient));
        for _ in 0..parameter {
            shifted = shifted.plus(shifted)?;
        }
        shifted.plus(remainder)
    }
}

/// A list within a file. Checked when it is made; lookups go nowhere else.
#[derive(Clone, Copy)]
pub(super) struct Gaps<'a> {
    directory: &'a [u8],
    data: &'a [u8],
    entries: u64,
}

impl<'a> Gaps<'a> {
    /// Takes the directory for `entries` serial numbers off the fields.
    pub(super) fn directory(fields: &mut Fields<'a>, entries: u64) -> Option<&'a [u8]> {
        let blocks = usize::try_from(blocks_of(entries)).ok()?;
        fields.take(blocks.checked_mul(ENTRY_BYTES)?)
    }

    /// `None` if the directory is not in order.
    pub(super) fn checked(directory: &'a [u8], data: &'a [u8], entries: u64) -> Option<Self> {
        let list = Self::trusted(directory, data, entries);
        let mut before: Option<(Wide, usize)> = None;
        for block in 0..list.blocks() {
            let (first, offset, parameter) = list.entry(block)?;
            let in_order = match before {
                None => offset == 0 && first > Wide::default(),
                Some((last, end)) => first > last && offset >= end,
            };
            if !in_order || offset > data.len() || parameter >= WIDE_BITS {
                return None;
            }
            before = Some((first, offset));
        }
        (before.is_some() || data.is_empty()).then_some(list)
    }

    /// Of parts that were checked before.
    pub(super) fn trusted(directory: &'a [u8], data: &'a [u8], entries: u64) -> Self {
        Self { directory, data, entries }
    }

    fn blocks(&self) -> usize {
        self.directory.len() / ENTRY_BYTES
    }

    fn entry(&self, block: usize) -> Option<(Wide, usize, u32)> {
        let entry = self.directory.get(block * ENTRY_BYTES..(block + 1) * ENTRY_BYTES)?;
        let (first, rest) = entry.split_first_chunk::<WIDE_BYTES>()?;
        let offset = usize::try_from(u64_at(rest, 0)?).ok()?;
        Some((Wide::from_be_bytes(first), offset, u32::from(*rest.get(8)?)))
    }

    /// The serial numbers of one block, ascending.
    fn block(self, block: usize) -> impl Iterator<Item = Wide> + 'a {
        let before = (block as u64).saturating_mul(PER_BLOCK as u64);
        let count = self.entries.saturating_sub(before).min(PER_BLOCK as u64);
        let entry = self.entry(block).filter(|_| count > 0);
        let mut state = entry.map(|(first, offset, parameter)| {
            let bytes = self.data.get(offset..).unwrap_or_default();
            (first, BitReader { bytes, at: 0 }, parameter, count)
        });
        std::iter::from_fn(move || {
            let (serial, mut bits, parameter, left) = state.take()?;
            if left > 1 {
                let next = bits.gap(parameter).and_then(|gap| serial.plus(gap)?.next());
                state = next.map(|next| (next, bits, parameter, left - 1));
            }
            Some(serial)
        })
    }

    pub(super) fn contains(&self, serial: Wide) -> bool {
        let (mut from, mut until) = (0, self.blocks());
        while from < until {
            let middle = from + (until - from) / 2;
            match self.entry(middle).map(|(first, ..)| first.cmp(&serial)) {
                Some(Ordering::Equal) => return true,
                Some(Ordering::Less) => from = middle + 1,
                _ => until = middle,
            }
        }
        let Some(block) = from.checked_sub(1) else { return false };
        self.block(block).take_while(|found| *found <= serial).any(|found| found == serial)
    }

    pub(super) fn iter(self) -> impl Iterator<Item = Wide> + 'a {
        (0..self.blocks()).flat_map(move |block| self.block(block))
    }

    pub(super) fn entries(&self) -> u64 {
        self.entries
    }
}
