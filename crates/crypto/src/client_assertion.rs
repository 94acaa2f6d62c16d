//! `private_key_jwt` client assertions (RFC 7523, 2.2 and 3): made by a relying party, checked here.
//!
//! Times are checked against the caller's time, never the machine's; single use of `jti` is the caller's.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use musubi_kernel::UnixTime;
use serde::{Deserialize, Serialize};

use crate::sign::SignError;

/// Longest time that an assertion may live, in seconds.
const MAX_LIFETIME: i64 = 300;
/// Tolerated difference between two clocks, in seconds.
const SKEW: i64 = 30;

/// The registered public keys of a relying party (RFC 7517).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct JwkSet(jwk::JwkSet);

/// Claims of an assertion that passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssertionClaims {
    /// The client, equal to `sub`.
    pub iss: String,
    /// The client, equal to `iss`.
    pub sub: String,
    /// The token endpoint.
    pub aud: String,
    /// Unique per assertion, 1 to 128 printable ASCII characters; the caller accepts each once.
    pub jti: String,
    /// Issued at, Unix seconds.
    pub iat: i64,
    /// Expires at, Unix seconds.
    pub exp: i64,
}

/// Why an assertion was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AssertionError {
    /// Not a compact JWS with the expected claims, an algorithm that is not allowed, or a `jti` of the wrong form.
    #[error("the client assertion is malformed")]
    Malformed,
    /// No registered key verifies it.
    #[error("the client assertion's signature does not verify under a registered key")]
    Signature,
    /// `iss`, `sub` or `aud` is not what it must be.
    #[error("the client assertion names another client or audience")]
    Audience,
    /// Expired, not yet valid, or living longer than five minutes.
    #[error("the client assertion is outside its time window")]
    Time,
}

impl JwkSet {
    /// Reads a JWK Set; keys other than EC and RSA signature keys are refused.
    ///
    /// # Errors
    /// [`AssertionError::Malformed`] if it is no JWK Set, is empty, or has a key that cannot verify.
    pub fn parse(json: &str) -> Result<Self, AssertionError> {
        let set: jwk::JwkSet = serde_json::from_str(json).map_err(|_| AssertionError::Malformed)?;
        if set.keys.is_empty() || set.keys.iter().any(|key| allowed_algorithms(key).is_empty()) {
            return Err(AssertionError::Malformed);
        }
        Ok(Self(set))
    }

    /// Checks a client assertion: signature under one of these keys, `iss` = `sub` = `client`, `aud` =
    /// `audience`, a life of at most five minutes around `at`.
    ///
    /// # Errors
    /// [`AssertionError`] says which check failed first.
    pub fn verify_assertion(
        &self,
        assertion: &str,
        client: &str,
        audience: &str,
        at: UnixTime,
    ) -> Result<AssertionClaims, AssertionError> {
        let header = jsonwebtoken::decode_header(assertion).map_err(|_| AssertionError::Malformed)?;
        let claims = self
            .0
            .keys
            .iter()
            .filter(|key| header.kid.is_none() || key.common.key_id == header.kid)
            .filter(|key| allowed_algorithms(key).contains(&header.alg))
            .find_map(|key| decode_with(key, header.alg, assertion))
            .ok_or(AssertionError::Signature)?;
        if claims.iss != client || claims.sub != client || claims.aud != audience {
            return Err(AssertionError::Audience);
        }
        // It is stored as it is, and no database takes every character.
        let printable = |b: u8| matches!(b, b' '..=b'~');
        if !(1..=128).contains(&claims.jti.len()) || !claims.jti.bytes().all(printable) {
            return Err(AssertionError::Malformed);
        }
        let lives = claims.exp.saturating_sub(claims.iat);
        let started = claims.iat <= at.0.saturating_add(SKEW);
        let ended = claims.exp.saturating_add(SKEW) <= at.0;
        if !started || ended || !(1..=MAX_LIFETIME).contains(&lives) {
            return Err(AssertionError::Time);
        }
        Ok(claims)
    }
}

fn decode_with(key: &jwk::Jwk, algorithm: Algorithm, assertion: &str) -> Option<AssertionClaims> {
    let mut validation = Validation::new(algorithm);
    // The library would read the machine's clock; the window is checked above against the caller's time.
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let key = DecodingKey::from_jwk(key).ok()?;
    jsonwebtoken::decode::<AssertionClaims>(assertion, &key, &validation).ok().map(|data| data.claims)
}

/// The algorithms that a registered key may sign with: its own `alg` if it says one, and never `none` or HMAC.
fn allowed_algorithms(key: &jwk::Jwk) -> Vec<Algorithm> {
    use jwk::{AlgorithmParameters, EllipticCurve, KeyAlgorithm};
    let by_type = match &key.algorithm {
        AlgorithmParameters::EllipticCurve(ec) => match ec.curve {
            EllipticCurve::P256 => vec![Algorithm::ES256],
            EllipticCurve::P384 => vec![Algorithm::ES384],
            _ => vec![],
        },
        AlgorithmParameters::RSA(_) => vec![Algorithm::PS256, Algorithm::RS256],
        _ => vec![],
    };
    let said = match key.common.key_algorithm {
        None => return by_type,
        Some(KeyAlgorithm::ES256) => Algorithm::ES256,
        Some(KeyAlgorithm::ES384) => Algorithm::ES384,
        Some(KeyAlgorithm::PS256) => Algorithm::PS256,
        Some(KeyAlgorithm::RS256) => Algorithm::RS256,
        Some(_) => return vec![],
    };
    by_type.into_iter().filter(|algorithm| *algorithm == said).collect()
}

