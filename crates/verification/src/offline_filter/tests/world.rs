//! The platform with the lists of a small authority: a publisher to be filled, clients with tokens, requests through the
//! router.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use http_body_util::BodyExt as _;
use musubi_crypto::{AssertionClaims, ClientKey, Ed25519Signer, JwkSet};
use musubi_httpkit::{DEFAULT_TIMEOUT, finish_api};
use musubi_kernel::{FixedClock, Secret, SeededRandom};
use musubi_pki::{AuthorityKind, CertKey, Policy, RevocationReason, SerialNumber};
use musubi_platform::consent::ConsentId;
use musubi_platform::relying_party::{self, NewRelyingParty, RelyingPartyId};
use musubi_platform::{Context, audit};
use musubi_store::Db;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::super::{Change, allow, make_due};
use super::support::authority::{Authority, key_id};
use super::support::lists::{List, entry};
use super::support::{DAY, HOUR, Key, NOW, anchors};
use crate::Verification;
use crate::upstream::{
    ConsentEvidence, ConsentTerm, LatestAttributes, PublishedList, Receive, SerialSuccession, Upstream,
    UpstreamError,
};

pub(super) const FIRST: u32 = 1_000_000;

/// Publishes what a test gave it.
#[derive(Default)]
pub(super) struct Publisher(Mutex<Option<(PublishedList, Vec<u8>)>>);

impl Publisher {
    /// A list of this number with these serial numbers, counted from `FIRST`.
    pub(super) fn publish(&self, number: u8, listed: impl IntoIterator<Item = u32>) {
        let mut list = List::of(&Authority::signature_second())
            .numbered(number)
            .updates(NOW.plus(-HOUR + i64::from(number)), NOW.plus(DAY));
        for serial in listed {
            let bytes = (FIRST + serial).to_be_bytes();
            list = list.entry(entry(&bytes[1..], NOW.plus(-DAY), RevocationReason::Superseded));
        }
        let published = PublishedList::full(
            AuthorityKind::DigitalSignature,
            hex::encode(key_id(Key::SignatureSecond)),
            number.into(),
            "/list".into(),
        );
        *self.0.lock().unwrap() = Some((published, list.der()));
    }
}

#[async_trait]
impl Upstream for Publisher {
    async fn revocation_lists(&self) -> Result<Vec<PublishedList>, UpstreamError> {
        Ok(self.0.lock().unwrap().iter().map(|(list, _)| list.clone()).collect())
    }
    async fn fetch(&self, _: &str, into: &mut dyn Receive) -> Result<(), UpstreamError> {
        let published = self.0.lock().unwrap();
        into.chunk(published.as_ref().map(|(_, der)| der).ok_or(UpstreamError::Unreachable)?)
    }
    async fn counterpart(&self, _: &CertKey) -> Result<Option<SerialNumber>, UpstreamError> {
        Err(UpstreamError::Unreachable)
    }
    async fn succession(&self, _: &CertKey) -> Result<Option<SerialSuccession>, UpstreamError> {
        Err(UpstreamError::Unreachable)
    }
    async fn register_consent(&self, _: &ConsentEvidence) -> Result<ConsentTerm, UpstreamError> {
        Err(UpstreamError::Unreachable)
    }
    async fn withdraw_consent(&self, _: &ConsentId) -> Result<(), UpstreamError> {
        Err(UpstreamError::Unreachable)
    }
    async fn latest_attributes(
        &self,
        _: &ConsentId,
        _: &str,
        _: &SerialNumber,
    ) -> Result<LatestAttributes, UpstreamError> {
        Err(UpstreamError::Unreachable)
    }
}

pub(super) struct World {
    pub(super) verification: Verification,
    pub(super) upstream: Arc<Publisher>,
    router: Router,
    assertions: AtomicU64,
    _dir: tempfile::TempDir,
}

pub(super) struct Client {
    pub(super) id: RelyingPartyId,
    token: String,
}

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    #[track_caller]
    pub(super) fn is_problem(&self, status: u16, code: &str) {
        assert_eq!((self.status, &self.json()["code"]), (status, &json!(code)));
    }
}

pub(super) async fn worlds() -> Vec<World> {
    let dir = tempfile::tempdir().unwrap();
    let mut worlds =
        vec![World::new(Db::open_sqlite(&dir.path().join("t.sqlite")).await.unwrap(), dir).await];
    if let Some(db) = musubi_store::testing::postgres_schema().await {
        worlds.push(World::new(db, tempfile::tempdir().unwrap()).await);
    }
    worlds
}

