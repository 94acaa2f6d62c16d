//! The demo's first page (host `localhost`): what there is, in which order to look at it, whose card to take; and
//! the refusals on demand. It only leads to the other sites and turns the nation's dials.

mod refusals;
#[cfg(test)]
mod tests;

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use musubi_httpkit::page::{Html, Lang, MessagePage, PageLang, Shell, Site, Texts, Tr, assets, secure_pages};
use musubi_nation::pages::PagesConfig;
use musubi_nation::{NationError, Resident, World};

pub use refusals::{Act, Link, REFUSALS, Refusal, Step};

static TEXTS: LazyLock<Texts> =
    LazyLock::new(|| Texts::new(include_str!("../../locales/ja.txt"), include_str!("../../locales/en.txt")));

/// The resident whom the tour suggests.
const FIRST_RESIDENT: &str = "aoki-misaki";

/// What the start page needs: the nation, and where the sites are.
#[derive(Clone)]
pub struct StartState {
    world: World,
    origins: Arc<PagesConfig>,
    agent: String,
    console: Arc<ConsoleDoor>,
}

/// Where the operator's console is, and how one gets in. A demo has no operator: whoever looks at it is.
#[derive(Debug)]
pub struct ConsoleDoor {
    /// Its origin.
    pub origin: String,
    /// Its access code.
    pub code: String,
}

impl std::fmt::Debug for StartState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StartState")
    }
}

impl StartState {
    /// The start page of `world`, whose sites are at `origins` and look for `musubi-agent` at `agent`; the console is
    /// behind `console`.
    #[must_use]
    pub fn new(world: World, origins: PagesConfig, agent: String, console: ConsoleDoor) -> Self {
        Self { world, origins: Arc::new(origins), agent, console: Arc::new(console) }
    }
}

/// The router of the host `localhost`.
///
/// - `GET /` the tour and the residents
/// - `GET /refusals`, `GET /refusals/{id}`, `POST /refusals/{id}/prepare`, `POST /refusals/reset`
pub fn router(state: StartState) -> Router {
    let pages = Router::new()
        .route("/", get(home))
        .route("/refusals", get(refusals::list))
        .route("/refusals/reset", post(refusals::reset))
        .route("/refusals/{id}", get(refusals::show))
        .route("/refusals/{id}/prepare", post(refusals::prepare))
        .fallback(async |PageLang(lang): PageLang| Trouble::Missing.page(lang))
        .method_not_allowed_fallback(async |PageLang(lang): PageLang| Trouble::Missing.page(lang))
        .with_state(state)
        .merge(assets());
    secure_pages(pages)
}

/// Why a page cannot be shown.
enum Trouble {
    Missing,
    Inside,
}

impl From<NationError> for Trouble {
    fn from(error: NationError) -> Self {
        tracing::error!(%error, "the nation could not answer the start page");
        Self::Inside
    }
}

impl Trouble {
    fn page(&self, lang: Lang) -> Response {
        let t = TEXTS.tr(lang);
        let (status, title, what, next) = match self {
            Self::Missing => {
                (StatusCode::NOT_FOUND, t.get("missing.title"), t.get("missing.what"), t.get("missing.next"))
            }
            Self::Inside => (
                StatusCode::INTERNAL_SERVER_ERROR,
                t.get("inside.title"),
                t.get("inside.what"),
                t.get("inside.next"),
            ),
        };
        (status, MessagePage::of(shell(t), title, what, next).with_link("/", t.get("to_start")))
            .into_response()
    }
}

fn shell(t: Tr) -> Shell {
    Shell::new(Site::Demo, t.get("demo.name"), t.lang())
}

/// A resident of the list.
struct ResidentRow {
    id: String,
    name: String,
    reading: String,
    municipality: &'static str,
    note: &'static str,
}

impl ResidentRow {
    fn of(resident: &Resident, t: Tr) -> Self {
        Self {
            id: resident.id.to_string(),
            name: resident.name.clone(),
            reading: resident.kana.clone(),
            municipality: resident.municipality.name,
            note: t.pick(resident.note.ja, resident.note.en),
        }
    }
}

#[derive(askama::Template)]
#[template(path = "start.html")]
struct HomePage {
    shell: Shell,
    t: Tr,
    origins: Arc<PagesConfig>,
    first: &'static str,
    agent: String,
    console: Arc<ConsoleDoor>,
    disturbed: bool,
    residents: Vec<ResidentRow>,
}

async fn home(State(state): State<StartState>, PageLang(lang): PageLang) -> Response {
    match home_page(state, lang).await {
        Ok(page) => Html(page).into_response(),
        Err(error) => Trouble::from(error).page(lang),
    }
}

async fn home_page(state: StartState, lang: Lang) -> Result<HomePage, NationError> {
    let t = TEXTS.tr(lang);
    let dials = state.world.dials();
    let residents = state.world.residents().await?;
    Ok(HomePage {
        shell: shell(t),
        t,
        origins: state.origins,
        first: FIRST_RESIDENT,
        agent: state.agent,
        console: state.console,
        disturbed: dials.authority_unreachable || dials.publication_stopped,
        residents: residents.iter().map(|resident| ResidentRow::of(resident, t)).collect(),
    })
}
