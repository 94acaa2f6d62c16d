//! Pending changes: a list said "no longer needed" (cessationOfOperation), which is an end, or a renewal that was recorded as
//! one. Upstream is asked once its linkage must be there; the answer appends another entry that refines the first.
//!
//! ```text
//!  cessationOfOperation ─► told as undetermined, pending ──ask upstream──► decided: told again with `refines`
//!                                    ▲        │                      └───► undetermined for good: nothing more is told
//!                                    └────────┘ no answer: asked again, ever more rarely, for 14 days
//! ```
//!
//! Decisions are made in [`super::meaning`]; what a purpose lets be told, in `service.rs`.
//!
//! Not here: following persons whose certificates a list calls superseded (`watching::succession`).

use std::collections::BTreeMap;

use futures_util::future::join_all;
use musubi_kernel::UnixTime;
use musubi_pki::{AuthorityKind, CertKey, EntryStatus, RevocationReason};
use musubi_platform::audit::{self, AuditEvent};
use musubi_platform::change_stream;
use musubi_platform::person::PersonId;
use musubi_platform::relying_party::RelyingPartyId;
use musubi_store::{StoreError, Tx};

use super::meaning::{Counterpart, Evidence, LINKED_BY, Latest, Successor};
use super::service::{Change, Source, entry_of};
use super::{ChangeKind, sql};
use crate::Verification;
use crate::linking::{self, Concerned, KnownCertificate};
use crate::upstream::{SerialSuccession, UpstreamError};

/// Certificates that are asked about in one step, and how many of them at a time.
const STEP: u32 = 256;
const CONCURRENT: usize = 8;
/// Steps of one call: what is left is due at the next.
const STEPS: usize = 64;
/// The first wait after a question without an answer, in seconds; each further one is three times as long, up to a day.
const FIRST_WAIT: i64 = 15 * 60;
const LONGEST_WAIT: i64 = 24 * 3600;
/// How long a change stays pending, in seconds. After that it stays undetermined.
pub const PENDING_FOR: i64 = 14 * 24 * 3600;

/// A revocation whose meaning is pending.
#[derive(Debug, Clone)]
pub(super) struct FollowUp {
    pub(super) key: CertKey,
    pub(super) person: PersonId,
    pub(super) reason: RevocationReason,
    pub(super) revoked_at: UnixTime,
    pub(super) recorded_at: UnixTime,
    pub(super) source: Source,
    pub(super) tries: i64,
}

impl FollowUp {
    pub(super) fn of(concerned: &Concerned, source: &Source, at: UnixTime) -> Self {
        Self {
            key: concerned.revocation.key.clone(),
            person: concerned.person.clone(),
            reason: concerned.revocation.reason,
            revoked_at: concerned.revocation.at,
            recorded_at: at,
            source: source.clone(),
            tries: 0,
        }
    }

    /// When upstream is asked first: once its silence counts.
    pub(super) fn first_due(&self) -> UnixTime {
        self.recorded_at.max(self.revoked_at.plus(LINKED_BY))
    }
}

/// An entry that told of a change as pending.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) key: CertKey,
    pub(super) relying_party: RelyingPartyId,
    pub(super) sequence: u64,
}

/// What a call did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Settled {
    /// Changes whose meaning is known now.
    pub decided: u32,
    /// Changes that stay undetermined for good.
    pub undetermined: u32,
    /// Changes that are asked about again later.
    pub waiting: u32,
    /// Entries that were appended.
    pub told: u32,
}

/// Queues pending changes, each certificate once, with the entries that told of them.
///
/// # Errors
/// [`StoreError`].
pub(super) async fn queue(
    tx: &mut Tx,
    follow_ups: BTreeMap<CertKey, FollowUp>,
    told: &[Told],
) -> Result<(), StoreError> {
    sql::insert(tx, follow_ups.values(), told).await
}

/// What was decided of a person's certificates after their lists came.
///
/// # Errors
/// [`StoreError`].
pub(super) async fn decided(
    tx: &mut Tx,
    person: &PersonId,
) -> Result<Vec<(CertKey, ChangeKind)>, StoreError> {
    sql::decided(tx, person).await
}

/// Asks upstream about pending changes that are due, and tells what they mean. To be called after each intake and every
/// few seconds in between: where nothing is due, it costs one look at the queue. Of an authority that does not answer, no
/// more than a few questions are asked.
///
/// # Errors
/// [`StoreError`].
pub async fn settle_due(verification: &Verification) -> Result<Settled, StoreError> {
    let context = verification.context();
    let mut settled = Settled::default();
    for _ in 0..STEPS {
        let at = context.clock.now();
        let due = {
            let mut tx = context.db.begin_read().await?;
            sql::due(&mut tx, at, STEP).await?
        };
        if due.is_empty() {
            break;
        }
        let whole = due.len();
        let answers = ask(verification, due).await;
        let all = answers.len() == whole;
        write(verification, answers, at, &mut settled).await?;
        if !all {
            break;
        }
    }
    Ok(settled)
}

type Answer = Result<Option<SerialSuccession>, UpstreamError>;

async fn ask(verification: &Verification, due: Vec<FollowUp>) -> Vec<(FollowUp, Answer)> {
    let mut answers = Vec::with_capacity(due.len());
    for some in due.chunks(CONCURRENT) {
        let asked = some.iter().map(async |follow_up: &FollowUp| {
            (follow_up.clone(), verification.upstream().succession(&follow_up.key).await)
        });
        let some = join_all(asked).await;
        let silent = some.iter().all(|(_, answer)| matches!(answer, Err(UpstreamError::Unreachable)));
        answers.extend(some);
        if silent {
            break;
        }
    }
    answers
}

