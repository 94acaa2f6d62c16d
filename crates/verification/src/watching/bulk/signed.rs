//! Signed applications among the lines: judged as every signature here, by the lists of this moment.

use std::borrow::Cow;
use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use musubi_crypto::sha256;
use musubi_kernel::UnixTime;
use musubi_pki::{
    AuthorityKind, CertKey, Evidence, SubIndication, VerifiedCertificate, VerifiedRevocationList, judge,
};
use musubi_platform::Context;
use musubi_platform::audit::{self, AuditEvent};
use musubi_platform::relying_party::RelyingParty;
use musubi_store::{StoreError, Tx};
use serde_json::json;

use super::{Registration, results, sql};
use crate::Verification;
use crate::evidence::{Concluded, Reasoning};
use crate::linking::{self, Link, Relatives, Saved};
use crate::outcome::Signed;
use crate::upstream::{Upstream, UpstreamError};
use crate::validation_policy::AppliedPolicy;
use crate::watching::application::{self, NotThis};
use crate::watching::{self, WatchError};

/// How many questions are asked of upstream at a time.
const CONCURRENT: usize = 8;

/// An application as it came.
pub(super) struct Application {
    pub(super) line: u64,
    pub(super) customer_id: String,
    pub(super) document: Vec<u8>,
    pub(super) signed: Signed,
}

/// An application as it was judged; nothing is written yet.
pub(super) struct JudgedApplication {
    pub(super) line: u64,
    pub(super) customer_id: String,
    outcome: Result<(VerifiedCertificate, Relatives), Cow<'static, str>>,
    issued: Option<CertKey>,
    concluded: Option<Concluded>,
}

/// Judges every application and asks upstream about the signers. Writes nothing.
///
/// # Errors
/// [`StoreError`].
pub(super) async fn judge_all(
    verification: &Verification,
    (relying_party, registration): (&RelyingParty, &Registration),
    applications: &[Application],
    lists: &[Arc<VerifiedRevocationList>],
    at: UnixTime,
) -> Result<Vec<JudgedApplication>, StoreError> {
    if applications.is_empty() {
        return Ok(Vec::new());
    }
    // An outage is told in the line's result: the file can be sent again.
    let (policy, _) = {
        let mut tx = verification.context().db.begin_read().await?;
        verification.policy_of(&mut tx, &relying_party.id, Some(&registration.ground.purpose)).await?
    };
    let about = (relying_party, registration, &policy);
    let mut judged = applications
        .iter()
        .map(|application| judge_one(verification, about, application, lists, at))
        .collect::<Result<Vec<_>, _>>()?;
    let key =
        |one: &JudgedApplication| one.outcome.as_ref().ok().map(|(certificate, _)| certificate.key().clone());
    let questions: Vec<_> = judged.iter().map(|one| ask(verification.upstream(), key(one))).collect();
    let answers: Vec<_> = stream::iter(questions).buffered(CONCURRENT).collect().await;
    for (one, answer) in judged.iter_mut().zip(answers) {
        match (&mut one.outcome, answer) {
            (Ok((_, relatives)), Some(Ok(told))) => *relatives = told,
            (Ok(_), _) => one.outcome = Err(results::UPSTREAM.into()),
            (Err(_), _) => {}
        }
    }
    Ok(judged)
}

async fn ask(upstream: &dyn Upstream, key: Option<CertKey>) -> Option<Result<Relatives, UpstreamError>> {
    Some(linking::relatives(upstream, &key?).await)
}

fn judge_one(
    verification: &Verification,
    (relying_party, registration, policy): (&RelyingParty, &Registration, &AppliedPolicy),
    application: &Application,
    lists: &[Arc<VerifiedRevocationList>],
    at: UnixTime,
) -> Result<JudgedApplication, StoreError> {
    let Application { line, customer_id, document, signed } = application;
    let refused = |code: &'static str| JudgedApplication {
        line: *line,
        customer_id: customer_id.clone(),
        outcome: Err(code.into()),
        issued: None,
        concluded: None,
    };
    match application::check(document, relying_party, customer_id, &registration.ground, at) {
        Ok(_) => {}
        Err(NotThis::Document) => return Ok(refused(results::NOT_THIS_DOCUMENT)),
        Err(NotThis::Time) => return Ok(refused(results::APPLICATION_TIME)),
    }
    let evidence = Evidence {
        certificate: &signed.certificate,
        expected_kind: AuthorityKind::DigitalSignature,
        signature: &signed.signature,
        signed_data: document.as_slice().into(),
        expected_digest: None,
        lists,
        ocsp: &[],
    };
    // Nothing vouches for when it was signed: no lower bound.
    let judgement = judge(&evidence, verification.anchors(), &policy.rules, at);
    let reasoning = Reasoning::of(&evidence, &policy.rules, policy.clone(), &judgement)?;
    let outcome = match judgement.certificate {
        Some(certificate) => Ok((certificate, Relatives::default())),
        None => Err(results::refused(reasoning.verdict().reason())),
    };
    Ok(JudgedApplication {
        line: *line,
        customer_id: customer_id.clone(),
        outcome,
        issued: judgement.issued,
        concluded: Some(reasoning.conclude()),
    })
}

