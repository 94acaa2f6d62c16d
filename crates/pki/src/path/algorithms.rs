//! Which algorithms and keys a policy accepts in signatures of certificates and revocation data (ETSI TS 119 312,
//! EN 319 102-1 5.2.8). Says nothing of whether a signature verifies.

use const_oid::ObjectIdentifier;
use musubi_crypto::{DigestAlgorithm, PublicKey, SignatureAlgorithm};
use musubi_kernel::UnixTime;

use super::Times;
use super::certificate::PathCertificate;
use crate::checks::is_strong;
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

/// A strong key, RSA from the policy's length on and never below 2048 bits.
pub(crate) fn is_key_accepted(key: &PublicKey, policy: &ValidationPolicy) -> bool {
    is_strong(key.strength(), policy.min_rsa_bits.max(2048))
}

/// Why a certificate's key or the signature on it is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weakness {
    /// The key is of another kind or size.
    Key,
    /// The signature algorithm is not in the table.
    Algorithm(ObjectIdentifier),
    /// SHA-1, which the policy accepts at no time.
    Sha1,
    /// SHA-1, which the policy accepts in older signatures, and nothing proves that this one is.
    Sha1WithoutProof,
}

impl Weakness {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Algorithm(_) => "algorithm",
            Self::Sha1 | Self::Sha1WithoutProof => "sha1",
        }
    }
}

/// Judges a certificate's key and the signature on it. SHA-1 counts by a *proven* time alone: what a certificate says
/// of its own dates proves nothing once the digest is broken.
pub(super) fn check(
    certificate: &PathCertificate<'_>,
    policy: &ValidationPolicy,
    times: Times,
) -> Result<(), Weakness> {
    if !certificate.public_key.as_ref().is_ok_and(|key| is_key_accepted(key, policy)) {
        return Err(Weakness::Key);
    }
    let algorithm = certificate.signature_algorithm.map_err(Weakness::Algorithm)?;
    match times.existed_at {
        _ if algorithm.digest() != Some(DigestAlgorithm::Sha1) => Ok(()),
        Some(existed_at) if is_algorithm_accepted(algorithm, policy, existed_at) => Ok(()),
        _ if policy.sha1_until.is_some() => Err(Weakness::Sha1WithoutProof),
        _ => Err(Weakness::Sha1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key whose modulus is any odd number of this length: enough to be looked at.
    fn rsa(bits: usize, exponent: &[u8]) -> PublicKey {
        let mut modulus = vec![0xC5; bits / 8];
        modulus.insert(0, 0);
        let tlv = |tag: u8, content: &[u8]| {
            let [high, low] = u16::try_from(content.len()).unwrap().to_be_bytes();
            let length = if (high, low) < (0, 0x80) { vec![low] } else { vec![0x82, high, low] };
            [&[tag][..], &length, content].concat()
        };
        let key = tlv(0x30, &[tlv(2, &modulus), tlv(2, exponent)].concat());
        let algorithm = [0x30, 13, 6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 1, 5, 0];
        let spki = tlv(0x30, &[&algorithm[..], &tlv(3, &[&[0][..], &key].concat())].concat());
        PublicKey::rsa(&spki, &modulus, exponent).unwrap()
    }

    const AT: UnixTime = UnixTime(1_000);

    #[test]
    fn sha_1_counts_until_the_policys_time_and_by_default_never() {
        let accepted = |sha1_until| {
            let policy = ValidationPolicy { sha1_until, ..ValidationPolicy::default() };
            is_algorithm_accepted(SignatureAlgorithm::RsaPkcs1Sha1, &policy, AT)
        };
        assert!(!accepted(None));
        assert!(!accepted(Some(UnixTime(999))));
        assert!(accepted(Some(AT)));
    }

    #[test]
    fn short_rsa_keys_and_small_exponents_are_not_accepted() {
        let accepted = |min_rsa_bits, key| {
            let policy = ValidationPolicy { min_rsa_bits, ..ValidationPolicy::default() };
            are_accepted(SignatureAlgorithm::RsaPkcs1Sha256, &key, &policy, AT)
        };
        assert!(accepted(2048, rsa(2048, &[1, 0, 1])));
        assert!(!accepted(3072, rsa(2048, &[1, 0, 1])));
        assert!(accepted(3072, rsa(3072, &[1, 0, 1])));
        for exponent in [&[3][..], &[17], &[0, 0xFF, 0xFF]] {
            assert!(!accepted(2048, rsa(2048, exponent)), "{exponent:?}");
        }
    }
}
