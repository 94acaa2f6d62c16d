//! Freshness contracts (`docs/freshness.md`): a platform between relying parties and a scripted authority.

mod contracts;
mod corrections;
mod ocsp;
mod outage;
mod world;

use super::support;
