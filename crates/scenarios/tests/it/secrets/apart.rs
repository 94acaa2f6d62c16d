//! The platform as the operator runs it: `musubi serve`, a process of its own behind a proxy. Nation, bank and town hall
//! are in the test's process, which keeps every byte that passes the proxy.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use musubi_crypto::{ClientKey, SystemRandom};
use musubi_demo::Sites;
use musubi_httpkit::client::http_client;
use musubi_httpkit::hosts::by_host;
use musubi_httpkit::page::CardOrigins;
use musubi_kernel::{Clock, Date, Secret, SystemClock};
use musubi_nation::pages::{PagesConfig, card_router, town_router};
use musubi_nation::{DEFAULT_SEED, World, WorldConfig};
use musubi_pki::AuthorityKind;
use musubi_services::bank::{Bank, BankConfig};
use musubi_store::Db;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::Child;
use tokio::task::JoinHandle;

use crate::middleware::served::free_port;

const PATIENCE: Duration = Duration::from_secs(60);
const CREDENTIAL: &str = "the operator's credential in these tests";

/// Everything that went to the platform and came from it.
pub(crate) type Recorded = Arc<Mutex<Vec<u8>>>;

pub(crate) struct Apart {
    pub(crate) sites: Sites,
    pub(crate) world: World,
    pub(crate) recorded: Recorded,
    platform: Child,
    tasks: Vec<JoinHandle<()>>,
    folder: TempDir,
}

impl Apart {
    pub(crate) async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let sites = Sites { port: listener.local_addr().unwrap().port() };
        let clock = Arc::new(SystemClock);
        let nation = WorldConfig {
            seed: DEFAULT_SEED,
            epoch: Date::new(clock.now().date_in_japan().year(), 1, 1).unwrap().starts_in_japan(),
            operator_credential: Secret::new(CREDENTIAL.into()),
        };
        let db = Db::open_sqlite(&folder.path().join("nation.sqlite")).await.unwrap();
        let world = World::open(nation, db, clock.clone()).await.unwrap();

        let bank_key = ClientKey::generate().unwrap();
        let port = free_port();
        configure(folder.path(), sites, &world, port);
        std::fs::write(folder.path().join("bank.jwks"), bank_key.jwk_set()).unwrap();
        let bank_id = register_bank(folder.path(), sites);

