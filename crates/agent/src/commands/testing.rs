//! A person and a card for the tests of the commands.

use std::collections::VecDeque;
use std::sync::Arc;

use musubi_card::client::Card;
use musubi_card::virtual_card::{Profile, VirtualTransport};
use musubi_httpkit::page::Lang;
use musubi_kernel::{Secret, SeededRandom};

#[path = "../../tests/it/card.rs"]
mod virtual_card;

use crate::messages::{Condition, TEXTS};
use crate::terminal::{Ask, Terminal};
pub(super) use virtual_card::{AUTHENTICATION, AUTHORITY, PASSWORD, PIN, signature_certificate};

/// A card of this carrier, with a signature certificate or without one.
pub(super) fn card(profile: Profile, has_signature: bool) -> Card<VirtualTransport> {
    let card = virtual_card::virtual_card(profile, has_signature);
    Card::connect(VirtualTransport::new(card, Arc::new(SeededRandom::new([3; 32])))).unwrap()
}

/// A person who enters these, one after the other, and says yes or no.
pub(super) struct Person {
    pub(super) entries: VecDeque<&'static str>,
    pub(super) says_yes: bool,
    pub(super) prompts: Vec<String>,
}

impl Ask for Person {
    fn secret(&mut self, prompt: &str) -> Result<Secret<String>, Condition> {
        self.prompts.push(prompt.to_owned());
        self.entries.pop_front().map(|entry| Secret::new(entry.to_owned())).ok_or(Condition::NoInput)
    }

    fn yes(&mut self, question: &str) -> bool {
        self.prompts.push(question.to_owned());
        self.says_yes
    }
}

/// What a command did, in English.
pub(super) struct Done {
    pub(super) result: Result<(), Condition>,
    pub(super) out: String,
    pub(super) err: String,
    pub(super) prompts: Vec<String>,
}

/// Runs a command before a person who enters these.
pub(super) fn with(
    entries: &[&'static str],
    says_yes: bool,
    command: impl FnOnce(&mut Terminal<'_>) -> Result<(), Condition>,
) -> Done {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut person = Person { entries: entries.iter().copied().collect(), says_yes, prompts: Vec::new() };
    let tr = TEXTS.tr(Lang::En);
    let result = command(&mut Terminal { tr, out: &mut out, err: &mut err, ask: &mut person });
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Done { result, out: text(out), err: text(err), prompts: person.prompts }
}
