//! Several services behind one port: the host name selects the router.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, Uri, header};
use axum::response::IntoResponse;
use tower::ServiceExt as _;

use crate::Problem;
use crate::problems::HOST_UNKNOWN;

/// Selects among `routes` by the `Host` header without its port. A name with a dot, `api.example.jp`, is a full host
/// name and serves that host alone; a name without one, `card`, serves `card.localhost` alone. `default` serves
/// `localhost` and the loopback addresses. Any other host, two hosts or none: 421 `host.unknown`. That includes a
/// host of somebody else whose DNS name was rebound to this machine, whatever its first label.
pub fn by_host(routes: Vec<(impl Into<String>, Router)>, default: Router) -> Router {
    let routes: Arc<[(String, Router)]> =
        routes.into_iter().map(|(name, router)| (full_name(name.into()), router)).collect();
    Router::new().fallback(move |request: Request| {
        let routes = Arc::clone(&routes);
        let default = default.clone();
        async move {
            let selected = match host(request.headers(), request.uri()).as_deref() {
                Some("localhost" | "127.0.0.1" | "[::1]") => Some(default),
                Some(host) => routes.iter().find(|(name, _)| name == host).map(|(_, router)| router.clone()),
                None => None,
            };
            match selected {
                Some(router) => router.oneshot(request).await.into_response(),
                None => Problem::new(&HOST_UNKNOWN).into_response(),
            }
        }
    })
}

/// The one host that a route's name stands for.
fn full_name(name: String) -> String {
    if name.contains('.') {
        name.to_ascii_lowercase()
    } else {
        format!("{name}.localhost").to_ascii_lowercase()
    }
}

/// The host that a request names, in lower case, without port and final dot. HTTP/2 names it in the target.
fn host(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let mut named = headers.get_all(header::HOST).iter();
    let authority = match (uri.authority(), named.next(), named.next()) {
        (_, _, Some(_)) | (None, None, _) => return None,
        (Some(authority), _, None) => authority.as_str(),
        (None, Some(host), None) => host.to_str().ok()?,
    };
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    };
    let host = host.trim_end_matches('.');
    let valid = |b: u8| b.is_ascii_alphanumeric() || b"-._[]:".contains(&b);
    (!host.is_empty() && host.bytes().all(valid)).then(|| host.to_ascii_lowercase())
}
