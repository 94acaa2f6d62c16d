//! The operator's command line: `musubi serve | migrate | recheck | config check | relying-party add | relying-party list`, and
//! what anybody may run without a server: `musubi verify | inspect | path | replay | offline | follow`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use musubi_crypto::{JwkSet, SystemRandom};
use musubi_httpkit::hosts::by_host;
use musubi_httpkit::peers_behind_proxy;
use musubi_kernel::{Clock as _, SystemClock};
use musubi_pki::{Policy, ValidationPolicy};
use musubi_platform::relying_party::{self, NewRelyingParty, RelyingPartyId};
use musubi_store::Db;
use musubi_verification::evidence;
use musubi_verification::offline_filter;
use musubi_verification::upstream::HttpUpstream;
use musubi_verification::validation_policy;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config::{Config, host_of};
use crate::{Origins, Parts, Platform};

/// The Musubi platform.
#[derive(Debug, Parser)]
#[command(name = "musubi", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the platform.
    Serve(ConfigFile),
    /// Bring the database to this version's schema.
    Migrate(ConfigFile),
    /// Look up every known certificate in the revocation lists in use once more, beside a running server.
    Recheck(ConfigFile),
    /// Look at the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Register relying parties.
    #[command(subcommand)]
    RelyingParty(RelyingPartyCommand),
    /// Keep validation policies, and put relying parties under them.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// How old evidence may be for a relying party, and what happens in an outage.
    #[command(subcommand)]
    FreshnessContract(crate::freshness_contract::FreshnessContractCommand),
    /// Give out the bundles of verdicts.
    #[command(subcommand)]
    Bundle(BundleCommand),
    /// Say which relying parties may have offline filters.
    #[command(subcommand)]
    OfflineFilter(OfflineFilterCommand),
    /// Judge the signatures of files.
    #[command(
        after_help = "Exit codes: 0 all TOTAL-PASSED, 1 a verdict that is not, 2 could not judge, 64 wrong arguments."
    )]
    Verify(Box<crate::verify::Arguments>),
    /// Tell what a certificate, a revocation list, an OCSP response or a signed document holds. Verifies nothing.
    Inspect(crate::inspect::Arguments),
    /// Judge certification paths.
    #[command(
        after_help = "Exit codes: 0 all TOTAL-PASSED, 1 a verdict that is not, 2 could not judge, 64 wrong arguments."
    )]
    Path(crate::path_batch::Arguments),
    /// Derive a verdict again from its bundle, offline, and name the first difference.
    Replay(crate::replay::Replay),
    /// Check certificates without a network, by the platform's offline filter.
    #[command(subcommand)]
    Offline(crate::offline::Command),
    /// Follow a relying party's change stream, check its chain, and keep what it tells.
    #[command(after_help = crate::follow::EXIT_CODES)]
    Follow(Box<crate::follow::Arguments>),
}

