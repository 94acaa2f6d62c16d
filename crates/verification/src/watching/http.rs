//! `/v1/watched-customers`.

use axum::extract::State;
use axum::response::Response;
use musubi_httpkit::problems::REQUEST_MALFORMED;
use musubi_httpkit::{Json, Path, PostedJson, Problem, ProblemDocument, Query, internal};
use musubi_platform::idempotency::IdempotencyKey;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{BadField, Basis, Began, Ground, WatchError, Watched, service};
use crate::Verification;
use crate::once::{Calling, Once};
use crate::outcome::check_customer_id;
use crate::problems::FIELD_INVALID;
use crate::wire::AuditRef;

/// Customers on one page, unless asked for fewer.
const PAGE: u32 = 1_000;

pub(crate) fn api() -> OpenApiRouter<Verification> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(read, register, end))
}

impl From<BadField> for Problem {
    fn from(BadField(field): BadField) -> Self {
        Self::new(&FIELD_INVALID).with("field", field)
    }
}

/// For what and on what ground a customer is to be watched.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WatchGround)]
struct GroundBody {
    /// `contract_maintenance`, `benefit_payment`, `address_upkeep` or `credential_status`.
    #[schema(example = "benefit_payment")]
    purpose: String,
    /// `contract`, `consent` or `law`.
    #[schema(example = "law")]
    basis: String,
    /// Number of the contract, article of the law: one line, at most 200 characters. Required with `law`.
    #[schema(example = "国民年金法 第108条")]
    reference: Option<String>,
}

/// A customer who is watched.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WatchedCustomer)]
struct WatchedBody {
    /// The relying party's own number for the person.
    customer_id: String,
    /// The person's identifier for this relying party alone.
    subject: String,
    /// The purpose.
    purpose: String,
    /// `contract`, `consent`, `law`, or `identity_proofing` where a proofing began it and nothing else was said.
    basis: &'static str,
    /// As registered.
    reference: Option<String>,
    /// Since when, RFC 3339.
    since: String,
}

/// A registration, as it was answered.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WatchRegistered)]
struct RegisteredBody {
    /// `began`, `changed` or `unchanged`.
    outcome: &'static str,
    /// As it is now.
    customer: WatchedBody,
    /// The record in the audit log; null if nothing changed.
    audit: Option<AuditRef>,
}

/// The end of a watching.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WatchEnded)]
struct EndedBody {
    /// The relying party's own number for the person.
    customer_id: String,
    /// The record in the audit log.
    audit: AuditRef,
}

