//! The bank's SQL: rows in, the bank's types out. Longer than 500 lines because statements are many and short:
//! applications, accounts, sign-ins, change events, the lab, in this order.

use musubi_crypto::Sha256Digest;
use musubi_kernel::UnixTime;
use musubi_store::{Migration, Row, StoreError, Tx, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::model::{
    Account, ApplicationId, ApplicationRecord, ApplicationState, AttributesVersion, BankEvent, ChangeCursor,
    LatestState, Session, SignInId, SignInRecord, SignInState, asked_name, asked_of_name,
};
use super::stream::Trouble;
use crate::platform_client::{
    Application, Assurance, Attributes, CheckAnswer, Judged, OpenedCheck, OpenedProofing, Reason,
};

pub(crate) const MIGRATIONS: [Migration; 3] = [
    Migration { name: "bank/0001_bank", sql: include_str!("migrations/0001_bank.sql") },
    Migration { name: "bank/0002_presence", sql: include_str!("migrations/0002_presence.sql") },
    Migration { name: "bank/0003_stream", sql: include_str!("migrations/0003_stream.sql") },
];

fn to_json(value: &impl Serialize) -> Result<Value, StoreError> {
    serde_json::to_string(value).map(Value::from).map_err(|_| StoreError::Corrupt("json"))
}

fn from_json<T: DeserializeOwned>(row: &Row, column: &'static str) -> Result<Option<T>, StoreError> {
    row.text_opt(column)?
        .map(|text| serde_json::from_str(&text).map_err(|_| StoreError::Corrupt(column)))
        .transpose()
}

fn digest(row: &Row, column: &'static str) -> Result<Sha256Digest, StoreError> {
    row.blob(column)?.try_into().map_err(|_| StoreError::Corrupt(column))
}

// -- applications

pub(crate) async fn insert_application(tx: &mut Tx, record: &ApplicationRecord) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO bank_application
           (id, browser_hash, customer_id, state, application, open_key, tampered, next_attempt_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8)",
        &[
            record.id.as_str().into(),
            record.browser.into(),
            (&record.customer_id).into(),
            record.state.as_str().into(),
            to_json(&record.application)?,
            (&record.open_key).into(),
            record.next_attempt_at.into(),
            record.created_at.into(),
        ],
    )
    .await
    .map(drop)
}

/// Forgets applications that led to no account and were made before `before`.
pub(crate) async fn forget_applications(tx: &mut Tx, before: UnixTime) -> Result<u64, StoreError> {
    tx.execute(
        "DELETE FROM bank_application WHERE created_at < $1 AND state IN ('drafted', 'open', 'refused', 'lapsed')",
        &[before.into()],
    )
    .await
}

pub(crate) async fn application(
    tx: &mut Tx,
    id: &ApplicationId,
) -> Result<Option<ApplicationRecord>, StoreError> {
    let row = tx
        .query_opt(
            "SELECT id, browser_hash, customer_id, state, application, open_key, proofing_id, to_be_signed, card_request,
                    expires_at, certificate, signature, completion_key, tampered, result, problem, next_attempt_at,
                    created_at
               FROM bank_application WHERE id = $1",
            &[id.as_str().into()],
        )
        .await?;
    row.map(|row| {
        Ok(ApplicationRecord {
            id: row.parsed("id")?,
            browser: digest(&row, "browser_hash")?,
            customer_id: row.text("customer_id")?,
            state: row.parsed("state")?,
            application: from_json::<Application>(&row, "application")?
                .ok_or(StoreError::Corrupt("application"))?,
            open_key: row.text("open_key")?,
            proofing_id: row.text_opt("proofing_id")?,
            to_be_signed: row.text_opt("to_be_signed")?,
            card_request: from_json(&row, "card_request")?,
            expires_at: row.int_opt("expires_at")?.map(UnixTime),
            certificate: row.text_opt("certificate")?,
            signature: row.text_opt("signature")?,
            completion_key: row.text_opt("completion_key")?,
            tampered: row.int("tampered")? != 0,
            result: from_json(&row, "result")?,
            problem: from_json(&row, "problem")?,
            next_attempt_at: row.time("next_attempt_at")?,
            created_at: row.time("created_at")?,
        })
    })
    .transpose()
}

