//! Every route of the OpenAPI document against every fault that any caller can make: refused with the right problem,
//! in both languages, and nothing in the database changes.

use axum::body::Body;
use axum::http::{Method, Request, header};
use musubi_nation::CardOperation::Sign;
use serde_json::{Value, json};

use super::fixture::{Answer, BANK, Fixture, fixtures};
use super::flows::{check_completion, completion};
use Access::{Authenticated, Public, Standard};

const MISAKI: &str = "aoki-misaki";
/// Stands in what is sent; must not come back.
const MARKER: &str = "sent-by-the-caller";

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Public,
    Authenticated,
    /// Authenticated, and in a form that is not this API's own (RFC 8936, SSF 1.0, a stream of events, a file), or on what
    /// another request has made (an endpoint, an upload). The tests beside these features say what succeeds.
    Standard,
}

/// Every route of the API. One that is not listed here fails a test.
pub(super) const ROUTES: &[(&str, &str, Access)] = &[
    ("DELETE", "/v1/bulk-registrations/{id}", Standard),
    ("DELETE", "/v1/ssf/streams", Standard),
    ("DELETE", "/v1/stream-endpoint", Standard),
    ("DELETE", "/v1/watched-customers/{customer_id}", Standard),
    ("GET", "/.well-known/jwks.json", Public),
    ("GET", "/.well-known/ssf-configuration", Public),
    ("GET", "/v1/audit/checkpoint", Public),
    ("GET", "/v1/audit/consistency", Public),
    ("GET", "/v1/audit/inclusion", Public),
    ("GET", "/v1/bulk-registrations/{id}", Standard),
    ("GET", "/v1/bulk-registrations/{id}/results", Standard),
    ("GET", "/v1/change-events", Authenticated),
    ("GET", "/v1/change-events/days", Authenticated),
    ("GET", "/v1/change-events/days/{day}", Standard),
    ("GET", "/v1/change-events/heartbeat", Authenticated),
    ("GET", "/v1/change-events/live", Standard),
    ("GET", "/v1/entitlement-checks/{id}", Authenticated),
    ("GET", "/v1/estimate", Authenticated),
    ("GET", "/v1/freshness-contract", Authenticated),
    ("GET", "/v1/identity-proofings/{id}", Authenticated),
    ("GET", "/v1/offline-filters", Authenticated),
    ("GET", "/v1/offline-filters/{id}", Authenticated),
    ("GET", "/v1/ssf/status", Standard),
    ("GET", "/v1/ssf/streams", Standard),
    ("GET", "/v1/stream-endpoint", Standard),
    ("GET", "/v1/stream-endpoint/dead-letters", Standard),
    ("GET", "/v1/usage", Authenticated),
    ("GET", "/v1/watched-customers", Authenticated),
    ("GET", "/v1/watched-customers/{customer_id}", Authenticated),
    ("HEAD", "/v1/bulk-registrations/{id}/content", Standard),
    ("PATCH", "/v1/bulk-registrations/{id}/content", Standard),
    ("PATCH", "/v1/ssf/streams", Standard),
    ("POST", "/v1/bulk-registrations", Standard),
    ("POST", "/v1/change-checks", Authenticated),
    ("POST", "/v1/entitlement-checks", Authenticated),
    ("POST", "/v1/entitlement-checks/{id}/completion", Authenticated),
    ("POST", "/v1/identity-proofings", Authenticated),
    ("POST", "/v1/identity-proofings/{id}/completion", Authenticated),
    ("POST", "/v1/latest-attributes", Authenticated),
    ("POST", "/v1/ssf/poll", Standard),
    ("POST", "/v1/ssf/status", Standard),
    ("POST", "/v1/ssf/streams", Standard),
    ("POST", "/v1/ssf/subjects/add", Standard),
    ("POST", "/v1/ssf/subjects/remove", Standard),
    ("POST", "/v1/ssf/verify", Standard),
    ("POST", "/v1/stream-endpoint/dead-letters/redeliver", Standard),
    ("POST", "/v1/stream-endpoint/replay", Standard),
    ("POST", "/v1/stream-endpoint/resume", Standard),
    ("POST", "/v1/stream-endpoint/secret", Standard),
    ("POST", "/v1/token", Public),
    ("PUT", "/v1/freshness-contract", Authenticated),
    ("PUT", "/v1/ssf/streams", Standard),
    ("PUT", "/v1/stream-endpoint", Standard),
    ("PUT", "/v1/watched-customers/{customer_id}", Authenticated),
];

