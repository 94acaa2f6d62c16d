//! Nation, platform and two relying parties. Every test has its own: life events, dials and clocks are not shared.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, header};
use http_body_util::BodyExt as _;
use musubi_crypto::{AssertionClaims, ClientKey, JwkSet};
use musubi_httpkit::hosts::by_host;
use musubi_kernel::{FixedClock, Secret, SeededRandom, UnixTime};
use musubi_nation::{DEFAULT_SEED, World, WorldConfig};
use musubi_pki::{Policy, TrustAnchors};
use musubi_platform::RelyingPartyId;
use musubi_platform::audit::{self, AuditRecord};
use musubi_platform::relying_party::{self, NewRelyingParty};
use musubi_server::{Origins, Parts, Platform};
use musubi_store::Db;
use musubi_store::testing::{postgres_schema, row_counts};
use musubi_verification::offline_filter;
use musubi_verification::upstream::{HttpUpstream, Upstream};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tower::ServiceExt as _;

use super::conformance::assert_conforms;

/// The nation's credential for the platform.
pub(crate) const CREDENTIAL: &str = "the operator's credential in these tests";
/// The origins of the bank, the clinic and the fraudulent copy of the bank.
pub(crate) const BANK: &str = "https://bank.example";
pub(crate) const CLINIC: &str = "https://clinic.example";
pub(crate) const PHISH: &str = "https://bank-example.phish.example";
pub(crate) const DAY: i64 = 24 * 3600;

/// A relying party with its key and a token that it renews as it needs.
pub(crate) struct Client {
    pub(crate) id: RelyingPartyId,
    pub(crate) key: ClientKey,
    pub(crate) origin: &'static str,
    token: Mutex<String>,
}

impl Client {
    pub(crate) fn token(&self) -> String {
        self.token.lock().unwrap().clone()
    }
}

/// A platform over its database. Several can share a database and a nation.
pub(crate) struct Api {
    pub(crate) platform: Platform,
    pub(crate) router: Router,
    pub(crate) clock: Arc<FixedClock>,
    count: AtomicU64,
}

/// What the API answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
    pub(crate) text: String,
}

impl Answer {
    /// Status and problem code.
    pub(crate) fn code(&self) -> (u16, &str) {
        (self.status, self.body["code"].as_str().unwrap_or_default())
    }

    /// Indication, sub-indication and reason of the verdict; empty where there is none.
    pub(crate) fn verdict(&self) -> [&str; 3] {
        let verdict = &self.body["verdict"];
        [&verdict["indication"], &verdict["sub_indication"], &verdict["reason"]["code"]]
            .map(|value| value.as_str().unwrap_or_default())
    }

    /// Outcome of one check of the verdict.
    pub(crate) fn check(&self, id: &str) -> &str {
        let checks = self.body["verdict"]["checks"].as_array().map(Vec::as_slice).unwrap_or_default();
        let found = checks.iter().find(|check| check["id"] == id);
        found.and_then(|check| check["outcome"].as_str()).unwrap_or("absent")
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The answer, which must have this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    #[track_caller]
    pub(crate) fn str(&self, member: &str) -> &str {
        self.body[member].as_str().unwrap_or_else(|| panic!("no text `{member}`: {}", self.text))
    }
}

impl Api {
    /// A platform over `db` that asks `upstream`.
    pub(crate) async fn open(
        db: Db,
        world: &World,
        clock: Arc<FixedClock>,
        upstream: Arc<dyn Upstream>,
        seed: u8,
    ) -> Self {
        let platform = Platform::open(Parts {
            db,
            clock: world.clock(),
            random: Arc::new(SeededRandom::new([seed; 32])),
            pairwise_secret: Secret::new(vec![7; 32]),
            signing_key: musubi_crypto::Ed25519Signer::from_seed(&[7; 32]).unwrap(),
            anchors: TrustAnchors::insecure_test_hierarchy(world.trust_anchors()).unwrap(),
            card_authorities: super::presence_cards::authorities(),
            upstream,
            policy: Policy::default(),
            origins: Origins {
                api: "https://api.example".into(),
                portal: "https://portal.example".into(),
                card: "https://card.example".into(),
            },
            reach: musubi_httpkit::outbound::Reach::LoopbackTooForTests,
            sealed_lists: None,
        })
        .await
        .unwrap();
        Self { router: platform.api(), platform, clock, count: AtomicU64::new(0) }
    }

    pub(crate) fn now(&self) -> UnixTime {
        self.platform.context().clock.now()
    }

