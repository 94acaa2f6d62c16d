//! The pages through their router, on both engines, with figures that are made up.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::request::Builder;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use musubi_crypto::{ClientKey, Ed25519Signer, JwkSet};
use musubi_kernel::{Date, FixedClock, Secret, SeededRandom, UnixTime};
use musubi_platform::metering::{self, FeeTable};
use musubi_platform::relying_party::{NewRelyingParty, RelyingPartyId, register};
use musubi_platform::{Context, audit};
use musubi_store::{Db, StoreError};
use tower::ServiceExt as _;

use super::*;

const NOW: UnixTime = UnixTime(1_790_000_000);
const CODE: &str = "correct-horse-battery";
const PAGES: [&str; 7] = ["/", "/lists", "/streams", "/usage", "/usage.csv", "/estimate", "/relying-parties"];

/// Figures that are made up, or none.
struct MadeUp {
    rp: RelyingPartyId,
    broken: bool,
}

impl MadeUp {
    fn or_broken<T>(&self, value: T) -> Result<T, StoreError> {
        if self.broken { Err(StoreError::Corrupt("hidden_column")) } else { Ok(value) }
    }
}

#[async_trait]
impl Figures for MadeUp {
    async fn lists(&self) -> Result<Vec<ListFigure>, StoreError> {
        self.or_broken(vec![ListFigure {
            authority: "digital_signature".into(),
            key_id: "0123456789abcdef".into(),
            number: 42,
            this_update: NOW.plus(-7200),
            next_update: NOW.plus(3600),
            entries: 25_000_000,
            taken_in_at: NOW,
        }])
    }

    async fn contracts(&self) -> Result<Vec<Contract>, StoreError> {
        self.or_broken(vec![Contract { max_age_seconds: 3600, relying_parties: 3 }])
    }

    async fn imports(&self) -> Vec<ImportProgress> {
        let import = |done, total| ImportProgress {
            authority: "user_authentication".into(),
            number: 43,
            stage: Stage::Verifying,
            done,
            total,
        };
        vec![import(125, Some(500)), import(7, None)]
    }

    async fn list_sizes(&self, since: UnixTime) -> Result<Vec<SizePoint>, StoreError> {
        let point = |n: i64| SizePoint {
            authority: "digital_signature".into(),
            key_id: "0123456789abcdef".into(),
            at: since.plus(n * 86_400),
            entries: 24_000_000 + u64::try_from(n).unwrap() * 11_111,
        };
        self.or_broken((0..90).map(point).collect())
    }

    async fn events_per_day(&self, since: Date) -> Result<Vec<DayTotal>, StoreError> {
        self.or_broken(vec![DayTotal { day: since.plus_days(29), count: 50_000 }])
    }

    async fn streams(&self) -> Result<Vec<StreamFigure>, StoreError> {
        self.or_broken(vec![StreamFigure {
            relying_party: self.rp.clone(),
            name_ja: "<b>銀行</b>".into(),
            name_en: "<b>Bank</b>".into(),
            head: 20_000,
            customers: 1_234_567,
            delivered: Some(1),
            oldest_undelivered_at: Some(NOW.plus(-7200)),
            dead_letters: 2,
            state: StreamState::Paused,
        }])
    }
}

struct World {
    context: Context,
    clock: Arc<FixedClock>,
    rp: RelyingPartyId,
    _dir: tempfile::TempDir,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// `name=value` of the session's cookie.
    fn cookie(&self) -> String {
        self.header("set-cookie").split(';').next().unwrap().to_owned()
    }
}

async fn worlds() -> Vec<World> {
    let dir = tempfile::tempdir().unwrap();
    let sqlite = Db::open_sqlite(&dir.path().join("t.sqlite")).await.unwrap();
    let mut worlds = vec![World::new(sqlite, dir).await];
    if let Some(db) = musubi_store::testing::postgres_schema().await {
        worlds.push(World::new(db, tempfile::tempdir().unwrap()).await);
    }
    worlds
}

