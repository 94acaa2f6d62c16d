//! The bulk registrations' only SQL.

use std::collections::BTreeMap;

use musubi_kernel::UnixTime;
use musubi_platform::person::PersonId;
use musubi_platform::relying_party::RelyingPartyId;
use musubi_store::{Row, StoreError, Target, Tx, Value};

use super::{Announced, Registration, RegistrationId};
use crate::watching::Ground;
use crate::watching::matching::Tag;

fn signed(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| StoreError::Corrupt("number"))
}

fn unsigned(row: &Row, column: &'static str) -> Result<u64, StoreError> {
    u64::try_from(row.int(column)?).map_err(|_| StoreError::Corrupt(column))
}

fn counts(of: &BTreeMap<String, u64>) -> Result<String, StoreError> {
    serde_json::to_string(of).map_err(|_| StoreError::Corrupt("counts"))
}

pub(super) async fn insert(tx: &mut Tx, new: &Registration) -> Result<(), StoreError> {
    let Announced { bytes, lines, sha256 } = &new.announced;
    tx.execute(
        "INSERT INTO bulk_registration (id, relying_party_id, format, purpose, basis, basis_reference,
            expected_bytes, expected_lines, expected_sha256, state, received, lines, tail, digest, counts,
            created_at, updated_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, 0, $11, $12, $13, $14, $14, $15)",
        &[
            new.id.as_str().into(),
            new.relying_party.as_str().into(),
            new.format.as_str().into(),
            new.ground.purpose.as_str().into(),
            new.ground.basis.as_str().into(),
            new.ground.reference.as_deref().into(),
            Value::Int(bytes.map(signed).transpose()?),
            Value::Int(lines.map(signed).transpose()?),
            Value::Text(sha256.map(hex::encode)),
            new.state.as_str().into(),
            new.tail.as_slice().into(),
            new.digest.as_slice().into(),
            counts(&new.counts)?.into(),
            new.created_at.into(),
            new.expires_at.into(),
        ],
    )
    .await
    .map(drop)
}

pub(super) async fn find(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    id: &RegistrationId,
) -> Result<Option<Registration>, StoreError> {
    tx.query_opt(
        "SELECT id, relying_party_id, format, purpose, basis, basis_reference, expected_bytes, expected_lines,
                expected_sha256, state, ended_why, received, lines, tail, header, digest, counts, created_at,
                first_at, updated_at, expires_at, ended_at
         FROM bulk_registration WHERE id = $1 AND relying_party_id = $2",
        &[id.as_str().into(), relying_party.as_str().into()],
    )
    .await?
    .as_ref()
    .map(registration)
    .transpose()
}

fn registration(row: &Row) -> Result<Registration, StoreError> {
    let number = |column| Ok::<_, StoreError>(row.int_opt(column)?.and_then(|n| u64::try_from(n).ok()));
    let sha256 = match row.text_opt("expected_sha256")? {
        Some(text) => {
            let mut bytes = [0; 32];
            hex::decode_to_slice(text, &mut bytes).map_err(|_| StoreError::Corrupt("expected_sha256"))?;
            Some(bytes)
        }
        None => None,
    };
    Ok(Registration {
        id: row.parsed("id")?,
        relying_party: row.parsed("relying_party_id")?,
        format: row.parsed("format")?,
        ground: Ground {
            purpose: row.text("purpose")?,
            basis: row.parsed("basis")?,
            reference: row.text_opt("basis_reference")?,
        },
        announced: Announced { bytes: number("expected_bytes")?, lines: number("expected_lines")?, sha256 },
        state: row.parsed("state")?,
        ended_why: row.text_opt("ended_why")?,
        received: unsigned(row, "received")?,
        lines: unsigned(row, "lines")?,
        counts: serde_json::from_str(&row.text("counts")?).map_err(|_| StoreError::Corrupt("counts"))?,
        created_at: row.time("created_at")?,
        first_at: row.int_opt("first_at")?.map(UnixTime),
        updated_at: row.time("updated_at")?,
        expires_at: row.time("expires_at")?,
        ended_at: row.int_opt("ended_at")?.map(UnixTime),
        tail: row.blob("tail")?,
        header: row.text_opt("header")?,
        digest: row.blob("digest")?,
    })
}

/// How many this relying party has open.
pub(super) async fn open(tx: &mut Tx, relying_party: &RelyingPartyId) -> Result<i64, StoreError> {
    tx.query_one(
        "SELECT count(*) AS open FROM bulk_registration WHERE relying_party_id = $1 AND state = 'open'",
        &[relying_party.as_str().into()],
    )
    .await?
    .int("open")
}

