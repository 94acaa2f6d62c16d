//! Secure messaging of 券面事項入力補助AP (facts §4.5): encryption only, no authentication codes.

use musubi_crypto::CardKey;

use crate::apdu::{CommandApdu, ResponseApdu};
use crate::status::StatusWord;

/// A session whose key both sides have.
#[derive(Debug)]
pub(super) struct SecureMessaging {}

impl SecureMessaging {
    /// Takes the session key out of the data of `80 AE`, which is as long as the modulus of `key`.
    pub(super) fn open(_key: &CardKey, _data: &[u8]) -> Result<Self, StatusWord> {
        Err(StatusWord::NO_KEY_DELIVERY)
    }

    /// The command within a command of class 08, with class 00. An error ends the session.
    pub(super) fn unwrap(&mut self, _command: &CommandApdu) -> Result<CommandApdu, StatusWord> {
        Err(StatusWord::SM_OBJECT_WRONG)
    }

    /// Encrypts the answer to the command that was unwrapped last.
    pub(super) fn wrap(&mut self, response: ResponseApdu) -> ResponseApdu {
        response
    }
}
