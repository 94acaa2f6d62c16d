//! A consent's years (facts §3.3): ten of them from the next day, a reminder every year, a notice three months before the
//! end, withdrawal here or at the authority at any time. Each relying party learns in its change stream what was granted to
//! it, withdrawn, or came to its end.
//!
//! ```text
//!  granted ──every 365 days──► reminded      ──withdrawn here──────────► withdrawn
//!     └────3 months before──► ends soon      ──withdrawn at authority──► withdrawn (polled: nobody pushes it)
//!     └────ten years──► ended
//! ```
//!
//! Not here: giving a consent (`identity_proofing`), what it lets be fetched (`change_check`), its row (`platform::consent`).
//! The form of the polling is our own design.

mod keeping;
mod sql;
mod withdrawal;

use musubi_feed::{CONSENT, Event};
use musubi_kernel::UnixTime;
use musubi_platform::change_stream::{self, NewEntry};
use musubi_platform::consent::{ConsentId, Item};
use musubi_platform::person::PersonId;
use musubi_platform::relying_party::RelyingPartyId;
use musubi_platform::{Context, pairwise_id};
use musubi_store::{Migration, StoreError, Tx};

pub use keeping::{Kept, keep};
pub use withdrawal::{WithdrawError, withdraw};

use crate::linking;

/// The feature's schema.
pub const MIGRATIONS: &[Migration] =
    &[Migration { name: "consent_keeping/0001_poll", sql: include_str!("migrations/0001_poll.sql") }];

/// What became of a consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    Granted,
    Withdrawn,
    Ended,
}

impl Turn {
    fn as_str(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::Withdrawn => "withdrawn",
            Self::Ended => "ended",
        }
    }
}

/// A consent, as far as its relying party is told of it.
pub(crate) struct Told<'a> {
    pub(crate) id: &'a ConsentId,
    pub(crate) relying_party: &'a RelyingPartyId,
    pub(crate) person: &'a PersonId,
    pub(crate) items: &'a [Item],
    pub(crate) valid_until: UnixTime,
}

/// Has the relying party's stream tell of a consent. Before the audit record.
pub(crate) async fn tell(
    tx: &mut Tx,
    context: &Context,
    consent: &Told<'_>,
    turn: Turn,
    at: UnixTime,
) -> Result<(), StoreError> {
    let link = linking::link_of_person(tx, consent.relying_party, consent.person).await?;
    let body = serde_json::json!({
        "change": turn.as_str(),
        "consent": consent.id,
        "customer_id": link.map(|link| link.customer_id),
        "items": consent.items,
        "valid_until": consent.valid_until.rfc3339(),
        "occurred_at": at.rfc3339(),
    });
    let subject = pairwise_id(&context.pairwise_secret, consent.relying_party, consent.person);
    let body = body.as_object().cloned().unwrap_or_default();
    let entry = NewEntry {
        relying_party: consent.relying_party.clone(),
        person: Some(consent.person.clone()),
        event: Event::about(CONSENT, subject.to_string(), body),
    };
    change_stream::append(tx, context, entry, at).await.map(drop)
}

pub(crate) fn told_of(consent: &musubi_platform::consent::Consent) -> Told<'_> {
    Told {
        id: &consent.id,
        relying_party: &consent.relying_party,
        person: &consent.person,
        items: &consent.items,
        valid_until: consent.valid_until,
    }
}
