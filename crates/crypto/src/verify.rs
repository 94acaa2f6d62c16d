//! Signature verification with public keys as they stand in certificates (`SubjectPublicKeyInfo`).

use aws_lc_rs::digest as lc_digest;
use aws_lc_rs::signature::{
    self, ParsedPublicKey, RsaParameters, RsaPssSaltLength, UnparsedPublicKey, VerificationAlgorithm,
};
use num_bigint::BigUint;

use crate::digest::{Digest, DigestAlgorithm};

/// The signature algorithms that are known. What is not here is refused. Which curve an ECDSA signature is on,
/// the key says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignatureAlgorithm {
    /// `sha1WithRSAEncryption`. **Broken**: only for old evidence, where a policy says until when.
    RsaPkcs1Sha1,
    /// `sha256WithRSAEncryption`: RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 8.2), 2048 to 8192 bits.
    RsaPkcs1Sha256,
    /// `sha384WithRSAEncryption`.
    RsaPkcs1Sha384,
    /// `sha512WithRSAEncryption`.
    RsaPkcs1Sha512,
    /// `id-RSASSA-PSS` with SHA-256, MGF1 with SHA-256 (RFC 8017 8.1), and a salt of one of the two lengths that are
    /// in use: the digest's (RFC 7518 3.5, RFC 9231 2.3.10) or the longest that fits the key.
    RsaPssSha256,
    /// `id-RSASSA-PSS` with SHA-384 in both places.
    RsaPssSha384,
    /// `id-RSASSA-PSS` with SHA-512 in both places.
    RsaPssSha512,
    /// `ecdsa-with-SHA256` on P-256 or P-384, signature as `Ecdsa-Sig-Value` in DER.
    EcdsaSha256,
    /// `ecdsa-with-SHA384` on P-256 or P-384, signature as `Ecdsa-Sig-Value` in DER.
    EcdsaSha384,
    /// `ecdsa-with-SHA512` on P-256 or P-384, signature as `Ecdsa-Sig-Value` in DER.
    EcdsaSha512,
    /// `id-Ed25519` (RFC 8032, RFC 8410).
    Ed25519,
}

impl SignatureAlgorithm {
    /// The digest that is signed; `None` for Ed25519, which signs messages.
    #[must_use]
    pub fn digest(self) -> Option<DigestAlgorithm> {
        match self {
            Self::RsaPkcs1Sha1 => Some(DigestAlgorithm::Sha1),
            Self::RsaPkcs1Sha256 | Self::RsaPssSha256 | Self::EcdsaSha256 => Some(DigestAlgorithm::Sha256),
            Self::RsaPkcs1Sha384 | Self::RsaPssSha384 | Self::EcdsaSha384 => Some(DigestAlgorithm::Sha384),
            Self::RsaPkcs1Sha512 | Self::RsaPssSha512 | Self::EcdsaSha512 => Some(DigestAlgorithm::Sha512),
            Self::Ed25519 => None,
        }
    }

    /// The name that people know.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RsaPkcs1Sha1 => "RSASSA-PKCS1-v1_5 SHA-1",
            Self::RsaPkcs1Sha256 => "RSASSA-PKCS1-v1_5 SHA-256",
            Self::RsaPkcs1Sha384 => "RSASSA-PKCS1-v1_5 SHA-384",
            Self::RsaPkcs1Sha512 => "RSASSA-PKCS1-v1_5 SHA-512",
            Self::RsaPssSha256 => "RSASSA-PSS SHA-256",
            Self::RsaPssSha384 => "RSASSA-PSS SHA-384",
            Self::RsaPssSha512 => "RSASSA-PSS SHA-512",
            Self::EcdsaSha256 => "ECDSA SHA-256",
            Self::EcdsaSha384 => "ECDSA SHA-384",
            Self::EcdsaSha512 => "ECDSA SHA-512",
            Self::Ed25519 => "Ed25519",
        }
    }
}

