//! OCSP responses as evidence beside the lists of the JPKI (RFC 6960; facts of the JPKI: by OCSP the state of 15 minutes ago
//! is known). The evaluation is that of [`path::ocsp`](crate::path::ocsp); here stands whom it may believe: the generation
//! that issued the certificate, and its delegates. Asks nobody: the caller brings the responses.
//!
//! Our own rules, since the profile of the JPKI's responder is not public: a delegate's certificate must say
//! `id-pkix-ocsp-nocheck`, for lists of whether it is revoked are not part of the evidence; a response must say `nextUpdate`
//! (RFC 5019 2.2.4).

use musubi_crypto::PublicKey;
use musubi_kernel::UnixTime;

use crate::anchors::{Anchor, Issuer, TrustAnchors};
use crate::certificate::UnverifiedCertificate;
use crate::judge::Policy;
use crate::key::AuthorityKind;
use crate::path::ocsp::{CertIdDigest, Nonce, Response, check_nonce, request, status};
use crate::path::{
    Authorities, Exhausted, IssuerKey, PathCertificate, Question, Role, Status, Unusable, Window,
};
use crate::policy::ValidationPolicy;

/// The most responses that one judgement looks at.
pub const MAX_RESPONSES: usize = 2;
/// The largest response that counts, in bytes: one answer with a delegate's certificate has about 2 KiB.
pub const MAX_RESPONSE_BYTES: usize = 8 * 1024;
/// Signatures that one judgement verifies for them: the issuer's and some delegates' for each.
const MAX_SIGNATURES: u32 = 12;

/// What is sent to a responder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OcspRequest {
    /// Whose responder is asked.
    pub authority: AuthorityKind,
    /// DER.
    pub der: Vec<u8>,
}

/// The request for a certificate (DER) that one of `anchors` issued; `None` if none did. `nonce` has 1 to 128 octets.
#[must_use]
pub fn ocsp_request(certificate: &[u8], anchors: &TrustAnchors, nonce: &[u8]) -> Option<OcspRequest> {
    let read = UnverifiedCertificate::parse(certificate).ok()?;
    let name = read.issuer().as_der();
    let Issuer::Found(anchor) = anchors.issuer(name, read.authority_key_id(), |key| read.is_signed_by(key))
    else {
        return None;
    };
    let certificate = PathCertificate::parse(certificate).ok()?;
    let issuer = PathCertificate::parse(anchor.der()).ok()?;
    let nonce = Nonce::new(nonce).ok()?;
    let der = request(&certificate, &issuer, CertIdDigest::Sha256, Some(nonce));
    Some(OcspRequest { authority: anchor.kind(), der })
}

/// Whether a response was made for the request with this nonce (RFC 9654). Says nothing of its signature.
#[must_use]
pub fn answers_nonce(response: &[u8], nonce: &[u8]) -> bool {
    let (Ok(response), Ok(nonce)) = (Response::parse(response), Nonce::new(nonce)) else { return false };
    check_nonce(&response, nonce).is_ok()
}

/// What the responses say of the certificate at the time `at`.
pub(crate) fn evaluate(
    responses: &[Vec<u8>],
    certificate: &[u8],
    issuer: &Anchor,
    policy: &Policy,
    at: UnixTime,
) -> Status {
    let (Ok(certificate), Ok(own)) =
        (PathCertificate::parse(certificate), PathCertificate::parse(issuer.der()))
    else {
        return Status::Unknown(vec![Unusable::Malformed]);
    };
    let rules = ValidationPolicy {
        min_rsa_bits: policy.min_rsa_bits,
        max_revocation_age: policy.max_list_age,
        ..ValidationPolicy::default()
    };
    let question = Question {
        certificate: &certificate,
        issuer: IssuerKey {
            name: issuer.name(),
            key: issuer.public_key(),
            key_bits: own.key_bits,
            key_id: own.extensions.subject_key_id,
            may_sign_crls: true,
        },
        control: at,
        judged_at: at,
        policy: &rules,
    };
    let mut unusable = Vec::new();
    let mut read = Vec::new();
    for response in responses.iter().take(MAX_RESPONSES) {
        if response.len() > MAX_RESPONSE_BYTES {
            unusable.push(Unusable::Malformed);
            continue;
        }
        match Response::parse(response) {
            Ok(response) => read.push(response),
            Err(why) => unusable.push(why),
        }
    }
    let mut responders = Responders { signatures: MAX_SIGNATURES };
    match status(&question, &read, &mut responders) {
        // What has no end is not known to be fresh.
        Status::Good { window: Window { next_update: None, .. }, .. } => {
            Status::Unknown(vec![Unusable::Stale])
        }
        Status::Unknown(mut why) => {
            why.extend(unusable);
            why.sort_unstable();
            Status::Unknown(why)
        }
        known => known,
    }
}

/// Who may answer beside the issuer itself: whom its key has issued a certificate for just this (RFC 6960 4.2.2.2).
struct Responders {
    signatures: u32,
}

impl<'a> Authorities<'a> for Responders {
    fn charge(&mut self) -> Result<(), Exhausted> {
        self.signatures = self.signatures.checked_sub(1).ok_or(Exhausted)?;
        Ok(())
    }

    fn candidates(&self) -> &[PathCertificate<'a>] {
        &[]
    }

    /// That the issuer's key signed the delegate's certificate, and that it is for OCSP, was asked before.
    fn trusted_key(
        &mut self,
        candidate: &PathCertificate<'a>,
        role: Role,
        question: &Question<'_>,
    ) -> Result<PublicKey, Unusable> {
        let extensions = &candidate.extensions;
        let is_valid =
            candidate.not_before <= question.judged_at && question.judged_at <= candidate.not_after;
        let is_ca = extensions.basic_constraints.as_ref().is_some_and(|constraints| constraints.is_ca);
        if role != Role::OcspResponder
            || !is_valid
            || is_ca
            || !extensions.ocsp_no_check
            || !extensions.unknown_critical.is_empty()
        {
            return Err(Unusable::Unauthorized);
        }
        candidate.public_key.clone().map_err(|_| Unusable::WeakAlgorithm)
    }
}
