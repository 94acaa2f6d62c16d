//! Entries: numbered, chained, signed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use musubi_crypto::{Ed25519Signer, Sha256Digest, sha256, sha256_parts};
use musubi_kernel::UnixTime;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::event::Event;
use crate::token::{self, TokenError, VerifyingKey};

/// Whose stream: the claims `iss` and `aud` of each of its tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// The platform's API origin.
    pub issuer: String,
    /// The relying party's id.
    pub audience: String,
}

/// A place in a stream: after which entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Number of the entry; 0 before the first.
    pub sequence: u64,
    /// SHA-256 of the entry's bytes; before the first, of the stream's name.
    #[serde(with = "digest")]
    pub hash: Sha256Digest,
}

impl Stream {
    /// The place before the first entry.
    #[must_use]
    pub fn start(&self) -> Position {
        let hash = sha256_parts(&[
            b"musubi change stream 1\n",
            self.issuer.as_bytes(),
            b"\n",
            self.audience.as_bytes(),
            b"\n",
        ]);
        Position { sequence: 0, hash }
    }
}

/// An entry whose signature verified. Whether it follows what the receiver has is for the receiver to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The place after it.
    pub position: Position,
    /// The hash of the entry before it, as it says.
    pub previous: Sha256Digest,
    /// When the platform wrote it.
    pub at: UnixTime,
    /// What it tells.
    pub event: Event,
}

/// The entry after `last`: its bytes, and the place after it.
#[must_use]
pub fn seal_entry(
    stream: &Stream,
    last: &Position,
    event: &Event,
    at: UnixTime,
    key: &Ed25519Signer,
) -> (String, Position) {
    let sequence = last.sequence.saturating_add(1);
    let mut claims = json!({
        "iss": stream.issuer, "aud": stream.audience, "iat": at.0,
        "jti": format!("{}.{sequence}", stream.audience),
        "events": { event.uri.as_str(): event.body },
        "musubi_chain": { "sequence": sequence, "previous": URL_SAFE_NO_PAD.encode(last.hash) },
    });
    if let (Some(subject), Some(claims)) = (&event.subject, claims.as_object_mut()) {
        claims.insert("sub_id".into(), json!({ "format": "opaque", "id": subject }));
    }
    let token = token::seal(&claims, key);
    let position = Position { sequence, hash: sha256(token.as_bytes()) };
    (token, position)
}

#[derive(Deserialize)]
pub(crate) struct Claims {
    pub(crate) iss: String,
    pub(crate) aud: String,
    pub(crate) iat: i64,
    jti: String,
    sub_id: Option<SubjectId>,
    pub(crate) events: Map<String, Value>,
    musubi_chain: Option<ChainClaim>,
}

#[derive(Deserialize)]
struct SubjectId {
    format: String,
    id: String,
}

#[derive(Deserialize)]
struct ChainClaim {
    sequence: u64,
    previous: String,
}

/// Reads an entry of `stream`.
///
/// # Errors
/// [`TokenError`].
pub fn open_entry(token: &str, stream: &Stream, keys: &[VerifyingKey]) -> Result<Entry, TokenError> {
    let claims: Claims = token::open(token, keys)?;
    if claims.iss != stream.issuer || claims.aud != stream.audience {
        return Err(TokenError::OtherStream);
    }
    let chain = claims.musubi_chain.ok_or(TokenError::Malformed)?;
    let named = claims.jti == format!("{}.{}", stream.audience, chain.sequence);
    let opaque = claims.sub_id.as_ref().is_none_or(|subject| subject.format == "opaque");
    if !named || !opaque || chain.sequence == 0 || claims.events.len() != 1 {
        return Err(TokenError::Malformed);
    }
    let previous = URL_SAFE_NO_PAD.decode(&chain.previous).ok().and_then(|hash| hash.try_into().ok());
    let (uri, body) = claims.events.into_iter().next().ok_or(TokenError::Malformed)?;
    let Value::Object(body) = body else { return Err(TokenError::Malformed) };
    Ok(Entry {
        position: Position { sequence: chain.sequence, hash: sha256(token.as_bytes()) },
        previous: previous.ok_or(TokenError::Malformed)?,
        at: UnixTime(claims.iat),
        event: Event { uri, subject: claims.sub_id.map(|subject| subject.id), body },
    })
}

impl Stream {
    /// The stream that a token says to belong to: **no signature is verified**. For a file of which nothing else is known.
    ///
    /// # Errors
    /// [`TokenError::Malformed`].
    pub fn named_in(token: &str) -> Result<Self, TokenError> {
        let claims: Claims = token::claims_of_own(token)?;
        Ok(Self { issuer: claims.iss, audience: claims.aud })
    }
}

/// What an entry tells, for the platform that sealed it: **no signature is verified**.
///
/// # Errors
/// [`TokenError::Malformed`].
pub fn event_of_own(token: &str) -> Result<Event, TokenError> {
    let claims: Claims = token::claims_of_own(token)?;
    let (uri, body) = claims.events.into_iter().next().ok_or(TokenError::Malformed)?;
    let Value::Object(body) = body else { return Err(TokenError::Malformed) };
    Ok(Event { uri, subject: claims.sub_id.map(|subject| subject.id), body })
}

/// A hash as base64url on the wire.
pub(crate) mod digest {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    pub(crate) fn serialize<S: Serializer>(hash: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(hash))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.ok_or_else(|| de::Error::custom("not 32 bytes of base64url"))
    }
}
