//! The rules of enrolments: made by an authentication with PIN, used by a presence, ended by the resident.

use musubi_kernel::UnixTime;
use musubi_pki::{RevocationReason, SerialNumber};
use musubi_platform::Context;
use musubi_platform::audit::{self, AuditEvent};
use musubi_platform::person::PersonId;
use musubi_platform::relying_party::RelyingPartyId;
use musubi_store::{StoreError, Tx};
use serde_json::json;

use super::{Enrolment, sql};
use crate::linking;

/// Enrols a card, or enrols it anew. The caller has authenticated the person with PIN and verified the card's key, and
/// audits it. A card speaks for one person: whoever else had enrolled it at this relying party has not any more, which is
/// audited here.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn enrol(tx: &mut Tx, context: &Context, enrolment: &Enrolment) -> Result<(), StoreError> {
    let Enrolment { relying_party, person, card_key, enrolled_at, .. } = enrolment;
    let displaced = sql::displace(tx, relying_party, card_key, person).await?;
    sql::save(tx, enrolment).await?;
    // Only now: the log is held until the end of the transaction, and who holds it must wait for no row.
    for other in displaced {
        let event = AuditEvent {
            kind: audit::PRESENCE_DISPLACED,
            relying_party: Some(relying_party.clone()),
            person: Some(other),
            detail: json!({}),
        };
        audit::append(tx, &event, context.random.as_ref(), *enrolled_at).await?;
    }
    Ok(())
}

/// The card key that is enrolled at this relying party for the certificate with this serial number.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn card_key_of(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    serial: &SerialNumber,
) -> Result<Option<Vec<u8>>, StoreError> {
    sql::card_key(tx, relying_party, serial).await
}

/// Notes that the enrolled card was held out; `false` if it was ended, or enrolled with another key, meanwhile.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn mark_used(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    serial: &SerialNumber,
    card_key: &[u8],
    at: UnixTime,
) -> Result<bool, StoreError> {
    sql::mark_used(tx, relying_party, serial, card_key, at).await
}

/// The enrolments of a person that have an effect, or have it again when a hold (一時停止) is lifted: not expired, and not
/// revoked for good as far as the lists tell.
///
/// # Errors
/// [`StoreError`].
pub async fn enrolments_of(
    tx: &mut Tx,
    person: &PersonId,
    at: UnixTime,
) -> Result<Vec<Enrolment>, StoreError> {
    let certificates = linking::certificates_of(tx, person).await?;
    let usable = |enrolment: &Enrolment| {
        let key = enrolment.certificate();
        certificates.iter().any(|certificate| {
            certificate.key == key
                && certificate.revoked.is_none_or(|(_, reason)| reason == RevocationReason::CertificateHold)
                && certificate.not_after.is_none_or(|end| at <= end)
        })
    };
    let mut enrolments = sql::of_person(tx, person).await?;
    enrolments.retain(usable);
    Ok(enrolments)
}

/// Ends every enrolment of a person at one relying party, at the person's wish: from then on the PIN is needed. `false` if
/// there was none, which changes nothing. Audited in the same transaction.
///
/// # Errors
/// [`StoreError`].
pub async fn end_presence(
    tx: &mut Tx,
    context: &Context,
    person: &PersonId,
    relying_party: &RelyingPartyId,
    at: UnixTime,
) -> Result<bool, StoreError> {
    let ended = sql::end(tx, relying_party, person).await?;
    if ended == 0 {
        return Ok(false);
    }
    let event = AuditEvent {
        kind: audit::PRESENCE_ENDED,
        relying_party: Some(relying_party.clone()),
        person: Some(person.clone()),
        detail: json!({ "enrolments": ended }),
    };
    audit::append(tx, &event, context.random.as_ref(), at).await?;
    Ok(true)
}
