//! What is asked of revocation data, and what they answer: the seam between path validation and the evaluation of
//! revocation lists (RFC 5280 6.3) and OCSP responses (RFC 6960). Three answers, and unknown is neither of the
//! other two.

use musubi_crypto::{PublicKey, Sha256Digest};
use musubi_kernel::UnixTime;

use super::certificate::PathCertificate;
use crate::key::RevocationReason;
use crate::policy::ValidationPolicy;

/// The key that issued the certificate in question, as the path has it.
#[derive(Debug, Clone, Copy)]
pub struct IssuerKey<'a> {
    /// DER of its name.
    pub name: &'a [u8],
    /// The key.
    pub key: &'a PublicKey,
    /// The content of the key's BIT STRING.
    pub key_bits: &'a [u8],
    /// Its `subjectKeyIdentifier`, if known.
    pub key_id: Option<&'a [u8]>,
    /// Whether its `keyUsage` lets it sign revocation lists (RFC 5280 6.3.3 (f)).
    pub may_sign_crls: bool,
}

/// The certificate whose status is asked, and for when.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The certificate.
    pub certificate: &'a PathCertificate<'a>,
    /// Who issued it.
    pub issuer: IssuerKey<'a>,
    /// The time for which the status is asked.
    pub control: UnixTime,
    /// The time at which it is asked; never before `control`.
    pub judged_at: UnixTime,
    /// The policy: freshness, algorithms.
    pub policy: &'a ValidationPolicy,
}

/// Why a piece of evidence is not used. Never an answer by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unusable {
    /// It speaks of other certificates.
    NotCovering,
    /// It cannot be read.
    Malformed,
    /// A critical extension is not understood.
    UnknownCritical,
    /// Its signature does not verify, or it has none.
    BadSignature,
    /// Its algorithm or key is not accepted.
    WeakAlgorithm,
    /// Whoever signed it may not speak for this issuer.
    Unauthorized,
    /// It was issued after the time at which it is judged.
    FromTheFuture,
    /// It was out of its own period at the time in question, or is older than agreed.
    Stale,
    /// It says itself that it does not know the certificate, or that it cannot answer.
    SaysUnknown,
    /// It covers some revocation reasons only, and nothing covers the rest.
    SomeReasonsOnly,
    /// The work allowed for was used up.
    TooMuchWork,
}

impl Unusable {
    /// The name in evidence.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotCovering => "not_covering",
            Self::Malformed => "malformed",
            Self::UnknownCritical => "unknown_critical",
            Self::BadSignature => "bad_signature",
            Self::WeakAlgorithm => "weak_algorithm",
            Self::Unauthorized => "unauthorized",
            Self::FromTheFuture => "from_the_future",
            Self::Stale => "stale",
            Self::SaysUnknown => "says_unknown",
            Self::SomeReasonsOnly => "some_reasons_only",
            Self::TooMuchWork => "too_much_work",
        }
    }
}

/// When a piece of evidence was issued, and until when it is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// `thisUpdate`.
    pub this_update: UnixTime,
    /// `nextUpdate`.
    pub next_update: Option<UnixTime>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Not revoked at the time in question, by evidence that is fresh for it.
    Good {
        /// SHA-256 of the evidence (the freshest, if several were needed).
        evidence: Sha256Digest,
        /// Its period.
        window: Window,
    },
    /// Revoked, or on hold, at the time in question.
    Revoked {
        /// Since when.
        at: UnixTime,
        /// Why.
        reason: RevocationReason,
        /// SHA-256 of the evidence.
        evidence: Sha256Digest,
        /// Its period.
        window: Window,
    },
    /// It cannot be told. Why each piece of evidence was not used, the most telling last; empty if there was none.
    Unknown(Vec<Unusable>),
}

/// For whom a certificate that is not part of the path is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Signs revocation lists: `cRLSign`.
    CrlIssuer,
    /// Signs OCSP responses: `id-kp-OCSPSigning`.
    OcspResponder,
}

/// The work allowed for was used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exhausted;

/// What the evaluation of revocation data needs from path validation: other certificates, judged in the same way,
/// and the one budget.
pub trait Authorities<'a> {
    /// Counts one signature verification.
    ///
    /// # Errors
    /// [`Exhausted`].
    fn charge(&mut self) -> Result<(), Exhausted>;

    /// Every certificate at hand, parsed: the intermediates of the evidence, the anchors' own, the path's.
    fn candidates(&self) -> &[PathCertificate<'a>];

    /// The key of a candidate, if a path under the same trust anchor makes it a key that may play this role for
    /// certificates of `question`'s issuer at the time in question (its own revocation included, unless that would
    /// go in a circle). For [`Role::OcspResponder`] the candidate must be issued by `question`'s issuer itself
    /// (RFC 6960 4.2.2.2), for [`Role::CrlIssuer`] it may be anywhere under the anchor (RFC 5280 6.3.3 (f)).
    ///
    /// # Errors
    /// [`Unusable::Unauthorized`], [`Unusable::WeakAlgorithm`] or [`Unusable::TooMuchWork`].
    fn trusted_key(
        &mut self,
        candidate: &PathCertificate<'a>,
        role: Role,
        question: &Question<'_>,
    ) -> Result<PublicKey, Unusable>;
}
