//! Through the router, on both databases, with a small authority's lists.

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
use musubi_pki::offline_filter::{FilterAnswer, FilterDelta, OfflineFilter};
use musubi_pki::{AuthorityKind, CertKey, Policy, RevocationReason, SerialNumber};
use musubi_platform::consent::ConsentId;
use musubi_platform::person::PersonId;
use musubi_platform::relying_party::{self, NewRelyingParty, RelyingPartyId};
use musubi_platform::{Context, audit};
use musubi_store::Db;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::{Change, PermissionError, allow, allowed, deny, make_due, service, sql};
use crate::upstream::{
    ConsentEvidence, ConsentTerm, LatestAttributes, PublishedList, SerialSuccession, Upstream, UpstreamError,
};
use crate::{Verification, linking};

#[path = "../../../pki/tests/it/support/mod.rs"]
#[allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "shared with another crate's tests"
)]
mod support;

use support::authority::{Authority, key_id};
use support::lists::{List, entry};
use support::{DAY, HOUR, Key, NOW, anchors};

const FIRST: u32 = 1_000_000;

/// Publishes what a test gave it.
#[derive(Default)]
struct Publisher(Mutex<Option<(PublishedList, Vec<u8>)>>);

impl Publisher {
    /// A list of this number with these serial numbers, counted from `FIRST`.
    fn publish(&self, number: u8, listed: impl IntoIterator<Item = u32>) {
        let mut list = List::of(&Authority::signature_second())
            .numbered(number)
            .updates(NOW.plus(-HOUR + i64::from(number)), NOW.plus(DAY));
        for serial in listed {
            let bytes = (FIRST + serial).to_be_bytes();
            list = list.entry(entry(&bytes[1..], NOW.plus(-DAY), RevocationReason::Superseded));
        }
        let published = PublishedList {
            authority: AuthorityKind::DigitalSignature,
            key_id: hex::encode(key_id(Key::SignatureSecond)),
            number: number.into(),
            path: "/list".into(),
        };
        *self.0.lock().unwrap() = Some((published, list.der()));
    }
}

