//! What is where on the card (facts §4.1, §4.2, §4.5 to §4.7): applications, elementary files, PINs. Shared by the
//! client and by the virtual card.

/// An application of the card (カードAP).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Application {
    /// 公的個人認証AP: the certificates and their keys.
    Jpki,
    /// 券面事項入力補助AP: the attributes as text.
    TextAttributes,
    /// 券面事項確認AP: what is printed on the card's face, as pictures.
    CardSurface,
    /// 住基AP.
    ResidentRegister,
    /// 共通カードAP (個人番号カード固有AP).
    CardCommon,
    /// The GlobalPlatform issuer security domain, which is selected when the power comes on.
    IssuerSecurityDomain,
}

impl Application {
    /// All, in the order in which a partial identifier is looked up.
    pub const ALL: [Self; 6] = [
        Self::Jpki,
        Self::TextAttributes,
        Self::CardSurface,
        Self::ResidentRegister,
        Self::CardCommon,
        Self::IssuerSecurityDomain,
    ];

    /// The application identifier (AID, ISO 7816-4 12.2.3).
    #[must_use]
    pub fn aid(self) -> &'static [u8] {
        match self {
            Self::Jpki => &[0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01],
            Self::TextAttributes => &[0xD3, 0x92, 0x10, 0x00, 0x31, 0x00, 0x01, 0x01, 0x04, 0x08],
            Self::CardSurface => &[0xD3, 0x92, 0x10, 0x00, 0x31, 0x00, 0x01, 0x01, 0x04, 0x02],
            Self::ResidentRegister => &[0xD3, 0x92, 0x10, 0x00, 0x31, 0x00, 0x01, 0x01, 0x04, 0x01],
            Self::CardCommon => &[0xD3, 0x92, 0x10, 0x00, 0x31, 0x00, 0x01, 0x01, 0x01, 0x00],
            Self::IssuerSecurityDomain => &[0xA0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00],
        }
    }
}

/// Identifier of an elementary file (EF). Its short identifier (SFI) is the low five bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u16);

impl FileId {
    /// Identifier as the two bytes of SELECT.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 2] {
        self.0.to_be_bytes()
    }

    /// `80 | SFI`: how P1 or P2 names the file without selecting it.
    #[must_use]
    pub fn short(self) -> u8 {
        0x80 | (self.to_bytes()[1] & 0x1F)
    }
}

/// Files of 公的個人認証AP (facts §4.2).
pub mod jpki {
    use super::FileId;

    /// 署名用電子証明書, DER; opened by the signing password.
    pub const SIGNATURE_CERTIFICATE: FileId = FileId(0x0001);
    /// Certificate of its authority, DER.
    pub const SIGNATURE_AUTHORITY: FileId = FileId(0x0002);
    /// Token information, 160 bytes (PKCS#11 `CK_TOKEN_INFO`, numbers big-endian).
    pub const TOKEN_INFO: FileId = FileId(0x0006);
    /// Which certificates are there: signature, authentication, unknown.
    pub const PRESENT: FileId = FileId(0x0008);
    /// Of unknown use, never readable.
    pub const UNKNOWN: FileId = FileId(0x0009);
    /// 利用者証明用電子証明書, DER; free on the plastic card.
    pub const AUTHENTICATION_CERTIFICATE: FileId = FileId(0x000A);
    /// Certificate of its authority, DER.
    pub const AUTHENTICATION_AUTHORITY: FileId = FileId(0x000B);
    /// An internal key file of unknown use.
    pub const INTERNAL_KEY: FileId = FileId(0x0010);
    /// Reference to the terminal authority's key.
    pub const TERMINAL_KEY: FileId = FileId(0x0016);
    /// 利用者証明用 private key.
    pub const AUTHENTICATION_KEY: FileId = FileId(0x0017);
    /// 利用者証明用 PIN.
    pub const AUTHENTICATION_PIN: FileId = FileId(0x0018);
    /// 署名用 private key.
    pub const SIGNATURE_KEY: FileId = FileId(0x001A);
    /// 署名用 password.
    pub const SIGNATURE_PASSWORD: FileId = FileId(0x001B);
}

