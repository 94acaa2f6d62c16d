//! For a person's eye: every page of the bank and of the fraudulent site, served to a browser.
//!
//! `MUSUBI_LOOK_PORT=8099 cargo nextest run -p musubi-services --run-ignored only look`, then open
//! `http://localhost:8099/`; stop it with Ctrl-C.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::response::Html;
use axum::routing::get;
use musubi_httpkit::page::{assets, secure_pages};
use musubi_kernel::SeededRandom;
use musubi_services::phish::{Phish, PhishConfig};

use crate::applications::{ANSWER, FORM, apply};
use crate::browser::Browser;
use crate::platform::{Next, judged, problem};
use crate::sign_in::signed_in;
use crate::{BANK, World, card_origins};

#[tokio::test]
#[ignore = "serves pages until it is stopped; for looking at them"]
async fn look() {
    let dir = tempfile::tempdir().unwrap();
    let mut pages = BTreeMap::new();
    for lang in ["ja", "en"] {
        let file = dir.path().join(format!("{lang}.sqlite"));
        let world = World::new(musubi_store::Db::open_sqlite(&file).await.unwrap()).await;
        collect(&world, lang, &mut pages).await;
    }
    let names: String = pages.keys().map(|name| format!("<li><a href=\"/{name}\">{name}</a>")).collect();
    let pages = Arc::new(pages);
    let site = Router::new().route("/", get(async move || Html(names))).route(
        "/{name}",
        get(async move |Path(name): Path<String>| Html(pages.get(&name).cloned().unwrap_or_default())),
    );
    let port: u16 = std::env::var("MUSUBI_LOOK_PORT").ok().and_then(|p| p.parse().ok()).unwrap_or(8099);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    axum::serve(listener, secure_pages(site.merge(assets()))).await.unwrap();
}

async fn collect(world: &World, lang: &'static str, pages: &mut BTreeMap<String, String>) {
    let mut keep = |name: &str, text: String| pages.insert(format!("{lang}-{name}"), text);
    let (mut browser, customer) = signed_in(world).await;
    browser.lang = lang;
    for (name, path) in [
        ("home", "/"),
        ("apply", "/apply"),
        ("sign-in-start", "/sign-in"),
        ("lab", "/lab"),
        ("missing", "/nowhere"),
    ] {
        keep(name, browser.get(path).await.text);
    }
    keep("account-quiet", browser.get("/account").await.text);
    world.platform.add_event("attributes_changed", &customer, "available");
    world.platform.add_event("held_or_compromised", &customer, "no_consent");
    world.clock.advance(120);
    world.bank.tick().await.unwrap();
    keep("account", browser.get("/account").await.text);
    keep("apply-faults", browser.post("/apply", &[("name", "花子"), ("date_of_birth", "きのう")]).await.text);
    let (path, page) = browser.post_and_follow("/apply", &FORM).await;
    keep("open", page.text);
    keep("accepted", browser.post_and_follow(&format!("{path}/complete"), &ANSWER).await.1.text);
    let next = |answer| world.platform.next("/completion", Next::Answer(200, answer));
    next(judged("refused", "TOTAL-FAILED", Some("certificate.revoked"), None));
    keep("refused", apply(&mut browser).await.1.text);
    next(judged("open", "INDETERMINATE", Some("revocation_list.too_old"), None));
    keep("submitted", apply(&mut browser).await.1.text);
    let (path, page) = browser.post_and_follow("/sign-in", &[]).await;
    keep("sign-in", page.text);
    next(judged("accepted", "TOTAL-PASSED", None, None));
    keep("stranger", browser.post_and_follow(&format!("{path}/complete"), &ANSWER).await.1.text);
    world.platform.next("/ec_1/completion", Next::Answer(409, problem("nonce.replayed")));
    keep("replay", browser.post("/lab/replay", &[]).await.text);
    let random = Arc::new(SeededRandom::new([5; 32]));
    let phish = Phish::new(PhishConfig { random, bank_origin: BANK.to_owned(), card: card_origins() });
    let mut victim = Browser::new(phish.pages(), "http://phish.localhost");
    victim.lang = lang;
    keep("phish", victim.get("/").await.text);
}
