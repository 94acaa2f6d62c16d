//! The set beside a `BTreeMap`, for any mix of serial numbers in any order; and bytes that are no set.

use std::collections::BTreeMap;
use std::sync::Arc;

use musubi_kernel::UnixTime;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::key::SerialNumber;
use crate::list_tree;

/// Serial numbers by their padded form, with their facts.
type Model = BTreeMap<[u8; 20], Moment>;

fn key(padded: &[u8; 20]) -> Key {
    let from = padded.iter().take_while(|byte| **byte == 0).count();
    Key::of_be_bytes(&padded[from..])
}

fn model(entries: impl IntoIterator<Item = (Key, Moment)>) -> Model {
    entries.into_iter().map(|(key, moment)| (key.padded(), moment)).collect()
}

fn times(model: &Model) -> (UnixTime, UnixTime) {
    let all = || model.values().map(|moment| moment.at);
    (all().min().unwrap_or(UnixTime(0)), all().max().unwrap_or(UnixTime(0)))
}

/// The set of a model whose entries come in the order of `rank`.
fn set_of(model: &Model, rank: impl Fn(&[u8; 20]) -> u64) -> Vec<u8> {
    let mut order: Vec<_> = model.iter().collect();
    order.sort_by_key(|(serial, _)| rank(serial));
    let mut collector = Collector::new(Duplicates::Refuse);
    for (serial, _) in &order {
        collector.add(key(serial)).unwrap();
    }
    let mut draft = Draft::of(collector, b"told", Some(times(model)), Tree::Present).unwrap();
    let mut filler = draft.filler();
    for (serial, moment) in order.iter().rev() {
        filler.put(key(serial), **moment).unwrap();
    }
    filler.finish().unwrap();
    draft.sealed()
}

