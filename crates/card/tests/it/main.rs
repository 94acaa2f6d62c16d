//! The card as a whole.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the tests' support is not in test functions"
)]

mod client;
mod client_and_card;
mod virtual_card;