impl Command {
    /// The configuration of the server, if this runs it.
    fn configuration(&self) -> Option<&Path> {
        match self {
            Self::Serve(file) => Some(&file.config),
            _ => None,
        }
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct ConfigFile {
    /// The configuration file (TOML).
    #[arg(long, default_value = "musubi.toml")]
    pub(crate) config: PathBuf,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Read the file and print what was understood.
    Check(ConfigFile),
}

#[derive(Debug, Subcommand)]
enum RelyingPartyCommand {
    /// Register a relying party and print its identifier.
    Add {
        #[command(flatten)]
        file: ConfigFile,
        /// Name in Japanese.
        #[arg(long)]
        name_ja: String,
        /// Name in English.
        #[arg(long)]
        name_en: String,
        /// An origin of its pages; may be given several times.
        #[arg(long, required = true)]
        origin: Vec<String>,
        /// File with its public keys (JWK Set).
        #[arg(long)]
        keys: PathBuf,
    },
    /// List the registered relying parties.
    List(ConfigFile),
}

#[derive(Debug, Subcommand)]
enum PolicyCommand {
    /// Add a policy, or the next version of one, from a JSON file, and print its hash.
    Add {
        #[command(flatten)]
        file: ConfigFile,
        /// The policy (docs/validation-policies.md).
        policy: PathBuf,
    },
    /// List every policy: id, version, SHA-256.
    List(ConfigFile),
    /// Have a relying party's verdicts made under a policy from now on.
    Assign {
        #[command(flatten)]
        file: ConfigFile,
        /// The relying party's identifier.
        relying_party: RelyingPartyId,
        /// The policy's id.
        id: String,
        /// Its version.
        version: u32,
    },
}

#[derive(Debug, Subcommand)]
enum BundleCommand {
    /// Write the bundle of a verdict to the standard output. It holds the resident's certificate: keep it as such.
    Export {
        #[command(flatten)]
        file: ConfigFile,
        /// The transaction's identifier, or the verdict's index in the audit log. A transaction that could not be
        /// judged at first has several verdicts; the last one is written.
        verdict: String,
    },
}

#[derive(Debug, Subcommand)]
enum OfflineFilterCommand {
    /// Let a relying party have offline filters. They are made from the next look at the lists on.
    Allow {
        #[command(flatten)]
        file: ConfigFile,
        /// The relying party's identifier.
        relying_party: RelyingPartyId,
    },
    /// Give a relying party none any more. What it has, it has.
    Deny {
        #[command(flatten)]
        file: ConfigFile,
        /// The relying party's identifier.
        relying_party: RelyingPartyId,
    },
    /// List who may have them, and since when.
    List(ConfigFile),
}

pub(crate) type Failure = Box<dyn std::error::Error>;

/// Wrong arguments (`EX_USAGE`).
const USAGE: u8 = 64;

/// Runs the command line; the exit code is 0, 1 after a failure, or 64 for wrong arguments. What needs no server has
/// its own, with the same 64.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            drop(error.print());
            return if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS };
        }
    };
    match &arguments.command {
        Command::Verify(arguments) => return crate::verify::run(arguments, SystemClock.now()),
        Command::Inspect(arguments) => return crate::inspect::run(arguments),
        Command::Path(arguments) => return crate::path_batch::run(arguments),
        Command::Replay(replay) => return replay.run(&mut std::io::stdout()),
        Command::Offline(command) => return crate::offline::run(command, SystemClock.now()),
        Command::Follow(arguments) => return crate::follow::run(arguments),
        _ => {}
    }
    let tracing = match crate::telling::start(arguments.command.configuration()) {
        Ok(tracing) => tracing,
        Err(error) => {
            say(&mut std::io::stderr(), &format!("musubi: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let done = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::from)
        .and_then(|runtime| runtime.block_on(run(arguments.command)));
    // After the runtime has ended, so that the spans of the last requests are sent, too.
    tracing.end();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&mut std::io::stderr(), &format!("musubi: {error}"));
            ExitCode::FAILURE
        }
    }
}

pub(crate) fn say(to: &mut dyn std::io::Write, text: &str) {
    // A closed pipe is the reader's choice.
    drop(writeln!(to, "{text}"));
}

async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve(file) => serve(&Config::read(&file.config)?).await,
        Command::Recheck(file) => recheck(&Config::read(&file.config)?).await,
        Command::Migrate(file) => {
            let db = database(&Config::read(&file.config)?).await?;
            crate::migrate(&db, SystemClock.now()).await?;
            say(&mut std::io::stdout(), &format!("The {} database has this version's schema.", db.engine()));
            Ok(())
        }
        Command::Config(ConfigCommand::Check(file)) => check(&file.config),
        Command::RelyingParty(RelyingPartyCommand::Add { file, name_ja, name_en, origin, keys }) => {
            let config = Config::read(&file.config)?;
            let key_set = JwkSet::parse(&std::fs::read_to_string(keys)?)?;
            let db = database(&config).await?;
            let new = NewRelyingParty { name_ja, name_en, origins: origin, key_set };
            let mut tx = db.begin().await?;
            let id = relying_party::register(&mut tx, &new, &SystemRandom, SystemClock.now()).await?;
            tx.commit().await?;
            say(&mut std::io::stdout(), id.as_str());
            Ok(())
        }
        Command::Policy(command) => policy(command).await,
        Command::OfflineFilter(command) => offline_filter(command).await,
        Command::FreshnessContract(command) => crate::freshness_contract::run(command).await,
        Command::RelyingParty(RelyingPartyCommand::List(file)) => {
            let db = database(&Config::read(&file.config)?).await?;
            let mut tx = db.begin_read().await?;
            for rp in relying_party::list(&mut tx).await? {
                let line = format!("{}\t{}\t{}\t{}", rp.id, rp.name_ja, rp.name_en, rp.origins.join(" "));
                say(&mut std::io::stdout(), &line);
            }
            Ok(())
        }
        Command::Bundle(BundleCommand::Export { file, verdict }) => {
            let config = Config::read(&file.config)?;
            let bundle = export(&config, &verdict).await?;
            std::io::Write::write_all(&mut std::io::stdout(), &bundle)?;
            Ok(())
        }
        // Answered before, without a runtime.
        Command::Verify(_)
        | Command::Inspect(_)
        | Command::Path(_)
        | Command::Replay(_)
        | Command::Offline(_)
        | Command::Follow(_) => Ok(()),
    }
}

