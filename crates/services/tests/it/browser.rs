//! As much of a browser as the tests need: cookies, the Origin header, the language.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, COOKIE, HOST, LOCATION, ORIGIN, SET_COOKIE};
use axum::http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

pub(crate) struct Browser {
    site: Router,
    origin: String,
    pub(crate) cookies: BTreeMap<String, String>,
    /// Every `Set-Cookie` line seen.
    pub(crate) set: Vec<String>,
    pub(crate) lang: &'static str,
}

pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) location: Option<String>,
    pub(crate) text: String,
}

impl Page {
    /// The text between `start` and `end`, unescaped.
    pub(crate) fn between(&self, start: &str, end: &str) -> &str {
        let rest = self.text.split_once(start).unwrap_or_else(|| panic!("no {start} in {}", self.text)).1;
        rest.split_once(end).unwrap().0
    }

    pub(crate) fn card_request(&self) -> serde_json::Value {
        serde_json::from_str(self.between("id=\"card-request\">", "</script>")).unwrap()
    }
}

impl Browser {
    pub(crate) fn new(site: Router, origin: &str) -> Self {
        Self { site, origin: origin.to_owned(), cookies: BTreeMap::new(), set: Vec::new(), lang: "ja" }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Page {
        self.send(Method::GET, path, &[]).await
    }

    pub(crate) async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Page {
        self.send(Method::POST, path, form).await
    }

    /// POST, then GET of where it led.
    pub(crate) async fn post_and_follow(&mut self, path: &str, form: &[(&str, &str)]) -> (String, Page) {
        let page = self.post(path, form).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.text);
        let onward = page.location.unwrap();
        let page = self.get(&onward).await;
        (onward, page)
    }

    async fn send(&mut self, method: Method, path: &str, form: &[(&str, &str)]) -> Page {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let host = self.origin.split_once("://").unwrap().1;
        let mut request = Request::builder().uri(path).method(method.clone()).header(HOST, host);
        request = request.header("accept-language", self.lang);
        if !cookies.is_empty() {
            request = request.header(COOKIE, cookies.join("; "));
        }
        let body = if method == Method::POST {
            request = request
                .header(ORIGIN, &self.origin)
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
            Body::from(encode(form))
        } else {
            Body::empty()
        };
        let response = self.site.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        for line in response.headers().get_all(SET_COOKIE) {
            let line = line.to_str().unwrap();
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
            self.set.push(line.to_owned());
        }
        let status = response.status();
        let location = response.headers().get(LOCATION).map(|v| v.to_str().unwrap().to_owned());
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        Page { status, location, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }
}

fn encode(form: &[(&str, &str)]) -> String {
    let escape = |text: &str| {
        text.bytes()
            .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
            .collect::<String>()
    };
    form.iter()
        .map(|(name, value)| format!("{}={}", escape(name), escape(value)))
        .collect::<Vec<_>>()
        .join("&")
}
