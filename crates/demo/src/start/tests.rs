//! The start page and the refusals through the router, on SQLite, at a fixed time.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{Request, header};
use http_body_util::BodyExt as _;
use musubi_httpkit::page::testing::locale_faults;
use musubi_kernel::{FixedClock, Secret, UnixTime};
use musubi_nation::{CardOperation, DEFAULT_SEED, WorldConfig};
use musubi_store::Db;
use tower::ServiceExt as _;

use super::*;

struct Site {
    world: World,
    pages: Router,
    _folder: tempfile::TempDir,
}

impl Site {
    async fn open() -> Self {
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
        let (origin, code) = ("http://console.demo.test".to_owned(), "the-operators-code".to_owned());
        let console = ConsoleDoor { origin, code };
        let state = StartState::new(world.clone(), origins, "http://127.0.0.1:24817".to_owned(), console);
        let pages = router(state);
        Self { world, pages, _folder: folder }
    }

    async fn get(&self, uri: &str) -> (StatusCode, String) {
        let request = Request::get(uri).body(Body::empty()).unwrap();
        let response = self.pages.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    }

    async fn post(&self, uri: &str, site: &str) -> Response {
        let request = Request::post(uri).header("sec-fetch-site", site).body(Body::empty()).unwrap();
        self.pages.clone().oneshot(request).await.unwrap()
    }
}

#[test]
fn both_languages_have_every_text() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["templates", "src/start"] {
        assert_eq!(locale_faults(&TEXTS, "t", &root.join(folder)), [""; 0]);
    }
    for refusal in REFUSALS {
        let steps =
            refusal.steps.iter().flat_map(|step| [Some(step.text), step.link.map(|(label, _)| label)]);
        for key in [Some(refusal.title), Some(refusal.shows)].into_iter().chain(steps).flatten() {
            assert!(TEXTS.has(key), "{key}");
        }
    }
}

#[test]
fn every_text_is_used() {
    let source = [
        include_str!("mod.rs"),
        include_str!("refusals.rs"),
        include_str!("../../templates/start.html"),
        include_str!("../../templates/refusals.html"),
        include_str!("../../templates/refusal.html"),
    ]
    .concat();
    let idle: Vec<_> = TEXTS.keys().filter(|key| !source.contains(&format!("\"{key}\""))).collect();
    assert_eq!(idle, [""; 0]);
}

#[tokio::test]
async fn the_first_page_leads_to_every_site_and_every_card() {
    let site = Site::open().await;
    let (status, page) = site.get("/?lang=en").await;
    assert_eq!(status, StatusCode::OK);
    for href in [
        "http://card.localhost:8080/take/aoki-misaki?next=bank_apply&amp;lang=en",
        "http://bank.localhost:8080/apply?lang=en",
        "http://bank.localhost:8080/sign-in?lang=en",
        "http://town.localhost:8080/?resident=aoki-misaki&amp;lang=en",
        "/refusals",
        "http://portal.localhost:8080/?lang=en",
    ] {
        assert!(page.contains(&format!("href=\"{href}\"")), "{href}");
    }
    for resident in site.world.residents().await.unwrap() {
        assert!(page.contains(&format!("id=\"take-{}\"", resident.id)));
    }
    assert!(!page.contains("id=\"disturbed\""));
    assert!(page.contains("href=\"http://bank.localhost:8080/reception?lang=en\""));
    let reader = page.split_once("id=\"card-reader\"").unwrap().1;
    assert!(reader.contains("--nation http://card.localhost:8080 --resident aoki-misaki"));
    assert!(reader.contains("musubi-agent -- serve") && reader.contains("http://127.0.0.1:24817"));
}

#[tokio::test]
async fn there_are_fifteen_refusals_and_each_can_be_prepared_and_followed() {
    let site = Site::open().await;
    assert_eq!(REFUSALS.iter().map(|refusal| refusal.id).collect::<BTreeSet<_>>().len(), 15);
    let (_, all) = site.get("/refusals?lang=ja").await;
    for refusal in REFUSALS {
        assert!(all.contains(&format!("id=\"prepare-{}\"", refusal.id)), "{}", refusal.id);
        let response = site.post(&format!("/refusals/{}/prepare", refusal.id), "same-origin").await;
        assert_eq!(response.status(), StatusCode::SEE_OTHER, "{}", refusal.id);
        let target = response.headers().get(header::LOCATION).unwrap().to_str().unwrap();
        let (status, page) = site.get(target).await;
        assert_eq!(status, StatusCode::OK);
        assert!(page.contains("id=\"prepared\"") && page.contains("id=\"step-1\""), "{}", refusal.id);
        assert!((2..=3).contains(&refusal.steps.len()), "{}", refusal.id);
        for step in refusal.steps {
            if let Some((_, Link::Card { resident, .. } | Link::Town(resident))) = step.link {
                let known = site.world.resident(&resident.parse().unwrap()).await.unwrap();
                assert!(known.is_some(), "{resident}");
            }
        }
    }
    assert_eq!(site.get("/refusals/no.such").await.0, StatusCode::NOT_FOUND);
    assert_eq!(site.post("/refusals/no.such/prepare", "same-origin").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn lists_grow_old_once_however_often_it_is_prepared() {
    let site = Site::open().await;
    let start = site.world.now();
    for _ in 0..2 {
        site.post("/refusals/revocation_list.too_old/prepare", "same-origin").await;
    }
    assert_eq!(site.world.now().since(start), 72 * 3600);
    assert!(site.world.dials().publication_stopped);
}

#[tokio::test]
async fn everything_is_put_back() {
    let site = Site::open().await;
    site.post("/refusals/upstream.unreachable/prepare", "same-origin").await;
    site.post("/refusals/revocation_list.too_old/prepare", "same-origin").await;
    let id = "aoki-misaki".parse().unwrap();
    let wrong = Secret::new("0000".to_owned());
    for _ in 0..3 {
        site.world.answer(&id, CardOperation::ReadAttributes, &wrong, b"").await.unwrap_err();
    }
    assert!(site.get("/").await.1.contains("id=\"disturbed\""));
    assert_eq!(site.post("/refusals/reset", "same-origin").await.status(), StatusCode::SEE_OTHER);
    let dials = site.world.dials();
    assert!(!dials.authority_unreachable && !dials.publication_stopped);
    assert_eq!(site.world.resident(&id).await.unwrap().unwrap().card.pin_tries, 3);
    assert!(site.get("/refusals?done=reset&lang=en").await.1.contains("Everything is back."));
}

#[tokio::test]
async fn another_site_cannot_disturb_the_nation() {
    let site = Site::open().await;
    for origin in ["cross-site", "same-site"] {
        let response = site.post("/refusals/upstream.unreachable/prepare", origin).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
    }
    assert!(!site.world.dials().authority_unreachable);
}
