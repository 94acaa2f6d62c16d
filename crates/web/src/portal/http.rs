//! The portal's routes.

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use musubi_httpkit::page::{Html, Lang, MessagePage, PageLang, json_for_script};
use musubi_httpkit::{Form, Peer, Problem};
use musubi_kernel::UnixTime;
use musubi_platform::audit::{self, AuditRecord};
use musubi_platform::consent::{self, ConsentId};
use musubi_platform::person::PersonId;
use musubi_platform::{Context, relying_party, session};
use musubi_store::{StoreError, Tx};
use musubi_verification::entitlement_check::{self, Completion, EntitlementCheckId};
use musubi_verification::evidence::{self, EvidenceError};
use musubi_verification::outcome::{State as TransactionState, TransactionError};
use musubi_verification::{consent_keeping, linking, presence};
use serde::Deserialize;
use serde_json::json;

use super::views::{
    ConsentView, HomePage, LinkView, PresenceView, RecordPage, RefusedPage, SignInPage, Use, WelcomePage,
    shell,
};
use super::{Portal, TEXTS, cookies};

/// Uses on one page.
const PAGE: u32 = 50;
/// The purpose of the portal's own entitlement checks.
const PURPOSE: &str = "portal_sign_in";
const SESSION_SECONDS: i64 = session::MAX_AGE;
const SIGN_IN_SECONDS: i64 = 15 * 60;

pub(super) fn router() -> Router<Portal> {
    Router::new()
        .route("/", get(home))
        .route("/sign-in", post(start_sign_in))
        .route("/sign-in/{id}", get(sign_in))
        .route("/sign-in/{id}/complete", post(complete_sign_in))
        .route("/sign-out", post(sign_out))
        .route("/consents/{id}/withdraw", post(withdraw))
        .route("/presence/{relying_party}/end", post(end_presence))
        .route("/uses/{index}", get(usage))
        .route("/uses/{index}/bundle", get(bundle))
        .merge(super::watching::router())
        .fallback(async |State(portal): State<Portal>, PageLang(lang): PageLang| {
            Trouble::NotFound.page(&portal, lang)
        })
}

/// Why there is no page.
pub(super) enum Trouble {
    NotFound,
    Inside(String),
    Refused(Problem),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Inside(error.to_string())
    }
}

impl From<TransactionError> for Trouble {
    fn from(error: TransactionError) -> Self {
        Self::Refused(error.into())
    }
}

impl Trouble {
    pub(super) fn page(self, portal: &Portal, lang: Lang) -> Response {
        let t = TEXTS.tr(lang);
        let (status, title, what, next) = match self {
            Self::NotFound => (
                StatusCode::NOT_FOUND,
                t.get("trouble.not_found.title"),
                t.get("trouble.not_found.what"),
                t.get("trouble.not_found.next"),
            ),
            Self::Inside(cause) => {
                tracing::error!(%cause, "the portal could not answer");
                (
                    StatusCode::INTERNAL_SERVER_ERROR,
                    t.get("trouble.inside.title"),
                    t.get("trouble.inside.what"),
                    t.get("trouble.inside.next"),
                )
            }
            Self::Refused(problem) => {
                let kind = problem.kind();
                let text = if lang == Lang::Ja { kind.ja } else { kind.en };
                let page = RefusedPage {
                    shell: shell(portal, lang),
                    t,
                    code: kind.code.to_string(),
                    what: text.what.to_owned(),
                    next: text.next.to_owned(),
                };
                let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::BAD_REQUEST);
                return (status, Html(page)).into_response();
            }
        };
        (status, MessagePage::of(shell(portal, lang), title, what, next).with_link("/", t.get("to_start")))
            .into_response()
    }
}

pub(super) fn context(portal: &Portal) -> &Context {
    portal.0.verification.context()
}

fn secure(portal: &Portal) -> bool {
    context(portal).portal_origin.starts_with("https://")
}

pub(super) async fn signed_in(
    portal: &Portal,
    headers: &HeaderMap,
    at: UnixTime,
) -> Result<Option<PersonId>, StoreError> {
    let Some(token) = cookies::read(headers, cookies::SESSION, secure(portal)) else { return Ok(None) };
    Ok(session::find(&context(portal).db, token, at).await?.map(|session| session.person))
}

#[derive(Deserialize)]
struct HomeQuery {
    before: Option<u64>,
    notice: Option<String>,
}

