//! Upstream as a port: what the authorities provide to a certified verifier (署名検証者): revocation lists, OCSP,
//! correspondence (対応証明書の発行の番号), succession of serials (新旧紐付け), latest basic attributes.
//!
//! The real wire formats are under non-disclosure and unknown here; [`HttpUpstream`] speaks our own documented
//! design (`docs/spec/upstream.md`), which the simulated nation serves and a licensed gateway could.
//!
//! Not here: judging lists (see `pki`) or deciding what follows from an answer.

mod http;

use async_trait::async_trait;
use musubi_kernel::UnixTime;
use musubi_pki::{AuthorityKind, CertKey, ListScope, SerialNumber};
use musubi_platform::consent::ConsentId;

pub use http::{HttpUpstream, WhichLists};

/// Why upstream gave no usable answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// No connection, a time-out, or a server error: try later.
    #[error("the authority cannot be reached")]
    Unreachable,
    /// Upstream answered and refused, with its stable code.
    #[error("the authority refused: {code}")]
    Refused {
        /// The dotted code of the refusal.
        code: String,
    },
    /// The answer is not of the documented form, or too large.
    #[error("the authority's answer is malformed")]
    Malformed,
    /// The transfer ended before its end: what came may be kept, and the rest asked for.
    #[error("the transfer was cut off")]
    CutOff,
    /// What came could not be kept on this side.
    #[error("what the authority sent could not be kept")]
    NotKept,
}

/// A revocation list that upstream says it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedList {
    /// The issuing authority.
    pub authority: AuthorityKind,
    /// Lower-case hex of the issuing generation's subject key identifier.
    pub key_id: String,
    /// CRLNumber as announced; the list itself is believed, not this.
    pub number: u64,
    /// Which certificates it is about.
    pub scope: ListScope,
    /// Path to fetch it from.
    pub path: String,
    /// Its length, if it is told.
    pub bytes: Option<u64>,
    /// Delta lists (RFC 5280 5.2.4) that lead to it.
    pub deltas: Vec<PublishedDelta>,
}

impl PublishedList {
    /// A list of all certificates of a generation, of which nothing more is told.
    #[must_use]
    pub fn full(authority: AuthorityKind, key_id: String, number: u64, path: String) -> Self {
        Self { authority, key_id, number, scope: ListScope::Full, path, bytes: None, deltas: Vec::new() }
    }
}

/// A delta list that upstream says it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedDelta {
    /// BaseCRLNumber: it applies to a list of this number or a higher one.
    pub base_number: u64,
    /// CRLNumber of the list that it leads to.
    pub number: u64,
    /// Path to fetch it from.
    pub path: String,
}

/// Takes bytes as they arrive.
pub trait Receive: Send {
    /// How many bytes came so far: from there on the rest is asked for.
    fn received(&self) -> u64;

    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`UpstreamError::Malformed`] if they are more than are taken, [`UpstreamError::NotKept`] if they cannot be kept.
    fn chunk(&mut self, bytes: &[u8]) -> Result<(), UpstreamError>;
}

/// Old and new serial numbers of one person's certificates of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SerialSuccession {
    /// Earlier serials, newest first.
    pub predecessors: Vec<SerialNumber>,
    /// The serial in force.
    pub current: SerialNumber,
    /// When the certificate that followed the one asked for was issued, if upstream tells. What tells a renewal from a new
    /// application after an end (`change_check::meaning`).
    pub next_issued_at: Option<UnixTime>,
}

/// What is registered upstream when a resident consents to latest attributes.
#[derive(Debug, Clone)]
pub struct ConsentEvidence {
    /// Our consent.
    pub consent_id: ConsentId,
    /// The service that may receive: the relying party's identifier.
    pub service_id: String,
    /// The document that the resident signed.
    pub document: String,
    /// The signature over it.
    pub signature: Vec<u8>,
    /// The digital-signature certificate, DER.
    pub certificate: Vec<u8>,
    /// `name`, `address`, `date_of_birth`, `sex`.
    pub items: Vec<String>,
}

/// The term of a registered consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsentTerm {
    /// 00:00 JST of the day after consent.
    pub valid_from: UnixTime,
    /// 23:59:59 JST, ten years on.
    pub valid_until: UnixTime,
}

/// Withdrawals that upstream knows of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WithdrawnConsents {
    /// In the order of time.
    pub withdrawn: Vec<WithdrawnConsent>,
    /// Whether there are later ones, to be asked for from the last of these on.
    pub more: bool,
}

/// A withdrawal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WithdrawnConsent {
    /// Which consent.
    pub id: ConsentId,
    /// When it was withdrawn.
    pub at: UnixTime,
}

/// The latest basic attributes, only those consented.
#[derive(Clone, PartialEq, Eq)]
pub struct LatestAttributes {
    /// Item name to value.
    pub attributes: Vec<(String, String)>,
    /// Serial of the new digital-signature certificate. Stays on the platform.
    pub serial: SerialNumber,
    /// Fee of this provision, in yen.
    pub fee_yen: u32,
}

impl std::fmt::Debug for LatestAttributes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LatestAttributes(…)")
    }
}

/// What the authorities provide.
#[async_trait]
pub trait Upstream: Send + Sync {
    /// The newest list of every authority, generation and scope.
    async fn revocation_lists(&self) -> Result<Vec<PublishedList>, UpstreamError>;
    /// The bytes of a list (DER), unverified, from where `into` already has them.
    async fn fetch(&self, path: &str, into: &mut dyn Receive) -> Result<(), UpstreamError>;
    /// The serial of the corresponding certificate of the other kind, if there is one.
    async fn counterpart(&self, key: &CertKey) -> Result<Option<SerialNumber>, UpstreamError>;
    /// The serials before and after, if the certificate is known.
    async fn succession(&self, key: &CertKey) -> Result<Option<SerialSuccession>, UpstreamError>;
    /// The authority's OCSP response (DER, unverified) to a request (RFC 6960). An upstream without a responder cannot be
    /// reached by it.
    async fn ocsp(&self, authority: AuthorityKind, request: &[u8]) -> Result<Vec<u8>, UpstreamError> {
        let _ = (authority, request);
        Err(UpstreamError::Unreachable)
    }
    /// Registers a signed consent; the same `consent_id` again changes nothing.
    async fn register_consent(&self, evidence: &ConsentEvidence) -> Result<ConsentTerm, UpstreamError>;
    /// Ends a consent; ending it again changes nothing.
    async fn withdraw_consent(&self, consent: &ConsentId) -> Result<(), UpstreamError>;
    /// Consents to a service that their residents withdrew at the authority at `since` or later, in the order of time. J-LIS
    /// tells nobody by itself (facts §3.3). An upstream without this question cannot be reached by it.
    async fn withdrawn_consents(
        &self,
        service_id: &str,
        since: UnixTime,
    ) -> Result<WithdrawnConsents, UpstreamError> {
        let _ = (service_id, since);
        Err(UpstreamError::Unreachable)
    }
    /// The attributes of the certificate that followed `serial`, if the consent covers it.
    async fn latest_attributes(
        &self,
        consent: &ConsentId,
        service_id: &str,
        serial: &SerialNumber,
    ) -> Result<LatestAttributes, UpstreamError>;
}
