//! The only SQL of validation policies.

use musubi_kernel::UnixTime;
use musubi_pki::ValidationPolicy;
use musubi_platform::relying_party::RelyingPartyId;
use musubi_store::{Row, StoreError, Tx};

use super::StoredPolicy;

pub(super) async fn insert(
    tx: &mut Tx,
    policy: &ValidationPolicy,
    document: &str,
    at: UnixTime,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO validation_policy (id, version, sha256, document, created_at) VALUES ($1, $2, $3, $4, $5)",
        &[
            (&policy.id).into(),
            i64::from(policy.version).into(),
            policy.sha256().to_vec().into(),
            document.into(),
            at.into(),
        ],
    )
    .await
    .map(drop)
}

pub(super) async fn last_version(tx: &mut Tx, id: &str) -> Result<Option<i64>, StoreError> {
    tx.query_one("SELECT MAX(version) AS version FROM validation_policy WHERE id = $1", &[id.into()])
        .await?
        .int_opt("version")
}

pub(super) async fn by_id(tx: &mut Tx, id: &str, version: u32) -> Result<Option<StoredPolicy>, StoreError> {
    tx.query_opt(
        "SELECT document, sha256 FROM validation_policy WHERE id = $1 AND version = $2",
        &[id.into(), i64::from(version).into()],
    )
    .await?
    .as_ref()
    .map(stored)
    .transpose()
}

pub(super) async fn list(tx: &mut Tx) -> Result<Vec<StoredPolicy>, StoreError> {
    tx.query("SELECT document, sha256 FROM validation_policy ORDER BY created_at, id, version", &[])
        .await?
        .iter()
        .map(stored)
        .collect()
}

pub(super) async fn assign(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    id: &str,
    version: u32,
    at: UnixTime,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO relying_party_policy (relying_party, policy_id, policy_version, assigned_at)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT (relying_party) DO UPDATE
         SET policy_id = excluded.policy_id, policy_version = excluded.policy_version,
             assigned_at = excluded.assigned_at",
        &[relying_party.as_str().into(), id.into(), i64::from(version).into(), at.into()],
    )
    .await
    .map(drop)
}

pub(super) async fn of_relying_party(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
) -> Result<Option<StoredPolicy>, StoreError> {
    tx.query_opt(
        "SELECT document, sha256 FROM validation_policy
         JOIN relying_party_policy ON policy_id = id AND policy_version = version
         WHERE relying_party = $1",
        &[relying_party.as_str().into()],
    )
    .await?
    .as_ref()
    .map(stored)
    .transpose()
}

/// A document that is not the one that was hashed is not used.
fn stored(row: &Row) -> Result<StoredPolicy, StoreError> {
    let policy: ValidationPolicy =
        serde_json::from_str(&row.text("document")?).map_err(|_| StoreError::Corrupt("document"))?;
    let sha256 = policy.sha256();
    if row.blob("sha256")? == sha256 {
        Ok(StoredPolicy { policy, sha256 })
    } else {
        Err(StoreError::Corrupt("sha256"))
    }
}
