//! The routes of the host `authority.`; `docs/spec/upstream.md` describes them.

mod lists;
mod ocsp;

use axum::body::{Bytes, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use musubi_crypto::equal_in_constant_time;
use musubi_kernel::UnixTime;
use musubi_pki::{AuthorityKind, SerialNumber};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::provider::Provider;
use super::{Consent, ConsentTerm, FEE_YEN, Item, Provided, Refusal};
use crate::World;
use crate::population::PopulationUpstream;

/// Largest request body, in bytes.
const BODY_LIMIT: usize = 64 * 1024;

impl World {
    /// The upstream API and the OCSP responders: the router of the host `authority.`.
    pub fn upstream(&self) -> Router {
        let ocsp = Router::new()
            .route("/ocsp/{authority}", post(ocsp::ocsp_post))
            .route("/ocsp/{authority}/{*request}", get(ocsp::ocsp_get))
            .with_state(self.clone());
        router(self, ocsp)
    }
}

impl PopulationUpstream {
    /// The upstream API, without OCSP: the router of the host `authority.`.
    pub fn router(&self) -> Router {
        router(self, Router::new())
    }
}

/// The upstream API of a provider, with `more` routes beside it that need no credential.
fn router<P: Provider>(provider: &P, more: Router) -> Router {
    let provider = provider.clone();
    let api = Router::new()
        .route("/upstream/v1/revocation-lists", get(lists::announced::<P>))
        .route("/upstream/v1/revocation-lists/{authority}/{key_id}/{file}", get(lists::complete::<P>))
        .route(
            "/upstream/v1/revocation-lists/{authority}/{key_id}/deltas/{scope}/{file}",
            get(lists::delta::<P>),
        )
        .route("/upstream/v1/correspondence", post(correspondence::<P>))
        .route("/upstream/v1/succession", post(succession::<P>))
        .route("/upstream/v1/consents", post(give_consent::<P>))
        .route("/upstream/v1/consents/withdrawals", post(withdrawals::<P>))
        .route("/upstream/v1/consents/{consent_id}/withdrawal", post(withdraw_consent::<P>))
        .route("/upstream/v1/latest-attributes", post(latest_attributes::<P>))
        .layer(from_fn_with_state(provider.clone(), authorized::<P>))
        .with_state(provider.clone());
    Router::new()
        .merge(api)
        .merge(more)
        .fallback(async || Refusal::NotFound)
        .layer(from_fn_with_state(provider, reachable::<P>))
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
async fn reachable<P: Provider>(State(provider): State<P>, request: Request, next: Next) -> Response {
    if provider.is_unreachable() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    next.run(request).await
}

async fn authorized<P: Provider>(State(provider): State<P>, request: Request, next: Next) -> Response {
    let presented = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .unwrap_or_default();
    let expected = provider.credential().expose();
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

async fn correspondence<P: Provider>(
    State(provider): State<P>,
    request: Request,
) -> Result<Json<Counterpart>, Refusal> {
    let asked: CertificateNamed = json(request).await?;
    let serial = provider.correspondence(asked.authority, &asked.serial).await?;
    Ok(Json(Counterpart { authority: asked.authority.counterpart(), serial: serial.into() }))
}

#[derive(Serialize)]
struct Succession {
    predecessors: Vec<SerialNumber>,
    current: SerialNumber,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_issued_at: Option<UnixTime>,
}

async fn succession<P: Provider>(
    State(provider): State<P>,
    request: Request,
) -> Result<Json<Succession>, Refusal> {
    let asked: CertificateNamed = json(request).await?;
    let found = provider.succession(asked.authority, &asked.serial).await?;
    let predecessors = found.predecessors.into_iter().map(SerialNumber::from).collect();
    let (current, next_issued_at) = (found.current.into(), found.next_issued_at);
    Ok(Json(Succession { predecessors, current, next_issued_at }))
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
struct Term {
    valid_from: UnixTime,
    valid_until: UnixTime,
}

async fn give_consent<P: Provider>(
    State(provider): State<P>,
    request: Request,
) -> Result<(StatusCode, Json<Term>), Refusal> {
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
    let ConsentTerm { valid_from, valid_until } = provider.give_consent(consent).await?;
    Ok((StatusCode::CREATED, Json(Term { valid_from, valid_until })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Empty {}

async fn withdraw_consent<P: Provider>(
    State(provider): State<P>,
    Path(consent_id): Path<String>,
    request: Request,
) -> Result<StatusCode, Refusal> {
    let Empty {} = json(request).await?;
    provider.withdraw_consent(&consent_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Withdrawals in one answer.
const WITHDRAWALS: usize = 1_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WithdrawalsAsked {
    service_id: String,
    since: UnixTime,
}

#[derive(Serialize)]
struct Withdrawals {
    withdrawals: Vec<Withdrawal>,
    more: bool,
}

#[derive(Serialize)]
struct Withdrawal {
    consent_id: String,
    withdrawn_at: UnixTime,
}

async fn withdrawals<P: Provider>(
    State(provider): State<P>,
    request: Request,
) -> Result<Json<Withdrawals>, Refusal> {
    let asked: WithdrawalsAsked = json(request).await?;
    let limit = u32::try_from(WITHDRAWALS + 1).unwrap_or(u32::MAX);
    let mut found = provider.withdrawals(identifier(&asked.service_id)?, asked.since, limit).await?;
    let more = found.len() > WITHDRAWALS;
    found.truncate(WITHDRAWALS);
    let withdrawal = |(consent_id, withdrawn_at)| Withdrawal { consent_id, withdrawn_at };
    Ok(Json(Withdrawals { withdrawals: found.into_iter().map(withdrawal).collect(), more }))
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

async fn latest_attributes<P: Provider>(
    State(provider): State<P>,
    request: Request,
) -> Result<Json<Latest>, Refusal> {
    let asked: LatestAsked = json(request).await?;
    let answer = provider.latest_attributes(&asked.consent_id, &asked.service_id, &asked.serial).await?;
    let (attributes, serial) = answer;
    Ok(Json(Latest { attributes, serial: serial.into(), fee_yen: FEE_YEN }))
}
