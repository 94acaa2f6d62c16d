//! The status store (失効情報の取込み): takes in revocation lists of any size, keeps them in a compact sealed form, answers
//! from them, archives what they change, and has what follows from them told.
//!
//! ```text
//!  announced ─► fetched (resumed if cut off) ─► verified whole ─► sealed ─► stored, with what it changes ─► in use
//!               or a delta list, applied to the list held                  one transaction with its audit record
//!                                                                                     │
//!                              change stream ◄─ what follows, in batches, each with the place up to which it is done
//! ```
//!
//! A list counts only when it is verified whole and stored. Rolled-back lists (a lower number, an earlier `thisUpdate`) are
//! refused. Requests judge against a snapshot that is switched at once; there is no moment without a list that was
//! there, and none with half a list. The age of a list is judged per answer, in `pki`.

mod archive;
mod following;
mod intake;
mod lists;
mod progress;
mod spool;
mod sql;

use musubi_pki::{AuthorityKind, CrlError, SealedError};
use musubi_store::{Migration, StoreError};

use crate::upstream::UpstreamError;

pub use archive::{AsOf, status_as_of};
pub(crate) use following::{follow, look_at_all_again};
pub(crate) use intake::take_in;
pub use lists::{Lists, Snapshot};
pub(crate) use lists::{freshness_of, is_of_living_authority};
pub use progress::{Import, Imports, Step};
pub use sql::lists_in_use;

/// The feature's schema.
pub const MIGRATIONS: &[Migration] = &[
    Migration { name: "revocation/0001_lists", sql: include_str!("migrations/0001_lists.sql") },
    Migration { name: "revocation/0002_one_newest", sql: include_str!("migrations/0002_one_newest.sql") },
    Migration { name: "revocation/0003_status_store", sql: include_str!("migrations/0003_status_store.sql") },
];

/// Why a list was not taken in.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// Upstream gave no list.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// The list is not what it must be.
    #[error("the revocation list is refused: {0}")]
    List(#[from] CrlError),
    /// Its number or `thisUpdate` lies before that of the list taken in last.
    #[error("the revocation list is older than the one taken in last")]
    RolledBack,
    /// It is signed by another authority or generation than announced, or is about other certificates.
    #[error("the revocation list is not the one that was announced")]
    NotAsAnnounced,
    /// The reading did not end.
    #[error("a revocation list was not read to its end: {0}")]
    Interrupted(String),
    /// The folder of sealed lists cannot be written.
    #[error("the folder of revocation lists cannot be used: {0}")]
    Folder(std::io::ErrorKind),
    /// What was sealed is not what was stored.
    #[error("a stored revocation list cannot be used: {0}")]
    Sealed(#[from] SealedError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Which list: the newest of one name is in use.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ListName {
    authority: AuthorityKind,
    /// Key identifier of the issuing generation, lower-case hex.
    key_id: String,
    /// Empty for all certificates; else SHA-256 (hex) of the partition's directory name.
    scope: String,
}
