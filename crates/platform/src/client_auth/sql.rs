//! The only SQL of client authentication.

use musubi_crypto::Sha256Digest;
use musubi_kernel::UnixTime;
use musubi_store::{StoreError, Tx};

use crate::RelyingPartyId;

/// Notes the use of an assertion; false if it was used before.
pub(super) async fn use_assertion(
    tx: &mut Tx,
    client: &RelyingPartyId,
    jti: &str,
    expires_at: UnixTime,
) -> Result<bool, StoreError> {
    let inserted = tx
        .execute(
            "INSERT INTO client_assertion (relying_party, jti, expires_at) VALUES ($1, $2, $3)
             ON CONFLICT DO NOTHING",
            &[client.as_str().into(), jti.into(), expires_at.into()],
        )
        .await?;
    Ok(inserted == 1)
}

pub(super) async fn insert_token(
    tx: &mut Tx,
    token_sha256: &Sha256Digest,
    client: &RelyingPartyId,
    expires_at: UnixTime,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO access_token (token_sha256, relying_party, expires_at) VALUES ($1, $2, $3)",
        &[(*token_sha256).into(), client.as_str().into(), expires_at.into()],
    )
    .await
    .map(drop)
}

pub(super) async fn token_owner(
    tx: &mut Tx,
    token_sha256: &Sha256Digest,
    at: UnixTime,
) -> Result<Option<RelyingPartyId>, StoreError> {
    let found = tx
        .query_opt(
            "SELECT relying_party FROM access_token WHERE token_sha256 = $1 AND expires_at > $2",
            &[(*token_sha256).into(), at.into()],
        )
        .await?;
    found.map(|row| row.parsed("relying_party")).transpose()
}

pub(super) async fn purge(tx: &mut Tx, at: UnixTime) -> Result<u64, StoreError> {
    let tokens = tx.execute("DELETE FROM access_token WHERE expires_at <= $1", &[at.into()]).await?;
    Ok(tokens + tx.execute("DELETE FROM client_assertion WHERE expires_at <= $1", &[at.into()]).await?)
}
