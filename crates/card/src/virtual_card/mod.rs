//! A card of software that answers as the real one does (facts §4): the same files, access conditions, counters and
//! status words. Pure: a command and randomness come in, a response goes out. It protects nothing: whoever holds its
//! memory holds its keys. For tests and for the simulated nation.
//!
//! An [`Image`] is what the issuer wrote: the files and keys of every application, as data. A [`Memory`] is what changes
//! in use and outlasts the power: PINs and their counters. Everything else (which application is selected, what was
//! verified) is gone with the power.
//!
//! **Nothing is answered before it lasts**: a command that changes the memory says so ([`Answer::wrote`]); whoever runs
//! the card stores [`VirtualCard::memory`] before passing the answer on. A cut between the two costs the try and reveals
//! nothing, as on a card that counts before it compares.

pub mod card_common;
pub mod card_surface;
mod engine;
mod files;
mod image;
pub mod jpki;
mod memory;
mod pins;
pub mod resident_register;
mod secure_messaging;
mod session;
mod signing;
pub mod text_attributes;
mod transport;

use std::sync::Arc;

use musubi_kernel::Random;

pub use image::{Access, ApplicationImage, Content, File, Image, Profile};
pub use memory::{Memory, PinMemory};
pub use transport::VirtualTransport;

use session::Session;

/// The answer to reset of the contact interface (facts §4.1).
pub const ATR: [u8; 9] = [0x3B, 0xE0, 0x00, 0xFF, 0x81, 0x31, 0xFE, 0x45, 0x14];

/// How answers longer than Le leave the card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Chaining {
    /// As the real card: the answer is cut at Le.
    #[default]
    Direct,
    /// `61xx` with GET RESPONSE, and `6Cxx` for a wrong Le, as other cards and some readers do: for testing clients.
    GetResponse,
}

/// Disturbances on demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Faults {
    /// Every answer is this late, in milliseconds. The card cannot wait by itself: [`Answer::delay_ms`].
    pub delay_ms: u32,
    /// The card is taken away at the `n`th command of its life (1 is the first one): the command does not reach it, nor
    /// does any after it.
    pub removed_at: Option<u32>,
    /// The power fails within the `n`th command of its life: what it writes is written, the answer is lost, and nothing
    /// is answered until the power comes on again.
    pub torn_at: Option<u32>,
}

/// How this card behaves, beside its image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Behaviour {
    /// How long answers leave the card.
    pub chaining: Chaining,
    /// Disturbances.
    pub faults: Faults,
}

/// What the card gives back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The response with its status word; `None` if the card is gone or without power.
    pub response: Option<Vec<u8>>,
    /// How long to hold it back, in milliseconds.
    pub delay_ms: u32,
    /// The memory has changed and must last before the response is passed on.
    pub wrote: bool,
}

/// A card on a reader.
pub struct VirtualCard {
    image: Arc<Image>,
    memory: Memory,
    behaviour: Behaviour,
    session: Session,
    power: Power,
    /// Commands so far, for [`Faults`].
    commands: u32,
}

/// Whether the card can answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Power {
    On,
    Off,
    /// Taken away: no power reaches it any more.
    Gone,
}

impl VirtualCard {
    /// A card whose power has just come on.
    #[must_use]
    pub fn new(image: Arc<Image>, memory: Memory, behaviour: Behaviour) -> Self {
        Self { image, memory, behaviour, session: Session::default(), power: Power::On, commands: 0 }
    }

    /// Answer to reset.
    #[must_use]
    pub fn atr(&self) -> &'static [u8] {
        &ATR
    }

    /// What has to last.
    #[must_use]
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Puts the memory in that was stored, for instance by another session with the same card. What was verified with a
    /// PIN that is blocked by now counts no more.
    pub fn set_memory(&mut self, memory: Memory) {
        self.memory = memory;
        let memory = &self.memory;
        self.session.verified.retain(|pin| memory.pin(*pin).is_some_and(|pin| pin.tries_left > 0));
    }

    /// Whether the card was taken away ([`Faults::removed_at`]); then it never answers again.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.power == Power::Gone
    }

    /// The power goes off: nothing is answered until it comes on.
    pub fn power_off(&mut self) {
        self.session = Session::default();
        if self.power != Power::Gone {
            self.power = Power::Off;
        }
    }

    /// The power goes off and comes on: nothing is selected, nothing verified.
    pub fn power_cycle(&mut self) {
        self.power_off();
        if self.power != Power::Gone {
            self.power = Power::On;
        }
    }

    /// A warm reset: keeps the application and what was verified (facts §4.1), not the file; ends secure messaging.
    pub fn reset(&mut self) {
        self.session.warm_reset();
    }

    /// Answers a command.
    pub fn answer(&mut self, command: &[u8], random: &dyn Random) -> Answer {
        let Faults { delay_ms, removed_at, torn_at } = self.behaviour.faults;
        self.commands = self.commands.saturating_add(1);
        if removed_at.is_some_and(|at| at <= self.commands) {
            self.session = Session::default();
            self.power = Power::Gone;
        }
        if self.power != Power::On {
            return Answer { response: None, delay_ms, wrote: false };
        }
        let (response, wrote) = self.process(command, random);
        if torn_at == Some(self.commands) {
            self.power_off();
            return Answer { response: None, delay_ms, wrote };
        }
        Answer { response: Some(response.to_bytes()), delay_ms, wrote }
    }
}
