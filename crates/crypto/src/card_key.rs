//! RSA keys of virtual cards. A card pads and signs whatever it is told to, so its key has the bare private operation,
//! which no well-kept library offers. **Not in constant time, not blinded: never for a key that protects anything.**

use num_bigint::BigUint;
use num_integer::Integer as _;
use num_traits::One as _;

use crate::digest::sha256;
use crate::sign::SignError;
use crate::verify::{KeyError, PublicKey};

/// `DigestInfo` of SHA-256 up to the digest (RFC 8017 9.2, note 1).
const SHA256_INFO: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
    0x04, 0x20,
];

/// A private RSA key with the bare operation (RSADP, RFC 8017 5.1.2), for virtual cards of a nation that does not exist.
pub struct CardKey {
    n: BigUint,
    e: BigUint,
    p: BigUint,
    q: BigUint,
    d_p: BigUint,
    d_q: BigUint,
    q_inverse: BigUint,
}

impl std::fmt::Debug for CardKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CardKey")
    }
}

impl CardKey {
    /// The key of two primes and a public exponent, all unsigned big-endian.
    ///
    /// # Errors
    /// [`SignError`] if they make no RSA key.
    pub fn from_primes(p: &[u8], q: &[u8], exponent: u32) -> Result<Self, SignError> {
        let (p, q) = (BigUint::from_bytes_be(p), BigUint::from_bytes_be(q));
        let one = BigUint::one();
        let e = BigUint::from(exponent);
        if p <= one || q <= one || p == q {
            return Err(SignError);
        }
        let inverse = |modulus: &BigUint| e.modinv(modulus).ok_or(SignError);
        let d_p = inverse(&(&p - &one))?;
        let d_q = inverse(&(&q - &one))?;
        let q_inverse = q.modinv(&p).ok_or(SignError)?;
        Ok(Self { n: &p * &q, e, p, q, d_p, d_q, q_inverse })
    }

    /// Length of the modulus in bytes.
    #[must_use]
    pub fn modulus_length(&self) -> usize {
        usize::try_from(self.n.bits().div_ceil(8)).unwrap_or(usize::MAX)
    }

    /// The modulus, unsigned big-endian without leading zeros.
    #[must_use]
    pub fn modulus(&self) -> Vec<u8> {
        self.n.to_bytes_be()
    }

    /// The public exponent, likewise.
    #[must_use]
    pub fn exponent(&self) -> Vec<u8> {
        self.e.to_bytes_be()
    }

    /// The private operation on one block as long as the modulus; the answer is as long.
    ///
    /// # Errors
    /// [`SignError`] if the block has another length or is not below the modulus.
    pub fn private_operation(&self, block: &[u8]) -> Result<Vec<u8>, SignError> {
        let length = self.modulus_length();
        let c = BigUint::from_bytes_be(block);
        if block.len() != length || c >= self.n {
            return Err(SignError);
        }
        // Garner, RFC 8017 5.1.2 2.b.
        let m_1 = c.modpow(&self.d_p, &self.p);
        let m_2 = c.modpow(&self.d_q, &self.q);
        let h = ((&m_1 + &self.p - m_2.mod_floor(&self.p)) * &self.q_inverse) % &self.p;
        let m = (m_2 + &self.q * h).to_bytes_be();
        let mut out = vec![0; length.saturating_sub(m.len())];
        out.extend(m);
        Ok(out)
    }

    /// The private operation on `00 01 FF…FF 00` and `content` as it is (RFC 8017 9.2 from step 3 on): cards sign what they
    /// are told to sign.
    ///
    /// # Errors
    /// [`SignError`] if there is no room for eight bytes of padding.
    pub fn sign_padded(&self, content: &[u8]) -> Result<Vec<u8>, SignError> {
        let padding = self.modulus_length().checked_sub(content.len() + 3).filter(|bytes| *bytes >= 8);
        let padding = vec![0xFF; padding.ok_or(SignError)?];
        self.private_operation(&[&[0, 1][..], &padding, &[0], content].concat())
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256 over `message`.
    ///
    /// # Errors
    /// [`SignError`] if the key is too short.
    pub fn sign_pkcs1_sha256(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.sign_padded(&[&SHA256_INFO[..], &sha256(message)].concat())
    }

    /// The public half.
    ///
    /// # Errors
    /// [`KeyError`] for fewer than 2048 bits.
    pub fn public_key(&self) -> Result<PublicKey, KeyError> {
        PublicKey::rsa_of_parts(&self.modulus(), &self.exponent())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::verify::SignatureAlgorithm;

    /// Made for these tests.
    const PRIMES: [&str; 2] = [
        "d55986292d9d2952712bd7ecb5e586a6713353c288d73ceb9f3930dad746fe3765a6a65c116b3ea2a435ab8f\
         3e3a5c2e766803af1c50ef0c2709546f6fa7439c6173b94f7f196d74efaeb445e54b885429e7b8451ad1f510\
         5ce8fbed70996f00f34e8303ca642b3aee8ee48014ed857f433859d21c757585d3f4516ffba53747",
        "c215bb74481d0d93d026931b0c28ae5c82ecbc31f55dcfee57b030ea8e183d0c3251784b1be8dca2b70a2fae\
         0a137423dd048b1d86458ec4c9c40771f1d60bf36acf8df70dbc1976317084d5893cdbd6c6e5dde313c60cc8\
         04d947e338cffb81a7c3304f00c2a3945ab860b9425414efebfc09d22ab8f1d4f213d4c84ba1c4a1",
    ];

    pub(crate) fn card_key() -> CardKey {
        let [p, q] = PRIMES.map(|prime| hex::decode(prime).unwrap());
        CardKey::from_primes(&p, &q, 65_537).unwrap()
    }

    #[test]
    fn what_a_card_key_signs_its_public_half_verifies() {
        let key = card_key();
        let public = key.public_key().unwrap();
        let signature = key.sign_pkcs1_sha256(b"text").unwrap();
        assert!(public.verify(SignatureAlgorithm::RsaPkcs1Sha256, b"text", &signature).is_ok());
        assert!(public.verify(SignatureAlgorithm::RsaPkcs1Sha256, b"Text", &signature).is_err());
        assert!(key.sign_padded(&[1; 245]).is_ok());
        assert_eq!(key.sign_padded(&[1; 246]), Err(SignError), "eight bytes of padding at least");
    }

    #[test]
    fn three_digests_verify_only_in_their_order_and_all_three() {
        let key = card_key();
        let public = key.public_key().unwrap();
        let digests = [[1; 32], [2; 32], [3; 32]];
        let content = [PublicKey::THREE_SHA256_INFO.as_slice(), digests.as_flattened()].concat();
        let signature = key.sign_padded(&content).unwrap();
        assert!(public.verify_rsa_over_three_sha256(&digests, &signature).is_ok());
        for other in [[[2; 32], [1; 32], [3; 32]], [[1; 32], [2; 32], [4; 32]], [[0; 32], [2; 32], [3; 32]]] {
            assert!(public.verify_rsa_over_three_sha256(&other, &signature).is_err());
        }
        let plain = key.sign_pkcs1_sha256(b"text").unwrap();
        assert!(public.verify_rsa_over_three_sha256(&digests, &plain).is_err());
        assert!(public.verify_rsa_over_three_sha256(&digests, &signature[1..]).is_err());
    }
}
