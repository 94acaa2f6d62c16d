//! The routes of the host `authority.`; `docs/spec/upstream.md` describes them.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use musubi_crypto::{equal_in_constant_time, sha256};
use musubi_kernel::UnixTime;
use musubi_pki::{AuthorityKind, SerialNumber};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Consent, FEE_YEN, Item, Provided, Refusal};
use crate::authority::Generation;
use crate::ocsp::{self, ResponseStatus, Status};
use crate::{World, sql};

/// Largest request body, in bytes.
const BODY_LIMIT: usize = 64 * 1024;

impl World {
    /// The upstream API and the OCSP responders: the router of the host `authority.`.
    pub fn upstream(&self) -> Router {
        let world = self.clone();
        let api = Router::new()
            .route("/upstream/v1/revocation-lists", get(revocation_lists))
            .route("/upstream/v1/revocation-lists/{authority}/{key_id}/{file}", get(revocation_list))
            .route("/upstream/v1/correspondence", post(correspondence))
            .route("/upstream/v1/succession", post(succession))
            .route("/upstream/v1/consents", post(give_consent))
            .route("/upstream/v1/consents/{consent_id}/withdrawal", post(withdraw_consent))
            .route("/upstream/v1/latest-attributes", post(latest_attributes))
            .layer(from_fn_with_state(world.clone(), authorized));
        Router::new()
            .merge(api)
            .route("/ocsp/{authority}", post(ocsp_post))
            .route("/ocsp/{authority}/{*request}", get(ocsp_get))
            .fallback(async || Refusal::NotFound)
            .layer(from_fn_with_state(world.clone(), reachable))
            .with_state(world)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, code) = match &self {
            Self::Malformed => (StatusCode::BAD_REQUEST, "request.malformed"),
            Self::Credential => (StatusCode::UNAUTHORIZED, "credential.wrong"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "request.too_large"),
            Self::MediaType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "request.unsupported_media_type"),
            Self::NoCorrespondence => (StatusCode::NOT_FOUND, "correspondence.none"),
            Self::UnknownCertificate => (StatusCode::NOT_FOUND, "certificate.unknown"),
            Self::ConsentSignature => (StatusCode::UNPROCESSABLE_ENTITY, "consent.signature"),
            Self::ConsentConflict => (StatusCode::CONFLICT, "consent.conflict"),
            Self::NoConsent => (StatusCode::FORBIDDEN, "consent.none"),
            Self::NoneNewer => (StatusCode::NOT_FOUND, "latest_attributes.none_newer"),
            Self::Store(_) | Self::Sign(_) | Self::Time(_) => {
                tracing::error!(error = %self, "the authority could not answer");
                (StatusCode::INTERNAL_SERVER_ERROR, "internal")
            }
        };
        let mut response = (status, Json(serde_json::json!({ "code": code }))).into_response();
        if status == StatusCode::UNAUTHORIZED {
            let bearer = header::HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, bearer);
        }
        response
    }
}

