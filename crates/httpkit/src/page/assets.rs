//! Style sheets, scripts and the mark: compiled in, so that no page needs another server.

use std::sync::Arc;

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse as _;
use axum::routing::{MethodRouter, get};
use musubi_kernel::hex_lower;

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// `GET /assets/…`: `tokens.css` (Digital Agency Design System), `musubi.css`, `card-client.js`, `live.js`,
/// `musubi.svg`. Merge it into each site's router.
pub fn assets() -> Router {
    Router::new()
        .route("/assets/tokens.css", asset(CSS, include_bytes!("../../assets/tokens.css")))
        .route("/assets/musubi.css", asset(CSS, include_bytes!("../../assets/musubi.css")))
        .route("/assets/card-client.js", asset(JS, include_bytes!("../../assets/card-client.js")))
        .route("/assets/live.js", asset(JS, include_bytes!("../../assets/live.js")))
        .route("/assets/musubi.svg", asset(SVG, include_bytes!("../../assets/musubi.svg")))
}

/// `GET` of one compiled-in file with a strong `ETag`; answers 304 to a browser that has it. For a site's own
/// files: `.route("/assets/keypad.js", asset("text/javascript; charset=utf-8", include_bytes!(…)))`.
pub fn asset(content_type: &'static str, body: &'static [u8]) -> MethodRouter {
    let digest = hex_lower(&musubi_crypto::sha256(body));
    let tag: Arc<str> = format!("\"{}\"", digest.get(..32).unwrap_or_default()).into();
    get(move |headers: HeaderMap| {
        let tag = tag.clone();
        async move {
            let known = headers.get_all(IF_NONE_MATCH).iter().filter_map(|v| v.to_str().ok());
            let fresh = known.flat_map(|v| v.split(',')).any(|v| v.trim().trim_start_matches("W/") == &*tag);
            let lasting = [(ETAG, tag.to_string()), (CACHE_CONTROL, "no-cache".to_owned())];
            if fresh {
                (StatusCode::NOT_MODIFIED, lasting).into_response()
            } else {
                (lasting, [(CONTENT_TYPE, content_type)], body).into_response()
            }
        }
    })
}
