//! The rules of sessions.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use musubi_kernel::{Random, Secret, UnixTime};
use musubi_store::{Db, StoreError, Tx};
use serde_json::json;

use super::{MAX_AGE, MAX_IDLE, Session, sql};
use crate::PersonId;
use crate::audit::{self, AuditEvent};

/// Use within so many seconds is not written down again: most requests only read.
const SEEN_WITHIN: i64 = 60;

/// Opens a session for `person` and writes its audit event. Answers the token for the cookie: 43 characters of
/// base64url, never to be seen again. Always a new one, so that a token planted before sign-in is worth nothing.
///
/// # Errors
/// [`StoreError`].
pub async fn open(
    tx: &mut Tx,
    person: &PersonId,
    random: &dyn Random,
    at: UnixTime,
) -> Result<Secret<String>, StoreError> {
    let mut bytes = [0; 32];
    random.fill(&mut bytes);
    let token = Secret::new(URL_SAFE_NO_PAD.encode(bytes));
    let session = Session { person: person.clone(), opened_at: at, seen_at: at };
    sql::insert(tx, &digest(token.expose()), &session).await?;
    audit::append(tx, &event(audit::SESSION_OPENED, person), random, at).await?;
    Ok(token)
}

/// The live session of `token`, and notes that it was used.
///
/// # Errors
/// [`StoreError`].
pub async fn find(db: &Db, token: &str, at: UnixTime) -> Result<Option<Session>, StoreError> {
    let token_sha256 = digest(token);
    let mut tx = db.begin_read().await?;
    let found = sql::find(&mut tx, &token_sha256).await?.filter(|session| session.is_live(at));
    drop(tx);
    let Some(mut session) = found else { return Ok(None) };
    if at.since(session.seen_at) >= SEEN_WITHIN {
        let mut tx = db.begin().await?;
        sql::touch(&mut tx, &token_sha256, at).await?;
        tx.commit().await?;
        session.seen_at = at;
    }
    Ok(Some(session))
}

/// Ends the session of `token` and writes its audit event. Answers whose it was, if there was one.
///
/// # Errors
/// [`StoreError`].
pub async fn close(
    tx: &mut Tx,
    token: &str,
    random: &dyn Random,
    at: UnixTime,
) -> Result<Option<PersonId>, StoreError> {
    let Some(person) = sql::delete(tx, &digest(token)).await? else { return Ok(None) };
    audit::append(tx, &event(audit::SESSION_CLOSED, &person), random, at).await?;
    Ok(Some(person))
}

/// Deletes the sessions that are over; answers how many.
///
/// # Errors
/// [`StoreError`].
pub async fn purge_expired(tx: &mut Tx, at: UnixTime) -> Result<u64, StoreError> {
    sql::purge(tx, at.plus(-MAX_IDLE), at.plus(-MAX_AGE)).await
}

fn digest(token: &str) -> musubi_crypto::Sha256Digest {
    musubi_crypto::sha256(token.as_bytes())
}

fn event(kind: &'static str, person: &PersonId) -> AuditEvent {
    AuditEvent { kind, relying_party: None, person: Some(person.clone()), detail: json!({}) }
}
