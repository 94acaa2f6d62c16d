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
mod image;
mod memory;
pub mod resident_register;
mod secure_messaging;
pub mod text_attributes;

use std::sync::Arc;

use musubi_kernel::Random;

pub use image::{Access, ApplicationImage, Content, File, Image, Profile};
pub use memory::{Memory, PinMemory};

use crate::apdu::ResponseApdu;
use crate::status::StatusWord;

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
    /// The card is taken away at the `n`th command from now (1 is the next one): the command does not reach it.
    pub removed_at: Option<u32>,
    /// The power fails within the `n`th command from now: what it writes is written, the answer is lost.
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
    /// The response with its status word; `None` if the card is gone.
    pub response: Option<Vec<u8>>,
    /// How long to hold it back, in milliseconds.
    pub delay_ms: u32,
    /// The memory has changed and must last before the response is passed on.
    pub wrote: bool,
}

/// A card with its power on.
pub struct VirtualCard {
    image: Arc<Image>,
    memory: Memory,
    behaviour: Behaviour,
}

impl VirtualCard {
    /// A card whose power has just come on.
    #[must_use]
    pub fn new(image: Arc<Image>, memory: Memory, behaviour: Behaviour) -> Self {
        Self { image, memory, behaviour }
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

    /// Puts the memory in that was stored, for instance by another session with the same card.
    pub fn set_memory(&mut self, memory: Memory) {
        self.memory = memory;
    }

    /// The power goes off and comes on: nothing is selected, nothing verified.
    pub fn power_cycle(&mut self) {}

    /// A warm reset: keeps what was verified (facts §4.1).
    pub fn reset(&mut self) {}

    /// Answers a command.
    pub fn answer(&mut self, command: &[u8], random: &dyn Random) -> Answer {
        let _ = (&self.image, command, random);
        let response = ResponseApdu::from(StatusWord::INSTRUCTION).to_bytes();
        Answer { response: Some(response), delay_ms: self.behaviour.faults.delay_ms, wrote: false }
    }
}
