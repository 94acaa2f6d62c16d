//! `/v1/stream-endpoint`: where a relying party is sent its change stream.

mod dead_letters;
mod once;

use axum::extract::State;
use axum::response::Response;
use musubi_httpkit::outbound::OutboundUrl;
use musubi_httpkit::problems::REQUEST_MALFORMED;
use musubi_httpkit::{Json, PostedJson, Problem, ProblemDocument};
use musubi_kernel::{Secret, UnixTime};
use musubi_platform::idempotency::IdempotencyKey;
use musubi_platform::{ApiError, Caller, audit};
use musubi_store::Tx;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::once::{Claim, Once};
use super::{
    ENDPOINT_NUMBER_UNKNOWN, ENDPOINT_UNKNOWN, ENDPOINT_URL_REFUSED, ENDPOINT_WITHOUT_SECRET, Endpoint,
    EndpointStatus, HEARTBEAT_SECONDS, NewEndpoint, OWNERSHIP_PATH, PushError, Style, service,
};
use crate::Streams;

/// The routes of push.
#[must_use]
pub fn api() -> OpenApiRouter<Streams> {
    OpenApiRouter::new()
        .routes(routes!(put, read, remove))
        .routes(routes!(rotate))
        .routes(routes!(resume))
        .routes(routes!(replay))
        .merge(dead_letters::api())
}

impl From<PushError> for ApiError {
    fn from(error: PushError) -> Self {
        match error {
            PushError::NoEndpoint => Problem::new(&ENDPOINT_UNKNOWN).into(),
            PushError::Url(refusal) => {
                Problem::new(&ENDPOINT_URL_REFUSED).with("reason", refusal.code()).into()
            }
            PushError::OwnUrl => Problem::new(&ENDPOINT_URL_REFUSED).with("reason", "own").into(),
            PushError::Field => Problem::new(&REQUEST_MALFORMED).into(),
            PushError::OutOfRange => Problem::new(&ENDPOINT_NUMBER_UNKNOWN).into(),
            PushError::NoSecret => Problem::new(&ENDPOINT_WITHOUT_SECRET).into(),
            PushError::Seal => musubi_httpkit::internal(&error).into(),
            PushError::Store(error) => error.into(),
        }
    }
}

/// Where and how to send.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StreamEndpointRequest)]
struct EndpointRequest {
    /// An https URL with a public host name; port 443 or 8443.
    #[schema(example = "https://hooks.bank.example/musubi")]
    url: String,
    /// `set_push` (RFC 8935) or `webhook` (Standard Webhooks).
    style: Style,
    /// Value of the header `Authorization` that is sent along; left out: none. Kept sealed, and never shown again.
    authorization: Option<String>,
    /// Most seconds between two heartbeats, 60 to 86400; 3600 if left out.
    #[schema(minimum = 60, maximum = 86400, example = 3600)]
    heartbeat_seconds: Option<u32>,
    /// Begin after this number. Left out: a new endpoint at the stream's beginning, another one where it stands.
    #[schema(example = 0)]
    after: Option<u64>,
}

/// An endpoint and how it does.
#[derive(Serialize, ToSchema)]
#[schema(as = StreamEndpoint)]
struct EndpointBody {
    /// Where it listens.
    url: String,
    /// How it is sent.
    style: Style,
    /// Whether an `Authorization` header is sent.
    authorization_set: bool,
    /// Most seconds between two heartbeats.
    heartbeat_seconds: u32,
    /// What the receiver shows before anything is delivered.
    ownership: OwnershipBody,
    /// The webhook's key `whsec_…`, in the answer that made it and never again, not even when that request is repeated.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    /// How it does.
    status: StatusBody,
}

/// Proof that the origin is the receiver's own.
#[derive(Serialize, ToSchema)]
#[schema(as = StreamEndpointOwnership)]
struct OwnershipBody {
    /// Where the value must stand, on a line of its own, as an answer of at most 64 KiB with status 200.
    #[schema(example = "https://hooks.bank.example/.well-known/musubi-receiver")]
    url: String,
    /// The value.
    #[schema(example = "musubi-receiver=2YotnFZFEjr1zCsicMWpAA2YotnFZFEjr1zCsicMWpA")]
    value: String,
    /// When it was seen there, RFC 3339.
    verified_at: Option<String>,
}

