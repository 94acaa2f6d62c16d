//! Puts the nation, the platform and the services together behind one port, and takes them down again.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use musubi_console::AccessCode;
use musubi_crypto::{JwkSet, SystemRandom};
use musubi_httpkit::hosts::by_host;
use musubi_httpkit::page::{CardAgent, CardOrigins};
use musubi_kernel::{Clock, SystemClock, UnixTime};
use musubi_nation::pages::{PagesConfig, card_router, town_router};
use musubi_nation::{DEFAULT_SEED, World, WorldConfig};
use musubi_pki::{Policy, TrustAnchors};
use musubi_platform::relying_party::{self, NewRelyingParty};
use musubi_server::{Origins, Parts, Platform};
use musubi_services::bank::{Bank, BankConfig};
use musubi_services::phish::{Phish, PhishConfig};
use musubi_store::Db;
use musubi_verification::upstream::HttpUpstream;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::secrets::Secrets;
use crate::start::{self, ConsoleDoor};

/// How often the authorities look whether the daily list is due.
const PUBLISH_EVERY: Duration = Duration::from_secs(30);

/// Where `musubi-agent` listens unless it is told another port.
pub(crate) const AGENT_ORIGIN: &str = "http://127.0.0.1:24817";

/// How the demo runs.
pub struct DemoConfig {
    /// Port on 127.0.0.1; 0 lets the system choose.
    pub port: u16,
    /// Folder for the databases and secrets.
    pub data: PathBuf,
    /// The platform's database if it is not SQLite in `data`: `postgres://…`.
    pub database: Option<String>,
    /// Where the pages look for the program that speaks to the card reader of this computer.
    pub agent_origin: String,
    /// Everything random in the nation follows from it.
    pub seed: u64,
    /// Time, before time travel.
    pub clock: Arc<dyn Clock>,
}

impl DemoConfig {
    /// The usual demo in `data`.
    #[must_use]
    pub fn new(port: u16, data: PathBuf) -> Self {
        let (agent_origin, clock) = (AGENT_ORIGIN.to_owned(), Arc::new(SystemClock));
        Self { port, data, database: None, agent_origin, seed: DEFAULT_SEED, clock }
    }
}

/// Why the demo did not start.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The port is taken, or the folder cannot be used.
    #[error("{what}: {error}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        error: std::io::Error,
    },
    /// A database.
    #[error(transparent)]
    Store(#[from] musubi_store::StoreError),
    /// The nation.
    #[error(transparent)]
    Nation(#[from] musubi_nation::NationError),
    /// The platform.
    #[error(transparent)]
    Platform(#[from] musubi_server::StartError),
    /// The bank.
    #[error(transparent)]
    Bank(#[from] musubi_services::bank::BankError),
    /// The nation's roots or the bank's registration.
    #[error("{0}")]
    Setup(String),
}

/// The addresses of the demo's sites.
#[derive(Debug, Clone, Copy)]
pub struct Sites {
    /// The port of all of them.
    pub port: u16,
}

impl Sites {
    /// The origin of a site by its label: `bank` → `http://bank.localhost:8080`; an empty label is the start page.
    #[must_use]
    pub fn origin(self, label: &str) -> String {
        let dot = if label.is_empty() { "" } else { "." };
        format!("http://{label}{dot}localhost:{}", self.port)
    }

    /// Where the pages find a card: the demo's own window, and a reader behind the program at `agent`.
    fn card(self, agent: &str) -> CardOrigins {
        let help = format!("{}/#card-reader", self.origin(""));
        let agent = CardAgent { origin: agent.to_owned(), help };
        CardOrigins { window: self.origin("card"), agent: Some(agent) }
    }
}

/// The running demo.
pub struct Demo {
    /// Where its sites are.
    pub sites: Sites,
    /// The nation.
    pub world: World,
    /// The platform.
    pub platform: Platform,
    /// The bank.
    pub bank: Bank,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    databases: Vec<Db>,
}

impl Demo {
    /// Starts everything; the sites answer when this returns.
    ///
    /// # Errors
    /// [`DemoError`].
    pub async fn start(config: DemoConfig) -> Result<Self, DemoError> {
        std::fs::create_dir_all(&config.data)
            .map_err(|error| DemoError::Io { what: "the data folder", error })?;
        let secrets = Secrets::load_or_make(&config.data)
            .map_err(|error| DemoError::Io { what: "the secrets", error })?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, config.port))
            .await
            .map_err(|error| DemoError::Io { what: "the port", error })?;
        let port = listener.local_addr().map_err(|error| DemoError::Io { what: "the port", error })?.port();
        let sites = Sites { port };

        let nation_db = Db::open_sqlite(&config.data.join("nation.sqlite")).await?;
        let nation = WorldConfig {
            seed: config.seed,
            epoch: founding_day(config.clock.now()),
            operator_credential: secrets.operator_credential.clone(),
        };
        let world = World::open(nation, nation_db.clone(), Arc::clone(&config.clock)).await?;
        let (platform, platform_db) = open_platform(&config, sites, &world, &secrets).await?;
        let bank_db = Db::open_sqlite(&config.data.join("bank.sqlite")).await?;
        let bank = Bank::open(BankConfig {
            db: bank_db.clone(),
            clock: world.clock(),
            random: Arc::new(SystemRandom),
            platform_origin: sites.origin("api"),
            relying_party_id: secrets.bank_id.to_string(),
            client_key: secrets.bank_key,
            own_origin: sites.origin("bank"),
            card: sites.card(&config.agent_origin),
            portal_origin: sites.origin("portal"),
            lab: true,
        })
        .await?;
        let console = ConsoleDoor { origin: sites.origin("console"), code: secrets.console_code };
        let router = sites_router(sites, &config.agent_origin, &world, &platform, &bank, console)?;

        let (stop, stopped) = watch::channel(false);
        let tasks = vec![
            tokio::spawn(serve(listener, router, platform.clone(), stopped.clone())),
            tokio::spawn({
                let (platform, stopped) = (platform.clone(), stopped.clone());
                async move { platform.run_background(stopped).await }
            }),
            tokio::spawn({
                let (bank, stopped) = (bank.clone(), stopped.clone());
                async move { bank.run_background(turned_true(stopped)).await }
            }),
            tokio::spawn(publish_daily(world.clone(), stopped)),
        ];
        Ok(Self {
            sites,
            world,
            platform,
            bank,
            stop,
            tasks,
            databases: vec![nation_db, platform_db, bank_db],
        })
    }

    /// Stops everything and waits for it.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        for task in self.tasks {
            drop(task.await);
        }
        for db in self.databases {
            db.close().await;
        }
    }
}