/// A request that would succeed.
struct Good {
    method: Method,
    path: String,
    /// `None` for GET.
    body: Option<Value>,
}

/// A fixture with a request that would succeed for each authenticated route: an open transaction of each kind with the
/// card's answer, a customer who consented and moved, an offline filter that the caller may have.
async fn prepared(fx: &Fixture) -> Vec<Good> {
    fx.link(&fx.bank, "c-1", "inoue-sakura", &["address"]).await;
    fx.moves("inoue-sakura").await;
    fx.take_in().await;
    let filter = fx.offline_filter(&fx.bank).await;
    let application = fx.application(MISAKI, &["name"]).await;
    let proofing = fx.start_proofing(&fx.bank, "c-2", application.clone()).await;
    let signed = fx.card(MISAKI, Sign, &proofing.document).await;
    let check = fx.start_check(&fx.bank).await;
    let answered = fx.answer_check(&fx.bank, &check, MISAKI, BANK).await;
    let authenticated = ROUTES.iter().filter(|(_, _, access)| *access == Authenticated);
    authenticated
        .map(|(method, path, _)| {
            let id = match path {
                path if path.contains("identity") => &proofing.id,
                path if path.contains("offline") => &filter,
                _ => &check.id,
            };
            let body = match *path {
                "/v1/identity-proofings" => Some(Fixture::proofing_body(&fx.bank, "c-3", &application)),
                "/v1/identity-proofings/{id}/completion" => Some(completion(&application, &signed)),
                "/v1/entitlement-checks" => Some(json!({ "purpose": "sign_in" })),
                "/v1/entitlement-checks/{id}/completion" => Some(check_completion(&answered, BANK)),
                "/v1/freshness-contract" if *method == "PUT" => {
                    Some(json!({ "contract": { "max_age_seconds": 86_400, "in_outage": "refuse" } }))
                }
                "/v1/watched-customers/{customer_id}" if *method == "PUT" => {
                    Some(json!({ "purpose": "contract_maintenance", "basis": "contract" }))
                }
                "/v1/change-checks" | "/v1/latest-attributes" => Some(json!({ "customer_id": "c-1" })),
                _ => None,
            };
            assert_eq!(body.is_some(), *method != "GET", "{path} needs a request that would succeed");
            Good {
                method: method.parse().unwrap(),
                path: path.replace("{id}", id).replace("{customer_id}", "c-1"),
                body,
            }
        })
        .collect()
}

/// A request in parts, to be spoilt.
struct Spoilt<'a> {
    authorization: Option<String>,
    keys: Vec<&'a str>,
    content_type: Option<&'a str>,
    body: Vec<u8>,
}

impl Good {
    fn parts(&self, fx: &Fixture) -> Spoilt<'_> {
        let body = self.body.as_ref().map(|body| body.to_string().into_bytes()).unwrap_or_default();
        Spoilt {
            authorization: Some(format!("Bearer {}", fx.bank.token())),
            keys: vec!["sweep"],
            content_type: Some("application/json"),
            body,
        }
    }

    async fn send(&self, fx: &Fixture, parts: Spoilt<'_>) -> Answer {
        let mut request = Request::builder().method(self.method.clone()).uri(&self.path);
        if let Some(authorization) = parts.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        for key in parts.keys {
            request = request.header("idempotency-key", key);
        }
        if let Some(content_type) = parts.content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        fx.send(request.body(Body::from(parts.body)).unwrap()).await
    }

    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// A problem document as every one must be.
#[track_caller]
pub(super) fn assert_problem(answer: &Answer, status: u16, code: &str, what: &str) {
    assert_eq!(answer.code(), (status, code), "{what}: {}", answer.text);
    assert_eq!(answer.header("content-type"), "application/problem+json", "{what}");
    assert_eq!(answer.header("cache-control"), "no-store", "{what}");
    assert_eq!(answer.body["type"], format!("https://musubi.example/problems/{code}"), "{what}");
    assert_eq!(answer.body["status"], status, "{what}");
    assert!(answer.body["title"].as_str().is_some_and(|title| !title.is_empty()), "{what}");
    for text in ["what", "next"] {
        let (ja, en) = (&answer.body["detail"]["ja"][text], &answer.body["detail"]["en"][text]);
        assert!(ja.as_str().is_some_and(|ja| !ja.is_ascii()), "{what}: {ja}");
        assert!(en.as_str().is_some_and(|en| en.is_ascii() && en.ends_with('.')), "{what}: {en}");
    }
    assert!(!answer.text.contains(MARKER), "{what}: {}", answer.text);
}

