//! `/v1/ssf/…` (SSF 1.0, 8). The requests are those of the standard: members that are not known are passed over, and there
//! is no idempotency key. Making a stream twice is
//! refused, and everything else may be repeated. Longer than 500 lines because the standard has eight routes, each with its
//! answers.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use musubi_httpkit::problems::{REQUEST_MALFORMED, REQUEST_RATE_LIMITED};
use musubi_httpkit::{Json, Problem, ProblemDocument, Query};
use musubi_kernel::{Secret, UnixTime};
use musubi_platform::{ApiError, Caller, Context, RelyingPartyId};
use musubi_store::Tx;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::service::{self, Change, Error, MIN_VERIFICATION_INTERVAL, Wanted};
use super::{POLL, Status, StreamConfig};
use crate::Streams;
use crate::problems::{
    STREAM_DELIVERY_UNSUPPORTED, STREAM_EXISTS, STREAM_SUBJECTS_BY_REGISTRATION, STREAM_UNKNOWN,
};
use crate::push::{self, PushError};

pub(crate) fn api() -> OpenApiRouter<Streams> {
    OpenApiRouter::new()
        .routes(routes!(create, read, update, replace, remove))
        .routes(routes!(status, set_status))
        .routes(routes!(verify))
        .routes(routes!(add_subject))
        .routes(routes!(remove_subject))
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        match error {
            Error::Unknown => Problem::new(&STREAM_UNKNOWN).into(),
            Error::Exists => Problem::new(&STREAM_EXISTS).into(),
            Error::Delivery => Problem::new(&STREAM_DELIVERY_UNSUPPORTED).into(),
            Error::Malformed => Problem::new(&REQUEST_MALFORMED).into(),
            Error::TooSoon { wait } => Problem::new(&REQUEST_RATE_LIMITED)
                .with_header(header::RETRY_AFTER, HeaderValue::from(wait))
                .into(),
            Error::Push(error) => error.into(),
            Error::Store(error) => error.into(),
        }
    }
}

/// How entries reach the receiver.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[schema(as = StreamDelivery)]
struct Delivery {
    /// One of `delivery_methods_supported`.
    #[schema(example = "urn:ietf:rfc:8936")]
    method: String,
    /// With push and webhook, the receiver's address; with poll, the platform's.
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint_url: Option<String>,
    /// Value of the header `Authorization` that is sent along (RFC 8935). Kept sealed, and never shown.
    #[serde(default, skip_serializing)]
    authorization_header: Option<String>,
}

/// What a receiver wants (SSF 1.0, 8.1.1).
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = StreamRequest)]
struct StreamBody {
    /// Which stream, in a change.
    stream_id: Option<String>,
    /// If given, it must be this platform.
    iss: Option<String>,
    /// If given, it must be the caller.
    aud: Option<String>,
    /// Poll if it is left out.
    delivery: Option<Delivery>,
    /// Event types. Kept and shown; every type is delivered, since a chain cannot leave anything out.
    events_requested: Option<Vec<String>>,
    /// Words of the receiver.
    description: Option<String>,
}

