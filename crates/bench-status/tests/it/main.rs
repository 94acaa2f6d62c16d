//! The benchmark with a small list: it comes to its end, and everything that it measures finds the same.
#![allow(
    missing_docs,
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "parts of a benchmark"
)]

#[path = "../../benches/status/made.rs"]
mod made;
#[path = "../../benches/status/measure.rs"]
mod measure;
/// The small authority of the JPKI of the pki crate's own tests.
#[path = "../../../pki/tests/it/support/mod.rs"]
#[allow(unused_imports, unreachable_pub, reason = "shared with another crate's tests")]
mod support;

use measure::Hashing;

#[test]
fn a_small_list_is_measured_in_every_part() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let made = made::files(folder, 20_000);
    assert_eq!((&made["entries"], &made["serial_numbers_up_to"]), (&20_000.into(), &88_000.into()));
    for hashing in [Hashing::WhileReading, Hashing::BeforeReading] {
        let intake = measure::intake(folder, hashing);
        assert_eq!(intake["entries"], 20_000);
        assert_eq!(intake["hashed_as_it_arrived"].is_null(), hashing == Hashing::WhileReading);
    }
    assert_eq!(measure::start(folder)["entries"], 20_000);
    let lookups = measure::lookups(folder, 1000);
    for (queries, found) in [("hit", 1000), ("miss", 0), ("mixed", 500)] {
        let structures = lookups[queries].as_object().unwrap();
        assert_eq!(structures.len(), 7);
        assert!(structures.values().all(|told| told["found"] == found), "{structures:?}");
    }
    let changes = measure::changes(folder);
    assert_eq!(changes["delta_entries"], 2000);
    assert!(changes["changes"].as_u64().is_some_and(|n| (1900..=2000).contains(&n)));
    let sets = measure::sets(folder);
    assert_eq!(
        (&sets["everybody"]["members"], &sets["watched"]["members"]),
        (&88_000.into(), &32_000.into())
    );
    assert!(sets["watched_that_are_listed"].as_u64().is_some_and(|n| (6800..7800).contains(&n)));
}
