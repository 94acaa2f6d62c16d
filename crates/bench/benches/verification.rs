//! Identity proofings and entitlement checks per second and core, beside the raw RSA-2048 verification rate of
//! the same run. One thread throughout.
//!
//! - `raw/*`: RSA-2048 verification alone, with the key parsed each time and once. The bound of a verdict is two
//!   verifications: of the certificate (the authority's key is parsed once) and of the signature (the holder's
//!   key is parsed each time).
//! - `verdict/*`: the pure function `judge`: parse, chain, profile, revocation list, signature.
//! - `service/*`: a whole completion as the API does it, on SQLite with a commit to disk, without HTTP: read the
//!   transaction, judge, link, write result and audit record. Its bound is `raw/sqlite_commit`.
//!
//! The last lines put them side by side; `target/criterion/summary.json` keeps them.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::indexing_slicing
)]
#![allow(clippy::disallowed_methods, reason = "a benchmark measures time")]

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use criterion::{Criterion, Throughput};
use musubi_bench::sql;
use musubi_crypto::{ClientKey, JwkSet, PublicKey, RsaSigner, SignatureAlgorithm, SystemRandom};
use musubi_kernel::{Clock, FixedClock, Secret, UnixTime};
use musubi_nation::{CardAnswer, CardOperation, DEFAULT_SEED, ResidentId, World, WorldConfig};
use musubi_pki::{AuthorityKind, CertKey, Evidence, Policy, SerialNumber, TrustAnchors, judge};
use musubi_platform::consent::ConsentId;
use musubi_platform::relying_party::{self, NewRelyingParty, RelyingParty};
use musubi_server::{Origins, Parts, Platform};
use musubi_store::{Db, Migration};
use musubi_verification::identity_proofing::{Application, Attributes};
use musubi_verification::upstream::{
    ConsentEvidence, ConsentTerm, HttpUpstream, LatestAttributes, PublishedList, Receive, SerialSuccession,
    Upstream, UpstreamError,
};
use musubi_verification::{Verification, entitlement_check, identity_proofing};
use tokio::runtime::Runtime;

const PIN: &str = musubi_nation::DEMO_PIN;
const PASSWORD: &str = musubi_nation::DEMO_PASSWORD;
const ORIGIN: &str = "https://bank.example";

/// No correspondence to ask for, so that the platform's own work is measured. The lists are in the database.
struct Nothing;

