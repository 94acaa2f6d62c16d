//! RSA keys of virtual cards. A card pads and signs whatever it is told to, so its key has the bare private operation,
//! which no well-kept library offers. **Not in constant time, not blinded: never for a key that protects anything.**

use num_bigint::BigUint;
use num_integer::Integer as _;
use num_traits::One as _;

use crate::sign::SignError;

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
}