/// A page of watched customers.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WatchedCustomers)]
struct PageBody {
    /// By customer id, in the order of its bytes.
    customers: Vec<WatchedBody>,
    /// For `after` of the next page; null on the last one.
    next: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PageQuery {
    after: Option<String>,
    limit: Option<u32>,
}

fn body(verification: &Verification, watched: Watched) -> Result<WatchedBody, WatchError> {
    let (Some(ground), Some(since)) = (watched.ground, watched.since) else {
        return Err(WatchError::NotWatched);
    };
    Ok(WatchedBody {
        subject: verification.subject(&watched.relying_party, &watched.person),
        customer_id: watched.customer_id,
        purpose: ground.purpose,
        basis: Basis::as_str(ground.basis),
        reference: ground.reference,
        since: since.rfc3339(),
    })
}

/// Registers a linked customer for the change check (変更確認の登録), or changes purpose and basis.
#[utoipa::path(
    put, path = "/v1/watched-customers/{customer_id}", tag = "watching", operation_id = "watch_customer",
    params(
        ("customer_id" = String, Path, description = "The relying party's own number"),
        ("Idempotency-Key" = String, Header, description = "1 to 64 of `A-Za-z0-9._-`"),
    ),
    request_body = GroundBody,
    responses(
        (status = 200, description = "Registered", body = RegisteredBody),
        (status = 401, description = "No valid access token", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 404, description = "Nobody is linked to this customer id: how to link is in `detail`",
            body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, description = "The resident objected to being watched by consent", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 422, description = "A field is out of bounds", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
    security(("client_credentials" = []))
)]
async fn register(
    State(verification): State<Verification>,
    caller: Calling,
    key: IdempotencyKey,
    Path(customer_id): Path<String>,
    posted: PostedJson<GroundBody>,
) -> Result<Response, Problem> {
    check_customer_id(&customer_id)?;
    let GroundBody { purpose, basis, reference } = posted.value;
    let ground = Ground::of_request(&purpose, &basis, reference)?;
    let route = format!("PUT /v1/watched-customers/{customer_id}");
    let once = Once::new(&verification, &caller, key, route, posted.sha256);
    let mut tx = once.begin().await?;
    if let Some(answer) = once.replayed(&mut tx).await? {
        return Ok(answer);
    }
    let (context, relying_party) = (verification.context(), &caller.relying_party.id);
    let (began, watched, receipt) =
        service::begin(&mut tx, context, relying_party, &customer_id, &ground, once.at()).await?;
    let outcome = match began {
        Began::Began => "began",
        Began::Changed => "changed",
        Began::Unchanged => "unchanged",
    };
    let answer = RegisteredBody {
        outcome,
        customer: body(&verification, watched)?,
        audit: receipt.as_ref().map(AuditRef::from),
    };
    once.finish(tx, 200, &answer, &answer).await
}

/// Reads for what a customer is watched.
#[utoipa::path(
    get, path = "/v1/watched-customers/{customer_id}", tag = "watching", operation_id = "read_watched_customer",
    params(("customer_id" = String, Path, description = "The relying party's own number")),
    responses(
        (status = 200, description = "Watched", body = WatchedBody),
        (status = 401, description = "No valid access token", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 404, description = "Not linked, or not watched", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
    security(("client_credentials" = []))
)]
async fn read(
    State(verification): State<Verification>,
    caller: Calling,
    Path(customer_id): Path<String>,
) -> Result<Json<WatchedBody>, Problem> {
    check_customer_id(&customer_id)?;
    let mut tx = verification.context().db.begin_read().await.map_err(|e| internal(&e))?;
    let watched = service::watched(&mut tx, &caller.relying_party.id, &customer_id).await?;
    Ok(Json(body(&verification, watched)?))
}

/// Ends the watching of a customer. The link stays.
#[utoipa::path(
    delete, path = "/v1/watched-customers/{customer_id}", tag = "watching", operation_id = "end_watching",
    params(
        ("customer_id" = String, Path, description = "The relying party's own number"),
        ("Idempotency-Key" = String, Header, description = "1 to 64 of `A-Za-z0-9._-`"),
    ),
    responses(
        (status = 200, description = "Ended", body = EndedBody),
        (status = 401, description = "No valid access token", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 404, description = "Not linked, or not watched", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
    security(("client_credentials" = []))
)]
async fn end(
    State(verification): State<Verification>,
    caller: Calling,
    key: IdempotencyKey,
    Path(customer_id): Path<String>,
) -> Result<Response, Problem> {
    check_customer_id(&customer_id)?;
    let route = format!("DELETE /v1/watched-customers/{customer_id}");
    let once = Once::new(&verification, &caller, key, route, musubi_crypto::sha256(b""));
    let mut tx = once.begin().await?;
    if let Some(answer) = once.replayed(&mut tx).await? {
        return Ok(answer);
    }
    let (context, relying_party) = (verification.context(), &caller.relying_party.id);
    let receipt = service::end(&mut tx, context, relying_party, &customer_id, once.at()).await?;
    let answer = EndedBody { customer_id, audit: AuditRef::from(&receipt) };
    once.finish(tx, 200, &answer, &answer).await
}

/// Reads the watched customers, page by page.
#[utoipa::path(
    get, path = "/v1/watched-customers", tag = "watching", operation_id = "list_watched_customers",
    params(
        ("after" = Option<String>, Query, description = "The last customer id of the page before"),
        ("limit" = Option<u32>, Query, description = "1 to 1000; 1000 if it is left out"),
    ),
    responses(
        (status = 200, description = "A page", body = PageBody),
        (status = 400, description = "A parameter is not as it must be", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 401, description = "No valid access token", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
    security(("client_credentials" = []))
)]
async fn list(
    State(verification): State<Verification>,
    caller: Calling,
    Query(query): Query<PageQuery>,
) -> Result<Json<PageBody>, Problem> {
    let limit = query.limit.unwrap_or(PAGE);
    let after = query.after.unwrap_or_default();
    if !(1..=PAGE).contains(&limit) || (!after.is_empty() && check_customer_id(&after).is_err()) {
        return Err(Problem::new(&REQUEST_MALFORMED));
    }
    let mut tx = verification.context().db.begin_read().await.map_err(|e| internal(&e))?;
    let page = service::page(&mut tx, &caller.relying_party.id, &after, limit).await;
    let page = page.map_err(|e| internal(&e))?;
    let full = u32::try_from(page.len()).is_ok_and(|length| length == limit);
    let next = page.last().filter(|_| full).map(|last| last.customer_id.clone());
    let customers = page.into_iter().map(|watched| body(&verification, watched)).collect::<Result<_, _>>()?;
    Ok(Json(PageBody { customers, next }))
}
