//! Publication to receipt by push: many relying parties, each with fresh entries, over connections on this machine.
//!
//! `cargo bench -p musubi-stream --bench push -- [relying parties] [entries]`; 1,000 and 50 if left out. Entries are appended
//! in one transaction, as those of one revocation list are; the clock starts when that begins. With PostgreSQL, too, if
//! `MUSUBI_TEST_POSTGRES` names a server.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark"
)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::{get, post};
use musubi_crypto::{Ed25519Signer, SystemRandom};
use musubi_feed::{CREDENTIAL_CHANGE, Event, ListInUse};
use musubi_httpkit::outbound::Reach;
use musubi_kernel::{Clock as _, Secret, SystemClock};
use musubi_platform::change_stream::{self, NewEntry};
use musubi_platform::{Context, RelyingPartyId};
use musubi_store::{Db, StoreError, Tx};
use musubi_stream::push::{self, NewEndpoint, State, Style};
use musubi_stream::{ListsInUse, Streams};
use serde_json::json;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

struct NoLists;

#[async_trait]
impl ListsInUse for NoLists {
    async fn lists(&self, _: &mut Tx) -> Result<Vec<ListInUse>, StoreError> {
        Ok(Vec::new())
    }
}

/// When each token of an entry was received.
#[derive(Default)]
struct Receipts {
    times: Mutex<Vec<Instant>>,
    wanted: usize,
    all: Notify,
}

impl Receipts {
    fn note(&self) {
        let mut times = self.times.lock().unwrap();
        times.push(Instant::now());
        if times.len() == self.wanted {
            self.all.notify_one();
        }
    }
}

/// Processor time of this process: a machine that has other things to do does not count. PostgreSQL's own is not in it.
fn processor_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// A heartbeat's token is no entry: it has no chain.
fn is_entry(token: &str) -> bool {
    use base64::Engine as _;
    let claims = token.split('.').nth(1).unwrap();
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).unwrap();
    claims.windows(12).any(|part| part == b"musubi_chain")
}

async fn receivers(receipts: Arc<Receipts>, shown: Arc<Mutex<String>>) -> String {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new()
        .route("/.well-known/musubi-receiver", get(async move || shown.lock().unwrap().clone()))
        .route(
            "/events/{party}",
            post(async move |Path(_): Path<usize>, body: String| {
                if is_entry(&body) {
                    receipts.note();
                }
                StatusCode::ACCEPTED
            }),
        );
    tokio::spawn(async move { axum::serve(listener, router).await });
    origin
}

