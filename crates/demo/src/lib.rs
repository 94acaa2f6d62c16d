//! The whole nation, platform and services in one process: what `cargo run --release` starts.

pub mod cli;
mod population;
mod running;
mod secrets;
pub mod start;
pub mod story;

pub use running::{Demo, DemoConfig, DemoError, Sites};
