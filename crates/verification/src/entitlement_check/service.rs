//! The rules of the entitlement check.

use std::sync::Arc;

use musubi_crypto::sha256;
use musubi_kernel::UnixTime;
use musubi_pki::{
    AuthorityKind, CertKey, CheckResult, Evidence, Indication, Outcome, ReasonCode, SubIndication,
    VerifiedCertificate, VerifiedRevocationList, judge,
};
use musubi_platform::audit::{self, AuditEvent, Receipt};
use musubi_platform::person::PersonId;
use musubi_platform::relying_party::RelyingParty;
use musubi_store::{StoreError, Tx};
use serde_json::json;

use super::{EntitlementCheckId, Transaction, sql};
use crate::Verification;
use crate::evidence::{self, Concluded, Reasoning};
use crate::identity_proofing::line;
use crate::linking::{self, Relatives};
use crate::outcome::{
    Completed, LIFETIME, Signed, State, TRY_LATER, TransactionError, check_purpose, nonce, still_open,
    upstream_check,
};
use crate::revocation::Lists;

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

/// The card's answer.
#[derive(Debug)]
pub struct Completion {
    /// The certificate, DER in base64.
    pub certificate: String,
    /// The signature over [`to_be_signed`], base64.
    pub signature: String,
    /// The origin that the card window saw and signed.
    pub origin: String,
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
    /// The person, if the verdict passed. Shown to relying parties as pairwise id only.
    pub person: Option<PersonId>,
    /// The relying party's own customer id, if the person is linked there.
    pub customer_id: Option<String>,
    /// The audit record.
    pub receipt: Receipt,
}

/// The text that the card signs, UTF-8. No value contains a line break: origins are compared with the
/// registered ones, the others are made here.
#[must_use]
pub fn to_be_signed(origin: &str, relying_party: &str, purpose: &str, nonce: &str) -> String {
    format!(
        "Musubi user authentication 1\norigin: {origin}\nrelying-party: {relying_party}\npurpose: {purpose}\nnonce: {nonce}\n"
    )
}

