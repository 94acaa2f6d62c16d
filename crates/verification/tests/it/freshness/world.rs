//! A platform between relying parties and a scripted authority, on either engine. The authority has its own clock, so that the
//! platform's can be wrong.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt as _;
use musubi_crypto::{AssertionClaims, ClientKey, Ed25519Signer, JwkSet};
use musubi_feed::{Entry, VerifyingKey, open_entry};
use musubi_httpkit::{DEFAULT_TIMEOUT, finish_api};
use musubi_kernel::{Clock as _, FixedClock, Secret, SeededRandom, UnixTime};
use musubi_pki::{AuthorityKind, CertKey, Policy, RevocationReason, SerialNumber};
use musubi_platform::relying_party::{NewRelyingParty, register};
use musubi_platform::{ConsentId, Context, RelyingPartyId, change_stream};
use musubi_store::Db;
use musubi_verification::Verification;
use musubi_verification::entitlement_check::to_be_signed;
use musubi_verification::upstream::{
    ConsentEvidence, ConsentTerm, LatestAttributes, PublishedList, Receive, SerialSuccession, Upstream,
    UpstreamError,
};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::support::authority::{Authority, HOLDER_ADDRESS, HOLDER_NAME, Leaf, key_id};
use super::support::der::integer;
use super::support::lists::{List, entry};
use super::support::responses::{Answer as OcspAnswer, Says};
use super::support::{HOUR, Key, NOW, anchors, sign};

const SECRET: u8 = 7;
pub(crate) const ORIGIN: &str = "https://rp.example";

/// A holder's certificates of both kinds have this serial number.
pub(crate) type Serial = u16;

/// What the authority says has been revoked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Revoked(pub(crate) Serial, pub(crate) UnixTime, pub(crate) RevocationReason);

/// How the responder answers.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Responder {
    Silent,
    Says(Says),
    /// With a nonce of another request.
    Replays,
}

pub(crate) struct Script {
    pub(crate) reachable: bool,
    pub(crate) lists: Vec<(PublishedList, Vec<u8>)>,
    pub(crate) responder: Responder,
    pub(crate) asked_by_ocsp: u32,
    /// The authority's own clock.
    pub(crate) now: UnixTime,
}

/// The authority, as the platform reaches it.
pub(crate) struct Scripted(pub(crate) Mutex<Script>);

impl Scripted {
    fn reached(&self) -> Result<std::sync::MutexGuard<'_, Script>, UpstreamError> {
        let script = self.0.lock().unwrap();
        if script.reachable { Ok(script) } else { Err(UpstreamError::Unreachable) }
    }
}

#[async_trait]
impl Upstream for Scripted {
    async fn revocation_lists(&self) -> Result<Vec<PublishedList>, UpstreamError> {
        Ok(self.reached()?.lists.iter().map(|(list, _)| list.clone()).collect())
    }

    async fn fetch(&self, path: &str, into: &mut dyn Receive) -> Result<(), UpstreamError> {
        let script = self.reached()?;
        let found = script.lists.iter().find(|(announced, _)| announced.path == path);
        into.chunk(&found.unwrap().1)
    }

    async fn counterpart(&self, key: &CertKey) -> Result<Option<SerialNumber>, UpstreamError> {
        self.reached().map(|_| Some(key.serial.clone()))
    }

    async fn succession(&self, _: &CertKey) -> Result<Option<SerialSuccession>, UpstreamError> {
        self.reached().map(|_| None)
    }

