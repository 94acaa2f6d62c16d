//! The routes with a database each of both engines, a fixed clock, lists that the test says, and a bank with a token.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use musubi_crypto::{AssertionClaims, ClientKey, Ed25519Signer, JwkSet};
use musubi_feed::{CREDENTIAL_CHANGE, Event, ListInUse, Place, Receiver, VerifyingKey};
use musubi_httpkit::{DEFAULT_TIMEOUT, finish_api};
use musubi_kernel::{Clock as _, FixedClock, Secret, SeededRandom, UnixTime};
use musubi_platform::change_stream::{self, NewEntry};
use musubi_platform::relying_party::{NewRelyingParty, register};
use musubi_platform::{Context, RelyingPartyId};
use musubi_store::{Db, StoreError, Tx};
use musubi_stream::{ListsInUse, Pace, Streams};
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// 2026-09-21, 22:13:20 in Japan.
pub(crate) const NOW: UnixTime = UnixTime(1_789_996_400);

/// Long enough that no test sees it end, short enough that a test that fails does.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What the lists in use are: one, with this number.
#[derive(Default)]
pub(crate) struct Lists(pub(crate) AtomicI64);

#[async_trait]
impl ListsInUse for Lists {
    async fn lists(&self, _: &mut Tx) -> Result<Vec<ListInUse>, StoreError> {
        Ok(vec![ListInUse {
            authority: "digital_signature".into(),
            key_id: "1f".repeat(20),
            number: self.0.load(Ordering::SeqCst),
            this_update: NOW.0,
            next_update: NOW.0 + 86_400,
        }])
    }
}

pub(crate) struct World {
    pub(crate) context: Context,
    pub(crate) streams: Streams,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) lists: Arc<Lists>,
    router: Router,
    assertions: AtomicU64,
    _dir: tempfile::TempDir,
}

pub(crate) struct Client {
    pub(crate) id: RelyingPartyId,
    key: ClientKey,
    pub(crate) token: String,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn code(&self) -> (u16, &str) {
        (self.status.as_u16(), self.body["code"].as_str().unwrap_or_default())
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}

pub(crate) async fn worlds() -> Vec<World> {
    let quick = Pace {
        look_every: Duration::from_millis(5),
        heartbeat_every: Duration::from_millis(50),
        longest_wait: Duration::from_millis(100),
        ..Pace::default()
    };
    worlds_at(quick).await
}

pub(crate) async fn worlds_at(pace: Pace) -> Vec<World> {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open_sqlite(&dir.path().join("t.sqlite")).await.unwrap();
    let mut worlds = vec![World::new(db, dir, pace).await];
    if let Some(db) = musubi_store::testing::postgres_schema().await {
        worlds.push(World::new(db, tempfile::tempdir().unwrap(), pace).await);
    }
    worlds
}

impl World {
    async fn new(db: Db, dir: tempfile::TempDir, pace: Pace) -> Self {
        let mut migrations = musubi_platform::MIGRATIONS.to_vec();
        migrations.extend(musubi_stream::migrations());
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
        let lists = Arc::new(Lists::default());
        let streams = Streams::new(context.clone(), lists.clone()).at_pace(pace);
        let platform = Router::from(musubi_platform::api()).with_state(context.clone());
        let own: Router = Router::from(musubi_stream::api()).with_state(streams.clone());
        let router = finish_api(platform.merge(own), DEFAULT_TIMEOUT);
        Self { context, streams, clock, lists, router, assertions: AtomicU64::new(0), _dir: dir }
    }

    pub(crate) async fn client(&self) -> Client {
        let key = ClientKey::generate().unwrap();
        let new = NewRelyingParty {
            name_ja: "結び銀行".into(),
            name_en: "Musubi Bank".into(),
            origins: vec!["https://bank.test".into()],
            key_set: JwkSet::parse(&key.jwk_set()).unwrap(),
        };
        let mut tx = self.context.db.begin().await.unwrap();
        let id = register(&mut tx, &new, &*self.context.random, NOW).await.unwrap();
        tx.commit().await.unwrap();
        self.renewed(Client { id, key, token: String::new() }).await
    }

    /// The same relying party with a token of now.
    pub(crate) async fn renewed(&self, client: Client) -> Client {
        let Client { id, key, .. } = client;
        let n = self.assertions.fetch_add(1, Ordering::Relaxed);
        let at = self.clock.now().0;
        let claims = AssertionClaims {
            iss: id.to_string(),
            sub: id.to_string(),
            aud: "https://api.musubi.test/v1/token".into(),
            jti: format!("jti-{n}"),
            iat: at,
            exp: at + 60,
        };
        let assertion = key.sign(&claims).unwrap();
        let form = serde_urlencoded::to_string([
            ("grant_type", "client_credentials"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", assertion.as_str()),
        ]);
        let request = Request::post("/v1/token").header("content-type", "application/x-www-form-urlencoded");
        let answer = self.send(request.body(Body::from(form.unwrap())).unwrap()).await;
        let token = answer.body["access_token"].as_str().unwrap().to_owned();
        Client { id, key, token }
    }

    pub(crate) async fn response(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.response(request).await.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Answer { status: parts.status, headers: parts.headers, bytes, body }
    }

    pub(crate) fn asks(client: &Client, path: &str) -> axum::http::request::Builder {
        Request::get(path).header("authorization", format!("Bearer {}", client.token))
    }

    pub(crate) async fn get(&self, client: &Client, path: &str) -> Answer {
        self.send(Self::asks(client, path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn call(&self, client: &Client, method: &str, path: &str, body: &Value) -> Answer {
        let request = Self::asks(client, path)
            .method(method)
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()))
            .unwrap();
        self.send(request).await
    }

    /// Appends entries about customers `c-FROM` and so on, written now.
    pub(crate) async fn append(&self, client: &Client, from: usize, count: usize) {
        let entries = (from..from + count).map(|n| {
            let body = json!({ "change": "renewed", "customer_id": format!("c-{n}") });
            let event = Event::about(CREDENTIAL_CHANGE, format!("pw_{n}"), body.as_object().unwrap().clone());
            NewEntry { relying_party: client.id.clone(), person: None, event }
        });
        let mut tx = self.context.db.begin().await.unwrap();
        let at = self.clock.now();
        change_stream::append_all(&mut tx, &self.context, entries.collect(), at).await.unwrap();
        tx.commit().await.unwrap();
    }

    pub(crate) fn keys(&self) -> Vec<VerifyingKey> {
        vec![VerifyingKey::new(self.context.signing_key.public_key())]
    }

    pub(crate) fn receiver(&self, client: &Client) -> Receiver {
        let stream = change_stream::stream_of(&self.context, &client.id);
        let place = Place::from(&stream);
        Receiver::new(stream, self.keys(), place)
    }

    pub(crate) async fn audited(&self) -> Vec<String> {
        let mut tx = self.context.db.begin_read().await.unwrap();
        let size = musubi_platform::audit::checkpoint(&mut tx).await.unwrap().size;
        let mut kinds = Vec::new();
        for index in 0..size {
            kinds.push(musubi_platform::audit::record(&mut tx, index).await.unwrap().unwrap().kind);
        }
        kinds
    }
}
