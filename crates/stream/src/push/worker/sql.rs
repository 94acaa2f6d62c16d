//! The SQL of a run: leases, and what receivers answered.

use std::collections::HashSet;

use musubi_kernel::UnixTime;
use musubi_platform::RelyingPartyId;
use musubi_store::{StoreError, Tx, Value};

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

/// How many acceptances one statement notes.
pub(super) const ACCEPTANCES: usize = 64;

/// Acceptances, each as the number that the holder of a lease has delivered; answers whose leases held. One round trip for
/// at most [`ACCEPTANCES`]: with a database across a network, one for each entry would set the pace. Places that are not
/// needed are null, which equals nothing. `columnN` is what both engines call the columns of `VALUES`.
pub(super) async fn accepted(
    tx: &mut Tx,
    acceptances: &[(&Lease, u64)],
    (at, until): (UnixTime, UnixTime),
) -> Result<HashSet<RelyingPartyId>, StoreError> {
    if acceptances.len() > ACCEPTANCES {
        return Err(StoreError::Corrupt("acceptances"));
    }
    let mut values: Vec<Value> = vec![at.into(), until.into()];
    for (lease, sequence) in acceptances {
        values.extend(lease.values());
        values.push(signed(*sequence)?.into());
    }
    for _ in acceptances.len()..ACCEPTANCES {
        values.extend([Value::Text(None), Value::Text(None), Value::Int(None)]);
    }
    tx.query(
        "UPDATE push_endpoint SET delivered = v.column3, attempts = 0, rejected = 0, failing_since = NULL,
            last_success_at = $1, leased_until = $2, uncounted_deliveries = uncounted_deliveries + 1,
            uncounted_attempts = uncounted_attempts + 1
         FROM (VALUES
            (CAST($3 AS TEXT), CAST($4 AS TEXT), CAST($5 AS BIGINT)), ($6, $7, $8), ($9, $10, $11),
            ($12, $13, $14), ($15, $16, $17), ($18, $19, $20), ($21, $22, $23), ($24, $25, $26),
            ($27, $28, $29), ($30, $31, $32), ($33, $34, $35), ($36, $37, $38), ($39, $40, $41),
            ($42, $43, $44), ($45, $46, $47), ($48, $49, $50), ($51, $52, $53), ($54, $55, $56),
            ($57, $58, $59), ($60, $61, $62), ($63, $64, $65), ($66, $67, $68), ($69, $70, $71),
            ($72, $73, $74), ($75, $76, $77), ($78, $79, $80), ($81, $82, $83), ($84, $85, $86),
            ($87, $88, $89), ($90, $91, $92), ($93, $94, $95), ($96, $97, $98), ($99, $100, $101),
            ($102, $103, $104), ($105, $106, $107), ($108, $109, $110), ($111, $112, $113), ($114, $115, $116),
            ($117, $118, $119), ($120, $121, $122), ($123, $124, $125), ($126, $127, $128), ($129, $130, $131),
            ($132, $133, $134), ($135, $136, $137), ($138, $139, $140), ($141, $142, $143), ($144, $145, $146),
            ($147, $148, $149), ($150, $151, $152), ($153, $154, $155), ($156, $157, $158), ($159, $160, $161),
            ($162, $163, $164), ($165, $166, $167), ($168, $169, $170), ($171, $172, $173), ($174, $175, $176),
            ($177, $178, $179), ($180, $181, $182), ($183, $184, $185), ($186, $187, $188), ($189, $190, $191),
            ($192, $193, $194)
         ) AS v
         WHERE push_endpoint.relying_party_id = v.column1 AND push_endpoint.lease = v.column2
         RETURNING relying_party_id",
        &values,
    )
    .await?
    .iter()
    .map(|row| row.parsed("relying_party_id"))
    .collect()
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
