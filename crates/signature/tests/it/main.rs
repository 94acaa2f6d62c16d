//! The signature formats: what each finds, and what each refuses.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the tests' support is not in test functions"
)]

mod jws;
mod jws_jades;
mod jws_support;
mod raw;
mod raw_support;
mod report;
