//! The stream's delivery through the router, on both databases.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the tests' support is not in test functions"
)]

mod days;
mod live;
mod management;
mod pages;
mod poll;
mod world;