impl World {
    async fn new(db: Db, dir: tempfile::TempDir) -> Self {
        let migrations = [musubi_platform::MIGRATIONS, MIGRATIONS].concat();
        db.migrate(&migrations, NOW).await.unwrap();
        let clock = Arc::new(FixedClock::new(NOW));
        let context = Context {
            db,
            clock: clock.clone(),
            random: Arc::new(SeededRandom::new([1; 32])),
            pairwise_secret: Arc::new(Secret::new(vec![7; 32])),
            signing_key: Arc::new(Ed25519Signer::from_seed(&[7; 32]).unwrap()),
            api_origin: "https://api.musubi.test".into(),
            portal_origin: "https://portal.musubi.test".into(),
        };
        let new = NewRelyingParty {
            name_ja: "=みほん銀行".into(),
            name_en: "=Mihon Bank".into(),
            origins: vec!["https://bank.test".into()],
            key_set: JwkSet::parse(&ClientKey::generate().unwrap().jwk_set()).unwrap(),
        };
        let mut tx = context.db.begin().await.unwrap();
        let rp = register(&mut tx, &new, &*context.random, NOW).await.unwrap();
        let checks = metering::AUTHENTICATION_CHECK_BY_LIST;
        metering::count(&mut tx, &rp, "=1+1", checks, 1234, NOW).await.unwrap();
        metering::count(&mut tx, &rp, "", metering::LATEST_ATTRIBUTES, 3, NOW).await.unwrap();
        tx.commit().await.unwrap();
        Self { context, clock, rp, _dir: dir }
    }

    fn console(&self, code: &str, broken: bool) -> Router {
        let parts = ConsoleParts {
            context: self.context.clone(),
            figures: Arc::new(MadeUp { rp: self.rp.clone(), broken }),
            fees: Arc::new(FeeTable::default()),
            access_code: AccessCode::parse(code).unwrap(),
            origin: "https://console.musubi.test".into(),
            simulation: false,
        };
        Console::new(parts).pages()
    }

    async fn audited(&self) -> Vec<String> {
        let mut tx = self.context.db.begin_read().await.unwrap();
        let size = audit::checkpoint(&mut tx).await.unwrap().size;
        let mut kinds = Vec::new();
        for index in 0..size {
            kinds.push(audit::record(&mut tx, index).await.unwrap().unwrap().kind);
        }
        kinds
    }
}

async fn send(pages: &Router, request: Builder, body: String) -> Answer {
    let response = pages.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    Answer { status: parts.status, headers: parts.headers, text }
}

async fn show(pages: &Router, path: &str, cookie: &str) -> Answer {
    send(pages, Request::get(path).header("cookie", cookie), String::new()).await
}

fn own_post(path: &str) -> Builder {
    Request::post(path)
        .header("sec-fetch-site", "same-origin")
        .header("content-type", "application/x-www-form-urlencoded")
}

async fn sign_in(pages: &Router, code: &str) -> Answer {
    let body = serde_urlencoded::to_string([("code", code)]).unwrap();
    send(pages, own_post("/sign-in"), body).await
}

#[test]
fn every_text_is_there_in_both_languages() {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["templates", "src"] {
        let faults = musubi_httpkit::page::testing::locale_faults(&TEXTS, "t", &crate_folder.join(folder));
        assert_eq!(faults, Vec::<String>::new());
    }
    for kind in ["chart.time", "lists.of", "chart.day", "events.count"] {
        assert!(TEXTS.has(kind), "{kind}");
    }
}

#[test]
fn no_text_is_there_that_no_page_shows() {
    let mut sources = String::new();
    for folder in ["templates", "src", "src/views"] {
        for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                sources += &std::fs::read_to_string(path).unwrap();
            }
        }
    }
    let unused: Vec<_> = TEXTS.keys().filter(|key| !sources.contains(&format!("\"{key}\""))).collect();
    assert_eq!(unused, Vec::<&str>::new());
}

#[test]
fn a_code_that_could_be_guessed_is_refused() {
    for wrong in [
        "",
        "short",
        "aaaaaaaaaaaaaaaaaaaa",
        "abcabcabcabcabcabc",
        "with space in the middle",
        "暗証番号暗証番号暗証番号",
    ] {
        assert!(AccessCode::parse(wrong).is_err(), "{wrong}");
    }
    assert!(AccessCode::parse(&"abcdefgh".repeat(26)).is_err());
    let code = AccessCode::parse(" correct-horse-battery\n").unwrap();
    assert!(!format!("{code:?}").contains("horse"));
}

