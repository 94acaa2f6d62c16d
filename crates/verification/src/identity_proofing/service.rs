//! The rules of identity proofing.

use musubi_crypto::sha256;
use musubi_kernel::UnixTime;
use musubi_pki::{AuthorityKind, SubIndication, Verdict};
use musubi_platform::audit::{self, AuditEvent, Receipt};
use musubi_platform::consent::{self, ConsentId, NewConsent};
use musubi_platform::metering;
use musubi_platform::relying_party::RelyingParty;
use musubi_store::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::document::{Application, Attributes, Frame, line, render};
use super::judging::Judged;
use super::{IdentityProofingId, Transaction, sql};
use crate::Verification;
use crate::consent_keeping;
use crate::evidence::{self, Concluded};
use crate::freshness::{self, AnswerKind, Awaited};
use crate::linking::{self, Link};
use crate::outcome::{Completed, LIFETIME, State, TransactionError, check_customer_id, check_purpose, nonce};
use crate::validation_policy::AppliedPolicy;
use crate::watching::{self, matching};

/// Longest document, in bytes of UTF-8: what a card window shows and signs (docs/spec/card-request.md).
const MAX_DOCUMENT: usize = 32 * 1024;

/// What a relying party asks for.
#[derive(Debug)]
pub struct Start {
    /// Its own number for the person, 1 to 64 printable ASCII characters.
    pub customer_id: String,
    /// Purpose code, 1 to 40 of `a-z_`.
    pub purpose: String,
    /// The registered origin of the page on which the resident signs.
    pub origin: String,
    /// The application.
    pub application: Application,
}

/// A started transaction.
#[derive(Debug)]
pub struct Started {
    /// Its identifier.
    pub id: IdentityProofingId,
    /// The document to be shown and signed, UTF-8.
    pub document: String,
    /// When it ends.
    pub expires_at: UnixTime,
}

/// The resident's signature, with the application again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Completion {
    /// The application that the relying party relies on.
    pub application: Application,
    /// The certificate, DER in base64.
    pub certificate: String,
    /// The signature over the document, base64.
    pub signature: String,
}

/// What came of it.
#[derive(Debug)]
pub struct Proofed {
    /// The transaction.
    pub transaction: Transaction,
    /// The state after this completion: `open` if it could not be judged yet.
    pub state: State,
    /// The verdict, as it is answered.
    pub verdict: serde_json::Value,
    /// The person, if the verdict passed.
    pub link: Option<Link>,
    /// The certified attributes: for this one answer, kept nowhere.
    pub attributes: Option<Attributes>,
    /// The relying party's earlier customer id of the same person, which this proofing replaced.
    pub replaced_customer_id: Option<String>,
    /// The consent that is now registered.
    pub consent: Option<ConsentId>,
    /// The audit record.
    pub receipt: Receipt,
}

/// Starts a transaction: renders the document and keeps its digest.
///
/// # Errors
/// [`TransactionError`] if a field is out of bounds or the origin is not registered.
pub async fn start(
    tx: &mut Tx,
    verification: &Verification,
    relying_party: &RelyingParty,
    input: &Start,
    at: UnixTime,
) -> Result<Started, TransactionError> {
    input.application.check().map_err(|e| TransactionError::Field(e.field))?;
    check_customer_id(&input.customer_id)?;
    check_purpose(&input.purpose)?;
    line("origin", &input.origin, 200).map_err(|e| TransactionError::Field(e.field))?;
    if !relying_party.has_origin(&input.origin) {
        return Err(TransactionError::Origin);
    }
    let random = verification.context().random.as_ref();
    let mut row = Transaction {
        id: IdentityProofingId::generate(random),
        relying_party: relying_party.id.clone(),
        customer_id: input.customer_id.clone(),
        purpose: input.purpose.clone(),
        origin: input.origin.clone(),
        name_ja: relying_party.name_ja.clone(),
        name_en: relying_party.name_en.clone(),
        nonce: nonce(random),
        document_sha256: [0; 32],
        created_at: at,
        expires_at: at.plus(LIFETIME),
        consent: input.application.latest_attributes_consent.as_ref().map(|_| ConsentId::generate(random)),
        completed: None,
    };
    let document = document_of(&row, &input.application);
    if document.len() > MAX_DOCUMENT {
        return Err(TransactionError::Field("application.statements"));
    }
    row.document_sha256 = sha256(document.as_bytes());
    sql::insert(tx, &row).await?;
    let detail = json!({ "transaction": row.id, "purpose": row.purpose, "origin": row.origin });
    let event = AuditEvent {
        kind: audit::IDENTITY_PROOFING_STARTED,
        relying_party: Some(relying_party.id.clone()),
        person: None,
        detail,
    };
    audit::append(tx, &event, random, at).await?;
    Ok(Started { id: row.id, document, expires_at: row.expires_at })
}

