//! The only SQL of consent.

use musubi_kernel::UnixTime;
use musubi_store::{Row, StoreError, Tx};

use super::{Consent, ConsentId, Item};
use crate::PersonId;

pub(super) async fn insert(tx: &mut Tx, consent: &Consent) -> Result<(), StoreError> {
    let items: Vec<&str> = consent.items.iter().map(|item| item.as_str()).collect();
    tx.execute(
        "INSERT INTO consent
             (id, relying_party, person, items, text_sha256, given_at, valid_from, valid_until, withdrawn_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        &[
            consent.id.as_str().into(),
            consent.relying_party.as_str().into(),
            consent.person.as_str().into(),
            items.join(" ").into(),
            consent.text_sha256.into(),
            consent.given_at.into(),
            consent.valid_from.into(),
            consent.valid_until.into(),
            consent.withdrawn_at.into(),
        ],
    )
    .await
    .map(drop)
}

pub(super) async fn withdraw(
    tx: &mut Tx,
    id: &ConsentId,
    person: &PersonId,
    at: UnixTime,
) -> Result<bool, StoreError> {
    let changed = tx
        .execute(
            "UPDATE consent SET withdrawn_at = $3 WHERE id = $1 AND person = $2 AND withdrawn_at IS NULL",
            &[id.as_str().into(), person.as_str().into(), at.into()],
        )
        .await?;
    Ok(changed == 1)
}

pub(super) async fn by_id(tx: &mut Tx, id: &ConsentId) -> Result<Option<Consent>, StoreError> {
    let found = tx
        .query_opt(
            "SELECT id, relying_party, person, items, text_sha256, given_at, valid_from, valid_until, withdrawn_at,
                    reminded_at FROM consent WHERE id = $1",
            &[id.as_str().into()],
        )
        .await?;
    found.as_ref().map(consent).transpose()
}

pub(super) async fn by_person(tx: &mut Tx, person: &PersonId) -> Result<Vec<Consent>, StoreError> {
    tx.query(
        "SELECT id, relying_party, person, items, text_sha256, given_at, valid_from, valid_until, withdrawn_at,
                reminded_at FROM consent WHERE person = $1 ORDER BY given_at DESC, id DESC",
        &[person.as_str().into()],
    )
    .await?
    .iter()
    .map(consent)
    .collect()
}

pub(super) async fn to_remind(
    tx: &mut Tx,
    at: UnixTime,
    last_before: UnixTime,
    limit: u32,
) -> Result<Vec<Consent>, StoreError> {
    tx.query(
        "SELECT id, relying_party, person, items, text_sha256, given_at, valid_from, valid_until, withdrawn_at,
                reminded_at FROM consent
         WHERE withdrawn_at IS NULL AND end_told_at IS NULL AND given_at <= $2 AND valid_until > $1
           AND COALESCE(reminded_at, given_at) <= $2
         ORDER BY given_at, id LIMIT $3",
        &[at.into(), last_before.into(), limit.into()],
    )
    .await?
    .iter()
    .map(consent)
    .collect()
}

pub(super) async fn ending(
    tx: &mut Tx,
    at: UnixTime,
    until: UnixTime,
    limit: u32,
) -> Result<Vec<Consent>, StoreError> {
    tx.query(
        "SELECT id, relying_party, person, items, text_sha256, given_at, valid_from, valid_until, withdrawn_at,
                reminded_at FROM consent
         WHERE withdrawn_at IS NULL AND end_told_at IS NULL AND ends_soon_told_at IS NULL
           AND valid_until > $1 AND valid_until <= $2
         ORDER BY given_at, id LIMIT $3",
        &[at.into(), until.into(), limit.into()],
    )
    .await?
    .iter()
    .map(consent)
    .collect()
}

pub(super) async fn ended(tx: &mut Tx, at: UnixTime, limit: u32) -> Result<Vec<Consent>, StoreError> {
    tx.query(
        "SELECT id, relying_party, person, items, text_sha256, given_at, valid_from, valid_until, withdrawn_at,
                reminded_at FROM consent
         WHERE withdrawn_at IS NULL AND end_told_at IS NULL AND valid_until <= $1
         ORDER BY given_at, id LIMIT $2",
        &[at.into(), limit.into()],
    )
    .await?
    .iter()
    .map(consent)
    .collect()
}

pub(super) async fn note_reminder(
    tx: &mut Tx,
    id: &ConsentId,
    at: UnixTime,
    last_before: UnixTime,
) -> Result<bool, StoreError> {
    let changed = tx
        .execute(
            "UPDATE consent SET reminded_at = $2
             WHERE id = $1 AND withdrawn_at IS NULL AND COALESCE(reminded_at, given_at) <= $3",
            &[id.as_str().into(), at.into(), last_before.into()],
        )
        .await?;
    Ok(changed == 1)
}

pub(super) async fn note_ending(tx: &mut Tx, id: &ConsentId, at: UnixTime) -> Result<bool, StoreError> {
    let changed = tx
        .execute(
            "UPDATE consent SET ends_soon_told_at = $2
             WHERE id = $1 AND withdrawn_at IS NULL AND ends_soon_told_at IS NULL",
            &[id.as_str().into(), at.into()],
        )
        .await?;
    Ok(changed == 1)
}

pub(super) async fn note_end(tx: &mut Tx, id: &ConsentId, at: UnixTime) -> Result<bool, StoreError> {
    let changed = tx
        .execute(
            "UPDATE consent SET end_told_at = $2
             WHERE id = $1 AND withdrawn_at IS NULL AND end_told_at IS NULL",
            &[id.as_str().into(), at.into()],
        )
        .await?;
    Ok(changed == 1)
}

fn consent(row: &Row) -> Result<Consent, StoreError> {
    let items: Result<Vec<Item>, _> = row.text("items")?.split(' ').map(str::parse).collect();
    Ok(Consent {
        id: row.parsed("id")?,
        relying_party: row.parsed("relying_party")?,
        person: row.parsed("person")?,
        items: items.map_err(|_| StoreError::Corrupt("items"))?,
        text_sha256: row.blob("text_sha256")?.try_into().map_err(|_| StoreError::Corrupt("text_sha256"))?,
        given_at: row.time("given_at")?,
        valid_from: row.time("valid_from")?,
        valid_until: row.time("valid_until")?,
        withdrawn_at: row.int_opt("withdrawn_at")?.map(UnixTime),
        reminded_at: row.int_opt("reminded_at")?.map(UnixTime),
    })
}
