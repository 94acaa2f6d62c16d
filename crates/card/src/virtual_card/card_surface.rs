//! 券面事項確認AP as it is issued (facts §4.6). Holds the picture of the My Number, since middleware expects it.

use std::sync::Arc;

use musubi_crypto::CardKey;

use super::image::{Access, ApplicationImage, Content, File};
use crate::layout::{Application, FileId, PinReference, card_surface as files};
use crate::records::public_key::CardPublicKey;
use crate::records::surface::{Face, age_file, basic_file, face_file, number_picture_file};
use crate::records::{Issuer, KeyId, RecordError};

/// The file of the picture of the My Number. Only the issuer of virtual cards knows it by name.
const NUMBER_PICTURE: FileId = FileId(0x0005);

/// What the issuer writes.
#[derive(Debug)]
pub struct SurfaceContents<'a> {
    /// What the face shows.
    pub face: Face<'a>,
    /// Picture of the My Number, PNG of one bit per pixel.
    pub number_png: &'a [u8],
    /// Code of the municipality, five digits.
    pub municipality: &'a str,
    /// Who signs.
    pub issuer: Issuer<'a>,
    /// Key identifier of EF 0003.
    pub key_id: KeyId,
    /// The free key.
    pub internal_key: Arc<CardKey>,
}

/// The application of a card. The numbers that open it are the card's [`Memory`](super::Memory).
///
/// # Errors
/// [`RecordError`] if a value or a key does not have its form.
pub fn application(contents: &SurfaceContents<'_>) -> Result<ApplicationImage, RecordError> {
    let key = CardPublicKey::new(&contents.internal_key.modulus(), &contents.internal_key.exponent())?;
    let age = age_file(contents.face.date_of_birth, &key, contents.issuer)?;
    let face = face_file(&contents.face, &key, contents.issuer)?;
    let basic = basic_file(&contents.key_id, contents.municipality, &contents.key_id, &[0; 256])?;
    let number = number_picture_file(contents.number_png, &key, contents.issuer)?;
    let bytes = |id, bytes, access| File { id, content: Content::Transparent(bytes), access };
    let pin = |id, reference| File { id, content: Content::Pin(reference), access: Access::Free };
    let files = vec![
        bytes(files::AGE, age, Access::AfterAny(&[PinReference::SurfaceBirthDate])),
        bytes(
            files::FACE,
            face,
            Access::AfterAny(&[PinReference::SurfaceNumberB, PinReference::SurfaceNumberA]),
        ),
        bytes(files::BASIC, basic, Access::Free),
        bytes(files::CARD_CERTIFICATE, contents.issuer.certificate.to_vec(), Access::Free),
        bytes(NUMBER_PICTURE, number, Access::AfterAny(&[PinReference::SurfaceNumberA])),
        pin(files::BIRTH_DATE, PinReference::SurfaceBirthDate),
        pin(files::NUMBER_B, PinReference::SurfaceNumberB),
        pin(files::NUMBER_A, PinReference::SurfaceNumberA),
        File {
            id: files::INTERNAL_KEY,
            content: Content::SigningKey(Arc::clone(&contents.internal_key)),
            access: Access::Free,
        },
    ];
    Ok(ApplicationImage {
        application: Application::CardSurface,
        files,
        default_key: Some(files::INTERNAL_KEY),
    })
}
