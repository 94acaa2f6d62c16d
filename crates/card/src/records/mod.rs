//! Formats of the files of the 券面 applications and of 共通カードAP (facts §4.5 to §4.7), written and read. Reading checks the
//! form; whether a signature holds is said by [`CardAuthorities`](crate::genuineness::CardAuthorities).
//!
//! What is covered by which signature was found out from the files of a test card, whose signatures all verify in the
//! tests. The My Number is written only, for cards of a nation that does not exist: nothing here reads it.

pub mod card_certificate;
pub mod card_number;
pub mod individual_number;
pub mod public_key;
pub mod surface;
pub mod text;

use musubi_crypto::{CardKey, SignError};

use crate::tlv::TlvError;

/// Identifier of a key: 7 digits, `08 05`, 3 digits, 4 bytes.
pub type KeyId = [u8; 16];

/// A file that cannot be read or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Its data objects are not those of the file.
    #[error(transparent)]
    Objects(#[from] TlvError),
    /// A value does not have its form; names which.
    #[error("the {0} does not have its form")]
    Value(&'static str),
    /// The issuer's key does not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
}

/// Who issues a card's files: a signing key and its certificate.
#[derive(Debug, Clone, Copy)]
pub struct Issuer<'a> {
    /// Signs the files.
    pub key: &'a CardKey,
    /// EF 0004: card-verifiable certificate of that key.
    pub certificate: &'a [u8],
}

/// A key identifier of its parts, for instance `6000033`, `001` and 0.
///
/// # Errors
/// [`RecordError::Value`] if a part is not of digits or has another length.
pub fn key_id(owner: &str, kind: &str, serial: u32) -> Result<KeyId, RecordError> {
    let bytes = [owner.as_bytes(), &[0x08, 0x05], kind.as_bytes(), &serial.to_be_bytes()].concat();
    let is_number = |text: &str, length| text.len() == length && text.bytes().all(|b| b.is_ascii_digit());
    bytes
        .try_into()
        .ok()
        .filter(|_| is_number(owner, 7) && is_number(kind, 3))
        .ok_or(RecordError::Value("key identifier"))
}

/// An array of all bytes of a value.
fn exactly<const N: usize>(value: &[u8], name: &'static str) -> Result<[u8; N], RecordError> {
    value.try_into().map_err(|_| RecordError::Value(name))
}

/// The bytes, if they are so many digits.
fn check_digits(value: &[u8], length: usize, name: &'static str) -> Result<(), RecordError> {
    let is_number = value.len() == length && value.iter().all(u8::is_ascii_digit);
    if is_number { Ok(()) } else { Err(RecordError::Value(name)) }
}
