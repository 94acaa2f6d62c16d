//! The platform's streams for tests: both engines, a fixed clock, seeded randomness, requests through the router.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use musubi_crypto::{AssertionClaims, ClientKey, Ed25519Signer, JwkSet};
use musubi_feed::{CREDENTIAL_CHANGE, Event, ListInUse, Stream, VerifyingKey};
use musubi_httpkit::outbound::{Outbound, Reach};
use musubi_httpkit::{DEFAULT_TIMEOUT, finish_api};
use musubi_kernel::{Clock as _, FixedClock, Secret, SeededRandom, UnixTime};
use musubi_platform::change_stream::{self, NewEntry};
use musubi_platform::relying_party::{NewRelyingParty, register};
use musubi_platform::{Context, RelyingPartyId};
use musubi_store::{Db, StoreError, Tx};
use musubi_stream::push::{self, EndpointStatus, NewEndpoint, Sender, Style};
use musubi_stream::{ListsInUse, Streams};
use serde_json::{Value, json};
use tower::ServiceExt as _;

pub(crate) const NOW: UnixTime = UnixTime(1_790_000_000);

pub(crate) struct World {
    url: String,
    pub(crate) streams: Streams,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) lists: Arc<Lists>,
    outbound: Outbound,
    router: Router,
    assertions: AtomicU64,
    _dir: tempfile::TempDir,
}

/// One list, whose number a test sets.
pub(crate) struct Lists(Mutex<i64>);

#[async_trait]
impl ListsInUse for Lists {
    async fn lists(&self, _: &mut Tx) -> Result<Vec<ListInUse>, StoreError> {
        let number = *self.0.lock().unwrap();
        Ok(vec![ListInUse {
            authority: "digital_signature".into(),
            key_id: "00".into(),
            number,
            this_update: NOW.0,
            next_update: NOW.0 + 86_400,
        }])
    }
}

impl Lists {
    pub(crate) fn publish(&self, number: i64) {
        *self.0.lock().unwrap() = number;
    }
}

pub(crate) struct Client {
    pub(crate) id: RelyingPartyId,
    token: String,
}

pub(crate) async fn worlds() -> Vec<World> {
    worlds_reaching(Reach::LoopbackTooForTests).await
}

pub(crate) async fn worlds_reaching(reach: Reach) -> Vec<World> {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", dir.path().join("t.sqlite").display());
    let mut worlds = vec![World::new(url, dir, reach).await];
    if let Some(url) = musubi_store::testing::postgres_schema_url().await {
        worlds.push(World::new(url, tempfile::tempdir().unwrap(), reach).await);
    }
    worlds
}

impl World {
    async fn new(url: String, dir: tempfile::TempDir, reach: Reach) -> Self {
        let db = Db::open(&url).await.unwrap();
        let migrations = [musubi_platform::MIGRATIONS.to_vec(), musubi_stream::migrations()].concat();
        db.migrate(&migrations, NOW).await.unwrap();
        let clock = Arc::new(FixedClock::new(NOW));
        let context = Context {
            db,
            clock: clock.clone(),
            random: Arc::new(SeededRandom::new([1; 32])),
            pairwise_secret: Arc::new(Secret::new(vec![7; 32])),
            signing_key: Arc::new(Ed25519Signer::from_seed(&[7; 32]).unwrap()),
            api_origin: "https://api.musubi.example".into(),
            portal_origin: "https://portal.musubi.example".into(),
        };
        let lists = Arc::new(Lists(Mutex::new(1)));
        let streams = Streams::new(context.clone(), lists.clone()).reaching(reach);
        let platform = Router::from(musubi_platform::api()).with_state(context);
        let own = Router::from(push::api()).with_state(streams.clone());
        let router = finish_api(platform.merge(own), DEFAULT_TIMEOUT);
        let outbound = Outbound::new(reach, push::REQUEST_LIMIT);
        Self { url, streams, clock, lists, outbound, router, assertions: AtomicU64::new(0), _dir: dir }
    }

    /// The database goes away and comes back; whoever had it open is left without.
    pub(crate) async fn restart_database(&mut self) {
        let mut context = self.context().clone();
        context.db.close().await;
        context.db = Db::open(&self.url).await.unwrap();
        self.streams = Streams::new(context, self.lists.clone()).reaching(self.streams.push().reach());
    }

    pub(crate) fn context(&self) -> &Context {
        self.streams.context()
    }

    pub(crate) fn now(&self) -> UnixTime {
        self.clock.now()
    }

    /// A sender that waits `limit` for an answer.
    pub(crate) fn sender_within(&self, limit: Duration) -> Sender {
        Sender::new(self.streams.clone(), Outbound::new(self.streams.push().reach(), limit))
    }

    pub(crate) fn sender(&self) -> Sender {
        Sender::new(self.streams.clone(), self.outbound.clone())
    }

    pub(crate) async fn drain(&self) {
        self.sender().drain().await.unwrap();
    }

