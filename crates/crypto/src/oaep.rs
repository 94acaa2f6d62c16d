//! RSAES-OAEP with SHA-256 and MGF1 with SHA-256, empty label (RFC 8017 7.1): the padding alone, for the delivery of session
//! keys to virtual cards. The library has it only together with its own private keys, and a card's key is not one.

use num_bigint::BigUint;

use crate::card_key::CardKey;
use crate::digest::{equal_in_constant_time, sha256, sha256_parts};
use crate::seal::OpenError;
use crate::sign::SignError;
use crate::verify::{PublicKey, rsa_parts};

const HASH: usize = 32;

impl CardKey {
    /// Opens what was encrypted under the public half. Every fault is the same error: which one it was would tell
    /// about the plain text (RFC 8017 7.1.2, note).
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_oaep_sha256(&self, ciphertext: &[u8]) -> Result<Vec<u8>, OpenError> {
        let encoded = self.private_operation(ciphertext).map_err(|_| OpenError)?;
        decode(&encoded).ok_or(OpenError)
    }
}

impl PublicKey {
    /// Encrypts `message` with this seed, which must be random and used once.
    ///
    /// # Errors
    /// [`SignError`] if the key is not RSA or the message does not fit.
    pub fn encrypt_oaep_sha256(&self, message: &[u8], seed: &[u8; HASH]) -> Result<Vec<u8>, SignError> {
        let (modulus, exponent) = rsa_parts(self.spki_der()).ok_or(SignError)?;
        let block = encode(message, seed, modulus.len()).ok_or(SignError)?;
        let number = BigUint::from_bytes_be(&block)
            .modpow(&BigUint::from_bytes_be(exponent), &BigUint::from_bytes_be(modulus))
            .to_bytes_be();
        let mut out = vec![0; modulus.len().saturating_sub(number.len())];
        out.extend(number);
        Ok(out)
    }
}

/// RFC 8017 7.1.1 step 2: `00 || maskedSeed || maskedDB`.
fn encode(message: &[u8], seed: &[u8; HASH], length: usize) -> Option<Vec<u8>> {
    let zeros = length.checked_sub(message.len() + 2 * HASH + 2)?;
    let block = [&sha256(b"")[..], &vec![0; zeros], &[1], message].concat();
    let masked_block = masked(&block, seed);
    let masked_seed = masked(seed, &masked_block);
    Some([&[0][..], &masked_seed, &masked_block].concat())
}

/// RFC 8017 7.1.2 step 3.
fn decode(encoded: &[u8]) -> Option<Vec<u8>> {
    let (first, rest) = encoded.split_first()?;
    let (masked_seed, masked_block) = rest.split_at_checked(HASH)?;
    let seed = masked(masked_seed, masked_block);
    let block = masked(masked_block, &seed);
    let (label, rest) = block.split_at_checked(HASH)?;
    let zeros = rest.iter().take_while(|byte| **byte == 0).count();
    let (separator, message) = rest.get(zeros..)?.split_first()?;
    let is_whole = (*first == 0) & equal_in_constant_time(label, &sha256(b"")) & (*separator == 1);
    is_whole.then(|| message.to_vec())
}

/// `data` XOR MGF1(`seed`) (RFC 8017 B.2.1).
fn masked(data: &[u8], seed: &[u8]) -> Vec<u8> {
    let mask = (0_u32..).flat_map(|counter| sha256_parts(&[seed, &counter.to_be_bytes()]));
    data.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect()
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey};

    use super::*;
    use crate::card_key::tests::card_key;

    #[test]
    fn what_the_library_encrypts_the_card_key_opens() {
        let key = card_key();
        let public = key.public_key().unwrap();
        let library = PublicEncryptingKey::from_der(public.spki_der()).unwrap();
        let library = OaepPublicEncryptingKey::new(library).unwrap();
        for message in [&b""[..], b"seed", &[7; 190]] {
            let mut out = vec![0; library.ciphertext_size()];
            library.encrypt(&OAEP_SHA256_MGF1SHA256, message, &mut out, None).unwrap();
            assert_eq!(key.open_oaep_sha256(&out).unwrap(), message);
            let own = public.encrypt_oaep_sha256(message, &[9; 32]).unwrap();
            assert_eq!(key.open_oaep_sha256(&own).unwrap(), message);
        }
        assert!(public.encrypt_oaep_sha256(&[7; 191], &[9; 32]).is_err(), "191 bytes do not fit");
    }

    #[test]
    fn a_changed_or_otherwise_padded_ciphertext_does_not_open() {
        let key = card_key();
        let sealed = key.public_key().unwrap().encrypt_oaep_sha256(b"seed", &[9; 32]).unwrap();
        for at in [0, 1, 100, 255] {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(key.open_oaep_sha256(&changed), Err(OpenError), "byte {at}");
        }
        assert_eq!(key.open_oaep_sha256(&sealed[..255]), Err(OpenError));
        assert_eq!(key.open_oaep_sha256(&[]), Err(OpenError));
    }

    #[test]
    fn each_part_of_the_padding_counts() {
        let good = encode(b"seed", &[9; 32], 256).unwrap();
        assert_eq!(decode(&good).unwrap(), b"seed");
        let first = [&[1][..], &good[1..]].concat();
        assert_eq!(decode(&first), None, "the first byte is 00");
        // Changes below the mask: label, separator, and no separator at all.
        let block = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut block = [&sha256(b"")[..], &[0; 186], &[1], b"seed"].concat();
            change(&mut block);
            let masked_block = masked(&block, &[9; 32]);
            [&[0][..], &masked(&[9; 32], &masked_block), &masked_block].concat()
        };
        assert_eq!(decode(&block(&|_| ())).unwrap(), b"seed");
        assert_eq!(decode(&block(&|block| block[0] ^= 1)), None, "label");
        assert_eq!(decode(&block(&|block| block[32 + 186] = 2)), None, "separator");
        assert_eq!(decode(&block(&|block| block[32..].fill(0))), None, "nothing but zeros");
        assert_eq!(decode(&good[..40]), None);
    }
}
