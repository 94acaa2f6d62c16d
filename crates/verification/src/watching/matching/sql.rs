//! The matching tables' only SQL.

use musubi_kernel::UnixTime;
use musubi_pki::SerialNumber;
use musubi_platform::person::PersonId;
use musubi_platform::relying_party::RelyingPartyId;
use musubi_store::{Row, StoreError, Tx};

use super::search::{Search, SearchId};
use super::{MAX_ATTEMPTS, Offered, Tag};
use crate::watching::{Ground, bulk::RegistrationId};

/// What came of the matching lines of a batch, by customer.
pub(crate) struct Awaited {
    pub(crate) waiting: Vec<String>,
    /// In an earlier line of the same file.
    pub(crate) earlier: Vec<String>,
}

/// Keeps the tags that stand in the batch's table (`bulk_named`); those whose customer is linked are passed over.
pub(crate) async fn await_confirmation(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    registration: &RegistrationId,
    ground: &Ground,
    expires_at: UnixTime,
) -> Result<Awaited, StoreError> {
    let id = relying_party.as_str();
    tx.execute(
        "INSERT INTO matching_relying_party (relying_party_id) VALUES ($1)
         ON CONFLICT (relying_party_id) DO NOTHING",
        &[id.into()],
    )
    .await?;
    let earlier = tx
        .query(
            "SELECT customer_id FROM matching_tag WHERE relying_party_id = $1 AND registration_id = $2
               AND customer_id IN (SELECT customer_id FROM bulk_named WHERE tag IS NOT NULL)",
            &[id.into(), registration.as_str().into()],
        )
        .await?;
    // The same attributes again change nothing, an answer of the resident least of all.
    let waiting = tx
        .query(
            "INSERT INTO matching_tag (relying_party_id, customer_id, tag, registration_id, purpose, basis,
                                       basis_reference, attempts, expires_at)
             SELECT $1, named.customer_id, named.tag, $2, $3, $4, $5, 1, $6 FROM bulk_named AS named
             WHERE named.tag IS NOT NULL AND named.linked = 0
             ON CONFLICT (relying_party_id, customer_id) DO UPDATE SET
               registration_id = excluded.registration_id, purpose = excluded.purpose, basis = excluded.basis,
               basis_reference = excluded.basis_reference, expires_at = excluded.expires_at,
               attempts = CASE WHEN matching_tag.tag = excluded.tag THEN matching_tag.attempts
                               ELSE matching_tag.attempts + 1 END,
               refused_at = CASE WHEN matching_tag.tag = excluded.tag THEN matching_tag.refused_at END,
               person_id = CASE WHEN matching_tag.tag = excluded.tag THEN matching_tag.person_id END,
               attributes_serial = CASE WHEN matching_tag.tag = excluded.tag
                                        THEN matching_tag.attributes_serial END,
               tag = excluded.tag
             WHERE matching_tag.registration_id <> excluded.registration_id
               AND (matching_tag.tag = excluded.tag OR matching_tag.attempts < $7)
             RETURNING customer_id",
            &[
                id.into(),
                registration.as_str().into(),
                ground.purpose.as_str().into(),
                ground.basis.as_str().into(),
                ground.reference.as_deref().into(),
                expires_at.into(),
                MAX_ATTEMPTS.into(),
            ],
        )
        .await?;
    let customers = |rows: Vec<Row>| rows.iter().map(|row| row.text("customer_id")).collect::<Result<_, _>>();
    Ok(Awaited { waiting: customers(waiting)?, earlier: customers(earlier)? })
}

/// Relying parties that have sent matching files.
pub(crate) async fn known_relying_parties(tx: &mut Tx) -> Result<Vec<RelyingPartyId>, StoreError> {
    tx.query("SELECT relying_party_id FROM matching_relying_party ORDER BY relying_party_id", &[])
        .await?
        .iter()
        .map(|row| row.parsed("relying_party_id"))
        .collect()
}

