//! The rules of the change check.

use std::sync::Arc;

use musubi_kernel::UnixTime;
use musubi_pki::{AuthorityKind, EntryStatus, Freshness, Policy, SerialNumber, VerifiedRevocationList};
use musubi_platform::Context;
use musubi_platform::audit::{self, AuditEvent};
use musubi_platform::consent::{self, Consent};
use musubi_platform::relying_party::RelyingPartyId;
use musubi_store::{StoreError, Tx};

use super::{ChangeEvent, ChangeKind, sql};
use crate::Verification;
use crate::linking::{self, KnownCertificate, Link};
use crate::revocation::freshness_of;
use crate::upstream::{LatestAttributes, UpstreamError};

/// Why a change check gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The customer id is not of the form that one has.
    #[error("not a customer id")]
    Field,
    /// The relying party has no such customer here.
    #[error("no such customer")]
    UnknownCustomer,
    /// No consent of the resident covers it.
    #[error("no consent")]
    NoConsent,
    /// Upstream has nothing newer.
    #[error("nothing newer")]
    NoneNewer,
    /// Upstream gave no answer.
    #[error(transparent)]
    Upstream(UpstreamError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Writes the events that follow from a list, in the list's own transaction; answers how many.
///
/// # Errors
/// [`StoreError`].
pub async fn record_changes(
    tx: &mut Tx,
    context: &Context,
    list: &VerifiedRevocationList,
    at: UnixTime,
) -> Result<u32, StoreError> {
    let mut records = Vec::new();
    for certificate in linking::not_yet_revoked(tx, list.authority()).await? {
        let EntryStatus::Listed { at: revoked_at, reason } = list.status_of(&certificate.key.serial) else {
            continue;
        };
        if !linking::mark_revoked(tx, &certificate.key, revoked_at, reason).await? {
            continue;
        }
        for link in linking::links_of_person(tx, &certificate.person).await? {
            let event = ChangeEvent {
                sequence: sql::next_sequence(tx, &link.relying_party).await?,
                relying_party: link.relying_party,
                person: link.person,
                customer_id: link.customer_id,
                authority: list.authority(),
                kind: ChangeKind::from_evidence(list.authority(), reason),
                reason,
                list_number: i64::try_from(list.number()).unwrap_or(i64::MAX),
                occurred_at: revoked_at,
                recorded_at: at,
            };
            sql::insert(tx, &event).await?;
            let detail = serde_json::json!({
                "sequence": event.sequence, "kind": event.kind.as_str(), "certificate_kind": event.authority,
                "reason": event.reason, "list_number": event.list_number,
            });
            records.push(AuditEvent {
                kind: audit::CHANGE_EVENT_RECORDED,
                relying_party: Some(event.relying_party),
                person: Some(event.person),
                detail,
            });
        }
    }
    // Last, since it holds the head of the log: a completion that has one of these certificates wants the head, too.
    for record in &records {
        audit::append(tx, record, context.random.as_ref(), at).await?;
    }
    Ok(u32::try_from(records.len()).unwrap_or(u32::MAX))
}

pub(super) async fn events_after(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    sequence: i64,
    limit: u32,
) -> Result<Vec<ChangeEvent>, StoreError> {
    sql::after(tx, relying_party, sequence, limit).await
}

/// What is known of one certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateState {
    /// Inside its validity and on no list, by fresh evidence.
    Good,
    /// On a list.
    Revoked(ChangeKind),
    /// Its validity has ended.
    Expired,
    /// The evidence is too old, or the certificate itself was never seen.
    Undetermined,
}

/// One certificate of a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CertificateStatus {
    /// Which kind.
    pub authority: AuthorityKind,
    /// Its state.
    pub state: CertificateState,
}

/// The answer of a change check.
#[derive(Debug, Clone)]
pub struct Status {
    /// The newest certificate of each kind.
    pub certificates: Vec<CertificateStatus>,
    /// Age of the oldest list used.
    pub freshness: Option<Freshness>,
}

