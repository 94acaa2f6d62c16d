//! The signature formats: what each finds, and what each refuses.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the tests' support is not in test functions"
)]

mod xml_c14n;
mod xml_reader;
mod xml_refusals;
mod xml_signatures;
mod xml_support;
mod xml_wrapping;
mod xml_xades;
