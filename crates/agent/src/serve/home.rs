//! The program's own page for the person: is this browser paired, is there a card, which sites may ask. Everything about
//! cards and sites is for paired browsers alone.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use musubi_card::client::CardError;
use musubi_connector::{Caller, Reader as _};
use musubi_httpkit::page::{Html, Lang, PageLang, Shell, Site, Tr, asset, json_for_script, secure_pages};
use musubi_httpkit::{Json, Problem, internal};
use musubi_kernel::Secret;
use serde::Deserialize;
use serde_json::{Value, json};

use super::TEXTS;
use super::desk::{Desk, pairing_secret};
use super::pairing::{Pairing, PairingRefusal};
use super::problems::{PAIRING_NEEDED, PAIRING_WAIT, PAIRING_WRONG_CODE};
use super::register::RegisterError;
use crate::messages::{self, Condition};

/// Largest body of these requests, in bytes: an origin or a code.
const LIMIT: usize = 4 * 1024;

#[derive(Clone)]
struct Home {
    desk: Desk,
    pairing: Arc<Pairing>,
}

/// The page, its requests, and `POST /pair`, which the card window sends, too.
pub(super) fn router(desk: Desk, pairing: Arc<Pairing>) -> Router {
    const JS: &str = "text/javascript; charset=utf-8";
    let home = Home { desk, pairing };
    let pages = Router::new()
        .route("/", get(page))
        .route("/pair", post(pair))
        .route("/manage/state", post(state))
        .route("/manage/forget-site", post(forget_site))
        .route("/manage/forget-browser", post(forget_browser))
        .with_state(home)
        .route("/assets/serve-home.js", asset(JS, include_bytes!("assets/serve-home.js")));
    secure_pages(pages)
}

#[derive(askama::Template)]
#[template(path = "serve_home.html")]
struct HomePage {
    shell: Shell,
    t: Tr,
    settings: String,
    version: &'static str,
}

async fn page(PageLang(lang): PageLang) -> Response {
    let t = TEXTS.tr(lang);
    let texts = json!({
        "checking": t.get("home.card.checking"),
        "ready": t.get("home.card.ready"),
        "tries": t.get("home.card.tries"),
        "no_certificate": t.get("home.card.no_certificate"),
        "blocked": t.get("home.card.blocked"),
        "forget": t.get("home.sites.forget"),
        "forget_site": t.get("home.sites.forget_named"),
        "forgotten": t.get("home.sites.forgotten"),
        "unpaired": t.get("home.browser.forgotten"),
        "paired": t.get("home.browser.now_paired"),
        "code_form": t.get("home.pair.form"),
        "wait": t.get("home.pair.wait"),
        "failed": t.get("home.failed"),
        "reader_with_card": t.get("home.card.on_reader"),
        "reader_empty": t.get("home.card.reader_empty"),
    });
    let page = HomePage {
        shell: Shell::new(Site::Card, t.get("title"), lang).with_simulation(false),
        t,
        settings: json_for_script(&json!({ "texts": texts })),
        version: env!("CARGO_PKG_VERSION"),
    };
    Html(page).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entered {
    code: Secret<String>,
}

async fn pair(
    State(home): State<Home>,
    Json(entered): Json<Entered, LIMIT>,
) -> Result<axum::Json<Value>, Problem> {
    let at = home.desk.clock().now();
    let secret = home.pairing.redeem(entered.code.expose(), at).map_err(refusal)?;
    let kept = secret.clone();
    home.desk.decide(move |register| register.pair(&kept, at)).await.map_err(failed)?;
    tracing::info!("a browser was paired");
    Ok(axum::Json(json!({ "secret": secret.expose() })))
}

fn refusal(refusal: PairingRefusal) -> Problem {
    match refusal {
        PairingRefusal::Wrong { tries_left } => {
            Problem::new(&PAIRING_WRONG_CODE).with("tries_left", tries_left)
        }
        PairingRefusal::Wait { seconds } => Problem::new(&PAIRING_WAIT)
            .with("wait_seconds", seconds)
            .with_header(RETRY_AFTER, HeaderValue::from(seconds)),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

async fn state(
    State(home): State<Home>,
    PageLang(lang): PageLang,
    headers: HeaderMap,
    Json(Nothing {}): Json<Nothing, LIMIT>,
) -> Result<axum::Json<Value>, Problem> {
    if !home.desk.is_paired(&headers).await {
        return Ok(axum::Json(json!({ "paired": false })));
    }
    let sites = home.desk.decide(|register| register.sites()).await.map_err(failed)?;
    let readers = home.desk.readers().await;
    let overview = match &readers {
        Ok(_) => home.desk.with_card(Caller { headers: &headers, lang }, |card| card.overview()).await,
        Err(error) => Err(error.clone().into()),
    };
    let readers: Vec<Value> = readers
        .unwrap_or_default()
        .iter()
        .map(|reader| json!({ "name": reader.name, "has_card": reader.has_card }))
        .collect();
    let card = match overview {
        Ok(card) => json!({
            "condition": "ready",
            "has_authentication": card.has_authentication,
            "has_signature": card.has_signature,
            "authentication_tries": card.authentication_tries,
            "signature_tries": card.signature_tries,
        }),
        Err(error) => condition(error, lang),
    };
    Ok(axum::Json(json!({ "paired": true, "sites": sites, "readers": readers, "card": card })))
}

/// What is the matter at the reader and what to do, in the page's language.
fn condition(error: CardError, lang: Lang) -> Value {
    let (condition, tr) = (Condition::from(error), messages::TEXTS.tr(lang));
    json!({ "condition": condition.key(), "what": condition.what(tr), "next": condition.next(tr) })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    origin: String,
}

async fn forget_site(
    State(home): State<Home>,
    headers: HeaderMap,
    Json(named): Json<Named, LIMIT>,
) -> Result<axum::Json<Value>, Problem> {
    if !home.desk.is_paired(&headers).await {
        return Err(Problem::new(&PAIRING_NEEDED));
    }
    let forgotten = home.desk.decide(move |register| register.forget_site(&named.origin)).await;
    Ok(axum::Json(json!({ "forgotten": forgotten.map_err(failed)? })))
}

async fn forget_browser(
    State(home): State<Home>,
    headers: HeaderMap,
    Json(Nothing {}): Json<Nothing, LIMIT>,
) -> Result<axum::Json<Value>, Problem> {
    let secret = match pairing_secret(&headers) {
        Some(secret) if home.desk.is_paired(&headers).await => secret,
        _ => return Err(Problem::new(&PAIRING_NEEDED)),
    };
    home.desk.decide(move |register| register.forget_browser(&secret)).await.map_err(failed)?;
    tracing::info!("a browser was forgotten");
    Ok(axum::Json(json!({ "forgotten": true })))
}

fn failed(error: RegisterError) -> Problem {
    internal(&error)
}
