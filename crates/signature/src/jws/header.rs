//! The JOSE header (RFC 7515 4): what of it decides how a signature is verified must be protected, and what is marked as
//! critical must be known.

use musubi_crypto::{DigestAlgorithm, SignatureAlgorithm};

use super::base64;
use super::json::{self, Object};
use super::{MAX_HEADER_BYTES, serialization::Entry};

/// The protected header, decoded.
pub(super) struct Decoded(Result<Vec<u8>, &'static str>);

impl Decoded {
    pub(super) fn new(entry: &Entry<'_>) -> Self {
        if entry.protected.len() > MAX_HEADER_BYTES {
            return Self(Err("the protected header is too long"));
        }
        Self(base64::from_url(entry.protected).ok_or("the protected header is not base64url"))
    }
}

/// Both headers of one signature.
pub(super) struct Header<'h> {
    pub(super) protected: Object<'h>,
    unprotected: &'h Object<'h>,
    /// Whether the headers are what RFC 7515 4 asks for.
    pub(super) shape: Result<(), &'static str>,
}

/// What JAdES says of the signer, the content and the time, and what changes the verification, counts only if it is
/// signed.
const MUST_BE_PROTECTED: [&str; 13] = [
    "alg", "crit", "b64", "iat", "sigT", "x5t#o", "sigX5ts", "sigD", "sigPId", "sigPl", "srCms", "srAts",
    "adoTst",
];

/// The extensions that are processed (TS 119 182-1 5.2, RFC 7797). `etsiU` is the only one that stands unprotected.
const KNOWN_EXTENSIONS: [&str; 12] = [
    "b64", "sigT", "iat", "x5t#o", "sigX5ts", "sigD", "sigPId", "sigPl", "srCms", "srAts", "adoTst", "etsiU",
];

impl<'h> Header<'h> {
    pub(super) fn new(decoded: &'h Decoded, unprotected: &'h Object<'h>) -> Self {
        let read = match &decoded.0 {
            Ok(bytes) => json::read_object(bytes).map_err(json::JsonError::as_str),
            Err(why) => Err(*why),
        };
        match read {
            Ok(protected) => {
                let shape = shape(&protected, unprotected);
                Self { protected, unprotected, shape }
            }
            Err(why) => Self { protected: Object::default(), unprotected, shape: Err(why) },
        }
    }

    /// The member of either header.
    pub(super) fn anywhere(&self, name: &str) -> Option<&json::Json<'h>> {
        self.protected.get(name).or_else(|| self.unprotected.get(name))
    }

    /// `alg` (RFC 7518 3.1), or the name that is not in the table.
    pub(super) fn algorithm(&self) -> Result<SignatureAlgorithm, String> {
        use SignatureAlgorithm as A;
        Ok(match self.protected.text("alg") {
            Some("RS256") => A::RsaPkcs1Sha256,
            Some("RS384") => A::RsaPkcs1Sha384,
            Some("RS512") => A::RsaPkcs1Sha512,
            Some("PS256") => A::RsaPssSha256,
            Some("PS384") => A::RsaPssSha384,
            Some("PS512") => A::RsaPssSha512,
            Some("ES256") => A::EcdsaSha256,
            Some("ES384") => A::EcdsaSha384,
            Some("EdDSA") => A::Ed25519,
            // Short names only: what a stranger wrote is not repeated at length.
            Some(other) => return Err(other.chars().filter(char::is_ascii_graphic).take(16).collect()),
            None => return Err("none that is protected".to_owned()),
        })
    }

    /// Whether the payload is encoded (RFC 7797 3).
    pub(super) fn b64(&self) -> bool {
        self.protected.get("b64") != Some(&json::Json::Flag(false))
    }

    /// `crit` (RFC 7515 4.1.11), and `b64` with it (RFC 7797 6).
    pub(super) fn critical(&self) -> Result<(), &'static str> {
        let names = match self.protected.get("crit") {
            None => Vec::new(),
            Some(crit) => {
                let names = crit.array().ok_or("crit is not an array")?;
                let names: Option<Vec<&str>> = names.iter().map(json::Json::text).collect();
                names.filter(|n| !n.is_empty()).ok_or("crit is empty or names what is not a text")?
            }
        };
        for (at, name) in names.iter().enumerate() {
            if names.iter().take(at).any(|n| n == name) {
                return Err("crit names an extension twice");
            }
            if !KNOWN_EXTENSIONS.contains(name) {
                return Err("crit names an extension that is not known");
            }
            if self.anywhere(name).is_none() {
                return Err("crit names an extension that is not there");
            }
        }
        match self.protected.get("b64") {
            None => Ok(()),
            Some(json::Json::Flag(_)) if names.contains(&"b64") => Ok(()),
            Some(json::Json::Flag(_)) => Err("b64 is not critical"),
            Some(_) => Err("b64 is not a truth value"),
        }
    }
}

fn shape(protected: &Object<'_>, unprotected: &Object<'_>) -> Result<(), &'static str> {
    if unprotected.names().any(|name| protected.get(name).is_some()) {
        return Err("a member stands in both headers");
    }
    if unprotected.names().any(|name| MUST_BE_PROTECTED.contains(&name)) {
        return Err("a member that must be protected is not");
    }
    Ok(())
}

/// A digest algorithm as JAdES names it (TS 119 182-1 annex E).
pub(super) fn digest_algorithm(name: Option<&str>) -> Option<DigestAlgorithm> {
    match name {
        Some("S256") => Some(DigestAlgorithm::Sha256),
        Some("S384") => Some(DigestAlgorithm::Sha384),
        Some("S512") => Some(DigestAlgorithm::Sha512),
        _ => None,
    }
}