/// Files of 券面事項入力補助AP (facts §4.5). File 0001, the My Number, has no name here: nothing of ours reads it.
pub mod text_attributes {
    use super::FileId;

    /// Name, address, date of birth, sex.
    pub const ATTRIBUTES: FileId = FileId(0x0002);
    /// Digests of the files before, signed.
    pub const INTEGRITY: FileId = FileId(0x0003);
    /// Card-verifiable certificate of the signer.
    pub const CARD_CERTIFICATE: FileId = FileId(0x0004);
    /// Version and key identifier.
    pub const BASIC: FileId = FileId(0x0005);
    /// Public key of the delivery of session keys.
    pub const SESSION_PUBLIC_KEY: FileId = FileId(0x0006);
    /// Public half of [`INTERNAL_KEY`], signed by the issuer.
    pub const KEY_RECORD: FileId = FileId(0x0007);
    /// 16 bytes of FF.
    pub const FILLER: FileId = FileId(0x0008);
    /// PIN of four digits.
    pub const PIN: FileId = FileId(0x0011);
    /// A reference that is blocked from the beginning.
    pub const BLOCKED: FileId = FileId(0x0012);
    /// Private key of this application; signs for anyone (内部認証).
    pub const INTERNAL_KEY: FileId = FileId(0x0013);
    /// 照合番号A.
    pub const NUMBER_A: FileId = FileId(0x0014);
    /// 照合番号B, 14 digits.
    pub const NUMBER_B: FileId = FileId(0x0015);
    /// Private half of [`SESSION_PUBLIC_KEY`]. Which file holds it is unknown; this identifier is reserved (ISO 7816-4 7.4.1), so
    /// that no command can name it.
    pub const SESSION_PRIVATE_KEY: FileId = FileId(0xFFFF);
}

/// Files of 券面事項確認AP (facts §4.6). File 0005, the picture of the My Number, has no name here.
pub mod card_surface {
    use super::FileId;

    /// Date of birth alone, signed.
    pub const AGE: FileId = FileId(0x0001);
    /// Face of the card: pictures, signed.
    pub const FACE: FileId = FileId(0x0002);
    /// Version, key identifier, municipality.
    pub const BASIC: FileId = FileId(0x0003);
    /// Card-verifiable certificate of the signer.
    pub const CARD_CERTIFICATE: FileId = FileId(0x0004);
    /// Key that opens [`AGE`]: date of birth, `YYMMDD` with the year of the era.
    pub const BIRTH_DATE: FileId = FileId(0x0011);
    /// Key that opens [`FACE`]: 照合番号B.
    pub const NUMBER_B: FileId = FileId(0x0012);
    /// 照合番号A.
    pub const NUMBER_A: FileId = FileId(0x0013);
    /// Private key of this application; signs for anyone.
    pub const INTERNAL_KEY: FileId = FileId(0x001A);
}

/// Files of 共通カードAP (facts §4.7).
pub mod card_common {
    use super::FileId;

    /// One record: serial number of the card, municipality, expiry.
    pub const CARD_NUMBER: FileId = FileId(0x0001);
    /// Key of INTERNAL AUTHENTICATE.
    pub const INTERNAL_KEY: FileId = FileId(0x0019);
    /// PIN.
    pub const PIN: FileId = FileId(0x001C);
}

/// Files of 住基AP (facts §4.7).
pub mod resident_register {
    use super::FileId;

    /// Key reference, 16 bytes.
    pub const KEY_REFERENCE: FileId = FileId(0x0002);
    /// PIN.
    pub const PIN: FileId = FileId(0x001C);
}

