//! The platform's REST API with its real parts: the simulated nation behind real loopback HTTP, the platform on SQLite
//! and on PostgreSQL (where `MUSUBI_TEST_POSTGRES` names a server), a clock that stands still.

mod bundles;
mod canaries;
mod cards;
mod change_check;
mod conformance;
mod corners;
mod entitlement_check;
pub(crate) mod fixture;
pub(crate) mod flows;
mod freshness;
mod golden;
mod identity_proofing;
mod late_lists;
pub(crate) mod lists;
mod openapi;
mod policies;
mod presence;
pub(crate) mod presence_cards;
mod races;
mod references;
mod refused_checks;
mod refused_proofings;
mod sweep;
mod tokens;
mod transactions;
mod usage;
