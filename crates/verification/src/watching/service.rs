//! The rules of watching one by one.

use musubi_feed::{Event, WATCH};
use musubi_kernel::UnixTime;
use musubi_platform::audit::{self, AuditEvent};
use musubi_platform::change_stream::{self, NewEntry};
use musubi_platform::person::PersonId;
use musubi_platform::relying_party::RelyingPartyId;
use musubi_platform::{Context, Receipt, pairwise_id};
use musubi_store::{StoreError, Tx};
use serde_json::json;

use super::{Basis, Began, Ground, WatchError, Watched, sql};
use crate::linking::{self, Link, Saved};

/// Registers a linked customer for watching, on this ground.
///
/// # Errors
/// [`WatchError::NotLinked`]; [`WatchError::Objected`] if the ground is consent and the resident objected.
pub async fn begin(
    tx: &mut Tx,
    context: &Context,
    relying_party: &RelyingPartyId,
    customer_id: &str,
    ground: &Ground,
    at: UnixTime,
) -> Result<(Began, Watched, Option<Receipt>), WatchError> {
    let found = sql::of_customer(tx, relying_party, customer_id).await?.ok_or(WatchError::NotLinked)?;
    if found.objected && ground.basis.yields_to_objection() {
        return Err(WatchError::Objected);
    }
    let began = if sql::begin(tx, relying_party, customer_id, ground, at).await? {
        change_stream::customers_changed(tx, context, relying_party, 1).await?;
        Began::Began
    } else if sql::change(tx, relying_party, customer_id, ground).await? {
        Began::Changed
    } else {
        Began::Unchanged
    };
    // Read again: what stands now is the answer, whoever else wrote meanwhile.
    let now = sql::of_customer(tx, relying_party, customer_id).await?.ok_or(WatchError::NotLinked)?;
    let (change, kind) = match began {
        Began::Began => ("began", audit::WATCHING_BEGUN),
        Began::Changed => ("changed", audit::WATCHING_CHANGED),
        Began::Unchanged => return Ok((began, now, None)),
    };
    let receipt = tell(tx, context, &now, (change, kind), Some(ground), at).await?;
    Ok((began, now, Some(receipt)))
}

/// Ends the watching of a customer; the link stays.
///
/// # Errors
/// [`WatchError::NotLinked`], [`WatchError::NotWatched`].
pub async fn end(
    tx: &mut Tx,
    context: &Context,
    relying_party: &RelyingPartyId,
    customer_id: &str,
    at: UnixTime,
) -> Result<Receipt, WatchError> {
    let found = sql::of_customer(tx, relying_party, customer_id).await?.ok_or(WatchError::NotLinked)?;
    if !sql::end(tx, relying_party, customer_id).await? {
        return Err(WatchError::NotWatched);
    }
    change_stream::customers_changed(tx, context, relying_party, -1).await?;
    Ok(tell(tx, context, &found, ("ended", audit::WATCHING_ENDED), found.ground.as_ref(), at).await?)
}

/// The resident objects to being watched by consent: the watching ends, and none begins by consent again until the
/// resident takes the objection back.
///
/// # Errors
/// [`WatchError::NotWatched`] if this relying party does not watch the person by consent.
pub async fn object(
    tx: &mut Tx,
    context: &Context,
    relying_party: &RelyingPartyId,
    person: &PersonId,
    at: UnixTime,
) -> Result<(), WatchError> {
    let by_consent = |watched: &Watched| {
        watched.relying_party == *relying_party
            && watched.ground.as_ref().is_some_and(|ground| ground.basis == Basis::Consent)
    };
    let found = sql::of_person(tx, person).await?.into_iter().find(by_consent);
    let found = found.ok_or(WatchError::NotWatched)?;
    if !sql::end(tx, relying_party, &found.customer_id).await? {
        return Err(WatchError::NotWatched);
    }
    sql::object(tx, relying_party, person, at).await?;
    change_stream::customers_changed(tx, context, relying_party, -1).await?;
    tell(tx, context, &found, ("objected", audit::WATCHING_OBJECTED), found.ground.as_ref(), at).await?;
    Ok(())
}