impl World {
    pub(super) async fn new(db: Db, dir: tempfile::TempDir) -> Self {
        db.migrate(&[musubi_platform::MIGRATIONS, &crate::migrations()].concat(), NOW).await.unwrap();
        let context = Context {
            db,
            clock: Arc::new(FixedClock::new(NOW)),
            random: Arc::new(SeededRandom::new([1; 32])),
            pairwise_secret: Arc::new(Secret::new(vec![7; 32])),
            signing_key: Arc::new(Ed25519Signer::from_seed(&[7; 32]).unwrap()),
            api_origin: "https://api.musubi.test".into(),
            portal_origin: "https://portal.musubi.test".into(),
        };
        let upstream = Arc::<Publisher>::default();
        let verification =
            Verification::new(context.clone(), anchors(), Arc::clone(&upstream) as _, Policy::default());
        let (own, _) = crate::api().split_for_parts();
        let (platform, _) = musubi_platform::api().split_for_parts();
        let router = own.with_state(verification.clone()).merge(platform.with_state(context));
        let router = finish_api(router, DEFAULT_TIMEOUT);
        Self { verification, upstream, router, assertions: AtomicU64::new(0), _dir: dir }
    }

    pub(super) fn context(&self) -> &Context {
        self.verification.context()
    }

    pub(super) fn keys(&self) -> [[u8; 32]; 1] {
        [self.context().signing_key.public_key()]
    }

    pub(super) async fn client(&self, name: &str) -> Client {
        let key = ClientKey::generate().unwrap();
        let new = NewRelyingParty {
            name_ja: "避難所".to_owned(),
            name_en: name.to_owned(),
            origins: vec![format!("https://{name}.test")],
            key_set: JwkSet::parse(&key.jwk_set()).unwrap(),
        };
        let mut tx = self.context().db.begin().await.unwrap();
        let id = relying_party::register(&mut tx, &new, &*self.context().random, NOW).await.unwrap();
        tx.commit().await.unwrap();
        let assertion = key
            .sign(&AssertionClaims {
                iss: id.to_string(),
                sub: id.to_string(),
                aud: "https://api.musubi.test/v1/token".into(),
                jti: format!("jti-{}", self.assertions.fetch_add(1, Ordering::Relaxed)),
                iat: NOW.0,
                exp: NOW.0 + 60,
            })
            .unwrap();
        let form = serde_urlencoded::to_string([
            ("grant_type", "client_credentials"),
            ("client_assertion_type", musubi_platform::client_auth::ASSERTION_TYPE),
            ("client_assertion", &assertion),
        ]);
        let request = Request::post("/v1/token")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(form.unwrap()))
            .unwrap();
        let token = self.send(request).await.json()["access_token"].as_str().unwrap().to_owned();
        Client { id, token }
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    pub(super) async fn fetch(&self, client: &Client, path: &str, held: Option<&str>) -> Answer {
        let mut request = Request::get(path).header("authorization", format!("Bearer {}", client.token));
        if let Some(held) = held {
            request = request.header("if-none-match", held);
        }
        self.send(request.body(Body::empty()).unwrap()).await
    }

    pub(super) async fn offers(&self, client: &Client) -> Value {
        self.fetch(client, "/v1/offline-filters", None).await.json()
    }

    pub(super) async fn content(&self, client: &Client, id: &Value) -> Vec<u8> {
        let answer = self.fetch(client, &format!("/v1/offline-filters/{}", id.as_str().unwrap()), None).await;
        assert_eq!(answer.status, 200);
        answer.body
    }

    pub(super) async fn allows(&self, client: &Client) -> Change {
        let mut tx = self.context().db.begin().await.unwrap();
        let change = allow(&mut tx, &client.id, &*self.context().random, NOW).await.unwrap();
        tx.commit().await.unwrap();
        change
    }

    /// A list is published, taken in, and made into a filter if anybody may have it.
    pub(super) async fn list(&self, number: u8, listed: impl IntoIterator<Item = u32>) -> u32 {
        self.upstream.publish(number, listed);
        assert_eq!(self.verification.take_in().await.unwrap(), 1);
        make_due(&self.verification).await.unwrap()
    }

    pub(super) async fn audited(&self, kind: &str) -> Vec<Value> {
        let mut tx = self.context().db.begin_read().await.unwrap();
        let size = audit::checkpoint(&mut tx).await.unwrap().size;
        let mut details = Vec::new();
        for index in 0..size {
            let record = audit::record(&mut tx, index).await.unwrap().unwrap();
            if record.kind == kind {
                details.push(record.detail().unwrap());
            }
        }
        details
    }
}
