//! The token endpoint and the bearer token.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{FromRef, FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use musubi_httpkit::problems::{REQUEST_MALFORMED, REQUEST_TOO_LARGE};
use musubi_httpkit::{Form, Json, Peer, Problem, ProblemDocument, RateLimit, RateLimiter};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::security::{
    ClientCredentials, Flow, Http, HttpAuthScheme, OAuth2, Scopes, SecurityScheme,
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{
    ASSERTION_TYPE, CLIENT_UNAUTHENTICATED, Caller, MAX_ASSERTION, TOKEN_INVALID, TOKEN_LIFETIME,
    TOKEN_MISSING, TOKEN_UNSUPPORTED_GRANT, TokenError, service,
};
use crate::{ApiError, Context};

/// A token lives ten minutes, so an honest client asks rarely.
const PER_CLIENT: RateLimit = RateLimit { burst: 20, per_minute: 30, max_keys: 10_000 };
/// Many clients may share one address.
const PER_PEER: RateLimit = RateLimit { burst: 60, per_minute: 120, max_keys: 10_000 };

/// Room for the assertion at its longest, the other fields and their percent signs.
const MAX_FORM: usize = 8192;

#[derive(Clone)]
struct Limits {
    peers: Arc<RateLimiter>,
    clients: Arc<RateLimiter>,
}

/// The routes of client authentication. Each call begins new counts for its rate limits.
pub fn api() -> OpenApiRouter<Context> {
    let limits = Limits {
        peers: Arc::new(RateLimiter::new(PER_PEER)),
        clients: Arc::new(RateLimiter::new(PER_CLIENT)),
    };
    OpenApiRouter::default().routes(routes!(post_token)).layer(Extension(limits))
}

/// Writes the security schemes into an OpenAPI document: `client_credentials`, to be named by every route that wants
/// a [`Caller`], and `bearer`, the same token for tools that do not know the flow.
pub fn describe_security(document: &mut utoipa::openapi::OpenApi) {
    let flow = Flow::ClientCredentials(ClientCredentials::new("/v1/token", Scopes::new()));
    let description = "クライアントアサーション(RFC 7523)で取得したアクセストークン。\n\n\
        An access token, got with a client assertion (RFC 7523).";
    let components = document.components.get_or_insert_default();
    components.add_security_scheme(
        "client_credentials",
        SecurityScheme::OAuth2(OAuth2::with_description([flow], description)),
    );
    components.add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
}

/// A token request (RFC 6749, 4.4.2). Unknown fields are ignored, as 3.2 there says.
#[derive(Deserialize, ToSchema)]
struct TokenRequest {
    /// `client_credentials`.
    #[schema(example = "client_credentials")]
    grant_type: String,
    /// `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`.
    #[schema(example = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")]
    client_assertion_type: String,
    /// A JWT with iss = sub = the relying party's id, aud = the address of this endpoint, jti, iat and exp, living at
    /// most 300 seconds, signed with a registered key (ES256, ES384, PS256 or RS256); at most 4096 bytes.
    #[schema(example = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJycF8…")]
    client_assertion: String,
}

/// An access token (RFC 6749, 5.1).
#[derive(Serialize, ToSchema)]
pub struct TokenAnswer {
    /// The token.
    #[schema(example = "2YotnFZFEjr1zCsicMWpAA-2YotnFZFEjr1zCsicMWp")]
    access_token: String,
    /// `Bearer`.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Its life in seconds.
    #[schema(example = 600)]
    expires_in: i64,
}

/// An access token for a client assertion.
#[utoipa::path(
    post, path = "/v1/token", tag = "client", operation_id = "token",
    description = "登録した鍵で署名したクライアントアサーションを、アクセストークン(600秒)に引き換えます。アサーションは一度だけ使えます。\n\n\
        Exchanges a client assertion, signed with a registered key, for an access token (600 seconds). An assertion is \
        good once. Refusals have the member `error` of RFC 6749, 5.2, too.",
    request_body(content = inline(TokenRequest), content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The token.", body = TokenAnswer),
        (status = 400, description = "`token.unsupported_grant`, `request.malformed`", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 401, description = "`client.unauthenticated`", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 413, description = "`request.too_large`", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 415, description = "`request.unsupported_media_type`", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 429, description = "`request.rate_limited`", body = ProblemDocument,
            content_type = "application/problem+json"),
    ),
    security(()),
)]
async fn post_token(
    State(context): State<Context>,
    Extension(limits): Extension<Limits>,
    Peer(peer): Peer,
    request: Result<Form<TokenRequest, MAX_FORM>, Problem>,
) -> Result<Json<TokenAnswer>, ApiError> {
    let at = context.clock.now();
    limits.peers.check(&peer, at)?;
    let Form(request) = request.map_err(|problem| match problem.code {
        code if code == REQUEST_MALFORMED.code => problem.with("error", "invalid_request"),
        _ => problem,
    })?;
    if request.grant_type != "client_credentials" {
        return Err(Problem::new(&TOKEN_UNSUPPORTED_GRANT).with("error", "unsupported_grant_type").into());
    }
    if request.client_assertion.len() > MAX_ASSERTION {
        return Err(Problem::new(&REQUEST_TOO_LARGE).with("limit_bytes", MAX_ASSERTION).into());
    }
    if request.client_assertion_type != ASSERTION_TYPE {
        return Err(TokenError::Unauthenticated.into());
    }
    let audience = format!("{}/v1/token", context.api_origin);
    let mut tx = context.db.begin_read().await?;
    let authenticated = service::authenticate(&mut tx, &request.client_assertion, &audience, at).await?;
    drop(tx);
    // After the signature: nobody can use up another's allowance.
    limits.clients.check(authenticated.client().as_str(), at)?;
    let mut tx = context.db.begin().await?;
    let token = service::issue(&mut tx, authenticated, &*context.random, at).await?;
    tx.commit().await?;
    Ok(Json(TokenAnswer {
        access_token: token.expose().clone(),
        token_type: "Bearer",
        expires_in: TOKEN_LIFETIME,
    }))
}

impl From<TokenError> for ApiError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Unauthenticated => {
                Problem::new(&CLIENT_UNAUTHENTICATED).with("error", "invalid_client").into()
            }
            TokenError::Store(error) => error.into(),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller
where
    Context: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let mut values = parts.headers.get_all(header::AUTHORIZATION).iter();
        let value = match (values.next(), values.next()) {
            (None, _) => return Err(challenge(&TOKEN_MISSING, r#"Bearer realm="musubi""#)),
            (Some(value), None) => value,
            (Some(_), Some(_)) => return Err(invalid_token()),
        };
        let token = value.to_str().ok().and_then(|text| text.split_once(' ')).and_then(|(scheme, token)| {
            (scheme.eq_ignore_ascii_case("bearer") && token.len() == 43).then(|| token.to_owned())
        });
        let token = token.ok_or_else(invalid_token)?;
        let context = Context::from_ref(state);
        let mut tx = context.db.begin_read().await?;
        service::caller(&mut tx, &token, context.clock.now()).await?.ok_or_else(invalid_token)
    }
}

fn invalid_token() -> ApiError {
    challenge(&TOKEN_INVALID, r#"Bearer realm="musubi", error="invalid_token""#)
}

fn challenge(kind: &'static musubi_httpkit::ProblemKind, challenge: &'static str) -> ApiError {
    Problem::new(kind).with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge)).into()
}