async fn home(
    State(portal): State<Portal>,
    PageLang(lang): PageLang,
    headers: HeaderMap,
    Query(query): Query<HomeQuery>,
) -> Response {
    let shown = async {
        let t = TEXTS.tr(lang);
        let at = context(&portal).clock.now();
        let Some(person) = signed_in(&portal, &headers, at).await? else {
            let signed_out = query.notice.as_deref() == Some("signed_out");
            return Ok(Html(WelcomePage { shell: shell(&portal, lang), t, signed_out }).into_response());
        };
        let mut tx = context(&portal).db.begin_read().await?;
        let records = audit::by_person(&mut tx, &person, PAGE, query.before).await?;
        let more_before =
            records.last().filter(|_| records.len() == PAGE as usize).map(|record| record.index);
        let mut uses = Vec::with_capacity(records.len());
        for record in &records {
            uses.push(use_of(&mut tx, record, lang).await?);
        }
        let mut links = Vec::new();
        for link in linking::links_of_person(&mut tx, &person).await? {
            let name = name_of(&mut tx, &link.relying_party, lang).await?;
            links.push(LinkView { name, customer_id: link.customer_id });
        }
        let mut consents = Vec::new();
        for consent in consent::by_person(&mut tx, &person).await? {
            let name = name_of(&mut tx, &consent.relying_party, lang).await?;
            consents.push(ConsentView::new(&consent, &name, t));
        }
        let mut presences: Vec<PresenceView> = Vec::new();
        for enrolment in presence::enrolments_of(&mut tx, &person, at).await? {
            // Ended all at once for a relying party, so shown once; of two cards the one that was enrolled later.
            presences.retain(|shown| shown.id != enrolment.relying_party.as_str());
            let name = name_of(&mut tx, &enrolment.relying_party, lang).await?;
            presences.push(PresenceView::new(&enrolment, name));
        }
        let checkpoint = audit::checkpoint(&mut tx).await?;
        let notice = match query.notice.as_deref() {
            Some("withdrawn") => Some(t.get("notice.withdrawn")),
            Some("presence_ended") => Some(t.get("notice.presence_ended")),
            Some("unreachable") => Some(t.get("notice.unreachable")),
            _ => None,
        };
        let page = HomePage {
            shell: shell(&portal, lang),
            t,
            notice,
            uses,
            more_before,
            links,
            consents,
            presences,
            checkpoint_size: checkpoint.size,
            checkpoint_root: musubi_kernel::hex_lower(&checkpoint.root_hash),
        };
        Ok::<_, Trouble>(Html(page).into_response())
    };
    shown.await.unwrap_or_else(|trouble| trouble.page(&portal, lang))
}

pub(super) async fn name_of(
    tx: &mut Tx,
    id: &relying_party::RelyingPartyId,
    lang: Lang,
) -> Result<String, StoreError> {
    let found = relying_party::by_id(tx, id).await?;
    Ok(found.map_or_else(|| id.to_string(), |rp| if lang == Lang::Ja { rp.name_ja } else { rp.name_en }))
}

async fn use_of(tx: &mut Tx, record: &AuditRecord, lang: Lang) -> Result<Use, StoreError> {
    let who = match &record.relying_party {
        Some(id) => Some(name_of(tx, id, lang).await?),
        None => None,
    };
    Ok(Use::from_record(record, who.as_deref(), TEXTS.tr(lang)))
}

