//! The resident's command line: `musubi-agent serve | sites | readers | read | sign | pin | virtual`; `serve` if
//! nothing is named.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use musubi_httpkit::page::Lang;
use musubi_kernel::{Clock as _, SystemClock};

use crate::commands::{self, CardArguments};
use crate::messages::{Condition, TEXTS};
use crate::serve;
use crate::terminal::{Ask, Keyboard, StandardInput, Terminal, languages, say};
use crate::virtual_reader;

/// Wrong arguments (`EX_USAGE`).
const USAGE: u8 = 64;
/// Nothing could be asked of a card: service, reader, file or network.
const COULD_NOT: u8 = 2;

/// My Number Cards on this computer.
#[derive(Debug, Parser)]
#[command(
    name = "musubi-agent",
    version,
    about,
    after_help = "Exit codes: 0 done, 1 the card refused (PIN, certificate, another kind of card), 2 it could not be asked \
                  (service, reader, no card, file, network), 64 wrong arguments."
)]
struct Arguments {
    /// Language of the output; from LC_ALL, LC_MESSAGES or LANG unless given.
    #[arg(long, global = true, value_parser = languages())]
    language: Option<Lang>,
    /// `serve` unless given.
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Let browsers use the card reader of this computer, until Ctrl+C. Used if no command is named.
    Serve(serve::Arguments),
    /// Look at the sites that may ask the card, or forget them.
    Sites(serve::SitesArguments),
    /// List the card readers and what is on them.
    Readers,
    /// Tell what is on a card, or read a certificate or the attributes from it.
    Read(commands::read::Arguments),
    /// Sign a file with the digital-signature key (CMS, CAdES-B-B, detached).
    Sign(commands::sign::Arguments),
    /// Look at PINs or change them.
    Pin(commands::pin::Arguments),
    /// Connect a card of the running demo to PC/SC through a virtual reader (vpcd).
    Virtual(virtual_reader::Arguments),
}

impl Command {
    /// How a card is chosen and its PIN entered, where one is asked.
    fn card(&self) -> Option<&CardArguments> {
        match self {
            Self::Serve(_) | Self::Sites(_) | Self::Readers | Self::Virtual(_) => None,
            Self::Read(arguments) => Some(&arguments.card),
            Self::Sign(arguments) => Some(&arguments.card),
            Self::Pin(arguments) => Some(&arguments.card),
        }
    }
}

/// Runs the command line; its exit codes stand in its help.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            drop(error.print());
            return if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS };
        }
    };
    let tr = TEXTS.tr(arguments.language.unwrap_or_else(Lang::of_environment));
    let command = arguments.command.unwrap_or_else(|| Command::Serve(serve::Arguments::default()));
    match &command {
        Command::Serve(arguments) => return serve::run(arguments, tr.lang()),
        Command::Sites(arguments) => return serve::run_sites(arguments, tr.lang()),
        _ => {}
    }
    let (mut out, mut err) = (std::io::stdout(), std::io::stderr());
    let from_input = command.card().is_some_and(|card| card.pin_stdin);
    let ask: &mut dyn Ask = if from_input { &mut StandardInput } else { &mut Keyboard };
    let mut terminal = Terminal { tr, out: &mut out, err: &mut err, ask };
    match run(&command, &mut terminal) {
        Ok(()) => ExitCode::SUCCESS,
        Err(condition) => {
            say(&mut std::io::stderr(), &format!("musubi-agent: {}", condition.what(tr)));
            say(&mut std::io::stderr(), &condition.next(tr));
            if condition.is_refusal() { ExitCode::FAILURE } else { ExitCode::from(COULD_NOT) }
        }
    }
}

fn run(command: &Command, terminal: &mut Terminal<'_>) -> Result<(), Condition> {
    let now = SystemClock.now();
    match command {
        // Answered before: they have exit codes of their own.
        Command::Serve(_) | Command::Sites(_) => Ok(()),
        Command::Readers => commands::readers::run(terminal),
        Command::Read(arguments) => {
            commands::read::run(&mut arguments.card.connect()?, arguments, now, terminal)
        }
        Command::Sign(arguments) => {
            commands::sign::run(&mut arguments.card.connect()?, arguments, now, terminal)
        }
        Command::Pin(arguments) => commands::pin::run(&mut arguments.card.connect()?, arguments, terminal),
        Command::Virtual(arguments) => {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            let runtime = runtime.map_err(|error| Condition::Failed(error.to_string()))?;
            runtime.block_on(virtual_reader::run(arguments, terminal, asked_to_end()))
        }
    }
}

/// Ctrl+C, or what service managers send.
pub(crate) async fn asked_to_end() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut terminated) = signal(SignalKind::terminate()) else {
            drop(interrupted.await);
            return;
        };
        tokio::select! {
            _ = interrupted => {}
            _ = terminated.recv() => {}
        }
    }
    #[cfg(not(unix))]
    drop(interrupted.await);
}