/// A relying party's own P-256 key: makes assertions.
pub struct ClientKey {
    pkcs8: Vec<u8>,
    jwk: serde_json::Value,
}

impl std::fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientKey(…)")
    }
}

impl Drop for ClientKey {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.pkcs8);
    }
}

impl ClientKey {
    /// A fresh key.
    ///
    /// # Errors
    /// [`SignError`] if the library cannot make one.
    pub fn generate() -> Result<Self, SignError> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| SignError)?;
        let pkcs8 = pair.to_pkcs8v1().map_err(|_| SignError)?;
        Self::from_pkcs8_der(pkcs8.as_ref())
    }

    /// Reads a PKCS#8 key (DER).
    ///
    /// # Errors
    /// [`SignError`] if it is no P-256 key.
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, SignError> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).map_err(|_| SignError)?;
        let point = pair.public_key().as_ref();
        let (x, y) = point.get(1..).filter(|xy| xy.len() == 64).ok_or(SignError)?.split_at(32);
        let jwk = serde_json::json!({
            "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig",
            "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
        });
        Ok(Self { pkcs8: der.to_vec(), jwk })
    }

    /// The key as PKCS#8 (DER), to be kept by its owner alone.
    #[must_use]
    pub fn pkcs8_der(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The public key as a JWK Set, to be registered with the platform.
    #[must_use]
    pub fn jwk_set(&self) -> String {
        serde_json::json!({ "keys": [self.jwk] }).to_string()
    }

    /// Signs claims as a compact JWS (ES256).
    ///
    /// # Errors
    /// [`SignError`] if the library fails.
    pub fn sign(&self, claims: &AssertionClaims) -> Result<String, SignError> {
        jsonwebtoken::encode(&Header::new(Algorithm::ES256), claims, &EncodingKey::from_ec_der(&self.pkcs8))
            .map_err(|_| SignError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(at: i64) -> AssertionClaims {
        AssertionClaims {
            iss: "rp_1".into(),
            sub: "rp_1".into(),
            aud: "https://api.example/v1/token".into(),
            jti: "one".into(),
            iat: at,
            exp: at + 60,
        }
    }

    fn verify(key: &ClientKey, token: &str, at: i64) -> Result<AssertionClaims, AssertionError> {
        JwkSet::parse(&key.jwk_set()).unwrap().verify_assertion(
            token,
            "rp_1",
            "https://api.example/v1/token",
            UnixTime(at),
        )
    }

    #[test]
    fn an_assertion_passes_inside_its_window_and_fails_outside() {
        let key = ClientKey::generate().unwrap();
        let token = key.sign(&claims(1_000_000)).unwrap();
        assert_eq!(verify(&key, &token, 1_000_010), Ok(claims(1_000_000)));
        assert_eq!(verify(&key, &token, 1_000_000 - 31), Err(AssertionError::Time));
        assert_eq!(verify(&key, &token, 1_000_000 + 90), Err(AssertionError::Time));
        let long = key.sign(&AssertionClaims { exp: 1_000_301, ..claims(1_000_000) }).unwrap();
        assert_eq!(verify(&key, &long, 1_000_010), Err(AssertionError::Time));
    }

    #[test]
    fn a_jti_is_1_to_128_printable_ascii_characters() {
        let key = ClientKey::generate().unwrap();
        let judged = |jti: &str| {
            let token = key.sign(&AssertionClaims { jti: jti.into(), ..claims(1_000_000) }).unwrap();
            verify(&key, &token, 1_000_010).map(|claims| claims.jti)
        };
        for good in ["x", "urn:uuid:5e7c ~", &"a".repeat(128)] {
            assert_eq!(judged(good).as_deref(), Ok(good));
        }
        for bad in ["", "a\0b", "a\n", "\u{7F}", "番号", &"a".repeat(129)] {
            assert_eq!(judged(bad), Err(AssertionError::Malformed), "{bad:?}");
        }
    }

    #[test]
    fn another_key_audience_client_or_algorithm_is_refused() {
        let (key, other) = (ClientKey::generate().unwrap(), ClientKey::generate().unwrap());
        let token = other.sign(&claims(1_000_000)).unwrap();
        assert_eq!(verify(&key, &token, 1_000_010), Err(AssertionError::Signature));
        let token = key.sign(&AssertionClaims { aud: "https://evil".into(), ..claims(1_000_000) }).unwrap();
        assert_eq!(verify(&key, &token, 1_000_010), Err(AssertionError::Audience));
        let token = key.sign(&AssertionClaims { sub: "rp_2".into(), ..claims(1_000_000) }).unwrap();
        assert_eq!(verify(&key, &token, 1_000_010), Err(AssertionError::Audience));
        let none = format!(
            "{}.{}.",
            URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#),
            URL_SAFE_NO_PAD.encode(serde_json::to_string(&claims(1_000_000)).unwrap())
        );
        assert!(verify(&key, &none, 1_000_010).is_err());
        let hmac = jsonwebtoken::encode(
            &Header::new(Algorithm::HS256),
            &claims(1_000_000),
            &EncodingKey::from_secret(key.jwk_set().as_bytes()),
        )
        .unwrap();
        assert_eq!(verify(&key, &hmac, 1_000_010), Err(AssertionError::Signature));
    }
}
