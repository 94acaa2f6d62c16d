//! The portal's page about watching (変更確認の登録): who watches for what, an objection, "find companies that know me",
//! and the answer to companies that say so. The rules are `verification`'s.

use askama::Template;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use musubi_httpkit::page::{CardOrigins, Html, Lang, MessagePage, PageLang, Shell, Tr, json_for_script};
use musubi_httpkit::{Form, Peer, Problem};
use musubi_platform::relying_party::RelyingPartyId;
use musubi_verification::outcome::TransactionError;
use musubi_verification::watching::matching::search::{self, Found, SearchId};
use musubi_verification::watching::matching::{self, AnswerError, Offered};
use musubi_verification::watching::{self, Basis, WatchError, Watched, purpose};
use serde::Deserialize;
use serde_json::json;

use super::http::{CardAnswer, Trouble, context, name_of, signed_in};
use super::views::shell;
use super::{Portal, TEXTS};

pub(super) fn router() -> Router<Portal> {
    Router::new()
        .route("/watching", get(page))
        .route("/watching/{relying_party}/object", post(object))
        .route("/watching/{relying_party}/allow", post(allow))
        .route("/watching/answers", post(answer))
        .route("/watching/searches", post(start_search))
        .route("/watching/searches/{id}", get(search_page))
        .route("/watching/searches/{id}/complete", post(complete_search))
}

/// Who watches for what, and who asks.
#[derive(Template)]
#[template(path = "portal_watching.html")]
struct WatchingPage {
    shell: Shell,
    t: Tr,
    notice: Option<&'static str>,
    offered: Vec<OfferedView>,
    watched: Vec<WatchedView>,
}

/// The text to be signed, and the card.
#[derive(Template)]
#[template(path = "portal_search.html")]
struct SearchPage {
    shell: Shell,
    t: Tr,
    id: String,
    document: String,
    card: CardOrigins,
    request: String,
}

struct OfferedView {
    id: String,
    name: String,
    customer_id: String,
    purpose: String,
    basis: &'static str,
    reference: Option<String>,
}

struct WatchedView {
    id: String,
    name: String,
    customer_id: String,
    purpose: String,
    basis: Option<&'static str>,
    reference: Option<String>,
    since: Option<String>,
    may_object: bool,
    objected: bool,
}

fn purpose_text(name: &str, t: Tr) -> String {
    purpose(name).map_or_else(|| name.to_owned(), |purpose| t.pick(purpose.ja, purpose.en).to_owned())
}

fn basis_text(basis: Basis, t: Tr) -> &'static str {
    match basis {
        Basis::Contract => t.get("watching.basis.contract"),
        Basis::Consent => t.get("watching.basis.consent"),
        Basis::Law => t.get("watching.basis.law"),
        Basis::IdentityProofing => t.get("watching.basis.identity_proofing"),
    }
}

impl OfferedView {
    fn new(offered: Offered, name: String, t: Tr) -> Self {
        Self {
            id: offered.relying_party.to_string(),
            name,
            customer_id: offered.customer_id,
            purpose: purpose_text(&offered.ground.purpose, t),
            basis: basis_text(offered.ground.basis, t),
            reference: offered.ground.reference,
        }
    }
}

impl WatchedView {
    fn new(watched: Watched, name: String, t: Tr) -> Self {
        let ground = watched.ground.as_ref();
        Self {
            id: watched.relying_party.to_string(),
            name,
            customer_id: watched.customer_id,
            purpose: ground.map_or_else(
                || t.get("watching.unwatched").to_owned(),
                |ground| purpose_text(&ground.purpose, t),
            ),
            basis: ground.map(|ground| basis_text(ground.basis, t)),
            reference: ground.and_then(|ground| ground.reference.clone()),
            since: watched.since.map(musubi_kernel::UnixTime::in_japan),
            may_object: ground.is_some_and(|ground| ground.basis.yields_to_objection()),
            objected: watched.objected,
        }
    }
}

#[derive(Deserialize)]
struct PageQuery {
    notice: Option<String>,
}

