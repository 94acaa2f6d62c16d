//! The virtual card: which one is on the reader, and what it carries. The window in which a page asks it is
//! `musubi_connector`'s; [`reader`] brings the card.
//!
//! A cookie of this host names the resident whose card is on the reader. It is no secret: the PIN is what the
//! card asks for, and the cards belong to a nation that does not exist.

mod reader;

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, State};
use axum::http::HeaderMap;
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use musubi_connector::{Demo, WindowConfig};
use musubi_httpkit::page::{Html, Lang, PageLang, Shell, Site, Tr};
use musubi_httpkit::problems::ROUTE_UNKNOWN;
use musubi_httpkit::{Form, Path, Problem, Query};
use serde::Deserialize;

use reader::VirtualReader;

use super::views::{CardRows, Choice, note};
use super::{PagesConfig, TEXTS, failed, friendly};
use crate::{DEMO_PASSWORD, DEMO_PIN, Resident, ResidentId, World};

/// What the handlers share.
#[derive(Clone)]
pub(super) struct CardSite {
    world: World,
    config: Arc<PagesConfig>,
}

pub(super) fn router(world: World, config: PagesConfig) -> Router {
    let pages = Router::new()
        .route("/", get(home))
        .route("/insert", post(insert))
        .route("/remove", post(remove))
        .route("/take/{resident}", get(take));
    friendly(pages, Site::Card, "card.title").with_state(CardSite { world, config: Arc::new(config) })
}

/// The card window over the card on the reader.
pub(super) fn window(world: World, config: &PagesConfig) -> Router {
    let demo = Demo { pin: DEMO_PIN, password: DEMO_PASSWORD, start: config.demo.clone() };
    let reader = VirtualReader { world, town: config.town.as_str().into() };
    musubi_connector::router(reader, WindowConfig { demo: Some(demo) })
}

/// The resident whose card is on the reader, as the cookie says.
pub(super) struct OnReader(pub(super) Option<ResidentId>);

impl<S: Sync> FromRequestParts<S> for OnReader {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}

impl OnReader {
    fn of(headers: &HeaderMap) -> Self {
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let named =
            cookies.flat_map(|value| value.split(';')).find_map(|pair| pair.trim().strip_prefix("card="));
        Self(named.and_then(|text| text.parse().ok()))
    }
}

impl CardSite {
    async fn on_reader(&self, card: &OnReader) -> Result<Option<Resident>, Problem> {
        match &card.0 {
            Some(id) => self.world.resident(id).await.map_err(failed),
            None => Ok(None),
        }
    }

    async fn choices(&self, lang: Lang) -> Result<Vec<Choice>, Problem> {
        let residents = self.world.residents().await.map_err(failed)?;
        Ok(residents.iter().map(|resident| Choice::of(resident, lang)).collect())
    }

    fn cookie(&self, value: &str, lifetime: &str) -> String {
        let secure = if self.config.card.starts_with("https:") { "; Secure" } else { "" };
        format!("card={value}; Path=/; HttpOnly; SameSite=Lax{lifetime}{secure}")
    }
}

fn shell(t: Tr) -> Shell {
    Shell::new(Site::Card, t.get("card.title"), t.lang())
}

#[derive(askama::Template)]
#[template(path = "card_home.html")]
struct HomePage {
    shell: Shell,
    t: Tr,
    config: Arc<PagesConfig>,
    card: Option<CardRows>,
    choices: Vec<Choice>,
}

async fn home(
    State(site): State<CardSite>,
    PageLang(lang): PageLang,
    card: OnReader,
) -> Result<Response, Problem> {
    let t = TEXTS.tr(lang);
    let card = site.on_reader(&card).await?.map(|resident| CardRows::of(&resident, t));
    let choices = if card.is_none() { site.choices(lang).await? } else { Vec::new() };
    Ok(Html(HomePage { shell: shell(t), t, config: site.config, card, choices }).into_response())
}

/// Where a visitor goes on to when the card is on the reader: a closed list, so that nobody can send them elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Next {
    #[default]
    Bank,
    BankApply,
    BankSignIn,
    BankLab,
    Portal,
    Town,
    Refusals,
    Demo,
    Phish,
    /// Back into the card window that asked for a card.
    Window,
}

