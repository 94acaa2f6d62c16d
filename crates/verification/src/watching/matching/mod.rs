//! Matching files (照合用ファイル): linking contracts that the platform has never seen, without telling anybody anything.
//!
//! ```text
//!  bulk line with attributes ──► tag (the attributes are gone) ──► awaiting_confirmation
//!                                  │ the resident proves the same attributes with the card: in the portal,
//!                                  ▼ or by an identity proofing at that relying party
//!                       "Company X says that you are its customer …; is that so?"
//!                          │ yes: linked, watched, told to the relying party by its stream
//!                          └ no:  remembered; the relying party learns nothing
//! ```
//!
//! The relying party learns nothing until the resident's yes: not whether the person exists, has a card, was asked or said
//! no. The same answer, `awaiting_confirmation`, comes for any attributes; a customer id takes only
//! [`MAX_ATTEMPTS`] different ones. A tag that nobody met in [`KEPT`] seconds goes.

pub mod search;
mod service;
mod sql;
mod tag;

use musubi_kernel::UnixTime;
use musubi_pki::SerialNumber;
use musubi_platform::relying_party::RelyingPartyId;
use musubi_store::StoreError;

use super::Ground;

pub(crate) use service::found_by_proofing;
pub use service::{confirm, delete_expired, offered, refuse};
pub(crate) use sql::await_confirmation;
pub(crate) use tag::{Tag, TagKey};

/// How long a tag waits for its resident, in seconds: a year.
pub const KEPT: i64 = 366 * 24 * 3600;
/// How many different attributes a customer id may be given.
pub const MAX_ATTEMPTS: i64 = 5;

/// A company that says that the resident is its customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// Who says so.
    pub relying_party: RelyingPartyId,
    /// Its number for the resident.
    pub customer_id: String,
    /// For what it would watch.
    pub ground: Ground,
    /// The certificate that proved the attributes.
    pub(crate) attributes_serial: SerialNumber,
    /// When that was.
    pub found_at: UnixTime,
}

/// Why an answer was not taken.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// Nothing of this kind is asked of this resident.
    #[error("nothing is asked")]
    Unknown,
    /// The customer id was linked to somebody else meanwhile.
    #[error("the customer id is linked to another person")]
    Taken,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}
