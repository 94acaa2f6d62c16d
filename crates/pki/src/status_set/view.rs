//! Looking serial numbers up in sealed bytes.

use musubi_kernel::UnixTime;

use super::{Key, Moment, narrow, wide};

/// The parts of sealed bytes.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(super) first_key: u64,
    /// Dense members.
    pub(super) dense: usize,
    /// Of each key from the first on, the number of its chunk plus one; 0: none. Empty if keys lie too far apart.
    pub(super) directory: &'a [[u8; 4]],
    /// Of each chunk its key, and how many dense and sparse members stand before it.
    pub(super) chunks: &'a [[[u8; 8]; 3]],
    /// Of each chunk, how many members stand before each word of its bitmap.
    pub(super) counters: &'a [[[u8; 2]; 1024]],
    pub(super) bitmaps: &'a [[[u8; 8]; 1024]],
    pub(super) shift: u32,
    /// How many sparse members are below each prefix; one more at the end.
    pub(super) prefixes: &'a [[u8; 4]],
    pub(super) sparse: &'a [[u8; 8]],
    pub(super) long: &'a [[u8; 20]],
    pub(super) base: i64,
    pub(super) bits: usize,
    pub(super) facts: &'a [u8],
    pub(super) tree: &'a [[u8; 32]],
}

/// Where an entry's fact lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fact(pub(super) usize);

/// A chunk's key, and how many dense and sparse members stand before it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chunk {
    pub(super) key: u64,
    pub(super) dense: usize,
    pub(super) sparse: usize,
}

impl<'a> View<'a> {
    pub(crate) fn len(&self) -> usize {
        self.dense + self.sparse.len() + self.long.len()
    }

