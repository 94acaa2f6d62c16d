//! The pages as a browser meets them: through the router, on SQLite, at a fixed time.

mod card;
mod town;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use http_body_util::BodyExt as _;
use musubi_card::PinReference;
use musubi_httpkit::page::testing::locale_faults;
use musubi_kernel::{FixedClock, Secret, UnixTime};
use musubi_pki::{AuthorityKind, RevocationReason};
use musubi_store::Db;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::*;
use crate::{CertState, DEFAULT_SEED, DEMO_PASSWORD, DEMO_PIN, LifeEvent, ResidentId, WorldConfig};

const BANK: &str = "http://bank.localhost:8080";
const NONCE: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const MISAKI: &str = "aoki-misaki";
const CHILD: &str = "takahashi-hinata";

struct Nation {
    world: World,
    card: Router,
    town: Router,
    _folder: tempfile::TempDir,
}

impl Nation {
    async fn found() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open_sqlite(&folder.path().join("nation.db")).await.unwrap();
        let epoch = UnixTime::parse_rfc3339("2026-11-21T00:00:00Z").unwrap();
        let config = WorldConfig {
            seed: DEFAULT_SEED,
            epoch,
            operator_credential: Secret::new("a credential of these tests".to_owned()),
        };
        let world = World::open(config, db, Arc::new(FixedClock::new(epoch.plus(3600)))).await.unwrap();
        let origin = |label: &str| format!("http://{label}localhost:8080");
        let origins = PagesConfig {
            demo: origin(""),
            bank: origin("bank."),
            portal: origin("portal."),
            card: origin("card."),
            town: origin("town."),
            phish: origin("phish."),
        };
        Self {
            card: card_router(world.clone(), origins.clone()),
            town: town_router(world.clone(), origins),
            world,
            _folder: folder,
        }
    }

    async fn tries(&self, id: &str) -> (u8, u8) {
        let card = self.world.resident(&resident(id)).await.unwrap().unwrap().card;
        (card.pin_tries, card.password_tries)
    }
}

fn resident(id: &str) -> ResidentId {
    id.parse().unwrap()
}

async fn get(router: &Router, uri: &str, cookie: &str) -> (StatusCode, String) {
    let request = Request::get(uri).header(header::COOKIE, cookie).body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    (response.status(), text(response).await)
}

async fn text(response: Response) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

async fn post_from(router: &Router, uri: &str, form: &str, site: &str) -> Response {
    let request = Request::post(uri)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("sec-fetch-site", site)
        .body(Body::from(form.to_owned()))
        .unwrap();
    router.clone().oneshot(request).await.unwrap()
}

async fn post(router: &Router, uri: &str, form: &str) -> Response {
    post_from(router, uri, form, "same-origin").await
}

fn location(response: &Response) -> &str {
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    response.headers().get(header::LOCATION).unwrap().to_str().unwrap()
}

/// `POST /window/answer` with a card on the reader: the status and the JSON.
async fn ask(nation: &Nation, id: &str, body: Value) -> (StatusCode, Value) {
    post_json(nation, "/window/answer", id, body).await
}

/// One of the window's own requests with a card on the reader.
async fn post_json(nation: &Nation, path: &str, id: &str, body: Value) -> (StatusCode, Value) {
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::COOKIE, if id.is_empty() { String::new() } else { format!("lang=ja; card={id}") })
        .header("sec-fetch-site", "same-origin")
        .body(Body::from(body.to_string()))
        .unwrap();
    let response = nation.card.clone().oneshot(request).await.unwrap();
    (response.status(), serde_json::from_str(&text(response).await).unwrap())
}

fn rp() -> Value {
    json!({ "id": "rp_00112233445566778899aabbccddeeff", "name": { "ja": "みほん銀行", "en": "Sample Bank" } })
}

fn sign_in(pin: &str) -> Value {
    json!({ "origin": BANK, "pin": pin, "request": {
        "version": 1, "operation": "authenticate", "nonce": NONCE, "purpose": "sign_in", "relying_party": rp() } })
}

fn sign(document: &str, password: &str) -> Value {
    json!({ "origin": BANK, "pin": password, "request": {
        "version": 1, "operation": "sign_document", "document": document, "origin": BANK, "relying_party": rp() } })
}

fn read(pin: &str) -> Value {
    json!({ "origin": BANK, "pin": pin, "request": { "version": 1, "operation": "read_attributes", "relying_party": rp() } })
}

fn changed(mut body: Value, pointer: &str, value: &str) -> Value {
    *body.pointer_mut(pointer).unwrap() = json!(value);
    body
}

#[test]
fn both_languages_have_every_text() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["templates", "src/pages"] {
        assert_eq!(locale_faults(&TEXTS, "t", &root.join(folder)), [""; 0]);
    }
}

#[test]
fn every_text_is_used() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut source = String::new();
    let mut folders = vec![root.join("templates"), root.join("src/pages")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                source += &std::fs::read_to_string(path).unwrap();
            }
        }
    }
    let idle: Vec<_> = TEXTS.keys().filter(|key| !source.contains(&format!("\"{key}\""))).collect();
    assert_eq!(idle, [""; 0]);
}

#[tokio::test]
async fn every_page_shows_every_resident_in_both_languages() {
    let nation = Nation::found().await;
    nation.world.live(&resident(MISAKI), LifeEvent::LeaveOrDie).await.unwrap();
    for lang in ["ja", "en"] {
        for resident in nation.world.residents().await.unwrap() {
            let cookie = format!("lang={lang}; card={}", resident.id);
            for uri in ["/".to_owned(), format!("/take/{}", resident.id), "/window".to_owned()] {
                assert_eq!(get(&nation.card, &uri, &cookie).await.0, StatusCode::OK, "{uri}");
            }
            let (status, page) = get(&nation.town, &format!("/residents/{}", resident.id), &cookie).await;
            assert_eq!(status, StatusCode::OK);
            assert!(page.contains(&resident.address));
        }
        assert_eq!(get(&nation.town, "/", &format!("lang={lang}")).await.0, StatusCode::OK);
    }
    let (status, page) = get(&nation.town, "/residents/nobody", "lang=en").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(page.contains("Page not found"));
}
