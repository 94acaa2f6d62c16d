//! One batch: its effects, its results, its records and the new offset, in one transaction.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use musubi_feed::{Event, WATCH};
use musubi_kernel::UnixTime;
use musubi_platform::audit::{self, AuditEvent};
use musubi_platform::change_stream::{self, NewEntry};
use musubi_platform::relying_party::RelyingParty;
use musubi_store::{StoreError, Tx};
use serde_json::json;

use super::lines::Line;
use super::signed::{self, Application, JudgedApplication};
use super::{BulkError, Registration, results, service, sql};
use crate::Verification;
use crate::evidence;
use crate::watching::matching::{self, Tag};

/// Lines that were read and are to take effect.
#[derive(Default)]
pub(super) struct Batch {
    /// Customers and matching lines, by line.
    pub(super) named: Vec<Named>,
    /// Signed applications.
    pub(super) applications: Vec<Application>,
    /// Lines whose result is known already: malformed ones.
    pub(super) known: Vec<(u64, Option<String>, Cow<'static, str>)>,
    /// Bytes of the lines.
    pub(super) bytes: usize,
}

impl Batch {
    pub(super) fn lines(&self) -> usize {
        self.named.len() + self.applications.len() + self.known.len()
    }

    pub(super) fn push(&mut self, number: u64, line: Line, bytes: usize) {
        self.bytes += bytes;
        match line {
            Line::Customer(id) => self.named.push((number, id, None)),
            Line::Matching(id, tag) => self.named.push((number, id, Some(tag))),
            Line::Application { customer_id, document, signed } => {
                self.applications.push(Application { line: number, customer_id, document, signed });
            }
            Line::Malformed => self.known.push((number, None, results::MALFORMED.into())),
        }
    }
}

/// A customer or a matching line: number, customer id, tag.
type Named = (u64, String, Option<Tag>);
/// Results by line.
type Results = Vec<(u64, Option<String>, Cow<'static, str>)>;

/// Writes a batch and moves the registration from `from` bytes to where `next` stands; answers it with its counts.
///
/// # Errors
/// [`BulkError::Ended`] or [`BulkError::Offset`] if it was moved meanwhile: then nothing was written.
pub(super) async fn write(
    verification: &Verification,
    relying_party: &RelyingParty,
    from: u64,
    next: Registration,
    batch: Batch,
) -> Result<Registration, BulkError> {
    let context = verification.context();
    let Batch { named, applications, known, .. } = batch;
    loop {
        let at = context.clock.now();
        let lists = verification.lists().snapshot();
        let about = (relying_party, &next);
        let judged = signed::judge_all(verification, about, &applications, &lists, at).await?;
        let asked_upstream = !judged.is_empty();
        let mut tx = context.db.begin().await?;
        let mut now = next.clone();
        now.updated_at = at;
        now.first_at = now.first_at.or(Some(at));
        if now.state != super::State::Open {
            now.ended_at = Some(at);
        }
        if !sql::advance(&mut tx, from, &now).await? {
            let stands = service::find(&mut tx, &now.relying_party, &now.id).await?;
            return Err(match stands.state {
                super::State::Open => BulkError::Offset { expected: stands.received },
                _ => BulkError::Ended,
            });
        }
        let written = take_effect(&mut tx, verification, &mut now, (&named, judged, known.clone()), at);
        written.await?;
        if asked_upstream && verification.lists().are_outdated(&mut tx, &lists).await? {
            drop(tx);
            verification.refresh().await.map_err(|e| BulkError::Interrupted(e.to_string()))?;
            continue;
        }
        tx.commit().await?;
        return Ok(now);
    }
}

async fn take_effect(
    tx: &mut Tx,
    verification: &Verification,
    now: &mut Registration,
    (named, judged, known): (&[Named], Vec<JudgedApplication>, Results),
    at: UnixTime,
) -> Result<(), StoreError> {
    let context = verification.context();
    let mut results = known;
    let mut records = Vec::new();
    let mut kept = Vec::new();
    let mut began = 0_i64;
    for application in judged {
        let settled = signed::settle(tx, context, now, application, at).await?;
        began += i64::from(settled.began);
        if let Some((event, content)) = settled.record {
            kept.push((records.len(), settled.line, content));
            records.push(event);
        }
        results.push((settled.line, Some(settled.customer_id), settled.result));
    }
    let mut seen: HashSet<&str> = HashSet::with_capacity(named.len());
    let mut first: Vec<&Named> = Vec::with_capacity(named.len());
    for line in named {
        if seen.insert(&line.1) {
            first.push(line);
        } else {
            results.push((line.0, Some(line.1.clone()), results::DUPLICATE_LINE.into()));
        }
    }
    if !first.is_empty() {
        let customers = first.iter().map(|(_, id, tag)| (id.as_str(), tag.as_ref()));
        sql::name_customers(tx, customers.collect::<Vec<_>>()).await?;
        let objections = now.ground.basis.yields_to_objection();
        let watched = sql::begin_watching(tx, now, objections, at).await?;
        began += i64::try_from(watched.len()).unwrap_or(i64::MAX);
        let detail = json!({
            "purpose": now.ground.purpose, "basis": now.ground.basis.as_str(), "registration": now.id,
        });
        let mut codes: HashMap<String, Cow<'static, str>> = HashMap::with_capacity(first.len());
        let mut record = |kind, person| {
            records.push(AuditEvent {
                kind,
                relying_party: Some(now.relying_party.clone()),
                person: Some(person),
                detail: detail.clone(),
            });
        };
        for (customer_id, person) in watched {
            record(audit::WATCHING_BEGUN, person);
            codes.insert(customer_id, results::WATCHED.into());
        }
        if codes.len() < first.len() {
            // What a proofing began by itself yields to what the relying party says: counted before, so not again.
            for (customer_id, person) in sql::take_over(tx, now, objections).await? {
                record(audit::WATCHING_CHANGED, person);
                codes.insert(customer_id, results::WATCHED.into());
            }
            others(tx, now, &first, &mut codes, at).await?;
        }
        for (line, id, _) in first {
            let code = codes.remove(id).unwrap_or(results::NOT_LINKED.into());
            results.push((*line, Some(id.clone()), code));
        }
    }
    results.sort_unstable_by_key(|(line, ..)| *line);
    if began > 0 {
        change_stream::customers_changed(tx, context, &now.relying_party, began).await?;
        change_stream::append(tx, context, told(now, &results, began, at), at).await?;
    }
    keep_results(tx, now, &results).await?;
    if !results.is_empty() {
        records.push(AuditEvent {
            kind: audit::BULK_REGISTRATION_TAKEN,
            relying_party: Some(now.relying_party.clone()),
            person: None,
            detail: json!({
                "registration": now.id, "first_line": results.first().map(|r| r.0),
                "last_line": results.last().map(|r| r.0), "lines": results.len(), "began": began,
            }),
        });
    }
    if now.state != super::State::Open {
        records.push(service::ended(now));
    }
    // Last: the head of the log is held until the transaction ends.
    let receipts = audit::append_all(tx, &records, context.random.as_ref(), at).await?;
    for (index, line, content) in kept {
        if let Some(receipt) = receipts.get(index) {
            evidence::keep(tx, context, receipt, &format!("{}.{line}", now.id), &content).await?;
        }
    }
    Ok(())
}

/// The customers of a batch that were not simply watched: linked ones that are watched or objected, and matching lines.
async fn others(
    tx: &mut Tx,
    now: &Registration,
    first: &[&Named],
    codes: &mut HashMap<String, Cow<'static, str>>,
    at: UnixTime,
) -> Result<(), StoreError> {
    let mut met_before = false;
    for linked in sql::linked(tx, now).await? {
        if codes.contains_key(&linked.customer_id) {
            continue;
        }
        let code = match linked.purpose {
            _ if linked.met => results::DUPLICATE_LINE,
            Some(purpose) if purpose == now.ground.purpose => results::ALREADY_WATCHED,
            Some(_) => results::OTHER_PURPOSE,
            None => results::OBJECTED,
        };
        met_before |= code == results::ALREADY_WATCHED || code == results::OTHER_PURPOSE;
        codes.insert(linked.customer_id, code.into());
    }
    if met_before {
        sql::note_met(tx, now).await?;
    }
    if first.iter().any(|(_, _, tag)| tag.is_some()) {
        sql::mark_linked(tx, &now.relying_party).await?;
        let until = at.plus(matching::KEPT);
        let awaited =
            matching::await_confirmation(tx, &now.relying_party, &now.id, &now.ground, until).await?;
        for id in awaited.waiting {
            codes.entry(id).or_insert(results::AWAITING_CONFIRMATION.into());
        }
        for id in awaited.earlier {
            codes.entry(id).or_insert(results::DUPLICATE_LINE.into());
        }
        for (_, id, tag) in first {
            if tag.is_some() && !codes.contains_key(id) {
                codes.insert(id.clone(), results::TOO_MANY_ATTEMPTS.into());
            }
        }
    }
    Ok(())
}

/// What the stream tells of a batch: one entry for all of its customers, who stand in the results. Millions of entries that
/// say what the relying party has just asked for would only delay the ones that matter.
fn told(now: &Registration, results: &Results, began: i64, at: UnixTime) -> NewEntry {
    let body = json!({
        "change": "began_in_bulk",
        "registration": now.id,
        "first_line": results.first().map(|result| result.0),
        "last_line": results.last().map(|result| result.0),
        "customers": began,
        "purpose": now.ground.purpose,
        "basis": now.ground.basis.as_str(),
        "recorded_at": at.rfc3339(),
    });
    NewEntry {
        relying_party: now.relying_party.clone(),
        person: None,
        event: Event::of_stream(WATCH, body.as_object().cloned().unwrap_or_default()),
    }
}

async fn keep_results(tx: &mut Tx, now: &mut Registration, results: &Results) -> Result<(), StoreError> {
    let Some((last_line, ..)) = results.last() else { return Ok(()) };
    let mut text = String::with_capacity(results.len() * 32);
    let mut batch: HashMap<&str, u64> = HashMap::new();
    for (line, customer_id, code) in results {
        let _ = writeln!(text, "{line}\t{}\t{code}", customer_id.as_deref().unwrap_or_default());
        *batch.entry(code).or_default() += 1;
    }
    for (code, lines) in batch {
        *now.counts.entry(code.to_owned()).or_default() += lines;
    }
    sql::set_counts(tx, now).await?;
    sql::insert_results(tx, &now.id, *last_line, text).await
}
