//! What travels between a relying party and the platform's REST API, version 1. Times are RFC 3339 in UTC,
//! bytes base64 (RFC 4648, 4). Fields that a later platform adds are ignored.

use std::fmt;

use musubi_kernel::UnixTime;
use serde::{Deserialize, Serialize};

/// 基本4情報 as written in an application: dates as `1980-02-17`, sex as `male`, `female` or `unknown`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attributes {
    /// 氏名.
    pub name: String,
    /// 住所.
    pub address: String,
    /// 生年月日, `1980-02-17`.
    pub date_of_birth: String,
    /// 性別.
    pub sex: String,
}

/// What a resident applies for and signs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Application {
    /// The document's title.
    pub title: String,
    /// What the resident states, one line each.
    pub statements: Vec<String>,
    /// The attributes that must be those of the certificate.
    pub attributes: Attributes,
    /// Consent to receive the latest attributes after a change, or none.
    pub latest_attributes_consent: Option<Consent>,
}

/// Consent to receive latest attributes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// Which of `name`, `address`, `date_of_birth`, `sex`.
    pub items: Vec<String>,
}

/// Body of `POST /v1/identity-proofings`.
#[derive(Serialize)]
pub(crate) struct OpenProofing<'a> {
    pub(crate) customer_id: &'a str,
    pub(crate) purpose: &'a str,
    pub(crate) origin: &'a str,
    pub(crate) application: &'a Application,
}

/// Body of `POST /v1/identity-proofings/{id}/completion`.
#[derive(Serialize)]
pub(crate) struct CompleteProofing<'a> {
    pub(crate) application: &'a Application,
    pub(crate) certificate: &'a str,
    pub(crate) signature: &'a str,
}

/// An identity proofing that waits for a signature.
#[derive(Clone, Deserialize)]
pub struct OpenedProofing {
    /// Its id, `ip_…`.
    pub id: String,
    /// The exact text that the card signs.
    pub to_be_signed: String,
    /// Until when a signature is accepted.
    pub expires_at: UnixTime,
    /// What the page hands to the card window, as it is.
    pub card_request: serde_json::Value,
}

/// How a person was recognised. Presence without PIN (かざし利用) says that the card is here, not that its holder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Assurance {
    /// By the card and its PIN.
    PinAuthenticated,
    /// By the card alone.
    CardPresent,
}

impl Assurance {
    /// Its name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PinAuthenticated => "pin_authenticated",
            Self::CardPresent => "card_present",
        }
    }
}

/// Body of `POST /v1/entitlement-checks`. What is left out is the usual: by PIN, without enrolment.
#[derive(Serialize)]
pub(crate) struct OpenCheck {
    pub(crate) purpose: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) assurance: Option<Assurance>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) enrol_presence: Option<bool>,
}

/// What enrols a card for presence without PIN, in base64.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresenceProof {
    /// The record of the card's free key (券面事項入力補助AP, EF 0007).
    pub key_record: String,
    /// The card's own certificate (EF 0004).
    pub card_certificate: String,
    /// The free key's signature over the text that the authentication key signed.
    pub signature: String,
}

/// Body of `POST /v1/entitlement-checks/{id}/completion`: what the card answered.
#[derive(Clone, Copy, Serialize)]
pub struct CheckAnswer<'a> {
    /// The user-authentication certificate (DER, base64).
    pub certificate: &'a str,
    /// The signature (base64).
    pub signature: &'a str,
    /// The page's origin as the card window saw it.
    pub origin: &'a str,
    /// The proof for enrolment, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub presence: Option<&'a PresenceProof>,
}

/// An entitlement check that waits for the card's answer.
#[derive(Clone, Deserialize)]
pub struct OpenedCheck {
    /// Its id, `ec_…`.
    pub id: String,
    /// Until when an answer is accepted.
    pub expires_at: UnixTime,
    /// What the page hands to the card window, as it is.
    pub card_request: serde_json::Value,
}

/// What became of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransactionState {
    /// Judged, passed.
    Accepted,
    /// Judged, failed.
    Refused,
    /// Could not be judged yet; the same signature may be sent again.
    Open,
}

/// The platform's answer to a completion.
#[derive(Clone, Serialize, Deserialize)]
pub struct Judged {
    /// The transaction.
    pub id: String,
    /// What became of it.
    pub state: TransactionState,
    /// How it was judged.
    pub verdict: Verdict,
    /// The relying party's own stable number of the person.
    #[serde(default)]
    pub subject: Option<String>,
    /// The relying party's own customer number, if the person is linked to one.
    #[serde(default)]
    pub customer_id: Option<String>,
    /// The certificate's attributes: only in an identity proofing's first answer.
    #[serde(default)]
    pub attributes: Option<Attributes>,
    /// The consent that was registered.
    #[serde(default)]
    pub consent_id: Option<String>,
    /// How the person was recognised: an entitlement check's answer only. Unsaid, it is worth nothing.
    #[serde(default)]
    pub assurance: Option<Assurance>,
    /// Whether the card was enrolled for presence without PIN by this check.
    #[serde(default)]
    pub presence_enrolled: bool,
    /// Why it was not, although that was asked for and the check was accepted.
    #[serde(default)]
    pub presence_refusal: Option<Reason>,
    /// Where the platform's audit log has it.
    #[serde(default)]
    pub audit: Option<AuditEntry>,
}

