//! `/v1/freshness-contract`.

use axum::extract::State;
use axum::response::Response;
use musubi_httpkit::{Json, PostedJson, Problem, ProblemDocument};
use musubi_platform::idempotency::IdempotencyKey;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Contract, ContractError, Registered, service};
use crate::Verification;
use crate::once::{Calling, Once};

pub(crate) fn api() -> OpenApiRouter<Verification> {
    OpenApiRouter::new().routes(routes!(read, set))
}

/// A freshness contract (鮮度の取決め): how old evidence may be, and what happens in an outage.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FreshnessContract)]
struct ContractBody {
    /// The purpose that it is for, 1 to 40 of `a-z_`; null or left out: all purposes that have none of their own.
    #[serde(default)]
    #[schema(required = false, example = "account_opening")]
    purpose: Option<String>,
    /// What is agreed.
    contract: Contract,
}

/// What is registered, and the platform's own bound.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FreshnessContracts)]
struct ContractsBody {
    /// Every contract. Without one, what cannot be judged stays open for fifteen minutes and may be sent again.
    contracts: Vec<ContractBody>,
    /// How old the platform lets evidence be, in seconds; null if `nextUpdate` alone decides.
    platform_max_age_seconds: Option<i64>,
}

/// Reads the relying party's freshness contracts.
#[utoipa::path(
    get, path = "/v1/freshness-contract", tag = "freshness", operation_id = "read_freshness_contract",
    responses(
        (status = 200, description = "What is registered", body = ContractsBody),
        (status = 401, description = "No valid access token", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
    security(("client_credentials" = []))
)]
async fn read(
    State(verification): State<Verification>,
    caller: Calling,
) -> Result<Json<ContractsBody>, Problem> {
    let mut tx = verification.context().db.begin_read().await.map_err(ContractError::from)?;
    let contracts =
        service::contracts_of(&mut tx, &caller.relying_party.id).await.map_err(ContractError::from)?;
    let contracts =
        contracts.into_iter().map(|Registered { purpose, contract }| ContractBody { purpose, contract });
    Ok(Json(ContractsBody {
        contracts: contracts.collect(),
        platform_max_age_seconds: verification.oldest_evidence(),
    }))
}

/// Registers a freshness contract for one purpose, or for all that have none of their own. It applies from now on; what waits
/// is not prolonged by it.
#[utoipa::path(
    put, path = "/v1/freshness-contract", tag = "freshness", operation_id = "set_freshness_contract",
    params(("Idempotency-Key" = String, Header, description = "1 to 64 of `A-Za-z0-9._-`")),
    request_body = ContractBody,
    responses(
        (status = 200, description = "Registered", body = ContractBody),
        (status = 401, description = "No valid access token", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 422, description = "A member is out of bounds, or would let evidence be older than the platform allows",
            body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("client_credentials" = []))
)]
async fn set(
    State(verification): State<Verification>,
    caller: Calling,
    key: IdempotencyKey,
    body: PostedJson<ContractBody>,
) -> Result<Response, Problem> {
    let once = Once::new(&verification, &caller, key, "PUT /v1/freshness-contract", body.sha256);
    let mut tx = once.begin().await?;
    if let Some(answer) = once.replayed(&mut tx).await? {
        return Ok(answer);
    }
    let ContractBody { purpose, contract } = body.value;
    let registered = Registered { purpose, contract };
    let random = verification.context().random.as_ref();
    let most = verification.oldest_evidence();
    service::set(&mut tx, &caller.relying_party.id, &registered, most, random, once.at()).await?;
    let answer = ContractBody { purpose: registered.purpose, contract };
    once.finish(tx, 200, &answer, &answer).await
}
