//! Consent (同意): a resident allows one relying party to be given named items of the latest basic attributes
//! (最新の基本4情報), for a time, until withdrawn.
//!
//! ```text
//! granted --valid_from--> active --valid_until--> over
//!                           '------withdraw-----> withdrawn (for good)
//! ```
//! The platform keeps the digest of the text that was consented to, not the text: it holds personal data.

mod service;
mod sql;
#[cfg(test)]
mod tests;

use std::str::FromStr;

use musubi_crypto::Sha256Digest;
use musubi_kernel::UnixTime;
use musubi_store::Migration;
use serde::{Deserialize, Serialize};

use crate::{PersonId, RelyingPartyId};

pub use service::{active_for, by_id, by_person, due, grant, note, record, text_digest, withdraw};

musubi_kernel::define_id!(
    /// A consent.
    ConsentId,
    "cs"
);

pub(crate) const MIGRATION: Migration =
    Migration { name: "consent/0001_consent", sql: include_str!("migrations/0001_consent.sql") };
pub(crate) const NOTICES: Migration =
    Migration { name: "consent/0002_notices", sql: include_str!("migrations/0002_notices.sql") };

/// One of the four basic attributes (基本4情報).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Item {
    /// 氏名.
    Name,
    /// 住所.
    Address,
    /// 生年月日.
    DateOfBirth,
    /// 性別.
    Sex,
}

impl Item {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Name, Self::Address, Self::DateOfBirth, Self::Sex];

    /// `name`, `address`, `date_of_birth` or `sex`: the name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Address => "address",
            Self::DateOfBirth => "date_of_birth",
            Self::Sex => "sex",
        }
    }
}

/// A text that names no item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an item of the basic attributes")]
pub struct ItemError;

impl FromStr for Item {
    type Err = ItemError;

    fn from_str(text: &str) -> Result<Self, ItemError> {
        Self::ALL.into_iter().find(|item| item.as_str() == text).ok_or(ItemError)
    }
}

/// A consent as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// Its id.
    pub id: ConsentId,
    /// Who may be given the items.
    pub relying_party: RelyingPartyId,
    /// Whose they are.
    pub person: PersonId,
    /// What may be given: in the order of [`Item::ALL`], each once.
    pub items: Vec<Item>,
    /// [`text_digest`] of the text that the resident signed.
    pub text_sha256: Sha256Digest,
    /// When it was given.
    pub given_at: UnixTime,
    /// First instant at which it counts.
    pub valid_from: UnixTime,
    /// First instant at which it no longer counts.
    pub valid_until: UnixTime,
    /// When it was withdrawn, if it was.
    pub withdrawn_at: Option<UnixTime>,
    /// When the resident was last reminded of it.
    pub reminded_at: Option<UnixTime>,
}

/// What the resident is told of a consent as time goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// Every 365 days: that it stands.
    Reminder,
    /// Three months before: that it will end.
    EndsSoon,
    /// That it has come to its end.
    Ended,
}

impl Consent {
    /// Whether it counts at `at`.
    #[must_use]
    pub fn is_active(&self, at: UnixTime) -> bool {
        self.withdrawn_at.is_none() && self.valid_from <= at && at < self.valid_until
    }
}

/// A consent to be stored. The id is the caller's: upstream may have to know it first.
#[derive(Debug, Clone)]
pub struct NewConsent {
    /// A fresh id.
    pub id: ConsentId,
    /// Who may be given the items.
    pub relying_party: RelyingPartyId,
    /// Whose they are.
    pub person: PersonId,
    /// At least one item.
    pub items: Vec<Item>,
    /// [`text_digest`] of the text that the resident signed.
    pub text_sha256: Sha256Digest,
    /// First instant at which it counts.
    pub valid_from: UnixTime,
    /// First instant at which it no longer counts; later than `valid_from`.
    pub valid_until: UnixTime,
}

/// What became of a withdrawal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Withdrawal {
    /// It is withdrawn now.
    Withdrawn(Consent),
    /// It was withdrawn before; nothing changed.
    AlreadyWithdrawn(Consent),
    /// This person has no such consent.
    Unknown,
}
