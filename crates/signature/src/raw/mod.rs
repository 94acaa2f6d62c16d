//! A raw signature value over given bytes, or over their digest, beside the certificate of its signer: RSASSA-PKCS1-v1_5
//! and RSASSA-PSS (RFC 8017 8), ECDSA (FIPS 186-5) in DER or fixed length, Ed25519 (RFC 8032).
//!
//! Not a container: nothing is signed but the content, so there is no signing time, no level, no time-stamp.
//!
//! Refused here:
//! - a digest of another kind than the algorithm's, and any digest for Ed25519, which signs messages;
//! - an algorithm that does not belong to the certificate's key;
//! - a value of the wrong length: an RSA value that has not exactly the modulus's bytes, a fixed-length ECDSA value that
//!   has not exactly two numbers of the curve;
//! - a padding that holds the bare digest, unless the input asks for it by
//!   [`RsaPadding::InsecureBareDigestOfTheDigitalAgencysSigningService`] **and** the policy allows it
//!   (`insecure_bare_digest`); under that flag, every other padding.
//!
//! Refused by the arithmetic in `musubi-crypto`, with vectors beside the tests: every padding that is not exactly
//! `00 01 FF…FF 00 DigestInfo` with the one DER form of `DigestInfo` (garbage behind, before or inside it, short padding,
//! no NULL, long-form lengths).

pub(crate) mod ecdsa;

use std::borrow::Cow;

use musubi_crypto::{
    Digest, DigestAlgorithm, EcdsaEncoding, KeyStrength, PublicKey, SignatureAlgorithm, sha256,
};
use musubi_pki::{CheckResult, Outcome, ReasonCode, SubIndication, UnverifiedCertificate, ValidationPolicy};

use crate::model::{Extent, Found, Level, NotASignature, Role, Rule, Signed, Signer, Value};

/// The longest value that is read, in bytes: RSA with 8192 bits.
pub const MAX_SIGNATURE_BYTES: usize = 1024;

/// What was signed.
#[derive(Debug, Clone, Copy)]
pub enum Given<'a> {
    /// The content itself.
    Bytes(&'a [u8]),
    /// Its digest only. Whoever gives it answers for the content.
    Digest(Digest),
}

/// What stands between the padding and the end of an opened PKCS#1 v1.5 signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RsaPadding {
    /// A `DigestInfo`, as RFC 8017 9.2 has it.
    DigestInfo,
    /// The bare SHA-256 digest. The Digital Agency's signing service (デジタル認証アプリ) makes such values when it is given
    /// a bare digest. **Insecure elsewhere**: the value does not say which digest algorithm was meant.
    InsecureBareDigestOfTheDigitalAgencysSigningService,
}

/// A signature value with all that is known of it.
#[derive(Debug, Clone, Copy)]
pub struct RawSignature<'a> {
    /// The signer's certificate, DER.
    pub certificate: &'a [u8],
    /// The signature value.
    pub signature: &'a [u8],
    /// What was signed.
    pub signed: Given<'a>,
    /// The algorithm; if it is not given, the usual one of the certificate's key, with the digest that is given.
    pub algorithm: Option<SignatureAlgorithm>,
    /// How an ECDSA value is written.
    pub encoding: EcdsaEncoding,
    /// How an RSA value of PKCS#1 v1.5 is padded.
    pub padding: RsaPadding,
}

impl<'a> RawSignature<'a> {
    /// A signature of the usual algorithm of the certificate's key, ECDSA in DER.
    #[must_use]
    pub fn new(certificate: &'a [u8], signature: &'a [u8], signed: Given<'a>) -> Self {
        let (encoding, padding) = (EcdsaEncoding::Der, RsaPadding::DigestInfo);
        Self { certificate, signature, signed, algorithm: None, encoding, padding }
    }
}

