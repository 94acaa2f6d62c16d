//! `/v1/change-events/days`, `/v1/change-events/days/{day}`.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use musubi_crypto::sha256;
use musubi_feed::seal_day;
use musubi_httpkit::{Json, Path, Problem, ProblemDocument};
use musubi_kernel::{Date, UnixTime, hex_lower};
use musubi_platform::{ApiError, Caller, RelyingPartyId, change_stream};
use musubi_store::StoreError;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::lines::{self, Coding, Lines};
use super::{ClosedDay, date, service, sql};
use crate::Streams;
use crate::problems::{DAY_NOT_OVER, DAY_UNKNOWN, RANGE_UNSATISFIABLE};

/// JSON Lines.
const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/jsonl");

pub(crate) fn api() -> OpenApiRouter<Streams> {
    OpenApiRouter::new().routes(routes!(days)).routes(routes!(day))
}

/// The days that have a file.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StreamDays)]
struct DaysBody {
    /// In order, from the day of the first entry on; also those without entries.
    days: Vec<DayBody>,
}

/// A day that has a file.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StreamDay)]
struct DayBody {
    /// The day in Japan.
    #[schema(example = "2026-04-01")]
    day: String,
    /// The number before its first entry.
    after: u64,
    /// The number of its last entry; `after` if it has none.
    last: u64,
}

/// Lists the days of which there are daily files.
#[utoipa::path(
    get, path = "/v1/change-events/days", tag = "change stream", operation_id = "list_change_event_days",
    responses(
        (status = 200, description = "The days", body = DaysBody),
        (status = 401, description = "No valid access token", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
    security(("client_credentials" = []))
)]
async fn days(State(streams): State<Streams>, caller: Caller) -> Result<Json<DaysBody>, ApiError> {
    let relying_party = &caller.relying_party;
    let at = streams.context().clock.now();
    close(&streams, relying_party, service::last_over(at), at).await?;
    let mut tx = streams.context().db.begin_read().await?;
    let days = sql::list(&mut tx, relying_party).await?;
    let days = days.into_iter().map(|closed| DayBody {
        day: closed.day.to_string(),
        after: closed.before.sequence,
        last: closed.last.sequence,
    });
    Ok(Json(DaysBody { days: days.collect() }))
}

