//! The only SQL of metering.

use musubi_kernel::Date;
use musubi_store::{StoreError, Tx};

use super::Item;
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
