//! A scripted platform: checks the client assertion, stores answers by idempotency key as the real one does,
//! records every call, and answers as the test says.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http_body_util::BodyExt as _;
use musubi_crypto::{ClientKey, Ed25519Signer, JwkSet};
use musubi_feed::{
    CREDENTIAL_CHANGE, Event, Heartbeat, ListInUse, Position, Stream, VerifyingKey, seal_entry,
    seal_heartbeat,
};
use musubi_kernel::UnixTime;
use serde_json::{Value, json};

use crate::NOW;

pub(crate) const RP: &str = "rp_00112233445566778899aabbccddeeff";

/// An answer out of turn.
#[derive(Clone)]
pub(crate) enum Next {
    /// This status and body; stored under the key like any answer.
    Answer(u16, Value),
    /// The work is done and its answer stored, but the connection breaks before it arrives.
    LoseAnswer,
    /// Nothing is done.
    Unavailable,
}

#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) path: String,
    pub(crate) key: String,
    pub(crate) body: Value,
}

#[derive(Default)]
struct Inner {
    port: u16,
    keys: Option<JwkSet>,
    pkcs8: Vec<u8>,
    tokens: u32,
    /// Tokens up to this number are refused.
    withdrawn: u32,
    calls: Vec<Call>,
    /// How often work was done, by path.
    done: BTreeMap<String, u32>,
    stored: BTreeMap<String, (u16, Value, Value)>,
    next: BTreeMap<&'static str, VecDeque<Next>>,
    /// The change stream, and the place after each entry.
    entries: Vec<String>,
    places: Vec<Position>,
    /// What is served instead of the truth, once: entries by number, or a heartbeat.
    lies: Vec<Lie>,
}

/// Something that a platform must not do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lie {
    /// The first entry of a page is left out.
    LeavesOut,
    /// The first entry of a page is signed by somebody else.
    Forges,
    /// Another past, rightly signed: the entries of a page follow an entry that was never sent.
    Forks,
    /// The heartbeat knows fewer entries than an earlier one.
    Forgets,
}

#[derive(Clone, Default)]
pub(crate) struct Platform(Arc<Mutex<Inner>>);

