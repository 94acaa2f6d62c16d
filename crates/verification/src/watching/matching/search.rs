//! "Find companies that know me": the resident proves the four attributes by signing a text in the portal.
//!
//! The text names the portal's origin and a single-use nonce, as every text that a card signs here. What the certificate
//! says is compared by tags and forgotten.

use musubi_crypto::sha256;
use musubi_kernel::{UnixTime, define_id};
use musubi_pki::{AuthorityKind, Evidence, judge};
use musubi_platform::audit::{self, AuditEvent};
use musubi_platform::person::PersonId;
use musubi_platform::relying_party::RelyingParty;
use musubi_store::{StoreError, Tx};
use serde_json::json;

use super::{service, sql};
use crate::Verification;
use crate::evidence::{self, Concluded, Reasoning};
use crate::linking;
use crate::outcome::{LIFETIME, Signed, TransactionError, nonce};

define_id!(
    /// A search.
    SearchId, "ms");

/// A search that a resident began.
#[derive(Debug, Clone)]
pub struct Search {
    /// Its identifier.
    pub id: SearchId,
    /// Who searches.
    pub person: PersonId,
    /// base64url of 32 random bytes.
    pub nonce: String,
    /// When it began.
    pub created_at: UnixTime,
    /// When it ends.
    pub expires_at: UnixTime,
}

/// What came of it.
#[derive(Debug)]
pub enum Found {
    /// So many companies say that the resident is their customer.
    Companies(u64),
    /// Name or address in the certificate has a substitute character (代替文字), so that nothing can be compared.
    Substituted,
    /// The card is somebody else's than the one that signed in.
    SomebodyElse,
    /// The signature was judged and did not pass: the verdict.
    Refused(serde_json::Value),
}

/// Begins a search.
///
/// # Errors
/// [`StoreError`].
pub async fn start(
    tx: &mut Tx,
    verification: &Verification,
    person: &PersonId,
    at: UnixTime,
) -> Result<Search, StoreError> {
    let random = verification.context().random.as_ref();
    let search = Search {
        id: SearchId::generate(random),
        person: person.clone(),
        nonce: nonce(random),
        created_at: at,
        expires_at: at.plus(LIFETIME),
    };
    sql::insert_search(tx, &search).await?;
    Ok(search)
}

/// The open search of this person.
///
/// # Errors
/// [`TransactionError::Unknown`] if there is none, or its time is over.
pub async fn find(
    tx: &mut Tx,
    person: &PersonId,
    id: &SearchId,
    at: UnixTime,
) -> Result<Search, TransactionError> {
    sql::open_search(tx, id, person, at).await?.ok_or(TransactionError::Unknown)
}

/// The text that is signed; `portal` is the relying party as which the portal acts.
#[must_use]
pub fn document(verification: &Verification, portal: &RelyingParty, search: &Search) -> String {
    format!(
        "Musubi matching search 1\n\
         内容 / wish: 私をお客さまとして登録している事業者を探します。 / I look for the companies that have me as a customer.\n\
         日時 / time: {}\n\
         origin: {}\n\
         relying-party: {}\n\
         purpose: matching_search\n\
         transaction: {}\n\
         nonce: {}\n",
        search.created_at.rfc3339(),
        verification.context().portal_origin,
        portal.id,
        search.id,
        search.nonce,
    )
}

/// Judges the signature and looks. One use of the nonce, whatever comes of it.
///
/// # Errors
/// [`TransactionError`] if there is no such open search or a field is out of bounds; [`TransactionError::Outdated`] if
/// a newer list came meanwhile: refresh and ask again.
pub async fn complete(
    verification: &Verification,
    portal: &RelyingParty,
    person: &PersonId,
    id: &SearchId,
    (certificate, signature): (&str, &str),
    at: UnixTime,
) -> Result<Found, TransactionError> {
    let context = verification.context();
    let signed = Signed::decode(certificate, signature)?;
    let (search, (policy, _)) = {
        let mut tx = context.db.begin_read().await?;
        (find(&mut tx, person, id, at).await?, verification.policy_of(&mut tx, &portal.id, None).await?)
    };
    let document = document(verification, portal, &search);
    let lists = verification.lists().snapshot();
    let evidence = Evidence {
        certificate: &signed.certificate,
        expected_kind: AuthorityKind::DigitalSignature,
        signature: &signed.signature,
        signed_data: document.as_bytes().into(),
        expected_digest: None,
        lists: &lists,
        ocsp: &[],
    };
    let rules = policy.rules_from(search.created_at);
    let judgement = judge(&evidence, verification.anchors(), &rules, at);
    let reasoning = Reasoning::of(&evidence, &rules, policy, &judgement)?;
    let relatives = match &judgement.certificate {
        // Without the authority's answer the card may not be known as this person's: then the answer is "somebody
        // else's", and another try costs nothing.
        Some(certificate) => {
            linking::relatives(verification.upstream(), certificate.key()).await.unwrap_or_default()
        }
        None => linking::Relatives::default(),
    };
    let Concluded { verdict, policy, content } = reasoning.conclude();
    let mut tx = context.db.begin().await?;
    if !sql::complete_search(&mut tx, id, at).await? {
        return Err(TransactionError::Replayed);
    }
    let mut found =
        Found::Refused(serde_json::to_value(&verdict).map_err(|_| StoreError::Corrupt("verdict"))?);
    if let Some(certificate) = &judgement.certificate {
        let owner = linking::known_person(&mut tx, certificate.key(), &relatives).await?;
        found = match (owner, certificate.attributes()) {
            (Some(owner), Some(proven)) if owner == *person => {
                let who = (person, &certificate.key().serial);
                match service::look(&mut tx, context, who, proven, at).await? {
                    Some(companies) => Found::Companies(companies),
                    None => Found::Substituted,
                }
            }
            _ => Found::SomebodyElse,
        };
    }
    let event = AuditEvent {
        kind: audit::MATCHING_SEARCHED,
        relying_party: Some(portal.id.clone()),
        person: Some(person.clone()),
        detail: json!({
            "transaction": search.id,
            "indication": verdict.indication().as_str(),
            "sub_indication": verdict.sub_indication().map(musubi_pki::SubIndication::as_str),
            "reason": verdict.reason().map(|reason| reason.code().as_str()),
            "list_number": verdict.freshness().map(|f| f.list_number),
            "policy": policy.named(),
            "bundle": hex::encode(sha256(&content)),
        }),
    };
    let receipt = audit::append(&mut tx, &event, context.random.as_ref(), at).await?;
    evidence::keep(&mut tx, context, &receipt, search.id.as_str(), &content).await?;
    if verification.lists().are_outdated(&mut tx, &lists).await? {
        return Err(TransactionError::Outdated);
    }
    tx.commit().await?;
    Ok(found)
}