async fn policy(command: PolicyCommand) -> Result<(), Failure> {
    let at = SystemClock.now();
    match command {
        PolicyCommand::Add { file, policy } => {
            let policy: ValidationPolicy = serde_json::from_str(&std::fs::read_to_string(policy)?)?;
            let mut tx = database(&Config::read(&file.config)?).await?.begin().await?;
            validation_policy::add(&mut tx, &policy, &SystemRandom, at).await?;
            tx.commit().await?;
            say(&mut std::io::stdout(), &hex::encode(policy.sha256()));
        }
        PolicyCommand::List(file) => {
            let mut tx = database(&Config::read(&file.config)?).await?.begin_read().await?;
            for stored in validation_policy::list(&mut tx).await? {
                let (policy, hash) = (stored.policy, hex::encode(stored.sha256));
                say(&mut std::io::stdout(), &format!("{}\t{}\t{hash}", policy.id, policy.version));
            }
        }
        PolicyCommand::Assign { file, relying_party, id, version } => {
            let mut tx = database(&Config::read(&file.config)?).await?.begin().await?;
            validation_policy::assign(&mut tx, &relying_party, &id, version, &SystemRandom, at).await?;
            tx.commit().await?;
        }
    }
    Ok(())
}

async fn offline_filter(command: OfflineFilterCommand) -> Result<(), Failure> {
    let at = SystemClock.now();
    match command {
        OfflineFilterCommand::Allow { file, relying_party } => {
            let mut tx = database(&Config::read(&file.config)?).await?.begin().await?;
            offline_filter::allow(&mut tx, &relying_party, &SystemRandom, at).await?;
            tx.commit().await?;
        }
        OfflineFilterCommand::Deny { file, relying_party } => {
            let mut tx = database(&Config::read(&file.config)?).await?.begin().await?;
            offline_filter::deny(&mut tx, &relying_party, &SystemRandom, at).await?;
            tx.commit().await?;
        }
        OfflineFilterCommand::List(file) => {
            let mut tx = database(&Config::read(&file.config)?).await?.begin_read().await?;
            for (relying_party, since) in offline_filter::allowed(&mut tx).await? {
                say(&mut std::io::stdout(), &format!("{relying_party}\t{}", since.rfc3339()));
            }
        }
    }
    Ok(())
}

async fn export(config: &Config, verdict: &str) -> Result<Vec<u8>, Failure> {
    let context = config.context(database(config).await?)?;
    let mut tx = context.db.begin_read().await?;
    let index = match verdict.parse() {
        Ok(index) => Some(index),
        Err(_) => evidence::bundles_of(&mut tx, verdict).await?.last().copied(),
    };
    let index = index.ok_or("there is no verdict of this transaction")?;
    Ok(evidence::bundle(&mut tx, &context, index).await?)
}

pub(crate) async fn database(config: &Config) -> Result<Db, Failure> {
    Ok(Db::open(&config.database_url()?).await?)
}

fn check(path: &Path) -> Result<(), Failure> {
    let config = Config::read(path)?;
    config.anchors()?;
    let card_authorities = config.card_authorities()?;
    config.pairwise_secret()?;
    config.upstream_credential()?;
    let signing_key = hex::encode(config.signing_key()?.public_key());
    let mut out = std::io::stdout();
    say(&mut out, &format!("listens on        {}", config.server.listen));
    say(&mut out, &format!("REST API          {}", config.server.api_origin));
    say(&mut out, &format!("portal            {}", config.server.portal_origin));
    say(&mut out, &format!("card window       {}", config.server.card_origin));
    let reader = config.server.agent_origin.as_deref().unwrap_or("not offered");
    say(&mut out, &format!("card reader       {reader}"));
    say(&mut out, &format!("trust             {:?}", config.trust.mode));
    let presence = if card_authorities.is_empty() { "off" } else { "cards of the named authorities" };
    say(&mut out, &format!("without PIN       {presence}"));
    say(&mut out, &format!("upstream          {}", config.upstream.origin));
    let kept = config.revocation.folder.as_deref().map_or("memory".into(), Path::to_string_lossy);
    say(&mut out, &format!("revocation lists  {:?}, in {kept}", config.revocation.lists));
    config.access_code()?;
    let console = config.console.as_ref().map_or("off", |console| console.origin.as_str());
    say(&mut out, &format!("console           {console}"));
    let metrics = config.metrics.as_ref().map_or("off".to_owned(), |metrics| metrics.listen.to_string());
    say(&mut out, &format!("metrics           {metrics}"));
    let telemetry = config.telemetry.as_ref().map_or("off", |telemetry| telemetry.otlp_endpoint.as_str());
    say(&mut out, &format!("traces            {telemetry}"));
    say(&mut out, &format!("signs with        {signing_key} (Ed25519 public key)"));
    Ok(())
}

