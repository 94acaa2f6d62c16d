//! The judgement of certificates: real certificates of a test card, and an authority of our own that departs
//! from the profile in every way that must be refused.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the tests' support is not in test functions"
)]

mod anchors;
mod certificates;
mod deltas;
mod inspect;
mod list_trees;
mod ocsp_evidence;
mod offline_checks;
mod offline_filters;
mod offline_vectors;
mod path_algorithms;
mod path_building;
mod path_constraints;
mod path_purpose;
mod path_revocation;
mod path_support;
mod pkits;
mod precedence;
mod presence;
mod profile;
mod reading;
mod real_certificates;
mod revocation;
mod revocation_lists;
mod robustness;
mod sealed;
mod support;
mod verdicts;
