//! The only SQL of the audit log.

use musubi_crypto::Sha256Digest;
use musubi_kernel::UnixTime;
use musubi_store::{Row, StoreError, Target, Tx, Value};

use super::tree::Node;
use super::{AuditEvent, AuditRecord};
use crate::PersonId;

/// Makes place for `count` more leaves; answers the index of the first. Holds the head row until the transaction ends.
pub(super) async fn grow(tx: &mut Tx, count: u64, at: UnixTime) -> Result<u64, StoreError> {
    let row = tx
        .query_one(
            "UPDATE audit_head SET size = size + $1, at = $2 WHERE id = 1 RETURNING size",
            &[signed(count)?.into(), at.into()],
        )
        .await?;
    unsigned(row.int("size")? - signed(count)?, "size")
}

/// Size and time of the last append.
pub(super) async fn head(tx: &mut Tx) -> Result<(u64, UnixTime), StoreError> {
    let row = tx.query_one("SELECT size, at FROM audit_head WHERE id = 1", &[]).await?;
    Ok((unsigned(row.int("size")?, "size")?, row.time("at")?))
}

const RECORDS: Target = Target {
    table: "audit_record",
    columns: &["leaf_index", "person", "relying_party", "kind", "at", "record", "leaf_hash"],
};
const NODES: Target = Target { table: "audit_node", columns: &["level", "position", "hash"] };

pub(super) fn record_row(
    index: u64,
    event: &AuditEvent,
    at: UnixTime,
    record: String,
    leaf_hash: &Sha256Digest,
) -> Result<Vec<Value>, StoreError> {
    Ok(vec![
        signed(index)?.into(),
        event.person.as_ref().map(PersonId::as_str).into(),
        event.relying_party.as_ref().map(crate::RelyingPartyId::as_str).into(),
        event.kind.into(),
        at.into(),
        record.into(),
        (*leaf_hash).into(),
    ])
}

pub(super) fn node_row(node: Node, hash: &Sha256Digest) -> Result<Vec<Value>, StoreError> {
    Ok(vec![node.level.into(), signed(node.position)?.into(), (*hash).into()])
}

pub(super) async fn insert(
    tx: &mut Tx,
    records: Vec<Vec<Value>>,
    nodes: Vec<Vec<Value>>,
) -> Result<(), StoreError> {
    tx.insert_many(RECORDS, records).await?;
    tx.insert_many(NODES, nodes).await.map(drop)
}

/// The hash of a node: of a leaf (level 0), or of a complete subtree.
pub(super) async fn node(tx: &mut Tx, node: Node) -> Result<Sha256Digest, StoreError> {
    let row = match node.level {
        0 => {
            tx.query_one(
                "SELECT leaf_hash AS hash FROM audit_record WHERE leaf_index = $1",
                &[signed(node.position)?.into()],
            )
            .await?
        }
        level => {
            tx.query_one(
                "SELECT hash FROM audit_node WHERE level = $1 AND position = $2",
                &[level.into(), signed(node.position)?.into()],
            )
            .await?
        }
    };
    digest(&row, "hash")
}

pub(super) async fn record(tx: &mut Tx, index: u64) -> Result<Option<AuditRecord>, StoreError> {
    let Ok(index) = signed(index) else { return Ok(None) };
    let found = tx
        .query_opt(
            "SELECT leaf_index, person, relying_party, kind, at, record, leaf_hash
             FROM audit_record WHERE leaf_index = $1",
            &[index.into()],
        )
        .await?;
    found.as_ref().map(audit_record).transpose()
}

pub(super) async fn by_person(
    tx: &mut Tx,
    person: &PersonId,
    limit: u32,
    before: Option<u64>,
) -> Result<Vec<AuditRecord>, StoreError> {
    let before = before.and_then(|index| i64::try_from(index).ok()).unwrap_or(i64::MAX);
    tx.query(
        "SELECT leaf_index, person, relying_party, kind, at, record, leaf_hash
         FROM audit_record WHERE person = $1 AND leaf_index < $2 ORDER BY leaf_index DESC LIMIT $3",
        &[person.as_str().into(), before.into(), limit.into()],
    )
    .await?
    .iter()
    .map(audit_record)
    .collect()
}

fn audit_record(row: &Row) -> Result<AuditRecord, StoreError> {
    let id = |column| row.text_opt(column);
    Ok(AuditRecord {
        index: unsigned(row.int("leaf_index")?, "leaf_index")?,
        kind: row.text("kind")?,
        relying_party: id("relying_party")?
            .map(|text| text.parse().map_err(|_| StoreError::Corrupt("relying_party")))
            .transpose()?,
        person: id("person")?
            .map(|text| text.parse().map_err(|_| StoreError::Corrupt("person")))
            .transpose()?,
        at: row.time("at")?,
        record: row.text("record")?,
        leaf_hash: digest(row, "leaf_hash")?,
    })
}

fn digest(row: &Row, column: &'static str) -> Result<Sha256Digest, StoreError> {
    row.blob(column)?.try_into().map_err(|_| StoreError::Corrupt(column))
}

fn signed(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| StoreError::Corrupt("leaf_index"))
}

fn unsigned(number: i64, column: &'static str) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| StoreError::Corrupt(column))
}
