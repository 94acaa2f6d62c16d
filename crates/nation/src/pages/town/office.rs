//! The authorities' office: the published revocation lists, and the demonstration's dials: an unreachable
//! authority, a stopped publication, the nation's clock.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use musubi_httpkit::page::{Html, PageLang, Shell, Tr};
use musubi_httpkit::{Form, Problem, Query};
use musubi_pki::AuthorityKind;
use serde::Deserialize;

use super::register::{self, PublishedList};
use super::{TownSite, shell};
use crate::NationError;
use crate::pages::views::moment;
use crate::pages::{PagesConfig, TEXTS, failed};

#[derive(Deserialize)]
pub(super) struct OfficeQuery {
    done: Option<String>,
}

/// A row of the table of lists.
struct ListRow {
    key: String,
    kind: &'static str,
    generation: i64,
    number: i64,
    this_update: String,
    next_update: String,
    entries: usize,
    waiting: usize,
    old: bool,
}

#[derive(askama::Template)]
#[template(path = "town_authority.html")]
struct OfficePage {
    shell: Shell,
    t: Tr,
    config: Arc<PagesConfig>,
    now: String,
    lists: Vec<ListRow>,
    unreachable: bool,
    stopped: bool,
    done: Option<&'static str>,
}

pub(super) async fn page(
    State(site): State<TownSite>,
    PageLang(lang): PageLang,
    Query(query): Query<OfficeQuery>,
) -> Result<Response, Problem> {
    let t = TEXTS.tr(lang);
    let now = site.world.now();
    let dials = site.world.dials();
    let row = |list: PublishedList| ListRow {
        key: format!("{}-{}", list.authority, list.generation),
        kind: match list.authority {
            AuthorityKind::DigitalSignature => t.get("list.digital_signature"),
            AuthorityKind::UserAuthentication => t.get("list.user_authentication"),
        },
        generation: list.generation,
        number: list.number,
        this_update: moment(list.this_update, lang),
        next_update: moment(list.next_update, lang),
        entries: list.entries,
        waiting: list.waiting,
        old: list.next_update < now,
    };
    let lists = register::published_lists(&site.world).await.map_err(failed)?;
    let page = OfficePage {
        shell: shell(t),
        t,
        config: site.config,
        now: moment(now, lang),
        lists: lists.into_iter().map(row).collect(),
        unreachable: dials.authority_unreachable,
        stopped: dials.publication_stopped,
        done: match query.done.as_deref() {
            Some("published") => Some(t.get("office.done.published")),
            Some("stopped") => Some(t.get("office.done.stopped")),
            Some("dials") => Some(t.get("office.done.dials")),
            Some("clock") => Some(t.get("office.done.clock")),
            Some("clock_end") => Some(t.get("office.done.clock_end")),
            _ => None,
        },
    };
    Ok(Html(page).into_response())
}

/// `POST /authority/publish`: the next lists, now, unless publication is stopped.
pub(super) async fn publish(State(site): State<TownSite>) -> Result<Response, Problem> {
    if site.world.dials().publication_stopped {
        return Ok(back("stopped"));
    }
    site.world.publish_lists().await.map_err(failed)?;
    Ok(back("published"))
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Dial {
    AuthorityUnreachable,
    PublicationStopped,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Turned {
    On,
    Off,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DialForm {
    dial: Dial,
    turned: Turned,
}

pub(super) async fn dials(
    State(site): State<TownSite>,
    Form(form): Form<DialForm>,
) -> Result<Response, Problem> {
    let mut dials = site.world.dials();
    let on = form.turned == Turned::On;
    match form.dial {
        Dial::AuthorityUnreachable => dials.authority_unreachable = on,
        Dial::PublicationStopped => dials.publication_stopped = on,
    }
    site.world.set_dials(dials).await.map_err(failed)?;
    Ok(back("dials"))
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    Hour,
    Day,
    ThreeDays,
}

impl Step {
    fn seconds(self) -> i64 {
        match self {
            Self::Hour => 3600,
            Self::Day => 24 * 3600,
            Self::ThreeDays => 72 * 3600,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClockForm {
    step: Step,
}

pub(super) async fn clock(
    State(site): State<TownSite>,
    Form(form): Form<ClockForm>,
) -> Result<Response, Problem> {
    match site.world.advance_clock(form.step.seconds()).await {
        Ok(()) => Ok(back("clock")),
        Err(NationError::Clock) => Ok(back("clock_end")),
        Err(error) => Err(failed(error)),
    }
}

fn back(done: &str) -> Response {
    Redirect::to(&format!("/authority?done={done}")).into_response()
}
