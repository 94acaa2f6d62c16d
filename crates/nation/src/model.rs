//! What the nation shows of itself: residents, cards, certificates, dials. Read-only pictures; what changes
//! them are [`crate::LifeEvent`]s and the card's own counters.

use musubi_kernel::UnixTime;
use musubi_pki::{AuthorityKind, BasicAttributes, DateOfBirth, RevocationReason, SerialNumber, Sex};

use crate::Municipality;

/// The PINs of 4 digits of every card of the nation: user-authentication certificate, attributes, resident register. They
/// are separate PINs with a counter each; most people choose one number for all.
pub const DEMO_PIN: &str = "1234";
/// The signing password (6 to 16 of `A-Z0-9`) of every card of the nation.
pub const DEMO_PASSWORD: &str = "MUSUBI1";
/// Wrong PINs until the card is blocked (facts §4.2).
pub const PIN_TRIES: u8 = 3;
/// Wrong signing passwords until the card is blocked (facts §4.2).
pub const PASSWORD_TRIES: u8 = 5;

/// A text for people, in both languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text {
    /// Japanese.
    pub ja: &'static str,
    /// English.
    pub en: &'static str,
}

/// A resident's stable, readable name in the demonstration (`kiyose-mikiya`); 1 to 40 of `a-z0-9-`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ResidentId(String);

/// A text that names no resident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a resident's identifier: 1 to 40 of a-z, 0-9 and hyphen")]
pub struct ResidentIdError;

impl ResidentId {
    /// The identifier's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for ResidentId {
    type Err = ResidentIdError;

    fn from_str(text: &str) -> Result<Self, ResidentIdError> {
        let known = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if (1..=40).contains(&text.len()) && text.bytes().all(known) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ResidentIdError)
        }
    }
}

impl TryFrom<String> for ResidentId {
    type Error = ResidentIdError;

    fn try_from(text: String) -> Result<Self, ResidentIdError> {
        text.parse()
    }
}

impl From<ResidentId> for String {
    fn from(id: ResidentId) -> Self {
        id.0
    }
}

impl std::fmt::Display for ResidentId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A resident as the register has them, with their card.
#[derive(Clone)]
pub struct Resident {
    /// Stable identifier.
    pub id: ResidentId,
    /// 氏名 in the register, also with characters that a certificate cannot carry.
    pub name: String,
    /// フリガナ; empty after a change of name, whose reading nobody asked for.
    pub kana: String,
    /// 住所 in the register, from the prefecture on.
    pub address: String,
    /// 生年月日.
    pub date_of_birth: DateOfBirth,
    /// 性別.
    pub sex: Sex,
    /// Where they live.
    pub municipality: &'static Municipality,
    /// Since when they are dead or abroad for good.
    pub left_at: Option<UnixTime>,
    /// Why this resident is interesting.
    pub note: Text,
    /// Their card.
    pub card: CardView,
}

impl std::fmt::Debug for Resident {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Resident({})", self.id)
    }
}

/// What a card carries.
#[derive(Debug, Clone)]
pub struct CardView {
    /// 署名用電子証明書; absent for a resident under 15.
    pub signature: Option<CertView>,
    /// 利用者証明用電子証明書.
    pub authentication: Option<CertView>,
    /// Tries left for the PIN; 0 = blocked.
    pub pin_tries: u8,
    /// Tries left for the signing password; 0 = blocked.
    pub password_tries: u8,
}

/// A certificate on a card.
#[derive(Debug, Clone)]
pub struct CertView {
    /// The authority that the certificate names.
    pub authority: AuthorityKind,
    /// Its serial number. Never show it to a relying party.
    pub serial: SerialNumber,
    /// Start of validity.
    pub not_before: UnixTime,
    /// End of validity.
    pub not_after: UnixTime,
    /// Its state at the nation's present time. A forged certificate shows what its dates say.
    pub state: CertState,
}

/// The state of a certificate. Revocation outweighs expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertState {
    /// In its validity period and not revoked.
    Good,
    /// Revoked; a hold counts, since it is never released.
    Revoked {
        /// Why.
        reason: RevocationReason,
        /// Since when.
        at: UnixTime,
    },
    /// Past its end.
    Expired,
    /// Before its start.
    NotYetValid,
}

/// What the holder asks of the card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CardOperation {
    /// Sign with the user-authentication key; PIN of 4 digits.
    Authenticate,
    /// Sign with the digital-signature key; signing password.
    Sign,
    /// Read the four attributes (券面事項入力補助AP); PIN of 4 digits. Nothing is signed.
    ReadAttributes,
}

