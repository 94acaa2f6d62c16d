//! `/v1/bulk-registrations`.
//!
//! The content comes by "Resumable Uploads for HTTP" (draft-ietf-httpbis-resumable-upload-10, sections 4.2 to 4.4): HEAD
//! tells the offset, PATCH appends at it. The creation is a JSON request of its own, so that format, purpose and basis are
//! known before the first byte. PATCH takes no idempotency key: the offset is one.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State as AxumState;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http_body_util::BodyExt as _;
use musubi_httpkit::problems::REQUEST_MALFORMED;
use musubi_httpkit::{Json, Path, PostedJson, Problem, ProblemDocument, Query, internal};
use musubi_platform::idempotency::IdempotencyKey;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::results::words;
use super::{Announced, BulkError, Intake, Registration, RegistrationId, State, service, sql};
use crate::Verification;
use crate::once::{Calling, Once};
use crate::watching::problems::{
    BULK_CONTENT, BULK_ENDED, BULK_LENGTH, BULK_OFFSET, BULK_TOO_MANY, BULK_UNKNOWN,
};
use crate::watching::{BadField, Ground};

/// The media type of appended bytes (draft, 6).
const PARTIAL_UPLOAD: &str = "application/partial-upload";
const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const UPLOAD_COMPLETE: HeaderName = HeaderName::from_static("upload-complete");
const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
const UPLOAD_LIMIT: HeaderName = HeaderName::from_static("upload-limit");
/// How long one request is read: then what was taken is answered, and the sender goes on from there. Shorter than the time
/// that the server gives any request.
const READ_FOR: Duration = Duration::from_secs(20);
/// What senders are asked to append at most, in bytes.
const APPEND: &str = "max-append-size=16777216";

pub(crate) fn api() -> OpenApiRouter<Verification> {
    OpenApiRouter::new()
        .routes(routes!(begin))
        .routes(routes!(read, cancel))
        .routes(routes!(append, offset))
        .routes(routes!(results))
}

impl From<BulkError> for Problem {
    fn from(error: BulkError) -> Self {
        match error {
            BulkError::Unknown => Self::new(&BULK_UNKNOWN),
            BulkError::Ended => Self::new(&BULK_ENDED),
            BulkError::Offset { expected } => Self::new(&BULK_OFFSET)
                .with("expected_offset", expected)
                .with_header(UPLOAD_OFFSET, HeaderValue::from(expected)),
            BulkError::Length => Self::new(&BULK_LENGTH),
            BulkError::TooMany => Self::new(&BULK_TOO_MANY),
            BulkError::Field(field) => field.into(),
            BulkError::Interrupted(_) => internal(&error),
            BulkError::Store(error) => internal(&error),
        }
    }
}

/// A file that is about to come.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BulkRegistrationStart)]
struct StartBody {
    /// `ndjson` or `csv`.
    #[schema(example = "ndjson")]
    format: String,
    /// For what the customers are to be watched.
    #[schema(example = "benefit_payment")]
    purpose: String,
    /// `contract`, `consent` or `law`.
    #[schema(example = "law")]
    basis: String,
    /// Number of the contract, article of the law. Required with `law`.
    reference: Option<String>,
    /// Length of the file in bytes, if known: at most 64 GiB.
    bytes: Option<u64>,
    /// Lines of the file, empty ones and the header included, if known.
    lines: Option<u64>,
    /// SHA-256 of the file, 64 hex digits, if known.
    sha256: Option<String>,
}

/// A bulk registration as it stands.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BulkRegistration)]
struct RegistrationBody {
    /// Identifier.
    #[schema(value_type = String, example = "br_00112233445566778899aabbccddeeff")]
    id: RegistrationId,
    /// `open`, `complete`, `differs` (from what was announced), `failed`, `cancelled` or `expired`.
    state: &'static str,
    /// Why: `bytes.differ`, `lines.differ`, `sha256.differs`, `line.too_long`, `csv.header`; else null.
    why: Option<String>,
    /// `ndjson` or `csv`.
    format: &'static str,
    /// The purpose.
    purpose: String,
    /// The basis.
    basis: &'static str,
    /// Bytes that took effect; the offset of the next ones.
    received_bytes: u64,
    /// As announced.
    total_bytes: Option<u64>,
    /// Lines that took effect.
    lines: u64,
    /// Number of lines by result.
    #[schema(value_type = Object)]
    results: std::collections::BTreeMap<String, u64>,
    /// Lines per second, from the first bytes to the latest; null before there is a second of them.
    lines_per_second: Option<u64>,
    /// Seconds to the end at that rate; null if the length was not announced.
    seconds_left: Option<u64>,
    /// When it ends if nobody ends it, RFC 3339.
    expires_at: String,
    /// When it ended, RFC 3339.
    ended_at: Option<String>,
}

