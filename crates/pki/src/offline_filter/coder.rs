//! Blocks of 2,048 bits, each entropy-coded by a binary range coder whose probability is the block's own share of ones.
//!
//! A block of `k` ones costs little more than log2 C(2048, k) bits. The share is exact in 1/65,536 (`k` × 32), so no
//! division and no floating point is involved, and every machine writes the same bytes. Empty and full blocks cost none.

/// Bits of one block.
pub(super) const BLOCK_BITS: usize = 2048;
/// Words of 64 bits of one block.
pub(super) const BLOCK_WORDS: usize = BLOCK_BITS / 64;
/// One block, least significant bit first.
pub(super) type Block = [u64; BLOCK_WORDS];

/// 65,536 / 2,048: from a count of ones to a probability of 16 bits.
const SHARE: u64 = 32;
/// Below this, 32 more bits come in or go out.
const LEAST_RANGE: u64 = 1 << 32;

fn is_plain(ones: u16) -> bool {
    ones == 0 || usize::from(ones) >= BLOCK_BITS
}

fn bits_of(block: &[u64]) -> impl Iterator<Item = bool> + '_ {
    block.iter().flat_map(|word| (0..64).map(move |at| word >> at & 1 == 1))
}

/// Appends the coded block to `out`; answers its number of ones. At most [`BLOCK_WORDS`] words are read.
pub(super) fn encode(block: &[u64], out: &mut Vec<u8>) -> u16 {
    let count: u32 = block.iter().map(|word| word.count_ones()).sum();
    let ones = u16::try_from(count).unwrap_or(u16::MAX);
    if is_plain(ones) {
        return ones;
    }
    let start = out.len();
    let share = u64::from(ones) * SHARE;
    let (mut low, mut range) = (0_u64, u64::MAX);
    for bit in bits_of(block) {
        let split = (range >> 16) * share;
        if bit {
            range = split;
        } else {
            let (sum, carried) = low.overflowing_add(split);
            if carried {
                carry(out, start);
            }
            low = sum;
            range -= split;
        }
        if range < LEAST_RANGE {
            out.extend_from_slice(low.to_be_bytes().first_chunk::<4>().unwrap_or(&[0; 4]));
            low <<= 32;
            range <<= 32;
        }
    }
    finish(low, range, start, out);
    ones
}

/// Adds one to the number that the block's bytes are. It is below one as a fraction, so no carry leaves the block.
fn carry(out: &mut [u8], start: usize) {
    for byte in out.iter_mut().skip(start).rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            return;
        }
    }
}

/// The shortest bytes of which, with zeros after them, the decoder makes a number within the range.
fn finish(low: u64, range: u64, start: usize, out: &mut Vec<u8>) {
    for bytes in 0..=8_u32 {
        let rest = u64::MAX.checked_shr(8 * bytes).unwrap_or(0);
        let rounded = (u128::from(low) + u128::from(rest)) & !u128::from(rest);
        if rounded - u128::from(low) >= u128::from(range) {
            continue;
        }
        if rounded > u128::from(u64::MAX) {
            carry(out, start);
        }
        let kept = (rounded & u128::from(u64::MAX)) as u64;
        out.extend(kept.to_be_bytes().into_iter().take(bytes as usize));
        break;
    }
    while out.len() > start && out.last() == Some(&0) {
        out.pop();
    }
}

struct Decoder<'a> {
    rest: &'a [u8],
    share: u64,
    code: u64,
    range: u64,
}

impl<'a> Decoder<'a> {
    fn new(bytes: &'a [u8], ones: u16) -> Self {
        let mut decoder = Self { rest: bytes, share: u64::from(ones) * SHARE, code: 0, range: u64::MAX };
        decoder.code = u64::from(decoder.word()) << 32;
        decoder.code |= u64::from(decoder.word());
        decoder
    }

    /// The next four bytes; zeros after the last.
    fn word(&mut self) -> u32 {
        if let Some((word, rest)) = self.rest.split_first_chunk::<4>() {
            self.rest = rest;
            return u32::from_be_bytes(*word);
        }
        let mut word = [0; 4];
        for (to, from) in word.iter_mut().zip(self.rest) {
            *to = *from;
        }
        self.rest = &[];
        u32::from_be_bytes(word)
    }