/// Applications in `state` whose next attempt is due, oldest first.
pub(crate) async fn due_applications(
    tx: &mut Tx,
    state: ApplicationState,
    now: UnixTime,
) -> Result<Vec<ApplicationId>, StoreError> {
    tx.query(
        "SELECT id FROM bank_application WHERE state = $1 AND next_attempt_at <= $2 ORDER BY created_at LIMIT 50",
        &[state.as_str().into(), now.into()],
    )
    .await?
    .iter()
    .map(|row| row.parsed("id"))
    .collect()
}

pub(crate) async fn application_opened(
    tx: &mut Tx,
    id: &ApplicationId,
    opened: &OpenedProofing,
) -> Result<u64, StoreError> {
    tx.execute(
        "UPDATE bank_application SET state = 'open', proofing_id = $2, to_be_signed = $3, card_request = $4,
                expires_at = $5, problem = NULL
          WHERE id = $1 AND state = 'drafted'",
        &[
            id.as_str().into(),
            (&opened.id).into(),
            (&opened.to_be_signed).into(),
            to_json(&opened.card_request)?,
            opened.expires_at.into(),
        ],
    )
    .await
}

/// A drafted application could not be opened: try again at `at`, under `open_key`.
pub(crate) async fn application_not_opened(
    tx: &mut Tx,
    id: &ApplicationId,
    open_key: &str,
    problem: Option<&Reason>,
    at: UnixTime,
) -> Result<u64, StoreError> {
    tx.execute(
        "UPDATE bank_application SET open_key = $2, problem = $3, next_attempt_at = $4 WHERE id = $1 AND state = 'drafted'",
        &[id.as_str().into(), open_key.into(), problem.map_or(Ok(Value::Text(None)), to_json)?, at.into()],
    )
    .await
}

/// The signature arrived: kept before the platform is called.
pub(crate) async fn application_submitted(
    tx: &mut Tx,
    id: &ApplicationId,
    certificate: &str,
    signature: &str,
    completion_key: &str,
    tampered: bool,
    now: UnixTime,
) -> Result<u64, StoreError> {
    tx.execute(
        "UPDATE bank_application SET state = 'submitted', certificate = $2, signature = $3, completion_key = $4,
                tampered = $5, next_attempt_at = $6
          WHERE id = $1 AND state = 'open'",
        &[id.as_str().into(), certificate.into(), signature.into(), completion_key.into(), tampered.into(), now.into()],
    )
    .await
}

/// Judgement has to wait: try again at `at`, under `next_key`.
pub(crate) async fn application_waits(
    tx: &mut Tx,
    id: &ApplicationId,
    key: &str,
    next_key: &str,
    result: Option<&Judged>,
    at: UnixTime,
) -> Result<u64, StoreError> {
    tx.execute(
        "UPDATE bank_application SET completion_key = $3, result = COALESCE($4, result), next_attempt_at = $5
          WHERE id = $1 AND completion_key = $2 AND state = 'submitted'",
        &[
            id.as_str().into(),
            key.into(),
            next_key.into(),
            result.map_or(Ok(Value::Text(None)), to_json)?,
            at.into(),
        ],
    )
    .await
}

/// The application is decided; what the card gave is forgotten.
pub(crate) async fn application_ended(
    tx: &mut Tx,
    id: &ApplicationId,
    state: ApplicationState,
    result: Option<&Judged>,
    problem: Option<&Reason>,
) -> Result<u64, StoreError> {
    tx.execute(
        "UPDATE bank_application SET state = $2, result = COALESCE($3, result), problem = COALESCE($4, problem),
                certificate = NULL, signature = NULL
          WHERE id = $1 AND state IN ('drafted', 'open', 'submitted')",
        &[
            id.as_str().into(),
            state.as_str().into(),
            result.map_or(Ok(Value::Text(None)), to_json)?,
            problem.map_or(Ok(Value::Text(None)), to_json)?,
        ],
    )
    .await
}

