//! The running program: its command line, its terminal, its end.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use musubi_crypto::SystemRandom;
use musubi_httpkit::page::{Lang, Tr};
use musubi_kernel::SystemClock;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use super::desk::{CardSource, Desk, Limits};
use super::pairing::Pairing;
use super::register::{Register, RegisterError};
use super::source::PcscSource;
use super::{TEXTS, router};

/// Where relying parties' pages look for the connector.
pub const DEFAULT_PORT: u16 = 24817;

/// How long what is under way may take to end when the program is asked to.
const FAREWELL: Duration = Duration::from_secs(5);

/// What `musubi-agent serve` may be told.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// The port on 127.0.0.1.
    #[arg(long, default_value_t = DEFAULT_PORT)]
    pub port: u16,
    /// The reader's name or a part of it; else the first reader with a card.
    #[arg(long)]
    pub reader: Option<String>,
    /// The folder with pairings and approved sites; else $XDG_STATE_HOME/musubi-agent.
    #[arg(long, value_name = "FOLDER")]
    pub state: Option<PathBuf>,
}

impl Default for Arguments {
    fn default() -> Self {
        Self { port: DEFAULT_PORT, reader: None, state: None }
    }
}

/// Serves until it is asked to end (SIGINT, SIGTERM). The exit code is 1 if it could not begin.
#[must_use]
pub fn run(arguments: &Arguments, lang: Lang) -> ExitCode {
    let t = TEXTS.tr(lang);
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("MUSUBI_LOG").unwrap_or_else(|_| "warn".into()),
        )
        .with_writer(std::io::stderr)
        .init();
    let source = Arc::new(PcscSource { reader: arguments.reader.clone() });
    let served = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| t.with("terminal.failed", &[("cause", error)]))
        .and_then(|runtime| {
            let served = runtime.block_on(serve(arguments, source, t));
            // A thread that waits for a reader is not waited for.
            runtime.shutdown_background();
            served
        });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            drop(writeln!(std::io::stderr(), "musubi-agent: {text}"));
            ExitCode::FAILURE
        }
    }
}

async fn serve(arguments: &Arguments, source: Arc<dyn CardSource>, t: Tr) -> Result<(), String> {
    let failed = |cause: &dyn std::fmt::Display| t.with("terminal.failed", &[("cause", cause)]);
    let register = open_register(arguments.state.as_ref()).map_err(|error| failed(&error))?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port));
    let listener = TcpListener::bind(address).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => t.with("terminal.port_taken", &[("port", arguments.port)]),
        _ => failed(&error),
    })?;
    let address = listener.local_addr().map_err(|error| failed(&error))?;
    say(&t.with("terminal.ready", &[("address", format!("http://{address}"))]));
    let announce = Box::new(move |code: &str| say(&t.with("terminal.code", &[("code", code)])));
    let pairing = Arc::new(Pairing::new(Box::new(SystemRandom), announce));
    say(t.get("terminal.stop"));
    let desk = Desk::new(source, register, Arc::new(SystemClock), Limits::default());
    let ending = Arc::new(Notify::new());
    let asked = ending.clone();
    let serving =
        axum::serve(listener, router(desk, pairing, address.port())).with_graceful_shutdown(async move {
            asked_to_end().await;
            asked.notify_one();
        });
    let late = async {
        ending.notified().await;
        tokio::time::sleep(FAREWELL).await;
    };
    tokio::select! {
        served = serving => served.map_err(|error| failed(&error)),
        () = late => Ok(()),
    }
}

/// The register in the folder that was named, else in the usual one.
pub(super) fn open_register(folder: Option<&PathBuf>) -> Result<Register, RegisterError> {
    match folder {
        Some(folder) => Register::open(folder),
        None => Register::open(&Register::usual_folder()?),
    }
}

pub(super) fn say(text: &str) {
    let mut out = std::io::stdout();
    // A closed pipe is the reader's choice.
    drop(writeln!(out, "{text}").and_then(|()| out.flush()));
}

async fn asked_to_end() {
    #[cfg(unix)]
    if let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        return;
    }
    drop(tokio::signal::ctrl_c().await);
}