/// A PIN, password or number that the card compares (暗証番号, 照合番号).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PinReference {
    /// 利用者証明用: 4 digits, 3 tries.
    Authentication,
    /// 署名用 password: 6 to 16 of `A-Z0-9`, 5 tries.
    Signature,
    /// 券面事項入力補助用: 4 digits, 3 tries.
    TextAttributes,
    /// 照合番号A of 券面事項入力補助AP: the My Number, 10 tries.
    TextNumberA,
    /// 照合番号B of 券面事項入力補助AP: 14 digits, 10 tries.
    TextNumberB,
    /// The reference of 券面事項入力補助AP that is blocked from the beginning.
    TextBlocked,
    /// Date of birth of 券面事項確認AP, 6 digits, 10 tries.
    SurfaceBirthDate,
    /// 照合番号B of 券面事項確認AP, 10 tries.
    SurfaceNumberB,
    /// 照合番号A of 券面事項確認AP, 10 tries.
    SurfaceNumberA,
    /// 住民基本台帳用, in 共通カードAP: 4 digits, 3 tries.
    CardCommon,
    /// 住民基本台帳用, in 住基AP: 4 digits, 3 tries.
    ResidentRegister,
}

impl PinReference {
    /// All.
    pub const ALL: [Self; 11] = [
        Self::Authentication,
        Self::Signature,
        Self::TextAttributes,
        Self::TextNumberA,
        Self::TextNumberB,
        Self::TextBlocked,
        Self::SurfaceBirthDate,
        Self::SurfaceNumberB,
        Self::SurfaceNumberA,
        Self::CardCommon,
        Self::ResidentRegister,
    ];

    /// A name for storage and logs; never changes.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Authentication => "authentication",
            Self::Signature => "signature",
            Self::TextAttributes => "text_attributes",
            Self::TextNumberA => "text_number_a",
            Self::TextNumberB => "text_number_b",
            Self::TextBlocked => "text_blocked",
            Self::SurfaceBirthDate => "surface_birth_date",
            Self::SurfaceNumberB => "surface_number_b",
            Self::SurfaceNumberA => "surface_number_a",
            Self::CardCommon => "card_common",
            Self::ResidentRegister => "resident_register",
        }
    }

    /// The tries that a card allows before it blocks.
    #[must_use]
    pub fn max_tries(self) -> u8 {
        match self {
            Self::Authentication | Self::TextAttributes | Self::CardCommon | Self::ResidentRegister => 3,
            Self::Signature => 5,
            Self::TextBlocked => 0,
            Self::TextNumberA
            | Self::TextNumberB
            | Self::SurfaceBirthDate
            | Self::SurfaceNumberB
            | Self::SurfaceNumberA => 10,
        }
    }

    /// Whether `text` has the form of such a PIN, so that presenting it is worth a try.
    #[must_use]
    pub fn has_form(self, text: &str) -> bool {
        let digits = |count| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
        match self {
            Self::Authentication | Self::TextAttributes | Self::CardCommon | Self::ResidentRegister => {
                digits(4)
            }
            Self::Signature => {
                (6..=16).contains(&text.len())
                    && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
            }
            Self::TextNumberA | Self::SurfaceNumberA => digits(12),
            Self::TextNumberB | Self::SurfaceNumberB => digits(14),
            Self::SurfaceBirthDate => digits(6),
            Self::TextBlocked => false,
        }
    }
}

/// What stands before a SHA-256 digest in its `DigestInfo`, which the card's keys sign (RFC 8017 9.2, note 1).
pub(crate) const SHA256_DIGEST_INFO: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
    0x04, 0x20,
];

/// Which of the card's two certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CertificateKind {
    /// 利用者証明用電子証明書.
    UserAuthentication,
    /// 署名用電子証明書.
    DigitalSignature,
}

impl CertificateKind {
    /// The PIN that opens its key.
    #[must_use]
    pub fn pin(self) -> PinReference {
        match self {
            Self::UserAuthentication => PinReference::Authentication,
            Self::DigitalSignature => PinReference::Signature,
        }
    }
}