/// Notes who proved the attributes of these tags; answers how many ask for an answer now.
pub(super) async fn found(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    tag: &Tag,
    (person, serial): (&PersonId, &SerialNumber),
    at: UnixTime,
) -> Result<u64, StoreError> {
    tx.execute(
        "UPDATE matching_tag SET person_id = $3, attributes_serial = $4, found_at = $5
         WHERE tag = $2 AND relying_party_id = $1 AND expires_at > $5 AND refused_at IS NULL",
        &[
            relying_party.as_str().into(),
            tag.as_slice().into(),
            person.as_str().into(),
            serial.to_string().into(),
            at.into(),
        ],
    )
    .await
}

/// What is asked of this person and not answered.
pub(super) async fn offered(
    tx: &mut Tx,
    person: &PersonId,
    at: UnixTime,
) -> Result<Vec<Offered>, StoreError> {
    tx.query(
        "SELECT relying_party_id, customer_id, purpose, basis, basis_reference, attributes_serial, found_at
         FROM matching_tag WHERE person_id = $1 AND refused_at IS NULL AND expires_at > $2
         ORDER BY relying_party_id, customer_id",
        &[person.as_str().into(), at.into()],
    )
    .await?
    .iter()
    .map(|row| {
        Ok(Offered {
            relying_party: row.parsed("relying_party_id")?,
            customer_id: row.text("customer_id")?,
            ground: Ground {
                purpose: row.text("purpose")?,
                basis: row.text("basis")?.parse().map_err(|()| StoreError::Corrupt("basis"))?,
                reference: row.text_opt("basis_reference")?,
            },
            attributes_serial: row.parsed("attributes_serial")?,
            found_at: row.time("found_at")?,
        })
    })
    .collect()
}

pub(super) async fn refuse(
    tx: &mut Tx,
    (relying_party, customer_id): (&RelyingPartyId, &str),
    person: &PersonId,
    at: UnixTime,
) -> Result<bool, StoreError> {
    let refused = tx
        .execute(
            "UPDATE matching_tag SET refused_at = $4
             WHERE relying_party_id = $1 AND customer_id = $2 AND person_id = $3 AND refused_at IS NULL
               AND expires_at > $4",
            &[relying_party.as_str().into(), customer_id.into(), person.as_str().into(), at.into()],
        )
        .await?;
    Ok(refused == 1)
}

pub(super) async fn delete(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    customer_id: &str,
) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM matching_tag WHERE relying_party_id = $1 AND customer_id = $2",
        &[relying_party.as_str().into(), customer_id.into()],
    )
    .await
    .map(drop)
}

pub(super) async fn delete_expired(tx: &mut Tx, at: UnixTime) -> Result<u64, StoreError> {
    Ok(tx.execute("DELETE FROM matching_tag WHERE expires_at <= $1", &[at.into()]).await?
        + tx.execute("DELETE FROM matching_search WHERE expires_at <= $1", &[at.into()]).await?)
}

pub(super) async fn insert_search(tx: &mut Tx, search: &Search) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO matching_search (id, person_id, nonce, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5)",
        &[
            search.id.as_str().into(),
            search.person.as_str().into(),
            search.nonce.as_str().into(),
            search.created_at.into(),
            search.expires_at.into(),
        ],
    )
    .await
    .map(drop)
}

/// A search of this person that is open at `at`.
pub(super) async fn open_search(
    tx: &mut Tx,
    id: &SearchId,
    person: &PersonId,
    at: UnixTime,
) -> Result<Option<Search>, StoreError> {
    tx.query_opt(
        "SELECT id, person_id, nonce, created_at, expires_at FROM matching_search
         WHERE id = $1 AND person_id = $2 AND expires_at > $3 AND completed_at IS NULL",
        &[id.as_str().into(), person.as_str().into(), at.into()],
    )
    .await?
    .map(|row| {
        Ok(Search {
            id: row.parsed("id")?,
            person: row.parsed("person_id")?,
            nonce: row.text("nonce")?,
            created_at: row.time("created_at")?,
            expires_at: row.time("expires_at")?,
        })
    })
    .transpose()
}

/// Whether the search was open and is completed now: of two completions, one.
pub(super) async fn complete_search(tx: &mut Tx, id: &SearchId, at: UnixTime) -> Result<bool, StoreError> {
    let completed = tx
        .execute(
            "UPDATE matching_search SET completed_at = $2 WHERE id = $1 AND completed_at IS NULL",
            &[id.as_str().into(), at.into()],
        )
        .await?;
    Ok(completed == 1)
}
