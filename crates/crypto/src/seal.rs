//! Sealing of what is kept: AES-256-GCM (NIST SP 800-38D) with a key derived from a secret. Nothing is decided here
//! about who may open it.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};

use crate::digest::hmac_sha256;

/// What was sealed is not what is opened: other bytes, another key or another place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("sealed bytes cannot be opened")]
pub struct OpenError;

/// A key that seals and opens.
#[derive(Debug)]
pub struct SealingKey(RandomizedNonceKey);

impl SealingKey {
    /// The key that HMAC-SHA-256 under `secret` derives for `purpose`: other purposes have other keys.
    ///
    /// # Errors
    /// [`OpenError`] if the library refuses the key.
    pub fn derive(secret: &[u8], purpose: &str) -> Result<Self, OpenError> {
        let key = hmac_sha256(secret, &[b"musubi sealing key 1\0", purpose.as_bytes()]);
        RandomizedNonceKey::new(&AES_256_GCM, &key).map(Self).map_err(|_| OpenError)
    }

    /// Nonce (12 random bytes), ciphertext and tag of `plain`, bound to `place` (the row in which it will stand).
    ///
    /// # Errors
    /// [`OpenError`] if the library fails.
    pub fn seal(&self, place: &[u8], plain: &[u8]) -> Result<Vec<u8>, OpenError> {
        let mut text = plain.to_vec();
        let nonce = self.0.seal_in_place_append_tag(Aad::from(place), &mut text).map_err(|_| OpenError)?;
        let mut out = nonce.as_ref().to_vec();
        out.append(&mut text);
        Ok(out)
    }

    /// What was sealed for `place`.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(&self, place: &[u8], sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        let (nonce, text) = sealed.split_at_checked(NONCE_LEN).ok_or(OpenError)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| OpenError)?;
        let mut text = text.to_vec();
        let length = self.0.open_in_place(nonce, Aad::from(place), &mut text).map_err(|_| OpenError)?.len();
        text.truncate(length);
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_only_in_its_place_with_its_key_and_unchanged() {
        let key = SealingKey::derive(&[7; 32], "evidence").unwrap();
        let sealed = key.seal(b"row 1", b"a certificate").unwrap();
        assert_ne!(key.seal(b"row 1", b"a certificate").unwrap(), sealed, "a fresh nonce");
        assert_eq!(key.open(b"row 1", &sealed).unwrap(), b"a certificate");
        assert_eq!(key.open(b"row 2", &sealed), Err(OpenError));
        for other in [SealingKey::derive(&[8; 32], "evidence"), SealingKey::derive(&[7; 32], "other")] {
            assert_eq!(other.unwrap().open(b"row 1", &sealed), Err(OpenError));
        }
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(key.open(b"row 1", &changed), Err(OpenError));
        }
        assert_eq!(key.open(b"row 1", &sealed[..20]), Err(OpenError));
    }
}