/// The status of a person's newest certificates by the lists of the living authorities. A certificate on a list is
/// revoked however old the list is; one that is on none is good only by lists that are fresh at `at`.
#[must_use]
pub fn status(
    certificates: &[KnownCertificate],
    lists: &[Arc<VerifiedRevocationList>],
    policy: &Policy,
    at: UnixTime,
) -> Status {
    let fresh = |authority| {
        let mut of_authority = lists.iter().filter(|list| list.authority() == authority).peekable();
        of_authority.peek().is_some() && of_authority.all(|list| is_fresh(list, policy, at))
    };
    let certificates = AuthorityKind::ALL
        .into_iter()
        .filter_map(|authority| certificates.iter().rfind(|c| c.key.authority == authority))
        .map(|certificate| {
            let authority = certificate.key.authority;
            let listed =
                lists.iter().filter(|list| list.authority() == authority).find_map(|list| {
                    match list.status_of(&certificate.key.serial) {
                        EntryStatus::Listed { reason, .. } => Some(reason),
                        EntryStatus::NotListed => None,
                    }
                });
            let state =
                match (listed.or(certificate.revoked.map(|(_, reason)| reason)), certificate.not_after) {
                    (Some(reason), _) => {
                        CertificateState::Revoked(ChangeKind::from_evidence(authority, reason))
                    }
                    (None, Some(not_after)) if not_after < at => CertificateState::Expired,
                    (None, Some(_)) if fresh(authority) => CertificateState::Good,
                    _ => CertificateState::Undetermined,
                };
            CertificateStatus { authority, state }
        })
        .collect();
    Status { certificates, freshness: oldest(lists, at) }
}

/// How fresh the evidence is: of the list that was made first. `None` without any list.
#[must_use]
pub fn oldest(lists: &[Arc<VerifiedRevocationList>], at: UnixTime) -> Option<Freshness> {
    lists.iter().map(|list| freshness_of(list, at)).max_by_key(|freshness| freshness.age_seconds)
}

fn is_fresh(list: &VerifiedRevocationList, policy: &Policy, at: UnixTime) -> bool {
    // A list from the future tells of clocks that differ, not of freshness.
    let made = list.this_update() <= at.plus(musubi_pki::MAX_CLOCK_SKEW_SECONDS);
    made && at <= list.next_update()
        && policy.max_list_age.is_none_or(|most| at.since(list.this_update()) <= most)
}

/// Latest attributes as passed on, once.
#[derive(Debug)]
pub struct LatestOutcome {
    /// Whose.
    pub link: Link,
    /// The consented items.
    pub latest: LatestAttributes,
    /// The serial that was asked with; kept so that the same request can be answered again.
    pub from_serial: SerialNumber,
}

pub(super) async fn link_and_consent(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    customer_id: &str,
    at: UnixTime,
) -> Result<(Link, Option<Consent>), Error> {
    let link =
        linking::link_of_customer(tx, relying_party, customer_id).await?.ok_or(Error::UnknownCustomer)?;
    let consent = consent::active_for(tx, relying_party, &link.person, at).await?;
    Ok((link, consent))
}

/// Asks upstream for the attributes of the certificate that followed the one the relying party knows.
pub(super) async fn latest_attributes(
    verification: &Verification,
    link: Link,
    consent: &Consent,
    asked_before_with: Option<SerialNumber>,
) -> Result<LatestOutcome, Error> {
    let from_serial = asked_before_with.unwrap_or_else(|| link.attributes_serial.clone());
    let answer = verification
        .upstream()
        .latest_attributes(&consent.id, link.relying_party.as_str(), &from_serial)
        .await;
    match answer {
        Ok(mut latest) => {
            // The authority must not, but what the resident did not consent to goes no further than here.
            latest
                .attributes
                .retain(|(item, _)| consent.items.iter().any(|consented| consented.as_str() == item));
            Ok(LatestOutcome { link, latest, from_serial })
        }
        Err(UpstreamError::Refused { code }) if code == "latest_attributes.none_newer" => {
            Err(Error::NoneNewer)
        }
        Err(UpstreamError::Refused { code }) if code == "consent.none" => Err(Error::NoConsent),
        Err(error) => Err(Error::Upstream(error)),
    }
}
