//! `/v1/entitlement-checks`.

use axum::extract::State;
use axum::response::Response;
use musubi_httpkit::{Json, Path, PostedJson, Problem, ProblemDocument};
use musubi_pki::ReasonCode;
use musubi_platform::idempotency::IdempotencyKey;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Asked, Assurance, Completion, Enrolling, EntitlementCheckId, judging, service};
use crate::Verification;
use crate::linking;
use crate::once::{Calling, Claim, Once};
use crate::outcome::{State as TransactionState, TransactionError};
use crate::presence::EncodedOffer;
use crate::wire::{AuditRef, CardRequest, ReasonBody, RelyingPartyRef, VerdictBody};

pub(crate) fn api() -> OpenApiRouter<Verification> {
    OpenApiRouter::new().routes(routes!(start)).routes(routes!(complete)).routes(routes!(read))
}

/// Start of an entitlement check.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EntitlementCheckStart)]
struct StartBody {
    /// What it is for: 1 to 40 of `a-z_`.
    #[schema(example = "sign_in")]
    purpose: String,
    /// `pin_authenticated`, also if left out: the resident signs in with the PIN. `card_present`: a card that was enrolled in
    /// an earlier check of this relying party is held out, without PIN (かざし利用); this shows whose card it is, not who holds
    /// it, and must open no account.
    #[serde(default)]
    #[schema(required = false)]
    assurance: Assurance,
    /// Whether the card is to be enrolled for use without PIN, at the resident's wish; only with `pin_authenticated`.
    #[serde(default)]
    #[schema(required = false)]
    enrol_presence: bool,
}

/// A started entitlement check.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StartedEntitlementCheck)]
struct StartedBody {
    /// Identifier of the transaction.
    #[schema(value_type = String, example = "ec_00112233445566778899aabbccddeeff")]
    id: EntitlementCheckId,
    /// What the card is asked for.
    assurance: Assurance,
    /// The single-use nonce, base64url of 32 bytes.
    nonce: String,
    /// When the transaction ends, RFC 3339.
    expires_at: String,
    /// To be handed to the card window.
    card_request: CardRequest,
}

/// The card's answer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EntitlementCheckCompletion)]
struct CompletionBody {
    /// User-authentication certificate, DER in base64.
    certificate: String,
    /// RSASSA-PKCS1-v1_5 with SHA-256 over the text of `docs/spec/card-request.md`, base64: by the user-authentication key, or
    /// for `card_present` by the card's free key.
    signature: String,
    /// The origin that the card window saw and signed.
    #[schema(example = "https://bank.example")]
    origin: String,
    /// What the card window answered for the enrolment; only if `enrol_presence` was asked for. Without it nothing is
    /// enrolled.
    presence: Option<PresenceOfferBody>,
}

/// What shows that a card is genuine and was there when its holder authenticated.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PresenceOffer)]
struct PresenceOfferBody {
    /// EF 0007 of 券面事項入力補助AP, base64: the card's free key, signed by its issuer.
    key_record: String,
    /// EF 0004 of 券面事項入力補助AP, base64: the issuer's card-verifiable certificate.
    card_certificate: String,
    /// By the card's free key over the text that the authentication key signed, base64.
    signature: String,
}

