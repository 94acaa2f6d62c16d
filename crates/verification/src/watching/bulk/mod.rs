//! Bulk registration (一括登録): a file of any number of lines, each a customer to be watched.
//!
//! ```text
//!  POST ──► open ──PATCH, PATCH, …──► complete     every byte taken, as announced
//!             │                       differs      every byte taken, but not as many or not the digest announced
//!             │                       failed       a line without end, a header that is none
//!             ├── DELETE ───────────► cancelled
//!             └── 7 days ───────────► expired
//! ```
//!
//! Bytes come by "Resumable Uploads for HTTP" (draft-ietf-httpbis-resumable-upload: `Upload-Offset`, `Upload-Complete`).
//! Lines take effect as they arrive, in batches; a batch's effects, its results and the new offset are one transaction. A
//! cut or a SIGKILL anywhere loses nothing and does nothing twice: the sender asks for the offset and goes on from there.
//! What took effect stays, whatever becomes of the rest.
//!
//! Memory is bounded by [`LINES`] lines or [`BATCH_BYTES`] bytes, twice. Compressed content is not taken.

pub mod http;
mod intake;
mod lines;
mod results;
mod service;
mod signed;
mod sql;
mod write;

use std::collections::BTreeMap;
use std::str::FromStr;

use musubi_kernel::{UnixTime, define_id};
use musubi_platform::relying_party::RelyingPartyId;
use musubi_store::StoreError;

use super::Ground;

pub use intake::Intake;
pub use results::{RESULTS, ResultKind};
pub use service::{begin, cancel, expire_abandoned, find};

define_id!(
    /// A bulk registration.
    RegistrationId, "br");

/// Lines in one transaction.
pub const LINES: usize = 4_000;
/// Bytes of lines in one transaction.
pub const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// Signed applications in one transaction: each is judged and asked about upstream.
const SIGNED_LINES: usize = 256;
/// Longest line, in bytes.
pub const LINE_LIMIT: usize = 48 * 1024;
/// Most bytes of one file.
pub const MAX_BYTES: u64 = 64 * 1024 * 1024 * 1024;
/// Open registrations of one relying party.
pub const MAX_OPEN: i64 = 4;
/// How long a registration stays open, in seconds.
pub const LIFETIME: i64 = 7 * 24 * 3600;
/// How long results are kept after the end, in seconds.
pub const RESULTS_KEPT: i64 = 90 * 24 * 3600;

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON object on each line.
    Ndjson,
    /// RFC 4180 with a header; no line breaks inside of fields.
    Csv,
}

impl Format {
    /// The name on the wire and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
        }
    }
}

impl FromStr for Format {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Ndjson, Self::Csv].into_iter().find(|format| format.as_str() == text).ok_or(())
    }
}

/// Where a registration stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Bytes are awaited.
    Open,
    /// All there, as announced.
    Complete,
    /// All there, but not as announced.
    Differs,
    /// The file cannot be read on.
    Failed,
    /// The relying party ended it.
    Cancelled,
    /// Nobody ended it in time.
    Expired,
}

impl State {
    /// The name on the wire and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Complete => "complete",
            Self::Differs => "differs",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }
}

impl FromStr for State {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Open, Self::Complete, Self::Differs, Self::Failed, Self::Cancelled, Self::Expired]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or(())
    }
}

/// What the sender says of the file before it comes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Announced {
    /// Its length.
    pub bytes: Option<u64>,
    /// Its lines, empty ones and the header included.
    pub lines: Option<u64>,
    /// Its SHA-256.
    pub sha256: Option<[u8; 32]>,
}

/// A bulk registration as it stands.
#[derive(Debug, Clone)]
pub struct Registration {
    /// Its identifier.
    pub id: RegistrationId,
    /// Whose.
    pub relying_party: RelyingPartyId,
    /// How lines are written.
    pub format: Format,
    /// For what and on what ground the customers are to be watched.
    pub ground: Ground,
    /// What was said of the file.
    pub announced: Announced,
    /// Where it stands.
    pub state: State,
    /// Why it ended, where that is not said by the state: a stable code.
    pub ended_why: Option<String>,
    /// Bytes that were taken.
    pub received: u64,
    /// Lines that were taken.
    pub lines: u64,
    /// Result → number of lines.
    pub counts: BTreeMap<String, u64>,
    /// When it began.
    pub created_at: UnixTime,
    /// When the first bytes came.
    pub first_at: Option<UnixTime>,
    /// When bytes came last.
    pub updated_at: UnixTime,
    /// When it ends if nobody ends it.
    pub expires_at: UnixTime,
    /// When it ended.
    pub ended_at: Option<UnixTime>,
    /// The line that has begun and not ended.
    tail: Vec<u8>,
    /// The names of a CSV file's columns, once its header came.
    header: Option<String>,
    /// The computation of the file's digest.
    digest: Vec<u8>,
}

/// Why a registration did not go on.
#[derive(Debug, thiserror::Error)]
pub enum BulkError {
    /// The relying party has no such registration.
    #[error("no such bulk registration")]
    Unknown,
    /// It has ended.
    #[error("the bulk registration has ended")]
    Ended,
    /// The bytes do not follow those that were taken.
    #[error("the bytes do not begin at {expected}")]
    Offset {
        /// Where they must begin.
        expected: u64,
    },
    /// More bytes than announced, or than any file may have.
    #[error("more bytes than announced")]
    Length,
    /// Too many are open.
    #[error("too many open bulk registrations")]
    TooMany,
    /// A field of the request is not as it must be.
    #[error("a field is not as it must be")]
    Field(super::BadField),
    /// The lists could not be loaded again, or a task did not end.
    #[error("the bulk registration was interrupted: {0}")]
    Interrupted(String),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}
