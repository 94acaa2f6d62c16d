//! The nation's own pages: the virtual card and its window (host `card.`), the town hall and the authorities'
//! office (host `town.`). They stand in for a card reader on the resident's desk and for the counter of a
//! municipality; they know no relying party.

mod card;
#[cfg(test)]
mod tests;
mod town;
mod views;

use std::sync::LazyLock;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::IntoResponse as _;
use musubi_httpkit::page::{Lang, MessagePage, PageLang, Shell, Site, Texts, assets, secure_pages};
use musubi_httpkit::problems::{METHOD_NOT_ALLOWED, ROUTE_UNKNOWN};
use musubi_httpkit::{Problem, ProblemKind, internal};

use crate::{World, virtual_cards};

/// The texts of these pages.
pub(crate) static TEXTS: LazyLock<Texts> =
    LazyLock::new(|| Texts::new(include_str!("../../locales/ja.txt"), include_str!("../../locales/en.txt")));

/// Where the other sites of the demonstration are: origins (`http://bank.localhost:8080`), without a final slash.
#[derive(Debug, Clone)]
pub struct PagesConfig {
    /// The demo's start page.
    pub demo: String,
    /// The sample bank.
    pub bank: String,
    /// The resident's portal.
    pub portal: String,
    /// The card window.
    pub card: String,
    /// The town hall.
    pub town: String,
    /// The fraudulent copy of the bank.
    pub phish: String,
}

/// The virtual card and its window: the router of the host `card.`.
///
/// - `GET /` the card on the reader, or the cards to choose from; `POST /insert` and `POST /remove`
/// - `GET /take/{resident}?next=` one card, to be put on the reader
/// - `/window` and below: the card request (docs/spec/card-request.md)
/// - `/virtual` and below: the cards for programs outside, such as `musubi-agent virtual`
pub fn card_router(world: World, config: PagesConfig) -> Router {
    let window = card::window(world.clone(), &config);
    let virtual_cards = virtual_cards::router(world.clone());
    secure_pages(card::router(world, config).merge(assets())).merge(window).merge(virtual_cards)
}

/// The town hall and the authorities' office: the router of the host `town.`.
///
/// - `GET /` residents, `GET /residents/{id}` one resident's counter, `POST /residents/{id}/…` life events
/// - `GET /authority` revocation lists, dials and the clock; `POST /authority/…`
pub fn town_router(world: World, config: PagesConfig) -> Router {
    secure_pages(town::router(world, config).merge(assets()))
}

/// A problem for a failure inside: the log is told what, the visitor only that.
pub(crate) fn failed(error: crate::NationError) -> Problem {
    internal(&error)
}

/// Shows problems of `pages` as pages of `site`, in the visitor's language, and gives them a fallback.
pub(crate) fn friendly<S: Clone + Send + Sync + 'static>(
    pages: Router<S>,
    site: Site,
    name_key: &'static str,
) -> Router<S> {
    pages
        .fallback(async || Problem::new(&ROUTE_UNKNOWN))
        .method_not_allowed_fallback(async || Problem::new(&METHOD_NOT_ALLOWED))
        .layer(from_fn(move |PageLang(lang): PageLang, request: Request, next: Next| async move {
            let response = next.run(request).await;
            if response.extensions().get::<&'static ProblemKind>().is_none() {
                return response;
            }
            (response.status(), trouble(response.status(), site, name_key, lang)).into_response()
        }))
}

fn trouble(status: StatusCode, site: Site, name_key: &'static str, lang: Lang) -> MessagePage {
    let t = TEXTS.tr(lang);
    let (title, what, next) = match status {
        StatusCode::NOT_FOUND => {
            (t.get("trouble.not_found"), t.get("trouble.not_found.what"), t.get("trouble.not_found.next"))
        }
        status if status.is_client_error() => {
            (t.get("trouble.form"), t.get("trouble.form.what"), t.get("trouble.form.next"))
        }
        _ => (t.get("trouble.inside"), t.get("trouble.inside.what"), t.get("trouble.inside.next")),
    };
    let shell = Shell::new(site, t.get(name_key), lang);
    MessagePage::of(shell, title, what, next).with_link("/", t.get("trouble.home"))
}
