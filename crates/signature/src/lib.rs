//! Signature formats: raw values, CMS and CAdES, XML signatures and XAdES, PAdES, JWS and JAdES, RFC 3161
//! time-stamps. Pure: bytes, policy and time come in, verdicts go out; no clock, no file, no network.
//!
//! A format finds the signatures of a document and says what its own rules came to ([`Found`]); certificates,
//! revocation, times and the final verdict are judged in one place for all of them (EN 319 102-1 5.3 to 5.6).

pub mod bundle;
mod model;

pub use model::{
    Covered, Extent, Found, FoundTimestamp, Level, NotASignature, Rule, Signed, Signer, TimestampKind, Value,
};
