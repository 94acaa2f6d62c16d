//! Whole judgements of documents: every fixture with what is to come of it, and the rules about time and trust.

mod fixtures;
mod purposes;
mod revocation;
pub(crate) mod support;
mod time_stamps;
