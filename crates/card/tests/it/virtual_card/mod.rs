//! The virtual card: a table of commands, a model beside it, and the rest.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the tests' support is not in test functions"
)]

mod behaviour;
mod commands;
mod model;
pub(crate) mod signatures;
pub(crate) mod support;
