//! Random commands to the virtual card, and beside it a model of what matters: which application and file are selected,
//! what was verified, what the counters are. The model decides by tables of its own (facts §4.2, §4.5 to §4.7) and
//! believes the card nothing: a refusal must leave all as it was, and whatever succeeds must be allowed.

use std::sync::Arc;

use musubi_card::virtual_card::{Behaviour, Chaining, Image, Profile, VirtualCard};
use musubi_kernel::{Random, SeededRandom};

use super::support::{self, Holder, SMALL_KEY};
use commands::Dice;
use rules::{Model, Pins, ensure};

mod commands;
mod rules;

/// Commands that one card gets.
const COMMANDS_PER_CARD: usize = 1_000;

/// How often what has to be guarded really happened.
#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    commands: u64,
    signatures: u64,
    private_reads: u64,
    refused_reads: u64,
    right: u64,
    wrong: u64,
    blocked: u64,
    changes: u64,
}

fn pins_of(card: &VirtualCard) -> Pins {
    let pins = card.memory().iter();
    pins.map(|(pin, memory)| (pin, (memory.tries_left, memory.value.expose().clone().into_bytes()))).collect()
}

/// Whether the card has these PINs and no others.
fn same_pins(card: &VirtualCard, pins: &Pins) -> bool {
    card.memory().iter().count() == pins.len()
        && card.memory().iter().all(|(pin, memory)| {
            pins.get(&pin).is_some_and(|(tries, value)| {
                *tries == memory.tries_left && value.as_slice() == memory.value.expose().as_bytes()
            })
        })
}

/// A card and its model under the commands of a seed.
fn run(seed: u64) -> Result<Seen, String> {
    let mut dice = Dice::new(seed);
    let profile = if dice.one_in(5) { Profile::AndroidToken } else { Profile::Plastic };
    let chaining = if dice.one_in(3) { Chaining::GetResponse } else { Chaining::Direct };
    let behaviour = Behaviour { chaining, ..Behaviour::default() };
    let image = support::image(&SMALL_KEY, profile, Holder::Adult);
    let random = SeededRandom::new([seed as u8; 32]);
    let mut card = VirtualCard::new(Arc::clone(&image), support::memory(Holder::Adult), behaviour);
    let mut model = Model::new(Arc::clone(&image), &card);
    for number in 0..COMMANDS_PER_CARD {
        if dice.one_in(40) {
            disturb(&mut dice, &mut card, &mut model, &image, behaviour);
        }
        let command = commands::any(&mut dice, &model);
        let answer = card.answer(&command, &random as &dyn Random);
        let response = answer.response.ok_or("the card is gone")?;
        let held = model.check(&command, &response, answer.wrote);
        let held = held.and_then(|()| ensure(same_pins(&card, &model.pins), "other PINs or counters"));
        held.map_err(|broken| {
            let (command, response) = (hex::encode_upper(&command), hex::encode_upper(&response));
            format!("seed {seed}, command {number}: {broken}\n  {command}\n  {response}")
        })?;
    }
    Ok(model.seen)
}

/// What happens to a card between commands.
fn disturb(
    dice: &mut Dice,
    card: &mut VirtualCard,
    model: &mut Model,
    image: &Arc<Image>,
    behaviour: Behaviour,
) {
    match dice.below(4) {
        0 => {
            card.power_cycle();
            model.power_off();
        }
        1 => {
            card.reset();
            model.file = None;
        }
        2 => {
            *card = VirtualCard::new(Arc::clone(image), card.memory().clone(), behaviour);
            model.power_off();
        }
        // The town hall sets all PINs again.
        _ => {
            card.set_memory(support::memory(Holder::Adult));
            model.pins = pins_of(card);
            model.verified.retain(|pin| model.pins.get(pin).is_some_and(|(tries, _)| *tries > 0));
        }
    }
}

/// All seeds of a range, on all processors.
fn run_all(cards: std::ops::Range<u64>) -> Seen {
    let workers = std::thread::available_parallelism().map_or(1, |count| count.get()) as u64;
    let run_share = |worker| {
        let mut total = Seen::default();
        for seed in cards.clone().filter(|seed| seed % workers == worker) {
            let seen = run(seed).unwrap_or_else(|broken| panic!("{broken}"));
            total = total.and(&seen);
        }
        total
    };
    std::thread::scope(|threads| {
        let started: Vec<_> = (0..workers).map(|worker| threads.spawn(move || run_share(worker))).collect();
        started
            .into_iter()
            .map(|thread| thread.join().expect("held"))
            .fold(Seen::default(), |all, seen| all.and(&seen))
    })
}

impl Seen {
    fn and(&self, other: &Self) -> Self {
        Self {
            commands: self.commands + other.commands,
            signatures: self.signatures + other.signatures,
            private_reads: self.private_reads + other.private_reads,
            refused_reads: self.refused_reads + other.refused_reads,
            right: self.right + other.right,
            wrong: self.wrong + other.wrong,
            blocked: self.blocked + other.blocked,
            changes: self.changes + other.changes,
        }
    }

    /// A run that met nothing proves nothing.
    fn assert_met_everything(&self) {
        let thousandth = self.commands / 1_000;
        for met in
            [self.signatures, self.private_reads, self.refused_reads, self.right, self.wrong, self.blocked]
        {
            assert!(met >= thousandth, "{self:?}");
        }
        assert!(self.changes >= thousandth / 2, "{self:?}");
    }
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "commands {}, signatures {}, ", self.commands, self.signatures)?;
        write!(f, "private files read {}, refused {}, ", self.private_reads, self.refused_reads)?;
        write!(
            f,
            "PINs right {}, wrong {}, blocked {}, changed {}",
            self.right, self.wrong, self.blocked, self.changes
        )
    }
}

#[test]
fn no_random_commands_open_what_a_pin_guards() {
    run_all(0..200).assert_met_everything();
}

#[test]
#[ignore = "takes minutes; scripts/card-million"]
fn ten_million_random_commands_open_nothing_that_a_pin_guards() {
    let seen = run_all(1_000..11_000);
    seen.assert_met_everything();
    println!("{seen}");
}
