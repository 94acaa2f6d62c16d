//! Which algorithms and keys a policy accepts in signatures of certificates and revocation data (ETSI TS 119 312,
//! EN 319 102-1 5.2.8). Says nothing of whether a signature verifies.

use musubi_crypto::{KeyStrength, PublicKey, SignatureAlgorithm};
use musubi_kernel::UnixTime;

use crate::policy::ValidationPolicy;

/// Whether a signature with this algorithm under this key counts at `at`.
pub(crate) fn are_accepted(
    algorithm: SignatureAlgorithm,
    key: &PublicKey,
    policy: &ValidationPolicy,
    at: UnixTime,
) -> bool {
    is_algorithm_accepted(algorithm, policy, at) && is_key_accepted(key, policy)
}

/// SHA-1 only until the policy's time; everything else in the table always.
pub(crate) fn is_algorithm_accepted(
    algorithm: SignatureAlgorithm,
    policy: &ValidationPolicy,
    at: UnixTime,
) -> bool {
    algorithm != SignatureAlgorithm::RsaPkcs1Sha1 || policy.sha1_until.is_some_and(|until| at <= until)
}

/// RSA from the policy's length on, never below 2048 bits, with an exponent of at least 65537; every curve of the
/// table.
pub(crate) fn is_key_accepted(key: &PublicKey, policy: &ValidationPolicy) -> bool {
    match key.strength() {
        KeyStrength::Rsa { bits, exponent } => {
            // An exponent that does not fit 64 bits is larger.
            bits >= policy.min_rsa_bits.max(2048) && exponent.is_none_or(|e| e >= 65_537)
        }
        KeyStrength::EcP256 | KeyStrength::EcP384 | KeyStrength::Ed25519 => true,
    }
}
