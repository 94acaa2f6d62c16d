//! The rules of the entitlement check.

use musubi_crypto::sha256;
use musubi_kernel::UnixTime;
use musubi_pki::{AuthorityKind, SubIndication};
use musubi_platform::Context;
use musubi_platform::audit::{self, AuditEvent, Receipt};
use musubi_platform::metering;
use musubi_platform::person::PersonId;
use musubi_platform::relying_party::RelyingParty;
use musubi_store::{StoreError, Tx};
use serde_json::json;

use super::judging::{Judged, Passed};
use super::{Assurance, Enrolling, EntitlementCheckId, Transaction, sql};
use crate::Verification;
use crate::evidence::{self, Concluded};
use crate::freshness::{self, AnswerKind, Awaited};
use crate::linking;
use crate::outcome::{Completed, LIFETIME, State, TransactionError, check_purpose, nonce};
use crate::presence::{self, Enrolment};

/// A started transaction.
#[derive(Debug)]
pub struct Started {
    /// Its identifier.
    pub id: EntitlementCheckId,
    /// The single-use nonce, base64url.
    pub nonce: String,
    /// When it ends.
    pub expires_at: UnixTime,
}

/// What came of it.
#[derive(Debug)]
pub struct Checked {
    /// The transaction.
    pub transaction: Transaction,
    /// The state after this completion.
    pub state: State,
    /// The verdict, as it is answered.
    pub verdict: serde_json::Value,
    /// Who it was, if the verdict passed. Shown to relying parties as pairwise id only.
    pub who: Option<Who>,
    /// Who it is by evidence that is older than the contract asks for, if the answer is provisional. No session follows.
    pub presumed: Option<PersonId>,
    /// The relying party's own customer id, if the person is linked there.
    pub customer_id: Option<String>,
    /// What came of the enrolment for use without PIN.
    pub enrolling: Enrolling,
    /// The audit record.
    pub receipt: Receipt,
}

/// What a passed check shows of a person. Who opens a session asks for [`Checked::authenticated`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// The person entered the PIN.
    Authenticated(PersonId),
    /// The person's card was held out, by anybody.
    Present(PersonId),
}

impl Checked {
    /// The person, if they authenticated with PIN; never of a card that was merely held out.
    #[must_use]
    pub fn authenticated(&self) -> Option<&PersonId> {
        match &self.who {
            Some(Who::Authenticated(person)) => Some(person),
            Some(Who::Present(_)) | None => None,
        }
    }

    /// The person whose card it is, whoever held it.
    #[must_use]
    pub fn person(&self) -> Option<&PersonId> {
        match &self.who {
            Some(Who::Authenticated(person) | Who::Present(person)) => Some(person),
            None => None,
        }
    }
}

/// What a check asks of the card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Purpose code.
    pub purpose: String,
    /// With PIN, or without.
    pub assurance: Assurance,
    /// Whether the card is to be enrolled for use without PIN; only with PIN.
    pub enrol_presence: bool,
}

/// Starts a transaction that asks for the PIN, with a fresh nonce.
///
/// # Errors
/// [`TransactionError::Field`] if the purpose is out of bounds.
pub async fn start(
    tx: &mut Tx,
    verification: &Verification,
    relying_party: &RelyingParty,
    purpose: &str,
    at: UnixTime,
) -> Result<Started, TransactionError> {
    let assurance = Assurance::PinAuthenticated;
    let asked = Asked { purpose: purpose.to_owned(), assurance, enrol_presence: false };
    start_asking(tx, verification, relying_party, &asked, at).await
}

