//! The SQL of a run: leases, and what receivers answered.

use musubi_kernel::UnixTime;
use musubi_platform::RelyingPartyId;
use musubi_store::{StoreError, Tx};

use super::super::sql::{Lease, Stored, signed, stored, unsigned};

/// Whether anything is due in either lane: without a write lock.
pub(super) async fn any_due(tx: &mut Tx, lists: &str, at: UnixTime) -> Result<bool, StoreError> {
    tx.query_opt(
        "SELECT 1 AS one FROM push_endpoint e
         LEFT JOIN change_stream s ON s.relying_party_id = e.relying_party_id
         WHERE e.due_at <= $1 AND e.leased_until <= $1
            AND (e.state = 'unverified' OR (e.state = 'active' AND (COALESCE(s.last, 0) > e.delivered
                OR e.heartbeat_at <= $1 OR e.lists_told <> $2 OR e.redeliver > 0)))
         LIMIT 1",
        &[at.into(), lists.into()],
    )
    .await
    .map(|row| row.is_some())
}

/// Leases what is due, the longest waiting first. Two processes never lease the same endpoint: the outer condition is
/// looked at again when the row is locked.
pub(super) async fn lease(
    tx: &mut Tx,
    token: &str,
    slow: bool,
    limit: usize,
    lists: &str,
    (at, until): (UnixTime, UnixTime),
) -> Result<Vec<Stored>, StoreError> {
    let limit = i64::try_from(limit).map_err(|_| StoreError::Corrupt("limit"))?;
    tx.query(
        "UPDATE push_endpoint SET lease = $1, leased_until = $2
         WHERE leased_until <= $3 AND relying_party_id IN (
            SELECT e.relying_party_id FROM push_endpoint e
            LEFT JOIN change_stream s ON s.relying_party_id = e.relying_party_id
            WHERE e.due_at <= $3 AND e.leased_until <= $3 AND e.slow = $4
                AND (e.state = 'unverified' OR (e.state = 'active' AND (COALESCE(s.last, 0) > e.delivered
                    OR e.heartbeat_at <= $3 OR e.lists_told <> $5 OR e.redeliver > 0)))
            ORDER BY e.due_at, e.relying_party_id LIMIT $6)
         RETURNING *",
        &[token.into(), until.into(), at.into(), slow.into(), lists.into(), limit.into()],
    )
    .await?
    .iter()
    .map(stored)
    .collect()
}

pub(super) async fn verified(tx: &mut Tx, lease: &Lease, at: UnixTime) -> Result<bool, StoreError> {
    let [relying_party, token] = lease.values();
    tx.execute(
        "UPDATE push_endpoint SET state = 'active', verified_at = $3, attempts = 0, failing_since = NULL,
            last_success_at = $3 WHERE relying_party_id = $1 AND lease = $2",
        &[relying_party, token, at.into()],
    )
    .await
    .map(|rows| rows == 1)
}

pub(super) async fn accepted(
    tx: &mut Tx,
    lease: &Lease,
    sequence: u64,
    (at, until): (UnixTime, UnixTime),
) -> Result<bool, StoreError> {
    let [relying_party, token] = lease.values();
    tx.execute(
        "UPDATE push_endpoint SET delivered = $3, attempts = 0, rejected = 0, failing_since = NULL,
            last_success_at = $4, leased_until = $5, uncounted_deliveries = uncounted_deliveries + 1,
            uncounted_attempts = uncounted_attempts + 1
         WHERE relying_party_id = $1 AND lease = $2",
        &[relying_party, token, signed(sequence)?.into(), at.into(), until.into()],
    )
    .await
    .map(|rows| rows == 1)
}

