//! What programs ask of a card: certificates, PINs, signatures, attributes, presence. Speaks to a real card and to a
//! virtual one alike, through a [`Transport`].
//!
//! A PIN is presented only after a look at the tries that are left, and never for the last try unless the caller says so
//! ([`LastTry::Spend`]): a program must not block a person's card. The My Number is not read: there is no function for it.

mod exchange;
mod pin;

use std::fmt;

use musubi_kernel::Secret;

use crate::apdu::{CommandApdu, SHORT_LE};
use crate::layout::{
    Application, CertificateKind, FileId, PinReference, SHA256_DIGEST_INFO, jpki, text_attributes,
};
use crate::records::text::AttributesFile;
use crate::status::StatusWord;
use crate::tlv::Reader;
use crate::transport::{Transport, TransportError};

use exchange::{Exchange, MAX_FILE_BYTES, done};

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

/// The four attributes of 券面事項入力補助AP, as they stand there. `Debug` says none of them.
#[derive(Clone, PartialEq, Eq)]
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

impl fmt::Debug for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Attributes(…)")
    }
}

/// What enrols a card for presence without PIN: the public half of its free key, and who vouches for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresenceKey {
    /// EF 0007 of 券面事項入力補助AP: public key, signed by the issuer.
    pub record: Vec<u8>,
    /// EF 0004: card-verifiable certificate of that issuer.
    pub card_certificate: Vec<u8>,
}

/// Bytes of a signature by any key of the card: RSA with 2048 bits.
const SIGNATURE_BYTES: usize = 256;

/// Which certificates the card says it has.
struct Present {
    signature: bool,
    authentication: bool,
}

impl Present {
    fn of(&self, kind: CertificateKind) -> bool {
        match kind {
            CertificateKind::UserAuthentication => self.authentication,
            CertificateKind::DigitalSignature => self.signature,
        }
    }
}

/// A My Number Card behind a transport.
pub struct Card<T> {
    exchange: Exchange<T>,
}

impl<T: Transport> Card<T> {
    /// Looks whether this is a My Number Card and selects 公的個人認証AP.
    ///
    /// # Errors
    /// [`CardError::NotMyNumberCard`], [`CardError::Transport`].
    pub fn connect(transport: T) -> Result<Self, CardError> {
        let mut exchange = Exchange::new(transport);
        match exchange.select(Application::Jpki)? {
            StatusWord::OK => Ok(Self { exchange }),
            status @ StatusWord::APPLICATION_LOCKED => {
                Err(CardError::Unexpected { command: "SELECT", status })
            }
            _ => Err(CardError::NotMyNumberCard),
        }
    }

    /// What can be read without a PIN. Costs no try.
    ///
    /// # Errors
    /// [`CardError`].
    pub fn overview(&mut self) -> Result<Overview, CardError> {
        let token = self.file(jpki::TOKEN_INFO, "token information", 160)?;
        let label = token.first_chunk::<32>().ok_or(CardError::Malformed("token information"))?;
        let label = String::from_utf8_lossy(label).trim_end_matches([' ', '\0']).to_owned();
        let present = self.present()?;
        Ok(Overview {
            label,
            has_authentication: present.of(CertificateKind::UserAuthentication),
            has_signature: present.of(CertificateKind::DigitalSignature),
            authentication_tries: self.tries_or_none(PinReference::Authentication)?,
            signature_tries: self.tries_or_none(PinReference::Signature)?,
        })
    }

    /// The authentication certificate, DER. A phone asks for [`Self::verify`] first.
    ///
    /// # Errors
    /// [`CardError::CertificateAbsent`] and others.
    pub fn authentication_certificate(&mut self) -> Result<Vec<u8>, CardError> {
        self.certificate(jpki::AUTHENTICATION_CERTIFICATE, CertificateKind::UserAuthentication)
    }

    /// The signature certificate, DER. After [`Self::verify`] with [`PinReference::Signature`].
    ///
    /// # Errors
    /// [`CardError::CertificateAbsent`] and others.
    pub fn signature_certificate(&mut self) -> Result<Vec<u8>, CardError> {
        self.certificate(jpki::SIGNATURE_CERTIFICATE, CertificateKind::DigitalSignature)
    }

