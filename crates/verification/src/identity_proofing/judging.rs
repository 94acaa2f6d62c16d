//! How a completion of an identity proofing is judged: the document that should have been signed is made again, `pki` judges,
//! the attributes are compared, and upstream is asked for what linking needs. Reads the database; writes nothing.

use std::sync::Arc;

use musubi_kernel::UnixTime;
use musubi_pki::{
    AuthorityKind, BasicAttributes, CertKey, CheckResult, Evidence, Judgement, Outcome, ReasonCode,
    SubIndication, VerifiedCertificate, VerifiedRevocationList, judge,
};
use musubi_platform::consent::Item;
use musubi_platform::relying_party::RelyingParty;
use musubi_store::StoreError;

use super::document::{Application, Attributes};
use super::service::{Completion, document_of};
use super::{IdentityProofingId, Transaction, find};
use crate::Verification;
use crate::evidence::Reasoning;
use crate::freshness::{self, Contract, Terms, Vouched};
use crate::linking::{self, Relatives};
use crate::outcome::{Deferred, Signed, TRY_LATER, TransactionError, awaited, still_open, upstream_check};
use crate::upstream::{ConsentEvidence, ConsentTerm};
use crate::validation_policy::AppliedPolicy;

/// What was found before anything is written.
pub struct Judged {
    pub(super) transaction: Transaction,
    pub(super) reasoning: Reasoning,
    pub(super) passed: Option<(VerifiedCertificate, Relatives)>,
    pub(super) identified: Option<CertKey>,
    pub(super) term: Option<ConsentTerm>,
    pub(super) consent_items: Vec<Item>,
    pub(super) judged_by: Arc<Vec<Arc<VerifiedRevocationList>>>,
    pub(super) terms: Terms,
    /// What it was judged from, should it have to wait.
    pub(super) completion: Completion,
}

impl Judged {
    /// Whether the same may pass later.
    pub(crate) fn may_pass_later(&self) -> bool {
        self.reasoning.verdict().may_pass_later()
    }
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
    let (transaction, policy, contract) = asked(verification, relying_party, id).await?;
    still_open(transaction.completed.as_ref(), transaction.expires_at, at)?;
    let terms = Terms { contract, ..Terms::default() };
    judge_under(verification, (transaction, policy, terms), completion, at).await
}

/// Judges again what waits for evidence since `since` ([`freshness`](crate::freshness)). Writes nothing.
pub(crate) async fn judge_awaited(
    verification: &Verification,
    relying_party: &RelyingParty,
    (id, since): (&IdentityProofingId, UnixTime),
    completion: &Completion,
    at: UnixTime,
) -> Result<Judged, TransactionError> {
    let (transaction, policy, contract) = asked(verification, relying_party, id).await?;
    let from = awaited(transaction.completed.as_ref())?;
    let terms = Terms { contract, awaited: Some((from, since)), vouched: None };
    judge_under(verification, (transaction, policy, terms), completion, at).await
}

async fn asked(
    verification: &Verification,
    relying_party: &RelyingParty,
    id: &IdentityProofingId,
) -> Result<(Transaction, AppliedPolicy, Option<Contract>), TransactionError> {
    let mut tx = verification.context().db.begin_read().await?;
    let transaction = find(&mut tx, relying_party, id).await?;
    let (policy, contract) =
        verification.policy_of(&mut tx, &relying_party.id, Some(&transaction.purpose)).await?;
    Ok((transaction, policy, contract))
}

async fn judge_under(
    verification: &Verification,
    (transaction, policy, mut terms): (Transaction, AppliedPolicy, Terms),
    completion: &Completion,
    at: UnixTime,
) -> Result<Judged, TransactionError> {
    completion.application.check().map_err(|e| TransactionError::Field(e.field))?;
    let signed = Signed::decode(&completion.certificate, &completion.signature)?;
    let document = document_of(&transaction, &completion.application);
    let lists = verification.lists().snapshot();
    let (judgement, mut reasoning, older) =
        judge_document(verification, (&transaction, policy, &terms), &signed, &document, &lists, at).await?;
    let mut passed = None;
    let mut term = None;
    let age = reasoning.verdict().freshness().map_or(0, |freshness| freshness.age_seconds);
    if let Some((certificate, age)) = judgement.certificate.map(|certificate| (certificate, age)).or(older) {
        terms.vouched =
            Some(Vouched { certificate: certificate.key().clone(), not_after: certificate.not_after(), age });
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
        terms,
        completion: completion.clone(),
    })
}

/// The judgement, and if it has no certificate: the one that older evidence vouches for, with that evidence's age.
async fn judge_document(
    verification: &Verification,
    (transaction, policy, terms): (&Transaction, AppliedPolicy, &Terms),
    signed: &Signed,
    document: &str,
    lists: &[Arc<VerifiedRevocationList>],
    at: UnixTime,
) -> Result<(Judgement, Reasoning, Option<(VerifiedCertificate, i64)>), StoreError> {
    let evidence = Evidence {
        certificate: &signed.certificate,
        expected_kind: AuthorityKind::DigitalSignature,
        signature: &signed.signature,
        signed_data: document.as_bytes().into(),
        expected_digest: Some(transaction.document_sha256),
        lists,
        ocsp: &[],
    };
    // The document carries a nonce of this instant: the signature cannot be older.
    let rules = policy.rules_from(transaction.created_at);
    let (anchors, contract) = (verification.anchors(), terms.contract.as_ref());
    let mut judgement = judge(&evidence, anchors, &rules, at);
    let ocsp =
        freshness::ocsp_responses(verification, contract, &judgement.verdict, &signed.certificate).await;
    let evidence = Evidence { ocsp: &ocsp, ..evidence };
    if !ocsp.is_empty() {
        judgement = judge(&evidence, anchors, &rules, at);
    }
    let reasoning = Reasoning::of(&evidence, &rules, policy, &judgement)?;
    let older = freshness::as_of(contract, &judgement.verdict, &judgement.covering, &rules, at);
    let older = older.and_then(|(rules, as_of, age)| {
        judge(&evidence, anchors, &rules, as_of).certificate.map(|certificate| (certificate, age))
    });
    Ok((judgement, reasoning, older))
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