async fn measure(db: Db, parties: usize, entries: usize) {
    let engine = db.engine();
    let migrations = [musubi_platform::MIGRATIONS.to_vec(), musubi_stream::migrations()].concat();
    db.migrate(&migrations, SystemClock.now()).await.unwrap();
    let context = Context {
        db,
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
        pairwise_secret: Arc::new(Secret::new(vec![7; 32])),
        signing_key: Arc::new(Ed25519Signer::from_seed(&[7; 32]).unwrap()),
        api_origin: "https://api.musubi.example".into(),
        portal_origin: "https://portal.musubi.example".into(),
    };
    let streams = Streams::new(context.clone(), Arc::new(NoLists)).reaching(Reach::LoopbackTooForTests);
    let receipts = Arc::new(Receipts { wanted: parties * entries, ..Receipts::default() });
    let shown = Arc::new(Mutex::new(String::new()));
    let origin = receivers(receipts.clone(), shown.clone()).await;

    let ids: Vec<RelyingPartyId> = (0..parties).map(|_| RelyingPartyId::generate(&SystemRandom)).collect();
    let mut tx = context.db.begin().await.unwrap();
    for (index, id) in ids.iter().enumerate() {
        let new = NewEndpoint {
            url: format!("{origin}/events/{index}"),
            style: Style::SetPush,
            authorization: None,
            heartbeat_seconds: push::HEARTBEAT_SECONDS,
            after: None,
        };
        let reach = Reach::LoopbackTooForTests;
        let at = context.clock.now();
        let (endpoint, _) = push::set_endpoint(&mut tx, &context, reach, id, &new, at).await.unwrap();
        shown.lock().unwrap().push_str(&format!("{}\n", endpoint.challenge));
    }
    tx.commit().await.unwrap();
    let (stop, stopped) = watch::channel(false);
    let began = Instant::now();
    let sender = tokio::spawn({
        let streams = streams.clone();
        async move { push::run(&streams, stopped).await }
    });
    loop {
        let mut tx = context.db.begin_read().await.unwrap();
        let all = push::status(&mut tx).await.unwrap();
        drop(tx);
        if all.iter().all(|status| status.state == State::Active && status.last_success_at.is_some()) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("{engine}: {parties} endpoints verified and told in {:.1} s", began.elapsed().as_secs_f64());

    let mut new = Vec::with_capacity(parties * entries);
    for id in &ids {
        for index in 0..entries {
            let body = json!({
                "change": "attributes_changed", "customer_id": format!("customer-{index:08}"),
                "certificate_kind": "digital_signature", "occurred_at": "2026-04-01T00:00:00Z",
                "recorded_at": "2026-04-01T01:00:00Z", "latest_attributes": "no_consent",
                "evidence": { "reason": "affiliationChanged", "authority": "digital_signature",
                    "key_id": "3f2c9d0a", "list_number": 4711 },
            });
            let event = Event::about(
                CREDENTIAL_CHANGE,
                format!("pw_{index:032x}"),
                body.as_object().unwrap().clone(),
            );
            new.push(NewEntry { relying_party: id.clone(), person: None, event });
        }
    }
    let (began, work) = (Instant::now(), processor_seconds());
    let mut tx = context.db.begin().await.unwrap();
    change_stream::append_all(&mut tx, &context, new, context.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    let appended = began.elapsed();
    let appending = processor_seconds() - work;
    streams.push().wake();
    receipts.all.notified().await;
    let mut seconds: Vec<f64> = {
        let times = receipts.times.lock().unwrap();
        times.iter().map(|time| time.duration_since(began).as_secs_f64()).collect()
    };
    seconds.sort_by(f64::total_cmp);
    let at = |share: f64| seconds[((seconds.len() - 1) as f64 * share) as usize];
    let sending = at(1.0) - appended.as_secs_f64();
    println!(
        "{engine}: {} entries appended in {:.2} s; received: p50 {:.2} s, p99 {:.2} s, last {:.2} s; {:.0} entries/s",
        seconds.len(),
        appended.as_secs_f64(),
        at(0.5),
        at(0.99),
        at(1.0),
        seconds.len() as f64 / sending,
    );
    let work = processor_seconds() - work;
    println!(
        "{engine}: processor time of sender and receivers {:.2} s, of which {appending:.2} s appending and signing: {:.0} \
         entries per processor second sent and received",
        work,
        seconds.len() as f64 / (work - appending),
    );
    stop.send_replace(true);
    sender.await.unwrap();
    let mut tx = context.db.begin_read().await.unwrap();
    let all = push::status(&mut tx).await.unwrap();
    assert!(all.iter().all(|status| status.depth() == 0), "all is noted");
    assert_eq!(receipts.times.lock().unwrap().len(), parties * entries, "none came twice");
}

fn main() {
    let numbers: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let parties = numbers.first().copied().unwrap_or(1000);
    let entries = numbers.get(1).copied().unwrap_or(50);
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
        let dir = tempfile::tempdir().unwrap();
        measure(Db::open_sqlite(&dir.path().join("b.sqlite")).await.unwrap(), parties, entries).await;
        if let Some(db) = musubi_store::testing::postgres_schema().await {
            measure(db, parties, entries).await;
        }
    });
}
