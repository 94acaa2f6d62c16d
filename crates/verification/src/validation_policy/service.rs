//! The rules of validation policies.

use musubi_kernel::{Random, UnixTime};
use musubi_pki::{RevocationMode, ValidationPolicy};
use musubi_platform::audit::{self, AuditEvent};
use musubi_platform::relying_party::{self, RelyingPartyId};
use musubi_store::{StoreError, Tx};
use serde_json::json;

use super::{AppliedPolicy, PolicyError, StoredPolicy, sql};

/// Whether a request changed anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It did, and was audited.
    Made,
    /// All was so already.
    None,
}

/// Adds a policy, or the next version of one. The same again changes nothing.
///
/// # Errors
/// [`PolicyError`].
pub async fn add(
    tx: &mut Tx,
    policy: &ValidationPolicy,
    random: &dyn Random,
    at: UnixTime,
) -> Result<Change, PolicyError> {
    check(policy)?;
    if sql::by_id(tx, &policy.id, policy.version).await?.is_some_and(|stored| stored.policy == *policy) {
        return Ok(Change::None);
    }
    let last = sql::last_version(tx, &policy.id).await?.unwrap_or(0);
    let expected = u32::try_from(last + 1).map_err(|_| StoreError::Corrupt("version"))?;
    if policy.version != expected {
        return Err(PolicyError::Version { expected });
    }
    let document = String::from_utf8(policy.canonical_json()).map_err(|_| StoreError::Corrupt("document"))?;
    sql::insert(tx, policy, &document, at).await?;
    let event = AuditEvent {
        kind: audit::VALIDATION_POLICY_ADDED,
        relying_party: None,
        person: None,
        detail: AppliedPolicy::of(policy).audited(),
    };
    audit::append(tx, &event, random, at).await?;
    Ok(Change::Made)
}

/// What no policy of a platform may ask less than. Verdicts of the platform decide about people.
fn check(policy: &ValidationPolicy) -> Result<(), PolicyError> {
    let good_id = (1..=64).contains(&policy.id.len())
        && policy.id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-');
    if !good_id {
        return Err(PolicyError::Id);
    }
    let rules = [
        (policy.min_rsa_bits >= 2048, "min_rsa_bits", "at least 2048"),
        (policy.min_rsa_bits <= 8192, "min_rsa_bits", "at most 8192: no larger key is ever verified"),
        (policy.sha1_until.is_none(), "sha1_until", "null: SHA-1 is for old documents only"),
        (policy.revocation == RevocationMode::Required, "revocation", "required"),
        (
            policy.max_revocation_age.is_none_or(|age| age > 0),
            "max_revocation_age",
            "null, or at least 1 second",
        ),
        (!policy.insecure_bare_digest, "insecure_bare_digest", "false"),
    ];
    match rules.into_iter().find(|(kept, ..)| !kept) {
        Some((_, field, rule)) => Err(PolicyError::TooWeak { field, rule }),
        None => Ok(()),
    }
}

/// Has the relying party's verdicts made under this policy from now on.
///
/// # Errors
/// [`PolicyError::Unknown`], [`PolicyError::UnknownRelyingParty`], [`PolicyError::Store`].
pub async fn assign(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    id: &str,
    version: u32,
    random: &dyn Random,
    at: UnixTime,
) -> Result<Change, PolicyError> {
    relying_party::by_id(tx, relying_party).await?.ok_or(PolicyError::UnknownRelyingParty)?;
    let wanted = sql::by_id(tx, id, version).await?.ok_or(PolicyError::Unknown)?;
    if sql::of_relying_party(tx, relying_party).await?.as_ref() == Some(&wanted) {
        return Ok(Change::None);
    }
    sql::assign(tx, relying_party, id, version, at).await?;
    let event = AuditEvent {
        kind: audit::VALIDATION_POLICY_ASSIGNED,
        relying_party: Some(relying_party.clone()),
        person: None,
        detail: json!({ "policy": AppliedPolicy::of(&wanted.policy).audited() }),
    };
    audit::append(tx, &event, random, at).await?;
    Ok(Change::Made)
}

/// Every policy, in the order in which they were added.
///
/// # Errors
/// [`StoreError`].
pub async fn list(tx: &mut Tx) -> Result<Vec<StoredPolicy>, StoreError> {
    sql::list(tx).await
}

/// The policy assigned to a relying party; `None` if it has the platform's own.
///
/// # Errors
/// [`StoreError`].
pub async fn of_relying_party(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
) -> Result<Option<StoredPolicy>, StoreError> {
    sql::of_relying_party(tx, relying_party).await
}

/// The policy under which this relying party's verdicts are made: its own, else `platforms`. What the platform asks holds
/// beside a relying party's own policy, which can only ask for more.
///
/// # Errors
/// [`StoreError`].
pub async fn applied(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    platforms: &AppliedPolicy,
) -> Result<AppliedPolicy, StoreError> {
    let own = sql::of_relying_party(tx, relying_party).await?;
    Ok(own.map_or_else(
        || platforms.clone(),
        |stored| AppliedPolicy::of(&stored.policy).beside(&platforms.rules),
    ))
}
