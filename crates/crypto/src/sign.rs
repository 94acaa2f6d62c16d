//! Signing, and the system's randomness.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::{SecureRandom, SystemRandom as Source};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ED25519, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey,
};
use musubi_kernel::Random;

use crate::Sha256Digest;

/// The key could not be read, or the library could not sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the private key cannot be used")]
pub struct SignError;

/// Randomness of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    #[allow(clippy::panic, reason = "without randomness nothing that follows is safe")]
    fn fill(&self, bytes: &mut [u8]) {
        if Source::new().fill(bytes).is_err() {
            panic!("the operating system gives no randomness");
        }
    }
}

/// An RSA private key that signs.
#[derive(Debug)]
pub struct RsaSigner(RsaKeyPair);

impl RsaSigner {
    /// Reads a PKCS#1 `RSAPrivateKey` (DER).
    ///
    /// # Errors
    /// [`SignError`] if the parts do not belong together or the key has fewer than 2048 bits.
    pub fn from_pkcs1_der(der: &[u8]) -> Result<Self, SignError> {
        RsaKeyPair::from_der(der).map(Self).map_err(|_| SignError)
    }

    /// A fresh RSA-2048 key.
    ///
    /// # Errors
    /// [`SignError`] if the library cannot make one.
    pub fn generate_2048() -> Result<Self, SignError> {
        RsaKeyPair::generate(KeySize::Rsa2048).map(Self).map_err(|_| SignError)
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256 over `message`.
    ///
    /// # Errors
    /// [`SignError`] if the library fails.
    pub fn sign_pkcs1_sha256(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0.sign(&RSA_PKCS1_SHA256, &Source::new(), message, &mut signature).map_err(|_| SignError)?;
        Ok(signature)
    }

    /// RSASSA-PKCS1-v1_5 over a SHA-256 digest, for a message that was hashed piece by piece: the same signature as
    /// [`RsaSigner::sign_pkcs1_sha256`] over the whole.
    ///
    /// # Errors
    /// [`SignError`] if the library fails.
    pub fn sign_pkcs1_sha256_digest(&self, digest: &Sha256Digest) -> Result<Vec<u8>, SignError> {
        let digest = aws_lc_rs::digest::Digest::import_less_safe(digest, &aws_lc_rs::digest::SHA256);
        let mut signature = vec![0; self.0.public_modulus_len()];
        let signed = digest.and_then(|digest| self.0.sign_digest(&RSA_PKCS1_SHA256, &digest, &mut signature));
        signed.map(|()| signature).map_err(|_| SignError)
    }

    /// The public key as `SubjectPublicKeyInfo` (DER).
    ///
    /// # Errors
    /// [`SignError`] if the library fails.
    pub fn spki_der(&self) -> Result<Vec<u8>, SignError> {
        let der: PublicKeyX509Der<'_> = self.0.public_key().as_der().map_err(|_| SignError)?;
        Ok(der.as_ref().to_vec())
    }

    /// The public key as PKCS#1 `RSAPublicKey` (DER): the content of the SPKI's bit string.
    #[must_use]
    pub fn public_key_pkcs1_der(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }
}

/// An Ed25519 private key that signs (RFC 8032). Its signatures are deterministic.
#[derive(Debug)]
pub struct Ed25519Signer(Ed25519KeyPair);

impl Ed25519Signer {
    /// The key of a 32-byte seed.
    ///
    /// # Errors
    /// [`SignError`] if the library refuses it.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, SignError> {
        Ed25519KeyPair::from_seed_unchecked(seed).map(Self).map_err(|_| SignError)
    }

    /// The signature over `message`.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut out = [0; 64];
        for (to, from) in out.iter_mut().zip(self.0.sign(message).as_ref()) {
            *to = *from;
        }
        out
    }

    /// The public key, 32 bytes.
    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        let mut out = [0; 32];
        for (to, from) in out.iter_mut().zip(self.0.public_key().as_ref()) {
            *to = *from;
        }
        out
    }
}

/// Verifies an Ed25519 signature under a raw public key. A signature whose `S` is not reduced is refused.
#[must_use]
pub fn verify_ed25519(public_key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    UnparsedPublicKey::new(&ED25519, public_key).verify(message, signature).is_ok()
}
