//! Chunks of 65,536 serial numbers as 32 coded blocks each, for those that list at least 2,048. Chunks that follow one
//! another are a run, so that a chunk's place is computed, not stored; of each block the directory has its end and its
//! number of ones.

use super::coder::{self, BLOCK_BITS, BLOCK_WORDS, Block};
use super::layout::{Fields, u64_at};

/// Blocks of one chunk.
const BLOCKS: usize = 32;
/// Words of 64 bits of one chunk.
const WORDS: usize = BLOCKS * BLOCK_WORDS;
/// Fewer entries than this cost less as gaps: below, the directory's 8.5 bits per 512 serial numbers weigh too much.
const DENSE_FROM: u32 = 2048;
/// Bytes of a chunk's directory: offset, then end and ones of each block.
const CHUNK_BYTES: usize = 8 + 4 * BLOCKS;
/// Bytes of a run: key of the first chunk, number of chunks.
pub(super) const RUN_BYTES: usize = 12;
/// Keys of chunks have 48 bits: serial numbers of more than 64 are never dense.
const KEYS: u64 = 1 << 48;

/// The chunk being filled.
pub(super) struct Chunk {
    key: u64,
    words: Box<[u64; WORDS]>,
    count: u32,
}

/// The number of a chunk, and the place of a serial number in it.
fn place(serial: u64) -> (u64, usize) {
    (serial >> 16, usize::try_from(serial & 0xFFFF).unwrap_or_default())
}

impl Chunk {
    pub(super) fn of(serial: u64) -> Self {
        Self { key: place(serial).0, words: Box::new([0; WORDS]), count: 0 }
    }

    /// Adds one; `false` if it belongs to another chunk. Each is added once.
    pub(super) fn add(&mut self, serial: u64) -> bool {
        let (key, index) = place(serial);
        if key != self.key {
            return false;
        }
        if let Some(word) = self.words.get_mut(index / 64) {
            *word |= 1 << (index % 64);
            self.count += 1;
        }
        true
    }

    pub(super) fn serials(&self) -> impl Iterator<Item = u64> + '_ {
        ones_of(self.words.as_slice(), self.key << 16)
    }

    pub(super) fn is_dense(&self) -> bool {
        self.count >= DENSE_FROM
    }
}

/// The places of the ones, from `base` on.
fn ones_of(words: &[u64], base: u64) -> impl Iterator<Item = u64> + '_ {
    words.iter().zip(0_u64..).flat_map(move |(word, index)| {
        let mut left = *word;
        std::iter::from_fn(move || {
            let at = u64::from(left.trailing_zeros());
            left &= left.checked_sub(1)?;
            Some(base + index * 64 + at)
        })
    })
}

/// Chunks being written.
#[derive(Default)]
pub(super) struct DenseWriter {
    runs: Vec<(u64, u32)>,
    directory: Vec<u8>,
    data: Vec<u8>,
}

/// Chunks as they are written.
pub(super) struct DenseBytes {
    pub(super) runs: Vec<u8>,
    pub(super) directory: Vec<u8>,
    pub(super) data: Vec<u8>,
}

impl DenseBytes {
    pub(super) fn chunks(&self) -> usize {
        self.directory.len() / CHUNK_BYTES
    }
}

impl DenseWriter {
    /// The chunks come in ascending order.
    pub(super) fn push(&mut self, chunk: &Chunk) {
        match self.runs.last_mut() {
            Some((first, count)) if *first + u64::from(*count) == chunk.key => *count += 1,
            _ => self.runs.push((chunk.key, 1)),
        }
        let start = self.data.len();
        self.directory.extend((start as u64).to_le_bytes());
        for block in chunk.words.chunks(BLOCK_WORDS) {
            let ones = coder::encode(block, &mut self.data);
            let end = u16::try_from(self.data.len() - start).unwrap_or(u16::MAX);
            self.directory.extend(end.to_le_bytes());
            self.directory.extend(ones.to_le_bytes());
        }
    }

    pub(super) fn finish(self) -> DenseBytes {
        let mut runs = Vec::with_capacity(self.runs.len() * RUN_BYTES);
        for (first, count) in self.runs {
            runs.extend(first.to_le_bytes());
            runs.extend(count.to_le_bytes());
        }
        DenseBytes { runs, directory: self.directory, data: self.data }
    }
}

/// The runs and where their chunks begin in the directory: the part of the structure that is kept apart from the bytes.
#[derive(Clone, Default)]
pub(super) struct Runs(Vec<Run>);

#[derive(Clone, Copy)]
struct Run {
    first: u64,
    chunks: usize,
    before: usize,
}

