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
use musubi_kernel::{Date, Secret, UnixTime};

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
        0 => Err(Condition::PinBlocked(pin)),
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

/// How a certificate stands at `now`: expired, not yet valid, or near its renewal, which the municipality makes from three
/// months before the end (facts §1.9).
fn standing(not_before: UnixTime, not_after: UnixTime, now: UnixTime) -> Option<Condition> {
    let end = not_after.date_in_japan();
    if now > not_after {
        Some(Condition::Expired(end))
    } else if now < not_before {
        Some(Condition::NotYetValid(not_before.date_in_japan()))
    } else if now >= three_months_before(end).starts_in_japan() {
        Some(Condition::NearRenewal(end))
    } else {
        None
    }
}

/// The same day three months earlier, or the last one of that month.
fn three_months_before(date: Date) -> Date {
    let (year, month) =
        if date.month() > 3 { (date.year(), date.month() - 3) } else { (date.year() - 1, date.month() + 9) };
    // Every month has 28 days.
    (28..=date.day())
        .rev()
        .chain([date.day()])
        .find_map(|day| Date::new(year, month, day).ok())
        .unwrap_or(date)
}

#[cfg(test)]
mod renewal {
    use super::*;

    #[test]
    fn renewal_is_near_from_three_months_before_the_end_on() {
        let date = |year, month, day| Date::new(year, month, day).unwrap();
        for (end, from) in [
            (date(2030, 2, 17), date(2029, 11, 17)),
            (date(2030, 5, 31), date(2030, 2, 28)),
            (date(2028, 5, 30), date(2028, 2, 29)),
            (date(2030, 12, 31), date(2030, 9, 30)),
            (date(2030, 4, 1), date(2030, 1, 1)),
        ] {
            assert_eq!(three_months_before(end), from, "{end}");
            let (begin, until) = (date(2025, 1, 1).starts_in_japan(), end.ends_in_japan());
            let at = |at| standing(begin, until, at);
            assert_eq!(at(from.starts_in_japan().plus(-1)), None);
            assert_eq!(at(from.starts_in_japan()), Some(Condition::NearRenewal(end)));
            assert_eq!(at(until), Some(Condition::NearRenewal(end)));
            assert_eq!(at(until.plus(1)), Some(Condition::Expired(end)));
            assert_eq!(at(begin.plus(-1)), Some(Condition::NotYetValid(date(2025, 1, 1))));
        }
    }
}