/// How the two numbers of an ECDSA signature are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EcdsaEncoding {
    /// `Ecdsa-Sig-Value` in DER: X.509, CMS.
    Der,
    /// Both numbers in the length of the curve's order, one after the other: JWS (RFC 7518 3.4), XML signatures.
    Fixed,
}

/// What the key is, for the algorithm policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyStrength {
    /// An RSA key.
    Rsa {
        /// Bits of the modulus.
        bits: u32,
        /// The public exponent; `None` if it does not fit 64 bits.
        exponent: Option<u64>,
    },
    /// A key on P-256.
    EcP256,
    /// A key on P-384.
    EcP384,
    /// A key on edwards25519.
    Ed25519,
}

/// The signature does not belong to this message and key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct BadSignature;

/// A public key that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Neither RSA nor a known curve.
    #[error("unsupported public key algorithm")]
    Unsupported,
    /// The key's bytes are malformed, or a point is not on its curve.
    #[error("malformed public key")]
    Malformed,
}

/// A parsed public key.
#[derive(Debug, Clone)]
pub struct PublicKey {
    /// Parsed for the one algorithm that nearly every signature with such a key has.
    parsed: ParsedPublicKey,
    algorithm: SignatureAlgorithm,
    strength: KeyStrength,
}

impl PublicKey {
    /// An RSA key from the DER of its `SubjectPublicKeyInfo` and its parts as unsigned big-endian bytes.
    ///
    /// # Errors
    /// [`KeyError`] if the library refuses the key (fewer than 2048 bits, even exponent, trailing bytes).
    pub fn rsa(spki_der: &[u8], modulus: &[u8], exponent: &[u8]) -> Result<Self, KeyError> {
        let modulus = strip_zeros(modulus);
        let exponent = strip_zeros(exponent);
        let top = modulus.first().ok_or(KeyError::Malformed)?;
        let bits = u32::try_from(modulus.len()).map_err(|_| KeyError::Malformed)?.saturating_mul(8)
            - top.leading_zeros();
        let small = (exponent.len() <= 8)
            .then(|| exponent.iter().fold(0_u64, |value, byte| (value << 8) | u64::from(*byte)));
        let strength = KeyStrength::Rsa { bits, exponent: small };
        Self::parse(spki_der, SignatureAlgorithm::RsaPkcs1Sha256, strength)
    }

    /// An RSA key of its modulus and exponent, unsigned big-endian, as cards write them.
    ///
    /// # Errors
    /// As [`Self::rsa`]; above 8192 bits too.
    pub fn rsa_of_parts(modulus: &[u8], exponent: &[u8]) -> Result<Self, KeyError> {
        if modulus.len() > 1024 || exponent.len() > 8 {
            return Err(KeyError::Malformed);
        }
        Self::rsa(&rsa_spki(modulus, exponent), modulus, exponent)
    }

    /// A key on P-256, from the DER of its `SubjectPublicKeyInfo`.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] if the point is not on the curve.
    pub fn ec_p256(spki_der: &[u8]) -> Result<Self, KeyError> {
        Self::parse(spki_der, SignatureAlgorithm::EcdsaSha256, KeyStrength::EcP256)
    }

    /// A key on P-384, from the DER of its `SubjectPublicKeyInfo`.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] if the point is not on the curve.
    pub fn ec_p384(spki_der: &[u8]) -> Result<Self, KeyError> {
        Self::parse(spki_der, SignatureAlgorithm::EcdsaSha384, KeyStrength::EcP384)
    }

    /// An Ed25519 key, from the DER of its `SubjectPublicKeyInfo`.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] if it is not a key.
    pub fn ed25519(spki_der: &[u8]) -> Result<Self, KeyError> {
        Self::parse(spki_der, SignatureAlgorithm::Ed25519, KeyStrength::Ed25519)
    }

