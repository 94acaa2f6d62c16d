//! The only SQL of portal sessions.

use musubi_crypto::Sha256Digest;
use musubi_kernel::UnixTime;
use musubi_store::{StoreError, Tx};

use super::Session;
use crate::PersonId;

pub(super) async fn insert(
    tx: &mut Tx,
    token_sha256: &Sha256Digest,
    session: &Session,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO portal_session (token_sha256, person, opened_at, seen_at) VALUES ($1, $2, $3, $4)",
        &[
            (*token_sha256).into(),
            session.person.as_str().into(),
            session.opened_at.into(),
            session.seen_at.into(),
        ],
    )
    .await
    .map(drop)
}

pub(super) async fn find(tx: &mut Tx, token_sha256: &Sha256Digest) -> Result<Option<Session>, StoreError> {
    let found = tx
        .query_opt(
            "SELECT person, opened_at, seen_at FROM portal_session WHERE token_sha256 = $1",
            &[(*token_sha256).into()],
        )
        .await?;
    found
        .map(|row| {
            Ok(Session {
                person: row.parsed("person")?,
                opened_at: row.time("opened_at")?,
                seen_at: row.time("seen_at")?,
            })
        })
        .transpose()
}

pub(super) async fn touch(tx: &mut Tx, token_sha256: &Sha256Digest, at: UnixTime) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE portal_session SET seen_at = $2 WHERE token_sha256 = $1 AND seen_at < $2",
        &[(*token_sha256).into(), at.into()],
    )
    .await
    .map(drop)
}

pub(super) async fn delete(tx: &mut Tx, token_sha256: &Sha256Digest) -> Result<Option<PersonId>, StoreError> {
    let deleted = tx
        .query_opt(
            "DELETE FROM portal_session WHERE token_sha256 = $1 RETURNING person",
            &[(*token_sha256).into()],
        )
        .await?;
    deleted.map(|row| row.parsed("person")).transpose()
}

pub(super) async fn purge(
    tx: &mut Tx,
    unused_since: UnixTime,
    opened_by: UnixTime,
) -> Result<u64, StoreError> {
    tx.execute(
        "DELETE FROM portal_session WHERE seen_at <= $1 OR opened_at <= $2",
        &[unused_since.into(), opened_by.into()],
    )
    .await
}
