//! Who asks for a page, as far as a request tells: language, cookies; and what a page does when it cannot.

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::{COOKIE, LOCATION, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use musubi_crypto::{Sha256Digest, sha256};
use musubi_httpkit::page::{Lang, PageLang};
use serde::de::DeserializeOwned;

/// Largest form that a page reads, in bytes.
pub(crate) const FORM_LIMIT: usize = 64 * 1024;

/// Language and cookies of a request.
pub(crate) struct Visit {
    pub(crate) lang: Lang,
    headers: HeaderMap,
}

impl Visit {
    /// The value of a cookie of ours: 64 hex digits or nothing.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        let all = self.headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        all.flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
            .filter(|value| value.len() == 64 && value.bytes().all(|b| b.is_ascii_hexdigit()))
    }

    /// SHA-256 of a cookie's value: what a database keeps.
    pub(crate) fn cookie_hash(&self, name: &str) -> Option<Sha256Digest> {
        self.cookie(name).map(|value| sha256(value.as_bytes()))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let PageLang(lang) = PageLang::from_request_parts(parts, state).await?;
        Ok(Self { lang, headers: parts.headers.clone() })
    }
}

/// `name=value` for `Set-Cookie`; `Secure` where the site is served over TLS.
pub(crate) fn set_cookie(
    name: &str,
    value: &str,
    max_age: i64,
    own_origin: &str,
) -> (axum::http::HeaderName, String) {
    let secure = if own_origin.starts_with("https://") { "; Secure" } else { "" };
    (SET_COOKIE, format!("{name}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}"))
}

/// 303 to a path of this site, which the program wrote.
pub(crate) fn see_other(path: String) -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, path)]).into_response()
}

/// Why there is no page. [`faults_as_pages`] says it in the visitor's language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No such page, or not this visitor's.
    NotFound,
    /// A form that no page of ours sends.
    BadForm,
    /// Our own fault; the log knows more.
    Internal,
}

impl<E: std::error::Error> From<E> for Fault {
    fn from(error: E) -> Self {
        tracing::error!(%error, "a page could not be made");
        Self::Internal
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let status = match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::BadForm => StatusCode::BAD_REQUEST,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status;
        response.extensions_mut().insert(self);
        response
    }
}

/// A form of at most [`FORM_LIMIT`] bytes; anything else is [`Fault::BadForm`].
pub(crate) struct PageForm<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for PageForm<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, state: &S) -> Result<Self, Fault> {
        match musubi_httpkit::Form::<T, FORM_LIMIT>::from_request(request, state).await {
            Ok(musubi_httpkit::Form(form)) => Ok(Self(form)),
            Err(_) => Err(Fault::BadForm),
        }
    }
}

/// A middleware's body: answers a [`Fault`] by the page that `page` makes of it.
pub(crate) async fn faults_as_pages<P: IntoResponse>(
    request: Request,
    next: axum::middleware::Next,
    page: impl FnOnce(Fault, Lang) -> P,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let Ok(PageLang(lang)) = PageLang::from_request_parts(&mut parts, &()).await;
    let response = next.run(Request::from_parts(parts, body)).await;
    match response.extensions().get::<Fault>() {
        Some(fault) => (response.status(), page(*fault, lang)).into_response(),
        None => response,
    }
}
