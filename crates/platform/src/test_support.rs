//! The platform for tests: both engines, a fixed clock, seeded randomness, requests through the router.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use musubi_crypto::{AssertionClaims, ClientKey};
use musubi_httpkit::{DEFAULT_TIMEOUT, finish_api};
use musubi_kernel::{Clock as _, FixedClock, Secret, SeededRandom, UnixTime};
use musubi_store::Db;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::relying_party::{NewRelyingParty, register};
use crate::{Context, MIGRATIONS, RelyingPartyId};

pub(crate) const NOW: UnixTime = UnixTime(1_790_000_000);

pub(crate) struct World {
    pub(crate) context: Context,
    pub(crate) clock: Arc<FixedClock>,
    router: Router,
    assertions: AtomicU64,
    _dir: tempfile::TempDir,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
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

pub(crate) struct Client {
    pub(crate) id: RelyingPartyId,
    pub(crate) key: ClientKey,
}

pub(crate) async fn worlds() -> Vec<World> {
    worlds_with(Router::new()).await
}

/// Both engines; `more` are routes beside those of the crate.
pub(crate) async fn worlds_with(more: Router<Context>) -> Vec<World> {
    let dir = tempfile::tempdir().unwrap();
    let mut worlds =
        vec![World::new(Db::open_sqlite(&dir.path().join("t.sqlite")).await.unwrap(), dir, &more).await];
    if let Some(db) = musubi_store::testing::postgres_schema().await {
        worlds.push(World::new(db, tempfile::tempdir().unwrap(), &more).await);
    }
    worlds
}

impl World {
    async fn new(db: Db, dir: tempfile::TempDir, more: &Router<Context>) -> Self {
        db.migrate(MIGRATIONS, NOW).await.unwrap();
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
        let (api, _) = crate::api().split_for_parts();
        let router = finish_api(api.merge(more.clone()).with_state(context.clone()), DEFAULT_TIMEOUT);
        Self { context, clock, router, assertions: AtomicU64::new(0), _dir: dir }
    }

    pub(crate) fn now(&self) -> UnixTime {
        self.clock.now()
    }

    pub(crate) async fn client(&self) -> Client {
        let key = ClientKey::generate().unwrap();
        let new = new_relying_party(&key);
        let mut tx = self.context.db.begin().await.unwrap();
        let id = register(&mut tx, &new, &*self.context.random, self.now()).await.unwrap();
        tx.commit().await.unwrap();
        Client { id, key }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub(crate) fn claims(&self, client: &RelyingPartyId) -> AssertionClaims {
        let n = self.assertions.fetch_add(1, Ordering::Relaxed);
        AssertionClaims {
            iss: client.to_string(),
            sub: client.to_string(),
            aud: "https://api.musubi.test/v1/token".into(),
            jti: format!("jti-{n}"),
            iat: self.now().0,
            exp: self.now().0 + 60,
        }
    }

    pub(crate) async fn token_request(&self, fields: &[(&str, &str)]) -> Answer {
        let request = Request::post("/v1/token")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(serde_urlencoded::to_string(fields).unwrap()))
            .unwrap();
        self.send(request).await
    }

    pub(crate) async fn exchange(&self, assertion: &str) -> Answer {
        self.token_request(&[
            ("grant_type", "client_credentials"),
            ("client_assertion_type", crate::client_auth::ASSERTION_TYPE),
            ("client_assertion", assertion),
        ])
        .await
    }

    pub(crate) async fn token(&self, client: &Client) -> String {
        let assertion = client.key.sign(&self.claims(&client.id)).unwrap();
        let answer = self.exchange(&assertion).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body["access_token"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn audited(&self) -> Vec<String> {
        let mut tx = self.context.db.begin_read().await.unwrap();
        let size = crate::audit::checkpoint(&mut tx).await.unwrap().size;
        let mut kinds = Vec::new();
        for index in 0..size {
            kinds.push(crate::audit::record(&mut tx, index).await.unwrap().unwrap().kind);
        }
        kinds
    }
}

pub(crate) fn new_relying_party(key: &ClientKey) -> NewRelyingParty {
    NewRelyingParty {
        name_ja: "結び銀行".into(),
        name_en: "Musubi Bank".into(),
        origins: vec!["https://bank.test".into()],
        key_set: musubi_crypto::JwkSet::parse(&key.jwk_set()).unwrap(),
    }
}