async fn page(
    State(portal): State<Portal>,
    PageLang(lang): PageLang,
    headers: HeaderMap,
    Query(query): Query<PageQuery>,
) -> Response {
    let shown = async {
        let t = TEXTS.tr(lang);
        let at = context(&portal).clock.now();
        let Some(person) = signed_in(&portal, &headers, at).await? else {
            return Ok(Redirect::to("/").into_response());
        };
        let mut tx = context(&portal).db.begin_read().await?;
        let mut offered = Vec::new();
        for one in matching::offered(&mut tx, &person, at).await? {
            let name = name_of(&mut tx, &one.relying_party, lang).await?;
            offered.push(OfferedView::new(one, name, t));
        }
        let mut watched = Vec::new();
        for one in watching::of_person(&mut tx, &person).await? {
            let name = name_of(&mut tx, &one.relying_party, lang).await?;
            watched.push(WatchedView::new(one, name, t));
        }
        let notice = match query.notice.as_deref() {
            Some("objected") => Some(t.get("watching.notice.objected")),
            Some("allowed") => Some(t.get("watching.notice.allowed")),
            Some("confirmed") => Some(t.get("watching.notice.confirmed")),
            Some("refused") => Some(t.get("watching.notice.refused")),
            Some("taken") => Some(t.get("watching.notice.taken")),
            Some("found") => Some(t.get("watching.notice.found")),
            Some("nobody") => Some(t.get("watching.notice.nobody")),
            Some("substituted") => Some(t.get("watching.notice.substituted")),
            Some("somebody_else") => Some(t.get("watching.notice.somebody_else")),
            _ => None,
        };
        let page = WatchingPage { shell: shell(&portal, lang), t, notice, offered, watched };
        Ok::<_, Trouble>(Html(page).into_response())
    };
    shown.await.unwrap_or_else(|trouble| trouble.page(&portal, lang))
}

/// Ends a watching by consent; another is not there to be ended.
async fn object(
    State(portal): State<Portal>,
    PageLang(lang): PageLang,
    headers: HeaderMap,
    Path(relying_party): Path<String>,
) -> Response {
    let objected = async {
        let at = context(&portal).clock.now();
        let Some(person) = signed_in(&portal, &headers, at).await? else { return Ok("/") };
        let relying_party: RelyingPartyId = relying_party.parse().map_err(|_| Trouble::NotFound)?;
        let mut tx = context(&portal).db.begin().await?;
        match watching::object(&mut tx, context(&portal), &relying_party, &person, at).await {
            Ok(()) => {}
            Err(WatchError::Store(error)) => return Err(error.into()),
            Err(_) => return Err(Trouble::NotFound),
        }
        tx.commit().await?;
        Ok("/watching?notice=objected")
    };
    to(objected.await, &portal, lang)
}

async fn allow(
    State(portal): State<Portal>,
    PageLang(lang): PageLang,
    headers: HeaderMap,
    Path(relying_party): Path<String>,
) -> Response {
    let allowed = async {
        let at = context(&portal).clock.now();
        let Some(person) = signed_in(&portal, &headers, at).await? else { return Ok("/") };
        let relying_party: RelyingPartyId = relying_party.parse().map_err(|_| Trouble::NotFound)?;
        let mut tx = context(&portal).db.begin().await?;
        let was = watching::take_back_objection(&mut tx, context(&portal), &relying_party, &person, at);
        if !was.await? {
            return Err(Trouble::NotFound);
        }
        tx.commit().await?;
        Ok("/watching?notice=allowed")
    };
    to(allowed.await, &portal, lang)
}

#[derive(Deserialize)]
struct AnswerForm {
    relying_party: String,
    customer_id: String,
    answer: String,
}

/// The resident's yes or no to a company.
async fn answer(
    State(portal): State<Portal>,
    PageLang(lang): PageLang,
    headers: HeaderMap,
    form: Result<Form<AnswerForm>, Problem>,
) -> Response {
    let answered = async {
        let at = context(&portal).clock.now();
        let Some(person) = signed_in(&portal, &headers, at).await? else { return Ok("/") };
        let Form(AnswerForm { relying_party, customer_id, answer }) = form.map_err(Trouble::Refused)?;
        let relying_party: RelyingPartyId = relying_party.parse().map_err(|_| Trouble::NotFound)?;
        let about = (&relying_party, customer_id.as_str());
        let mut tx = context(&portal).db.begin().await?;
        let (done, page) = match answer.as_str() {
            "yes" => {
                let done = matching::confirm(&mut tx, context(&portal), &person, about, at).await;
                (done, "/watching?notice=confirmed")
            }
            "no" => {
                let done = matching::refuse(&mut tx, context(&portal), &person, about, at).await;
                (done, "/watching?notice=refused")
            }
            _ => return Err(Trouble::NotFound),
        };
        match done {
            Ok(()) => {}
            Err(AnswerError::Taken) => return Ok("/watching?notice=taken"),
            Err(AnswerError::Unknown) => return Err(Trouble::NotFound),
            Err(AnswerError::Store(error)) => return Err(error.into()),
        }
        tx.commit().await?;
        Ok(page)
    };
    to(answered.await, &portal, lang)
}