impl Platform {
    pub(crate) async fn start() -> Self {
        let key = ClientKey::generate().unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let platform = Self::default();
        {
            let mut inner = platform.0.lock().unwrap();
            inner.port = listener.local_addr().unwrap().port();
            inner.keys = Some(JwkSet::parse(&key.jwk_set()).unwrap());
            inner.pkcs8 = key.pkcs8_der().to_vec();
        }
        let app = Router::new().fallback(answer).with_state(platform.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        platform
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://api.localhost:{}", self.0.lock().unwrap().port)
    }

    pub(crate) fn client_key(&self) -> ClientKey {
        ClientKey::from_pkcs8_der(&self.0.lock().unwrap().pkcs8).unwrap()
    }

    /// The next call whose path ends so is answered so.
    pub(crate) fn next(&self, path_end: &'static str, next: Next) {
        self.0.lock().unwrap().next.entry(path_end).or_default().push_back(next);
    }

    pub(crate) fn tokens(&self) -> u32 {
        self.0.lock().unwrap().tokens
    }

    pub(crate) fn withdraw_tokens(&self) {
        let mut inner = self.0.lock().unwrap();
        inner.withdrawn = inner.tokens;
    }

    /// Calls whose path ends so, in their order.
    pub(crate) fn calls(&self, path_end: &str) -> Vec<Call> {
        self.0.lock().unwrap().calls.iter().filter(|call| call.path.ends_with(path_end)).cloned().collect()
    }

    /// How often work was done under paths that end so (a replayed answer does none).
    pub(crate) fn done(&self, path_end: &str) -> u32 {
        self.0.lock().unwrap().done.iter().filter(|(path, _)| path.ends_with(path_end)).map(|(_, n)| n).sum()
    }

    pub(crate) fn add_event(&self, kind: &str, customer_id: &str, latest: &str) {
        self.add(&change(kind, customer_id, latest));
    }

    /// One that stands in the place of an earlier one.
    pub(crate) fn add_refining(&self, kind: &str, customer_id: &str, refines: u64) {
        let mut event = change(kind, customer_id, "no_consent");
        event.body.insert("refines".into(), refines.into());
        self.add(&event);
    }

    fn add(&self, event: &Event) {
        let mut inner = self.0.lock().unwrap();
        let stream = inner.stream();
        let last = inner.places.last().copied().unwrap_or_else(|| stream.start());
        let (token, place) = seal_entry(&stream, &last, event, NOW.plus(120), &signer(7));
        inner.entries.push(token);
        inner.places.push(place);
    }

    /// Once, with the next page.
    pub(crate) fn lie(&self, lie: Lie) {
        self.0.lock().unwrap().lies.push(lie);
    }
}

fn signer(seed: u8) -> Ed25519Signer {
    Ed25519Signer::from_seed(&[seed; 32]).unwrap()
}

fn change(kind: &str, customer_id: &str, latest: &str) -> Event {
    let body = json!({
        "change": kind, "customer_id": customer_id, "certificate_kind": "digital_signature",
        "occurred_at": NOW.plus(60).rfc3339(), "recorded_at": NOW.plus(120).rfc3339(),
        "evidence": { "reason": "affiliationChanged", "list_number": 7 }, "latest_attributes": latest,
    });
    Event::about(CREDENTIAL_CHANGE, "sub_1".into(), body.as_object().unwrap().clone())
}

pub(crate) fn problem(code: &str) -> Value {
    json!({
        "type": format!("https://musubi.example/problems/{code}"), "title": code, "status": 409, "code": code,
        "detail": { "ja": { "what": format!("{code} が起きました"), "next": "次にすること" },
                    "en": { "what": format!("{code} happened"), "next": "What to do <next>" } },
    })
}

pub(crate) fn judged(
    state: &str,
    indication: &str,
    reason: Option<&str>,
    customer_id: Option<&str>,
) -> Value {
    let texts = |code| problem(code)["detail"].clone();
    json!({
        "id": "ip_1", "state": state, "subject": "sub_1", "customer_id": customer_id, "consent_id": "cs_1",
        "attributes": null, "audit": { "index": 41, "leaf_hash": "00" }, "assurance": "pin_authenticated",
        "verdict": {
            "indication": indication, "sub_indication": null, "judged_at": NOW.rfc3339(),
            "checks": [
                { "id": "certificate.format", "outcome": "passed", "citation": "RFC 5280 4.1", "evidence": {} },
                { "id": "revocation.status", "outcome": if reason.is_some() { "failed" } else { "passed" },
                  "citation": "JPKI Act art. 19 (1)", "evidence": {} },
                { "id": "some.new_check", "outcome": "skipped", "citation": "", "evidence": {} }
            ],
            "reason": reason.map(|code| json!({ "code": code, "ja": texts(code)["ja"], "en": texts(code)["en"] })),
            "freshness": { "list_number": 7, "this_update": NOW.plus(-240).rfc3339(),
                           "next_update": NOW.plus(86_400).rfc3339(), "age_seconds": 240 },
        },
    })
}

/// The same, by the card alone.
pub(crate) fn by_presence(mut judged: Value) -> Value {
    judged["assurance"] = "card_present".into();
    judged
}

async fn answer(State(platform): State<Platform>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    if parts.uri.path() == "/v1/token" {
        return platform.token(&body);
    }
    let mut inner = platform.0.lock().unwrap();
    if !inner.authorised(&parts.headers) {
        return (StatusCode::UNAUTHORIZED, axum::Json(problem("token.invalid"))).into_response();
    }
    if parts.method == Method::GET {
        return inner.read(&parts.uri);
    }
    inner.work(&parts.headers, &parts.uri, &body)
}

impl Platform {
    fn token(&self, body: &Bytes) -> Response {
        let audience = format!("{}/v1/token", self.origin());
        let mut inner = self.0.lock().unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        let assertion = body.split("client_assertion=").nth(1).unwrap().split('&').next().unwrap();
        let keys = inner.keys.as_ref().unwrap();
        // The bank's clock may have been moved on: its own time is good here.
        let claims = assertion.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok()).unwrap();
        let claims: Value = serde_json::from_slice(&claims).unwrap();
        let at = UnixTime(claims["iat"].as_i64().unwrap());
        let passed = keys.verify_assertion(assertion, RP, &audience, at).is_ok();
        assert!(passed, "the assertion verifies");
        inner.tokens += 1;
        let token = format!("token-{}", inner.tokens);
        axum::Json(json!({ "access_token": token, "token_type": "Bearer", "expires_in": 600 }))
            .into_response()
    }
}

impl Inner {
    fn authorised(&self, headers: &HeaderMap) -> bool {
        let token = headers.get("authorization").and_then(|v| v.to_str().ok()).unwrap_or_default();
        token
            .strip_prefix("Bearer token-")
            .and_then(|n| n.parse::<u32>().ok())
            .is_some_and(|n| n > self.withdrawn)
    }

    fn read(&mut self, uri: &Uri) -> Response {
        let path = uri.path().to_owned();
        self.calls.push(Call { path: path.clone(), key: String::new(), body: Value::Null });
        if let Some(Next::Unavailable) = self.take_next(&path) {
            return StatusCode::BAD_GATEWAY.into_response();
        }
        if path.ends_with("/change-events") {
            let query = uri.query().unwrap();
            let number = |name: &str| {
                query.split('&').find_map(|pair| pair.strip_prefix(name)).unwrap().parse::<usize>().unwrap()
            };
            let (after, limit) = (number("after="), number("limit="));
            return axum::Json(self.page(after, limit.min(2))).into_response();
        }
        if path.ends_with("/jwks.json") {
            return axum::Json(json!({ "keys": [VerifyingKey::new(signer(7).public_key()).jwk()] }))
                .into_response();
        }
        axum::Json(judged("accepted", "TOTAL-PASSED", None, None)).into_response()
    }

