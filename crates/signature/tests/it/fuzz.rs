//! The fuzzers' targets in the ordinary tests: the corpus, with every input that once did harm, and a fixed round of
//! mutations of it. What a target asserts are counts, not times.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use musubi_kernel::{Random, SeededRandom};

#[path = "../../../../fuzz/src/targets/mod.rs"]
mod targets;

use targets::TARGETS;

/// Mutations per target.
const MUTATIONS: usize = 500;
/// Longest input, as the fuzzers have it.
const MAX_LENGTH: usize = 64 * 1024;
/// All of the corpus.
const MAX_CORPUS: usize = 1_500_000;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus")
}

/// The inputs of a target in the order of their names.
fn inputs(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = std::fs::read_dir(corpus().join(target)).unwrap_or_else(|error| panic!("{target}: {error}"));
    let mut inputs: Vec<_> = folder
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), std::fs::read(entry.path()).unwrap()))
        .collect();
    inputs.sort();
    inputs
}

/// What it did to harm, if it did.
fn harm(run: fn(&[u8]), input: &[u8]) -> Option<String> {
    let payload = catch_unwind(AssertUnwindSafe(|| run(input))).err()?;
    let text = payload.downcast_ref::<String>().cloned();
    Some(text.or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default())
}

/// Every target in a thread of its own.
fn each_target(check: impl Fn(&str, fn(&[u8])) + Sync) {
    std::thread::scope(|threads| {
        for (name, run) in TARGETS {
            let check = &check;
            threads.spawn(move || check(name, *run));
        }
    });
}

#[test]
fn every_target_has_a_corpus_and_every_corpus_a_target() {
    let mut folders: Vec<String> = std::fs::read_dir(corpus())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    folders.sort();
    let names: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    assert_eq!(folders, names);
    let mut total = 0;
    for name in names {
        let inputs = inputs(name);
        assert!(!inputs.is_empty(), "{name} has no seed");
        for (file, input) in inputs {
            assert!(input.len() <= MAX_LENGTH, "{name}/{file} has {} bytes", input.len());
            total += input.len();
        }
    }
    assert!(total <= MAX_CORPUS, "the corpus has {total} bytes; minimise it");
}

#[test]
fn no_input_of_the_corpus_does_harm() {
    each_target(|name, run| {
        for (file, input) in inputs(name) {
            let harm = harm(run, &input);
            assert_eq!(harm, None, "fuzz/corpus/{name}/{file}");
        }
    });
}

#[test]
fn no_mutation_of_the_corpus_does_harm() {
    each_target(|name, run| {
        let inputs = inputs(name);
        let mut dice = Dice(SeededRandom::new([0xF5; 32]));
        for number in 0..MUTATIONS {
            let input = mutated(&inputs, &mut dice);
            if let Some(harm) = harm(run, &input) {
                panic!("{name}, mutation {number}: {harm}\n{}", musubi_kernel::hex_lower(&input));
            }
        }
    });
}

struct Dice(SeededRandom);

impl Dice {
    /// From 0 to below `end`, or 0.
    fn below(&mut self, end: usize) -> usize {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        u32::from_le_bytes(bytes) as usize % end.max(1)
    }

    fn octet(&mut self) -> u8 {
        self.below(256) as u8
    }
}

/// One of the inputs, with one to four changes.
fn mutated(inputs: &[(String, Vec<u8>)], dice: &mut Dice) -> Vec<u8> {
    let mut input = inputs[dice.below(inputs.len())].1.clone();
    for _ in 0..=dice.below(4) {
        if input.is_empty() {
            return input;
        }
        let at = dice.below(input.len());
        let end = (at + 1 + dice.below(32)).min(input.len());
        match dice.below(8) {
            0 => input[at] ^= 1 << dice.below(8),
            1 => input[at] = dice.octet(),
            2 => input.truncate(at),
            3 => drop(input.drain(at..end)),
            4 => {
                let part = input[at..end].to_vec();
                let times = 1 + dice.below(64);
                input.splice(at..at, part.repeat(times));
            }
            5 => {
                let other = &inputs[dice.below(inputs.len())].1;
                let from = dice.below(other.len());
                let until = (from + 1 + dice.below(256)).min(other.len());
                input.splice(at..end, other[from.min(until)..until].iter().copied());
            }
            6 => length_changed(&mut input, at, dice),
            _ => number_changed(&mut input, at, dice),
        }
    }
    input.truncate(MAX_LENGTH);
    input
}

/// The length octet after the next tag of DER.
fn length_changed(input: &mut [u8], from: usize, dice: &mut Dice) {
    let tag =
        |octet: &u8| matches!(octet, 0x02..=0x06 | 0x0C | 0x13 | 0x17 | 0x18 | 0x30 | 0x31 | 0xA0..=0xA3);
    let Some(place) = input.iter().skip(from).position(tag) else { return };
    let lengths = [0, 1, 0x7F, 0x80, 0x81, 0x82, 0x84, 0x88, 0xFF];
    let chosen = lengths[dice.below(lengths.len())];
    if let Some(length) = input.get_mut(from + place + 1) {
        *length = match dice.below(3) {
            0 => chosen,
            1 => length.wrapping_add(1),
            _ => length.wrapping_sub(1),
        };
    }
}

/// The next decimal number of a text.
fn number_changed(input: &mut Vec<u8>, from: usize, dice: &mut Dice) {
    let Some(start) = input.iter().skip(from).position(u8::is_ascii_digit).map(|place| from + place) else {
        return;
    };
    let digits = input[start..].iter().take_while(|octet| octet.is_ascii_digit()).count();
    let numbers =
        ["0", "1", "-1", "65535", "2147483648", "4294967295", "18446744073709551615", "99999999999999999999"];
    let chosen = numbers[dice.below(numbers.len())];
    input.splice(start..start + digits, chosen.bytes());
}
