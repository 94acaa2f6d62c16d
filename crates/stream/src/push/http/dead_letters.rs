//! `/v1/stream-endpoint/dead-letters`: entries that the receiver refused for good.

use axum::extract::State;
use axum::response::Response;
use musubi_httpkit::problems::REQUEST_MALFORMED;
use musubi_httpkit::{Json, PostedJson, Problem, ProblemDocument, Query};
use musubi_platform::idempotency::IdempotencyKey;
use musubi_platform::{ApiError, Caller, audit};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::service;
use super::once::{Claim, Once};
use crate::Streams;

/// Largest page of dead letters, and most of them in one request.
const MAX_PAGE: u32 = 500;

pub(super) fn api() -> OpenApiRouter<Streams> {
    OpenApiRouter::new().routes(routes!(dead_letters)).routes(routes!(redeliver))
}

/// Which dead letters.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Page {
    /// Number after which to begin; 0 for the beginning.
    #[serde(default)]
    #[param(minimum = 0, example = 0)]
    after: u64,
    /// 1 to 500; 100 if left out.
    #[param(minimum = 1, maximum = 500, example = 100)]
    limit: Option<u32>,
}

/// Entries that the receiver refused for good.
#[derive(Serialize, ToSchema)]
#[schema(as = DeadLetters)]
struct DeadLettersBody {
    /// In order.
    dead_letters: Vec<DeadLetterBody>,
    /// Ask after this number next.
    next: u64,
}

/// An entry that the receiver refused for good. The entry itself is in the stream.
#[derive(Serialize, ToSchema)]
#[schema(as = DeadLetter)]
struct DeadLetterBody {
    /// Its number.
    sequence: u64,
    /// The refusal's code.
    #[schema(example = "invalid_request")]
    code: String,
    /// When, RFC 3339.
    refused_at: String,
    /// Whether it is about to be sent again.
    redeliver: bool,
}

/// The caller's dead letters.
#[utoipa::path(
    get, path = "/v1/stream-endpoint/dead-letters", tag = "change stream", operation_id = "list_dead_letters",
    params(Page),
    responses(
        (status = 200, description = "Dead letters after `after`", body = DeadLettersBody),
        (status = 400, description = "The query is malformed", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 401, description = "No valid access token", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
    security(("client_credentials" = []))
)]
async fn dead_letters(
    State(streams): State<Streams>,
    caller: Caller,
    Query(page): Query<Page>,
) -> Result<Json<DeadLettersBody>, ApiError> {
    let limit = page.limit.unwrap_or(100);
    if !(1..=MAX_PAGE).contains(&limit) || i64::try_from(page.after).is_err() {
        return Err(Problem::new(&REQUEST_MALFORMED).into());
    }
    let mut tx = streams.context().db.begin_read().await?;
    let found = service::dead_letters(&mut tx, &caller.relying_party, page.after, limit).await?;
    Ok(Json(DeadLettersBody {
        next: found.last().map_or(page.after, |letter| letter.sequence),
        dead_letters: found
            .into_iter()
            .map(|letter| DeadLetterBody {
                sequence: letter.sequence,
                code: letter.code,
                refused_at: letter.refused_at.rfc3339(),
                redeliver: letter.redeliver,
            })
            .collect(),
    }))
}

/// Which of them.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RedeliverRequest)]
struct RedeliverRequest {
    /// Their numbers, at most 500; left out or empty: all of them.
    #[serde(default)]
    #[schema(example = json!([17, 42]))]
    sequences: Vec<u64>,
}

/// How many will be sent.
#[derive(Serialize, ToSchema)]
#[schema(as = Redelivery)]
struct RedeliverBody {
    /// Dead letters that this request marked.
    marked: u64,
}

/// Sends dead letters again, before newer entries.
#[utoipa::path(
    post, path = "/v1/stream-endpoint/dead-letters/redeliver", tag = "change stream",
    operation_id = "redeliver_dead_letters",
    params(("Idempotency-Key" = String, Header, description = "1 to 64 of `A-Za-z0-9._-`")),
    request_body = RedeliverRequest,
    responses(
        (status = 200, description = "How many will be sent", body = RedeliverBody),
        (status = 401, description = "No valid access token", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 404, description = "`stream_endpoint.unknown`", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
    security(("client_credentials" = []))
)]
async fn redeliver(
    State(streams): State<Streams>,
    caller: Caller,
    key: IdempotencyKey,
    posted: PostedJson<RedeliverRequest>,
) -> Result<Response, ApiError> {
    let sequences = posted.value.sequences;
    let many = usize::try_from(MAX_PAGE).unwrap_or(usize::MAX);
    if sequences.len() > many || sequences.iter().any(|sequence| i64::try_from(*sequence).is_err()) {
        return Err(Problem::new(&REQUEST_MALFORMED).into());
    }
    let (context, relying_party) = (streams.context(), &caller.relying_party);
    let route = "POST /v1/stream-endpoint/dead-letters/redeliver";
    let mut once = match Once::claim(context, relying_party, key, route, posted.sha256).await? {
        Claim::Answered(answer) => return Ok(answer),
        Claim::Fresh(once) => once,
    };
    let marked = service::redeliver(&mut once.tx, relying_party, &sequences).await?;
    let body = RedeliverBody { marked };
    let detail = json!({ "dead_letters": marked });
    let answer = once.finish(audit::STREAM_ENDPOINT_REPLAYED, detail, &body, &body).await?;
    streams.push().wake();
    Ok(answer)
}
