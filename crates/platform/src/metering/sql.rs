//! The only SQL of metering.

use musubi_kernel::Date;
use musubi_store::{Row, StoreError, Tx};

use super::{DayCount, Item, Month, PurposeCount, item_of};
use crate::RelyingPartyId;

/// `20260401` for the first of April 2026.
fn number_of(day: Date) -> i64 {
    i64::from(day.year()) * 10_000 + i64::from(day.month()) * 100 + i64::from(day.day())
}

pub(super) async fn add(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    purpose: &str,
    item: Item,
    n: i64,
    day: Date,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO metering (relying_party_id, day, purpose, item, count) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (relying_party_id, day, purpose, item) DO UPDATE SET count = metering.count + excluded.count",
        &[relying_party.as_str().into(), number_of(day).into(), purpose.into(), item.name.into(), n.into()],
    )
    .await
    .map(drop)
}

fn counted(row: &Row) -> Result<(Item, u64), StoreError> {
    let item = item_of(&row.text("item")?).ok_or(StoreError::Corrupt("item"))?;
    Ok((item, u64::try_from(row.int("count")?).map_err(|_| StoreError::Corrupt("count"))?))
}

/// By item and day: at most 31 rows for each item.
pub(super) async fn by_day(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    month: Month,
) -> Result<Vec<DayCount>, StoreError> {
    let first = month.number() * 100;
    // PostgreSQL sums 64-bit integers to a numeric; the cast brings them back.
    tx.query(
        "SELECT item, day, CAST(SUM(count) AS BIGINT) AS count FROM metering
         WHERE relying_party_id = $1 AND day > $2 AND day < $3 GROUP BY item, day ORDER BY item, day",
        &[relying_party.as_str().into(), first.into(), (first + 100).into()],
    )
    .await?
    .iter()
    .map(|row| {
        let (item, count) = counted(row)?;
        let day = u8::try_from(row.int("day")? - first).ok().and_then(|day| month.day(day));
        Ok(DayCount { item, day: day.ok_or(StoreError::Corrupt("day"))?, count })
    })
    .collect()
}

/// By purpose and item, at most `limit` rows.
pub(super) async fn by_purpose(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    month: Month,
    limit: u32,
) -> Result<Vec<PurposeCount>, StoreError> {
    let first = month.number() * 100;
    tx.query(
        "SELECT purpose, item, CAST(SUM(count) AS BIGINT) AS count FROM metering
         WHERE relying_party_id = $1 AND day > $2 AND day < $3
         GROUP BY purpose, item ORDER BY purpose, item LIMIT $4",
        &[relying_party.as_str().into(), first.into(), (first + 100).into(), limit.into()],
    )
    .await?
    .iter()
    .map(|row| {
        let (item, count) = counted(row)?;
        Ok(PurposeCount { purpose: row.text("purpose")?, item, count })
    })
    .collect()
}
