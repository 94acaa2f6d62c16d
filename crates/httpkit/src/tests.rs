//! The API's side of this crate, through a router.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::routing::{get, post};
use http_body_util::BodyExt as _;
use serde::Deserialize;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::problems::{REQUEST_MALFORMED, REQUEST_RATE_LIMITED};
use crate::*;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Thing {
    #[allow(dead_code)]
    number: u32,
}

fn router() -> Router {
    let routes = Router::new()
        .route("/json", post(async |Json(_): Json<Thing>| Json::<_>(json!({ "ok": true }))))
        .route("/small", post(async |Json(_): Json<Thing, 20>| "ok"))
        .route("/digest", post(async |posted: PostedJson<Thing>| format!("{:02x}", posted.sha256[0])))
        .route("/form", post(async |Form(_): Form<Thing>| "ok"))
        .route("/query", get(async |Query(_): Query<Thing>| "ok"))
        .route("/things/{number}", get(async |Path(_): Path<u32>| "ok"))
        .route("/peer", get(async |Peer(peer): Peer| peer))
        .route("/cached", get(async || ([(header::CACHE_CONTROL, "max-age=60")], "ok")))
        .route("/panic", get(async || -> &'static str { panic!("canary-4711") }))
        .route("/internal", get(async || -> Problem { internal(&"canary-4711") }))
        .route("/slow", get(async || std::future::pending::<&'static str>().await));
    finish_api(routes, Duration::from_millis(300))
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn problem(&self) -> (u16, String) {
        assert_eq!(self.headers["content-type"], PROBLEM_JSON, "{}", self.text);
        let body: Value = serde_json::from_str(&self.text).unwrap();
        assert_eq!(body["status"], self.status.as_u16());
        (self.status.as_u16(), body["code"].as_str().unwrap().to_owned())
    }
}

async fn send(router: Router, request: Request<Body>) -> Answer {
    let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
    let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    Answer { status: parts.status, headers: parts.headers, text }
}

async fn get_path(path: &str) -> Answer {
    send(router(), Request::get(path).body(Body::empty()).unwrap()).await
}

async fn post_body(path: &str, media_type: &str, body: impl Into<Body>) -> Answer {
    send(router(), Request::post(path).header("content-type", media_type).body(body.into()).unwrap()).await
}

fn problem(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn a_json_body_is_taken_only_if_it_is_small_of_the_right_type_and_fully_understood() {
    let json_type = "application/json";
    for media_type in [json_type, "Application/JSON; charset=utf-8"] {
        assert_eq!(post_body("/json", media_type, r#"{"number":1}"#).await.status, 200);
    }
    for media_type in ["text/plain", "", "application/jsonp", "application/x-www-form-urlencoded"] {
        let answer = post_body("/json", media_type, r#"{"number":1}"#).await;
        assert_eq!(answer.problem(), problem(415, "request.unsupported_media_type"), "{media_type}");
    }
    let deep = "[".repeat(10_000);
    for body in [
        "",
        "x",
        "{}",
        r#"{"number":1,"more":2}"#,
        r#"{"number":1,"number":1}"#,
        r#"{"number":-1}"#,
        r#"{"number":1}x"#,
        r#"{"number":"canary-4711"}"#,
        &deep,
        "\u{FEFF}{\"number\":1}",
    ] {
        let answer = post_body("/json", json_type, body.to_owned()).await;
        assert_eq!(answer.problem(), problem(400, "request.malformed"));
        assert!(!answer.text.contains("canary"), "what was sent is not echoed");
    }
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_whether_or_not_its_length_is_told() {
    let exact = format!(r#"{{"number":1{}}}"#, " ".repeat(8));
    assert_eq!(exact.len(), 20);
    assert_eq!(post_body("/small", "application/json", exact.clone()).await.status, 200);
    let larger = format!("{exact} ");
    let refused = post_body("/small", "application/json", larger.clone()).await;
    assert_eq!(refused.problem(), problem(413, "request.too_large"));
    assert!(refused.text.contains(r#""limit_bytes":20"#));
    assert_eq!(
        post_body("/small", "application/json", unsized_body(larger)).await.problem(),
        problem(413, "request.too_large")
    );
    let request = Request::post("/small")
        .header("content-type", "application/json")
        .header("content-length", "99999999999999999999")
        .body(Body::from(exact));
    // No number that fits: the body itself is what counts.
    assert_eq!(send(router(), request.unwrap()).await.status, 200);
    let at_default = format!(r#"{{"number":1{}}}"#, " ".repeat(DEFAULT_LIMIT - 12));
    assert_eq!(post_body("/json", "application/json", at_default.clone()).await.status, 200);
    assert_eq!(post_body("/json", "application/json", at_default + " ").await.problem().0, 413);
}

/// A body whose length is not told in advance.
fn unsized_body(text: String) -> Body {
    Body::from_stream(futures_util::stream::iter([Ok::<_, std::convert::Infallible>(text)]))
}

#[tokio::test]
async fn a_form_a_query_and_a_path_are_as_strict() {
    let form = "application/x-www-form-urlencoded";
    assert_eq!(post_body("/form", form, "number=1").await.status, 200);
    for body in ["", "number=x", "number=1&more=2", "number=1&number=2"] {
        assert_eq!(
            post_body("/form", form, body).await.problem(),
            problem(400, "request.malformed"),
            "{body}"
        );
    }
    let refused = post_body("/form", "application/json", "number=1").await;
    assert_eq!(refused.problem(), problem(415, "request.unsupported_media_type"));
    assert_eq!(get_path("/query?number=1").await.status, 200);
    for query in ["", "?", "?number=", "?number=1&more=2", "?number=1&number=2", "?Number=1"] {
        assert_eq!(
            get_path(&format!("/query{query}")).await.problem(),
            problem(400, "request.malformed"),
            "{query}"
        );
    }
    assert_eq!(get_path("/things/7").await.status, 200);
    assert_eq!(get_path("/things/seven").await.problem(), problem(404, "route.unknown"));
}

#[tokio::test]
async fn a_posted_body_comes_with_the_digest_of_its_bytes() {
    let digest = musubi_crypto::sha256(br#"{"number":1}"#);
    let answer = post_body("/digest", "application/json", r#"{"number":1}"#).await;
    assert_eq!(answer.text, format!("{:02x}", digest[0]));
}

#[tokio::test]
async fn what_is_not_there_and_what_goes_wrong_is_told_as_a_problem() {
    assert_eq!(get_path("/nowhere").await.problem(), problem(404, "route.unknown"));
    let wrong_method = get_path("/json").await;
    assert_eq!(wrong_method.problem(), problem(405, "method.not_allowed"));
    assert_eq!(wrong_method.headers["allow"], "POST");
    for path in ["/panic", "/internal"] {
        let answer = get_path(path).await;
        assert_eq!(answer.problem(), problem(500, "internal"));
        assert!(!answer.text.contains("canary"), "{path}");
    }
    let slow = get_path("/slow").await;
    assert_eq!(slow.problem(), problem(503, "request.timed_out"));
    assert_eq!(slow.headers["retry-after"], "5");
}

#[tokio::test]
async fn every_answer_keeps_out_of_caches_and_frames_unless_the_handler_says_otherwise() {
    for path in ["/things/7", "/nowhere", "/json", "/panic", "/slow"] {
        let headers = get_path(path).await.headers;
        assert_eq!(headers["cache-control"], "no-store", "{path}");
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert!(
            headers["content-security-policy"].to_str().unwrap().contains("frame-ancestors 'none'"),
            "{path}"
        );
    }
    assert_eq!(get_path("/cached").await.headers["cache-control"], "max-age=60");
}

#[tokio::test]
async fn a_peer_is_an_ipv4_address_or_the_network_of_an_ipv6_address() {
    assert_eq!(get_path("/peer").await.text, "unknown");
    for (address, key) in [
        ("192.0.2.7:1234", "192.0.2.7"),
        ("[::ffff:192.0.2.7]:1234", "192.0.2.7"),
        ("[2001:db8:1:2:3:4:5:6]:1", "2001:db8:1:2::/64"),
    ] {
        let address: std::net::SocketAddr = address.parse().unwrap();
        let mut request = Request::get("/peer").body(Body::empty()).unwrap();
        request.extensions_mut().insert(axum::extract::ConnectInfo(address));
        assert_eq!(send(router(), request).await.text, key);
    }
}

#[tokio::test]
async fn the_whole_host_selects_the_router() {
    let say = |text: &'static str| Router::new().route("/", get(async move || text));
    let hosts = || {
        let routes =
            vec![("api", say("api")), ("card", say("card")), ("portal.musubi.example", say("portal"))];
        hosts::by_host(routes, say("start"))
    };
    for (host, expected) in [
        ("api.localhost:8080", "api"),
        ("API.Localhost.", "api"),
        ("card.localhost", "card"),
        ("portal.musubi.example", "portal"),
        ("Portal.Musubi.Example.:443", "portal"),
        ("localhost:8080", "start"),
        ("127.0.0.1:8080", "start"),
        ("[::1]:8080", "start"),
        ("[::1]", "start"),
    ] {
        let request = Request::get("/").header("host", host).body(Body::empty()).unwrap();
        assert_eq!(send(hosts(), request).await.text, expected, "{host}");
    }
    for host in [
        "other.localhost",
        "api",
        "evil.example",
        // A rebound DNS name may begin as it likes.
        "api.evil.example",
        "api.localhost.evil.example",
        "portal.localhost",
        "portal.evil.example",
        "portal.musubi.example.evil.example",
        "x.portal.musubi.example",
        "",
        "apiX.localhost",
        "192.0.2.7",
        "a/b",
        "x@api.localhost",
    ] {
        let request = Request::get("/").header("host", host).body(Body::empty()).unwrap();
        assert_eq!(send(hosts(), request).await.problem(), problem(421, "host.unknown"), "{host}");
    }
    let none = Request::get("/").body(Body::empty()).unwrap();
    assert_eq!(send(hosts(), none).await.problem().0, 421);
    let two = Request::get("/").header("host", "api.localhost").header("host", "card.localhost");
    assert_eq!(send(hosts(), two.body(Body::empty()).unwrap()).await.problem().0, 421);
}

#[tokio::test]
async fn the_client_finds_names_below_localhost_and_follows_no_redirect() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let routes = hosts::by_host(
        vec![("bank", Router::new().route("/", get(async || axum::response::Redirect::to("/elsewhere"))))],
        Router::new(),
    );
    let server = tokio::spawn(async move { axum::serve(listener, routes).await });
    let client = client::http_client(Duration::from_secs(5));
    let answer = client.get(format!("http://bank.localhost:{port}/")).send().await.unwrap();
    assert_eq!(answer.status(), 303);
    assert_eq!(client.get(format!("http://town.localhost:{port}/")).send().await.unwrap().status(), 421);
    server.abort();
}

#[test]
fn a_problem_has_the_members_of_rfc_9457_and_its_own() {
    let problem =
        Problem::new(&REQUEST_MALFORMED).with("pointer", "/a").with("status", 200).with("code", "x");
    assert_eq!(
        problem.to_json(),
        json!({
            "type": "https://musubi.example/problems/request.malformed",
            "title": "Malformed request",
            "status": 400,
            "code": "request.malformed",
            "detail": {
                "ja": { "what": REQUEST_MALFORMED.ja.what, "next": REQUEST_MALFORMED.ja.next },
                "en": { "what": REQUEST_MALFORMED.en.what, "next": REQUEST_MALFORMED.en.next },
            },
            "pointer": "/a",
        })
    );
}

#[test]
fn every_problem_has_its_own_code_and_speaks_both_languages() {
    let codes: BTreeSet<_> = PROBLEMS.iter().map(|kind| kind.code).collect();
    assert_eq!(codes.len(), PROBLEMS.len());
    for kind in PROBLEMS {
        assert!((400..600).contains(&kind.status), "{}", kind.code);
        assert!(!kind.ja.what.is_ascii() && !kind.ja.next.is_ascii(), "{}", kind.code);
        assert!(kind.en.what.is_ascii() && kind.en.next.is_ascii(), "{}", kind.code);
    }
}

#[test]
fn a_rate_limiter_answers_with_the_seconds_to_wait() {
    let limiter = RateLimiter::new(RateLimit { burst: 1, per_minute: 6, max_keys: 1 });
    let at = musubi_kernel::UnixTime(1000);
    assert!(limiter.check("a", at).is_ok());
    let refused = limiter.check("a", at).unwrap_err();
    assert_eq!(refused.code, REQUEST_RATE_LIMITED.code);
    let response = axum::response::IntoResponse::into_response(refused);
    assert_eq!(response.headers()["retry-after"], "10");
}