    /// A relying party that is registered and has an access token.
    pub(crate) async fn client(&self) -> Client {
        let key = ClientKey::generate().unwrap();
        let new = NewRelyingParty {
            name_ja: "結び銀行".into(),
            name_en: "Musubi Bank".into(),
            origins: vec!["https://bank.example".into()],
            key_set: JwkSet::parse(&key.jwk_set()).unwrap(),
        };
        let context = self.context();
        let mut tx = context.db.begin().await.unwrap();
        let id = register(&mut tx, &new, context.random.as_ref(), self.now()).await.unwrap();
        tx.commit().await.unwrap();
        let claims = AssertionClaims {
            iss: id.to_string(),
            sub: id.to_string(),
            aud: format!("{}/v1/token", context.api_origin),
            jti: format!("jti-{}", self.assertions.fetch_add(1, Ordering::Relaxed)),
            iat: self.now().0,
            exp: self.now().0 + 60,
        };
        let form = serde_urlencoded::to_string([
            ("grant_type", "client_credentials"),
            ("client_assertion_type", musubi_platform::client_auth::ASSERTION_TYPE),
            ("client_assertion", &key.sign(&claims).unwrap()),
        ]);
        let request = Request::post("/v1/token")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(form.unwrap()))
            .unwrap();
        let (status, body) = self.answered(request).await;
        assert_eq!(status, 200, "{body}");
        Client { id, token: body["access_token"].as_str().unwrap().to_owned() }
    }

    /// A relying party of which nothing but its stream is wanted.
    pub(crate) fn someone(&self) -> RelyingPartyId {
        RelyingPartyId::generate(self.context().random.as_ref())
    }

    async fn answered(&self, request: Request<Body>) -> (u16, Value) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    /// A request of `client`; with an idempotency key unless it reads.
    pub(crate) async fn call(
        &self,
        client: &Client,
        method: &str,
        path: &str,
        key: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {}", client.token));
        if method != "GET" {
            request = request.header("idempotency-key", key);
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.answered(request.header("content-type", "application/json").body(body).unwrap()).await
    }

    /// Appends `n` entries to the stream of a relying party.
    pub(crate) async fn append(&self, relying_party: &RelyingPartyId, n: usize) {
        let context = self.context();
        let entry = |index: usize| {
            let body = json!({ "change": "renewed", "customer_id": format!("c-{index}") });
            let event = Event::about(CREDENTIAL_CHANGE, "pw_x".into(), body.as_object().unwrap().clone());
            NewEntry { relying_party: relying_party.clone(), person: None, event }
        };
        let mut tx = context.db.begin().await.unwrap();
        let entries = (0..n).map(entry).collect();
        change_stream::append_all(&mut tx, context, entries, self.now()).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// The tokens of a stream, as they are stored.
    pub(crate) async fn tokens(&self, relying_party: &RelyingPartyId) -> Vec<String> {
        let mut tx = self.context().db.begin_read().await.unwrap();
        let found = change_stream::after(&mut tx, relying_party, 0, 100_000).await.unwrap();
        found.into_iter().map(|entry| entry.token).collect()
    }

    /// Registers an endpoint; answers the value that its origin must show.
    pub(crate) async fn listen(&self, relying_party: &RelyingPartyId, url: &str, style: Style) -> String {
        let new = NewEndpoint {
            url: url.to_owned(),
            style,
            authorization: None,
            heartbeat_seconds: push::HEARTBEAT_SECONDS,
            after: None,
        };
        let context = self.context();
        let reach = self.streams.push().reach();
        let mut tx = context.db.begin().await.unwrap();
        let (endpoint, _) =
            push::set_endpoint(&mut tx, context, reach, relying_party, &new, self.now()).await.unwrap();
        tx.commit().await.unwrap();
        endpoint.challenge
    }

    pub(crate) async fn status(&self, relying_party: &RelyingPartyId) -> EndpointStatus {
        let mut tx = self.context().db.begin_read().await.unwrap();
        push::status_of(&mut tx, relying_party).await.unwrap()
    }

    pub(crate) async fn statuses(&self) -> Vec<EndpointStatus> {
        let mut tx = self.context().db.begin_read().await.unwrap();
        push::status(&mut tx).await.unwrap()
    }

    pub(crate) async fn resume(&self, relying_party: &RelyingPartyId) {
        let mut tx = self.context().db.begin().await.unwrap();
        push::resume(&mut tx, relying_party, self.now()).await.unwrap();
        tx.commit().await.unwrap();
    }

    pub(crate) async fn replay(&self, relying_party: &RelyingPartyId, from: u64) {
        let context = self.context();
        let mut tx = context.db.begin().await.unwrap();
        push::replay(&mut tx, context, relying_party, from, self.now()).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Moves the clock to the endpoint's next attempt; answers how many seconds that was.
    pub(crate) async fn wait_for_attempt(&self, relying_party: &RelyingPartyId) -> i64 {
        let next = self.status(relying_party).await.next_attempt_at.unwrap();
        let wait = next.since(self.now());
        self.clock.advance(wait);
        wait
    }

    pub(crate) fn stream(&self, relying_party: &RelyingPartyId) -> Stream {
        change_stream::stream_of(self.context(), relying_party)
    }

    pub(crate) fn keys(&self) -> Vec<VerifyingKey> {
        vec![VerifyingKey::new(self.context().signing_key.public_key())]
    }

    pub(crate) async fn audited(&self) -> Vec<String> {
        let mut tx = self.context().db.begin_read().await.unwrap();
        let size = musubi_platform::audit::checkpoint(&mut tx).await.unwrap().size;
        let mut kinds = Vec::new();
        for index in 0..size {
            kinds.push(musubi_platform::audit::record(&mut tx, index).await.unwrap().unwrap().kind);
        }
        kinds
    }

    /// How often `item` was counted for a relying party.
    pub(crate) async fn metered(&self, relying_party: &RelyingPartyId, item: &str) -> i64 {
        let mut tx = self.context().db.begin_read().await.unwrap();
        let values = [relying_party.as_str().into(), item.into()];
        let rows = tx
            .query("SELECT count FROM metering WHERE relying_party_id = $1 AND item = $2", &values)
            .await
            .unwrap();
        rows.iter().map(|row| row.int("count").unwrap()).sum()
    }
}
