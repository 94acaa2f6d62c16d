//! `/v1/identity-proofings`.

use axum::extract::State;
use axum::response::Response;
use musubi_httpkit::{Json, Path, PostedJson, Problem, ProblemDocument, internal};
use musubi_platform::idempotency::IdempotencyKey;
use musubi_platform::relying_party::RelyingParty;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::document::{Application, Attributes};
use super::{
    Completion, IdentityProofingId, Proofed, Start, Started, Transaction, judge_completion, service,
};
use crate::Verification;
use crate::once::{Calling, Claim, Once, answer_again};
use crate::outcome::{State as TransactionState, TransactionError};
use crate::wire::{AuditRef, CardRequest, RelyingPartyRef, VerdictBody};

pub(crate) fn api() -> OpenApiRouter<Verification> {
    OpenApiRouter::new().routes(routes!(start)).routes(routes!(complete)).routes(routes!(read))
}

/// Start of an identity proofing.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = IdentityProofingStart)]
struct StartBody {
    /// The relying party's own number for the person: 1 to 64 printable ASCII characters.
    #[schema(example = "c-1001")]
    customer_id: String,
    /// What it is for: 1 to 40 of `a-z_`.
    #[schema(example = "account_opening")]
    purpose: String,
    /// The registered origin of the page on which the resident signs.
    #[schema(example = "https://bank.example")]
    origin: String,
    /// What the resident applies for.
    application: Application,
}

/// A started identity proofing.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StartedIdentityProofing)]
struct StartedBody {
    /// Identifier of the transaction.
    #[schema(value_type = String, example = "ip_00112233445566778899aabbccddeeff")]
    id: IdentityProofingId,
    /// `open`.
    state: &'static str,
    /// The document to be shown to the resident and signed, UTF-8.
    to_be_signed: String,
    /// When the transaction ends, RFC 3339.
    expires_at: String,
    /// To be handed to the card window.
    card_request: CardRequest,
}

/// The resident's signature.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = IdentityProofingCompletion)]
struct CompletionBody {
    /// The application again, as the relying party relies on it.
    application: Application,
    /// Digital-signature certificate, DER in base64.
    certificate: String,
    /// RSASSA-PKCS1-v1_5 with SHA-256 over the document, base64.
    signature: String,
}

/// The result of an identity proofing.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = IdentityProofing)]
struct ResultBody {
    /// Identifier of the transaction.
    #[schema(value_type = String)]
    id: IdentityProofingId,
    /// `accepted`, `refused`, or `open` if it could not be judged yet: the same signature may be sent again. Under a freshness
    /// contract `held` or `provisional` instead: the platform judges again, and the change stream says how it ended.
    state: &'static str,
    /// Whether the verdict rests on older evidence than the contract asks for, and the relying party has chosen to go on. The
    /// verdict stays INDETERMINATE; `verdict.freshness` says how old.
    provisional: bool,
    /// The verdict; null while nothing was judged.
    #[schema(value_type = Option<VerdictBody>)]
    verdict: Option<serde_json::Value>,
    /// The person's identifier for this relying party alone; null unless accepted.
    subject: Option<String>,
    /// The relying party's own number, as given.
    customer_id: String,
    /// The relying party's earlier number for the same person, which this proofing replaced: sign-ins and events
    /// lead to the new one only. Null if there was none.
    replaced_customer_id: Option<String>,
    /// The certified attributes: only in the first answer that accepts.
    attributes: Option<Attributes>,
    /// The consent that was registered.
    consent_id: Option<String>,
    /// The record in the audit log; null while nothing was judged.
    audit: Option<AuditRef>,
}