/// What an application came to, with the record of its verdict and the evidence to be kept beside it.
pub(super) struct Settled {
    pub(super) line: u64,
    pub(super) customer_id: String,
    pub(super) result: Cow<'static, str>,
    /// Whether a customer is watched who was not.
    pub(super) began: bool,
    pub(super) record: Option<(AuditEvent, Vec<u8>)>,
}

/// Links and watches the signer of an application that passed. Counting the customers is the caller's, once for all of
/// them: certificates are locked before streams, here as in the taking-in of lists.
///
/// # Errors
/// [`StoreError`].
pub(super) async fn settle(
    tx: &mut Tx,
    context: &Context,
    registration: &Registration,
    judged: JudgedApplication,
    at: UnixTime,
) -> Result<Settled, StoreError> {
    let JudgedApplication { line, customer_id, outcome, issued, concluded } = judged;
    let mut person = match &issued {
        Some(key) => linking::person_of(tx, key).await?,
        None => None,
    };
    let (result, began) = match outcome {
        Err(code) => (code, false),
        Ok((certificate, relatives)) => {
            let random = context.random.as_ref();
            let key = certificate.key();
            let signer =
                linking::settle_person(tx, key, certificate.not_after(), &relatives, random, at).await?;
            person = Some(signer.clone());
            let link = Link {
                relying_party: registration.relying_party.clone(),
                person: signer,
                customer_id: customer_id.clone(),
                attributes_serial: key.serial.clone(),
            };
            link_and_watch(tx, registration, &link, at).await?
        }
    };
    let record = concluded.map(|Concluded { verdict, policy, content }| {
        let event = AuditEvent {
            kind: audit::WATCHING_APPLICATION_JUDGED,
            relying_party: Some(registration.relying_party.clone()),
            person,
            detail: json!({
                "registration": registration.id, "line": line, "result": result,
                "purpose": registration.ground.purpose,
                "indication": verdict.indication().as_str(),
                "sub_indication": verdict.sub_indication().map(SubIndication::as_str),
                "reason": verdict.reason().map(|reason| reason.code().as_str()),
                "list_number": verdict.freshness().map(|f| f.list_number),
                "policy": policy.named(),
                "bundle": hex::encode(sha256(&content)),
            }),
        };
        (event, content)
    });
    Ok(Settled { line, customer_id, result, began, record })
}

async fn link_and_watch(
    tx: &mut Tx,
    registration: &Registration,
    link: &Link,
    at: UnixTime,
) -> Result<(Cow<'static, str>, bool), StoreError> {
    let taken = linking::link_of_customer(tx, &link.relying_party, &link.customer_id).await?;
    if taken.is_some_and(|other| other.person != link.person) {
        return Ok((results::CUSTOMER_TAKEN.into(), false));
    }
    let before = linking::link_of_person(tx, &link.relying_party, &link.person).await?;
    if before.as_ref().is_some_and(|before| before.customer_id != link.customer_id) {
        return Ok((results::OTHER_CUSTOMER.into(), false));
    }
    let (customer, ground) = (link.customer_id.as_str(), &registration.ground);
    if before.is_none() {
        let saved = linking::save_link(tx, link, at).await?;
        watching::sql::change(tx, &link.relying_party, customer, ground).await?;
        // The signed wish is newer than an objection.
        watching::sql::take_back_objection(tx, &link.relying_party, &link.person).await?;
        sql::note_one(tx, registration, customer).await?;
        return Ok((results::WATCHED.into(), saved == Saved::New));
    }
    let now = match watching::watched(tx, &link.relying_party, customer).await {
        Ok(now) => now,
        Err(WatchError::Store(error)) => return Err(error),
        Err(_) => return Err(StoreError::Corrupt("customer_id")),
    };
    match now.ground {
        Some(stands) if stands.purpose == ground.purpose => Ok((results::ALREADY_WATCHED.into(), false)),
        Some(_) => Ok((results::OTHER_PURPOSE.into(), false)),
        None => {
            watching::sql::take_back_objection(tx, &link.relying_party, &link.person).await?;
            let began = watching::sql::begin(tx, &link.relying_party, customer, ground, at).await?;
            sql::note_one(tx, registration, customer).await?;
            Ok((results::WATCHED.into(), began))
        }
    }
}
