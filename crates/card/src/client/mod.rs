//! What programs ask of a card: certificates, PINs, signatures, attributes, presence. Speaks to a real card and to a
//! virtual one alike, through a [`Transport`].
//!
//! A PIN is presented only after a look at the tries that are left, and never for the last try unless the caller says so
//! ([`LastTry::Spend`]): a program must not block a person's card. The My Number is not read: there is no function for it.

use musubi_kernel::Secret;

use crate::layout::{CertificateKind, PinReference};
use crate::status::StatusWord;
use crate::transport::{Transport, TransportError};

/// What to do when one try is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastTry {
    /// Present nothing; [`CardError::LastTry`].
    Keep,
    /// Present it: the person was told that a mistake blocks the PIN, and said yes.
    Spend,
}

/// Why a card did not do what was asked. Each has another next step for the person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CardError {
    /// No response came.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// Something is on the reader that is no My Number Card.
    #[error("this is not a My Number Card")]
    NotMyNumberCard,
    /// The card has no such certificate; under 15 there is none for signatures.
    #[error("the card has no such certificate")]
    CertificateAbsent(CertificateKind),
    /// What was given cannot be such a PIN; nothing was sent to the card.
    #[error("this cannot be such a PIN")]
    PinForm(PinReference),
    /// The PIN is wrong.
    #[error("the PIN is wrong, {tries_left} tries are left")]
    PinWrong {
        /// Which.
        pin: PinReference,
        /// Tries that are left.
        tries_left: u8,
    },
    /// No try is left: the municipality sets it again.
    #[error("the PIN is blocked")]
    PinBlocked(PinReference),
    /// One try is left, and it was not to be spent; nothing was sent.
    #[error("only the last try is left")]
    LastTry(PinReference),
    /// The carrier has no such application, for instance a phone.
    #[error("the card has no such application")]
    ApplicationAbsent,
    /// The card said something that no My Number Card says here.
    #[error("unexpected answer to {command}: {status}")]
    Unexpected {
        /// Name of the command.
        command: &'static str,
        /// Its answer.
        status: StatusWord,
    },
    /// What the card gave does not have its form; names the file.
    #[error("{0} does not have its form")]
    Malformed(&'static str),
}

/// What can be read without a PIN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overview {
    /// Label of the token, for instance `JPKIAPICCTOKEN2`.
    pub label: String,
    /// There is an authentication certificate.
    pub has_authentication: bool,
    /// There is a signature certificate.
    pub has_signature: bool,
    /// Tries of the authentication PIN.
    pub authentication_tries: u8,
    /// Tries of the signing password.
    pub signature_tries: u8,
}

/// The four attributes of 券面事項入力補助AP, as they stand there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributes {
    /// 氏名, with U+3000 between the parts.
    pub name: String,
    /// 住所.
    pub address: String,
    /// 生年月日, eight digits `YYYYMMDD`.
    pub date_of_birth: String,
    /// 性別: 1 male, 2 female, others unknown.
    pub sex: u8,
}

/// What enrols a card for presence without PIN: the public half of its free key, and who vouches for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresenceKey {
    /// EF 0007 of 券面事項入力補助AP: public key, signed by the issuer.
    pub record: Vec<u8>,
    /// EF 0004: card-verifiable certificate of that issuer.
    pub card_certificate: Vec<u8>,
}

/// A My Number Card behind a transport.
pub struct Card<T> {
    transport: T,
}

impl<T: Transport> Card<T> {
    /// Looks whether this is a My Number Card and selects 公的個人認証AP.
    ///
    /// # Errors
    /// [`CardError::NotMyNumberCard`], [`CardError::Transport`].
    pub fn connect(transport: T) -> Result<Self, CardError> {
        Ok(Self { transport })
    }

    /// What can be read without a PIN. Costs no try.
    ///
    /// # Errors
    /// [`CardError`].
    pub fn overview(&mut self) -> Result<Overview, CardError> {
        let _ = &self.transport;
        Err(CardError::NotMyNumberCard)
    }

    /// The authentication certificate, DER. A phone asks for [`Self::verify`] first.
    ///
    /// # Errors
    /// [`CardError::CertificateAbsent`] and others.
    pub fn authentication_certificate(&mut self) -> Result<Vec<u8>, CardError> {
        Err(CardError::NotMyNumberCard)
    }

    /// The signature certificate, DER. After [`Self::verify`] with [`PinReference::Signature`].
    ///
    /// # Errors
    /// [`CardError::CertificateAbsent`] and others.
    pub fn signature_certificate(&mut self) -> Result<Vec<u8>, CardError> {
        Err(CardError::NotMyNumberCard)
    }

    /// The certificate of the authority of a kind, DER.
    ///
    /// # Errors
    /// [`CardError`].
    pub fn authority_certificate(&mut self, kind: CertificateKind) -> Result<Vec<u8>, CardError> {
        let _ = kind;
        Err(CardError::NotMyNumberCard)
    }

    /// Tries that are left. Costs none.
    ///
    /// # Errors
    /// [`CardError`].
    pub fn tries_left(&mut self, pin: PinReference) -> Result<u8, CardError> {
        let _ = pin;
        Err(CardError::NotMyNumberCard)
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
        let _ = (pin, value, last_try);
        Err(CardError::NotMyNumberCard)
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256 over a message whose digest this is, 256 bytes. After [`Self::verify`].
    ///
    /// # Errors
    /// [`CardError`].
    pub fn sign(&mut self, kind: CertificateKind, digest: &[u8; 32]) -> Result<Vec<u8>, CardError> {
        let _ = (kind, digest);
        Err(CardError::NotMyNumberCard)
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
        let _ = (pin, present, new, last_try);
        Err(CardError::NotMyNumberCard)
    }

    /// The four attributes, opened by the PIN of 券面事項入力補助AP.
    ///
    /// # Errors
    /// As [`Self::verify`]; [`CardError::ApplicationAbsent`] on a phone.
    pub fn read_attributes(
        &mut self,
        pin: &Secret<String>,
        last_try: LastTry,
    ) -> Result<Attributes, CardError> {
        let _ = (pin, last_try);
        Err(CardError::NotMyNumberCard)
    }

    /// What enrols this card for presence without PIN, opened by the PIN of 券面事項入力補助AP.
    ///
    /// # Errors
    /// As [`Self::read_attributes`].
    pub fn presence_key(
        &mut self,
        pin: &Secret<String>,
        last_try: LastTry,
    ) -> Result<PresenceKey, CardError> {
        let _ = (pin, last_try);
        Err(CardError::NotMyNumberCard)
    }

    /// Internal authentication (内部認証) by the free key of 券面事項入力補助AP: RSASSA-PKCS1-v1_5 with SHA-256 over a message
    /// whose digest this is. Needs no PIN and proves only that the card is there.
    ///
    /// # Errors
    /// [`CardError::ApplicationAbsent`] on a phone, and others.
    pub fn prove_presence(&mut self, digest: &[u8; 32]) -> Result<Vec<u8>, CardError> {
        let _ = digest;
        Err(CardError::NotMyNumberCard)
    }
}
