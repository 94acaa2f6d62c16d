//! The console's routes. Every page but the sign-in wants a session; without one it leads there.

use std::collections::BTreeMap;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use musubi_httpkit::page::{
    Html, Lang, MessagePage, PageLang, SameSite, Shell, Site, Tr, asset, cookie, read_cookie,
};
use musubi_httpkit::{Peer, Problem};
use musubi_kernel::UnixTime;
use musubi_platform::audit::{self, AuditEvent};
use musubi_platform::metering::{Month, MonthlyReport, estimate, monthly_report, report_csv};
use musubi_platform::relying_party::{self, RelyingParty};
use musubi_store::StoreError;
use serde::Deserialize;
use serde_json::json;

use crate::forms::PlanForm;
use crate::views::{
    AlertView, ChartView, ChoiceView, ContractView, EstimatePage, EstimateView, ImportView, ListView,
    ListsPage, OverviewPage, RelyingPartiesPage, RelyingPartyView, ReportView, SignInPage, StreamView,
    StreamsPage, UsagePage, name_in, plan_choices, plan_fields,
};
use crate::{Console, Figures, StreamFigure, TEXTS, access, alerts};

const SESSION: &str = "musubi_console";
/// Days of list sizes that are drawn.
const SIZE_DAYS: i64 = 90;
/// Days of events that are drawn.
const EVENT_DAYS: u32 = 30;
/// Streams on the overview, and on their own page.
const SLOWEST: usize = 5;
const STREAMS: usize = 200;
/// Alerts that are listed.
const ALERTS: usize = 20;

pub(crate) fn router() -> Router<Console> {
    Router::new()
        .route("/", get(overview))
        .route("/sign-in", get(sign_in).post(post_sign_in))
        .route("/sign-out", post(sign_out))
        .route("/lists", get(lists))
        .route("/streams", get(streams))
        .route("/usage", get(usage))
        .route("/usage.csv", get(usage_csv))
        .route("/estimate", get(estimator))
        .route("/relying-parties", get(relying_parties))
        .fallback(missing)
        .method_not_allowed_fallback(missing)
}

pub(crate) fn own_assets() -> Router {
    Router::new().route(
        "/assets/console.css",
        asset("text/css; charset=utf-8", include_bytes!("../assets/console.css")),
    )
}

/// Why there is no page.
enum Trouble {
    SignedOut,
    NotFound,
    Inside(String),
    Refused(Problem),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Inside(error.to_string())
    }
}

impl Trouble {
    fn page(self, console: &Console, lang: Lang) -> Response {
        let t = TEXTS.tr(lang);
        let (status, title, what, next) = match self {
            Self::SignedOut => return Redirect::to("/sign-in").into_response(),
            Self::NotFound => (
                StatusCode::NOT_FOUND,
                t.get("trouble.not_found.title"),
                t.get("trouble.not_found.what"),
                t.get("trouble.not_found.next"),
            ),
            Self::Inside(cause) => {
                tracing::error!(%cause, "the console could not answer");
                (
                    StatusCode::INTERNAL_SERVER_ERROR,
                    t.get("trouble.inside.title"),
                    t.get("trouble.inside.what"),
                    t.get("trouble.inside.next"),
                )
            }
            Self::Refused(problem) => {
                let text = lang.pick(problem.kind().ja, problem.kind().en);
                let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::BAD_REQUEST);
                (status, t.get("trouble.refused.title"), text.what, text.next)
            }
        };
        (status, MessagePage::of(shell(console, t), title, what, next).with_link("/", t.get("to_start")))
            .into_response()
    }
}

async fn missing(State(console): State<Console>, PageLang(lang): PageLang) -> Response {
    Trouble::NotFound.page(&console, lang)
}

fn shell(console: &Console, t: Tr) -> Shell {
    Shell::new(Site::Console, t.get("site.name"), t.lang()).with_simulation(console.0.parts.simulation)
}

/// Whoever signed in, at the instant of this request.
async fn signed_in(console: &Console, headers: &HeaderMap) -> Result<UnixTime, Trouble> {
    let at = console.context().clock.now();
    let token = read_cookie(headers, SESSION, console.is_secure()).ok_or(Trouble::SignedOut)?;
    let mut tx = console.context().db.begin_read().await?;
    if access::is_open(&mut tx, console.code(), token, at).await? { Ok(at) } else { Err(Trouble::SignedOut) }
}

async fn sign_in(State(console): State<Console>, PageLang(lang): PageLang) -> Response {
    let t = TEXTS.tr(lang);
    Html(SignInPage { shell: shell(&console, t), t, refused: None }).into_response()
}

