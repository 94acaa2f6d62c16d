//! The entitlement check's only SQL.

use musubi_kernel::UnixTime;
use musubi_platform::relying_party::RelyingPartyId;
use musubi_store::{Row, StoreError, Tx};

use super::{Enrolling, EntitlementCheckId, Transaction};
use crate::outcome::{Completed, State};

pub(super) async fn insert(tx: &mut Tx, row: &Transaction) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO entitlement_check (id, relying_party_id, purpose, nonce, created_at, expires_at, state,
                                        assurance, enrol_presence)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        &[
            row.id.as_str().into(),
            row.relying_party.as_str().into(),
            row.purpose.as_str().into(),
            row.nonce.as_str().into(),
            row.created_at.into(),
            row.expires_at.into(),
            State::Open.as_str().into(),
            row.assurance.as_str().into(),
            i64::from(row.enrol_presence).into(),
        ],
    )
    .await
    .map(drop)
}

pub(super) async fn find(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    id: &EntitlementCheckId,
) -> Result<Option<Transaction>, StoreError> {
    let row = tx
        .query_opt(
            "SELECT id, relying_party_id, purpose, nonce, created_at, expires_at, state, person_id, verdict,
                    audit_index, audit_leaf, assurance, enrol_presence, presence_enrolled, presence_refusal
             FROM entitlement_check WHERE id = $1 AND relying_party_id = $2",
            &[id.as_str().into(), relying_party.as_str().into()],
        )
        .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Transaction {
        id: row.parsed("id")?,
        relying_party: row.parsed("relying_party_id")?,
        purpose: row.text("purpose")?,
        nonce: row.text("nonce")?,
        created_at: UnixTime(row.int("created_at")?),
        expires_at: UnixTime(row.int("expires_at")?),
        completed: Completed::from_row(&row)?,
        assurance: row.parsed("assurance")?,
        enrol_presence: row.int("enrol_presence")? == 1,
        enrolling: enrolling(&row)?,
    }))
}

fn enrolling(row: &Row) -> Result<Enrolling, StoreError> {
    Ok(match (row.int("presence_enrolled")?, row.text_opt("presence_refusal")?) {
        (1, _) => Enrolling::Enrolled,
        (_, Some(code)) => {
            Enrolling::Refused(code.parse().map_err(|_| StoreError::Corrupt("presence_refusal"))?)
        }
        _ => Enrolling::No,
    })
}

/// Whether the transaction is in the state `from`, open or waiting; it stays so for everyone else until the end of `tx`.
pub(super) async fn hold(tx: &mut Tx, id: &EntitlementCheckId, from: State) -> Result<bool, StoreError> {
    let held = tx
        .execute(
            "UPDATE entitlement_check SET state = $2 WHERE id = $1 AND state = $2",
            &[id.as_str().into(), from.as_str().into()],
        )
        .await?;
    Ok(held == 1)
}

/// Refuses a transaction that waits; answers in which state it waited.
pub(super) async fn refuse_awaited(tx: &mut Tx, id: &str, at: UnixTime) -> Result<Option<State>, StoreError> {
    let waiting = tx
        .query_opt(
            "SELECT state FROM entitlement_check WHERE id = $1 AND state IN ('held', 'provisional')",
            &[id.into()],
        )
        .await?;
    let Some(row) = waiting else { return Ok(None) };
    tx.execute(
        "UPDATE entitlement_check SET state = 'refused', completed_at = $2 WHERE id = $1",
        &[id.into(), at.into()],
    )
    .await?;
    row.parsed("state").map(Some)
}

/// Completes the check if it is still in the state `from`; `false` if it was completed meanwhile.
pub(super) async fn complete(
    tx: &mut Tx,
    id: &EntitlementCheckId,
    from: State,
    completed: &Completed,
    enrolling: Enrolling,
    at: UnixTime,
) -> Result<bool, StoreError> {
    let refusal = match enrolling {
        Enrolling::Refused(reason) => Some(reason.to_string()),
        Enrolling::No | Enrolling::Enrolled => None,
    };
    let changed = tx
        .execute(
            "UPDATE entitlement_check
             SET state = $2, person_id = $3, verdict = $4, audit_index = $5, audit_leaf = $6, completed_at = $7,
                 presence_enrolled = $8, presence_refusal = $9
             WHERE id = $1 AND state = $10",
            &[
                id.as_str().into(),
                completed.state.as_str().into(),
                completed.person.as_ref().map(|p| p.as_str().to_owned()).into(),
                completed.verdict.to_string().into(),
                completed.audit_index.into(),
                completed.audit_leaf.as_str().into(),
                at.into(),
                i64::from(enrolling == Enrolling::Enrolled).into(),
                refusal.into(),
                from.as_str().into(),
            ],
        )
        .await?;
    Ok(changed == 1)
}

/// Deletes transactions that were never completed and whose time ended before `before`.
pub(crate) async fn delete_abandoned(tx: &mut Tx, before: UnixTime) -> Result<u64, StoreError> {
    tx.execute("DELETE FROM entitlement_check WHERE state = 'open' AND expires_at < $1", &[before.into()])
        .await
}

#[cfg(test)]
mod tests {
    use musubi_store::Db;

    use super::super::{Assurance, MIGRATIONS};
    use super::*;

    const AT: UnixTime = UnixTime(1_795_230_000);
    const RELYING_PARTY: &str = "rp_00112233445566778899aabbccddeeff";
    const OPEN: &str = "ec_00112233445566778899aabbccddeeff";
    const COMPLETED: &str = "ec_ffeeddccbbaa99887766554433221100";

    async fn of_the_first_version(db: &Db) {
        db.migrate(&MIGRATIONS[..1], AT).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        for (id, state, verdict) in [(OPEN, "open", None), (COMPLETED, "accepted", Some("{}"))] {
            tx.execute(
                "INSERT INTO entitlement_check (id, relying_party_id, purpose, nonce, created_at, expires_at, state,
                                                person_id, verdict, audit_index, audit_leaf, completed_at)
                 VALUES ($1, $4, 'sign_in', 'n', 1, 2, $2, NULL, $3, 7, 'aa', 1)",
                &[id.into(), state.into(), verdict.into(), RELYING_PARTY.into()],
            )
            .await
            .unwrap();
        }
        tx.commit().await.unwrap();
    }

    #[tokio::test]
    async fn checks_of_the_first_version_asked_for_the_pin_and_enrolled_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut all = vec![Db::open_sqlite(&dir.path().join("checks.sqlite")).await.unwrap()];
        all.extend(musubi_store::testing::postgres_schema().await);
        for db in all {
            of_the_first_version(&db).await;
            db.migrate(MIGRATIONS, AT).await.unwrap();
            let mut tx = db.begin().await.unwrap();
            let relying_party = RELYING_PARTY.parse().unwrap();
            for (id, is_completed) in [(OPEN, false), (COMPLETED, true)] {
                let id: EntitlementCheckId = id.parse().unwrap();
                let check = find(&mut tx, &relying_party, &id).await.unwrap().unwrap();
                assert_eq!((check.assurance, check.enrol_presence), (Assurance::PinAuthenticated, false));
                assert_eq!((check.enrolling, check.completed.is_some()), (Enrolling::No, is_completed));
                assert_eq!(hold(&mut tx, &id, State::Open).await.unwrap(), !is_completed);
            }
        }
    }
}
