//! Drills at the size of a nation, each a script that anyone can repeat (`scripts/drill-publication`, `scripts/drill-truth`).
//! They drive the platform as its parts are put together for production; what is simulated is the nation and the receivers.

mod publication;
mod truth;

use clap::{Parser, Subcommand};

/// Drills of the platform at the size of a nation.
#[derive(Debug, Parser)]
#[command(name = "musubi-drill")]
struct Arguments {
    #[command(subcommand)]
    drill: Drill,
}

#[derive(Debug, Subcommand)]
enum Drill {
    /// From the publication of a list to the receipt of its events by every receiver.
    Publication(publication::Arguments),
    /// What the platform says that changes mean, against what really happened to a population.
    Truth(truth::Arguments),
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    tracing_subscriber::fmt().with_env_filter(tracing_subscriber::EnvFilter::from_env("MUSUBI_LOG")).init();
    let done = match Arguments::parse().drill {
        Drill::Publication(arguments) => publication::run(arguments).await.map_err(|error| error.to_string()),
        Drill::Truth(arguments) => truth::run(arguments).await.map_err(|error| error.to_string()),
    };
    match done {
        Ok(true) => std::process::ExitCode::SUCCESS,
        Ok(false) => std::process::ExitCode::FAILURE,
        Err(error) => {
            tracing::error!(%error, "the drill ended");
            std::process::ExitCode::FAILURE
        }
    }
}

/// One line of JSON for whoever watches.
fn tell(what: &str, of: serde_json::Value) {
    let line = serde_json::json!({ "step": what, "of": of });
    drop(std::io::Write::write_all(&mut std::io::stdout(), format!("{line}\n").as_bytes()));
}