/// The entry becomes a dead letter; answers how many were rejected in a row, or `None` if the lease is gone.
pub(super) async fn rejected(
    tx: &mut Tx,
    lease: &Lease,
    sequence: u64,
    code: &str,
    (at, until): (UnixTime, UnixTime),
) -> Result<Option<i64>, StoreError> {
    let [relying_party, token] = lease.values();
    let row = tx
        .query_opt(
            "UPDATE push_endpoint SET delivered = $3, rejected = rejected + 1, last_failure_at = $4,
                last_failure = $5, leased_until = $6, uncounted_attempts = uncounted_attempts + 1
             WHERE relying_party_id = $1 AND lease = $2 RETURNING rejected",
            &[relying_party.clone(), token, signed(sequence)?.into(), at.into(), code.into(), until.into()],
        )
        .await?;
    let Some(row) = row else { return Ok(None) };
    tx.execute(
        "INSERT INTO push_dead_letter (relying_party_id, sequence, code, refused_at, redeliver)
         VALUES ($1, $2, $3, $4, 0)
         ON CONFLICT (relying_party_id, sequence) DO UPDATE SET code = excluded.code,
            refused_at = excluded.refused_at, redeliver = 0",
        &[relying_party, signed(sequence)?.into(), code.into(), at.into()],
    )
    .await?;
    row.int("rejected").map(Some)
}

/// A dead letter that was sent again: accepted it goes, refused again (`code`) it stays.
pub(super) async fn redelivered(
    tx: &mut Tx,
    lease: &Lease,
    sequence: u64,
    code: Option<&str>,
    (at, until): (UnixTime, UnixTime),
) -> Result<bool, StoreError> {
    let [relying_party, token] = lease.values();
    let delivered = i64::from(code.is_none());
    let held = tx
        .execute(
            "UPDATE push_endpoint SET redeliver = CASE WHEN redeliver > 0 THEN redeliver - 1 ELSE 0 END,
                leased_until = $3, uncounted_deliveries = uncounted_deliveries + $4,
                uncounted_attempts = uncounted_attempts + 1
             WHERE relying_party_id = $1 AND lease = $2",
            &[relying_party.clone(), token, until.into(), delivered.into()],
        )
        .await?;
    if held != 1 {
        return Ok(false);
    }
    let sequence = signed(sequence)?;
    match code {
        None => {
            tx.execute(
                "DELETE FROM push_dead_letter WHERE relying_party_id = $1 AND sequence = $2",
                &[relying_party, sequence.into()],
            )
            .await?
        }
        Some(code) => {
            tx.execute(
                "UPDATE push_dead_letter SET redeliver = 0, code = $3, refused_at = $4
                 WHERE relying_party_id = $1 AND sequence = $2",
                &[relying_party, sequence.into(), code.into(), at.into()],
            )
            .await?
        }
    };
    Ok(true)
}

pub(super) async fn heartbeat_told(
    tx: &mut Tx,
    lease: &Lease,
    lists: &str,
    next: UnixTime,
    at: UnixTime,
) -> Result<bool, StoreError> {
    let [relying_party, token] = lease.values();
    tx.execute(
        "UPDATE push_endpoint SET lists_told = $3, heartbeat_at = $4, attempts = 0, failing_since = NULL,
            last_success_at = $5 WHERE relying_party_id = $1 AND lease = $2",
        &[relying_party, token, lists.into(), next.into(), at.into()],
    )
    .await
    .map(|rows| rows == 1)
}

/// The run is over. `due_at`: `None` leaves it as a failure or a stop has set it.
pub(super) async fn release(
    tx: &mut Tx,
    lease: &Lease,
    due_at: Option<UnixTime>,
    slow: Option<bool>,
) -> Result<bool, StoreError> {
    let [relying_party, token] = lease.values();
    tx.execute(
        "UPDATE push_endpoint SET lease = '', leased_until = 0, due_at = COALESCE($3, due_at),
            slow = COALESCE($4, slow) WHERE relying_party_id = $1 AND lease = $2",
        &[relying_party, token, due_at.into(), slow.into()],
    )
    .await
    .map(|rows| rows == 1)
}

/// Numbers and tokens of dead letters that are to be sent again, in order.
pub(super) async fn to_redeliver(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    limit: u32,
) -> Result<Vec<(u64, String)>, StoreError> {
    tx.query(
        "SELECT d.sequence, c.token FROM push_dead_letter d
         JOIN change_stream_entry c ON c.relying_party_id = d.relying_party_id AND c.sequence = d.sequence
         WHERE d.relying_party_id = $1 AND d.redeliver = 1 ORDER BY d.sequence LIMIT $2",
        &[relying_party.as_str().into(), limit.into()],
    )
    .await?
    .iter()
    .map(|row| Ok((unsigned(row, "sequence")?, row.text("token")?)))
    .collect()
}
