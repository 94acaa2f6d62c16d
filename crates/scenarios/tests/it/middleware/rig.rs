//! A card of the nation on a virtual reader of pcscd, put there by `musubi-agent virtual`.

use std::ffi::OsStr;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use axum::Router;
use musubi_httpkit::hosts::by_host;
use musubi_nation::World;
use musubi_nation::pages::{PagesConfig, card_router};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::JoinHandle;

const PATIENCE: Duration = Duration::from_secs(30);

/// Ports of the virtual readers that no test uses now.
static READERS: LazyLock<(Semaphore, Mutex<Vec<u16>>)> = LazyLock::new(|| {
    let ports = std::env::var("MUSUBI_TEST_READERS").unwrap_or_default();
    let ports: Vec<u16> = ports.split_whitespace().map(|port| port.parse().expect("a port")).collect();
    (Semaphore::new(ports.len()), Mutex::new(ports))
});

/// Whether there are readers. They are there inside `scripts/with-cards` only, where these tests run once more.
pub(crate) fn available() -> bool {
    let found = std::env::var_os("MUSUBI_TEST_READERS").is_some();
    if !found {
        println!(
            "not here: tests with pcscd run by `scripts/with-cards cargo test -p musubi-scenarios middleware`"
        );
    }
    found
}

/// The nation's site of cards on a port of its own.
pub(crate) struct CardSite {
    pub(crate) origin: String,
    server: JoinHandle<()>,
}

impl CardSite {
    pub(crate) async fn of(world: &World) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let site = |name: &str| format!("http://{name}localhost:{port}");
        let config = PagesConfig {
            demo: site(""),
            bank: site("bank."),
            portal: site("portal."),
            card: site("card."),
            town: site("town."),
            phish: site("phish."),
        };
        let origin = config.card.clone();
        let router = by_host(vec![("card", card_router(world.clone(), config))], Router::new());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { origin, server }
    }
}

impl Drop for CardSite {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A card on a reader.
pub(crate) struct Inserted {
    /// Name of the reader's first slot, as PC/SC has it.
    pub(crate) reader: String,
    port: u16,
    agent: Option<Child>,
    folder: TempDir,
    _permit: SemaphorePermit<'static>,
}

impl Inserted {
    /// Puts the resident's card on a free reader; `options` are further ones of `musubi-agent virtual`.
    pub(crate) async fn insert(nation: &str, resident: &str, options: &[&str]) -> Self {
        let permit = READERS.0.acquire().await.unwrap();
        let port = READERS.1.lock().unwrap().pop().expect("one port for each permit");
        let folder = tempfile::tempdir().unwrap();
        let all = std::env::var("MUSUBI_TEST_READERS").unwrap();
        let others: Vec<String> = all
            .split_whitespace()
            .filter(|other| *other != port.to_string())
            .map(|other| format!("\"Musubi {other}\""))
            .collect();
        // Programs over OpenSC see this reader alone.
        let conf = format!("app default {{ ignored_readers = {}; }}\n", others.join(", "));
        std::fs::write(folder.path().join("opensc.conf"), conf).unwrap();
        let mut inserted =
            Self { reader: format!("Musubi {port} 00 00"), port, agent: None, folder, _permit: permit };
        inserted.run_agent(nation, resident, options).await;
        inserted
    }

    async fn run_agent(&mut self, nation: &str, resident: &str, options: &[&str]) {
        let mut command = Command::new(agent_program());
        command.args(["virtual", "--language", "en", "--nation", nation, "--resident", resident]);
        command.args(["--reader-port", &self.port.to_string()]).args(options);
        command.stdout(Stdio::piped()).stdin(Stdio::null()).kill_on_drop(true);
        let mut agent = command.spawn().expect("musubi-agent starts");
        let mut lines = BufReader::new(agent.stdout.take().expect("piped")).lines();
        let mut said = String::new();
        let ready = tokio::time::timeout(PATIENCE, async {
            while let Some(line) = lines.next_line().await.unwrap() {
                said.push_str(&line);
                if line.starts_with("The virtual card of") {
                    return true;
                }
            }
            false
        });
        assert!(ready.await.unwrap_or(false), "musubi-agent virtual was not ready: {said}");
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        self.agent = Some(agent);
        self.wait_until(true).await;
    }

    /// Takes the card away: the program that plays it ends.
    pub(crate) async fn remove(&mut self) {
        if let Some(mut agent) = self.agent.take() {
            agent.kill().await.unwrap();
            self.wait_until(false).await;
        }
    }

    /// Until pcscd, which looks at its readers at intervals, knows.
    async fn wait_until(&self, present: bool) {
        let wanted = if present { "Yes" } else { "No" };
        let seen = tokio::time::timeout(PATIENCE, async {
            loop {
                let listed = said(&self.run("opensc-tool", &["-l"]).await);
                let row = listed.lines().find(|line| line.ends_with(&self.reader)).unwrap_or_default();
                if row.split_whitespace().nth(1) == Some(wanted) {
                    return;
                }
            }
        });
        assert!(seen.await.is_ok(), "pcscd never said card: {wanted}");
    }

    /// Runs another program with this reader.
    pub(crate) async fn run(&self, program: impl AsRef<OsStr>, arguments: &[&str]) -> Output {
        self.run_with(Stdio::null(), program, arguments).await
    }

    pub(crate) async fn run_with(
        &self,
        input: Stdio,
        program: impl AsRef<OsStr>,
        arguments: &[&str],
    ) -> Output {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env("OPENSC_CONF", self.folder.path().join("opensc.conf"))
            .env("PKCS11_MODULE_PATH", module())
            .env("HOME", self.folder.path())
            .env("LC_ALL", "C.UTF-8")
            .current_dir(self.folder.path())
            .stdin(input)
            .kill_on_drop(true);
        tokio::time::timeout(PATIENCE, command.output()).await.expect("ends in time").expect("is installed")
    }

    /// The same, and it must succeed; what it printed.
    pub(crate) async fn done(&self, program: impl AsRef<OsStr>, arguments: &[&str]) -> String {
        self.done_with(Stdio::null(), program, arguments).await
    }

    /// The same, with something at its standard input.
    pub(crate) async fn done_with(
        &self,
        input: Stdio,
        program: impl AsRef<OsStr>,
        arguments: &[&str],
    ) -> String {
        let output = self.run_with(input, program, arguments).await;
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
        said(&output)
    }

    /// A file in the folder in which programs run.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.file(name)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, content: &[u8]) {
        std::fs::write(self.file(name), content).unwrap();
    }
}

impl Drop for Inserted {
    fn drop(&mut self) {
        READERS.1.lock().unwrap().push(self.port);
    }
}

/// Both outputs of a program.
pub(crate) fn said(output: &Output) -> String {
    [&output.stdout[..], &output.stderr].map(String::from_utf8_lossy).concat()
}

/// OpenSC's PKCS#11 module.
pub(crate) fn module() -> String {
    let folders = std::fs::read_dir("/usr/lib").unwrap().filter_map(Result::ok).map(|entry| entry.path());
    let found = folders.map(|folder| folder.join("opensc-pkcs11.so")).find(|file| file.is_file());
    found.expect("opensc-pkcs11 is installed").display().to_string()
}

/// `musubi-agent`, as built for these tests.
pub(crate) fn agent_program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_musubi-agent-under-test"))
}

/// `musubi`, likewise.
pub(crate) fn operator_program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_musubi-under-test"))
}
