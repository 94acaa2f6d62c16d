//! Fields of the byte strings: little-endian integers, taken one after the other and never beyond the end.

use super::Coverage;
use super::wide::{WIDE_BYTES, Wide};

/// The integer at a place.
pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk::<8>().map(|bytes| u64::from_le_bytes(*bytes))
}

/// What is left of a byte string.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_le_bytes)
    }

    pub(super) fn size(&mut self) -> Option<usize> {
        self.u64().and_then(|size| usize::try_from(size).ok())
    }

    /// Ranges in canonical form: ascending, apart from each other.
    pub(super) fn coverage(&mut self, ranges: usize) -> Option<Coverage> {
        let bytes = self.take(ranges.checked_mul(2 * WIDE_BYTES)?)?;
        let mut out: Vec<(Wide, Wide)> = Vec::with_capacity(ranges);
        let (pairs, _) = bytes.as_chunks::<{ 2 * WIDE_BYTES }>();
        for pair in pairs {
            let first = Wide::from_be_bytes(pair.first_chunk()?);
            let last = Wide::from_be_bytes(pair.last_chunk()?);
            let apart = match out.last() {
                None => first > Wide::default(),
                Some((_, before)) => before.next().is_some_and(|next| first > next),
            };
            if !apart || last < first {
                return None;
            }
            out.push((first, last));
        }
        Some(Coverage(out))
    }
}

pub(super) fn put_coverage(coverage: &Coverage, out: &mut Vec<u8>) {
    for (first, last) in &coverage.0 {
        out.extend(first.to_be_bytes());
        out.extend(last.to_be_bytes());
    }
}

pub(super) fn size_of(part: &[u8]) -> [u8; 8] {
    (part.len() as u64).to_le_bytes()
}

pub(super) fn count_of(count: usize) -> [u8; 4] {
    // No section has so many parts: a directory alone would be larger than any file that is read.
    u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes()
}
