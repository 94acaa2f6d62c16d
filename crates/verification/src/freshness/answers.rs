//! Answers given, and their correction when later evidence contradicts them. Takes the transaction and the time, asks
//! nobody.

use musubi_feed::{CORRECTION, Event, SETTLED};
use musubi_kernel::UnixTime;
use musubi_pki::{AuthorityKind, CertKey, EvidenceValue, Method, SerialNumber, SubIndication, Verdict};
use musubi_platform::audit::{self, AuditEvent};
use musubi_platform::change_stream::{self, NewEntry};
use musubi_platform::person::PersonId;
use musubi_platform::relying_party::RelyingPartyId;
use musubi_platform::{Context, pairwise_id};
use musubi_store::{StoreError, Tx};
use serde_json::{Map, Value, json};

use super::sql::{self, Flipped};
use super::{AnswerKind, Given};
use crate::change_check::{ChangeKind, Source};
use crate::linking::Revocation;
use crate::outcome::State;
use crate::watching::{Disclosure, purpose};

/// How many certificates are looked for in one go.
const BATCH: usize = 2_000;

/// Remembers an answer by which a relying party may act.
pub(crate) async fn give(tx: &mut Tx, given: &Given) -> Result<(), StoreError> {
    sql::give(tx, given).await
}

/// Gives every certificate of an authority of which something was said that still stands to `each`.
pub(crate) async fn for_each_standing<F>(
    tx: &mut Tx,
    authority: AuthorityKind,
    each: F,
) -> Result<u64, StoreError>
where
    F: FnMut(SerialNumber) + Send,
{
    sql::for_each_standing(tx, authority, each).await
}

/// The corrections that follow if evidence names these certificates as revoked: one for every answer that said good, or was
/// provisional, when the certificate was revoked already. Each is made once, whoever calls; the caller appends them in the
/// same transaction, with an audit record each.
///
/// # Errors
/// [`StoreError`].
pub async fn corrections_for(
    tx: &mut Tx,
    context: &Context,
    source: &Source,
    named: &[Revocation],
    at: UnixTime,
) -> Result<Vec<NewEntry>, StoreError> {
    let evidence = json!({
        "method": Method::List, "authority": source.authority, "key_id": source.key_id,
        "list_number": source.number, "this_update": source.this_update.rfc3339(),
    });
    corrections_by(tx, context, &evidence, named, at).await
}

async fn corrections_by(
    tx: &mut Tx,
    context: &Context,
    evidence: &Value,
    named: &[Revocation],
    at: UnixTime,
) -> Result<Vec<NewEntry>, StoreError> {
    let mut entries = Vec::new();
    for some in named.chunks(BATCH) {
        for flipped in sql::flip(tx, some).await? {
            entries.push(correction(context, evidence, &flipped, at));
        }
    }
    Ok(entries)
}

/// The corrections that follow if a verdict rests on an OCSP response by which the certificate is revoked: a list will say so
/// later, and nobody need wait for it.
pub(crate) async fn corrections_by_response(
    tx: &mut Tx,
    context: &Context,
    verdict: &Verdict,
    certificate: Option<&CertKey>,
    at: UnixTime,
) -> Result<Vec<NewEntry>, StoreError> {
    let (Some(status), Some(certificate)) = (verdict.check("revocation.status"), certificate) else {
        return Ok(Vec::new());
    };
    let text = |name| match status.evidence(name) {
        Some(EvidenceValue::Text(text)) => Some(text.as_ref()),
        _ => None,
    };
    let (Some("revoked"), Some(reason), Some(EvidenceValue::Time(revoked_at))) =
        (text("ocsp"), text("reason"), status.evidence("revoked_at"))
    else {
        return Ok(Vec::new());
    };
    let reason = reason.parse().map_err(|_| StoreError::Corrupt("reason"))?;
    let named = Revocation { key: certificate.clone(), at: *revoked_at, reason };
    let evidence = json!({
        "method": Method::Ocsp, "authority": certificate.authority, "key_id": null, "list_number": null,
        "this_update": verdict.freshness().map(|freshness| freshness.this_update.rfc3339()),
    });
    corrections_by(tx, context, &evidence, &[named], at).await
}