// -- accounts

pub(crate) async fn insert_account(
    tx: &mut Tx,
    account: &Account,
    application: &ApplicationId,
    subject: Option<&str>,
    consent_id: Option<&str>,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO bank_account (customer_id, application_id, account_number, subject, consent_id, balance_yen, opened_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            (&account.customer_id).into(),
            application.as_str().into(),
            (&account.account_number).into(),
            subject.into(),
            consent_id.into(),
            account.balance_yen.into(),
            account.opened_at.into(),
        ],
    )
    .await
    .map(drop)
}

pub(crate) async fn account(tx: &mut Tx, customer_id: &str) -> Result<Option<Account>, StoreError> {
    let row = tx
        .query_opt(
            "SELECT customer_id, account_number, consent_id, presence_enrolled_at, balance_yen, opened_at
               FROM bank_account WHERE customer_id = $1",
            &[customer_id.into()],
        )
        .await?;
    row.map(|row| {
        Ok(Account {
            customer_id: row.text("customer_id")?,
            account_number: row.text("account_number")?,
            has_consent: row.text_opt("consent_id")?.is_some(),
            presence_enrolled_at: row.int_opt("presence_enrolled_at")?.map(UnixTime),
            balance_yen: row.int("balance_yen")?,
            opened_at: row.time("opened_at")?,
        })
    })
    .transpose()
}

pub(crate) async fn presence_enrolled(
    tx: &mut Tx,
    customer_id: &str,
    at: UnixTime,
) -> Result<u64, StoreError> {
    tx.execute(
        "UPDATE bank_account SET presence_enrolled_at = $2 WHERE customer_id = $1",
        &[customer_id.into(), at.into()],
    )
    .await
}

pub(crate) async fn insert_attributes(
    tx: &mut Tx,
    customer_id: &str,
    version: &AttributesVersion,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO bank_attributes (customer_id, version, name, address, date_of_birth, sex, as_of, event_sequence)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        &[
            customer_id.into(),
            version.version.into(),
            (&version.attributes.name).into(),
            (&version.attributes.address).into(),
            (&version.attributes.date_of_birth).into(),
            (&version.attributes.sex).into(),
            version.as_of.into(),
            version.event_sequence.into(),
        ],
    )
    .await
    .map(drop)
}

/// All versions, newest first.
pub(crate) async fn attributes(tx: &mut Tx, customer_id: &str) -> Result<Vec<AttributesVersion>, StoreError> {
    tx.query(
        "SELECT version, name, address, date_of_birth, sex, as_of, event_sequence FROM bank_attributes
          WHERE customer_id = $1 ORDER BY version DESC",
        &[customer_id.into()],
    )
    .await?
    .iter()
    .map(|row| {
        Ok(AttributesVersion {
            version: row.int("version")?,
            attributes: Attributes {
                name: row.text("name")?,
                address: row.text("address")?,
                date_of_birth: row.text("date_of_birth")?,
                sex: row.text("sex")?,
            },
            as_of: row.time("as_of")?,
            event_sequence: row.int_opt("event_sequence")?,
        })
    })
    .collect()
}

// -- sign-in and sessions

pub(crate) async fn insert_sign_in(tx: &mut Tx, record: &SignInRecord) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO bank_sign_in (id, browser_hash, state, asked, open_key, created_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
        &[
            record.id.as_str().into(),
            record.browser.into(),
            record.state.as_str().into(),
            asked_name(record.asked).into(),
            (&record.open_key).into(),
            record.created_at.into(),
        ],
    )
    .await
    .map(drop)
}

/// Forgets sign-ins that began before `before`.
pub(crate) async fn forget_sign_ins(tx: &mut Tx, before: UnixTime) -> Result<u64, StoreError> {
    tx.execute("DELETE FROM bank_sign_in WHERE created_at < $1", &[before.into()]).await
}

