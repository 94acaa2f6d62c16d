//! Validation policies (検証ポリシー, EN 319 102-1 5.1.4): which rules a relying party's verdicts are made under. A
//! policy is data with a name, a version and a hash; a version that was added is never changed, so that a verdict that
//! names its policy can be understood years later. A relying party without one has the platform's own.
//!
//! ```text
//! operator: add policy v1 --> v2 --> v3        each kept, each hashed, each audited
//!                 |            |
//! relying party  ...   assign: v2 from now on  the verdict's audit record names id, version and hash
//! ```
//! Not here: the rules themselves, which are `pki`'s.

mod service;
mod sql;
#[cfg(test)]
mod tests;

use musubi_crypto::Sha256Digest;
use musubi_kernel::UnixTime;
use musubi_pki::{Policy, ValidationPolicy};
use musubi_signature::bundle::PolicyReference;
use musubi_store::{Migration, StoreError};

pub use service::{Change, add, applied, assign, list, of_relying_party};

/// The feature's schema.
pub const MIGRATIONS: &[Migration] = &[Migration {
    name: "validation_policy/0001_policies",
    sql: include_str!("migrations/0001_policies.sql"),
}];

/// A policy as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPolicy {
    /// What it says.
    pub policy: ValidationPolicy,
    /// SHA-256 of its canonical JSON.
    pub sha256: Sha256Digest,
}

/// The policy under which one verdict is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedPolicy {
    /// Its name.
    pub id: String,
    /// Its version.
    pub version: u32,
    /// Its hash.
    pub sha256: Sha256Digest,
    /// What it asks of certificates of the JPKI.
    pub rules: Policy,
}

impl AppliedPolicy {
    /// For this policy.
    #[must_use]
    pub fn of(policy: &ValidationPolicy) -> Self {
        Self {
            id: policy.id.clone(),
            version: policy.version,
            sha256: policy.sha256(),
            rules: Policy {
                not_signed_before: None,
                max_list_age: policy.max_revocation_age,
                min_rsa_bits: policy.min_rsa_bits,
            },
        }
    }

    /// The same, with what these rules ask beside it.
    pub(crate) fn beside(mut self, others: &Policy) -> Self {
        self.rules.min_rsa_bits = self.rules.min_rsa_bits.max(others.min_rsa_bits);
        self.rules.max_list_age = self.rules.max_list_age.into_iter().chain(others.max_list_age).min();
        self
    }

    /// What it asks of a signature over something that did not exist before `not_signed_before`.
    #[must_use]
    pub fn rules_from(&self, not_signed_before: UnixTime) -> Policy {
        Policy { not_signed_before: Some(not_signed_before), ..self.rules }
    }

    /// As bundles name it.
    #[must_use]
    pub fn reference(&self) -> PolicyReference {
        PolicyReference { id: self.id.clone(), version: self.version, sha256: self.sha256 }
    }

    /// As the audit records of verdicts name it: `id/version`. The hash is in the bundle and in the record of its adding.
    #[must_use]
    pub fn named(&self) -> String {
        format!("{}/{}", self.id, self.version)
    }

    /// As the audit records about policies name it.
    #[must_use]
    pub fn audited(&self) -> serde_json::Value {
        serde_json::json!({ "id": self.id, "version": self.version, "sha256": hex::encode(self.sha256) })
    }
}

/// Why a policy was not added or assigned.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The id is not 1 to 64 lower-case letters, digits, dots and hyphens.
    #[error("a policy's id has 1 to 64 lower-case letters, digits, dots and hyphens")]
    Id,
    /// The version does not follow the last one.
    #[error("the version must be {expected}: versions are counted from 1 and never changed")]
    Version {
        /// The next version.
        expected: u32,
    },
    /// It would let pass what the platform never lets pass.
    #[error("`{field}` is weaker than the platform allows: {rule}")]
    TooWeak {
        /// The member.
        field: &'static str,
        /// What is allowed.
        rule: &'static str,
    },
    /// There is no such policy.
    #[error("there is no such policy")]
    Unknown,
    /// There is no such relying party.
    #[error("there is no such relying party")]
    UnknownRelyingParty,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}
