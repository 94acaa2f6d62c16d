//! The whole API: every feature's routes and the OpenAPI 3.1 document that describes them.

use std::sync::Arc;

use axum::http::header;
use axum::routing::get;
use axum::{Extension, Router};
use musubi_httpkit::PROBLEM_JSON;
use musubi_platform::Context;
use musubi_platform::metering::FeeTable;
use musubi_stream::Streams;
use musubi_verification::Verification;
use utoipa::openapi::{
    ContactBuilder, ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, Ref, Response, ResponseBuilder,
    ServerBuilder,
};

/// The OpenAPI document, without a server's address: committed as `docs/openapi.json`.
#[must_use]
pub fn document() -> OpenApi {
    let mut document = musubi_platform::api().into_openapi();
    document.merge(musubi_verification::api().into_openapi());
    document.merge(musubi_stream::api().into_openapi());
    document.info = InfoBuilder::new()
        .title("Musubi")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Identity proofing (本人確認), entitlement check (資格確認) and change check (変更確認) with the certificates \
             of the My Number Card (公的個人認証サービス, JPKI). Times are RFC 3339 in UTC, bytes are base64 (RFC 4648, 4). \
             Problems are RFC 9457 documents. Every POST but `/v1/token`, and those below `/v1/ssf` whose form a standard \
             gives, takes an `Idempotency-Key`.",
        ))
        .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()))
        .contact(Some(ContactBuilder::new().name(Some("The operator of this installation")).build()))
        .build();
    document.servers = Some(vec![ServerBuilder::new().url("/").build()]);
    for item in document.paths.paths.values_mut() {
        let operations =
            [&mut item.get, &mut item.head, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            operation.responses.responses.insert("default".to_owned(), any_other_problem().into());
        }
    }
    document
}

/// What every route can answer beside what it names: malformed or too large requests, time-outs, failures inside.
fn any_other_problem() -> Response {
    let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("ProblemDocument"))).build();
    ResponseBuilder::new()
        .description("Any other problem: see the reference of error codes")
        .content(PROBLEM_JSON, problem)
        .build()
}

/// `(method, path)` of every route in the document, in order: what the authorization tests must cover.
#[must_use]
pub fn routes() -> Vec<(String, String)> {
    let json = serde_json::to_value(document()).unwrap_or_default();
    let Some(paths) = json.get("paths").and_then(serde_json::Value::as_object) else { return Vec::new() };
    let mut routes: Vec<(String, String)> = paths
        .iter()
        .filter_map(|(path, item)| Some((path, item.as_object()?)))
        .flat_map(|(path, item)| item.keys().map(move |method| (method.to_uppercase(), path.clone())))
        .filter(|(method, _)| ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"].contains(&method.as_str()))
        .collect();
    routes.sort();
    routes
}

pub(crate) fn router(
    context: &Context,
    verification: &Verification,
    streams: &Streams,
    fees: &Arc<FeeTable>,
) -> Router {
    let platform: Router = Router::from(musubi_platform::api()).with_state(context.clone());
    let platform = platform.layer(Extension(Arc::clone(fees)));
    let verification: Router = Router::from(musubi_verification::api()).with_state(verification.clone());
    let streams: Router = Router::from(musubi_stream::api()).with_state(streams.clone());
    let text = document().to_pretty_json().unwrap_or_default();
    platform.merge(verification).merge(streams).route(
        "/v1/openapi.json",
        get(async move || {
            ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "max-age=300")], text)
        }),
    )
}
