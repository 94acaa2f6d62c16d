//! Watching (変更確認の登録): which customers a relying party watches, for what and on what ground.
//!
//! ```text
//!            identity proofing, PUT, bulk line, signed application, the resident's yes to a matching file
//!  not watched ─────────────────────────────────────────────────────────────► watched
//!       ▲                                                                        │
//!       └── DELETE by the relying party; the resident's objection (by consent) ◄─┘
//! ```
//!
//! How many customers a relying party watches stands in the head of its change stream and in every heartbeat. Each way
//! into and out of being watched counts in its own transaction (`customers_changed`), or the number would prove nothing.
//!
//! [`bulk`] registers files of millions of lines, [`matching`] links contracts that the platform has never seen,
//! [`succession`] follows a person to new certificates. Not here: what a change tells (`purpose.rs` says how much of it).

pub mod application;
pub mod bulk;
pub mod http;
pub mod matching;
pub mod problems;
mod purpose;
mod service;
mod sql;
pub mod succession;

use std::str::FromStr;

use musubi_kernel::UnixTime;
use musubi_platform::person::PersonId;
use musubi_platform::relying_party::RelyingPartyId;
use musubi_store::Migration;

pub use purpose::{Disclosure, PURPOSES, Purpose, purpose};
pub(crate) use service::entry;
pub use service::{
    begin, count_uncounted, end, object, of_person, page, save_proofed_link, take_back_objection, watched,
};

/// The feature's schema, that of [`bulk`], [`matching`] and [`succession`] included.
pub const MIGRATIONS: &[Migration] = &[
    Migration { name: "watching/0001_watching", sql: include_str!("migrations/0001_watching.sql") },
    Migration { name: "watching/0002_bulk", sql: include_str!("migrations/0002_bulk.sql") },
    Migration { name: "watching/0003_matching", sql: include_str!("migrations/0003_matching.sql") },
    Migration { name: "watching/0004_succession", sql: include_str!("migrations/0004_succession.sql") },
];

/// On what ground a customer is watched (登録の根拠).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// A contract with the customer.
    Contract,
    /// The customer's consent, which an objection in the portal ends.
    Consent,
    /// A law.
    Law,
    /// An identity proofing: what a relying party gets with it if it says nothing else. Not for requests.
    IdentityProofing,
}

impl Basis {
    const ALL: [Self; 4] = [Self::Contract, Self::Consent, Self::Law, Self::IdentityProofing];

    /// The name on the wire and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Contract => "contract",
            Self::Consent => "consent",
            Self::Law => "law",
            Self::IdentityProofing => "identity_proofing",
        }
    }

    /// Whether the resident's objection ends a watching on this ground.
    #[must_use]
    pub fn yields_to_objection(self) -> bool {
        self == Self::Consent
    }
}

impl FromStr for Basis {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|basis| basis.as_str() == text).ok_or(())
    }
}

/// Longest reference of a basis, in characters.
const MAX_REFERENCE: usize = 200;

/// For what and on what ground.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ground {
    /// The name of one of [`PURPOSES`].
    pub purpose: String,
    /// The basis.
    pub basis: Basis,
    /// The number of the contract, the article of the law: one line, at most 200 characters.
    pub reference: Option<String>,
}

/// A field of a request that is not as it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadField(pub &'static str);

impl Ground {
    /// A ground as a request names it.
    ///
    /// # Errors
    /// [`BadField`] if the purpose is none of [`PURPOSES`], the basis none of `contract`, `consent` and `law`, or the
    /// reference no plain line. A law must be named.
    pub fn of_request(purpose_name: &str, basis: &str, reference: Option<String>) -> Result<Self, BadField> {
        purpose(purpose_name).ok_or(BadField("purpose"))?;
        let basis: Basis = basis.parse().map_err(|()| BadField("basis"))?;
        if basis == Basis::IdentityProofing {
            return Err(BadField("basis"));
        }
        match &reference {
            Some(text) => crate::identity_proofing::line("reference", text, MAX_REFERENCE)
                .map_err(|error| BadField(error.field))?,
            None if basis == Basis::Law => return Err(BadField("reference")),
            None => {}
        }
        Ok(Self { purpose: purpose_name.to_owned(), basis, reference })
    }
}

/// A customer as watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// By whom.
    pub relying_party: RelyingPartyId,
    /// The relying party's own number.
    pub customer_id: String,
    /// Who it is.
    pub person: PersonId,
    /// For what and on what ground; `None` where the customer is linked and not watched.
    pub ground: Option<Ground>,
    /// Since when.
    pub since: Option<UnixTime>,
    /// Whether the resident objected to being watched by consent.
    pub objected: bool,
}

/// What a registration did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Began {
    /// The customer was not watched before.
    Began,
    /// The customer was watched for something else or on another ground.
    Changed,
    /// Everything was so already.
    Unchanged,
}

/// Why a customer is not watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// Nobody is linked to this customer id.
    #[error("nobody is linked to this customer id")]
    NotLinked,
    /// The customer is linked, and not watched.
    #[error("the customer is not watched")]
    NotWatched,
    /// The resident objected to being watched by consent.
    #[error("the resident objected")]
    Objected,
    /// The database.
    #[error(transparent)]
    Store(#[from] musubi_store::StoreError),
}
