//! The form of entries and heartbeats, and what a receiver makes of them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the tests' support is not in test functions"
)]

mod days;
mod form;
mod receiver;
mod truth;
mod vectors;
mod wild;
