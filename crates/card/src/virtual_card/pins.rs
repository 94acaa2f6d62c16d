//! VERIFY and the change of PINs (ISO 7816-4 11.5.6, 11.5.7; facts §4.3).
//!
//! A PIN that is not set behaves as a blocked one. Our own choices: a value of 1 to 16 bytes is compared, whatever the
//! PIN's form; a wrong one takes away what an earlier right one had opened.

use musubi_crypto::equal_in_constant_time;
use musubi_kernel::Secret;

use super::VirtualCard;
use super::engine::{Outcome, Processed, Refusal};
use super::image::Content;
use super::memory::PinMemory;
use crate::apdu::CommandApdu;
use crate::layout::{Application, PinReference};
use crate::status::StatusWord;

/// The longest value that is compared.
const MAX_VALUE_BYTES: usize = 16;

impl VirtualCard {
    /// VERIFY. Without a value it tells the tries that are left, always by `63Cx`: OpenSC takes nothing else (facts §4.4).
    pub(super) fn verify(&mut self, command: &CommandApdu) -> Processed {
        if command.p1 != 0 {
            return Err(StatusWord::WRONG_P1_P2.into());
        }
        if command.le().is_some() || command.data().len() > MAX_VALUE_BYTES {
            return Err(StatusWord::WRONG_LENGTH.into());
        }
        let pin = self.pin_named(command.p2)?;
        let memory = self.memory.pin_mut(pin);
        if command.data().is_empty() {
            return Err(StatusWord::tries_left(memory.map_or(0, |memory| memory.tries_left)).into());
        }
        let Some(memory) = memory.filter(|memory| memory.tries_left > 0) else {
            return Err(StatusWord::KEY_LOCKED.into());
        };
        if equal_in_constant_time(memory.value.expose().as_bytes(), command.data()) {
            let wrote = memory.tries_left != pin.max_tries();
            memory.tries_left = pin.max_tries();
            self.session.verified.insert(pin);
            return Ok(Outcome { data: Vec::new(), wrote });
        }
        memory.tries_left -= 1;
        self.session.verified.remove(&pin);
        Err(Refusal { status: StatusWord::tries_left(memory.tries_left), wrote: true })
    }

    /// `00 24 01 xx` in 公的個人認証AP and 券面事項入力補助AP, `80 32 00 xx` in 共通カードAP and 住基AP: the new value, after VERIFY
    /// of the old one.
    pub(super) fn change(&mut self, command: &CommandApdu) -> Processed {
        let (class, instruction, p1) = match self.session.application() {
            Application::Jpki | Application::TextAttributes => (0x00, 0x24, 0x01),
            Application::CardCommon | Application::ResidentRegister => (0x80, 0x32, 0x00),
            Application::CardSurface | Application::IssuerSecurityDomain => {
                return Err(StatusWord::INSTRUCTION.into());
            }
        };
        if (command.cla, command.ins) != (class, instruction) {
            return Err(StatusWord::INSTRUCTION.into());
        }
        if command.p1 != p1 {
            return Err(StatusWord::WRONG_P1_P2.into());
        }
        if command.le().is_some() || command.data().is_empty() || command.data().len() > MAX_VALUE_BYTES {
            return Err(StatusWord::WRONG_LENGTH.into());
        }
        let pin = self.pin_named(command.p2)?;
        if !is_changeable(pin) {
            return Err(StatusWord::CONDITIONS.into());
        }
        if self.memory.pin(pin).is_none_or(|memory| memory.tries_left == 0) {
            return Err(StatusWord::KEY_LOCKED.into());
        }
        if !self.session.verified.contains(&pin) {
            return Err(StatusWord::SECURITY_STATUS.into());
        }
        let value = std::str::from_utf8(command.data()).map_err(|_| StatusWord::WRONG_DATA)?;
        if !pin.has_form(value) {
            return Err(StatusWord::WRONG_DATA.into());
        }
        let value = Secret::new(value.to_owned());
        self.memory.set(pin, PinMemory { value, tries_left: pin.max_tries() });
        Ok(Outcome { data: Vec::new(), wrote: true })
    }

    fn pin_named(&mut self, reference: u8) -> Result<PinReference, StatusWord> {
        let id = self.referenced(reference, StatusWord::KEY_NOT_FOUND)?;
        match self.file(id)?.content {
            Content::Pin(pin) => Ok(pin),
            _ => Err(StatusWord::FILE_STRUCTURE),
        }
    }
}

/// The numbers that are printed on the card stay what they are.
fn is_changeable(pin: PinReference) -> bool {
    match pin {
        PinReference::Authentication
        | PinReference::Signature
        | PinReference::TextAttributes
        | PinReference::CardCommon
        | PinReference::ResidentRegister => true,
        PinReference::TextNumberA
        | PinReference::TextNumberB
        | PinReference::TextBlocked
        | PinReference::SurfaceBirthDate
        | PinReference::SurfaceNumberB
        | PinReference::SurfaceNumberA => false,
    }
}