/// Scatters the order of entries, the same way each time.
fn scattered(serial: &[u8; 20]) -> u64 {
    serial.iter().fold(7, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

fn open(bytes: &[u8]) -> Result<StatusSet, SealedError> {
    StatusSet::open(Arc::new(bytes.to_vec()))
}

fn moment(seed: u64) -> Moment {
    let codes = [0, 1, 2, 3, 4, 5, 6, 9, 10];
    let at = UnixTime(1_700_000_000 + i64::try_from(seed % 100_000_000).unwrap());
    Moment { at, code: codes[usize::try_from(seed % 9).unwrap()] }
}

/// Runs of neighbours that make dense chunks, scattered numbers of 64 bits, and longer ones.
fn entries() -> impl Strategy<Value = Model> {
    let run = (0..6_u64, 0..0x8000_u64, 1..3_u64, 1..2500_u64);
    let runs = vec(run, 0..5).prop_map(|runs| {
        let members = runs.into_iter().flat_map(|(chunk, start, step, count)| {
            let first = [0, 1, 2, 7, 0xFFFF, 0xFFFF_FFFF_FFFF][usize::try_from(chunk).unwrap()] << 16 | start;
            (0..count).map(move |n| first.saturating_add(n * step).max(1))
        });
        members.map(|serial| (Key::Short(serial), moment(serial.wrapping_mul(31)))).collect::<Vec<_>>()
    });
    let short = vec(1..=u64::MAX, 0..60)
        .prop_map(|all| all.into_iter().map(|n| (Key::Short(n), moment(n))).collect::<Vec<_>>());
    let small = vec(1..300_000_u64, 0..60)
        .prop_map(|all| all.into_iter().map(|n| (Key::Short(n), moment(n * 7))).collect::<Vec<_>>());
    let long = vec((1..=u8::MAX, any::<[u8; 19]>(), 9..=20_usize), 0..20).prop_map(|all| {
        let entry = |(first, rest, length): (u8, [u8; 19], usize)| {
            let bytes = [&[first][..], &rest[..length - 1]].concat();
            (Key::of_be_bytes(&bytes), moment(u64::from(rest[0])))
        };
        all.into_iter().map(entry).collect::<Vec<_>>()
    });
    (runs, short, small, long).prop_map(|(a, b, c, d)| model([a, b, c, d].into_iter().flatten()))
}

/// Every member, its neighbours, and some that are far from any.
fn asked(model: &Model) -> Vec<[u8; 20]> {
    let mut all: Vec<[u8; 20]> = Vec::new();
    for serial in model.keys() {
        let mut next = *serial;
        for byte in next.iter_mut().rev() {
            *byte = byte.wrapping_add(1);
            if *byte != 0 {
                break;
            }
        }
        all.extend([*serial, next]);
    }
    let edges = [1, 2, 0xFFFF, 0x1_0000, u64::MAX - 1, u64::MAX].map(|n| Key::Short(n).padded());
    all.extend(edges);
    all.extend([[0xFF; 20], {
        let mut least = [0; 20];
        least[11] = 1;
        least
    }]);
    all.retain(|serial| *serial != [0; 20]);
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_set_says_what_the_model_says(model in entries()) {
        let bytes = set_of(&model, scattered);
        let set = open(&bytes).unwrap();
        let view = set.view();
        prop_assert_eq!(set.len(), model.len());
        prop_assert_eq!(set.description(), b"told");
        let members: Vec<_> = model.keys().collect();
        for serial in asked(&model) {
            let key = key(&serial);
            prop_assert_eq!(view.contains(key), model.contains_key(&serial));
            prop_assert_eq!(view.find(key).map(|fact| view.moment(fact)), model.get(&serial).copied());
            let before = members.partition_point(|member| **member < serial);
            let position = if model.contains_key(&serial) { Ok(before) } else { Err(before) };
            prop_assert_eq!(view.position(key), position);
        }
        let walked: Vec<_> = Cursor::start(view).map(|(key, fact)| (key.padded(), view.moment(fact))).collect();
        let expected: Vec<_> = model.iter().map(|(serial, moment)| (*serial, *moment)).collect();
        prop_assert_eq!(&walked, &expected);
        for position in (0..=model.len()).step_by(1 + model.len() / 60) {
            let rest = Cursor::at(view, position).map(|(key, _)| key.padded());
            prop_assert!(rest.eq(expected.iter().skip(position).map(|(serial, _)| *serial)), "from {}", position);
        }
    }

    #[test]
    fn one_set_has_one_form_in_whatever_order_it_came(model in entries(), turn in 0..u64::MAX) {
        let bytes = set_of(&model, scattered);
        prop_assert_eq!(&set_of(&model, |_| 0), &bytes);
        prop_assert_eq!(&set_of(&model, |serial| scattered(serial).rotate_left(9) ^ turn), &bytes);
    }

    #[test]
    fn changes_and_common_members_are_those_of_the_models(
        model in entries(),
        other in entries(),
        dropped in 2..40_usize,
        changed in 2..40_usize,
    ) {
        // Most is the same in both, so that whole words are compared.
        let mut newer = model.clone();
        let mut at = 0;
        newer.retain(|_, moment| {
            at += 1;
            if at % changed == 0 {
                moment.at = moment.at.plus(1);
            }
            at % dropped != 0
        });
        newer.extend(other.into_iter().take(at / 5));
        let (old_set, new_set) =
            (open(&set_of(&model, scattered)).unwrap(), open(&set_of(&newer, scattered)).unwrap());
        let mut expected = Vec::new();
        for serial in model.keys().chain(newer.keys()).collect::<std::collections::BTreeSet<_>>() {
            let (before, after) = (model.get(serial).copied(), newer.get(serial).copied());
            if before != after {
                expected.push((*serial, before, after));
            }
        }
        let found: Vec<_> = Changes::between(old_set.view(), new_set.view())
            .map(|(key, before, after)| (key.padded(), before, after))
            .collect();
        prop_assert_eq!(found, expected);
        prop_assert_eq!(Changes::between(old_set.view(), old_set.view()).count(), 0);
        let common: Vec<_> = Shared::of(new_set.view(), old_set.view())
            .map(|(key, fact)| (key.padded(), new_set.view().moment(fact)))
            .collect();
        let expected: Vec<_> =
            newer.iter().filter(|(s, _)| model.contains_key(*s)).map(|(s, m)| (*s, *m)).collect();
        prop_assert_eq!(common, expected);
    }

    #[test]
    fn a_serial_number_that_comes_twice_is_refused(model in entries(), which in any::<prop::sample::Index>()) {
        prop_assume!(!model.is_empty());
        let twice = *model.keys().nth(which.index(model.len())).unwrap();
        let mut collector = Collector::new(Duplicates::Refuse);
        let added = model.keys().chain([&twice]).try_for_each(|serial| collector.add(key(serial)));
        let draft = added.map_err(DraftError::from)
            .and_then(|()| Draft::of(collector, &[], None, Tree::Absent).map(drop));
        prop_assert_eq!(draft, Err(DraftError::Duplicate));
        let again = model.keys().chain(model.keys()).filter_map(|serial| key(serial).serial());
        prop_assert_eq!(SerialSet::of(again).unwrap().len(), model.len());
    }

    /// The digest is what says that bytes are right; here it is not asked. Whatever the bytes, nothing panics and every walk
    /// ends.
    #[test]
    fn changed_bytes_are_refused_or_answer_something(
        model in entries(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        in_head in any::<bool>(),
    ) {
        let mut bytes = set_of(&model, |_| 0);
        let room = if in_head { 128 } else { bytes.len() };
        for (at, byte) in changes {
            bytes[at.index(room)] = byte;
        }
        try_everything(&bytes, &model);
    }

    #[test]
    fn bytes_that_end_early_or_go_on_are_refused(model in entries(), cut in any::<prop::sample::Index>()) {
        let bytes = set_of(&model, |_| 0);
        prop_assert!(open(&bytes[..cut.index(bytes.len())]).is_err());
        prop_assert!(open(&[&bytes[..], &[0]].concat()).is_err());
    }
}

fn try_everything(bytes: &[u8], model: &Model) {
    let Ok(set) = open(bytes) else { return };
    let view = set.view();
    let most = view.len() + (1 << 16) * 8;
    let asked = asked(model);
    for (at, serial) in asked.iter().enumerate() {
        let key = key(serial);
        let _ =
            (view.contains(key), view.position(key), view.find(key).map(|fact| view.moment(fact).reason()));
        if at % (1 + asked.len() / 10) == 0 {
            let _ = list_tree::prove(view, &key.serial().unwrap());
        }
    }
    assert!(Cursor::start(view).take(most + 1).count() <= most, "a walk without an end");
    for position in [0, 1, view.len() / 2, view.len(), view.len() + 1, usize::MAX / 2] {
        assert!(Cursor::at(view, position).take(most + 1).count() <= most);
    }
    let _ =
        (Changes::between(view, view).take(most + 1).count(), Shared::of(view, view).take(most + 1).count());
}

#[test]
fn a_version_that_is_not_known_is_told() {
    let mut bytes = set_of(&Model::new(), |_| 0);
    assert!(open(&bytes).is_ok());
    bytes[8] = 2;
    assert_eq!(open(&bytes).err(), Some(SealedError::Version));
}

#[test]
fn a_chunk_is_a_bitmap_from_1024_members_on() {
    let of = |count: u64| {
        let serials =
            (0..count).map(|n| SerialNumber::from_be_bytes(&(0x50000 + 3 * n).to_be_bytes()).unwrap());
        SerialSet::of(serials).unwrap()
    };
    assert_eq!((of(1023).set().view().bitmaps.len(), of(1024).set().view().bitmaps.len()), (0, 1));
}

#[test]
fn sequential_serial_numbers_take_a_bit_and_little_more() {
    let serials = (1..=2_000_000_u32).map(SerialNumber::from);
    let set = SerialSet::of(serials).unwrap();
    assert_eq!(set.len(), 2_000_000);
    // 110 million: 17.2 MB.
    assert!(set.sealed().len() * 8 < 2_000_000 * 129 / 100, "{}", set.sealed().len());
    assert_eq!((set.position(&77.into()), set.at(76)), (Some(76), Some(77.into())));
    assert_eq!((set.position(&2_000_001.into()), set.at(2_000_000)), (None, None));
}

#[test]
fn times_of_a_wide_range_are_kept_to_the_second() {
    let years = [-631_152_000, 0, 253_402_300_799].map(UnixTime);
    let entries = (1..).map(Key::Short).zip(years.map(|at| Moment { at, code: 10 }));
    let model = model(entries);
    let set = open(&set_of(&model, scattered)).unwrap();
    let view = set.view();
    for (serial, moment) in &model {
        assert_eq!(view.find(key(serial)).map(|fact| view.moment(fact)), Some(*moment));
    }
}

#[test]
fn a_fact_that_the_first_pass_did_not_see_is_refused() {
    let model = model([(Key::Short(5), moment(1)), (Key::Short(9), moment(2))]);
    let mut collector = Collector::new(Duplicates::Refuse);
    for serial in model.keys() {
        collector.add(key(serial)).unwrap();
    }
    let mut draft = Draft::of(collector, &[], Some(times(&model)), Tree::Absent).unwrap();
    let mut filler = draft.filler();
    let (first, last) = times(&model);
    assert_eq!(filler.put(Key::Short(6), Moment { at: first, code: 0 }), Err(DraftError::Changed));
    for outside in [first.plus(-1), last.plus(1 << 30)] {
        assert_eq!(filler.put(Key::Short(5), Moment { at: outside, code: 0 }), Err(DraftError::Changed));
    }
    filler.put(Key::Short(5), Moment { at: first, code: 0 }).unwrap();
    assert_eq!(filler.finish(), Err(DraftError::Changed));
}
