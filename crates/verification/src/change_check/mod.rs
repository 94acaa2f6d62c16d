//! Change check (変更確認): what became of the certificates of a relying party's customers.
//!
//! A taken-in revocation list gives entries of the change stream (`musubi_platform::change_stream`), as far as each
//! relying party's purpose lets it know. The kind follows from evidence alone ([`meaning`]: CRLReason as the JPKI's practice
//! statement, CPS 4.9.9, defines it, succession, correspondence); what the evidence does not tell is `undetermined`.
//!
//! ```text
//!            affiliationChanged ──► attributes_changed (signing certificates only)
//!            superseded ──────────► renewed
//!  good ───► cessationOfOperation ► undetermined, pending ──[`follow_up`]──► renewed, ended, or undetermined for good
//!            keyCompromise, cACompromise, certificateHold ► held_or_compromised
//!            unspecified, anything else ─────────────────► undetermined
//! ```
//!
//! The latest attributes (最新の基本4情報) are fetched from upstream when the relying party asks, only with
//! the resident's consent, passed on once and not stored.

mod checking;
pub mod follow_up;
pub mod http;
pub mod meaning;
mod service;
mod sql;

use std::str::FromStr;

use musubi_kernel::define_id;
use musubi_pki::{AuthorityKind, RevocationReason};
use musubi_store::Migration;

pub(crate) use checking::{Asked, settle};
pub use service::{
    CertificateState, CertificateStatus, Error, LatestOutcome, Source, Status, oldest, record, status,
};

/// The feature's schema.
pub const MIGRATIONS: &[Migration] = &[
    Migration { name: "change_check/0001_events", sql: include_str!("migrations/0001_events.sql") },
    Migration { name: "change_check/0002_stream", sql: include_str!("migrations/0002_stream.sql") },
    Migration { name: "change_check/0003_follow_up", sql: include_str!("migrations/0003_follow_up.sql") },
];

define_id!(
    /// One answer to a change check.
    ChangeCheckId, "cc");

/// What kind of change the evidence shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// One of the four basic attributes changed.
    AttributesChanged,
    /// The same person renewed the certificate.
    Renewed,
    /// The certificate is no longer needed: death, move abroad, return.
    Ended,
    /// Suspended or compromised.
    HeldOrCompromised,
    /// The evidence does not tell.
    Undetermined,
}

impl ChangeKind {
    const ALL: [Self; 5] =
        [Self::AttributesChanged, Self::Renewed, Self::Ended, Self::HeldOrCompromised, Self::Undetermined];

    /// The name on the wire and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AttributesChanged => "attributes_changed",
            Self::Renewed => "renewed",
            Self::Ended => "ended",
            Self::HeldOrCompromised => "held_or_compromised",
            Self::Undetermined => "undetermined",
        }
    }

    /// The kind that a revocation of such a certificate for this reason shows by itself: see [`meaning`].
    #[must_use]
    pub fn from_evidence(authority: AuthorityKind, reason: RevocationReason) -> Self {
        meaning::Evidence::of_list(authority, reason).meaning().kind
    }
}

impl FromStr for ChangeKind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(())
    }
}
