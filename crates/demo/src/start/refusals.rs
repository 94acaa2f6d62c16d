//! Refusals on demand: for each way in which a card, a signature or the evidence can fail, what it shows and two or
//! three steps to see it. The platform refuses by its own rules; here only the world is set so that it has to.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use musubi_httpkit::page::{Html, Lang, PageLang, Shell, Tr};
use musubi_nation::pages::PagesConfig;
use musubi_nation::{Dials, LifeError, NationError, ResidentId};
use serde::Deserialize;

use super::{StartState, TEXTS, Trouble, shell};

/// How far the clock goes so that a revocation list of 48 hours is too old, in seconds.
const PAST_THE_LISTS: i64 = 72 * 3600;

/// A refusal on demand. Texts are keys of the locale files.
#[derive(Debug)]
pub struct Refusal {
    /// Its name in addresses: the code, unless several refusals have the same.
    pub id: &'static str,
    /// The code that the visitor will see.
    pub code: &'static str,
    /// What is refused.
    pub title: &'static str,
    /// What it shows.
    pub shows: &'static str,
    /// How the world is set before.
    pub act: Act,
    /// What the visitor does then.
    pub steps: &'static [Step],
}

/// How the world is set before a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// All tries of this resident's card are given back.
    Unblock(&'static str),
    /// The authority answers nobody.
    Unreachable,
    /// No new lists appear and three days pass.
    ListsGrowOld,
}