    /// The kept hashes of the tree, level by level from below.
    pub(crate) fn tree(&self) -> &'a [[u8; 32]] {
        self.tree
    }

    #[inline]
    pub(crate) fn contains(&self, key: Key) -> bool {
        match key {
            Key::Short(serial) => self.contains_short(serial),
            Key::Long(serial) => self.long.binary_search(&serial).is_ok(),
        }
    }

    #[inline]
    pub(crate) fn contains_short(&self, serial: u64) -> bool {
        match self.chunk_of(serial >> 16) {
            Some(at) => self.bitmaps.get(at).is_some_and(|bitmap| is_set(bitmap, serial)),
            None => !self.sparse.is_empty() && self.sparse_place(serial).is_ok(),
        }
    }

    /// The number of the chunk with this key.
    #[inline]
    fn chunk_of(&self, key: u64) -> Option<usize> {
        if self.directory.is_empty() {
            return if self.chunks.is_empty() { None } else { self.search_chunk(key).ok() };
        }
        let slot = self.directory.get(narrow(key.wrapping_sub(self.first_key)))?;
        narrow(u64::from(u32::from_le_bytes(*slot))).checked_sub(1)
    }

    fn search_chunk(&self, key: u64) -> Result<usize, usize> {
        self.chunks.binary_search_by_key(&key, |[key, ..]| u64::from_le_bytes(*key))
    }

    #[inline]
    pub(super) fn chunk(&self, at: usize) -> Option<Chunk> {
        let [key, dense, sparse] = self.chunks.get(at)?.map(u64::from_le_bytes);
        Some(Chunk { key, dense: narrow(dense), sparse: narrow(sparse) })
    }

    /// How many dense and sparse members stand before a chunk; all of them before the end.
    fn before(&self, at: usize) -> (usize, usize) {
        let end = (self.dense, self.sparse.len());
        self.chunk(at).map_or(end, |chunk| (chunk.dense, chunk.sparse))
    }

    #[inline]
    pub(super) fn word(&self, chunk: usize, word: usize) -> u64 {
        let word = self.bitmaps.get(chunk).and_then(|bitmap| bitmap.get(word));
        word.map_or(0, |word| u64::from_le_bytes(*word))
    }

    #[inline]
    pub(super) fn sparse_at(&self, at: usize) -> Option<u64> {
        self.sparse.get(at).map(|serial| u64::from_le_bytes(*serial))
    }

    #[inline]
    fn sparse_place(&self, serial: u64) -> Result<usize, usize> {
        let prefix = narrow(serial >> self.shift);
        let at = |at: usize| self.prefixes.get(at).map(|n| narrow(u64::from(u32::from_le_bytes(*n))));
        let (Some(from), Some(to)) = (at(prefix), prefix.checked_add(1).and_then(at)) else {
            return Err(self.sparse.len());
        };
        let among = self.sparse.get(from..to).unwrap_or_default();
        let found = among.binary_search_by_key(&serial, |serial| u64::from_le_bytes(*serial));
        found.map(|at| from + at).map_err(|at| from + at)
    }

    /// How many members of the chunk are below the serial number.
    #[inline]
    fn rank_in(&self, chunk: usize, serial: u64) -> usize {
        let word = narrow((serial >> 6) & 1023);
        let counter = self.counters.get(chunk).and_then(|counters| counters.get(word));
        let below = self.word(chunk, word) & ((1 << (serial & 63)) - 1);
        counter.map_or(0, |n| usize::from(u16::from_le_bytes(*n))) + narrow_bits(below.count_ones())
    }

    /// Where a member's fact lies.
    #[inline]
    pub(crate) fn find(&self, key: Key) -> Option<Fact> {
        match key {
            Key::Short(serial) => self.find_short(serial),
            Key::Long(serial) => {
                let at = self.long.binary_search(&serial).ok()?;
                Some(Fact(self.dense + self.sparse.len() + at))
            }
        }
    }

    #[inline]
    pub(crate) fn find_short(&self, serial: u64) -> Option<Fact> {
        match self.chunk_of(serial >> 16) {
            Some(at) => {
                let bitmap = self.bitmaps.get(at)?;
                if !is_set(bitmap, serial) {
                    return None;
                }
                let [_, dense, _] = self.chunks.get(at)?;
                Some(Fact(narrow(u64::from_le_bytes(*dense)) + self.rank_in(at, serial)))
            }
            None if self.sparse.is_empty() => None,
            None => Some(Fact(self.dense + self.sparse_place(serial).ok()?)),
        }
    }

    /// When and why; 1970 and unspecified in a set without facts.
    #[inline]
    pub(crate) fn moment(&self, Fact(at): Fact) -> Moment {
        let raw = bits_at(self.facts, at.wrapping_mul(self.bits), self.bits);
        let seconds = i64::try_from(raw >> 4).unwrap_or_default();
        Moment { at: UnixTime(self.base.saturating_add(seconds)), code: low_bits(raw) }
    }

    /// Whether entries from two places on, this many, have the same facts.
    pub(super) fn same_facts(&self, own: usize, other: &View<'_>, others: usize, count: usize) -> bool {
        if (self.base, self.bits) != (other.base, other.bits) {
            let same = |n| self.moment(Fact(own + n)) == other.moment(Fact(others + n));
            return (0..count).all(same);
        }
        let (mut a, mut b, mut left) = (own * self.bits, others * self.bits, count * self.bits);
        while left > 0 {
            let stride = left.min(56);
            if bits_at(self.facts, a, stride) != bits_at(other.facts, b, stride) {
                return false;
            }
            (a, b, left) = (a + stride, b + stride, left - stride);
        }
        true
    }

    /// Where an entry stands in the order of serial numbers, or would stand.
    pub(crate) fn position(&self, key: Key) -> Result<usize, usize> {
        let serial = match key {
            Key::Short(serial) => serial,
            Key::Long(serial) => {
                let before = self.dense + self.sparse.len();
                let found = self.long.binary_search(&serial);
                return found.map(|at| before + at).map_err(|at| before + at);
            }
        };
        match self.search_chunk(serial >> 16) {
            Ok(at) => {
                let (dense, sparse) = self.before(at);
                let position = dense + sparse + self.rank_in(at, serial);
                let listed = self.bitmaps.get(at).is_some_and(|bitmap| is_set(bitmap, serial));
                if listed { Ok(position) } else { Err(position) }
            }
            Err(at) => {
                let (dense, _) = self.before(at);
                if self.sparse.is_empty() {
                    return Err(dense);
                }
                self.sparse_place(serial).map(|at| dense + at).map_err(|at| dense + at)
            }
        }
    }

    /// The chunk that holds the entry at a position, or stands before it, and how far behind its first entry that is.
    pub(super) fn chunk_at(&self, position: usize) -> Option<(usize, usize)> {
        let start = |[_, dense, sparse]: &[[u8; 8]; 3]| {
            narrow(u64::from_le_bytes(*dense).saturating_add(u64::from_le_bytes(*sparse)))
        };
        let at = self.chunks.partition_point(|chunk| start(chunk) <= position).checked_sub(1)?;
        Some((at, position - self.chunks.get(at).map(start)?))
    }

    pub(super) fn members_of(&self, chunk: usize) -> usize {
        self.before(chunk + 1).0.saturating_sub(self.before(chunk).0)
    }

    /// The word of a chunk that holds its member of this rank, and how many members stand before that word.
    pub(super) fn word_of_rank(&self, chunk: usize, rank: usize) -> (usize, usize) {
        let counters = self.counters.get(chunk).map_or(&[][..], |counters| counters.as_slice());
        let count = |n: &[u8; 2]| usize::from(u16::from_le_bytes(*n));
        // Words without members have the counter of the next one: the last of several is meant.
        let word = counters.partition_point(|n| count(n) <= rank).saturating_sub(1);
        (word, counters.get(word).map_or(0, count))
    }

    /// What [`Layout::open`](super::Layout::open) needs to know beyond lengths.
    pub(super) fn is_in_order(&self) -> bool {
        let chunk = |at| self.chunk(at).unwrap_or(Chunk { key: 0, dense: 0, sparse: 0 });
        let (mut dense, mut sparse, mut next_key) = (0, 0, 0);
        for at in 0..self.chunks.len() {
            let this = chunk(at);
            let members = self.members_of(at);
            let counted = self.counters.get(at).is_some_and(|counters| {
                let counts = || counters.iter().map(|n| usize::from(u16::from_le_bytes(*n)));
                counts().is_sorted() && counts().next() == Some(0) && counts().all(|n| n <= members)
            });
            let ordered = this.key >= next_key && this.key >> 48 == 0;
            let behind = this.dense == dense && this.sparse >= sparse && this.sparse <= self.sparse.len();
            if !ordered || !behind || !counted || !(1..=1 << 16).contains(&members) {
                return false;
            }
            (dense, sparse, next_key) = (dense + members, this.sparse, this.key + 1);
        }
        let prefixes = || self.prefixes.iter().map(|n| narrow(u64::from(u32::from_le_bytes(*n))));
        let prefixed =
            prefixes().is_sorted() && prefixes().next_back().unwrap_or_default() == self.sparse.len();
        dense == self.dense && prefixed && self.directory_is_right()
    }

    fn directory_is_right(&self) -> bool {
        if self.directory.is_empty() {
            return true;
        }
        let mut next = 0;
        for (key, slot) in (self.first_key..).zip(self.directory) {
            let expected = match self.chunk(next) {
                Some(chunk) if chunk.key == key => {
                    next += 1;
                    next
                }
                _ => 0,
            };
            if wide(expected) != u64::from(u32::from_le_bytes(*slot)) {
                return false;
            }
        }
        next == self.chunks.len()
    }
}

#[inline]
fn is_set(bitmap: &[[u8; 8]; 1024], serial: u64) -> bool {
    let word = bitmap.get(narrow((serial >> 6) & 1023));
    word.is_some_and(|word| u64::from_le_bytes(*word) >> (serial & 63) & 1 == 1)
}

#[inline]
fn narrow_bits(bits: u32) -> usize {
    narrow(u64::from(bits))
}

/// Up to 57 bits from a bit on.
#[inline]
fn bits_at(bytes: &[u8], bit: usize, count: usize) -> u64 {
    let from = bit >> 3;
    let word = bytes.get(from..from.saturating_add(8)).and_then(|eight| eight.first_chunk::<8>());
    word.map_or(0, |word| u64::from_le_bytes(*word) >> (bit & 7) & ((1 << count) - 1))
}

#[inline]
fn low_bits(raw: u64) -> u8 {
    let [low, ..] = raw.to_le_bytes();
    low & 0x0F
}