#[test]
fn every_route_of_the_document_says_who_may_call_it() {
    let listed: Vec<_> =
        ROUTES.iter().map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned())).collect();
    assert_eq!(
        musubi_server::routes(),
        listed,
        "list a new route in ROUTES, with a request that would succeed"
    );
}

#[tokio::test]
async fn without_a_valid_token_nobody_gets_anything() {
    for fx in fixtures().await {
        let goods = prepared(&fx).await;
        let token = fx.bank.token();
        let faults = [
            (None, "token.missing"),
            (Some(format!("Bearer {MARKER}")), "token.invalid"),
            (Some("Bearer ".to_owned()), "token.invalid"),
            (Some(token.clone()), "token.invalid"),
            (Some(format!("Basic {token}")), "token.invalid"),
            (Some(format!("Bearer {}", token.to_uppercase())), "token.invalid"),
            (Some(format!("Bearer {token} {token}")), "token.invalid"),
            (Some(format!("Bearer {}", "A".repeat(43))), "token.invalid"),
        ];
        let before = fx.counts().await;
        for good in &goods {
            for (authorization, code) in &faults {
                let answer =
                    good.send(&fx, Spoilt { authorization: authorization.clone(), ..good.parts(&fx) }).await;
                assert_problem(&answer, 401, code, &good.name());
                assert!(answer.header("www-authenticate").starts_with("Bearer"), "{}", good.name());
            }
        }
        // Ten minutes later the token is no better.
        fx.api.clock.advance(600);
        for good in &goods {
            let answer = good.send(&fx, good.parts(&fx)).await;
            assert_problem(&answer, 401, "token.invalid", &good.name());
        }
        assert_eq!(fx.counts().await, before, "{}", fx.engine);
        fx.renew_token(&fx.bank).await;
        for (n, good) in goods.iter().enumerate() {
            let key = format!("good-{n}");
            let answer = good.send(&fx, Spoilt { keys: vec![&key], ..good.parts(&fx) }).await;
            assert!(answer.status < 300, "{} would succeed: {}", good.name(), answer.text);
        }
    }
}

#[tokio::test]
async fn routes_of_a_standard_want_a_valid_token_too() {
    for fx in fixtures().await {
        let before = fx.counts().await;
        // An answer to HEAD has no body, so no problem document either.
        let routes = ROUTES.iter().filter(|(method, _, access)| *access == Standard && *method != "HEAD");
        for (method, path, _) in routes {
            let (method, path) = (
                method.parse().unwrap(),
                path.replace("{day}", "2026-04-01").replace("{customer_id}", "c-1"),
            );
            for (token, code) in [(None, "token.missing"), (Some("A".repeat(43)), "token.invalid")] {
                let answer = fx.call(&method, &path, token.as_deref(), None, Some(&json!({}))).await;
                assert_problem(&answer, 401, code, &format!("{method} {path}"));
            }
        }
        assert_eq!(fx.counts().await, before, "{}", fx.engine);
    }
}