async fn start_search(
    State(portal): State<Portal>,
    PageLang(lang): PageLang,
    headers: HeaderMap,
    peer: Peer,
) -> Response {
    let started = async {
        let at = context(&portal).clock.now();
        let Some(person) = signed_in(&portal, &headers, at).await? else { return Ok("/".to_owned()) };
        portal.0.sign_ins.check(&peer.0, at).map_err(Trouble::Refused)?;
        let mut tx = context(&portal).db.begin().await?;
        let begun = search::start(&mut tx, &portal.0.verification, &person, at).await?;
        tx.commit().await?;
        Ok(format!("/watching/searches/{}", begun.id))
    };
    to(started.await, &portal, lang)
}

async fn search_page(
    State(portal): State<Portal>,
    PageLang(lang): PageLang,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Response {
    let shown = async {
        let at = context(&portal).clock.now();
        let id: SearchId = id.parse().map_err(|_| Trouble::NotFound)?;
        let person = signed_in(&portal, &headers, at).await?.ok_or(Trouble::NotFound)?;
        let inner = &portal.0;
        let mut tx = context(&portal).db.begin_read().await?;
        let begun = match search::find(&mut tx, &person, &id, at).await {
            Err(TransactionError::Unknown) => return Err(Trouble::NotFound),
            begun => begun?,
        };
        let document = search::document(&inner.verification, &inner.relying_party, &begun);
        let request = json!({
            "version": 1, "operation": "sign_document", "document": document,
            "origin": context(&portal).portal_origin,
            "relying_party": {
                "id": inner.relying_party.id,
                "name": { "ja": inner.relying_party.name_ja, "en": inner.relying_party.name_en },
            },
        });
        let page = SearchPage {
            shell: shell(&portal, lang),
            t: TEXTS.tr(lang),
            id: id.to_string(),
            document,
            card: inner.card.clone(),
            request: json_for_script(&request),
        };
        Ok::<_, Trouble>(Html(page).into_response())
    };
    shown.await.unwrap_or_else(|trouble| trouble.page(&portal, lang))
}

async fn complete_search(
    State(portal): State<Portal>,
    PageLang(lang): PageLang,
    headers: HeaderMap,
    Path(id): Path<String>,
    form: Result<Form<CardAnswer>, Problem>,
) -> Response {
    let completed = async {
        let at = context(&portal).clock.now();
        let id: SearchId = id.parse().map_err(|_| Trouble::NotFound)?;
        let person = signed_in(&portal, &headers, at).await?.ok_or(Trouble::NotFound)?;
        let Form(answer) = form.map_err(Trouble::Refused)?;
        if answer.origin != context(&portal).portal_origin {
            return Err(Trouble::NotFound);
        }
        let inner = &portal.0;
        let signed = (answer.certificate.as_str(), answer.signature.as_str());
        let found = loop {
            let found =
                search::complete(&inner.verification, &inner.relying_party, &person, &id, signed, at).await;
            match found {
                Err(TransactionError::Outdated) => {
                    inner.verification.refresh().await.map_err(|e| Trouble::Inside(e.to_string()))?;
                }
                found => break found?,
            }
        };
        Ok(match found {
            Found::Companies(0) => Redirect::to("/watching?notice=nobody").into_response(),
            Found::Companies(_) => Redirect::to("/watching?notice=found").into_response(),
            Found::Substituted => Redirect::to("/watching?notice=substituted").into_response(),
            Found::SomebodyElse => Redirect::to("/watching?notice=somebody_else").into_response(),
            Found::Refused(verdict) => refusal(&portal, &verdict, lang),
        })
    };
    completed.await.unwrap_or_else(|trouble: Trouble| trouble.page(&portal, lang))
}

fn refusal(portal: &Portal, verdict: &serde_json::Value, lang: Lang) -> Response {
    let t = TEXTS.tr(lang);
    let text = |member: &str| {
        let path = format!("/reason/{}/{member}", lang.code());
        verdict.pointer(&path).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
    };
    let (what, next) = (text("what"), text("next"));
    let page = MessagePage::of(shell(portal, lang), t.get("search.refused.title"), &what, &next);
    (StatusCode::FORBIDDEN, page.with_link("/watching", t.get("watching.open"))).into_response()
}

fn to(place: Result<impl AsRef<str>, Trouble>, portal: &Portal, lang: Lang) -> Response {
    match place {
        Ok(place) => Redirect::to(place.as_ref()).into_response(),
        Err(trouble) => trouble.page(portal, lang),
    }
}
