//! What raw and JWS tests share: the fixture hierarchy, and the value of a signature under its certificate's key.

use musubi_pki::{Outcome, UnverifiedCertificate};
use musubi_signature::{Found, Signed, Signer};

/// A fixture file.
pub(crate) fn fixture(path: &str) -> Vec<u8> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/");
    std::fs::read(format!("{root}{path}")).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Whether the value verifies under the signer's key.
pub(crate) fn value_verifies(found: &Found<'_>) -> bool {
    let (Signer::Certificate(der), Ok(algorithm)) = (&found.signer, &found.value.algorithm) else {
        return false;
    };
    let Ok(certificate) = UnverifiedCertificate::parse(der) else { return false };
    let Ok(key) = certificate.public_key() else { return false };
    let value = &found.value;
    match &value.signed {
        Signed::Bytes(bytes) => {
            key.verify_encoded(*algorithm, value.encoding, bytes, &value.signature).is_ok()
        }
        Signed::Digest(digest) => key.verify_digest(*algorithm, digest, &value.signature).is_ok(),
        Signed::BareDigest(digest) => key.verify_rsa_over_bare_sha256(digest, &value.signature).is_ok(),
    }
}

/// The ids of the rules that did not pass.
pub(crate) fn broken<'f>(found: &'f Found<'_>) -> Vec<&'f str> {
    let not_kept = |outcome| matches!(outcome, Outcome::Failed | Outcome::Inconclusive);
    found.rules.iter().filter(|r| not_kept(r.result.outcome())).map(|r| r.result.id()).collect()
}

/// Every rule kept, and the value verifies.
pub(crate) fn holds(found: &Found<'_>) -> bool {
    broken(found).is_empty() && value_verifies(found)
}
