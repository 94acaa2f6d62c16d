//! The operator's program as a process: what it writes and how it exits.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the tests' support is not in test functions"
)]

mod figures;
mod follow;
mod inspect;
mod metrics;
mod offline;
#[cfg(feature = "otlp")]
mod otlp;
mod path_batch;
mod program;
mod replay;
mod usage;
mod verify;
