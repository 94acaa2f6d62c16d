//! The rules of consent.

use musubi_crypto::Sha256Digest;
use musubi_kernel::{Random, UnixTime};
use musubi_store::{StoreError, Tx};
use serde_json::json;

use super::{Consent, ConsentId, Item, NewConsent, Notice, Withdrawal, sql};
use crate::audit::{self, AuditEvent};
use crate::{PersonId, RelyingPartyId};

/// SHA-256 of the UTF-8 text that a resident consented to.
#[must_use]
pub fn text_digest(text: &str) -> Sha256Digest {
    musubi_crypto::sha256(text.as_bytes())
}

/// Stores a consent given at `at` and writes its audit event. An earlier one stays as it is: the one given last
/// counts.
///
/// # Errors
/// [`StoreError::Constraint`] if the id is taken, the relying party unknown, there is no item, or the time of
/// validity is empty; otherwise [`StoreError`].
pub async fn grant(
    tx: &mut Tx,
    new: &NewConsent,
    random: &dyn Random,
    at: UnixTime,
) -> Result<Consent, StoreError> {
    let items: Vec<Item> = Item::ALL.into_iter().filter(|item| new.items.contains(item)).collect();
    if items.is_empty() {
        return Err(StoreError::Constraint);
    }
    let consent = Consent {
        id: new.id.clone(),
        relying_party: new.relying_party.clone(),
        person: new.person.clone(),
        items,
        text_sha256: new.text_sha256,
        given_at: at,
        valid_from: new.valid_from,
        valid_until: new.valid_until,
        withdrawn_at: None,
        reminded_at: None,
    };
    sql::insert(tx, &consent).await?;
    audit::append(tx, &event(audit::CONSENT_GRANTED, &consent), random, at).await?;
    Ok(consent)
}

/// The consent of `person` towards `relying_party` that counts at `at`; of several, the one given last.
///
/// # Errors
/// [`StoreError`].
pub async fn active_for(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    person: &PersonId,
    at: UnixTime,
) -> Result<Option<Consent>, StoreError> {
    let consents = sql::by_person(tx, person).await?;
    Ok(consents.into_iter().find(|consent| consent.relying_party == *relying_party && consent.is_active(at)))
}

/// The consent `id`.
///
/// # Errors
/// [`StoreError`].
pub async fn by_id(tx: &mut Tx, id: &ConsentId) -> Result<Option<Consent>, StoreError> {
    sql::by_id(tx, id).await
}

/// Every consent of `person`, the latest first.
///
/// # Errors
/// [`StoreError`].
pub async fn by_person(tx: &mut Tx, person: &PersonId) -> Result<Vec<Consent>, StoreError> {
    sql::by_person(tx, person).await
}

/// Withdraws a consent of `person` for good and writes the audit event. Someone else's is [`Withdrawal::Unknown`].
///
/// # Errors
/// [`StoreError`].
pub async fn withdraw(
    tx: &mut Tx,
    id: &ConsentId,
    person: &PersonId,
    random: &dyn Random,
    at: UnixTime,
) -> Result<Withdrawal, StoreError> {
    // The update decides, so that of two withdrawals at once only one is audited.
    let changed = sql::withdraw(tx, id, person, at).await?;
    match sql::by_id(tx, id).await? {
        Some(consent) if consent.person == *person && changed => {
            audit::append(tx, &event(audit::CONSENT_WITHDRAWN, &consent), random, at).await?;
            Ok(Withdrawal::Withdrawn(consent))
        }
        Some(consent) if consent.person == *person => Ok(Withdrawal::AlreadyWithdrawn(consent)),
        _ => Ok(Withdrawal::Unknown),
    }
}

/// From one reminder to the next, in seconds.
const YEAR: i64 = 365 * 86_400;
/// Three months, in seconds.
const BEFORE_THE_END: i64 = 92 * 86_400;

/// Standing consents whose notice is due at `at`, at most `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn due(tx: &mut Tx, notice: Notice, at: UnixTime, limit: u32) -> Result<Vec<Consent>, StoreError> {
    match notice {
        Notice::Reminder => sql::to_remind(tx, at, at.plus(-YEAR), limit).await,
        Notice::EndsSoon => sql::ending(tx, at, at.plus(BEFORE_THE_END), limit).await,
        Notice::Ended => sql::ended(tx, at, limit).await,
    }
}

/// Notes that a notice is given; `false` if it was given meanwhile, or the consent withdrawn.
///
/// # Errors
/// [`StoreError`].
pub async fn note(tx: &mut Tx, consent: &Consent, notice: Notice, at: UnixTime) -> Result<bool, StoreError> {
    match notice {
        Notice::Reminder => sql::note_reminder(tx, &consent.id, at, at.plus(-YEAR)).await,
        Notice::EndsSoon => sql::note_ending(tx, &consent.id, at).await,
        Notice::Ended => sql::note_end(tx, &consent.id, at).await,
    }
}

/// Writes the audit event of a notice, which the resident sees. Last in its transaction.
///
/// # Errors
/// [`StoreError`].
pub async fn record(
    tx: &mut Tx,
    consent: &Consent,
    notice: Notice,
    random: &dyn Random,
    at: UnixTime,
) -> Result<(), StoreError> {
    let kind = match notice {
        Notice::Reminder => audit::CONSENT_REMINDED,
        Notice::EndsSoon => audit::CONSENT_ENDS_SOON,
        Notice::Ended => audit::CONSENT_ENDED,
    };
    audit::append(tx, &event(kind, consent), random, at).await.map(drop)
}

fn event(kind: &'static str, consent: &Consent) -> AuditEvent {
    AuditEvent {
        kind,
        relying_party: Some(consent.relying_party.clone()),
        person: Some(consent.person.clone()),
        detail: json!({ "consent": consent.id, "items": consent.items, "valid_until": consent.valid_until }),
    }
}
