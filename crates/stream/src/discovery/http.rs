//! `/.well-known/ssf-configuration`, `/.well-known/jwks.json`.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use musubi_feed::VerifyingKey;
use musubi_httpkit::Json;
use musubi_platform::Context;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Streams;
use crate::management::METHODS;

pub(crate) fn api() -> OpenApiRouter<Streams> {
    OpenApiRouter::new().routes(routes!(configuration)).routes(routes!(keys))
}

/// What this transmitter can do (SSF 1.0, 7.1).
#[derive(Debug, Serialize, ToSchema)]
struct SsfConfiguration {
    /// `1_0`.
    spec_version: &'static str,
    /// The claim `iss` of every token.
    issuer: String,
    /// Where the public keys are.
    jwks_uri: String,
    /// Methods of delivery.
    delivery_methods_supported: Vec<&'static str>,
    /// Streams.
    configuration_endpoint: String,
    /// Their status.
    status_endpoint: String,
    /// Signs of life.
    verification_endpoint: String,
    /// OAuth 2.0, as for every route.
    authorization_schemes: Vec<AuthorizationScheme>,
    /// `ALL`: every registered customer is in the stream.
    default_subjects: &'static str,
}

/// How a receiver authenticates (SSF 1.0, 7.1.1).
#[derive(Debug, Serialize, ToSchema)]
struct AuthorizationScheme {
    /// `urn:ietf:rfc:6749`.
    spec_urn: &'static str,
}

/// The transmitter's configuration (OpenID Shared Signals Framework 1.0).
#[utoipa::path(
    get, path = "/.well-known/ssf-configuration", tag = "change stream", operation_id = "ssf_configuration",
    responses((status = 200, description = "What this transmitter can do", body = SsfConfiguration)),
    security(())
)]
async fn configuration(State(context): State<Context>) -> Response {
    let at = |path: &str| format!("{}{path}", context.api_origin);
    let body = SsfConfiguration {
        spec_version: "1_0",
        issuer: context.api_origin.clone(),
        jwks_uri: at("/.well-known/jwks.json"),
        delivery_methods_supported: METHODS.iter().map(|method| method.uri).collect(),
        configuration_endpoint: at("/v1/ssf/streams"),
        status_endpoint: at("/v1/ssf/status"),
        verification_endpoint: at("/v1/ssf/verify"),
        authorization_schemes: vec![AuthorizationScheme { spec_urn: "urn:ietf:rfc:6749" }],
        default_subjects: "ALL",
    };
    cacheable(body)
}

/// The platform's public keys.
#[derive(Debug, Serialize, ToSchema)]
struct SigningKeys {
    /// JWK Set (RFC 7517): Ed25519 (RFC 8037).
    #[schema(value_type = Vec<Object>)]
    keys: Vec<serde_json::Value>,
}

/// The public keys of entries, heartbeats and daily files.
#[utoipa::path(
    get, path = "/.well-known/jwks.json", tag = "change stream", operation_id = "signing_keys",
    responses((status = 200, description = "The keys (JWK Set)", body = SigningKeys)),
    security(())
)]
async fn keys(State(context): State<Context>) -> Response {
    cacheable(SigningKeys { keys: vec![VerifyingKey::new(context.signing_key.public_key()).jwk()] })
}

fn cacheable(body: impl Serialize) -> Response {
    let mut response = Json::<_>(body).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}
