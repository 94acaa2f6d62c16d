//! The daily file: one token in each line. The first is the day's statement, which says from where to where the day goes;
//! the others are its entries, as they were sent. A file that was cut, joined or changed does not read to its end.

use musubi_crypto::Ed25519Signer;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::chain::{Claims, Entry, Position, Stream};
use crate::event::DAY;
use crate::receiver::{Accepted, Place, Receiver, Refusal};
use crate::token::{self, TokenError, VerifyingKey};

/// What the platform says of one day of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayStatement {
    /// The day in Japan, `2026-04-01`.
    pub day: String,
    /// The place before its first entry.
    pub before: Position,
    /// The place after its last entry; `before` if nothing happened.
    pub last: Position,
    /// When the day was closed, Unix seconds: the claim `iat`.
    #[serde(skip)]
    pub at: i64,
}

/// The token of a day's statement. The same statement gives the same bytes.
#[must_use]
pub fn seal_day(stream: &Stream, statement: &DayStatement, key: &Ed25519Signer) -> String {
    let body = serde_json::to_value(statement).unwrap_or(Value::Null);
    let claims = json!({
        "iss": stream.issuer, "aud": stream.audience, "iat": statement.at,
        "jti": format!("{}.day.{}", stream.audience, statement.day),
        "events": { DAY.uri: body },
    });
    token::seal(&claims, key)
}

/// Reads a day's statement.
///
/// # Errors
/// [`TokenError`].
pub fn open_day(token: &str, stream: &Stream, keys: &[VerifyingKey]) -> Result<DayStatement, TokenError> {
    let mut claims: Claims = token::open(token, keys)?;
    if claims.iss != stream.issuer || claims.aud != stream.audience {
        return Err(TokenError::OtherStream);
    }
    let body = claims.events.remove(DAY.uri).filter(|_| claims.events.is_empty());
    let mut statement: DayStatement =
        serde_json::from_value(body.ok_or(TokenError::Malformed)?).map_err(|_| TokenError::Malformed)?;
    if statement.last.sequence < statement.before.sequence {
        return Err(TokenError::Malformed);
    }
    statement.at = claims.iat;
    Ok(statement)
}

/// Why a daily file is not what the platform made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DayRefusal {
    /// A line is not the entry that belongs there.
    #[error(transparent)]
    Line(#[from] Refusal),
    /// A line stands there twice, or comes after the day's last entry.
    #[error("the file has a line too many")]
    TooMany,
    /// The file ends before the day does.
    #[error("the file ends after entry {got} and not after entry {expected}")]
    Truncated {
        /// The day's last number.
        expected: u64,
        /// The file's.
        got: u64,
    },
}

/// Reads a daily file line by line.
#[derive(Debug)]
pub struct DayReader {
    statement: DayStatement,
    receiver: Receiver,
}

impl DayReader {
    /// Begins with the file's first line.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn begin(first: &str, stream: &Stream, keys: &[VerifyingKey]) -> Result<Self, TokenError> {
        let statement = open_day(first, stream, keys)?;
        let receiver = Receiver::new(stream.clone(), keys.to_vec(), Place::after(statement.before));
        Ok(Self { statement, receiver })
    }

    /// What the file is to hold.
    #[must_use]
    pub fn statement(&self) -> &DayStatement {
        &self.statement
    }

    /// Takes the next line.
    ///
    /// # Errors
    /// [`DayRefusal`].
    pub fn line(&mut self, token: &str) -> Result<Entry, DayRefusal> {
        if self.receiver.place().last().sequence >= self.statement.last.sequence {
            return Err(DayRefusal::TooMany);
        }
        match self.receiver.accept(token)? {
            Accepted::New(entry) => Ok(entry),
            Accepted::Again | Accepted::Old => Err(DayRefusal::TooMany),
        }
    }

    /// Ends the file.
    ///
    /// # Errors
    /// [`DayRefusal`] if the day goes on, or ends with another entry than its statement says.
    pub fn end(self) -> Result<(), DayRefusal> {
        let (got, expected) = (*self.receiver.place().last(), self.statement.last);
        if got.sequence < expected.sequence {
            return Err(DayRefusal::Truncated { expected: expected.sequence, got: got.sequence });
        }
        if got == expected {
            return Ok(());
        }
        Err(Refusal::Contradiction(crate::Contradiction::Fork { sequence: got.sequence }).into())
    }
}