const SIGN_IN: &str =
    "SELECT id, browser_hash, state, asked, open_key, check_id, card_request, expires_at, certificate, signature,
    page_origin, presence, completion_key, result, problem, created_at FROM bank_sign_in WHERE id = $1";

const LAST_SIGN_IN: &str =
    "SELECT id, browser_hash, state, asked, open_key, check_id, card_request, expires_at, certificate, signature,
    page_origin, presence, completion_key, result, problem, created_at FROM bank_sign_in
    WHERE certificate IS NOT NULL AND completed_at IS NOT NULL ORDER BY completed_at DESC, id LIMIT 1";

fn sign_in_record(row: &Row) -> Result<SignInRecord, StoreError> {
    Ok(SignInRecord {
        id: row.parsed("id")?,
        browser: digest(row, "browser_hash")?,
        state: row.parsed("state")?,
        asked: asked_of_name(&row.text("asked")?).map_err(|_| StoreError::Corrupt("asked"))?,
        open_key: row.text("open_key")?,
        check_id: row.text_opt("check_id")?,
        card_request: from_json(row, "card_request")?,
        expires_at: row.int_opt("expires_at")?.map(UnixTime),
        certificate: row.text_opt("certificate")?,
        signature: row.text_opt("signature")?,
        page_origin: row.text_opt("page_origin")?,
        presence: from_json(row, "presence")?,
        completion_key: row.text_opt("completion_key")?,
        result: from_json(row, "result")?,
        problem: from_json(row, "problem")?,
        created_at: row.time("created_at")?,
    })
}

pub(crate) async fn sign_in(tx: &mut Tx, id: &SignInId) -> Result<Option<SignInRecord>, StoreError> {
    tx.query_opt(SIGN_IN, &[id.as_str().into()]).await?.as_ref().map(sign_in_record).transpose()
}

/// The sign-in that was completed last, if its answer was kept (only where the lab is open).
pub(crate) async fn last_sign_in(tx: &mut Tx) -> Result<Option<SignInRecord>, StoreError> {
    tx.query_opt(LAST_SIGN_IN, &[]).await?.as_ref().map(sign_in_record).transpose()
}

pub(crate) async fn sign_in_opened(
    tx: &mut Tx,
    id: &SignInId,
    opened: &OpenedCheck,
) -> Result<u64, StoreError> {
    tx.execute(
        "UPDATE bank_sign_in SET state = 'open', check_id = $2, card_request = $3, expires_at = $4, problem = NULL
          WHERE id = $1 AND state = 'drafted'",
        &[id.as_str().into(), (&opened.id).into(), to_json(&opened.card_request)?, opened.expires_at.into()],
    )
    .await
}

pub(crate) async fn sign_in_not_opened(
    tx: &mut Tx,
    id: &SignInId,
    open_key: &str,
    problem: Option<&Reason>,
) -> Result<u64, StoreError> {
    tx.execute(
        "UPDATE bank_sign_in SET open_key = $2, problem = $3 WHERE id = $1 AND state = 'drafted'",
        &[id.as_str().into(), open_key.into(), problem.map_or(Ok(Value::Text(None)), to_json)?],
    )
    .await
}

pub(crate) async fn sign_in_submitted(
    tx: &mut Tx,
    id: &SignInId,
    answer: &CheckAnswer<'_>,
    completion_key: &str,
) -> Result<u64, StoreError> {
    tx.execute(
        "UPDATE bank_sign_in SET state = 'submitted', certificate = $2, signature = $3, page_origin = $4,
                presence = $5, completion_key = $6
          WHERE id = $1 AND state = 'open'",
        &[
            id.as_str().into(),
            answer.certificate.into(),
            answer.signature.into(),
            answer.origin.into(),
            answer.presence.map_or(Ok(Value::Text(None)), to_json)?,
            completion_key.into(),
        ],
    )
    .await
}

