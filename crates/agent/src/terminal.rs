//! The person at the terminal: texts go out, PINs come in without being shown. A PIN is never an argument or a variable of
//! the environment: other programs could read those.

use std::io::{BufRead as _, IsTerminal as _, Read as _, Write};

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use musubi_card::PinReference;
use musubi_httpkit::page::{Lang, Tr};
use musubi_kernel::Secret;

use crate::messages::{Condition, pin_values};

/// The longest line that is read for a PIN, in bytes; the longest PIN has 16.
const MAX_LINE_BYTES: u64 = 256;

/// What `--language` takes.
pub(crate) fn languages() -> impl clap::builder::TypedValueParser<Value = Lang> {
    PossibleValuesParser::new([Lang::Ja, Lang::En].map(Lang::code))
        .map(|code| Lang::from_code(&code).unwrap_or(Lang::Ja))
}

/// Whoever enters PINs and decides.
pub(crate) trait Ask {
    /// Asks for a PIN.
    fn secret(&mut self, prompt: &str) -> Result<Secret<String>, Condition>;
    /// Asks for an explicit yes; whoever cannot be asked has not said it.
    fn yes(&mut self, question: &str) -> bool;
}

/// Where a command writes and whom it asks.
pub(crate) struct Terminal<'a> {
    pub(crate) tr: Tr,
    pub(crate) out: &'a mut dyn Write,
    pub(crate) err: &'a mut dyn Write,
    pub(crate) ask: &'a mut dyn Ask,
}

impl Terminal<'_> {
    /// A line of the result.
    pub(crate) fn say(&mut self, text: &str) {
        say(self.out, text);
    }

    /// `name: value` of the result.
    pub(crate) fn tell(&mut self, key: &str, value: &str) {
        let line = format!("{}: {value}", self.tr.get(key));
        self.say(&line);
    }

    /// What happened and what to do next, beside the result.
    pub(crate) fn warn(&mut self, condition: &Condition) {
        say(self.err, &format!("{}\n{}", condition.what(self.tr), condition.next(self.tr)));
    }

    /// A text about a PIN.
    pub(crate) fn about(&self, key: &str, pin: PinReference, tries_left: u8) -> String {
        let mut values = pin_values(self.tr, pin);
        values.push(("tries_left", tries_left.to_string()));
        self.tr.with(key, &values)
    }
}

/// A line; it is there before the next step begins, since programs wait for some.
pub(crate) fn say(to: &mut dyn Write, text: &str) {
    // A closed pipe is the reader's choice.
    drop(writeln!(to, "{text}").and_then(|()| to.flush()));
}

/// The terminal itself, without echo.
pub(crate) struct Keyboard;

impl Ask for Keyboard {
    fn secret(&mut self, prompt: &str) -> Result<Secret<String>, Condition> {
        rpassword::prompt_password(format!("{prompt}: ")).map(Secret::new).map_err(|_| Condition::NoInput)
    }

    fn yes(&mut self, question: &str) -> bool {
        let input = std::io::stdin();
        if !input.is_terminal() {
            return false;
        }
        let mut err = std::io::stderr();
        drop(write!(err, "{question} ").and_then(|()| err.flush()));
        let mut line = Secret::new(String::new());
        if let Ok(read) = line_of(&mut input.lock()) {
            line = read;
        }
        matches!(line.expose().trim(), "y" | "Y" | "yes")
    }
}

/// A program: one PIN on each line of the standard input, in the order in which they are asked for.
pub(crate) struct StandardInput;

impl Ask for StandardInput {
    fn secret(&mut self, _: &str) -> Result<Secret<String>, Condition> {
        line_of(&mut std::io::stdin().lock())
    }

    fn yes(&mut self, _: &str) -> bool {
        false
    }
}

fn line_of(input: &mut dyn std::io::BufRead) -> Result<Secret<String>, Condition> {
    let mut line = String::with_capacity(64);
    let read = input.take(MAX_LINE_BYTES).read_line(&mut line);
    let mut line = Secret::new(line);
    match read {
        Ok(1..) => {
            let end = line.expose().trim_end_matches(['\r', '\n']).len();
            line = Secret::new(line.expose().get(..end).unwrap_or_default().to_owned());
            Ok(line)
        }
        _ => Err(Condition::NoInput),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_one_pin_and_no_line_is_none() {
        let mut input = std::io::Cursor::new("1234\r\nABC123\n\nlast");
        let mut next = || line_of(&mut input).map(|line| line.expose().clone());
        assert_eq!(next(), Ok("1234".to_owned()));
        assert_eq!(next(), Ok("ABC123".to_owned()));
        assert_eq!(next(), Ok(String::new()));
        assert_eq!(next(), Ok("last".to_owned()));
        assert_eq!(next(), Err(Condition::NoInput));
    }
}
