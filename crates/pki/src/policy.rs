//! A validation policy (EN 319 102-1 5.1.4): what is asked of a signature, its path and its revocation data. It is
//! data: it has a name, a version and a hash, a relying party has one, a verdict names the one it was made under.

use const_oid::ObjectIdentifier;
use musubi_crypto::{Sha256Digest, sha256};
use musubi_kernel::UnixTime;
use serde::{Deserialize, Serialize};

/// Whether revocation data are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevocationMode {
    /// Every certificate of the path below the anchor needs a status that is good and fresh.
    Required,
    /// Revocation data that are there and can be used count; where there are none, that is accepted.
    IfPresent,
    /// None is looked at. **Insecure**: a revoked certificate passes.
    Off,
}

/// How much work one path may cost. What exceeds it ends in a verdict, not in a hang.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Certificates in a path, the anchor not counted.
    pub max_path_length: u32,
    /// Signatures verified while building and validating paths, those of revocation data included.
    pub max_signature_checks: u32,
    /// Candidate certificates looked at.
    pub max_candidates: u32,
    /// Nodes of the policy graph (RFC 9618) and comparisons of name constraints, together.
    pub max_policy_and_name_steps: u32,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            max_path_length: 16,
            max_signature_checks: 200,
            max_candidates: 2_000,
            max_policy_and_name_steps: 250_000,
        }
    }
}

/// What is asked. Its canonical form is its JSON with the members in the order of this definition and no white
/// space; its hash is the SHA-256 of that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidationPolicy {
    /// Its name: lower-case letters, digits, dots and hyphens.
    pub id: String,
    /// Counted from 1; a policy that was once used is never changed, a new version is added.
    pub version: u32,
    /// The fewest bits of an RSA modulus; never below 2048.
    pub min_rsa_bits: u32,
    /// SHA-1 is accepted in signatures that are proven to have existed by this time (RFC 3339); never if null.
    pub sha1_until: Option<UnixTime>,
    /// Whether revocation data are needed.
    pub revocation: RevocationMode,
    /// How old revocation data may be, in seconds since their `thisUpdate`, beside their `nextUpdate`.
    pub max_revocation_age: Option<i64>,
    /// `user-initial-policy-set` (RFC 5280 6.1.1 (c)); empty for any-policy.
    #[serde(with = "oid_texts")]
    pub initial_policy_set: Vec<ObjectIdentifier>,
    /// `initial-explicit-policy` (RFC 5280 6.1.1 (f)).
    pub explicit_policy: bool,
    /// `initial-any-policy-inhibit` (RFC 5280 6.1.1 (g)).
    pub inhibit_any_policy: bool,
    /// `initial-policy-mapping-inhibit` (RFC 5280 6.1.1 (e)).
    pub inhibit_policy_mapping: bool,
    /// Whether an RSA signature over a bare SHA-256 digest is accepted where the caller names that channel.
    pub insecure_bare_digest: bool,
    /// Work bounds.
    pub budget: Budget,
}

impl Default for ValidationPolicy {
    fn default() -> Self {
        Self {
            id: "musubi.default".to_owned(),
            version: 1,
            min_rsa_bits: 2048,
            sha1_until: None,
            revocation: RevocationMode::Required,
            max_revocation_age: None,
            initial_policy_set: Vec::new(),
            explicit_policy: false,
            inhibit_any_policy: false,
            inhibit_policy_mapping: false,
            insecure_bare_digest: false,
            budget: Budget::default(),
        }
    }
}

impl ValidationPolicy {
    /// The canonical JSON.
    #[must_use]
    pub fn canonical_json(&self) -> Vec<u8> {
        // A struct of numbers, booleans and texts always has a JSON form.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// SHA-256 of the canonical JSON.
    #[must_use]
    pub fn sha256(&self) -> Sha256Digest {
        sha256(&self.canonical_json())
    }
}

mod oid_texts {
    use const_oid::ObjectIdentifier;
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(oids: &[ObjectIdentifier], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(oids.iter().map(ToString::to_string))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<ObjectIdentifier>, D::Error> {
        Vec::<String>::deserialize(from)?
            .iter()
            .map(|text| ObjectIdentifier::new(text).map_err(D::Error::custom))
            .collect()
    }
}
