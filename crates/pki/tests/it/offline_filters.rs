//! Offline filters: exact for what they cover, silent about the rest, the same bytes from the same input, and nothing else
//! than what the platform signed. Deltas lead from one to the next byte for byte.

use std::collections::BTreeSet;

use musubi_crypto::{Ed25519Signer, sha256};
use musubi_kernel::{Random, SeededRandom};
use musubi_pki::SerialNumber;
use musubi_pki::offline_filter::*;
use proptest::prelude::*;

use crate::support::{DAY, HOUR, NOW};

fn platform() -> Ed25519Signer {
    Ed25519Signer::from_seed(&[0x0F; 32]).unwrap()
}

fn keys() -> [[u8; 32]; 1] {
    [platform().public_key()]
}

fn head(list_number: u64) -> FilterHead {
    FilterHead {
        issuer: sha256(b"authority"),
        list_sha256: sha256(&list_number.to_be_bytes()),
        list_number,
        this_update: NOW.plus(-HOUR),
        next_update: NOW.plus(DAY),
    }
}

fn serial(number: u64) -> SerialNumber {
    SerialNumber::from_be_bytes(&number.to_be_bytes()).unwrap()
}

/// In the order of numbers, which is not that of `SerialNumber`.
fn number(serial: &SerialNumber) -> [u8; 20] {
    let mut out = [0; 20];
    let bytes = serial.as_be_bytes();
    out[20 - bytes.len()..].copy_from_slice(bytes);
    out
}

fn long(bytes: [u8; 20]) -> SerialNumber {
    SerialNumber::from_be_bytes(&bytes).unwrap()
}

fn filter(list: u64, coverage: &Coverage, listed: &BTreeSet<[u8; 20]>) -> OfflineFilter {
    OfflineFilter::build(&head(list), coverage, listed.iter().copied().map(long), &platform()).unwrap()
}

fn numbers(serials: impl IntoIterator<Item = u64>) -> BTreeSet<[u8; 20]> {
    serials.into_iter().map(|s| number(&serial(s))).collect()
}

/// So many of `span` serial numbers from `from` on.
fn some_of(from: u64, span: u64, of_256: u8, seed: u8) -> BTreeSet<[u8; 20]> {
    let random = SeededRandom::new([seed; 32]);
    let mut bytes = vec![0; usize::try_from(span).unwrap()];
    random.fill(&mut bytes);
    let chosen = (from..).zip(bytes).filter(|(_, byte)| *byte < of_256);
    chosen.map(|(s, _)| number(&serial(s))).collect()
}

/// Signed again after a change, as by a platform that errs.
fn signed_again(mut bytes: Vec<u8>, context: &[u8]) -> Vec<u8> {
    let end = bytes.len().saturating_sub(64);
    bytes.truncate(end);
    let signature = platform().sign(&[context, &sha256(&bytes)].concat());
    bytes.extend(signature);
    bytes
}

#[derive(Debug, Clone)]
struct Universe {
    coverage: Vec<(u64, u64)>,
    /// First, span, share in 256ths: thick and thin stretches.
    stretches: Vec<(u64, u64, u8)>,
    single: Vec<u64>,
    long: Vec<[u8; 20]>,
    seed: u8,
}

impl Universe {
    fn listed(&self) -> BTreeSet<[u8; 20]> {
        let mut all: BTreeSet<[u8; 20]> = self
            .stretches
            .iter()
            .flat_map(|(from, span, share)| some_of(*from, *span, *share, self.seed))
            .collect();
        all.extend(numbers(self.single.iter().copied()));
        all.extend(&self.long);
        all
    }
}

