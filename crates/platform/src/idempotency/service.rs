//! The rules of repeated requests.

use musubi_crypto::{Sha256Digest, sha256_parts};
use musubi_kernel::UnixTime;
use musubi_store::{StoreError, Tx};

use super::{Attempt, IdempotencyError, IdempotencyKey, Remembered, sql};
use crate::RelyingPartyId;

/// How long an answer stays, in seconds.
const KEPT: i64 = 24 * 3600;

/// Claims `key` for this request, or tells what became of it. `route` is the path with its ids filled in.
///
/// # Errors
/// [`IdempotencyError::Reused`] if the key belongs to another request; otherwise [`IdempotencyError::Store`].
pub async fn begin(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    key: &IdempotencyKey,
    route: &str,
    body_sha256: &Sha256Digest,
    at: UnixTime,
) -> Result<Attempt, IdempotencyError> {
    sql::delete_expired_key(tx, relying_party, key, at).await?;
    let request = request_sha256(route, body_sha256);
    if sql::claim(tx, relying_party, key, &request, at.plus(KEPT)).await? {
        return Ok(Attempt::Fresh);
    }
    judge(sql::find(tx, relying_party, key).await?, &request, at)
}

/// As [`begin`], but claims nothing: for a look before work that cannot be done inside the transaction.
///
/// # Errors
/// As [`begin`].
pub async fn recall(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    key: &IdempotencyKey,
    route: &str,
    body_sha256: &Sha256Digest,
    at: UnixTime,
) -> Result<Attempt, IdempotencyError> {
    judge(sql::find(tx, relying_party, key).await?, &request_sha256(route, body_sha256), at)
}

/// Stores the answer to replay, in the transaction that began the attempt. The caller strips attributes.
///
/// # Errors
/// [`StoreError::Corrupt`] if the attempt was not begun or has an answer; otherwise [`StoreError`].
pub async fn remember(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    key: &IdempotencyKey,
    answer: &Remembered,
) -> Result<(), StoreError> {
    if sql::remember(tx, relying_party, key, answer).await? {
        Ok(())
    } else {
        Err(StoreError::Corrupt("idempotency"))
    }
}

/// Deletes the answers that have expired; answers how many.
///
/// # Errors
/// [`StoreError`].
pub async fn purge_expired(tx: &mut Tx, at: UnixTime) -> Result<u64, StoreError> {
    sql::purge_expired(tx, at).await
}

fn judge(
    found: Option<sql::Found>,
    request: &Sha256Digest,
    at: UnixTime,
) -> Result<Attempt, IdempotencyError> {
    match found {
        Some(found) if found.expires_at <= at => Ok(Attempt::Fresh),
        Some(found) if found.request_sha256 != *request => Err(IdempotencyError::Reused),
        Some(sql::Found { answer: Some(answer), .. }) => Ok(Attempt::Replay(answer)),
        // Begun, committed, never answered: its handler changed nothing worth remembering.
        Some(sql::Found { answer: None, .. }) | None => Ok(Attempt::Fresh),
    }
}

fn request_sha256(route: &str, body_sha256: &Sha256Digest) -> Sha256Digest {
    // The digest has a fixed length: the two parts cannot flow into one another.
    sha256_parts(&[body_sha256, route.as_bytes()])
}