#[derive(Deserialize)]
struct SignInForm {
    code: String,
}

async fn post_sign_in(
    State(console): State<Console>,
    PageLang(lang): PageLang,
    peer: Peer,
    form: Result<Form<SignInForm>, axum::extract::rejection::FormRejection>,
) -> Response {
    let t = TEXTS.tr(lang);
    let opened = async {
        let at = console.context().clock.now();
        console.0.sign_ins.check(&peer.0, at).map_err(Trouble::Refused)?;
        console.0.all_sign_ins.check("", at).map_err(Trouble::Refused)?;
        let said = form.map(|Form(form)| form.code).unwrap_or_default();
        let said = if said.len() <= access::MOST { said } else { String::new() };
        let mut tx = console.context().db.begin().await?;
        let random = console.context().random.as_ref();
        let token = access::open(&mut tx, console.code(), said.trim(), random, at).await?;
        tx.commit().await?;
        Ok::<_, Trouble>(token)
    };
    match opened.await {
        Ok(Some(token)) => {
            let set = session_cookie(&console, token.expose(), access::LIFETIME);
            with_cookie(Redirect::to("/").into_response(), set)
        }
        Ok(None) => {
            let page = SignInPage { shell: shell(&console, t), t, refused: Some(t.get("sign_in.refused")) };
            (StatusCode::FORBIDDEN, Html(page)).into_response()
        }
        Err(trouble) => trouble.page(&console, lang),
    }
}

fn session_cookie(console: &Console, token: &str, max_age: i64) -> Option<HeaderValue> {
    cookie(SESSION, token, max_age, SameSite::Strict, console.is_secure())
}

fn with_cookie(mut response: Response, set: Option<HeaderValue>) -> Response {
    if let Some(set) = set {
        response.headers_mut().append(header::SET_COOKIE, set);
    }
    response
}

async fn sign_out(State(console): State<Console>, PageLang(lang): PageLang, headers: HeaderMap) -> Response {
    let closed = async {
        let context = console.context();
        if let Some(token) = read_cookie(&headers, SESSION, console.is_secure()) {
            let mut tx = context.db.begin().await?;
            let (random, at) = (context.random.as_ref(), context.clock.now());
            access::close(&mut tx, console.code(), token, random, at).await?;
            tx.commit().await?;
        }
        Ok::<_, Trouble>(())
    };
    match closed.await {
        Ok(()) => with_cookie(Redirect::to("/sign-in").into_response(), session_cookie(&console, "", 0)),
        Err(trouble) => trouble.page(&console, lang),
    }
}

#[derive(Deserialize)]
struct LiveQuery {
    live: Option<String>,
}

impl LiveQuery {
    /// Whether the page renews itself: only when asked to, since it disturbs who reads it slowly.
    fn is_on(&self) -> bool {
        self.live.as_deref() == Some("on")
    }
}

fn figures(console: &Console) -> &dyn Figures {
    console.0.parts.figures.as_ref()
}

async fn sizes_chart(console: &Console, at: UnixTime, t: Tr) -> Result<ChartView, Trouble> {
    let points = figures(console).list_sizes(at.plus(-SIZE_DAYS * 86_400)).await?;
    Ok(ChartView::sizes(&points, t))
}

async fn events_chart(console: &Console, at: UnixTime, t: Tr) -> Result<ChartView, Trouble> {
    let from = at.date_in_japan().plus_days(1 - i64::from(EVENT_DAYS));
    let days = figures(console).events_per_day(from).await?;
    Ok(ChartView::events(&days, from, EVENT_DAYS, t))
}

/// The deepest first; among equals in the order of their names.
fn by_depth(streams: &mut [StreamFigure]) {
    streams.sort_by(|a, b| b.depth().cmp(&a.depth()).then_with(|| a.name_ja.cmp(&b.name_ja)));
}

