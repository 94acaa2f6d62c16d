//! The town hall's counter (市区町村の窓口) and the authorities' office: where the register changes, certificates
//! lapse and are issued, and the revocation lists appear. A visitor plays the resident and the clerk at once.

mod counter;
mod office;
mod register;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use musubi_httpkit::page::{Html, PageLang, Shell, Site, Tr};
use musubi_httpkit::{Problem, Query};
use serde::Deserialize;

use super::views::Choice;
use super::{PagesConfig, TEXTS, failed, friendly};
use crate::{ResidentId, World};

/// What the handlers share.
#[derive(Clone)]
pub(super) struct TownSite {
    world: World,
    config: Arc<PagesConfig>,
}

pub(super) fn router(world: World, config: PagesConfig) -> Router {
    let pages = Router::new()
        .route("/", get(home))
        .route("/residents/{id}", get(counter::page))
        .route("/residents/{id}/move", post(counter::move_house))
        .route("/residents/{id}/rename", post(counter::rename))
        .route("/residents/{id}/unblock", post(counter::unblock))
        .route("/residents/{id}/{event}", post(counter::plain_event))
        .route("/authority", get(office::page))
        .route("/authority/publish", post(office::publish))
        .route("/authority/dials", post(office::dials))
        .route("/authority/clock", post(office::clock));
    friendly(pages, Site::Town, "town.title").with_state(TownSite { world, config: Arc::new(config) })
}

fn shell(t: Tr) -> Shell {
    Shell::new(Site::Town, t.get("town.title"), t.lang())
}

#[derive(Deserialize)]
struct HomeQuery {
    resident: Option<ResidentId>,
}

#[derive(askama::Template)]
#[template(path = "town_home.html")]
struct HomePage {
    shell: Shell,
    t: Tr,
    config: Arc<PagesConfig>,
    choices: Vec<Choice>,
}

/// `GET /`: the residents; `?resident=` goes straight to that resident's counter.
async fn home(
    State(site): State<TownSite>,
    PageLang(lang): PageLang,
    Query(query): Query<HomeQuery>,
) -> Result<Response, Problem> {
    if let Some(id) = query.resident {
        return Ok(Redirect::to(&format!("/residents/{id}")).into_response());
    }
    let t = TEXTS.tr(lang);
    let residents = site.world.residents().await.map_err(failed)?;
    let choices = residents.iter().map(|resident| Choice::of(resident, lang)).collect();
    Ok(Html(HomePage { shell: shell(t), t, config: site.config, choices }).into_response())
}
