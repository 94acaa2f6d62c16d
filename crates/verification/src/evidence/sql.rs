//! The only SQL of the evidence.

use musubi_store::{StoreError, Tx};

fn signed(index: u64) -> Result<i64, StoreError> {
    i64::try_from(index).map_err(|_| StoreError::Corrupt("audit_index"))
}

pub(super) async fn insert(
    tx: &mut Tx,
    index: u64,
    transaction: &str,
    sealed: &[u8],
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO verdict_evidence (audit_index, transaction_id, sealed) VALUES ($1, $2, $3)",
        &[signed(index)?.into(), transaction.into(), sealed.into()],
    )
    .await
    .map(drop)
}

pub(super) async fn sealed(tx: &mut Tx, index: u64) -> Result<Option<Vec<u8>>, StoreError> {
    let Ok(index) = signed(index) else { return Ok(None) };
    let found =
        tx.query_opt("SELECT sealed FROM verdict_evidence WHERE audit_index = $1", &[index.into()]).await?;
    found.map(|row| row.blob("sealed")).transpose()
}

pub(super) async fn indexes(tx: &mut Tx, transaction: &str) -> Result<Vec<u64>, StoreError> {
    tx.query(
        "SELECT audit_index FROM verdict_evidence WHERE transaction_id = $1 ORDER BY audit_index",
        &[transaction.into()],
    )
    .await?
    .iter()
    .map(|row| u64::try_from(row.int("audit_index")?).map_err(|_| StoreError::Corrupt("audit_index")))
    .collect()
}
