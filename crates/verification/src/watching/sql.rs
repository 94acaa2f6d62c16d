//! The only SQL of watching one by one. The columns stand in `link`.

use musubi_kernel::UnixTime;
use musubi_platform::person::PersonId;
use musubi_platform::relying_party::RelyingPartyId;
use musubi_store::{Row, StoreError, Tx};

use super::{Ground, Watched};

/// Whether the customer was not watched and is now.
pub(super) async fn begin(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    customer_id: &str,
    ground: &Ground,
    at: UnixTime,
) -> Result<bool, StoreError> {
    let begun = tx
        .execute(
            "UPDATE link SET purpose = $3, basis = $4, basis_reference = $5, watched_since = $6, watched_by = NULL
             WHERE relying_party_id = $1 AND customer_id = $2 AND purpose IS NULL",
            &[
                relying_party.as_str().into(),
                customer_id.into(),
                ground.purpose.as_str().into(),
                ground.basis.as_str().into(),
                ground.reference.as_deref().into(),
                at.into(),
            ],
        )
        .await?;
    Ok(begun == 1)
}

/// Whether the customer was watched on another ground and is now on this.
pub(super) async fn change(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    customer_id: &str,
    ground: &Ground,
) -> Result<bool, StoreError> {
    let changed = tx
        .execute(
            "UPDATE link SET purpose = $3, basis = $4, basis_reference = $5
             WHERE relying_party_id = $1 AND customer_id = $2 AND purpose IS NOT NULL
               AND (purpose <> $3 OR basis <> $4 OR COALESCE(basis_reference, '') <> COALESCE($5, ''))",
            &[
                relying_party.as_str().into(),
                customer_id.into(),
                ground.purpose.as_str().into(),
                ground.basis.as_str().into(),
                ground.reference.as_deref().into(),
            ],
        )
        .await?;
    Ok(changed == 1)
}

/// Whether the customer was watched and is no more.
pub(super) async fn end(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    customer_id: &str,
) -> Result<bool, StoreError> {
    let ended = tx
        .execute(
            "UPDATE link SET purpose = NULL, basis = NULL, basis_reference = NULL, watched_since = NULL,
                watched_by = NULL
             WHERE relying_party_id = $1 AND customer_id = $2 AND purpose IS NOT NULL",
            &[relying_party.as_str().into(), customer_id.into()],
        )
        .await?;
    Ok(ended == 1)
}

pub(super) async fn of_customer(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    customer_id: &str,
) -> Result<Option<Watched>, StoreError> {
    tx.query_opt(
        "SELECT link.relying_party_id AS relying_party_id, customer_id, link.person_id AS person_id, purpose, basis,
                basis_reference, watched_since, objected_at
         FROM link LEFT JOIN watch_objection AS o
           ON o.relying_party_id = link.relying_party_id AND o.person_id = link.person_id
         WHERE link.relying_party_id = $1 AND customer_id = $2",
        &[relying_party.as_str().into(), customer_id.into()],
    )
    .await?
    .as_ref()
    .map(watched)
    .transpose()
}

pub(super) async fn of_person(tx: &mut Tx, person: &PersonId) -> Result<Vec<Watched>, StoreError> {
    tx.query(
        "SELECT link.relying_party_id AS relying_party_id, customer_id, link.person_id AS person_id, purpose, basis,
                basis_reference, watched_since, objected_at
         FROM link LEFT JOIN watch_objection AS o
           ON o.relying_party_id = link.relying_party_id AND o.person_id = link.person_id
         WHERE link.person_id = $1 ORDER BY created_at, link.relying_party_id",
        &[person.as_str().into()],
    )
    .await?
    .iter()
    .map(watched)
    .collect()
}

/// The watched customers after this customer id, by customer id.
pub(super) async fn page(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    after: &str,
    limit: u32,
) -> Result<Vec<Watched>, StoreError> {
    tx.query(
        "SELECT relying_party_id, customer_id, person_id, purpose, basis, basis_reference, watched_since,
                NULL AS objected_at
         FROM link WHERE relying_party_id = $1 AND customer_id > $2 AND purpose IS NOT NULL
         ORDER BY customer_id LIMIT $3",
        &[relying_party.as_str().into(), after.into(), limit.into()],
    )
    .await?
    .iter()
    .map(watched)
    .collect()
}

pub(super) async fn object(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    person: &PersonId,
    at: UnixTime,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO watch_objection (relying_party_id, person_id, objected_at) VALUES ($1, $2, $3)
         ON CONFLICT (relying_party_id, person_id) DO NOTHING",
        &[relying_party.as_str().into(), person.as_str().into(), at.into()],
    )
    .await
    .map(drop)
}

pub(super) async fn take_back_objection(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    person: &PersonId,
) -> Result<bool, StoreError> {
    let gone = tx
        .execute(
            "DELETE FROM watch_objection WHERE relying_party_id = $1 AND person_id = $2",
            &[relying_party.as_str().into(), person.as_str().into()],
        )
        .await?;
    Ok(gone == 1)
}

/// Relying parties with customers from before they were counted, and how many.
pub(super) async fn uncounted(tx: &mut Tx) -> Result<Vec<(RelyingPartyId, i64)>, StoreError> {
    let uncounted = tx
        .query(
            "SELECT id FROM relying_party WHERE
               NOT EXISTS (SELECT 1 FROM change_stream WHERE change_stream.relying_party_id = relying_party.id)
               AND EXISTS (SELECT 1 FROM link WHERE link.relying_party_id = relying_party.id)",
            &[],
        )
        .await?;
    let mut all = Vec::with_capacity(uncounted.len());
    for row in &uncounted {
        let id: RelyingPartyId = row.parsed("id")?;
        let count = tx
            .query_one(
                "SELECT count(*) AS customers FROM link WHERE relying_party_id = $1 AND purpose IS NOT NULL",
                &[id.as_str().into()],
            )
            .await?;
        all.push((id, count.int("customers")?));
    }
    Ok(all)
}

fn watched(row: &Row) -> Result<Watched, StoreError> {
    let ground = match (row.text_opt("purpose")?, row.text_opt("basis")?) {
        (Some(purpose), Some(basis)) => Some(Ground {
            purpose,
            basis: basis.parse().map_err(|()| StoreError::Corrupt("basis"))?,
            reference: row.text_opt("basis_reference")?,
        }),
        _ => None,
    };
    Ok(Watched {
        relying_party: row.parsed("relying_party_id")?,
        customer_id: row.text("customer_id")?,
        person: row.parsed("person_id")?,
        ground,
        since: row.int_opt("watched_since")?.map(UnixTime),
        objected: row.int_opt("objected_at")?.is_some(),
    })
}