impl Next {
    fn name(self) -> &'static str {
        match self {
            Self::Bank => "bank",
            Self::BankApply => "bank_apply",
            Self::BankSignIn => "bank_sign_in",
            Self::BankLab => "bank_lab",
            Self::Portal => "portal",
            Self::Town => "town",
            Self::Refusals => "refusals",
            Self::Demo => "demo",
            Self::Phish => "phish",
            Self::Window => "window",
        }
    }

    /// The address; the visitor's language goes along, since each site remembers its own.
    fn href(self, config: &PagesConfig, resident: &ResidentId, lang: Lang) -> String {
        let (site, path) = match self {
            Self::Bank => (config.bank.as_str(), "/"),
            Self::BankApply => (config.bank.as_str(), "/apply"),
            Self::BankSignIn => (config.bank.as_str(), "/sign-in"),
            Self::BankLab => (config.bank.as_str(), "/lab"),
            Self::Portal => (config.portal.as_str(), "/"),
            Self::Town => return format!("{}/residents/{resident}?lang={}", config.town, lang.code()),
            Self::Refusals => (config.demo.as_str(), "/refusals"),
            Self::Demo => (config.demo.as_str(), "/"),
            Self::Phish => (config.phish.as_str(), "/"),
            Self::Window => ("", "/window"),
        };
        format!("{site}{path}?lang={}", lang.code())
    }

    fn label(self, t: Tr) -> &'static str {
        match self {
            Self::Bank => t.get("next.bank"),
            Self::BankApply => t.get("next.bank_apply"),
            Self::BankSignIn => t.get("next.bank_sign_in"),
            Self::BankLab => t.get("next.bank_lab"),
            Self::Portal => t.get("next.portal"),
            Self::Town => t.get("next.town"),
            Self::Refusals => t.get("next.refusals"),
            Self::Demo => t.get("next.demo"),
            Self::Phish => t.get("next.phish"),
            Self::Window => t.get("next.window"),
        }
    }
}

#[derive(Deserialize)]
struct TakeQuery {
    #[serde(default)]
    next: Next,
}

#[derive(askama::Template)]
#[template(path = "card_take.html")]
struct TakePage {
    shell: Shell,
    t: Tr,
    config: Arc<PagesConfig>,
    card: CardRows,
    note: &'static str,
    /// This card is on the reader.
    inserted: bool,
    /// Another card is.
    other: bool,
    next_name: &'static str,
    next_href: String,
    next_label: &'static str,
    pin: &'static str,
    password: &'static str,
}

async fn take(
    State(site): State<CardSite>,
    PageLang(lang): PageLang,
    Path(id): Path<ResidentId>,
    Query(query): Query<TakeQuery>,
    card: OnReader,
) -> Result<Response, Problem> {
    let t = TEXTS.tr(lang);
    let resident = site.world.resident(&id).await.map_err(failed)?.ok_or(&ROUTE_UNKNOWN)?;
    let inserted = card.0.as_ref() == Some(&id);
    let page = TakePage {
        shell: shell(t),
        t,
        card: CardRows::of(&resident, t),
        note: note(&resident, lang),
        inserted,
        other: card.0.is_some() && !inserted,
        next_name: query.next.name(),
        next_href: query.next.href(&site.config, &id, lang),
        next_label: query.next.label(t),
        pin: DEMO_PIN,
        password: DEMO_PASSWORD,
        config: site.config,
    };
    Ok(Html(page).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InsertForm {
    resident: ResidentId,
    next: Option<Next>,
}

async fn insert(State(site): State<CardSite>, Form(form): Form<InsertForm>) -> Result<Response, Problem> {
    site.world.resident(&form.resident).await.map_err(failed)?.ok_or(&ROUTE_UNKNOWN)?;
    let to = match form.next {
        None => "/".to_owned(),
        Some(Next::Window) => "/window".to_owned(),
        Some(next) => format!("/take/{}?next={}", form.resident, next.name()),
    };
    let cookie = site.cookie(form.resident.as_str(), "");
    Ok(([(SET_COOKIE, cookie)], Redirect::to(&to)).into_response())
}

async fn remove(State(site): State<CardSite>) -> Response {
    ([(SET_COOKIE, site.cookie("", "; Max-Age=0"))], Redirect::to("/")).into_response()
}
