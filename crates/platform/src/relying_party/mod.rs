//! Relying parties (SP事業者): who may ask the platform, under which names and origins, with which keys.
//!
//! Registered by the operator; there is no public route that makes one. A registration is brought up to date by
//! registering the same id again.

mod service;
mod sql;
#[cfg(test)]
mod tests;

use musubi_crypto::JwkSet;
use musubi_kernel::UnixTime;
use musubi_store::{Migration, StoreError};

pub use service::{by_id, check_origin, list, register, register_as};

musubi_kernel::define_id!(
    /// A relying party; also its OAuth client id.
    RelyingPartyId,
    "rp"
);

pub(crate) const MIGRATION: Migration = Migration {
    name: "relying_party/0001_relying_party",
    sql: include_str!("migrations/0001_relying_party.sql"),
};

/// A registered relying party.
#[derive(Debug, Clone)]
pub struct RelyingParty {
    /// Its id.
    pub id: RelyingPartyId,
    /// Its name as residents read it in Japanese.
    pub name_ja: String,
    /// Its name as residents read it in English.
    pub name_en: String,
    /// The web origins from which its pages may ask for a card.
    pub origins: Vec<String>,
    /// The public keys of its client assertions.
    pub key_set: JwkSet,
    /// When it was first registered.
    pub created_at: UnixTime,
}

impl RelyingParty {
    /// Whether `origin` is, byte for byte, one of its origins.
    #[must_use]
    pub fn has_origin(&self, origin: &str) -> bool {
        self.origins.iter().any(|own| own == origin)
    }
}

/// What the operator registers.
#[derive(Debug, Clone)]
pub struct NewRelyingParty {
    /// Name in Japanese, 1 to 100 characters as [`RegisterError::Name`] wants them.
    pub name_ja: String,
    /// Name in English, likewise.
    pub name_en: String,
    /// 1 to 16 origins, each as [`check_origin`] wants it.
    pub origins: Vec<String>,
    /// The public keys of its client assertions.
    pub key_set: JwkSet,
}

/// Why a registration was refused.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// A name is empty, too long, has white space around it, or a character that deceives its reader
    /// ([`musubi_kernel::deceives`]).
    #[error(
        "a name has 1 to 100 characters, no white space before or after them, and no control characters, invisible \
         characters or characters that turn the direction of writing"
    )]
    Name,
    /// There is no origin, or there are more than 16, or one is not an origin.
    #[error(
        "a relying party has 1 to 16 origins, each `https://host[:port]`, or `http://localhost[:port]` or \
         `http://*.localhost[:port]`, in lower case, without the scheme's own port and without a path"
    )]
    Origin,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}
