//! Both databases, a fixed clock, seeded randomness, an upstream that says what a test lets it say.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt as _;
use musubi_crypto::{AssertionClaims, ClientKey, JwkSet};
use musubi_feed::{VerifyingKey, open_entry};
use musubi_httpkit::{DEFAULT_TIMEOUT, finish_api};
use musubi_kernel::{Clock as _, FixedClock, Secret, SeededRandom, UnixTime};
use musubi_pki::{AuthorityKind, CertKey, Policy, SerialNumber};
use musubi_platform::change_stream::{self, stream_of};
use musubi_platform::consent::ConsentId;
use musubi_platform::person::PersonId;
use musubi_platform::relying_party::{self, NewRelyingParty, RelyingParty};
use musubi_platform::{Context, audit};
use musubi_store::Db;
use musubi_verification::Verification;
use musubi_verification::linking::{self, Link};
use musubi_verification::upstream::{
    ConsentEvidence, ConsentTerm, LatestAttributes, PublishedList, Receive, SerialSuccession, Upstream,
    UpstreamError, WithdrawnConsent, WithdrawnConsents,
};
use musubi_verification::watching;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::support::authority::Authority;
use crate::support::lists::List;
use crate::support::{NOW, anchors};

/// What upstream says; changed by tests.
#[derive(Default)]
pub(crate) struct Said {
    pub(crate) unreachable: bool,
    pub(crate) lists: Vec<(PublishedList, Vec<u8>)>,
    pub(crate) counterparts: BTreeMap<String, SerialNumber>,
    pub(crate) successions: BTreeMap<String, SerialSuccession>,
    /// In the order of time; two to an answer.
    pub(crate) withdrawn: Vec<WithdrawnConsent>,
    /// Provided once, then there is nothing newer.
    pub(crate) latest: Option<LatestAttributes>,
    pub(crate) asked: u32,
}

#[derive(Default)]
pub(crate) struct Scripted(pub(crate) Mutex<Said>);

impl Scripted {
    fn said<T>(&self, what: impl FnOnce(&Said) -> T) -> Result<T, UpstreamError> {
        let mut said = self.0.lock().unwrap();
        said.asked += 1;
        if said.unreachable { Err(UpstreamError::Unreachable) } else { Ok(what(&said)) }
    }
}

pub(crate) fn name_of(key: &CertKey) -> String {
    format!("{}/{}", key.authority.as_str(), key.serial)
}

#[async_trait]
impl Upstream for Scripted {
    async fn revocation_lists(&self) -> Result<Vec<PublishedList>, UpstreamError> {
        self.said(|said| said.lists.iter().map(|(list, _)| list.clone()).collect())
    }
    async fn fetch(&self, path: &str, into: &mut dyn Receive) -> Result<(), UpstreamError> {
        self.said(|said| said.lists.iter().find(|(other, _)| other.path == path).unwrap().1.clone())
            .and_then(|der| into.chunk(&der))
    }
    async fn counterpart(&self, key: &CertKey) -> Result<Option<SerialNumber>, UpstreamError> {
        self.said(|said| said.counterparts.get(&name_of(key)).cloned())
    }
    async fn succession(&self, key: &CertKey) -> Result<Option<SerialSuccession>, UpstreamError> {
        self.said(|said| said.successions.get(&name_of(key)).cloned())
    }
    async fn register_consent(&self, _: &ConsentEvidence) -> Result<ConsentTerm, UpstreamError> {
        Err(UpstreamError::Unreachable)
    }
    async fn withdraw_consent(&self, _: &ConsentId) -> Result<(), UpstreamError> {
        self.said(|_| ())
    }
    async fn withdrawn_consents(&self, _: &str, since: UnixTime) -> Result<WithdrawnConsents, UpstreamError> {
        self.said(|said| {
            let mut withdrawn: Vec<_> =
                said.withdrawn.iter().filter(|one| one.at >= since).cloned().collect();
            let more = withdrawn.len() > 2;
            withdrawn.truncate(2);
            WithdrawnConsents { withdrawn, more }
        })
    }
    async fn latest_attributes(
        &self,
        _: &ConsentId,
        _: &str,
        _: &SerialNumber,
    ) -> Result<LatestAttributes, UpstreamError> {
        let none = UpstreamError::Refused { code: "latest_attributes.none_newer".into() };
        self.0.lock().unwrap().latest.take().ok_or(none)
    }
}

pub(crate) struct World {
    pub(crate) verification: Verification,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) upstream: Arc<Scripted>,
    pub(crate) bank: Client,
    pub(crate) shop: Client,
    router: Router,
    keys: AtomicU64,
    _dir: tempfile::TempDir,
}

