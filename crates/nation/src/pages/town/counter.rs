//! One resident's counter: what the register says, and the notifications (届出) that change it. Each post is one
//! life event; then the browser is sent back to the page, which reads off the register what has happened.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use musubi_httpkit::page::{Html, PageLang, Shell, Tr};
use musubi_httpkit::problems::ROUTE_UNKNOWN;
use musubi_httpkit::{Form, Path, Problem, Query};
use musubi_kernel::UnixTime;
use musubi_pki::Sex;
use serde::Deserialize;

use super::register::{self, Changes};
use super::{TownSite, shell};
use crate::pages::views::{CardRows, authority_text, display_name, moment, note, reason_text};
use crate::pages::{PagesConfig, TEXTS, failed};
use crate::{LifeError, LifeEvent, MUNICIPALITIES, Municipality, Resident, ResidentId};

/// Events that need nothing but the resident: the path's last segment, and what it stands for.
const PLAIN_EVENTS: &[(&str, LifeEvent)] = &[
    ("loss", LifeEvent::ReportLoss),
    ("theft", LifeEvent::ReportTheft),
    ("renew", LifeEvent::Renew),
    ("leave", LifeEvent::LeaveOrDie),
];

#[derive(Deserialize)]
pub(super) struct CounterQuery {
    done: Option<String>,
    /// When the notification was given, in seconds since 1970.
    at: Option<i64>,
    refused: Option<String>,
}

/// What the last post came to.
struct Notice {
    done: bool,
    title: &'static str,
    lines: Vec<String>,
    /// The certificates have changed: the bank will learn of it.
    told: bool,
}

/// A certificate in the resident's history.
struct HistoryRow {
    kind: &'static str,
    serial: String,
    from: String,
    to: String,
    revoked: Option<String>,
}

