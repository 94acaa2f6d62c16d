//! The card: client and virtual card, formats of its files, and who vouches for them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the tests' support is not in test functions"
)]

mod client;
mod client_and_card;
mod genuineness;
mod images;
mod issued;
mod keys;
mod records;
mod virtual_card;
