//! What every API router wears: problems instead of bare statuses, a time limit, a net under panics, headers
//! that keep answers out of caches and out of frames.

use std::any::Any;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;

use crate::Problem;
use crate::problems::{INTERNAL, METHOD_NOT_ALLOWED, REQUEST_TIMED_OUT, ROUTE_UNKNOWN};

/// Longest time that a request may take unless the caller says otherwise.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// The headers of every API answer: nothing here is a page, nothing here may be kept by a cache.
const HEADERS: [(HeaderName, &str); 5] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Completes an API router, after all its routes are in: unknown routes and methods answer problems, a panic
/// answers `internal`, a request longer than `timeout` answers `request.timed_out`, every answer has the
/// headers above unless its handler set them. `timeout` begins when the head of the request has arrived, so
/// it also bounds a body that trickles in.
pub fn finish_api(router: Router, timeout: Duration) -> Router {
    router
        .fallback(async || Problem::new(&ROUTE_UNKNOWN))
        .method_not_allowed_fallback(async || Problem::new(&METHOD_NOT_ALLOWED))
        // A net under handlers that read a body without an extractor of this crate.
        .layer(DefaultBodyLimit::max(crate::DEFAULT_LIMIT))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(move |request: Request, next: Next| async move {
            match tokio::time::timeout(timeout, next.run(request)).await {
                Ok(response) => response,
                Err(_) => Problem::new(&REQUEST_TIMED_OUT)
                    .with_header(header::RETRY_AFTER, HeaderValue::from_static("5"))
                    .into_response(),
            }
        }))
        .layer(from_fn(async |request: Request, next: Next| {
            let mut response = next.run(request).await;
            for (name, value) in HEADERS {
                response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
            }
            response
        }))
}

// The panic's text may hold a value: it goes neither to the outsider nor into this log line. The standard
// panic hook has written it to the operator's standard error.
fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!(code = INTERNAL.code.as_str(), "a handler panicked");
    Problem::new(&INTERNAL).into_response()
}
