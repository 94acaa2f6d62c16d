//! Shapes that several routes share. Verdicts are written by `pki`; these types describe them for OpenAPI.

use musubi_platform::audit::Receipt;
use musubi_platform::relying_party::RelyingParty;
use serde::Serialize;
use utoipa::ToSchema;

/// A verdict after ETSI EN 319 102-1.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Verdict)]
pub(crate) struct VerdictBody {
    /// `TOTAL-PASSED`, `TOTAL-FAILED` or `INDETERMINATE`.
    #[schema(example = "TOTAL-PASSED")]
    pub(crate) indication: String,
    /// Sub-indication of EN 319 102-1, clause 5.1.3; null if passed.
    #[schema(example = json!(null))]
    pub(crate) sub_indication: Option<String>,
    /// Every check in order, with its outcome and evidence.
    pub(crate) checks: Vec<CheckBody>,
    /// Why it did not pass, for the person; null if passed.
    pub(crate) reason: Option<ReasonBody>,
    /// Age of the revocation data used; null if none covered the certificate.
    pub(crate) freshness: Option<FreshnessBody>,
    /// When it was judged, RFC 3339.
    pub(crate) judged_at: String,
}

/// One check.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Check)]
pub(crate) struct CheckBody {
    /// Stable dotted name.
    #[schema(example = "revocation.status")]
    pub(crate) id: String,
    /// `passed`, `failed`, `inconclusive` or `skipped`.
    pub(crate) outcome: String,
    /// The clause that asks for it.
    pub(crate) citation: String,
    /// What was seen; never personal data or a serial number.
    #[schema(value_type = Object)]
    pub(crate) evidence: serde_json::Value,
}

/// A reason in both languages.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Reason)]
pub(crate) struct ReasonBody {
    /// Stable dotted code.
    #[schema(example = "certificate.revoked")]
    pub(crate) code: String,
    /// Japanese.
    pub(crate) ja: ReasonText,
    /// English.
    pub(crate) en: ReasonText,
}

/// What happened and what to do next.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReasonText {
    /// What happened.
    pub(crate) what: String,
    /// What the person can do next.
    pub(crate) next: String,
}

/// 失効情報の鮮度.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Freshness)]
pub(crate) struct FreshnessBody {
    /// `list` or `ocsp`: by what the certificate's status is known.
    #[schema(example = "list")]
    pub(crate) method: String,
    /// CRLNumber; null of an OCSP response.
    pub(crate) list_number: Option<u64>,
    /// When the authority made the list or response, RFC 3339.
    pub(crate) this_update: String,
    /// When the next one is due at the latest, RFC 3339.
    pub(crate) next_update: String,
    /// Seconds between `this_update` and the judgement.
    pub(crate) age_seconds: i64,
}

/// Place of an answer's record in the audit log.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct AuditRef {
    /// Leaf index.
    pub(crate) index: i64,
    /// RFC 9162 leaf hash, lower-case hex.
    pub(crate) leaf_hash: String,
}

impl From<&Receipt> for AuditRef {
    fn from(receipt: &Receipt) -> Self {
        Self { index: crate::outcome::signed_index(receipt), leaf_hash: hex::encode(receipt.leaf_hash) }
    }
}

/// A name in both languages.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Names {
    /// Japanese.
    pub(crate) ja: String,
    /// English.
    pub(crate) en: String,
}

/// Who asks, as the card window shows it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct RelyingPartyRef {
    /// Identifier.
    #[schema(example = "rp_00112233445566778899aabbccddeeff")]
    pub(crate) id: String,
    /// Name.
    pub(crate) name: Names,
}

impl From<&RelyingParty> for RelyingPartyRef {
    fn from(relying_party: &RelyingParty) -> Self {
        Self {
            id: relying_party.id.to_string(),
            name: Names { ja: relying_party.name_ja.clone(), en: relying_party.name_en.clone() },
        }
    }
}

/// What the page hands to the card window (`docs/spec/card-request.md`).
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "operation", rename_all = "snake_case")]
pub(crate) enum CardRequest {
    /// Sign a nonce with the user-authentication key.
    Authenticate {
        /// 1.
        version: u8,
        /// base64url of 32 bytes.
        nonce: String,
        /// Purpose code.
        purpose: String,
        /// Who asks.
        relying_party: RelyingPartyRef,
        /// `true` if the card is to be enrolled for use without PIN; else absent.
        #[serde(skip_serializing_if = "Option::is_none")]
        enrol_presence: Option<bool>,
    },
    /// Hold out the card, without PIN: the card's free key signs a nonce.
    ProvePresence {
        /// 1.
        version: u8,
        /// base64url of 32 bytes.
        nonce: String,
        /// Purpose code.
        purpose: String,
        /// Who asks.
        relying_party: RelyingPartyRef,
    },
    /// Sign a document with the digital-signature key.
    SignDocument {
        /// 1.
        version: u8,
        /// The text to be shown and signed.
        document: String,
        /// The only origin that may ask for it.
        origin: String,
        /// Who asks.
        relying_party: RelyingPartyRef,
    },
}
