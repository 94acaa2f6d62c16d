//! Through the routers, on both databases.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the tests' support is not in test functions"
)]

mod freshness;
