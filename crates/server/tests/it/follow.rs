//! `musubi follow`, as a process, beside the real routes and beside a platform that lies.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::routing::{get, post};
use axum::{Json, Router};
use musubi_crypto::{ClientKey, Ed25519Signer, JwkSet, SystemRandom};
use musubi_feed::{
    CREDENTIAL_CHANGE, Event, Heartbeat, ListInUse, Position, Stream, VerifyingKey, seal_entry,
    seal_heartbeat,
};
use musubi_kernel::{Clock as _, Random as _, Secret, SeededRandom, SystemClock, UnixTime};
use musubi_platform::change_stream::{self, NewEntry};
use musubi_platform::relying_party::{NewRelyingParty, register};
use musubi_platform::{Context, RelyingPartyId};
use musubi_store::{Db, StoreError, Tx};
use musubi_stream::{ListsInUse, Streams};
use serde_json::{Value, json};

use crate::program::{Run, musubi};

/// Long enough that no test sees it end, short enough that a test that fails does; in seconds.
const PATIENCE: i64 = 60;

struct NoLists;

#[async_trait]
impl ListsInUse for NoLists {
    async fn lists(&self, _: &mut Tx) -> Result<Vec<ListInUse>, StoreError> {
        Ok(Vec::new())
    }
}

fn event(customer: &str) -> Event {
    let body = json!({ "change": "renewed", "customer_id": customer });
    Event::about(CREDENTIAL_CHANGE, "pw_1".into(), body.as_object().unwrap().clone())
}

/// A platform on a port of its own, a bank, and a folder for what the bank keeps.
struct World {
    runtime: tokio::runtime::Runtime,
    folder: tempfile::TempDir,
    origin: String,
    id: RelyingPartyId,
    context: Option<Context>,
}

fn signer() -> Ed25519Signer {
    Ed25519Signer::from_seed(&[7; 32]).unwrap()
}