    /// The certificate of the authority of a kind, DER.
    ///
    /// # Errors
    /// [`CardError`].
    pub fn authority_certificate(&mut self, kind: CertificateKind) -> Result<Vec<u8>, CardError> {
        let file = match kind {
            CertificateKind::UserAuthentication => jpki::AUTHENTICATION_AUTHORITY,
            CertificateKind::DigitalSignature => jpki::SIGNATURE_AUTHORITY,
        };
        self.certificate(file, kind)
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256 over a message whose digest this is, 256 bytes. After [`Self::verify`].
    ///
    /// # Errors
    /// [`CardError`].
    pub fn sign(&mut self, kind: CertificateKind, digest: &[u8; 32]) -> Result<Vec<u8>, CardError> {
        let key = match kind {
            CertificateKind::UserAuthentication => jpki::AUTHENTICATION_KEY,
            CertificateKind::DigitalSignature => jpki::SIGNATURE_KEY,
        };
        self.select_of(kind, key)?;
        // P2 = 80: the selected key.
        self.compute_signature(0x80, digest)
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
        self.verify(PinReference::TextAttributes, pin, last_try)?;
        let file = self.select_and_read(text_attributes::ATTRIBUTES, MAX_FILE_BYTES)?;
        let read = AttributesFile::parse(&file).map_err(|_| CardError::Malformed("attributes"))?;
        Ok(read.attributes)
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
        self.verify(PinReference::TextAttributes, pin, last_try)?;
        let mut object = |file, tag, name| {
            let content = self.select_and_read(file, MAX_FILE_BYTES)?;
            // Filler follows the object.
            let mut reader = Reader::new(&content);
            let object = reader.expect(tag).ok().and_then(|_| content.strip_suffix(reader.rest()));
            object.map(<[u8]>::to_vec).ok_or(CardError::Malformed(name))
        };
        Ok(PresenceKey {
            record: object(text_attributes::KEY_RECORD, 0xFF50, "record of the card's key")?,
            card_certificate: object(text_attributes::CARD_CERTIFICATE, 0x7F21, "card's certificate")?,
        })
    }

    /// Internal authentication (内部認証) by the free key of 券面事項入力補助AP: RSASSA-PKCS1-v1_5 with SHA-256 over a message
    /// whose digest this is. Needs no PIN and proves only that the card is there.
    ///
    /// # Errors
    /// [`CardError::ApplicationAbsent`] on a phone, and others.
    pub fn prove_presence(&mut self, digest: &[u8; 32]) -> Result<Vec<u8>, CardError> {
        self.application(Application::TextAttributes)?;
        // P2 = 00: the application's own key.
        self.compute_signature(0x00, digest)
    }

    fn present(&mut self) -> Result<Present, CardError> {
        // The first two bytes: 8F if there is a certificate (facts §4.2).
        match *self.file(jpki::PRESENT, "list of certificates", 3)? {
            [signature, authentication, _] => {
                Ok(Present { signature: signature != 0, authentication: authentication != 0 })
            }
            _ => Err(CardError::Malformed("list of certificates")),
        }
    }

    /// Selects an application that is a My Number Card's, but not every carrier's.
    fn application(&mut self, application: Application) -> Result<(), CardError> {
        match self.exchange.select(application)? {
            StatusWord::FILE_NOT_FOUND => Err(CardError::ApplicationAbsent),
            status => done("SELECT", status),
        }
    }

    fn compute_signature(&mut self, key: u8, digest: &[u8; 32]) -> Result<Vec<u8>, CardError> {
        let digest_info = [SHA256_DIGEST_INFO.as_slice(), digest].concat();
        let command = CommandApdu::new(0x80, 0x2A, 0x00, key).with_data(&digest_info)?.expecting(SHORT_LE)?;
        let response = self.exchange.send(command)?;
        done("COMPUTE DIGITAL SIGNATURE", response.status)?;
        if response.data.len() == SIGNATURE_BYTES {
            Ok(response.data)
        } else {
            Err(CardError::Malformed("signature"))
        }
    }

    /// Some bytes at the beginning of a file of 公的個人認証AP.
    fn file(&mut self, file: FileId, name: &'static str, len: usize) -> Result<Vec<u8>, CardError> {
        self.application(Application::Jpki)?;
        let content = self.select_and_read(file, len)?;
        if content.len() == len { Ok(content) } else { Err(CardError::Malformed(name)) }
    }

    /// Selects a file of 公的個人認証AP that belongs to one of the certificates.
    fn select_of(&mut self, kind: CertificateKind, file: FileId) -> Result<(), CardError> {
        self.application(Application::Jpki)?;
        match self.exchange.select_file(file)? {
            StatusWord::FILE_NOT_FOUND => Err(CardError::CertificateAbsent(kind)),
            status => done("SELECT", status),
        }
    }

    fn select_and_read(&mut self, file: FileId, len: usize) -> Result<Vec<u8>, CardError> {
        done("SELECT", self.exchange.select_file(file)?)?;
        self.exchange.read(len)
    }

    /// A certificate: its file is as long as its DER says, or longer.
    fn certificate(&mut self, file: FileId, kind: CertificateKind) -> Result<Vec<u8>, CardError> {
        self.select_of(kind, file)?;
        let len = match *self.exchange.read(4)? {
            [0x30, 0x82, high, low] => usize::from(u16::from_be_bytes([high, low])) + 4,
            // A file that was made and never written.
            [] | [0x00 | 0xFF, ..] => return Err(CardError::CertificateAbsent(kind)),
            _ => return Err(CardError::Malformed("certificate")),
        };
        if len > MAX_FILE_BYTES {
            return Err(CardError::Malformed("certificate"));
        }
        let der = self.exchange.read(len)?;
        if der.len() == len { Ok(der) } else { Err(CardError::Malformed("certificate")) }
    }
}
