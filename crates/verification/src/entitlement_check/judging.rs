//! How a completion of an entitlement check is judged: the text that the card should have signed is made again from what is
//! stored, and `pki` judges. Reads the database and asks upstream; writes nothing.

use std::sync::Arc;

use musubi_kernel::UnixTime;
use musubi_pki::{
    AuthorityKind, CertKey, CheckResult, Evidence, Indication, Outcome, PresenceEvidence, PresenceStatement,
    PresentCertificate, ReasonCode, SubIndication, UnverifiedCertificate, VerifiedCertificate,
    VerifiedRevocationList, judge, judge_presence,
};
use musubi_platform::relying_party::RelyingParty;
use musubi_store::{StoreError, Tx};
use serde::{Deserialize, Serialize};

use super::{Assurance, Enrolling, EntitlementCheckId, Transaction, find};
use crate::Verification;
use crate::evidence::Reasoning;
use crate::freshness::{self, Terms, Vouched};
use crate::identity_proofing::line;
use crate::linking::{self, Relatives};
use crate::outcome::{Signed, State, TRY_LATER, TransactionError, awaited, still_open, upstream_check};
use crate::presence::{self, EncodedOffer, Offer, OfferRefused};
use crate::validation_policy::AppliedPolicy;

/// The card's answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Completion {
    /// The certificate, DER in base64.
    pub certificate: String,
    /// The signature, base64: by the user-authentication key over [`to_be_signed`], or without PIN by the card's free key
    /// over [`PresenceStatement::text`].
    pub signature: String,
    /// The origin that the card window saw and signed.
    pub origin: String,
    /// What enrols the card, if that was asked for.
    pub presence: Option<EncodedOffer>,
}

/// The text that the card signs, UTF-8. No value contains a line break: origins are compared with the
/// registered ones, the others are made here.
#[must_use]
pub fn to_be_signed(origin: &str, relying_party: &str, purpose: &str, nonce: &str) -> String {
    format!(
        "Musubi user authentication 1\norigin: {origin}\nrelying-party: {relying_party}\npurpose: {purpose}\nnonce: {nonce}\n"
    )
}

/// What was found before anything is written.
pub struct Judged {
    pub(super) transaction: Transaction,
    pub(super) reasoning: Reasoning,
    pub(super) passed: Option<Passed>,
    pub(super) identified: Option<CertKey>,
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

/// What a passed judgement shows. The two come from different judgements and cannot be exchanged.
pub(super) enum Passed {
    Authenticated {
        certificate: Box<VerifiedCertificate>,
        relatives: Relatives,
        /// `None` if no enrolment was asked for.
        offered: Option<Result<Vec<u8>, OfferRefused>>,
    },
    Present {
        certificate: Box<PresentCertificate>,
        card_key: Vec<u8>,
    },
}

impl Passed {
    /// The certificate, and its end.
    pub(super) fn certificate(&self) -> (&CertKey, UnixTime) {
        match self {
            Self::Authenticated { certificate, .. } => (certificate.key(), certificate.not_after()),
            Self::Present { certificate, .. } => (certificate.key(), certificate.not_after()),
        }
    }