pub(crate) async fn sign_in_waits(
    tx: &mut Tx,
    id: &SignInId,
    next_key: &str,
    result: Option<&Judged>,
    problem: Option<&Reason>,
) -> Result<u64, StoreError> {
    tx.execute(
        "UPDATE bank_sign_in SET completion_key = $2, result = $3, problem = $4 WHERE id = $1 AND state = 'submitted'",
        &[
            id.as_str().into(),
            next_key.into(),
            result.map_or(Ok(Value::Text(None)), to_json)?,
            problem.map_or(Ok(Value::Text(None)), to_json)?,
        ],
    )
    .await
}

/// The sign-in is decided. What the card answered is forgotten, unless the lab keeps it to show a replay.
pub(crate) async fn sign_in_ended(
    tx: &mut Tx,
    id: &SignInId,
    state: SignInState,
    result: Option<&Judged>,
    problem: Option<&Reason>,
    keep_answer: bool,
    now: UnixTime,
) -> Result<u64, StoreError> {
    tx.execute(
        "UPDATE bank_sign_in SET state = $2, result = COALESCE($3, result), problem = COALESCE($4, problem),
                certificate = CASE WHEN $5 = 1 THEN certificate END, signature = CASE WHEN $5 = 1 THEN signature END,
                presence = CASE WHEN $5 = 1 THEN presence END, completed_at = $6
          WHERE id = $1 AND state IN ('drafted', 'open', 'submitted')",
        &[
            id.as_str().into(),
            state.as_str().into(),
            result.map_or(Ok(Value::Text(None)), to_json)?,
            problem.map_or(Ok(Value::Text(None)), to_json)?,
            keep_answer.into(),
            now.into(),
        ],
    )
    .await
}

pub(crate) async fn insert_session(
    tx: &mut Tx,
    token: Sha256Digest,
    session: &Session,
    assurance: Assurance,
    now: UnixTime,
) -> Result<(), StoreError> {
    tx.execute("DELETE FROM bank_session WHERE expires_at <= $1", &[now.into()]).await?;
    tx.execute(
        "INSERT INTO bank_session (token_hash, customer_id, expires_at, assurance) VALUES ($1, $2, $3, $4)",
        &[token.into(), (&session.customer_id).into(), session.expires_at.into(), assurance.as_str().into()],
    )
    .await
    .map(drop)
}

/// The session of exactly this assurance: one by presence is none by PIN.
pub(crate) async fn session(
    tx: &mut Tx,
    token: Sha256Digest,
    assurance: Assurance,
    now: UnixTime,
) -> Result<Option<Session>, StoreError> {
    let row = tx
        .query_opt(
            "SELECT customer_id, expires_at FROM bank_session
              WHERE token_hash = $1 AND assurance = $2 AND expires_at > $3",
            &[token.into(), assurance.as_str().into(), now.into()],
        )
        .await?;
    row.map(|row| Ok(Session { customer_id: row.text("customer_id")?, expires_at: row.time("expires_at")? }))
        .transpose()
}

pub(crate) async fn delete_session(tx: &mut Tx, token: Sha256Digest) -> Result<(), StoreError> {
    tx.execute("DELETE FROM bank_session WHERE token_hash = $1", &[token.into()]).await.map(drop)
}

// -- change events

pub(crate) async fn change_cursor(tx: &mut Tx) -> Result<ChangeCursor, StoreError> {
    let row = tx
        .query_one(
            "SELECT next, polled_at, list_number, list_made_at, place, trouble FROM bank_change_cursor
             WHERE one = 1",
            &[],
        )
        .await?;
    Ok(ChangeCursor {
        next: row.int("next")?,
        polled_at: row.int_opt("polled_at")?.map(UnixTime),
        list_number: row.text_opt("list_number")?,
        list_made_at: row.int_opt("list_made_at")?.map(UnixTime),
        place: from_json(&row, "place")?,
        trouble: row
            .text_opt("trouble")?
            .map(|text| text.parse().map_err(|()| StoreError::Corrupt("trouble")))
            .transpose()?,
    })
}

