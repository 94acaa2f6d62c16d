//! What stands before every route: the exact host, the same origin, no reading from elsewhere (`docs/spec/connector.md`).
//!
//! A web page anywhere can send requests to this port. It cannot read answers (no CORS header but those of
//! [`status`]), cannot post (Fetch Metadata, `Origin`), cannot come in under a name of its own (`Host`), cannot embed
//! what is here. It can open a window, which the person sees.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, CACHE_CONTROL, CONTENT_SECURITY_POLICY,
    HOST, ORIGIN, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use musubi_httpkit::Problem;
use musubi_httpkit::problems::HOST_UNKNOWN;
use serde_json::json;

use super::desk::Desk;
use super::problems::{REQUEST_CROSS_SITE, SITE_NOT_APPROVED};

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// What a browser asks before it lets a page reach this computer, and what allows it: the names of Private Network Access
/// and of its short-lived successor. Local Network Access asks the person instead, and sends neither.
const NETWORK_QUESTIONS: [(HeaderName, HeaderName); 2] = [
    (
        HeaderName::from_static("access-control-request-private-network"),
        HeaderName::from_static("access-control-allow-private-network"),
    ),
    (
        HeaderName::from_static("access-control-request-local-network"),
        HeaderName::from_static("access-control-allow-local-network"),
    ),
];

/// The one path that an approved page may read.
pub(super) const STATUS: &str = "/status";

/// The gate of one address.
#[derive(Debug, Clone)]
pub(super) struct Gate {
    authority: Arc<str>,
    origin: Arc<str>,
    desk: Desk,
}

impl Gate {
    /// The gate of `127.0.0.1` and this port.
    pub(super) fn new(port: u16, desk: Desk) -> Self {
        // Browsers leave out the port that is the scheme's own.
        let authority = if port == 80 { "127.0.0.1".to_owned() } else { format!("127.0.0.1:{port}") };
        Self { origin: format!("http://{authority}").into(), authority: authority.into(), desk }
    }

    /// Puts the gate before all routes of `router`.
    pub(super) fn before(self, router: Router) -> Router {
        router.layer(from_fn_with_state(self, pass))
    }

    /// The host is exactly this address. A foreign name that was made to lead here (DNS rebinding) is another host, and so
    /// is `localhost`: one origin has the pairing.
    fn is_addressed(&self, request: &Request) -> bool {
        let mut named = request.headers().get_all(HOST).iter();
        let host = matches!((named.next(), named.next()), (Some(host), None) if host == &*self.authority);
        host && request.uri().authority().is_none_or(|authority| authority.as_str() == &*self.authority)
    }

    /// A request that changes something comes from a page of this very origin: the browser says so, in whichever of the two
    /// ways it knows, and contradicts itself in neither.
    fn is_own(&self, headers: &HeaderMap) -> bool {
        let site = headers.get(FETCH_SITE).map(|site| site == "same-origin");
        let origin = sole(headers, &ORIGIN).map(|origin| origin == Some(&*self.origin));
        matches!((site, origin), (Some(true), None | Some(true)) | (None, Some(true)))
    }

    /// What only reads is for this origin's pages, for the address bar, and for windows that another page opens: never
    /// for that page's scripts, images or frames (Fetch Metadata, resource isolation policy).
    fn may_load(&self, headers: &HeaderMap) -> bool {
        let is = |name: &HeaderName, value: &str| headers.get(name).is_some_and(|sent| sent == value);
        match headers.get(FETCH_SITE) {
            None => true,
            Some(site) if site == "same-origin" || site == "none" => true,
            Some(_) => is(&FETCH_MODE, "navigate") && is(&FETCH_DEST, "document"),
        }
    }

    /// The answer to a browser that asks whether a page elsewhere may read here: yes for the status, to approved sites.
    async fn preflight(&self, path: &str, headers: &HeaderMap) -> Response {
        let simple = headers.get(ACCESS_CONTROL_REQUEST_METHOD).is_some_and(|method| method == "GET")
            && !headers.contains_key(ACCESS_CONTROL_REQUEST_HEADERS);
        let Some(origin) = self.approved(headers).await.filter(|_| path == STATUS && simple) else {
            return refused();
        };
        let mut response = StatusCode::NO_CONTENT.into_response();
        let answer = response.headers_mut();
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        answer.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET"));
        // Forgetting a site takes effect at once.
        answer.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("0"));
        for (question, permission) in NETWORK_QUESTIONS {
            if headers.get(question).is_some_and(|value| value == "true") {
                answer.insert(permission, HeaderValue::from_static("true"));
            }
        }
        response
    }

    /// The origin that a request names, if the holder approved it.
    async fn approved(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = sole(headers, &ORIGIN)??;
        if self.desk.is_approved(origin).await { HeaderValue::from_str(origin).ok() } else { None }
    }
}

/// `GET /status`: tells a page that the holder approved, and this origin's own, that the program runs. Anybody else is
/// refused, and could not read that either.
pub(super) async fn status(State(gate): State<Gate>, headers: HeaderMap) -> Response {
    let own = sole(&headers, &ORIGIN).is_none_or(|origin| origin == Some(&*gate.origin));
    let approved = gate.approved(&headers).await;
    if !own && approved.is_none() {
        return refused();
    }
    let mut response = axum::Json(json!({ "musubi_agent": env!("CARGO_PKG_VERSION") })).into_response();
    if let Some(origin) = approved {
        response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    response
}

async fn pass(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let (method, headers) = (request.method(), request.headers());
    let mut response = if !gate.is_addressed(&request) {
        Problem::new(&HOST_UNKNOWN).into_response()
    } else if method == Method::OPTIONS {
        gate.preflight(&path, headers).await
    } else if !method.is_safe() && !gate.is_own(headers)
        || method.is_safe() && path != STATUS && !gate.may_load(headers)
    {
        Problem::new(&REQUEST_CROSS_SITE).into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "same-origin"),
        (CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if !path.starts_with("/window") {
        // The card window answers its opener; nothing else here has one.
        headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    }
    headers.append(VARY, HeaderValue::from_static("Origin"));
    response
}

/// The header's one value: `None` if it is not sent, `Some(None)` if it is sent twice or is no text.
fn sole<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<Option<&'a str>> {
    let mut sent = headers.get_all(name).iter();
    let value = sent.next()?;
    Some(if sent.next().is_some() { None } else { value.to_str().ok() })
}

fn refused() -> Response {
    Problem::new(&SITE_NOT_APPROVED).into_response()
}
