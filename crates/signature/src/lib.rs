//! Signature formats: raw values, CMS and CAdES, XML signatures and XAdES, PAdES, JWS and JAdES, RFC 3161
//! time-stamps. Pure: bytes, policy and time come in, verdicts go out; no clock, no file, no network.
//!
//! A format finds the signatures of a document and says what its own rules came to ([`Found`]); certificates,
//! revocation, times and the final verdict are judged in one place for all of them (EN 319 102-1 5.3 to 5.6).

pub mod bundle;
pub mod cms;
mod document;
mod formats;
pub mod jws;
mod model;
pub mod pdf;
mod process;
pub mod raw;
pub mod report;
pub mod timestamp;
pub mod xml;

pub use document::{DocumentJudgement, judge_document, judge_document_as};
pub use formats::{FORMATS, Format, detect};
pub use model::{
    Covered, Extent, Found, FoundTimestamp, Level, NotASignature, Role, Rule, Signed, Signer, TimestampKind,
    Value,
};
pub use process::{Context, SignatureJudgement, TimestampJudgement, judge_signature};
