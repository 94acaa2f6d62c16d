//! Bundles: made of every kind of judgement, replayed, changed, and forged.

mod forged;
mod format;
mod given_lists;
mod made;
mod million;
mod mutated;
mod presence;
mod replayed;
mod size;
/// The authority and the cases of the pki crate's own tests: the same certificates are judged there.
#[path = "../../../../pki/tests/it/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "shared with the tests of another crate")]
mod support;
mod vectors;
