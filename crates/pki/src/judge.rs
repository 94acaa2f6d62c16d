//! The judgement of a signature made with a JPKI certificate, in the terms of ETSI EN 319 102-1 5.3 (basic
//! signature validation). A pure function of evidence, anchors, policy and time: the same input gives the same
//! verdict on any machine, years later.

use std::sync::Arc;

use musubi_crypto::{Digest, DigestAlgorithm, Sha256Digest};
use musubi_kernel::UnixTime;

use crate::anchors::{Issuer, TrustAnchors};
use crate::checks::{CHECKS, Check, Conclusion};
use crate::facts::Facts;
use crate::indication::SubIndication;
use crate::key::{AuthorityKind, CertKey};
use crate::reasons::ReasonCode;
use crate::revocation_list::VerifiedRevocationList;
use crate::verdict::{CheckResult, Outcome, Verdict};
use crate::verified::VerifiedCertificate;

/// How far in the future a list may have been issued before the clocks are taken to disagree, in seconds.
pub const MAX_CLOCK_SKEW_SECONDS: i64 = 300;

/// What is judged.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The signer's certificate, DER.
    pub certificate: &'a [u8],
    /// Which certificate the procedure asks for.
    pub expected_kind: AuthorityKind,
    /// The signature value.
    pub signature: &'a [u8],
    /// What was signed.
    pub signed_data: SignedData<'a>,
    /// The SHA-256 digest that the signed data must have, if that was fixed before.
    pub expected_digest: Option<Sha256Digest>,
    /// The revocation lists at hand; those that do not cover the certificate are passed over.
    pub lists: &'a [Arc<VerifiedRevocationList>],
    /// OCSP responses, DER as they came; those that cannot be believed say nothing. The caller has compared the nonce.
    pub ocsp: &'a [Vec<u8>],
}

/// What was signed, or as much of it as the judgement needs: it looks at digests only, so that the same verdict comes
/// out years later, when the document itself is elsewhere. (No JPKI certificate has an Ed25519 key, which would sign
/// the message and not a digest; such a signature does not verify here.)
#[derive(Debug, Clone, Copy)]
pub enum SignedData<'a> {
    /// The bytes.
    Bytes(&'a [u8]),
    /// Their digests: SHA-256, and the one that the certificate's key signs, if that is another.
    Digests(&'a [Digest]),
}

impl SignedData<'_> {
    pub(crate) fn digest(&self, algorithm: DigestAlgorithm) -> Option<Digest> {
        match self {
            Self::Bytes(bytes) => Some(algorithm.digest(&[bytes])),
            Self::Digests(digests) => digests.iter().find(|digest| digest.algorithm() == algorithm).copied(),
        }
    }
}

impl<'a> From<&'a [u8]> for SignedData<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(bytes)
    }
}

/// What is asked of the evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// A time before which the signature cannot have been made, since what it covers did not exist yet: the
    /// nonce was made then. As with a content time-stamp (EN 319 102-1 5.5.4), a certificate that was revoked
    /// or expired by then makes TOTAL-FAILED instead of INDETERMINATE.
    pub not_signed_before: Option<UnixTime>,
    /// How old the freshest list or OCSP response may be, in seconds since its `thisUpdate`; beside its `nextUpdate`.
    pub max_list_age: Option<i64>,
    /// The fewest bits of an RSA modulus.
    pub min_rsa_bits: u32,
}

impl Default for Policy {
    /// No lower bound of the signing time, `nextUpdate` alone, RSA from 2048 bits.
    fn default() -> Self {
        Self { not_signed_before: None, max_list_age: None, min_rsa_bits: 2048 }
    }
}

/// The outcome of [`judge`].
#[derive(Debug, Clone)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// The certificate; `Some` exactly if the verdict is TOTAL-PASSED.
    pub certificate: Option<VerifiedCertificate>,
    /// Which certificate it was, as far as an authority's signature vouches for it, even if another check
    /// failed: for the audit record, not for decisions.
    pub issued: Option<CertKey>,
    /// The digests of the signed data that the judgement looked at: [`SignedData::Digests`] of another time.
    pub digests: Vec<Digest>,
    /// The lists that cover the certificate, in their order: no other has a part in the verdict.
    pub covering: Vec<Arc<VerifiedRevocationList>>,
}