    pub(super) fn enrolling(&self) -> Enrolling {
        match self {
            Self::Authenticated { offered: Some(Ok(_)), .. } => Enrolling::Enrolled,
            Self::Authenticated { offered: Some(Err(refused)), .. } => Enrolling::Refused(refused.reason()),
            Self::Authenticated { offered: None, .. } | Self::Present { .. } => Enrolling::No,
        }
    }
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
    judge_under(verification, relying_party, (tx, transaction, None), completion, at).await
}

/// Judges again what waits for evidence since `since` ([`freshness`](crate::freshness)). Writes nothing.
pub(crate) async fn judge_awaited(
    verification: &Verification,
    relying_party: &RelyingParty,
    (id, since): (&EntitlementCheckId, UnixTime),
    completion: &Completion,
    at: UnixTime,
) -> Result<Judged, TransactionError> {
    let mut tx = verification.context().db.begin_read().await?;
    let transaction = find(&mut tx, relying_party, id).await?;
    let from = awaited(transaction.completed.as_ref())?;
    judge_under(verification, relying_party, (tx, transaction, Some((from, since))), completion, at).await
}

async fn judge_under(
    verification: &Verification,
    relying_party: &RelyingParty,
    (mut tx, transaction, awaited): (Tx, Transaction, Option<(State, UnixTime)>),
    completion: &Completion,
    at: UnixTime,
) -> Result<Judged, TransactionError> {
    line("origin", &completion.origin, 200).map_err(|e| TransactionError::Field(e.field))?;
    let signed = Signed::decode(&completion.certificate, &completion.signature)?;
    // An offer that nobody asked for would be part of no text that the holder saw.
    if completion.presence.is_some() && !transaction.enrol_presence {
        return Err(TransactionError::Field("presence"));
    }
    let (policy, contract) =
        verification.policy_of(&mut tx, &relying_party.id, Some(&transaction.purpose)).await?;
    let terms = Terms { contract, vouched: None, awaited };
    let answer = Answer { verification, relying_party, transaction, completion, signed, policy, terms, at };
    match answer.transaction.assurance {
        Assurance::PinAuthenticated => {
            let offer = completion.presence.as_ref().map(Offer::decode).transpose()?;
            answer.of_the_holder(tx, offer).await
        }
        Assurance::CardPresent => answer.of_the_card(tx).await,
    }
}

/// An answer of the card with everything that it is judged by.
struct Answer<'a> {
    verification: &'a Verification,
    relying_party: &'a RelyingParty,
    transaction: Transaction,
    completion: &'a Completion,
    signed: Signed,
    policy: AppliedPolicy,
    terms: Terms,
    at: UnixTime,
}