#[tokio::test]
async fn a_body_that_is_not_as_it_must_be_is_refused() {
    for fx in fixtures().await {
        let goods = prepared(&fx).await;
        let before = fx.counts().await;
        for good in goods.iter().filter(|good| good.body.is_some()) {
            let body = good.body.as_ref().unwrap();
            let name = good.name();
            let right = body.to_string();
            let mut unknown = body.clone();
            unknown[MARKER] = json!(MARKER);
            let mut bodies = vec![
                String::new(),
                right[..right.len() - 1].to_owned(),
                format!("{right}{right}"),
                format!("[{right}]"),
                "null".to_owned(),
                format!("\"{MARKER}\""),
                unknown.to_string(),
                format!("{}{{}}", "[".repeat(10_000)),
            ];
            for member in body.as_object().unwrap().keys() {
                let mut missing = body.clone();
                missing.as_object_mut().unwrap().remove(member);
                bodies.push(missing.to_string());
                let mut wrong = body.clone();
                wrong[member] = json!([{ "is": MARKER }]);
                bodies.push(wrong.to_string());
                bodies.push(format!("{{\"{member}\":{},{}", body[member], &right[1..]));
            }
            for body in bodies {
                let answer = good.send(&fx, Spoilt { body: body.into_bytes(), ..good.parts(&fx) }).await;
                assert_problem(&answer, 400, "request.malformed", &name);
            }
            for bytes in [vec![0xFF, 0xFE], vec![b'{', b'"', 0xC3, b'"', b'}']] {
                let answer = good.send(&fx, Spoilt { body: bytes, ..good.parts(&fx) }).await;
                assert_problem(&answer, 400, "request.malformed", &name);
            }
            for content_type in [
                None,
                Some("text/plain"),
                Some("application/x-www-form-urlencoded"),
                Some("application/jsonx"),
            ] {
                let answer = good.send(&fx, Spoilt { content_type, ..good.parts(&fx) }).await;
                assert_problem(&answer, 415, "request.unsupported_media_type", &name);
                assert_eq!(answer.body["expected"], "application/json");
            }
            let mut large = right.into_bytes();
            large.resize(64 * 1024 + 1, b' ');
            let answer = good.send(&fx, Spoilt { body: large, ..good.parts(&fx) }).await;
            assert_problem(&answer, 413, "request.too_large", &name);
            assert_eq!(answer.body["limit_bytes"], 64 * 1024);
        }
        assert_eq!(fx.counts().await, before, "{}", fx.engine);
    }
}

#[tokio::test]
async fn an_unknown_member_is_refused_at_every_depth() {
    let fx = Fixture::on_sqlite().await;
    let goods = prepared(&fx).await;
    let before = fx.counts().await;
    for good in goods.iter().filter(|good| good.path.contains("identity") && good.body.is_some()) {
        for pointer in ["/application", "/application/attributes", "/application/latest_attributes_consent"] {
            let mut body = good.body.clone().unwrap();
            body.pointer_mut(pointer).unwrap()[MARKER] = json!(1);
            let answer =
                good.send(&fx, Spoilt { body: body.to_string().into_bytes(), ..good.parts(&fx) }).await;
            assert_problem(&answer, 400, "request.malformed", pointer);
        }
    }
    assert_eq!(fx.counts().await, before);
}

#[tokio::test]
async fn every_post_wants_an_idempotency_key_of_its_own() {
    for fx in fixtures().await {
        let goods = prepared(&fx).await;
        let before = fx.counts().await;
        let long = "a".repeat(65);
        for good in goods.iter().filter(|good| good.body.is_some()) {
            let answer = good.send(&fx, Spoilt { keys: vec![], ..good.parts(&fx) }).await;
            assert_problem(&answer, 400, "idempotency.key_missing", &good.name());
            for keys in
                [vec![""], vec!["a b"], vec!["a/b"], vec!["\u{e9}"], vec![long.as_str()], vec!["a", "b"]]
            {
                let answer = good.send(&fx, Spoilt { keys, ..good.parts(&fx) }).await;
                assert_problem(&answer, 400, "idempotency.key_malformed", &good.name());
            }
        }
        assert_eq!(fx.counts().await, before, "{}", fx.engine);

        let mut used = Vec::new();
        for (n, good) in goods.iter().enumerate().filter(|(_, good)| good.body.is_some()) {
            let key = format!("used-{n}");
            let answer = good.send(&fx, Spoilt { keys: vec![&key], ..good.parts(&fx) }).await;
            assert!(answer.status < 300, "{}: {}", good.name(), answer.text);
            used.push((good, key));
        }
        let before = fx.counts().await;
        for (good, key) in &used {
            // Other bytes are another request, even if they mean the same.
            let body = format!(" {}", good.body.as_ref().unwrap());
            let answer =
                good.send(&fx, Spoilt { keys: vec![key], body: body.into_bytes(), ..good.parts(&fx) }).await;
            assert_problem(&answer, 422, "idempotency.key_reused", &good.name());
        }
        for ((good, _), (_, key)) in used.iter().zip(used.iter().cycle().skip(1)) {
            let answer = good.send(&fx, Spoilt { keys: vec![key], ..good.parts(&fx) }).await;
            assert_problem(
                &answer,
                422,
                "idempotency.key_reused",
                &format!("another route: {}", good.name()),
            );
        }
        assert_eq!(fx.counts().await, before, "{}", fx.engine);
    }
}