    pub(crate) fn fresh(&self, prefix: &str) -> String {
        format!("{prefix}-{}", self.count.fetch_add(1, Ordering::Relaxed))
    }

    /// Registers a relying party and gets its first token.
    pub(crate) async fn register(&self, name: (&str, &str), origin: &'static str) -> Client {
        let key = ClientKey::generate().unwrap();
        let new = NewRelyingParty {
            name_ja: name.0.into(),
            name_en: name.1.into(),
            origins: vec![origin.into()],
            key_set: JwkSet::parse(&key.jwk_set()).unwrap(),
        };
        let context = self.platform.context();
        let mut tx = context.db.begin().await.unwrap();
        let id = relying_party::register(&mut tx, &new, context.random.as_ref(), self.now()).await.unwrap();
        tx.commit().await.unwrap();
        let client = Client { id, key, origin, token: Mutex::default() };
        self.renew_token(&client).await;
        client
    }

    pub(crate) fn assertion(&self, client: &Client) -> String {
        let claims = AssertionClaims {
            iss: client.id.to_string(),
            sub: client.id.to_string(),
            aud: "https://api.example/v1/token".into(),
            jti: self.fresh("jti"),
            iat: self.now().0,
            exp: self.now().0 + 60,
        };
        client.key.sign(&claims).unwrap()
    }

    /// Gets an access token as a relying party does, to be used from now on. Tokens live ten minutes.
    pub(crate) async fn renew_token(&self, client: &Client) {
        let form = format!(
            "grant_type=client_credentials&client_assertion_type={}&client_assertion={}",
            "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer",
            self.assertion(client)
        );
        let request = Request::post("/v1/token")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(form))
            .unwrap();
        let answer = self.send(request).await.expect(200);
        *client.token.lock().unwrap() = answer.str("access_token").to_owned();
    }

    /// Sends a request through the router; the answer is as the OpenAPI document says.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        let answer = Answer { status: parts.status.as_u16(), headers: parts.headers, body, text };
        assert_conforms(&method, &path, &answer);
        answer
    }

    /// Calls a route. Without `key`, no Idempotency-Key is sent; without `body`, none is.
    pub(crate) async fn call(
        &self,
        method: &Method,
        path: &str,
        token: Option<&str>,
        key: Option<&str>,
        body: Option<&Value>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let body = match body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        self.send(request.body(body).unwrap()).await
    }

    pub(crate) async fn get(&self, client: &Client, path: &str) -> Answer {
        self.call(&Method::GET, path, Some(&client.token()), None, None).await
    }

    /// A POST with an Idempotency-Key of its own.
    pub(crate) async fn post(&self, client: &Client, path: &str, body: &Value) -> Answer {
        self.post_again(client, path, &self.fresh("key"), body).await
    }

    /// A POST with this Idempotency-Key.
    pub(crate) async fn post_again(&self, client: &Client, path: &str, key: &str, body: &Value) -> Answer {
        self.call(&Method::POST, path, Some(&client.token()), Some(key), Some(body)).await
    }

    /// Takes in what the authorities have published; answers how many lists.
    pub(crate) async fn take_in(&self) -> u32 {
        self.platform.verification().take_in().await.unwrap()
    }

    /// Lets the client have offline filters and makes them; answers the id of one.
    pub(crate) async fn offline_filter(&self, client: &Client) -> String {
        let context = self.platform.context();
        let at = context.clock.now();
        let mut tx = context.db.begin().await.unwrap();
        offline_filter::allow(&mut tx, &client.id, context.random.as_ref(), at).await.unwrap();
        tx.commit().await.unwrap();
        assert!(offline_filter::make_due(self.platform.verification()).await.unwrap() > 0);
        let path = "/v1/offline-filters";
        let offers = self.call(&Method::GET, path, Some(&client.token()), None, None).await.expect(200);
        offers.body["filters"][0]["id"].as_str().unwrap().to_owned()
    }

    /// Rows of every table.
    pub(crate) async fn counts(&self) -> BTreeMap<String, i64> {
        row_counts(&self.platform.context().db).await.unwrap()
    }

    /// All audit records, oldest first.
    pub(crate) async fn audited(&self) -> Vec<AuditRecord> {
        let mut tx = self.platform.context().db.begin_read().await.unwrap();
        let size = audit::checkpoint(&mut tx).await.unwrap().size;
        let mut records = Vec::new();
        for index in 0..size {
            records.push(audit::record(&mut tx, index).await.unwrap().unwrap());
        }
        records
    }
}

