//! The portal's two cookies: the session, and the sign-in that this browser began.

use axum::http::{HeaderMap, HeaderValue};
use musubi_httpkit::page::{SameSite, cookie, read_cookie};

/// The session's token.
pub(super) const SESSION: &str = "musubi_portal";
/// The entitlement check that this browser began: nobody can be made to complete somebody else's.
pub(super) const SIGN_IN: &str = "musubi_portal_sign_in";

pub(super) fn read<'a>(headers: &'a HeaderMap, name: &str, secure: bool) -> Option<&'a str> {
    read_cookie(headers, name, secure)
}

/// `Set-Cookie` for this host alone. `secure` unless the portal runs on plain HTTP, as it does on localhost.
pub(super) fn set(name: &str, value: &str, max_age: i64, secure: bool) -> Option<HeaderValue> {
    cookie(name, value, max_age, SameSite::Lax, secure)
}

#[cfg(test)]
mod tests {
    use axum::http::header;

    use super::*;

    fn sent(text: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_static(text))])
    }

    #[test]
    fn over_https_a_cookie_is_bound_to_this_host_and_no_other_is_read() {
        for name in [SESSION, SIGN_IN] {
            let cookie = set(name, "v", 60, true).unwrap();
            let text = cookie.to_str().unwrap();
            assert!(text.starts_with(&format!("__Host-{name}=v; Path=/; ")), "{text}");
            assert!(text.ends_with("; Secure") && !text.contains("Domain"), "{text}");
        }
        let planted = "musubi_portal=planted; __Host-musubi_portal=own; __Host-musubi_portal_sign_in=begun";
        assert_eq!(read(&sent(planted), SESSION, true), Some("own"));
        assert_eq!(read(&sent(planted), SIGN_IN, true), Some("begun"));
        assert_eq!(read(&sent("musubi_portal=planted"), SESSION, true), None);
    }

    #[test]
    fn over_plain_http_a_cookie_has_no_prefix() {
        let cookie = set(SESSION, "v", 60, false).unwrap();
        assert_eq!(cookie, "musubi_portal=v; Path=/; Max-Age=60; HttpOnly; SameSite=Lax");
        assert_eq!(read(&sent("lang=ja; musubi_portal=v"), SESSION, false), Some("v"));
    }
}