pub(crate) struct Client {
    pub(crate) registered: RelyingParty,
    token: String,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    pub(crate) fn code(&self) -> (u16, String) {
        (self.status.as_u16(), self.json()["code"].as_str().unwrap_or_default().to_owned())
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}

pub(crate) async fn worlds() -> Vec<World> {
    let dir = tempfile::tempdir().unwrap();
    let mut worlds =
        vec![World::new(Db::open_sqlite(&dir.path().join("t.sqlite")).await.unwrap(), dir).await];
    if let Some(db) = musubi_store::testing::postgres_schema().await {
        worlds.push(World::new(db, tempfile::tempdir().unwrap()).await);
    }
    worlds
}

impl World {
    async fn new(db: Db, dir: tempfile::TempDir) -> Self {
        let mut migrations = musubi_platform::MIGRATIONS.to_vec();
        migrations.extend(musubi_verification::migrations());
        db.migrate(&migrations, NOW).await.unwrap();
        let clock = Arc::new(FixedClock::new(NOW));
        let context = Context {
            db,
            clock: clock.clone(),
            random: Arc::new(SeededRandom::new([1; 32])),
            pairwise_secret: Arc::new(Secret::new(vec![7; 32])),
            signing_key: Arc::new(musubi_crypto::Ed25519Signer::from_seed(&[7; 32]).unwrap()),
            api_origin: "https://api.musubi.test".into(),
            portal_origin: "https://portal.musubi.test".into(),
        };
        let upstream = Arc::new(Scripted::default());
        let verification = Verification::new(context.clone(), anchors(), upstream.clone(), Policy::default());
        let (platform, _) = musubi_platform::api().split_for_parts();
        let (own, _) = musubi_verification::api().split_for_parts();
        let router = platform.with_state(context.clone()).merge(own.with_state(verification.clone()));
        let router = finish_api(router, DEFAULT_TIMEOUT);
        let bank = client(&router, &context, "結び銀行").await;
        let shop = client(&router, &context, "結び商店").await;
        let keys = AtomicU64::new(0);
        let world = Self { verification, clock, upstream, bank, shop, router, keys, _dir: dir };
        world.publish(List::of(&Authority::signature_second()), 1).await;
        world.publish(List::of(&Authority::authentication()), 1).await;
        world
    }

    /// Publishes a list under this number, and takes it in.
    pub(crate) async fn publish(&self, list: List, number: u8) {
        let list = list.numbered(number);
        let verified = list.verified();
        let published = PublishedList::full(
            verified.authority(),
            verified.key_id().to_owned(),
            verified.number(),
            format!("/{}/{number}", verified.authority().as_str()),
        );
        {
            let mut said = self.upstream.0.lock().unwrap();
            said.lists.retain(|(other, _)| other.key_id != published.key_id);
            said.lists.push((published, list.der()));
        }
        self.verification.take_in().await.unwrap();
    }

    /// Everything that the database holds, as text; bytes as hex where the engine shows them so.
    pub(crate) async fn everything_stored(&self) -> String {
        if self.engine() == "SQLite" {
            let files = ["t.sqlite", "t.sqlite-wal"].map(|name| std::fs::read(self._dir.path().join(name)));
            return files
                .into_iter()
                .flatten()
                .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
                .collect();
        }
        let mut tx = self.context().db.begin_read().await.unwrap();
        let tables = tx
            .query(
                "SELECT CAST(table_name AS TEXT) AS name FROM information_schema.tables
                    WHERE table_schema = current_schema()",
                &[],
            )
            .await
            .unwrap();
        let mut all = String::new();
        for table in tables {
            let select =
                format!("SELECT CAST(one AS TEXT) AS line FROM {} AS one", table.text("name").unwrap());
            for row in tx.query(Box::leak(select.into_boxed_str()), &[]).await.unwrap() {
                all.push_str(&row.text("line").unwrap());
            }
        }
        all
    }

    pub(crate) fn context(&self) -> &Context {
        self.verification.context()
    }

    pub(crate) fn now(&self) -> UnixTime {
        self.clock.now()
    }

    pub(crate) fn engine(&self) -> &'static str {
        self.context().db.engine()
    }

