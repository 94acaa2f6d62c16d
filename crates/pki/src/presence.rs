//! The judgement of presence without PIN (かざし利用; JPKI Act art. 38-4): a user-authentication certificate that a card
//! gives to anybody, and a signature that the free key of that card makes without asking. What passes here shows that an
//! enrolled card was there, not that its holder was. So it is another function with another result than
//! [`judge`](crate::judge()): no [`VerifiedCertificate`](crate::VerifiedCertificate) comes out, and nothing that asks for
//! one can be given a presence.
//!
//! Which card key was enrolled for a certificate is evidence that the caller brings; whether that key is genuine was
//! asked when it was enrolled.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use musubi_crypto::{DigestAlgorithm, PublicKey, sha256};
use musubi_kernel::UnixTime;

use crate::anchors::TrustAnchors;
use crate::asn1;
use crate::certificate::read_public_key;
use crate::checks::{Finding, is_strong, key_name, presence_checks};
use crate::facts::Facts;
use crate::indication::SubIndication;
use crate::judge::{self, Evidence, Policy, Ran};
use crate::key::{AuthorityKind, CertKey};
use crate::reasons::ReasonCode;
use crate::revocation_list::VerifiedRevocationList;
use crate::verdict::Verdict;
use crate::verified::VerifiedCertificate;

/// What the card's free key signed, but for the certificate that it names. No value may contain a line break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresenceStatement {
    /// The origin that the card window saw.
    pub origin: String,
    /// Identifier of the relying party.
    pub relying_party: String,
    /// Purpose code.
    pub purpose: String,
    /// The single-use nonce, base64url.
    pub nonce: String,
}

impl PresenceStatement {
    /// The text that is signed, UTF-8, six lines (`docs/spec/card-request.md`, `prove_presence`). It names the certificate
    /// (DER) by its SHA-256, so that a signature says for which certificate the card was held out.
    #[must_use]
    pub fn text(&self, certificate: &[u8]) -> String {
        let Self { origin, relying_party, purpose, nonce } = self;
        let certificate = URL_SAFE_NO_PAD.encode(sha256(certificate));
        format!(
            "Musubi card presence 1\norigin: {origin}\nrelying-party: {relying_party}\npurpose: {purpose}\nnonce: {nonce}\ncertificate: {certificate}\n"
        )
    }
}

/// What is judged.
#[derive(Debug, Clone, Copy)]
pub struct PresenceEvidence<'a> {
    /// The user-authentication certificate that the card gave, DER.
    pub certificate: &'a [u8],
    /// The card key that was enrolled for this certificate, `SubjectPublicKeyInfo` in DER; `None` if none was.
    pub card_key: Option<&'a [u8]>,
    /// What was signed.
    pub statement: &'a PresenceStatement,
    /// The signature value, RSASSA-PKCS1-v1_5 with SHA-256.
    pub signature: &'a [u8],
    /// The revocation lists at hand; those that do not cover the certificate are passed over.
    pub lists: &'a [Arc<VerifiedRevocationList>],
    /// OCSP responses, as in [`Evidence`].
    pub ocsp: &'a [Vec<u8>],
}

/// The certificate of a card that was present. Says whose card it was; **not** that the holder authenticated.
#[derive(Clone)]
pub struct PresentCertificate(VerifiedCertificate);

impl PresentCertificate {
    /// Authority and serial number.
    #[must_use]
    pub fn key(&self) -> &CertKey {
        self.0.key()
    }

    /// The last second of the validity period.
    #[must_use]
    pub fn not_after(&self) -> UnixTime {
        self.0.not_after()
    }
}

impl fmt::Debug for PresentCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PresentCertificate(…)")
    }
}

/// The outcome of [`judge_presence`].
#[derive(Debug, Clone)]
pub struct PresenceJudgement {
    /// The verdict.
    pub verdict: Verdict,
    /// The certificate; `Some` exactly if the verdict is TOTAL-PASSED.
    pub certificate: Option<PresentCertificate>,
    /// Which certificate it was, as far as an authority's signature vouches for it, even if another check failed: for the
    /// audit record, not for decisions.
    pub issued: Option<CertKey>,
    /// The lists that cover the certificate, in their order: no other has a part in the verdict.
    pub covering: Vec<Arc<VerifiedRevocationList>>,
}

/// Judges a presence at the time `at`: every check of [`CHECKS`](crate::CHECKS) but those of the holder's signature, then
/// [`PRESENCE_CHECKS`](crate::PRESENCE_CHECKS).
#[must_use]
pub fn judge_presence(
    evidence: &PresenceEvidence<'_>,
    anchors: &TrustAnchors,
    policy: &Policy,
    at: UnixTime,
) -> PresenceJudgement {
    let text = evidence.statement.text(evidence.certificate);
    let of_the_certificate = Evidence {
        certificate: evidence.certificate,
        expected_kind: AuthorityKind::UserAuthentication,
        signature: evidence.signature,
        signed_data: text.as_bytes().into(),
        expected_digest: None,
        lists: evidence.lists,
        ocsp: evidence.ocsp,
    };
    let facts = Facts {
        card_key: evidence.card_key.map(read_card_key),
        ..Facts::gather(&of_the_certificate, anchors, policy, at)
    };
    let Ran { verdict, issued, covering, certificate, .. } = judge::run(facts, presence_checks());
    PresenceJudgement { verdict, certificate: certificate.map(PresentCertificate), issued, covering }
}

/// `None` if it is no key that can be used.
fn read_card_key(spki: &[u8]) -> Option<PublicKey> {
    let element = asn1::whole(spki, |parts| parts.element(der::Tag::Sequence)).ok()?;
    read_public_key(element).ok()?.ok()
}

pub(crate) fn enrolment(facts: &Facts<'_>) -> Finding {
    Finding::rule(
        facts.card_key.is_some(),
        SubIndication::SigConstraintsFailure,
        ReasonCode::PresenceNotEnrolled,
    )
}

pub(crate) fn key_strength(facts: &Facts<'_>) -> Finding {
    let Some(key) = &facts.card_key else { return Finding::skipped() };
    let strong = key.as_ref().is_some_and(|key| is_strong(key.strength(), facts.policy.min_rsa_bits));
    let finding =
        Finding::rule(strong, SubIndication::CryptoConstraintsFailure, ReasonCode::CertificateWeakAlgorithm);
    match key {
        Some(key) => finding.with("key", key_name(key.strength())),
        None => finding.with("key", "unusable"),
    }
    .with("min_rsa_bits", facts.policy.min_rsa_bits)
}

pub(crate) fn signature_value(facts: &Facts<'_>) -> Finding {
    let Some(Some(key)) = &facts.card_key else { return Finding::skipped() };
    let signed = facts.evidence.signed_data.digest(DigestAlgorithm::Sha256);
    let kept = signed
        .is_some_and(|digest| key.verify_digest(key.algorithm(), &digest, facts.evidence.signature).is_ok());
    Finding::rule(kept, SubIndication::SigCryptoFailure, ReasonCode::PresenceNotProven)
        .with("algorithm", key.algorithm().as_str())
        .with("assurance", "card_present")
}