/// New Year's Day in Japan: lives of residents are counted from a day that does not move during a year and
/// does not lie after the present.
fn founding_day(now: UnixTime) -> UnixTime {
    let year = now.date_in_japan().year();
    musubi_kernel::Date::new(year, 1, 1).map_or(now, musubi_kernel::Date::starts_in_japan)
}

async fn open_platform(
    config: &DemoConfig,
    sites: Sites,
    world: &World,
    secrets: &Secrets,
) -> Result<(Platform, Db), DemoError> {
    let db = match &config.database {
        Some(url) => Db::open(url).await?,
        None => Db::open_sqlite(&platform_file(&config.data)).await?,
    };
    let anchors = TrustAnchors::insecure_test_hierarchy(world.trust_anchors())
        .map_err(|error| DemoError::Setup(error.to_string()))?;
    let signing_key = musubi_server::config::signing_key(&secrets.signing_key)
        .ok_or_else(|| DemoError::Setup("the signing key cannot be used".into()))?;
    publish_roots(&config.data.join("roots"), world, &signing_key.public_key())
        .map_err(|error| DemoError::Io { what: "the folder of roots", error })?;
    let platform = Platform::open(Parts {
        db: db.clone(),
        clock: world.clock(),
        random: Arc::new(SystemRandom),
        pairwise_secret: secrets.pairwise.clone(),
        signing_key,
        anchors,
        card_authorities: world.card_authorities().await?,
        upstream: Arc::new(HttpUpstream::new(sites.origin("authority"), secrets.operator_credential.clone())),
        policy: Policy::default(),
        origins: Origins {
            api: sites.origin("api"),
            portal: sites.origin("portal"),
            card: sites.card(&config.agent_origin),
        },
        reach: musubi_httpkit::outbound::Reach::LoopbackTooForTests,
        sealed_lists: None,
    })
    .await?;
    register_bank(&platform, sites, secrets).await?;
    Ok((platform, db))
}

/// What `musubi replay --roots` needs: the nation's roots and the platform's public key.
fn publish_roots(folder: &Path, world: &World, platform_key: &[u8; 32]) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for (number, (kind, der)) in world.trust_anchors().into_iter().enumerate() {
        std::fs::write(folder.join(format!("{}-{number}.der", kind.as_str())), der)?;
    }
    std::fs::write(folder.join("platform-key.hex"), musubi_kernel::hex_lower(platform_key))
}

