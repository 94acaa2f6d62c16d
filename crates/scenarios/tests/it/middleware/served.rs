//! `musubi-agent serve` as a program of its own, for browsers, and a browser profile that is paired with it.

use std::net::Ipv4Addr;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use musubi_httpkit::client::http_client;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::rig::agent_program;

const PATIENCE: Duration = Duration::from_secs(30);

/// A port that nobody listens on now, for programs and pages that must know it before.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

pub(crate) struct Served {
    /// Where its window is.
    pub(crate) origin: String,
    /// The code that it shows to the person before the terminal.
    pub(crate) code: String,
    said: Arc<Mutex<String>>,
    folder: TempDir,
    _program: Child,
}

impl Served {
    /// Serves the card on this reader.
    pub(crate) async fn start(port: u16, reader: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let mut command = Command::new(agent_program());
        command.args([
            "serve",
            "--language",
            "en",
            "--port",
            &port.to_string(),
            "--reader",
            reader,
            "--state",
        ]);
        command.arg(folder.path().join("state")).env("MUSUBI_LOG", "trace").stderr(log);
        command.stdout(Stdio::piped()).stdin(Stdio::null()).kill_on_drop(true);
        let mut program = command.spawn().expect("musubi-agent starts");
        let mut lines = BufReader::new(program.stdout.take().expect("piped")).lines();
        let said = Arc::new(Mutex::new(String::new()));
        let code = tokio::time::timeout(PATIENCE, async {
            while let Some(line) = lines.next_line().await.unwrap() {
                if let Some(code) = line.strip_prefix("Code to pair a browser: ") {
                    return code.to_owned();
                }
            }
            panic!(
                "musubi-agent serve ended: {}",
                std::fs::read_to_string(folder.path().join("log")).unwrap()
            )
        });
        let code = code.await.expect("musubi-agent serve is ready in time");
        let heard = said.clone();
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                heard.lock().unwrap().push_str(&line);
            }
        });
        Self { origin: format!("http://127.0.0.1:{port}"), code, said, folder, _program: program }
    }

    /// All that it has printed and logged since it was ready, at its most talkative.
    pub(crate) fn log(&self) -> String {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap();
        format!("{log}{}", self.said.lock().unwrap())
    }

    /// A browser profile into which the person has typed the code.
    pub(crate) async fn pair(&self) -> Paired {
        let mut browser = Paired { own: self.origin.clone(), secret: String::new() };
        let (status, paired) = browser.post(&self.origin, "/pair", &json!({ "code": self.code })).await;
        assert_eq!(status, 200, "{paired}");
        browser.secret = paired["secret"].as_str().expect("a secret").to_owned();
        browser
    }
}

/// Speaks as the program's window does.
pub(crate) struct Paired {
    own: String,
    secret: String,
}

impl Paired {
    /// Posts from a page of `page`.
    pub(crate) async fn post(&self, page: &str, path: &str, body: &Value) -> (u16, Value) {
        let site = if page == self.own { "same-origin" } else { "cross-site" };
        let request = http_client(PATIENCE).post(format!("{}{path}", self.own)).json(body);
        let request = request.header("origin", page).header("sec-fetch-site", site);
        let response = request.header("musubi-pairing", &self.secret).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// The holder allows a site.
    pub(crate) async fn approve(&self, origin: &str) {
        let answer = self.post(&self.own, "/window/approve", &json!({ "origin": origin })).await;
        assert_eq!(answer, (200, json!({ "permission": "granted" })));
    }

    /// The window that a page of `origin` opened, after the holder typed the PIN.
    pub(crate) async fn answer(&self, origin: &str, request: &Value, pin: &str) -> (u16, Value) {
        let body = json!({ "origin": origin, "request": request, "pin": pin });
        self.post(&self.own, "/window/answer", &body).await
    }
}
