//! Identity proofing (本人確認): an application signed with the digital-signature certificate
//! (署名用電子証明書), judged, its four basic attributes compared, and the person linked to the relying
//! party's customer id.
//!
//! ```text
//!  start ──► open ──completion──► accepted   TOTAL-PASSED: person linked, consent registered, audited
//!              │  ▲                refused    TOTAL-FAILED or INDETERMINATE: nothing but the audit record
//!              │  └─ TRY_LATER ─┘             authority unreachable, list too old: the same signature may be
//!              └─ 15 minutes ──► expired      sent again
//! ```
//! Under a freshness contract TRY_LATER leads to `refused`, `held` or `provisional` instead ([`freshness`](crate::freshness)).
//!
//! The nonce in the signed document is good for one completed transaction: the row leaves `open` in the same
//! transaction that links the person and writes the audit record. The application itself is not stored; the
//! relying party sends it again with the signature and its digest must be the one that was shown.

mod document;
pub mod http;
mod judging;
mod orphans;
mod service;
mod sql;

use musubi_kernel::{UnixTime, define_id};
use musubi_platform::consent::ConsentId;
use musubi_platform::relying_party::RelyingPartyId;
use musubi_store::Migration;

use crate::outcome::Completed;

pub use document::{Application, ApplicationError, Attributes, LatestAttributesConsent};
pub use judging::{Judged, judge_completion};
pub use orphans::withdraw_orphaned_consents;
pub use service::{Completion, Proofed, Start, Started, complete, find, start};

pub(crate) use document::line;

pub(crate) use judging::judge_awaited;
pub(crate) use service::refuse_awaited;
pub(crate) use sql::delete_abandoned;

/// The feature's schema.
pub const MIGRATIONS: &[Migration] = &[Migration {
    name: "identity_proofing/0001_transactions",
    sql: include_str!("migrations/0001_transactions.sql"),
}];

define_id!(
    /// A transaction of identity proofing.
    IdentityProofingId, "ip");

/// A transaction as it stands in the database.
#[derive(Debug, Clone)]
pub struct Transaction {
    /// Its identifier.
    pub id: IdentityProofingId,
    /// Who asked.
    pub relying_party: RelyingPartyId,
    /// The relying party's own number for the person.
    pub customer_id: String,
    /// Purpose code.
    pub purpose: String,
    /// Where the document is to be signed.
    pub origin: String,
    /// The relying party's name in Japanese, as the document shows it.
    pub name_ja: String,
    /// The same in English.
    pub name_en: String,
    /// base64url of 32 random bytes.
    pub nonce: String,
    /// SHA-256 of the document to be signed.
    pub document_sha256: [u8; 32],
    /// When it began.
    pub created_at: UnixTime,
    /// When it ends if it is not completed.
    pub expires_at: UnixTime,
    /// The consent that the document gives, if it gives one.
    pub consent: Option<ConsentId>,
    /// Its result.
    pub completed: Option<Completed>,
}
