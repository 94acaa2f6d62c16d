//! The only SQL of the console's sign-ins.

use musubi_crypto::Sha256Digest;
use musubi_kernel::UnixTime;
use musubi_store::{StoreError, Tx};

pub(super) async fn insert(tx: &mut Tx, token: &Sha256Digest, ends_at: UnixTime) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO console_session (token_hmac, ends_at) VALUES ($1, $2)",
        &[(*token).into(), ends_at.into()],
    )
    .await
    .map(drop)
}

pub(super) async fn is_open(tx: &mut Tx, token: &Sha256Digest, at: UnixTime) -> Result<bool, StoreError> {
    let found = tx
        .query_opt(
            "SELECT ends_at FROM console_session WHERE token_hmac = $1 AND ends_at > $2",
            &[(*token).into(), at.into()],
        )
        .await?;
    Ok(found.is_some())
}

pub(super) async fn delete(tx: &mut Tx, token: &Sha256Digest) -> Result<bool, StoreError> {
    Ok(tx.execute("DELETE FROM console_session WHERE token_hmac = $1", &[(*token).into()]).await? > 0)
}

pub(super) async fn purge(tx: &mut Tx, at: UnixTime) -> Result<u64, StoreError> {
    tx.execute("DELETE FROM console_session WHERE ends_at <= $1", &[at.into()]).await
}