/// The resident allows watching by consent again. Nothing begins by that alone. Answers whether there was an objection.
///
/// # Errors
/// [`StoreError`].
pub async fn take_back_objection(
    tx: &mut Tx,
    context: &Context,
    relying_party: &RelyingPartyId,
    person: &PersonId,
    at: UnixTime,
) -> Result<bool, StoreError> {
    if !sql::take_back_objection(tx, relying_party, person).await? {
        return Ok(false);
    }
    let event = AuditEvent {
        kind: audit::WATCHING_OBJECTION_TAKEN_BACK,
        relying_party: Some(relying_party.clone()),
        person: Some(person.clone()),
        detail: json!({}),
    };
    audit::append(tx, &event, context.random.as_ref(), at).await?;
    Ok(true)
}

/// A customer, watched or not.
///
/// # Errors
/// [`WatchError::NotLinked`].
pub async fn watched(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    customer_id: &str,
) -> Result<Watched, WatchError> {
    sql::of_customer(tx, relying_party, customer_id).await?.ok_or(WatchError::NotLinked)
}

/// The watched customers whose ids come after `after`, in the order of their bytes.
///
/// # Errors
/// [`StoreError`].
pub async fn page(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    after: &str,
    limit: u32,
) -> Result<Vec<Watched>, StoreError> {
    sql::page(tx, relying_party, after, limit).await
}

/// Every relying party that knows the person, and what it watches.
///
/// # Errors
/// [`StoreError`].
pub async fn of_person(tx: &mut Tx, person: &PersonId) -> Result<Vec<Watched>, StoreError> {
    sql::of_person(tx, person).await
}

/// Saves the link that an identity proofing made, and counts a customer who is watched from now on. Tells the stream
/// nothing: the relying party has the proofing's answer in its hand.
///
/// # Errors
/// As [`linking::save_link`].
pub async fn save_proofed_link(
    tx: &mut Tx,
    context: &Context,
    link: &Link,
    at: UnixTime,
) -> Result<(), StoreError> {
    match linking::save_link(tx, link, at).await? {
        Saved::New => change_stream::customers_changed(tx, context, &link.relying_party, 1).await,
        Saved::Before => Ok(()),
    }
}

/// Counts the customers of relying parties that have some and no change stream yet: those of databases from before
/// customers were counted. Answers for how many relying parties.
///
/// # Errors
/// [`StoreError`].
pub async fn count_uncounted(tx: &mut Tx, context: &Context) -> Result<usize, StoreError> {
    let uncounted = sql::uncounted(tx).await?;
    for (relying_party, customers) in &uncounted {
        change_stream::customers_changed(tx, context, relying_party, *customers).await?;
    }
    Ok(uncounted.len())
}

/// What the stream tells of a customer's watching.
pub(crate) fn entry(
    context: &Context,
    watched: &Watched,
    change: &str,
    ground: Option<&Ground>,
    at: UnixTime,
) -> NewEntry {
    let body = json!({
        "change": change,
        "customer_id": watched.customer_id,
        "purpose": ground.map(|ground| ground.purpose.as_str()),
        "basis": ground.map(|ground| ground.basis.as_str()),
        "recorded_at": at.rfc3339(),
    });
    let subject = pairwise_id(&context.pairwise_secret, &watched.relying_party, &watched.person);
    NewEntry {
        relying_party: watched.relying_party.clone(),
        person: Some(watched.person.clone()),
        event: Event::about(WATCH, subject.to_string(), body.as_object().cloned().unwrap_or_default()),
    }
}

/// Tells the relying party by its stream and the resident by the audit log.
async fn tell(
    tx: &mut Tx,
    context: &Context,
    watched: &Watched,
    (change, kind): (&str, &'static str),
    ground: Option<&Ground>,
    at: UnixTime,
) -> Result<Receipt, StoreError> {
    change_stream::append(tx, context, entry(context, watched, change, ground, at), at).await?;
    let event = AuditEvent {
        kind,
        relying_party: Some(watched.relying_party.clone()),
        person: Some(watched.person.clone()),
        detail: json!({
            "purpose": ground.map(|ground| ground.purpose.as_str()),
            "basis": ground.map(|ground| ground.basis.as_str()),
        }),
    };
    audit::append(tx, &event, context.random.as_ref(), at).await
}
