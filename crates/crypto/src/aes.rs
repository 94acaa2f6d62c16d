//! AES-128 in CBC mode without padding and without authentication (NIST SP 800-38A 6.2), as one card application speaks
//! it. **Not for anything of ours**: what is kept is sealed by [`SealingKey`](crate::SealingKey).

use aws_lc_rs::cipher::{
    AES_128, DecryptingKey, DecryptionContext, EncryptingKey, EncryptionContext, UnboundCipherKey,
};

use crate::seal::OpenError;

/// Bytes of a block, and of the key.
pub const AES_BLOCK: usize = 16;

/// Encrypts whole blocks.
///
/// # Errors
/// [`OpenError`] if the text is not of whole blocks.
pub fn aes_128_cbc_encrypt(
    key: &[u8; AES_BLOCK],
    iv: &[u8; AES_BLOCK],
    plain: &[u8],
) -> Result<Vec<u8>, OpenError> {
    let mut text = plain.to_vec();
    let key = UnboundCipherKey::new(&AES_128, key).map_err(|_| OpenError)?;
    let key = EncryptingKey::cbc(key).map_err(|_| OpenError)?;
    key.less_safe_encrypt(&mut text, EncryptionContext::Iv128(iv.into())).map_err(|_| OpenError)?;
    Ok(text)
}

/// Decrypts whole blocks.
///
/// # Errors
/// [`OpenError`] if the text is not of whole blocks.
pub fn aes_128_cbc_decrypt(
    key: &[u8; AES_BLOCK],
    iv: &[u8; AES_BLOCK],
    sealed: &[u8],
) -> Result<Vec<u8>, OpenError> {
    let mut text = sealed.to_vec();
    let key = UnboundCipherKey::new(&AES_128, key).map_err(|_| OpenError)?;
    let key = DecryptingKey::cbc(key).map_err(|_| OpenError)?;
    key.decrypt(&mut text, DecryptionContext::Iv128(iv.into())).map_err(|_| OpenError)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// NIST SP 800-38A F.2.1 and F.2.2.
    #[test]
    fn the_vectors_of_the_standard_hold() {
        let bytes = |text: &str| hex::decode(text).unwrap();
        let key: [u8; 16] = bytes("2b7e151628aed2a6abf7158809cf4f3c").try_into().unwrap();
        let iv: [u8; 16] = bytes("000102030405060708090a0b0c0d0e0f").try_into().unwrap();
        let plain = bytes("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51");
        let sealed = bytes("7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2");
        assert_eq!(aes_128_cbc_encrypt(&key, &iv, &plain).unwrap(), sealed);
        assert_eq!(aes_128_cbc_decrypt(&key, &iv, &sealed).unwrap(), plain);
        assert_eq!(aes_128_cbc_encrypt(&key, &iv, &plain[..17]), Err(OpenError));
        assert_eq!(aes_128_cbc_decrypt(&key, &iv, &sealed[..17]), Err(OpenError));
    }
}
