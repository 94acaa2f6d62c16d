//! Cookies of a site that signs people in.
//!
//! Over https each has the prefix `__Host-`: browsers take such a cookie only from this very host over https, so that
//! no sibling host and no plain-http page can plant one. Over plain http, on localhost, browsers refuse the prefix.

use std::borrow::Cow;

use axum::http::{HeaderMap, HeaderValue, header};

/// Whether a cookie comes along when another site leads here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameSite {
    /// When a link is followed.
    Lax,
    /// Never.
    Strict,
}

/// The value of the cookie `name` in a request.
#[must_use]
pub fn read_cookie<'a>(headers: &'a HeaderMap, name: &str, secure: bool) -> Option<&'a str> {
    let name = full_name(name, secure);
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(&*name)?.strip_prefix('='))
}

/// `Set-Cookie` for this host alone, out of scripts' reach. `secure` unless the site runs on plain HTTP, as it does on
/// localhost. `max_age` in seconds; 0 removes it. `None` if the value does not fit into a header.
#[must_use]
pub fn cookie(
    name: &str,
    value: &str,
    max_age: i64,
    same_site: SameSite,
    secure: bool,
) -> Option<HeaderValue> {
    let (name, secure) = (full_name(name, secure), if secure { "; Secure" } else { "" });
    let site = match same_site {
        SameSite::Lax => "Lax",
        SameSite::Strict => "Strict",
    };
    let text = format!("{name}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite={site}{secure}");
    HeaderValue::from_str(&text).ok()
}

fn full_name(name: &str, secure: bool) -> Cow<'_, str> {
    if secure { format!("__Host-{name}").into() } else { name.into() }
}
