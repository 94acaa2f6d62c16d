//! The only SQL of freshness contracts, of answers given and of awaited answers.

use musubi_kernel::UnixTime;
use musubi_pki::{AuthorityKind, RevocationReason, SerialNumber};
use musubi_platform::person::PersonId;
use musubi_platform::relying_party::RelyingPartyId;
use musubi_store::{Row, StoreError, Target, Tx};

use super::{AnswerKind, Contract, Given, Registered};
use crate::linking::Revocation;

pub(super) async fn set(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    purpose: &str,
    contract: &Contract,
    at: UnixTime,
) -> Result<(), StoreError> {
    let document = serde_json::to_string(contract).map_err(|_| StoreError::Corrupt("document"))?;
    tx.execute(
        "INSERT INTO freshness_contract (relying_party_id, purpose, document, updated_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (relying_party_id, purpose)
         DO UPDATE SET document = excluded.document, updated_at = excluded.updated_at",
        &[relying_party.as_str().into(), purpose.into(), document.into(), at.into()],
    )
    .await
    .map(drop)
}

/// The contract for the purpose, else the one for all.
pub(super) async fn contract(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    purpose: &str,
) -> Result<Option<Contract>, StoreError> {
    tx.query_opt(
        "SELECT document FROM freshness_contract WHERE relying_party_id = $1 AND purpose IN ($2, '')
         ORDER BY purpose DESC LIMIT 1",
        &[relying_party.as_str().into(), purpose.into()],
    )
    .await?
    .as_ref()
    .map(document)
    .transpose()
}

pub(super) async fn contracts_of(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
) -> Result<Vec<Registered>, StoreError> {
    tx.query(
        "SELECT purpose, document FROM freshness_contract WHERE relying_party_id = $1 ORDER BY purpose",
        &[relying_party.as_str().into()],
    )
    .await?
    .iter()
    .map(|row| {
        let purpose = Some(row.text("purpose")?).filter(|purpose| !purpose.is_empty());
        Ok(Registered { purpose, contract: document(row)? })
    })
    .collect()
}

fn document(row: &Row) -> Result<Contract, StoreError> {
    serde_json::from_str(&row.text("document")?).map_err(|_| StoreError::Corrupt("document"))
}

pub(super) async fn give(tx: &mut Tx, given: &Given) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO answer_given (relying_party_id, answer, kind, said, authority, serial, person_id, customer_id,
                                   answered_at, method, list_number, evidence_at, not_after)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
         ON CONFLICT (answer, authority)
         DO UPDATE SET said = excluded.said, person_id = excluded.person_id, customer_id = excluded.customer_id,
                       answered_at = excluded.answered_at, method = excluded.method,
                       list_number = excluded.list_number, evidence_at = excluded.evidence_at,
                       corrected = 0, revoked_at = NULL, reason = NULL",
        &[
            given.relying_party.as_str().into(),
            given.answer.as_str().into(),
            given.kind.as_str().into(),
            given.said.as_str().into(),
            given.certificate.authority.as_str().into(),
            given.certificate.serial.to_string().into(),
            given.person.as_ref().map(|person| person.as_str().to_owned()).into(),
            given.customer_id.clone().into(),
            given.at.into(),
            given.freshness.method.as_str().into(),
            given.freshness.list_number.map(|number| i64::try_from(number).unwrap_or(i64::MAX)).into(),
            given.freshness.this_update.into(),
            given.not_after.into(),
        ],
    )
    .await
    .map(drop)
}

/// Ends a provisional answer; `false` if it was contradicted before, or is none.
pub(super) async fn end_provisional(tx: &mut Tx, answer: &str) -> Result<bool, StoreError> {
    let ended = tx
        .execute(
            "UPDATE answer_given SET corrected = 2 WHERE answer = $1 AND said = 'provisional' AND corrected = 0",
            &[answer.into()],
        )
        .await?;
    Ok(ended > 0)
}

