//! Entitlement check (資格確認): a resident answers a challenge with the user-authentication certificate
//! (利用者証明用電子証明書) and the 4-digit PIN; the relying party receives its own customer id. Or, by the assurance
//! `card_present`, holds out a card without PIN that was enrolled before ([`presence`](crate::presence)): the same answer, but
//! worth less. Which of the two a transaction asks for is fixed at its start, and the other's signature is of another text
//! by another key.
//!
//! ```text
//!  start ──► open ──completion──► accepted   TOTAL-PASSED: customer id, if the person is linked
//!              │  ▲                refused    TOTAL-FAILED or INDETERMINATE
//!              │  └─ TRY_LATER ─┘
//!              └─ 15 minutes ──► expired
//! ```
//! Under a freshness contract TRY_LATER leads to `refused`, `held` or `provisional` instead ([`freshness`](crate::freshness)).
//!
//! What is signed names the origin that the card window saw, the relying party, the purpose and the nonce
//! (`docs/spec/card-request.md`). A signature relayed from another origin names that origin and is refused.

pub mod http;
mod judging;
mod service;
mod sql;

use musubi_kernel::{UnixTime, define_id};
use musubi_pki::ReasonCode;
use musubi_platform::relying_party::RelyingPartyId;
use musubi_store::Migration;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::outcome::Completed;

pub(crate) use judging::judge_awaited;
pub(crate) use service::refuse_awaited;
pub(crate) use sql::delete_abandoned;

pub use judging::{Completion, Judged, judge_completion, to_be_signed};
pub use service::{Asked, Checked, Started, Who, complete, find, start, start_asking};

/// The feature's schema.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        name: "entitlement_check/0001_transactions",
        sql: include_str!("migrations/0001_transactions.sql"),
    },
    Migration {
        name: "entitlement_check/0002_assurance",
        sql: include_str!("migrations/0002_assurance.sql"),
    },
];

/// What a check shows of the person, and asks of the card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Assurance {
    /// The holder entered the PIN: the user-authentication key signed.
    #[default]
    PinAuthenticated,
    /// An enrolled card was held out, by anybody: its free key signed.
    CardPresent,
}

impl Assurance {
    /// The name on the wire and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PinAuthenticated => "pin_authenticated",
            Self::CardPresent => "card_present",
        }
    }
}

impl std::str::FromStr for Assurance {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::PinAuthenticated, Self::CardPresent].into_iter().find(|a| a.as_str() == text).ok_or(())
    }
}

/// What came of the wish to use the card without PIN from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enrolling {
    /// There was none, or the authentication did not pass.
    No,
    /// The card is enrolled.
    Enrolled,
    /// It is not, and why. The authentication stands.
    Refused(ReasonCode),
}

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
    /// What is asked of the card.
    pub assurance: Assurance,
    /// Whether the card is to be enrolled for use without PIN.
    pub enrol_presence: bool,
    /// base64url of 32 random bytes.
    pub nonce: String,
    /// When it began.
    pub created_at: UnixTime,
    /// When it ends if it is not completed.
    pub expires_at: UnixTime,
    /// Its result.
    pub completed: Option<Completed>,
    /// What came of the enrolment, if the result is there.
    pub enrolling: Enrolling,
}