/// Moves the cursor, unless somebody else moved it since `from`; answers whether it moved.
pub(crate) async fn move_change_cursor(
    tx: &mut Tx,
    from: i64,
    to: &ChangeCursor,
) -> Result<bool, StoreError> {
    let moved = tx
        .execute(
            "UPDATE bank_change_cursor
                SET next = $2, polled_at = $3, list_number = $4, list_made_at = $5, place = $6, trouble = $7
              WHERE one = 1 AND next = $1",
            &[
                from.into(),
                to.next.into(),
                to.polled_at.into(),
                to.list_number.clone().into(),
                to.list_made_at.into(),
                to_json(&to.place)?,
                to.trouble.map(Trouble::as_str).into(),
            ],
        )
        .await?;
    Ok(moved == 1)
}

pub(crate) async fn insert_event(tx: &mut Tx, event: &BankEvent) -> Result<u64, StoreError> {
    tx.execute(
        "INSERT INTO bank_event (sequence, customer_id, kind, certificate_kind, occurred_at, recorded_at, list_number,
                                 list_made_at, latest, fetch_key, attempts, next_attempt_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, $6)
         ON CONFLICT (sequence) DO NOTHING",
        &[
            event.sequence.into(),
            (&event.customer_id).into(),
            (&event.kind).into(),
            (&event.certificate_kind).into(),
            event.occurred_at.into(),
            event.recorded_at.into(),
            event.list_number.clone().into(),
            event.list_made_at.into(),
            event.latest.as_str().into(),
            (&event.fetch_key).into(),
        ],
    )
    .await
}

/// A later event stands in its place.
pub(crate) async fn delete_event(tx: &mut Tx, sequence: i64, customer_id: &str) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM bank_event WHERE sequence = $1 AND customer_id = $2",
        &[sequence.into(), customer_id.into()],
    )
    .await
    .map(drop)
}

fn event(row: &Row) -> Result<BankEvent, StoreError> {
    Ok(BankEvent {
        sequence: row.int("sequence")?,
        customer_id: row.text("customer_id")?,
        kind: row.text("kind")?,
        certificate_kind: row.text("certificate_kind")?,
        occurred_at: row.time("occurred_at")?,
        recorded_at: row.time("recorded_at")?,
        list_number: row.text_opt("list_number")?,
        list_made_at: row.int_opt("list_made_at")?.map(UnixTime),
        latest: row.parsed("latest")?,
        fetch_key: row.text("fetch_key")?,
        attempts: row.int("attempts")?,
    })
}

/// A customer's events, newest first.
pub(crate) async fn events(tx: &mut Tx, customer_id: &str) -> Result<Vec<BankEvent>, StoreError> {
    tx.query(
        "SELECT sequence, customer_id, kind, certificate_kind, occurred_at, recorded_at, list_number, list_made_at, latest,
                fetch_key, attempts
           FROM bank_event WHERE customer_id = $1 ORDER BY sequence DESC LIMIT 100",
        &[customer_id.into()],
    )
    .await?
    .iter()
    .map(event)
    .collect()
}

/// Events of customers of ours whose latest attributes are due to be asked for, oldest first.
pub(crate) async fn due_events(tx: &mut Tx, now: UnixTime) -> Result<Vec<BankEvent>, StoreError> {
    tx.query(
        "SELECT sequence, customer_id, kind, certificate_kind, occurred_at, recorded_at, list_number, list_made_at, latest,
                fetch_key, attempts
           FROM bank_event
          WHERE latest = 'pending' AND next_attempt_at <= $1
            AND customer_id IN (SELECT customer_id FROM bank_account)
          ORDER BY sequence LIMIT 50",
        &[now.into()],
    )
    .await?
    .iter()
    .map(event)
    .collect()
}

