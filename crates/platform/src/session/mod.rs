//! Sessions of the resident's portal: an opaque 256-bit token in a cookie, tied to a person.
//!
//! ```text
//! open --> live --30 minutes unused, or 8 hours old--> over
//!            '------------------close----------------> gone
//! ```
//! The database keeps the token's SHA-256 only: who reads it or a copy of it can take over nobody's session.
//! That is why this is not `tower-sessions`, which stores the id of the cookie as it is. The cookie itself
//! (`__Host-`, `Secure`, `HttpOnly`, `SameSite=Lax`) is the pages' business.

mod service;
mod sql;
#[cfg(test)]
mod tests;

use musubi_kernel::UnixTime;
use musubi_store::Migration;

use crate::PersonId;

pub use service::{close, find, open, purge_expired};

pub(crate) const MIGRATION: Migration =
    Migration { name: "session/0001_session", sql: include_str!("migrations/0001_session.sql") };

/// A session may stay unused for so many seconds.
pub const MAX_IDLE: i64 = 30 * 60;

/// A session lives for so many seconds at most.
pub const MAX_AGE: i64 = 8 * 3600;

/// A live session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Who is signed in.
    pub person: PersonId,
    /// When the person signed in.
    pub opened_at: UnixTime,
    /// When it was last used, to within a minute.
    pub seen_at: UnixTime,
}

impl Session {
    /// Whether it is live at `at`.
    #[must_use]
    pub fn is_live(&self, at: UnixTime) -> bool {
        at.since(self.seen_at) < MAX_IDLE && at.since(self.opened_at) < MAX_AGE
    }
}