/// Starts a transaction that asks for this, with a fresh nonce.
///
/// # Errors
/// [`TransactionError::Field`] if the purpose is out of bounds or a card is to be enrolled without PIN;
/// [`TransactionError::PresenceOff`] if no authority of cards is configured.
pub async fn start_asking(
    tx: &mut Tx,
    verification: &Verification,
    relying_party: &RelyingParty,
    asked: &Asked,
    at: UnixTime,
) -> Result<Started, TransactionError> {
    check_purpose(&asked.purpose)?;
    if asked.enrol_presence && asked.assurance == Assurance::CardPresent {
        return Err(TransactionError::Field("enrol_presence"));
    }
    let needs_card_keys = asked.enrol_presence || asked.assurance == Assurance::CardPresent;
    if needs_card_keys && verification.card_authorities().is_empty() {
        return Err(TransactionError::PresenceOff);
    }
    let random = verification.context().random.as_ref();
    let row = Transaction {
        id: EntitlementCheckId::generate(random),
        relying_party: relying_party.id.clone(),
        purpose: asked.purpose.clone(),
        assurance: asked.assurance,
        enrol_presence: asked.enrol_presence,
        nonce: nonce(random),
        created_at: at,
        expires_at: at.plus(LIFETIME),
        completed: None,
        enrolling: Enrolling::No,
    };
    sql::insert(tx, &row).await?;
    let event = AuditEvent {
        kind: audit::ENTITLEMENT_CHECK_STARTED,
        relying_party: Some(relying_party.id.clone()),
        person: None,
        detail: json!({ "transaction": row.id, "purpose": row.purpose, "assurance": row.assurance }),
    };
    audit::append(tx, &event, random, at).await?;
    Ok(Started { id: row.id, nonce: row.nonce, expires_at: row.expires_at })
}

/// A transaction of this relying party.
///
/// # Errors
/// [`TransactionError::Unknown`] if there is none.
pub async fn find(
    tx: &mut Tx,
    relying_party: &RelyingParty,
    id: &EntitlementCheckId,
) -> Result<Transaction, TransactionError> {
    sql::find(tx, &relying_party.id, id).await?.ok_or(TransactionError::Unknown)
}

/// Writes what follows from a judgement. One transaction.
///
/// # Errors
/// [`TransactionError::Replayed`] if the transaction was completed meanwhile; [`TransactionError::Outdated`] if a
/// newer revocation list has come.
pub async fn complete(
    tx: &mut Tx,
    verification: &Verification,
    judged: Judged,
    at: UnixTime,
) -> Result<Checked, TransactionError> {
    let context = verification.context();
    let Judged { transaction, reasoning, passed, identified, judged_by, terms, completion } = judged;
    let Concluded { verdict, policy, content } = reasoning.conclude();
    // Before anything is written: of two completions at once, the second waits here and is told.
    if !sql::hold(tx, &transaction.id, terms.from()).await? {
        return Err(TransactionError::Replayed);
    }
    let state = terms.state_after(&verdict);
    let mut whose = match &identified {
        Some(key) => linking::person_of(tx, key).await?,
        None => None,
    };
    let mut who = None;
    let mut customer_id = None;
    let mut enrolling = Enrolling::No;
    if let (State::Accepted, Some(passed)) = (state, &passed) {
        let settled = settle(tx, context, &transaction, passed, at).await?;
        let (Who::Authenticated(person) | Who::Present(person)) = &settled;
        let link = linking::link_of_person(tx, &transaction.relying_party, person).await?;
        customer_id = link.map(|link| link.customer_id);
        whose = Some(person.clone());
        enrolling = passed.enrolling();
        who = Some(settled);
    }
    if let Some(used) = verdict.freshness().filter(|_| state != State::Open) {
        let item = freshness::check_item(AuthorityKind::UserAuthentication, Some(used));
        metering::count(tx, &transaction.relying_party, &transaction.purpose, item, 1, at).await?;
    }
    let mut presumed = None;
    if let (State::Provisional, Some(vouched)) = (state, &terms.vouched) {
        // Who is known; a person, an enrolment and a session follow from a verdict that passed, and from nothing less.
        whose = linking::person_of(tx, &vouched.certificate).await?;
        if let Some(person) = &whose {
            let link = linking::link_of_person(tx, &transaction.relying_party, person).await?;
            customer_id = link.map(|link| link.customer_id);
        }
        presumed.clone_from(&whose);
    }
    let outcome = freshness::Outcome {
        relying_party: &transaction.relying_party,
        answer: transaction.id.as_str(),
        kind: AnswerKind::EntitlementCheck,
        state,
        verdict: &verdict,
        identified: identified.as_ref(),
        passed: passed.as_ref().map(Passed::certificate),
        person: whose.as_ref(),
        customer_id: customer_id.as_deref(),
    };
    let keep = || Awaited::EntitlementCheck(completion);
    freshness::follow(tx, context, &terms, &outcome, keep, at).await?;
    if enrolling == Enrolling::Enrolled {
        let enrolled = AuditEvent {
            kind: audit::PRESENCE_ENROLLED,
            relying_party: Some(transaction.relying_party.clone()),
            person: whose.clone(),
            detail: json!({ "transaction": transaction.id }),
        };
        audit::append(tx, &enrolled, context.random.as_ref(), at).await?;
    }
    let event = AuditEvent {
        // A resident reads at a glance what was a sign-in and what was not.
        kind: match transaction.assurance {
            Assurance::PinAuthenticated => audit::ENTITLEMENT_CHECK_COMPLETED,
            Assurance::CardPresent => audit::PRESENCE_JUDGED,
        },
        relying_party: Some(transaction.relying_party.clone()),
        person: whose.clone(),
        detail: json!({
            "transaction": transaction.id,
            "purpose": transaction.purpose,
            "assurance": transaction.assurance,
            "state": state.as_str(),
            "presence_enrolled": enrolling == Enrolling::Enrolled,
            "indication": verdict.indication().as_str(),
            "sub_indication": verdict.sub_indication().map(SubIndication::as_str),
            "reason": verdict.reason().map(|reason| reason.code().as_str()),
            "list_number": verdict.freshness().and_then(|f| f.list_number),
            "method": verdict.freshness().map(|f| f.method),
            "linked": customer_id.is_some(),
            "policy": policy.named(),
            "bundle": hex::encode(sha256(&content)),
        }),
    };
    let receipt = audit::append(tx, &event, context.random.as_ref(), at).await?;
    evidence::keep(tx, context, &receipt, transaction.id.as_str(), &content).await?;
    let may_be_relied_on = matches!(state, State::Accepted | State::Provisional);
    if may_be_relied_on && verification.lists().are_outdated(tx, &judged_by).await? {
        return Err(TransactionError::Outdated);
    }
    musubi_telemetry::verdict_given("entitlement_check", verdict.indication().as_str());
    let verdict = serde_json::to_value(&verdict).map_err(|_| StoreError::Corrupt("verdict"))?;
    if state != State::Open {
        let completed = Completed::new(state, whose, verdict.clone(), &receipt);
        if !sql::complete(tx, &transaction.id, terms.from(), &completed, enrolling, at).await? {
            return Err(TransactionError::Replayed);
        }
    }
    Ok(Checked { transaction, state, verdict, who, presumed, customer_id, enrolling, receipt })
}

