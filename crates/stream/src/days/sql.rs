//! The daily files' only SQL.

use musubi_feed::Position;
use musubi_platform::RelyingPartyId;
use musubi_store::{Row, StoreError, Tx};

use super::{ClosedDay, date};

fn signed(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| StoreError::Corrupt("sequence"))
}

fn unsigned(row: &Row, column: &'static str) -> Result<u64, StoreError> {
    u64::try_from(row.int(column)?).map_err(|_| StoreError::Corrupt(column))
}

fn position(row: &Row, sequence: &'static str, hash: &'static str) -> Result<Position, StoreError> {
    let bytes = row.blob(hash)?.try_into().map_err(|_| StoreError::Corrupt(hash))?;
    Ok(Position { sequence: unsigned(row, sequence)?, hash: bytes })
}

fn closed(row: &Row) -> Result<ClosedDay, StoreError> {
    Ok(ClosedDay {
        day: date(&row.text("day")?).ok_or(StoreError::Corrupt("day"))?,
        before: position(row, "before", "before_hash")?,
        last: position(row, "last", "last_hash")?,
        size: unsigned(row, "size")?,
        closed_at: row.time("closed_at")?,
    })
}

pub(super) async fn newest(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
) -> Result<Option<ClosedDay>, StoreError> {
    tx.query_opt(
        "SELECT day, before, before_hash, last, last_hash, size, closed_at FROM stream_day
         WHERE relying_party_id = $1 ORDER BY day DESC LIMIT 1",
        &[relying_party.as_str().into()],
    )
    .await?
    .as_ref()
    .map(closed)
    .transpose()
}

pub(super) async fn find(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    day: &str,
) -> Result<Option<ClosedDay>, StoreError> {
    tx.query_opt(
        "SELECT day, before, before_hash, last, last_hash, size, closed_at FROM stream_day
         WHERE relying_party_id = $1 AND day = $2",
        &[relying_party.as_str().into(), day.into()],
    )
    .await?
    .as_ref()
    .map(closed)
    .transpose()
}

pub(super) async fn list(tx: &mut Tx, relying_party: &RelyingPartyId) -> Result<Vec<ClosedDay>, StoreError> {
    tx.query(
        "SELECT day, before, before_hash, last, last_hash, size, closed_at FROM stream_day
         WHERE relying_party_id = $1 ORDER BY day",
        &[relying_party.as_str().into()],
    )
    .await?
    .iter()
    .map(closed)
    .collect()
}

/// Does nothing if another process closed the day first.
pub(super) async fn insert(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    day: &ClosedDay,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO stream_day (relying_party_id, day, before, before_hash, last, last_hash, size, closed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (relying_party_id, day) DO NOTHING",
        &[
            relying_party.as_str().into(),
            day.day.to_string().into(),
            signed(day.before.sequence)?.into(),
            day.before.hash.into(),
            signed(day.last.sequence)?.into(),
            day.last.hash.into(),
            signed(day.size)?.into(),
            day.closed_at.into(),
        ],
    )
    .await
    .map(drop)
}
