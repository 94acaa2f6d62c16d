//! 券面事項入力補助AP as it is issued (facts §4.5). Holds the file of the My Number, since middleware expects it.

use std::sync::Arc;

use musubi_crypto::CardKey;
use musubi_kernel::Secret;

use super::image::{Access, ApplicationImage, Content, File};
use crate::client::Attributes;
use crate::layout::{Application, FileId, PinReference, text_attributes as files};
use crate::records::individual_number::number_file;
use crate::records::public_key::{CardPublicKey, key_record_file, session_key_file};
use crate::records::text::{attributes_file, basic_file, integrity_file};
use crate::records::{Issuer, KeyId, RecordError};

/// The file of the My Number. Only the issuer of virtual cards knows it by name.
const NUMBER: FileId = FileId(0x0001);

/// What the issuer writes.
#[derive(Debug)]
pub struct TextContents<'a> {
    /// Twelve digits with a correct check digit.
    pub number: &'a Secret<String>,
    /// The four attributes.
    pub attributes: &'a Attributes,
    /// Who signs.
    pub issuer: Issuer<'a>,
    /// Key identifier of EF 0005.
    pub key_id: KeyId,
    /// The free key.
    pub internal_key: Arc<CardKey>,
    /// The key that takes session keys of secure messaging.
    pub session_key: Arc<CardKey>,
}

/// The application of a card. The PINs are the card's [`Memory`](super::Memory).
///
/// # Errors
/// [`RecordError`] if a value or a key does not have its form.
pub fn application(contents: &TextContents<'_>) -> Result<ApplicationImage, RecordError> {
    let public = |key: &CardKey| CardPublicKey::new(&key.modulus(), &key.exponent());
    let number = number_file(contents.number)?;
    let attributes = attributes_file(contents.attributes)?;
    let integrity = integrity_file(&number, &attributes, contents.issuer)?;
    let internal = public(&contents.internal_key)?;
    let key_record = key_record_file(&internal, contents.issuer)?;
    let session = session_key_file(&public(&contents.session_key)?)?;
    let after_number_a = Access::AfterAny(&[PinReference::TextAttributes, PinReference::TextNumberA]);
    let after_number_b = Access::AfterAny(&[PinReference::TextAttributes, PinReference::TextNumberB]);
    let after_any = Access::AfterAny(&[
        PinReference::TextAttributes,
        PinReference::TextNumberA,
        PinReference::TextNumberB,
    ]);
    let bytes = |id, bytes, access| File { id, content: Content::Transparent(bytes), access };
    let pin = |id, reference| File { id, content: Content::Pin(reference), access: Access::Free };
    let files = vec![
        bytes(NUMBER, number, after_number_a),
        bytes(files::ATTRIBUTES, attributes, after_number_b),
        bytes(files::INTEGRITY, integrity, after_any),
        bytes(files::CARD_CERTIFICATE, contents.issuer.certificate.to_vec(), Access::Free),
        bytes(files::BASIC, basic_file(&contents.key_id, &[0; 32])?, Access::Free),
        bytes(files::SESSION_PUBLIC_KEY, session, after_any),
        bytes(files::KEY_RECORD, key_record, after_any),
        bytes(files::FILLER, vec![0xFF; 16], Access::Free),
        pin(files::PIN, PinReference::TextAttributes),
        pin(files::BLOCKED, PinReference::TextBlocked),
        File {
            id: files::INTERNAL_KEY,
            content: Content::SigningKey(Arc::clone(&contents.internal_key)),
            access: Access::Free,
        },
        pin(files::NUMBER_A, PinReference::TextNumberA),
        pin(files::NUMBER_B, PinReference::TextNumberB),
        File {
            id: files::SESSION_PRIVATE_KEY,
            content: Content::SessionKey(Arc::clone(&contents.session_key)),
            access: after_any,
        },
    ];
    Ok(ApplicationImage {
        application: Application::TextAttributes,
        files,
        default_key: Some(files::INTERNAL_KEY),
    })
}
