//! The demo's command line: `musubi-demo [serve]`, `musubi-demo story`, and the nation at full size without the
//! platform: `musubi-demo live` and `musubi-demo lists`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use tempfile::TempDir;

use musubi_connector::Origin;

use crate::population::{ListsOptions, LiveOptions, lists, live};
use crate::running::AGENT_ORIGIN;
use crate::{Demo, DemoConfig, story};

/// The simulated nation, the Musubi platform and its sample services on this machine.
#[derive(Debug, Parser)]
#[command(name = "musubi-demo", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeOptions,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the demo (what happens without a command, too).
    Serve(ServeOptions),
    /// Run the whole story without a screen; exit 0 only if every assertion held.
    Story(StoryOptions),
    /// Let a population of any size live for years; show what happened.
    Live(LiveOptions),
    /// Write revocation lists of the size of the nation: a full one, the next day's, and the delta list between.
    Lists(ListsOptions),
}

#[derive(Debug, Args)]
struct ServeOptions {
    /// Port on 127.0.0.1; 0 lets the system choose.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
struct StoryOptions {
    /// One JSON object per step instead of text.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Clone, Args)]
struct Place {
    /// Folder for databases and secrets; a temporary one, deleted at the end, if left out.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Where pages look for musubi-agent, the program that speaks to the card reader of this computer.
    #[arg(long, default_value = AGENT_ORIGIN, value_name = "ORIGIN", value_parser = origin)]
    agent_origin: Origin,
    /// The platform's database instead of SQLite in the folder: postgres://…
    #[arg(long, env = "MUSUBI_DEMO_DATABASE", hide_env_values = true)]
    database: Option<String>,
}

fn origin(text: &str) -> Result<Origin, &'static str> {
    Origin::parse(text).ok_or("not an origin such as http://127.0.0.1:24817")
}

pub(crate) type Failure = Box<dyn std::error::Error>;

/// Runs the command line.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let command = arguments.command.unwrap_or(Command::Serve(arguments.serve));
    let quiet = if matches!(command, Command::Story(_)) { "error" } else { "warn" };
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("MUSUBI_LOG").unwrap_or_else(|_| quiet.into()),
        )
        .with_writer(std::io::stderr)
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done = runtime.map_err(Failure::from).and_then(|runtime| {
        runtime.block_on(async {
            match command {
                Command::Serve(options) => serve(options).await.map(|()| ExitCode::SUCCESS),
                Command::Story(options) => tell(options).await,
                Command::Live(options) => live(&options).map(|()| ExitCode::SUCCESS),
                Command::Lists(options) => lists(&options).map(|()| ExitCode::SUCCESS),
            }
        })
    });
    done.unwrap_or_else(|error| {
        say(&mut std::io::stderr(), &format!("musubi-demo: {error}"));
        ExitCode::FAILURE
    })
}

pub(crate) fn say(to: &mut dyn std::io::Write, text: &str) {
    // A closed pipe is the reader's choice.
    drop(writeln!(to, "{text}"));
    drop(to.flush());
}

/// The folder, and what deletes it at the end if it is temporary.
fn folder(place: &Place) -> Result<(PathBuf, Option<TempDir>), Failure> {
    match &place.data {
        Some(path) => Ok((path.clone(), None)),
        None => {
            let dir = tempfile::Builder::new().prefix("musubi-").tempdir()?;
            Ok((dir.path().to_owned(), Some(dir)))
        }
    }
}

fn config(port: u16, data: PathBuf, place: Place) -> DemoConfig {
    let agent_origin = place.agent_origin.as_str().to_owned();
    DemoConfig { database: place.database, agent_origin, ..DemoConfig::new(port, data) }
}

async fn serve(options: ServeOptions) -> Result<(), Failure> {
    let (data, _temporary) = folder(&options.place)?;
    let config = config(options.port, data.clone(), options.place.clone());
    let demo = Demo::start(config).await.map_err(|error| -> Failure {
        match error {
            crate::DemoError::Io { what: "the port", error } => {
                format!("port {} cannot be used ({error}); try --port 8081", options.port).into()
            }
            other => other.into(),
        }
    })?;
    let mut out = std::io::stdout();
    say(&mut out, &format!("Musubi: {}/", demo.sites.origin("")));
    say(&mut out, "ブラウザーで上のアドレスを開いてください。終了は Ctrl+C です。");
    say(&mut out, "Open the address above in a browser. Ctrl+C ends the demo.");
    let kind = if options.place.data.is_some() { "kept in" } else { "temporary, in" };
    say(&mut out, &format!("Data: {kind} {}", data.display()));
    musubi_server::asked_to_end().await;
    demo.stop().await;
    Ok(())
}

async fn tell(options: StoryOptions) -> Result<ExitCode, Failure> {
    let (data, _temporary) = folder(&options.place)?;
    let config = config(0, data, options.place);
    let demo = Demo::start(config).await?;
    let mut out = std::io::stdout();
    let held = story::run(demo.sites, |told| {
        let line = if options.json {
            serde_json::to_string(told).unwrap_or_default()
        } else {
            let mark = if told.outcome == "passed" { "✓" } else { "✗" };
            format!("{mark} {}\n  {}\n    {}", told.ja, told.en, told.detail)
        };
        say(&mut out, &line);
    })
    .await;
    demo.stop().await;
    if !options.json {
        let last = if held {
            "すべて確認できました。 / Every assertion held."
        } else {
            "失敗があります。 / Something failed."
        };
        say(&mut std::io::stdout(), last);
    }
    Ok(if held { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
