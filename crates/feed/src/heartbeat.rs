//! Heartbeats: "nothing else for your N customers up to sequence S, as of list R".

use musubi_crypto::Ed25519Signer;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::chain::{Claims, Position, Stream};
use crate::event::HEARTBEAT;
use crate::token::{self, TokenError, VerifyingKey};

/// A revocation list that the platform had taken in, with everything that follows from it in the stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListInUse {
    /// `digital_signature` or `user_authentication`.
    pub authority: String,
    /// The issuing generation's key identifier, lower-case hex.
    pub key_id: String,
    /// CRLNumber.
    pub number: i64,
    /// `thisUpdate`, Unix seconds.
    pub this_update: i64,
    /// `nextUpdate`, Unix seconds.
    pub next_update: i64,
}

/// What the platform vouches for at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// The last entry: there was no other after it.
    pub last: Position,
    /// How many customers are watched.
    pub customers: u64,
    /// The lists whose changes are all in the stream up to `last`.
    pub lists: Vec<ListInUse>,
    /// When it was said, Unix seconds: the claim `iat`.
    #[serde(skip)]
    pub at: i64,
}

/// The token of a heartbeat.
#[must_use]
pub fn seal_heartbeat(stream: &Stream, heartbeat: &Heartbeat, key: &Ed25519Signer) -> String {
    let body = serde_json::to_value(heartbeat).unwrap_or(Value::Null);
    let claims = json!({
        "iss": stream.issuer, "aud": stream.audience, "iat": heartbeat.at,
        "jti": format!("{}.heartbeat.{}.{}", stream.audience, heartbeat.last.sequence, heartbeat.at),
        "events": { HEARTBEAT.uri: body },
    });
    token::seal(&claims, key)
}

/// Reads a heartbeat of `stream`.
///
/// # Errors
/// [`TokenError`].
pub fn open_heartbeat(token: &str, stream: &Stream, keys: &[VerifyingKey]) -> Result<Heartbeat, TokenError> {
    let mut claims: Claims = token::open(token, keys)?;
    if claims.iss != stream.issuer || claims.aud != stream.audience {
        return Err(TokenError::OtherStream);
    }
    let body = claims.events.remove(HEARTBEAT.uri).filter(|_| claims.events.is_empty());
    let mut heartbeat: Heartbeat =
        serde_json::from_value(body.ok_or(TokenError::Malformed)?).map_err(|_| TokenError::Malformed)?;
    heartbeat.at = claims.iat;
    Ok(heartbeat)
}
