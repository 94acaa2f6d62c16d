//! The rules of client authentication.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use musubi_crypto::JwkSet;
use musubi_kernel::{Random, Secret, UnixTime};
use musubi_store::{StoreError, Tx};
use serde_json::json;

use super::{Caller, TOKEN_LIFETIME, TokenError, sql};
use crate::audit::{self, AuditEvent};
use crate::{RelyingPartyId, relying_party};

/// Seconds for which a used `jti` is kept after its assertion expired: more than the tolerated skew of clocks.
const JTI_KEPT: i64 = 120;

/// A client whose assertion was verified; only [`authenticate`] makes one. Its single use is still to be noted.
pub(super) struct Authenticated {
    client: RelyingPartyId,
    jti: String,
    expires_at: UnixTime,
}

impl Authenticated {
    pub(super) fn client(&self) -> &RelyingPartyId {
        &self.client
    }
}

/// Verifies a client assertion. Only reads, so that a flood of false assertions keeps nobody from writing.
pub(super) async fn authenticate(
    tx: &mut Tx,
    assertion: &str,
    audience: &str,
    at: UnixTime,
) -> Result<Authenticated, TokenError> {
    let client = claimed_client(assertion).ok_or(TokenError::Unauthenticated)?;
    let known = relying_party::by_id(tx, &client).await?;
    // An unknown client's assertion is verified, too, under a key that is no client's: the time tells nothing.
    let key_set = known.as_ref().map_or(DECOY.as_ref(), |party| Some(&party.key_set));
    let claims = key_set
        .and_then(|keys| keys.verify_assertion(assertion, client.as_str(), audience, at).ok())
        .filter(|_| known.is_some())
        .ok_or(TokenError::Unauthenticated)?;
    Ok(Authenticated { client, jti: claims.jti, expires_at: UnixTime(claims.exp) })
}

/// Issues an access token (43 characters of base64url) for an assertion that was not used before, and writes the
/// audit event.
pub(super) async fn issue(
    tx: &mut Tx,
    authenticated: Authenticated,
    random: &dyn Random,
    at: UnixTime,
) -> Result<Secret<String>, TokenError> {
    let Authenticated { client, jti, expires_at } = authenticated;
    if !sql::use_assertion(tx, &client, &jti, expires_at.plus(JTI_KEPT)).await? {
        return Err(TokenError::Unauthenticated);
    }
    let mut bytes = [0; 32];
    random.fill(&mut bytes);
    let token = Secret::new(URL_SAFE_NO_PAD.encode(bytes));
    sql::insert_token(tx, &digest(token.expose()), &client, at.plus(TOKEN_LIFETIME)).await?;
    let event = AuditEvent {
        kind: audit::TOKEN_ISSUED,
        relying_party: Some(client),
        person: None,
        detail: json!({ "expires_at": at.plus(TOKEN_LIFETIME) }),
    };
    audit::append(tx, &event, random, at).await?;
    Ok(token)
}

/// Whose live token this is.
pub(super) async fn caller(tx: &mut Tx, token: &str, at: UnixTime) -> Result<Option<Caller>, StoreError> {
    let owner = sql::token_owner(tx, &digest(token), at).await?;
    Ok(owner.map(|relying_party| Caller { relying_party }))
}

/// Deletes expired tokens and assertion ids; answers how many.
///
/// # Errors
/// [`StoreError`].
pub async fn purge_expired(tx: &mut Tx, at: UnixTime) -> Result<u64, StoreError> {
    sql::purge(tx, at).await
}

/// The client that an assertion claims to come from, before anything is believed.
fn claimed_client(assertion: &str) -> Option<RelyingPartyId> {
    #[derive(serde::Deserialize)]
    struct Claimed {
        sub: RelyingPartyId,
    }
    let mut parts = assertion.split('.');
    let (Some(_), Some(claims), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
    serde_json::from_slice::<Claimed>(&claims).ok().map(|claimed| claimed.sub)
}

fn digest(token: &str) -> musubi_crypto::Sha256Digest {
    musubi_crypto::sha256(token.as_bytes())
}

/// A public P-256 key for clients that do not exist: that of RFC 6979, A.2.5. Its private key is public, and it does
/// not matter: what it verifies is refused all the same.
static DECOY: LazyLock<Option<JwkSet>> = LazyLock::new(|| {
    let key = json!({
        "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig",
        "x": "YP7UuiVanTHJYet0xjVtaMBJuJI7Yfps5mliLmDyn7Y",
        "y": "eQP-EAi4vJmkGunpVii8ZPLxsgwtfp9Rd6PClNRGIpk",
    });
    JwkSet::parse(&json!({ "keys": [key] }).to_string()).ok()
});

#[cfg(test)]
pub(super) fn decoy() -> &'static JwkSet {
    DECOY.as_ref().unwrap()
}
