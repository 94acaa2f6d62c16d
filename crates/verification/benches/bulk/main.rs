//! Bulk registration: lines per second on both databases, and the memory that it takes.
//!
//! - `linked`: customers who are linked and not watched, each watched by its line: link, result, audit record of the person.
//! - `matching`: lines with attributes, each a tag.
//!
//! The lines pass through `Intake` as a request's body does, in pieces of 64 KiB, without HTTP; every commit goes to disk.
//! Before, the database holds as many links as there are lines. `BULK_LINES` says how many (1,000,000);
//! `MUSUBI_TEST_POSTGRES` names a PostgreSQL server. Prints one line of JSON for each run, with the machine's load, since
//! time here is wall-clock time.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, reason = "a benchmark measures time")]

mod sql;

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use musubi_crypto::{ClientKey, JwkSet, SystemRandom};
use musubi_kernel::{FixedClock, Secret, UnixTime};
use musubi_pki::{CertKey, Policy, SerialNumber, TrustAnchors};
use musubi_platform::Context;
use musubi_platform::consent::ConsentId;
use musubi_platform::person::PersonId;
use musubi_platform::relying_party::{self, NewRelyingParty, RelyingParty};
use musubi_store::Db;
use musubi_verification::Verification;
use musubi_verification::upstream::{
    ConsentEvidence, ConsentTerm, LatestAttributes, PublishedList, Receive, SerialSuccession, Upstream,
    UpstreamError,
};
use musubi_verification::watching::bulk::{self, Announced, Format, Intake, State};
use musubi_verification::watching::{Basis, Ground};

/// More memory than this, in MB, is a failure.
const MOST_MB: u64 = 256;
const NOW: UnixTime = UnixTime(1_795_226_584);

struct Nobody;

#[async_trait]
impl Upstream for Nobody {
    async fn revocation_lists(&self) -> Result<Vec<PublishedList>, UpstreamError> {
        Err(UpstreamError::Unreachable)
    }
    async fn fetch(&self, _: &str, _: &mut dyn Receive) -> Result<(), UpstreamError> {
        Err(UpstreamError::Unreachable)
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

async fn service(db: Db) -> (Verification, RelyingParty) {
    let mut migrations = musubi_platform::MIGRATIONS.to_vec();
    migrations.extend(musubi_verification::migrations());
    db.migrate(&migrations, NOW).await.unwrap();
    let context = Context {
        db,
        clock: Arc::new(FixedClock::new(NOW)),
        random: Arc::new(SystemRandom),
        pairwise_secret: Arc::new(Secret::new(vec![7; 32])),
        signing_key: Arc::new(musubi_crypto::Ed25519Signer::from_seed(&[7; 32]).unwrap()),
        api_origin: "https://api.example".into(),
        portal_origin: "https://portal.example".into(),
    };
    let new = NewRelyingParty {
        name_ja: "年金".into(),
        name_en: "Pension".into(),
        origins: vec!["https://pension.example".into()],
        key_set: JwkSet::parse(&ClientKey::generate().unwrap().jwk_set()).unwrap(),
    };
    let mut tx = context.db.begin().await.unwrap();
    let id = relying_party::register(&mut tx, &new, &SystemRandom, NOW).await.unwrap();
    let registered = relying_party::by_id(&mut tx, &id).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    let anchors = TrustAnchors::production().unwrap();
    let verification = Verification::new(context, anchors, Arc::new(Nobody), Policy::default());
    (verification, registered)
}

/// Customer ids in an order that is not that of the table.
fn customer(n: u64, lines: u64) -> String {
    format!("k-{:09}", n.wrapping_mul(7_368_787) % lines)
}

async fn link(verification: &Verification, relying_party: &RelyingParty, lines: u64) {
    let db = &verification.context().db;
    let mut tx = db.begin().await.unwrap();
    for first in (0..lines).step_by(20_000) {
        let rows = (first..(first + 20_000).min(lines)).map(|n| {
            vec![
                relying_party.id.as_str().into(),
                PersonId::generate(&SystemRandom).as_str().into(),
                format!("k-{n:09}").into(),
                "1".into(),
                NOW.into(),
            ]
        });
        tx.insert_many(sql::LINKS, rows.collect::<Vec<_>>()).await.unwrap();
    }
    tx.execute(sql::ANALYZE, &[]).await.unwrap();
    tx.commit().await.unwrap();
}

async fn run(
    verification: &Verification,
    relying_party: &RelyingParty,
    lines: u64,
    line: impl Fn(u64) -> String,
    expected: &str,
) -> f64 {
    let context = verification.context();
    let mut tx = context.db.begin().await.unwrap();
    let ground =
        Ground { purpose: "benefit_payment".into(), basis: Basis::Law, reference: Some("Art. 108".into()) };
    let new = (Format::Ndjson, ground, Announced { lines: Some(lines), ..Announced::default() });
    let begun = bulk::begin(&mut tx, context, &relying_party.id, new, NOW).await.unwrap();
    tx.commit().await.unwrap();
    let start = Instant::now();
    let mut intake = Intake::open(verification, relying_party, &begun.id, 0).await.unwrap();
    let mut piece = Vec::with_capacity(80_000);
    for n in 0..lines {
        piece.extend_from_slice(line(n).as_bytes());
        if piece.len() >= 64 * 1024 {
            intake.take(&piece).await.unwrap();
            piece.clear();
        }
    }
    intake.take(&piece).await.unwrap();
    let ended = intake.finish().await.unwrap();
    let seconds = start.elapsed().as_secs_f64();
    assert_eq!((ended.state, ended.counts.get(expected)), (State::Complete, Some(&lines)));
    seconds
}

/// The most memory that this process ever had, in MB.
fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0");
    line.split_whitespace().next().and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split_whitespace().next().unwrap_or("?").to_owned()
}

#[tokio::main]
async fn main() {
    let lines = std::env::var("BULK_LINES").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000_000_u64);
    let folder = tempfile::tempdir().unwrap();
    let mut databases = vec![Db::open_sqlite(&folder.path().join("bulk.sqlite")).await.unwrap()];
    databases.extend(musubi_store::testing::postgres_schema().await);
    for db in databases {
        let engine = db.engine();
        let (verification, relying_party) = service(db).await;
        link(&verification, &relying_party, lines).await;
        let linked = |n| format!("{{\"customer_id\":\"{}\"}}\n", customer(n, lines));
        let matching = |n| {
            format!(
                "{{\"customer_id\":\"m-{}\",\"name\":\"結城　{n}\",\"address\":\"東京都清瀬市中里５丁目{}番{}号\",\
                 \"date_of_birth\":\"19{:02}-04-12\",\"sex\":\"female\"}}\n",
                customer(n, lines),
                n % 97,
                n % 41,
                n % 100
            )
        };
        let watched = run(&verification, &relying_party, lines, linked, "watched").await;
        report(engine, "linked", lines, watched);
        let waiting = run(&verification, &relying_party, lines, matching, "awaiting_confirmation").await;
        report(engine, "matching", lines, waiting);
        verification.context().db.close().await;
    }
    assert!(peak_mb() < MOST_MB, "{} MB", peak_mb());
}

fn report(engine: &str, kind: &str, lines: u64, seconds: f64) {
    let rate = lines as f64 / seconds;
    println!(
        "{{\"engine\":\"{engine}\",\"kind\":\"{kind}\",\"lines\":{lines},\"seconds\":{seconds:.1},\
         \"lines_per_second\":{rate:.0},\"peak_mb\":{},\"load\":{}}}",
        peak_mb(),
        load()
    );
}
