//! OCSP responses (RFC 6960, narrowed by RFC 5019; nonces by RFC 9654): what they say about one certificate at one
//! time. An answer counts if its signer may speak for the certificate's issuer, its signature verifies and its period
//! fits the time in question; whatever else it says, good or revoked, is unknown.
//!
//! Not here: fetching, responders that are trusted by configuration (RFC 6960 4.2.2.2, first case), and whether a
//! delegate's certificate is good: that is a path of its own, asked of [`Authorities`](super::Authorities).

mod nonce;
mod request;
#[allow(dead_code, reason = "path validation asks")]
mod responder;
mod response;
#[allow(dead_code, reason = "path validation asks")]
mod status;
#[cfg(test)]
mod tests;

pub use nonce::{Nonce, NonceError, check_nonce, nonce};
pub use request::{CertIdDigest, request};
pub use response::{
    CertId, CertStatus, MAX_CERTIFICATES, MAX_RESPONSE_BYTES, MAX_SINGLE_RESPONSES, Responder, Response,
    SingleResponse,
};
#[allow(unused_imports, reason = "path validation asks")]
pub(crate) use status::status;