impl Answer<'_> {
    /// The holder authenticated with PIN.
    async fn of_the_holder(self, tx: Tx, offer: Option<Offer>) -> Result<Judged, TransactionError> {
        let Self { verification, relying_party, transaction, completion, signed, policy, mut terms, at } =
            self;
        // Not held open while the authority is asked.
        drop(tx);
        let origin = completion.origin.as_str();
        let text = to_be_signed(origin, relying_party.id.as_str(), &transaction.purpose, &transaction.nonce);
        let text = offer.as_ref().map_or_else(|| text.clone(), |offer| offer.text(&text));
        let lists = verification.lists().snapshot();
        let evidence = Evidence {
            certificate: &signed.certificate,
            expected_kind: AuthorityKind::UserAuthentication,
            signature: &signed.signature,
            signed_data: text.as_bytes().into(),
            expected_digest: None,
            lists: &lists,
            ocsp: &[],
        };
        let rules = policy.rules_from(transaction.created_at);
        let (anchors, contract) = (verification.anchors(), terms.contract.as_ref());
        let mut judgement = judge(&evidence, anchors, &rules, at);
        let ocsp =
            freshness::ocsp_responses(verification, contract, &judgement.verdict, evidence.certificate);
        let ocsp = ocsp.await;
        let evidence = Evidence { ocsp: &ocsp, ..evidence };
        if !ocsp.is_empty() {
            judgement = judge(&evidence, anchors, &rules, at);
        }
        let older = freshness::as_of(contract, &judgement.verdict, &judgement.covering, &rules, at);
        let older = older.and_then(|(rules, as_of, age)| {
            judge(&evidence, anchors, &rules, as_of).certificate.map(|certificate| (certificate, age))
        });
        let mut reasoning = Reasoning::of(&evidence, &rules, policy, &judgement)?;
        reasoning.and(origin_binding(relying_party, origin), ORIGIN_WRONG);
        let own = judgement.certificate.as_ref().map(|certificate| (certificate, age_of(&reasoning)));
        terms.vouched =
            own.or(older.as_ref().map(|(certificate, age)| (certificate, *age))).map(|(certificate, age)| {
                Vouched { certificate: certificate.key().clone(), not_after: certificate.not_after(), age }
            });
        let mut passed = None;
        if let (Indication::TotalPassed, Some(certificate)) =
            (reasoning.verdict().indication(), judgement.certificate)
        {
            let mut tx = verification.context().db.begin_read().await?;
            let known = linking::person_of(&mut tx, certificate.key()).await?.is_some();
            drop(tx);
            let relatives = if known {
                Ok(Relatives::default())
            } else {
                linking::relatives(verification.upstream(), certificate.key()).await
            };
            let offered = transaction.enrol_presence.then(|| {
                let offer = offer.as_ref().ok_or(OfferRefused::Absent)?;
                offer.judge(verification.card_authorities(), &text)
            });
            if let Some(offered) = &offered {
                let check = presence::check(offered.as_ref().map(drop).map_err(|refused| *refused));
                // Of no effect on the verdict: the check passes, or is skipped with its cause.
                reasoning.and(check, ORIGIN_WRONG);
            }
            match relatives {
                Ok(relatives) => {
                    let certificate = Box::new(certificate);
                    passed = Some(Passed::Authenticated { certificate, relatives, offered });
                }
                Err(error) => {
                    reasoning.and(upstream_check(Some(error.into())), TRY_LATER);
                }
            }
        }
        Ok(Judged {
            transaction,
            reasoning,
            passed,
            identified: judgement.issued,
            judged_by: lists,
            terms,
            completion: completion.clone(),
        })
    }

    /// A card was held out.
    async fn of_the_card(self, mut tx: Tx) -> Result<Judged, TransactionError> {
        let Self { verification, relying_party, transaction, completion, signed, policy, mut terms, at } =
            self;
        let origin = completion.origin.as_str();
        let statement = PresenceStatement {
            origin: origin.to_owned(),
            relying_party: relying_party.id.to_string(),
            purpose: transaction.purpose.clone(),
            nonce: transaction.nonce.clone(),
        };
        // By the serial number that the certificate claims: whether an authority gave it that number is judged with the rest.
        let card_key = match UnverifiedCertificate::parse(&signed.certificate) {
            Ok(claimed) => presence::card_key_of(&mut tx, &relying_party.id, claimed.serial()).await?,
            Err(_) => None,
        };
        drop(tx);
        let lists = verification.lists().snapshot();
        let evidence = PresenceEvidence {
            certificate: &signed.certificate,
            card_key: card_key.as_deref(),
            statement: &statement,
            signature: &signed.signature,
            lists: &lists,
            ocsp: &[],
        };
        let rules = policy.rules_from(transaction.created_at);
        let (anchors, contract) = (verification.anchors(), terms.contract.as_ref());
        let mut judgement = judge_presence(&evidence, anchors, &rules, at);
        let ocsp =
            freshness::ocsp_responses(verification, contract, &judgement.verdict, evidence.certificate);
        let ocsp = ocsp.await;
        let evidence = PresenceEvidence { ocsp: &ocsp, ..evidence };
        if !ocsp.is_empty() {
            judgement = judge_presence(&evidence, anchors, &rules, at);
        }
        let older = freshness::as_of(contract, &judgement.verdict, &judgement.covering, &rules, at);
        terms.vouched = older.and_then(|(rules, as_of, age)| {
            let certificate = judge_presence(&evidence, anchors, &rules, as_of).certificate?;
            let not_after = certificate.not_after();
            Some(Vouched { certificate: certificate.key().clone(), not_after, age })
        });
        let mut reasoning = Reasoning::of_presence(&evidence, &rules, policy, &judgement)?;
        reasoning.and(origin_binding(relying_party, origin), ORIGIN_WRONG);
        let passed = match (reasoning.verdict().indication(), judgement.certificate, card_key) {
            (Indication::TotalPassed, Some(certificate), Some(card_key)) => {
                Some(Passed::Present { certificate: Box::new(certificate), card_key })
            }
            (Indication::TotalPassed, ..) => return Err(StoreError::Corrupt("presence").into()),
            _ => None,
        };
        Ok(Judged {
            transaction,
            reasoning,
            passed,
            identified: judgement.issued,
            judged_by: lists,
            terms,
            completion: completion.clone(),
        })
    }
}

fn age_of(reasoning: &Reasoning) -> i64 {
    reasoning.verdict().freshness().map_or(0, |freshness| freshness.age_seconds)
}

const ORIGIN_WRONG: (SubIndication, ReasonCode) =
    (SubIndication::SigConstraintsFailure, ReasonCode::OriginWrong);

fn origin_binding(relying_party: &RelyingParty, origin: &str) -> CheckResult {
    let registered = relying_party.has_origin(origin);
    let outcome = if registered { Outcome::Passed } else { Outcome::Failed };
    let citation = "docs/spec/card-request.md: the signed origin is a registered origin of the relying party";
    CheckResult::new("origin.binding", citation, outcome)
        .with("origin", origin.to_owned())
        .with("registered", registered)
}
