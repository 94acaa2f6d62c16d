//! The rules of identity proofing.

use std::sync::Arc;

use musubi_crypto::sha256;
use musubi_kernel::UnixTime;
use musubi_pki::{
    AuthorityKind, BasicAttributes, CertKey, CheckResult, Evidence, Judgement, Outcome, ReasonCode,
    SubIndication, Verdict, VerifiedCertificate, VerifiedRevocationList, judge,
};
use musubi_platform::audit::{self, AuditEvent, Receipt};
use musubi_platform::consent::{self, ConsentId, Item, NewConsent};
use musubi_platform::relying_party::RelyingParty;
use musubi_store::{StoreError, Tx};
use serde_json::json;

use super::document::{Application, Attributes, Frame, line, render};
use super::{IdentityProofingId, Transaction, sql};
use crate::Verification;
use crate::evidence::{self, Concluded, Reasoning};
use crate::linking::{self, Link, Relatives};
use crate::outcome::{
    Completed, Deferred, LIFETIME, Signed, State, TRY_LATER, TransactionError, check_customer_id,
    check_purpose, nonce, still_open, upstream_check,
};
use crate::revocation::Lists;
use crate::upstream::{ConsentEvidence, ConsentTerm};
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
#[derive(Debug)]
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

fn document_of(row: &Transaction, application: &Application) -> String {
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

/// What was found before anything is written.
pub struct Judged {
    transaction: Transaction,
    reasoning: Reasoning,
    passed: Option<(VerifiedCertificate, Relatives)>,
    identified: Option<CertKey>,
    term: Option<ConsentTerm>,
    consent_items: Vec<Item>,
    judged_by: Arc<Vec<Arc<VerifiedRevocationList>>>,
}

/// Judges a completion and asks upstream for what linking needs. Writes nothing.
///
/// # Errors
/// [`TransactionError`] if there is no such open transaction or a field is out of bounds.
pub async fn judge_completion(
    verification: &Verification,
    relying_party: &RelyingParty,
    id: &IdentityProofingId,
    completion: &Completion,
    at: UnixTime,
) -> Result<Judged, TransactionError> {
    let (transaction, policy) = {
        let mut tx = verification.context().db.begin_read().await?;
        let policy = verification.policy_of(&mut tx, &relying_party.id).await?;
        (find(&mut tx, relying_party, id).await?, policy)
    };
    still_open(transaction.completed.as_ref(), transaction.expires_at, at)?;
    completion.application.check().map_err(|e| TransactionError::Field(e.field))?;
    let signed = Signed::decode(&completion.certificate, &completion.signature)?;
    let document = document_of(&transaction, &completion.application);
    let lists = verification.lists().snapshot();
    let (judgement, mut reasoning) =
        judge_document(verification, (&transaction, policy), &signed, &document, &lists, at)?;
    let mut passed = None;
    let mut term = None;
    if let Some(certificate) = judgement.certificate {
        reasoning.and(
            attributes_match(certificate.attributes(), &completion.application.attributes),
            (SubIndication::SigConstraintsFailure, ReasonCode::AttributesMismatch),
        );
        if reasoning.verdict().is_passed() {
            match settle_upstream(
                verification,
                &transaction,
                &completion.application,
                &signed,
                &document,
                &certificate,
            )
            .await?
            {
                Ok((relatives, consent_term)) => {
                    reasoning.and(upstream_check(None), TRY_LATER);
                    passed = Some((certificate, relatives));
                    term = consent_term;
                }
                Err(deferred) => {
                    reasoning.and(upstream_check(Some(deferred)), TRY_LATER);
                }
            }
        }
    }
    Ok(Judged {
        consent_items: completion
            .application
            .latest_attributes_consent
            .as_ref()
            .map(|consent| consent.items.iter().filter_map(|item| item.parse().ok()).collect())
            .unwrap_or_default(),
        transaction,
        reasoning,
        passed,
        identified: judgement.issued,
        term,
        judged_by: lists,
    })
}

fn judge_document(
    verification: &Verification,
    (transaction, policy): (&Transaction, AppliedPolicy),
    signed: &Signed,
    document: &str,
    lists: &[Arc<VerifiedRevocationList>],
    at: UnixTime,
) -> Result<(Judgement, Reasoning), StoreError> {
    let evidence = Evidence {
        certificate: &signed.certificate,
        expected_kind: AuthorityKind::DigitalSignature,
        signature: &signed.signature,
        signed_data: document.as_bytes().into(),
        expected_digest: Some(transaction.document_sha256),
        lists,
    };
    // The document carries a nonce of this instant: the signature cannot be older.
    let rules = policy.rules_from(transaction.created_at);
    let judgement = judge(&evidence, verification.anchors(), &rules, at);
    let reasoning = Reasoning::of(&evidence, &rules, policy, &judgement)?;
    Ok((judgement, reasoning))
}

/// Compares the application with the certificate. Evidence says which attribute differs, not how.
fn attributes_match(certified: Option<&BasicAttributes>, written: &Attributes) -> CheckResult {
    let matches = match certified {
        None => [false; 4],
        Some(c) => [
            c.name_matches(&written.name),
            c.address_matches(&written.address),
            written.date_of_birth.parse::<musubi_pki::DateOfBirth>().is_ok_and(|d| {
                (d.year, d.month, d.day) == (c.date_of_birth.year, c.date_of_birth.month, c.date_of_birth.day)
            }),
            written.sex.parse().is_ok_and(|sex: musubi_pki::Sex| sex == c.sex),
        ],
    };
    let word = |matches: bool| if matches { "match" } else { "mismatch" };
    let [name, address, date_of_birth, sex] = matches.map(word);
    let outcome = if matches == [true; 4] { Outcome::Passed } else { Outcome::Failed };
    let citation = "JPKI profile, personalData .1 to .6; substitute characters match any";
    CheckResult::new("attributes.match", citation, outcome)
        .with("name", name)
        .with("address", address)
        .with("date_of_birth", date_of_birth)
        .with("sex", sex)
}

/// Correspondence and succession, then the consent. All may be asked again without harm.
async fn settle_upstream(
    verification: &Verification,
    transaction: &Transaction,
    application: &Application,
    signed: &Signed,
    document: &str,
    certificate: &VerifiedCertificate,
) -> Result<Result<(Relatives, Option<ConsentTerm>), Deferred>, TransactionError> {
    let upstream = verification.upstream();
    let relatives = match linking::relatives(upstream, certificate.key()).await {
        Ok(relatives) => relatives,
        Err(error) => return Ok(Err(error.into())),
    };
    // Before the consent is registered: one that cannot be linked here could be neither seen nor withdrawn.
    let mut tx = verification.context().db.begin_read().await?;
    let link =
        linking::link_of_customer(&mut tx, &transaction.relying_party, &transaction.customer_id).await?;
    if let Some(link) = link
        && linking::known_person(&mut tx, certificate.key(), &relatives).await? != Some(link.person)
    {
        return Err(TransactionError::CustomerTaken);
    }
    drop(tx);
    let term = match (&transaction.consent, &application.latest_attributes_consent) {
        (Some(consent_id), Some(consent)) => {
            let evidence = ConsentEvidence {
                consent_id: consent_id.clone(),
                service_id: transaction.relying_party.to_string(),
                document: document.to_owned(),
                signature: signed.signature.clone(),
                certificate: signed.certificate.clone(),
                items: consent.items.clone(),
            };
            match upstream.register_consent(&evidence).await {
                Ok(term) => Some(term),
                Err(error) => return Ok(Err(error.into())),
            }
        }
        _ => None,
    };
    Ok(Ok((relatives, term)))
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
    let Judged { transaction, reasoning, passed, identified, term, consent_items, judged_by } = judged;
    let Concluded { verdict, policy, content } = reasoning.conclude();
    // Before anything is written: of two completions at once, the second waits here and is told.
    if !sql::hold_open(tx, &transaction.id).await? {
        return Err(TransactionError::Replayed);
    }
    let state = State::after(&verdict);
    let mut link = None;
    let mut attributes = None;
    let mut replaced_customer_id = None;
    let mut consent = None;
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
            let granted = NewConsent {
                id: id.clone(),
                relying_party: transaction.relying_party.clone(),
                person: whose.clone(),
                items: consent_items,
                // An accepted document is the one whose digest was kept: the check `document.digest` says so.
                text_sha256: transaction.document_sha256,
                // The ten years count from the next day (JPKI practice); that provision may begin at once, as
                // upstream allows it, is our choice.
                valid_from: at,
                valid_until: term.valid_until,
            };
            consent::grant(tx, &granted, context.random.as_ref(), at).await?;
            consent = Some(id.clone());
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
    let receipt =
        record(tx, verification, &transaction, (&verdict, &policy, &content), person.clone(), at).await?;
    evidence::keep(tx, context, &receipt, transaction.id.as_str(), &content).await?;
    if state == State::Accepted && Lists::are_outdated(tx, verification.anchors(), &judged_by).await? {
        return Err(TransactionError::Outdated);
    }
    let verdict = serde_json::to_value(&verdict).map_err(|_| StoreError::Corrupt("verdict"))?;
    if state != State::Open {
        let completed = Completed::new(state, person, verdict.clone(), &receipt);
        if !sql::complete(tx, &transaction.id, &completed, at).await? {
            return Err(TransactionError::Replayed);
        }
    }
    Ok(Proofed { transaction, state, verdict, link, attributes, replaced_customer_id, consent, receipt })
}

async fn record(
    tx: &mut Tx,
    verification: &Verification,
    transaction: &Transaction,
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
            "indication": verdict.indication().as_str(),
            "sub_indication": verdict.sub_indication().map(SubIndication::as_str),
            "reason": verdict.reason().map(|reason| reason.code().as_str()),
            "list_number": verdict.freshness().map(|f| f.list_number),
            "policy": policy.named(),
            "bundle": hex::encode(sha256(content)),
        }),
    };
    audit::append(tx, &event, verification.context().random.as_ref(), at).await
}
