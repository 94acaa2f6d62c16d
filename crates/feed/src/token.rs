//! Security Event Tokens (RFC 8417) as compact JWS (RFC 7515) with Ed25519 (RFC 8037), and no other algorithm: the header is
//! compared as a whole, so that nothing in it can be chosen by a sender.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use musubi_crypto::{Ed25519Signer, sha256, verify_ed25519};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Longest token that is read, in bytes.
pub(crate) const MAX_TOKEN: usize = 16 * 1024;

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Too long, not three parts of base64url, or not the claims that are described.
    #[error("not a security event token of a change stream")]
    Malformed,
    /// None of the given keys has the header's `kid`.
    #[error("signed with an unknown key")]
    UnknownKey,
    /// The signature does not verify.
    #[error("the signature does not verify")]
    BadSignature,
    /// It is meant for another receiver, or comes from another issuer.
    #[error("the token belongs to another stream")]
    OtherStream,
}

/// The name of a signing key: its JWK thumbprint (RFC 7638, of the OKP form of RFC 8037), base64url.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKeyId(String);

/// A platform's public key under which tokens are verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyingKey {
    id: SigningKeyId,
    public: [u8; 32],
}

impl SigningKeyId {
    fn of(public: &[u8; 32]) -> Self {
        let x = URL_SAFE_NO_PAD.encode(public);
        let jwk = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
        Self(URL_SAFE_NO_PAD.encode(sha256(jwk.as_bytes())))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl VerifyingKey {
    /// The key of these 32 bytes.
    #[must_use]
    pub fn new(public: [u8; 32]) -> Self {
        Self { id: SigningKeyId::of(&public), public }
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> &SigningKeyId {
        &self.id
    }

    /// Its JWK, as a platform publishes it.
    #[must_use]
    pub fn jwk(&self) -> Value {
        serde_json::json!({
            "kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(self.public),
            "use": "sig", "alg": "EdDSA", "kid": self.id.as_str(),
        })
    }

    /// The key of a JWK; its `kid`, if there is one, must be the thumbprint.
    #[must_use]
    pub fn from_jwk(jwk: &Value) -> Option<Self> {
        let text = |member: &str| jwk.get(member).and_then(Value::as_str);
        if text("kty") != Some("OKP") || text("crv") != Some("Ed25519") {
            return None;
        }
        let public = URL_SAFE_NO_PAD.decode(text("x")?).ok()?.try_into().ok()?;
        let key = Self::new(public);
        text("kid").is_none_or(|kid| kid == key.id.as_str()).then_some(key)
    }
}

fn header(id: &SigningKeyId) -> String {
    URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"EdDSA","kid":"{}","typ":"secevent+jwt"}}"#, id.as_str()))
}

/// The compact JWS over `claims`. The same claims and key give the same bytes.
pub(crate) fn seal(claims: &Value, key: &Ed25519Signer) -> String {
    let mut token = header(&SigningKeyId::of(&key.public_key()));
    token.push('.');
    token.push_str(&URL_SAFE_NO_PAD.encode(musubi_crypto::canonical_json(claims)));
    let signature = key.sign(token.as_bytes());
    token.push('.');
    token.push_str(&URL_SAFE_NO_PAD.encode(signature));
    token
}

/// The claims of a token that one of `keys` signed.
pub(crate) fn open<T: DeserializeOwned>(token: &str, keys: &[VerifyingKey]) -> Result<T, TokenError> {
    if token.len() > MAX_TOKEN {
        return Err(TokenError::Malformed);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
    let (head, claims) = signed.split_once('.').ok_or(TokenError::Malformed)?;
    let key = keys.iter().find(|key| header(&key.id) == head).ok_or(TokenError::UnknownKey)?;
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| TokenError::Malformed);
    let signature: [u8; 64] = bytes(signature)?.try_into().map_err(|_| TokenError::Malformed)?;
    if !verify_ed25519(&key.public, signed.as_bytes(), &signature) {
        return Err(TokenError::BadSignature);
    }
    serde_json::from_slice(&bytes(claims)?).map_err(|_| TokenError::Malformed)
}

/// The claims of a token of one's own: no signature is verified.
pub(crate) fn claims_of_own<T: DeserializeOwned>(token: &str) -> Result<T, TokenError> {
    if token.len() > MAX_TOKEN {
        return Err(TokenError::Malformed);
    }
    let claims = token.split('.').nth(1).ok_or(TokenError::Malformed)?;
    let claims = URL_SAFE_NO_PAD.decode(claims).map_err(|_| TokenError::Malformed)?;
    serde_json::from_slice(&claims).map_err(|_| TokenError::Malformed)
}
