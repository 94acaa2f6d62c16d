//! The rules around a file: begin, find, cancel, expire.

use std::collections::BTreeMap;

use musubi_crypto::ResumableSha256;
use musubi_kernel::UnixTime;
use musubi_platform::audit::{self, AuditEvent};
use musubi_platform::relying_party::RelyingPartyId;
use musubi_platform::{Context, Receipt};
use musubi_store::{StoreError, Tx};
use serde_json::json;

use super::{
    Announced, BulkError, Format, LIFETIME, MAX_BYTES, MAX_OPEN, RESULTS_KEPT, Registration, RegistrationId,
    State, sql,
};
use crate::watching::{BadField, Ground};

/// Begins a bulk registration.
///
/// # Errors
/// [`BulkError::Field`] if the file would be too long; [`BulkError::TooMany`].
pub async fn begin(
    tx: &mut Tx,
    context: &Context,
    relying_party: &RelyingPartyId,
    (format, ground, announced): (Format, Ground, Announced),
    at: UnixTime,
) -> Result<Registration, BulkError> {
    if announced.bytes.is_some_and(|bytes| bytes > MAX_BYTES) {
        return Err(BulkError::Field(BadField("bytes")));
    }
    if announced.lines.is_some_and(|lines| lines > MAX_BYTES) {
        return Err(BulkError::Field(BadField("lines")));
    }
    if sql::open(tx, relying_party).await? >= MAX_OPEN {
        return Err(BulkError::TooMany);
    }
    let registration = Registration {
        id: RegistrationId::generate(context.random.as_ref()),
        relying_party: relying_party.clone(),
        format,
        ground,
        announced,
        state: State::Open,
        ended_why: None,
        received: 0,
        lines: 0,
        counts: BTreeMap::new(),
        created_at: at,
        first_at: None,
        updated_at: at,
        expires_at: at.plus(LIFETIME),
        ended_at: None,
        tail: Vec::new(),
        header: None,
        digest: ResumableSha256::default().state(),
    };
    sql::insert(tx, &registration).await?;
    let event = AuditEvent {
        kind: audit::BULK_REGISTRATION_BEGUN,
        relying_party: Some(relying_party.clone()),
        person: None,
        detail: json!({
            "registration": registration.id, "format": format.as_str(),
            "purpose": registration.ground.purpose, "basis": registration.ground.basis.as_str(),
        }),
    };
    audit::append(tx, &event, context.random.as_ref(), at).await?;
    Ok(registration)
}

/// A bulk registration of this relying party.
///
/// # Errors
/// [`BulkError::Unknown`].
pub async fn find(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    id: &RegistrationId,
) -> Result<Registration, BulkError> {
    sql::find(tx, relying_party, id).await?.ok_or(BulkError::Unknown)
}

/// Ends a registration before its file has ended. What took effect stays.
///
/// # Errors
/// [`BulkError::Unknown`]; [`BulkError::Ended`], also if bytes came at the same moment: then ask again.
pub async fn cancel(
    tx: &mut Tx,
    context: &Context,
    relying_party: &RelyingPartyId,
    id: &RegistrationId,
    at: UnixTime,
) -> Result<(Registration, Receipt), BulkError> {
    end(tx, context, (relying_party, id), State::Cancelled, at).await
}

async fn end(
    tx: &mut Tx,
    context: &Context,
    (relying_party, id): (&RelyingPartyId, &RegistrationId),
    state: State,
    at: UnixTime,
) -> Result<(Registration, Receipt), BulkError> {
    let mut registration = find(tx, relying_party, id).await?;
    let from = registration.received;
    registration.state = state;
    registration.ended_at = Some(at);
    registration.tail = Vec::new();
    if !sql::advance(tx, from, &registration).await? {
        return Err(BulkError::Ended);
    }
    let event = ended(&registration);
    let receipt = audit::append(tx, &event, context.random.as_ref(), at).await?;
    Ok((registration, receipt))
}

/// The audit record of a registration's end.
pub(super) fn ended(registration: &Registration) -> AuditEvent {
    AuditEvent {
        kind: audit::BULK_REGISTRATION_ENDED,
        relying_party: Some(registration.relying_party.clone()),
        person: None,
        detail: json!({
            "registration": registration.id, "state": registration.state.as_str(),
            "why": registration.ended_why, "lines": registration.lines, "counts": registration.counts,
        }),
    }
}

/// Ends registrations that nobody ended in time, and deletes the results of those that ended long ago; answers how many.
///
/// # Errors
/// [`StoreError`].
pub async fn expire_abandoned(tx: &mut Tx, context: &Context, at: UnixTime) -> Result<u64, StoreError> {
    let mut ended = sql::delete_old_results(tx, at.plus(-RESULTS_KEPT)).await?;
    for (relying_party, id) in sql::overdue(tx, at).await? {
        match end(tx, context, (&relying_party, &id), State::Expired, at).await {
            Ok(_) => ended += 1,
            Err(BulkError::Store(error)) => return Err(error),
            // Ended by somebody else meanwhile.
            Err(_) => {}
        }
    }
    Ok(ended)
}
