//! The verification service through its routes, on both databases, under a small authority of certificates and lists.

#![cfg(test)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the tests' support is not in test functions"
)]
#![allow(dead_code, reason = "the support of the pki crate's tests has more than is needed here")]

mod bulk;
mod changes;
mod consents;
mod freshness;
mod hostile;
mod matching;
mod succession;
#[path = "../../../pki/tests/it/support/mod.rs"]
mod support;
mod watching;
mod world;
