//! The formats of document signatures: files of independent tools, and copies of them that must be refused.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the tests' support is not in test functions"
)]

mod pdf;
mod pdf_attacks;
mod pdf_changes;
mod pdf_reader;
mod pdf_support;
