//! The change stream's only SQL.

use musubi_feed::Position;
use musubi_kernel::UnixTime;
use musubi_store::{Row, StoreError, Target, Tx, Value};

use super::{Head, NewEntry, StoredEntry};
use crate::{PersonId, RelyingPartyId};

const ENTRIES: Target = Target {
    table: "change_stream_entry",
    columns: &["relying_party_id", "sequence", "event", "person_id", "recorded_at", "token"],
};

fn signed(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| StoreError::Corrupt("sequence"))
}

fn unsigned(row: &Row, column: &'static str) -> Result<u64, StoreError> {
    u64::try_from(row.int(column)?).map_err(|_| StoreError::Corrupt(column))
}

fn position(row: &Row) -> Result<Position, StoreError> {
    let hash = row.blob("hash")?.try_into().map_err(|_| StoreError::Corrupt("hash"))?;
    Ok(Position { sequence: unsigned(row, "last")?, hash })
}

/// The head, locked until the transaction ends; a new stream begins at `start`.
pub(super) async fn lock(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    start: &Position,
) -> Result<Position, StoreError> {
    let row = tx
        .query_one(
            "INSERT INTO change_stream (relying_party_id, last, hash) VALUES ($1, 0, $2)
             ON CONFLICT (relying_party_id) DO UPDATE SET last = change_stream.last
             RETURNING last, hash",
            &[relying_party.as_str().into(), start.hash.into()],
        )
        .await?;
    position(&row)
}

pub(super) async fn move_head(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    last: &Position,
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE change_stream SET last = $2, hash = $3 WHERE relying_party_id = $1",
        &[relying_party.as_str().into(), signed(last.sequence)?.into(), last.hash.into()],
    )
    .await
    .map(drop)
}

pub(super) async fn count_customers(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    start: &Position,
    by: i64,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO change_stream (relying_party_id, last, hash, customers) VALUES ($1, 0, $2, $3)
         ON CONFLICT (relying_party_id) DO UPDATE SET customers = change_stream.customers + excluded.customers",
        &[relying_party.as_str().into(), start.hash.into(), by.into()],
    )
    .await
    .map(drop)
}

pub(super) async fn head(tx: &mut Tx, relying_party: &RelyingPartyId) -> Result<Option<Head>, StoreError> {
    tx.query_opt(
        "SELECT last, hash, customers FROM change_stream WHERE relying_party_id = $1",
        &[relying_party.as_str().into()],
    )
    .await?
    .map(|row| Ok(Head { last: position(&row)?, customers: unsigned(&row, "customers")? }))
    .transpose()
}

pub(super) async fn heads(tx: &mut Tx) -> Result<Vec<(RelyingPartyId, u64)>, StoreError> {
    tx.query("SELECT relying_party_id, last FROM change_stream", &[])
        .await?
        .iter()
        .map(|row| Ok((row.parsed("relying_party_id")?, unsigned(row, "last")?)))
        .collect()
}

pub(super) async fn size(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    after: u64,
    last: u64,
) -> Result<u64, StoreError> {
    let row = tx
        .query_one(
            "SELECT CAST(COALESCE(SUM(LENGTH(token)), 0) AS BIGINT) AS size FROM change_stream_entry
             WHERE relying_party_id = $1 AND sequence > $2 AND sequence <= $3",
            &[relying_party.as_str().into(), signed(after)?.into(), signed(last)?.into()],
        )
        .await?;
    unsigned(&row, "size")
}

pub(super) fn row(
    entry: &NewEntry,
    sequence: u64,
    at: UnixTime,
    token: String,
) -> Result<Vec<Value>, StoreError> {
    Ok(vec![
        entry.relying_party.as_str().into(),
        signed(sequence)?.into(),
        entry.event.name().into(),
        entry.person.as_ref().map(PersonId::as_str).into(),
        at.into(),
        token.into(),
    ])
}

pub(super) async fn insert(tx: &mut Tx, rows: Vec<Vec<Value>>) -> Result<(), StoreError> {
    tx.insert_many(ENTRIES, rows).await.map(drop)
}

pub(super) async fn after(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    after: u64,
    limit: u32,
) -> Result<Vec<StoredEntry>, StoreError> {
    tx.query(
        "SELECT sequence, event, person_id, recorded_at, token FROM change_stream_entry
         WHERE relying_party_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3",
        &[relying_party.as_str().into(), signed(after)?.into(), limit.into()],
    )
    .await?
    .iter()
    .map(|row| {
        let person = row.text_opt("person_id")?.map(|id| id.parse());
        Ok(StoredEntry {
            sequence: unsigned(row, "sequence")?,
            event: row.text("event")?,
            person: person.transpose().map_err(|_| StoreError::Corrupt("person_id"))?,
            recorded_at: row.time("recorded_at")?,
            token: row.text("token")?,
        })
    })
    .collect()
}