/// A place in the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Index of the leaf, from 0.
    pub index: u64,
    /// Its hash, lower-case hex.
    pub leaf_hash: String,
}

/// A verdict (ETSI EN 319 102-1, 5.1.3).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Verdict {
    /// `TOTAL-PASSED`, `TOTAL-FAILED` or `INDETERMINATE`.
    pub indication: String,
    /// Such as `REVOKED` or `TRY_LATER`.
    #[serde(default)]
    pub sub_indication: Option<String>,
    /// Every check with its outcome.
    #[serde(default)]
    pub checks: Vec<Check>,
    /// Why it did not pass, in words for the person.
    #[serde(default)]
    pub reason: Option<Reason>,
    /// How old the revocation evidence was.
    #[serde(default)]
    pub freshness: Option<Freshness>,
}

/// One check of a verdict.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Check {
    /// Stable name.
    pub id: String,
    /// `passed`, `failed`, `inconclusive` or `skipped`.
    pub outcome: String,
    /// The clause that asks for it.
    #[serde(default)]
    pub citation: String,
}

/// Why something was refused: a stable code, and what happened and what to do next in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Such as `certificate.revoked`.
    pub code: String,
    /// Japanese.
    pub ja: ReasonText,
    /// English.
    pub en: ReasonText,
}

/// Words for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReasonText {
    /// What happened.
    pub what: String,
    /// What to do next.
    pub next: String,
}

/// Age of revocation evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freshness {
    /// Number of the revocation list.
    #[serde(default)]
    pub list_number: Option<serde_json::Value>,
    /// When the list was made.
    #[serde(default)]
    pub this_update: Option<UnixTime>,
    /// When the next one is due.
    #[serde(default)]
    pub next_update: Option<UnixTime>,
    /// Age at the time of judgement, in seconds.
    #[serde(default)]
    pub age_seconds: Option<i64>,
}

/// A page of `GET /v1/change-events`. Of each event only the signed token is read: the rest says the same, unsigned.
#[derive(Clone, Deserialize)]
pub struct ChangeEvents {
    /// Entries after the cursor, in their order.
    pub events: Vec<SignedEntry>,
    /// A signed statement of what there is.
    pub heartbeat: String,
}

/// An entry of the change stream.
#[derive(Clone, Deserialize)]
pub struct SignedEntry {
    /// Its bytes, for the receiver library.
    pub token: String,
}

/// The members of a change: something happened to a watched certificate.
#[derive(Clone, Deserialize)]
pub struct ChangeTold {
    /// `attributes_changed`, `renewed`, `ended`, `held_or_compromised`, `undetermined` or `not_told`.
    pub change: String,
    /// The relying party's customer.
    pub customer_id: String,
    /// Which of the two certificates.
    pub certificate_kind: String,
    /// When the authority says that it happened.
    pub occurred_at: UnixTime,
    /// When the platform learned it.
    pub recorded_at: UnixTime,
    /// What it is concluded from.
    #[serde(default)]
    pub evidence: Option<Evidence>,
    /// `available` or `no_consent`.
    #[serde(default)]
    pub latest_attributes: Option<String>,
    /// The number of the entry in whose place this one stands.
    #[serde(default)]
    pub refines: Option<u64>,
}

/// What a change is concluded from.
#[derive(Debug, Clone, Deserialize)]
pub struct Evidence {
    /// The reason in the revocation list, if the purpose allows to tell it.
    #[serde(default)]
    pub reason: Option<String>,
    /// The list's number.
    #[serde(default)]
    pub list_number: Option<i64>,
}

/// The answer of `GET /.well-known/jwks.json`.
#[derive(Deserialize)]
pub(crate) struct SigningKeys {
    pub(crate) keys: Vec<serde_json::Value>,
}

/// The answer of `POST /v1/latest-attributes`: the consented items.
#[derive(Clone, Deserialize)]
pub struct LatestAttributes {
    /// What is known now.
    pub attributes: PartialAttributes,
    /// When it was provided.
    pub provided_at: UnixTime,
    /// What the authority charges, in yen.
    #[serde(default)]
    pub fee_yen: i64,
}

/// Those of the four attributes that the consent covers.
#[derive(Clone, Default, Deserialize)]
pub struct PartialAttributes {
    /// 氏名.
    #[serde(default)]
    pub name: Option<String>,
    /// 住所.
    #[serde(default)]
    pub address: Option<String>,
    /// 生年月日.
    #[serde(default)]
    pub date_of_birth: Option<String>,
    /// 性別.
    #[serde(default)]
    pub sex: Option<String>,
}

/// The platform's problem document (RFC 9457).
#[derive(Deserialize)]
pub(crate) struct ProblemDocument {
    pub(crate) code: String,
    pub(crate) detail: ProblemTexts,
}

#[derive(Deserialize)]
pub(crate) struct ProblemTexts {
    pub(crate) ja: ReasonText,
    pub(crate) en: ReasonText,
}

// Personal data stays out of logs: these types say only what they are.
macro_rules! silent_debug {
    ($($name:ident)*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    )*};
}

silent_debug! { Attributes Application OpenedProofing OpenedCheck PresenceProof Judged ChangeEvents SignedEntry ChangeTold LatestAttributes PartialAttributes }
