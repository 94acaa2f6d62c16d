//! The only SQL of pending changes.

use musubi_kernel::UnixTime;
use musubi_pki::CertKey;
use musubi_platform::person::PersonId;
use musubi_store::{Row, StoreError, Target, Tx};

use super::ChangeKind;
use super::follow_up::{FollowUp, Told};
use super::service::Source;
use crate::linking::{Concerned, Revocation};

const FOLLOW_UPS: Target = Target {
    table: "change_follow_up",
    columns: &[
        "authority",
        "serial",
        "person_id",
        "reason",
        "revoked_at",
        "recorded_at",
        "key_id",
        "list_number",
        "list_this_update",
        "due_at",
        "tries",
    ],
};
const TOLD: Target =
    Target { table: "change_told", columns: &["authority", "serial", "relying_party_id", "sequence"] };

pub(super) async fn insert<'a>(
    tx: &mut Tx,
    follow_ups: impl Iterator<Item = &'a FollowUp>,
    told: &[Told],
) -> Result<(), StoreError> {
    let rows = follow_ups.map(|one| {
        vec![
            one.key.authority.as_str().into(),
            one.key.serial.to_string().into(),
            one.person.as_str().into(),
            one.reason.as_str().into(),
            one.revoked_at.into(),
            one.recorded_at.into(),
            one.source.key_id.as_str().into(),
            one.source.number.into(),
            one.source.this_update.into(),
            one.first_due().into(),
            one.tries.into(),
        ]
    });
    tx.insert_many(FOLLOW_UPS, rows.collect::<Vec<_>>()).await?;
    let mut rows = Vec::with_capacity(told.len());
    for one in told {
        rows.push(vec![
            one.key.authority.as_str().into(),
            one.key.serial.to_string().into(),
            one.relying_party.as_str().into(),
            i64::try_from(one.sequence).map_err(|_| StoreError::Corrupt("sequence"))?.into(),
        ]);
    }
    tx.insert_many(TOLD, rows).await.map(drop)
}

pub(super) async fn due(tx: &mut Tx, at: UnixTime, limit: u32) -> Result<Vec<FollowUp>, StoreError> {
    tx.query(
        "SELECT authority, serial, person_id, reason, revoked_at, recorded_at, key_id, list_number,
                list_this_update, tries
         FROM change_follow_up WHERE decided IS NULL AND due_at <= $1
         ORDER BY due_at, authority, serial LIMIT $2",
        &[at.into(), limit.into()],
    )
    .await?
    .iter()
    .map(follow_up)
    .collect()
}

fn follow_up(row: &Row) -> Result<FollowUp, StoreError> {
    let key = CertKey { authority: row.parsed("authority")?, serial: row.parsed("serial")? };
    Ok(FollowUp {
        source: Source {
            authority: key.authority,
            key_id: row.text("key_id")?,
            number: row.int("list_number")?,
            this_update: row.time("list_this_update")?,
        },
        key,
        person: row.parsed("person_id")?,
        reason: row.parsed("reason")?,
        revoked_at: row.time("revoked_at")?,
        recorded_at: row.time("recorded_at")?,
        tries: row.int("tries")?,
    })
}

pub(super) async fn wait(tx: &mut Tx, key: &CertKey, due_at: UnixTime) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE change_follow_up SET tries = tries + 1, due_at = $3
         WHERE authority = $1 AND serial = $2 AND decided IS NULL",
        &[key.authority.as_str().into(), key.serial.to_string().into(), due_at.into()],
    )
    .await
    .map(drop)
}

/// Whether it was pending.
pub(super) async fn decide(
    tx: &mut Tx,
    key: &CertKey,
    kind: ChangeKind,
    at: UnixTime,
) -> Result<bool, StoreError> {
    let changed = tx
        .execute(
            "UPDATE change_follow_up SET decided = $3, decided_at = $4
             WHERE authority = $1 AND serial = $2 AND decided IS NULL",
            &[key.authority.as_str().into(), key.serial.to_string().into(), kind.as_str().into(), at.into()],
        )
        .await?;
    Ok(changed == 1)
}

/// Who was told of it as pending and still watches the person, with the number of that entry.
pub(super) async fn told(
    tx: &mut Tx,
    follow_up: &FollowUp,
    at: UnixTime,
) -> Result<Vec<(Concerned, u64)>, StoreError> {
    tx.query(
        "SELECT told.relying_party_id AS relying_party_id, told.sequence AS sequence,
                link.customer_id AS customer_id, link.purpose AS purpose,
                (SELECT count(*) FROM consent WHERE consent.person = link.person_id
                   AND consent.relying_party = link.relying_party_id AND consent.withdrawn_at IS NULL
                   AND consent.valid_from <= $4 AND $4 < consent.valid_until) AS consents
         FROM change_told AS told
         JOIN link ON link.relying_party_id = told.relying_party_id AND link.person_id = $3
         WHERE told.authority = $1 AND told.serial = $2 AND link.purpose IS NOT NULL
         ORDER BY told.relying_party_id",
        &[
            follow_up.key.authority.as_str().into(),
            follow_up.key.serial.to_string().into(),
            follow_up.person.as_str().into(),
            at.into(),
        ],
    )
    .await?
    .iter()
    .map(|row| {
        let concerned = Concerned {
            revocation: Revocation {
                key: follow_up.key.clone(),
                at: follow_up.revoked_at,
                reason: follow_up.reason,
            },
            person: follow_up.person.clone(),
            relying_party: row.parsed("relying_party_id")?,
            customer_id: row.text("customer_id")?,
            purpose: row.text("purpose")?,
            consented: row.int("consents")? > 0,
        };
        let sequence = row.int("sequence")?;
        Ok((concerned, u64::try_from(sequence).map_err(|_| StoreError::Corrupt("sequence"))?))
    })
    .collect()
}

pub(super) async fn forget_told(tx: &mut Tx, key: &CertKey) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM change_told WHERE authority = $1 AND serial = $2",
        &[key.authority.as_str().into(), key.serial.to_string().into()],
    )
    .await
    .map(drop)
}

pub(super) async fn decided(
    tx: &mut Tx,
    person: &PersonId,
) -> Result<Vec<(CertKey, ChangeKind)>, StoreError> {
    tx.query(
        "SELECT authority, serial, decided FROM change_follow_up
         WHERE person_id = $1 AND decided IS NOT NULL",
        &[person.as_str().into()],
    )
    .await?
    .iter()
    .map(|row| {
        let key = CertKey { authority: row.parsed("authority")?, serial: row.parsed("serial")? };
        Ok((key, row.text("decided")?.parse().map_err(|()| StoreError::Corrupt("decided"))?))
    })
    .collect()
}