#[async_trait]
impl Upstream for Publisher {
    async fn revocation_lists(&self) -> Result<Vec<PublishedList>, UpstreamError> {
        Ok(self.0.lock().unwrap().iter().map(|(list, _)| list.clone()).collect())
    }
    async fn fetch_list(&self, _: &PublishedList) -> Result<Vec<u8>, UpstreamError> {
        self.0.lock().unwrap().as_ref().map(|(_, der)| der.clone()).ok_or(UpstreamError::Unreachable)
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

struct World {
    verification: Verification,
    upstream: Arc<Publisher>,
    router: Router,
    assertions: AtomicU64,
    _dir: tempfile::TempDir,
}

struct Client {
    id: RelyingPartyId,
    token: String,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    #[track_caller]
    fn is_problem(&self, status: u16, code: &str) {
        assert_eq!((self.status, &self.json()["code"]), (status, &json!(code)));
    }
}

async fn worlds() -> Vec<World> {
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

    fn context(&self) -> &Context {
        self.verification.context()
    }

    fn keys(&self) -> [[u8; 32]; 1] {
        [self.context().signing_key.public_key()]
    }

    async fn client(&self, name: &str) -> Client {
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

    async fn send(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    async fn fetch(&self, client: &Client, path: &str, held: Option<&str>) -> Answer {
        let mut request = Request::get(path).header("authorization", format!("Bearer {}", client.token));
        if let Some(held) = held {
            request = request.header("if-none-match", held);
        }
        self.send(request.body(Body::empty()).unwrap()).await
    }

    async fn offers(&self, client: &Client) -> Value {
        self.fetch(client, "/v1/offline-filters", None).await.json()
    }

    async fn content(&self, client: &Client, id: &Value) -> Vec<u8> {
        let answer = self.fetch(client, &format!("/v1/offline-filters/{}", id.as_str().unwrap()), None).await;
        assert_eq!(answer.status, 200);
        answer.body
    }

    async fn allows(&self, client: &Client) -> Change {
        let mut tx = self.context().db.begin().await.unwrap();
        let change = allow(&mut tx, &client.id, &*self.context().random, NOW).await.unwrap();
        tx.commit().await.unwrap();
        change
    }

    /// A list is published, taken in, and made into a filter if anybody may have it.
    async fn list(&self, number: u8, listed: impl IntoIterator<Item = u32>) -> u32 {
        self.upstream.publish(number, listed);
        assert_eq!(self.verification.take_in().await.unwrap(), 1);
        make_due(&self.verification).await.unwrap()
    }

    async fn audited(&self, kind: &str) -> Vec<Value> {
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

fn serial(number: u32) -> SerialNumber {
    SerialNumber::from(FIRST + number)
}

#[tokio::test]
async fn a_filter_is_made_of_the_list_and_given_to_who_is_allowed() {
    for world in worlds().await {
        let (shelter, bank) = (world.client("shelter").await, world.client("bank").await);
        assert_eq!(world.list(1, [10, 20, 30]).await, 0, "nobody may have one");
        assert_eq!(world.allows(&shelter).await, Change::Made);
        assert_eq!(world.allows(&shelter).await, Change::None);
        assert_eq!(make_due(&world.verification).await.unwrap(), 1);
        assert_eq!(make_due(&world.verification).await.unwrap(), 0, "it is made once");
        let offers = world.offers(&shelter).await;
        let offer = &offers["filters"][0];
        assert_eq!(offers["filters"].as_array().unwrap().len(), 1);
        assert_eq!(
            (&offer["certificate_kind"], &offer["list_number"]),
            (&json!("digital_signature"), &json!(1))
        );
        assert_eq!((&offer["id"], &offer["deltas"]), (&offer["sha256"], &json!([])));
        let bytes = world.content(&shelter, &offer["id"]).await;
        assert_eq!(offer["size"], json!(bytes.len()));
        let filter = OfflineFilter::open(bytes, &world.keys()).unwrap();
        assert_eq!(json!(hex::encode(filter.sha256())), offer["sha256"]);
        assert_eq!(filter.head().issuer, musubi_crypto::sha256(&Authority::signature_second().certificate()));
        assert_eq!(json!(filter.head().next_update.rfc3339()), offer["next_update"]);
        let answers = [9, 10, 11, 20, 30, 31].map(|number| filter.answer(&serial(number)));
        use FilterAnswer::{Listed, NotCovered, NotListed};
        assert_eq!(answers, [NotCovered, Listed, NotListed, Listed, Listed, NotCovered]);
        let downloads = world.audited(audit::OFFLINE_FILTER_DOWNLOADED).await;
        assert_eq!(
            downloads,
            [json!({
                "authority": "digital_signature", "list_number": 1, "from_list_number": null,
                "sha256": offer["sha256"], "size": offer["size"],
            })]
        );
        assert_eq!(world.audited(audit::OFFLINE_FILTER_BUILT).await[0]["sha256"], offer["sha256"]);
        // Who is not allowed sees nothing, not even whether an id exists.
        let path = format!("/v1/offline-filters/{}", offer["id"].as_str().unwrap());
        for path in ["/v1/offline-filters", path.as_str(), "/v1/offline-filters/none"] {
            world.fetch(&bank, path, None).await.is_problem(403, "offline_filter.not_allowed");
        }
        world
            .fetch(&shelter, "/v1/offline-filters/none", None)
            .await
            .is_problem(404, "offline_filter.unknown");
        assert_eq!(world.audited(audit::OFFLINE_FILTER_DOWNLOADED).await.len(), 1);
    }
}

#[test]
fn the_document_says_that_a_filter_is_bytes() {
    let document = serde_json::to_value(crate::api().into_openapi()).unwrap();
    let content = &document["paths"]["/v1/offline-filters/{id}"]["get"]["responses"]["200"]["content"];
    let schema = &content["application/octet-stream"]["schema"];
    assert_eq!((&schema["type"], &schema["format"]), (&json!("string"), &json!("binary")), "{content}");
    assert!(document["components"]["schemas"].get("Bytes").is_none());
}

#[tokio::test]
async fn who_holds_a_filter_downloads_nothing() {
    for world in worlds().await {
        let shelter = world.client("shelter").await;
        world.allows(&shelter).await;
        world.list(1, [10]).await;
        let offers = world.offers(&shelter).await;
        let id = offers["filters"][0]["id"].as_str().unwrap();
        let path = format!("/v1/offline-filters/{id}");
        let first = world.fetch(&shelter, &path, None).await;
        let tag = first.headers["etag"].to_str().unwrap();
        assert_eq!(tag, format!("\"{id}\""));
        let again = world.fetch(&shelter, &path, Some(tag)).await;
        assert_eq!((again.status, again.body.len()), (304, 0));
        assert_eq!(world.fetch(&shelter, &path, Some("\"other\"")).await.status, 200);
        assert_eq!(world.audited(audit::OFFLINE_FILTER_DOWNLOADED).await.len(), 2);
    }
}

#[tokio::test]
async fn eight_deltas_are_kept_and_lead_to_the_newest_filter_byte_for_byte() {
    for world in worlds().await {
        let shelter = world.client("shelter").await;
        world.allows(&shelter).await;
        let mut held = None;
        for number in 1..=11_u8 {
            let listed =
                (u32::from(number)..300).filter(|serial| serial % 3 == 0 || *serial < 40 * u32::from(number));
            assert_eq!(world.list(number, listed).await, 1);
            if number == 3 {
                let offers = world.offers(&shelter).await;
                held = Some(world.content(&shelter, &offers["filters"][0]["id"]).await);
            }
        }
        let offers = world.offers(&shelter).await;
        let newest = &offers["filters"][0];
        let deltas = newest["deltas"].as_array().unwrap();
        let steps: Vec<_> =
            deltas.iter().map(|d| (d["from_list_number"].as_u64(), d["to_list_number"].as_u64())).collect();
        assert_eq!(steps, (3..11).map(|number| (Some(number), Some(number + 1))).collect::<Vec<_>>());
        let mut held = OfflineFilter::open(held.unwrap(), &world.keys()).unwrap();
        for offered in deltas {
            assert_eq!(offered["from_sha256"], json!(hex::encode(held.sha256())));
            let delta =
                FilterDelta::open(world.content(&shelter, &offered["id"]).await, &world.keys()).unwrap();
            held = delta.apply(&held, &world.keys()).unwrap();
            assert_eq!(offered["to_sha256"], json!(hex::encode(held.sha256())));
        }
        assert_eq!(held.as_bytes(), world.content(&shelter, &newest["id"]).await);
        assert_eq!(held.head().list_number, 11);
        let delta = world.audited(audit::OFFLINE_FILTER_DOWNLOADED).await[1].clone();
        assert_eq!((&delta["from_list_number"], &delta["list_number"]), (&json!(3), &json!(4)));
    }
}

#[tokio::test]
async fn certificates_seen_before_the_list_and_earlier_filters_widen_what_is_covered() {
    for world in worlds().await {
        let shelter = world.client("shelter").await;
        world.allows(&shelter).await;
        let person = PersonId::generate(&*world.context().random);
        let mut tx = world.context().db.begin().await.unwrap();
        for (number, seen_at) in [(5, NOW.plus(-DAY)), (90, NOW.plus(-DAY)), (95, NOW)] {
            let key = CertKey { authority: AuthorityKind::DigitalSignature, serial: serial(number) };
            linking::remember(&mut tx, &key, &person, seen_at).await.unwrap();
        }
        // Seven digits and eight: the longer text is the larger number. And another authority's counts for nothing.
        let long =
            CertKey { authority: AuthorityKind::UserAuthentication, serial: SerialNumber::from(u32::MAX) };
        linking::remember(&mut tx, &long, &person, NOW.plus(-DAY)).await.unwrap();
        let short =
            CertKey { authority: AuthorityKind::DigitalSignature, serial: SerialNumber::from(0xFFFF) };
        linking::remember(&mut tx, &short, &person, NOW.plus(-DAY)).await.unwrap();
        tx.commit().await.unwrap();
        world.list(1, [50]).await;
        let newest = async || {
            let offers = world.offers(&shelter).await;
            let bytes = world.content(&shelter, &offers["filters"][0]["id"]).await;
            OfflineFilter::open(bytes, &world.keys()).unwrap()
        };
        let covered = newest().await.coverage().ranges().collect::<Vec<_>>();
        assert!(covered == [(SerialNumber::from(0xFFFF), serial(90))], "{} ranges", covered.len());
        // The entry that ended the list's range is gone from the next list; what was covered stays so.
        world.list(2, [200]).await;
        world.list(3, [60]).await;
        assert!(newest().await.coverage().ranges().eq([(SerialNumber::from(0xFFFF), serial(200))]));
        assert_eq!(newest().await.answer(&serial(200)), FilterAnswer::NotListed);
    }
}

#[tokio::test]
async fn who_is_denied_gets_nothing_more_and_nothing_more_is_made() {
    for world in worlds().await {
        let shelter = world.client("shelter").await;
        world.allows(&shelter).await;
        world.list(1, [10]).await;
        let mut tx = world.context().db.begin().await.unwrap();
        assert_eq!(allowed(&mut tx).await.unwrap(), [(shelter.id.clone(), NOW)]);
        let random = &*world.context().random;
        assert_eq!(deny(&mut tx, &shelter.id, random, NOW).await.unwrap(), Change::Made);
        assert_eq!(deny(&mut tx, &shelter.id, random, NOW).await.unwrap(), Change::None);
        let nobody = "rp_00000000000000000000000000000000".parse().unwrap();
        for refused in [allow(&mut tx, &nobody, random, NOW).await, deny(&mut tx, &nobody, random, NOW).await]
        {
            assert!(matches!(refused, Err(PermissionError::UnknownRelyingParty)));
        }
        tx.commit().await.unwrap();
        world
            .fetch(&shelter, "/v1/offline-filters", None)
            .await
            .is_problem(403, "offline_filter.not_allowed");
        assert_eq!(world.list(2, [10, 11]).await, 0);
        let kinds =
            [audit::OFFLINE_FILTER_ALLOWED, audit::OFFLINE_FILTER_DENIED, audit::OFFLINE_FILTER_BUILT];
        for kind in kinds {
            assert_eq!(world.audited(kind).await.len(), 1, "{kind}");
        }
    }
}

#[tokio::test]
async fn of_two_processes_that_make_the_same_filter_one_stores_it() {
    for world in worlds().await {
        let shelter = world.client("shelter").await;
        world.allows(&shelter).await;
        world.list(1, [10]).await;
        world.upstream.publish(2, [10, 11]);
        world.verification.take_in().await.unwrap();
        let lists = world.verification.lists().snapshot();
        let list = &lists[0];
        let mut tx = world.context().db.begin_read().await.unwrap();
        let before = sql::newest(&mut tx, list.authority(), list.key_id()).await.unwrap();
        drop(tx);
        let key = &world.context().signing_key;
        let made = service::made_of(list, [9; 32], [].into_iter(), before.clone(), key).unwrap();
        assert!(made.delta.is_none(), "a filter of another certificate of the authority is no beginning");
        let issuer = musubi_crypto::sha256(&Authority::signature_second().certificate());
        let made = service::made_of(list, issuer, [].into_iter(), before.clone(), key).unwrap();
        for stored in [true, false] {
            let mut tx = world.context().db.begin().await.unwrap();
            let random = &*world.context().random;
            let now = world.context().clock.now();
            let answer = service::store(&mut tx, list, &made, before.as_ref(), random, now).await.unwrap();
            assert_eq!(answer, stored);
            if answer {
                tx.commit().await.unwrap();
            }
        }
        assert_eq!(make_due(&world.verification).await.unwrap(), 0);
        assert_eq!(world.audited(audit::OFFLINE_FILTER_BUILT).await.len(), 2);
    }
}

#[tokio::test]
async fn after_a_change_of_the_signing_key_the_filter_begins_anew() {
    for world in worlds().await {
        let shelter = world.client("shelter").await;
        world.allows(&shelter).await;
        world.list(1, [10]).await;
        world.list(2, [10, 11]).await;
        let context = Context {
            signing_key: Arc::new(Ed25519Signer::from_seed(&[8; 32]).unwrap()),
            ..world.context().clone()
        };
        world.upstream.publish(3, [10, 11, 12]);
        let later =
            Verification::new(context, anchors(), Arc::clone(&world.upstream) as _, Policy::default());
        later.take_in().await.unwrap();
        assert_eq!(make_due(&later).await.unwrap(), 1);
        let offers = world.offers(&shelter).await;
        assert_eq!(offers["filters"][0]["list_number"], json!(3));
        assert_eq!(offers["filters"][0]["deltas"], json!([]), "no delta leads from one key to another");
    }
}