/// The audit record of a correction.
pub(crate) fn correction_record(correction: &NewEntry) -> AuditEvent {
    let told = |member: &str| correction.event.body.get(member);
    AuditEvent {
        kind: audit::ANSWER_CORRECTED,
        relying_party: Some(correction.relying_party.clone()),
        person: correction.person.clone(),
        detail: json!({
            "answer": told("answer"), "answer_kind": told("answer_kind"),
            "certificate_kind": told("certificate_kind"),
            "list_number": told("evidence").and_then(|evidence| evidence.get("list_number")),
        }),
    }
}

/// Whoever was told "good" is told that it was not, whatever the purpose; the purpose bounds what is told of the why.
fn correction(context: &Context, evidence: &Value, flipped: &Flipped, at: UnixTime) -> NewEntry {
    let kind = ChangeKind::from_evidence(flipped.authority, flipped.reason);
    let told = flipped.purpose.as_deref().and_then(purpose).map(|purpose| (purpose.tells)(kind));
    let (change, reason) = match told {
        Some(Disclosure::Evidence) => (kind.as_str(), Some(flipped.reason)),
        Some(Disclosure::Kind) => (kind.as_str(), None),
        Some(Disclosure::Fact | Disclosure::Nothing) | None => ("not_told", None),
    };
    let mut evidence = evidence.clone();
    if let Some(evidence) = evidence.as_object_mut() {
        evidence.insert("reason".into(), json!(reason));
    }
    let body = json!({
        "answer": flipped.answer,
        "answer_kind": flipped.kind,
        "answered_at": flipped.answered_at.rfc3339(),
        "said": flipped.said,
        "now": "revoked",
        "change": change,
        "customer_id": flipped.customer_id,
        "purpose": flipped.purpose,
        "certificate_kind": flipped.authority,
        "occurred_at": flipped.revoked_at.rfc3339(),
        "recorded_at": at.rfc3339(),
        "evidence": evidence,
    });
    entry(context, CORRECTION, &flipped.relying_party, flipped.person.as_ref(), body)
}

fn entry(
    context: &Context,
    event_type: musubi_feed::EventType,
    relying_party: &RelyingPartyId,
    person: Option<&PersonId>,
    body: Value,
) -> NewEntry {
    let body = match body {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    let event = match person {
        Some(person) => {
            let subject = pairwise_id(&context.pairwise_secret, relying_party, person);
            Event::about(event_type, subject.to_string(), body)
        }
        // Nobody knows yet whose certificate it is; the answer's identifier says which it was.
        None => Event::of_stream(event_type, body),
    };
    NewEntry { relying_party: relying_party.clone(), person: person.cloned(), event }
}

/// An answer that had to wait, and how it ended.
#[derive(Debug)]
pub(crate) struct Settled<'a> {
    pub(crate) relying_party: &'a RelyingPartyId,
    pub(crate) answer: &'a str,
    pub(crate) kind: AnswerKind,
    /// Held or provisional.
    pub(crate) from: State,
    /// When that was said.
    pub(crate) since: UnixTime,
    pub(crate) person: Option<&'a PersonId>,
    pub(crate) customer_id: Option<&'a str>,
    pub(crate) ending: Ending<'a>,
}