#[derive(askama::Template)]
#[template(path = "town_resident.html")]
struct CounterPage {
    shell: Shell,
    t: Tr,
    config: Arc<PagesConfig>,
    id: String,
    name: String,
    kana: String,
    address: String,
    date_of_birth: String,
    sex: &'static str,
    municipality: &'static str,
    left: Option<String>,
    note: &'static str,
    card: CardRows,
    notice: Option<Notice>,
    history: Vec<HistoryRow>,
    municipalities: Vec<(&'static Municipality, bool)>,
    new_street: &'static str,
    new_name: String,
}

pub(super) async fn page(
    State(site): State<TownSite>,
    PageLang(lang): PageLang,
    Path(id): Path<ResidentId>,
    Query(query): Query<CounterQuery>,
) -> Result<Response, Problem> {
    let t = TEXTS.tr(lang);
    let resident = site.world.resident(&id).await.map_err(failed)?.ok_or(&ROUTE_UNKNOWN)?;
    let certificates = register::certificates_of(&site.world, &id).await.map_err(failed)?;
    let lists = register::published_lists(&site.world).await.map_err(failed)?;
    let since = UnixTime(query.at.unwrap_or(i64::MAX));
    let change = register::changes_since(since, &certificates, &lists);
    let history = certificates.iter().map(|certificate| HistoryRow {
        kind: authority_text(certificate.authority, t),
        serial: certificate.serial.to_string(),
        from: moment(certificate.not_before, lang),
        to: moment(certificate.not_after, lang),
        revoked: certificate.revoked.map(|(at, reason)| {
            t.with("state.since", &[("at", moment(at, lang)), ("reason", reason_text(reason, t))])
        }),
    });
    let going_to = next_municipality(resident.municipality);
    let page = CounterPage {
        shell: shell(t),
        t,
        config: site.config,
        id: id.to_string(),
        name: display_name(&resident, lang),
        kana: resident.kana.clone(),
        address: resident.address.clone(),
        date_of_birth: resident.date_of_birth.to_string(),
        sex: match resident.sex {
            Sex::Male => t.get("sex.male"),
            Sex::Female => t.get("sex.female"),
            Sex::Unknown => t.get("sex.unknown"),
        },
        municipality: resident.municipality.name,
        left: resident.left_at.map(|at| moment(at, lang)),
        note: note(&resident, lang),
        card: CardRows::of(&resident, t),
        notice: notice(&query, change, t),
        history: history.collect(),
        municipalities: MUNICIPALITIES.iter().map(|m| (m, m.code == going_to.code)).collect(),
        new_street: "本町２－４－６",
        new_name: suggested_name(&resident),
    };
    Ok(Html(page).into_response())
}

/// A new home for the form, so that the mouse alone can move a resident: five further on in the list, which does
/// not name a neighbour.
fn next_municipality(present: &'static Municipality) -> &'static Municipality {
    let mut after = MUNICIPALITIES.iter().cycle().skip_while(|m| m.code != present.code).skip(5);
    after.next().unwrap_or(present)
}

/// A new family name for the form: the given name stays.
fn suggested_name(resident: &Resident) -> String {
    let family = if resident.name.starts_with("結城") { "早川" } else { "結城" };
    match resident.name.split_once('\u{3000}') {
        Some((_, given)) => format!("{family}\u{3000}{given}"),
        None => format!("{family}\u{3000}{}", resident.name),
    }
}

fn notice(query: &CounterQuery, change: Changes, t: Tr) -> Option<Notice> {
    if let Some(refused) = query.refused.as_deref() {
        let line = match refused {
            "left" => t.get("refused.left"),
            "nothing_to_revoke" => t.get("refused.nothing_to_revoke"),
            "forged" => t.get("refused.forged"),
            "text" => t.get("refused.text"),
            _ => t.get("refused.other"),
        };
        let lines = vec![line.to_owned()];
        return Some(Notice { done: false, title: t.get("town.refused"), lines, told: false });
    }
    let title = match query.done.as_deref()? {
        "move" => t.get("done.move"),
        "rename" => t.get("done.rename"),
        "loss" => t.get("done.loss"),
        "theft" => t.get("done.theft"),
        "renew" => t.get("done.renew"),
        "leave" => t.get("done.leave"),
        "unblock" => {
            let lines = vec![t.get("done.unblock.what").to_owned()];
            return Some(Notice { done: true, title: t.get("done.unblock"), lines, told: false });
        }
        _ => return None,
    };
    Some(Notice { done: true, title, lines: told(change, t), told: true })
}

/// What has happened to the certificates, in sentences.
fn told(change: Changes, t: Tr) -> Vec<String> {
    let mut lines = Vec::new();
    if change.revoked.is_empty() && change.issued.is_empty() {
        lines.push(t.get("told.unchanged").to_owned());
    }
    for (authority, serial, reason) in change.revoked {
        let values = [
            ("kind", authority_text(authority, t).to_owned()),
            ("serial", serial.to_string()),
            ("reason", reason_text(reason, t)),
        ];
        lines.push(t.with("told.revoked", &values));
    }
    for (authority, serial) in change.issued {
        let values = [("kind", authority_text(authority, t).to_owned()), ("serial", serial.to_string())];
        lines.push(t.with("told.issued", &values));
    }
    for (authority, number) in change.published {
        let values = [("kind", authority_text(authority, t).to_owned()), ("number", number.to_string())];
        lines.push(t.with("told.published", &values));
    }
    if change.waiting {
        lines.push(t.get("told.waiting").to_owned());
    }
    lines
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MoveForm {
    municipality: String,
    address: String,
}

pub(super) async fn move_house(
    State(site): State<TownSite>,
    Path(id): Path<ResidentId>,
    Form(form): Form<MoveForm>,
) -> Result<Response, Problem> {
    let event = LifeEvent::Move { municipality: form.municipality, address: form.address.trim().to_owned() };
    live(&site, &id, "move", event).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RenameForm {
    name: String,
}

pub(super) async fn rename(
    State(site): State<TownSite>,
    Path(id): Path<ResidentId>,
    Form(form): Form<RenameForm>,
) -> Result<Response, Problem> {
    live(&site, &id, "rename", LifeEvent::Rename { name: form.name.trim().to_owned() }).await
}

pub(super) async fn plain_event(
    State(site): State<TownSite>,
    Path((id, event)): Path<(ResidentId, String)>,
) -> Result<Response, Problem> {
    let (key, event) = PLAIN_EVENTS.iter().find(|(key, _)| *key == event).ok_or(&ROUTE_UNKNOWN)?;
    live(&site, &id, key, event.clone()).await
}

pub(super) async fn unblock(
    State(site): State<TownSite>,
    Path(id): Path<ResidentId>,
) -> Result<Response, Problem> {
    let at = site.world.now();
    back(&id, "unblock", at, site.world.unblock(&id).await)
}

async fn live(site: &TownSite, id: &ResidentId, key: &str, event: LifeEvent) -> Result<Response, Problem> {
    let at = site.world.now();
    back(id, key, at, site.world.live(id, event).await)
}

/// Back to the counter, with what came of it: a post is never repeated by reloading the page.
fn back(
    id: &ResidentId,
    key: &str,
    at: UnixTime,
    outcome: Result<(), LifeError>,
) -> Result<Response, Problem> {
    let result = match outcome {
        Ok(()) => format!("done={key}&at={}", at.0),
        Err(LifeError::UnknownResident) => return Err(Problem::new(&ROUTE_UNKNOWN)),
        Err(LifeError::Nation(error)) => return Err(failed(error)),
        Err(LifeError::Left) => "refused=left".to_owned(),
        Err(LifeError::NothingToRevoke | LifeError::AlreadyRevoked) => "refused=nothing_to_revoke".to_owned(),
        Err(LifeError::Forged) => "refused=forged".to_owned(),
        Err(LifeError::Unprintable | LifeError::UnknownMunicipality) => "refused=text".to_owned(),
        Err(LifeError::NotForThisAuthority) => "refused=other".to_owned(),
    };
    Ok(Redirect::to(&format!("/residents/{id}?{result}#result")).into_response())
}
