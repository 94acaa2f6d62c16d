//! Entitlement check (資格確認): a resident answers a challenge with the user-authentication certificate
//! (利用者証明用電子証明書) and the 4-digit PIN; the relying party receives its own customer id.
//!
//! ```text
//!  start ──► open ──completion──► accepted   TOTAL-PASSED: customer id, if the person is linked
//!              │  ▲                refused    TOTAL-FAILED or INDETERMINATE
//!              │  └─ TRY_LATER ─┘
//!              └─ 15 minutes ──► expired
//! ```
//!
//! What is signed names the origin that the card window saw, the relying party, the purpose and the nonce
//! (`docs/spec/card-request.md`). A signature relayed from another origin names that origin and is refused.

pub mod http;
mod service;
mod sql;

use musubi_kernel::{UnixTime, define_id};
use musubi_platform::relying_party::RelyingPartyId;
use musubi_store::Migration;

use crate::outcome::Completed;

pub(crate) use sql::delete_abandoned;

pub use service::{
    Checked, Completion, Judged, Started, complete, find, judge_completion, start, to_be_signed,
};

/// The feature's schema.
pub const MIGRATIONS: &[Migration] = &[Migration {
    name: "entitlement_check/0001_transactions",
    sql: include_str!("migrations/0001_transactions.sql"),
}];

define_id!(
    /// A transaction of the entitlement check.
    EntitlementCheckId, "ec");

/// A transaction as it stands in the database.
#[derive(Debug, Clone)]
pub struct Transaction {
    /// Its identifier.
    pub id: EntitlementCheckId,
    /// Who asked.
    pub relying_party: RelyingPartyId,
    /// Purpose code.
    pub purpose: String,
    /// base64url of 32 random bytes.
    pub nonce: String,
    /// When it began.
    pub created_at: UnixTime,
    /// When it ends if it is not completed.
    pub expires_at: UnixTime,
    /// Its result.
    pub completed: Option<Completed>,
}
