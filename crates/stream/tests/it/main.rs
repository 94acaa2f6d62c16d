//! Delivery of the change stream, on both engines: through the router, and over real connections on this machine.

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
mod push;
mod world;
