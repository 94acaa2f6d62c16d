//! What a person does with a card at the command line, one file for each command. A command takes an open card and a
//! terminal, so that tests bring their own.

pub(crate) mod pin;
pub(crate) mod read;
pub(crate) mod readers;
pub(crate) mod sign;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use musubi_card::PinReference;
use musubi_card::client::{Card, LastTry};
use musubi_card::transport::Transport;
use musubi_kernel::{Secret, UnixTime};
use musubi_pki::Standing;

use crate::messages::Condition;
use crate::pcsc::{self, PcscCard};
use crate::terminal::Terminal;

/// How a card is chosen and its PIN entered.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct CardArguments {
    /// The reader, by its name or a part of it; the first with a card unless given.
    #[arg(long, global = true, value_name = "NAME")]
    reader: Option<String>,
    /// Take PINs from the standard input, one on each line, instead of from the terminal.
    #[arg(long, global = true)]
    pub(crate) pin_stdin: bool,
    /// Present a PIN although only one try is left and a mistake blocks it.
    #[arg(long, global = true)]
    spend_last_try: bool,
}

impl CardArguments {
    /// The card on the chosen reader.
    pub(crate) fn connect(&self) -> Result<Card<PcscCard>, Condition> {
        Ok(Card::connect(pcsc::connect(self.reader.as_deref())?)?)
    }
}

/// Whether the last try may be spent on a PIN; the person is asked where they have not said so.
fn last_try<T: Transport>(
    card: &mut Card<T>,
    pin: PinReference,
    arguments: &CardArguments,
    terminal: &mut Terminal<'_>,
) -> Result<(u8, LastTry), Condition> {
    match card.tries_left(pin)? {
        0 => Err(card.blocked_or_absent(pin).into()),
        1 if arguments.spend_last_try => Ok((1, LastTry::Spend)),
        1 if terminal.ask.yes(terminal.tr.get("cli.last_try")) => Ok((1, LastTry::Spend)),
        1 => Err(Condition::LastTry(pin)),
        tries => Ok((tries, LastTry::Keep)),
    }
}

/// Asks for a PIN after a look at its tries. Presents nothing.
fn enter<T: Transport>(
    card: &mut Card<T>,
    pin: PinReference,
    arguments: &CardArguments,
    terminal: &mut Terminal<'_>,
) -> Result<(Secret<String>, LastTry), Condition> {
    let (tries, last_try) = last_try(card, pin, arguments, terminal)?;
    let prompt = terminal.about("cli.enter", pin, tries);
    Ok((in_form(pin, terminal.ask.secret(&prompt)?), last_try))
}

/// The password of the signature key knows no small letters; people type them.
fn in_form(pin: PinReference, entered: Secret<String>) -> Secret<String> {
    match pin {
        PinReference::Signature => Secret::new(entered.expose().to_ascii_uppercase()),
        _ => entered,
    }
}

/// What the holder is told of a certificate's time at `now`; nothing while it is simply valid.
fn standing(not_before: UnixTime, not_after: UnixTime, now: UnixTime) -> Option<Condition> {
    let end = not_after.date_in_japan();
    match Standing::of(not_before, not_after, now) {
        Standing::Valid => None,
        Standing::NotYetValid => Some(Condition::NotYetValid(not_before.date_in_japan())),
        Standing::NearRenewal => Some(Condition::NearRenewal(end)),
        Standing::Expired => Some(Condition::Expired(end)),
    }
}
