//! How a relying party signs in to the API: it signs an assertion with its registered key (RFC 7523, 2.2) and gets an
//! access token by the grant `client_credentials` (RFC 6749, 4.4).
//!
//! ```text
//! assertion --POST /v1/token--> access token --Authorization: Bearer--> [`Caller`]
//!  (once)                        (600 seconds)
//! ```
//! Tokens are opaque and 256 bits long; the database keeps their SHA-256 only. An assertion is accepted once. An
//! unknown client and a wrong signature get the same answer after the same work.

mod http;
mod service;
mod sql;
#[cfg(test)]
mod tests;

use musubi_httpkit::{ProblemKind, Text};
use musubi_store::{Migration, StoreError};

use crate::RelyingPartyId;

pub use http::{TokenAnswer, api, describe_security};
pub use service::purge_expired;

pub(crate) const MIGRATION: Migration =
    Migration { name: "client_auth/0001_client_auth", sql: include_str!("migrations/0001_client_auth.sql") };

/// Life of an access token in seconds.
pub const TOKEN_LIFETIME: i64 = 600;

/// Longest client assertion in bytes.
pub const MAX_ASSERTION: usize = 4096;

/// The value of `client_assertion_type` (RFC 7523, 2.2).
pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The client assertion was not accepted. It is not said why: the log of the relying party knows what it sent.
pub static CLIENT_UNAUTHENTICATED: ProblemKind = ProblemKind::new(
    "client.unauthenticated",
    401,
    "Client not authenticated",
    Text::new(
        "クライアントアサーションを受け付けられませんでした。",
        "登録した鍵、iss・sub・aud、有効時間(300秒以内)を確かめ、jtiを変えて新しく作り直してください。",
    ),
    Text::new(
        "The client assertion was not accepted.",
        "Check the registered key, iss, sub, aud and a life of at most 300 seconds, then make a new one with a new jti.",
    ),
);

/// Another grant than `client_credentials`.
pub static TOKEN_UNSUPPORTED_GRANT: ProblemKind = ProblemKind::new(
    "token.unsupported_grant",
    400,
    "Unsupported grant type",
    Text::new("このgrant_typeには対応していません。", "grant_type=client_credentialsで送り直してください。"),
    Text::new("This grant_type is not supported.", "Send it again with grant_type=client_credentials."),
);

/// The request has no access token.
pub static TOKEN_MISSING: ProblemKind = ProblemKind::new(
    "token.missing",
    401,
    "Access token missing",
    Text::new(
        "アクセストークンがありません。",
        "/v1/tokenで取得し、Authorization: Bearerヘッダーに付けてください。",
    ),
    Text::new(
        "The request has no access token.",
        "Get one at /v1/token and send it in the header Authorization: Bearer.",
    ),
);

/// The access token is unknown, expired or malformed.
pub static TOKEN_INVALID: ProblemKind = ProblemKind::new(
    "token.invalid",
    401,
    "Access token invalid",
    Text::new("アクセストークンが無効か、期限切れです。", "/v1/tokenで新しいトークンを取得してください。"),
    Text::new("The access token is not valid, or has expired.", "Get a new one at /v1/token."),
);

/// The relying party that makes the request: an extractor that wants a live access token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Its id.
    pub relying_party: RelyingPartyId,
}

/// Why no token was issued.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenError {
    #[error("the client assertion was not accepted")]
    Unauthenticated,
    #[error(transparent)]
    Store(#[from] StoreError),
}
