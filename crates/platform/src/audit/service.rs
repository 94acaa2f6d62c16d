//! The rules of the log: append, read, prove.

use std::collections::BTreeMap;

use musubi_crypto::merkle::{leaf_hash, node_hash};
use musubi_crypto::{Sha256Digest, canonical_json};
use musubi_kernel::{Random, UnixTime};
use musubi_store::{StoreError, Tx};
use serde_json::json;

use super::tree::{self, Cover, Node};
use super::{AUDIT_EVENTS, AuditError, AuditEvent, AuditRecord, Checkpoint, Receipt, sql};
use crate::PersonId;

/// Appends `event` in the caller's transaction. The last thing that a transaction does: until it ends, every other
/// append waits.
///
/// # Errors
/// [`StoreError::Corrupt`] if the kind is not one of [`AUDIT_EVENTS`]; otherwise [`StoreError`] of the database.
pub async fn append(
    tx: &mut Tx,
    event: &AuditEvent,
    random: &dyn Random,
    at: UnixTime,
) -> Result<Receipt, StoreError> {
    append_all(tx, std::slice::from_ref(event), random, at).await?.pop().ok_or(StoreError::Corrupt("size"))
}

/// Appends events, in their order, as [`append`] does each; answers a receipt for each.
///
/// # Errors
/// As [`append`]; then none is appended once the transaction is dropped.
pub async fn append_all(
    tx: &mut Tx,
    events: &[AuditEvent],
    random: &dyn Random,
    at: UnixTime,
) -> Result<Vec<Receipt>, StoreError> {
    if events.iter().any(|event| !AUDIT_EVENTS.iter().any(|kind| kind.name == event.kind)) {
        return Err(StoreError::Corrupt("kind"));
    }
    let Ok(count) = u64::try_from(events.len()) else { return Err(StoreError::Corrupt("size")) };
    if count == 0 {
        return Ok(Vec::new());
    }
    // This update is the lock: from here on, nobody else has these indices.
    let first = sql::grow(tx, count, at).await?;
    let mut receipts = Vec::with_capacity(events.len());
    let mut records = Vec::with_capacity(events.len());
    // Hashes of this batch, which the database does not have yet.
    let mut fresh: BTreeMap<(u32, u64), Sha256Digest> = BTreeMap::new();
    let mut nodes = Vec::new();
    for (index, event) in (first..).zip(events) {
        let record = canonical_json(&json!({
            "version": 1,
            "salt": musubi_kernel::random_body(random),
            "at": at,
            "kind": event.kind,
            "relying_party": event.relying_party,
            "person": event.person,
            "detail": event.detail,
        }));
        let hash = leaf_hash(record.as_bytes());
        records.push(sql::record_row(index, event, at, record, &hash)?);
        receipts.push(Receipt { index, leaf_hash: hash });
        fresh.insert((0, index), hash);
        let mut joined = hash;
        for left in tree::joins(index) {
            let beside = match fresh.get(&(left.level, left.position)) {
                Some(hash) => *hash,
                None => sql::node(tx, left).await?,
            };
            joined = node_hash(&beside, &joined);
            let above = Node { level: left.level + 1, position: left.position >> 1 };
            fresh.insert((above.level, above.position), joined);
            nodes.push(sql::node_row(above, &joined)?);
        }
    }
    sql::insert(tx, records, nodes).await?;
    Ok(receipts)
}

/// Size, root hash and time of the log.
///
/// # Errors
/// [`StoreError`].
pub async fn checkpoint(tx: &mut Tx) -> Result<Checkpoint, StoreError> {
    let (size, at) = sql::head(tx).await?;
    let root_hash = resolve(tx, &tree::cover(0, size)).await?;
    Ok(Checkpoint { size, root_hash, at: (size > 0).then_some(at) })
}

/// The leaf hash at `index` and the proof that the tree of `size` leaves has it there.
///
/// # Errors
/// [`AuditError::OutOfRange`] unless `index < size` and the log has at least `size` leaves.
pub async fn inclusion(
    tx: &mut Tx,
    index: u64,
    size: u64,
) -> Result<(Sha256Digest, Vec<Sha256Digest>), AuditError> {
    if index >= size || size > sql::head(tx).await?.0 {
        return Err(AuditError::OutOfRange);
    }
    let leaf = sql::node(tx, Node { level: 0, position: index }).await?;
    Ok((leaf, resolve_all(tx, &tree::inclusion(index, size)).await?))
}

/// The root hash that the log had when it had `size` leaves.
///
/// # Errors
/// [`AuditError::OutOfRange`] if the log never had so many.
pub async fn root_at(tx: &mut Tx, size: u64) -> Result<Sha256Digest, AuditError> {
    if size > sql::head(tx).await?.0 {
        return Err(AuditError::OutOfRange);
    }
    Ok(resolve(tx, &tree::cover(0, size)).await?)
}

/// The proof that the tree of `to` leaves begins with the tree of `from` leaves.
///
/// # Errors
/// [`AuditError::OutOfRange`] unless `0 < from <= to` and the log has at least `to` leaves.
pub async fn consistency(tx: &mut Tx, from: u64, to: u64) -> Result<Vec<Sha256Digest>, AuditError> {
    if from == 0 || from > to || to > sql::head(tx).await?.0 {
        return Err(AuditError::OutOfRange);
    }
    Ok(resolve_all(tx, &tree::consistency(from, to)).await?)
}

/// The record at `index`.
///
/// # Errors
/// [`StoreError`].
pub async fn record(tx: &mut Tx, index: u64) -> Result<Option<AuditRecord>, StoreError> {
    sql::record(tx, index).await
}

/// The latest `limit` records that concern `person`, the latest first; with `before`, only those before that index.
///
/// # Errors
/// [`StoreError`].
pub async fn by_person(
    tx: &mut Tx,
    person: &PersonId,
    limit: u32,
    before: Option<u64>,
) -> Result<Vec<AuditRecord>, StoreError> {
    sql::by_person(tx, person, limit, before).await
}

async fn resolve_all(tx: &mut Tx, covers: &[Cover]) -> Result<Vec<Sha256Digest>, StoreError> {
    let mut hashes = Vec::with_capacity(covers.len());
    for cover in covers {
        hashes.push(resolve(tx, cover).await?);
    }
    Ok(hashes)
}

async fn resolve(tx: &mut Tx, cover: &Cover) -> Result<Sha256Digest, StoreError> {
    let mut hashes = Vec::with_capacity(cover.len());
    for node in cover {
        hashes.push(sql::node(tx, *node).await?);
    }
    Ok(tree::fold(&hashes))
}