/// Every certificate of an authority of which something was said that still stands.
pub(super) async fn for_each_standing<F>(
    tx: &mut Tx,
    authority: AuthorityKind,
    mut each: F,
) -> Result<u64, StoreError>
where
    F: FnMut(SerialNumber) + Send,
{
    tx.for_each(
        "SELECT DISTINCT serial FROM answer_given WHERE authority = $1 AND corrected = 0",
        &[authority.as_str().into()],
        |row| {
            each(row.text(0)?.parse().map_err(|_| StoreError::Corrupt("serial"))?);
            Ok(())
        },
    )
    .await
}

/// What a list names, in a table of this connection alone: one statement then works on all of it.
const NAMED: Target =
    Target { table: "named_for_answers", columns: &["authority", "serial", "revoked_at", "reason"] };
const NAMED_TABLE: &str = "CREATE TEMPORARY TABLE IF NOT EXISTS named_for_answers (
    authority TEXT NOT NULL, serial TEXT NOT NULL, revoked_at BIGINT NOT NULL, reason TEXT NOT NULL)";

/// An answer that evidence contradicts.
pub(super) struct Flipped {
    pub(super) relying_party: RelyingPartyId,
    pub(super) answer: String,
    pub(super) kind: String,
    pub(super) said: String,
    pub(super) authority: AuthorityKind,
    pub(super) person: Option<PersonId>,
    pub(super) customer_id: Option<String>,
    pub(super) purpose: Option<String>,
    pub(super) answered_at: UnixTime,
    pub(super) revoked_at: UnixTime,
    pub(super) reason: RevocationReason,
}

/// Marks the standing answers about certificates that were revoked when the answer was given, and answers them.
pub(super) async fn flip(tx: &mut Tx, revocations: &[Revocation]) -> Result<Vec<Flipped>, StoreError> {
    tx.execute(NAMED_TABLE, &[]).await?;
    tx.execute("DELETE FROM named_for_answers", &[]).await?;
    let row = |named: &Revocation| {
        vec![
            named.key.authority.as_str().into(),
            named.key.serial.to_string().into(),
            named.at.into(),
            named.reason.as_str().into(),
        ]
    };
    tx.insert_many(NAMED, revocations.iter().map(row).collect::<Vec<_>>()).await?;
    // Of two processes that look through the same list, only one finds an answer standing.
    let marked = tx
        .execute(
            "UPDATE answer_given SET corrected = 1, revoked_at = named.revoked_at, reason = named.reason
             FROM named_for_answers AS named
             WHERE answer_given.authority = named.authority AND answer_given.serial = named.serial
               AND answer_given.corrected = 0 AND named.revoked_at <= answer_given.answered_at",
            &[],
        )
        .await?;
    if marked == 0 {
        return Ok(Vec::new());
    }
    // The certificate's person may have become known since, and the customer been given another number.
    let flipped = tx
        .query(
            "SELECT given.relying_party_id AS relying_party_id, given.answer AS answer, given.kind AS kind,
                    given.said AS said, given.authority AS authority,
                    COALESCE(given.person_id, certificate.person_id) AS person_id,
                    COALESCE(link.customer_id, given.customer_id) AS customer_id, link.purpose AS purpose,
                    given.answered_at AS answered_at, given.revoked_at AS revoked_at, given.reason AS reason
             FROM answer_given AS given
             JOIN (SELECT DISTINCT authority, serial FROM named_for_answers) AS named
               ON given.authority = named.authority AND given.serial = named.serial
             LEFT JOIN certificate
               ON certificate.authority = given.authority AND certificate.serial = given.serial
             LEFT JOIN link ON link.relying_party_id = given.relying_party_id
               AND link.person_id = COALESCE(given.person_id, certificate.person_id)
             WHERE given.corrected = 1
             ORDER BY given.relying_party_id, given.answered_at, given.answer, given.authority",
            &[],
        )
        .await?
        .iter()
        .map(flipped)
        .collect::<Result<_, _>>()?;
    tx.execute(
        "UPDATE answer_given SET corrected = 2
         WHERE corrected = 1 AND EXISTS (SELECT 1 FROM named_for_answers AS named
           WHERE named.authority = answer_given.authority AND named.serial = answer_given.serial)",
        &[],
    )
    .await?;
    Ok(flipped)
}