        let recorded = Recorded::default();
        let pages = PagesConfig {
            demo: sites.origin(""),
            bank: sites.origin("bank"),
            portal: sites.origin("portal"),
            card: sites.origin("card"),
            town: sites.origin("town"),
            phish: sites.origin("phish"),
        };
        let bank = Bank::open(BankConfig {
            db: Db::open_sqlite(&folder.path().join("bank.sqlite")).await.unwrap(),
            clock,
            random: Arc::new(SystemRandom),
            platform_origin: sites.origin("api"),
            relying_party_id: bank_id,
            client_key: bank_key,
            own_origin: sites.origin("bank"),
            card: CardOrigins { window: sites.origin("card"), agent: None },
            portal_origin: sites.origin("portal"),
            lab: false,
        })
        .await
        .unwrap();
        let routes = vec![
            ("card", card_router(world.clone(), pages.clone())),
            ("town", town_router(world.clone(), pages)),
            ("authority", world.upstream()),
            ("api", proxy(port, recorded.clone())),
            ("portal", proxy(port, recorded.clone())),
            ("bank", bank.pages()),
        ];
        let router = by_host(routes, Router::new()).into_make_service_with_connect_info::<SocketAddr>();
        let tasks = vec![
            tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }),
            tokio::spawn(async move { bank.run_background(std::future::pending()).await }),
        ];
        let platform = serve(folder.path());
        let apart = Self { sites, world, recorded, platform, tasks, folder };
        apart.wait_until_ready().await;
        apart
    }

    async fn wait_until_ready(&self) {
        let client = http_client(Duration::from_secs(5));
        let ready = async {
            while !self.answers(&client).await {
                tokio::task::yield_now().await;
            }
        };
        assert!(
            tokio::time::timeout(PATIENCE, ready).await.is_ok(),
            "musubi serve did not answer: {}",
            self.log()
        );
    }

    async fn answers(&self, client: &reqwest::Client) -> bool {
        let checkpoint = client.get(format!("{}/v1/audit/checkpoint", self.sites.origin("api"))).send().await;
        checkpoint.is_ok_and(|response| response.status().is_success())
    }

    /// What the platform has logged, at its most talkative.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// The platform's process.
    pub(crate) fn process(&self) -> u32 {
        self.platform.id().expect("it runs")
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

fn configure(folder: &Path, sites: Sites, world: &World, port: u16) {
    for (number, (kind, certificate)) in world.trust_anchors().into_iter().enumerate() {
        let kind = if kind == AuthorityKind::DigitalSignature { "sign" } else { "auth" };
        std::fs::create_dir_all(folder.join(kind)).unwrap();
        std::fs::write(folder.join(kind).join(format!("{number}.der")), certificate).unwrap();
    }
    std::fs::write(folder.join("credential"), CREDENTIAL).unwrap();
    std::fs::write(folder.join("pairwise"), [7; 32]).unwrap();
    std::fs::write(folder.join("signing"), [9; 32]).unwrap();
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:{port}\"\napi_origin = \"{}\"\nportal_origin = \"{}\"\ncard_origin = \"{}\"\n\
         [database]\nurl = \"sqlite:{here}/platform.sqlite\"\n\
         [trust]\nmode = \"test_hierarchy_never_in_production\"\n\
         digital_signature_roots = \"{here}/sign\"\nuser_authentication_roots = \"{here}/auth\"\n\
         [upstream]\norigin = \"{}\"\ncredential_file = \"{here}/credential\"\n\
         [secrets]\npairwise_secret_file = \"{here}/pairwise\"\nsigning_key_file = \"{here}/signing\"\n",
        sites.origin("api"),
        sites.origin("portal"),
        sites.origin("card"),
        sites.origin("authority"),
        here = folder.display(),
    );
    std::fs::write(folder.join("musubi.toml"), text).unwrap();
}

fn musubi(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_musubi-under-test"));
    command.current_dir(folder).stdin(Stdio::null()).env("MUSUBI_LOG", "trace");
    command
}

/// Registers the bank as an operator does; answers its identifier.
fn register_bank(folder: &Path, sites: Sites) -> String {
    let migrated = musubi(folder).arg("migrate").output().unwrap();
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
    let add =
        ["relying-party", "add", "--name-ja", "みほん銀行", "--name-en", "Mihon Bank", "--keys", "bank.jwks"];
    let added = musubi(folder).args(add).args(["--origin", &sites.origin("bank")]).output().unwrap();
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    String::from_utf8(added.stdout).unwrap().trim().to_owned()
}

fn serve(folder: &Path) -> Child {
    let log = std::fs::File::create(folder.join("log")).unwrap();
    let mut command = tokio::process::Command::from(musubi(folder));
    command.arg("serve").stdout(log.try_clone().unwrap()).stderr(log).kill_on_drop(true);
    command.spawn().expect("musubi starts")
}

/// Hands requests on to the platform and answers back, and keeps both.
fn proxy(port: u16, recorded: Recorded) -> Router {
    let client = http_client(Duration::from_secs(30));
    Router::new().fallback(move |request: Request| {
        let (client, recorded) = (client.clone(), recorded.clone());
        async move { pass_on(&client, port, request, &recorded).await }
    })
}

async fn pass_on(client: &reqwest::Client, port: u16, request: Request, recorded: &Recorded) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let seen = format!("{} {}\n{:?}\n", parts.method, parts.uri, parts.headers);
    recorded.lock().unwrap().extend([seen.as_bytes(), &body].concat());
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let sent = client
        .request(parts.method, format!("http://127.0.0.1:{port}{path}"))
        .headers(parts.headers)
        .body(body)
        .send()
        .await;
    let Ok(answer) = sent else { return StatusCode::BAD_GATEWAY.into_response() };
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    headers.remove(header::TRANSFER_ENCODING);
    let body = answer.bytes().await.unwrap();
    recorded.lock().unwrap().extend_from_slice(&body);
    (status, headers, Body::from(body)).into_response()
}