/// Moves a registration from `from` bytes to what it is now; `false` if it is no longer open or stands elsewhere.
pub(super) async fn advance(tx: &mut Tx, from: u64, now: &Registration) -> Result<bool, StoreError> {
    let moved = tx
        .execute(
            "UPDATE bulk_registration SET received = $3, lines = $4, tail = $5, header = $6, digest = $7,
                first_at = $8, updated_at = $9, state = $10, ended_why = $11, ended_at = $12
             WHERE id = $1 AND received = $2 AND state = 'open'",
            &[
                now.id.as_str().into(),
                signed(from)?.into(),
                signed(now.received)?.into(),
                signed(now.lines)?.into(),
                now.tail.as_slice().into(),
                now.header.as_deref().into(),
                now.digest.as_slice().into(),
                now.first_at.into(),
                now.updated_at.into(),
                now.state.as_str().into(),
                now.ended_why.as_deref().into(),
                now.ended_at.into(),
            ],
        )
        .await?;
    Ok(moved == 1)
}

pub(super) async fn set_counts(tx: &mut Tx, now: &Registration) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE bulk_registration SET counts = $2 WHERE id = $1",
        &[now.id.as_str().into(), counts(&now.counts)?.into()],
    )
    .await
    .map(drop)
}

pub(super) async fn insert_results(
    tx: &mut Tx,
    id: &RegistrationId,
    last_line: u64,
    results: String,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO bulk_result (registration_id, last_line, results) VALUES ($1, $2, $3)",
        &[id.as_str().into(), signed(last_line)?.into(), results.into()],
    )
    .await
    .map(drop)
}

/// The results of the batch that holds the first line after `after`, and the batch's last line.
pub(super) async fn results_after(
    tx: &mut Tx,
    id: &RegistrationId,
    after: u64,
) -> Result<Option<(u64, String)>, StoreError> {
    tx.query_opt(
        "SELECT last_line, results FROM bulk_result WHERE registration_id = $1 AND last_line > $2
         ORDER BY last_line LIMIT 1",
        &[id.as_str().into(), signed(after)?.into()],
    )
    .await?
    .map(|row| Ok((unsigned(&row, "last_line")?, row.text("results")?)))
    .transpose()
}

/// Registrations that nobody ended in time.
pub(super) async fn overdue(
    tx: &mut Tx,
    at: UnixTime,
) -> Result<Vec<(RelyingPartyId, RegistrationId)>, StoreError> {
    tx.query(
        "SELECT relying_party_id, id FROM bulk_registration WHERE state = 'open' AND expires_at <= $1 LIMIT 100",
        &[at.into()],
    )
    .await?
    .iter()
    .map(|row| Ok((row.parsed("relying_party_id")?, row.parsed("id")?)))
    .collect()
}

/// Deletes the results of registrations that ended before `before`.
pub(super) async fn delete_old_results(tx: &mut Tx, before: UnixTime) -> Result<u64, StoreError> {
    tx.execute(
        "DELETE FROM bulk_result WHERE registration_id IN
           (SELECT id FROM bulk_registration WHERE ended_at < $1)",
        &[before.into()],
    )
    .await
}

/// The customers of a batch, in a table of this connection alone: one statement then works on all of them.
const NAMED: Target = Target { table: "bulk_named", columns: &["customer_id", "tag", "linked"] };
const NAMED_TABLE: &str = "CREATE TEMPORARY TABLE IF NOT EXISTS bulk_named (
    customer_id TEXT NOT NULL, tag BYTEA, linked BIGINT NOT NULL)";

pub(super) async fn name_customers(
    tx: &mut Tx,
    customers: impl IntoIterator<Item = (&str, Option<&Tag>)> + Send,
) -> Result<(), StoreError> {
    tx.execute(NAMED_TABLE, &[]).await?;
    tx.execute("DELETE FROM bulk_named", &[]).await?;
    let rows: Vec<Vec<Value>> = customers
        .into_iter()
        .map(|(id, tag)| vec![id.into(), Value::Blob(tag.map(|tag| tag.to_vec())), 0_i64.into()])
        .collect();
    tx.insert_many(NAMED, rows).await.map(drop)
}