    async fn ocsp(&self, authority: AuthorityKind, request: &[u8]) -> Result<Vec<u8>, UpstreamError> {
        let mut script = self.reached()?;
        script.asked_by_ocsp += 1;
        // Serial numbers of the tests are three octets behind a fixed one; the nonce is what a request ends with.
        let at = request.windows(3).position(|three| three == [0x02, 0x03, 0x20]).unwrap();
        let (serial, nonce) = (request[at + 2..at + 5].to_vec(), request[request.len() - 32..].to_vec());
        let leaf = leaf(authority, 0);
        let mut answer = OcspAnswer::of(&of(authority), &leaf).issued(script.now.plus(-60));
        answer.serial = serial;
        answer.nonce = Some(nonce);
        match script.responder {
            Responder::Silent => return Err(UpstreamError::Unreachable),
            Responder::Says(says) => answer.says = says,
            Responder::Replays => answer.nonce = Some(vec![9; 32]),
        }
        Ok(answer.der())
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

pub(crate) fn of(authority: AuthorityKind) -> Authority {
    match authority {
        AuthorityKind::DigitalSignature => Authority::signature_second(),
        AuthorityKind::UserAuthentication => Authority::authentication(),
    }
}

fn serial_octets(serial: Serial) -> [u8; 3] {
    let [high, low] = serial.to_be_bytes();
    [0x20, high, low]
}

pub(crate) fn leaf(authority: AuthorityKind, serial: Serial) -> Leaf {
    let mut leaf = match authority {
        AuthorityKind::DigitalSignature => Leaf::signature(),
        AuthorityKind::UserAuthentication => Leaf::authentication(),
    };
    leaf.serial = integer(&serial_octets(serial));
    leaf
}

/// A list of this number with these entries, made at this time, good for 48 hours.
pub(crate) fn list(authority: AuthorityKind, number: u8, made_at: UnixTime, revoked: &[Revoked]) -> List {
    let empty = List::of(&of(authority)).numbered(number).updates(made_at, made_at.plus(48 * HOUR));
    revoked
        .iter()
        .fold(empty, |list, Revoked(serial, at, why)| list.entry(entry(&serial_octets(*serial), *at, *why)))
}

pub(crate) fn announced(authority: AuthorityKind, number: u8) -> PublishedList {
    let key_id = musubi_kernel::hex_lower(&key_id(of(authority).key));
    PublishedList::full(authority, key_id, number.into(), format!("/{}/{number}", authority.as_str()))
}

pub(crate) struct Client {
    pub(crate) id: RelyingPartyId,
    key: ClientKey,
    /// The access token, and when it was issued.
    token: Mutex<Option<(String, UnixTime)>>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Answer {
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }

    pub(crate) fn str(&self, member: &str) -> &str {
        self.body[member].as_str().unwrap_or_default()
    }

    pub(crate) fn indication(&self) -> &str {
        self.body["verdict"]["indication"].as_str().unwrap_or_default()
    }

    pub(crate) fn reason(&self) -> &str {
        self.body["verdict"]["reason"]["code"].as_str().unwrap_or_default()
    }
}

pub(crate) struct World {
    pub(crate) verification: Verification,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) upstream: Arc<Scripted>,
    policy: Policy,
    router: Router,
    count: AtomicU64,
    file: Option<PathBuf>,
    _folder: tempfile::TempDir,
}

/// Both engines.
pub(crate) async fn worlds() -> Vec<World> {
    worlds_under(Policy::default()).await
}

pub(crate) async fn worlds_under(policy: Policy) -> Vec<World> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("platform.sqlite");
    let sqlite = Db::open_sqlite(&file).await.unwrap();
    let mut worlds = vec![World::new(sqlite, Some(file), folder, policy).await];
    if let Some(db) = musubi_store::testing::postgres_schema().await {
        worlds.push(World::new(db, None, tempfile::tempdir().unwrap(), policy).await);
    }
    worlds
}

fn context(db: Db, clock: &Arc<FixedClock>, seed: u8, secret: u8) -> Context {
    Context {
        db,
        clock: clock.clone(),
        random: Arc::new(SeededRandom::new([seed; 32])),
        pairwise_secret: Arc::new(Secret::new(vec![secret; 32])),
        signing_key: Arc::new(Ed25519Signer::from_seed(&[7; 32]).unwrap()),
        api_origin: "https://api.musubi.test".into(),
        portal_origin: "https://portal.musubi.test".into(),
    }
}

fn started(context: Context, upstream: Arc<Scripted>, policy: Policy) -> (Verification, Router) {
    let (platform, _) = musubi_platform::api().split_for_parts();
    let platform = platform.with_state(context.clone());
    let verification = Verification::new(context, anchors(), upstream, policy);
    let (api, _) = musubi_verification::api().split_for_parts();
    let router = finish_api(platform.merge(api.with_state(verification.clone())), DEFAULT_TIMEOUT);
    (verification, router)
}