/// The result of an entitlement check.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EntitlementCheck)]
struct ResultBody {
    /// Identifier of the transaction.
    #[schema(value_type = String)]
    id: EntitlementCheckId,
    /// `accepted`, `refused`, or `open` if it could not be judged yet. Under a freshness contract `held` or `provisional`
    /// instead: the platform judges again, and the change stream says how it ended.
    state: &'static str,
    /// Whether the answer rests on older evidence than the contract asks for, and the relying party has chosen to go on. The
    /// verdict stays INDETERMINATE; `verdict.freshness` says how old.
    provisional: bool,
    /// What the check shows if it is accepted: `pin_authenticated`, or no more than `card_present`.
    assurance: Assurance,
    /// Whether the card was enrolled for use without PIN.
    presence_enrolled: bool,
    /// Why it was not, although it was asked for and the check was accepted; else null.
    #[schema(value_type = Option<ReasonBody>)]
    presence_refusal: Option<ReasonCode>,
    /// The verdict; null while nothing was judged.
    #[schema(value_type = Option<VerdictBody>)]
    verdict: Option<serde_json::Value>,
    /// The person's identifier for this relying party alone; null unless accepted, or provisional and known.
    subject: Option<String>,
    /// The relying party's own number for the person; null if the person is not linked.
    customer_id: Option<String>,
    /// The record in the audit log; null while nothing was judged.
    audit: Option<AuditRef>,
}

/// Starts an entitlement check (資格確認): gives a single-use nonce.
#[utoipa::path(
    post, path = "/v1/entitlement-checks", tag = "entitlement check", operation_id = "start_entitlement_check",
    params(("Idempotency-Key" = String, Header, description = "1 to 64 of `A-Za-z0-9._-`")),
    request_body = StartBody,
    responses(
        (status = 201, description = "Started", body = StartedBody),
        (status = 401, description = "No valid access token", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 422, description = "A field is out of bounds", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
    security(("client_credentials" = []))
)]
async fn start(
    State(verification): State<Verification>,
    caller: Calling,
    key: IdempotencyKey,
    body: PostedJson<StartBody>,
) -> Result<Response, Problem> {
    let once = Once::new(&verification, &caller, key, "POST /v1/entitlement-checks", body.sha256);
    let mut tx = once.begin().await?;
    if let Some(answer) = once.replayed(&mut tx).await? {
        return Ok(answer);
    }
    let relying_party = &caller.relying_party;
    let StartBody { purpose, assurance, enrol_presence } = body.value;
    let asked = Asked { purpose, assurance, enrol_presence };
    let started = service::start_asking(&mut tx, &verification, relying_party, &asked, once.at()).await?;
    let (version, nonce, purpose) = (1, started.nonce.clone(), asked.purpose);
    let relying_party = RelyingPartyRef::from(relying_party);
    let answer = StartedBody {
        card_request: match assurance {
            Assurance::PinAuthenticated => {
                let enrol_presence = enrol_presence.then_some(true);
                CardRequest::Authenticate { version, nonce, purpose, relying_party, enrol_presence }
            }
            Assurance::CardPresent => CardRequest::ProvePresence { version, nonce, purpose, relying_party },
        },
        id: started.id,
        assurance,
        nonce: started.nonce,
        expires_at: started.expires_at.rfc3339(),
    };
    once.finish(tx, 201, &answer, &answer).await
}

