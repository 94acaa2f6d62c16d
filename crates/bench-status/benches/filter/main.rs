//! The offline filter at the size of the nation: 110 million covered serial numbers, 25 million listed, (a) drawn evenly and
//! (b) with the age of the certificates and in runs, as moves and renewals do it. Size beside log2 C(covered, listed), which
//! no exact encoding of arbitrary sets falls short of; times of making, opening and looking up; a delta of 50,000 changes
//! beside its bound; the same sets as a plain bitmap and as a `RoaringBitmap`. One thread, processor time.
//!
//! ```sh
//! cargo bench -p musubi-bench-status --bench filter                    # 110,000,000 and 25,000,000
//! cargo bench -p musubi-bench-status --bench filter -- 1100000 250000  # covered and listed
//! ```
//! Prints one line of JSON for each set.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a benchmark measures time"
)]

use std::time::Duration;

use musubi_crypto::Ed25519Signer;
use musubi_kernel::{Random, SeededRandom, UnixTime};
use musubi_pki::SerialNumber;
use musubi_pki::offline_filter::{Coverage, FilterAnswer, FilterDelta, FilterHead, OfflineFilter};
use roaring::RoaringBitmap;
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

/// The first serial number: the counter of an authority did not begin with the generation.
const FROM: u32 = 20_000_000;
const CHANGES: u32 = 50_000;
const LOOKUPS: u32 = 200_000;

fn now() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let begun = now();
    let out = work();
    (out, (now() - begun).as_secs_f64())
}

/// xorshift64*: billions of draws, which need no cryptography.
struct Dice(u64);

impl Dice {
    fn new(seed: u8) -> Self {
        let mut bytes = [0; 8];
        SeededRandom::new([seed; 32]).fill(&mut bytes);
        Self(u64::from_le_bytes(bytes) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, end: u32) -> u32 {
        u32::try_from(((self.next() >> 32) * u64::from(end)) >> 32).unwrap()
    }

    fn happens(&mut self, chance: f64) -> bool {
        ((self.next() >> 11) as f64) < chance * (1_u64 << 53) as f64
    }
}

/// Which of the covered serial numbers are listed.
#[derive(Clone)]
struct Set {
    words: Vec<u64>,
    covered: u32,
    listed: u32,
}

impl Set {
    fn empty(covered: u32) -> Self {
        Self { words: vec![0; (covered as usize).div_ceil(64)], covered, listed: 0 }
    }

    fn has(&self, index: u32) -> bool {
        self.words[index as usize / 64] >> (index % 64) & 1 == 1
    }

    fn flip(&mut self, index: u32) {
        self.listed = if self.has(index) { self.listed - 1 } else { self.listed + 1 };
        self.words[index as usize / 64] ^= 1 << (index % 64);
    }

    /// Exactly so many, each set equally likely.
    fn even(covered: u32, listed: u32) -> Self {
        let (mut set, mut dice) = (Self::empty(covered), Dice::new(1));
        for index in 0..covered {
            if dice.happens(f64::from(listed - set.listed) / f64::from(covered - index)) {
                set.flip(index);
            }
        }
        set
    }

    /// The older the certificates, the more of them are listed; a tenth of all in runs of some 100, as a municipality's
    /// renewals in one day are.
    fn clustered(covered: u32, listed: u32) -> Self {
        let (mut set, mut dice) = (Self::empty(covered), Dice::new(2));
        let share = 0.9 * f64::from(listed) / f64::from(covered);
        for index in 0..covered {
            let age = 1.0 - f64::from(index) / f64::from(covered);
            if dice.happens(2.0 * share * age) {
                set.flip(index);
            }
        }
        while set.listed < listed {
            let from = dice.below(covered);
            for index in from..(from + 50 + dice.below(100)).min(covered) {
                if set.listed < listed && !set.has(index) {
                    set.flip(index);
                }
            }
        }
        set
    }

    /// A day later: mostly newly listed ones, some that left the list with their validity.
    fn changed(&self) -> Self {
        let (mut later, mut dice) = (self.clone(), Dice::new(3));
        let (mut left, mut gone) = (CHANGES - CHANGES / 50, CHANGES / 50);
        while left + gone > 0 {
            let index = dice.below(self.covered);
            let (was, is) = (self.has(index), later.has(index));
            if was == is && !was && left > 0 {
                later.flip(index);
                left -= 1;
            } else if was == is && was && gone > 0 {
                later.flip(index);
                gone -= 1;
            }
        }
        later
    }

    fn indices(&self) -> impl Iterator<Item = u32> + '_ {
        (0..).zip(&self.words).flat_map(|(index, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let at = left.trailing_zeros();
                left &= left.checked_sub(1)?;
                Some(index * 64 + at)
            })
        })
    }
}

