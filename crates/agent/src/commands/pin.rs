//! `musubi-agent pin`: how many tries are left, and setting a new PIN. A blocked PIN is the municipality's business.

use musubi_card::PinReference;
use musubi_card::client::{Card, CardError};
use musubi_card::transport::Transport;

use super::{CardArguments, enter, in_form};
use crate::messages::{Condition, pin_values};
use crate::terminal::Terminal;

/// Looks at PINs or changes them.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    pub(crate) card: CardArguments,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Tell how many tries are left. Costs none.
    Status,
    /// Set a new PIN; asks for the present one, then twice for the new one.
    Change {
        /// Which PIN.
        #[arg(value_enum)]
        pin: Kind,
    },
}

/// A PIN that its holder chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    /// 利用者証明用: four digits.
    Authentication,
    /// 署名用: 6 to 16 capital letters and digits.
    Signature,
    /// 券面事項入力補助用: four digits.
    TextAttributes,
}

impl Kind {
    fn reference(self) -> PinReference {
        match self {
            Self::Authentication => PinReference::Authentication,
            Self::Signature => PinReference::Signature,
            Self::TextAttributes => PinReference::TextAttributes,
        }
    }
}

/// Runs `pin status` or `pin change`.
pub(crate) fn run<T: Transport>(
    card: &mut Card<T>,
    arguments: &Arguments,
    terminal: &mut Terminal<'_>,
) -> Result<(), Condition> {
    match arguments.command {
        Command::Status => {
            for kind in [Kind::Authentication, Kind::Signature, Kind::TextAttributes] {
                status(card, kind.reference(), terminal)?;
            }
            Ok(())
        }
        Command::Change { pin } => change(card, pin.reference(), &arguments.card, terminal),
    }
}

/// One line about a PIN; none if the card has no such PIN.
pub(super) fn status<T: Transport>(
    card: &mut Card<T>,
    pin: PinReference,
    terminal: &mut Terminal<'_>,
) -> Result<(), Condition> {
    let line = match card.tries_left(pin) {
        Ok(0) => terminal.about("cli.tries.blocked", pin, 0),
        Ok(tries) => terminal.about("cli.tries", pin, tries),
        Err(CardError::CertificateAbsent(_) | CardError::ApplicationAbsent) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    terminal.say(&line);
    Ok(())
}

fn change<T: Transport>(
    card: &mut Card<T>,
    pin: PinReference,
    arguments: &CardArguments,
    terminal: &mut Terminal<'_>,
) -> Result<(), Condition> {
    let (present, last_try) = enter(card, pin, arguments, terminal)?;
    let new = terminal.ask.secret(&terminal.about("cli.enter.new", pin, 0))?;
    let again = terminal.ask.secret(&terminal.about("cli.enter.again", pin, 0))?;
    let (new, again) = (in_form(pin, new), in_form(pin, again));
    if new.expose() != again.expose() {
        return Err(Condition::Differ);
    }
    card.change_pin(pin, &present, &new, last_try)?;
    let text = terminal.tr.with("cli.changed", &pin_values(terminal.tr, pin));
    terminal.say(&text);
    Ok(())
}
