//! `/v1/change-events`, `/v1/change-events/live`, `/v1/change-events/heartbeat`.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use musubi_feed::event_of_own;
use musubi_httpkit::problems::REQUEST_MALFORMED;
use musubi_httpkit::{Json, Problem, ProblemDocument, Query};
use musubi_platform::change_stream::{self, StoredEntry};
use musubi_platform::{ApiError, Caller, RelyingPartyId};
use musubi_store::StoreError;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::live::{self, Frame};
use crate::Streams;
use crate::hub::Connection;
use crate::problems::TOO_MANY_CONNECTIONS;

/// Largest page of events.
const MAX_PAGE: u32 = 500;
/// Longest time that a question may ask to wait, in seconds.
const MAX_WAIT: u64 = 30;

pub(crate) fn api() -> OpenApiRouter<Streams> {
    OpenApiRouter::new().routes(routes!(events)).routes(routes!(live)).routes(routes!(heartbeat))
}

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Page {
    /// Sequence number after which to begin; 0 for the beginning.
    #[serde(default)]
    #[param(minimum = 0, example = 0)]
    after: i64,
    /// 1 to 500; 100 if left out.
    #[param(minimum = 1, maximum = 500, example = 100)]
    limit: Option<u32>,
    /// If there is nothing: wait so many seconds for the next event, at most 30. The answer may come earlier.
    #[param(minimum = 0, maximum = 30, example = 0)]
    wait: Option<u64>,
}

/// A page of the relying party's change stream.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChangeEvents)]
struct EventsBody {
    /// In order, without gaps.
    events: Vec<EventBody>,
    /// Ask after this number next.
    next: u64,
    /// A signed statement of what there is: the last number, its hash, how many customers, as of which lists.
    #[schema(example = "eyJhbGciOiJFZERTQSIs…")]
    heartbeat: String,
}

/// One entry.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChangeEvent)]
struct EventBody {
    /// From 1, without gaps.
    #[schema(example = 41)]
    sequence: u64,
    /// Its type: `change`, `compromise`, `correction`, `settled`, `watch`, `consent`, `verification`, `stream_updated`.
    #[schema(example = "change")]
    event: String,
    /// The person's identifier for this relying party alone; of an event about the stream itself, the stream's.
    subject: Option<String>,
    /// The event's members, as in the token.
    #[schema(value_type = Object)]
    body: serde_json::Map<String, serde_json::Value>,
    /// When the platform wrote it, RFC 3339.
    recorded_at: String,
    /// The signed entry (RFC 8417): the same bytes by every way.
    #[schema(example = "eyJhbGciOiJFZERTQSIs…")]
    token: String,
}

/// Reads this relying party's change stream (変更確認), in order.
#[utoipa::path(
    get, path = "/v1/change-events", tag = "change stream", operation_id = "list_change_events", params(Page),
    responses(
        (status = 200, description = "Events after `after`", body = EventsBody),
        (status = 400, description = "The query is malformed", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 401, description = "No valid access token", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
    security(("client_credentials" = []))
)]
async fn events(
    State(streams): State<Streams>,
    caller: Caller,
    Query(page): Query<Page>,
) -> Result<Json<EventsBody>, ApiError> {
    let limit = page.limit.unwrap_or(100);
    let wait = page.wait.unwrap_or(0);
    let malformed = || Problem::new(&REQUEST_MALFORMED);
    let after = u64::try_from(page.after).map_err(|_| malformed())?;
    if !(1..=MAX_PAGE).contains(&limit) || wait > MAX_WAIT {
        return Err(malformed().into());
    }
    let relying_party = &caller.relying_party;
    let (mut found, mut heartbeat) = read(&streams, relying_party, after, limit).await?;
    if found.is_empty() && wait > 0 {
        let wait = Duration::from_secs(wait).min(streams.pace.longest_wait);
        streams.wait_for_entry(relying_party, after, wait).await;
        // Also if nothing came: the heartbeat is then of now, and not of when the question was asked.
        (found, heartbeat) = read(&streams, relying_party, after, limit).await?;
    }
    let next = found.last().map_or(after, |entry| entry.sequence);
    let events = found.into_iter().map(event_body).collect::<Result<_, _>>()?;
    Ok(Json(EventsBody { events, next, heartbeat }))
}