#[tokio::test]
async fn without_a_session_every_page_leads_to_the_sign_in_and_shows_nothing() {
    for world in worlds().await {
        let pages = world.console(CODE, false);
        for path in PAGES {
            for cookie in ["", "__Host-musubi_console=", "__Host-musubi_console=made-up", "musubi_console=x"]
            {
                let answer = show(&pages, path, cookie).await;
                assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/sign-in"), "{path}");
                assert_eq!(answer.text, "");
            }
        }
        let body = "code=correct-horse-battery".to_owned();
        let foreign = Request::post("/sign-in").header("sec-fetch-site", "cross-site");
        let foreign = foreign.header("content-type", "application/x-www-form-urlencoded");
        let answer = send(&pages, foreign, body).await;
        assert_eq!((answer.status.as_u16(), answer.header("set-cookie")), (403, ""));
        assert_eq!(world.audited().await, [audit::RELYING_PARTY_REGISTERED]);
    }
}

#[tokio::test]
async fn who_knows_the_code_is_let_in_until_the_evening_and_both_ends_are_written_down() {
    for world in worlds().await {
        let pages = world.console(CODE, false);
        let wrong = sign_in(&pages, "correct-horse-batterx").await;
        assert_eq!((wrong.status.as_u16(), wrong.header("set-cookie")), (403, ""));
        assert!(wrong.text.contains("アクセスコードが違います"));
        let answer = sign_in(&pages, CODE).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/"));
        let set = answer.header("set-cookie");
        assert!(set.starts_with("__Host-musubi_console="), "{set}");
        assert!(set.contains("; HttpOnly; SameSite=Strict; Secure"), "{set}");
        let session = answer.cookie();
        assert_eq!(show(&pages, "/", &session).await.status, 200);

        // Under another code the same cookie is worth nothing.
        let renewed = world.console("another-code-entirely", false);
        assert_eq!(show(&renewed, "/", &session).await.status, 303);

        let other = sign_in(&pages, CODE).await.cookie();
        let out = send(&pages, own_post("/sign-out").header("cookie", &session), String::new()).await;
        assert!(out.header("set-cookie").contains("Max-Age=0"));
        assert_eq!(show(&pages, "/", &session).await.status, 303, "a cookie that was kept is no better");
        assert_eq!(show(&pages, "/", &other).await.status, 200);
        world.clock.advance(access::LIFETIME);
        assert_eq!(show(&pages, "/", &other).await.status, 303);
        let mut tx = world.context.db.begin().await.unwrap();
        assert_eq!(purge_expired(&mut tx, NOW.plus(access::LIFETIME)).await.unwrap(), 1);
        drop(tx);
        let expected = [
            audit::RELYING_PARTY_REGISTERED,
            audit::CONSOLE_OPENED,
            audit::CONSOLE_OPENED,
            audit::CONSOLE_CLOSED,
        ];
        assert_eq!(world.audited().await, expected);
    }
}

#[tokio::test]
async fn guessing_is_slowed_down_and_long_guesses_are_not_read() {
    for world in worlds().await {
        let pages = world.console(CODE, false);
        assert_eq!(sign_in(&pages, &"a".repeat(5000)).await.status, 403);
        for _ in 0..4 {
            assert_eq!(sign_in(&pages, "guess").await.status, 403);
        }
        let answer = sign_in(&pages, CODE).await;
        assert_eq!((answer.status.as_u16(), answer.header("set-cookie")), (429, ""), "even the right one");
        world.clock.advance(12);
        assert_eq!(sign_in(&pages, CODE).await.status, 303);
    }
}

#[tokio::test]
async fn every_page_speaks_both_languages_and_runs_nothing() {
    for world in worlds().await {
        let pages = world.console(CODE, false);
        let session = sign_in(&pages, CODE).await.cookie();
        for path in PAGES.into_iter().filter(|path| *path != "/usage.csv").chain(["/sign-in"]) {
            for lang in ["ja", "en"] {
                let answer = show(&pages, &format!("{path}?lang={lang}"), &session).await;
                assert_eq!(answer.status, 200, "{path}");
                let text = &answer.text;
                assert!(text.contains(&format!("<html lang=\"{lang}\">")), "{path}");
                assert!(!text.contains("style=\"") && !text.contains("<script"), "{path}");
                assert!(!text.contains("<b>") && !text.contains("http-equiv"), "{path}");
                let unfilled = text.split('{').skip(1).any(|rest| {
                    rest.split_once('}').is_some_and(|(name, _)| name.bytes().all(|b| b.is_ascii_lowercase()))
                });
                assert!(!unfilled, "{path}: a place that was not filled");
                let key_shown =
                    TEXTS.keys().find(|key| key.contains('.') && text.contains(&format!(">{key}<")));
                assert_eq!(key_shown, None, "{path}");
            }
        }
        assert_eq!(show(&pages, "/nowhere", &session).await.status, 404);
    }
}

