//! The rules of reading: a month of one relying party.

use musubi_store::{StoreError, Tx};

use super::{FeeTable, Month, MonthlyReport, sql};
use crate::RelyingPartyId;

/// Most rows by purpose in a report. Purposes are the relying party's own words: there may be any number.
const MAX_PURPOSES: usize = 500;

/// What was done for a relying party in a month, and what it costs.
///
/// # Errors
/// [`StoreError`].
pub async fn monthly_report(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    month: Month,
    fees: &FeeTable,
) -> Result<MonthlyReport, StoreError> {
    let counts = sql::by_day(tx, relying_party, month).await?;
    let limit = u32::try_from(MAX_PURPOSES + 1).unwrap_or(u32::MAX);
    let mut purposes = sql::by_purpose(tx, relying_party, month, limit).await?;
    let left_out = purposes.len() > MAX_PURPOSES;
    purposes.truncate(MAX_PURPOSES);
    Ok(MonthlyReport::new(month, &counts, (purposes, left_out), fees))
}