/// How an endpoint does.
#[derive(Serialize, ToSchema)]
#[schema(as = StreamEndpointStatus)]
struct StatusBody {
    /// `unverified`, `active`, `paused` or `disabled`.
    state: super::State,
    /// Why it is not served: `unreachable`, `rejected`, `gone`, `ownership_not_shown`, `asked`.
    stopped_because: Option<String>,
    /// Number of the stream's newest entry.
    head: u64,
    /// Number of the last entry that was accepted or set aside.
    delivered: u64,
    /// When the oldest entry that waits was written, RFC 3339.
    oldest_undelivered_at: Option<String>,
    /// Failures since the last success.
    attempts: u32,
    /// When they began, RFC 3339.
    failing_since: Option<String>,
    /// When the next attempt may be, RFC 3339.
    next_attempt_at: Option<String>,
    /// The last success, RFC 3339.
    last_success_at: Option<String>,
    /// The last failure, RFC 3339.
    last_failure_at: Option<String>,
    /// Its code.
    #[schema(example = "status_503")]
    last_failure: Option<String>,
    /// Entries that were set aside.
    dead_letters: u64,
}

fn time(at: Option<UnixTime>) -> Option<String> {
    at.map(UnixTime::rfc3339)
}

impl From<EndpointStatus> for StatusBody {
    fn from(status: EndpointStatus) -> Self {
        Self {
            state: status.state,
            stopped_because: status.stopped_because,
            head: status.head,
            delivered: status.delivered,
            oldest_undelivered_at: time(status.oldest_undelivered_at),
            attempts: status.attempts,
            failing_since: time(status.failing_since),
            next_attempt_at: time(status.next_attempt_at),
            last_success_at: time(status.last_success_at),
            last_failure_at: time(status.last_failure_at),
            last_failure: status.last_failure,
            dead_letters: status.dead_letters,
        }
    }
}

async fn body_of(
    tx: &mut Tx,
    streams: &Streams,
    endpoint: Endpoint,
    secret: Option<Secret<String>>,
) -> Result<EndpointBody, ApiError> {
    let status = service::status_of(tx, &endpoint.relying_party).await?;
    let shown_at = OutboundUrl::parse(&endpoint.url, streams.push().reach())
        .map_or_else(|_| OWNERSHIP_PATH.to_owned(), |url| url.at_origin(OWNERSHIP_PATH).as_str().to_owned());
    Ok(EndpointBody {
        url: endpoint.url,
        style: endpoint.style,
        authorization_set: endpoint.authorized,
        heartbeat_seconds: endpoint.heartbeat_seconds,
        ownership: OwnershipBody {
            url: shown_at,
            value: endpoint.challenge,
            verified_at: time(endpoint.verified_at),
        },
        secret: secret.map(|secret| secret.expose().clone()),
        status: status.into(),
    })
}

/// Registers where the caller is sent its change stream, or replaces it.
#[utoipa::path(
    put, path = "/v1/stream-endpoint", tag = "change stream", operation_id = "set_stream_endpoint",
    description = "変更通知をプッシュで受け取る送り先を登録または変更します。ownership.urlにownership.valueを置くと配信が始まります。\
        止まっていた送り先は、同じURLで登録し直すと再開します。\n\n\
        Registers or replaces the endpoint to which the change stream is pushed. Delivery begins once `ownership.url` shows \
        `ownership.value`. An endpoint that stopped goes on when it is registered again with the same URL.",
    params(("Idempotency-Key" = String, Header, description = "1 to 64 of `A-Za-z0-9._-`")),
    request_body = EndpointRequest,
    responses(
        (status = 200, description = "The endpoint", body = EndpointBody),
        (status = 400, description = "`stream_endpoint.url_refused`, `stream_endpoint.number_unknown`, `request.malformed`",
            body = ProblemDocument, content_type = "application/problem+json"),
        (status = 401, description = "No valid access token", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
    security(("client_credentials" = []))
)]
async fn put(
    State(streams): State<Streams>,
    caller: Caller,
    key: IdempotencyKey,
    posted: PostedJson<EndpointRequest>,
) -> Result<Response, ApiError> {
    let request = posted.value;
    let new = NewEndpoint {
        url: request.url,
        style: request.style,
        authorization: request.authorization.map(Secret::new),
        heartbeat_seconds: request.heartbeat_seconds.unwrap_or(HEARTBEAT_SECONDS),
        after: request.after,
    };
    let (context, relying_party) = (streams.context(), &caller.relying_party);
    let route = "PUT /v1/stream-endpoint";
    let mut once = match Once::claim(context, relying_party, key, route, posted.sha256).await? {
        Claim::Answered(answer) => return Ok(answer),
        Claim::Fresh(once) => once,
    };
    let reach = streams.push().reach();
    let (endpoint, secret) =
        service::set_endpoint(&mut once.tx, context, reach, relying_party, &new, once.at).await?;
    let host = OutboundUrl::parse(&endpoint.url, reach).map(|url| url.host().to_owned()).unwrap_or_default();
    let detail = json!({ "host": host, "style": endpoint.style.as_str() });
    let kept = body_of(&mut once.tx, &streams, endpoint.clone(), None).await?;
    let full = body_of(&mut once.tx, &streams, endpoint, secret).await?;
    let answer = once.finish(audit::STREAM_ENDPOINT_SET, detail, &full, &kept).await?;
    streams.push().wake();
    Ok(answer)
}

