//! Who may answer for an issuer (RFC 6960 3.2, 4.2.2.2): the issuer itself under the key that issued the certificate
//! in question, or a delegate, whose certificate that same key has issued for just this purpose.

use musubi_crypto::{PublicKey, SignatureAlgorithm, sha1_for_key_identifiers};

use super::response::{Responder, Response};
use crate::oid;
use crate::path::KeyUsage;
use crate::path::algorithms::are_accepted;
use crate::path::certificate::PathCertificate;
use crate::path::general_name::same_name;
use crate::path::status::{Authorities, Exhausted, Question, Role, Unusable};

impl From<Exhausted> for Unusable {
    fn from(Exhausted: Exhausted) -> Self {
        Self::TooMuchWork
    }
}

/// Whether the response is signed by one who may answer the question.
pub(super) fn authenticate<'a>(
    response: &Response<'a>,
    question: &Question<'_>,
    authorities: &mut dyn Authorities<'a>,
) -> Result<(), Unusable> {
    let algorithm = response.signature_algorithm.map_err(|_| Unusable::WeakAlgorithm)?;
    let mut why = None;
    if names(response.responder, question.issuer.name, question.issuer.key_bits) {
        match verify(response, algorithm, question.issuer.key, question, authorities) {
            Ok(()) => return Ok(()),
            Err(Unusable::TooMuchWork) => return Err(Unusable::TooMuchWork),
            Err(error) => why = why.max(Some(error)),
        }
    }
    for delegate in delegates(response, question, authorities) {
        match speaks(&delegate, response, algorithm, question, authorities) {
            Ok(()) => return Ok(()),
            Err(Unusable::TooMuchWork) => return Err(Unusable::TooMuchWork),
            Err(error) => why = why.max(Some(error)),
        }
    }
    // Nobody at hand has the responder's name or key and is entitled.
    Err(why.unwrap_or(Unusable::Unauthorized))
}

/// The certificates at hand that may be that of the responder, each once: named by the response, issued in the
/// issuer's name, with OCSP signing as a purpose of its own (anyExtendedKeyUsage does not delegate) and a key for
/// signatures.
fn delegates<'a>(
    response: &Response<'a>,
    question: &Question<'_>,
    authorities: &dyn Authorities<'a>,
) -> Vec<PathCertificate<'a>> {
    let mut out: Vec<PathCertificate<'a>> = Vec::new();
    for candidate in response.certificates.iter().chain(authorities.candidates()) {
        let is_for_ocsp = candidate
            .extensions
            .extended_key_usage
            .as_ref()
            .is_some_and(|(purposes, _)| purposes.contains(&oid::OCSP_SIGNING));
        // RFC 5280 4.2.1.3: what signs anything but certificates and lists has one of the two, if any is named.
        let may_sign =
            candidate.permits(KeyUsage::DigitalSignature) || candidate.permits(KeyUsage::ContentCommitment);
        if is_for_ocsp
            && may_sign
            && same_name(candidate.issuer, question.issuer.name)
            && names(response.responder, candidate.subject, candidate.key_bits)
            && out.iter().all(|other| other.der != candidate.der)
        {
            out.push(candidate.clone());
        }
    }
    out
}

/// Whether the delegate signed the response and the issuer's key the delegate's certificate, and the rest of the
/// delegate's certificate is good.
fn speaks<'a>(
    delegate: &PathCertificate<'a>,
    response: &Response<'a>,
    algorithm: SignatureAlgorithm,
    question: &Question<'_>,
    authorities: &mut dyn Authorities<'a>,
) -> Result<(), Unusable> {
    let key = delegate.public_key.as_ref().map_err(|_| Unusable::WeakAlgorithm)?;
    verify(response, algorithm, key, question, authorities)?;
    // RFC 6960 4.2.2.2: issued directly by the authority, and by the key that issued the certificate in question;
    // a namesake of the authority has another.
    authorities.charge()?;
    if !delegate.is_signed_by(question.issuer.key) {
        return Err(Unusable::Unauthorized);
    }
    let trusted = authorities.trusted_key(delegate, Role::OcspResponder, question)?;
    if trusted.spki_der() == key.spki_der() { Ok(()) } else { Err(Unusable::Unauthorized) }
}

fn verify<'a>(
    response: &Response<'a>,
    algorithm: SignatureAlgorithm,
    key: &PublicKey,
    question: &Question<'_>,
    authorities: &mut dyn Authorities<'a>,
) -> Result<(), Unusable> {
    // What the responder writes as the time of signing proves nothing, but cannot excuse either.
    let existed_by = question.control.max(response.produced_at);
    if !are_accepted(algorithm, key, question.policy, existed_by) {
        return Err(Unusable::WeakAlgorithm);
    }
    authorities.charge()?;
    key.verify(algorithm, response.tbs, response.signature).map_err(|_| Unusable::BadSignature)
}

/// Whether the responder's identifier is that of this name and key.
fn names(responder: Responder<'_>, name: &[u8], key_bits: &[u8]) -> bool {
    match responder {
        Responder::Name(responder) => same_name(responder, name),
        Responder::KeyHash(hash) => hash == sha1_for_key_identifiers(key_bits),
    }
}
