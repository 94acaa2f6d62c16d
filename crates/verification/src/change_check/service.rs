//! The rules of the change check.

use std::collections::BTreeMap;
use std::sync::Arc;

use musubi_feed::{CREDENTIAL_CHANGE, CREDENTIAL_COMPROMISE, Event};
use musubi_kernel::UnixTime;
use musubi_pki::{
    AuthorityKind, CertKey, EntryStatus, Freshness, Policy, SerialNumber, VerifiedRevocationList,
};
use musubi_platform::audit::{self, AuditEvent};
use musubi_platform::change_stream::{self, NewEntry};
use musubi_platform::consent::{self, Consent};
use musubi_platform::relying_party::RelyingPartyId;
use musubi_platform::{Context, pairwise_id};
use musubi_store::{StoreError, Tx};

use super::ChangeKind;
use super::follow_up::{self, FollowUp, Told};
use super::meaning::Evidence;
use crate::Verification;
use crate::freshness;
use crate::linking::{self, Concerned, KnownCertificate, Link, Revocation};
use crate::revocation::freshness_of;
use crate::upstream::{LatestAttributes, UpstreamError};
use crate::watching::{Disclosure, purpose};

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

/// How many certificates are marked and told of in one go.
const BATCH: usize = 2_000;

/// The list from which changes follow.
#[derive(Debug, Clone)]
pub struct Source {
    /// Whose list.
    pub authority: AuthorityKind,
    /// Key identifier of the issuing generation, lower-case hex.
    pub key_id: String,
    /// CRLNumber.
    pub number: i64,
    /// When the authority made it.
    pub this_update: UnixTime,
}

impl Source {
    /// That of a list.
    #[must_use]
    pub fn of(list: &VerifiedRevocationList) -> Self {
        let number = i64::try_from(list.number()).unwrap_or(i64::MAX);
        let (key_id, this_update) = (list.key_id().to_owned(), list.this_update());
        Self { authority: list.authority(), key_id, number, this_update }
    }
}

/// Marks the certificates as revoked and writes what follows, with its audit records: events for who watches the holders,
/// corrections for who was told that the certificate is good; answers how many.
///
/// # Errors
/// [`StoreError`].
pub async fn record(
    tx: &mut Tx,
    context: &Context,
    source: &Source,
    named: &[Revocation],
    at: UnixTime,
) -> Result<u32, StoreError> {
    let mut entries = Vec::new();
    let mut records = Vec::new();
    let mut follow_ups = BTreeMap::new();
    // Which entries told of a change as pending.
    let mut pending = Vec::new();
    for some in named.chunks(BATCH) {
        for concerned in linking::mark_revoked(tx, some, at).await? {
            let Revocation { key, reason, .. } = &concerned.revocation;
            let meaning = Evidence::of_list(key.authority, *reason).meaning();
            if meaning.pending {
                follow_ups.entry(key.clone()).or_insert_with(|| FollowUp::of(&concerned, source, at));
            }
            let may_refine = meaning.pending && more_may_be_told(&concerned.purpose);
            let change = Change { kind: meaning.kind, pending: may_refine, refines: None };
            let Some(entry) = entry_of(context, source, &concerned, change, at) else { continue };
            if may_refine {
                pending.push((entries.len(), key.clone(), concerned.relying_party.clone()));
            }
            records.push(AuditEvent {
                kind: audit::CHANGE_EVENT_RECORDED,
                relying_party: Some(concerned.relying_party),
                person: Some(concerned.person),
                detail: serde_json::json!({
                    "kind": entry.event.body.get("change"), "certificate_kind": source.authority,
                    "purpose": concerned.purpose, "list_number": source.number,
                }),
            });
            entries.push(entry);
        }
    }
    for correction in freshness::corrections_for(tx, context, source, named, at).await? {
        records.push(freshness::correction_record(&correction));
        entries.push(correction);
    }
    let count = records.len();
    let numbers = change_stream::append_all(tx, context, entries, at).await?;
    let mut told = Vec::with_capacity(pending.len());
    for (index, key, relying_party) in pending {
        let sequence = *numbers.get(index).ok_or(StoreError::Corrupt("sequence"))?;
        told.push(Told { key, relying_party, sequence });
    }
    follow_up::queue(tx, follow_ups, &told).await?;
    // Last, since it holds the head of the log: a completion that has one of these certificates wants the head, too.
    audit::append_all(tx, &records, context.random.as_ref(), at).await?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// What an entry says of a change.
#[derive(Debug, Clone, Copy)]
pub(super) struct Change {
    pub(super) kind: ChangeKind,
    /// Another entry may tell more.
    pub(super) pending: bool,
    /// The number of the entry in whose place this one stands.
    pub(super) refines: Option<u64>,
}

/// How much of a change is told under a purpose. One that this version does not know lets nothing be told but the fact.
fn disclosure(named: &str, kind: ChangeKind) -> Disclosure {
    purpose(named).map_or(Disclosure::Fact, |purpose| (purpose.tells)(kind))
}

/// The word for a change under a purpose; `None` if it is not told.
fn word(named: &str, kind: ChangeKind) -> Option<&'static str> {
    match disclosure(named, kind) {
        Disclosure::Evidence | Disclosure::Kind => Some(kind.as_str()),
        Disclosure::Fact => Some("not_told"),
        Disclosure::Nothing => None,
    }
}