/// A stream's configuration (SSF 1.0, 8.1.1).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StreamConfiguration)]
struct ConfigBody {
    /// The relying party's id: each has one stream.
    stream_id: String,
    /// The platform.
    iss: String,
    /// The relying party.
    aud: String,
    /// Event types that can occur.
    events_supported: Vec<&'static str>,
    /// Event types that the receiver asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    events_requested: Option<Vec<String>>,
    /// Event types that are delivered: all of them.
    events_delivered: Vec<&'static str>,
    /// How.
    delivery: Delivery,
    /// Seconds between two requests for verification.
    min_verification_interval: i64,
    /// Words of the receiver.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// With push and webhook: what the receiver shows before anything is delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    ownership: Option<Ownership>,
    /// The webhook's key `whsec_…`, in the answer that made it and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

/// Proof that the endpoint's origin is the receiver's own (`docs/spec/change-stream-push.md`).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StreamOwnership)]
struct Ownership {
    /// The path at the endpoint's origin.
    #[schema(example = "/.well-known/musubi-receiver")]
    path: &'static str,
    /// What stands there, on a line of its own.
    value: String,
    /// When it was seen, RFC 3339.
    verified_at: Option<String>,
}

/// The sender's part of the answer.
async fn ownership(tx: &mut Tx, caller: &Caller) -> Result<Option<Ownership>, Error> {
    match push::endpoint(tx, &caller.relying_party).await {
        Ok(endpoint) => Ok(Some(Ownership {
            path: push::OWNERSHIP_PATH,
            value: endpoint.challenge,
            verified_at: endpoint.verified_at.map(UnixTime::rfc3339),
        })),
        Err(PushError::NoEndpoint) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn config_body(
    context: &Context,
    relying_party: &RelyingPartyId,
    config: StreamConfig,
    ownership: Option<Ownership>,
    secret: Option<Secret<String>>,
) -> ConfigBody {
    let own = (config.method == POLL).then(|| format!("{}/v1/ssf/poll", context.api_origin));
    ConfigBody {
        stream_id: relying_party.to_string(),
        iss: context.api_origin.clone(),
        aud: relying_party.to_string(),
        events_supported: service::events_supported().collect(),
        events_requested: config.events_requested,
        events_delivered: service::events_supported().collect(),
        delivery: Delivery {
            method: config.method.uri.to_owned(),
            endpoint_url: config.endpoint_url.or(own),
            authorization_header: None,
        },
        min_verification_interval: MIN_VERIFICATION_INTERVAL,
        description: config.description,
        ownership,
        secret: secret.map(|secret| secret.expose().clone()),
    }
}

fn wanted(
    context: &Context,
    caller: &Caller,
    body: StreamBody,
    names_stream: bool,
) -> Result<Wanted, ApiError> {
    match &body.stream_id {
        Some(id) if id != caller.relying_party.as_str() => return Err(Error::Unknown.into()),
        None if names_stream => return Err(Error::Malformed.into()),
        _ => {}
    }
    let other = |said: &Option<String>, own: &str| said.as_ref().is_some_and(|said| said != own);
    if other(&body.iss, &context.api_origin) || other(&body.aud, caller.relying_party.as_str()) {
        return Err(Error::Malformed.into());
    }
    let (method, endpoint_url, authorization) = match body.delivery {
        Some(named) => (Some(named.method), named.endpoint_url, named.authorization_header.map(Secret::new)),
        None => (None, None, None),
    };
    Ok(Wanted {
        method,
        endpoint_url,
        authorization,
        events_requested: body.events_requested,
        description: body.description,
    })
}

/// Configures how the caller's stream is delivered.
#[utoipa::path(
    post, path = "/v1/ssf/streams", tag = "change stream", operation_id = "create_stream", request_body = StreamBody,
    responses(
        (status = 201, description = "The configuration", body = ConfigBody),
        (status = 400, description = "`stream.delivery_unsupported`, `request.malformed`", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 401, description = "No valid access token", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 409, description = "`stream.exists`", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
    security(("client_credentials" = []))
)]
async fn create(
    State(streams): State<Streams>,
    caller: Caller,
    Json(body): Json<StreamBody>,
) -> Result<Response, ApiError> {
    let context = streams.context();
    let wanted = wanted(context, &caller, body, false)?;
    let mut tx = context.db.begin().await?;
    let at = context.clock.now();
    let (config, secret) = service::create(&mut tx, &streams, &caller.relying_party, wanted, at).await?;
    let ownership = ownership(&mut tx, &caller).await?;
    tx.commit().await?;
    streams.push().wake();
    let body = config_body(context, &caller.relying_party, config, ownership, secret);
    Ok((StatusCode::CREATED, Json::<_>(body)).into_response())
}

/// Which stream.
#[derive(Debug, Deserialize, IntoParams)]
struct StreamQuery {
    /// The stream's id.
    stream_id: Option<String>,
}

impl StreamQuery {
    /// Whether it names a stream; another's is unknown.
    fn of(&self, caller: &Caller) -> Result<bool, Error> {
        match &self.stream_id {
            Some(id) if id == caller.relying_party.as_str() => Ok(true),
            Some(_) => Err(Error::Unknown),
            None => Ok(false),
        }
    }
}

/// The caller's stream; without `stream_id`, a list of it.
#[utoipa::path(
    get, path = "/v1/ssf/streams", tag = "change stream", operation_id = "read_stream", params(StreamQuery),
    responses(
        (status = 200, description = "The configuration, or a list of at most one", body = ConfigBody),
        (status = 401, description = "No valid access token", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 404, description = "`stream.unknown`", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
    security(("client_credentials" = []))
)]
async fn read(
    State(context): State<Context>,
    caller: Caller,
    Query(query): Query<StreamQuery>,
) -> Result<Response, ApiError> {
    let one = query.of(&caller)?;
    let mut tx = context.db.begin_read().await?;
    let config = super::config(&mut tx, &caller.relying_party).await?;
    let ownership = ownership(&mut tx, &caller).await?;
    let body = config.map(|config| config_body(&context, &caller.relying_party, config, ownership, None));
    match (one, body) {
        (true, None) => Err(Error::Unknown.into()),
        (true, Some(body)) => Ok(Json::<_>(body).into_response()),
        (false, body) => Ok(Json::<_>(body.into_iter().collect::<Vec<_>>()).into_response()),
    }
}

/// Changes what the request names.
#[utoipa::path(
    patch, path = "/v1/ssf/streams", tag = "change stream", operation_id = "update_stream",
    request_body = StreamBody,
    responses(
        (status = 200, description = "The configuration", body = ConfigBody),
        (status = 400, description = "`stream.delivery_unsupported`, `request.malformed`", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 401, description = "No valid access token", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 404, description = "`stream.unknown`", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
    security(("client_credentials" = []))
)]
async fn update(
    State(streams): State<Streams>,
    caller: Caller,
    Json(body): Json<StreamBody>,
) -> Result<Json<ConfigBody>, ApiError> {
    changed(&streams, &caller, body, Change::Named).await
}

/// Replaces the configuration.
#[utoipa::path(
    put, path = "/v1/ssf/streams", tag = "change stream", operation_id = "replace_stream",
    request_body = StreamBody,
    responses(
        (status = 200, description = "The configuration", body = ConfigBody),
        (status = 400, description = "`stream.delivery_unsupported`, `request.malformed`", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 401, description = "No valid access token", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 404, description = "`stream.unknown`", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
    security(("client_credentials" = []))
)]
async fn replace(
    State(streams): State<Streams>,
    caller: Caller,
    Json(body): Json<StreamBody>,
) -> Result<Json<ConfigBody>, ApiError> {
    changed(&streams, &caller, body, Change::All).await
}

async fn changed(
    streams: &Streams,
    caller: &Caller,
    body: StreamBody,
    change: Change,
) -> Result<Json<ConfigBody>, ApiError> {
    let context = streams.context();
    let wanted = wanted(context, caller, body, true)?;
    let mut tx = context.db.begin().await?;
    let at = context.clock.now();
    let (config, secret) =
        service::change(&mut tx, streams, &caller.relying_party, wanted, change, at).await?;
    let ownership = ownership(&mut tx, caller).await?;
    tx.commit().await?;
    streams.push().wake();
    Ok(Json(config_body(context, &caller.relying_party, config, ownership, secret)))
}

/// Removes the configuration. The sequence goes on, and is read by pages.
#[utoipa::path(
    delete, path = "/v1/ssf/streams", tag = "change stream", operation_id = "remove_stream", params(StreamQuery),
    responses(
        (status = 204, description = "It is removed"),
        (status = 400, description = "`stream_id` is missing", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 401, description = "No valid access token", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 404, description = "`stream.unknown`", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
    security(("client_credentials" = []))
)]
async fn remove(
    State(context): State<Context>,
    caller: Caller,
    Query(query): Query<StreamQuery>,
) -> Result<StatusCode, ApiError> {
    if !query.of(&caller)? {
        return Err(Error::Malformed.into());
    }
    let mut tx = context.db.begin().await?;
    service::remove(&mut tx, &context, &caller.relying_party, context.clock.now()).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A stream's status (SSF 1.0, 8.1.2).
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[schema(as = StreamStatus)]
struct StatusBody {
    /// The stream.
    stream_id: String,
    /// `enabled`, `paused` or `disabled`.
    #[schema(example = "enabled")]
    status: String,
    /// Why, in the receiver's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

fn status_body(caller: &Caller, config: StreamConfig) -> Json<StatusBody> {
    Json(StatusBody {
        stream_id: caller.relying_party.to_string(),
        status: config.status.as_str().to_owned(),
        reason: config.reason,
    })
}

/// Whether the caller's stream is delivered.
#[utoipa::path(
    get, path = "/v1/ssf/status", tag = "change stream", operation_id = "read_stream_status", params(StreamQuery),
    responses(
        (status = 200, description = "The status", body = StatusBody),
        (status = 400, description = "`stream_id` is missing", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 401, description = "No valid access token", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 404, description = "`stream.unknown`", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
    security(("client_credentials" = []))
)]
async fn status(
    State(context): State<Context>,
    caller: Caller,
    Query(query): Query<StreamQuery>,
) -> Result<Json<StatusBody>, ApiError> {
    if !query.of(&caller)? {
        return Err(Error::Malformed.into());
    }
    let mut tx = context.db.begin_read().await?;
    let config = super::config(&mut tx, &caller.relying_party).await?.ok_or(Error::Unknown)?;
    Ok(status_body(&caller, config))
}

/// Pauses, disables or enables the caller's stream. Nothing is lost meanwhile.
#[utoipa::path(
    post, path = "/v1/ssf/status", tag = "change stream", operation_id = "set_stream_status",
    request_body = StatusBody,
    responses(
        (status = 200, description = "The status", body = StatusBody),
        (status = 400, description = "The request is malformed", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 401, description = "No valid access token", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 404, description = "`stream.unknown`", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
    security(("client_credentials" = []))
)]
async fn set_status(
    State(context): State<Context>,
    caller: Caller,
    Json(body): Json<StatusBody>,
) -> Result<Json<StatusBody>, ApiError> {
    if body.stream_id != caller.relying_party.as_str() {
        return Err(Error::Unknown.into());
    }
    let wanted: Status = body.status.parse().map_err(|()| Error::Malformed)?;
    let mut tx = context.db.begin().await?;
    let at = context.clock.now();
    let config =
        service::set_status(&mut tx, &context, &caller.relying_party, wanted, body.reason, at).await?;
    tx.commit().await?;
    Ok(status_body(&caller, config))
}

/// A request for a sign of life (SSF 1.0, 8.1.4).
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = StreamVerification)]
struct VerifyBody {
    /// The stream.
    stream_id: String,
    /// Comes back in the event.
    state: Option<String>,
}

/// Asks for a verification event in the stream; at most once a minute.
#[utoipa::path(
    post, path = "/v1/ssf/verify", tag = "change stream", operation_id = "verify_stream", request_body = VerifyBody,
    responses(
        (status = 204, description = "The event is in the stream"),
        (status = 400, description = "The request is malformed", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 401, description = "No valid access token", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 404, description = "`stream.unknown`", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 429, description = "`request.rate_limited`", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
    security(("client_credentials" = []))
)]
async fn verify(
    State(context): State<Context>,
    caller: Caller,
    Json(body): Json<VerifyBody>,
) -> Result<StatusCode, ApiError> {
    if body.stream_id != caller.relying_party.as_str() {
        return Err(Error::Unknown.into());
    }
    let mut tx = context.db.begin().await?;
    let at = context.clock.now();
    service::verify(&mut tx, &context, &caller.relying_party, body.state, at).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whom to add or remove (SSF 1.0, 8.1.3).
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = StreamSubject)]
struct SubjectBody {
    /// The stream.
    stream_id: String,
}

impl SubjectBody {
    fn refused(&self, caller: &Caller) -> ApiError {
        if self.stream_id != caller.relying_party.as_str() {
            return Error::Unknown.into();
        }
        Problem::new(&STREAM_SUBJECTS_BY_REGISTRATION).into()
    }
}

/// Not possible: customers are watched by registration.
#[utoipa::path(
    post, path = "/v1/ssf/subjects/add", tag = "change stream", operation_id = "add_subject",
    request_body = SubjectBody,
    responses(
        (status = 401, description = "No valid access token", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 403, description = "`stream.subjects_by_registration`", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
    security(("client_credentials" = []))
)]
async fn add_subject(caller: Caller, Json(body): Json<SubjectBody>) -> ApiError {
    body.refused(&caller)
}

/// Not possible: customers are watched by registration.
#[utoipa::path(
    post, path = "/v1/ssf/subjects/remove", tag = "change stream", operation_id = "remove_subject",
    request_body = SubjectBody,
    responses(
        (status = 401, description = "No valid access token", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 403, description = "`stream.subjects_by_registration`", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
    security(("client_credentials" = []))
)]
async fn remove_subject(caller: Caller, Json(body): Json<SubjectBody>) -> ApiError {
    body.refused(&caller)
}