/// The caller's endpoint and how it does.
#[utoipa::path(
    get, path = "/v1/stream-endpoint", tag = "change stream", operation_id = "read_stream_endpoint",
    responses(
        (status = 200, description = "The endpoint", body = EndpointBody),
        (status = 401, description = "No valid access token", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 404, description = "`stream_endpoint.unknown`", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
    security(("client_credentials" = []))
)]
async fn read(State(streams): State<Streams>, caller: Caller) -> Result<Json<EndpointBody>, ApiError> {
    let mut tx = streams.context().db.begin_read().await?;
    let endpoint = service::endpoint(&mut tx, &caller.relying_party).await?;
    Ok(Json(body_of(&mut tx, &streams, endpoint, None).await?))
}

/// What was done.
#[derive(Serialize, ToSchema)]
#[schema(as = StreamEndpointRemoved)]
struct RemovedBody {
    /// `false` if there was no endpoint.
    removed: bool,
}

/// Removes the caller's endpoint. The stream goes on, and is read by pages or poll.
#[utoipa::path(
    delete, path = "/v1/stream-endpoint", tag = "change stream", operation_id = "remove_stream_endpoint",
    params(("Idempotency-Key" = String, Header, description = "1 to 64 of `A-Za-z0-9._-`")),
    responses(
        (status = 200, description = "There is no endpoint any more", body = RemovedBody),
        (status = 401, description = "No valid access token", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
    security(("client_credentials" = []))
)]
async fn remove(
    State(streams): State<Streams>,
    caller: Caller,
    key: IdempotencyKey,
) -> Result<Response, ApiError> {
    let (context, relying_party) = (streams.context(), &caller.relying_party);
    let route = "DELETE /v1/stream-endpoint";
    let mut once = match Once::claim(context, relying_party, key, route, [0; 32]).await? {
        Claim::Answered(answer) => return Ok(answer),
        Claim::Fresh(once) => once,
    };
    let removed = service::remove_endpoint(&mut once.tx, relying_party, once.at).await?;
    let body = RemovedBody { removed };
    once.finish(audit::STREAM_ENDPOINT_REMOVED, json!({ "removed": removed }), &body, &body).await
}

/// A request without members.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StreamEndpointCommand)]
struct Command {}

/// A webhook's new key.
#[derive(Serialize, ToSchema)]
#[schema(as = StreamEndpointSecret)]
struct SecretBody {
    /// `whsec_` and base64 of 32 bytes. Not there when the request is repeated.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    /// Until then the key before it signs, too: RFC 3339.
    previous_until: String,
}