/// Starts a transaction with a fresh nonce.
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
    check_purpose(purpose)?;
    let random = verification.context().random.as_ref();
    let row = Transaction {
        id: EntitlementCheckId::generate(random),
        relying_party: relying_party.id.clone(),
        purpose: purpose.to_owned(),
        nonce: nonce(random),
        created_at: at,
        expires_at: at.plus(LIFETIME),
        completed: None,
    };
    sql::insert(tx, &row).await?;
    let event = AuditEvent {
        kind: audit::ENTITLEMENT_CHECK_STARTED,
        relying_party: Some(relying_party.id.clone()),
        person: None,
        detail: json!({ "transaction": row.id, "purpose": row.purpose }),
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

/// What was found before anything is written.
pub struct Judged {
    transaction: Transaction,
    reasoning: Reasoning,
    passed: Option<(VerifiedCertificate, Relatives)>,
    identified: Option<CertKey>,
    judged_by: Arc<Vec<Arc<VerifiedRevocationList>>>,
}

/// Judges a completion; asks upstream only about a certificate that is not known here. Writes nothing.
///
/// # Errors
/// [`TransactionError`] if there is no such open transaction or a field is out of bounds.
pub async fn judge_completion(
    verification: &Verification,
    relying_party: &RelyingParty,
    id: &EntitlementCheckId,
    completion: &Completion,
    at: UnixTime,
) -> Result<Judged, TransactionError> {
    let mut tx = verification.context().db.begin_read().await?;
    let transaction = find(&mut tx, relying_party, id).await?;
    still_open(transaction.completed.as_ref(), transaction.expires_at, at)?;
    line("origin", &completion.origin, 200).map_err(|e| TransactionError::Field(e.field))?;
    let signed = Signed::decode(&completion.certificate, &completion.signature)?;
    let text =
        to_be_signed(&completion.origin, relying_party.id.as_str(), &transaction.purpose, &transaction.nonce);
    let lists = verification.lists().snapshot();
    let evidence = Evidence {
        certificate: &signed.certificate,
        expected_kind: AuthorityKind::UserAuthentication,
        signature: &signed.signature,
        signed_data: text.as_bytes().into(),
        expected_digest: None,
        lists: &lists,
    };
    let policy = verification.policy_of(&mut tx, &relying_party.id).await?;
    let rules = policy.rules_from(transaction.created_at);
    let judgement = judge(&evidence, verification.anchors(), &rules, at);
    let mut reasoning = Reasoning::of(&evidence, &rules, policy, &judgement)?;
    reasoning.and(
        origin_binding(relying_party, &completion.origin),
        (SubIndication::SigConstraintsFailure, ReasonCode::OriginWrong),
    );
    let mut passed = None;
    if let (Indication::TotalPassed, Some(certificate)) =
        (reasoning.verdict().indication(), judgement.certificate)
    {
        let known = linking::person_of(&mut tx, certificate.key()).await?.is_some();
        drop(tx);
        let relatives = if known {
            Ok(Relatives::default())
        } else {
            linking::relatives(verification.upstream(), certificate.key()).await
        };
        match relatives {
            Ok(relatives) => passed = Some((certificate, relatives)),
            Err(error) => {
                reasoning.and(upstream_check(Some(error.into())), TRY_LATER);
            }
        }
    }
    Ok(Judged { transaction, reasoning, passed, identified: judgement.issued, judged_by: lists })
}

fn origin_binding(relying_party: &RelyingParty, origin: &str) -> CheckResult {
    let registered = relying_party.has_origin(origin);
    let outcome = if registered { Outcome::Passed } else { Outcome::Failed };
    let citation = "docs/spec/card-request.md: the signed origin is a registered origin of the relying party";
    CheckResult::new("origin.binding", citation, outcome)
        .with("origin", origin.to_owned())
        .with("registered", registered)
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
    let Judged { transaction, reasoning, passed, identified, judged_by } = judged;
    let Concluded { verdict, policy, content } = reasoning.conclude();
    // Before anything is written: of two completions at once, the second waits here and is told.
    if !sql::hold_open(tx, &transaction.id).await? {
        return Err(TransactionError::Replayed);
    }
    let state = State::after(&verdict);
    let mut whose = match &identified {
        Some(key) => linking::person_of(tx, key).await?,
        None => None,
    };
    let mut person = None;
    let mut customer_id = None;
    if let (State::Accepted, Some((certificate, relatives))) = (state, &passed) {
        let settled = linking::settle_person(
            tx,
            certificate.key(),
            certificate.not_after(),
            relatives,
            context.random.as_ref(),
            at,
        )
        .await?;
        let link = linking::link_of_person(tx, &transaction.relying_party, &settled).await?;
        customer_id = link.map(|link| link.customer_id);
        whose = Some(settled.clone());
        person = Some(settled);
    }
    let event = AuditEvent {
        kind: audit::ENTITLEMENT_CHECK_COMPLETED,
        relying_party: Some(transaction.relying_party.clone()),
        person: whose.clone(),
        detail: json!({
            "transaction": transaction.id,
            "purpose": transaction.purpose,
            "indication": verdict.indication().as_str(),
            "sub_indication": verdict.sub_indication().map(SubIndication::as_str),
            "reason": verdict.reason().map(|reason| reason.code().as_str()),
            "list_number": verdict.freshness().map(|f| f.list_number),
            "linked": customer_id.is_some(),
            "policy": policy.named(),
            "bundle": hex::encode(sha256(&content)),
        }),
    };
    let receipt = audit::append(tx, &event, context.random.as_ref(), at).await?;
    evidence::keep(tx, context, &receipt, transaction.id.as_str(), &content).await?;
    if state == State::Accepted && Lists::are_outdated(tx, verification.anchors(), &judged_by).await? {
        return Err(TransactionError::Outdated);
    }
    let verdict = serde_json::to_value(&verdict).map_err(|_| StoreError::Corrupt("verdict"))?;
    if state != State::Open {
        let completed = Completed::new(state, whose, verdict.clone(), &receipt);
        if !sql::complete(tx, &transaction.id, &completed, at).await? {
            return Err(TransactionError::Replayed);
        }
    }
    Ok(Checked { transaction, state, verdict, person, customer_id, receipt })
}
