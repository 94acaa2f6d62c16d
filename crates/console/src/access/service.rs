//! The rules of signing in: compare, open, find, close.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use musubi_crypto::{Sha256Digest, equal_in_constant_time, hmac_sha256};
use musubi_kernel::{Random, Secret, UnixTime};
use musubi_platform::audit::{self, AuditEvent};
use musubi_store::{StoreError, Tx};

use super::{LIFETIME, sql};

/// Opens a session for who knows the code, and writes its audit record; `None` for who does not. Answers the token for
/// the cookie, always a new one.
pub(crate) async fn open(
    tx: &mut Tx,
    code: &Secret<String>,
    said: &str,
    random: &dyn Random,
    at: UnixTime,
) -> Result<Option<Secret<String>>, StoreError> {
    // Digests have one length: neither length nor content of the code shows in the time that this takes.
    let digest = |text: &str| hmac_sha256(b"musubi console access code 1", &[text.as_bytes()]);
    if !equal_in_constant_time(&digest(code.expose()), &digest(said)) {
        return Ok(None);
    }
    let mut bytes = [0; 32];
    random.fill(&mut bytes);
    let token = Secret::new(URL_SAFE_NO_PAD.encode(bytes));
    sql::insert(tx, &bound(code, token.expose()), at.plus(LIFETIME)).await?;
    append(tx, audit::CONSOLE_OPENED, random, at).await?;
    Ok(Some(token))
}

/// Whether a token is that of an open session.
pub(crate) async fn is_open(
    tx: &mut Tx,
    code: &Secret<String>,
    token: &str,
    at: UnixTime,
) -> Result<bool, StoreError> {
    sql::is_open(tx, &bound(code, token), at).await
}

/// Ends a session and writes its audit record, if there was one.
pub(crate) async fn close(
    tx: &mut Tx,
    code: &Secret<String>,
    token: &str,
    random: &dyn Random,
    at: UnixTime,
) -> Result<(), StoreError> {
    if sql::delete(tx, &bound(code, token)).await? {
        append(tx, audit::CONSOLE_CLOSED, random, at).await?;
    }
    Ok(())
}

/// Deletes the sessions that are over; answers how many.
///
/// # Errors
/// [`StoreError`].
pub async fn purge_expired(tx: &mut Tx, at: UnixTime) -> Result<u64, StoreError> {
    sql::purge(tx, at).await
}

/// What is stored of a token: worth nothing to who reads the database, and nothing under another code.
fn bound(code: &Secret<String>, token: &str) -> Sha256Digest {
    hmac_sha256(code.expose().as_bytes(), &[b"musubi console session 1", token.as_bytes()])
}

async fn append(
    tx: &mut Tx,
    kind: &'static str,
    random: &dyn Random,
    at: UnixTime,
) -> Result<(), StoreError> {
    let event = AuditEvent { kind, relying_party: None, person: None, detail: serde_json::json!({}) };
    audit::append(tx, &event, random, at).await.map(drop)
}
