//! OCSP responses (RFC 6960, narrowed by RFC 5019; nonces by RFC 9654): what they say about one certificate at one
//! time. An answer counts if its signer may speak for the certificate's issuer, its signature verifies and its period
//! fits the time in question; whatever else it says, good or revoked, is unknown.
//!
//! What took thought:
//! - An answer counts if its period holds the time in question, or if it was known later: then it tells what was so
//!   before. One whose period ended earlier is neither good nor revoked, whatever it says. Without `nextUpdate`, which
//!   RFC 5019 2.2.4 demands, it counts only as long as a policy says, or if it was known later.
//! - Asked for now, revoked is revoked whatever the date says; asked for a past time, a revocation after it is none.
//! - Answers that disagree: a revocation stands, since only a hold can end (RFC 5280 5.3.1), and a hold ends only by
//!   what was known later, but by the time in question. Who does not know contradicts nobody (RFC 6960 2.2).
//! - Good says nothing of a certificate that had expired, unless `archiveCutoff` says otherwise (RFC 6960 4.4.4).
//! - The delegate's certificate is verified here under the key that issued the certificate in question, beside what
//!   path validation says: neither a namesake of the issuer nor another key of its own may delegate
//!   (RFC 6960 4.2.2.2).
//! - The name in a `CertID` is hashed as the certificate in question has it (RFC 6960 4.1.1), with SHA-1 or SHA-2.
//!
//! Not here: fetching, responders that are trusted by configuration (RFC 6960 4.2.2.2, first case), and whether a
//! delegate's certificate is good: that is a path of its own, asked of [`Authorities`](super::Authorities).

mod nonce;
mod request;
mod responder;
mod response;
mod status;
#[cfg(test)]
mod tests;

pub use nonce::{Nonce, NonceError, check_nonce, nonce};
pub use request::{CertIdDigest, request};
pub use response::{
    CertId, CertStatus, MAX_CERTIFICATES, MAX_RESPONSE_BYTES, MAX_SINGLE_RESPONSES, Responder, Response,
    SingleResponse,
};
pub(crate) use status::status;