    #[inline]
    fn bit(&mut self) -> bool {
        let split = (self.range >> 16) * self.share;
        let bit = self.code < split;
        // Without a branch: which bit comes cannot be foreseen.
        let taken = u64::from(bit).wrapping_neg();
        self.range = (split & taken) | (self.range.wrapping_sub(split) & !taken);
        self.code = self.code.wrapping_sub(split & !taken);
        if self.range < LEAST_RANGE {
            self.range <<= 32;
            self.code = (self.code << 32) | u64::from(self.word());
        }
        bit
    }
}

/// The whole block. Any bytes give some block; the work is that of 2,048 steps.
pub(super) fn decode(bytes: &[u8], ones: u16) -> Block {
    if is_plain(ones) {
        return [if ones == 0 { 0 } else { u64::MAX }; BLOCK_WORDS];
    }
    let mut decoder = Decoder::new(bytes, ones);
    let mut block = [0; BLOCK_WORDS];
    for word in &mut block {
        for at in 0..64 {
            *word |= u64::from(decoder.bit()) << at;
        }
    }
    block
}

/// One bit of the block; what comes after it is not decoded.
pub(super) fn bit_at(bytes: &[u8], ones: u16, index: usize) -> bool {
    if is_plain(ones) {
        return ones != 0;
    }
    let mut decoder = Decoder::new(bytes, ones);
    for _ in 0..index {
        decoder.bit();
    }
    decoder.bit()
}

#[cfg(test)]
mod tests {
    use musubi_kernel::{Random, SeededRandom};

    use super::{BLOCK_BITS, BLOCK_WORDS, Block, bit_at, decode, encode};

    fn block(random: &SeededRandom, of_256: u8) -> Block {
        let mut bytes = [0; BLOCK_BITS];
        random.fill(&mut bytes);
        let mut block = [0; BLOCK_WORDS];
        for (index, byte) in bytes.iter().enumerate() {
            block[index / 64] |= u64::from(*byte < of_256) << (index % 64);
        }
        block
    }

    #[test]
    fn every_block_comes_back_and_costs_little_more_than_its_information() {
        let random = SeededRandom::new([3; 32]);
        for of_256 in [0, 1, 2, 10, 58, 128, 200, 250, 255] {
            for _ in 0..50 {
                let block = block(&random, of_256);
                let mut out = vec![0xFF, 0xFF];
                let ones = encode(&block, &mut out);
                assert_eq!(out[..2], [0xFF, 0xFF], "a carry stays within its block");
                assert_eq!(decode(&out[2..], ones), block);
                for index in [0, 1, 63, 64, 1000, 2047] {
                    assert_eq!(bit_at(&out[2..], ones, index), block[index / 64] >> (index % 64) & 1 == 1);
                }
                let share = f64::from(ones) / BLOCK_BITS as f64;
                let entropy = if ones == 0 || usize::from(ones) == BLOCK_BITS {
                    0.0
                } else {
                    -share * share.log2() - (1.0 - share) * (1.0 - share).log2()
                };
                let bound = entropy * BLOCK_BITS as f64 / 8.0 + 1.5;
                assert!(((out.len() - 2) as f64) <= bound, "{} bytes, {bound} at {ones} ones", out.len() - 2);
            }
        }
    }

    #[test]
    fn blocks_with_one_odd_bit_at_either_end_come_back() {
        for (word, bit) in [(0, 0), (0, 63), (31, 63), (31, 0)] {
            for fill in [0, u64::MAX] {
                let mut block = [fill; BLOCK_WORDS];
                block[word] ^= 1 << bit;
                let mut out = Vec::new();
                let ones = encode(&block, &mut out);
                assert_eq!(decode(&out, ones), block);
                assert!(out.len() <= 3, "{}", out.len());
            }
        }
    }

    #[test]
    fn any_bytes_are_some_block() {
        for bytes in [&[][..], &[0xFF; 300], &[0; 7], &[0x80]] {
            for ones in [1, 7, 1024, 2047, 2048, u16::MAX] {
                let _ = (decode(bytes, ones), bit_at(bytes, ones, 2047));
            }
        }
    }
}
