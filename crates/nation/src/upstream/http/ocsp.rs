//! The OCSP responders (RFC 6960 appendix A) of the small nation.

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use musubi_pki::AuthorityKind;

use super::body;
use crate::authority::Generation;
use crate::ocsp::{self, ResponseStatus, Status};
use crate::upstream::Refusal;
use crate::{World, sql};

pub(super) async fn ocsp_post(
    State(world): State<World>,
    Path(authority): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let kind: AuthorityKind = authority.parse().map_err(|_| Refusal::NotFound)?;
    let request = body(request, "application/ocsp-request").await?;
    Ok(ocsp_answer(&world, kind, &request).await)
}

pub(super) async fn ocsp_get(
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