/// Makes a new key for the caller's webhook.
#[utoipa::path(
    post, path = "/v1/stream-endpoint/secret", tag = "change stream", operation_id = "rotate_stream_endpoint_secret",
    params(("Idempotency-Key" = String, Header, description = "1 to 64 of `A-Za-z0-9._-`")),
    request_body = Command,
    responses(
        (status = 200, description = "The key; the former one signs beside it for 24 hours", body = SecretBody),
        (status = 401, description = "No valid access token", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 404, description = "`stream_endpoint.unknown`", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 409, description = "`stream_endpoint.without_secret`", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
    security(("client_credentials" = []))
)]
async fn rotate(
    State(streams): State<Streams>,
    caller: Caller,
    key: IdempotencyKey,
    posted: PostedJson<Command>,
) -> Result<Response, ApiError> {
    let (context, relying_party) = (streams.context(), &caller.relying_party);
    let route = "POST /v1/stream-endpoint/secret";
    let mut once = match Once::claim(context, relying_party, key, route, posted.sha256).await? {
        Claim::Answered(answer) => return Ok(answer),
        Claim::Fresh(once) => once,
    };
    let secret = service::rotate_secret(&mut once.tx, context, relying_party, once.at).await?;
    let previous_until = once.at.plus(super::SECRET_OVERLAP).rfc3339();
    let kept = SecretBody { secret: None, previous_until: previous_until.clone() };
    let full = SecretBody { secret: Some(secret.expose().clone()), previous_until };
    once.finish(audit::STREAM_ENDPOINT_SECRET_ROTATED, json!({}), &full, &kept).await
}

/// Goes on with the caller's endpoint, at once.
#[utoipa::path(
    post, path = "/v1/stream-endpoint/resume", tag = "change stream", operation_id = "resume_stream_endpoint",
    params(("Idempotency-Key" = String, Header, description = "1 to 64 of `A-Za-z0-9._-`")),
    request_body = Command,
    responses(
        (status = 200, description = "The endpoint", body = EndpointBody),
        (status = 401, description = "No valid access token", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 404, description = "`stream_endpoint.unknown`", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
    security(("client_credentials" = []))
)]
async fn resume(
    State(streams): State<Streams>,
    caller: Caller,
    key: IdempotencyKey,
    posted: PostedJson<Command>,
) -> Result<Response, ApiError> {
    let (context, relying_party) = (streams.context(), &caller.relying_party);
    let route = "POST /v1/stream-endpoint/resume";
    let mut once = match Once::claim(context, relying_party, key, route, posted.sha256).await? {
        Claim::Answered(answer) => return Ok(answer),
        Claim::Fresh(once) => once,
    };
    service::resume(&mut once.tx, relying_party, once.at).await?;
    let endpoint = service::endpoint(&mut once.tx, relying_party).await?;
    let body = body_of(&mut once.tx, &streams, endpoint, None).await?;
    let answer = once.finish(audit::STREAM_ENDPOINT_RESUMED, json!({}), &body, &body).await?;
    streams.push().wake();
    Ok(answer)
}

/// From where on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StreamReplayRequest)]
struct ReplayRequest {
    /// Number of the first entry that is sent (again); one past the head: only what is to come.
    #[schema(minimum = 1, example = 1)]
    from: u64,
}

/// Sends the caller's stream again from a number on. An endpoint that stopped goes on there.
#[utoipa::path(
    post, path = "/v1/stream-endpoint/replay", tag = "change stream", operation_id = "replay_stream",
    params(("Idempotency-Key" = String, Header, description = "1 to 64 of `A-Za-z0-9._-`")),
    request_body = ReplayRequest,
    responses(
        (status = 200, description = "The endpoint", body = EndpointBody),
        (status = 400, description = "`stream_endpoint.number_unknown`", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 401, description = "No valid access token", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 404, description = "`stream_endpoint.unknown`", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
    security(("client_credentials" = []))
)]
async fn replay(
    State(streams): State<Streams>,
    caller: Caller,
    key: IdempotencyKey,
    posted: PostedJson<ReplayRequest>,
) -> Result<Response, ApiError> {
    let from = posted.value.from;
    let (context, relying_party) = (streams.context(), &caller.relying_party);
    let route = "POST /v1/stream-endpoint/replay";
    let mut once = match Once::claim(context, relying_party, key, route, posted.sha256).await? {
        Claim::Answered(answer) => return Ok(answer),
        Claim::Fresh(once) => once,
    };
    service::replay(&mut once.tx, context, relying_party, from, once.at).await?;
    let endpoint = service::endpoint(&mut once.tx, relying_party).await?;
    let body = body_of(&mut once.tx, &streams, endpoint, None).await?;
    let detail = json!({ "from": from });
    let answer = once.finish(audit::STREAM_ENDPOINT_REPLAYED, detail, &body, &body).await?;
    streams.push().wake();
    Ok(answer)
}