async fn serve_metrics(
    listen: SocketAddr,
    platform: &Platform,
    stopped: watch::Receiver<bool>,
) -> Result<JoinHandle<std::io::Result<()>>, Failure> {
    let handle =
        crate::metrics::install(crate::metrics::recorder()?).ok_or("metrics are recorded already")?;
    let listener = tokio::net::TcpListener::bind(listen).await?;
    let (context, figures) = (platform.context().clone(), Arc::new(platform.figures().clone()));
    Ok(tokio::spawn(crate::metrics::serve(listener, handle, context, figures, stopped)))
}

/// For an operator who doubts: what the lists say and the change stream does not, it is told now.
async fn recheck(config: &Config) -> Result<(), Failure> {
    let platform = platform(config).await?;
    let mut out = std::io::stdout();
    let looked = |certificates: u64| say(&mut out, &format!("{certificates} certificates looked up"));
    let (certificates, events) = platform.verification().look_at_all_again(looked).await?;
    say(
        &mut std::io::stdout(),
        &format!("{certificates} certificates in all; {events} events that were missing"),
    );
    platform.context().db.close().await;
    Ok(())
}

async fn platform(config: &Config) -> Result<Platform, Failure> {
    let platform = Platform::open(Parts {
        db: database(config).await?,
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
        pairwise_secret: config.pairwise_secret()?,
        signing_key: config.signing_key()?,
        anchors: config.anchors()?,
        card_authorities: config.card_authorities()?,
        upstream: Arc::new(
            HttpUpstream::new(config.upstream.origin.clone(), config.upstream_credential()?)
                .with_lists(config.revocation.lists),
        ),
        policy: Policy { max_list_age: config.trust.max_list_age_seconds, ..Policy::default() },
        origins: Origins {
            api: config.server.api_origin.clone(),
            portal: config.server.portal_origin.clone(),
            card: config.card_origins()?,
        },
        reach: musubi_httpkit::outbound::Reach::PublicOnly,
        sealed_lists: config.revocation.folder.clone(),
    })
    .await?
    .with_fees(config.fees.clone());
    Ok(match &config.freshness {
        Some(freshness) => platform.keeping_answers(i64::from(freshness.answers_kept_days) * 24 * 3600),
        None => platform,
    })
}

async fn serve(config: &Config) -> Result<(), Failure> {
    let platform = platform(config).await?;
    let (api, portal) = (host_of(&config.server.api_origin), host_of(&config.server.portal_origin));
    let mut hosts = vec![(api, platform.api()), (portal, platform.portal())];
    if let (Some(console), Some(code)) = (&config.console, config.access_code()?) {
        hosts.push((host_of(&console.origin), platform.console(code, console.origin.clone())));
    }
    let router = by_host(hosts, axum::Router::new());
    let router = match config.client_address_header()? {
        Some(header) => peers_behind_proxy(router, header),
        None => router,
    };
    let listener = tokio::net::TcpListener::bind(config.server.listen).await?;
    tracing::info!(listen = %config.server.listen, "the platform is running");
    let (stop, stopped) = watch::channel(false);
    let background = {
        let (platform, stopped) = (platform.clone(), stopped.clone());
        tokio::spawn(async move { platform.run_background(stopped).await })
    };
    let metrics = match &config.metrics {
        Some(metrics) => Some(serve_metrics(metrics.listen, &platform, stopped).await?),
        None => None,
    };
    axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown({
            let streams = platform.streams().clone();
            async move {
                crate::asked_to_end().await;
                // Nobody who follows live is waited for: they connect again.
                streams.close_connections();
            }
        })
        .await?;
    stop.send_replace(true);
    background.await?;
    if let Some(metrics) = metrics {
        metrics.await??;
    }
    platform.context().db.close().await;
    Ok(())
}
