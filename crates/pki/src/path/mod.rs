//! Certification paths of any hierarchy (RFC 5280 6, RFC 9618, RFC 4158), with their revocation (RFC 5280 6.3,
//! RFC 6960): the general judgement beside the JPKI's own one-tier [`judge`](crate::judge()). Fetches nothing.

pub(crate) mod algorithms;
mod anchors;
mod authorities;
mod build;
mod certificate;
mod checks;
pub(crate) mod crl;
mod extensions;
mod facts;
mod general_name;
mod judge;
mod name_constraints;
pub mod ocsp;
mod policies;
mod pool;
mod server_name;
mod session;
mod status;
mod work;

use musubi_crypto::PublicKey;
use musubi_kernel::UnixTime;

use crate::policy::ValidationPolicy;
use crate::verdict::Verdict;

pub use anchors::{PathAnchor, PathAnchorError, PathAnchors};
pub use certificate::PathCertificate;
pub use checks::{PATH_CHECKS, PathCheck};
pub use extensions::{
    BasicConstraints, DistributionPoint, IssuerKeyId, PathExtensions, PointName, PolicyConstraints,
    ReasonFlags,
};
pub use general_name::{GeneralName, same_name};
pub use judge::judge_path;
pub use status::{Authorities, Exhausted, IssuerKey, Question, Role, Status, Unusable, Window};
pub use work::WorkDone;

/// What is judged: certificates and revocation data as they came, DER each, all hostile until shown otherwise.
#[derive(Debug, Clone, Copy, Default)]
pub struct PathEvidence<'a> {
    /// The certificate in question.
    pub leaf: &'a [u8],
    /// Candidates for the way to an anchor, for CRL issuers and for OCSP responders, in any order.
    pub intermediates: &'a [&'a [u8]],
    /// Revocation lists, complete or delta, direct or indirect.
    pub crls: &'a [&'a [u8]],
    /// `OCSPResponse`s or bare `BasicOCSPResponse`s.
    pub ocsp: &'a [&'a [u8]],
}

/// A bit of `keyUsage` (RFC 5280 4.2.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are RFC 5280's")]
pub enum KeyUsage {
    DigitalSignature,
    ContentCommitment,
    KeyEncipherment,
    DataEncipherment,
    KeyAgreement,
    KeyCertSign,
    CrlSign,
    EncipherOnly,
    DecipherOnly,
}

impl KeyUsage {
    /// The usage that RFC 5280 4.2.1.3 calls so (`digitalSignature`, …), or X.509 (`contentCommitment`, which was
    /// `nonRepudiation`).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "digitalSignature" => Self::DigitalSignature,
            "nonRepudiation" | "contentCommitment" => Self::ContentCommitment,
            "keyEncipherment" => Self::KeyEncipherment,
            "dataEncipherment" => Self::DataEncipherment,
            "keyAgreement" => Self::KeyAgreement,
            "keyCertSign" => Self::KeyCertSign,
            "cRLSign" => Self::CrlSign,
            "encipherOnly" => Self::EncipherOnly,
            "decipherOnly" => Self::DecipherOnly,
            _ => return None,
        })
    }
}

/// What the leaf's key is used for.
#[derive(Debug, Clone, Default)]
pub struct Purpose {
    /// Bits of `keyUsage` that the leaf must all have, if it has the extension.
    pub all_key_usage: Vec<KeyUsage>,
    /// Bits of `keyUsage` of which the leaf must have at least one, if it has the extension; empty to ask nothing.
    pub any_key_usage: Vec<KeyUsage>,
    /// Purposes that `extKeyUsage` must all name, if it is there (anyExtendedKeyUsage names all but time-stamping
    /// and OCSP signing).
    pub extended_key_usage: Vec<const_oid::ObjectIdentifier>,
    /// Whether `extKeyUsage` must be there and name nothing else (RFC 3161 2.3).
    pub only_this_purpose: bool,
    /// A DNS name or an address that the leaf must have (RFC 9525), for servers.
    pub server_name: Option<String>,
}

/// The times of a judgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// When it is judged.
    pub judged_at: UnixTime,
    /// A time by which the signature under the leaf's key is proven to have existed (EN 319 102-1 5.6: best
    /// signature time). Validity, revocation and algorithms are then judged for this time.
    pub existed_at: Option<UnixTime>,
    /// A time before which the signature cannot have been made (a content time-stamp, a nonce).
    pub not_signed_before: Option<UnixTime>,
}

impl Times {
    /// Judged at this time, nothing else being known.
    #[must_use]
    pub fn at(judged_at: UnixTime) -> Self {
        Self { judged_at, existed_at: None, not_signed_before: None }
    }

    /// The time for which the path is judged.
    #[must_use]
    pub fn control(&self) -> UnixTime {
        self.existed_at.map_or(self.judged_at, |at| at.min(self.judged_at))
    }
}

/// The outcome of [`judge_path`].
#[derive(Debug, Clone)]
pub struct PathJudgement {
    /// The verdict on the path and its revocation; the signature made with the leaf's key is not in it.
    pub verdict: Verdict,
    /// The leaf's key, even if the verdict is not TOTAL-PASSED; `None` if the leaf cannot be read or its key is of no
    /// kind that is verified.
    pub public_key: Option<PublicKey>,
    /// The path that was judged, from the leaf to the anchor's certificate or the last one found, DER each.
    pub chain: Vec<Vec<u8>>,
    /// SHA-256 of the revocation data that decided, in the order of the chain.
    pub revocation: Vec<musubi_crypto::Sha256Digest>,
    /// `user-constrained-policy-set` (RFC 5280 6.1.5 (g)), `anyPolicy` as itself; empty if the path's policies fail.
    pub policies: Vec<const_oid::ObjectIdentifier>,
    /// What it cost.
    pub work: WorkDone,
}

/// What [`judge_path`] is given beside evidence and anchors.
#[derive(Debug, Clone, Copy)]
pub struct PathRules<'a> {
    /// The policy.
    pub policy: &'a ValidationPolicy,
    /// What the leaf's key is used for.
    pub purpose: &'a Purpose,
    /// The times.
    pub times: Times,
}