/// Judges a signature and its certificate at the time `at`. Runs every check of [`CHECKS`] that can run.
///
/// If several fail, the verdict carries the first by [`Precedence`](crate::Precedence), and within one
/// precedence by the order of [`CHECKS`].
#[must_use]
pub fn judge(evidence: &Evidence<'_>, anchors: &TrustAnchors, policy: &Policy, at: UnixTime) -> Judgement {
    let facts = Facts::gather(evidence, anchors, policy, at);
    let Ran { verdict, certificate, issued, digests, covering } = run(facts, CHECKS.iter());
    Judgement { verdict, certificate, issued, digests, covering }
}

/// What the checks came to: the material of a [`Judgement`], or of one that shows less.
pub(crate) struct Ran {
    pub(crate) verdict: Verdict,
    pub(crate) certificate: Option<VerifiedCertificate>,
    pub(crate) issued: Option<CertKey>,
    pub(crate) digests: Vec<Digest>,
    pub(crate) covering: Vec<Arc<VerifiedRevocationList>>,
}

/// Runs these checks. Whoever calls it says what a pass of them means.
pub(crate) fn run<'c>(facts: Facts<'_>, checks: impl Iterator<Item = &'c Check>) -> Ran {
    let at = facts.at;
    let mut worst: Option<(u8, Conclusion)> = None;
    let mut results = Vec::with_capacity(CHECKS.len() + 2);
    for check in checks {
        let finding = check.run(&facts);
        if let Some(conclusion) = conclusion_of(check.may_be_skipped(), finding.outcome, finding.conclusion) {
            let rank = check.precedence() as u8;
            if worst.is_none_or(|(other, _)| rank < other) {
                worst = Some((rank, conclusion));
            }
        }
        let result =
            CheckResult::new(check.id(), check.citation(), finding.outcome).with_all(finding.evidence);
        results.push(result);
    }
    let freshness = facts.revocation.freshness(facts.policy, at);
    let verdict = Verdict::concluded(worst.map(|(_, conclusion)| conclusion), results, freshness, at);
    let issued = issued(&facts);
    let digests = [facts.sha256, facts.signed_digest].into_iter().flatten();
    let digests = digests.take(if facts.signed_digest == facts.sha256 { 1 } else { 2 }).collect();
    let covering = facts.revocation.covering.iter().copied().cloned().collect();
    let certificate = if verdict.is_passed() { verified(facts) } else { None };
    Ran { verdict, certificate, issued, digests, covering }
}

/// A check that neither passed nor may be skipped always has a conclusion, so that nothing passes by omission.
fn conclusion_of(
    may_be_skipped: bool,
    outcome: Outcome,
    conclusion: Option<Conclusion>,
) -> Option<Conclusion> {
    let omitted = (SubIndication::CertificateChainGeneralFailure, ReasonCode::CertificateMalformed);
    match outcome {
        Outcome::Passed => None,
        Outcome::Skipped if may_be_skipped => None,
        Outcome::Failed | Outcome::Inconclusive | Outcome::Skipped => Some(conclusion.unwrap_or(omitted)),
    }
}

fn issued(facts: &Facts<'_>) -> Option<CertKey> {
    match (&facts.certificate, facts.issuer) {
        (Ok(certificate), Some(Issuer::Found(anchor))) => {
            Some(CertKey { authority: anchor.kind(), serial: certificate.serial().clone() })
        }
        _ => None,
    }
}

fn verified(facts: Facts<'_>) -> Option<VerifiedCertificate> {
    let key = issued(&facts)?;
    let Some(Issuer::Found(anchor)) = facts.issuer else { return None };
    let certificate = facts.certificate.ok()?;
    let environment = facts.anchors.environment();
    let attributes = facts.attributes.and_then(Result::ok);
    VerifiedCertificate::new(certificate, key, environment, anchor.key_id(), attributes)
}
