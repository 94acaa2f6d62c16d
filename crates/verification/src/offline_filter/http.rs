//! `/v1/offline-filters`.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use musubi_httpkit::{Json, Path, Problem, ProblemDocument, RateLimit, RateLimiter};
use musubi_pki::AuthorityKind;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::sql::{Offer, OfferedDelta};
use super::{Refused, service};
use crate::Verification;
use crate::once::Calling;

/// Downloads of one relying party: each moves megabytes and writes an audit record. A device fetches a filter of each
/// authority once, and a delta a day.
const DOWNLOADS: RateLimit = RateLimit { burst: 30, per_minute: 10, max_keys: 10_000 };

pub(crate) fn api() -> OpenApiRouter<Verification> {
    let downloads = Arc::new(RateLimiter::new(DOWNLOADS));
    OpenApiRouter::new().routes(routes!(available)).routes(routes!(content)).layer(Extension(downloads))
}

/// What there is to check certificates by without a network.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OfflineFilters)]
struct OffersBody {
    /// The newest filter of each generation of each authority.
    filters: Vec<OfferBody>,
}

/// A filter (docs/spec/offline-filter.md).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OfflineFilter)]
struct OfferBody {
    /// Fetch it with this.
    id: String,
    /// `digital_signature` or `user_authentication`.
    #[schema(value_type = String, example = "digital_signature")]
    certificate_kind: AuthorityKind,
    /// Key identifier of the issuing generation, lower-case hex.
    key_id: String,
    /// CRLNumber of its list.
    list_number: i64,
    /// When the list was issued, RFC 3339. The filter is as old as that.
    this_update: String,
    /// After this time it says nothing good of anybody, RFC 3339.
    next_update: String,
    /// SHA-256 of its bytes, hex.
    sha256: String,
    /// Bytes.
    size: i64,
    /// The last deltas, oldest first: each leads from one filter to the next.
    deltas: Vec<DeltaBody>,
}

/// What changed from one filter to the next.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OfflineFilterDelta)]
struct DeltaBody {
    /// Fetch it with this.
    id: String,
    /// CRLNumber of the list at which it begins.
    from_list_number: i64,
    /// CRLNumber of the list to which it leads.
    to_list_number: i64,
    /// SHA-256 of the filter at which it begins, hex.
    from_sha256: String,
    /// SHA-256 of the filter to which it leads, hex.
    to_sha256: String,
    /// Bytes.
    size: i64,
}

/// A filter or a delta.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "the document's description of a body that is bytes")]
struct Bytes(Vec<u8>);

impl From<OfferedDelta> for DeltaBody {
    fn from(delta: OfferedDelta) -> Self {
        Self {
            id: delta.sha256,
            from_list_number: delta.from_number,
            to_list_number: delta.to_number,
            from_sha256: delta.from_sha256,
            to_sha256: delta.to_sha256,
            size: delta.size,
        }
    }
}

impl From<Offer> for OfferBody {
    fn from(offer: Offer) -> Self {
        Self {
            id: offer.sha256.clone(),
            certificate_kind: offer.authority,
            key_id: offer.key_id,
            list_number: offer.list_number,
            this_update: offer.this_update.rfc3339(),
            next_update: offer.next_update.rfc3339(),
            sha256: offer.sha256,
            size: offer.size,
            deltas: offer.deltas.into_iter().map(DeltaBody::from).collect(),
        }
    }
}

/// Tells which offline filters (失効情報フィルタ) there are, for relying parties that the operator has allowed to have them.
#[utoipa::path(
    get, path = "/v1/offline-filters", tag = "offline filters", operation_id = "list_offline_filters",
    responses(
        (status = 200, description = "The newest filter of each generation, with its deltas", body = OffersBody),
        (status = 401, description = "No valid access token", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 403, description = "Not allowed by the operator", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
    security(("client_credentials" = []))
)]
async fn available(
    State(verification): State<Verification>,
    caller: Calling,
) -> Result<Json<OffersBody>, Problem> {
    let mut tx = verification.context().db.begin_read().await.map_err(Refused::from)?;
    let offers = service::offers(&mut tx, &caller.relying_party.id).await?;
    Ok(Json(OffersBody { filters: offers.into_iter().map(OfferBody::from).collect() }))
}

/// Gives a filter or a delta as it was signed (docs/spec/offline-filter.md). Its `ETag` is its SHA-256; whoever sends it as
/// `If-None-Match` is answered 304, without the bytes. Each download is audited.
#[utoipa::path(
    get, path = "/v1/offline-filters/{id}", tag = "offline filters", operation_id = "get_offline_filter",
    params(("id" = String, Path, description = "The `id` of a filter or delta")),
    responses(
        (status = 200, description = "The bytes", body = inline(Bytes), content_type = "application/octet-stream"),
        (status = 401, description = "No valid access token", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 403, description = "Not allowed by the operator", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 404, description = "No such filter or delta, or no more", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 429, description = "More than 30 downloads at once, or 10 a minute", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
    security(("client_credentials" = []))
)]
async fn content(
    State(verification): State<Verification>,
    Extension(downloads): Extension<Arc<RateLimiter>>,
    caller: Calling,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let context = verification.context();
    let relying_party = &caller.relying_party.id;
    let mut tx = context.db.begin_read().await.map_err(Refused::from)?;
    let given = service::content(&mut tx, relying_party, &id).await?;
    drop(tx);
    let tag = format!("\"{id}\"");
    if headers.get(IF_NONE_MATCH).is_some_and(|held| held.as_bytes() == tag.as_bytes()) {
        return Ok((StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response());
    }
    let at = context.clock.now();
    downloads.check(relying_party.as_str(), at)?;
    let mut tx = context.db.begin().await.map_err(Refused::from)?;
    service::record_download(&mut tx, relying_party, &id, &given, context.random.as_ref(), at).await?;
    tx.commit().await.map_err(Refused::from)?;
    let headers = [(CONTENT_TYPE, "application/octet-stream".to_owned()), (ETAG, tag)];
    Ok((headers, given.content).into_response())
}