/// The signature as all formats give it.
///
/// # Errors
/// [`NotASignature`] if there is no value, or a longer one than there can be.
pub fn found<'a>(input: &RawSignature<'a>, policy: &ValidationPolicy) -> Result<Found<'a>, NotASignature> {
    if input.signature.is_empty() {
        return Err(NotASignature::NoSignature);
    }
    if input.signature.len() > MAX_SIGNATURE_BYTES {
        return Err(NotASignature::TooMuch {
            what: "bytes of a signature value",
            limit: MAX_SIGNATURE_BYTES,
        });
    }
    let certificate = UnverifiedCertificate::parse(input.certificate).ok();
    let key = certificate.as_ref().and_then(|c| c.public_key().ok());
    let algorithm = algorithm(input, key);
    let mut rules = vec![digest_rule(algorithm, input)];
    if let Some(key) = key {
        rules.push(key_rule(algorithm, key));
        rules.push(length_rule(algorithm, key, input));
    }
    if input.padding == RsaPadding::InsecureBareDigestOfTheDigitalAgencysSigningService {
        rules.push(bare_digest_rule(algorithm, policy));
    }
    let (signature, encoding) = value(input);
    Ok(Found {
        role: Role::Signature,
        format: "raw signature",
        location: "the given value".to_owned(),
        level: Level::Plain,
        signer: Signer::Certificate(Cow::Borrowed(input.certificate)),
        certificates: Vec::new(),
        crls: Vec::new(),
        ocsp: Vec::new(),
        value: Value {
            algorithm: algorithm.ok_or_else(|| "of a key that is not known".to_owned()),
            encoding,
            signed: signed(input),
            signature,
        },
        digests: Vec::new(),
        rules,
        claimed_signing_time: None,
        timestamps: Vec::new(),
        extent: Extent::Detached,
    })
}

/// The algorithm that is meant.
fn algorithm(input: &RawSignature<'_>, key: Option<&PublicKey>) -> Option<SignatureAlgorithm> {
    use DigestAlgorithm as D;
    use SignatureAlgorithm as A;
    if let Some(given) = input.algorithm {
        return Some(given);
    }
    let key = key?;
    let Given::Digest(digest) = input.signed else { return Some(key.algorithm()) };
    Some(match (key.strength(), digest.algorithm()) {
        (KeyStrength::Rsa { .. }, D::Sha256) => A::RsaPkcs1Sha256,
        (KeyStrength::Rsa { .. }, D::Sha384) => A::RsaPkcs1Sha384,
        (KeyStrength::Rsa { .. }, D::Sha512) => A::RsaPkcs1Sha512,
        (KeyStrength::EcP256 | KeyStrength::EcP384, D::Sha256) => A::EcdsaSha256,
        (KeyStrength::EcP256 | KeyStrength::EcP384, D::Sha384) => A::EcdsaSha384,
        (KeyStrength::EcP256 | KeyStrength::EcP384, D::Sha512) => A::EcdsaSha512,
        // The digest rule refuses it: SHA-1 is never assumed, Ed25519 has no digest.
        (_, D::Sha1) | (KeyStrength::Ed25519, _) => key.algorithm(),
    })
}

fn signed<'a>(input: &RawSignature<'a>) -> Signed<'a> {
    let bare = input.padding == RsaPadding::InsecureBareDigestOfTheDigitalAgencysSigningService;
    match input.signed {
        Given::Bytes(bytes) if bare => Signed::BareDigest(sha256(bytes)),
        Given::Bytes(bytes) => Signed::Bytes(Cow::Borrowed(bytes)),
        Given::Digest(digest) => match <[u8; 32]>::try_from(digest.as_ref()) {
            Ok(bytes) if bare => Signed::BareDigest(bytes),
            _ => Signed::Digest(digest),
        },
    }
}