fn body(registration: &Registration) -> RegistrationBody {
    let seconds = registration
        .first_at
        .and_then(|first| u64::try_from(registration.updated_at.since(first)).ok())
        .filter(|seconds| *seconds > 0);
    let left = registration.announced.bytes.map(|total| total.saturating_sub(registration.received));
    RegistrationBody {
        id: registration.id.clone(),
        state: registration.state.as_str(),
        why: registration.ended_why.clone(),
        format: registration.format.as_str(),
        purpose: registration.ground.purpose.clone(),
        basis: registration.ground.basis.as_str(),
        received_bytes: registration.received,
        total_bytes: registration.announced.bytes,
        lines: registration.lines,
        results: registration.counts.clone(),
        lines_per_second: seconds.map(|seconds| registration.lines / seconds),
        seconds_left: seconds.zip(left).filter(|_| registration.state == State::Open).map(
            |(seconds, left)| {
                let rate = (registration.received / seconds).max(1);
                left / rate
            },
        ),
        expires_at: registration.expires_at.rfc3339(),
        ended_at: registration.ended_at.map(musubi_kernel::UnixTime::rfc3339),
    }
}

fn upload_headers(registration: &Registration) -> [(HeaderName, HeaderValue); 3] {
    let complete = if registration.state == State::Open { "?0" } else { "?1" };
    [
        (UPLOAD_OFFSET, HeaderValue::from(registration.received)),
        (UPLOAD_COMPLETE, HeaderValue::from_static(complete)),
        (UPLOAD_LIMIT, HeaderValue::from_static(APPEND)),
    ]
}

/// Begins a bulk registration (一括登録): says what will come.
#[utoipa::path(
    post, path = "/v1/bulk-registrations", tag = "watching", operation_id = "begin_bulk_registration",
    params(("Idempotency-Key" = String, Header, description = "1 to 64 of `A-Za-z0-9._-`")),
    request_body = StartBody,
    responses(
        (status = 201, description = "Begun: append the content", body = RegistrationBody),
        (status = 401, description = "No valid access token", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 422, description = "A field is out of bounds", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 429, description = "Too many are open", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
    security(("client_credentials" = []))
)]
async fn begin(
    AxumState(verification): AxumState<Verification>,
    caller: Calling,
    key: IdempotencyKey,
    posted: PostedJson<StartBody>,
) -> Result<Response, Problem> {
    let StartBody { format, purpose, basis, reference, bytes, lines, sha256 } = posted.value;
    let format = format.parse().map_err(|()| BadField("format"))?;
    let ground = Ground::of_request(&purpose, &basis, reference)?;
    let sha256 = match sha256 {
        Some(text) => {
            let mut digest = [0; 32];
            hex::decode_to_slice(text, &mut digest).map_err(|_| BadField("sha256"))?;
            Some(digest)
        }
        None => None,
    };
    let once = Once::new(&verification, &caller, key, "POST /v1/bulk-registrations", posted.sha256);
    let mut tx = once.begin().await?;
    if let Some(answer) = once.replayed(&mut tx).await? {
        return Ok(answer);
    }
    let new = (format, ground, Announced { bytes, lines, sha256 });
    let registration =
        service::begin(&mut tx, verification.context(), &caller.relying_party.id, new, once.at()).await?;
    let answer = body(&registration);
    once.finish(tx, 201, &answer, &answer).await
}

/// Reads how far a bulk registration is.
#[utoipa::path(
    get, path = "/v1/bulk-registrations/{id}", tag = "watching", operation_id = "read_bulk_registration",
    params(("id" = String, Path, description = "The bulk registration")),
    responses(
        (status = 200, description = "As it stands", body = RegistrationBody),
        (status = 401, description = "No valid access token", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 404, description = "No such bulk registration", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
    security(("client_credentials" = []))
)]
async fn read(
    AxumState(verification): AxumState<Verification>,
    caller: Calling,
    Path(id): Path<RegistrationId>,
) -> Result<Json<RegistrationBody>, Problem> {
    let mut tx = verification.context().db.begin_read().await.map_err(BulkError::from)?;
    Ok(Json(body(&service::find(&mut tx, &caller.relying_party.id, &id).await?)))
}