/// What the card answers.
#[derive(Clone)]
pub enum CardAnswer {
    /// A signature: RSASSA-PKCS1-v1_5 with SHA-256 over the message.
    Signed {
        /// The certificate, DER.
        certificate: Vec<u8>,
        /// The signature, 256 bytes.
        signature: Vec<u8>,
    },
    /// The attributes as the card has them: with substitute characters where its repertoire ends.
    Attributes(BasicAttributes),
}

impl std::fmt::Debug for CardAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Signed { .. } => "Signed(…)",
            Self::Attributes(_) => "Attributes(…)",
        })
    }
}

/// Why the card does not answer.
#[derive(Debug, thiserror::Error)]
pub enum CardRefusal {
    /// The PIN or password is wrong. The last wrong one is [`CardRefusal::Blocked`] already.
    #[error("wrong PIN or password")]
    WrongPin {
        /// Tries that are left.
        tries_left: u8,
    },
    /// No tries are left: the municipality can unblock the card.
    #[error("the PIN or password is blocked")]
    Blocked,
    /// The card has no such certificate. No try is used.
    #[error("the card carries no such certificate")]
    CertificateAbsent,
    /// What was given cannot be such a PIN or password. No try is used.
    #[error("this cannot be such a PIN or password")]
    PinForm,
    /// There is no such resident.
    #[error("no such card")]
    Unknown,
    /// The card could not do its work.
    #[error(transparent)]
    Failed(#[from] crate::NationError),
}

/// What happens to a resident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LifeEvent {
    /// 転入・転居: the signing certificate lapses (affiliationChanged) and a new one is issued; the
    /// user-authentication certificate stays.
    Move {
        /// Five-digit code of the municipality.
        municipality: String,
        /// The address, with or without the municipality's name in front; up to 200 characters.
        address: String,
    },
    /// 改姓・改名: as a move.
    Rename {
        /// The new name; up to 100 characters.
        name: String,
    },
    /// 紛失の届出: all certificates are held (certificateHold), for good.
    ReportLoss,
    /// 盗難・暗証番号の漏えい: all certificates are revoked (keyCompromise).
    ReportTheft,
    /// 更新・再交付: what is good is superseded, new certificates are issued, the PINs are set anew. After a report of
    /// loss or theft on a new card with keys of its own, else on the same one.
    Renew,
    /// 死亡・国外転出: all certificates are revoked (cessationOfOperation); nothing further can happen.
    LeaveOrDie,
}

/// Why a life event did not happen. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum LifeError {
    /// There is no such resident.
    #[error("no such resident")]
    UnknownResident,
    /// There is no such municipality in the nation.
    #[error("no such municipality")]
    UnknownMunicipality,
    /// The resident is dead or has left.
    #[error("the resident has left the register")]
    Left,
    /// A name or address that is empty, too long or holds control characters.
    #[error("the text is empty, too long or not printable")]
    Unprintable,
    /// There is no certificate that could be revoked.
    #[error("the resident has no certificate that is good")]
    NothingToRevoke,
    /// A certificate that is revoked stays so.
    #[error("the certificate is already revoked")]
    AlreadyRevoked,
    /// The reason does not exist for this authority: affiliationChanged is for signing certificates only.
    #[error("this authority does not revoke for this reason")]
    NotForThisAuthority,
    /// The card is a forgery: no municipality knows it.
    #[error("no municipality issued this card")]
    Forged,
    /// The nation could not do its work.
    #[error(transparent)]
    Nation(#[from] crate::NationError),
}

/// Disturbances that a visitor can switch on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Dials {
    /// Every upstream and OCSP route answers 503 with an empty body.
    pub authority_unreachable: bool,
    /// No new revocation lists appear; what is served grows old. OCSP goes on.
    pub publication_stopped: bool,
}

/// The nation could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum NationError {
    /// The database.
    #[error(transparent)]
    Store(#[from] musubi_store::StoreError),
    /// A derived key does not sign: a fault of this program.
    #[error(transparent)]
    Sign(#[from] musubi_crypto::SignError),
    /// A file of a card cannot be written: a fault of this program.
    #[error(transparent)]
    Record(#[from] musubi_card::records::RecordError),
    /// A virtual card did what no card does: a fault of this program.
    #[error("the virtual card failed: {0}")]
    Card(musubi_card::client::CardError),
    /// A date that cannot be computed.
    #[error(transparent)]
    Time(#[from] musubi_kernel::TimeError),
    /// The database belongs to a nation of another seed.
    #[error("the database holds a nation of another seed")]
    OtherSeed,
    /// The clock moves forwards only, and not past the end of the newest authority.
    #[error("the nation's clock moves forwards only, and not past the end of its newest authority")]
    Clock,
    /// Serial numbers of an authority are used up, or a database value is not one of this version.
    #[error("the register is inconsistent: {0}")]
    Register(&'static str),
}
