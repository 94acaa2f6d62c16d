//! Certificates of the Japanese Public Key Infrastructure (公的個人認証サービス, JPKI), revocation lists and
//! verdicts. Pure: bytes, policy and time come in, a verdict goes out; no clock, no file, no network.
//!
//! [`judge()`] is the only way to a [`VerifiedCertificate`]; it, [`judge_presence()`] and [`path::judge_path()`] are the only
//! ways to a [`Verdict`]; a [`VerifiedRevocationList`]
//! exists only through its verification under [`TrustAnchors`].

#[cfg(test)]
extern crate self as musubi_pki;

mod anchors;
pub mod asn1;
mod attributes;
mod both;
mod certificate;
mod checks;
mod crl_error;
mod delta_list;
mod entries;
mod extensions;
mod facts;
mod indication;
pub mod inspect;
mod judge;
mod key;
mod list_description;
mod list_tree;
mod name;
pub mod offline_filter;
pub mod oid;
pub mod path;
mod policy;
mod presence;
mod profile;
mod reasons;
mod responses;
mod revocation_list;
mod revocation_list_reader;
mod source;
mod standing;
mod status_set;
mod verdict;
mod verified;

pub use anchors::{Anchor, AnchorError, TrustAnchors};
pub use attributes::{AttributeError, BasicAttributes, DateOfBirth, Era, Sex};
pub use certificate::{MAX_CERTIFICATE_BYTES, ParseError, UnusableKey, UnverifiedCertificate};
pub use checks::{CHECKS, Check, PRESENCE_CHECKS, Precedence};
pub use crl_error::CrlError;
pub use delta_list::VerifiedDeltaList;
pub use entries::{EntryStatus, RevokedEntry};
pub use extensions::AuthorityKeyIdentifier;
pub use indication::{Indication, SubIndication};
pub use judge::{Evidence, Judgement, MAX_CLOCK_SKEW_SECONDS, Policy, SignedData, judge};
pub use key::{AuthorityKind, CertKey, KeyError, RevocationReason, SerialNumber};
pub use list_tree::{ListCommitment, StatusProof, UnprovenList};
pub use name::DistinguishedName;
pub use policy::{Budget, RevocationMode, ValidationPolicy};
pub use presence::{
    PresenceEvidence, PresenceJudgement, PresenceStatement, PresentCertificate, judge_presence,
};
pub use profile::{Environment, ProfileError, policy_oid};
pub use reasons::{ReasonCode, ReasonText, UnknownReason};
pub use responses::{MAX_RESPONSE_BYTES, MAX_RESPONSES, OcspRequest, answers_nonce, ocsp_request};
pub use revocation_list::{DeltaOrigin, ListScope, MAX_LIST_BYTES, StatusChange, VerifiedRevocationList};
pub use revocation_list_reader::Digester;
pub use source::{Digests, Phase, Progress, Report, Sealed, Source, SourceError};
pub use standing::Standing;
pub use status_set::{SealedError, SerialSet};
pub use verdict::{CheckResult, EvidenceValue, Freshness, Method, Outcome, Verdict};
pub use verified::VerifiedCertificate;