/// Ends a bulk registration early. What took effect stays.
#[utoipa::path(
    delete, path = "/v1/bulk-registrations/{id}", tag = "watching", operation_id = "cancel_bulk_registration",
    params(
        ("id" = String, Path, description = "The bulk registration"),
        ("Idempotency-Key" = String, Header, description = "1 to 64 of `A-Za-z0-9._-`"),
    ),
    responses(
        (status = 200, description = "Cancelled", body = RegistrationBody),
        (status = 401, description = "No valid access token", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 404, description = "No such bulk registration", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 409, description = "It has ended, or bytes came at this moment", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
    security(("client_credentials" = []))
)]
async fn cancel(
    AxumState(verification): AxumState<Verification>,
    caller: Calling,
    key: IdempotencyKey,
    Path(id): Path<RegistrationId>,
) -> Result<Response, Problem> {
    let route = format!("DELETE /v1/bulk-registrations/{id}");
    let once = Once::new(&verification, &caller, key, route, musubi_crypto::sha256(b""));
    let mut tx = once.begin().await?;
    if let Some(answer) = once.replayed(&mut tx).await? {
        return Ok(answer);
    }
    let (context, relying_party) = (verification.context(), &caller.relying_party.id);
    let (registration, _) = service::cancel(&mut tx, context, relying_party, &id, once.at()).await?;
    let answer = body(&registration);
    once.finish(tx, 200, &answer, &answer).await
}

/// Tells where the next bytes begin: after a cut, ask here and go on from `Upload-Offset`.
#[utoipa::path(
    head, path = "/v1/bulk-registrations/{id}/content", tag = "watching", operation_id = "bulk_registration_offset",
    params(("id" = String, Path, description = "The bulk registration")),
    responses(
        (status = 204, description = "`Upload-Offset`, `Upload-Complete`, `Upload-Limit`"),
        (status = 401, description = "No valid access token"),
        (status = 404, description = "No such bulk registration"),
    ),
    security(("client_credentials" = []))
)]
async fn offset(
    AxumState(verification): AxumState<Verification>,
    caller: Calling,
    Path(id): Path<RegistrationId>,
) -> Result<Response, Problem> {
    let mut tx = verification.context().db.begin_read().await.map_err(BulkError::from)?;
    let registration = service::find(&mut tx, &caller.relying_party.id, &id).await?;
    Ok((StatusCode::NO_CONTENT, upload_headers(&registration)).into_response())
}

/// Appends bytes at the offset; lines take effect as they arrive.
#[utoipa::path(
    patch, path = "/v1/bulk-registrations/{id}/content", tag = "watching",
    operation_id = "append_to_bulk_registration",
    params(
        ("id" = String, Path, description = "The bulk registration"),
        ("Upload-Offset" = u64, Header, description = "Where these bytes begin: where the last ones ended"),
        ("Upload-Complete" = String, Header, description = "`?1` if the file ends with these bytes, else `?0`"),
        ("Upload-Length" = Option<u64>, Header, description = "Length of the whole file; must be as announced"),
    ),
    request_body(content = Vec<u8>, content_type = "application/partial-upload",
        description = "Bytes of the file, uncompressed; better not more than 16 MiB at once"),
    responses(
        (status = 200, description = "Taken up to `received_bytes`, also in `Upload-Offset`: go on from there",
            body = RegistrationBody),
        (status = 400, description = "More bytes than announced, or a header is missing", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 401, description = "No valid access token", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 404, description = "No such bulk registration", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 409, description = "Another offset (`expected_offset`), or it has ended", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 415, description = "Compressed, or another media type", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
    security(("client_credentials" = []))
)]
async fn append(
    AxumState(verification): AxumState<Verification>,
    caller: Calling,
    Path(id): Path<RegistrationId>,
    headers: HeaderMap,
    content: Body,
) -> Result<Response, Problem> {
    let plain = headers.get(header::CONTENT_TYPE).is_some_and(|value| value == PARTIAL_UPLOAD)
        && headers.get(header::CONTENT_ENCODING).is_none_or(|value| value == "identity");
    if !plain {
        return Err(Problem::new(&BULK_CONTENT));
    }
    let malformed = || Problem::new(&REQUEST_MALFORMED);
    let offset = number(&headers, &UPLOAD_OFFSET).ok_or_else(malformed)?;
    let last = match headers.get(UPLOAD_COMPLETE).map(HeaderValue::as_bytes) {
        Some(b"?1") => true,
        Some(b"?0") => false,
        _ => return Err(malformed()),
    };
    let mut intake = Intake::open(&verification, &caller.relying_party, &id, offset).await?;
    if headers.contains_key(UPLOAD_LENGTH) {
        let length = number(&headers, &UPLOAD_LENGTH).ok_or_else(malformed)?;
        intake.announced_as(length)?;
    }
    let mut content = content;
    let enough = tokio::time::sleep(READ_FOR);
    tokio::pin!(enough);
    let mut whole = false;
    while !intake.has_failed() {
        let frame = tokio::select! {
            biased;
            () = &mut enough => break,
            frame = content.frame() => frame,
        };
        match frame {
            Some(Ok(frame)) => match frame.into_data() {
                Ok(bytes) => intake.take(&bytes).await?,
                Err(_) => continue,
            },
            // Cut off: what came is worth keeping, although nobody may read this answer.
            Some(Err(_)) => break,
            None => {
                whole = true;
                break;
            }
        }
    }
    let registration = if whole && last { intake.finish().await? } else { intake.pause().await? };
    Ok((StatusCode::OK, upload_headers(&registration), Json::<_, 0>(body(&registration))).into_response())
}