/// Refuses a check that waits and cannot be finished; answers in which state it waited.
pub(crate) async fn refuse_awaited(tx: &mut Tx, id: &str, at: UnixTime) -> Result<Option<State>, StoreError> {
    sql::refuse_awaited(tx, id, at).await
}

/// Writes what a passed judgement shows: the person, and the enrolment that was made or used.
async fn settle(
    tx: &mut Tx,
    context: &Context,
    transaction: &Transaction,
    passed: &Passed,
    at: UnixTime,
) -> Result<Who, TransactionError> {
    match passed {
        Passed::Authenticated { certificate, relatives, offered } => {
            let (key, end) = (certificate.key(), certificate.not_after());
            let person = linking::settle_person(tx, key, end, relatives, context.random.as_ref(), at).await?;
            if let Some(Ok(card_key)) = offered {
                let enrolment = Enrolment {
                    relying_party: transaction.relying_party.clone(),
                    person: person.clone(),
                    serial: key.serial.clone(),
                    card_key: card_key.clone(),
                    enrolled_at: at,
                    last_used_at: None,
                };
                presence::enrol(tx, context, &enrolment).await?;
            }
            Ok(Who::Authenticated(person))
        }
        Passed::Present { certificate, card_key } => {
            let (relying_party, key) = (&transaction.relying_party, certificate.key());
            // Ended or enrolled with another key since it was judged: judge again by what is enrolled now.
            if !presence::mark_used(tx, relying_party, &key.serial, card_key, at).await? {
                return Err(TransactionError::Outdated);
            }
            // Whoever is enrolled authenticated here before.
            let person = linking::person_of(tx, key).await?.ok_or(StoreError::Corrupt("person_id"))?;
            Ok(Who::Present(person))
        }
    }
}