/// A nation, a platform and its relying parties.
pub(crate) struct Fixture {
    pub(crate) engine: &'static str,
    pub(crate) world: World,
    pub(crate) api: Api,
    pub(crate) bank: Client,
    pub(crate) clinic: Client,
    pub(crate) port: u16,
    server: JoinHandle<()>,
    _folder: TempDir,
}

impl std::ops::Deref for Fixture {
    type Target = Api;

    fn deref(&self) -> &Api {
        &self.api
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// One fixture per engine.
pub(crate) async fn fixtures() -> Vec<Fixture> {
    let mut fixtures = vec![Fixture::on_sqlite().await];
    if let Some(db) = postgres_schema().await {
        fixtures.push(Fixture::open("PostgreSQL", db, TempDir::new().unwrap()).await);
    }
    fixtures
}

impl Fixture {
    /// For what has nothing to do with the database.
    pub(crate) async fn on_sqlite() -> Self {
        let folder = TempDir::new().unwrap();
        let db = Db::open_sqlite(&folder.path().join("platform.sqlite")).await.unwrap();
        Self::open("SQLite", db, folder).await
    }

    async fn open(engine: &'static str, db: Db, folder: TempDir) -> Self {
        let fixture = Self::around(engine, db, folder, |real| Arc::new(real)).await;
        fixture.api.take_in().await;
        fixture
    }

    /// With an upstream port that is made from the real one, and before any revocation list is taken in.
    pub(crate) async fn around(
        engine: &'static str,
        db: Db,
        folder: TempDir,
        around: impl FnOnce(HttpUpstream) -> Arc<dyn Upstream>,
    ) -> Self {
        let clock = Arc::new(FixedClock::new(EPOCH.plus(HOUR)));
        let world = founded(folder.path(), &clock).await;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let upstream =
            HttpUpstream::new(format!("http://authority.localhost:{port}"), Secret::new(CREDENTIAL.into()));
        let api = Api::open(db, &world, clock.clone(), around(upstream), 1).await;
        let sites = vec![("authority", world.upstream()), ("api", api.router.clone())];
        let sites = by_host(sites, Router::new());
        let server = tokio::spawn(async move { axum::serve(listener, sites).await.unwrap() });
        let bank = api.register(("みほん銀行", "Mihon Bank"), BANK).await;
        let clinic = api.register(("みほん医院", "Mihon Clinic"), CLINIC).await;
        Self { engine, world, api, bank, clinic, port, server, _folder: folder }
    }

    /// The platform's clock and the nation's move on. Tokens live ten minutes: they are renewed.
    pub(crate) async fn advance(&self, seconds: i64) {
        self.api.clock.advance(seconds);
        self.renew_token(&self.bank).await;
        self.renew_token(&self.clinic).await;
    }
}

/// The founding day: 2026-04-01 in Japan.
const EPOCH: UnixTime = UnixTime(1_774_969_200);
const HOUR: i64 = 3600;

/// A nation of its own in `folder`: a copy of one that was founded an hour ago.
async fn founded(folder: &Path, clock: &Arc<FixedClock>) -> World {
    let file = folder.join("nation.sqlite");
    std::fs::copy(template().await, &file).unwrap();
    open_nation(Db::open_sqlite(&file).await.unwrap(), clock).await
}

async fn open_nation(db: Db, clock: &Arc<FixedClock>) -> World {
    let credential = Secret::new(CREDENTIAL.to_owned());
    let config = WorldConfig { seed: DEFAULT_SEED, epoch: EPOCH, operator_credential: credential };
    World::open(config, db, clock.clone()).await.unwrap()
}

/// Founding takes longer than most tests. It is done once per build of this binary, whether its tests run in one
/// process or in many: a template that is older than the binary is made anew.
async fn template() -> PathBuf {
    let binary = std::env::current_exe().unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join(binary.file_name().unwrap()).with_extension("nation.sqlite");
    let modified = |file: &Path| file.metadata().and_then(|metadata| metadata.modified()).ok();
    if modified(&file).is_none_or(|made| Some(made) < modified(&binary)) {
        let work = TempDir::new_in(folder).unwrap();
        let made = work.path().join("nation.sqlite");
        let db = Db::open_sqlite(&made).await.unwrap();
        drop(open_nation(db.clone(), &Arc::new(FixedClock::new(EPOCH.plus(HOUR)))).await);
        // Closing writes the log back into the one file; renaming replaces whole files only.
        db.close().await;
        std::fs::rename(&made, &file).unwrap();
    }
    file
}