fn flipped(row: &Row) -> Result<Flipped, StoreError> {
    Ok(Flipped {
        relying_party: row.parsed("relying_party_id")?,
        answer: row.text("answer")?,
        kind: row.text("kind")?,
        said: row.text("said")?,
        authority: row.parsed("authority")?,
        person: person(row)?,
        customer_id: row.text_opt("customer_id")?,
        purpose: row.text_opt("purpose")?,
        answered_at: row.time("answered_at")?,
        revoked_at: row.time("revoked_at")?,
        reason: row.parsed("reason")?,
    })
}

fn person(row: &Row) -> Result<Option<PersonId>, StoreError> {
    row.text_opt("person_id")?.map(|id| id.parse().map_err(|_| StoreError::Corrupt("person_id"))).transpose()
}

/// Deletes what nothing can contradict any more: the certificate ended before `ended`, or the answer is older than `given`.
pub(super) async fn forget(tx: &mut Tx, ended: UnixTime, given: UnixTime) -> Result<u64, StoreError> {
    tx.execute(
        "DELETE FROM answer_given WHERE not_after < $1 OR answered_at < $2",
        &[ended.into(), given.into()],
    )
    .await
}

/// For which purpose a customer is watched.
pub(crate) async fn purpose_of_customer(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    customer_id: &str,
) -> Result<Option<String>, StoreError> {
    let row = tx
        .query_opt(
            "SELECT purpose FROM link WHERE relying_party_id = $1 AND customer_id = $2",
            &[relying_party.as_str().into(), customer_id.into()],
        )
        .await?;
    row.map_or(Ok(None), |row| row.text_opt("purpose"))
}

/// An answer that waits.
pub(super) struct Waiting {
    pub(super) answer: String,
    pub(super) kind: AnswerKind,
    pub(super) relying_party: RelyingPartyId,
    pub(super) since: UnixTime,
    pub(super) until: UnixTime,
    pub(super) sealed: Vec<u8>,
}

pub(super) async fn wait(tx: &mut Tx, waiting: &Waiting) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO awaited_answer (answer, kind, relying_party_id, since, until, tried_at, sealed)
         VALUES ($1, $2, $3, $4, $5, $4, $6)",
        &[
            waiting.answer.as_str().into(),
            waiting.kind.as_str().into(),
            waiting.relying_party.as_str().into(),
            waiting.since.into(),
            waiting.until.into(),
            waiting.sealed.clone().into(),
        ],
    )
    .await
    .map(drop)
}

/// Those that were tried last before `before`, or by a clock that was ahead of `at`; the longest untried first.
pub(super) async fn due(
    tx: &mut Tx,
    before: UnixTime,
    at: UnixTime,
    limit: u32,
) -> Result<Vec<Waiting>, StoreError> {
    tx.query(
        "SELECT answer, kind, relying_party_id, since, until, sealed FROM awaited_answer
         WHERE tried_at < $1 OR tried_at > $2 ORDER BY tried_at, answer LIMIT $3",
        &[before.into(), at.into(), limit.into()],
    )
    .await?
    .iter()
    .map(|row| {
        Ok(Waiting {
            answer: row.text("answer")?,
            kind: row.parsed("kind")?,
            relying_party: row.parsed("relying_party_id")?,
            since: row.time("since")?,
            until: row.time("until")?,
            sealed: row.blob("sealed")?,
        })
    })
    .collect()
}

pub(super) async fn tried(tx: &mut Tx, answer: &str, at: UnixTime) -> Result<(), StoreError> {
    tx.execute("UPDATE awaited_answer SET tried_at = $2 WHERE answer = $1", &[answer.into(), at.into()])
        .await
        .map(drop)
}

/// Takes a waiting answer off; `false` if another process has.
pub(super) async fn done(tx: &mut Tx, answer: &str) -> Result<bool, StoreError> {
    Ok(tx.execute("DELETE FROM awaited_answer WHERE answer = $1", &[answer.into()]).await? == 1)
}