    fn parse(spki: &[u8], algorithm: SignatureAlgorithm, strength: KeyStrength) -> Result<Self, KeyError> {
        let with = table(algorithm, strength, EcdsaEncoding::Der).ok_or(KeyError::Unsupported)?;
        let parsed = ParsedPublicKey::new(with, spki).map_err(|_| KeyError::Malformed)?;
        Ok(Self { parsed, algorithm, strength })
    }

    /// How strong the key is.
    #[must_use]
    pub fn strength(&self) -> KeyStrength {
        self.strength
    }

    /// The algorithm with which such a key is used unless something else is said: RSASSA-PKCS1-v1_5 with
    /// SHA-256, ECDSA with the digest of the curve's size, Ed25519.
    #[must_use]
    pub fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    /// The DER of its `SubjectPublicKeyInfo`.
    #[must_use]
    pub fn spki_der(&self) -> &[u8] {
        self.parsed.as_ref()
    }

    /// Verifies `signature` over `message`. An algorithm that does not belong to this kind of key is a bad
    /// signature. Whether the algorithm is strong enough is not asked here.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify(
        &self,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), BadSignature> {
        self.verify_encoded(algorithm, EcdsaEncoding::Der, message, signature)
    }

    /// [`verify`](Self::verify), with an ECDSA signature in this encoding.
    ///
    /// # Errors
    /// [`BadSignature`], also for a fixed-length signature whose digest is not the curve's own (RFC 7518 3.4).
    pub fn verify_encoded(
        &self,
        algorithm: SignatureAlgorithm,
        encoding: EcdsaEncoding,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), BadSignature> {
        let is_ecdsa = matches!(self.strength, KeyStrength::EcP256 | KeyStrength::EcP384);
        if algorithm == self.algorithm && (encoding == EcdsaEncoding::Der || !is_ecdsa) {
            return self.parsed.verify_sig(message, signature).map_err(|_| BadSignature);
        }
        let with = table(algorithm, self.strength, encoding).ok_or(BadSignature)?;
        let verified = |with| {
            UnparsedPublicKey::new(with, self.spki_der()).verify(message, signature).map_err(|_| BadSignature)
        };
        verified(with).or_else(|bad| with_longest_salt(algorithm).map_or(Err(bad), verified))
    }

    /// Verifies `signature` over a message of which only the digest is at hand. Never for Ed25519.
    ///
    /// # Errors
    /// [`BadSignature`], also if the digest is not of the algorithm's kind.
    pub fn verify_digest(
        &self,
        algorithm: SignatureAlgorithm,
        digest: &Digest,
        signature: &[u8],
    ) -> Result<(), BadSignature> {
        if algorithm.digest() != Some(digest.algorithm()) {
            return Err(BadSignature);
        }
        let imported = lc_digest::Digest::import_less_safe(digest.as_ref(), digest.algorithm().table())
            .map_err(|_| BadSignature)?;
        if algorithm == self.algorithm {
            return self.parsed.verify_digest_sig(&imported, signature).map_err(|_| BadSignature);
        }
        let with = table(algorithm, self.strength, EcdsaEncoding::Der).ok_or(BadSignature)?;
        let key = |with| UnparsedPublicKey::new(with, self.spki_der());
        let verified = |with| key(with).verify_digest(&imported, signature).map_err(|_| BadSignature);
        verified(with).or_else(|bad| with_longest_salt(algorithm).map_or(Err(bad), verified))
    }

    /// Verifies an RSA signature whose padding `00 01 FF…FF 00` holds the bare SHA-256 digest where RFC 8017 9.2
    /// has a `DigestInfo`. **Not PKCS#1**: only for the one channel that is known to make such values, behind a
    /// flag of its name.
    ///
    /// # Errors
    /// [`BadSignature`], always for a key that is not RSA.
    pub fn verify_rsa_over_bare_sha256(
        &self,
        digest: &[u8; 32],
        signature: &[u8],
    ) -> Result<(), BadSignature> {
        self.verify_rsa_over_padded(digest, signature)
    }

    /// `DigestInfo` of [`verify_rsa_over_three_sha256`](Self::verify_rsa_over_three_sha256) up to the digests: the
    /// identifier of SHA-256, and 96 bytes where it has 32.
    pub const THREE_SHA256_INFO: [u8; 19] = [
        0x30, 0x71, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
        0x04, 0x60,
    ];

    /// Verifies an RSA signature over three SHA-256 digests in one `DigestInfo`, as the face of the My Number Card is
    /// signed. **Not PKCS#1**: for that one file.
    ///
    /// # Errors
    /// [`BadSignature`], always for a key that is not RSA.
    pub fn verify_rsa_over_three_sha256(
        &self,
        digests: &[[u8; 32]; 3],
        signature: &[u8],
    ) -> Result<(), BadSignature> {
        let content = [Self::THREE_SHA256_INFO.as_slice(), digests.as_flattened()].concat();
        self.verify_rsa_over_padded(&content, signature)
    }

    /// Compares the whole block `00 01 FF…FF 00 content`: nothing is parsed that an attacker could shape.
    fn verify_rsa_over_padded(&self, content: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        let (modulus, exponent) = rsa_parts(self.spki_der()).ok_or(BadSignature)?;
        let length = modulus.len();
        let number = BigUint::from_bytes_be(signature);
        let n = BigUint::from_bytes_be(modulus);
        if signature.len() != length || number >= n {
            return Err(BadSignature);
        }
        let opened = number.modpow(&BigUint::from_bytes_be(exponent), &n).to_bytes_be();
        // to_bytes_be drops the leading 00.
        let padding = length.checked_sub(3 + content.len()).ok_or(BadSignature)?;
        let expected: Vec<u8> = [&[1][..], &vec![0xFF; padding], &[0], content].concat();
        if opened == expected { Ok(()) } else { Err(BadSignature) }
    }
}