fn universes() -> impl Strategy<Value = Universe> {
    let place =
        prop_oneof![1_u64..400_000, Just((1 << 40) - 70_000), Just(u64::MAX - 200_000), Just((1 << 63) - 9)];
    let stretches = proptest::collection::vec((place.clone(), 1_u64..80_000, any::<u8>()), 0..3);
    let long = proptest::collection::vec(any::<[u8; 20]>().prop_filter("not zero", |b| *b != [0; 20]), 0..5);
    let coverage = proptest::collection::vec((place, 0_u64..200_000), 0..4);
    let single = proptest::collection::vec(1_u64.., 0..6);
    (coverage, stretches, single, long, any::<u8>()).prop_map(|(coverage, stretches, single, long, seed)| {
        Universe {
            coverage: coverage.into_iter().map(|(from, span)| (from, from.saturating_add(span))).collect(),
            stretches: stretches
                .into_iter()
                .map(|(from, span, share)| (from, span.min(u64::MAX - from), share))
                .collect(),
            single,
            long,
            seed,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn every_answer_is_that_of_the_plain_set(universe in universes(), probes in proptest::collection::vec(1_u64.., 20)) {
        let coverage = Coverage::of(universe.coverage.iter().map(|(a, b)| (serial(*a), serial(*b))));
        let listed = universe.listed();
        let built = filter(7, &coverage, &listed);
        let read = OfflineFilter::open(built.as_bytes().to_vec(), &keys()).unwrap();
        prop_assert_eq!(read.listed(), listed.len() as u64);
        prop_assert!(read.serials().map(|s| number(&s)).eq(listed.iter().copied()));
        let again = filter(7, &coverage, &listed);
        prop_assert_eq!(again.as_bytes(), read.as_bytes());
        let edges = universe.coverage.iter().flat_map(|(a, b)| [a.wrapping_sub(1), *a, *b, b.wrapping_add(1)]);
        let near = listed.iter().step_by(1 + listed.len() / 300).flat_map(|bytes| {
            let low = u64::from_be_bytes(*bytes.last_chunk().unwrap());
            [low.wrapping_sub(1), low, low.wrapping_add(1)]
        });
        for probe in probes.into_iter().chain(edges).chain(near).filter(|probe| *probe != 0) {
            let covered = universe.coverage.iter().any(|(a, b)| (*a..=*b).contains(&probe));
            let expected = match (listed.contains(&number(&serial(probe))), covered) {
                (true, _) => FilterAnswer::Listed,
                (false, true) => FilterAnswer::NotListed,
                (false, false) => FilterAnswer::NotCovered,
            };
            prop_assert!(read.answer(&serial(probe)) == expected, "{:?}", expected);
        }
        for bytes in &universe.long {
            prop_assert_eq!(read.answer(&long(*bytes)), FilterAnswer::Listed);
        }
    }

    #[test]
    fn a_delta_gives_the_later_filter_byte_for_byte(before in universes(), after in universes(), both in universes()) {
        let coverage = |u: &Universe| Coverage::of(u.coverage.iter().map(|(a, b)| (serial(*a), serial(*b))));
        let with = |u: &Universe| u.listed().union(&both.listed()).copied().collect();
        let (first, second) = (filter(7, &coverage(&before), &with(&before)), filter(9, &coverage(&after), &with(&after)));
        let delta = FilterDelta::between(&first, &second, &platform()).unwrap();
        let read = FilterDelta::open(delta.as_bytes().to_vec(), &keys()).unwrap();
        let made = read.apply(&first, &keys()).unwrap();
        prop_assert_eq!(made.as_bytes(), second.as_bytes());
    }

    #[test]
    fn no_signed_nonsense_harms_a_reader(places in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut in any::<prop::sample::Index>()) {
        let coverage = Coverage::of([(serial(1), serial(200_000))]);
        let built = filter(7, &coverage, &some_of(1, 140_000, 40, 1));
        let later = filter(8, &coverage, &some_of(1, 140_000, 44, 1));
        let delta = FilterDelta::between(&built, &later, &platform()).unwrap();
        for (bytes, context) in [(built.as_bytes(), FILTER_SIGNATURE_CONTEXT), (delta.as_bytes(), DELTA_SIGNATURE_CONTEXT)] {
            let mut bytes = bytes.to_vec();
            for (place, byte) in &places {
                // Mostly where the structure is.
                let area = if byte % 2 == 0 { bytes.len() } else { 400 };
                let at = place.index(area);
                bytes[at] = *byte;
            }
            if places.len() % 2 == 0 {
                bytes.truncate(cut.index(bytes.len()));
            }
            let bytes = signed_again(bytes, context);
            if let Ok(read) = OfflineFilter::open(bytes.clone(), &keys()) {
                let _ = (read.answer(&serial(70_000)), read.answer(&long([9; 20])), read.serials().count());
            }
            if let Ok(read) = FilterDelta::open(bytes, &keys()) {
                prop_assert!(read.apply(&built, &keys()).is_ok_and(|made| made.as_bytes() == later.as_bytes())
                    || read.apply(&built, &keys()).is_err());
            }
        }
    }
}

#[test]
fn a_filter_is_within_a_tenth_of_the_bound() {
    let span = 1_048_576_u64;
    for of_256 in [2_u8, 8, 13, 58, 128] {
        let listed = some_of(5_000_000, span, of_256, 3);
        let built = filter(7, &Coverage::of([(serial(5_000_000), serial(5_000_000 + span - 1))]), &listed);
        let share = listed.len() as f64 / span as f64;
        let bound = span as f64 * (-share * share.log2() - (1.0 - share) * (1.0 - share).log2()) / 8.0;
        let ratio = built.as_bytes().len() as f64 / bound;
        assert!(ratio < 1.11, "{of_256}/256: {} bytes, {ratio:.3} of the bound", built.as_bytes().len());
    }
}

#[test]
fn ranges_that_touch_are_one_and_what_lies_outside_is_not_covered() {
    let coverage = Coverage::of([
        (serial(20), serial(30)),
        (serial(10), serial(19)),
        (serial(50), serial(40)),
        (serial(90), serial(90)),
    ]);
    assert!(coverage.ranges().eq([(serial(10), serial(30)), (serial(90), serial(90))]));
    let built = filter(7, &coverage, &numbers([15, 60]));
    let answers = [9, 10, 15, 30, 31, 45, 60, 90].map(|s| built.answer(&serial(s)));
    use FilterAnswer::{Listed, NotCovered, NotListed};
    assert_eq!(
        answers,
        [NotCovered, NotListed, Listed, NotListed, NotCovered, NotCovered, Listed, NotListed]
    );
    let all = Coverage::of([(serial(1), long([0xFF; 20])), (serial(7), serial(8))]);
    assert!(all.ranges().eq([(serial(1), long([0xFF; 20]))]));
}

#[test]
fn a_hull_reaches_from_the_smallest_number_to_the_largest() {
    let serials = [serial(0x2_0000), serial(0x300), long([1; 20]), serial(5)];
    assert!(Coverage::hull(&serials).ranges().eq([(serial(5), long([1; 20]))]));
    assert!(Coverage::hull(&serials[..2]).ranges().eq([(serial(0x300), serial(0x2_0000))]));
    assert_eq!(Coverage::hull([]), Coverage::default());
}

#[test]
fn a_filter_of_nothing_covers_nothing() {
    let built = filter(7, &Coverage::default(), &BTreeSet::new());
    let read = OfflineFilter::open(built.as_bytes().to_vec(), &keys()).unwrap();
    assert_eq!((read.listed(), read.answer(&serial(1))), (0, FilterAnswer::NotCovered));
    assert_eq!(*read.head(), head(7));
}

#[test]
fn serial_numbers_out_of_order_or_twice_make_no_filter() {
    for wrong in [vec![5, 4], vec![5, 5], vec![70_000, 5], vec![u64::MAX, 1]] {
        let built =
            OfflineFilter::build(&head(1), &Coverage::default(), wrong.into_iter().map(serial), &platform());
        assert_eq!(built.unwrap_err(), BuildError::Order);
    }
}

#[test]
fn no_flipped_bit_and_no_cut_filter_is_read() {
    let built = filter(7, &Coverage::of([(serial(1), serial(99))]), &numbers([3, 44]));
    let bytes = built.as_bytes();
    let later = filter(8, built.coverage(), &numbers([3, 45]));
    let delta = FilterDelta::between(&built, &later, &platform()).unwrap();
    for (good, refused) in [
        (bytes, (|bytes| OfflineFilter::open(bytes, &keys()).is_err()) as fn(Vec<u8>) -> bool),
        (delta.as_bytes(), |bytes| FilterDelta::open(bytes, &keys()).is_err()),
    ] {
        assert!(!refused(good.to_vec()));
        for place in 0..good.len() {
            for bit in 0..8 {
                let mut changed = good.to_vec();
                changed[place] ^= 1 << bit;
                assert!(refused(changed), "bit {bit} of byte {place}");
            }
            assert!(refused(good[..place].to_vec()), "cut at {place}");
        }
        assert!(refused([good, &[0]].concat()));
    }
}

#[test]
fn only_the_platforms_signature_counts() {
    let built = filter(7, &Coverage::default(), &numbers([3]));
    let other = Ed25519Signer::from_seed(&[9; 32]).unwrap().public_key();
    let open = |keys: &[[u8; 32]]| OfflineFilter::open(built.as_bytes().to_vec(), keys);
    assert_eq!(open(&[other]).unwrap_err(), FilterError::Signature);
    assert_eq!(open(&[]).unwrap_err(), FilterError::Signature);
    assert!(open(&[other, platform().public_key()]).is_ok());
    // A delta is not a filter, and its signature is none of a filter.
    let later = filter(8, &Coverage::default(), &numbers([4]));
    let delta = FilterDelta::between(&built, &later, &platform()).unwrap();
    let as_filter = OfflineFilter::open(delta.as_bytes().to_vec(), &keys());
    assert_eq!(as_filter.unwrap_err(), FilterError::NotAFilter);
    let as_delta = FilterDelta::open(built.as_bytes().to_vec(), &keys());
    assert_eq!(as_delta.unwrap_err(), DeltaError::NotADelta);
    let crossed = signed_again(built.as_bytes().to_vec(), DELTA_SIGNATURE_CONTEXT);
    assert_eq!(OfflineFilter::open(crossed, &keys()).unwrap_err(), FilterError::Signature);
}

#[test]
fn another_version_is_named_and_damage_under_a_signature_is_refused() {
    let built = filter(7, &Coverage::of([(serial(1), serial(99))]), &some_of(1, 70_000, 99, 1));
    let changed = |place: usize, value: u8| {
        let mut bytes = built.as_bytes().to_vec();
        bytes[place] = value;
        OfflineFilter::open(signed_again(bytes, FILTER_SIGNATURE_CONTEXT), &keys()).map(drop)
    };
    assert_eq!(changed(8, 2), Err(FilterError::Version(2)));
    // Counts: ranges, listed, runs, chunks, gaps, sizes; then a range whose last lies before its first.
    for place in [12, 104, 112, 116, 120, 128, 136, 144 + 19] {
        let wrong = built.as_bytes()[place].wrapping_add(150);
        assert_eq!(changed(place, wrong), Err(FilterError::Structure), "{place}");
    }
}

#[test]
fn a_chain_of_deltas_ends_with_the_bytes_of_the_last_filter() {
    let coverage = |until| Coverage::of([(serial(1_000), serial(until))]);
    let filters: Vec<OfflineFilter> = (0..9_u8)
        .map(|day| {
            let mut listed = some_of(1_000, 300_000, 50 + day, 5);
            listed.retain(|bytes| bytes[19] != day);
            filter(100 + u64::from(day), &coverage(301_000 + u64::from(day)), &listed)
        })
        .collect();
    let mut held = filters[0].clone();
    for (earlier, later) in filters.iter().zip(&filters[1..]) {
        let delta = FilterDelta::between(earlier, later, &platform()).unwrap();
        assert!(delta.as_bytes().len() < later.as_bytes().len() / 4, "{}", delta.as_bytes().len());
        held = FilterDelta::open(delta.as_bytes().to_vec(), &keys()).unwrap().apply(&held, &keys()).unwrap();
    }
    assert_eq!(held.as_bytes(), filters[8].as_bytes());
    // Across several lists at once, too.
    let whole = FilterDelta::between(&filters[0], &filters[8], &platform()).unwrap();
    assert_eq!(whole.apply(&filters[0], &keys()).unwrap().as_bytes(), held.as_bytes());
}

#[test]
fn a_delta_fits_one_filter_only() {
    let coverage = Coverage::of([(serial(1), serial(99))]);
    let filters = [[3, 4], [3, 5], [3, 6]].map(numbers);
    let [first, second, third] = [(1, &filters[0]), (2, &filters[1]), (3, &filters[2])]
        .map(|(list, listed)| filter(list, &coverage, listed));
    let delta = FilterDelta::between(&second, &third, &platform()).unwrap();
    assert_eq!((delta.from_number(), delta.head().list_number, delta.changes()), (2, 3, (1, 1)));
    let refused = DeltaError::OtherFilter { expected: 2, held: 1 };
    assert_eq!(delta.apply(&first, &keys()).unwrap_err(), refused);
    let same_list = filter(2, &coverage, &filters[0]);
    let refused = DeltaError::OtherFilter { expected: 2, held: 2 };
    assert_eq!(delta.apply(&same_list, &keys()).unwrap_err(), refused);
    let backwards = FilterDelta::between(&third, &second, &platform());
    assert_eq!(backwards.unwrap_err(), DeltaError::NotLater { from: 3, to: 2 });
    let stranger = FilterHead { issuer: sha256(b"another"), ..head(9) };
    let stranger = OfflineFilter::build(&stranger, &coverage, [], &platform()).unwrap();
    assert_eq!(FilterDelta::between(&first, &stranger, &platform()).unwrap_err(), DeltaError::OtherIssuer);
    assert_eq!(delta.apply(&stranger, &keys()).unwrap_err(), DeltaError::OtherIssuer);
}

#[test]
fn a_delta_that_does_not_lead_where_it_says_is_refused() {
    let coverage = Coverage::of([(serial(1), serial(99))]);
    let (first, second) = (filter(1, &coverage, &numbers([3])), filter(2, &coverage, &numbers([4])));
    let delta = FilterDelta::between(&first, &second, &platform()).unwrap();
    // The last byte of the digest of the later filter, and the later list's thisUpdate.
    for place in [16 + 32 + 63, 16 + 32 + 64 + 8 + 32 + 8] {
        let mut bytes = delta.as_bytes().to_vec();
        bytes[place] ^= 1;
        let wrong = FilterDelta::open(signed_again(bytes, DELTA_SIGNATURE_CONTEXT), &keys()).unwrap();
        assert_eq!(wrong.apply(&first, &keys()).unwrap_err(), DeltaError::Result);
    }
    let other_key = [Ed25519Signer::from_seed(&[9; 32]).unwrap().public_key()];
    let refused = DeltaError::Filter(FilterError::Signature);
    assert_eq!(delta.apply(&first, &other_key).unwrap_err(), refused);
}

#[test]
fn an_older_filter_and_a_second_one_of_the_same_list_do_not_take_the_place_of_the_one_held() {
    let coverage = Coverage::of([(serial(1), serial(99))]);
    let held = filter(5, &coverage, &numbers([3]));
    assert_eq!(filter(6, &coverage, &numbers([3])).succeeds(&held), Ok(()));
    assert_eq!(held.succeeds(&held), Ok(()));
    let older = filter(4, &coverage, &numbers([3]));
    assert_eq!(older.succeeds(&held), Err(NotASuccessor::Older { held: 5, offered: 4 }));
    let second = filter(5, &coverage, &numbers([]));
    assert_eq!(second.succeeds(&held), Err(NotASuccessor::TwoOfOneList { number: 5 }));
    let stranger = FilterHead { issuer: sha256(b"another"), ..head(9) };
    let stranger = OfflineFilter::build(&stranger, &coverage, [], &platform()).unwrap();
    assert_eq!(stranger.succeeds(&held), Err(NotASuccessor::OtherIssuer));
}

#[test]
fn no_serial_number_stands_in_what_a_log_would_show() {
    let built =
        filter(7, &Coverage::of([(serial(0x1EE6_0711), serial(0x1EE6_0799))]), &numbers([0x1EE6_0777]));
    let shown = format!("{built:?} {:?} {:?}", built.coverage(), built.answer(&serial(0x1EE6_0777)));
    for secret in ["1EE6", "1ee6", "518391", &0x1EE6_0777_u64.to_string()] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
