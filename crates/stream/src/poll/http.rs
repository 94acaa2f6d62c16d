//! `POST /v1/ssf/poll` (RFC 8936). Members that are not known are passed over, as that standard wants.

use std::collections::BTreeMap;

use axum::extract::State;
use musubi_httpkit::problems::REQUEST_MALFORMED;
use musubi_httpkit::{Json, Problem, ProblemDocument};
use musubi_platform::{ApiError, Caller, RelyingPartyId};
use musubi_store::StoreError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::service::{self, Said, ToSend};
use crate::{Streams, management};

/// Most entries in one answer, and the number if the receiver names none.
const MAX_EVENTS: usize = 100;
/// Most acknowledgements in one question.
const MAX_ACKNOWLEDGED: usize = 10_000;
/// Room for as many, with identifiers of 60 characters.
const MAX_BODY: usize = 1024 * 1024;
/// Longest error code that is kept.
const MAX_ERROR: usize = 64;

pub(crate) fn api() -> OpenApiRouter<Streams> {
    OpenApiRouter::new().routes(routes!(poll))
}

/// A question (RFC 8936, 2.4).
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[schema(as = Poll)]
struct PollBody {
    /// At most so many; 100 at most. With 0 it only acknowledges.
    #[schema(example = 100)]
    max_events: Option<usize>,
    /// Whether to answer at once if there is nothing; otherwise the answer may take 25 seconds.
    return_immediately: bool,
    /// The `jti` of received entries, in any order.
    ack: Vec<String>,
    /// Entries that the receiver cannot use. They count as received and are not sent again.
    set_errs: BTreeMap<String, SetError>,
}

/// Why a receiver could not use an entry (RFC 8935, 2.4).
#[derive(Debug, Deserialize, Serialize, ToSchema)]
struct SetError {
    /// A code, such as `invalid_request`.
    err: String,
    /// Words for people. They are not kept.
    description: Option<String>,
}

/// An answer (RFC 8936, 2.3).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PollAnswer)]
struct PollAnswer {
    /// Entries by their `jti`.
    sets: BTreeMap<String, String>,
    /// Whether there is more right now.
    more_available: bool,
}

/// Fetches entries that are not acknowledged yet, and acknowledges others (RFC 8936).
#[utoipa::path(
    post, path = "/v1/ssf/poll", tag = "change stream", operation_id = "poll_change_events",
    request_body = PollBody,
    responses(
        (status = 200, description = "What is not acknowledged yet", body = PollAnswer),
        (status = 400, description = "The question is malformed", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 401, description = "No valid access token", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
    security(("client_credentials" = []))
)]
async fn poll(
    State(streams): State<Streams>,
    caller: Caller,
    Json(body): Json<PollBody, MAX_BODY>,
) -> Result<Json<PollAnswer>, ApiError> {
    let relying_party = &caller.relying_party;
    let said = said(relying_party, &body)?;
    let limit = body.max_events.unwrap_or(MAX_EVENTS).min(MAX_EVENTS);
    let context = streams.context();
    if !said.acknowledged.is_empty() || !said.errors.is_empty() {
        let at = context.clock.now();
        let mut tx = context.db.begin().await?;
        service::acknowledge(&mut tx, context, relying_party, &said, at).await?;
        tx.commit().await?;
    }
    let mut found = look(&streams, relying_party, limit).await?;
    let nothing = found.as_ref().is_none_or(|found| found.entries.is_empty() && !found.more);
    if nothing && limit > 0 && !body.return_immediately {
        // A paused stream has nothing, but its receiver is not to ask all the time.
        let after = found.as_ref().map_or(u64::MAX, |found| found.looked_to);
        if streams.wait_for_entry(relying_party, after, streams.pace.longest_wait).await {
            found = look(&streams, relying_party, limit).await?;
        }
    }
    let (entries, more_available) = found.map_or((Vec::new(), false), |found| (found.entries, found.more));
    let sets = entries
        .into_iter()
        .map(|entry| (format!("{relying_party}.{}", entry.sequence), entry.token))
        .collect();
    Ok(Json(PollAnswer { sets, more_available }))
}

/// What is to be sent; `None` while the stream is paused or disabled.
async fn look(
    streams: &Streams,
    relying_party: &RelyingPartyId,
    limit: usize,
) -> Result<Option<ToSend>, StoreError> {
    let mut tx = streams.context().db.begin_read().await?;
    if !management::is_enabled(&mut tx, relying_party).await? {
        return Ok(None);
    }
    service::to_send(&mut tx, relying_party, limit).await.map(Some)
}

fn said(relying_party: &RelyingPartyId, body: &PollBody) -> Result<Said, Problem> {
    if body.ack.len() + body.set_errs.len() > MAX_ACKNOWLEDGED {
        return Err(Problem::new(&REQUEST_MALFORMED));
    }
    let number = |jti: &String| -> Option<u64> {
        jti.strip_prefix(relying_party.as_str())?.strip_prefix('.')?.parse().ok()
    };
    // Another's identifier, or none at all, acknowledges nothing.
    let acknowledged = body.ack.iter().filter_map(number).collect();
    let code = |error: &SetError| {
        let err = &error.err;
        let known =
            err.len() <= MAX_ERROR && err.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
        if known { err.clone() } else { "other".to_owned() }
    };
    let errors = body.set_errs.iter().filter_map(|(jti, error)| Some((number(jti)?, code(error)))).collect();
    Ok(Said { acknowledged, errors })
}