/// The library's name of an algorithm for a kind of key; `None` if they do not belong together.
fn table(
    algorithm: SignatureAlgorithm,
    key: KeyStrength,
    encoding: EcdsaEncoding,
) -> Option<&'static dyn VerificationAlgorithm> {
    use SignatureAlgorithm as A;
    let found: &'static dyn VerificationAlgorithm = match (key, algorithm, encoding) {
        (KeyStrength::Rsa { .. }, A::RsaPkcs1Sha1, _) => {
            &signature::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY
        }
        (KeyStrength::Rsa { .. }, A::RsaPkcs1Sha256, _) => &signature::RSA_PKCS1_2048_8192_SHA256,
        (KeyStrength::Rsa { .. }, A::RsaPkcs1Sha384, _) => &signature::RSA_PKCS1_2048_8192_SHA384,
        (KeyStrength::Rsa { .. }, A::RsaPkcs1Sha512, _) => &signature::RSA_PKCS1_2048_8192_SHA512,
        (KeyStrength::Rsa { .. }, A::RsaPssSha256, _) => &signature::RSA_PSS_2048_8192_SHA256,
        (KeyStrength::Rsa { .. }, A::RsaPssSha384, _) => &signature::RSA_PSS_2048_8192_SHA384,
        (KeyStrength::Rsa { .. }, A::RsaPssSha512, _) => &signature::RSA_PSS_2048_8192_SHA512,
        (KeyStrength::EcP256, A::EcdsaSha256, EcdsaEncoding::Der) => &signature::ECDSA_P256_SHA256_ASN1,
        (KeyStrength::EcP256, A::EcdsaSha384, EcdsaEncoding::Der) => &signature::ECDSA_P256_SHA384_ASN1,
        (KeyStrength::EcP256, A::EcdsaSha512, EcdsaEncoding::Der) => &signature::ECDSA_P256_SHA512_ASN1,
        (KeyStrength::EcP384, A::EcdsaSha256, EcdsaEncoding::Der) => &signature::ECDSA_P384_SHA256_ASN1,
        (KeyStrength::EcP384, A::EcdsaSha384, EcdsaEncoding::Der) => &signature::ECDSA_P384_SHA384_ASN1,
        (KeyStrength::EcP384, A::EcdsaSha512, EcdsaEncoding::Der) => &signature::ECDSA_P384_SHA512_ASN1,
        (KeyStrength::EcP256, A::EcdsaSha256, EcdsaEncoding::Fixed) => &signature::ECDSA_P256_SHA256_FIXED,
        (KeyStrength::EcP384, A::EcdsaSha384, EcdsaEncoding::Fixed) => &signature::ECDSA_P384_SHA384_FIXED,
        (KeyStrength::Ed25519, A::Ed25519, _) => &signature::ED25519,
        _ => return None,
    };
    Some(found)
}