/// Whether a pending change could be told under this purpose by another word than at first.
fn more_may_be_told(named: &str) -> bool {
    let Some(first) = word(named, ChangeKind::Undetermined) else { return false };
    [ChangeKind::Renewed, ChangeKind::Ended]
        .into_iter()
        .any(|kind| word(named, kind).is_some_and(|later| later != first))
}

/// What is told of a change, as far as the purpose allows; nothing where it allows nothing.
pub(super) fn entry_of(
    context: &Context,
    source: &Source,
    concerned: &Concerned,
    told: Change,
    at: UnixTime,
) -> Option<NewEntry> {
    let Revocation { key, at: revoked_at, reason } = &concerned.revocation;
    let change = word(&concerned.purpose, told.kind)?;
    let reason = match disclosure(&concerned.purpose, told.kind) {
        Disclosure::Evidence => Some(*reason),
        Disclosure::Kind | Disclosure::Fact | Disclosure::Nothing => None,
    };
    let told_as_held = change == ChangeKind::HeldOrCompromised.as_str();
    let event_type = if told_as_held { CREDENTIAL_COMPROMISE } else { CREDENTIAL_CHANGE };
    let body = serde_json::json!({
        "change": change,
        "customer_id": concerned.customer_id,
        "certificate_kind": key.authority,
        "purpose": concerned.purpose,
        "occurred_at": revoked_at.rfc3339(),
        "recorded_at": at.rfc3339(),
        "evidence": { "reason": reason, "authority": key.authority, "key_id": source.key_id, "list_number": source.number, "this_update": source.this_update.rfc3339() },
        "latest_attributes": if concerned.consented { "available" } else { "no_consent" },
        "credential_type": "x509",
        "change_type": "revoke",
        "event_timestamp": revoked_at.0,
    });
    let subject = pairwise_id(&context.pairwise_secret, &concerned.relying_party, &concerned.person);
    let mut body = body.as_object().cloned().unwrap_or_default();
    if told.pending {
        body.insert("pending".into(), true.into());
    }
    if let Some(refines) = told.refines {
        body.insert("refines".into(), refines.into());
    }
    Some(NewEntry {
        relying_party: concerned.relying_party.clone(),
        person: Some(concerned.person.clone()),
        event: Event::about(event_type, subject.to_string(), body),
    })
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateStatus {
    /// Which: the serial number stays on the platform.
    pub key: CertKey,
    /// Its end, if the certificate itself was seen.
    pub not_after: Option<UnixTime>,
    /// Its state.
    pub state: CertificateState,
    /// Age of the oldest list of its authority. `None` without any list.
    pub freshness: Option<Freshness>,
}

impl CertificateStatus {
    /// Whether fresher evidence would tell more.
    #[must_use]
    pub fn waits_for_evidence(&self) -> bool {
        self.state == CertificateState::Undetermined && self.not_after.is_some()
    }
}

/// The answer of a change check.
#[derive(Debug, Clone)]
pub struct Status {
    /// The newest certificate of each kind.
    pub certificates: Vec<CertificateStatus>,
    /// Age of the oldest list used.
    pub freshness: Option<Freshness>,
}

impl Status {
    /// Says what was found out about ends after their lists came.
    pub(super) fn refine(&mut self, decided: &[(CertKey, ChangeKind)]) {
        for certificate in &mut self.certificates {
            let found = decided.iter().find(|(key, _)| *key == certificate.key);
            if let (CertificateState::Revoked(kind @ ChangeKind::Undetermined), Some((_, decided))) =
                (&mut certificate.state, found)
            {
                *kind = *decided;
            }
        }
    }
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
            let own: Vec<_> = lists.iter().filter(|list| list.authority() == authority).cloned().collect();
            CertificateStatus {
                key: certificate.key.clone(),
                not_after: certificate.not_after,
                state,
                freshness: oldest(&own, at),
            }
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