#[tokio::test]
async fn another_method_or_another_path_is_refused() {
    for fx in fixtures().await {
        let goods = prepared(&fx).await;
        let before = fx.counts().await;
        let allowed =
            |path: &str| ROUTES.iter().filter(|(_, p, _)| *p == path).map(|(m, _, _)| *m).collect::<Vec<_>>();
        for (_, path, _) in ROUTES {
            for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
                if !allowed(path).contains(&method) {
                    let concrete = path.replace("{id}", "ip_00000000000000000000000000000000");
                    let answer = fx
                        .call(
                            &method.parse().unwrap(),
                            &concrete,
                            Some(&fx.bank.token()),
                            Some("k"),
                            Some(&json!({})),
                        )
                        .await;
                    assert_problem(&answer, 405, "method.not_allowed", &format!("{method} {path}"));
                    let allow = answer.header("allow");
                    assert!(allowed(path).iter().all(|method| allow.contains(method)), "{path}: {allow}");
                }
            }
        }
        for path in [
            "/",
            "/v1",
            "/v2/token",
            "/v1/tokens",
            "/v1/token/",
            "/v1/identity-proofings/",
            "/v1/../etc/passwd",
        ] {
            for method in [Method::GET, Method::POST] {
                let answer =
                    fx.call(&method, path, Some(&fx.bank.token()), Some("k"), Some(&json!({}))).await;
                assert_problem(&answer, 404, "route.unknown", path);
            }
        }
        for good in goods.iter().filter(|good| good.path.contains("_")) {
            let (known, unknown) =
                good.path.split_once('_').map(|(start, rest)| (start, &rest[32..])).unwrap();
            for (id, code) in [("0".repeat(32), "transaction.unknown"), (MARKER.to_owned(), "route.unknown")]
            {
                let elsewhere = Good {
                    method: good.method.clone(),
                    path: format!("{known}_{id}{unknown}"),
                    body: good.body.clone(),
                };
                let answer = elsewhere.send(&fx, elsewhere.parts(&fx)).await;
                assert_problem(&answer, 404, code, &elsewhere.name());
            }
        }
        assert_eq!(fx.counts().await, before, "{}", fx.engine);
    }
}

#[tokio::test]
async fn public_routes_need_no_token_and_tell_no_more_than_hashes() {
    let fx = Fixture::on_sqlite().await;
    fx.link(&fx.bank, "c-1", MISAKI, &[]).await;
    let before = fx.counts().await;
    let open = async |path: &str| fx.call(&Method::GET, path, None, None, None).await;
    let size = open("/v1/audit/checkpoint").await.expect(200).body["size"].as_u64().unwrap();
    for path in [
        "/v1/audit/checkpoint".to_owned(),
        format!("/v1/audit/inclusion?index=0&size={size}"),
        format!("/v1/audit/consistency?from=1&to={size}"),
    ] {
        let answer = open(&path).await.expect(200);
        let members: Vec<_> = answer.body.as_object().unwrap().keys().cloned().collect();
        assert!(
            members
                .iter()
                .all(|m| ["size", "root_hash", "at", "platform_key", "leaf_hash", "hashes"]
                    .contains(&m.as_str())),
            "{members:?}"
        );
    }
    for (query, code) in [
        (format!("inclusion?index={size}&size={size}"), "audit.out_of_range"),
        (format!("inclusion?index=0&size={}", size + 1), "audit.out_of_range"),
        ("consistency?from=0&to=1".to_owned(), "audit.out_of_range"),
        ("consistency?from=2&to=1".to_owned(), "audit.out_of_range"),
        ("inclusion?index=0".to_owned(), "request.malformed"),
        (format!("inclusion?index=0&size=1&x={MARKER}"), "request.malformed"),
        ("inclusion?index=-1&size=1".to_owned(), "request.malformed"),
        (format!("consistency?from={MARKER}&to=1"), "request.malformed"),
    ] {
        assert_problem(&open(&format!("/v1/audit/{query}")).await, 400, code, &query);
    }
    let document = open("/v1/openapi.json").await.expect(200);
    assert_eq!(document.body, serde_json::to_value(musubi_server::document()).unwrap());
    assert_eq!(fx.counts().await, before);
}