#[async_trait]
impl Upstream for Nothing {
    async fn revocation_lists(&self) -> Result<Vec<PublishedList>, UpstreamError> {
        Err(UpstreamError::Unreachable)
    }
    async fn fetch(&self, _: &str, _: &mut dyn Receive) -> Result<(), UpstreamError> {
        Err(UpstreamError::Unreachable)
    }
    async fn counterpart(&self, _: &CertKey) -> Result<Option<SerialNumber>, UpstreamError> {
        Ok(None)
    }
    async fn succession(&self, _: &CertKey) -> Result<Option<SerialSuccession>, UpstreamError> {
        Ok(None)
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

struct Setting {
    runtime: Runtime,
    world: World,
    resident: ResidentId,
    application: Application,
    verification: Verification,
    relying_party: RelyingParty,
    clock: Arc<FixedClock>,
    _folder: tempfile::TempDir,
}

impl Setting {
    fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(FixedClock::new(UnixTime::parse_rfc3339("2026-04-01T03:00:00Z").unwrap()));
        let epoch = UnixTime::parse_rfc3339("2026-01-01T00:00:00+09:00").unwrap();
        let world = runtime.block_on(async {
            let db = Db::open_sqlite(&folder.path().join("nation.sqlite")).await.unwrap();
            let config =
                WorldConfig { seed: DEFAULT_SEED, epoch, operator_credential: Secret::new("x".into()) };
            World::open(config, db, clock.clone()).await.unwrap()
        });
        let resident = runtime.block_on(world.residents()).unwrap().swap_remove(0);
        let application = Application {
            title: "普通預金口座の開設申込".into(),
            statements: vec!["口座の種類: 普通預金".into()],
            attributes: Attributes {
                name: resident.name.clone(),
                address: resident.address.clone(),
                date_of_birth: resident.date_of_birth.to_string(),
                sex: resident.sex.as_str().into(),
            },
            latest_attributes_consent: None,
        };
        let (verification, relying_party) = runtime.block_on(platform(&world, &clock, folder.path()));
        Self {
            runtime,
            world,
            resident: resident.id,
            application,
            verification,
            relying_party,
            clock,
            _folder: folder,
        }
    }

    fn sign(&self, operation: CardOperation, pin: &str, message: &str) -> (Vec<u8>, Vec<u8>) {
        let pin = Secret::new(pin.to_owned());
        let answer = self.world.answer(&self.resident, operation, &pin, message.as_bytes());
        match self.runtime.block_on(answer).unwrap() {
            CardAnswer::Signed { certificate, signature } => (certificate, signature),
            CardAnswer::Attributes(_) => unreachable!(),
        }
    }
}

async fn open(
    world: &World,
    clock: &Arc<FixedClock>,
    folder: &Path,
    upstream: Arc<dyn Upstream>,
) -> Platform {
    Platform::open(Parts {
        db: Db::open_sqlite(&folder.join("platform.sqlite")).await.unwrap(),
        clock: clock.clone(),
        random: Arc::new(SystemRandom),
        pairwise_secret: Secret::new(vec![7; 32]),
        signing_key: musubi_crypto::Ed25519Signer::from_seed(&[7; 32]).unwrap(),
        anchors: TrustAnchors::insecure_test_hierarchy(world.trust_anchors()).unwrap(),
        card_authorities: musubi_verification::presence::CardAuthorities::default(),
        upstream,
        policy: Policy::default(),
        origins: Origins {
            api: "https://api.example".into(),
            portal: "https://portal.example".into(),
            card: "https://card.example".into(),
        },
        reach: musubi_httpkit::outbound::Reach::PublicOnly,
        sealed_lists: None,
    })
    .await
    .unwrap()
}

async fn platform(world: &World, clock: &Arc<FixedClock>, folder: &Path) -> (Verification, RelyingParty) {
    // The lists come in over HTTP once, as they do in operation; then nothing is asked upstream.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let upstream = world.upstream();
    let server = tokio::spawn(async move { axum::serve(listener, upstream).await.unwrap() });
    let first =
        open(world, clock, folder, Arc::new(HttpUpstream::new(origin, Secret::new("x".into())))).await;
    first.verification().take_in().await.unwrap();
    first.context().db.close().await;
    server.abort();
    let platform = open(world, clock, folder, Arc::new(Nothing)).await;
    let context = platform.context();
    let mut tx = context.db.begin().await.unwrap();
    let key_set = JwkSet::parse(&ClientKey::generate().unwrap().jwk_set()).unwrap();
    let new = NewRelyingParty {
        name_ja: "銀行".into(),
        name_en: "Bank".into(),
        origins: vec![ORIGIN.into()],
        key_set,
    };
    let id = relying_party::register(&mut tx, &new, &SystemRandom, clock.now()).await.unwrap();
    let relying_party = relying_party::by_id(&mut tx, &id).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    (platform.verification().clone(), relying_party)
}

fn raw(c: &mut Criterion) {
    let signer = RsaSigner::generate_2048().unwrap();
    let message = vec![0x5A; 1200];
    let signature = signer.sign_pkcs1_sha256(&message).unwrap();
    let spki = signer.spki_der().unwrap();
    // The modulus stands at a fixed place in the SPKI of an RSA-2048 key.
    let (modulus, exponent) = (spki[33..289].to_vec(), [1, 0, 1]);
    let parsed = PublicKey::rsa(&spki, &modulus, &exponent).unwrap();
    let algorithm = SignatureAlgorithm::RsaPkcs1Sha256;
    let mut group = c.benchmark_group("raw");
    group.throughput(Throughput::Elements(1));
    group.bench_function("rsa2048_verify_parsed_key", |b| {
        b.iter(|| parsed.verify(algorithm, black_box(&message), black_box(&signature)).unwrap());
    });
    group.bench_function("rsa2048_verify_key_parsed_each_time", |b| {
        b.iter(|| {
            let key = PublicKey::rsa(black_box(&spki), &modulus, &exponent).unwrap();
            key.verify(algorithm, black_box(&message), black_box(&signature)).unwrap();
        });
    });
    group.finish();
}

/// One row and one commit to disk: the bound of whatever keeps its word on this database.
fn commits(c: &mut Criterion) {
    const TABLE: Migration = Migration { name: "bench/0001", sql: sql::CREATE };
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let db = runtime.block_on(Db::open_sqlite(&folder.path().join("bench.sqlite"))).unwrap();
    runtime.block_on(db.migrate(&[TABLE], UnixTime(0))).unwrap();
    let mut next = 0_i64;
    let mut group = c.benchmark_group("raw");
    group.throughput(Throughput::Elements(1));
    group.sample_size(10).measurement_time(Duration::from_secs(4));
    group.bench_function("sqlite_commit", |b| {
        b.iter(|| {
            next += 1;
            runtime.block_on(async {
                let mut tx = db.begin().await.unwrap();
                tx.execute(sql::INSERT, &[next.into()]).await.unwrap();
                tx.commit().await.unwrap();
            });
        });
    });
    group.finish();
}

fn verdicts(c: &mut Criterion, setting: &Setting) {
    let anchors = TrustAnchors::insecure_test_hierarchy(setting.world.trust_anchors()).unwrap();
    let lists = setting.verification.lists().snapshot();
    let message = "x".repeat(900);
    let at = setting.clock.now();
    let policy = Policy { not_signed_before: Some(at), ..Policy::default() };
    let mut group = c.benchmark_group("verdict");
    group.throughput(Throughput::Elements(1));
    for (name, operation, pin, kind) in [
        ("identity_proofing", CardOperation::Sign, PASSWORD, AuthorityKind::DigitalSignature),
        ("entitlement_check", CardOperation::Authenticate, PIN, AuthorityKind::UserAuthentication),
    ] {
        let (certificate, signature) = setting.sign(operation, pin, &message);
        group.bench_function(name, |b| {
            b.iter(|| {
                let evidence = Evidence {
                    certificate: black_box(&certificate),
                    expected_kind: kind,
                    signature: &signature,
                    signed_data: message.as_bytes().into(),
                    expected_digest: None,
                    lists: &lists,
                    ocsp: &[],
                };
                let judgement = judge(&evidence, &anchors, &policy, at);
                assert!(judgement.verdict.is_passed());
                judgement
            });
        });
    }
    group.finish();
}

fn services(c: &mut Criterion, setting: &Setting) {
    let mut group = c.benchmark_group("service");
    group.throughput(Throughput::Elements(1));
    group.sample_size(10).measurement_time(Duration::from_secs(8));
    group.bench_function("identity_proofing", |b| b.iter_custom(|n| proof(setting, n)));
    group.bench_function("entitlement_check", |b| b.iter_custom(|n| check(setting, n)));
    group.finish();
}

fn proof(setting: &Setting, n: u64) -> Duration {
    let at = setting.clock.now();
    let (verification, rp) = (&setting.verification, &setting.relying_party);
    let mut prepared = Vec::new();
    for _ in 0..n {
        let input = identity_proofing::Start {
            customer_id: "c-1".into(),
            purpose: "account_opening".into(),
            origin: ORIGIN.into(),
            application: setting.application.clone(),
        };
        let started = setting.runtime.block_on(async {
            let mut tx = verification.context().db.begin().await.unwrap();
            let started = identity_proofing::start(&mut tx, verification, rp, &input, at).await.unwrap();
            tx.commit().await.unwrap();
            started
        });
        let (certificate, signature) = setting.sign(CardOperation::Sign, PASSWORD, &started.document);
        let completion = identity_proofing::Completion {
            application: setting.application.clone(),
            certificate: STANDARD.encode(certificate),
            signature: STANDARD.encode(signature),
        };
        prepared.push((started.id, completion));
    }
    let begun = Instant::now();
    setting.runtime.block_on(async {
        for (id, completion) in &prepared {
            let judged =
                identity_proofing::judge_completion(verification, rp, id, completion, at).await.unwrap();
            let mut tx = verification.context().db.begin().await.unwrap();
            let proofed = identity_proofing::complete(&mut tx, verification, judged, at).await.unwrap();
            tx.commit().await.unwrap();
            assert!(proofed.link.is_some());
        }
    });
    begun.elapsed()
}

fn check(setting: &Setting, n: u64) -> Duration {
    let at = setting.clock.now();
    let (verification, rp) = (&setting.verification, &setting.relying_party);
    let mut prepared = Vec::new();
    for _ in 0..n {
        let started = setting.runtime.block_on(async {
            let mut tx = verification.context().db.begin().await.unwrap();
            let started = entitlement_check::start(&mut tx, verification, rp, "sign_in", at).await.unwrap();
            tx.commit().await.unwrap();
            started
        });
        let text = entitlement_check::to_be_signed(ORIGIN, rp.id.as_str(), "sign_in", &started.nonce);
        let (certificate, signature) = setting.sign(CardOperation::Authenticate, PIN, &text);
        let completion = entitlement_check::Completion {
            certificate: STANDARD.encode(certificate),
            signature: STANDARD.encode(signature),
            origin: ORIGIN.into(),
            presence: None,
        };
        prepared.push((started.id, completion));
    }
    let begun = Instant::now();
    setting.runtime.block_on(async {
        for (id, completion) in &prepared {
            let judged =
                entitlement_check::judge_completion(verification, rp, id, completion, at).await.unwrap();
            let mut tx = verification.context().db.begin().await.unwrap();
            let checked = entitlement_check::complete(&mut tx, verification, judged, at).await.unwrap();
            tx.commit().await.unwrap();
            assert!(checked.authenticated().is_some());
        }
    });
    begun.elapsed()
}

/// Puts the rates of this run side by side.
fn summary() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/criterion");
    let rate = |name: &str| -> Option<f64> {
        let text = std::fs::read_to_string(folder.join(name).join("new/estimates.json")).ok()?;
        let estimates: serde_json::Value = serde_json::from_str(&text).ok()?;
        Some(1e9 / estimates["median"]["point_estimate"].as_f64()?)
    };
    let (Some(parsed), Some(each)) =
        (rate("raw/rsa2048_verify_parsed_key"), rate("raw/rsa2048_verify_key_parsed_each_time"))
    else {
        return;
    };
    let bound = 1.0 / (1.0 / parsed + 1.0 / each);
    println!("\nper second and core, medians of this run");
    println!("{:<44}{parsed:>12.0}", "raw RSA-2048 verification, parsed key");
    println!("{:<44}{each:>12.0}", "raw RSA-2048 verification, key parsed");
    println!("{:<44}{bound:>12.0}", "bound of a verdict (one of each)");
    let mut rows =
        serde_json::json!({ "raw_parsed": parsed, "raw_key_parsed_each_time": each, "bound": bound });
    for name in ["verdict/identity_proofing", "verdict/entitlement_check"] {
        if let Some(rate) = rate(name) {
            println!("{name:<44}{rate:>12.0}   {:>5.1} % of the bound", 100.0 * rate / bound);
            rows[name] = rate.into();
        }
    }
    let Some(commit) = rate("raw/sqlite_commit") else { return };
    println!("{:<44}{commit:>12.0}", "raw commit of one row to disk (SQLite)");
    rows["raw/sqlite_commit"] = commit.into();
    for name in ["service/identity_proofing", "service/entitlement_check"] {
        if let Some(rate) = rate(name) {
            println!("{name:<44}{rate:>12.0}   {:>5.1} % of the commits", 100.0 * rate / commit);
            rows[name] = rate.into();
        }
    }
    drop(std::fs::write(folder.join("summary.json"), rows.to_string()));
}

fn main() {
    let setting = Setting::new();
    let mut criterion = Criterion::default().configure_from_args();
    raw(&mut criterion);
    commits(&mut criterion);
    verdicts(&mut criterion, &setting);
    services(&mut criterion, &setting);
    criterion.final_summary();
    summary();
}
