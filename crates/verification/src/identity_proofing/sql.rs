//! Identity proofing's only SQL.

use musubi_kernel::UnixTime;
use musubi_platform::consent::ConsentId;
use musubi_platform::relying_party::RelyingPartyId;
use musubi_store::{StoreError, Tx};

use super::{IdentityProofingId, Transaction};
use crate::outcome::{Completed, State};

pub(super) async fn insert(tx: &mut Tx, row: &Transaction) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO identity_proofing (id, relying_party_id, customer_id, purpose, origin, name_ja, name_en, nonce,
                                        document_sha256, created_at, expires_at, state, consent_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        &[
            row.id.as_str().into(),
            row.relying_party.as_str().into(),
            row.customer_id.as_str().into(),
            row.purpose.as_str().into(),
            row.origin.as_str().into(),
            row.name_ja.as_str().into(),
            row.name_en.as_str().into(),
            row.nonce.as_str().into(),
            row.document_sha256.into(),
            row.created_at.into(),
            row.expires_at.into(),
            State::Open.as_str().into(),
            row.consent.as_ref().map(|id| id.as_str().to_owned()).into(),
        ],
    )
    .await
    .map(drop)
}

pub(super) async fn find(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    id: &IdentityProofingId,
) -> Result<Option<Transaction>, StoreError> {
    let row = tx
        .query_opt(
            "SELECT id, relying_party_id, customer_id, purpose, origin, name_ja, name_en, nonce, document_sha256,
                    created_at, expires_at,
                    state, consent_id, person_id, verdict, audit_index, audit_leaf
             FROM identity_proofing WHERE id = $1 AND relying_party_id = $2",
            &[id.as_str().into(), relying_party.as_str().into()],
        )
        .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Transaction {
        id: row.parsed("id")?,
        relying_party: row.parsed("relying_party_id")?,
        customer_id: row.text("customer_id")?,
        purpose: row.text("purpose")?,
        origin: row.text("origin")?,
        name_ja: row.text("name_ja")?,
        name_en: row.text("name_en")?,
        nonce: row.text("nonce")?,
        document_sha256: row
            .blob("document_sha256")?
            .try_into()
            .map_err(|_| StoreError::Corrupt("document_sha256"))?,
        created_at: UnixTime(row.int("created_at")?),
        expires_at: UnixTime(row.int("expires_at")?),
        consent: row
            .text_opt("consent_id")?
            .map(|id| id.parse().map_err(|_| StoreError::Corrupt("consent_id")))
            .transpose()?,
        completed: Completed::from_row(&row)?,
    }))
}

/// Whether the transaction is in the state `from`, open or waiting; it stays so for everyone else until the end of `tx`.
pub(super) async fn hold(tx: &mut Tx, id: &IdentityProofingId, from: State) -> Result<bool, StoreError> {
    let held = tx
        .execute(
            "UPDATE identity_proofing SET state = $2 WHERE id = $1 AND state = $2",
            &[id.as_str().into(), from.as_str().into()],
        )
        .await?;
    Ok(held == 1)
}

/// Refuses a transaction that waits; answers in which state it waited.
pub(super) async fn refuse_awaited(tx: &mut Tx, id: &str, at: UnixTime) -> Result<Option<State>, StoreError> {
    let waiting = tx
        .query_opt(
            "SELECT state FROM identity_proofing WHERE id = $1 AND state IN ('held', 'provisional')",
            &[id.into()],
        )
        .await?;
    let Some(row) = waiting else { return Ok(None) };
    tx.execute(
        "UPDATE identity_proofing SET state = 'refused', completed_at = $2 WHERE id = $1",
        &[id.into(), at.into()],
    )
    .await?;
    row.parsed("state").map(Some)
}

/// Completes the transaction if it is still in the state `from`; `false` if it was completed meanwhile.
pub(super) async fn complete(
    tx: &mut Tx,
    id: &IdentityProofingId,
    from: State,
    completed: &Completed,
    at: UnixTime,
) -> Result<bool, StoreError> {
    let changed = tx
        .execute(
            "UPDATE identity_proofing
             SET state = $2, person_id = $3, verdict = $4, audit_index = $5, audit_leaf = $6, completed_at = $7
             WHERE id = $1 AND state = $8",
            &[
                id.as_str().into(),
                completed.state.as_str().into(),
                completed.person.as_ref().map(|p| p.as_str().to_owned()).into(),
                completed.verdict.to_string().into(),
                completed.audit_index.into(),
                completed.audit_leaf.as_str().into(),
                at.into(),
                from.as_str().into(),
            ],
        )
        .await?;
    Ok(changed == 1)
}

/// Deletes transactions that were never completed and whose time ended before `before`.
pub(crate) async fn delete_abandoned(tx: &mut Tx, before: UnixTime) -> Result<u64, StoreError> {
    tx.execute(
        "DELETE FROM identity_proofing WHERE state = 'open' AND expires_at < $1 AND consent_id IS NULL",
        &[before.into()],
    )
    .await
}

/// Consents of transactions that ended without being accepted: the authority may hold them all the same.
pub(super) async fn orphaned_consents(tx: &mut Tx, at: UnixTime) -> Result<Vec<ConsentId>, StoreError> {
    tx.query(
        "SELECT consent_id FROM identity_proofing
         WHERE consent_id IS NOT NULL AND (state = 'refused' OR (state = 'open' AND expires_at < $1))
         ORDER BY expires_at LIMIT 100",
        &[at.into()],
    )
    .await?
    .iter()
    .map(|row| row.parsed("consent_id"))
    .collect()
}

pub(super) async fn forget_consent(tx: &mut Tx, consent: &ConsentId) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE identity_proofing SET consent_id = NULL WHERE consent_id = $1 AND state <> 'accepted'",
        &[consent.as_str().into()],
    )
    .await
    .map(drop)
}
