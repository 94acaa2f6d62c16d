//! Validation reports for other systems: the verdicts on a document's signatures in the form of ETSI TS 119 102-2
//! V1.3.1 (namespace `http://uri.etsi.org/19102/v1.2.1#`), unsigned.
//!
//! Judges nothing: whoever fills [`Input`] has. What is not in a report, so that it can be passed on:
//! - names, serial numbers, certificates, lists, tokens or the document: validation objects are digests only;
//! - the signature value (its SHA-256 is in the identifier) and where the signature stands, since a field may be named
//!   after a person;
//! - the evidence of checks.
//!
//! Out of the standard's choices: every check is a `ValidationConstraint` that was applied, or disabled if it was
//! skipped, with its citation as a parameter; reasons and next steps are `ReportData` in Japanese and English.

mod etsi;
mod of;
mod of_bundle;
mod xml;

pub use etsi::etsi_xml;
use musubi_crypto::{Digest, Sha256Digest, SignatureAlgorithm};
use musubi_kernel::UnixTime;
use musubi_pki::{CheckResult, Indication, ReasonCode, RevocationReason, SubIndication};
pub use of::etsi_xml_of;
pub use of_bundle::etsi_xml_of_bundle;

use crate::model::{Level, TimestampKind};

/// What a report is about.
#[derive(Debug, Clone)]
pub struct Input<'a> {
    /// For which time it was judged.
    pub validated_at: UnixTime,
    /// The digest of the document; `None` if it is not told.
    pub document: Option<Digest>,
    /// Under which policy.
    pub policy: Policy<'a>,
    /// The signatures, in the order of the document.
    pub signatures: &'a [Signature<'a>],
}

/// The validation policy.
#[derive(Debug, Clone, Copy)]
pub struct Policy<'a> {
    /// Its name.
    pub id: &'a str,
    /// Its version.
    pub version: u32,
    /// Its SHA-256.
    pub sha256: Sha256Digest,
}

/// Which validation process was run (EN 319 102-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Process {
    /// For basic signatures (5.3).
    Basic,
    /// For signatures with time and with long-term validation material (5.5).
    LongTermMaterial,
    /// For signatures providing long-term availability (5.6).
    LongTermAvailability,
}

/// How a validation came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// The indication.
    pub indication: Indication,
    /// Why it is not TOTAL-PASSED.
    pub sub_indication: Option<SubIndication>,
    /// For people.
    pub reason: Option<ReasonCode>,
}

/// One signature.
#[derive(Debug, Clone)]
pub struct Signature<'a> {
    /// SHA-256 of the signature value.
    pub value: Sha256Digest,
    /// The digest of what was signed (DTBSR), if it was computed.
    pub signed: Option<Digest>,
    /// Whether only a digest of the content was at hand.
    pub content_by_digest: bool,
    /// The format as people call it.
    pub format: &'a str,
    /// The level, by what is present.
    pub level: Level,
    /// The algorithm, if it is in the table.
    pub algorithm: Option<SignatureAlgorithm>,
    /// Whether the policy accepts that algorithm with that key.
    pub algorithm_accepted: bool,
    /// Which process was run.
    pub process: Process,
    /// How it came out.
    pub status: Status,
    /// Every check.
    pub checks: &'a [CheckResult],
    /// When the signer says to have signed.
    pub claimed_signing_time: Option<UnixTime>,
    /// When it certainly existed.
    pub best_signature_time: ProofOfExistence,
    /// The signer's path, as far as it was found.
    pub path: Option<Path<'a>>,
    /// The revocation data that were used.
    pub revocation: &'a [RevocationData],
    /// What revoked a certificate of the path.
    pub revoked: Option<Revoked>,
    /// Its time-stamps, in the order of the document.
    pub timestamps: &'a [Timestamp],
}

/// A time at which something certainly existed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProofOfExistence {
    /// When.
    pub at: UnixTime,
    /// SHA-256 of the time-stamp token that proves it; `None` for the validation itself.
    pub token: Option<Sha256Digest>,
}

/// A certification path, by SHA-256 of the certificates.
#[derive(Debug, Clone, Copy)]
pub struct Path<'a> {
    /// The signer's certificate.
    pub signer: Sha256Digest,
    /// Those between it and the anchor, from the signer upwards.
    pub intermediates: &'a [Sha256Digest],
    /// The trust anchor.
    pub anchor: Option<Sha256Digest>,
}

/// Of what kind revocation data are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RevocationKind {
    /// A revocation list.
    List,
    /// An OCSP response.
    Response,
}

/// Revocation data, by SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RevocationData {
    /// What they are.
    pub kind: RevocationKind,
    /// SHA-256 of the DER.
    pub sha256: Sha256Digest,
}

/// A revocation of a certificate of the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revoked {
    /// SHA-256 of the certificate.
    pub certificate: Sha256Digest,
    /// Since when.
    pub at: UnixTime,
    /// Why.
    pub reason: Option<RevocationReason>,
    /// The data that say so.
    pub by: Option<RevocationData>,
}

/// A time-stamp of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timestamp {
    /// What it covers.
    pub kind: TimestampKind,
    /// SHA-256 of the token.
    pub token: Sha256Digest,
    /// Its `genTime`, if it could be read.
    pub at: Option<UnixTime>,
    /// How its own validation came out.
    pub status: Status,
}
