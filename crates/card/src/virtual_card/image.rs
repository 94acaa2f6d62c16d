//! What the issuer wrote on a card, as data.

use std::fmt;
use std::sync::Arc;

use musubi_crypto::CardKey;

use crate::layout::{Application, FileId, PinReference};

/// Which carrier of the certificates is imitated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Profile {
    /// The plastic card.
    #[default]
    Plastic,
    /// The token of an Android phone (スマホ用電子証明書搭載サービス): only 公的個人認証AP, and the authentication
    /// certificate is opened by its PIN.
    AndroidToken,
}

/// A card as it was issued. `Debug` leaves out the issuer's data objects, of which one is the card's number.
#[derive(Clone)]
pub struct Image {
    /// What it is.
    pub profile: Profile,
    /// Its applications. One that is not here answers `6A82` to SELECT.
    pub applications: Vec<ApplicationImage>,
    /// Data objects of the issuer security domain, by tag, for GET DATA.
    pub issuer_data: Vec<(u16, Vec<u8>)>,
}

/// An application with its files, in the order of their identifiers.
#[derive(Debug, Clone)]
pub struct ApplicationImage {
    /// Which.
    pub application: Application,
    /// Its files.
    pub files: Vec<File>,
    /// The key that `80 2A` uses with P2 = 00; 券面 applications have one.
    pub default_key: Option<FileId>,
}

/// An elementary file.
#[derive(Debug, Clone)]
pub struct File {
    /// Identifier.
    pub id: FileId,
    /// What it is.
    pub content: Content,
    /// Who may read it, or use its key. For a PIN: always may be presented.
    pub access: Access,
}

/// Content of a file. `Debug` says what it is and how long, not what it says: it may be a person's.
#[derive(Clone)]
pub enum Content {
    /// Bytes, for READ BINARY.
    Transparent(Vec<u8>),
    /// Records from number 1, for READ RECORD.
    Records(Vec<Vec<u8>>),
    /// A private key for COMPUTE DIGITAL SIGNATURE.
    SigningKey(Arc<CardKey>),
    /// A private key for INTERNAL AUTHENTICATE.
    AuthenticationKey(Arc<CardKey>),
    /// A private key that takes session keys of secure messaging (`80 AE`).
    SessionKey(Arc<CardKey>),
    /// A PIN or another reference that is compared.
    Pin(PinReference),
    /// Exists, and no command reads or uses it.
    Opaque,
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transparent(bytes) => write!(f, "Transparent({} bytes)", bytes.len()),
            Self::Records(records) => write!(f, "Records({})", records.len()),
            Self::SigningKey(_) => f.write_str("SigningKey"),
            Self::AuthenticationKey(_) => f.write_str("AuthenticationKey"),
            Self::SessionKey(_) => f.write_str("SessionKey"),
            Self::Pin(pin) => write!(f, "Pin({})", pin.as_str()),
            Self::Opaque => f.write_str("Opaque"),
        }
    }
}

/// Who may read a file or use a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anyone.
    Free,
    /// Whoever has verified one of these since the application was selected.
    AfterAny(&'static [PinReference]),
    /// Nobody.
    Never,
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (profile, applications) = (&self.profile, &self.applications);
        f.debug_struct("Image")
            .field("profile", profile)
            .field("applications", applications)
            .finish_non_exhaustive()
    }
}

impl Image {
    /// An application of this card.
    #[must_use]
    pub fn application(&self, application: Application) -> Option<&ApplicationImage> {
        self.applications.iter().find(|image| image.application == application)
    }
}

impl ApplicationImage {
    /// A file of this application.
    #[must_use]
    pub fn file(&self, id: FileId) -> Option<&File> {
        self.files.iter().find(|file| file.id == id)
    }
}