/// The question for an event's attributes is answered; so are the customer's earlier ones that still wait.
pub(crate) async fn events_answered(
    tx: &mut Tx,
    event: &BankEvent,
    state: LatestState,
) -> Result<u64, StoreError> {
    tx.execute(
        "UPDATE bank_event SET latest = $3 WHERE customer_id = $1 AND sequence <= $2 AND latest = 'pending'",
        &[(&event.customer_id).into(), event.sequence.into(), state.as_str().into()],
    )
    .await
}

pub(crate) async fn event_waits(
    tx: &mut Tx,
    sequence: i64,
    fetch_key: &str,
    attempts: i64,
    at: UnixTime,
) -> Result<u64, StoreError> {
    tx.execute(
        "UPDATE bank_event SET fetch_key = $2, attempts = $3, next_attempt_at = $4 WHERE sequence = $1 AND latest = 'pending'",
        &[sequence.into(), fetch_key.into(), attempts.into(), at.into()],
    )
    .await
}

// -- the lab

pub(crate) async fn arm_tampering(tx: &mut Tx) -> Result<(), StoreError> {
    tx.execute("UPDATE bank_lab SET tamper_next = 1 WHERE one = 1", &[]).await.map(drop)
}

/// Whether the next completion shall be altered; asked once, it is no longer so.
pub(crate) async fn take_tampering(tx: &mut Tx) -> Result<bool, StoreError> {
    Ok(tx.execute("UPDATE bank_lab SET tamper_next = 0 WHERE one = 1 AND tamper_next = 1", &[]).await? == 1)
}

#[cfg(test)]
mod tests {
    use musubi_store::Db;

    use super::*;
    use crate::platform_client::Asked;

    const AT: UnixTime = UnixTime(1_795_230_000);

    async fn of_the_first_version(db: &Db) {
        let [first, ..] = MIGRATIONS;
        db.migrate(&[first], AT).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        let hash = || Value::from([7_u8; 32]);
        for (sql, values) in [
            (
                "INSERT INTO bank_application (id, browser_hash, state, application, customer_id, open_key, tampered,
                                               next_attempt_at, created_at)
                 VALUES ('ap_1', $1, 'accepted', '{}', 'MB-1', 'k', 0, 1, 1)",
                vec![hash()],
            ),
            (
                "INSERT INTO bank_account (customer_id, application_id, account_number, balance_yen, opened_at)
                 VALUES ('MB-1', 'ap_1', '1', 1, 1)",
                vec![],
            ),
            (
                "INSERT INTO bank_sign_in (id, browser_hash, state, open_key, certificate, signature, page_origin,
                                           created_at)
                 VALUES ('si_00112233445566778899aabbccddeeff', $1, 'submitted', 'k', 'c', 's', 'o', 1)",
                vec![hash()],
            ),
            (
                "INSERT INTO bank_session (token_hash, customer_id, expires_at) VALUES ($1, 'MB-1', $2)",
                vec![hash(), AT.plus(1).into()],
            ),
        ] {
            tx.execute(sql, &values).await.unwrap();
        }
        tx.commit().await.unwrap();
    }

    #[tokio::test]
    async fn what_was_begun_in_the_first_version_was_by_pin_and_enrolled_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let mut all = vec![Db::open_sqlite(&dir.path().join("bank.sqlite")).await.unwrap()];
        all.extend(musubi_store::testing::postgres_schema().await);
        for db in all {
            of_the_first_version(&db).await;
            db.migrate(&MIGRATIONS, AT).await.unwrap();
            let mut tx = db.begin().await.unwrap();
            let record = sign_in(&mut tx, &"si_00112233445566778899aabbccddeeff".parse().unwrap())
                .await
                .unwrap()
                .unwrap();
            assert!(record.asked == Asked::Pin && record.answer().unwrap().presence.is_none());
            for (assurance, is_there) in
                [(Assurance::PinAuthenticated, true), (Assurance::CardPresent, false)]
            {
                let found = session(&mut tx, [7; 32], assurance, AT).await.unwrap();
                assert_eq!(found.is_some(), is_there);
            }
            assert_eq!(account(&mut tx, "MB-1").await.unwrap().unwrap().presence_enrolled_at, None);
        }
    }
}