/// Watches those of the named customers who are linked and not watched; answers them. Who objected is left out if
/// `objections_count`.
pub(super) async fn begin_watching(
    tx: &mut Tx,
    registration: &Registration,
    objections_count: bool,
    at: UnixTime,
) -> Result<Vec<(String, PersonId)>, StoreError> {
    // The list of customers stands in `IN`, so that SQLite looks each of them up and does not read all links.
    tx.query(
        "UPDATE link SET purpose = $3, basis = $4, basis_reference = $5, watched_since = $6, watched_by = $2
         WHERE relying_party_id = $1 AND purpose IS NULL
           AND customer_id IN (SELECT customer_id FROM bulk_named)
           AND ($7 = 0 OR NOT EXISTS (SELECT 1 FROM watch_objection AS o
                WHERE o.relying_party_id = link.relying_party_id AND o.person_id = link.person_id))
         RETURNING customer_id, person_id",
        &[
            registration.relying_party.as_str().into(),
            registration.id.as_str().into(),
            registration.ground.purpose.as_str().into(),
            registration.ground.basis.as_str().into(),
            registration.ground.reference.as_deref().into(),
            at.into(),
            i64::from(objections_count).into(),
        ],
    )
    .await?
    .iter()
    .map(|row| Ok((row.text("customer_id")?, row.parsed("person_id")?)))
    .collect()
}

/// Gives this ground to those of the named customers who are watched because of an identity proofing alone; answers them.
pub(super) async fn take_over(
    tx: &mut Tx,
    registration: &Registration,
    objections_count: bool,
) -> Result<Vec<(String, PersonId)>, StoreError> {
    tx.query(
        "UPDATE link SET purpose = $3, basis = $4, basis_reference = $5, watched_by = $2
         WHERE relying_party_id = $1 AND purpose IS NOT NULL AND basis = 'identity_proofing'
           AND customer_id IN (SELECT customer_id FROM bulk_named)
           AND ($6 = 0 OR NOT EXISTS (SELECT 1 FROM watch_objection AS o
                WHERE o.relying_party_id = link.relying_party_id AND o.person_id = link.person_id))
         RETURNING customer_id, person_id",
        &[
            registration.relying_party.as_str().into(),
            registration.id.as_str().into(),
            registration.ground.purpose.as_str().into(),
            registration.ground.basis.as_str().into(),
            registration.ground.reference.as_deref().into(),
            i64::from(objections_count).into(),
        ],
    )
    .await?
    .iter()
    .map(|row| Ok((row.text("customer_id")?, row.parsed("person_id")?)))
    .collect()
}

/// A named customer who is linked.
pub(super) struct Linked {
    pub(super) customer_id: String,
    pub(super) purpose: Option<String>,
    /// Whether this registration was here before.
    pub(super) met: bool,
}

pub(super) async fn linked(tx: &mut Tx, registration: &Registration) -> Result<Vec<Linked>, StoreError> {
    tx.query(
        "SELECT customer_id, purpose, watched_by FROM link
         WHERE relying_party_id = $1 AND customer_id IN (SELECT customer_id FROM bulk_named)",
        &[registration.relying_party.as_str().into()],
    )
    .await?
    .iter()
    .map(|row| {
        let by = row.text_opt("watched_by")?;
        Ok(Linked {
            customer_id: row.text("customer_id")?,
            purpose: row.text_opt("purpose")?,
            met: by.as_deref() == Some(registration.id.as_str()),
        })
    })
    .collect()
}

/// Notes that this registration met the named customers who are watched already.
pub(super) async fn note_met(tx: &mut Tx, registration: &Registration) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE link SET watched_by = $2
         WHERE relying_party_id = $1 AND purpose IS NOT NULL
           AND customer_id IN (SELECT customer_id FROM bulk_named) AND COALESCE(watched_by, '') <> $2",
        &[registration.relying_party.as_str().into(), registration.id.as_str().into()],
    )
    .await
    .map(drop)
}

/// Marks the named customers who are linked.
pub(super) async fn mark_linked(tx: &mut Tx, relying_party: &RelyingPartyId) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE bulk_named SET linked = 1 WHERE EXISTS
           (SELECT 1 FROM link WHERE relying_party_id = $1 AND link.customer_id = bulk_named.customer_id)",
        &[relying_party.as_str().into()],
    )
    .await
    .map(drop)
}

/// Notes which registration watches one customer.
pub(super) async fn note_one(
    tx: &mut Tx,
    registration: &Registration,
    customer_id: &str,
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE link SET watched_by = $3 WHERE relying_party_id = $1 AND customer_id = $2",
        &[registration.relying_party.as_str().into(), customer_id.into(), registration.id.as_str().into()],
    )
    .await
    .map(drop)
}