#[tokio::test]
async fn the_overview_tells_what_needs_attention_and_draws_it() {
    for world in worlds().await {
        let pages = world.console(CODE, false);
        let session = sign_in(&pages, CODE).await.cookie();
        let page = show(&pages, "/?lang=en", &session).await.text;
        assert!(page.contains("The list of digital signature is older than 3 relying parties accept."));
        assert!(page.contains("19,999 entries wait for &#60;b&#62;Bank&#60;/b&#62;."), "{page}");
        assert!(page.contains("has waited 2 h 0 min") && page.contains("refused 2 entries for good"));
        assert!(page.contains("<progress class=\"bar\" max=\"100\" value=\"25\""));
        assert!(page.contains("25,000,000") && page.contains("1,234,567"));
        assert_eq!(page.matches("<svg class=\"chart\"").count(), 4, "two charts, each for two widths");
        assert_eq!(page.matches("aria-hidden=\"true\" focusable=\"false\"").count(), 4);
        assert!(page.contains("<td data-label=\"Events\">50,000</td>"), "each chart has its table");
        let live = show(&pages, "/?live=on", &session).await.text;
        assert!(live.contains("<meta http-equiv=\"refresh\" content=\"30\">"));
    }
}

#[tokio::test]
async fn a_monthly_report_is_downloaded_defused_and_written_down() {
    for world in worlds().await {
        let pages = world.console(CODE, false);
        let session = sign_in(&pages, CODE).await.cookie();
        let month = metering::Month::at(NOW);
        let path = format!("/usage.csv?relying_party={}&month={month}&lang=ja", world.rp);
        let answer = show(&pages, &path, &session).await;
        assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
        assert!(answer.header("content-disposition").starts_with("attachment; filename=\"musubi-usage-rp_"));
        assert!(answer.text.starts_with('\u{feff}'));
        assert!(answer.text.contains("'=みほん銀行") && answer.text.contains("'=1+1"));
        assert!(!answer.text.contains(",=") && answer.text.contains(",1234,"));
        assert_eq!(world.audited().await.last().unwrap(), audit::USAGE_DOWNLOADED);
        let page = show(&pages, &format!("/usage?month={month}&lang=en"), &session).await.text;
        assert!(page.contains("66 yen") && page.contains("1,234"), "three times 20 yen and a tenth");
        for wrong in ["month=2026-13", "month=x", "relying_party=rp_x", "relying_party=%27%20OR%201%3D1"] {
            let before = world.audited().await.len();
            for page in ["/usage", "/usage.csv"] {
                assert_eq!(show(&pages, &format!("{page}?{wrong}"), &session).await.status, 404, "{wrong}");
            }
            assert_eq!(world.audited().await.len(), before);
        }
    }
}

#[tokio::test]
async fn an_estimate_is_shown_with_its_steps_and_a_field_that_cannot_be_read_is_named() {
    for world in worlds().await {
        let pages = world.console(CODE, false);
        let session = sign_in(&pages, CODE).await.cookie();
        let query = "customers=120%2C000&checks=0.5&consenting=60&changing=10&delivery=push&lang=en";
        let page = show(&pages, &format!("/estimate?{query}"), &session).await.text;
        assert!(page.contains("13,200 yen") && page.contains("12,000 yen without tax, 1,200 yen tax"));
        assert!(page.contains("Build the HTTPS endpoint"));
        let page = show(&pages, "/estimate?customers=%3Cmany%3E&lang=en", &session).await.text;
        assert!(page.contains("aria-invalid=\"true\"") && page.contains("value=\"&#60;many&#62;\""));
        assert!(!page.contains("id=\"result\""));
    }
}

#[tokio::test]
async fn a_failure_inside_is_told_without_its_cause() {
    for world in worlds().await {
        let pages = world.console(CODE, true);
        let session = sign_in(&pages, CODE).await.cookie();
        for path in ["/", "/lists", "/streams"] {
            let answer = show(&pages, path, &session).await;
            assert_eq!(answer.status, 500);
            assert!(!answer.text.contains("hidden_column"));
        }
    }
}