fn platform_file(data: &Path) -> PathBuf {
    data.join("platform.sqlite")
}

async fn register_bank(platform: &Platform, sites: Sites, secrets: &Secrets) -> Result<(), DemoError> {
    let key_set =
        JwkSet::parse(&secrets.bank_key.jwk_set()).map_err(|error| DemoError::Setup(error.to_string()))?;
    let new = NewRelyingParty {
        name_ja: "みほん銀行".into(),
        name_en: "Mihon Bank".into(),
        origins: vec![sites.origin("bank")],
        key_set,
    };
    let context = platform.context();
    let mut tx = context.db.begin().await?;
    relying_party::register_as(&mut tx, &secrets.bank_id, &new, context.random.as_ref(), context.clock.now())
        .await
        .map_err(|error| DemoError::Setup(error.to_string()))?;
    tx.commit().await?;
    Ok(())
}

fn sites_router(
    sites: Sites,
    agent_origin: &str,
    world: &World,
    platform: &Platform,
    bank: &Bank,
    console: ConsoleDoor,
) -> Result<Router, DemoError> {
    let code = AccessCode::parse(&console.code).map_err(|error| DemoError::Setup(error.to_string()))?;
    let pages = PagesConfig {
        demo: sites.origin(""),
        bank: sites.origin("bank"),
        portal: sites.origin("portal"),
        card: sites.origin("card"),
        town: sites.origin("town"),
        phish: sites.origin("phish"),
    };
    let phish = Phish::new(PhishConfig {
        random: Arc::new(SystemRandom),
        bank_origin: sites.origin("bank"),
        card: sites.card(agent_origin),
    });
    let routes = vec![
        ("card", card_router(world.clone(), pages.clone())),
        ("town", town_router(world.clone(), pages.clone())),
        ("authority", world.upstream()),
        ("api", platform.api()),
        ("portal", platform.portal()),
        ("bank", bank.pages()),
        ("phish", phish.pages()),
        ("console", platform.console(code, console.origin.clone())),
    ];
    let start = start::StartState::new(world.clone(), pages, agent_origin.to_owned(), console);
    Ok(by_host(routes, start::router(start)))
}

async fn serve(listener: TcpListener, router: Router, platform: Platform, stopped: watch::Receiver<bool>) {
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, service).with_graceful_shutdown(async move {
        turned_true(stopped).await;
        // Nobody who follows live is waited for: they connect again.
        platform.streams().close_connections();
    });
    if let Err(error) = served.await {
        tracing::error!(%error, "the web server ended");
    }
}

async fn turned_true(mut stopped: watch::Receiver<bool>) {
    // An error means that the sender is gone: the same.
    drop(stopped.wait_for(|stop| *stop).await);
}

async fn publish_daily(world: World, stopped: watch::Receiver<bool>) {
    loop {
        if let Err(error) = world.publish_due().await {
            tracing::warn!(%error, "the daily lists were not published");
        }
        tokio::select! {
            () = tokio::time::sleep(PUBLISH_EVERY) => {}
            () = turned_true(stopped.clone()) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use musubi_console::Figures as _;
    use musubi_kernel::FixedClock;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn the_console_shows_the_lists_that_the_platform_took_in() {
        let folder = tempfile::tempdir().unwrap();
        let now = UnixTime::parse_rfc3339("2026-11-21T01:00:00Z").unwrap();
        let clock = Arc::new(FixedClock::new(now));
        let config = DemoConfig { clock, ..DemoConfig::new(0, folder.path().to_path_buf()) };
        let demo = Demo::start(config).await.unwrap();
        // Either this or the background takes them in; afterwards they are there.
        drop(demo.platform.verification().take_in().await);
        let figures = demo.platform.figures();
        let lists = figures.lists().await.unwrap();
        let mut authorities: Vec<&str> = lists.iter().map(|list| list.authority.as_str()).collect();
        authorities.dedup();
        assert_eq!(authorities, ["digital_signature", "user_authentication"]);
        assert!(lists.iter().all(|list| list.number > 0 && list.next_update > list.this_update));
        let sizes = figures.list_sizes(UnixTime(0)).await.unwrap();
        assert!(sizes.len() >= lists.len() && sizes.is_sorted_by_key(|size| size.at));
        assert!(figures.list_sizes(now.plus(86_400)).await.unwrap().is_empty());
        demo.stop().await;
    }
}
