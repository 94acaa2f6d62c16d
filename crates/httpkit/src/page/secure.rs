//! What protects pages in a browser: a content security policy without inline code, no framing, no sniffing,
//! no foreign posts (OWASP CSRF Prevention Cheat Sheet: Fetch Metadata, else the Origin header).

use axum::Router;
use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, ORIGIN, REFERRER_POLICY, SET_COOKIE,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};

use super::lang::asked_for;
use super::{FRAME, MessagePage, PageLang};

const POLICY: &str =
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const PERMISSIONS: HeaderName = HeaderName::from_static("permissions-policy");

/// Puts the page protections around `pages`: security headers on every answer, a 403 page for an unsafe method
/// that does not come from the same origin, the cookie `lang` where `?lang=` was given.
///
/// A request with an unsafe method must carry `Sec-Fetch-Site: same-origin`, or, where the browser sends no
/// Fetch Metadata, an `Origin` whose host and port are those of `Host`. One with neither header is refused too.
pub fn secure_pages(pages: Router) -> Router {
    pages.layer(from_fn(guard))
}

async fn guard(request: Request, next: Next) -> Response {
    let asked = asked_for(request.uri().query());
    let mut response = if request.method().is_safe() || same_origin(request.headers()) {
        next.run(request).await
    } else {
        let (parts, _) = request.into_parts();
        let texts = FRAME.tr(PageLang::of(&parts).0);
        (
            StatusCode::FORBIDDEN,
            MessagePage::new(texts, "cross_site.title", "cross_site.what", "cross_site.next"),
        )
            .into_response()
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        // Not `no-referrer`: browsers would then post `Origin: null` to ourselves.
        (REFERRER_POLICY, "same-origin"),
        (PERMISSIONS, "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // A page may hold personal data; what may be kept (an asset) has said so itself.
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if let Some(lang) = asked {
        let cookie = format!("lang={}; Path=/; Max-Age=31536000; SameSite=Lax", lang.code());
        if let Ok(value) = HeaderValue::from_str(&cookie) {
            headers.append(SET_COOKIE, value);
        }
    }
    response
}

fn same_origin(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get(FETCH_SITE) {
        return site == "same-origin";
    }
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    // The scheme is not compared: a proxy that ends TLS leaves none to compare with.
    match (text(ORIGIN).and_then(|origin| origin.split_once("://")), text(HOST)) {
        (Some((_, authority)), Some(host)) => authority.eq_ignore_ascii_case(host),
        _ => false,
    }
}
