//! The only SQL of enrolments.

use musubi_kernel::UnixTime;
use musubi_pki::SerialNumber;
use musubi_platform::person::PersonId;
use musubi_platform::relying_party::RelyingPartyId;
use musubi_store::{Row, StoreError, Tx};

use super::Enrolment;

pub(super) async fn save(tx: &mut Tx, enrolment: &Enrolment) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO presence_enrolment (relying_party_id, serial, person_id, card_key, enrolled_at, last_used_at)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (relying_party_id, serial)
         DO UPDATE SET person_id = excluded.person_id, card_key = excluded.card_key,
                       enrolled_at = excluded.enrolled_at, last_used_at = excluded.last_used_at",
        &[
            enrolment.relying_party.as_str().into(),
            enrolment.serial.to_string().into(),
            enrolment.person.as_str().into(),
            enrolment.card_key.clone().into(),
            enrolment.enrolled_at.into(),
            enrolment.last_used_at.into(),
        ],
    )
    .await
    .map(drop)
}

pub(super) async fn card_key(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    serial: &SerialNumber,
) -> Result<Option<Vec<u8>>, StoreError> {
    tx.query_opt(
        "SELECT card_key FROM presence_enrolment WHERE relying_party_id = $1 AND serial = $2",
        &[relying_party.as_str().into(), serial.to_string().into()],
    )
    .await?
    .map(|row| row.blob("card_key"))
    .transpose()
}

/// Ends what is enrolled at a relying party with this card key for anybody but `person`; whose it was.
pub(super) async fn displace(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    card_key: &[u8],
    person: &PersonId,
) -> Result<Vec<PersonId>, StoreError> {
    tx.query(
        "DELETE FROM presence_enrolment WHERE relying_party_id = $1 AND card_key = $2 AND person_id <> $3
         RETURNING person_id",
        &[relying_party.as_str().into(), card_key.into(), person.as_str().into()],
    )
    .await?
    .iter()
    .map(|row| row.parsed("person_id"))
    .collect()
}

pub(super) async fn mark_used(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    serial: &SerialNumber,
    card_key: &[u8],
    at: UnixTime,
) -> Result<bool, StoreError> {
    let marked = tx
        .execute(
            "UPDATE presence_enrolment SET last_used_at = $4
             WHERE relying_party_id = $1 AND serial = $2 AND card_key = $3",
            &[relying_party.as_str().into(), serial.to_string().into(), card_key.into(), at.into()],
        )
        .await?;
    Ok(marked == 1)
}

pub(super) async fn of_person(tx: &mut Tx, person: &PersonId) -> Result<Vec<Enrolment>, StoreError> {
    tx.query(
        "SELECT relying_party_id, serial, person_id, card_key, enrolled_at, last_used_at FROM presence_enrolment
         WHERE person_id = $1 ORDER BY enrolled_at, relying_party_id, serial",
        &[person.as_str().into()],
    )
    .await?
    .iter()
    .map(enrolment)
    .collect()
}

pub(super) async fn end(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    person: &PersonId,
) -> Result<u64, StoreError> {
    tx.execute(
        "DELETE FROM presence_enrolment WHERE relying_party_id = $1 AND person_id = $2",
        &[relying_party.as_str().into(), person.as_str().into()],
    )
    .await
}

fn enrolment(row: &Row) -> Result<Enrolment, StoreError> {
    Ok(Enrolment {
        relying_party: row.parsed("relying_party_id")?,
        person: row.parsed("person_id")?,
        serial: row.parsed("serial")?,
        card_key: row.blob("card_key")?,
        enrolled_at: row.time("enrolled_at")?,
        last_used_at: row.int_opt("last_used_at")?.map(UnixTime),
    })
}
