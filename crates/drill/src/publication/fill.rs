//! The registrations of a nation, written straight into the tables: what identity proofing and bulk registration would leave
//! behind, without a card for everybody.

use std::time::Instant;

use musubi_crypto::{ClientKey, JwkSet};
use musubi_kernel::UnixTime;
use musubi_platform::relying_party::{self, NewRelyingParty, RelyingPartyId};
use musubi_platform::{Context, change_stream};
use musubi_store::StoreError;

use super::sql;

/// Customers written in one transaction.
const BATCH: u64 = 100_000;

/// A customer: which of the nation's certificates are theirs, and whose customer they are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Customer {
    pub(super) number: u64,
    pub(super) signature: u32,
    pub(super) authentication: u32,
    pub(super) relying_party: usize,
}

/// Registers relying parties, all with one key.
pub(super) async fn relying_parties(
    context: &Context,
    count: usize,
    at: UnixTime,
) -> Result<Vec<RelyingPartyId>, super::Error> {
    let key = ClientKey::generate().map_err(|_| super::Error::Key)?;
    let key_set = JwkSet::parse(&key.jwk_set()).map_err(|_| super::Error::Key)?;
    let mut all = Vec::with_capacity(count);
    let mut tx = context.db.begin().await?;
    for number in 0..count {
        let new = NewRelyingParty {
            name_ja: format!("訓練事業者{number}"),
            name_en: format!("Drill relying party {number}"),
            origins: vec![format!("https://drill-{number}.example")],
            key_set: key_set.clone(),
        };
        let id = relying_party::register(&mut tx, &new, context.random.as_ref(), at).await;
        all.push(id.map_err(|_| super::Error::Key)?);
    }
    tx.commit().await?;
    Ok(all)
}

/// Writes the customers; `told` hears how many so far.
pub(super) async fn customers(
    context: &Context,
    relying_parties: &[RelyingPartyId],
    customers: impl Iterator<Item = Customer>,
    at: UnixTime,
    mut told: impl FnMut(u64, Instant),
) -> Result<u64, StoreError> {
    let mut counts = vec![0_i64; relying_parties.len()];
    let mut customers = customers.peekable();
    let mut written = 0;
    while customers.peek().is_some() {
        let batch: Vec<Customer> =
            customers.by_ref().take(usize::try_from(BATCH).unwrap_or(usize::MAX)).collect();
        for customer in &batch {
            if let Some(count) = counts.get_mut(customer.relying_party) {
                *count += 1;
            }
        }
        written += u64::try_from(batch.len()).unwrap_or(u64::MAX);
        let mut tx = context.db.begin().await?;
        sql::insert(&mut tx, &batch, relying_parties, at).await?;
        tx.commit().await?;
        told(written, Instant::now());
    }
    let mut tx = context.db.begin().await?;
    for (relying_party, count) in relying_parties.iter().zip(counts) {
        change_stream::customers_changed(&mut tx, context, relying_party, count).await?;
    }
    tx.commit().await?;
    Ok(written)
}
