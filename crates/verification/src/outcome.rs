//! What identity proofing and entitlement check have in common: the state of a transaction, its stored
//! result, and the bounds of what a caller may send.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use musubi_kernel::{Random, UnixTime};
use musubi_pki::{CheckResult, Indication, Outcome, ReasonCode, SubIndication, Verdict};
use musubi_platform::audit::Receipt;
use musubi_platform::person::PersonId;
use musubi_store::{Row, StoreError};

use crate::upstream::UpstreamError;

/// How long a resident has between the start of a transaction and its completion, in seconds.
pub const LIFETIME: i64 = 15 * 60;
/// Largest certificate and signature taken from a caller, in bytes.
const MAX_CERTIFICATE: usize = 16 * 1024;
const MAX_SIGNATURE: usize = 1024;

/// State of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Waits for a signature, or could not be judged yet (TRY_LATER).
    Open,
    /// TOTAL-PASSED.
    Accepted,
    /// Judged, and not passed. Final.
    Refused,
    /// Could not be judged yet; the platform judges it as soon as evidence arrives (`docs/freshness.md`).
    Held,
    /// As held, and the relying party goes on meanwhile at its own risk.
    Provisional,
}

impl State {
    /// The name on the wire and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Held => "held",
            Self::Provisional => "provisional",
        }
    }

    /// The state that a verdict leads to. Only what cannot be judged yet stays open: the same signature may
    /// then be sent again. Everything else uses the nonce up.
    #[must_use]
    pub fn after(verdict: &Verdict) -> Self {
        match (verdict.indication(), verdict.sub_indication()) {
            (Indication::TotalPassed, _) => Self::Accepted,
            (Indication::Indeterminate, Some(SubIndication::TryLater)) => Self::Open,
            _ => Self::Refused,
        }
    }
}

impl std::str::FromStr for State {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let all = [Self::Open, Self::Accepted, Self::Refused, Self::Held, Self::Provisional];
        all.into_iter().find(|s| s.as_str() == text).ok_or(())
    }
}

/// The stored result of a transaction.
#[derive(Debug, Clone)]
pub struct Completed {
    /// Never open: there is no result before.
    pub state: State,
    /// The person, if the certificate is known to be somebody's.
    pub person: Option<PersonId>,
    /// The verdict as it was answered.
    pub verdict: serde_json::Value,
    /// Place in the audit log.
    pub audit_index: i64,
    /// Leaf hash there, lower-case hex.
    pub audit_leaf: String,
}

impl Completed {
    /// A result to be stored.
    pub(crate) fn new(
        state: State,
        person: Option<PersonId>,
        verdict: serde_json::Value,
        receipt: &Receipt,
    ) -> Self {
        let audit_leaf = hex::encode(receipt.leaf_hash);
        Self { state, person, verdict, audit_index: signed_index(receipt), audit_leaf }
    }

    /// Reads the result columns; `None` while the transaction is open.
    pub(crate) fn from_row(row: &Row) -> Result<Option<Self>, StoreError> {
        let state = row.text("state")?.parse().map_err(|()| StoreError::Corrupt("state"))?;
        if state == State::Open {
            return Ok(None);
        }
        Ok(Some(Self {
            state,
            person: row
                .text_opt("person_id")?
                .map(|id| id.parse().map_err(|_| StoreError::Corrupt("person_id")))
                .transpose()?,
            verdict: serde_json::from_str(&row.text("verdict")?)
                .map_err(|_| StoreError::Corrupt("verdict"))?,
            audit_index: row.int("audit_index")?,
            audit_leaf: row.text("audit_leaf")?,
        }))
    }
}

