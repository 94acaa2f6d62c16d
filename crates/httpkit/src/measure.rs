//! Counts and times answers by route, and puts each request into a span. Sees patterns of routes, methods and statuses;
//! no path as it was asked for, no query, no header, no body.

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::middleware::{Next, from_fn};
use tracing::Instrument as _;

/// Measures every route of a site. `site` is the label that says which: `api`, `portal`, `console`.
pub fn measured(router: Router, site: &'static str) -> Router {
    router.layer(from_fn(move |request: Request, next: Next| async move {
        let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
        let method = musubi_telemetry::method_label(request.method().as_str());
        let span = tracing::info_span!("request", site, route, method, status = tracing::field::Empty);
        let began = tokio::time::Instant::now();
        let response = next.run(request).instrument(span.clone()).await;
        let status = response.status().as_u16();
        span.record("status", status);
        musubi_telemetry::request_answered(site, &route, method, status, began.elapsed().as_secs_f64());
        response
    }))
}