async fn start_sign_in(State(portal): State<Portal>, PageLang(lang): PageLang, peer: Peer) -> Response {
    let started = async {
        let at = context(&portal).clock.now();
        portal.0.sign_ins.check(&peer.0, at).map_err(Trouble::Refused)?;
        let mut tx = context(&portal).db.begin().await?;
        let inner = &portal.0;
        let started =
            entitlement_check::start(&mut tx, &inner.verification, &inner.relying_party, PURPOSE, at).await?;
        tx.commit().await?;
        Ok::<_, Trouble>(started.id)
    };
    match started.await {
        Ok(id) => {
            let mut response = Redirect::to(&format!("/sign-in/{id}")).into_response();
            if let Some(cookie) =
                cookies::set(cookies::SIGN_IN, id.as_str(), SIGN_IN_SECONDS, secure(&portal))
            {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
            response
        }
        Err(trouble) => trouble.page(&portal, lang),
    }
}

fn own_sign_in(portal: &Portal, headers: &HeaderMap, id: &str) -> Result<EntitlementCheckId, Trouble> {
    let own = cookies::read(headers, cookies::SIGN_IN, secure(portal)) == Some(id);
    id.parse().ok().filter(|_| own).ok_or(Trouble::NotFound)
}

async fn sign_in(
    State(portal): State<Portal>,
    PageLang(lang): PageLang,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Response {
    let shown = async {
        let id = own_sign_in(&portal, &headers, &id)?;
        let inner = &portal.0;
        let mut tx = context(&portal).db.begin_read().await?;
        let transaction = entitlement_check::find(&mut tx, &inner.relying_party, &id).await?;
        let request = json!({
            "version": 1, "operation": "authenticate", "nonce": transaction.nonce, "purpose": transaction.purpose,
            "relying_party": {
                "id": inner.relying_party.id,
                "name": { "ja": inner.relying_party.name_ja, "en": inner.relying_party.name_en },
            },
        });
        let page = SignInPage {
            shell: shell(&portal, lang),
            t: TEXTS.tr(lang),
            id: id.to_string(),
            card: inner.card.clone(),
            request: json_for_script(&request),
        };
        Ok::<_, Trouble>(Html(page).into_response())
    };
    shown.await.unwrap_or_else(|trouble| trouble.page(&portal, lang))
}

#[derive(Deserialize)]
pub(super) struct CardAnswer {
    pub(super) certificate: String,
    pub(super) signature: String,
    pub(super) origin: String,
}

async fn complete_sign_in(
    State(portal): State<Portal>,
    PageLang(lang): PageLang,
    headers: HeaderMap,
    Path(id): Path<String>,
    form: Result<Form<CardAnswer>, Problem>,
) -> Response {
    let completed = async {
        let id = own_sign_in(&portal, &headers, &id)?;
        let Form(answer) = form.map_err(Trouble::Refused)?;
        let completion = Completion {
            certificate: answer.certificate,
            signature: answer.signature,
            origin: answer.origin,
            presence: None,
        };
        let inner = &portal.0;
        let at = context(&portal).clock.now();
        let (mut tx, checked) = loop {
            let judged = entitlement_check::judge_completion(
                &inner.verification,
                &inner.relying_party,
                &id,
                &completion,
                at,
            )
            .await?;
            let mut tx = context(&portal).db.begin().await?;
            match entitlement_check::complete(&mut tx, &inner.verification, judged, at).await {
                Err(TransactionError::Outdated) => {
                    drop(tx);
                    inner.verification.refresh().await.map_err(|e| Trouble::Inside(e.to_string()))?;
                }
                checked => break (tx, checked?),
            }
        };
        let token = match (&checked.state, checked.authenticated()) {
            (TransactionState::Accepted, Some(person)) => {
                Some(session::open(&mut tx, person, context(&portal).random.as_ref(), at).await?)
            }
            _ => None,
        };
        tx.commit().await?;
        let Some(token) = token else { return Ok(refusal(&portal, &checked.verdict, lang)) };
        let mut response = Redirect::to("/").into_response();
        let cookies = [
            cookies::set(cookies::SESSION, token.expose(), SESSION_SECONDS, secure(&portal)),
            cookies::set(cookies::SIGN_IN, "", 0, secure(&portal)),
        ];
        for cookie in cookies.into_iter().flatten() {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        Ok::<_, Trouble>(response)
    };
    completed.await.unwrap_or_else(|trouble| trouble.page(&portal, lang))
}

fn refusal(portal: &Portal, verdict: &serde_json::Value, lang: Lang) -> Response {
    let text =
        |path: &str| verdict.pointer(path).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
    let code = lang.code();
    let page = RefusedPage {
        shell: shell(portal, lang),
        t: TEXTS.tr(lang),
        code: text("/reason/code"),
        what: text(&format!("/reason/{code}/what")),
        next: text(&format!("/reason/{code}/next")),
    };
    (StatusCode::FORBIDDEN, Html(page)).into_response()
}

async fn sign_out(State(portal): State<Portal>, PageLang(lang): PageLang, headers: HeaderMap) -> Response {
    let closed = async {
        if let Some(token) = cookies::read(&headers, cookies::SESSION, secure(&portal)) {
            let at = context(&portal).clock.now();
            let mut tx = context(&portal).db.begin().await?;
            session::close(&mut tx, token, context(&portal).random.as_ref(), at).await?;
            tx.commit().await?;
        }
        Ok::<_, Trouble>(())
    };
    match closed.await {
        Ok(()) => {
            let mut response = Redirect::to("/?notice=signed_out").into_response();
            if let Some(cookie) = cookies::set(cookies::SESSION, "", 0, secure(&portal)) {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
            response
        }
        Err(trouble) => trouble.page(&portal, lang),
    }
}

async fn withdraw(
    State(portal): State<Portal>,
    PageLang(lang): PageLang,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Response {
    let withdrawn = async {
        let at = context(&portal).clock.now();
        let Some(person) = signed_in(&portal, &headers, at).await? else { return Ok("/") };
        let id: ConsentId = id.parse().map_err(|_| Trouble::NotFound)?;
        match consent_keeping::withdraw(&portal.0.verification, &id, &person, at).await {
            Ok(()) => Ok("/?notice=withdrawn"),
            Err(consent_keeping::WithdrawError::Unknown) => Err(Trouble::NotFound),
            Err(consent_keeping::WithdrawError::Upstream(_)) => Ok("/?notice=unreachable"),
            Err(consent_keeping::WithdrawError::Store(error)) => Err(error.into()),
        }
    };
    match withdrawn.await {
        Ok(to) => Redirect::to(to).into_response(),
        Err(trouble) => trouble.page(&portal, lang),
    }
}

/// Ends the use without PIN at one relying party; somebody else's is not there.
async fn end_presence(
    State(portal): State<Portal>,
    PageLang(lang): PageLang,
    headers: HeaderMap,
    Path(relying_party): Path<String>,
) -> Response {
    let ended = async {
        let at = context(&portal).clock.now();
        let Some(person) = signed_in(&portal, &headers, at).await? else { return Ok("/") };
        let relying_party = relying_party.parse().map_err(|_| Trouble::NotFound)?;
        let mut tx = context(&portal).db.begin().await?;
        if !presence::end_presence(&mut tx, context(&portal), &person, &relying_party, at).await? {
            return Err(Trouble::NotFound);
        }
        tx.commit().await?;
        Ok("/?notice=presence_ended")
    };
    match ended.await {
        Ok(to) => Redirect::to(to).into_response(),
        Err(trouble) => trouble.page(&portal, lang),
    }
}

/// The resident's own record; somebody else's is not there.
async fn own_record(
    portal: &Portal,
    headers: &HeaderMap,
    index: &str,
    tx: &mut Tx,
) -> Result<AuditRecord, Trouble> {
    let index: u64 = index.parse().map_err(|_| Trouble::NotFound)?;
    let at = context(portal).clock.now();
    let person = signed_in(portal, headers, at).await?.ok_or(Trouble::NotFound)?;
    let record = audit::record(tx, index).await?;
    record.filter(|record| record.person.as_ref() == Some(&person)).ok_or(Trouble::NotFound)
}

/// The proof of a verdict, to keep (docs/spec/bundle.md).
async fn bundle(
    State(portal): State<Portal>,
    PageLang(lang): PageLang,
    headers: HeaderMap,
    Path(index): Path<String>,
) -> Response {
    let made = async {
        let mut tx = context(&portal).db.begin_read().await?;
        let record = own_record(&portal, &headers, &index, &mut tx).await?;
        let bundle = match evidence::bundle(&mut tx, context(&portal), record.index).await {
            Err(EvidenceError::Unknown) => return Err(Trouble::NotFound),
            other => other.map_err(|error| Trouble::Inside(error.to_string()))?,
        };
        let name = format!("attachment; filename=\"musubi-{}.bundle\"", record.index);
        let headers = [
            (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
            (header::CONTENT_DISPOSITION, name),
            (header::CACHE_CONTROL, "no-store".to_owned()),
        ];
        Ok::<_, Trouble>((headers, bundle).into_response())
    };
    made.await.unwrap_or_else(|trouble| trouble.page(&portal, lang))
}

async fn usage(
    State(portal): State<Portal>,
    PageLang(lang): PageLang,
    headers: HeaderMap,
    Path(index): Path<String>,
) -> Response {
    let shown = async {
        let mut tx = context(&portal).db.begin_read().await?;
        let record = own_record(&portal, &headers, &index, &mut tx).await?;
        let index = record.index;
        let checkpoint = audit::checkpoint(&mut tx).await?;
        let (leaf, proof) =
            audit::inclusion(&mut tx, index, checkpoint.size).await.map_err(|_| Trouble::NotFound)?;
        let proven = audit::verify_inclusion(&leaf, index, checkpoint.size, &proof, &checkpoint.root_hash)
            .is_ok()
            && leaf == audit::leaf_hash(record.record.as_bytes());
        let page = RecordPage {
            shell: shell(&portal, lang),
            t: TEXTS.tr(lang),
            usage: use_of(&mut tx, &record, lang).await?,
            record: record.record.clone(),
            leaf: musubi_kernel::hex_lower(&leaf),
            proof: proof.iter().map(|hash| musubi_kernel::hex_lower(hash)).collect(),
            size: checkpoint.size,
            root: musubi_kernel::hex_lower(&checkpoint.root_hash),
            proven,
        };
        Ok::<_, Trouble>(Html(page).into_response())
    };
    shown.await.unwrap_or_else(|trouble| trouble.page(&portal, lang))
}