impl Runs {
    /// `None` if they are not in order or are not of so many chunks.
    pub(super) fn parse(fields: &mut Fields<'_>, runs: usize, chunks: usize) -> Option<Self> {
        let bytes = fields.take(runs.checked_mul(RUN_BYTES)?)?;
        let mut fields = Fields(bytes);
        let (mut out, mut before, mut end) = (Vec::with_capacity(runs), 0_usize, None);
        for _ in 0..runs {
            let (first, count) = (fields.u64()?, fields.u32()?);
            let last = first.checked_add(u64::from(count))?;
            if count == 0 || last > KEYS || end.is_some_and(|end| first <= end) {
                return None;
            }
            out.push(Run { first, chunks: usize::try_from(count).ok()?, before });
            before = before.checked_add(usize::try_from(count).ok()?)?;
            end = Some(last);
        }
        (before == chunks).then_some(Self(out))
    }

    fn chunk(&self, key: u64) -> Option<usize> {
        let after = self.0.partition_point(|run| run.first <= key);
        let run = self.0.get(after.checked_sub(1)?)?;
        let within = usize::try_from(key - run.first).ok()?;
        (within < run.chunks).then_some(run.before + within)
    }

    /// `(key, number in the directory)` of each chunk.
    fn iter(&self) -> impl Iterator<Item = (u64, usize)> + '_ {
        self.0.iter().flat_map(|run| (run.first..).zip(run.before..run.before + run.chunks))
    }
}

/// The dense part of a file.
#[derive(Clone, Copy)]
pub(super) struct Dense<'a> {
    pub(super) runs: &'a Runs,
    pub(super) directory: &'a [u8],
    pub(super) data: &'a [u8],
}

impl<'a> Dense<'a> {
    pub(super) fn directory(fields: &mut Fields<'a>, chunks: usize) -> Option<&'a [u8]> {
        fields.take(chunks.checked_mul(CHUNK_BYTES)?)
    }

    /// The number of entries; `None` if the directory is not in order.
    pub(super) fn checked(&self) -> Option<u64> {
        let (mut start, mut total) = (0_u64, 0_u64);
        let (chunks, _) = self.directory.as_chunks::<CHUNK_BYTES>();
        for chunk in chunks {
            if u64_at(chunk, 0)? != start {
                return None;
            }
            let (mut end, mut listed) = (0_u16, 0_u32);
            let (blocks, _) = chunk.get(8..)?.as_chunks::<4>();
            for block in blocks {
                let (block_end, ones) = block_entry(*block);
                if block_end < end || usize::from(ones) > BLOCK_BITS {
                    return None;
                }
                end = block_end;
                listed += u32::from(ones);
            }
            if listed < DENSE_FROM {
                return None;
            }
            start += u64::from(end);
            total += u64::from(listed);
        }
        (usize::try_from(start).ok()? == self.data.len()).then_some(total)
    }

    /// Coded bytes and number of ones of a block.
    fn block(&self, chunk: usize, block: usize) -> Option<(&'a [u8], u16)> {
        let entry = self.directory.get(chunk * CHUNK_BYTES..(chunk + 1) * CHUNK_BYTES)?;
        let data = self.data.get(usize::try_from(u64_at(entry, 0)?).ok()?..)?;
        let (blocks, _) = entry.get(8..)?.as_chunks::<4>();
        let (end, ones) = block_entry(*blocks.get(block)?);
        let from = match block.checked_sub(1) {
            Some(before) => usize::from(block_entry(*blocks.get(before)?).0),
            None => 0,
        };
        Some((data.get(from..usize::from(end))?, ones))
    }

    pub(super) fn contains(&self, serial: u64) -> bool {
        let (key, index) = place(serial);
        let found = self.runs.chunk(key).and_then(|chunk| self.block(chunk, index / BLOCK_BITS));
        found.is_some_and(|(bytes, ones)| coder::bit_at(bytes, ones, index % BLOCK_BITS))
    }

    pub(super) fn iter(self) -> impl Iterator<Item = u64> + 'a {
        self.runs.iter().flat_map(move |(key, chunk)| {
            (0..BLOCKS).flat_map(move |block| {
                let words: Block = self
                    .block(chunk, block)
                    .map_or([0; BLOCK_WORDS], |(bytes, ones)| coder::decode(bytes, ones));
                let base = (key << 16) + (block * BLOCK_BITS) as u64;
                let mut ones = Ones { words, word: 0, base };
                std::iter::from_fn(move || ones.next_one())
            })
        })
    }
}

fn block_entry(entry: [u8; 4]) -> (u16, u16) {
    let [a, b, c, d] = entry;
    (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]))
}

/// The ones of a decoded block that is consumed.
struct Ones {
    words: Block,
    word: usize,
    base: u64,
}

impl Ones {
    fn next_one(&mut self) -> Option<u64> {
        loop {
            let word = self.words.get_mut(self.word)?;
            if *word != 0 {
                let at = u64::from(word.trailing_zeros());
                *word &= *word - 1;
                return Some(self.base + self.word as u64 * 64 + at);
            }
            self.word += 1;
        }
    }
}
