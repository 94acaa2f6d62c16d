//! The only SQL of the operator's figures: reads tables of `verification` and `platform`, writes none.

use std::collections::BTreeMap;

use musubi_console::{Contract, DayTotal, ListFigure, SizePoint, StreamFigure, StreamState};
use musubi_kernel::{Date, UnixTime};
use musubi_platform::metering::{CHANGE_EVENT, CORRECTION};
use musubi_store::{Row, StoreError, Tx};

fn unsigned(row: &Row, column: &'static str) -> Result<u64, StoreError> {
    u64::try_from(row.int(column)?).map_err(|_| StoreError::Corrupt(column))
}

/// The list with the highest number of each authority and generation.
pub(super) async fn newest_lists(tx: &mut Tx) -> Result<Vec<ListFigure>, StoreError> {
    tx.query(
        "SELECT authority, key_id, number, this_update, next_update, entries, taken_in_at FROM revocation_list AS held
         WHERE scope = '' AND NOT EXISTS (
           SELECT 1 FROM revocation_list AS newer WHERE newer.authority = held.authority
             AND newer.key_id = held.key_id AND newer.scope = held.scope AND newer.number > held.number)
         ORDER BY authority, key_id",
        &[],
    )
    .await?
    .iter()
    .map(|row| {
        Ok(ListFigure {
            authority: row.text("authority")?,
            key_id: row.text("key_id")?,
            number: unsigned(row, "number")?,
            this_update: row.time("this_update")?,
            next_update: row.time("next_update")?,
            entries: unsigned(row, "entries")?,
            taken_in_at: row.time("taken_in_at")?,
        })
    })
    .collect()
}

/// How old evidence may be by the contracts: the strictest of each relying party.
pub(super) async fn contracts(tx: &mut Tx) -> Result<Vec<Contract>, StoreError> {
    let mut strictest: BTreeMap<String, i64> = BTreeMap::new();
    for row in tx.query("SELECT relying_party_id, document FROM freshness_contract", &[]).await? {
        let document: serde_json::Value =
            serde_json::from_str(&row.text("document")?).map_err(|_| StoreError::Corrupt("document"))?;
        let limit = document.get("max_age_seconds").and_then(serde_json::Value::as_i64);
        let limit = limit.ok_or(StoreError::Corrupt("document"))?;
        strictest
            .entry(row.text("relying_party_id")?)
            .and_modify(|most| *most = limit.min(*most))
            .or_insert(limit);
    }
    let mut counts: BTreeMap<i64, u64> = BTreeMap::new();
    for limit in strictest.into_values() {
        *counts.entry(limit).or_default() += 1;
    }
    let contract = |(max_age_seconds, relying_parties)| Contract { max_age_seconds, relying_parties };
    Ok(counts.into_iter().map(contract).collect())
}

/// The newest `most` sizes since then, in the order of time.
pub(super) async fn list_sizes(
    tx: &mut Tx,
    since: UnixTime,
    most: u32,
) -> Result<Vec<SizePoint>, StoreError> {
    let rows = tx
        .query(
            "SELECT authority, key_id, this_update, entries FROM revocation_list WHERE scope = '' AND this_update >= $1
             ORDER BY this_update DESC, authority, key_id LIMIT $2",
            &[since.into(), most.into()],
        )
        .await?;
    let point = |row: &Row| {
        Ok(SizePoint {
            authority: row.text("authority")?,
            key_id: row.text("key_id")?,
            at: row.time("this_update")?,
            entries: unsigned(row, "entries")?,
        })
    };
    rows.iter().rev().map(point).collect()
}

/// From the counts of metering: the entries themselves are many millions.
pub(super) async fn events_per_day(tx: &mut Tx, since: Date) -> Result<Vec<DayTotal>, StoreError> {
    let first = i64::from(since.year()) * 10_000 + i64::from(since.month()) * 100 + i64::from(since.day());
    tx.query(
        "SELECT day, CAST(SUM(count) AS BIGINT) AS total FROM metering
         WHERE day >= $1 AND (item = $2 OR item = $3) GROUP BY day ORDER BY day",
        &[first.into(), CHANGE_EVENT.name.into(), CORRECTION.name.into()],
    )
    .await?
    .iter()
    .map(|row| {
        let number = row.int("day")?;
        let part = |value: i64| u8::try_from(value % 100).unwrap_or(0);
        let year = i32::try_from(number / 10_000).map_err(|_| StoreError::Corrupt("day"))?;
        let day =
            Date::new(year, part(number / 100), part(number)).map_err(|_| StoreError::Corrupt("day"))?;
        Ok(DayTotal { day, count: unsigned(row, "total")? })
    })
    .collect()
}

/// Every stream with the names of its relying party.
pub(super) async fn streams(tx: &mut Tx) -> Result<Vec<StreamFigure>, StoreError> {
    tx.query(
        "SELECT s.relying_party_id, s.last, s.customers, r.name_ja, r.name_en FROM change_stream AS s
         JOIN relying_party AS r ON r.id = s.relying_party_id ORDER BY s.relying_party_id",
        &[],
    )
    .await?
    .iter()
    .map(|row| {
        Ok(StreamFigure {
            relying_party: row.parsed("relying_party_id")?,
            name_ja: row.text("name_ja")?,
            name_en: row.text("name_en")?,
            head: unsigned(row, "last")?,
            customers: unsigned(row, "customers")?,
            delivered: None,
            oldest_undelivered_at: None,
            dead_letters: 0,
            state: StreamState::Fetched,
        })
    })
    .collect()
}
