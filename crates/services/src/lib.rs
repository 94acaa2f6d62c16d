//! Reference relying parties: they know the platform only by HTTP.
//!
//! One folder per service. A service keeps its own tables, its own customer numbers and its own pages; what it
//! knows of a person is what the person wrote, signed or consented to.

pub mod bank;
pub mod phish;
pub mod platform_client;
mod visit;