/// A step of the visitor.
#[derive(Debug)]
pub struct Step {
    /// What to do.
    pub text: &'static str,
    /// The link's text and where it leads.
    pub link: Option<(&'static str, Link)>,
}

/// Where a step leads.
#[derive(Debug, Clone, Copy)]
pub enum Link {
    /// To a resident's card; from there on to a place that the card's page names.
    Card {
        /// The resident.
        resident: &'static str,
        /// The place, as the query parameter `next` names it.
        next: &'static str,
    },
    /// To a path of the bank.
    Bank(&'static str),
    /// To the fake bank.
    Phish,
    /// To the counter of a resident.
    Town(&'static str),
}

impl Link {
    /// The address; the visitor's language goes along, since each site remembers its own.
    fn href(self, origins: &PagesConfig, lang: Lang) -> String {
        let lang = lang.code();
        match self {
            Self::Card { resident, next } => {
                format!("{}/take/{resident}?next={next}&lang={lang}", origins.card)
            }
            Self::Bank(path) => format!("{}{path}?lang={lang}", origins.bank),
            Self::Phish => format!("{}/?lang={lang}", origins.phish),
            Self::Town(resident) => format!("{}/residents/{resident}?lang={lang}", origins.town),
        }
    }
}

const fn step(text: &'static str) -> Step {
    Step { text, link: None }
}

const fn leads(text: &'static str, label: &'static str, link: Link) -> Step {
    Step { text, link: Some((label, link)) }
}

const fn take(text: &'static str, resident: &'static str, next: &'static str) -> Step {
    leads(text, "link.card", Link::Card { resident, next })
}

/// All refusals on demand.
pub const REFUSALS: &[Refusal] = &[
    Refusal {
        id: "pin.wrong",
        code: "pin.wrong",
        title: "pin_wrong.title",
        shows: "pin_wrong.shows",
        act: Act::Unblock("aoki-misaki"),
        steps: &[take("step.card_misaki_sign_in", "aoki-misaki", "bank_sign_in"), step("pin_wrong.step")],
    },
    Refusal {
        id: "pin.blocked",
        code: "pin.blocked",
        title: "pin_blocked.title",
        shows: "pin_blocked.shows",
        act: Act::Unblock("takahashi-naoki"),
        steps: &[
            take("pin_blocked.card", "takahashi-naoki", "bank_sign_in"),
            step("pin_blocked.step"),
            leads("pin_blocked.after", "link.town", Link::Town("takahashi-naoki")),
        ],
    },
    Refusal {
        id: "signature.tampered",
        code: "signature.tampered",
        title: "tampered.title",
        shows: "tampered.shows",
        act: Act::Unblock("aoki-misaki"),
        steps: &[
            take("tampered.card", "aoki-misaki", "bank_lab"),
            step("tampered.arm"),
            step("step.apply_and_sign"),
        ],
    },
    Refusal {
        id: "attributes.mismatch",
        code: "attributes.mismatch",
        title: "mismatch.title",
        shows: "mismatch.shows",
        act: Act::Unblock("aoki-misaki"),
        steps: &[
            take("step.card_misaki_apply", "aoki-misaki", "bank_apply"),
            step("mismatch.edit"),
            step("step.sign"),
        ],
    },
    Refusal {
        id: "certificate.expired",
        code: "certificate.expired",
        title: "expired.title",
        shows: "expired.shows",
        act: Act::Unblock("furukawa-akira"),
        steps: &[take("expired.card", "furukawa-akira", "bank_apply"), step("step.apply_and_sign")],
    },
    Refusal {
        id: "certificate.revoked",
        code: "certificate.revoked",
        title: "revoked.title",
        shows: "revoked.shows",
        act: Act::Unblock("morita-tsuyoshi"),
        steps: &[take("revoked.card", "morita-tsuyoshi", "bank_apply"), step("step.apply_and_sign")],
    },
    Refusal {
        id: "certificate.held",
        code: "certificate.held",
        title: "held.title",
        shows: "held.shows",
        act: Act::Unblock("okamoto-megumi"),
        steps: &[take("held.card", "okamoto-megumi", "bank_apply"), step("step.apply_and_sign")],
    },
    Refusal {
        id: "certificate.other_authority",
        code: "certificate.other_authority",
        title: "other_authority.title",
        shows: "other_authority.shows",
        act: Act::Unblock("kageyama-so"),
        steps: &[take("other_authority.card", "kageyama-so", "bank_apply"), step("step.apply_and_sign")],
    },
    Refusal {
        id: "nonce.replayed",
        code: "nonce.replayed",
        title: "replayed.title",
        shows: "replayed.shows",
        act: Act::Unblock("aoki-misaki"),
        steps: &[
            take("replayed.card", "aoki-misaki", "bank_sign_in"),
            leads("replayed.lab", "link.lab", Link::Bank("/lab")),
        ],
    },
    Refusal {
        id: "origin.wrong",
        code: "origin.wrong",
        title: "origin_wrong.title",
        shows: "origin_wrong.shows",
        act: Act::Unblock("aoki-misaki"),
        steps: &[
            take("origin_wrong.card", "aoki-misaki", "phish"),
            leads("origin_wrong.step", "link.phish", Link::Phish),
        ],
    },
    Refusal {
        id: "presence.not_enrolled",
        code: "presence.not_enrolled",
        title: "not_enrolled.title",
        shows: "not_enrolled.shows",
        act: Act::Unblock("sato-kenichi"),
        steps: &[
            take("not_enrolled.card", "sato-kenichi", "bank"),
            leads("not_enrolled.step", "link.reception", Link::Bank("/reception")),
        ],
    },
    Refusal {
        id: "presence.relayed",
        code: "origin.wrong",
        title: "presence_relayed.title",
        shows: "presence_relayed.shows",
        act: Act::Unblock("aoki-misaki"),
        steps: &[
            take("presence_relayed.card", "aoki-misaki", "bank_sign_in"),
            leads("presence_relayed.step", "link.phish", Link::Phish),
        ],
    },
    Refusal {
        id: "presence.for_pin",
        code: "signature.tampered",
        title: "presence_for_pin.title",
        shows: "presence_for_pin.shows",
        act: Act::Unblock("aoki-misaki"),
        steps: &[
            take("replayed.card", "aoki-misaki", "bank_lab"),
            leads("presence_for_pin.lab", "link.lab", Link::Bank("/lab")),
        ],
    },
    Refusal {
        id: "upstream.unreachable",
        code: "upstream.unreachable",
        title: "unreachable.title",
        shows: "unreachable.shows",
        act: Act::Unreachable,
        steps: &[
            take("unreachable.card", "sato-kenichi", "bank_apply"),
            step("step.apply_and_sign"),
            step("unreachable.after"),
        ],
    },
    Refusal {
        id: "revocation_list.too_old",
        code: "revocation_list.too_old",
        title: "too_old.title",
        shows: "too_old.shows",
        act: Act::ListsGrowOld,
        steps: &[
            take("too_old.card", "takahashi-yumiko", "bank_apply"),
            step("step.apply_and_sign"),
            step("unreachable.after"),
        ],
    },
];

/// Sets the world for a refusal. Doing it twice is the same as once.
async fn set_up(state: &StartState, act: Act) -> Result<(), NationError> {
    let world = &state.world;
    let dials = world.dials();
    match act {
        Act::Unblock(resident) => unblock(state, resident).await,
        Act::Unreachable => world.set_dials(Dials { authority_unreachable: true, ..dials }).await,
        Act::ListsGrowOld if dials.publication_stopped => Ok(()),
        Act::ListsGrowOld => {
            world.set_dials(Dials { publication_stopped: true, ..dials }).await?;
            world.advance_clock(PAST_THE_LISTS).await
        }
    }
}

async fn unblock(state: &StartState, resident: &str) -> Result<(), NationError> {
    let id: ResidentId = resident.parse().map_err(|_| NationError::Register("resident"))?;
    match state.world.unblock(&id).await {
        Ok(()) => Ok(()),
        Err(LifeError::Nation(error)) => Err(error),
        Err(_) => Err(NationError::Register("resident")),
    }
}

/// Dials off, fresh lists, every card unblocked. Lives and the clock go on from where they are.
async fn put_back(state: &StartState) -> Result<(), NationError> {
    state.world.set_dials(Dials::default()).await?;
    state.world.publish_lists().await?;
    for resident in state.world.residents().await? {
        unblock(state, resident.id.as_str()).await?;
    }
    Ok(())
}

struct Row {
    id: &'static str,
    code: &'static str,
    title: String,
    shows: String,
}

#[derive(Deserialize)]
pub(super) struct Done {
    done: Option<String>,
}

#[derive(askama::Template)]
#[template(path = "refusals.html")]
struct ListPage {
    shell: Shell,
    t: Tr,
    origins: Arc<PagesConfig>,
    rows: Vec<Row>,
    unreachable: bool,
    stopped: bool,
    reset: bool,
}

/// `GET /refusals`
pub(super) async fn list(
    State(state): State<StartState>,
    PageLang(lang): PageLang,
    Query(query): Query<Done>,
) -> Response {
    let t = TEXTS.tr(lang);
    let dials = state.world.dials();
    let row = |refusal: &Refusal| Row {
        id: refusal.id,
        code: refusal.code,
        title: t.get(refusal.title).to_owned(),
        shows: t.get(refusal.shows).to_owned(),
    };
    let page = ListPage {
        shell: shell(t),
        t,
        origins: state.origins,
        rows: REFUSALS.iter().map(row).collect(),
        unreachable: dials.authority_unreachable,
        stopped: dials.publication_stopped,
        reset: query.done.as_deref() == Some("reset"),
    };
    Html(page).into_response()
}

struct StepRow {
    text: String,
    link: Option<(String, String)>,
}

#[derive(askama::Template)]
#[template(path = "refusal.html")]
struct RefusalPage {
    shell: Shell,
    t: Tr,
    row: Row,
    /// What `prepare` does to the world, in words.
    act: &'static str,
    prepared: bool,
    steps: Vec<StepRow>,
    /// Whether something stays switched on until it is put back.
    lasting: bool,
}

/// `GET /refusals/{id}`
pub(super) async fn show(
    State(state): State<StartState>,
    PageLang(lang): PageLang,
    Path(id): Path<String>,
    Query(query): Query<Done>,
) -> Response {
    let Some(refusal) = REFUSALS.iter().find(|refusal| refusal.id == id) else {
        return Trouble::Missing.page(lang);
    };
    let t = TEXTS.tr(lang);
    let step = |step: &Step| StepRow {
        text: t.get(step.text).to_owned(),
        link: step.link.map(|(label, link)| (t.get(label).to_owned(), link.href(&state.origins, lang))),
    };
    let prepared = query.done.as_deref() == Some("prepared");
    let page = RefusalPage {
        shell: shell(t),
        t,
        row: Row {
            id: refusal.id,
            code: refusal.code,
            title: t.get(refusal.title).to_owned(),
            shows: t.get(refusal.shows).to_owned(),
        },
        act: match (refusal.act, prepared) {
            (Act::Unblock(_), false) => t.get("act.unblock"),
            (Act::Unblock(_), true) => t.get("act.unblock.done"),
            (Act::Unreachable, false) => t.get("act.unreachable"),
            (Act::Unreachable, true) => t.get("act.unreachable.done"),
            (Act::ListsGrowOld, false) => t.get("act.lists_grow_old"),
            (Act::ListsGrowOld, true) => t.get("act.lists_grow_old.done"),
        },
        prepared,
        steps: refusal.steps.iter().map(step).collect(),
        lasting: matches!(refusal.act, Act::Unreachable | Act::ListsGrowOld),
    };
    Html(page).into_response()
}

/// `POST /refusals/{id}/prepare`: sets the world, then shows the steps. It cannot lead straight to another site:
/// the content security policy (`form-action 'self'`) holds for a form's redirects, too.
pub(super) async fn prepare(
    State(state): State<StartState>,
    PageLang(lang): PageLang,
    Path(id): Path<String>,
) -> Response {
    let Some(refusal) = REFUSALS.iter().find(|refusal| refusal.id == id) else {
        return Trouble::Missing.page(lang);
    };
    match set_up(&state, refusal.act).await {
        Ok(()) => Redirect::to(&format!("/refusals/{}?done=prepared", refusal.id)).into_response(),
        Err(error) => Trouble::from(error).page(lang),
    }
}

/// `POST /refusals/reset`
pub(super) async fn reset(State(state): State<StartState>, PageLang(lang): PageLang) -> Response {
    match put_back(&state).await {
        Ok(()) => Redirect::to("/refusals?done=reset").into_response(),
        Err(error) => Trouble::from(error).page(lang),
    }
}
