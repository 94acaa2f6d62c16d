//! Presence without PIN (かざし利用; JPKI Act art. 38-4): which card keys are enrolled for which certificate at which relying
//! party. A card is enrolled in an entitlement check with PIN, and for that relying party alone; an entitlement check of the
//! assurance `card_present` is judged with what was enrolled. Here stands no verdict: `pki` judges, and
//! [`entitlement_check`](crate::entitlement_check) asks for it.
//!
//! ```text
//!  authenticated with PIN, asked to enrol ──► enrolled ──► ended by the resident
//!                                                     ├──► replaced: enrolled again with PIN
//!                                                     ├──► displaced: another person enrolled the same card
//!                                                     └──► of no effect: certificate revoked, renewed, expired
//! ```
//! Why a card key rests on the card's authority, and what that does not show: `docs/adr/0018-presence-without-pin.md`.

mod offer;
mod service;
mod sql;

use musubi_kernel::UnixTime;
use musubi_pki::{CertKey, SerialNumber};
use musubi_platform::person::PersonId;
use musubi_platform::relying_party::RelyingPartyId;
use musubi_store::Migration;

pub use musubi_card::genuineness::{CardAuthorities, CardAuthority};
pub use offer::{EncodedOffer, enrolling_text};
pub(crate) use offer::{Offer, OfferRefused, check};
pub(crate) use service::{card_key_of, enrol, mark_used};
pub use service::{end_presence, enrolments_of};

/// The feature's schema.
pub const MIGRATIONS: &[Migration] =
    &[Migration { name: "presence/0001_enrolments", sql: include_str!("migrations/0001_enrolments.sql") }];

/// A card that is enrolled at one relying party.
#[derive(Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// The relying party.
    pub relying_party: RelyingPartyId,
    /// Whose card it is.
    pub person: PersonId,
    /// The user-authentication certificate on it.
    pub serial: SerialNumber,
    /// The card's free key, `SubjectPublicKeyInfo` in DER.
    pub card_key: Vec<u8>,
    /// When it was enrolled.
    pub enrolled_at: UnixTime,
    /// When it was last held out and passed.
    pub last_used_at: Option<UnixTime>,
}

impl Enrolment {
    /// The certificate for which the card is enrolled.
    #[must_use]
    pub fn certificate(&self) -> CertKey {
        CertKey { authority: musubi_pki::AuthorityKind::UserAuthentication, serial: self.serial.clone() }
    }
}

impl std::fmt::Debug for Enrolment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Serial number and card key tell relying parties' customers apart.
        f.debug_struct("Enrolment").field("relying_party", &self.relying_party).finish_non_exhaustive()
    }
}
