//! The change events' only SQL.

use musubi_kernel::UnixTime;
use musubi_platform::relying_party::RelyingPartyId;
use musubi_store::{Row, StoreError, Tx};

use super::ChangeEvent;

pub(super) async fn next_sequence(tx: &mut Tx, relying_party: &RelyingPartyId) -> Result<i64, StoreError> {
    tx.query_one(
        "INSERT INTO change_sequence (relying_party_id, last) VALUES ($1, 1)
         ON CONFLICT (relying_party_id) DO UPDATE SET last = change_sequence.last + 1
         RETURNING last",
        &[relying_party.as_str().into()],
    )
    .await?
    .int("last")
}

pub(super) async fn insert(tx: &mut Tx, event: &ChangeEvent) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO change_event (relying_party_id, sequence, person_id, customer_id, authority, kind, reason,
                                   list_number, occurred_at, recorded_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        &[
            event.relying_party.as_str().into(),
            event.sequence.into(),
            event.person.as_str().into(),
            event.customer_id.as_str().into(),
            event.authority.as_str().into(),
            event.kind.as_str().into(),
            event.reason.as_str().into(),
            event.list_number.into(),
            event.occurred_at.into(),
            event.recorded_at.into(),
        ],
    )
    .await
    .map(drop)
}

pub(super) async fn after(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    sequence: i64,
    limit: u32,
) -> Result<Vec<ChangeEvent>, StoreError> {
    tx.query(
        "SELECT relying_party_id, sequence, person_id, customer_id, authority, kind, reason, list_number,
                occurred_at, recorded_at
         FROM change_event WHERE relying_party_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3",
        &[relying_party.as_str().into(), sequence.into(), limit.into()],
    )
    .await?
    .iter()
    .map(event)
    .collect()
}

fn event(row: &Row) -> Result<ChangeEvent, StoreError> {
    Ok(ChangeEvent {
        relying_party: row.parsed("relying_party_id")?,
        sequence: row.int("sequence")?,
        person: row.parsed("person_id")?,
        customer_id: row.text("customer_id")?,
        authority: row.parsed("authority")?,
        kind: row.parsed("kind")?,
        reason: row.parsed("reason")?,
        list_number: row.int("list_number")?,
        occurred_at: UnixTime(row.int("occurred_at")?),
        recorded_at: UnixTime(row.int("recorded_at")?),
    })
}
