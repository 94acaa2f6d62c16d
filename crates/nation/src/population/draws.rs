//! The population's randomness: one seeded stream, in blocks. Only integers and the four operations on floating-point
//! numbers decide anything, so that a seed gives the same history on every machine (`ln` and `exp` may differ in
//! the last bit between libraries).

use musubi_crypto::sha256_parts;
use musubi_kernel::{Random as _, SeededRandom};

/// Bytes that are drawn at once.
const BLOCK: usize = 4096;

pub(crate) struct Draws {
    source: SeededRandom,
    block: Vec<u8>,
    used: usize,
}

impl Draws {
    /// The stream of `seed` for one purpose.
    pub(crate) fn new(seed: u64, purpose: &str) -> Self {
        let digest = sha256_parts(&[b"musubi nation draws\0", &seed.to_be_bytes(), purpose.as_bytes()]);
        Self { source: SeededRandom::new(digest), block: vec![0; BLOCK], used: BLOCK }
    }

    pub(crate) fn next(&mut self) -> u64 {
        if self.used >= BLOCK {
            self.source.fill(&mut self.block);
            self.used = 0;
        }
        let eight = self.block.get(self.used..).and_then(|rest| rest.first_chunk::<8>());
        self.used += 8;
        eight.map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }

    /// Uniform in `0..n`; 0 for an empty range.
    pub(crate) fn below(&mut self, n: u32) -> u32 {
        // The high half of a product: the bias is below n / 2^64.
        let product = u128::from(self.next()) * u128::from(n);
        u32::try_from(product >> 64).unwrap_or(0)
    }

    /// Uniform in `from..=to`.
    pub(crate) fn between(&mut self, from: u32, to: u32) -> u32 {
        from + self.below(to.saturating_sub(from).saturating_add(1))
    }

    /// Uniform in `0.0..1.0`, 53 bits.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }

    /// True with this probability.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// A count with this mean: the whole part, and one more with the probability of the rest.
    pub(crate) fn count(&mut self, mean: f64) -> u32 {
        let whole = mean.max(0.0) as u32;
        whole + u32::from(self.chance(mean - f64::from(whole)))
    }

    /// A delay in days with this mean: many short ones, none above three times the mean.
    pub(crate) fn delay(&mut self, mean: f64) -> i32 {
        let u = self.unit();
        (3.0 * mean * u * u) as i32
    }

    /// An index with a probability in proportion to its weight; 0 without weights.
    pub(crate) fn weighted(&mut self, weights: &[u32]) -> usize {
        let mut left = self.below(weights.iter().sum());
        for (index, weight) in weights.iter().enumerate() {
            if left < *weight {
                return index;
            }
            left -= weight;
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_follow_from_the_seed_and_keep_their_means() {
        let mut draws = Draws::new(1, "test");
        let mut again = Draws::new(1, "test");
        assert!((0..2000).all(|_| draws.next() == again.next()));
        assert_ne!(Draws::new(2, "test").next(), Draws::new(1, "test").next());
        assert_ne!(Draws::new(1, "other").next(), Draws::new(1, "test").next());
        let mean = |f: &mut dyn FnMut() -> f64| (0..40_000).map(|_| f()).sum::<f64>() / 40_000.0;
        assert!((mean(&mut || f64::from(draws.count(2.3))) - 2.3).abs() < 0.02);
        assert!((mean(&mut || f64::from(draws.delay(70.0))) - 69.5).abs() < 1.5);
        assert!((mean(&mut || f64::from(draws.below(10))) - 4.5).abs() < 0.06);
        assert!((mean(&mut || f64::from(u8::from(draws.chance(0.25)))) - 0.25).abs() < 0.01);
        let second = mean(&mut || f64::from(u8::from(draws.weighted(&[1, 3, 0]) == 1)));
        assert!((second - 0.75).abs() < 0.01);
        assert_eq!((draws.below(0), draws.weighted(&[])), (0, 0));
    }
}
