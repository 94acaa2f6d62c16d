//! SIGKILL of the server at every step of the story loses no accepted application and no event.
//!
//! The demo runs as a process of its own. For each step it is killed in the middle (after a seeded part of the
//! step's usual time, so that the kill falls between any two of its writes) and once more right after the step;
//! it is started again on the same data, and the story goes on to its end.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use musubi_demo::Sites;
use musubi_demo::story::{MAIN, Story};
use musubi_kernel::{Random, SeededRandom};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

struct Server {
    child: Child,
    sites: Sites,
}

impl Server {
    async fn start(data: &Path, database: Option<&str>, port: u16) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_musubi-demo-under-test"));
        command.args(["serve", "--port", &port.to_string(), "--data"]).arg(data);
        if let Some(url) = database {
            command.args(["--database", url]);
        }
        let mut child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().expect("the demo starts");
        let stdout = child.stdout.take().expect("piped");
        let mut lines = BufReader::new(stdout).lines();
        let ready = tokio::time::timeout(Duration::from_secs(60), async {
            while let Some(line) = lines.next_line().await.expect("readable") {
                if let Some(address) = line.strip_prefix("Musubi: http://localhost:") {
                    return address.trim_end_matches('/').parse::<u16>().expect("a port");
                }
            }
            panic!("the demo ended before it was ready");
        });
        let port = ready.await.expect("the demo is ready within a minute");
        Self { child, sites: Sites { port } }
    }

    /// SIGKILL: no handler runs, nothing is flushed.
    async fn kill(mut self) {
        self.child.kill().await.expect("killed");
    }
}

/// The audit log as an outsider sees it: `(size, root hash)`.
async fn checkpoint(sites: Sites) -> (u64, [u8; 32]) {
    let value = api(sites, "/v1/audit/checkpoint").await;
    (value["size"].as_u64().expect("a size"), digest(&value["root_hash"]))
}

fn digest(value: &serde_json::Value) -> [u8; 32] {
    hex::decode(value.as_str().expect("hex")).expect("hex").try_into().expect("32 bytes")
}

async fn api(sites: Sites, path: &str) -> serde_json::Value {
    let client = musubi_httpkit::client::http_client(Duration::from_secs(10));
    client
        .get(format!("{}{path}", sites.origin("api")))
        .send()
        .await
        .expect("answers")
        .json()
        .await
        .expect("JSON")
}

/// The log of after the crash begins with the log of before it.
async fn assert_log_only_grew(sites: Sites, before: (u64, [u8; 32])) {
    let after = checkpoint(sites).await;
    assert!(after.0 >= before.0, "the audit log shrank from {} to {}", before.0, after.0);
    if before.0 == 0 || before.0 == after.0 {
        assert!(before.0 == 0 || before.1 == after.1, "the audit log was rewritten");
        return;
    }
    let proof = api(sites, &format!("/v1/audit/consistency?from={}&to={}", before.0, after.0)).await;
    let hashes: Vec<[u8; 32]> = proof["hashes"].as_array().expect("hashes").iter().map(digest).collect();
    musubi_platform::audit::verify_consistency(before.0, after.0, &hashes, &before.1, &after.1)
        .expect("the log of before is the beginning of the log of after");
}

/// What the bank has told the resident: it may not be taken back.
#[derive(Default)]
struct Promised {
    accepted: Option<(String, String)>,
}

impl Promised {
    fn note(&mut self, story: &Story) {
        if let (Some(path), Some(customer)) = (&story.application, &story.customer_id) {
            self.accepted = Some((path.clone(), customer.clone()));
        }
    }

    async fn assert_kept(&self, story: &mut Story) {
        if let Some((path, customer)) = &self.accepted {
            let page = story.visitor.get("bank", path).await.expect("the bank answers");
            assert_eq!(page.text("customer-id").as_ref(), Some(customer), "an accepted application was lost");
        }
    }
}

async fn with_kill_in_step(index: usize, part: Option<f64>, usual: Duration, database: Option<&str>) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = Server::start(folder.path(), database, 0).await;
    let mut story = Story::new(server.sites);
    let mut promised = Promised::default();
    for step in &MAIN[..index] {
        (step.run)(&mut story).await.unwrap_or_else(|failure| panic!("{}: {failure}", step.id));
        promised.note(&story);
    }
    let before = checkpoint(server.sites).await;
    let port = server.sites.port;
    let step = MAIN[index];
    match part {
        Some(part) => {
            let pause = usual.mul_f64(part);
            tokio::select! {
                _ = (step.run)(&mut story) => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        None => {
            (step.run)(&mut story).await.unwrap_or_else(|failure| panic!("{}: {failure}", step.id));
        }
    }
    promised.note(&story);
    server.kill().await;
    server = Server::start(folder.path(), database, port).await;
    assert_log_only_grew(server.sites, before).await;
    promised.assert_kept(&mut story).await;
    // The step again, and the rest: exactly one event and the new address are asserted by the last step.
    for step in &MAIN[index..] {
        let told = (step.run)(&mut story).await;
        told.unwrap_or_else(|failure| {
            panic!("after a kill in {} ({part:?}): {}: {failure}", MAIN[index].id, step.id)
        });
        promised.note(&story);
        promised.assert_kept(&mut story).await;
    }
    server.kill().await;
}

/// How long each step takes when nothing is killed.
#[allow(clippy::disallowed_methods, reason = "the kill is aimed by the time that a step really takes")]
async fn usual_times(database: Option<&str>) -> Vec<Duration> {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), database, 0).await;
    let mut story = Story::new(server.sites);
    let mut times = Vec::new();
    for step in MAIN {
        let begun = Instant::now();
        (step.run)(&mut story).await.unwrap_or_else(|failure| panic!("{}: {failure}", step.id));
        times.push(begun.elapsed());
    }
    server.kill().await;
    times
}

fn parts(seed: u8) -> impl Iterator<Item = f64> {
    let random = SeededRandom::new([seed; 32]);
    std::iter::repeat_with(move || {
        let mut byte = [0];
        random.fill(&mut byte);
        f64::from(byte[0]) / 255.0
    })
}

async fn kill_at_each_step(database: Option<String>) {
    let usual = usual_times(database.as_deref()).await;
    for (index, part) in (0..MAIN.len()).zip(parts(1)) {
        let (database, again) = match &database {
            Some(_) => (
                musubi_store::testing::postgres_schema_url().await,
                musubi_store::testing::postgres_schema_url().await,
            ),
            None => (None, None),
        };
        with_kill_in_step(index, Some(part), usual[index], database.as_deref()).await;
        with_kill_in_step(index, None, usual[index], again.as_deref()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigkill_at_each_step_loses_nothing_on_sqlite() {
    kill_at_each_step(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigkill_at_each_step_loses_nothing_on_postgresql() {
    if let Some(url) = musubi_store::testing::postgres_schema_url().await {
        kill_at_each_step(Some(url)).await;
    }
}