fn number(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    let text = headers.get(name)?.to_str().ok()?;
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ResultsQuery {
    after: Option<u64>,
}

/// The result of one line.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BulkResult)]
struct ResultBody<'a> {
    /// From 1, counted with empty lines and the header.
    line: u64,
    /// As in the line; null if it could not be read.
    customer_id: Option<&'a str>,
    /// `watched`, `already_watched`, `awaiting_confirmation`, `not_linked`, `malformed`, `duplicate_line` or
    /// `refused.` and a code.
    result: &'a str,
    /// What happened and what to do next, in Japanese.
    ja: &'a str,
    /// The same in English.
    en: &'a str,
}

/// Reads the results, one JSON object on each line, as far as lines took effect.
#[utoipa::path(
    get, path = "/v1/bulk-registrations/{id}/results", tag = "watching", operation_id = "read_bulk_results",
    params(
        ("id" = String, Path, description = "The bulk registration"),
        ("after" = Option<u64>, Query, description = "The last line whose result is known; 0 if it is left out"),
    ),
    responses(
        (status = 200, description = "Results in the order of the lines", body = ResultBody<'static>,
            content_type = "application/x-ndjson"),
        (status = 401, description = "No valid access token", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 404, description = "No such bulk registration", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
    security(("client_credentials" = []))
)]
async fn results(
    AxumState(verification): AxumState<Verification>,
    caller: Calling,
    Path(id): Path<RegistrationId>,
    Query(query): Query<ResultsQuery>,
) -> Result<Response, Problem> {
    let mut tx = verification.context().db.begin_read().await.map_err(BulkError::from)?;
    service::find(&mut tx, &caller.relying_party.id, &id).await?;
    drop(tx);
    let after = query.after.unwrap_or(0).min(i64::MAX.unsigned_abs());
    // One batch at a time, each read when the one before was sent.
    let batches = stream::try_unfold(after, move |after| {
        let (verification, id) = (verification.clone(), id.clone());
        async move {
            let mut tx = verification.context().db.begin_read().await?;
            let Some((last, text)) = sql::results_after(&mut tx, &id, after).await? else { return Ok(None) };
            Ok::<_, musubi_store::StoreError>(Some((as_ndjson(&text, after), last)))
        }
    });
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"))];
    Ok((headers, Body::from_stream(batches)).into_response())
}

fn as_ndjson(text: &str, after: u64) -> Bytes {
    let mut out = Vec::with_capacity(text.len() * 4);
    for row in text.lines() {
        let mut fields = row.splitn(3, '\t');
        let (Some(line), Some(customer_id), Some(result)) = (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let Some(line) = line.parse().ok().filter(|line| *line > after) else { continue };
        let (ja, en) = words(result);
        let customer_id = Some(customer_id).filter(|id| !id.is_empty());
        let body = ResultBody { line, customer_id, result, ja: &ja, en: &en };
        if serde_json::to_writer(&mut out, &body).is_ok() {
            out.push(b'\n');
        }
    }
    out.into()
}
