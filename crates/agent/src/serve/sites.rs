//! `musubi-agent sites`: the holder's decisions on the command line. A running connector follows them at once.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use musubi_httpkit::page::{Lang, Tr};
use musubi_kernel::shown;

use super::TEXTS;
use super::register::{Register, RegisterError};
use super::running::{open_register, say};

/// What `musubi-agent sites` may be told.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// The folder with pairings and approved sites; else $XDG_STATE_HOME/musubi-agent.
    #[arg(long, value_name = "FOLDER", global = true)]
    state: Option<PathBuf>,
}

#[derive(Debug, Clone, Subcommand)]
enum Command {
    /// List the sites that may ask the card: origin, tab, date (UTC).
    List,
    /// Forget a site: it has to be approved again.
    Forget {
        /// Its origin, as `list` says it.
        origin: String,
    },
    /// Forget every paired browser.
    ForgetBrowsers,
}

/// Runs the command. The exit code is 0, or 1 if it could not be done or the site was not there.
#[must_use]
pub fn run(arguments: &Arguments, lang: Lang) -> ExitCode {
    let t = TEXTS.tr(lang);
    let done =
        open_register(arguments.state.as_ref()).and_then(|register| decide(&register, &arguments.command, t));
    match done {
        Ok(code) => code,
        Err(error) => {
            let text = t.with("terminal.failed", &[("cause", error)]);
            drop(writeln!(std::io::stderr(), "musubi-agent: {text}"));
            ExitCode::FAILURE
        }
    }
}

fn decide(register: &Register, command: &Command, t: Tr) -> Result<ExitCode, RegisterError> {
    match command {
        Command::List => {
            let sites = register.sites()?;
            if sites.is_empty() {
                say(t.get("sites.none"));
            }
            for site in sites {
                let at = musubi_kernel::UnixTime(site.approved_at);
                say(&format!("{}\t{at}", shown(&site.origin)));
            }
        }
        Command::Forget { origin } => {
            let forgotten = register.forget_site(origin)?;
            let key = if forgotten { "sites.forgotten" } else { "sites.unknown" };
            say(&t.with(key, &[("origin", shown(origin))]));
            if !forgotten {
                return Ok(ExitCode::FAILURE);
            }
        }
        Command::ForgetBrowsers => {
            let n = register.forget_browsers()?;
            say(&t.with("sites.browsers_forgotten", &[("n", n)]));
        }
    }
    Ok(ExitCode::SUCCESS)
}