    pub(crate) fn key(&self) -> String {
        format!("k-{}", self.keys.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    /// A request of `client` with a fresh idempotency key.
    pub(crate) async fn call(
        &self,
        client: &Client,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {}", client.token))
            .header("idempotency-key", self.key());
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.send(request.body(body).unwrap()).await
    }

    /// Appends to a bulk registration.
    pub(crate) async fn append(
        &self,
        client: &Client,
        id: &str,
        offset: u64,
        complete: &str,
        bytes: impl Into<Body>,
    ) -> Answer {
        let request = Request::patch(format!("/v1/bulk-registrations/{id}/content"))
            .header("authorization", format!("Bearer {}", client.token))
            .header("content-type", "application/partial-upload")
            .header("upload-offset", offset)
            .header("upload-complete", complete);
        self.send(request.body(bytes.into()).unwrap()).await
    }

    pub(crate) fn bearer(client: &Client) -> String {
        format!("Bearer {}", client.token)
    }

    /// Begins a bulk registration; answers its id.
    pub(crate) async fn begin(&self, client: &Client, body: Value) -> String {
        let answer = self.call(client, "POST", "/v1/bulk-registrations", Some(body)).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    /// The results as `line customer result`.
    pub(crate) async fn results(&self, client: &Client, id: &str, after: u64) -> Vec<String> {
        let path = format!("/v1/bulk-registrations/{id}/results?after={after}");
        let answer = self.call(client, "GET", &path, None).await;
        assert_eq!(answer.header("content-type"), "application/x-ndjson");
        let line = |line: &str| {
            let result: Value = serde_json::from_str(line).unwrap();
            let customer = result["customer_id"].as_str().unwrap_or("-");
            format!("{} {customer} {}", result["line"], result["result"].as_str().unwrap())
        };
        answer.text.lines().map(line).collect()
    }

    /// Links persons without any watching, as customers `c-FIRST` and so on; answers them.
    pub(crate) async fn link(&self, client: &Client, customers: std::ops::Range<u32>) -> Vec<PersonId> {
        let mut persons = Vec::new();
        let mut tx = self.context().db.begin().await.unwrap();
        for n in customers {
            let person = PersonId::generate(self.context().random.as_ref());
            let key = CertKey { authority: AuthorityKind::DigitalSignature, serial: SerialNumber::from(n) };
            linking::remember(&mut tx, &key, &person, self.now()).await.unwrap();
            let link = Link {
                relying_party: client.registered.id.clone(),
                person: person.clone(),
                customer_id: format!("c-{n}"),
                attributes_serial: key.serial,
            };
            let context = self.context();
            watching::save_proofed_link(&mut tx, context, &link, self.now()).await.unwrap();
            let id = &client.registered.id;
            watching::end(&mut tx, context, id, &link.customer_id, self.now()).await.unwrap();
            persons.push(person);
        }
        tx.commit().await.unwrap();
        persons
    }

    /// Links a person as an identity proofing does, as customer `c-NUMBER`.
    pub(crate) async fn proof(&self, client: &Client, number: u32) -> PersonId {
        let person = PersonId::generate(self.context().random.as_ref());
        let link = Link {
            relying_party: client.registered.id.clone(),
            person: person.clone(),
            customer_id: format!("c-{number}"),
            attributes_serial: SerialNumber::from(number),
        };
        let mut tx = self.context().db.begin().await.unwrap();
        watching::save_proofed_link(&mut tx, self.context(), &link, self.now()).await.unwrap();
        tx.commit().await.unwrap();
        person
    }

    /// How many customers the heartbeats of this relying party state.
    pub(crate) async fn counted(&self, client: &Client) -> u64 {
        let mut tx = self.context().db.begin_read().await.unwrap();
        change_stream::head(&mut tx, self.context(), &client.registered.id).await.unwrap().customers
    }

    /// The stream's entries after `after`: type and body.
    pub(crate) async fn told(&self, client: &Client, after: u64) -> Vec<(String, Value)> {
        let context = self.context();
        let mut tx = context.db.begin_read().await.unwrap();
        let stream = stream_of(context, &client.registered.id);
        let keys = [VerifyingKey::new(context.signing_key.public_key())];
        let stored = change_stream::after(&mut tx, &client.registered.id, after, 1_000).await.unwrap();
        stored
            .iter()
            .map(|entry| {
                let opened = open_entry(&entry.token, &stream, &keys).unwrap();
                (entry.event.clone(), Value::Object(opened.event.body))
            })
            .collect()
    }

    /// The kinds of the audit records of a person, the latest first.
    pub(crate) async fn audited(&self, person: &PersonId) -> Vec<String> {
        let mut tx = self.context().db.begin_read().await.unwrap();
        let records = audit::by_person(&mut tx, person, 100, None).await.unwrap();
        records.into_iter().map(|record| record.kind).collect()
    }
}

async fn client(router: &Router, context: &Context, name_ja: &str) -> Client {
    let key = ClientKey::generate().unwrap();
    let new = NewRelyingParty {
        name_ja: name_ja.into(),
        name_en: "A relying party".into(),
        origins: vec!["https://rp.test".into()],
        key_set: JwkSet::parse(&key.jwk_set()).unwrap(),
    };
    let mut tx = context.db.begin().await.unwrap();
    let id = relying_party::register(&mut tx, &new, context.random.as_ref(), NOW).await.unwrap();
    let registered = relying_party::by_id(&mut tx, &id).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    let claims = AssertionClaims {
        iss: id.to_string(),
        sub: id.to_string(),
        aud: "https://api.musubi.test/v1/token".into(),
        jti: id.to_string(),
        iat: NOW.0,
        exp: NOW.0 + 60,
    };
    let form = format!(
        "grant_type=client_credentials&client_assertion_type={}&client_assertion={}",
        musubi_platform::client_auth::ASSERTION_TYPE,
        key.sign(&claims).unwrap()
    );
    let request = Request::post("/v1/token")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(form))
        .unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let answer: Value = serde_json::from_slice(&bytes).unwrap();
    Client { registered, token: answer["access_token"].as_str().unwrap().to_owned() }
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}