/// Starts an identity proofing (本人確認): gives the document to be signed.
#[utoipa::path(
    post, path = "/v1/identity-proofings", tag = "identity proofing", operation_id = "start_identity_proofing",
    params(("Idempotency-Key" = String, Header, description = "1 to 64 of `A-Za-z0-9._-`")),
    request_body = StartBody,
    responses(
        (status = 201, description = "Started", body = StartedBody),
        (status = 401, description = "No valid access token", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 422, description = "A field is out of bounds, or the origin is not registered", body = ProblemDocument,
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
    let once = Once::new(&verification, &caller, key, "POST /v1/identity-proofings", body.sha256);
    let StartBody { customer_id, purpose, origin, application } = body.value;
    let input = Start { customer_id, purpose, origin, application };
    let relying_party = &caller.relying_party;
    let mut tx = once.begin().await?;
    if let Some(remembered) = once.remembered(&mut tx).await? {
        // The document holds the application, so it is not kept: it is rendered again from the same request.
        let kept: KeptStart = serde_json::from_str(&remembered.body).map_err(|e| internal(&e))?;
        let started = service::started_again(&mut tx, relying_party, &kept.id, &input.application).await?;
        return Ok(answer_again(remembered.status, &started_body(started, &input.origin, relying_party)));
    }
    let started = service::start(&mut tx, &verification, relying_party, &input, once.at()).await?;
    let kept = KeptStart { id: started.id.clone() };
    once.finish(tx, 201, &started_body(started, &input.origin, relying_party), &kept).await
}

/// What is remembered of a start: nothing of the application.
#[derive(Serialize, Deserialize)]
struct KeptStart {
    id: IdentityProofingId,
}

fn started_body(started: Started, origin: &str, relying_party: &RelyingParty) -> StartedBody {
    StartedBody {
        card_request: CardRequest::SignDocument {
            version: 1,
            document: started.document.clone(),
            origin: origin.to_owned(),
            relying_party: RelyingPartyRef::from(relying_party),
        },
        id: started.id,
        state: "open",
        to_be_signed: started.document,
        expires_at: started.expires_at.rfc3339(),
    }
}

/// Completes an identity proofing: judges the signature, links the person, answers the attributes once.
#[utoipa::path(
    post, path = "/v1/identity-proofings/{id}/completion", tag = "identity proofing",
    operation_id = "complete_identity_proofing",
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
    Path(id): Path<IdentityProofingId>,
    body: PostedJson<CompletionBody>,
) -> Result<Response, Problem> {
    let route = format!("POST /v1/identity-proofings/{id}/completion");
    let once = Once::new(&verification, &caller, key, route, body.sha256);
    if let Some(answer) = once.replayed_before().await? {
        return Ok(answer);
    }
    let CompletionBody { application, certificate, signature } = body.value;
    let completion = Completion { application, certificate, signature };
    let relying_party = &caller.relying_party;
    let (tx, outcome) = loop {
        let judged = judge_completion(&verification, relying_party, &id, &completion, once.at()).await;
        let (mut tx, judged) = match once.claim(judged).await? {
            Claim::Answered(answer) => return Ok(answer),
            Claim::Fresh(tx, judged) => (tx, judged),
        };
        match service::complete(&mut tx, &verification, judged, once.at()).await {
            Err(TransactionError::Outdated) => once.judge_again(tx).await?,
            outcome => break (tx, outcome?),
        }
    };
    let mut answer = result_of(&verification, outcome);
    let full = answer.to_response_body();
    answer.attributes = None;
    once.finish(tx, 200, &full, &answer).await
}

/// Reads an identity proofing: the result without attributes.
#[utoipa::path(
    get, path = "/v1/identity-proofings/{id}", tag = "identity proofing", operation_id = "read_identity_proofing",
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
    Path(id): Path<IdentityProofingId>,
) -> Result<Json<ResultBody>, Problem> {
    let mut tx = verification.context().db.begin_read().await.map_err(TransactionError::from)?;
    let transaction = service::find(&mut tx, &caller.relying_party, &id).await?;
    Ok(Json(stored(&verification, &transaction)))
}

impl ResultBody {
    fn to_response_body(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

fn result_of(verification: &Verification, outcome: Proofed) -> ResultBody {
    let subject = outcome.link.as_ref().map(|link| verification.subject(&link.relying_party, &link.person));
    ResultBody {
        id: outcome.transaction.id,
        state: outcome.state.as_str(),
        provisional: outcome.state == TransactionState::Provisional,
        verdict: Some(outcome.verdict),
        subject,
        customer_id: outcome.transaction.customer_id,
        replaced_customer_id: outcome.replaced_customer_id,
        attributes: outcome.attributes,
        consent_id: outcome.consent.map(|id| id.to_string()),
        audit: Some(AuditRef::from(&outcome.receipt)),
    }
}

fn stored(verification: &Verification, transaction: &Transaction) -> ResultBody {
    let accepted = transaction.completed.as_ref().filter(|c| c.state == TransactionState::Accepted);
    ResultBody {
        id: transaction.id.clone(),
        state: transaction.completed.as_ref().map_or("open", |c| c.state.as_str()),
        provisional: transaction.completed.as_ref().is_some_and(|c| c.state == TransactionState::Provisional),
        verdict: transaction.completed.as_ref().map(|c| c.verdict.clone()),
        subject: accepted
            .and_then(|c| c.person.as_ref())
            .map(|person| verification.subject(&transaction.relying_party, person)),
        customer_id: transaction.customer_id.clone(),
        replaced_customer_id: None,
        attributes: None,
        consent_id: accepted.and(transaction.consent.as_ref()).map(ToString::to_string),
        audit: transaction
            .completed
            .as_ref()
            .map(|c| AuditRef { index: c.audit_index, leaf_hash: c.audit_leaf.clone() }),
    }
}