    fn stream(&self) -> Stream {
        Stream { issuer: format!("http://api.localhost:{}", self.port), audience: RP.to_owned() }
    }

    fn page(&mut self, after: usize, limit: usize) -> Value {
        let stream = self.stream();
        let mut tokens: Vec<String> = self.entries.iter().skip(after).take(limit).cloned().collect();
        let mut last = self.places.last().copied().unwrap_or_else(|| stream.start());
        let before =
            after.checked_sub(1).and_then(|n| self.places.get(n)).copied().unwrap_or_else(|| stream.start());
        match self.lies.pop() {
            None => {}
            Some(Lie::LeavesOut) => drop(tokens.remove(0)),
            Some(Lie::Forges) => {
                tokens[0] =
                    seal_entry(&stream, &before, &change("ended", "c-1", "no_consent"), NOW, &signer(8)).0;
            }
            Some(Lie::Forks) => {
                let other = Position { hash: [9; 32], ..before };
                tokens[0] =
                    seal_entry(&stream, &other, &change("ended", "c-1", "no_consent"), NOW, &signer(7)).0;
            }
            Some(Lie::Forgets) => last = stream.start(),
        }
        let list = ListInUse {
            authority: "digital_signature".into(),
            key_id: "1f".repeat(20),
            number: 7,
            this_update: NOW.0,
            next_update: NOW.0 + 86_400,
        };
        let beat = Heartbeat {
            last,
            customers: 1,
            lists: vec![list],
            at: NOW.0 + i64::try_from(self.calls.len()).unwrap(),
        };
        let events: Vec<Value> = tokens.iter().map(|token| json!({ "token": token })).collect();
        json!({ "events": events, "next": after + tokens.len(), "heartbeat": seal_heartbeat(&stream, &beat, &signer(7)) })
    }

    fn work(&mut self, headers: &HeaderMap, uri: &Uri, body: &Bytes) -> Response {
        let path = uri.path().to_owned();
        let key = headers.get("idempotency-key").unwrap().to_str().unwrap().to_owned();
        let body: Value = serde_json::from_slice(body).unwrap();
        self.calls.push(Call { path: path.clone(), key: key.clone(), body: body.clone() });
        let next = self.take_next(&path);
        if let Some(Next::Unavailable) = next {
            return StatusCode::BAD_GATEWAY.into_response();
        }
        let (status, answer) = match self.stored.get(&key) {
            Some((_, _, sent)) if *sent != body => (422, problem("idempotency.key_reused")),
            Some((status, answer, _)) => (*status, answer.clone()),
            None => {
                *self.done.entry(path.clone()).or_default() += 1;
                let (status, answer) = match &next {
                    Some(Next::Answer(status, answer)) => (*status, answer.clone()),
                    _ => (200, usual(&path, &body)),
                };
                self.stored.insert(key, (status, answer.clone(), body));
                (status, answer)
            }
        };
        if let Some(Next::LoseAnswer) = next {
            return StatusCode::BAD_GATEWAY.into_response();
        }
        (StatusCode::from_u16(status).unwrap(), axum::Json(answer)).into_response()
    }

    fn take_next(&mut self, path: &str) -> Option<Next> {
        self.next.iter_mut().find(|(end, _)| path.ends_with(*end)).and_then(|(_, queue)| queue.pop_front())
    }
}

fn usual(path: &str, body: &Value) -> Value {
    let expires = NOW.plus(900).rfc3339();
    match path {
        "/v1/identity-proofings" => {
            let text =
                format!("Musubi <identity> proofing 1\norigin: {}\n", body["origin"].as_str().unwrap());
            json!({
                "id": "ip_1", "state": "open", "to_be_signed": text, "expires_at": expires,
                "card_request": { "version": 1, "operation": "sign_document", "document": text,
                                  "origin": body["origin"], "relying_party": { "id": RP } },
            })
        }
        "/v1/entitlement-checks" => {
            let by_presence = body["assurance"] == "card_present";
            let operation = if by_presence { "prove_presence" } else { "authenticate" };
            let mut request =
                json!({ "version": 1, "operation": operation, "nonce": "AAAA", "purpose": body["purpose"] });
            if body["enrol_presence"] == true {
                request["enrol_presence"] = true.into();
            }
            json!({ "id": "ec_1", "nonce": "AAAA", "expires_at": expires, "card_request": request })
        }
        "/v1/identity-proofings/ip_1/completion" => judged("accepted", "TOTAL-PASSED", None, None),
        "/v1/entitlement-checks/ec_1/completion" => judged("accepted", "TOTAL-PASSED", None, None),
        "/v1/latest-attributes" => json!({
            "customer_id": body["customer_id"], "provided_at": NOW.plus(180).rfc3339(), "fee_yen": 20,
            "attributes": { "name": "結城　花子", "address": "大阪府新市２－２" },
        }),
        other => panic!("the bank calls {other}"),
    }
}
