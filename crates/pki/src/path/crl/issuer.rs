//! Who signed a list, and whether it may (RFC 5280 6.3.3 (f), (g)): the key that issued the certificate, or another key
//! of the list issuer's name (a later generation, a key for lists only, the issuer of an indirect list) of which path
//! validation confirms that it stands under the same anchor and may sign lists.

use musubi_crypto::PublicKey;

use super::list::List;
use super::scope::Names;
use crate::path::algorithms;
use crate::path::status::{Authorities, Question, Role, Unusable};
use crate::path::{KeyUsage, PathCertificate};

/// The key that signed the list.
///
/// # Errors
/// [`Unusable`]: why no key counts.
pub(super) fn signer_of<'a>(
    list: &List<'a>,
    question: &Question<'_>,
    names: &mut Names,
    authorities: &mut dyn Authorities<'a>,
) -> Result<PublicKey, Unusable> {
    let algorithm = list.signature_algorithm.map_err(|_| Unusable::WeakAlgorithm)?;
    // A list from after the control time is not proven to have existed by then.
    let at = question.control.max(list.this_update);
    let verify = |key: &PublicKey, authorities: &mut dyn Authorities<'a>| {
        if !algorithms::are_accepted(algorithm, key, question.policy, at) {
            return Err(Unusable::WeakAlgorithm);
        }
        authorities.charge().map_err(|_| Unusable::TooMuchWork)?;
        key.verify(algorithm, list.tbs, list.signature).map_err(|_| Unusable::BadSignature)
    };
    let issuer = question.issuer;
    let mut why = None;
    let mut tried = Vec::new();
    if names.are_same(list.issuer, issuer.name)? {
        if issuer.may_sign_crls {
            match verify(issuer.key, authorities) {
                Ok(()) => return Ok(issuer.key.clone()),
                Err(refused) => why = Some(refused),
            }
            tried.push(issuer.key_bits.to_vec());
        } else {
            why = Some(Unusable::Unauthorized);
        }
    }
    for index in candidates(list, names, authorities.candidates())? {
        let Some(candidate) = authorities.candidates().get(index).cloned() else { continue };
        let Ok(key) = &candidate.public_key else { continue };
        if tried.iter().any(|bits| bits == candidate.key_bits) {
            continue;
        }
        let refused = match verify(key, authorities) {
            // The same key may have several certificates, of which one is trusted.
            Ok(()) => match authorities.trusted_key(&candidate, Role::CrlIssuer, question) {
                Ok(trusted) if trusted.spki_der() == key.spki_der() => return Ok(trusted),
                Ok(_) => Unusable::Unauthorized,
                Err(refused) => refused,
            },
            Err(refused) => {
                tried.push(candidate.key_bits.to_vec());
                refused
            }
        };
        why = why.max(Some(refused));
        if refused == Unusable::TooMuchWork {
            break;
        }
    }
    Err(why.unwrap_or(Unusable::Unauthorized))
}

/// Which candidates have the list issuer's name and may sign lists; those whose key the list names come first.
fn candidates(
    list: &List<'_>,
    names: &mut Names,
    all: &[PathCertificate<'_>],
) -> Result<Vec<usize>, Unusable> {
    let mut out = Vec::new();
    for (index, candidate) in all.iter().enumerate() {
        if names.are_same(candidate.subject, list.issuer)? && candidate.permits(KeyUsage::CrlSign) {
            let key_id = list.extensions.key_id;
            let is_named = key_id.is_some() && key_id == candidate.extensions.subject_key_id;
            out.push((!is_named, index));
        }
    }
    out.sort_unstable();
    Ok(out.into_iter().map(|(_, index)| index).collect())
}
