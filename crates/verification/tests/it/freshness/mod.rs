//! Freshness contracts (`docs/freshness.md`): a platform between relying parties and a scripted authority.

mod contracts;
mod corrections;
mod ocsp;
mod outage;
mod world;

/// Certificates, lists and OCSP responses are made as for the tests of crate `pki`.
#[allow(dead_code, reason = "made for the tests of crate pki, which need more of it")]
#[path = "../../../../pki/tests/it/support/mod.rs"]
mod support;
