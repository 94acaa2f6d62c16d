//! The change stream's store: one numbered, hash-chained, signed sequence for each relying party
//! (`docs/spec/change-stream.md`). Entries are written in the transaction of what they tell, and never changed.
//!
//! Delivers nothing and serves nothing: crate `stream` does.

mod service;
mod sql;

use musubi_feed::{Event, Position};
use musubi_kernel::UnixTime;
use musubi_store::Migration;

use crate::{PersonId, RelyingPartyId};

pub use service::{after, append, append_all, customers_changed, head, heads, size, stream_of};

pub(crate) const MIGRATION: Migration =
    Migration { name: "change_stream/0001_stream", sql: include_str!("migrations/0001_stream.sql") };

/// What is to be told to one relying party.
#[derive(Debug, Clone)]
pub struct NewEntry {
    /// To whom.
    pub relying_party: RelyingPartyId,
    /// The person whom it concerns, for the platform's own use. The event names them by the pairwise id.
    pub person: Option<PersonId>,
    /// What.
    pub event: Event,
}

/// A stored entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEntry {
    /// From 1, without gaps.
    pub sequence: u64,
    /// Name of its event type.
    pub event: String,
    /// The person whom it concerns.
    pub person: Option<PersonId>,
    /// When it was written.
    pub recorded_at: UnixTime,
    /// The signed bytes.
    pub token: String,
}

/// Where a relying party's stream stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The place after the newest entry.
    pub last: Position,
    /// Its watched customers.
    pub customers: u64,
}

#[cfg(test)]
mod tests;