async fn close(
    streams: &Streams,
    relying_party: &RelyingPartyId,
    day: Date,
    at: UnixTime,
) -> Result<(), StoreError> {
    let context = streams.context();
    let mut tx = context.db.begin_read().await?;
    let open = service::is_open(&mut tx, relying_party, day).await?;
    drop(tx);
    if open {
        let mut tx = context.db.begin().await?;
        service::close_through(&mut tx, context, relying_party, day, at).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// The daily file: JSON Lines, each a token; the first is the day's signed statement.
///
/// A day has its file from one o'clock of the next day in Japan, and it never changes. Ranges and gzip are understood.
#[utoipa::path(
    get, path = "/v1/change-events/days/{day}", tag = "change stream", operation_id = "read_change_event_day",
    params(
        ("day" = String, Path, description = "A day in Japan", example = "2026-04-01"),
        ("Range" = Option<String>, Header, description = "One range of bytes"),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of a file that one has"),
    ),
    responses(
        (status = 200, description = "The file", body = String, content_type = "application/jsonl"),
        (status = 206, description = "The range", body = String, content_type = "application/jsonl"),
        (status = 304, description = "It is the one that the caller has"),
        (status = 401, description = "No valid access token", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 404, description = "`stream.day_not_over`, `stream.day_unknown`", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 416, description = "`stream.range_unsatisfiable`", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
    security(("client_credentials" = []))
)]
async fn day(
    State(streams): State<Streams>,
    caller: Caller,
    Path(day): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let relying_party = caller.relying_party;
    let day = date(&day).ok_or_else(|| Problem::new(&DAY_UNKNOWN))?;
    let at = streams.context().clock.now();
    if !service::is_over(day, at) {
        return Err(Problem::new(&DAY_NOT_OVER).into());
    }
    close(&streams, &relying_party, day, at).await?;
    let mut tx = streams.context().db.begin_read().await?;
    let closed = sql::find(&mut tx, &relying_party, &day.to_string()).await?;
    drop(tx);
    let closed = closed.ok_or_else(|| Problem::new(&DAY_UNKNOWN))?;
    Ok(answer(&streams, relying_party, &closed, &headers)?)
}

fn answer(
    streams: &Streams,
    relying_party: RelyingPartyId,
    day: &ClosedDay,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let context = streams.context();
    let stream = change_stream::stream_of(context, &relying_party);
    let statement = seal_day(&stream, &day.statement(), &context.signing_key);
    let length = lines::length(day, &statement);
    // The statement names both ends of the day by their hashes: another file has another statement.
    let tag = hex_lower(sha256(statement.as_bytes()).get(..16).unwrap_or_default());
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let identity = format!("\"{tag}\"");
    let range = text(header::RANGE)
        .filter(|_| text(header::IF_RANGE).is_none_or(|tag| tag == identity))
        .and_then(|range| requested(range, length));
    let gzip = range.is_none() && text(header::ACCEPT_ENCODING).is_some_and(accepts_gzip);
    let tag = if gzip { format!("\"{tag}-gzip\"") } else { identity };
    // Compared weakly (RFC 9110, 13.1.2): a proxy may have marked it so.
    let same = |one: &str| one.trim().trim_start_matches("W/") == tag;
    if text(header::IF_NONE_MATCH).is_some_and(|known| known.split(',').any(same)) {
        return Ok(dressed(StatusCode::NOT_MODIFIED.into_response(), &tag));
    }
    let (status, coding, content_range) = match range {
        Some(Requested::Part { first, last }) => (
            StatusCode::PARTIAL_CONTENT,
            Coding::Identity { skip: first, take: last - first + 1 },
            Some(format!("bytes {first}-{last}/{length}")),
        ),
        Some(Requested::Beyond) => {
            let problem = Problem::new(&RANGE_UNSATISFIABLE);
            let content_range = HeaderValue::try_from(format!("bytes */{length}"));
            return Err(match content_range {
                Ok(value) => problem.with_header(header::CONTENT_RANGE, value),
                Err(_) => problem,
            });
        }
        None if gzip => (StatusCode::OK, Coding::Gzip, None),
        None => (StatusCode::OK, Coding::Identity { skip: 0, take: length }, None),
    };
    let lines = Lines::new(context.db.clone(), relying_party, day, statement, &coding);
    let mut response = (status, body(lines)).into_response();
    let answered = response.headers_mut();
    answered.insert(header::CONTENT_TYPE, MEDIA_TYPE);
    match coding {
        Coding::Gzip => answered.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip")),
        // So that a file that was cut off on its way shows as such.
        Coding::Identity { take, .. } => answered.insert(header::CONTENT_LENGTH, HeaderValue::from(take)),
    };
    if let Some(value) = content_range.and_then(|range| HeaderValue::try_from(range).ok()) {
        answered.insert(header::CONTENT_RANGE, value);
    }
    Ok(dressed(response, &tag))
}

fn dressed(mut response: Response, tag: &str) -> Response {
    let headers = response.headers_mut();
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert(header::ETAG, tag);
    }
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    response
}

fn body(lines: Lines) -> Body {
    Body::from_stream(futures_util::stream::unfold(Some(lines), async |lines| {
        let mut lines = lines?;
        match lines.next().await {
            Ok(Some(bytes)) => Some((Ok(Bytes::from(bytes)), Some(lines))),
            Ok(None) => None,
            Err(error) => {
                tracing::warn!(%error, "a daily file was not sent to its end");
                Some((Err(error), None))
            }
        }
    }))
}

/// A range that was asked for, within a file.
#[derive(Debug, PartialEq, Eq)]
enum Requested {
    Part { first: u64, last: u64 },
    Beyond,
}

/// One range of bytes (RFC 9110, 14.1.2). Several ranges, and what is none, are passed over: the whole file is an answer to
/// them.
fn requested(range: &str, length: u64) -> Option<Requested> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let (first, last) = match (first, last) {
        ("", last) => {
            let wanted: u64 = last.parse().ok()?;
            if wanted == 0 {
                return Some(Requested::Beyond);
            }
            (length.saturating_sub(wanted), u64::MAX)
        }
        (first, "") => (first.parse().ok()?, u64::MAX),
        (first, last) => (first.parse().ok()?, last.parse().ok()?),
    };
    if last < first {
        return None;
    }
    if first >= length {
        return Some(Requested::Beyond);
    }
    Some(Requested::Part { first, last: last.min(length.saturating_sub(1)) })
}

/// Whether `gzip` is named, and not with a weight of zero.
fn accepts_gzip(header: &str) -> bool {
    header.split(',').any(|one| {
        let mut parts = one.split(';').map(str::trim);
        parts.next().is_some_and(|coding| coding.eq_ignore_ascii_case("gzip"))
            && !parts.any(|weight| {
                weight.strip_prefix("q=").is_some_and(|q| q.trim_matches(['0', '.']).is_empty())
            })
    })
}