/// The same start again: the document is rendered from the same application.
///
/// # Errors
/// [`TransactionError::Unknown`] if there is no such transaction.
pub(super) async fn started_again(
    tx: &mut Tx,
    relying_party: &RelyingParty,
    id: &IdentityProofingId,
    application: &Application,
) -> Result<Started, TransactionError> {
    let row = find(tx, relying_party, id).await?;
    let document = document_of(&row, application);
    Ok(Started { id: row.id, document, expires_at: row.expires_at })
}

pub(super) fn document_of(row: &Transaction, application: &Application) -> String {
    let frame = Frame {
        origin: &row.origin,
        relying_party: (row.relying_party.as_str(), &row.name_ja, &row.name_en),
        purpose: &row.purpose,
        customer_id: &row.customer_id,
        transaction: row.id.as_str(),
        nonce: &row.nonce,
        created_at: row.created_at,
    };
    render(&frame, application)
}

/// A transaction of this relying party.
///
/// # Errors
/// [`TransactionError::Unknown`] if there is none.
pub async fn find(
    tx: &mut Tx,
    relying_party: &RelyingParty,
    id: &IdentityProofingId,
) -> Result<Transaction, TransactionError> {
    sql::find(tx, &relying_party.id, id).await?.ok_or(TransactionError::Unknown)
}

