//! 公的個人認証AP as it is issued (facts §4.2). A certificate that was not issued, for instance for signatures under 15:
//! EF 0008 says so, its file is there and empty, the file of its key is there without a key. That is our own choice; the
//! real card's is not known.

use std::sync::Arc;

use musubi_crypto::CardKey;

use super::image::{Access, ApplicationImage, Content, File, Profile};
use crate::layout::{Application, CertificateKind, FileId, PinReference, jpki};

/// What the issuer writes.
#[derive(Debug, Clone)]
pub struct JpkiContents {
    /// 利用者証明用; `None` if it was not issued.
    pub authentication: Option<CertifiedKey>,
    /// 署名用; `None` if it was not issued.
    pub signature: Option<CertifiedKey>,
    /// Certificate of the authority for 利用者証明用, DER.
    pub authentication_authority: Vec<u8>,
    /// Certificate of the authority for 署名用, DER.
    pub signature_authority: Vec<u8>,
}

/// A private key with its certificate.
#[derive(Debug, Clone)]
pub struct CertifiedKey {
    /// DER.
    pub certificate: Vec<u8>,
    /// RSA, 2048 bits on the real card.
    pub key: Arc<CardKey>,
}

/// A byte of EF 0008 for a certificate that is there.
const PRESENT: u8 = 0x8F;

/// The application of a card, or of a phone.
#[must_use]
pub fn application(contents: &JpkiContents, profile: Profile) -> ApplicationImage {
    let authentication = contents.authentication.as_ref();
    let signature = contents.signature.as_ref();
    let certificate = |of: Option<&CertifiedKey>| of.map_or_else(Vec::new, |of| of.certificate.clone());
    let present = |of: Option<&CertifiedKey>| if of.is_some() { PRESENT } else { 0 };
    let after_authentication = Access::AfterAny(&[PinReference::Authentication]);
    let authentication_access = match profile {
        Profile::Plastic => Access::Free,
        Profile::AndroidToken => after_authentication,
    };
    let after_signature = Access::AfterAny(&[PinReference::Signature]);
    let bytes = |id, bytes, access| File { id, content: Content::Transparent(bytes), access };
    let opaque = |id| File { id, content: Content::Opaque, access: Access::Never };
    let pin = |id, of: CertificateKind| File { id, content: Content::Pin(of.pin()), access: Access::Free };
    let files = vec![
        bytes(jpki::SIGNATURE_CERTIFICATE, certificate(signature), after_signature),
        bytes(jpki::SIGNATURE_AUTHORITY, contents.signature_authority.clone(), Access::Free),
        bytes(jpki::TOKEN_INFO, token_info(profile), Access::Free),
        bytes(jpki::PRESENT, vec![present(signature), present(authentication), 0], Access::Free),
        opaque(jpki::UNKNOWN),
        bytes(jpki::AUTHENTICATION_CERTIFICATE, certificate(authentication), authentication_access),
        bytes(jpki::AUTHENTICATION_AUTHORITY, contents.authentication_authority.clone(), Access::Free),
        opaque(jpki::INTERNAL_KEY),
        opaque(jpki::TERMINAL_KEY),
        key(jpki::AUTHENTICATION_KEY, authentication, after_authentication),
        pin(jpki::AUTHENTICATION_PIN, CertificateKind::UserAuthentication),
        key(jpki::SIGNATURE_KEY, signature, after_signature),
        pin(jpki::SIGNATURE_PASSWORD, CertificateKind::DigitalSignature),
    ];
    ApplicationImage { application: Application::Jpki, files, default_key: None }
}

fn key(id: FileId, of: Option<&CertifiedKey>, access: Access) -> File {
    match of {
        Some(of) => File { id, content: Content::SigningKey(Arc::clone(&of.key)), access },
        None => File { id, content: Content::Opaque, access: Access::Never },
    }
}

/// EF 0006: `CK_TOKEN_INFO` of PKCS #11, numbers big-endian.
fn token_info(profile: Profile) -> Vec<u8> {
    let label = match profile {
        Profile::Plastic => "JPKIAPICCTOKEN2",
        Profile::AndroidToken => "JPKIAPGPSETOKEN",
    };
    let mut info = format!("{label:<32}{:032}{:<16}{:016}", 1, "E16R01NJ", 20_500_003).into_bytes();
    // Flags: random numbers, log-in required, PIN and token initialised. Then sessions and lengths of PINs.
    for number in [0x0000_040D_u32, 1, 0, 1, 0, 16, 6] {
        info.extend(number.to_be_bytes());
    }
    info.extend([0xFF; 16]);
    info.extend(b"0301");
    info.extend([b'9'; 16]);
    info
}
