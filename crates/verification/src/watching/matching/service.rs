//! The rules of matching.

use musubi_kernel::UnixTime;
use musubi_pki::{BasicAttributes, SerialNumber};
use musubi_platform::Context;
use musubi_platform::audit::{self, AuditEvent};
use musubi_platform::change_stream;
use musubi_platform::person::PersonId;
use musubi_platform::relying_party::RelyingPartyId;
use musubi_store::{StoreError, Tx};
use serde_json::json;

use super::{AnswerError, Offered, TagKey, sql};
use crate::linking::{self, Link};
use crate::watching;

/// Looks in every relying party's matching file for what a certificate proves of this person; answers how many relying
/// parties' words were met. `None` where the certificate has a substitute character: nothing can be compared.
///
/// # Errors
/// [`StoreError`].
pub(super) async fn look(
    tx: &mut Tx,
    context: &Context,
    (person, serial): (&PersonId, &SerialNumber),
    proven: &BasicAttributes,
    at: UnixTime,
) -> Result<Option<u64>, StoreError> {
    let key = TagKey::derive(&context.pairwise_secret);
    let mut met = 0;
    for relying_party in sql::known_relying_parties(tx).await? {
        let Some(tag) = key.of_certificate(&relying_party, proven) else { return Ok(None) };
        met += sql::found(tx, &relying_party, &tag, (person, serial), at).await?;
    }
    Ok(Some(met))
}

/// An identity proofing was accepted: what this relying party's matching file says of the same person is asked of the
/// resident, but for the customer id that the proofing has linked itself.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn found_by_proofing(
    tx: &mut Tx,
    context: &Context,
    link: &Link,
    proven: &BasicAttributes,
    at: UnixTime,
) -> Result<(), StoreError> {
    sql::delete(tx, &link.relying_party, &link.customer_id).await?;
    let key = TagKey::derive(&context.pairwise_secret);
    if let Some(tag) = key.of_certificate(&link.relying_party, proven) {
        sql::found(tx, &link.relying_party, &tag, (&link.person, &link.attributes_serial), at).await?;
    }
    Ok(())
}

/// What companies say of this resident and what waits for an answer.
///
/// # Errors
/// [`StoreError`].
pub async fn offered(tx: &mut Tx, person: &PersonId, at: UnixTime) -> Result<Vec<Offered>, StoreError> {
    sql::offered(tx, person, at).await
}

/// The resident's yes: linked, watched, told to the relying party. An earlier customer id of the person there is replaced,
/// as by an identity proofing.
///
/// # Errors
/// [`AnswerError::Unknown`] if nothing of this is asked; [`AnswerError::Taken`].
pub async fn confirm(
    tx: &mut Tx,
    context: &Context,
    person: &PersonId,
    (relying_party, customer_id): (&RelyingPartyId, &str),
    at: UnixTime,
) -> Result<(), AnswerError> {
    let this =
        |offered: &Offered| offered.relying_party == *relying_party && offered.customer_id == customer_id;
    let offered = sql::offered(tx, person, at).await?.into_iter().find(this).ok_or(AnswerError::Unknown)?;
    let replaced = linking::link_of_person(tx, relying_party, person)
        .await?
        .map(|link| link.customer_id)
        .filter(|earlier| earlier != customer_id);
    let link = Link {
        relying_party: relying_party.clone(),
        person: person.clone(),
        customer_id: customer_id.to_owned(),
        attributes_serial: offered.attributes_serial.clone(),
    };
    watching::save_proofed_link(tx, context, &link, at).await.map_err(|error| match error {
        StoreError::Constraint => AnswerError::Taken,
        other => AnswerError::Store(other),
    })?;
    let fresh = watching::sql::begin(tx, relying_party, customer_id, &offered.ground, at).await?;
    if fresh {
        change_stream::customers_changed(tx, context, relying_party, 1).await?;
    } else {
        watching::sql::change(tx, relying_party, customer_id, &offered.ground).await?;
    }
    // A yes after an objection is the newer word.
    watching::sql::take_back_objection(tx, relying_party, person).await?;
    sql::delete(tx, relying_party, customer_id).await?;
    let now = watching::watched(tx, relying_party, customer_id).await.map_err(|_| AnswerError::Unknown)?;
    let mut entry = watching::entry(context, &now, "confirmed", Some(&offered.ground), at);
    entry.event.body.insert("replaced_customer_id".into(), json!(replaced));
    change_stream::append(tx, context, entry, at).await?;
    let detail = json!({
        "purpose": offered.ground.purpose, "basis": offered.ground.basis.as_str(), "replaced": replaced.is_some(),
    });
    record(tx, context, audit::MATCHING_CONFIRMED, (relying_party, person), detail, at).await?;
    Ok(())
}

/// The resident's no. Remembered; the relying party learns nothing of it.
///
/// # Errors
/// [`AnswerError::Unknown`] if nothing of this is asked.
pub async fn refuse(
    tx: &mut Tx,
    context: &Context,
    person: &PersonId,
    (relying_party, customer_id): (&RelyingPartyId, &str),
    at: UnixTime,
) -> Result<(), AnswerError> {
    if !sql::refuse(tx, (relying_party, customer_id), person, at).await? {
        return Err(AnswerError::Unknown);
    }
    record(tx, context, audit::MATCHING_REFUSED, (relying_party, person), json!({}), at).await?;
    Ok(())
}

/// Deletes tags that nobody met in time, and abandoned searches; answers how many.
///
/// # Errors
/// [`StoreError`].
pub async fn delete_expired(tx: &mut Tx, at: UnixTime) -> Result<u64, StoreError> {
    sql::delete_expired(tx, at).await
}

async fn record(
    tx: &mut Tx,
    context: &Context,
    kind: &'static str,
    (relying_party, person): (&RelyingPartyId, &PersonId),
    detail: serde_json::Value,
    at: UnixTime,
) -> Result<(), StoreError> {
    let event =
        AuditEvent { kind, relying_party: Some(relying_party.clone()), person: Some(person.clone()), detail };
    audit::append(tx, &event, context.random.as_ref(), at).await.map(drop)
}