/// Writes what follows from a judgement: person, link, consent, audit record, result. One transaction.
///
/// # Errors
/// [`TransactionError::Replayed`] if the transaction was completed meanwhile; [`TransactionError::Outdated`] if a
/// newer revocation list has come.
pub async fn complete(
    tx: &mut Tx,
    verification: &Verification,
    judged: Judged,
    at: UnixTime,
) -> Result<Proofed, TransactionError> {
    let context = verification.context();
    let Judged {
        transaction,
        reasoning,
        passed,
        identified,
        term,
        consent_items,
        judged_by,
        terms,
        completion,
    } = judged;
    let Concluded { verdict, policy, content } = reasoning.conclude();
    // Before anything is written: of two completions at once, the second waits here and is told.
    if !sql::hold(tx, &transaction.id, terms.from()).await? {
        return Err(TransactionError::Replayed);
    }
    let state = terms.state_after(&verdict);
    let mut link = None;
    let mut attributes = None;
    let mut replaced_customer_id = None;
    let mut to_grant = None;
    let mut person = match &identified {
        Some(key) => linking::person_of(tx, key).await?,
        None => None,
    };
    if let (State::Accepted, Some((certificate, relatives))) = (state, &passed) {
        let whose = linking::settle_person(
            tx,
            certificate.key(),
            certificate.not_after(),
            relatives,
            context.random.as_ref(),
            at,
        )
        .await?;
        let new = Link {
            relying_party: transaction.relying_party.clone(),
            person: whose.clone(),
            customer_id: transaction.customer_id.clone(),
            attributes_serial: certificate.key().serial.clone(),
        };
        replaced_customer_id = linking::link_of_person(tx, &new.relying_party, &whose)
            .await?
            .map(|link| link.customer_id)
            .filter(|earlier| *earlier != new.customer_id);
        watching::save_proofed_link(tx, context, &new, at).await.map_err(|e| match e {
            StoreError::Constraint => TransactionError::CustomerTaken,
            other => TransactionError::Store(other),
        })?;
        if let Some(proven) = certificate.attributes() {
            matching::found_by_proofing(tx, context, &new, proven, at).await?;
        }
        if let (Some(id), Some(term)) = (&transaction.consent, term) {
            to_grant = Some(NewConsent {
                id: id.clone(),
                relying_party: transaction.relying_party.clone(),
                person: whose.clone(),
                items: consent_items,
                // An accepted document is the one whose digest was kept: the check `document.digest` says so.
                text_sha256: transaction.document_sha256,
                // The ten years count from the next day (JPKI practice); that provision may begin at once, as
                // upstream allows it, is our choice.
                valid_from: at,
                // The term names its last second.
                valid_until: term.valid_until.plus(1),
            });
        }
        attributes = certificate.attributes().map(|a| Attributes {
            name: a.name.clone(),
            address: a.address.clone(),
            date_of_birth: a.date_of_birth.to_string(),
            sex: a.sex.as_str().to_owned(),
        });
        person = Some(whose);
        link = Some(new);
    }
    if let Some(used) = verdict.freshness().filter(|_| state != State::Open) {
        let item = freshness::check_item(AuthorityKind::DigitalSignature, Some(used));
        metering::count(tx, &transaction.relying_party, &transaction.purpose, item, 1, at).await?;
    }
    let outcome = freshness::Outcome {
        relying_party: &transaction.relying_party,
        answer: transaction.id.as_str(),
        kind: AnswerKind::IdentityProofing,
        state,
        verdict: &verdict,
        identified: identified.as_ref(),
        passed: passed.as_ref().map(|(certificate, _)| (certificate.key(), certificate.not_after())),
        person: person.as_ref(),
        customer_id: Some(&transaction.customer_id),
    };
    let keep = || Awaited::IdentityProofing(completion);
    freshness::follow(tx, context, &terms, &outcome, keep, at).await?;
    // After what goes into the change stream: the audit log is locked last.
    if let Some(granted) = &to_grant {
        let told = consent_keeping::Told {
            id: &granted.id,
            relying_party: &granted.relying_party,
            person: &granted.person,
            items: &granted.items,
            valid_until: granted.valid_until,
        };
        consent_keeping::tell(tx, context, &told, consent_keeping::Turn::Granted, at).await?;
        consent::grant(tx, granted, context.random.as_ref(), at).await?;
    }
    let consent = to_grant.map(|granted| granted.id);
    let receipt =
        record(tx, verification, (&transaction, state), (&verdict, &policy, &content), person.clone(), at)
            .await?;
    evidence::keep(tx, context, &receipt, transaction.id.as_str(), &content).await?;
    let may_be_relied_on = matches!(state, State::Accepted | State::Provisional);
    if may_be_relied_on && verification.lists().are_outdated(tx, &judged_by).await? {
        return Err(TransactionError::Outdated);
    }
    musubi_telemetry::verdict_given("identity_proofing", verdict.indication().as_str());
    let verdict = serde_json::to_value(&verdict).map_err(|_| StoreError::Corrupt("verdict"))?;
    if state != State::Open {
        let completed = Completed::new(state, person, verdict.clone(), &receipt);
        if !sql::complete(tx, &transaction.id, terms.from(), &completed, at).await? {
            return Err(TransactionError::Replayed);
        }
    }
    Ok(Proofed { transaction, state, verdict, link, attributes, replaced_customer_id, consent, receipt })
}

/// Refuses a transaction that waits and cannot be finished; answers in which state it waited.
pub(crate) async fn refuse_awaited(tx: &mut Tx, id: &str, at: UnixTime) -> Result<Option<State>, StoreError> {
    sql::refuse_awaited(tx, id, at).await
}

async fn record(
    tx: &mut Tx,
    verification: &Verification,
    (transaction, state): (&Transaction, State),
    (verdict, policy, content): (&Verdict, &AppliedPolicy, &[u8]),
    person: Option<musubi_platform::person::PersonId>,
    at: UnixTime,
) -> Result<Receipt, StoreError> {
    let event = AuditEvent {
        kind: audit::IDENTITY_PROOFING_COMPLETED,
        relying_party: Some(transaction.relying_party.clone()),
        person,
        detail: json!({
            "transaction": transaction.id,
            "purpose": transaction.purpose,
            "state": state.as_str(),
            "indication": verdict.indication().as_str(),
            "sub_indication": verdict.sub_indication().map(SubIndication::as_str),
            "reason": verdict.reason().map(|reason| reason.code().as_str()),
            "list_number": verdict.freshness().and_then(|f| f.list_number),
            "method": verdict.freshness().map(|f| f.method),
            "policy": policy.named(),
            "bundle": hex::encode(sha256(content)),
        }),
    };
    audit::append(tx, &event, verification.context().random.as_ref(), at).await
}
