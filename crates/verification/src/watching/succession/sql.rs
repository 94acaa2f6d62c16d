//! The succession queue's only SQL.

use musubi_kernel::UnixTime;
use musubi_pki::CertKey;
use musubi_store::{StoreError, Tx};

use super::{Pending, Queue};

/// Whether a certificate's validity ended since the last look.
pub(super) async fn expired_waiting(tx: &mut Tx, at: UnixTime) -> Result<bool, StoreError> {
    let one = tx
        .query_opt(
            "SELECT 1 AS one FROM certificate
             WHERE not_after IS NOT NULL AND revoked_at IS NULL AND not_after < $1
               AND not_after > (SELECT expired_until FROM succession_looked WHERE id = 1) LIMIT 1",
            &[at.into()],
        )
        .await?;
    Ok(one.is_some())
}

/// Queues certificates whose validity ended, about `limit` of them: all that ended in the same second together.
pub(super) async fn queue_expired(tx: &mut Tx, at: UnixTime, limit: u32) -> Result<(), StoreError> {
    let until = tx
        .query_one(
            "SELECT COALESCE(max(not_after), $1) AS newest FROM (
               SELECT not_after FROM certificate
               WHERE not_after IS NOT NULL AND revoked_at IS NULL AND not_after < $1
                 AND not_after > (SELECT expired_until FROM succession_looked WHERE id = 1)
               ORDER BY not_after LIMIT $2) AS ended",
            &[at.into(), limit.into()],
        )
        .await?
        .time("newest")?;
    tx.execute(
        "INSERT INTO succession_pending (authority, serial, person_id, since, next_at, tries)
         SELECT authority, serial, person_id, not_after, $2, 0 FROM certificate
         WHERE not_after IS NOT NULL AND revoked_at IS NULL AND not_after <= $1
           AND not_after > (SELECT expired_until FROM succession_looked WHERE id = 1)
         ON CONFLICT (authority, serial) DO NOTHING",
        &[until.into(), at.into()],
    )
    .await?;
    tx.execute("UPDATE succession_looked SET expired_until = $1 WHERE id = 1", &[until.into()])
        .await
        .map(drop)
}

pub(super) async fn due(tx: &mut Tx, at: UnixTime, limit: u32) -> Result<Vec<Pending>, StoreError> {
    tx.query(
        "SELECT authority, serial, person_id, since, tries FROM succession_pending
         WHERE next_at <= $1 ORDER BY next_at LIMIT $2",
        &[at.into(), limit.into()],
    )
    .await?
    .iter()
    .map(|row| {
        Ok(Pending {
            key: CertKey { authority: row.parsed("authority")?, serial: row.parsed("serial")? },
            person: row.parsed("person_id")?,
            since: row.time("since")?,
            tries: row.int("tries")?,
        })
    })
    .collect()
}

/// Whether it was pending.
pub(super) async fn delete(tx: &mut Tx, key: &CertKey) -> Result<bool, StoreError> {
    let gone = tx
        .execute(
            "DELETE FROM succession_pending WHERE authority = $1 AND serial = $2",
            &[key.authority.as_str().into(), key.serial.to_string().into()],
        )
        .await?;
    Ok(gone == 1)
}

pub(super) async fn wait(tx: &mut Tx, key: &CertKey, next_at: UnixTime) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE succession_pending SET tries = tries + 1, next_at = $3 WHERE authority = $1 AND serial = $2",
        &[key.authority.as_str().into(), key.serial.to_string().into(), next_at.into()],
    )
    .await
    .map(drop)
}

pub(super) async fn queue(tx: &mut Tx, at: UnixTime) -> Result<Queue, StoreError> {
    let row = tx
        .query_one(
            "SELECT count(*) AS pending, min(since) AS oldest,
                    (SELECT count(*) FROM succession_pending WHERE next_at <= $1) AS due
             FROM succession_pending",
            &[at.into()],
        )
        .await?;
    let count = |column| Ok::<_, StoreError>(u64::try_from(row.int(column)?).unwrap_or(0));
    Ok(Queue { pending: count("pending")?, due: count("due")?, oldest: row.int_opt("oldest")?.map(UnixTime) })
}