impl World {
    fn serving(make: impl FnOnce(&str, &RelyingPartyId) -> Router) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let key = ClientKey::generate().unwrap();
        std::fs::write(folder.path().join("key.p8"), key.pkcs8_der()).unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let id = RelyingPartyId::generate(&SystemRandom);
        let router = make(&origin, &id).into_make_service_with_connect_info::<SocketAddr>();
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { runtime, folder, origin, id, context: None }
    }

    /// The real routes.
    fn real() -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let key = ClientKey::generate().unwrap();
        std::fs::write(folder.path().join("key.p8"), key.pkcs8_der()).unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let (context, id) = runtime.block_on(async {
            let db = Db::open_sqlite(&folder.path().join("platform.sqlite")).await.unwrap();
            let mut migrations = musubi_platform::MIGRATIONS.to_vec();
            migrations.extend(musubi_stream::migrations());
            db.migrate(&migrations, SystemClock.now()).await.unwrap();
            let context = Context {
                db,
                clock: Arc::new(SystemClock),
                random: Arc::new(SystemRandom),
                pairwise_secret: Arc::new(Secret::new(vec![7; 32])),
                signing_key: Arc::new(signer()),
                api_origin: origin.clone(),
                portal_origin: "http://portal.test".into(),
            };
            let new = NewRelyingParty {
                name_ja: "結び銀行".into(),
                name_en: "Musubi Bank".into(),
                origins: vec!["https://bank.test".into()],
                key_set: JwkSet::parse(&key.jwk_set()).unwrap(),
            };
            let mut tx = context.db.begin().await.unwrap();
            let id = register(&mut tx, &new, &SystemRandom, SystemClock.now()).await.unwrap();
            tx.commit().await.unwrap();
            (context, id)
        });
        let streams = Streams::new(context.clone(), Arc::new(NoLists));
        let platform = Router::from(musubi_platform::api()).with_state(context.clone());
        let own: Router = Router::from(musubi_stream::api()).with_state(streams);
        let router = musubi_httpkit::finish_api(platform.merge(own), Duration::from_secs(30));
        let router = router.into_make_service_with_connect_info::<SocketAddr>();
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { runtime, folder, origin, id, context: Some(context) }
    }

    fn append(&self, from: usize, count: usize) {
        let context = self.context.as_ref().unwrap();
        self.runtime.block_on(async {
            let entries = (from..from + count).map(|n| NewEntry {
                relying_party: self.id.clone(),
                person: None,
                event: event(&format!("c-{n}")),
            });
            let mut tx = context.db.begin().await.unwrap();
            let now = SystemClock.now();
            change_stream::append_all(&mut tx, context, entries.collect(), now).await.unwrap();
            tx.commit().await.unwrap();
        });
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn arguments(&self, more: &[&str]) -> Vec<String> {
        let path = |name: &str| self.file(name).display().to_string();
        let mut arguments: Vec<String> =
            ["follow", "--api", &self.origin, "--client-id", self.id.as_str()].map(str::to_owned).to_vec();
        let (key, place, out) = (path("key.p8"), path("place.json"), path("out.jsonl"));
        arguments.extend(["--key", &key, "--place", &place, "--out", &out].map(str::to_owned));
        arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
        arguments
    }

    fn follow(&self, more: &[&str]) -> Run {
        let arguments = self.arguments(more);
        musubi(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn spawn(&self, more: &[&str]) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_musubi"));
        let quiet = command.args(self.arguments(more)).stdout(Stdio::null()).stderr(Stdio::null());
        quiet.spawn().unwrap()
    }

    fn kept(&self) -> Vec<u64> {
        let text = std::fs::read_to_string(self.file("out.jsonl")).unwrap_or_default();
        let whole = text.lines().filter(|line| line.ends_with('}'));
        whole.map(|line| serde_json::from_str::<Value>(line).unwrap()["sequence"].as_u64().unwrap()).collect()
    }
}

#[test]
fn everything_is_read_once_and_the_kept_file_verifies_offline() {
    let world = World::real();
    world.append(1, 3);
    let run = world.follow(&["--once", "--language", "en"]);
    assert_eq!((run.code, run.out.as_str()), (0, ""), "{}", run.err);
    assert!(run.err.contains("entry 3 change") && run.err.contains("nothing is missing"), "{}", run.err);
    assert!(!run.err.contains("c-1"), "customers are not named on the terminal");
    world.append(4, 600);
    let run = world.follow(&["--once", "--language", "ja"]);
    assert!(run.code == 0 && run.err.contains("届いていない通知はありません"), "{}", run.err);
    assert_eq!(world.kept(), (1..=603).collect::<Vec<u64>>());
    let first = std::fs::read_to_string(world.file("out.jsonl")).unwrap();
    let first: Value = serde_json::from_str(first.lines().next().unwrap()).unwrap();
    assert_eq!((&first["event"], &first["body"]["customer_id"]), (&json!("change"), &json!("c-1")));

    let keys = json!({ "keys": [VerifyingKey::new(signer().public_key()).jwk()] });
    std::fs::write(world.file("keys.json"), keys.to_string()).unwrap();
    let verify = |name: &str| {
        let (file, keys) =
            (world.file(name).display().to_string(), world.file("keys.json").display().to_string());
        musubi(&["follow", "verify", &file, "--keys", &keys, "--language", "en"])
    };
    let good = verify("out.jsonl");
    assert!(
        good.code == 0 && good.out.contains("603 entries (numbers 1 to 603)"),
        "{}{}",
        good.out,
        good.err
    );
    let text = std::fs::read_to_string(world.file("out.jsonl")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let joined = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    for (name, spoilt) in [
        ("a line is missing", joined(&[&lines[..5], &lines[6..]].concat())),
        ("a line stands twice", joined(&[&lines[..6], &lines[5..]].concat())),
        ("two lines are swapped", joined(&[&lines[..4], &[lines[5], lines[4]], &lines[6..]].concat())),
        ("the last line is cut off", text[..text.len() - 3].to_owned()),
        ("a token is another one", text.replacen("eyJ", "eyK", 1)),
        ("it is empty", String::new()),
    ] {
        std::fs::write(world.file("spoilt.jsonl"), spoilt).unwrap();
        let run = verify("spoilt.jsonl");
        assert_eq!((run.code, run.out.as_str()), (1, ""), "{name}: {}", run.err);
        assert!(run.err.contains("Do not rely on this file"), "{name}: {}", run.err);
    }
    std::fs::write(world.file("tail.jsonl"), joined(&lines[100..])).unwrap();
    assert!(verify("tail.jsonl").out.contains("numbers 101 to 603"));
    assert_eq!(verify("nowhere.jsonl").code, 2);
}

#[test]
fn killed_at_any_moment_it_goes_on_and_every_entry_is_there_once() {
    const ENTRIES: usize = 240;
    let dice = SeededRandom::new([3; 32]);
    for mode in ["--live", "--language=ja"] {
        let world = World::real();
        world.append(1, ENTRIES);
        let mut kills = 0;
        let began = SystemClock.now();
        while world.kept().len() < ENTRIES {
            let mut child = world.spawn(&[mode]);
            let mut byte = [0];
            dice.fill(&mut byte);
            let enough = world.kept().len() + 1 + usize::from(byte[0] % 40);
            while world.kept().len() < enough.min(ENTRIES) {
                assert!(SystemClock.now().since(began) < PATIENCE, "{mode}: {} entries", world.kept().len());
                std::thread::yield_now();
            }
            // SIGKILL: in whatever it is doing now.
            child.kill().unwrap();
            child.wait().unwrap();
            kills += 1;
        }
        assert!(mode != "--live" || kills > 3, "{kills} kills only");
        let run = world.follow(&["--once"]);
        assert_eq!(run.code, 0, "{}", run.err);
        assert_eq!(world.kept(), (1..=ENTRIES as u64).collect::<Vec<u64>>(), "{mode}");
    }
}

/// What a platform that lies serves: the tokens after a number, and a heartbeat.
struct Lies {
    tokens: Vec<String>,
    heartbeat: String,
}

/// A platform that serves what `make` makes of its stream, whatever is asked after.
fn lying(make: impl FnOnce(&Stream, UnixTime) -> Lies) -> World {
    World::serving(|origin, id| {
        let stream = Stream { issuer: origin.to_owned(), audience: id.to_string() };
        let Lies { tokens, heartbeat } = make(&stream, SystemClock.now());
        let events: Vec<Value> = tokens.iter().map(|token| json!({ "token": token })).collect();
        let page = json!({ "events": events, "heartbeat": heartbeat });
        let keys = json!({ "keys": [VerifyingKey::new(signer().public_key()).jwk()] });
        let token = json!({ "access_token": "t", "token_type": "Bearer", "expires_in": 600 });
        Router::new()
            .route("/v1/token", post(async move || Json(token)))
            .route("/.well-known/jwks.json", get(async move || Json(keys)))
            .route("/v1/change-events", get(async move || Json(page)))
    })
}

fn entry(stream: &Stream, last: &Position, customer: &str, key: &Ed25519Signer) -> (String, Position) {
    seal_entry(stream, last, &event(customer), SystemClock.now(), key)
}

fn beat(stream: &Stream, last: Position, at: UnixTime) -> String {
    seal_heartbeat(stream, &Heartbeat { last, customers: 1, lists: Vec::new(), at: at.0 }, &signer())
}

#[test]
fn a_fork_stops_it_with_evidence_and_it_stays_stopped() {
    let world = lying(|stream, now| {
        let (first, after) = entry(stream, &stream.start(), "c-1", &signer());
        let (other, _) = entry(stream, &stream.start(), "c-2", &signer());
        Lies { tokens: vec![first, other], heartbeat: beat(stream, after, now) }
    });
    let run = world.follow(&["--once", "--language", "en"]);
    assert_eq!(run.code, 1, "{}", run.err);
    assert!(run.err.contains("contradict each other at entry 1"), "{}", run.err);
    assert_eq!(world.kept(), [1], "what came before it is kept");
    let evidence = std::fs::read_to_string(world.file("place.json.contradiction")).unwrap();
    assert_eq!(evidence.lines().count(), 1);
    let again = world.follow(&["--once", "--language", "ja"]);
    assert!(again.code == 1 && again.err.contains("食い違っています"), "{}", again.err);
}

#[test]
fn a_gap_that_stays_and_a_forgery_end_it_and_a_missing_proof_is_said() {
    let gap = lying(|stream, now| {
        let (_, after) = entry(stream, &stream.start(), "c-1", &signer());
        let (second, last) = entry(stream, &after, "c-2", &signer());
        Lies { tokens: vec![second], heartbeat: beat(stream, last, now) }
    });
    let run = gap.follow(&["--once", "--language", "en"]);
    assert!(run.code == 1 && run.err.contains("Entry 2 came where entry 1 should be"), "{}", run.err);
    let forged = lying(|stream, now| {
        let stranger = Ed25519Signer::from_seed(&[8; 32]).unwrap();
        let (forged, last) = entry(stream, &stream.start(), "c-1", &stranger);
        Lies { tokens: vec![forged], heartbeat: beat(stream, last, now) }
    });
    let run = forged.follow(&["--once", "--language", "en"]);
    assert!(run.code == 1 && run.err.contains("the platform did not sign"), "{}", run.err);
    assert!(forged.kept().is_empty());
    let silent = lying(|stream, now| Lies {
        tokens: Vec::new(),
        heartbeat: beat(stream, stream.start(), now.plus(-600)),
    });
    let run = silent.follow(&["--once", "--language", "en"]);
    assert!(run.code == 3 && run.err.contains("No recent statement"), "{}", run.err);
    let withheld = lying(|stream, now| {
        let (_, last) = entry(stream, &stream.start(), "c-1", &signer());
        Lies { tokens: Vec::new(), heartbeat: beat(stream, last, now) }
    });
    assert_eq!(withheld.follow(&["--once"]).code, 3, "there is an entry, and it does not come");
}

#[test]
fn what_cannot_be_used_is_said_and_pinned_keys_are_not_replaced() {
    let world = World::real();
    let wrong = World { id: RelyingPartyId::generate(&SystemRandom), ..World::real() };
    let refused = wrong.follow(&["--once", "--language", "en"]);
    assert!(refused.code == 2 && refused.err.contains("client.unauthenticated (401)"), "{}", refused.err);
    world.append(1, 1);
    let stranger = json!({ "keys": [VerifyingKey::new([9; 32]).jwk()] });
    std::fs::write(world.file("keys.json"), stranger.to_string()).unwrap();
    let keys = world.file("keys.json").display().to_string();
    let run = world.follow(&["--once", "--keys", &keys, "--language", "en"]);
    assert!(run.code == 1 && run.err.contains("the platform did not sign"), "{}", run.err);
    std::fs::write(world.file("key.p8"), b"no key").unwrap();
    assert_eq!(world.follow(&["--once"]).code, 2);
    let nobody = World::serving(|_, _| Router::new());
    assert_eq!(nobody.follow(&["--once"]).code, 2);
}

#[test]
fn a_key_in_pem_is_read_and_without_a_file_entries_go_to_the_standard_output() {
    use base64::Engine as _;
    let world = World::real();
    world.append(1, 2);
    let der = std::fs::read(world.file("key.p8")).unwrap();
    let body = base64::engine::general_purpose::STANDARD.encode(der);
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
    std::fs::write(world.file("key.p8"), pem).unwrap();
    let mut arguments = world.arguments(&["--once"]);
    let at = arguments.iter().position(|argument| argument == "--out").unwrap();
    arguments.drain(at..at + 2);
    let run = musubi(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(run.code, 0, "{}", run.err);
    let numbers: Vec<Value> = run.lines().iter().map(|line| line["sequence"].clone()).collect();
    assert_eq!(numbers, [1, 2]);
}