static PSS_SHA256: RsaParameters =
    signature::RSA_PSS_2048_8192_SHA256.with_pss_salt_length(RsaPssSaltLength::Max);
static PSS_SHA384: RsaParameters =
    signature::RSA_PSS_2048_8192_SHA384.with_pss_salt_length(RsaPssSaltLength::Max);
static PSS_SHA512: RsaParameters =
    signature::RSA_PSS_2048_8192_SHA512.with_pss_salt_length(RsaPssSaltLength::Max);

/// The same for RSASSA-PSS with the longest salt, which the library does not find out by itself. Only for a key to
/// which [`table`] says that the algorithm belongs.
fn with_longest_salt(algorithm: SignatureAlgorithm) -> Option<&'static dyn VerificationAlgorithm> {
    match algorithm {
        SignatureAlgorithm::RsaPssSha256 => Some(&PSS_SHA256),
        SignatureAlgorithm::RsaPssSha384 => Some(&PSS_SHA384),
        SignatureAlgorithm::RsaPssSha512 => Some(&PSS_SHA512),
        _ => None,
    }
}

/// `AlgorithmIdentifier` of `rsaEncryption` with NULL, DER.
const RSA_ENCRYPTION: [u8; 15] =
    [0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0x00];

/// Modulus and exponent of a `SubjectPublicKeyInfo` that the library has accepted as an RSA key, unsigned
/// big-endian without leading zeros.
pub(crate) fn rsa_parts(spki: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_, key_info) = element(spki, 0x30)?;
    let (after_algorithm, _) = element(key_info, 0x30)?;
    let (_, bits) = element(after_algorithm, 0x03)?;
    let (_, key) = element(bits.get(1..)?, 0x30)?;
    let (after_modulus, modulus) = element(key, 0x02)?;
    let (_, exponent) = element(after_modulus, 0x02)?;
    Some((strip_zeros(modulus), strip_zeros(exponent)))
}

/// What follows the first element, and its value, if it has this tag.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let ([found, first], rest) = der.split_first_chunk::<2>()?;
    let (length, rest) = match *first {
        first @ 0..=0x7F => (usize::from(first), rest),
        first @ 0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x0F))?;
            (bytes.iter().fold(0_usize, |value, byte| (value << 8) | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (value, rest) = rest.split_at_checked(length)?;
    (*found == tag).then_some((rest, value))
}

/// `SubjectPublicKeyInfo` of an RSA key (RFC 8017 A.1, RFC 5280 4.1.2.7), DER; numbers below 65,536 bytes.
fn rsa_spki(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        let [high, low] = u16::try_from(content.len()).unwrap_or(u16::MAX).to_be_bytes();
        let length = match (high, low) {
            (0, 0..=0x7F) => vec![low],
            (0, _) => vec![0x81, low],
            _ => vec![0x82, high, low],
        };
        [&[tag][..], &length, content].concat()
    }
    let integer = |number: &[u8]| {
        let number = strip_zeros(number);
        let sign = number.first().is_none_or(|first| *first >= 0x80);
        element(0x02, &[if sign { &[0][..] } else { &[] }, number].concat())
    };
    let key = element(0x30, &[integer(modulus), integer(exponent)].concat());
    element(0x30, &[RSA_ENCRYPTION.to_vec(), element(0x03, &[&[0][..], &key].concat())].concat())
}

fn strip_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|b| **b == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}
