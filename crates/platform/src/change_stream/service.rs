//! The rules of the sequence: append, read.

use std::collections::BTreeMap;

use musubi_feed::{CORRECTION, Position, STREAM_UPDATED, Stream, VERIFICATION, seal_entry};
use musubi_kernel::UnixTime;
use musubi_store::{StoreError, Tx};

use super::{Head, NewEntry, StoredEntry, sql};
use crate::{Context, RelyingPartyId, metering};

/// The name of a relying party's stream: issuer and audience of its tokens.
#[must_use]
pub fn stream_of(context: &Context, relying_party: &RelyingPartyId) -> Stream {
    Stream { issuer: context.api_origin.clone(), audience: relying_party.as_str().to_owned() }
}

/// Appends one entry; answers its number. Until the transaction ends, other appends to the same stream wait.
///
/// # Errors
/// [`StoreError`].
pub async fn append(
    tx: &mut Tx,
    context: &Context,
    entry: NewEntry,
    at: UnixTime,
) -> Result<u64, StoreError> {
    append_all(tx, context, vec![entry], at).await?.pop().ok_or(StoreError::Corrupt("sequence"))
}

/// Appends entries, those of one relying party in the given order; answers their numbers in that order. Streams are
/// locked in the order of their relying parties, so that two transactions never wait for one another crosswise.
///
/// # Errors
/// [`StoreError`].
#[tracing::instrument(name = "events.append", skip_all, fields(entries = entries.len()))]
pub async fn append_all(
    tx: &mut Tx,
    context: &Context,
    entries: Vec<NewEntry>,
    at: UnixTime,
) -> Result<Vec<u64>, StoreError> {
    let mut heads: BTreeMap<RelyingPartyId, (Stream, Position)> = BTreeMap::new();
    for entry in &entries {
        if !heads.contains_key(&entry.relying_party) {
            let stream = stream_of(context, &entry.relying_party);
            let start = stream.start();
            heads.insert(entry.relying_party.clone(), (stream, start));
        }
    }
    for (relying_party, (stream, last)) in &mut heads {
        *last = sql::lock(tx, relying_party, &stream.start()).await?;
    }
    let mut counts: BTreeMap<(RelyingPartyId, String, &str), i64> = BTreeMap::new();
    let mut numbers = Vec::with_capacity(entries.len());
    let mut rows = Vec::with_capacity(entries.len());
    for entry in entries {
        let (stream, last) = heads.get_mut(&entry.relying_party).ok_or(StoreError::Corrupt("stream"))?;
        let (token, position) = seal_entry(stream, last, &entry.event, at, &context.signing_key);
        *last = position;
        let purpose = entry.event.body.get("purpose").and_then(serde_json::Value::as_str).unwrap_or_default();
        let counted = (entry.relying_party.clone(), purpose.to_owned(), entry.event.name());
        *counts.entry(counted).or_default() += 1;
        numbers.push(position.sequence);
        rows.push(sql::row(&entry, position.sequence, at, token)?);
    }
    sql::insert(tx, rows).await?;
    for (relying_party, (_, last)) in &heads {
        sql::move_head(tx, relying_party, last).await?;
    }
    for ((relying_party, purpose, event), count) in &counts {
        if let Some(item) = metered(event) {
            metering::count(tx, relying_party, purpose, item, *count, at).await?;
        }
        musubi_telemetry::events_appended(event, u64::try_from(*count).unwrap_or(0));
    }
    Ok(numbers)
}

/// What an entry counts as in the monthly report; what tells of the stream itself is not counted.
fn metered(event: &str) -> Option<metering::Item> {
    match event {
        _ if event == VERIFICATION.name || event == STREAM_UPDATED.name => None,
        _ if event == CORRECTION.name => Some(metering::CORRECTION),
        _ => Some(metering::CHANGE_EVENT),
    }
}

/// Where the stream of a relying party stands. Of one that was never told anything: at its start.
///
/// # Errors
/// [`StoreError`].
pub async fn head(
    tx: &mut Tx,
    context: &Context,
    relying_party: &RelyingPartyId,
) -> Result<Head, StoreError> {
    let start = stream_of(context, relying_party).start();
    Ok(sql::head(tx, relying_party).await?.unwrap_or(Head { last: start, customers: 0 }))
}

/// The entries after number `after`, in order, at most `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn after(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    after: u64,
    limit: u32,
) -> Result<Vec<StoredEntry>, StoreError> {
    sql::after(tx, relying_party, after, limit).await
}

/// The last number of every stream: what whoever waits for new entries looks at, once for all of them.
///
/// # Errors
/// [`StoreError`].
pub async fn heads(tx: &mut Tx) -> Result<Vec<(RelyingPartyId, u64)>, StoreError> {
    sql::heads(tx).await
}

/// How many bytes the tokens of the entries after `after` up to `last` have together.
///
/// # Errors
/// [`StoreError`].
pub async fn size(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    after: u64,
    last: u64,
) -> Result<u64, StoreError> {
    sql::size(tx, relying_party, after, last).await
}

/// Counts watched customers that came (positive) or went (negative).
///
/// # Errors
/// [`StoreError`].
pub async fn customers_changed(
    tx: &mut Tx,
    context: &Context,
    relying_party: &RelyingPartyId,
    by: i64,
) -> Result<(), StoreError> {
    let start = stream_of(context, relying_party).start();
    sql::count_customers(tx, relying_party, &start, by).await
}