/// Over a digest, ECDSA is verified in DER: the two numbers are the same.
fn value<'a>(input: &RawSignature<'a>) -> (Cow<'a, [u8]>, EcdsaEncoding) {
    match (input.signed, input.encoding) {
        (Given::Digest(_), EcdsaEncoding::Fixed) => match ecdsa::der_of_fixed(input.signature) {
            Some(der) => (Cow::Owned(der), EcdsaEncoding::Der),
            // The length rule is broken; nothing is left that could verify in another encoding.
            None => (Cow::Borrowed(&[]), EcdsaEncoding::Fixed),
        },
        _ => (Cow::Borrowed(input.signature), input.encoding),
    }
}

fn rule(id: &'static str, citation: &'static str, kept: bool, on: (SubIndication, ReasonCode)) -> Rule {
    let outcome = if kept { Outcome::Passed } else { Outcome::Failed };
    Rule { result: CheckResult::new(id, citation, outcome), on_failure: on }
}

const MALFORMED: (SubIndication, ReasonCode) = (SubIndication::FormatFailure, ReasonCode::SignatureMalformed);

fn digest_rule(algorithm: Option<SignatureAlgorithm>, input: &RawSignature<'_>) -> Rule {
    let bare = input.padding == RsaPadding::InsecureBareDigestOfTheDigitalAgencysSigningService;
    let kept = match input.signed {
        Given::Bytes(_) => true,
        Given::Digest(digest) if bare => digest.algorithm() == DigestAlgorithm::Sha256,
        Given::Digest(digest) => algorithm.and_then(SignatureAlgorithm::digest) == Some(digest.algorithm()),
    };
    rule("raw.digest", "RFC 8017 8.2.2, RFC 8032 5.1", kept, MALFORMED)
}

fn key_rule(algorithm: Option<SignatureAlgorithm>, key: &PublicKey) -> Rule {
    let kept = algorithm.is_some_and(|algorithm| belongs(algorithm, key.strength()));
    rule("raw.algorithm_of_key", "RFC 5280 4.1.2.7", kept, MALFORMED)
}

/// Whether such a key makes signatures of this algorithm.
pub(crate) fn belongs(algorithm: SignatureAlgorithm, key: KeyStrength) -> bool {
    use SignatureAlgorithm as A;
    match algorithm {
        A::RsaPkcs1Sha1
        | A::RsaPkcs1Sha256
        | A::RsaPkcs1Sha384
        | A::RsaPkcs1Sha512
        | A::RsaPssSha256
        | A::RsaPssSha384
        | A::RsaPssSha512 => matches!(key, KeyStrength::Rsa { .. }),
        A::EcdsaSha256 | A::EcdsaSha384 | A::EcdsaSha512 => {
            matches!(key, KeyStrength::EcP256 | KeyStrength::EcP384)
        }
        A::Ed25519 => matches!(key, KeyStrength::Ed25519),
    }
}

fn length_rule(algorithm: Option<SignatureAlgorithm>, key: &PublicKey, input: &RawSignature<'_>) -> Rule {
    let length = input.signature.len();
    let fixed = input.encoding == EcdsaEncoding::Fixed;
    let kept = match key.strength() {
        _ if algorithm.is_none() => true,
        KeyStrength::Rsa { bits, .. } => u32::try_from(length).is_ok_and(|l| l == bits.div_ceil(8)),
        KeyStrength::EcP256 => !fixed || length == 64,
        KeyStrength::EcP384 => !fixed || length == 96,
        KeyStrength::Ed25519 => length == 64,
    };
    let mut rule = rule("raw.value_length", "RFC 8017 8.2.2 step 1, RFC 8032 5.1.6", kept, MALFORMED);
    rule.result = rule.result.with("bytes", length);
    rule
}

fn bare_digest_rule(algorithm: Option<SignatureAlgorithm>, policy: &ValidationPolicy) -> Rule {
    let kept = policy.insecure_bare_digest && algorithm == Some(SignatureAlgorithm::RsaPkcs1Sha256);
    let on_failure = (SubIndication::SigConstraintsFailure, ReasonCode::SignatureMalformed);
    rule("raw.bare_digest", "policy: insecure_bare_digest; RFC 8017 9.2", kept, on_failure)
}
