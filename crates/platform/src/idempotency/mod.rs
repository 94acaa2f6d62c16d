//! Idempotent requests: the header `Idempotency-Key` names an attempt of a relying party, and the same attempt has
//! its effect once (after draft-ietf-httpapi-idempotency-key-header). The stored answer stays for 24 hours.
//!
//! ```text
//! begin -> Fresh  --(effect, remember, commit)--> same key, same request: Replay
//!                 --(no commit)-----------------> as if nothing had been sent
//! begin -> Reused: same key, another route or body
//! ```
//! [`begin`] claims the key inside the transaction of the effect: on PostgreSQL a second attempt waits there for
//! the first to end, on SQLite the write lock does that. A handler that must ask elsewhere between, asks
//! [`recall`] first and begins after.
//!
//! What is stored is what is replayed. Answers with attributes are remembered without them.

mod http;
mod service;
mod sql;
#[cfg(test)]
mod tests;

use musubi_httpkit::{ProblemKind, Text};
use musubi_store::{Migration, StoreError};

pub use service::{begin, purge_expired, recall, remember};

pub(crate) const MIGRATION: Migration =
    Migration { name: "idempotency/0001_idempotency", sql: include_str!("migrations/0001_idempotency.sql") };

/// The header is missing.
pub static KEY_MISSING: ProblemKind = ProblemKind::new(
    "idempotency.key_missing",
    400,
    "Idempotency-Key missing",
    Text::new(
        "Idempotency-Keyヘッダーがありません。",
        "操作ごとに新しいキーを作り、ヘッダーに付けて送り直してください。",
    ),
    Text::new(
        "The header Idempotency-Key is missing.",
        "Make a new key for each operation and send the request with it.",
    ),
);

/// The header is there twice, or not 1 to 64 of `A-Z a-z 0-9 . _ -`.
pub static KEY_MALFORMED: ProblemKind = ProblemKind::new(
    "idempotency.key_malformed",
    400,
    "Idempotency-Key malformed",
    Text::new(
        "Idempotency-Keyの形式が違います。",
        "英数字と「.」「_」「-」だけで64文字以内のキーを一つだけ付けてください。",
    ),
    Text::new(
        "The header Idempotency-Key has the wrong form.",
        "Send one key of 1 to 64 letters, digits, dots, underscores and hyphens.",
    ),
);

/// The key was used for another request.
pub static KEY_REUSED: ProblemKind = ProblemKind::new(
    "idempotency.key_reused",
    422,
    "Idempotency-Key reused",
    Text::new(
        "同じIdempotency-Keyが、内容の違うリクエストで使われています。",
        "別の操作には新しいキーを使ってください。再送なら前回とまったく同じ内容を送ってください。",
    ),
    Text::new(
        "This Idempotency-Key was used for another request.",
        "Use a new key for another operation; to repeat one, send exactly the same request.",
    ),
);

/// The key of one attempt: 1 to 64 of `A-Z a-z 0-9 . _ -`. As an extractor, it reads the header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Reads a key.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let valid = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        ((1..=64).contains(&text.len()) && text.bytes().all(valid)).then(|| Self(text.to_owned()))
    }

    /// The key's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An answer that is given again. As a response it has the header `Idempotency-Replayed: true`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// The HTTP status.
    pub status: u16,
    /// The body: JSON, or empty.
    pub body: String,
}

/// What to do with an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Attempt {
    /// Do it, and [`remember`] the answer in the same transaction.
    Fresh,
    /// It was done: give this answer again.
    Replay(Remembered),
}

/// Why an attempt was refused.
#[derive(Debug, thiserror::Error)]
pub enum IdempotencyError {
    /// The key was used for another request.
    #[error("the idempotency key was used for another request")]
    Reused,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}