async fn overview(
    State(console): State<Console>,
    PageLang(lang): PageLang,
    headers: HeaderMap,
    Query(query): Query<LiveQuery>,
) -> Response {
    let shown = async {
        let at = signed_in(&console, &headers).await?;
        let t = TEXTS.tr(lang);
        let (lists, contracts) = (figures(&console).lists().await?, figures(&console).contracts().await?);
        let mut streams = figures(&console).streams().await?;
        by_depth(&mut streams);
        let found = alerts(&lists, &contracts, &streams, at);
        let name = |id: &str| {
            let stream = streams.iter().find(|stream| stream.relying_party.as_str() == id);
            stream.map_or_else(|| id.to_owned(), |s| name_in(lang, &s.name_ja, &s.name_en))
        };
        let sum = |of: fn(&StreamFigure) -> u64| {
            crate::charts::grouped(streams.iter().map(of).fold(0, u64::saturating_add))
        };
        let entries = lists.iter().map(|list| list.entries).fold(0, u64::saturating_add);
        let page = OverviewPage {
            shell: shell(&console, t),
            t,
            tab: "overview",
            live: query.is_on(),
            at: at.in_japan(),
            alerts_left_out: found.len().saturating_sub(ALERTS),
            alerts: found.iter().take(ALERTS).map(|alert| AlertView::new(alert, name, t)).collect(),
            figures: vec![
                (t.get("figure.entries"), crate::charts::grouped(entries)),
                (t.get("figure.customers"), sum(|stream| stream.customers)),
                (t.get("figure.depth"), sum(StreamFigure::depth)),
                (t.get("figure.streams"), crate::charts::grouped(count(streams.len()))),
            ],
            lists: lists.iter().map(|list| ListView::new(list, &contracts, at, t)).collect(),
            imports: import_views(&console, t).await,
            sizes: sizes_chart(&console, at, t).await?,
            events: events_chart(&console, at, t).await?,
            streams: streams.iter().take(SLOWEST).map(|stream| StreamView::new(stream, at, t)).collect(),
        };
        Ok::<_, Trouble>(Html(page).into_response())
    };
    shown.await.unwrap_or_else(|trouble| trouble.page(&console, lang))
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

async fn import_views(console: &Console, t: Tr) -> Vec<ImportView> {
    figures(console).imports().await.iter().map(|import| ImportView::new(import, t)).collect()
}

async fn lists(
    State(console): State<Console>,
    PageLang(lang): PageLang,
    headers: HeaderMap,
    Query(query): Query<LiveQuery>,
) -> Response {
    let shown = async {
        let at = signed_in(&console, &headers).await?;
        let t = TEXTS.tr(lang);
        let (lists, contracts) = (figures(&console).lists().await?, figures(&console).contracts().await?);
        let page = ListsPage {
            shell: shell(&console, t),
            t,
            tab: "lists",
            live: query.is_on(),
            at: at.in_japan(),
            contracts: contracts.iter().map(|c| ContractView::new(c, &lists, at, t)).collect(),
            lists: lists.iter().map(|list| ListView::new(list, &contracts, at, t)).collect(),
            imports: import_views(&console, t).await,
            sizes: sizes_chart(&console, at, t).await?,
        };
        Ok::<_, Trouble>(Html(page).into_response())
    };
    shown.await.unwrap_or_else(|trouble| trouble.page(&console, lang))
}

async fn streams(
    State(console): State<Console>,
    PageLang(lang): PageLang,
    headers: HeaderMap,
    Query(query): Query<LiveQuery>,
) -> Response {
    let shown = async {
        let at = signed_in(&console, &headers).await?;
        let t = TEXTS.tr(lang);
        let mut streams = figures(&console).streams().await?;
        by_depth(&mut streams);
        let page = StreamsPage {
            shell: shell(&console, t),
            t,
            tab: "streams",
            live: query.is_on(),
            at: at.in_japan(),
            left_out: streams.len().saturating_sub(STREAMS),
            streams: streams.iter().take(STREAMS).map(|stream| StreamView::new(stream, at, t)).collect(),
            events: events_chart(&console, at, t).await?,
        };
        Ok::<_, Trouble>(Html(page).into_response())
    };
    shown.await.unwrap_or_else(|trouble| trouble.page(&console, lang))
}

async fn registered(console: &Console) -> Result<Vec<RelyingParty>, Trouble> {
    let mut tx = console.context().db.begin_read().await?;
    Ok(relying_party::list(&mut tx).await?)
}

async fn relying_parties(
    State(console): State<Console>,
    PageLang(lang): PageLang,
    headers: HeaderMap,
) -> Response {
    let shown = async {
        signed_in(&console, &headers).await?;
        let t = TEXTS.tr(lang);
        let rows = registered(&console).await?.iter().map(|rp| RelyingPartyView::new(rp, t)).collect();
        let page =
            RelyingPartiesPage { shell: shell(&console, t), t, tab: "relying_parties", live: false, rows };
        Ok::<_, Trouble>(Html(page).into_response())
    };
    shown.await.unwrap_or_else(|trouble| trouble.page(&console, lang))
}

#[derive(Deserialize)]
struct UsageQuery {
    relying_party: Option<String>,
    month: Option<String>,
}

impl UsageQuery {
    /// The month that was asked for, the present one if none was; one that is no month is not guessed.
    fn month(&self, at: UnixTime) -> Result<Month, Trouble> {
        match self.month.as_deref() {
            None | Some("") => Ok(Month::at(at)),
            Some(text) => text.parse().map_err(|_| Trouble::NotFound),
        }
    }
}

async fn usage(
    State(console): State<Console>,
    PageLang(lang): PageLang,
    headers: HeaderMap,
    Query(query): Query<UsageQuery>,
) -> Response {
    let shown = async {
        let at = signed_in(&console, &headers).await?;
        let t = TEXTS.tr(lang);
        let month = query.month(at)?;
        let all = registered(&console).await?;
        let chosen = match query.relying_party.as_deref() {
            Some(id) => Some(all.iter().find(|rp| rp.id.as_str() == id).ok_or(Trouble::NotFound)?),
            None => all.first(),
        };
        let report = match chosen {
            Some(rp) => Some(ReportView::new(&report_of(&console, rp, month).await?, rp, t)),
            None => None,
        };
        let choice = |rp: &RelyingParty| ChoiceView {
            id: rp.id.to_string(),
            name: name_in(lang, &rp.name_ja, &rp.name_en),
            chosen: chosen.is_some_and(|chosen| chosen.id == rp.id),
        };
        let page = UsagePage {
            shell: shell(&console, t),
            t,
            tab: "usage",
            live: false,
            month: month.to_string(),
            previous: month.previous().to_string(),
            choices: all.iter().map(choice).collect(),
            report,
        };
        Ok::<_, Trouble>(Html(page).into_response())
    };
    shown.await.unwrap_or_else(|trouble| trouble.page(&console, lang))
}

async fn report_of(console: &Console, rp: &RelyingParty, month: Month) -> Result<MonthlyReport, Trouble> {
    let mut tx = console.context().db.begin_read().await?;
    Ok(monthly_report(&mut tx, &rp.id, month, &console.0.parts.fees).await?)
}

/// The report as a file. What leaves the house is written down first.
async fn usage_csv(
    State(console): State<Console>,
    PageLang(lang): PageLang,
    headers: HeaderMap,
    Query(query): Query<UsageQuery>,
) -> Response {
    let answered = async {
        let at = signed_in(&console, &headers).await?;
        let month = query.month(at)?;
        let all = registered(&console).await?;
        let rp = all.iter().find(|rp| Some(rp.id.as_str()) == query.relying_party.as_deref());
        let rp = rp.ok_or(Trouble::NotFound)?;
        let context = console.context();
        let mut tx = context.db.begin().await?;
        let report = monthly_report(&mut tx, &rp.id, month, &console.0.parts.fees).await?;
        let event = AuditEvent {
            kind: audit::USAGE_DOWNLOADED,
            relying_party: Some(rp.id.clone()),
            person: None,
            detail: json!({ "month": month }),
        };
        audit::append(&mut tx, &event, context.random.as_ref(), at).await?;
        tx.commit().await?;
        let name = name_in(lang, &rp.name_ja, &rp.name_en);
        let file = format!("attachment; filename=\"musubi-usage-{}-{month}.csv\"", rp.id);
        let kind = (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned());
        let body = report_csv(&report, rp.id.as_str(), &name, lang);
        Ok::<_, Trouble>(([kind, (header::CONTENT_DISPOSITION, file)], body).into_response())
    };
    answered.await.unwrap_or_else(|trouble| trouble.page(&console, lang))
}

async fn estimator(
    State(console): State<Console>,
    PageLang(lang): PageLang,
    headers: HeaderMap,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let shown = async {
        let at = signed_in(&console, &headers).await?;
        let t = TEXTS.tr(lang);
        let (form, plan) = PlanForm::read(&query);
        let worked_out = plan.map(|plan| estimate(&plan, &console.0.parts.fees, at.date_in_japan()));
        let page = EstimatePage {
            shell: shell(&console, t),
            t,
            tab: "estimate",
            live: false,
            fields: plan_fields(&form, t),
            choices: plan_choices(&form, t),
            result: worked_out.map(|estimate| EstimateView::new(&estimate, t)),
        };
        Ok::<_, Trouble>(Html(page).into_response())
    };
    shown.await.unwrap_or_else(|trouble| trouble.page(&console, lang))
}
