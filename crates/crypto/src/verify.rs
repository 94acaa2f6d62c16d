//! Signature verification with public keys as they stand in certificates (`SubjectPublicKeyInfo`).

use aws_lc_rs::signature::{self, ParsedPublicKey, VerificationAlgorithm};

/// The signature algorithms that are known. What is not here is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignatureAlgorithm {
    /// `sha256WithRSAEncryption`: RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 8.2), 2048 to 8192 bits.
    RsaPkcs1Sha256,
    /// `ecdsa-with-SHA256` on P-256, signature as `Ecdsa-Sig-Value` in DER.
    EcdsaP256Sha256,
    /// `ecdsa-with-SHA384` on P-384, signature as `Ecdsa-Sig-Value` in DER.
    EcdsaP384Sha384,
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
        let exponent = (exponent.len() <= 8)
            .then(|| exponent.iter().fold(0_u64, |value, byte| (value << 8) | u64::from(*byte)));
        Self::parse(spki_der, SignatureAlgorithm::RsaPkcs1Sha256, KeyStrength::Rsa { bits, exponent })
    }

    /// A key on P-256, from the DER of its `SubjectPublicKeyInfo`.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] if the point is not on the curve.
    pub fn ec_p256(spki_der: &[u8]) -> Result<Self, KeyError> {
        Self::parse(spki_der, SignatureAlgorithm::EcdsaP256Sha256, KeyStrength::EcP256)
    }

    /// A key on P-384, from the DER of its `SubjectPublicKeyInfo`.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] if the point is not on the curve.
    pub fn ec_p384(spki_der: &[u8]) -> Result<Self, KeyError> {
        Self::parse(spki_der, SignatureAlgorithm::EcdsaP384Sha384, KeyStrength::EcP384)
    }

    fn parse(spki: &[u8], algorithm: SignatureAlgorithm, strength: KeyStrength) -> Result<Self, KeyError> {
        let with: &'static dyn VerificationAlgorithm = match algorithm {
            SignatureAlgorithm::RsaPkcs1Sha256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            SignatureAlgorithm::EcdsaP256Sha256 => &signature::ECDSA_P256_SHA256_ASN1,
            SignatureAlgorithm::EcdsaP384Sha384 => &signature::ECDSA_P384_SHA384_ASN1,
        };
        let parsed = ParsedPublicKey::new(with, spki).map_err(|_| KeyError::Malformed)?;
        Ok(Self { parsed, algorithm, strength })
    }

    /// How strong the key is.
    #[must_use]
    pub fn strength(&self) -> KeyStrength {
        self.strength
    }

    /// The one algorithm that this key verifies.
    #[must_use]
    pub fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    /// Verifies `signature` over `message`. An algorithm that is not the key's own is a bad signature.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify(
        &self,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), BadSignature> {
        if algorithm != self.algorithm {
            return Err(BadSignature);
        }
        self.parsed.verify_sig(message, signature).map_err(|_| BadSignature)
    }
}

fn strip_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|b| **b == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}