async fn read(
    streams: &Streams,
    relying_party: &RelyingPartyId,
    after: u64,
    limit: u32,
) -> Result<(Vec<StoredEntry>, String), StoreError> {
    let at = streams.context().clock.now();
    let mut tx = streams.context().db.begin_read().await?;
    let found = change_stream::after(&mut tx, relying_party, after, limit).await?;
    Ok((found, streams.heartbeat(&mut tx, relying_party, at).await?))
}

fn event_body(entry: StoredEntry) -> Result<EventBody, StoreError> {
    let event = event_of_own(&entry.token).map_err(|_| StoreError::Corrupt("token"))?;
    Ok(EventBody {
        sequence: entry.sequence,
        event: entry.event,
        subject: event.subject,
        body: event.body,
        recorded_at: entry.recorded_at.rfc3339(),
        token: entry.token,
    })
}

/// From where.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct From {
    /// Sequence number after which to begin, if there is no `Last-Event-ID`.
    #[serde(default)]
    #[param(minimum = 0, example = 0)]
    after: i64,
}

/// Follows this relying party's change stream as server-sent events.
///
/// An `entry` has its number as `id` and the token as `data`; a `heartbeat` has no `id`. The first heartbeat comes when
/// everything was sent, further ones every 15 seconds. A connection lives for ten minutes at most; connect again with
/// `Last-Event-ID`. At most five connections at once.
#[utoipa::path(
    get, path = "/v1/change-events/live", tag = "change stream", operation_id = "follow_change_events",
    params(From, ("Last-Event-ID" = Option<String>, Header, description = "Number after which to begin")),
    responses(
        (status = 200, description = "Events as they come", body = String, content_type = "text/event-stream"),
        (status = 400, description = "The number is malformed", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 401, description = "No valid access token", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 429, description = "`stream.too_many_connections`", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
    security(("client_credentials" = []))
)]
async fn live(
    State(streams): State<Streams>,
    caller: Caller,
    Query(from): Query<From>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let malformed = || Problem::new(&REQUEST_MALFORMED);
    let after = match headers.get("last-event-id") {
        // What the reader has seen since counts more than the address that it began with.
        Some(last) => last.to_str().ok().and_then(|last| last.parse().ok()),
        None => u64::try_from(from.after).ok(),
    };
    let after = after.ok_or_else(malformed)?;
    let connection =
        streams.hub.connect(&caller.relying_party).ok_or_else(|| Problem::new(&TOO_MANY_CONNECTIONS))?;
    let frames = live::follow(streams, caller.relying_party, after);
    let stream = futures_util::stream::unfold(
        (frames, connection),
        async |(mut frames, connection): (_, Connection)| {
            let frame = tokio::sync::mpsc::Receiver::recv(&mut frames).await?;
            Some((Ok::<_, Infallible>(sse_event(frame)), (frames, connection)))
        },
    );
    let mut response = Sse::new(stream).into_response();
    // A proxy that collects what it passes on would hold it back.
    response.headers_mut().insert("x-accel-buffering", axum::http::HeaderValue::from_static("no"));
    Ok(response)
}

fn sse_event(frame: Frame) -> Event {
    match frame {
        Frame::Entry { sequence, token } => {
            Event::default().id(sequence.to_string()).event("entry").data(token)
        }
        Frame::Heartbeat(token) => Event::default().event("heartbeat").data(token),
    }
}

/// A heartbeat.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StreamHeartbeat)]
struct HeartbeatBody {
    /// The signed statement.
    heartbeat: String,
}

/// A signed statement of what there is in this relying party's change stream now.
#[utoipa::path(
    get, path = "/v1/change-events/heartbeat", tag = "change stream", operation_id = "change_stream_heartbeat",
    responses(
        (status = 200, description = "The statement", body = HeartbeatBody),
        (status = 401, description = "No valid access token", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
    security(("client_credentials" = []))
)]
async fn heartbeat(State(streams): State<Streams>, caller: Caller) -> Result<Json<HeartbeatBody>, ApiError> {
    let at = streams.context().clock.now();
    let mut tx = streams.context().db.begin_read().await?;
    Ok(Json(HeartbeatBody { heartbeat: streams.heartbeat(&mut tx, &caller.relying_party, at).await? }))
}
