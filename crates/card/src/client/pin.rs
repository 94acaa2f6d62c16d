//! PINs: looking at their tries, presenting, changing (facts §4.3). A PIN that cannot be one is not sent; the last try is
//! spent only on an explicit word.

use musubi_kernel::Secret;

use super::exchange::done;
use super::{Card, CardError, LastTry};
use crate::apdu::CommandApdu;
use crate::layout::{
    Application, CertificateKind, FileId, PinReference, card_common, card_surface, jpki, resident_register,
    text_attributes,
};
use crate::status::StatusWord;
use crate::transport::Transport;

impl<T: Transport> Card<T> {
    /// Tries that are left. Costs none.
    ///
    /// # Errors
    /// [`CardError`].
    pub fn tries_left(&mut self, pin: PinReference) -> Result<u8, CardError> {
        self.select_pin(pin)?;
        let status = self.exchange.send(CommandApdu::new(0x00, 0x20, 0x00, 0x80))?.status;
        match (status.as_tries_left(), status) {
            (Some(tries), _) => Ok(tries),
            (None, StatusWord::KEY_LOCKED) => Ok(0),
            // Some cards say so of a PIN that was verified, which set its tries back to all.
            (None, StatusWord::OK) => Ok(pin.max_tries()),
            (None, status) => Err(CardError::Unexpected { command: "VERIFY", status }),
        }
    }

    /// Presents a PIN, after a look at its form and at the tries that are left.
    ///
    /// # Errors
    /// [`CardError::PinForm`], [`CardError::LastTry`], [`CardError::PinWrong`], [`CardError::PinBlocked`] and others.
    pub fn verify(
        &mut self,
        pin: PinReference,
        value: &Secret<String>,
        last_try: LastTry,
    ) -> Result<(), CardError> {
        if !pin.has_form(value.expose()) {
            return Err(CardError::PinForm(pin));
        }
        match (self.tries_left(pin)?, last_try) {
            (0, _) => return Err(self.blocked_or_absent(pin)),
            (1, LastTry::Keep) => return Err(CardError::LastTry(pin)),
            _ => {}
        }
        // The look has selected the PIN: P2 = 80 is it.
        let command = CommandApdu::new(0x00, 0x20, 0x00, 0x80).with_data(value.expose().as_bytes())?;
        let status = self.exchange.send(command)?.status;
        match (status.as_tries_left(), status) {
            (None, StatusWord::OK) => Ok(()),
            (Some(0), _) | (None, StatusWord::KEY_LOCKED) => Err(CardError::PinBlocked(pin)),
            (Some(tries_left), _) => Err(CardError::PinWrong { pin, tries_left }),
            (None, status) => Err(CardError::Unexpected { command: "VERIFY", status }),
        }
    }

    /// Sets a new PIN; presents the present one first.
    ///
    /// # Errors
    /// As [`Self::verify`].
    pub fn change_pin(
        &mut self,
        pin: PinReference,
        present: &Secret<String>,
        new: &Secret<String>,
        last_try: LastTry,
    ) -> Result<(), CardError> {
        if !pin.has_form(new.expose()) {
            return Err(CardError::PinForm(pin));
        }
        let header = match pin {
            PinReference::Authentication | PinReference::Signature | PinReference::TextAttributes => {
                CommandApdu::new(0x00, 0x24, 0x01, 0x80)
            }
            PinReference::CardCommon | PinReference::ResidentRegister => {
                CommandApdu::new(0x80, 0x32, 0x00, 0x80)
            }
            // Numbers that stand on the card itself.
            _ => return Err(CardError::PinForm(pin)),
        };
        self.verify(pin, present, last_try)?;
        let status = self.exchange.send(header.with_data(new.expose().as_bytes())?)?.status;
        done("CHANGE REFERENCE DATA", status)
    }

    /// As [`Self::tries_left`]; 0 if the card has no such PIN.
    pub(super) fn tries_or_none(&mut self, pin: PinReference) -> Result<u8, CardError> {
        match self.tries_left(pin) {
            Err(CardError::CertificateAbsent(_) | CardError::ApplicationAbsent) => Ok(0),
            other => other,
        }
    }

    /// Of a PIN without tries: blocked, or never set because there is no certificate for it. The latter sends a person
    /// elsewhere.
    fn blocked_or_absent(&mut self, pin: PinReference) -> CardError {
        let kind = match pin {
            PinReference::Authentication => CertificateKind::UserAuthentication,
            PinReference::Signature => CertificateKind::DigitalSignature,
            _ => return CardError::PinBlocked(pin),
        };
        match self.present() {
            Ok(present) if !present.of(kind) => CardError::CertificateAbsent(kind),
            _ => CardError::PinBlocked(pin),
        }
    }

    fn select_pin(&mut self, pin: PinReference) -> Result<(), CardError> {
        let (application, file) = place(pin);
        self.application(application)?;
        match (self.exchange.select_file(file)?, pin) {
            (StatusWord::FILE_NOT_FOUND, PinReference::Authentication) => {
                Err(CardError::CertificateAbsent(CertificateKind::UserAuthentication))
            }
            (StatusWord::FILE_NOT_FOUND, PinReference::Signature) => {
                Err(CardError::CertificateAbsent(CertificateKind::DigitalSignature))
            }
            (StatusWord::FILE_NOT_FOUND, _) => Err(CardError::ApplicationAbsent),
            (status, _) => done("SELECT", status),
        }
    }
}

/// Where a PIN is.
fn place(pin: PinReference) -> (Application, FileId) {
    use Application::{CardCommon, CardSurface, Jpki, ResidentRegister, TextAttributes};
    match pin {
        PinReference::Authentication => (Jpki, jpki::AUTHENTICATION_PIN),
        PinReference::Signature => (Jpki, jpki::SIGNATURE_PASSWORD),
        PinReference::TextAttributes => (TextAttributes, text_attributes::PIN),
        PinReference::TextNumberA => (TextAttributes, text_attributes::NUMBER_A),
        PinReference::TextNumberB => (TextAttributes, text_attributes::NUMBER_B),
        PinReference::TextBlocked => (TextAttributes, text_attributes::BLOCKED),
        PinReference::SurfaceBirthDate => (CardSurface, card_surface::BIRTH_DATE),
        PinReference::SurfaceNumberB => (CardSurface, card_surface::NUMBER_B),
        PinReference::SurfaceNumberA => (CardSurface, card_surface::NUMBER_A),
        PinReference::CardCommon => (CardCommon, card_common::PIN),
        PinReference::ResidentRegister => (ResidentRegister, resident_register::PIN),
    }
}