/// How an awaited answer ended.
#[derive(Debug)]
pub(crate) enum Ending<'a> {
    /// With this verdict; accepted or refused.
    Judged(State, &'a Verdict),
    /// A change check: what is known of the certificates now, as answers to change checks say it.
    Known { good: bool, certificates: Value, freshness: Value },
    /// It cannot be finished, for this reason (a problem's code).
    Impossible(&'static str),
}

/// What is told when an awaited answer has come: that it is settled; a correction if the relying party had gone on and the
/// answer is not good. `None` if that correction was made already.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn settled(
    tx: &mut Tx,
    context: &Context,
    settled: &Settled<'_>,
    at: UnixTime,
) -> Result<Option<NewEntry>, StoreError> {
    let Settled { relying_party, answer, kind, from, since, person, customer_id, ending } = settled;
    let mut body = json!({
        "answer": answer,
        "answer_kind": kind.as_str(),
        "answered_at": since.rfc3339(),
        "said": from.as_str(),
        "customer_id": customer_id,
        "recorded_at": at.rfc3339(),
    });
    let (is_good, now, more) = match ending {
        Ending::Judged(state, verdict) => {
            let more = json!({
                "state": state.as_str(),
                "verdict": {
                    "indication": verdict.indication(),
                    "sub_indication": verdict.sub_indication(),
                    "reason": verdict.reason(),
                    "freshness": verdict.freshness(),
                    "judged_at": verdict.judged_at(),
                },
            });
            (*state == State::Accepted, now_of(verdict), more)
        }
        Ending::Known { good, certificates, freshness } => {
            let revoked =
                certificates.as_array().is_some_and(|all| all.iter().any(|c| c["state"] == "revoked"));
            let now = match (good, revoked) {
                (true, _) => "good",
                (false, true) => "revoked",
                (false, false) => "undetermined",
            };
            (*good, now, json!({ "state": "settled", "certificates": certificates, "freshness": freshness }))
        }
        Ending::Impossible(code) => (false, "refused", json!({ "state": "refused", "code": code })),
    };
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
        body.insert("now".into(), now.into());
    }
    let was_provisional = *from == State::Provisional;
    let stood = was_provisional && sql::end_provisional(tx, answer).await?;
    if was_provisional && !is_good {
        // Told already if the list that came named the certificate.
        if !stood {
            return Ok(None);
        }
        return Ok(Some(entry(context, CORRECTION, relying_party, *person, body)));
    }
    Ok(Some(entry(context, SETTLED, relying_party, *person, body)))
}

/// Appends what is told of an awaited answer that ended apart from a transaction of its own, and its audit record last.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn tell(
    tx: &mut Tx,
    context: &Context,
    ended: &Settled<'_>,
    at: UnixTime,
) -> Result<(), StoreError> {
    let entry = settled(tx, context, ended, at).await?;
    announce(tx, context, ended, entry, at).await
}

/// As [`tell`], what is told being known.
pub(crate) async fn announce(
    tx: &mut Tx,
    context: &Context,
    ended: &Settled<'_>,
    entry: Option<NewEntry>,
    at: UnixTime,
) -> Result<(), StoreError> {
    let Some(entry) = entry else { return Ok(()) };
    let detail = json!({
        "answer": ended.answer, "answer_kind": ended.kind.as_str(), "said": ended.from.as_str(),
        "now": entry.event.body.get("now"), "told_as": entry.event.name(),
    });
    change_stream::append(tx, context, entry, at).await?;
    let event = AuditEvent {
        kind: audit::ANSWER_SETTLED,
        relying_party: Some(ended.relying_party.clone()),
        person: ended.person.cloned(),
        detail,
    };
    audit::append(tx, &event, context.random.as_ref(), at).await.map(drop)
}

/// Unknown stays unknown at the end of the wait, too.
fn now_of(verdict: &Verdict) -> &'static str {
    match verdict.sub_indication() {
        None => "good",
        Some(SubIndication::Revoked | SubIndication::RevokedNoPoe) => "revoked",
        Some(SubIndication::TryLater) => "undetermined",
        Some(_) => "refused",
    }
}

/// Forgets answers that nothing can contradict any more: of certificates that ended a day ago, and those older than
/// `kept` seconds; answers how many.
///
/// # Errors
/// [`StoreError`].
pub async fn forget(tx: &mut Tx, kept: i64, at: UnixTime) -> Result<u64, StoreError> {
    const DAY: i64 = 24 * 3600;
    sql::forget(tx, at.plus(-DAY), at.plus(-kept)).await
}