/// Why a transaction could not be started or completed. A verdict is no error.
#[derive(Debug, thiserror::Error)]
pub enum TransactionError {
    /// No such transaction of this relying party.
    #[error("no such transaction")]
    Unknown,
    /// Its time is over.
    #[error("the transaction has expired")]
    Expired,
    /// Its nonce was used.
    #[error("the transaction was completed before")]
    Replayed,
    /// A field is out of bounds.
    #[error("field `{0}` is not as it must be")]
    Field(&'static str),
    /// The origin is not registered for this relying party.
    #[error("the origin is not registered")]
    Origin,
    /// A newer revocation list was taken in since the completion was judged: judge again.
    #[error("judged by a revocation list that is no longer the newest")]
    Outdated,
    /// Use without PIN is not configured here.
    #[error("there is no presence without PIN here")]
    PresenceOff,
    /// The customer id belongs to another person.
    #[error("the customer id is linked to another person")]
    CustomerTaken,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why judging ended without a verdict on the person: kept apart from [`TransactionError`] to be a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deferred {
    /// Upstream did not answer.
    Unreachable,
    /// Upstream answered in a way that cannot be used.
    Unusable,
}

impl From<UpstreamError> for Deferred {
    fn from(error: UpstreamError) -> Self {
        match error {
            UpstreamError::Unreachable | UpstreamError::CutOff => Self::Unreachable,
            UpstreamError::Refused { .. } | UpstreamError::Malformed | UpstreamError::NotKept => {
                Self::Unusable
            }
        }
    }
}

impl Deferred {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Unusable => "unusable answer",
        }
    }
}

/// Cannot be judged yet, for want of the authority's answer.
pub(crate) const TRY_LATER: (SubIndication, ReasonCode) =
    (SubIndication::TryLater, ReasonCode::UpstreamUnreachable);

/// The check that upstream told what linking needs.
pub(crate) fn upstream_check(deferred: Option<Deferred>) -> CheckResult {
    let (outcome, evidence) = match deferred {
        None => (Outcome::Passed, "answered"),
        Some(deferred) => (Outcome::Inconclusive, deferred.as_str()),
    };
    let citation = "JPKI Act (平成14年法律第153号), art. 18 (5): 対応証明書の発行の番号";
    CheckResult::new("upstream.correspondence", citation, outcome).with("authority", evidence)
}

/// A receipt's index as the database keeps it.
pub(crate) fn signed_index(receipt: &Receipt) -> i64 {
    i64::try_from(receipt.index).unwrap_or(i64::MAX)
}

/// A fresh single-use nonce: base64url of 256 random bits.
pub(crate) fn nonce(random: &dyn Random) -> String {
    let mut bytes = [0; 32];
    random.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A certificate and a signature as a caller sends them.
pub(crate) struct Signed {
    pub(crate) certificate: Vec<u8>,
    pub(crate) signature: Vec<u8>,
}

impl Signed {
    pub(crate) fn decode(certificate: &str, signature: &str) -> Result<Self, TransactionError> {
        let bytes = |field, text: &str, max: usize| {
            let bytes = if text.len() <= max * 2 { STANDARD.decode(text).ok() } else { None };
            bytes.filter(|b| !b.is_empty() && b.len() <= max).ok_or(TransactionError::Field(field))
        };
        Ok(Self {
            certificate: bytes("certificate", certificate, MAX_CERTIFICATE)?,
            signature: bytes("signature", signature, MAX_SIGNATURE)?,
        })
    }
}

/// The state of a transaction that waits for evidence, for the platform to end it.
pub(crate) fn awaited(completed: Option<&Completed>) -> Result<State, TransactionError> {
    match completed.map(|completed| completed.state) {
        Some(state @ (State::Held | State::Provisional)) => Ok(state),
        _ => Err(TransactionError::Unknown),
    }
}

/// Whether a transaction may be completed at `at`.
pub(crate) fn still_open(
    completed: Option<&Completed>,
    expires_at: UnixTime,
    at: UnixTime,
) -> Result<(), TransactionError> {
    match completed {
        Some(_) => Err(TransactionError::Replayed),
        None if at > expires_at => Err(TransactionError::Expired),
        None => Ok(()),
    }
}

pub(crate) fn check_customer_id(text: &str) -> Result<(), TransactionError> {
    let fits = (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    if fits { Ok(()) } else { Err(TransactionError::Field("customer_id")) }
}

pub(crate) fn check_purpose(text: &str) -> Result<(), TransactionError> {
    let fits = (1..=40).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    if fits { Ok(()) } else { Err(TransactionError::Field("purpose")) }
}
