//! The only SQL of idempotent requests.

use musubi_crypto::Sha256Digest;
use musubi_kernel::UnixTime;
use musubi_store::{StoreError, Tx};

use super::{IdempotencyKey, Remembered};
use crate::RelyingPartyId;

pub(super) struct Found {
    pub(super) request_sha256: Sha256Digest,
    pub(super) expires_at: UnixTime,
    pub(super) answer: Option<Remembered>,
}

/// Whether the key was free. On PostgreSQL this waits for a transaction that has just claimed it.
pub(super) async fn claim(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    key: &IdempotencyKey,
    request_sha256: &Sha256Digest,
    expires_at: UnixTime,
) -> Result<bool, StoreError> {
    let claimed = tx
        .execute(
            "INSERT INTO idempotency (relying_party, idempotency_key, request_sha256, expires_at)
             VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            &[
                relying_party.as_str().into(),
                key.as_str().into(),
                (*request_sha256).into(),
                expires_at.into(),
            ],
        )
        .await?;
    Ok(claimed == 1)
}

pub(super) async fn find(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    key: &IdempotencyKey,
) -> Result<Option<Found>, StoreError> {
    let found = tx
        .query_opt(
            "SELECT request_sha256, expires_at, status, body FROM idempotency
             WHERE relying_party = $1 AND idempotency_key = $2",
            &[relying_party.as_str().into(), key.as_str().into()],
        )
        .await?;
    let Some(row) = found else { return Ok(None) };
    let answer = match row.int_opt("status")? {
        Some(status) => Some(Remembered {
            status: u16::try_from(status).map_err(|_| StoreError::Corrupt("status"))?,
            body: row.text("body")?,
        }),
        None => None,
    };
    Ok(Some(Found {
        request_sha256: row
            .blob("request_sha256")?
            .try_into()
            .map_err(|_| StoreError::Corrupt("request_sha256"))?,
        expires_at: row.time("expires_at")?,
        answer,
    }))
}

pub(super) async fn remember(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    key: &IdempotencyKey,
    answer: &Remembered,
) -> Result<bool, StoreError> {
    let changed = tx
        .execute(
            "UPDATE idempotency SET status = $3, body = $4
             WHERE relying_party = $1 AND idempotency_key = $2 AND status IS NULL",
            &[
                relying_party.as_str().into(),
                key.as_str().into(),
                i64::from(answer.status).into(),
                (&answer.body).into(),
            ],
        )
        .await?;
    Ok(changed == 1)
}

pub(super) async fn delete_expired_key(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    key: &IdempotencyKey,
    at: UnixTime,
) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM idempotency WHERE relying_party = $1 AND idempotency_key = $2 AND expires_at <= $3",
        &[relying_party.as_str().into(), key.as_str().into(), at.into()],
    )
    .await
    .map(drop)
}

pub(super) async fn purge_expired(tx: &mut Tx, at: UnixTime) -> Result<u64, StoreError> {
    tx.execute("DELETE FROM idempotency WHERE expires_at <= $1", &[at.into()]).await
}
