//! The entitlement check's only SQL.

use musubi_kernel::UnixTime;
use musubi_platform::relying_party::RelyingPartyId;
use musubi_store::{StoreError, Tx};

use super::{EntitlementCheckId, Transaction};
use crate::outcome::{Completed, State};

pub(super) async fn insert(tx: &mut Tx, row: &Transaction) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO entitlement_check (id, relying_party_id, purpose, nonce, created_at, expires_at, state)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            row.id.as_str().into(),
            row.relying_party.as_str().into(),
            row.purpose.as_str().into(),
            row.nonce.as_str().into(),
            row.created_at.into(),
            row.expires_at.into(),
            State::Open.as_str().into(),
        ],
    )
    .await
    .map(drop)
}

pub(super) async fn find(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    id: &EntitlementCheckId,
) -> Result<Option<Transaction>, StoreError> {
    let row = tx
        .query_opt(
            "SELECT id, relying_party_id, purpose, nonce, created_at, expires_at, state, person_id, verdict,
                    audit_index, audit_leaf
             FROM entitlement_check WHERE id = $1 AND relying_party_id = $2",
            &[id.as_str().into(), relying_party.as_str().into()],
        )
        .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Transaction {
        id: row.parsed("id")?,
        relying_party: row.parsed("relying_party_id")?,
        purpose: row.text("purpose")?,
        nonce: row.text("nonce")?,
        created_at: UnixTime(row.int("created_at")?),
        expires_at: UnixTime(row.int("expires_at")?),
        completed: Completed::from_row(&row)?,
    }))
}

/// Whether the check is still open; it stays so for everyone else until the end of `tx`.
pub(super) async fn hold_open(tx: &mut Tx, id: &EntitlementCheckId) -> Result<bool, StoreError> {
    let held = tx
        .execute(
            "UPDATE entitlement_check SET state = 'open' WHERE id = $1 AND state = 'open'",
            &[id.as_str().into()],
        )
        .await?;
    Ok(held == 1)
}

/// Completes the check if it is still open; `false` if it was completed meanwhile.
pub(super) async fn complete(
    tx: &mut Tx,
    id: &EntitlementCheckId,
    completed: &Completed,
    at: UnixTime,
) -> Result<bool, StoreError> {
    let changed = tx
        .execute(
            "UPDATE entitlement_check
             SET state = $2, person_id = $3, verdict = $4, audit_index = $5, audit_leaf = $6, completed_at = $7
             WHERE id = $1 AND state = 'open'",
            &[
                id.as_str().into(),
                completed.state.as_str().into(),
                completed.person.as_ref().map(|p| p.as_str().to_owned()).into(),
                completed.verdict.to_string().into(),
                completed.audit_index.into(),
                completed.audit_leaf.as_str().into(),
                at.into(),
            ],
        )
        .await?;
    Ok(changed == 1)
}

/// Deletes transactions that were never completed and whose time ended before `before`.
pub(crate) async fn delete_abandoned(tx: &mut Tx, before: UnixTime) -> Result<u64, StoreError> {
    tx.execute("DELETE FROM entitlement_check WHERE state = 'open' AND expires_at < $1", &[before.into()])
        .await
}
