//! The poll's only SQL.

use musubi_kernel::UnixTime;
use musubi_platform::RelyingPartyId;
use musubi_store::{Row, StoreError, Target, Tx};

const AHEAD: Target =
    Target { table: "stream_acknowledged_ahead", columns: &["relying_party_id", "sequence"] };

fn signed(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| StoreError::Corrupt("sequence"))
}

fn unsigned(row: &Row, column: &'static str) -> Result<u64, StoreError> {
    u64::try_from(row.int(column)?).map_err(|_| StoreError::Corrupt(column))
}

pub(super) async fn floor(tx: &mut Tx, relying_party: &RelyingPartyId) -> Result<u64, StoreError> {
    let row = tx
        .query_opt(
            "SELECT floor FROM stream_acknowledged WHERE relying_party_id = $1",
            &[relying_party.as_str().into()],
        )
        .await?;
    row.map_or(Ok(0), |row| unsigned(&row, "floor"))
}

/// The floor, locked until the transaction ends.
pub(super) async fn lock_floor(tx: &mut Tx, relying_party: &RelyingPartyId) -> Result<u64, StoreError> {
    let row = tx
        .query_one(
            "INSERT INTO stream_acknowledged (relying_party_id, floor) VALUES ($1, 0)
             ON CONFLICT (relying_party_id) DO UPDATE SET floor = stream_acknowledged.floor
             RETURNING floor",
            &[relying_party.as_str().into()],
        )
        .await?;
    unsigned(&row, "floor")
}

pub(super) async fn move_floor(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    floor: u64,
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE stream_acknowledged SET floor = $2 WHERE relying_party_id = $1",
        &[relying_party.as_str().into(), signed(floor)?.into()],
    )
    .await?;
    tx.execute(
        "DELETE FROM stream_acknowledged_ahead WHERE relying_party_id = $1 AND sequence <= $2",
        &[relying_party.as_str().into(), signed(floor)?.into()],
    )
    .await
    .map(drop)
}

/// The acknowledged numbers beyond the floor, in order.
pub(super) async fn ahead(tx: &mut Tx, relying_party: &RelyingPartyId) -> Result<Vec<u64>, StoreError> {
    tx.query(
        "SELECT sequence FROM stream_acknowledged_ahead WHERE relying_party_id = $1 ORDER BY sequence",
        &[relying_party.as_str().into()],
    )
    .await?
    .iter()
    .map(|row| unsigned(row, "sequence"))
    .collect()
}

pub(super) async fn insert_ahead(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    sequences: &[u64],
) -> Result<(), StoreError> {
    let mut rows = Vec::with_capacity(sequences.len());
    for sequence in sequences {
        rows.push(vec![relying_party.as_str().into(), signed(*sequence)?.into()]);
    }
    tx.insert_many(AHEAD, rows).await.map(drop)
}

pub(super) async fn insert_error(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    sequence: u64,
    error: &str,
    at: UnixTime,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO stream_set_error (relying_party_id, sequence, error, at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (relying_party_id, sequence) DO NOTHING",
        &[relying_party.as_str().into(), signed(sequence)?.into(), error.into(), at.into()],
    )
    .await
    .map(drop)
}
