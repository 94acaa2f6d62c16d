//! No change of a bundle goes unnoticed.

use musubi_kernel::{Random, SeededRandom};

use super::made::{bundle, cases, replayed};

#[test]
fn no_bit_of_a_bundle_can_be_changed() {
    for (name, case) in cases().into_iter().filter(|(name, _)| ["revoked", "no certificate"].contains(name)) {
        let bundle = bundle(&case);
        for bit in 0..bundle.len() * 8 {
            let mut changed = bundle.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(replayed(&changed).is_err(), "{name}: bit {bit}");
        }
    }
}

#[test]
fn no_length_of_a_bundle_but_its_own_is_accepted() {
    let (_, case) = cases().swap_remove(0);
    let bundle = bundle(&case);
    for length in 0..bundle.len() {
        assert!(replayed(&bundle[..length]).is_err_and(|difference| difference.is_unreadable()), "{length}");
    }
    assert!(
        replayed(&[bundle.as_slice(), &[0]].concat()).is_err_and(|difference| difference.is_unreadable())
    );
}

#[test]
fn random_changes_are_all_refused() {
    mutate(3_000);
}

/// The same, a million times: `scripts/replay-million`.
#[test]
#[ignore = "takes minutes; scripts/replay-million runs it"]
fn a_million_random_changes_are_all_refused() {
    mutate(1_000_000);
}

fn mutate(count: u32) {
    let bundles: Vec<_> = cases().iter().map(|(_, case)| bundle(case)).collect();
    let random = SeededRandom::new([5; 32]);
    let number = || {
        let mut bytes = [0; 4];
        random.fill(&mut bytes);
        u32::from_le_bytes(bytes) as usize
    };
    let mut refused = 0;
    while refused < count {
        let original = &bundles[number() % bundles.len()];
        let mut changed = original.clone();
        for _ in 0..=number() % 4 {
            let (at, length) = (number() % changed.len(), number() % 9);
            let end = (at + length).min(changed.len());
            match number() % 5 {
                0 => changed[at] ^= 1 << (number() % 8),
                1 => random.fill(&mut changed[at..end]),
                2 => drop(changed.drain(at..end)),
                3 => {
                    let other = &bundles[number() % bundles.len()];
                    let from = number() % other.len();
                    let part = other[from..(from + length).min(other.len())].to_vec();
                    changed.splice(at..end, part);
                }
                _ => {
                    let part = changed[at..end].to_vec();
                    changed.splice(at..at, part);
                }
            }
            if changed.is_empty() {
                break;
            }
        }
        if changed != *original {
            assert!(replayed(&changed).is_err(), "accepted: {}", musubi_kernel::hex_lower(&changed));
            refused += 1;
        }
    }
}
