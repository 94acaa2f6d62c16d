//! The freshness contract (鮮度の取決め, `docs/freshness.md`): how old evidence may be for a relying party, and what happens
//! when there is none that young. No answer rests on evidence that is older than the contract; unknown is shown neither as
//! good nor as revoked. What was said and is contradicted later is corrected.
//!
//! ```text
//!                      ┌─ refuse ────────────────► refused     for want of evidence
//!  cannot be judged ───┼─ hold ──────────────────► held ────┐
//!  now (TRY_LATER)     ├─ accept_with_follow_up ─► provisional ─┤ evidence arrives: judged again by the platform itself
//!                      └─ no contract ───────────► open     ▼     (SETTLED; CORRECTION if a provisional one did not pass)
//!                                               the caller may send the same again
//!
//!  good, provisional ──► remembered ──► a later list names the certificate, revoked by then ──► CORRECTION
//! ```
//! Not here: judging, which is `pki`'s; delivery of the entries, which is `stream`'s.

mod answers;
mod asking;
mod following;
pub mod http;
mod service;
mod settling;
mod sql;

use musubi_kernel::UnixTime;
use musubi_pki::{CertKey, Freshness, Method};
use musubi_platform::metering::{self, Item};
use musubi_platform::person::PersonId;
use musubi_platform::relying_party::RelyingPartyId;
use musubi_store::{Migration, StoreError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(crate) use answers::{Ending, Settled, announce, correction_record, for_each_standing, give, settled};
pub use answers::{corrections_for, forget};
pub(crate) use asking::{as_of, ocsp_responses};
pub(crate) use following::{Outcome, follow};
pub(crate) use service::{Terms, Vouched, applied};
pub use service::{contracts_of, set};
pub use settling::settle;
pub(crate) use settling::{Awaited, wait_for};
pub(crate) use sql::purpose_of_customer;

/// The feature's schema.
pub const MIGRATIONS: &[Migration] =
    &[Migration { name: "freshness/0001_freshness", sql: include_str!("migrations/0001_freshness.sql") }];

/// How long an answer can be corrected if nothing else is configured, in seconds: longer than a certificate lives.
pub const ANSWERS_KEPT: i64 = 10 * 366 * 24 * 3600;
/// Longest time for which the platform tries to settle an answer, in seconds.
pub const LONGEST_HOLD: i64 = 7 * 24 * 3600;
/// Oldest evidence on which a provisional acceptance may rest, in seconds.
pub const OLDEST_PROVISIONAL: i64 = 30 * 24 * 3600;

/// What happens to what cannot be judged now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InOutage {
    /// It is closed without an answer on the certificate.
    Refuse,
    /// The platform keeps it and judges it as soon as evidence arrives.
    Hold,
    /// The relying party goes on with older evidence at its own risk, and is told how it ended.
    AcceptWithFollowUp,
}

/// By what the certificate's status is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckBy {
    /// By the lists that the platform holds.
    List,
    /// By lists, and by OCSP where they are too old.
    #[default]
    ListThenOcsp,
    /// By OCSP; by lists that are young enough if the responder does not answer.
    Ocsp,
}

/// What a relying party has registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FreshnessContractTerms)]
pub struct Contract {
    /// How old evidence may be, in seconds since its `thisUpdate`: at least 60. Never older than the platform allows, nor than
    /// its `nextUpdate`.
    #[schema(example = 86400)]
    pub max_age_seconds: i64,
    /// What happens to what cannot be judged now.
    pub in_outage: InOutage,
    /// By what the status is asked.
    #[serde(default)]
    #[schema(required = false)]
    pub check_by: CheckBy,
    /// With `hold` and `accept_with_follow_up`: how long the platform tries, in seconds; 60 to 604800 (seven days).
    #[serde(default = "longest_hold")]
    #[schema(required = false, example = 604_800)]
    pub hold_seconds: i64,
    /// With `accept_with_follow_up` only, and then needed: how old evidence may be for a provisional acceptance, in seconds; not
    /// below `max_age_seconds`, at most 2592000 (thirty days). Past it, what cannot be judged is refused.
    #[serde(default)]
    #[schema(required = false, example = 259_200)]
    pub provisional_max_age_seconds: Option<i64>,
}

fn longest_hold() -> i64 {
    LONGEST_HOLD
}

/// A contract with what it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// The purpose, or `None` for all that have no contract of their own.
    pub purpose: Option<String>,
    /// What is registered.
    pub contract: Contract,
}

/// Why a contract was not registered.
#[derive(Debug, thiserror::Error)]
pub enum ContractError {
    /// A member is out of bounds.
    #[error("`{0}` is out of bounds")]
    Field(&'static str),
    /// It would let evidence be older than the platform allows.
    #[error("the platform takes no evidence that is older than {most} seconds")]
    TooLenient {
        /// What the platform allows.
        most: i64,
    },
    /// There is no such relying party.
    #[error("there is no such relying party")]
    UnknownRelyingParty,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What kind of answer was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AnswerKind {
    IdentityProofing,
    EntitlementCheck,
    ChangeCheck,
}

impl AnswerKind {
    const ALL: [Self; 3] = [Self::IdentityProofing, Self::EntitlementCheck, Self::ChangeCheck];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::IdentityProofing => "identity_proofing",
            Self::EntitlementCheck => "entitlement_check",
            Self::ChangeCheck => "change_check",
        }
    }
}

impl std::str::FromStr for AnswerKind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(())
    }
}

/// What was said of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    Good,
    Provisional,
}

impl Said {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Provisional => "provisional",
        }
    }
}

/// An answer by which a relying party may act.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    pub(crate) relying_party: RelyingPartyId,
    pub(crate) answer: String,
    pub(crate) kind: AnswerKind,
    pub(crate) said: Said,
    pub(crate) certificate: CertKey,
    pub(crate) not_after: UnixTime,
    pub(crate) person: Option<PersonId>,
    pub(crate) customer_id: Option<String>,
    pub(crate) freshness: Freshness,
    pub(crate) at: UnixTime,
}

/// As which work a check of this certificate is counted.
#[must_use]
pub fn check_item(authority: musubi_pki::AuthorityKind, freshness: Option<Freshness>) -> Item {
    use musubi_pki::AuthorityKind::{DigitalSignature, UserAuthentication};
    match (authority, freshness.map(|freshness| freshness.method)) {
        (DigitalSignature, Some(Method::Ocsp)) => metering::SIGNATURE_CHECK_BY_OCSP,
        (DigitalSignature, _) => metering::SIGNATURE_CHECK_BY_LIST,
        (UserAuthentication, Some(Method::Ocsp)) => metering::AUTHENTICATION_CHECK_BY_OCSP,
        (UserAuthentication, _) => metering::AUTHENTICATION_CHECK_BY_LIST,
    }
}