impl World {
    async fn new(db: Db, file: Option<PathBuf>, folder: tempfile::TempDir, policy: Policy) -> Self {
        let mut migrations = musubi_platform::MIGRATIONS.to_vec();
        migrations.extend(musubi_verification::migrations());
        db.migrate(&migrations, NOW).await.unwrap();
        let clock = Arc::new(FixedClock::new(NOW));
        let upstream = Arc::new(Scripted(Mutex::new(Script {
            reachable: true,
            lists: Vec::new(),
            responder: Responder::Silent,
            asked_by_ocsp: 0,
            now: NOW,
        })));
        let (verification, router) = started(context(db, &clock, 1, SECRET), upstream.clone(), policy);
        Self {
            verification,
            clock,
            upstream,
            policy,
            router,
            count: AtomicU64::new(0),
            file,
            _folder: folder,
        }
    }

    /// The process ends, and the database with it where it is a file; both come up again.
    pub(crate) async fn restart(&mut self) {
        self.restart_with(SECRET).await;
    }

    /// As [`World::restart`], with another secret of the platform.
    pub(crate) async fn restart_with(&mut self, secret: u8) {
        let mut db = self.context().db.clone();
        if let Some(file) = &self.file {
            db.close().await;
            db = Db::open_sqlite(file).await.unwrap();
        }
        let seed = u8::try_from(self.count.fetch_add(1, Ordering::Relaxed) % 200).unwrap() + 2;
        let context = context(db, &self.clock, seed, secret);
        (self.verification, self.router) = started(context, self.upstream.clone(), self.policy);
        self.verification.refresh().await.unwrap();
        self.verification.catch_up().await.unwrap();
    }

    pub(crate) fn context(&self) -> &Context {
        self.verification.context()
    }

    pub(crate) fn now(&self) -> UnixTime {
        self.clock.now()
    }