/// log2 C(n, k) by Stirling's series, in bits.
fn bound(n: u32, k: u32) -> f64 {
    let ln_factorial = |n: u32| {
        let n = f64::from(n);
        if n < 1.0 {
            return 0.0;
        }
        n * n.ln() - n + 0.5 * (std::f64::consts::TAU * n).ln() + 1.0 / (12.0 * n)
    };
    (ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k)) / std::f64::consts::LN_2
}

fn filter(set: &Set, number: u64, key: &Ed25519Signer) -> OfflineFilter {
    let head = FilterHead {
        issuer: [1; 32],
        list_sha256: [2; 32],
        list_number: number,
        this_update: UnixTime(1_795_226_584),
        next_update: UnixTime(1_795_312_984),
    };
    let coverage = Coverage::of([(SerialNumber::from(FROM), SerialNumber::from(FROM + set.covered - 1))]);
    let listed = set.indices().map(|index| SerialNumber::from(FROM + index));
    OfflineFilter::build(&head, &coverage, listed, key).unwrap()
}

/// Looked up per second, at random places of the covered ones; every answer is compared.
fn lookups(set: &Set, wanted: Option<bool>, mut answer: impl FnMut(u32) -> bool) -> f64 {
    let mut dice = Dice::new(4);
    let mut places = Vec::new();
    while places.len() < LOOKUPS as usize {
        let index = dice.below(set.covered);
        if wanted.is_none_or(|wanted| set.has(index) == wanted) {
            places.push((index, set.has(index)));
        }
    }
    let (right, seconds) =
        timed(|| places.iter().filter(|(index, listed)| answer(*index) == *listed).count());
    assert_eq!(right, places.len());
    f64::from(LOOKUPS) / seconds
}

fn measured(name: &str, set: &Set, key: &Ed25519Signer) -> Value {
    let keys = [key.public_key()];
    let (first, make) = timed(|| filter(set, 1, key));
    let (opened, open) = timed(|| OfflineFilter::open(first.as_bytes().to_vec(), &keys).unwrap());
    let by_filter = |index: u32| opened.answer(&SerialNumber::from(FROM + index)) == FilterAnswer::Listed;
    let looked: Vec<f64> =
        [Some(true), Some(false), None].into_iter().map(|wanted| lookups(set, wanted, by_filter)).collect();
    let later = set.changed();
    let second = filter(&later, 2, key);
    let (delta, between) = timed(|| FilterDelta::between(&first, &second, key).unwrap());
    let (made, apply) = timed(|| delta.apply(&first, &keys).unwrap());
    assert!(
        made.as_bytes() == second.as_bytes() && delta.changes().0 + delta.changes().1 == u64::from(CHANGES)
    );
    let (roaring, roaring_make) =
        timed(|| RoaringBitmap::from_sorted_iter(set.indices().map(|index| FROM + index)).unwrap());
    let roaring_lookups = lookups(set, None, |index| roaring.contains(FROM + index));
    let least = bound(set.covered, set.listed) / 8.0;
    let gone = CHANGES / 50;
    let least_delta = (bound(set.covered - set.listed, CHANGES - gone) + bound(set.listed, gone)) / 8.0;
    let bytes = opened.as_bytes().len();
    let bitmap = set.words.len() * 8;
    json!({
        "set": name, "covered": set.covered, "listed": set.listed,
        "bytes": bytes, "bound_bytes": least.round(), "ratio": bytes as f64 / least,
        "make_seconds": make, "open_seconds": open,
        "lookups_per_second": { "listed": looked[0], "not_listed": looked[1], "mixed": looked[2] },
        "delta": {
            "changes": CHANGES, "bytes": delta.as_bytes().len(), "bound_bytes": least_delta.round(),
            "ratio": delta.as_bytes().len() as f64 / least_delta,
            "make_seconds": between, "apply_seconds": apply,
        },
        "bitmap": { "bytes": bitmap, "ratio": bitmap as f64 / least },
        "roaring": {
            "bytes": roaring.serialized_size(), "ratio": roaring.serialized_size() as f64 / least,
            "make_seconds": roaring_make, "lookups_per_second": roaring_lookups,
        },
    })
}

fn main() {
    let mut sizes = std::env::args().skip(1).filter_map(|argument| argument.parse().ok());
    let covered = sizes.next().unwrap_or(110_000_000);
    let listed = sizes.next().unwrap_or(25_000_000);
    let key = Ed25519Signer::from_seed(&[7; 32]).unwrap();
    println!("{}", measured("even", &Set::even(covered, listed), &key));
    println!("{}", measured("clustered", &Set::clustered(covered, listed), &key));
}