async fn write(
    verification: &Verification,
    answers: Vec<(FollowUp, Answer)>,
    at: UnixTime,
    settled: &mut Settled,
) -> Result<(), StoreError> {
    let context = verification.context();
    let mut tx = context.db.begin().await?;
    let (mut entries, mut records) = (Vec::new(), Vec::new());
    for (follow_up, answer) in answers {
        let key = &follow_up.key;
        let successor = match &answer {
            Ok(Some(succession)) if succession.current == key.serial => {
                Successor::NoneAfter(at.since(follow_up.revoked_at))
            }
            Ok(Some(succession)) => {
                Successor::Found(succession.next_issued_at.map(|issued| issued.since(follow_up.revoked_at)))
            }
            // A certificate that upstream does not know is no answer about what followed it.
            Ok(None) | Err(_) => Successor::NotAsked,
        };
        let certificates = linking::certificates_of(&mut tx, &follow_up.person).await?;
        let evidence = Evidence {
            authority: key.authority,
            reason: follow_up.reason,
            successor,
            counterpart: counterpart(verification, &certificates, &follow_up, at),
            latest: latest(&certificates, key),
        };
        let mut meaning = evidence.meaning();
        if meaning.pending && at.since(follow_up.recorded_at) > PENDING_FOR {
            meaning.pending = false;
        }
        if meaning.pending {
            sql::wait(&mut tx, key, next_at(follow_up.tries, at)).await?;
            settled.waiting += 1;
            continue;
        }
        // Of two processes that asked, one finds it pending.
        if !sql::decide(&mut tx, key, meaning.kind, at).await? {
            continue;
        }
        if let (Successor::Found(_), Ok(Some(succession))) = (successor, answer) {
            let next = CertKey { authority: key.authority, serial: succession.current };
            // Known as somebody else's it stays so.
            linking::follow_to(&mut tx, &next, &follow_up.person, at).await?;
        }
        if meaning.kind == ChangeKind::Undetermined {
            settled.undetermined += 1;
        } else {
            settled.decided += 1;
            for (concerned, refines) in sql::told(&mut tx, &follow_up, at).await? {
                let change = Change { kind: meaning.kind, pending: false, refines: Some(refines) };
                let Some(entry) = entry_of(context, &follow_up.source, &concerned, change, at) else {
                    continue;
                };
                records.push(AuditEvent {
                    kind: audit::CHANGE_EVENT_REFINED,
                    relying_party: Some(concerned.relying_party),
                    person: Some(concerned.person),
                    detail: serde_json::json!({
                        "kind": entry.event.body.get("change"), "certificate_kind": key.authority,
                        "purpose": concerned.purpose, "list_number": follow_up.source.number,
                    }),
                });
                entries.push(entry);
            }
        }
        sql::forget_told(&mut tx, key).await?;
    }
    settled.told += u32::try_from(entries.len()).unwrap_or(u32::MAX);
    change_stream::append_all(&mut tx, context, entries, at).await?;
    audit::append_all(&mut tx, &records, context.random.as_ref(), at).await?;
    tx.commit().await
}

/// When upstream is asked again after so many tries.
fn next_at(tries: i64, at: UnixTime) -> UnixTime {
    let times = u32::try_from(tries.clamp(0, 6)).unwrap_or(6);
    at.plus(FIRST_WAIT.saturating_mul(3_i64.pow(times)).min(LONGEST_WAIT))
}

/// The holder's newest certificate of the other kind.
fn counterpart(
    verification: &Verification,
    certificates: &[KnownCertificate],
    follow_up: &FollowUp,
    at: UnixTime,
) -> Counterpart {
    let authority = follow_up.key.authority.counterpart();
    let Some(newest) = certificates.iter().rfind(|known| known.key.authority == authority) else {
        return Counterpart::Unknown;
    };
    if let Some((_, reason)) = newest.revoked {
        return Counterpart::Revoked(reason);
    }
    if newest.not_after.is_none_or(|end| end < at) {
        return Counterpart::Unknown;
    }
    let lists = verification.living(&verification.lists().snapshot(), at);
    let mut own = lists.iter().filter(|list| list.authority() == authority).peekable();
    let looked = own.peek().is_some()
        && own.all(|list| {
            list.this_update() > follow_up.revoked_at
                && matches!(list.status_of(&newest.key.serial), EntryStatus::NotListed)
        });
    if looked { Counterpart::Good } else { Counterpart::Unknown }
}

/// Whether a newer signing certificate was met here: it came with latest attributes, or was used.
fn latest(certificates: &[KnownCertificate], key: &CertKey) -> Latest {
    let mut newer = certificates
        .iter()
        .filter(|known| known.key.authority == AuthorityKind::DigitalSignature)
        .skip_while(|known| known.key != *key)
        .skip(1);
    let is_signing = key.authority == AuthorityKind::DigitalSignature;
    if is_signing && newer.any(|known| known.revoked.is_none()) { Latest::Newer } else { Latest::NoConsent }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_waits_grow_from_a_quarter_of_an_hour_to_a_day() {
        let waits: Vec<i64> = (0..7).map(|tries| next_at(tries, UnixTime(0)).0 / 60).collect();
        assert_eq!(waits, [15, 45, 135, 405, 1215, 1440, 1440]);
    }
}