/// Completes an entitlement check: judges the card's answer and translates the person into the customer id.
#[utoipa::path(
    post, path = "/v1/entitlement-checks/{id}/completion", tag = "entitlement check",
    operation_id = "complete_entitlement_check",
    params(
        ("id" = String, Path, description = "The transaction"),
        ("Idempotency-Key" = String, Header, description = "1 to 64 of `A-Za-z0-9._-`"),
    ),
    request_body = CompletionBody,
    responses(
        (status = 200, description = "Judged: look at `state` and `verdict`", body = ResultBody),
        (status = 401, description = "No valid access token", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 404, description = "No such transaction", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 409, description = "The response was used before", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 410, description = "The transaction has expired", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
    security(("client_credentials" = []))
)]
async fn complete(
    State(verification): State<Verification>,
    caller: Calling,
    key: IdempotencyKey,
    Path(id): Path<EntitlementCheckId>,
    body: PostedJson<CompletionBody>,
) -> Result<Response, Problem> {
    let route = format!("POST /v1/entitlement-checks/{id}/completion");
    let once = Once::new(&verification, &caller, key, route, body.sha256);
    if let Some(answer) = once.replayed_before().await? {
        return Ok(answer);
    }
    let CompletionBody { certificate, signature, origin, presence } = body.value;
    let presence = presence.map(|PresenceOfferBody { key_record, card_certificate, signature }| {
        EncodedOffer { key_record, card_certificate, signature }
    });
    let completion = Completion { certificate, signature, origin, presence };
    let relying_party = &caller.relying_party;
    let (tx, outcome) = loop {
        let judged =
            judging::judge_completion(&verification, relying_party, &id, &completion, once.at()).await;
        let (mut tx, judged) = match once.claim(judged).await? {
            Claim::Answered(answer) => return Ok(answer),
            Claim::Fresh(tx, judged) => (tx, judged),
        };
        match service::complete(&mut tx, &verification, judged, once.at()).await {
            Err(TransactionError::Outdated) => once.judge_again(tx).await?,
            outcome => break (tx, outcome?),
        }
    };
    let (presence_enrolled, presence_refusal) = enrolment(outcome.enrolling);
    let answer = ResultBody {
        subject: outcome
            .person()
            .or(outcome.presumed.as_ref())
            .map(|person| verification.subject(&relying_party.id, person)),
        id: outcome.transaction.id,
        state: outcome.state.as_str(),
        provisional: outcome.state == TransactionState::Provisional,
        assurance: outcome.transaction.assurance,
        presence_enrolled,
        presence_refusal,
        verdict: Some(outcome.verdict),
        customer_id: outcome.customer_id,
        audit: Some(AuditRef::from(&outcome.receipt)),
    };
    once.finish(tx, 200, &answer, &answer).await
}

fn relied_on(state: TransactionState) -> bool {
    matches!(state, TransactionState::Accepted | TransactionState::Provisional)
}

fn enrolment(enrolling: Enrolling) -> (bool, Option<ReasonCode>) {
    match enrolling {
        Enrolling::No => (false, None),
        Enrolling::Enrolled => (true, None),
        Enrolling::Refused(reason) => (false, Some(reason)),
    }
}

/// Reads an entitlement check.
#[utoipa::path(
    get, path = "/v1/entitlement-checks/{id}", tag = "entitlement check", operation_id = "read_entitlement_check",
    params(("id" = String, Path, description = "The transaction")),
    responses(
        (status = 200, description = "The transaction", body = ResultBody),
        (status = 401, description = "No valid access token", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 404, description = "No such transaction", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
    security(("client_credentials" = []))
)]
async fn read(
    State(verification): State<Verification>,
    caller: Calling,
    Path(id): Path<EntitlementCheckId>,
) -> Result<Json<ResultBody>, Problem> {
    let mut tx = verification.context().db.begin_read().await.map_err(TransactionError::from)?;
    let transaction = service::find(&mut tx, &caller.relying_party, &id).await?;
    let completed = transaction.completed;
    let person = completed.as_ref().filter(|c| relied_on(c.state)).and_then(|c| c.person.clone());
    let link = match &person {
        Some(person) => linking::link_of_person(&mut tx, &caller.relying_party.id, person)
            .await
            .map_err(TransactionError::from)?,
        None => None,
    };
    let (presence_enrolled, presence_refusal) = enrolment(transaction.enrolling);
    Ok(Json(ResultBody {
        id: transaction.id,
        state: completed.as_ref().map_or("open", |c| c.state.as_str()),
        provisional: completed.as_ref().is_some_and(|c| c.state == TransactionState::Provisional),
        assurance: transaction.assurance,
        presence_enrolled,
        presence_refusal,
        verdict: completed.as_ref().map(|c| c.verdict.clone()),
        subject: person.map(|person| verification.subject(&caller.relying_party.id, &person)),
        customer_id: link.map(|link| link.customer_id),
        audit: completed.map(|c| AuditRef { index: c.audit_index, leaf_hash: c.audit_leaf }),
    }))
}