/// The dial: as if nobody were there.
async fn reachable(State(world): State<World>, request: Request, next: Next) -> Response {
    if world.dials().authority_unreachable {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    next.run(request).await
}

async fn authorized(State(world): State<World>, request: Request, next: Next) -> Response {
    let presented = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .unwrap_or_default();
    let expected = world.inner.operator_credential.expose();
    if expected.is_empty() || !equal_in_constant_time(presented.as_bytes(), expected.as_bytes()) {
        return Refusal::Credential.into_response();
    }
    next.run(request).await
}

async fn body(request: Request, media_type: &str) -> Result<Bytes, Refusal> {
    let said =
        request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if said.split(';').next().map(str::trim) != Some(media_type) {
        return Err(Refusal::MediaType);
    }
    to_bytes(request.into_body(), BODY_LIMIT).await.map_err(|_| Refusal::TooLarge)
}

async fn json<T: DeserializeOwned>(request: Request) -> Result<T, Refusal> {
    serde_json::from_slice(&body(request, "application/json").await?).map_err(|_| Refusal::Malformed)
}

/// Identifiers of consents and services: 1 to 64 of `A-Za-z0-9._-`.
fn identifier(text: &str) -> Result<&str, Refusal> {
    let known = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    if (1..=64).contains(&text.len()) && text.bytes().all(known) { Ok(text) } else { Err(Refusal::Malformed) }
}

// -- revocation lists

#[derive(Serialize)]
struct Lists {
    lists: Vec<List>,
}

#[derive(Serialize)]
struct List {
    authority: AuthorityKind,
    key_id: String,
    number: i64,
    this_update: UnixTime,
    next_update: UnixTime,
    path: String,
}

async fn revocation_lists(State(world): State<World>) -> Result<Json<Lists>, Refusal> {
    let published = world.inner.full_lists().await?;
    let lists = published
        .into_iter()
        .map(|(generation, row)| {
            let key_id = generation.key_id_hex();
            let path = format!("/upstream/v1/revocation-lists/{}/{key_id}/full.crl", row.authority);
            List {
                authority: row.authority,
                key_id,
                number: row.number,
                this_update: row.this_update,
                next_update: row.next_update,
                path,
            }
        })
        .collect();
    Ok(Json(Lists { lists }))
}

async fn revocation_list(
    State(world): State<World>,
    Path((authority, key_id, file)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let kind: AuthorityKind = authority.parse().map_err(|_| Refusal::NotFound)?;
    let generation = world.inner.authorities.with_key_id(kind, &key_id).ok_or(Refusal::NotFound)?;
    let scope = match file.strip_suffix(".crl").ok_or(Refusal::NotFound)? {
        "full" => "",
        "" => return Err(Refusal::NotFound),
        code => code,
    };
    let mut tx = world.inner.db.begin_read().await?;
    let der = sql::list_der(&mut tx, kind, generation.number, scope).await?.ok_or(Refusal::NotFound)?;
    let etag = format!("\"{}\"", hex::encode(sha256(&der)));
    let known =
        headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()) == Some(etag.as_str());
    let head = [(header::CONTENT_TYPE, "application/pkix-crl"), (header::ETAG, &etag)];
    Ok(if known { (StatusCode::NOT_MODIFIED, head).into_response() } else { (head, der).into_response() })
}

// -- serial numbers

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CertificateNamed {
    authority: AuthorityKind,
    serial: SerialNumber,
}

#[derive(Serialize)]
struct Counterpart {
    authority: AuthorityKind,
    serial: SerialNumber,
}

async fn correspondence(State(world): State<World>, request: Request) -> Result<Json<Counterpart>, Refusal> {
    let asked: CertificateNamed = json(request).await?;
    let mut tx = world.inner.db.begin_read().await?;
    let serial = super::correspondence(&mut tx, asked.authority, &asked.serial).await?;
    Ok(Json(Counterpart { authority: asked.authority.counterpart(), serial: serial.into() }))
}

#[derive(Serialize)]
struct Succession {
    predecessors: Vec<SerialNumber>,
    current: SerialNumber,
}

async fn succession(State(world): State<World>, request: Request) -> Result<Json<Succession>, Refusal> {
    let asked: CertificateNamed = json(request).await?;
    let mut tx = world.inner.db.begin_read().await?;
    let (predecessors, current) = super::succession(&mut tx, asked.authority, &asked.serial).await?;
    let predecessors = predecessors.into_iter().map(SerialNumber::from).collect();
    Ok(Json(Succession { predecessors, current: current.into() }))
}

// -- consent and latest attributes

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConsentGiven {
    consent_id: String,
    service_id: String,
    document: String,
    signature: String,
    certificate: String,
    items: Vec<Item>,
}

#[derive(Serialize)]
struct ConsentTerm {
    valid_from: UnixTime,
    valid_until: UnixTime,
}

async fn give_consent(
    State(world): State<World>,
    request: Request,
) -> Result<(StatusCode, Json<ConsentTerm>), Refusal> {
    let given: ConsentGiven = json(request).await?;
    let bytes = |text: &str| STANDARD.decode(text).map_err(|_| Refusal::Malformed);
    let consent = Consent {
        signature: bytes(&given.signature)?,
        certificate: bytes(&given.certificate)?,
        consent_id: identifier(&given.consent_id)?.to_owned(),
        service_id: identifier(&given.service_id)?.to_owned(),
        document: given.document,
        items: given.items,
    };
    let mut tx = world.inner.db.begin().await?;
    let row = super::give_consent(&mut tx, world.inner.authorities.seed, consent, world.now()).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(ConsentTerm { valid_from: row.valid_from, valid_until: row.valid_until })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Empty {}

async fn withdraw_consent(
    State(world): State<World>,
    Path(consent_id): Path<String>,
    request: Request,
) -> Result<StatusCode, Refusal> {
    let Empty {} = json(request).await?;
    let mut tx = world.inner.db.begin().await?;
    super::withdraw_consent(&mut tx, &consent_id, world.now()).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LatestAsked {
    consent_id: String,
    service_id: String,
    serial: SerialNumber,
}

#[derive(Serialize)]
struct Latest {
    attributes: Provided,
    serial: SerialNumber,
    fee_yen: u32,
}

async fn latest_attributes(State(world): State<World>, request: Request) -> Result<Json<Latest>, Refusal> {
    let asked: LatestAsked = json(request).await?;
    let mut tx = world.inner.db.begin().await?;
    let (attributes, serial) =
        super::latest_attributes(&mut tx, &asked.consent_id, &asked.service_id, &asked.serial, world.now())
            .await?;
    tx.commit().await?;
    Ok(Json(Latest { attributes, serial: serial.into(), fee_yen: FEE_YEN }))
}

// -- OCSP (RFC 6960 appendix A)

async fn ocsp_post(
    State(world): State<World>,
    Path(authority): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let kind: AuthorityKind = authority.parse().map_err(|_| Refusal::NotFound)?;
    let request = body(request, "application/ocsp-request").await?;
    Ok(ocsp_answer(&world, kind, &request).await)
}

async fn ocsp_get(
    State(world): State<World>,
    Path((authority, request)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let kind: AuthorityKind = authority.parse().map_err(|_| Refusal::NotFound)?;
    let request = STANDARD.decode(request).unwrap_or_default();
    Ok(ocsp_answer(&world, kind, &request).await)
}

async fn ocsp_answer(world: &World, kind: AuthorityKind, bytes: &[u8]) -> Response {
    let answer = match ocsp::parse(bytes) {
        Ok(request) => ocsp_states(world, kind, &request).await.unwrap_or_else(|refusal| {
            tracing::error!(error = %refusal, "the OCSP responder could not answer");
            ocsp::refusal(ResponseStatus::InternalError)
        }),
        Err(ocsp::Malformed) => ocsp::refusal(ResponseStatus::MalformedRequest),
    };
    ([(header::CONTENT_TYPE, "application/ocsp-response")], Body::from(answer)).into_response()
}

/// Answers for the generation that the first known CertID names; a certificate of another one is unknown.
async fn ocsp_states(
    world: &World,
    kind: AuthorityKind,
    request: &ocsp::Request<'_>,
) -> Result<Vec<u8>, Refusal> {
    let named = |g: &&Generation| g.kind == kind && request.certificates.iter().any(|id| id.names(g));
    let Some(generation) = world.inner.authorities.generations.iter().find(named) else {
        return Ok(ocsp::refusal(ResponseStatus::Unauthorized));
    };
    let mut tx = world.inner.db.begin_read().await?;
    let mut states = Vec::with_capacity(request.certificates.len());
    for id in &request.certificates {
        let row = match id.small_serial().filter(|_| id.names(generation)) {
            Some(serial) => sql::certificate(&mut tx, kind, serial).await?,
            None => None,
        };
        states.push(match row.filter(|row| row.generation == generation.number) {
            None => Status::Unknown,
            Some(row) => row.revoked.map_or(Status::Good, |(at, reason)| Status::Revoked(at, reason)),
        });
    }
    Ok(ocsp::respond(request, &states, generation, world.now())?)
}