    pub(crate) fn script(&self) -> std::sync::MutexGuard<'_, Script> {
        self.upstream.0.lock().unwrap()
    }

    /// Both clocks go on.
    pub(crate) fn advance(&self, seconds: i64) {
        self.clock.advance(seconds);
        let mut script = self.script();
        script.now = script.now.plus(seconds);
    }

    /// Both authorities publish a list of this number.
    pub(crate) fn publish(&self, number: u8, revoked: &[Revoked]) {
        let made_at = self.script().now;
        self.publish_made(|authority| {
            (announced(authority, number), list(authority, number, made_at, revoked).der())
        });
    }

    pub(crate) fn publish_made(&self, make: impl Fn(AuthorityKind) -> (PublishedList, Vec<u8>)) {
        self.script().lists = AuthorityKind::ALL.into_iter().map(make).collect();
    }

    /// What the background does: intake, then the answers that wait. Whether the intake had nothing to refuse.
    pub(crate) async fn round(&self) -> bool {
        let taken = self.verification.take_in().await;
        self.verification.settle().await.unwrap();
        taken.is_ok()
    }

    pub(crate) async fn client(&self) -> Client {
        let key = ClientKey::generate().unwrap();
        let new = NewRelyingParty {
            name_ja: "結び銀行".into(),
            name_en: "Musubi Bank".into(),
            origins: vec![ORIGIN.into()],
            key_set: JwkSet::parse(&key.jwk_set()).unwrap(),
        };
        let context = self.context();
        let mut tx = context.db.begin().await.unwrap();
        let id = register(&mut tx, &new, &*context.random, self.now()).await.unwrap();
        tx.commit().await.unwrap();
        Client { id, key, token: Mutex::default() }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        Answer { status, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }
    }

    /// Tokens live ten minutes, and few are given out in one.
    async fn token(&self, client: &Client) -> String {
        let kept = client.token.lock().unwrap().clone();
        if let Some((token, _)) = kept.filter(|(_, issued_at)| *issued_at == self.now()) {
            return token;
        }
        let claims = AssertionClaims {
            iss: client.id.to_string(),
            sub: client.id.to_string(),
            aud: "https://api.musubi.test/v1/token".into(),
            jti: self.fresh("jti"),
            iat: self.now().0,
            exp: self.now().0 + 60,
        };
        let form = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", &client.key.sign(&claims).unwrap()),
        ];
        let request = Request::post("/v1/token")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(serde_urlencoded::to_string(form).unwrap()))
            .unwrap();
        let token = self.send(request).await.expect(200).str("access_token").to_owned();
        *client.token.lock().unwrap() = Some((token.clone(), self.now()));
        token
    }

    pub(crate) fn fresh(&self, prefix: &str) -> String {
        format!("{prefix}-{}", self.count.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) async fn call(
        &self,
        client: &Client,
        method: Method,
        path: &str,
        body: Option<(&str, &Value)>,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token(client).await));
        let body = match body {
            Some((key, body)) => {
                request =
                    request.header("idempotency-key", key).header(header::CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        self.send(request.body(body).unwrap()).await
    }

    pub(crate) async fn get(&self, client: &Client, path: &str) -> Answer {
        self.call(client, Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, client: &Client, path: &str, body: &Value) -> Answer {
        self.call(client, Method::POST, path, Some((&self.fresh("key"), body))).await
    }

    pub(crate) async fn set_contract(&self, client: &Client, contract: Value) {
        let body = json!({ "contract": contract });
        self.call(client, Method::PUT, "/v1/freshness-contract", Some((&self.fresh("key"), &body)))
            .await
            .expect(200);
    }

    /// A holder signs in at a relying party, from start to answer.
    pub(crate) async fn sign_in(&self, client: &Client, serial: Serial) -> Answer {
        let start = json!({ "purpose": "sign_in" });
        let started = self.post(client, "/v1/entitlement-checks", &start).await.expect(201);
        let text = to_be_signed(ORIGIN, client.id.as_str(), "sign_in", started.str("nonce"));
        let kind = AuthorityKind::UserAuthentication;
        let body = json!({
            "certificate": STANDARD.encode(of(kind).issue(&leaf(kind, serial))),
            "signature": STANDARD.encode(sign(Key::Holder, text.as_bytes())),
            "origin": ORIGIN,
        });
        let path = format!("/v1/entitlement-checks/{}/completion", started.str("id"));
        self.post(client, &path, &body).await.expect(200)
    }

    /// A holder applies at a relying party, from start to answer.
    pub(crate) async fn apply(&self, client: &Client, serial: Serial, customer: &str, name: &str) -> Answer {
        let application = json!({
            "title": "口座の開設", "statements": ["普通預金"],
            "attributes": {
                "name": name, "address": HOLDER_ADDRESS, "date_of_birth": "1980-02-17", "sex": "male",
            },
            "latest_attributes_consent": null,
        });
        let start = json!({
            "customer_id": customer, "purpose": "account_opening", "origin": ORIGIN, "application": application,
        });
        let started = self.post(client, "/v1/identity-proofings", &start).await.expect(201);
        let kind = AuthorityKind::DigitalSignature;
        let body = json!({
            "application": application,
            "certificate": STANDARD.encode(of(kind).issue(&leaf(kind, serial))),
            "signature": STANDARD.encode(sign(Key::Holder, started.str("to_be_signed").as_bytes())),
        });
        let path = format!("/v1/identity-proofings/{}/completion", started.str("id"));
        self.post(client, &path, &body).await.expect(200)
    }

    /// The holder becomes a customer, while all is well.
    pub(crate) async fn link(&self, client: &Client, serial: Serial, customer: &str) {
        let answer = self.apply(client, serial, customer, HOLDER_NAME).await;
        assert_eq!(answer.str("state"), "accepted", "{}", answer.body);
    }

    pub(crate) async fn change_check(&self, client: &Client, customer: &str) -> Answer {
        self.post(client, "/v1/change-checks", &json!({ "customer_id": customer })).await.expect(200)
    }

    /// The relying party's stream, as a receiver reads it: every signature and every link of the chain is checked.
    pub(crate) async fn stream(&self, client: &Client) -> Vec<Entry> {
        let context = self.context();
        let stream = change_stream::stream_of(context, &client.id);
        let keys = [VerifyingKey::new(context.signing_key.public_key())];
        let mut tx = context.db.begin_read().await.unwrap();
        let mut last = stream.start();
        let mut entries = Vec::new();
        for stored in change_stream::after(&mut tx, &client.id, 0, 10_000).await.unwrap() {
            let entry = open_entry(&stored.token, &stream, &keys).unwrap();
            assert_eq!((entry.position.sequence, entry.previous), (last.sequence + 1, last.hash));
            last = entry.position;
            entries.push(entry);
        }
        entries
    }

    /// The bodies of the entries of this type.
    pub(crate) async fn told(&self, client: &Client, event: &str) -> Vec<Value> {
        let entries = self.stream(client).await.into_iter().filter(|entry| entry.event.name() == event);
        entries.map(|entry| Value::Object(entry.event.body)).collect()
    }
}
