//! The rules of consent.

use musubi_crypto::Sha256Digest;
use musubi_kernel::{Random, UnixTime};
use musubi_store::{StoreError, Tx};
use serde_json::json;

use super::{Consent, ConsentId, Item, NewConsent, Withdrawal, sql};
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

fn event(kind: &'static str, consent: &Consent) -> AuditEvent {
    AuditEvent {
        kind,
        relying_party: Some(consent.relying_party.clone()),
        person: Some(consent.person.clone()),
        detail: json!({ "consent": consent.id, "items": consent.items, "valid_until": consent.valid_until }),
    }
}
