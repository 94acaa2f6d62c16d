//! Extractors whose refusals are problem documents: JSON and form bodies, path and query.
//!
//! They never echo what was sent. Wire types carry `#[serde(deny_unknown_fields)]`: what is not understood is
//! refused, in a body as in a query.

use std::error::Error as _;
use std::net::{IpAddr, SocketAddr};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use musubi_crypto::Sha256Digest;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Problem;
use crate::problems::{REQUEST_MALFORMED, REQUEST_TOO_LARGE, REQUEST_UNSUPPORTED_MEDIA_TYPE, ROUTE_UNKNOWN};

/// Largest body that is read unless a route says otherwise, in bytes.
pub const DEFAULT_LIMIT: usize = 64 * 1024;

/// A JSON body of at most `LIMIT` bytes; as an answer, JSON.
///
/// Refusals: 415 unless the content type is `application/json`, 413 if it is too large, 400 if it does not
/// parse as `T`.
#[derive(Debug, Clone, Copy)]
pub struct Json<T, const LIMIT: usize = DEFAULT_LIMIT>(pub T);

/// A JSON body as [`Json`], with the SHA-256 of its bytes: what an idempotency key is bound to.
#[derive(Debug, Clone, Copy)]
pub struct PostedJson<T, const LIMIT: usize = DEFAULT_LIMIT> {
    /// The value.
    pub value: T,
    /// SHA-256 of the body as it was received.
    pub sha256: Sha256Digest,
}

/// A form body (`application/x-www-form-urlencoded`) of at most `LIMIT` bytes; a repeated field is refused.
#[derive(Debug, Clone, Copy)]
pub struct Form<T, const LIMIT: usize = DEFAULT_LIMIT>(pub T);

/// The path's parameters; one that does not parse is a 404 `route.unknown`.
#[derive(Debug, Clone, Copy)]
pub struct Path<T>(pub T);

/// The query; an unknown or a malformed field is a 400 `request.malformed`.
#[derive(Debug, Clone, Copy)]
pub struct Query<T>(pub T);

/// Behind a proxy, the address that the proxy appended to `header` (`x-forwarded-for`): the last entry, since the
/// ones before it are the client's own words. Only for a server that nobody reaches but through that proxy.
pub fn peers_behind_proxy(router: Router, header: HeaderName) -> Router {
    router.layer(from_fn(move |mut request: Request, next: Next| {
        let said =
            request.headers().get_all(&header).iter().next_back().and_then(|value| value.to_str().ok());
        let address =
            said.and_then(|text| text.rsplit(',').next()).and_then(|text| text.trim().parse::<IpAddr>().ok());
        if let Some(address) = address {
            request.extensions_mut().insert(ConnectInfo(SocketAddr::new(address, 0)));
        }
        next.run(request)
    }))
}

/// The peer's network address as the key of a rate limit: an IPv4 address, the /64 of an IPv6 address (one
/// household has all of it), or `unknown` where the server does not tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer(pub String);

impl<T: DeserializeOwned, S: Send + Sync, const LIMIT: usize> FromRequest<S> for Json<T, LIMIT> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        PostedJson::<T, LIMIT>::from_request(request, state).await.map(|posted| Self(posted.value))
    }
}

impl<T: Serialize, const LIMIT: usize> IntoResponse for Json<T, LIMIT> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

impl<T: DeserializeOwned, S: Send + Sync, const LIMIT: usize> FromRequest<S> for PostedJson<T, LIMIT> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        expect_media_type(&parts.headers, "application/json")?;
        let bytes = read_body(&parts.headers, body, LIMIT).await?;
        let value = serde_json::from_slice(&bytes).map_err(|_| Problem::new(&REQUEST_MALFORMED))?;
        Ok(Self { value, sha256: musubi_crypto::sha256(&bytes) })
    }
}

impl<T: DeserializeOwned, S: Send + Sync, const LIMIT: usize> FromRequest<S> for Form<T, LIMIT> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        expect_media_type(&parts.headers, "application/x-www-form-urlencoded")?;
        let bytes = read_body(&parts.headers, body, LIMIT).await?;
        serde_urlencoded::from_bytes(&bytes).map(Self).map_err(|_| Problem::new(&REQUEST_MALFORMED))
    }
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        axum::extract::Path::<T>::from_request_parts(parts, state)
            .await
            .map(|path| Self(path.0))
            .map_err(|_| Problem::new(&ROUTE_UNKNOWN))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        serde_urlencoded::from_str(parts.uri.query().unwrap_or_default())
            .map(Self)
            .map_err(|_| Problem::new(&REQUEST_MALFORMED))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Peer {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let address = parts
            .extensions
            .get::<ConnectInfo<std::net::SocketAddr>>()
            .map(|info| info.0.ip().to_canonical());
        Ok(Self(match address {
            None => "unknown".to_owned(),
            Some(std::net::IpAddr::V4(v4)) => v4.to_string(),
            Some(std::net::IpAddr::V6(v6)) => {
                let [a, b, c, d, ..] = v6.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
        }))
    }
}

fn expect_media_type(headers: &HeaderMap, expected: &'static str) -> Result<(), Problem> {
    let media_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map(str::trim);
    match media_type {
        Some(media_type) if media_type.eq_ignore_ascii_case(expected) => Ok(()),
        _ => Err(Problem::new(&REQUEST_UNSUPPORTED_MEDIA_TYPE).with("expected", expected)),
    }
}

async fn read_body(headers: &HeaderMap, body: Body, limit: usize) -> Result<axum::body::Bytes, Problem> {
    let too_large = || Problem::new(&REQUEST_TOO_LARGE).with("limit_bytes", limit);
    let said =
        headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<u64>().ok());
    if said.is_some_and(|length| usize::try_from(length).map_or(true, |length| length > limit)) {
        return Err(too_large());
    }
    to_bytes(body, limit).await.map_err(|error| {
        match error.source().and_then(|e| e.downcast_ref::<http_body_util::LengthLimitError>()) {
            Some(_) => too_large(),
            // The connection broke inside the body: nobody reads this answer.
            None => Problem::new(&REQUEST_MALFORMED),
        }
    })
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;

    async fn peer_of(values: &[&str]) -> String {
        let router = Router::new().route("/", get(async |peer: Peer| peer.0));
        let router = peers_behind_proxy(router, HeaderName::from_static("x-forwarded-for"));
        let mut request = Request::get("/");
        for value in values {
            request = request.header("x-forwarded-for", *value);
        }
        let response = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        String::from_utf8(to_bytes(response.into_body(), 100).await.unwrap().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn behind_a_proxy_the_last_address_counts_and_nonsense_does_not() {
        assert_eq!(peer_of(&["198.51.100.7"]).await, "198.51.100.7");
        assert_eq!(peer_of(&["10.0.0.1, 198.51.100.7"]).await, "198.51.100.7");
        assert_eq!(peer_of(&["198.51.100.7", "203.0.113.9"]).await, "203.0.113.9");
        assert_eq!(peer_of(&["2001:db8:1:2:3:4:5:6"]).await, "2001:db8:1:2::/64");
        assert_eq!(peer_of(&["me"]).await, "unknown");
        assert_eq!(peer_of(&[]).await, "unknown");
    }
}
